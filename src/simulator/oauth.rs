//! The token endpoint, and which tokens are good.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::consent::{BadCode, Codes, Scopes};
use super::http::{Answer, Request, find};
use super::journal::Credential;
use super::noise;
use super::refused::TokenRefused;
use super::rules::{Rotation, Rules};

/// The access token in force.
#[derive(Clone, Debug)]
struct Access {
    token: String,
    expires: DateTime<Utc>,
    scopes: Vec<String>,
}

/// What one user has granted one app: at most one refresh token and one access token at a time.
#[derive(Debug)]
pub(super) struct Grant {
    client_id: String,
    client_secret: String,
    /// Makes the tokens of this simulator differ from those of any other.
    seed: u64,
    issued: Vec<String>,
    known: HashSet<String>,
    refresh: Option<String>,
    previous: Option<String>,
    access: Option<Access>,
    /// What each new access token may.
    scopes: Option<Scopes>,
    pub(super) codes: Codes,
    /// Tokens for the files of one meeting: token, meeting, end.
    downloads: Vec<(String, String, DateTime<Utc>)>,
}

impl Grant {
    pub(super) fn new(client_id: &str, client_secret: &str, seed: u64) -> Self {
        let mut grant = Self {
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            seed,
            issued: Vec::new(),
            known: HashSet::new(),
            refresh: None,
            previous: None,
            access: None,
            scopes: None,
            codes: Codes::new(seed, "", false),
            downloads: Vec::new(),
        };
        grant.authorize_again();
        grant
    }

    /// A new authorization: "the last token issued is considered valid" (Zoom, "OAuth error messages", 4741).
    pub(super) fn authorize_again(&mut self) -> String {
        self.revoke();
        let token = self.issue("refresh");
        self.refresh = Some(token.clone());
        token
    }

    /// Takes the grant back: no token is good any more.
    pub(super) fn revoke(&mut self) {
        self.refresh = None;
        self.previous = None;
        self.access = None;
        self.scopes = None;
        self.downloads.clear();
    }

    pub(super) fn expire_access_token(&mut self) {
        self.access = None;
    }

    /// The refresh token that would be taken now; empty after a revocation.
    pub(super) fn refresh_token(&self) -> String {
        self.refresh.clone().unwrap_or_default()
    }

    /// Everything here that nobody else may see.
    pub(super) fn secrets(&self) -> Vec<String> {
        let own = [self.client_secret.clone(), self.basic()];
        own.into_iter().chain(self.issued.iter().cloned()).chain(self.codes.secrets()).collect()
    }

    /// Whether a request came with the client's credentials.
    pub(super) fn judge_client(&self, request: &Request) -> Credential {
        match request.header("authorization") {
            None => Credential::Missing,
            Some(header) if header == self.basic() => Credential::Valid,
            Some(_) => Credential::Wrong,
        }
    }

    /// Whether a request came with a good token; `meeting` says for whose files a download token would do.
    pub(super) fn judge(&self, request: &Request, meeting: Option<&str>, now: DateTime<Utc>) -> Credential {
        let Some(header) = request.header("authorization") else { return Credential::Missing };
        let Some(token) = header.strip_prefix("Bearer ") else { return Credential::Wrong };
        let is_access = self.access.as_ref().is_some_and(|access| access.token == token && access.expires > now);
        let is_for_meeting = |(known, of, end): &(String, String, DateTime<Utc>)| {
            known == token && Some(of.as_str()) == meeting && *end > now
        };
        if is_access || self.downloads.iter().any(is_for_meeting) { Credential::Valid } else { self.judge_dead(token) }
    }

    /// Whether the form's refresh token would be taken.
    pub(super) fn judge_refresh(&self, request: &Request, rules: &Rules) -> Credential {
        let form = request.form().unwrap_or_default();
        let Some(token) = find(&form, "refresh_token") else { return Credential::Missing };
        let is_forgiven = rules.rotation == Rotation::Forgiving && self.previous.as_deref() == Some(token);
        if self.refresh.as_deref() == Some(token) || is_forgiven { Credential::Valid } else { self.judge_dead(token) }
    }

    fn judge_dead(&self, token: &str) -> Credential {
        if self.known.contains(token) { Credential::Stale } else { Credential::Wrong }
    }

