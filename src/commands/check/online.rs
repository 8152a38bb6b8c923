//! What Zoom says: whether it answers, whether it knows the app, whether recordings can be listed and fetched.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::answers::{self, Answer, newest_file, refused};
use super::findings::Findings;
use super::item::{Cause, Item};
use super::{judge, local, names};
use crate::chain::chain;
use crate::clock;
use crate::config::Settings;
use crate::http::HttpError;
use crate::meeting::UserId;
use crate::oauth::{AccessToken, Kept, TokenError};
use crate::pipeline::record::{Ledger, Planned};
use crate::pipeline::{peek, survey};
use crate::report::Failure;
use crate::zoom::windows::{self, Window};
use crate::zoom::{Zoom, scopes};

/// Nothing online can be looked at on a machine that has no certificates to check others by, say.
pub(super) fn skip(findings: &mut Findings, error: &HttpError) {
    let item = Item::failure(names::ZOOM, Cause::Other, chain(error));
    findings.add(item.remedied_by(Some(answers::remedy_of_http(error))));
    let clock_and_token = [names::CLOCK, names::TOKEN_FILE, names::ACCESS, names::SCOPES];
    findings.skip(clock_and_token, "a connection to Zoom");
    findings.skip([names::USER, names::RECORDINGS, names::SPACE, names::DOWNLOAD], "a connection to Zoom");
}

/// The look at Zoom.
pub(super) struct Online<'a> {
    /// The settings in force.
    pub settings: &'a Settings,
    /// Zoom.
    pub zoom: &'a Zoom,
    /// Ends it.
    pub stop: &'a CancellationToken,
    /// Where the items go.
    pub findings: &'a mut Findings,
}

