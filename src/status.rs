//! `status.json`: the running service's own account of itself, for `status` and for people's own scripts.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::disk::{self, DiskError};
use crate::meeting::{ByteCount, FileId, MeetingUuid};
use crate::pipeline::Flight;
use crate::state::Pending;

/// The file's name in the state folder.
pub const FILE: &str = "status.json";

/// What the service is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Nothing has been polled yet.
    #[default]
    Starting,
    /// It waits for the next poll.
    Idle,
    /// It asks Zoom what there is.
    Polling,
    /// It fetches files (and polls in between).
    Downloading,
    /// It waits for a person to authorize the app.
    Authorization,
    /// It is about to end.
    Stopping,
}

/// The outcome of a poll.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PollReport {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Whether it covered every user and day that it should.
    pub ok: bool,
    /// Meetings that Zoom listed.
    pub seen: usize,
    /// Of these, such as were not heard of before and are wanted.
    pub new: usize,
    /// Such as `[select]` leaves out.
    pub skipped: usize,
    /// Such as Zoom is still at work on, or that are tried again later.
    pub waiting: usize,
    /// Files to fetch.
    pub files: usize,
    /// What went wrong, a line for each.
    pub problems: Vec<String>,
}

/// A moment of the service's life.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// What it is doing.
    pub phase: Phase,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The last poll.
    pub last_poll: Option<PollReport>,
    /// What is in flight.
    pub flights: Vec<Flight>,
    /// How many files wait for a worker.
    pub waiting_files: usize,
    /// Meetings that are not done.
    pub pending: Arc<[Pending]>,
    /// Meetings recorded since the start.
    pub recorded: u64,
    /// Bytes fetched since the start.
    pub fetched: ByteCount,
}

/// The content of `status.json`.
#[derive(Debug, Serialize)]
struct Status<'a> {
    version: &'static str,
    pid: u32,
    state: Phase,
    since: DateTime<Utc>,
    started_at: DateTime<Utc>,
    written_at: DateTime<Utc>,
    last_poll: Option<&'a PollReport>,
    next_poll: Option<DateTime<Utc>>,
    in_flight: Vec<FlightStatus<'a>>,
    waiting_files: usize,
    pending: &'a [Pending],
    recorded_meetings: u64,
    fetched_bytes: ByteCount,
}

#[derive(Debug, Serialize)]
struct FlightStatus<'a> {
    meeting: &'a MeetingUuid,
    file: &'a FileId,
    name: &'a str,
    bytes: u64,
    total: u64,
    attempt: u64,
    seconds: u64,
}

impl Snapshot {
    /// Replaces `status.json` in the state folder.
    ///
    /// # Errors
    /// [`DiskError`]; the earlier file is then as it was.
    ///
    /// # Panics
    /// Never: all that it holds can be put into JSON.
    pub fn write(
        &self,
        state_dir: &Path,
        started_at: DateTime<Utc>,
        next_poll: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(), DiskError> {
        let in_flight = self.flights.iter().map(|flight| FlightStatus {
            meeting: &flight.job.meeting,
            file: &flight.job.file,
            name: &flight.job.label,
            bytes: flight.progress.received.load(Ordering::Relaxed),
            total: flight.progress.total.load(Ordering::Relaxed),
            attempt: flight.progress.attempt.load(Ordering::Relaxed),
            seconds: flight.since.elapsed().as_secs(),
        });
        let status = Status {
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            state: self.phase,
            since: self.since,
            started_at,
            written_at: now,
            last_poll: self.last_poll.as_ref(),
            next_poll,
            in_flight: in_flight.collect(),
            waiting_files: self.waiting_files,
            pending: &self.pending,
            recorded_meetings: self.recorded,
            fetched_bytes: self.fetched,
        };
        let mut text = serde_json::to_vec_pretty(&status).expect("it holds nothing that JSON can't");
        text.push(b'\n');
        disk::replace(&state_dir.join(FILE), &text, disk::SHARED_MODE)
    }

    /// What it is doing, in a few words.
    #[must_use]
    pub fn words(&self) -> String {
        match self.phase {
            Phase::Starting => "starting".to_owned(),
            Phase::Idle => "idle".to_owned(),
            Phase::Polling => "asking Zoom for recordings".to_owned(),
            Phase::Downloading => format!("downloading {} files, {} wait", self.flights.len(), self.waiting_files),
            Phase::Authorization => "waiting for authorization".to_owned(),
            Phase::Stopping => "stopping".to_owned(),
        }
    }
}
