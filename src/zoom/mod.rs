//! Zoom's API: listing recordings and opening downloads.
//!
//! - [`Zoom`]: the calls, each with its retries and at most one renewal of the token
//! - [`windows`]: which days to ask for; [`scopes`]: what an app must be allowed
//! - [`wire`]: Zoom's JSON; nothing past it knows the format
//! - [`ZoomError`]: what a refusal means

mod error;
pub mod scopes;
pub mod windows;
pub mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap};
use reqwest::{Response, StatusCode};
use tokio_util::sync::CancellationToken;
use url::Url;

pub use error::ZoomError;
use windows::Window;
use wire::{ListPage, Me, PageToken, Refusal, WireError};

use crate::clock;
use crate::http::{self, Clients, HttpError, Opened, RateLimit, Trust};
use crate::meeting::{DownloadUrl, UserId};
use crate::oauth::{AccessToken, Tokens};
use crate::trouble::Trouble;

/// The most that `page_size` may be (Zoom API, "List all recordings").
const PAGE_SIZE: &str = "300";
/// How often one call is repeated when it fails for a reason that passes.
const RETRIES: usize = 4;
/// A rate limit that lasts longer ends the poll; a shorter one is waited out.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A page, and the server's own idea of the time.
#[derive(Debug)]
pub struct Listed {
    /// The page.
    pub page: ListPage,
    /// Its `Date` header.
    pub server_time: Option<DateTime<Utc>>,
}

/// Zoom, as one authorized app sees it. A clone shares connections and tokens.
#[derive(Clone, Debug)]
pub struct Zoom {
    api_url: Url,
    clients: Clients,
    trust: Trust,
    tokens: Tokens,
    /// Between the tries of one call.
    pauses: ExponentialBuilder,
    /// Until when Zoom asked to be left alone; it holds for all calls of the API, whichever met it.
    limit: Arc<Mutex<Option<RateLimit>>>,
}

impl Zoom {
    /// Zoom under `api_url`, asked with these tokens.
    #[must_use]
    pub fn new(api_url: &Url, clients: Clients, trust: Trust, tokens: Tokens) -> Self {
        let (pauses, limit) = (http::backoff(RETRIES), Arc::default());
        Self { api_url: api_url.clone(), clients, trust, tokens, pauses, limit }
    }

    /// The tokens that it asks with.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Whether anybody answers at the API's address, and what time it is there. It is asked once, and without a token.
    ///
    /// # Errors
    /// [`HttpError`] where no answer came; whatever one says will do.
    pub async fn reach(&self, stop: &CancellationToken) -> Result<Option<DateTime<Utc>>, HttpError> {
        let answer = stop.run_until_cancelled(self.clients.api.get(self.api_url.clone()).send()).await;
        let response = answer.ok_or(HttpError::Stopping)?.map_err(|error| HttpError::sorted(&self.api_url, error))?;
        Ok(date(response.headers()))
    }

    /// One page of a user's recordings in a window of days (`GET /users/{userId}/recordings`).
    ///
    /// # Errors
    /// [`ZoomError`], after a few tries where the reason may pass.
    pub async fn list(
        &self,
        user: &UserId,
        window: Window,
        page: Option<&PageToken>,
        stop: &CancellationToken,
    ) -> Result<Listed, ZoomError> {
        let mut url = self.api_url.clone();
        url.set_path(&format!("{}/users/{}/recordings", url.path().trim_end_matches('/'), user.path_segment()));
        url.query_pairs_mut()
            .append_pair("page_size", PAGE_SIZE)
            .append_pair("from", &window.from.to_string())
            .append_pair("to", &window.to.to_string())
            .extend_pairs(page.map(|token| ("next_page_token", token.0.as_str())));
        let (headers, page) = self.get(&url, |body| wire::list_page(body, user), stop).await?;
        Ok(Listed { page, server_time: date(&headers) })
    }

    /// Whoever authorized the app (`GET /users/me`, with a scope of its own that nothing else here needs).
    ///
    /// # Errors
    /// [`ZoomError`]; a scope that lacks, in most cases.
    pub async fn me(&self, stop: &CancellationToken) -> Result<Me, ZoomError> {
        let mut url = self.api_url.clone();
        url.set_path(&format!("{}/users/me", url.path().trim_end_matches('/')));
        Ok(self.get(&url, wire::me, stop).await?.1)
    }

