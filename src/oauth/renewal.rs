//! The refresh, and the exchange of an authorization code: each one step under the lock that ends with a pair that is
//! saved, or a reason why there is none.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::{DateTime, Utc};
use reqwest::Client;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::access::{AccessToken, Pair, RefreshToken, Want};
use super::consent::{AuthorizationCode, Consent};
use super::endpoint::{Denied, Endpoint, Grant, Granted};
use super::memory::{Memory, Refusal, Rest, Unsaved};
use super::token_file::{Saving, TokenFile};
use super::{Hindrance, Issuer, TokenError, TokenSettings, clock};
use crate::disk::{DiskError, Lock, blocking};
use crate::http::{HttpError, backoff};
use crate::trouble::{Asked, Trouble};

/// How many tokens are tried in one step: the file's, and what somebody writes there meanwhile.
const TOKENS_TRIED: usize = 3;
/// The longest pause between two tries of one step. Where Zoom asks for more, the step ends.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How failures that pass are met.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Between the tries of one step. Two more tries: after a lost answer, the old token is all there is to try.
    pub(super) pauses: ExponentialBuilder,
    /// After a step that failed, so that those who waited for it don't repeat it one after the other.
    pub(super) rest: Duration,
    /// With another command that holds the lock. Three tries of its own may take longer, but then Zoom is out of reach.
    pub(super) lock: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { pauses: backoff(2), rest: Duration::from_secs(5), lock: Duration::from_secs(90) }
    }
}

/// Everything a refresh needs, and what is remembered of earlier ones.
#[derive(Debug)]
pub(super) struct Renewal {
    pub(super) file: Arc<TokenFile>,
    endpoint: Endpoint,
    pub(super) patience: Patience,
    memory: Mutex<Memory>,
}

/// The pair in force.
struct Current {
    pair: Pair,
    /// What the token file holds; another token than the pair's, as long as that is unsaved.
    on_disk: Option<RefreshToken>,
}

impl Renewal {
    pub(super) fn new(settings: TokenSettings, client: Client, patience: Patience) -> Self {
        let TokenSettings { issuer, client_id, client_secret, token_file, oauth_url } = settings;
        Self {
            file: Arc::new(TokenFile::new(issuer, token_file)),
            endpoint: Endpoint::new(issuer, client, &oauth_url, client_id, client_secret),
            patience,
            memory: Mutex::default(),
        }
    }

    /// The saved token if it will do; nothing where one should be asked for.
    pub(super) async fn look(&self, want: &Want) -> Result<Option<AccessToken>, TokenError> {
        let current = self.current().await?;
        self.judge(&current, want)
    }

    /// The whole step, under the lock.
    ///
    /// `stop` is heeded between tries alone: a question that was sent is waited for, and its answer saved.
    pub(super) async fn renew(
        &self,
        lock: Lock,
        want: &Want,
        stop: &CancellationToken,
    ) -> Result<AccessToken, TokenError> {
        let result = self.renew_locked(want, stop).await;
        drop(lock);
        result
    }

