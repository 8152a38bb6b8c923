//! A YouTube on loopback, and the part of Google that authorizes for it: strict where the real ones are, for the tests.
//!
//! [`World`] says whose channel it is and what is on it, [`Rules`] how it behaves, [`Refused`] and [`TokenRefused`] what
//! it can be made to say; faults, holds and the journal are those of the simulated Zoom.
//!
//! Three listeners, as with the real one: consent page, token endpoint, API. `routes` says what is where, `auth` and
//! `tokens` authorize, `api` answers what is asked of the channel, `upload` takes videos. A further call has its
//! endpoint in the journal, its line in `routes`, and its answer in `api` or a file beside it.
//!
//! A video's bytes are not kept: their number and their SHA-256 are what [`TrueVideo`] tells a test of them.

mod api;
mod auth;
mod body;
mod metadata;
mod playlist;
mod quota;
mod refused;
mod routes;
mod rules;
mod sessions;
#[cfg(test)]
mod tests;
mod tokens;
mod truth;
mod upload;
mod video;
mod world;

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

pub use quota::Used;
pub use refused::{Refused, TokenRefused};
pub use rules::{Account, Characters, Duplicates, LongUploads, Misplaced, Partial, Repeated, Rules, Unsaid};
pub use truth::{TrueUpload, TrueVideo};
pub use video::{Fate, Video};
pub use world::World;

use super::faults::{Fault, Matcher};
use super::hold::{Hold, Stop};
use super::journal::{Journal, Origin};
use super::noise;
use super::serve::{Listeners, Server};
use super::site::Clock;
use quota::Quota;
use sessions::Sessions;
use tokens::Grants;

/// The scope that covers all that a publisher does.
pub const SCOPE: &str = "https://www.googleapis.com/auth/youtube.force-ssl";

/// All that the simulated YouTube knows at a moment.
#[derive(Debug)]
struct State {
    world: World,
    grants: Grants,
    sessions: Sessions,
    quota: Quota,
    clock: Clock,
    /// Makes what is given out here differ from what others give out.
    seed: u64,
    /// Base address of the API.
    api: String,
}

impl State {
    fn secrets(&self) -> Vec<String> {
        let uploads = self.sessions.all.iter().map(|session| session.id.clone());
        self.grants.secrets().into_iter().chain(uploads).collect()
    }
}

/// The simulator was asked about a video that isn't there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulated YouTube has no video {0}")]
pub struct UnknownVideo(String);

/// A running simulated YouTube. It ends when this is dropped.
#[derive(Debug)]
pub struct Youtube {
    server: Arc<Server<State>>,
}

impl Youtube {
    /// Starts a YouTube that has this. Nobody has authorized the client yet.
    ///
    /// # Errors
    /// No port on loopback can be had.
    pub async fn start(world: World) -> io::Result<Self> {
        let origins = [Origin::GoogleAccounts, Origin::GoogleTokens, Origin::Youtube];
        let listeners = Listeners::on(Ipv4Addr::LOCALHOST.into(), &origins).await?;
        // Ports differ from start to start: what is made of them differs too.
        let seed = noise::digest(listeners.addresses());
        let grants = Grants::new(&world.client_id, &world.client_secret, seed);
        let clock = Clock::starting_at(world.now);
        let api = format!("http://{}", listeners.addresses()[2]);
        let (sessions, quota) = (Sessions::default(), Quota::default());
        Ok(Self { server: Server::open(State { world, grants, sessions, quota, clock, seed, api }, listeners) })
    }

    /// Ends it, and waits until all connections are closed.
    pub async fn stop(self) {
        self.server.end().await;
    }

    /// What the client's `auth_url` is to be: the consent page itself.
    #[must_use]
    pub fn auth_url(&self) -> String {
        format!("{}/o/oauth2/v2/auth", self.origin(0))
    }

    /// What the client's `oauth_url` is to be: `/token` is below it.
    #[must_use]
    pub fn oauth_url(&self) -> String {
        self.origin(1)
    }

    /// What the client's `api_url` is to be: `/youtube/v3` is below it.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.origin(2)
    }

    fn origin(&self, place: usize) -> String {
        format!("http://{}", self.server.addresses[place])
    }

    /// The client's id.
    #[must_use]
    pub fn client_id(&self) -> String {
        self.server.state().world.client_id.clone()
    }

    /// The client's secret.
    #[must_use]
    pub fn client_secret(&self) -> String {
        self.server.state().world.client_secret.clone()
    }

    /// The time at this YouTube: the world's `now`, and what has gone by since.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.server.state().clock.now()
    }

    /// Lets time go by: codes, tokens and uploads end, and videos are processed.
    pub fn advance(&self, by: TimeDelta) {
        self.server.state().clock.advance(by);
    }

    /// Changes how it behaves from now on.
    pub fn rules(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.server.state().world.rules);
    }

    /// Adds a video to the channel.
    pub fn add_video(&self, video: Video) {
        self.server.state().world.videos.push(video);
    }
}