    /// Gets an answer of the API, as `read` reads it: repeated where that may help.
    async fn get<T>(
        &self,
        url: &Url,
        read: impl Fn(&[u8]) -> Result<T, WireError>,
        stop: &CancellationToken,
    ) -> Result<(HeaderMap, T), ZoomError> {
        let mut pauses = self.pauses.build();
        loop {
            self.wait_for_limit(stop).await?;
            let answer = stop.run_until_cancelled(self.get_renewing(url, &read, stop)).await;
            let error = match answer.unwrap_or(Err(HttpError::Stopping.into())) {
                Err(error) if may_be_repeated(&error) => error,
                other => return other,
            };
            let Some(pause) = pauses.next() else { return Err(error) };
            // Zoom's own word on when to ask again is a lower bound.
            let pause = match &error {
                ZoomError::RateLimited(limit) => pause.max(limit.wait(clock::now())),
                _ => pause,
            };
            let wait = humantime::format_duration(Duration::from_secs(pause.as_secs()));
            tracing::warn!(%wait, "Zoom's API failed and is asked again: {}", crate::chain::chain(&error));
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return Err(HttpError::Stopping.into());
            }
        }
    }

    /// Waits as long as Zoom asked some call to, where that is short; else it is the answer to this one, too.
    async fn wait_for_limit(&self, stop: &CancellationToken) -> Result<(), ZoomError> {
        let Some(limit) = *self.limit() else { return Ok(()) };
        let now = clock::now();
        if !clock::is_yet_to_come(limit.until, now, RateLimit::LONGEST) {
            return Ok(());
        }
        let wait = limit.wait(now);
        if wait > LONGEST_PAUSE {
            return Err(ZoomError::RateLimited(limit));
        }
        stop.run_until_cancelled(tokio::time::sleep(wait)).await.ok_or(HttpError::Stopping.into())
    }

    fn limit(&self) -> MutexGuard<'_, Option<RateLimit>> {
        self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gets an answer, with a new token where the old one is refused.
    async fn get_renewing<T>(
        &self,
        url: &Url,
        read: &impl Fn(&[u8]) -> Result<T, WireError>,
        stop: &CancellationToken,
    ) -> Result<(HeaderMap, T), ZoomError> {
        let token = self.tokens.access(Duration::ZERO, stop).await?;
        match self.get_once(url, &token, read).await {
            Err(error) if error.trouble() == Some(Trouble::AccessToken) => {
                let token = self.tokens.renew(&token, stop).await?;
                self.get_once(url, &token, read).await
            }
            other => other,
        }
    }

    /// Gets an answer and reads it: Zoom sends refusals with 200, too, and gateways send pages.
    async fn get_once<T>(
        &self,
        url: &Url,
        token: &AccessToken,
        read: impl Fn(&[u8]) -> Result<T, WireError>,
    ) -> Result<(HeaderMap, T), ZoomError> {
        let request = self.clients.api.get(url.clone()).bearer_auth(token.expose()).send();
        let response = request.await.map_err(|error| HttpError::sorted(url, error))?;
        let status = response.status();
        let headers = response.headers().clone();
        if status.is_success() {
            let body = http::read_capped(response, http::JSON_BODY_LIMIT).await?;
            return Ok((headers, read(&body)?));
        }
        let refused = refused(status, &headers, response).await;
        if let ZoomError::RateLimited(limit) = &refused {
            *self.limit() = Some(*limit);
        }
        Err(refused)
    }

    /// Opens a recording file for reading from `headers`' `Range` on; the token is renewed once where it is refused.
    ///
    /// The answer's status is the caller's to judge.
    ///
    /// # Errors
    /// [`ZoomError`] where no answer came, or no token could be had.
    pub async fn open(
        &self,
        url: &DownloadUrl,
        headers: &HeaderMap,
        stop: &CancellationToken,
    ) -> Result<Response, ZoomError> {
        let token = self.tokens.access(Duration::ZERO, stop).await?;
        let opened = self.open_with(&token, url, headers, stop).await?;
        // Whoever was redirected to has not seen the token.
        if opened.was_redirected || opened.response.status() != StatusCode::UNAUTHORIZED {
            return Ok(opened.response);
        }
        let token = self.tokens.renew(&token, stop).await?;
        Ok(self.open_with(&token, url, headers, stop).await?.response)
    }

    async fn open_with(
        &self,
        token: &AccessToken,
        url: &DownloadUrl,
        headers: &HeaderMap,
        stop: &CancellationToken,
    ) -> Result<Opened, ZoomError> {
        let client = &self.clients.transfer;
        Ok(http::get_following(client, url.expose(), Some(token.secret()), &self.trust, headers, stop).await?)
    }
}

async fn refused(status: StatusCode, headers: &HeaderMap, response: Response) -> ZoomError {
    let host = response.url().host_str().unwrap_or_default().to_owned();
    let refusal = match http::read_capped(response, http::ERROR_BODY_LIMIT).await {
        Ok(body) => wire::refusal(&body),
        Err(_) => None,
    };
    if status == StatusCode::TOO_MANY_REQUESTS {
        let message = refusal.map(|refusal| refusal.message).unwrap_or_default();
        return ZoomError::RateLimited(RateLimit::read(headers, &message, clock::now()));
    }
    match refusal {
        Some(refusal) => ZoomError::Refused { status, refusal },
        None if status == StatusCode::UNAUTHORIZED => {
            ZoomError::Refused { status, refusal: Refusal { code: 124, message: "no reason given".to_owned() } }
        }
        None => HttpError::Status { host, status }.into(),
    }
}

