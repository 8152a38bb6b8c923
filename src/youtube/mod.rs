//! `YouTube`'s Data API, as one authorized channel.
//!
//! - [`day`]: when the day begins by which `YouTube` counts
//! - [`Youtube`]: the calls, each with its retries and at most one renewal of the token
//! - `wire`: Google's JSON; nothing past it knows the format
//! - [`YoutubeError`]: what a refusal means
//! - [`Metadata`]: what a video is called and said to be; [`Marker`]: the tag by which it is found again

pub mod day;
mod error;
mod marker;
mod metadata;
mod wire;

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::{DateTime, Utc};
use reqwest::Client;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use error::YoutubeError;
pub use marker::Marker;
pub use metadata::Metadata;
pub use wire::{Channel, LongUploads};

use crate::chain::chain;
use crate::http::{self, HttpError};
use crate::oauth::{AccessToken, Tokens};
use crate::trouble::Trouble;

/// How often one call is repeated when it fails for a reason that passes.
const RETRIES: usize = 3;
/// The most videos of a day that are counted; the API takes no more than 100 a day by default.
pub const MOST_COUNTED: usize = 500;

/// `YouTube`, as the channel that was authorized. A clone shares connections and tokens.
#[derive(Clone, Debug)]
pub struct Youtube {
    api_url: Url,
    client: Client,
    tokens: Tokens,
    /// Between the tries of one call.
    pauses: ExponentialBuilder,
}

impl Youtube {
    /// `YouTube` under `api_url`, asked with these tokens.
    #[must_use]
    pub fn new(api_url: &Url, client: Client, tokens: Tokens) -> Self {
        Self { api_url: api_url.clone(), client, tokens, pauses: http::backoff(RETRIES) }
    }

    /// The tokens that it is asked with.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The channel that the token writes to (`channels.list`, one unit of the day's quota).
    ///
    /// # Errors
    /// [`YoutubeError`]; [`YoutubeError::NoChannel`] where the account has none.
    pub async fn channel(&self, stop: &CancellationToken) -> Result<Channel, YoutubeError> {
        let query = [("part", "snippet,status,contentDetails"), ("mine", "true")];
        self.get("channels", &query, wire::channel, stop).await
    }

    /// How many videos of a channel were published at `since` or later, by whatever program or person
    /// (`playlistItems.list`, one unit of the day's quota for each 50 of them).
    ///
    /// More than [`MOST_COUNTED`] are not counted.
    ///
    /// # Errors
    /// [`YoutubeError`].
    pub async fn uploads_since(
        &self,
        channel: &Channel,
        since: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Result<usize, YoutubeError> {
        let mut count = 0;
        let mut next = None;
        loop {
            let mut query = vec![("part", "snippet"), ("playlistId", channel.uploads.as_str()), ("maxResults", "50")];
            query.extend(next.as_deref().map(|token| ("pageToken", token)));
            let page = match self.get("playlistItems", &query, wire::uploads, stop).await {
                // The playlist is there from the channel's first video on.
                Err(YoutubeError::Refused { refusal, .. }) if refusal.reason == "playlistNotFound" => return Ok(0),
                page => page?,
            };
            // The newest come first.
            let new = page.published.iter().filter(|time| **time >= since).count();
            count += new;
            if page.next.is_none() || new < page.published.len() || new == 0 || count >= MOST_COUNTED {
                return Ok(count);
            }
            next = page.next;
        }
    }

    /// Gets an answer of the API, as `read` reads it: repeated where that may help.
    async fn get<T>(
        &self,
        resource: &str,
        query: &[(&str, &str)],
        read: impl Fn(&[u8]) -> Result<T, YoutubeError>,
        stop: &CancellationToken,
    ) -> Result<T, YoutubeError> {
        let mut url = self.api_url.clone();
        url.set_path(&format!("{}/youtube/v3/{resource}", url.path().trim_end_matches('/')));
        url.query_pairs_mut().extend_pairs(query);
        let mut pauses = self.pauses.build();
        loop {
            let answer = stop.run_until_cancelled(self.get_renewing(&url, &read, stop)).await;
            let error = match answer.unwrap_or(Err(HttpError::Stopping.into())) {
                Err(error) if error.is_transient() => error,
                other => return other,
            };
            let Some(pause) = pauses.next() else { return Err(error) };
            tracing::warn!(wait = ?pause, "YouTube failed and is asked again: {}", chain(&error));
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return Err(HttpError::Stopping.into());
            }
        }
    }

    /// Gets an answer, with a new token where the old one is refused.
    async fn get_renewing<T>(
        &self,
        url: &Url,
        read: &impl Fn(&[u8]) -> Result<T, YoutubeError>,
        stop: &CancellationToken,
    ) -> Result<T, YoutubeError> {
        let token = self.tokens.access(Duration::ZERO, stop).await?;
        match self.get_once(url, &token, read).await {
            Err(error) if error.trouble() == Some(Trouble::YoutubeToken) => {
                let token = self.tokens.renew(&token, stop).await?;
                self.get_once(url, &token, read).await
            }
            other => other,
        }
    }

    async fn get_once<T>(
        &self,
        url: &Url,
        token: &AccessToken,
        read: impl Fn(&[u8]) -> Result<T, YoutubeError>,
    ) -> Result<T, YoutubeError> {
        let request = self.client.get(url.clone()).bearer_auth(token.expose()).send();
        let response = request.await.map_err(|error| HttpError::sorted(url, error))?;
        let status = response.status();
        if status.is_success() {
            return read(&http::read_capped(response, http::JSON_BODY_LIMIT).await?);
        }
        let body = http::read_capped(response, http::ERROR_BODY_LIMIT).await.unwrap_or_default();
        Err(YoutubeError::Refused { status, refusal: wire::refusal(&body) })
    }
}
