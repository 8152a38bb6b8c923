//! A token endpoint: how tokens are asked for, and what its answers mean.
//!
//! "The latest refresh token must always be used for the next refresh request" (Zoom, "Using OAuth 2.0"). An error of
//! Zoom's has an OAuth `error`, Zoom's own `reason`, only one of them, or a number and a message; Google's an `error` and
//! an `error_description`.

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::access::{self, AccessToken, RefreshToken};
use super::consent::{AuthorizationCode, Consent};
use super::{Hindrance, Issuer};
use crate::clock;
use crate::http::{ERROR_BODY_LIMIT, HttpError, RateLimit, json_text, read_capped, read_json};
use crate::trouble::{Asked, TokenAnswer, Trouble};

/// The longest reason that is told, in characters.
const REASON_LIMIT: usize = 200;

/// Where tokens are had, and as whom.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) issuer: Issuer,
    client: Client,
    url: Url,
    client_id: String,
    client_secret: SecretString,
}

/// What tokens are asked for with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Grant<'a> {
    /// The newest refresh token.
    Refresh(&'a RefreshToken),
    /// The code that this consent has given.
    Code(&'a AuthorizationCode, &'a Consent),
}

impl Grant<'_> {
    pub(super) fn asked(self) -> Asked {
        match self {
            Self::Refresh(_) => Asked::Refresh,
            Self::Code(..) => Asked::Exchange,
        }
    }

    fn form(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Refresh(token) => vec![("grant_type", "refresh_token"), ("refresh_token", token.expose())],
            Self::Code(code, consent) => vec![
                ("grant_type", "authorization_code"),
                ("code", code.expose()),
                ("redirect_uri", consent.redirect_uri()),
                ("code_verifier", consent.verifier().expose()),
            ],
        }
    }

    fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Refresh(token) => vec![token.expose()],
            Self::Code(code, consent) => vec![code.expose(), consent.verifier().expose()],
        }
    }
}

/// What was given.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) access: AccessToken,
    /// None where the old one stays in use.
    pub(super) refresh: Option<RefreshToken>,
    /// Whether the answer says which scopes were granted; else they are those that were asked for (RFC 6749, section 5.1).
    pub(super) tells_scopes: bool,
}

/// Why nothing was given.
#[derive(Debug)]
pub(super) enum Denied {
    Refused {
        why: Trouble,
        reason: String,
    },
    /// The refresh token may be good still; or, where an answer was lost, may be used up.
    Temporary {
        cause: Hindrance,
        until: Option<DateTime<Utc>>,
    },
}

