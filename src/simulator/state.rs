//! All that the simulator knows at a moment, behind one lock.

use chrono::{DateTime, Utc};

use super::listing::PageToken;
use super::noise;
use super::oauth::Grant;
use super::record;
use super::site::Clock;
use super::world::World;

#[derive(Debug)]
pub(super) struct State {
    pub(super) world: World,
    pub(super) grant: Grant,
    pub(super) pages: Vec<PageToken>,
    /// All signatures ever given out.
    pub(super) signatures: Vec<String>,
    /// Makes what is signed here differ from what other simulators sign.
    pub(super) seed: u64,
    /// Base address of the one listener.
    pub(super) zoom: String,
    /// Base address of the other.
    pub(super) media: String,
    pub(super) clock: Clock,
}

impl State {
    pub(super) fn new(world: World, zoom: String, media: String) -> Self {
        let seed = noise::digest((&zoom, &media));
        Self {
            clock: Clock::starting_at(world.now),
            grant: Grant::new(&world.client_id, &world.client_secret, seed),
            world,
            pages: Vec::new(),
            signatures: Vec::new(),
            seed,
            zoom,
            media,
        }
    }

    /// The time at this Zoom: the world's, and what has gone by since.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(super) fn secrets(&self) -> Vec<String> {
        let of_meetings = self.world.meetings.iter().flat_map(|(_, meeting)| record::secrets(meeting));
        self.grant.secrets().into_iter().chain(self.signatures.iter().cloned()).chain(of_meetings).collect()
    }
}
