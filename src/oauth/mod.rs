//! Access tokens: one refresh at a time, durable before use, shared by all commands.
//!
//! Each refresh returns a new refresh token, and the old one stops working (Zoom, "Using OAuth 2.0"). So a refresh is
//! one step under a lock that all processes share: look whether somebody has done it, prove that the folder takes a
//! new token, ask, save, and only then hand out. Once the question is sent, the step ends even if nobody waits for it.
//!
//! - [`Tokens`]: what the rest of the program uses
//! - [`Consent`]: how a person authorizes the program
//! - `inspect`: a look at what is kept, for whoever wants to know and change nothing
//! - `renewal`: that step, and what it leaves in `memory`
//! - `token_file`: the files; `endpoint`: who is asked, and the answers; `access`: the tokens, and when one will do
//! - [`Issuer`]: in what Zoom and Google differ. Google's refresh token stays the same; all else holds for it, too

mod access;
mod consent;
mod endpoint;
mod error;
mod inspect;
mod issuer;
mod memory;
mod renewal;
#[cfg(test)]
mod tests;
mod token_file;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use secrecy::SecretString;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

pub use access::AccessToken;
pub use consent::{AuthorizationCode, Consent, ConsentError, YOUTUBE_SCOPE};
pub use error::{AuthorizeError, Hindrance, TokenError};
pub use inspect::Kept;
pub use issuer::Issuer;

use self::access::Want;
use self::renewal::{Patience, Renewal};
use crate::clock;
use crate::disk::{Lock, blocking};

/// How often it is looked whether the other command is done.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Whose tokens, and where they are kept.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// Who issues them.
    pub issuer: Issuer,
    /// The app's client id.
    pub client_id: String,
    /// The app's secret.
    pub client_secret: SecretString,
    /// The file with the bare refresh token; the access token and a lock are kept beside it.
    pub token_file: PathBuf,
    /// The address that `/token` lives under.
    pub oauth_url: Url,
}

/// The access tokens of one authorization. A clone is the same.
#[derive(Clone, Debug)]
pub struct Tokens {
    renewal: Arc<Renewal>,
    /// The refreshes under way: each goes on to its end, whatever becomes of its caller.
    refreshes: TaskTracker,
}

impl Tokens {
    /// The tokens kept in the file that the settings name; reads nothing yet.
    ///
    /// `client` should have a timeout for the whole request: it bounds how long [`Tokens::close`] may take.
    #[must_use]
    pub fn new(settings: TokenSettings, client: Client) -> Self {
        Self::with_patience(settings, client, Patience::default())
    }

    fn with_patience(settings: TokenSettings, client: Client, patience: Patience) -> Self {
        Self { renewal: Arc::new(Renewal::new(settings, client, patience)), refreshes: TaskTracker::new() }
    }

    /// A token that lasts for `needed_for` and a few minutes more, renewed if need be.
    ///
    /// Where it can't be renewed, one that lasts shorter but hasn't expired is better than none. One fresh from Zoom is
    /// handed out however short its life.
    ///
    /// # Errors
    /// [`TokenError`]; the cause of a refusal is remembered, and Zoom not asked again for an hour unless the token file
    /// changes.
    pub async fn access(&self, needed_for: Duration, stop: &CancellationToken) -> Result<AccessToken, TokenError> {
        self.obtain(&Want::lasting(needed_for), stop).await
    }

    /// Another token than the one that Zoom's API refused (401): the saved one if it is another by now, else a new one.
    ///
    /// # Errors
    /// As [`Tokens::access`].
    pub async fn renew(&self, refused: &AccessToken, stop: &CancellationToken) -> Result<AccessToken, TokenError> {
        self.obtain(&Want::OtherThan(refused.clone()), stop).await
    }

    /// Whether asking for a token is pointless until a person acts: there is none in the file, or the one there was
    /// refused within the last hour. Looks at the files alone.
    pub async fn awaits_person(&self) -> bool {
        self.renewal.awaits_person().await
    }

    /// Waits for the refresh under way, if any, until its outcome is saved. To be called before the process ends.
    pub async fn close(&self) {
        self.refreshes.close();
        self.refreshes.wait().await;
    }

    async fn obtain(&self, want: &Want, stop: &CancellationToken) -> Result<AccessToken, TokenError> {
        self.renewal.save_what_is_unsaved().await;
        match self.found_or_renewed(want, stop).await {
            Err(error) => self.renewal.last_resort(want, error).await,
            token => token,
        }
    }

    async fn found_or_renewed(&self, want: &Want, stop: &CancellationToken) -> Result<AccessToken, TokenError> {
        let waiting_since = Instant::now();
        let lock = loop {
            if let Some(token) = self.renewal.look(want).await? {
                return Ok(token);
            }
            if let Some(lock) = self.try_lock(waiting_since, stop).await? {
                break lock;
            }
        };
        let (renewal, want, stop) = (Arc::clone(&self.renewal), want.clone(), stop.clone());
        self.to_its_end(async move { renewal.renew(lock, &want, &stop).await }).await
    }

    /// Exchanges what a consent has given for tokens, and saves them durably, in place of those of an earlier authorization.
    ///
    /// # Errors
    /// [`TokenError`]; the code is used up in most cases, and another consent is needed.
    pub async fn authorize(
        &self,
        code: AuthorizationCode,
        consent: Consent,
        stop: &CancellationToken,
    ) -> Result<AccessToken, TokenError> {
        let waiting_since = Instant::now();
        let lock = loop {
            if let Some(lock) = self.try_lock(waiting_since, stop).await? {
                break lock;
            }
        };
        let (renewal, stop) = (Arc::clone(&self.renewal), stop.clone());
        self.to_its_end(async move { renewal.exchange(lock, &code, &consent, &stop).await }).await
    }

    /// Runs a step whose outcome must be saved, even if nobody waits for it any more.
    async fn to_its_end(
        &self,
        step: impl Future<Output = Result<AccessToken, TokenError>> + Send + 'static,
    ) -> Result<AccessToken, TokenError> {
        match self.refreshes.spawn(step).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(TokenError::Stopping),
        }
    }

    /// Takes the lock; nothing after a moment's wait where another command has it.
    async fn try_lock(&self, waiting_since: Instant, stop: &CancellationToken) -> Result<Option<Lock>, TokenError> {
        if stop.is_cancelled() {
            return Err(TokenError::Stopping);
        }
        let file = Arc::clone(&self.renewal.file);
        if let Some(lock) = blocking(move || file.try_lock()).await? {
            return Ok(Some(lock));
        }
        let waited = waiting_since.elapsed();
        if waited >= self.renewal.patience.lock {
            return Err(TokenError::Locked { path: self.renewal.file.lock_path(), waited });
        }
        stop.run_until_cancelled(sleep(LOCK_POLL)).await.ok_or(TokenError::Stopping)?;
        Ok(None)
    }
}