    /// The refusal of a token that has none of these scopes.
    pub(super) fn lacks_scopes(&self, wanted: &[&str]) -> Option<Answer> {
        let granted = self.access.as_ref().map(|access| access.scopes.as_slice()).unwrap_or_default();
        let has_one = wanted.iter().any(|scope| granted.iter().any(|granted| granted == scope));
        let is_granular = |scope: &&str| scope.split(':').nth(2).is_some_and(|part| part != "admin");
        let granular: Vec<_> = wanted.iter().copied().filter(is_granular).collect();
        let message = format!("Invalid access token, does not contain scopes:[{}].", granular.join(", "));
        (!has_one).then(|| Answer::api_error(400, 4711, &message))
    }

    /// A token for the files of one meeting.
    pub(super) fn download_token(&mut self, meeting: &str, end: DateTime<Utc>) -> String {
        let token = self.issue("download");
        self.downloads.push((token.clone(), meeting.to_owned(), end));
        token
    }

    /// Answers a request to the token endpoint.
    pub(super) fn answer(&mut self, request: &Request, rules: &Rules, now: DateTime<Utc>, api: &str) -> Answer {
        if request.method != "POST" {
            return Answer::new(405).header("allow", "POST");
        }
        if self.judge_client(request) != Credential::Valid {
            return TokenRefused::ClientAs401.answer();
        }
        if rules.app_is_disabled {
            return TokenRefused::AppDisabled.answer();
        }
        if !request.query.is_empty() {
            return refusal(400, "invalid_request", "Parameters belong in the request body");
        }
        let Some(form) = request.form() else {
            return refusal(400, "invalid_request", "The request body is not a form");
        };
        match find(&form, "grant_type") {
            Some("refresh_token") => match self.judge_refresh(request, rules) {
                Credential::Valid => self.refresh(rules, now, api),
                Credential::Missing | Credential::Stale | Credential::Wrong => TokenRefused::Token.answer(),
            },
            Some("authorization_code") => self.exchange(&form, rules, now, api),
            Some(_) => TokenRefused::GrantType.answer(),
            None => refusal(400, "invalid_request", "Missing grant type"),
        }
    }

    /// Takes a code for tokens; all that were given out before are dead from then on.
    fn exchange(&mut self, form: &[(String, String)], rules: &Rules, now: DateTime<Utc>, api: &str) -> Answer {
        match self.codes.redeem(form, now) {
            Ok(scopes) => {
                self.authorize_again();
                self.scopes = Some(scopes);
                self.access_token(rules, now, api)
            }
            // Zoom repeats the code: whoever prints its words prints that.
            Err(BadCode::Missing | BadCode::Dead) => {
                let code = find(form, "code").unwrap_or("undefined");
                refusal(400, "invalid_request", &format!("Invalid authorization code {code}"))
            }
            Err(BadCode::Redirect) => TokenRefused::RedirectUri.answer(),
            Err(BadCode::Verifier) => TokenRefused::Verifier.answer(),
        }
    }

    fn refresh(&mut self, rules: &Rules, now: DateTime<Utc>, api: &str) -> Answer {
        if rules.rotation != Rotation::Never {
            self.previous = self.refresh.take();
            self.refresh = Some(self.issue("refresh"));
        }
        self.access_token(rules, now, api)
    }

    /// A new access token, beside the refresh token in force.
    fn access_token(&mut self, rules: &Rules, now: DateTime<Utc>, api: &str) -> Answer {
        let token = self.issue("access");
        let scopes = self.scopes.clone().unwrap_or_else(|| rules.scopes.clone());
        let scope = scopes.join(" ");
        let answer = json!({
            "access_token": token,
            "token_type": "bearer",
            "refresh_token": self.refresh,
            "expires_in": rules.access_lifetime.num_seconds(),
            "scope": scope,
            "api_url": api,
        });
        self.access = Some(Access { token, expires: now + rules.access_lifetime, scopes });
        Answer::json(200, &answer)
    }

    fn issue(&mut self, kind: &str) -> String {
        let token = noise::token((self.seed, kind, self.issued.len()));
        self.issued.push(token.clone());
        self.known.insert(token.clone());
        token
    }

    fn basic(&self) -> String {
        format!("Basic {}", noise::base64(format!("{}:{}", self.client_id, self.client_secret).as_bytes()))
    }
}

/// An error of the token endpoint: OAuth's `error`, and Zoom's `reason` in place of a description.
fn refusal(status: u16, error: &str, reason: &str) -> Answer {
    Answer::json(status, &json!({"reason": reason, "error": error}))
}
