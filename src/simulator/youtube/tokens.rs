//! Google's token endpoint, and which tokens are good. Unlike Zoom's, its refresh tokens stay what they are, and a new
//! authorization leaves the earlier ones alone.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::super::consent::{BadCode, Codes, Scopes};
use super::super::http::{Answer, Request, find};
use super::super::journal::{Credential, Credentials};
use super::super::noise;
use super::refused::{TokenRefused, refusal};
use super::rules::Rules;

/// More live refresh tokens than this, and the oldest is dropped without a word.
const MOST: usize = 100;

#[derive(Clone, Debug)]
struct Token {
    text: String,
    scopes: Scopes,
    end: Option<DateTime<Utc>>,
}

impl Token {
    fn is_good(&self, text: &str, now: DateTime<Utc>) -> bool {
        self.text == text && self.end.is_none_or(|end| end > now)
    }
}

/// What one owner of a channel has granted one client.
#[derive(Debug)]
pub(super) struct Grants {
    client_id: String,
    client_secret: String,
    /// Makes the tokens of this simulator differ from those of any other.
    seed: u64,
    issued: Vec<String>,
    pub(super) codes: Codes,
    refresh: Vec<Token>,
    access: Vec<Token>,
}

impl Grants {
    pub(super) fn new(client_id: &str, client_secret: &str, seed: u64) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            seed,
            issued: Vec::new(),
            codes: Codes::new(seed, "4/0A", true),
            refresh: Vec::new(),
            access: Vec::new(),
        }
    }

    /// A new refresh token.
    pub(super) fn refresh_token(&mut self, scopes: Scopes, rules: &Rules, now: DateTime<Utc>) -> String {
        let text = self.issue("1//0g", 90);
        self.refresh.push(Token { text: text.clone(), scopes, end: rules.refresh_lifetime.map(|life| now + life) });
        if self.refresh.len() > MOST {
            self.refresh.remove(0);
        }
        text
    }

    pub(super) fn is_good(&self, refresh_token: &str, now: DateTime<Utc>) -> bool {
        self.refresh.iter().any(|token| token.is_good(refresh_token, now))
    }

    pub(super) fn revoke(&mut self) {
        self.refresh.clear();
        self.access.clear();
    }

    pub(super) fn expire_access_tokens(&mut self) {
        self.access.clear();
    }

    /// Everything here that nobody else may see.
    pub(super) fn secrets(&self) -> Vec<String> {
        let own = [self.client_secret.clone(), self.basic()];
        own.into_iter().chain(self.issued.iter().cloned()).chain(self.codes.secrets()).collect()
    }

    /// Whether a request to the API came with a good access token.
    pub(super) fn judge(&self, request: &Request, now: DateTime<Utc>) -> Credential {
        let Some(header) = request.header("authorization") else { return Credential::Missing };
        match header.strip_prefix("Bearer ") {
            Some(token) if self.access.iter().any(|known| known.is_good(token, now)) => Credential::Valid,
            Some(token) => self.judge_dead(token),
            None => Credential::Wrong,
        }
    }

    /// Whether the token that a request came with has one of these scopes.
    pub(super) fn has_one(&self, request: &Request, wanted: &[&str]) -> bool {
        let token = request.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
        let granted = self.access.iter().find(|known| Some(known.text.as_str()) == token);
        granted.is_some_and(|token| token.scopes.iter().any(|scope| wanted.contains(&scope.as_str())))
    }

    /// Whether the secrets of a request to the token endpoint are right.
    pub(super) fn judge_form(&self, request: &Request, now: DateTime<Utc>) -> Credentials {
        let form = request.form().unwrap_or_default();
        let refresh_token = match find(&form, "refresh_token") {
            None => Credential::Missing,
            Some(token) if self.is_good(token, now) => Credential::Valid,
            Some(token) => self.judge_dead(token),
        };
        let authorization = self.judge_client(request, &form);
        Credentials { authorization, refresh_token, code: self.codes.judge(request, now) }
    }

    /// The client's id and secret may stand in the form or in the header, but not in both (RFC 6749, section 2.3).
    fn judge_client(&self, request: &Request, form: &[(String, String)]) -> Credential {
        let is_id = find(form, "client_id").is_none_or(|id| id == self.client_id);
        match (request.header("authorization"), find(form, "client_secret")) {
            (None, None) => Credential::Missing,
            (Some(basic), None) if basic == self.basic() && is_id => Credential::Valid,
            (None, Some(secret)) if secret == self.client_secret && is_id && find(form, "client_id").is_some() => {
                Credential::Valid
            }
            (Some(_) | None, Some(_)) | (Some(_), None) => Credential::Wrong,
        }
    }

    fn judge_dead(&self, token: &str) -> Credential {
        if self.issued.iter().any(|known| known == token) { Credential::Stale } else { Credential::Wrong }
    }

    /// `POST /token`
    pub(super) fn answer(&mut self, request: &Request, rules: &Rules, now: DateTime<Utc>) -> Answer {
        if request.method != "POST" {
            return Answer::new(405).header("allow", "POST");
        }
        if !request.query.is_empty() {
            return refusal(400, "invalid_request", "Parameters belong in the request body.");
        }
        let Some(form) = request.form() else {
            return refusal(400, "invalid_request", "The request body is not a form.");
        };
        match self.judge_client(request, &form) {
            Credential::Valid if rules.client_is_deleted => return TokenRefused::ClientDeleted.answer(),
            Credential::Valid => {}
            Credential::Missing => return refusal(400, "invalid_request", "client_secret is missing."),
            Credential::Stale | Credential::Wrong => return TokenRefused::Client.answer(),
        }
        match find(&form, "grant_type") {
            Some("authorization_code") => self.exchange(&form, rules, now),
            Some("refresh_token") => self.renew(&form, rules, now),
            Some(other) => refusal(400, "unsupported_grant_type", &format!("Invalid grant_type: {other}")),
            None => refusal(400, "invalid_request", "Required parameter is missing: grant_type"),
        }
    }

    fn exchange(&mut self, form: &[(String, String)], rules: &Rules, now: DateTime<Utc>) -> Answer {
        match self.codes.redeem(form, now) {
            Ok(scopes) => {
                let mut answer = self.access_token(scopes.clone(), rules, now);
                answer.insert("refresh_token".to_owned(), self.refresh_token(scopes, rules, now).into());
                Answer::json(200, &Value::Object(answer))
            }
            Err(BadCode::Missing) => refusal(400, "invalid_request", "Missing required parameter: code"),
            Err(BadCode::Dead) => TokenRefused::Code.answer(),
            Err(BadCode::Redirect) => TokenRefused::RedirectUri.answer(),
            Err(BadCode::Verifier) => TokenRefused::Verifier.answer(),
        }
    }

    /// A new access token; the refresh token stays the same and isn't told again.
    fn renew(&mut self, form: &[(String, String)], rules: &Rules, now: DateTime<Utc>) -> Answer {
        let Some(text) = find(form, "refresh_token") else {
            return refusal(400, "invalid_request", "Missing required parameter: refresh_token");
        };
        let found = self.refresh.iter().find(|token| token.is_good(text, now)).cloned();
        let Some(token) = found else { return TokenRefused::Token.answer() };
        Answer::json(200, &Value::Object(self.access_token(token.scopes, rules, now)))
    }

    fn access_token(&mut self, scopes: Scopes, rules: &Rules, now: DateTime<Utc>) -> Map<String, Value> {
        let text = self.issue("ya29.a0", 200);
        let answer = json!({
            "access_token": text,
            "expires_in": rules.access_lifetime.num_seconds(),
            "scope": scopes.join(" "),
            "token_type": "Bearer",
        });
        self.access.push(Token { text, scopes, end: Some(now + rules.access_lifetime) });
        answer.as_object().cloned().unwrap_or_default()
    }

    fn issue(&mut self, prefix: &str, length: usize) -> String {
        let token = format!("{prefix}{}", noise::hex(noise::digest((self.seed, prefix, self.issued.len())), length));
        self.issued.push(token.clone());
        token
    }

    fn basic(&self) -> String {
        format!("Basic {}", noise::base64(format!("{}:{}", self.client_id, self.client_secret).as_bytes()))
    }
}
