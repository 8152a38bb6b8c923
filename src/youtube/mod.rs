//! `YouTube`'s Data API, as one authorized channel.
//!
//! - [`day`]: when the day begins by which `YouTube` counts
//! - [`Youtube`]: the calls, each with its retries and at most one renewal of the token; `videos`: those about videos
//! - [`Uploader`]: an attempt at an upload, with the [`VideoFile`] that is sent to a [`SessionAddress`], and its [`Setback`]s
//! - [`unfinished`]: what is kept of an upload until it has ended
//! - `wire`: Google's JSON; nothing past it knows the format
//! - [`YoutubeError`]: what a refusal means
//! - [`Metadata`]: what a video is called and said to be; [`Marker`]: the tag by which it is found again

mod answer;
mod course;
pub mod day;
mod error;
mod marker;
mod metadata;
mod progress;
mod session;
#[cfg(test)]
mod tests;
pub mod unfinished;
mod upload;
mod video_file;
mod videos;
mod wire;

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, StatusCode};
use tokio_util::sync::CancellationToken;
use url::Url;

pub use answer::Uploaded;
pub use error::YoutubeError;
pub use marker::Marker;
pub use metadata::Metadata;
pub use progress::Progress;
pub use session::SessionAddress;
pub use upload::{Begin, Setback, Uploader};
pub use video_file::{FileFault, VideoFile};
pub use videos::{MOST_COUNTED, RecentVideos};
pub use wire::{Channel, LongUploads, Processing, Video, VideoId};

use crate::chain::chain;
use crate::clock;
use crate::http::{self, HttpError};
use crate::oauth::Tokens;
use crate::trouble::Trouble;

/// How often one call is repeated when it fails for a reason that passes.
const RETRIES: usize = 3;
/// A pause that `YouTube` asks for is kept up to this; a longer one is the caller's.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

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

    /// Gets an answer of the API, as `read` reads it: repeated where that may help.
    async fn get<T>(
        &self,
        resource: &str,
        query: &[(&str, &str)],
        read: impl Fn(&[u8]) -> Result<T, YoutubeError>,
        stop: &CancellationToken,
    ) -> Result<T, YoutubeError> {
        let url = self.address("youtube/v3", resource, query);
        let (request, read) = (|| self.client.get(url.clone()), |answer: &RawAnswer| read(&answer.body));
        self.repeated(|| self.renewing(&url, &request, &read, stop), stop).await
    }

    /// An address of the API.
    fn address(&self, service: &str, resource: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.api_url.clone();
        url.set_path(&format!("{}/{service}/{resource}", url.path().trim_end_matches('/')));
        url.query_pairs_mut().extend_pairs(query);
        url
    }

    /// Asks until there is an answer or a refusal that stays one, a few times at most, with pauses between.
    async fn repeated<T, F>(&self, ask: impl Fn() -> F, stop: &CancellationToken) -> Result<T, YoutubeError>
    where
        F: Future<Output = Result<T, YoutubeError>>,
    {
        let mut pauses = self.pauses.build();
        loop {
            let answer = stop.run_until_cancelled(ask()).await;
            let error = match answer.unwrap_or(Err(HttpError::Stopping.into())) {
                Err(error) if error.is_transient() => error,
                other => return other,
            };
            let asked = pause_asked_for(&error);
            let Some(pause) = pauses.next().filter(|_| asked <= LONGEST_PAUSE) else { return Err(error) };
            let pause = pause.max(asked);
            tracing::warn!(wait = ?pause, "YouTube failed and is asked again: {}", chain(&error));
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return Err(HttpError::Stopping.into());
            }
        }
    }

    /// Asks once, and once more with a new token where the old one is refused.
    async fn renewing<T>(
        &self,
        url: &Url,
        request: &impl Fn() -> RequestBuilder,
        read: &impl Fn(&RawAnswer) -> Result<T, YoutubeError>,
        stop: &CancellationToken,
    ) -> Result<T, YoutubeError> {
        let token = self.tokens.access(Duration::ZERO, stop).await?;
        match RawAnswer::of(url, request().bearer_auth(token.expose())).await?.unless_refused(read) {
            Err(error) if error.trouble() == Some(Trouble::YoutubeToken) => {
                let token = self.tokens.renew(&token, stop).await?;
                RawAnswer::of(url, request().bearer_auth(token.expose())).await?.unless_refused(read)
            }
            other => other,
        }
    }
}

/// Where people watch a video.
#[must_use]
pub fn watch_address(video: &str) -> String {
    format!("https://www.youtube.com/watch?v={video}")
}

/// How long is to be waited after an error by what was said with it; zero where nothing was.
fn pause_asked_for(error: &YoutubeError) -> Duration {
    error.not_before().and_then(|time| (time - clock::now()).to_std().ok()).unwrap_or_default()
}

/// An answer as it came, whatever its status.
struct RawAnswer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl RawAnswer {
    /// Sends a request to this address, and reads all that is answered.
    async fn of(url: &Url, request: RequestBuilder) -> Result<Self, HttpError> {
        let response = request.send().await.map_err(|error| HttpError::sorted(url, error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = if status.is_success() {
            http::read_capped(response, http::JSON_BODY_LIMIT).await?
        } else {
            http::read_capped(response, http::ERROR_BODY_LIMIT).await.unwrap_or_default()
        };
        Ok(Self { status, headers, body })
    }

    fn unless_refused<T>(self, read: impl Fn(&Self) -> Result<T, YoutubeError>) -> Result<T, YoutubeError> {
        if self.status.is_success() {
            return read(&self);
        }
        Err(YoutubeError::refused(self.status, &self.headers, &self.body, clock::now()))
    }
}
