//! A GET that follows redirects by hand, so that every hop is checked and the token stays where it may go.

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::error::host_of;
use super::{HttpError, RedirectError, Trust};

/// How many redirects are followed before they count as a loop.
const MAX_REDIRECTS: usize = 10;

/// An answer whose body has yet to be read; its status may be a refusal.
#[derive(Debug)]
pub struct Opened {
    /// The answer of the last hop.
    pub response: Response,
    /// Whether it came from elsewhere than the address asked.
    pub was_redirected: bool,
}

/// Opens an address and follows its redirects, at most 10, under the rules of `trust`.
///
/// `token` goes with the first request if its address may see it, and on only as long as the origin stays the same:
/// after a redirect to another one it is sent no more, not even where a later hop comes back.
/// `headers` (`Range`, `If-Range`) go with every hop, so that no secret belongs there; so does
/// `Accept-Encoding: identity`, for the bytes are to be those of the file.
///
/// # Errors
/// [`HttpError`], never for a status: what a refusal means is the caller's to say.
pub async fn get_following(
    client: &Client,
    url: &Url,
    token: Option<&SecretString>,
    trust: &Trust,
    headers: &HeaderMap,
    stop: &CancellationToken,
) -> Result<Opened, HttpError> {
    let following = follow(client, url, token, trust, headers);
    stop.run_until_cancelled(following).await.unwrap_or(Err(HttpError::Stopping))
}

async fn follow(
    client: &Client,
    url: &Url,
    token: Option<&SecretString>,
    trust: &Trust,
    headers: &HeaderMap,
) -> Result<Opened, HttpError> {
    trust.check(url)?;
    if !trust.is_configured(url) {
        trust.refuse_private_names(url).await?;
    }
    let mut headers = headers.clone();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let mut token = token.filter(|_| trust.may_carry_token(url));
    let mut here = url.clone();
    for hop in 0..=MAX_REDIRECTS {
        let mut request = client.get(here.clone()).headers(headers.clone());
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        let response = request.send().await.map_err(|error| HttpError::sorted(&here, error))?;
        if !is_redirect(response.status()) {
            return Ok(Opened { response, was_redirected: hop > 0 });
        }
        let next = trust.check_redirect(&here, location(&response)?)?;
        trust.refuse_private_names(&next).await?;
        token = token.filter(|_| next.origin() == here.origin());
        here = next;
    }
    Err(RedirectError::TooMany { host: host_of(url), limit: MAX_REDIRECTS }.into())
}

