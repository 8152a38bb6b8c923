//! All that the simulator knows at a moment, behind one lock.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::faults::{Fault, Queue};
use super::hold::Gate;
use super::listing::PageToken;
use super::noise;
use super::oauth::Grant;
use super::record;
use super::world::World;

#[derive(Debug)]
pub(super) struct State {
    pub(super) world: World,
    pub(super) grant: Grant,
    pub(super) pages: Vec<PageToken>,
    pub(super) faults: Queue<Fault>,
    pub(super) holds: Queue<Gate>,
    /// Ends the stalls that were begun until now.
    pub(super) unstall: CancellationToken,
    /// Closes the connections opened until now, once they are idle.
    pub(super) idle: CancellationToken,
    /// All signatures ever given out.
    pub(super) signatures: Vec<String>,
    /// Makes what is signed here differ from what other simulators sign.
    pub(super) seed: u64,
    /// Base address of the one listener.
    pub(super) zoom: String,
    /// Base address of the other.
    pub(super) media: String,
    began: Instant,
    skew: TimeDelta,
}

impl State {
    pub(super) fn new(world: World, zoom: String, media: String) -> Self {
        let seed = noise::digest((&zoom, &media));
        Self {
            grant: Grant::new(&world.client_id, &world.client_secret, seed),
            world,
            pages: Vec::new(),
            faults: Queue::default(),
            holds: Queue::default(),
            unstall: CancellationToken::new(),
            idle: CancellationToken::new(),
            signatures: Vec::new(),
            seed,
            zoom,
            media,
            began: Instant::now(),
            skew: TimeDelta::zero(),
        }
    }

    /// The time at this Zoom: the world's, and what has gone by since.
    pub(super) fn now(&self) -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(self.began.elapsed()).unwrap_or(TimeDelta::MAX);
        self.world.now + self.skew + elapsed
    }

    pub(super) fn advance(&mut self, by: TimeDelta) {
        self.skew += by;
    }

    pub(super) fn secrets(&self) -> Vec<String> {
        let of_meetings = self.world.meetings.iter().flat_map(|(_, meeting)| record::secrets(meeting));
        self.grant.secrets().into_iter().chain(self.signatures.iter().cloned()).chain(of_meetings).collect()
    }
}