    async fn renew_locked(&self, want: &Want, stop: &CancellationToken) -> Result<AccessToken, TokenError> {
        for _ in 0..TOKENS_TRIED {
            // Looking again comes first: somebody may have renewed it before we got the lock, or written another token
            // while ours was being refused.
            let current = self.current().await?;
            if let Some(token) = self.judge(&current, want)? {
                return Ok(token);
            }
            let file = Arc::clone(&self.file);
            blocking(move || file.prove_writable()).await?;
            let token = &current.pair.refresh;
            let granted = match self.ask(Grant::Refresh(token), stop).await {
                Ok(granted) => granted,
                Err(TokenError::Refused { why, reason, .. }) => {
                    let refusal = Refusal { token: token.clone(), why, reason, at: Instant::now(), is_told: false };
                    self.memory().refusal = Some(refusal);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(token) = self.keep(current, granted).await {
                return Ok(token);
            }
        }
        Err(self.temporary(Hindrance::Changing, None))
    }

    /// Exchanges the code of a new authorization, and saves what it gives in place of whatever was there.
    ///
    /// The lock is held from before the question: another command that asks for the next pair meanwhile would find that the
    /// old token has become worthless, and the new one is not there yet.
    pub(super) async fn exchange(
        &self,
        lock: Lock,
        code: &AuthorizationCode,
        consent: &Consent,
        stop: &CancellationToken,
    ) -> Result<AccessToken, TokenError> {
        let file = Arc::clone(&self.file);
        blocking(move || file.prove_writable()).await?;
        let Granted { access, refresh, tells_scopes } = self.ask(Grant::Code(code, consent), stop).await?;
        let refresh = refresh.ok_or(TokenError::NotLasting { issuer: self.issuer() })?;
        if let Some(scope) = consent.scope().filter(|scope| tells_scopes && !access.has_scope(scope)) {
            // What was there may be better.
            let (why, reason) = (Trouble::YoutubeScope, format!("{scope} was not granted"));
            return Err(TokenError::Refused { issuer: self.issuer(), asked: Asked::Exchange, why, reason });
        }
        self.save_authorization(Pair { refresh, access: Some(access.clone()) }).await?;
        *self.memory() = Memory::default();
        drop(lock);
        Ok(access)
    }

    /// Saves the pair of a new authorization; tried a few times, for what it replaces may be worth nothing by now.
    async fn save_authorization(&self, pair: Pair) -> Result<(), TokenError> {
        let mut pauses = self.patience.pauses.build();
        loop {
            let (file, pair) = (Arc::clone(&self.file), pair.clone());
            let Err(source) = blocking(move || file.save_authorization(&pair)).await else { return Ok(()) };
            let Some(pause) = pauses.next() else { return Err(TokenError::Unsaved { issuer: self.issuer(), source }) };
            warn!(error = &source as &dyn Error, wait = ?pause, "the new authorization can't be saved, trying again");
            sleep(pause).await;
        }
    }

    /// Asks the issuer, a few times where that may help.
    async fn ask(&self, grant: Grant<'_>, stop: &CancellationToken) -> Result<Granted, TokenError> {
        let mut pauses = self.patience.pauses.build();
        loop {
            let (cause, until) = match self.endpoint.ask(grant).await {
                Ok(granted) => return Ok(granted),
                Err(Denied::Refused { why, reason }) => {
                    return Err(TokenError::Refused { issuer: self.issuer(), asked: grant.asked(), why, reason });
                }
                Err(Denied::Temporary { cause, until }) => (cause, until),
            };
            let asked_for = until.map_or(Duration::ZERO, from_now);
            let pause = pauses.next().filter(|_| may_pass_soon(&cause)).map(|pause| pause.max(asked_for));
            let Some(pause) = pause.filter(|pause| *pause <= LONGEST_PAUSE) else {
                let ends = Instant::now() + self.patience.rest.max(asked_for);
                self.memory().rest = Some(Rest { ends, until });
                return Err(self.temporary(cause, until));
            };
            let issuer = self.issuer();
            warn!(error = &cause as &dyn Error, wait = ?pause, "{issuer} gave no access token, asking again");
            stop.run_until_cancelled(sleep(pause)).await.ok_or(TokenError::Stopping)?;
        }
    }

    fn issuer(&self) -> Issuer {
        self.endpoint.issuer
    }

    fn temporary(&self, cause: Hindrance, until: Option<DateTime<Utc>>) -> TokenError {
        TokenError::Temporary { issuer: self.issuer(), cause, until }
    }

    /// Saves what was given; nothing where somebody authorized anew meanwhile, which revokes it.
    async fn keep(&self, current: Current, granted: Granted) -> Option<AccessToken> {
        let Granted { access, refresh, .. } = granted;
        let is_taken_over = current.pair.access.is_none();
        let pair = Pair { refresh: refresh.unwrap_or(current.pair.refresh), access: Some(access.clone()) };
        let unsaved = Unsaved { pair, replaces: current.on_disk };
        let (file, saving) = (Arc::clone(&self.file), unsaved.clone());
        let saved = blocking(move || file.save(&saving)).await;
        {
            let mut memory = self.memory();
            memory.refusal = None;
            memory.rest = None;
            memory.unsaved = saved.is_err().then_some(unsaved);
        }
        match saved {
            Ok(Saving::Superseded) => return None,
            Ok(Saving::Saved | Saving::Busy) => {}
            Err(error) => self.tell_unsaved(&error),
        }
        let (issuer, expires_at) = (self.issuer(), access.expires_at().format("%Y-%m-%d %H:%M:%S UTC"));
        info!(%expires_at, "the {} access token was renewed", issuer.service());
        if is_taken_over && issuer == Issuer::Zoom {
            let file = self.file.path().display();
            info!(
                %file,
                "the refresh token is taken over as it was: from now on this program alone can use it, for each refresh replaces it"
            );
        }
        Some(access)
    }

    /// Tries again to save a pair that the disk didn't take, before anything else is done with it.
    pub(super) async fn save_what_is_unsaved(&self) {
        let Some(unsaved) = self.memory().unsaved.clone() else { return };
        let (file, saving, service) = (Arc::clone(&self.file), unsaved.clone(), self.issuer().service());
        match blocking(move || file.save_locked(&saving)).await {
            Ok(Saving::Saved) => info!("the {service} tokens that could not be saved are saved now"),
            Ok(Saving::Superseded) => {
                warn!("the token file was changed; the {service} tokens that could not be saved are given up");
            }
            Ok(Saving::Busy) => return,
            Err(error) => return self.tell_unsaved(&error),
        }
        // Only that one: a further pair may have come while this was being saved.
        let mut memory = self.memory();
        if memory.unsaved.as_ref().is_some_and(|kept| kept.pair.refresh == unsaved.pair.refresh) {
            memory.unsaved = None;
        }
    }

    /// A token that hasn't expired, where none could be had in the proper way; else the reason why.
    pub(super) async fn last_resort(&self, want: &Want, error: TokenError) -> Result<AccessToken, TokenError> {
        match error {
            TokenError::NotAuthorized { .. } | TokenError::Malformed { .. } | TokenError::Stopping => {
                return Err(error);
            }
            TokenError::Refused { .. }
            | TokenError::NotLasting { .. }
            | TokenError::Unsaved { .. }
            | TokenError::Temporary { .. }
            | TokenError::Disk(_)
            | TokenError::Locked { .. } => {}
        }
        let Ok(current) = self.current().await else { return Err(error) };
        match current.pair.access.filter(|token| want.may_do_with(token, clock::now())) {
            Some(token) => {
                self.tell_last_resort(&error, token.expires_at());
                Ok(token)
            }
            None => Err(error),
        }
    }

    pub(super) async fn awaits_person(&self) -> bool {
        match self.current().await {
            Ok(current) => self.memory().standing_refusal(&current.pair.refresh, Instant::now()).is_some(),
            Err(error) => error.needs_person(),
        }
    }

    /// The files' pair, or the unsaved one where that is newer.
    async fn current(&self) -> Result<Current, TokenError> {
        let file = Arc::clone(&self.file);
        let on_disk = blocking(move || file.read()).await;
        let unsaved = self.memory().unsaved.clone();
        match (unsaved, on_disk) {
            (Some(unsaved), Ok(Some(disk))) if unsaved.follows(&disk.refresh) => {
                Ok(Current { pair: unsaved.pair, on_disk: Some(disk.refresh) })
            }
            (Some(unsaved), Ok(None) | Err(_)) => Ok(Current { pair: unsaved.pair, on_disk: None }),
            (_, on_disk) => {
                let (issuer, path) = (self.issuer(), self.file.path());
                let not_authorized = || TokenError::NotAuthorized { issuer, path: path.to_owned() };
                let pair = on_disk?.ok_or_else(not_authorized)?;
                Ok(Current { on_disk: Some(pair.refresh.clone()), pair })
            }
        }
    }

    fn judge(&self, current: &Current, want: &Want) -> Result<Option<AccessToken>, TokenError> {
        let now = clock::now();
        if let Some(token) = current.pair.access.as_ref().filter(|token| want.is_met_by(token, now)) {
            return Ok(Some(token.clone()));
        }
        self.memory().objection(self.issuer(), &current.pair.refresh, Instant::now()).map_or(Ok(None), Err)
    }

    /// Says once of a refusal, and each time of another failure, what it is that we go on with.
    fn tell_last_resort(&self, failure: &TokenError, expires_at: DateTime<Utc>) {
        let failed: &dyn Error = failure;
        match failure {
            TokenError::Refused { why, .. } => {
                let is_told = self.memory().refusal.as_mut().is_some_and(|r| std::mem::replace(&mut r.is_told, true));
                if !is_told {
                    let remedy = why.remedy();
                    error!(error = failed, %expires_at, remedy, "going on with the old access token until it expires");
                }
            }
            TokenError::Temporary { cause: Hindrance::Resting, .. } => {}
            _ => warn!(error = failed, %expires_at, "going on with the old access token, which has not expired yet"),
        }
    }

    fn tell_unsaved(&self, error: &DiskError) {
        let (error, service): (&dyn Error, _) = (error, self.issuer().service());
        error!(
            error,
            "the new {service} tokens cannot be saved, and are lost if the program ends; it will be tried again"
        );
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a further try in this step has a point: not where the two sides can't even talk.
fn may_pass_soon(cause: &Hindrance) -> bool {
    match cause {
        Hindrance::Http(HttpError::Status { .. }) | Hindrance::Unreadable { .. } => true,
        Hindrance::Http(error) => error.is_transient(),
        Hindrance::Resting | Hindrance::Changing => false,
    }
}

fn from_now(time: DateTime<Utc>) -> Duration {
    (time - clock::now()).to_std().unwrap_or_default()
}
