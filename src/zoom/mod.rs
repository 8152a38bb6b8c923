//! Zoom's API: listing recordings and opening downloads.
//!
//! - [`Zoom`]: the calls, each with its retries and at most one renewal of the token
//! - [`windows`]: which days to ask for
//! - [`wire`]: Zoom's JSON; nothing past it knows the format
//! - [`ZoomError`]: what a refusal means

mod error;
pub mod windows;
pub mod wire;

use std::time::Duration;

use backon::BackoffBuilder;
use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap};
use reqwest::{Response, StatusCode};
use tokio_util::sync::CancellationToken;
use url::Url;

pub use error::{RefusalKind, ZoomError};
use windows::Window;
use wire::{ListPage, PageToken, Refusal};

use crate::clock;
use crate::http::{self, Clients, HttpError, Opened, RateLimit, Trust};
use crate::meeting::{DownloadUrl, UserId};
use crate::oauth::{AccessToken, Tokens};

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
}

impl Zoom {
    /// Zoom under `api_url`, asked with these tokens.
    #[must_use]
    pub fn new(api_url: &Url, clients: Clients, trust: Trust, tokens: Tokens) -> Self {
        Self { api_url: api_url.clone(), clients, trust, tokens }
    }

    /// The tokens that it asks with.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
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
        let (headers, body) = self.get(&url, stop).await?;
        let page = wire::list_page(&body, user)?;
        Ok(Listed { page, server_time: date(&headers) })
    }

    /// Gets an answer of the API: repeated where that may help.
    async fn get(&self, url: &Url, stop: &CancellationToken) -> Result<(HeaderMap, Vec<u8>), ZoomError> {
        let mut pauses = http::backoff(RETRIES).build();
        loop {
            let answer = stop.run_until_cancelled(self.get_renewing(url, stop)).await;
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

    /// Gets an answer, with a new token where the old one is refused.
    async fn get_renewing(&self, url: &Url, stop: &CancellationToken) -> Result<(HeaderMap, Vec<u8>), ZoomError> {
        let token = self.tokens.access(Duration::ZERO, stop).await?;
        match self.get_once(url, &token).await {
            Err(error) if error.refusal_kind() == Some(RefusalKind::Token) => {
                let token = self.tokens.renew(&token, stop).await?;
                self.get_once(url, &token).await
            }
            other => other,
        }
    }

    async fn get_once(&self, url: &Url, token: &AccessToken) -> Result<(HeaderMap, Vec<u8>), ZoomError> {
        let request = self.clients.api.get(url.clone()).bearer_auth(token.expose()).send();
        let response = request.await.map_err(|error| HttpError::sorted(url, error))?;
        let status = response.status();
        let headers = response.headers().clone();
        if status.is_success() {
            return Ok((headers, http::read_capped(response, http::JSON_BODY_LIMIT).await?));
        }
        Err(refused(status, &headers, response).await)
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