/// Whether a status sends a GET elsewhere (RFC 9110, section 15.4); 300 and 304 don't.
fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn location(response: &Response) -> Result<&str, RedirectError> {
    let host = || host_of(response.url());
    let value = response
        .headers()
        .get(LOCATION)
        .ok_or_else(|| RedirectError::NoLocation { host: host(), status: response.status() })?;
    std::str::from_utf8(value.as_bytes()).map_err(|_| RedirectError::Unreadable { host: host() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::{IF_RANGE, RANGE};

    use super::super::Clients;
    use super::super::testing::{Reply, ScriptedServer};
    use super::*;

    /// Opens `path` on the server that is the API, with a token.
    async fn open(api: &ScriptedServer, path: &str) -> Result<Opened, HttpError> {
        open_trusting(api, api, &api.url(path)).await
    }

    async fn open_trusting(api: &ScriptedServer, oauth: &ScriptedServer, url: &Url) -> Result<Opened, HttpError> {
        let client = Clients::without_proxy(Duration::from_secs(10), Duration::from_secs(10)).unwrap().transfer;
        let trust = Trust::new(&api.url("/v2"), &oauth.url("/oauth"));
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_static("bytes=5-"));
        headers.insert(IF_RANGE, HeaderValue::from_static("\"tag\""));
        let token = SecretString::from("SECRET-token");
        get_following(&client, url, Some(&token), &trust, &headers, &CancellationToken::new()).await
    }

    fn tokens_seen(server: &ScriptedServer) -> Vec<Option<String>> {
        server.requests().iter().map(|request| request.header("Authorization").map(str::to_owned)).collect()
    }

    #[tokio::test]
    async fn a_direct_answer_is_asked_for_with_the_token() {
        let api = ScriptedServer::start(|_| Reply::with(200, &[], "bytes")).await;
        let opened = open(&api, "/rec").await.unwrap();
        assert!(!opened.was_redirected);
        assert_eq!(opened.response.text().await.unwrap(), "bytes");
        assert_eq!(tokens_seen(&api), [Some("Bearer SECRET-token".to_owned())]);
    }

    #[tokio::test]
    async fn h15_after_another_origin_the_token_is_sent_no_more_though_both_are_trusted_and_a_hop_comes_back() {
        let elsewhere =
            ScriptedServer::start(|request| Reply::redirect(request.target.strip_prefix("/?back=").unwrap())).await;
        let away = elsewhere.url("/");
        let api = ScriptedServer::start(move |request| match request.target.as_str() {
            "/rec" => Reply::redirect("/same-origin"),
            "/same-origin" => Reply::redirect(&format!("{away}?back=http://{}/back", request.header("Host").unwrap())),
            _ => Reply::with(206, &[], "bytes"),
        })
        .await;

        let opened = open_trusting(&api, &elsewhere, &api.url("/rec")).await.unwrap();

        assert!(opened.was_redirected);
        assert_eq!(opened.response.status(), StatusCode::PARTIAL_CONTENT);
        let token = Some("Bearer SECRET-token".to_owned());
        assert_eq!(tokens_seen(&api), [token.clone(), token, None]);
        assert_eq!(tokens_seen(&elsewhere), [None]);
    }

    #[tokio::test]
    async fn h18_a_foreign_first_address_is_asked_without_the_token() {
        let api = ScriptedServer::start(|_| Reply::Cut).await;
        let foreign = ScriptedServer::start(|_| Reply::with(200, &[], "bytes")).await;
        open_trusting(&api, &api, &foreign.url("/rec")).await.unwrap();
        assert_eq!(tokens_seen(&foreign), [None]);
    }

    #[tokio::test]
    async fn h15_every_hop_asks_for_the_same_bytes_and_tells_nothing_of_the_last_one() {
        let cdn = ScriptedServer::start(|_| Reply::with(206, &[], "bytes")).await;
        let signed = cdn.url("/file?Signature=x");
        let api = ScriptedServer::start(move |_| {
            Reply::with(302, &[("Location", signed.as_str()), ("Set-Cookie", "a=b")], "")
        })
        .await;
        open(&api, "/rec?passcode=SECRET").await.unwrap();
        for request in api.requests().iter().chain(&cdn.requests()) {
            assert_eq!(request.header("Range"), Some("bytes=5-"));
            assert_eq!(request.header("If-Range"), Some("\"tag\""));
            assert_eq!(request.header("Accept-Encoding"), Some("identity"));
            assert_eq!(request.header("Referer"), None);
            assert_eq!(request.header("Cookie"), None);
            assert!(request.header("User-Agent").unwrap().starts_with("zoom-archiver/"));
        }
    }

    #[tokio::test]
    async fn h16_ten_redirects_are_followed_and_an_eleventh_is_not() {
        let api =
            ScriptedServer::start(|request| match request.target.trim_start_matches('/').parse::<usize>().unwrap() {
                0 => Reply::with(200, &[], ""),
                left => Reply::redirect(&format!("/{}", left - 1)),
            })
            .await;
        open(&api, "/10").await.unwrap();
        let error = open(&api, "/11").await.unwrap_err();
        assert_eq!(error.to_string(), "127.0.0.1 redirects more than 10 times");
    }

    #[tokio::test]
    async fn h16_a_redirect_without_an_address_is_an_error() {
        let api = ScriptedServer::start(|_| Reply::with(302, &[], "")).await;
        let error = open(&api, "/").await.unwrap_err();
        assert!(matches!(error, HttpError::Redirect(RedirectError::NoLocation { .. })), "{error:?}");
    }

    #[tokio::test]
    async fn a_status_that_is_no_redirect_is_the_callers_to_judge() {
        let api = ScriptedServer::start(|_| Reply::with(416, &[], "")).await;
        assert_eq!(open(&api, "/").await.unwrap().response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    }
}
