//! `auth`: a person allows the program, once, in a browser.
//!
//! - `listener`: where the browser comes back; `page`: what it shows then
//! - `terminal`: what the person reads, and may paste
//! - `welcome`: for whom it is authorized, and what lacks

mod listener;
mod page;
mod terminal;
#[cfg(test)]
mod tests;
mod welcome;

use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use self::listener::{Listener, Visit};
use self::page::Page;
use self::terminal::say;
use super::setup;
use super::signals::{Hangup, attend};
use crate::chain::chain;
use crate::cli::{AuthService, Global};
use crate::config::{RedirectUri, Settings, is_loopback};
use crate::logging;
use crate::oauth::{AccessToken, AuthorizationCode, AuthorizeError, Consent, ConsentError, Issuer, Tokens};
use crate::report::Failure;

/// How long the browser is waited for: a code lives no longer (Zoom, "Using OAuth 2.0").
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How long the right answer is waited for after a wrong one, of a tab of an earlier run that has loaded itself again, say.
const LAST_CHANCE: Duration = Duration::from_secs(10);
/// How long the last page may take to be sent.
const FAREWELL: Duration = Duration::from_secs(1);

/// Authorizes the program with Zoom or with Google.
pub(super) fn auth(global: &Global, service: AuthService) -> Result<(), Failure> {
    let (loaded, _) = setup::settings(global)?;
    let settings = loaded.settings;
    let (issuer, paste) = match service {
        AuthService::Zoom { paste } => (Issuer::Zoom, paste),
        AuthService::Youtube { paste } => (Issuer::Google, paste),
    };
    let token_file = match issuer {
        Issuer::Zoom => &settings.zoom.token_file,
        Issuer::Google => &settings.youtube.token_file,
    };
    let command = format!("auth {}{}", issuer.section(), if paste { " --paste" } else { "" });
    setup::token_folder(&settings, token_file, &command, loaded.file.as_deref())?;
    let _log = logging::start_without_file(&settings.log, Some(global.log_level.as_deref().unwrap_or("warn")))?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    match issuer {
        Issuer::Zoom => {
            let zoom = setup::zoom(&settings)?;
            let question = Question::of_zoom(&settings, zoom.tokens(), paste);
            question.put(async |token, stop| welcome::zoom(&settings, &zoom, &token, stop).await)
        }
        Issuer::Google => {
            let youtube = setup::youtube(&settings)?;
            let question = Question::of_youtube(&settings, youtube.tokens(), paste)?;
            question.put(async |_, stop| welcome::youtube(&settings, &youtube, stop).await)
        }
    }
}

/// What a person is asked.
struct Question<'a> {
    issuer: Issuer,
    client_id: &'a str,
    redirect_uri: &'a RedirectUri,
    /// The page that asks.
    authorize_url: Url,
    token_file: &'a Path,
    tokens: &'a Tokens,
    /// Whether the answer is pasted in any case.
    paste: bool,
}

impl<'a> Question<'a> {
    fn of_zoom(settings: &'a Settings, tokens: &'a Tokens, paste: bool) -> Self {
        let mut authorize_url = settings.zoom.oauth_url.clone();
        authorize_url.set_path(&format!("{}/authorize", authorize_url.path().trim_end_matches('/')));
        Self {
            issuer: Issuer::Zoom,
            client_id: &settings.zoom.client_id,
            redirect_uri: &settings.zoom.redirect_uri,
            authorize_url,
            token_file: &settings.zoom.token_file,
            tokens,
            paste,
        }
    }

    fn of_youtube(settings: &'a Settings, tokens: &'a Tokens, paste: bool) -> Result<Self, Failure> {
        Ok(Self {
            issuer: Issuer::Google,
            client_id: settings.youtube.client()?.id,
            redirect_uri: &settings.youtube.redirect_uri,
            authorize_url: settings.youtube.auth_url.clone(),
            token_file: &settings.youtube.token_file,
            tokens,
            paste,
        })
    }

    /// Asks until it is answered or a signal comes; `welcome` says what the answer is good for.
    fn put(
        &self,
        welcome: impl AsyncFnOnce(AccessToken, &CancellationToken) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        attend(Hangup::Stops, async |stop: &CancellationToken| {
            let welcomed = match self.ask(stop).await {
                Ok(token) => welcome(token, stop).await,
                Err(failure) => Err(failure),
            };
            setup::close(self.tokens).await;
            welcomed
        })
    }

    /// Asks, waits for the answer, and has tokens for it saved.
    async fn ask(&self, stop: &CancellationToken) -> Result<AccessToken, Failure> {
        let consent = Consent::ask(self.issuer, self.redirect_uri.clone()).map_err(AuthorizeError::Random);
        let consent = consent.map_err(|error| self.failed(error))?;
        // Listening comes first: a browser that is quick must not find the door shut.
        let is_on_loopback = is_loopback(self.redirect_uri.url()) && self.redirect_uri.url().scheme() == "http";
        let door = if self.paste || !is_on_loopback {
            None
        } else {
            Some(Listener::bind(self.redirect_uri).await.map_err(|error| self.failed(error))?)
        };
        let address = consent.address(&self.authorize_url, self.client_id);
        say(&self.introduction(&address, door.is_some()))?;
        let answered = async {
            match door {
                Some((listener, visited)) => {
                    terminal::open_in_browser(address.as_str());
                    self.by_browser(consent, listener, visited, stop).await
                }
                None => self.by_paste(consent, stop).await,
            }
        };
        // What the answer has begun (an exchange) ends by itself; only the wait for it is given up.
        match stop.run_until_cancelled(answered).await {
            Some(answer) => answer.map_err(|error| self.failed(error)),
            None => Err(self.failed(AuthorizeError::Stopped)),
        }
    }

