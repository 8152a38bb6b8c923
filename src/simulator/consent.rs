//! The consent page of a simulated service: what the person does there, and the codes that come of it.

use chrono::{DateTime, Utc};
use url::Url;

use super::http::{Answer, Request, find};
use super::journal::Credential;
use super::noise;
use super::pkce::Challenge;

/// What the person at the consent page does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Allows the app what it asks for.
    Allows,
    /// Allows it these scopes, whatever it asks for: those at Google that stayed ticked, say.
    AllowsOnly(Vec<String>),
    /// Denies it: the browser comes back with `error=access_denied`.
    Denies,
    /// Installs the app from its own page: the browser comes back with a code, but without `state`, and the code is
    /// not bound to any challenge.
    AllowsElsewhere,
    /// Is led by somebody else: the browser comes back with a code and this `state`.
    AllowsWithState(String),
    /// Leaves the page open: the browser shows it, and never comes back.
    LeavesPageOpen,
}

/// A request for authorization that was found to be right.
#[derive(Clone, Debug)]
pub(super) struct Authorization {
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) challenge: Option<Challenge>,
    /// What the app asks for.
    pub(super) scopes: Vec<String>,
}

/// What a code is exchanged for.
pub(super) type Scopes = Vec<String>;

/// Why a code is not exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadCode {
    /// There is none in the form.
    Missing,
    /// It was never given out, was used before, or is too old.
    Dead,
    /// Its `redirect_uri` was another one.
    Redirect,
    /// The verifier is missing, is another one, or comes though no challenge did.
    Verifier,
}

#[derive(Clone, Debug)]
struct Code {
    text: String,
    authorization: Authorization,
    granted: Scopes,
    end: DateTime<Utc>,
    is_used: bool,
}

/// All codes ever given out.
#[derive(Debug)]
pub(super) struct Codes {
    /// Makes them differ from those of any other simulator.
    seed: u64,
    /// What all of them begin with.
    prefix: &'static str,
    /// Whether the browser's way back shows what was granted.
    tells_scopes: bool,
    issued: Vec<Code>,
    /// The verifiers that came for them.
    verifiers: Vec<String>,
}

impl Codes {
    pub(super) fn new(seed: u64, prefix: &'static str, tells_scopes: bool) -> Self {
        Self { seed, prefix, tells_scopes, issued: Vec::new(), verifiers: Vec::new() }
    }

    /// Everything here that nobody else may see.
    pub(super) fn secrets(&self) -> impl Iterator<Item = String> {
        self.issued.iter().map(|code| &code.text).chain(&self.verifiers).cloned()
    }

    /// What the browser gets after the person has done so.
    pub(super) fn after(&mut self, consent: &Consent, asked: Authorization, end: DateTime<Utc>) -> Answer {
        let back = asked.redirect_uri.clone();
        let state = asked.state.clone();
        let (granted, asked, state) = match consent {
            Consent::LeavesPageOpen => {
                return Answer::new(200).header("content-type", "text/html;charset=utf-8").body(
                    "<!DOCTYPE html>\n<html><body>This app would like to use your account. Allow?</body></html>\n",
                );
            }
            Consent::Denies => {
                let denied = [("error", Some("access_denied".to_owned())), ("state", state)];
                return Answer::redirect(&address(&back, denied));
            }
            Consent::Allows => (asked.scopes.clone(), asked, state),
            Consent::AllowsOnly(scopes) => (scopes.clone(), asked, state),
            Consent::AllowsElsewhere => (asked.scopes.clone(), Authorization { challenge: None, ..asked }, None),
            Consent::AllowsWithState(other) => (asked.scopes.clone(), asked, Some(other.clone())),
        };
        let text = format!("{}{}", self.prefix, noise::hex(noise::digest((self.seed, "code", self.issued.len())), 60));
        let scope = self.tells_scopes.then(|| granted.join(" "));
        let location = address(&back, [("state", state), ("code", Some(text.clone())), ("scope", scope)]);
        self.issued.push(Code { text, authorization: asked, granted, end, is_used: false });
        Answer::redirect(&location)
    }

    /// Whether a request's code would be taken, as far as the code itself goes.
    pub(super) fn judge(&self, request: &Request, now: DateTime<Utc>) -> Credential {
        let form = request.form().unwrap_or_default();
        let Some(text) = find(&form, "code") else { return Credential::Missing };
        match self.issued.iter().find(|code| code.text == text) {
            Some(code) if !code.is_used && code.end > now => Credential::Valid,
            Some(_) => Credential::Stale,
            None => Credential::Wrong,
        }
    }

    /// Takes a code for what it was granted. Once tried, it is used up, whatever came of it.
    pub(super) fn redeem(&mut self, form: &[(String, String)], now: DateTime<Utc>) -> Result<Scopes, BadCode> {
        let verifier = find(form, "code_verifier");
        self.verifiers.extend(verifier.filter(|verifier| verifier.len() >= 43).map(str::to_owned));
        let text = find(form, "code").ok_or(BadCode::Missing)?;
        let code = self.issued.iter_mut().find(|code| code.text == text).ok_or(BadCode::Dead)?;
        if std::mem::replace(&mut code.is_used, true) || code.end <= now {
            return Err(BadCode::Dead);
        }
        if find(form, "redirect_uri") != Some(&code.authorization.redirect_uri) {
            return Err(BadCode::Redirect);
        }
        let is_met = match (&code.authorization.challenge, verifier) {
            (Some(challenge), Some(verifier)) => challenge.is_met_by(verifier),
            (None, None) => true,
            // A verifier without a challenge: somebody took the challenge out (RFC 9700, section 4.8.2).
            (Some(_), None) | (None, Some(_)) => false,
        };
        if is_met { Ok(code.granted.clone()) } else { Err(BadCode::Verifier) }
    }
}

/// An address with these added to its query.
pub(super) fn address<'a>(base: &str, pairs: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    let separator = if base.contains('?') { '&' } else { '?' };
    format!("{base}{separator}{}", query.finish())
}

/// The address without its port, where it leads to this very machine by plain http (RFC 8252, section 7.3).
pub(super) fn loopback(address: &str) -> Option<String> {
    let mut url = Url::parse(address).ok()?;
    let is_loopback = matches!(url.host_str()?, "localhost" | "127.0.0.1" | "[::1]");
    let is_plain = url.scheme() == "http" && url.username().is_empty() && url.fragment().is_none();
    (is_loopback && is_plain && url.set_port(None).is_ok()).then(|| url.into())
}

/// The first parameter that comes twice, or that has no business in an address because it is a secret.
pub(super) fn misplaced(request: &Request) -> Option<&str> {
    const SECRETS: [&str; 5] = ["client_secret", "code_verifier", "access_token", "refresh_token", "code"];
    let mut names = request.query.iter().map(|(name, _)| name.as_str()).enumerate();
    let is_repeated = |at: usize, name: &str| request.query[..at].iter().any(|(earlier, _)| earlier == name);
    names.find(|(at, name)| SECRETS.contains(name) || is_repeated(*at, name)).map(|(_, name)| name)
}
