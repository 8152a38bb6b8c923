//! Telling people: a message to each address of `notify.urls`.
//!
//! - [`Notifier`]: who is told, and how a message gets there
//! - `text`: pure; what a message says
//! - `form`: pure; how Discord, Slack, ntfy and others want it
//!
//! When something is told is the pipeline's; what is to be told, and was not delivered, is in `state.json`.

mod form;
mod text;

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode};
use sha2::{Digest, Sha256};
use url::Url;

use crate::config::{SecretUrl, is_loopback};
use crate::http::{ERROR_BODY_LIMIT, HttpError, RateLimit, read_capped};
use form::Form;
pub use text::Message;

/// How long one address may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tells people.
#[derive(Clone, Debug)]
pub struct Notifier {
    addresses: Vec<Address>,
    /// For others than this machine, which may be behind a proxy.
    client: Client,
    local_client: Client,
}

/// Somebody who is told.
#[derive(Clone, Debug)]
struct Address {
    url: SecretUrl,
    form: Form,
    mark: u64,
}

/// Why a message did not arrive.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct NotifyError {
    source: HttpError,
    /// Not to be tried again before, where the other side said so.
    not_before: Option<DateTime<Utc>>,
}

/// What became of a message at one address.
#[derive(Debug)]
pub struct Delivery {
    /// The mark of the address.
    pub mark: u64,
    /// Its host, which may be told.
    pub host: String,
    /// Whether it arrived.
    pub result: Result<(), NotifyError>,
}

impl Notifier {
    /// Tells these addresses; the second client is for those on this machine. Neither follows redirects: an address in an answer
    /// is not the one that was set.
    #[must_use]
    pub fn new(urls: &[SecretUrl], client: Client, local_client: Client) -> Self {
        let address = |url: &SecretUrl| Address { url: url.clone(), form: Form::of(url), mark: mark_of(url) };
        Self { addresses: urls.iter().map(address).collect(), client, local_client }
    }

    /// The marks of all addresses.
    #[must_use]
    pub fn marks(&self) -> Vec<u64> {
        self.addresses.iter().map(|address| address.mark).collect()
    }

    /// Whether an address with this mark is still among the settings.
    #[must_use]
    pub fn knows(&self, mark: u64) -> bool {
        self.addresses.iter().any(|address| address.mark == mark)
    }

    /// Sends a message to the addresses with these marks, one after the other.
    pub async fn deliver(&self, message: &Message, to: &[u64], now: DateTime<Utc>) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        for address in self.addresses.iter().filter(|address| to.contains(&address.mark)) {
            let result = self.send(message, address, now).await;
            deliveries.push(Delivery { mark: address.mark, host: address.url.host().to_owned(), result });
        }
        deliveries
    }

    async fn send(&self, message: &Message, address: &Address, now: DateTime<Utc>) -> Result<(), NotifyError> {
        let Ok(url) = Url::parse(address.url.expose()) else { return Ok(()) };
        let client = if is_loopback(&url) { &self.local_client } else { &self.client };
        let (target, body) = address.form.request(&url, message);
        let sorted = |error| NotifyError::from(HttpError::sorted(&url, error));
        let request = client.post(target).header(CONTENT_TYPE, "application/json").body(body.to_string());
        let response = request.timeout(PATIENCE).send().await.map_err(sorted)?;
        let status = response.status();
        let not_before = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
            .then(|| RateLimit::read(response.headers(), "", now).until);
        if status.is_success() {
            // The connection is kept for the next one only where the answer was read; that it can't be read is no failure.
            read_capped(response, ERROR_BODY_LIMIT).await.ok();
            return Ok(());
        }
        let source = HttpError::Status { host: address.url.host().to_owned(), status };
        Err(NotifyError { source, not_before })
    }
}

impl From<HttpError> for NotifyError {
    fn from(source: HttpError) -> Self {
        Self { source, not_before: None }
    }
}

impl NotifyError {
    /// Whether the same message may well arrive later, with nobody doing anything about it.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.source.is_transient()
    }

    /// Not to be tried again before, where the other side said so.
    #[must_use]
    pub fn not_before(&self) -> Option<DateTime<Utc>> {
        self.not_before
    }

    /// What a person can do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match &self.source {
            HttpError::Status { status, .. } if status.is_redirection() => {
                Some("the address leads elsewhere: put into notify.urls the one that it leads to")
            }
            HttpError::Status { status: StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, .. } => {
                Some("the address is not allowed to take messages: copy it again from where it was made")
            }
            HttpError::Status { status: StatusCode::NOT_FOUND | StatusCode::GONE, .. } => {
                Some("there is no such address any more: make a new one and put it into notify.urls")
            }
            HttpError::Status { status, .. } if status.is_client_error() && !self.is_transient() => {
                Some("this is no address for messages of this form: see Be told in README.md")
            }
            HttpError::Tls { .. } => {
                Some("its certificate is not trusted on this machine: look at the address, or at the clock")
            }
            _ => None,
        }
    }
}

/// The name of this machine, by which people tell one from the other.
#[must_use]
pub fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// By what an address is known in `state.json`, which must not show it.
fn mark_of(url: &SecretUrl) -> u64 {
    let hash = Sha256::digest(url.expose());
    hash.iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte))
}