impl Online<'_> {
    /// All of it, in order. `archive` is the folder on whose disk the archive is.
    pub(super) async fn look(&mut self, ledger: Option<Ledger>, archive: Option<&Path>) -> Result<(), Failure> {
        let kept = self.zoom.tokens().kept().await;
        self.findings.add(local::token_file(self.settings, &kept, clock::now()));
        let scene = Box::pin(self.planned(kept, ledger)).await?;
        let waiting = scene.as_ref().map(|(planned, _)| answers::to_fetch(planned));
        self.findings.add(local::free_space(self.settings, archive, waiting));
        match scene {
            Some((planned, token)) => self.download(&planned, &token).await,
            None => self.findings.skip([names::DOWNLOAD], "the recordings"),
        }
        self.go_on()
    }

    /// From the first answer to a plan; nothing where something on the way keeps it from being made.
    async fn planned(
        &mut self,
        kept: Result<Kept, TokenError>,
        ledger: Option<Ledger>,
    ) -> Result<Option<(Vec<Planned>, AccessToken)>, Failure> {
        let is_reached = self.reach().await;
        self.go_on()?;
        if !is_reached {
            self.findings.skip([names::ACCESS, names::SCOPES, names::USER, names::RECORDINGS], "Zoom's answer");
            return Ok(None);
        }
        let Ok(kept) = kept else {
            self.findings.skip([names::ACCESS, names::SCOPES, names::USER, names::RECORDINGS], "the token");
            return Ok(None);
        };
        let token = self.access(kept).await;
        self.go_on()?;
        let Some(token) = token else {
            self.findings.skip([names::SCOPES, names::USER, names::RECORDINGS], "an access token");
            return Ok(None);
        };
        let users = self.users(&token).await?;
        if users.is_empty() {
            self.findings.skip([names::RECORDINGS], "a user whose recordings can be listed");
            return Ok(None);
        }
        let Some(ledger) = ledger else {
            self.findings.skip([names::RECORDINGS], "the tracker and the archive folder");
            return Ok(None);
        };
        let planned = self.recordings(users, ledger).await;
        self.go_on()?;
        Ok(planned.map(|planned| (planned, token)))
    }

    /// Once it was asked to stop, nothing that was found counts.
    fn go_on(&self) -> Result<(), Failure> {
        if self.stop.is_cancelled() { Err(Failure::Interrupted) } else { Ok(()) }
    }

    /// Whether Zoom answers at all, by a clock that can be right.
    async fn reach(&mut self) -> bool {
        let host = self.settings.zoom.api_url.host_str().unwrap_or_default().to_owned();
        let asked = clock::now();
        let answer = self.zoom.reach(self.stop).await;
        let answered = clock::now();
        let server = match answer {
            Ok(server) => server,
            Err(error) => {
                let text = chain(&error);
                let remedy = answers::remedy_of_http(&error);
                self.findings.add(Item::failure(names::ZOOM, Cause::Other, text).remedied_by(Some(remedy)));
                if let Some(item) = answers::unset(answered) {
                    self.findings.add(item);
                } else {
                    self.findings.skip([names::CLOCK], "Zoom's answer");
                }
                return false;
            }
        };
        self.findings.add(Item::ok(names::ZOOM, format!("{host} answers")));
        let unset = answers::unset(answered);
        let is_set = unset.is_none();
        self.findings.add(unset.unwrap_or_else(|| judge::clock(asked, answered, server)));
        is_set
    }

    /// An access token, renewed where it is about to expire.
    async fn access(&mut self, kept: Kept) -> Option<AccessToken> {
        let tokens = self.zoom.tokens();
        match tokens.access_in_order(self.stop).await {
            Ok(token) => {
                let until = token.expires_at().format("%H:%M UTC");
                let text = match kept.access_until {
                    None => format!(
                        "renewed, good until {until}; the refresh token is zoom-archiver's alone from now on, and worthless to \
                         any program that had it before"
                    ),
                    Some(before) if before == token.expires_at() => {
                        format!("good until {until}; id and secret are tried when it is renewed then")
                    }
                    Some(_) => format!("renewed, good until {until}"),
                };
                self.findings.add(Item::ok(names::ACCESS, text));
                Some(token)
            }
            Err(error) => {
                let old = tokens.access(Duration::ZERO, self.stop).await.ok();
                let mut item = local::no_token(names::ACCESS, &error);
                if let Some(old) = &old {
                    let until = old.expires_at().format("%H:%M UTC");
                    item.text = format!("{}; the old one is good until {until}", item.text);
                }
                self.findings.add(item);
                old
            }
        }
    }

    /// The users whose recordings can be listed; on the way, whether the scopes allow it.
    async fn users(&mut self, token: &AccessToken) -> Result<Vec<UserId>, Failure> {
        let window = self.newest_window();
        let mut answers = Vec::new();
        for user in &self.settings.zoom.users {
            answers.push((user.clone(), self.zoom.list(user, window, None, self.stop).await));
            self.go_on()?;
        }
        let granted = token.scopes();
        let knows_only_me = !scopes::know_others(&granted)
            && answers.iter().any(|(user, answer)| answers::may_be_unknown(user, answer))
            && self.lists_me(&answers, window).await;
        let item = answers::granted(&granted, &self.settings.zoom.users, &answers, knows_only_me);
        self.findings.add(item);
        let me = if scopes::know_whom(&granted) { self.zoom.me(self.stop).await.ok() } else { None };
        let mut reached = Vec::new();
        for answer in answers {
            self.findings.add(answers::user(&answer, me.as_ref(), window, knows_only_me));
            if answer.1.is_ok() {
                reached.push(answer.0);
            }
        }
        Ok(reached)
    }

    /// The first that a full scan asks for.
    fn newest_window(&self) -> Window {
        let today = clock::now().date_naive();
        let windows = windows::covering(today, self.settings.poll.lookback_days, &BTreeSet::new());
        windows.into_iter().next().unwrap_or_else(|| Window::of_day(today))
    }

    /// Whether the user who authorized the app can be listed.
    async fn lists_me(&self, answers: &[Answer], window: Window) -> bool {
        if let Some((_, answer)) = answers.iter().find(|(user, _)| user.as_str() == "me") {
            return answer.is_ok();
        }
        let Ok(me) = "me".parse() else { return false };
        self.zoom.list(&me, window, None, self.stop).await.is_ok()
    }

    /// All recordings of these users, and what would be done about them.
    async fn recordings(&mut self, users: Vec<UserId>, mut ledger: Ledger) -> Option<Vec<Planned>> {
        let mut settings = self.settings.clone();
        settings.zoom.users = users;
        let now = clock::now();
        let (meetings, problems) = survey(&settings, self.zoom, now, self.stop).await;
        let users: Vec<UserId> = meetings.iter().map(|meeting| meeting.user.clone()).collect();
        let (planned, undecided) = ledger.plan(meetings, now, self.stop);
        let text = answers::recordings_words(&settings, &users, &planned);
        let mut items = Vec::new();
        for (user, problem) in problems {
            items.push(match problem {
                Some(error) => refused(names::RECORDINGS, &format!("cannot list all recordings of {user}: "), &error),
                None => Item::warning(names::RECORDINGS, format!("not all recordings of {user} could be listed"))
                    .remedied_by(Some("zoom-archiver list says which days or records")),
            });
        }
        for one in undecided {
            items.push(Item::warning(names::RECORDINGS, format!("{}: {}", one.meeting.topic, one.problem)));
        }
        if items.is_empty() {
            items.push(Item::ok(names::RECORDINGS, text));
        }
        self.findings.add_all(items);
        Some(planned)
    }

    /// One file opened, looked at, and closed.
    async fn download(&mut self, planned: &[Planned], token: &AccessToken) {
        let Some((meeting, file, url)) = newest_file(planned, self.settings) else {
            return self.findings.skip([names::DOWNLOAD], "a recording to try it with, and Zoom lists none");
        };
        let start = meeting.start_time.format("%Y-%m-%d %H:%M UTC");
        let what = format!("{} of \"{}\", {start}", file.recording_type.as_str(), meeting.topic);
        let item = match peek(self.zoom, url, file.extension, self.stop).await {
            Ok(()) => Item::ok(names::DOWNLOAD, format!("{what}: it begins as it should")),
            Err(error) => answers::undownloadable(&what, &error, &token.scopes()),
        };
        self.findings.add(item);
    }
}