impl Endpoint {
    pub(super) fn new(
        issuer: Issuer,
        client: Client,
        oauth_url: &Url,
        client_id: String,
        client_secret: SecretString,
    ) -> Self {
        let mut url = oauth_url.clone();
        // An address that has no path to extend is no http address, and fails as such when it is asked.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("token");
        }
        Self { issuer, client, url, client_id, client_secret }
    }

    /// Asks for tokens. Once this is under way, dropping it may lose them.
    pub(super) async fn ask(&self, grant: Grant<'_>) -> Result<Granted, Denied> {
        // The token's life is counted from before the question: it then ends too early rather than too late.
        let asked_at = clock::now();
        let (status, headers, body) =
            self.post(grant).await.map_err(|error| Denied::Temporary { cause: error.into(), until: None })?;
        let answer = Answer { status, headers: &headers, body: &body };
        judge(self.issuer, &self.host(), grant.asked(), answer, asked_at).map_err(|denied| match denied {
            Denied::Refused { why, reason } => Denied::Refused { why, reason: self.safe(&reason, &grant.secrets()) },
            temporary @ Denied::Temporary { .. } => temporary,
        })
    }

    async fn post(&self, grant: Grant<'_>) -> Result<(StatusCode, HeaderMap, Vec<u8>), HttpError> {
        let mut form = grant.form();
        let mut request = self.client.post(self.url.clone());
        match self.issuer {
            Issuer::Zoom => request = request.basic_auth(&self.client_id, Some(self.client_secret.expose_secret())),
            Issuer::Google => {
                form.push(("client_id", &self.client_id));
                form.push(("client_secret", self.client_secret.expose_secret()));
            }
        }
        let response = request.form(&form).send().await.map_err(|error| HttpError::sorted(&self.url, error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok((status, headers, read_capped(response, ERROR_BODY_LIMIT).await?))
    }

    fn host(&self) -> String {
        self.url.host_str().unwrap_or_default().to_owned()
    }

    /// The issuer's words without anything that must not be told or that a terminal might obey.
    fn safe(&self, reason: &str, secrets: &[&str]) -> String {
        let mut reason: String = reason.chars().filter(|c| !c.is_control()).collect();
        for secret in secrets.iter().copied().chain([self.client_secret.expose_secret()]) {
            if !secret.is_empty() {
                reason = reason.replace(secret, "***");
            }
        }
        reason.chars().take(REASON_LIMIT).collect()
    }
}

/// What came back.
#[derive(Clone, Copy)]
struct Answer<'a> {
    status: StatusCode,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

/// What an answer of the token endpoint means.
fn judge(
    issuer: Issuer,
    host: &str,
    asked: Asked,
    Answer { status, headers, body }: Answer<'_>,
    now: DateTime<Utc>,
) -> Result<Granted, Denied> {
    let answer = read_json(&json_text(body)).unwrap_or(Value::Null);
    let text = |key: &str| answer[key].as_str().unwrap_or_default();
    let status_error = || HttpError::Status { host: host.to_owned(), status };

    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        let is_timed = status == StatusCode::TOO_MANY_REQUESTS || headers.contains_key(reqwest::header::RETRY_AFTER);
        let until = is_timed.then(|| RateLimit::read(headers, text("message"), now).until);
        return Err(Denied::Temporary { cause: status_error().into(), until });
    }
    if status.is_success() && access::is_token(text("access_token")) {
        // A refresh token that can't be kept would be lost; the answer is then as good as lost, too.
        if let Ok(refresh) = RefreshToken::parse(text("refresh_token")) {
            let lifetime = access::lifetime(whole_seconds(&answer["expires_in"]));
            let scope = text("scope").to_owned();
            let access = AccessToken::new(text("access_token").into(), scope, now, now + lifetime);
            return Ok(Granted { access, refresh, tells_scopes: answer["scope"].is_string() });
        }
    }
    let first = |keys: &[&'static str]| keys.iter().map(|key| text(key)).find(|words| !words.is_empty());
    let reason = first(&["reason", "error_description", "errorMessage", "message"]).unwrap_or_default();
    let code = ["errorCode", "code"].iter().find_map(|key| answer[*key].as_i64()).unwrap_or_default();
    let said = TokenAnswer { error: text("error"), reason, subtype: text("error_subtype"), code };
    if let Some(why) = issuer.trouble(asked, said) {
        let words = [said.reason, said.error, why.says()].into_iter().find(|words| !words.is_empty());
        return Err(Denied::Refused { why, reason: words.unwrap_or_default().to_owned() });
    }
    let cause = if answer.is_object() && !status.is_success() {
        status_error().into()
    } else {
        Hindrance::Unreadable { host: host.to_owned(), status }
    };
    Err(Denied::Temporary { cause, until: None })
}

/// A number of seconds, also where it comes as a string or with a fraction.
fn whole_seconds(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and what follows has limits of its own")]
    let truncate = |seconds: f64| seconds as i64;
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(truncate)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use chrono::TimeDelta;
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;

    use super::*;
    use crate::hostile;

    fn now() -> DateTime<Utc> {
        "2025-12-02T17:30:00Z".parse().unwrap()
    }

    fn judged(status: u16, body: &str) -> Result<Granted, Denied> {
        judged_with(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body)
    }

    fn judged_with(status: StatusCode, headers: &HeaderMap, body: &str) -> Result<Granted, Denied> {
        let answer = Answer { status, headers, body: body.as_bytes() };
        judge(Issuer::Zoom, "zoom.us", Asked::Refresh, answer, now())
    }

    #[test]
    fn an_answer_with_both_tokens_grants_both() {
        let granted =
            judged(200, r#"{"access_token":"a","refresh_token":"r","expires_in":3599,"scope":"x:read y:read"}"#)
                .unwrap();
        assert_eq!(granted.refresh.unwrap().expose(), "r");
        assert_eq!(granted.access.expose(), "a");
        assert_eq!(granted.access.scopes(), ["x:read", "y:read"]);
        assert_eq!(granted.access.expires_at(), now() + TimeDelta::seconds(3599));
    }

    #[test]
    fn a13_an_answer_without_a_refresh_token_leaves_the_old_one_in_use() {
        for body in [
            r#"{"access_token":"a"}"#,
            r#"{"access_token":"a","refresh_token":null}"#,
            r#"{"access_token":"a","refresh_token":""}"#,
        ] {
            assert!(judged(200, body).unwrap().refresh.is_none(), "{body}");
        }
    }

    #[test]
    fn a13_a_lifetime_is_read_however_it_is_written() {
        for (expires_in, seconds) in [
            ("1800", 1800),
            (r#""1800""#, 1800),
            ("1800.7", 1800),
            ("0", 3600),
            ("-5", 3600),
            (r#""soon""#, 3600),
            ("null", 3600),
            ("1e300", 86400),
        ] {
            let granted = judged(200, &format!(r#"{{"access_token":"a","expires_in":{expires_in}}}"#)).unwrap();
            assert_eq!(granted.access.expires_at(), now() + TimeDelta::seconds(seconds), "{expires_in}");
        }
    }

    #[test]
    fn a17_what_only_a_person_can_change_is_told_from_what_passes() {
        use Trouble::{App, Credentials, GrantType, RedirectUri, RefreshToken, TokenRequest};
        for (status, body, expected) in [
            (400, r#"{"reason":"Invalid Token!","error":"invalid_grant"}"#, Some(RefreshToken)),
            (400, r#"{"reason":"Invalid Token!","error":"invalid_request"}"#, Some(RefreshToken)),
            (401, r#"{"reason":"Invalid Token!","error":"invalid_request"}"#, Some(RefreshToken)),
            (400, r#"{"reason":"Invalid Token!"}"#, Some(RefreshToken)),
            (400, r#"{"error":"invalid_grant"}"#, Some(RefreshToken)),
            (200, r#"{"reason":"Invalid Token!","error":"invalid_grant"}"#, Some(RefreshToken)),
            (
                400,
                r#"{"status":false,"errorCode":4709,"errorMessage":"Redirect URI mismatch.","result":null}"#,
                Some(RedirectUri),
            ),
            (400, r#"{"code":4741,"message":"The token has been revoked."}"#, Some(RefreshToken)),
            (400, r#"{"reason":"Invalid client credentials","error":"invalid_client"}"#, Some(Credentials)),
            (401, r#"{"reason":"Invalid client credentials"}"#, Some(Credentials)),
            (400, r#"{"error":"unauthorized_client"}"#, Some(App)),
            (400, r#"{"reason":"Unsupported grant type","error":"unsupported_grant_type"}"#, Some(GrantType)),
            (400, r#"{"reason":"Something else","error":"invalid_request"}"#, Some(TokenRequest)),
            (400, r#"{"error":"temporarily_unavailable"}"#, None),
            (400, "<html>Bad Request</html>", None),
            (404, "{}", None),
            (302, "", None),
            (429, r#"{"error":"invalid_grant"}"#, None),
            (500, r#"{"error":"invalid_grant"}"#, None),
            (503, "", None),
            (200, "<html>", None),
            (200, "{}", None),
            (200, r#"{"access_token":"two words"}"#, None),
            (200, r#"{"access_token":"a","refresh_token":"two words"}"#, None),
            (200, r#"{"access_token":"a","refre"#, None),
        ] {
            match judged(status, body).unwrap_err() {
                Denied::Refused { why, .. } => assert_eq!(Some(why), expected, "{status} {body}"),
                Denied::Temporary { .. } => assert_eq!(None, expected, "{status} {body}"),
            }
        }
    }

    #[test]
    fn h21_a_limit_reached_says_until_when() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "90".parse().unwrap());
        for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
            let denied = judged_with(status, &headers, "").unwrap_err();
            let expected = now() + TimeDelta::seconds(90);
            assert!(matches!(denied, Denied::Temporary { until: Some(until), .. } if until == expected), "{denied:?}");
        }
    }

    static ENDPOINT: LazyLock<Endpoint> = LazyLock::new(|| {
        let url = "https://zoom.us/oauth/".parse().unwrap();
        Endpoint::new(Issuer::Zoom, Client::new(), &url, "id".to_owned(), "SECRET-client".into())
    });

    #[test]
    fn l6_zooms_words_are_told_without_secrets_and_control_characters() {
        let endpoint = &*ENDPOINT;
        let words = endpoint.safe("Invalid \u{1b}[31mToken SECRET-token of SECRET-\u{1}client!\n", &["SECRET-token"]);
        assert_eq!(words, "Invalid [31mToken *** of ***!");
        assert_eq!(endpoint.safe(&"x".repeat(9999), &[]).len(), REASON_LIMIT);
        assert_eq!(endpoint.url.as_str(), "https://zoom.us/oauth/token");
    }

    #[test]
    fn a13_a_pair_is_not_lost_to_a_byte_order_mark_or_to_a_scope_cut_within_a_character() {
        for body in [
            "\u{feff}{\"access_token\":\"a\",\"refresh_token\":\"r\"}",
            r#"{"access_token":"a","refresh_token":"r","scope":"\ud83d"}"#,
        ] {
            assert_eq!(judged(200, body).unwrap().refresh.unwrap().expose(), "r", "{body}");
        }
    }

    /// An answer with some of the fields that count, each of which may be anything.
    fn any_answer() -> impl Strategy<Value = String> {
        const NAMES: [&str; 7] =
            ["access_token", "refresh_token", "expires_in", "scope", "error", "reason", "error_description"];
        let value = prop_oneof![
            3 => select(vec![
                json!("a"), json!("SECRET-r"), json!(3599), json!("3599"), json!(0), json!(-1), json!(1e300), json!(1.5),
                json!("invalid_grant"), json!("Invalid Token!"), json!(null), json!(""), json!("two words"),
            ]).prop_map(|value| value.to_string()),
            1 => hostile::json().prop_map(|value| value.to_string()),
            1 => hostile::well_formed_json(),
        ];
        let object = prop::collection::vec((select(&NAMES[..]), value), 0..5).prop_map(|fields| {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", fields.join(","))
        });
        prop_oneof![3 => object, 1 => hostile::json_text()]
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn a1_a13_any_answer_grants_usable_tokens_or_says_why_not(
            body in any_answer(),
            status in select(&[200_u16, 200, 200, 201, 302, 400, 401, 404, 429, 500, 503][..]),
            retry_after in prop::option::of(hostile::header_values()),
        ) {
            let headers: HeaderMap = retry_after.map(|value| (reqwest::header::RETRY_AFTER, value)).into_iter().collect();
            let status = StatusCode::from_u16(status).unwrap();
            match judged_with(status, &headers, &body) {
                Ok(granted) => {
                    prop_assert!(status.is_success());
                    prop_assert!(access::is_token(granted.access.expose()));
                    prop_assert!(granted.refresh.is_none_or(|refresh| access::is_token(refresh.expose())));
                    let lifetime = granted.access.expires_at() - now();
                    prop_assert!(lifetime >= TimeDelta::minutes(1) && lifetime <= TimeDelta::days(1), "{}", lifetime);
                }
                Err(Denied::Refused { reason, .. }) => prop_assert!(!reason.is_empty()),
                Err(Denied::Temporary { until, .. }) => {
                    let latest = now() + TimeDelta::days(1);
                    prop_assert!(until.is_none_or(|until| until > now() && until <= latest), "{:?}", until);
                }
            }
        }

        #[test]
        fn l6_whatever_zoom_says_is_told_in_one_short_line_without_our_secrets(
            before in hostile::strings(),
            (secret, at, inserted) in (select(&["SECRET-token", "SECRET-client"][..]), 0..12_usize, "[\0\n\u{1b}\u{85}]{0,2}"),
            after in hostile::strings(),
        ) {
            let (start, end) = secret.split_at(at);
            let told = ENDPOINT.safe(&format!("{before}{start}{inserted}{end}{after}"), &["SECRET-token"]);
            prop_assert!(!told.contains("SECRET-token") && !told.contains("SECRET-client"), "{}", told);
            prop_assert!(!told.contains(char::is_control) && told.chars().count() <= REASON_LIMIT);
        }
    }
}
