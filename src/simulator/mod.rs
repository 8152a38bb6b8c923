//! A Zoom on loopback, strict where the real one is, for the tests and for `demo`; and, in [`youtube`], a YouTube.
//!
//! [`World`] says what it has, [`Rules`] how it behaves where nobody knows for sure, [`Fault`] what goes wrong;
//! the [`Journal`] tells what was asked of it. It shares nothing with the rest of the crate: a wrong belief about
//! Zoom must not hide on both sides.
//!
//! Two listeners, as with the real one: `serve` routes what comes to the first to `authorize`, `oauth`, `users`,
//! `listing` and `download`; the second has only the bytes, under signed addresses. `http` reads requests, `send`
//! sends answers with all that is to go wrong on the way. What both services have in common, `serve` and what is below
//! it, knows of neither: `site` is what it wants of them.

mod authorize;
mod consent;
mod download;
mod faults;
mod gzip;
mod hold;
mod http;
mod journal;
mod listing;
mod media;
mod noise;
mod oauth;
mod pkce;
mod receive;
mod record;
mod refused;
mod routes;
mod rules;
mod send;
mod serve;
mod site;
mod spec;
mod state;
#[cfg(test)]
mod tests;
mod troubles;
mod truth;
mod users;
mod world;
pub mod youtube;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

pub use consent::Consent;
pub use faults::{Edit, Fault, Matcher};
pub use hold::Hold;
pub use http::Answer;
pub use journal::{Credential, Endpoint, Entry, Journal, Origin, Outcome};
pub use media::Form;
pub use refused::{Refused, TokenRefused};
pub use rules::{
    DownloadRoute, Framing, Keep, OtherUsers, Paging, RedirectPort, Refusal, Rotation, Rules, Validators, WideRange,
};
pub use spec::{FileSpec, MeetingSpec};
pub use truth::{Recording, TrueFile};
pub use world::{Unknown, World};

use hold::Stop;
use serve::{Listeners, Server};
use state::State;

/// A running simulated Zoom. It ends when this is dropped.
#[derive(Debug)]
pub struct Simulator {
    server: Arc<Server<State>>,
}

impl Simulator {
    /// Starts a Zoom that has this.
    ///
    /// # Errors
    /// No port on loopback can be had.
    pub async fn start(world: World) -> io::Result<Self> {
        let listeners = Listeners::on(world.loopback, &[Origin::Zoom, Origin::Media]).await?;
        let own = || [0, 1].map(|place| format!("http://{}", listeners.addresses()[place]));
        let [zoom_url, media_url] = world.known_as.clone().unwrap_or_else(own);
        Ok(Self { server: Server::open(State::new(world, zoom_url, media_url), listeners) })
    }

    /// Ends it, and waits until all connections are closed.
    pub async fn stop(self) {
        self.server.end().await;
    }

    /// What the client's `api_url` is to be.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}/v2", self.server.state().zoom)
    }

    /// What the client's `oauth_url` is to be.
    #[must_use]
    pub fn oauth_url(&self) -> String {
        format!("{}/oauth", self.server.state().zoom)
    }

    /// Where downloads redirect to.
    #[must_use]
    pub fn media_url(&self) -> String {
        self.server.state().media.clone()
    }

    /// Where this Zoom and its media origin listen.
    #[must_use]
    pub fn addresses(&self) -> [SocketAddr; 2] {
        [self.server.addresses[0], self.server.addresses[1]]
    }

    /// The app's client id.
    #[must_use]
    pub fn client_id(&self) -> String {
        self.server.state().world.client_id.clone()
    }

    /// The app's client secret.
    #[must_use]
    pub fn client_secret(&self) -> String {
        self.server.state().world.client_secret.clone()
    }

    /// The time at this Zoom: the world's `now`, and what has gone by since.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.server.state().now()
    }

    /// Lets time go by at this Zoom: tokens and signed addresses end, and today may become tomorrow.
    pub fn advance(&self, by: TimeDelta) {
        self.server.state().clock.advance(by);
    }

    /// Changes how it behaves from now on.
    pub fn rules(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.server.state().world.rules);
    }
}

/// Tokens.
impl Simulator {
    /// The refresh token that the next refresh must bring; empty after [`Self::revoke`].
    #[must_use]
    pub fn refresh_token(&self) -> String {
        self.server.state().grant.refresh_token()
    }

    /// The user authorizes the app again: all tokens before are dead, this is the new refresh token.
    #[must_use]
    pub fn authorize_again(&self) -> String {
        self.server.state().grant.authorize_again()
    }

    /// The user takes the grant back: every token is dead, each refresh is answered with `invalid_grant`.
    pub fn revoke(&self) {
        self.server.state().grant.revoke();
    }

    /// Ends the access token in force; the refresh token stays good.
    pub fn expire_access_token(&self) {
        self.server.state().grant.expire_access_token();
    }

    /// All that must be found in no log and no file: the client secret, all tokens and signatures ever given out,
    /// passcodes, and the secret parts of addresses.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.server.state().secrets()
    }
}

/// What goes wrong, and when.
impl Simulator {
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

    /// Stops before anything is answered; what was asked for is done already, a token is rotated, say.
    pub fn hold_answer(&self, matcher: Matcher) -> Hold {
        self.server.troubles().hold_at(matcher, Stop::BeforeAnswer)
    }

    /// Closes, without notice, each connection that is open now as soon as nothing is being answered on it.
    pub fn close_idle_connections(&self) {
        self.server.troubles().close_idle_connections();
    }
}

/// Changes at Zoom. What is passed here to make them must not call the simulator, which is locked meanwhile.
impl Simulator {
    /// Adds a meeting of a user, who becomes known if need be.
    pub fn add_meeting(&self, user: &str, meeting: MeetingSpec) {
        self.server.state().world.add_meeting(user, meeting);
    }

    /// Changes a meeting: adds files to it, say.
    ///
    /// # Errors
    /// There is no such meeting.
    pub fn change_meeting(&self, uuid: &str, change: impl Fn(MeetingSpec) -> MeetingSpec) -> Result<(), Unknown> {
        self.server.state().world.change_meeting(uuid, change)
    }

    /// Deletes a meeting and its files.
    ///
    /// # Errors
    /// There is no such meeting.
    pub fn remove_meeting(&self, uuid: &str) -> Result<(), Unknown> {
        self.server.state().world.remove_meeting(uuid)
    }

    /// Changes a file.
    ///
    /// # Errors
    /// There is no such file.
    pub fn change_file(&self, id: &str, change: impl Fn(FileSpec) -> FileSpec) -> Result<(), Unknown> {
        self.server.state().world.change_file(id, change)
    }

    /// Ends the processing of a file.
    ///
    /// # Errors
    /// There is no such file.
    pub fn complete(&self, id: &str) -> Result<(), Unknown> {
        self.change_file(id, FileSpec::completed)
    }

    /// Gives a file other bytes, `size` of them.
    ///
    /// # Errors
    /// There is no such file.
    pub fn change_content(&self, id: &str, size: u64) -> Result<(), Unknown> {
        self.change_file(id, |file| file.new_content(size))
    }
}

/// What was asked.
impl Simulator {
    /// All requests until now.
    #[must_use]
    pub fn journal(&self) -> Journal {
        self.server.log.snapshot()
    }

    /// Waits until the journal shows this. Tests wait for what happened rather than for time.
    pub async fn until(&self, shows: impl Fn(&Journal) -> bool) {
        self.server.until(shows).await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.stop.cancel();
    }
}