/// Tokens.
impl Youtube {
    /// The channel's owner authorizes the client: a refresh token for the scope that covers everything. Those before
    /// stay good.
    #[must_use]
    pub fn authorize(&self) -> String {
        self.authorize_for(&[SCOPE])
    }

    /// The same for these scopes.
    #[must_use]
    pub fn authorize_for(&self, scopes: &[&str]) -> String {
        let state = &mut *self.server.state();
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        state.grants.refresh_token(scopes, &state.world.rules, state.clock.now())
    }

    /// Whether this refresh token would be taken now.
    #[must_use]
    pub fn takes(&self, refresh_token: &str) -> bool {
        let state = self.server.state();
        state.grants.is_good(refresh_token, state.clock.now())
    }

    /// The owner takes the grant back: every token is dead.
    pub fn revoke(&self) {
        self.server.state().grants.revoke();
    }

    /// Ends all access tokens; the refresh tokens stay good.
    pub fn expire_access_tokens(&self) {
        self.server.state().grants.expire_access_tokens();
    }

    /// All that must be found in no log and no file: the client secret, all codes and tokens ever given out, the
    /// verifiers that came for them, and what makes the addresses of uploads.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.server.state().secrets()
    }

    /// The same whenever it is called, for whoever can't hold on to this.
    pub fn secrets_from_now_on(&self) -> impl Fn() -> Vec<String> + Send + Sync + 'static {
        let server = Arc::clone(&self.server);
        move || server.state().secrets()
    }
}

/// Changes at YouTube.
impl Youtube {
    /// Ends the processing of a video, with this outcome.
    ///
    /// # Errors
    /// There is no such video.
    pub fn settle(&self, video: &str, fate: Fate) -> Result<(), UnknownVideo> {
        let state = &mut *self.server.state();
        let found = state.world.videos.iter_mut().find(|known| known.id == video);
        let found = found.ok_or_else(|| UnknownVideo(video.to_owned()))?;
        (found.fate, found.is_settled) = (fate, true);
        Ok(())
    }

    /// The owner deletes a video.
    ///
    /// # Errors
    /// There is no such video.
    pub fn delete_video(&self, video: &str) -> Result<(), UnknownVideo> {
        let state = &mut *self.server.state();
        let before = state.world.videos.len();
        state.world.videos.retain(|known| known.id != video);
        if state.world.videos.len() < before { Ok(()) } else { Err(UnknownVideo(video.to_owned())) }
    }

    /// Ends all uploads that were opened until now: their addresses are good for nothing any more.
    pub fn expire_uploads(&self) {
        self.server.state().sessions.all.iter_mut().for_each(|session| session.is_expired = true);
    }

    /// Loses all bytes that are stored of unfinished uploads.
    pub fn forget_bytes(&self) {
        self.server.state().sessions.all.iter_mut().for_each(sessions::Session::forget);
    }
}

/// What goes wrong, and what was asked.
impl Youtube {
    /// Makes an answer go wrong. One request suffers one fault at most: the first that is due.
    pub fn inject(&self, matcher: Matcher, fault: impl Into<Fault>) {
        self.server.troubles().inject(matcher, fault.into());
    }

    /// Takes back all faults that are still to come, and lets stalled answers go on.
    pub fn clear_faults(&self) {
        self.server.troubles().clear_faults();
    }

    /// Stops an answer after so many bytes of its body, or at its end.
    pub fn hold(&self, matcher: Matcher, after_bytes: u64) -> Hold {
        self.server.troubles().hold_at(matcher, Stop::AfterBytes(after_bytes))
    }

    /// Stops before anything is answered; what was asked for is done already.
    pub fn hold_answer(&self, matcher: Matcher) -> Hold {
        self.server.troubles().hold_at(matcher, Stop::BeforeAnswer)
    }

    /// Stops taking an upload after so many bytes of a request, or at the end of them.
    pub fn hold_upload(&self, matcher: Matcher, after_bytes: u64) -> Hold {
        self.server.troubles().hold_at(matcher, Stop::AfterTaken(after_bytes))
    }

    /// All requests until now.
    #[must_use]
    pub fn journal(&self) -> Journal {
        self.server.log.snapshot()
    }

    /// Waits until the journal shows this.
    pub async fn until(&self, shows: impl Fn(&Journal) -> bool) {
        self.server.until(shows).await;
    }
}

impl Drop for Youtube {
    fn drop(&mut self) {
        self.server.stop.cancel();
    }
}
