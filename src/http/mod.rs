//! HTTP plumbing: the clients, and the rules for where a secret may be sent.
//!
//! - [`Clients`]: one client for the API's short answers, one for long transfers; [`upload_client`]: one for what is sent; none
//!   follows redirects
//! - [`Trust`]: which hosts may see a token, and where a redirect may lead
//! - [`get_following`]: a GET that follows redirects under these rules
//! - [`read_capped`]: a body of bounded size; [`read_json`]: what it says, where it is JSON
//! - [`RateLimit`], [`backoff`]: how long to wait before the next try
//! - [`Pace`]: the bandwidth that all transfers share
//!
//! What an answer means belongs to those who ask (`zoom`, `oauth`).

mod body;
mod error;
mod get;
mod json;
mod pace;
mod retry;
#[cfg(test)]
pub(crate) mod testing;
mod trust;

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

pub use body::{ERROR_BODY_LIMIT, JSON_BODY_LIMIT, read_capped};
pub use error::HttpError;
pub use get::{Opened, get_following};
pub use json::{json_text, read_json};
pub use pace::Pace;
pub use retry::{RateKind, RateLimit, backoff};
pub use trust::{RedirectError, Trust};

/// How long one request to the API may take, from the first byte sent to the last received.
const API_TIMEOUT: Duration = Duration::from_secs(60);

/// The two kinds of conversation; a clone shares the connections.
#[derive(Clone, Debug)]
pub struct Clients {
    /// For the API and for tokens: small answers, each within 60 s as a whole.
    pub api: Client,
    /// For recordings: no limit as a whole, but none of the pauses may last longer than the stall timeout.
    pub transfer: Client,
}

impl Clients {
    /// Clients that go through the system's proxy where one is set.
    ///
    /// # Errors
    /// [`HttpError::Setup`], where TLS can't be had (no certificates of authorities on the machine, say).
    pub fn new(connect_timeout: Duration, stall_timeout: Duration) -> Result<Self, HttpError> {
        Self::build(connect_timeout, stall_timeout, API_TIMEOUT, |builder| builder)
    }

    /// Clients that ignore the system's proxy: a service on loopback is out of a proxy's reach.
    ///
    /// # Errors
    /// As [`Clients::new`].
    pub fn without_proxy(connect_timeout: Duration, stall_timeout: Duration) -> Result<Self, HttpError> {
        Self::build(connect_timeout, stall_timeout, API_TIMEOUT, ClientBuilder::no_proxy)
    }

    fn build(
        connect_timeout: Duration,
        stall_timeout: Duration,
        api_timeout: Duration,
        route: impl Fn(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, HttpError> {
        let common = || route(common(connect_timeout));
        Ok(Self {
            api: common().timeout(api_timeout).build().map_err(HttpError::Setup)?,
            // The wait for an answer's head is one pause, however its bytes drip.
            // One TCP connection per transfer: HTTP/2 would share one window among all and hand out small frames.
            transfer: common().read_timeout(stall_timeout).http1_only().build().map_err(HttpError::Setup)?,
        })
    }
}

/// A client for videos on their way out. It has no limit but for connecting: no client can tell a long body that goes out from
/// an answer that doesn't come, so that whoever sends watches that it goes on. With `is_local`, it ignores the system's proxy.
///
/// # Errors
/// As [`Clients::new`].
pub fn upload_client(connect_timeout: Duration, is_local: bool) -> Result<Client, HttpError> {
    let common = common(connect_timeout).http1_only();
    if is_local { common.no_proxy() } else { common }.build().map_err(HttpError::Setup)
}

fn common(connect_timeout: Duration) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("zoom-archiver/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(connect_timeout)
}

#[cfg(test)]
mod tests {
    use super::testing::{Reply, ScriptedServer};
    use super::*;

    const SHORT: Duration = Duration::from_millis(300);
    const LONG: Duration = Duration::from_secs(3600);

    /// A server whose every answer takes some ten seconds, but never pauses for long.
    async fn dripping_server() -> ScriptedServer {
        let answer = format!("HTTP/1.1 200 OK\r\nX-Filler: {}\r\nContent-Length: 2\r\n\r\n[]", "x".repeat(1000));
        ScriptedServer::start(move |_| Reply::Drip(answer.clone(), SHORT / 30)).await
    }

    #[tokio::test]
    async fn h4_a_head_that_drips_is_waited_for_no_longer_than_one_that_does_not_come() {
        let server = dripping_server().await;
        let client = Clients::build(LONG, SHORT, LONG, ClientBuilder::no_proxy).unwrap().transfer;

        let error = client.get(server.url("/")).send().await.unwrap_err();

        assert!(error.is_timeout(), "{error:?}");
    }

    #[tokio::test]
    async fn h4_a_json_answer_that_drips_is_bounded_as_a_whole() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
        let server = ScriptedServer::start(move |request| match request.target.as_str() {
            "/head" => Reply::Drip(format!("HTTP/1.1 200 OK\r\nX-Filler: {}", "x".repeat(1000)), SHORT / 30),
            _ => Reply::Drip(format!("{head}{}", "x".repeat(1000)), SHORT / 30),
        })
        .await;
        let client = Clients::build(LONG, LONG, 2 * SHORT, ClientBuilder::no_proxy).unwrap().api;
        for path in ["/head", "/body"] {
            let url = server.url(path);

            let read = async { read_capped(client.get(url).send().await.map_err(HttpError::Setup)?, 1 << 20).await };

            match read.await.unwrap_err() {
                HttpError::Setup(source) | HttpError::Timeout { source, .. } => assert!(source.is_timeout(), "{path}"),
                other => panic!("{path}: {other:?}"),
            }
        }
    }

    /// What becomes of a short question to the API that is answered so, with a second for all of it.
    async fn ask(reply: impl Fn() -> Reply + Send + Sync + 'static) -> HttpError {
        let server = ScriptedServer::start(move |_| reply()).await;
        let api = Clients::build(LONG, LONG, Duration::from_secs(1), ClientBuilder::no_proxy).unwrap().api;
        let sorted = |error| HttpError::sorted(&server.url("/"), error);
        match api.get(server.url("/")).send().await {
            Err(error) => sorted(error),
            Ok(response) => read_capped(response, JSON_BODY_LIMIT).await.unwrap_err(),
        }
    }

    #[tokio::test]
    async fn h4_h5_an_api_that_falls_silent_at_any_point_is_given_up() {
        for said in ["", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"meet"] {
            let error = ask(|| Reply::Stalled(said.to_owned())).await;
            assert!(matches!(error, HttpError::Timeout { .. }), "{said:?}: {error:?}");
            assert!(error.is_transient());
        }
    }

    #[tokio::test]
    async fn h5_a_head_too_large_to_be_one_is_given_up() {
        let error = ask(|| Reply::raw(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20)))).await;
        assert!(matches!(error, HttpError::Broken { .. }), "{error:?}");
    }
}