    fn failed(&self, error: AuthorizeError) -> Failure {
        let error = match error {
            AuthorizeError::Token(error) if error.is_stopping() => AuthorizeError::Stopped,
            error => error,
        };
        Failure::Authorization { issuer: self.issuer, error }
    }

    /// What the person has to know before they can answer.
    fn introduction(&self, address: &Url, is_listening: bool) -> String {
        let (who, warning) = match self.issuer {
            Issuer::Zoom => ("the Zoom user whose recordings are to be archived", None),
            Issuer::Google => (
                "the Google account whose channel is to have the videos",
                Some(
                    "While the consent screen of the Google project is in \"Testing\", the authorization ends after 7 days:\n\
                     set its publishing status to \"In production\" before you go on."
                        .to_owned(),
                ),
            ),
        };
        let known = self.token_file.exists().then(|| {
            let (service, path) = (self.issuer.service(), self.token_file.display());
            format!("There is a token for {service} in {path} already. It is good until you allow the app, and then replaced.")
        });
        let open = format!("Open this address in a browser, as {who}, and allow the app:\n\n  {address}");
        let redirect = self.redirect_uri.as_str();
        let then = if is_listening {
            let (minutes, tunnel) = (PATIENCE.as_secs() / 60, terminal::tunnel(self.redirect_uri));
            format!(
                "Waiting for up to {minutes} minutes for it to come back to {redirect} (Ctrl-C stops).\n\
                 If the browser shows an error instead, stop here: Troubleshoot in the README has it, and what to do.\n\
                 Is the browser on another machine? Then start this there first, and leave it running:\n\n  {tunnel}\n\n\
                 Or stop here, and use: {} --paste",
                self.issuer.command()
            )
        } else {
            format!(
                "The browser then goes to {redirect}, and may say that it can't be reached. That is fine:\n\
                 copy the whole address from its address bar within five minutes, paste it here (it is not shown), and press Enter.{}",
                if is_loopback(self.redirect_uri.url()) {
                    format!(
                        "\n\nOr let the browser come back by itself: without --paste, with this running on its machine:\n\n  {}",
                        terminal::tunnel(self.redirect_uri)
                    )
                } else {
                    String::new()
                }
            )
        };
        [known, warning, Some(open), Some(then)].into_iter().flatten().collect::<Vec<_>>().join("\n\n")
    }

    async fn by_paste(&self, consent: Consent, stop: &CancellationToken) -> Result<AccessToken, AuthorizeError> {
        let pasted = terminal::pasted().await?;
        let code = consent.code_in_paste(&pasted)?;
        Ok(self.tokens.authorize(code, consent, stop).await?)
    }

    /// Waits for the browser, and shows it how it went.
    async fn by_browser(
        &self,
        consent: Consent,
        listener: Listener,
        visited: mpsc::Receiver<Visit>,
        stop: &CancellationToken,
    ) -> Result<AccessToken, AuthorizeError> {
        let done = CancellationToken::new();
        let serve = listener.serve(done.clone());
        let receive = async {
            let outcome = self.receive(consent, visited, PATIENCE, stop).await;
            done.cancel();
            outcome
        };
        tokio::pin!(serve);
        let outcome = tokio::select! {
            outcome = receive => outcome,
            // It ends after `done` alone, which the other arm has then seen to.
            () = &mut serve => Err(AuthorizeError::NoAnswer(PATIENCE)),
        };
        timeout(FAREWELL, serve).await.ok();
        outcome
    }

    /// Takes the first visit that answers the question; one that doesn't is told so, and soon ends it.
    async fn receive(
        &self,
        consent: Consent,
        mut visited: mpsc::Receiver<Visit>,
        patience: Duration,
        stop: &CancellationToken,
    ) -> Result<AccessToken, AuthorizeError> {
        let mut ends = Instant::now() + patience;
        let mut stray = None;
        let (visit, code) = loop {
            let visit = tokio::select! {
                () = sleep_until(ends) => return Err(stray.map_or(AuthorizeError::NoAnswer(patience), Into::into)),
                Some(visit) = visited.recv() => visit,
            };
            match consent.code_in_query(&visit.query) {
                Err(error @ (ConsentError::NoState | ConsentError::OtherState)) => {
                    self.show(visit, Err(&error.to_string()), Some(error.remedy(self.issuer)));
                    ends = ends.min(Instant::now() + LAST_CHANCE);
                    stray = Some(error);
                }
                answer => break (visit, answer),
            }
        };
        let outcome = self.exchange(code, consent, stop).await;
        match &outcome {
            Ok(_) => self.show(visit, Ok(()), None),
            Err(error) => self.show(visit, Err(&chain(error)), error.remedy(self.issuer)),
        }
        outcome
    }

    async fn exchange(
        &self,
        code: Result<AuthorizationCode, ConsentError>,
        consent: Consent,
        stop: &CancellationToken,
    ) -> Result<AccessToken, AuthorizeError> {
        Ok(self.tokens.authorize(code?, consent, stop).await?)
    }

    /// Shows the browser how it went; one that has left is not waited for.
    fn show(&self, visit: Visit, outcome: Result<(), &str>, remedy: Option<String>) {
        let page = match outcome {
            Ok(()) => Page::done(&format!(
                "zoom-archiver is authorized with {}. This page can be closed; the terminal says what comes next.",
                self.issuer
            )),
            Err(words) => Page::refused(&match remedy {
                Some(remedy) => format!("{words}; {}", remedy.replace('`', "")),
                None => words.to_owned(),
            }),
        };
        visit.page.send(page).ok();
    }
}