/// Whether it is worth asking again in this poll.
fn may_be_repeated(error: &ZoomError) -> bool {
    match error {
        ZoomError::RateLimited(limit) => limit.wait(clock::now()) <= LONGEST_PAUSE,
        other => other.is_transient(),
    }
}

fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let text = headers.get(DATE)?.to_str().ok()?;
    httpdate::parse_http_date(text).ok().map(DateTime::from)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tempfile::TempDir;

    use super::*;
    use crate::http::testing::{Reply, ScriptedServer};
    use crate::oauth::TokenSettings;

    /// A Zoom that hands out tokens and answers listings so.
    struct Scene {
        server: ScriptedServer,
        zoom: Zoom,
        _folder: TempDir,
    }

    impl Scene {
        async fn set(listing: impl Fn() -> Reply + Send + Sync + 'static) -> Self {
            let server = ScriptedServer::start(move |request| match request.target.as_str() {
                "/oauth/token" => Reply::json(200, r#"{"access_token":"a","refresh_token":"r","expires_in":3599}"#),
                _ => listing(),
            })
            .await;
            let folder = tempfile::tempdir().unwrap();
            let token_file = folder.path().join("token");
            std::fs::write(&token_file, "first").unwrap();
            let clients = Clients::without_proxy(Duration::from_secs(10), Duration::from_secs(10)).unwrap();
            let (api_url, oauth_url) = (server.url("/v2"), server.url("/oauth"));
            let settings = TokenSettings {
                issuer: crate::oauth::Issuer::Zoom,
                client_id: "id".to_owned(),
                client_secret: "secret".into(),
                token_file,
                oauth_url: oauth_url.clone(),
            };
            let tokens = Tokens::new(settings, clients.api.clone());
            let pauses = http::backoff(RETRIES)
                .with_min_delay(Duration::from_millis(1))
                .with_max_delay(Duration::from_millis(1));
            let zoom = Zoom { pauses, ..Zoom::new(&api_url, clients, Trust::new(&api_url, &oauth_url), tokens) };
            Self { server, zoom, _folder: folder }
        }

        async fn list(&self) -> Result<Listed, ZoomError> {
            let today = Window::of_day(clock::now().date_naive());
            self.zoom.list(&"me".parse().unwrap(), today, None, &CancellationToken::new()).await
        }

        fn times_listed(&self) -> usize {
            self.server.requests().iter().filter(|request| request.target.starts_with("/v2")).count()
        }
    }

    #[tokio::test]
    async fn h23_a_call_is_repeated_so_often_and_no_more_however_long_the_storm_lasts() {
        for status in [500, 502, 503, 504] {
            let scene = Scene::set(move || Reply::with(status, &[("Content-Type", "text/html")], "<html>Busy")).await;

            let error = scene.list().await.unwrap_err();

            assert!(error.is_transient(), "{error}");
            assert_eq!(scene.times_listed(), 1 + RETRIES);
        }
    }

    #[tokio::test]
    async fn h21_a_limit_that_one_call_met_is_waited_for_by_all() {
        let scene = Scene::set(|| Reply::with(429, &[("Retry-After", "3600")], "")).await;
        let first = scene.list().await.unwrap_err();

        let second = scene.list().await.unwrap_err();

        assert!(matches!((first, second), (ZoomError::RateLimited(a), ZoomError::RateLimited(b)) if a == b));
        assert_eq!(scene.times_listed(), 1);
    }

    #[tokio::test]
    async fn h21_a_limit_that_is_over_is_forgotten() {
        let scene = Scene::set(|| Reply::json(200, r#"{"meetings":[]}"#)).await;
        for until in [clock::now() - TimeDelta::seconds(1), clock::now() + TimeDelta::days(365)] {
            *scene.zoom.limit() = Some(RateLimit { kind: http::RateKind::Daily, until });

            assert!(scene.list().await.is_ok(), "{until}");
        }
    }

    #[tokio::test]
    async fn h13_a_page_in_place_of_a_listing_is_asked_about_again_and_an_error_with_200_is_an_error() {
        let page = Scene::set(|| Reply::with(200, &[("Content-Type", "text/html")], "<html>Please sign in")).await;
        assert!(matches!(page.list().await, Err(ZoomError::Wire(WireError::NotJson(_)))));
        assert_eq!(page.times_listed(), 1 + RETRIES);

        for (code, tokens) in [(200, 1), (124, 2)] {
            let refusal = Scene::set(move || Reply::json(200, &format!(r#"{{"code":{code},"message":"No"}}"#))).await;
            assert!(matches!(refusal.list().await, Err(ZoomError::Refused { status: StatusCode::OK, .. })));
            assert_eq!(refusal.times_listed(), tokens, "{code}: asked again with another token only");
        }
    }
}
