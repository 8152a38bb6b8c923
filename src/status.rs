//! `status.json`: the running service's own account of itself, for `status` and for people's own scripts.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::disk::{self, DiskError};
use crate::meeting::{ByteCount, FileId, MeetingUuid};
use crate::pipeline::{Phase, PollReport, Snapshot, Uploading, UploadsShown};
use crate::state::Pending;

/// The file's name in the state folder.
pub const FILE: &str = "status.json";

/// The content of `status.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// The service's process.
    pub pid: u32,
    /// What it is doing.
    pub state: Phase,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it was started.
    pub started_at: DateTime<Utc>,
    /// When this was written: every ten seconds at least.
    pub written_at: DateTime<Utc>,
    /// The last poll.
    pub last_poll: Option<PollReport>,
    /// When the next one is.
    pub next_poll: Option<DateTime<Utc>>,
    /// The downloads under way.
    pub in_flight: Vec<FlightStatus>,
    /// How many files wait for a worker.
    pub waiting_files: usize,
    /// Meetings that are not done.
    pub pending: Arc<[Pending]>,
    /// Meetings recorded since the start.
    pub recorded_meetings: u64,
    /// Bytes fetched since the start.
    pub fetched_bytes: ByteCount,
    /// Uploads to YouTube, where videos are published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploads: Option<UploadsShown>,
}

/// A download under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FlightStatus {
    /// The meeting.
    pub meeting: MeetingUuid,
    /// The file.
    pub file: FileId,
    /// Its path in the archive.
    pub name: String,
    /// How many bytes of it are there.
    pub bytes: u64,
    /// How many it has; 0 where that is not known yet.
    pub total: u64,
    /// Which try in a row this is.
    pub attempt: u64,
    /// How long it has been under way, in seconds.
    pub seconds: u64,
}

impl Status {
    /// The account of a service as it is at this moment.
    #[must_use]
    pub fn of(
        snapshot: Snapshot,
        started_at: DateTime<Utc>,
        next_poll: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        let in_flight = snapshot.flights.iter().map(|flight| FlightStatus {
            meeting: flight.job.meeting.clone(),
            file: flight.job.file.clone(),
            name: flight.job.label.clone(),
            bytes: flight.progress.received.load(Ordering::Relaxed),
            total: flight.progress.total.load(Ordering::Relaxed),
            attempt: flight.progress.attempt.load(Ordering::Relaxed),
            seconds: flight.since.elapsed().as_secs(),
        });
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            state: snapshot.phase,
            since: snapshot.since,
            started_at,
            written_at: now,
            in_flight: in_flight.collect(),
            last_poll: snapshot.last_poll,
            next_poll,
            waiting_files: snapshot.waiting_files,
            pending: snapshot.pending,
            recorded_meetings: snapshot.recorded,
            fetched_bytes: snapshot.fetched,
            uploads: snapshot.uploads.map(|uploads| UploadsShown {
                in_flight: snapshot.uploading.as_ref().map(Uploading::shown),
                ..uploads
            }),
        }
    }

    /// Replaces `status.json` in the state folder.
    ///
    /// # Errors
    /// [`DiskError`]; the earlier file is then as it was.
    ///
    /// # Panics
    /// Never: all that it holds can be put into JSON.
    pub fn write(&self, state_dir: &Path) -> Result<(), DiskError> {
        let mut text = serde_json::to_vec_pretty(self).expect("it holds nothing that JSON can't");
        text.push(b'\n');
        disk::replace(&state_dir.join(FILE), &text, disk::SHARED_MODE)
    }

    /// Reads it; `None` where there is none, or one of another version that can't be read.
    ///
    /// # Errors
    /// [`DiskError`] where it is there but can't be read.
    pub fn read(state_dir: &Path) -> Result<Option<Self>, DiskError> {
        let bytes = disk::read_if_there(&state_dir.join(FILE))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }
}
