//! `status.json`: the running service's own account of itself, for `status` and for people's own scripts.

use std::path::Path;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::disk::{self, DiskError};
use crate::meeting::{ByteCount, FileId, MeetingUuid};
use crate::pipeline::{Phase, PollReport, Snapshot, UploadsShown};
use crate::state::Pending;

/// The file's name in the state folder.
pub const FILE: &str = "status.json";

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
    #[serde(skip_serializing_if = "Option::is_none")]
    uploads: Option<&'a UploadsShown>,
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

/// Replaces `status.json` in the state folder.
///
/// # Errors
/// [`DiskError`]; the earlier file is then as it was.
///
/// # Panics
/// Never: all that it holds can be put into JSON.
pub fn write(
    snapshot: &Snapshot,
    state_dir: &Path,
    started_at: DateTime<Utc>,
    next_poll: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), DiskError> {
    let in_flight = snapshot.flights.iter().map(|flight| FlightStatus {
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
        state: snapshot.phase,
        since: snapshot.since,
        started_at,
        written_at: now,
        last_poll: snapshot.last_poll.as_ref(),
        next_poll,
        in_flight: in_flight.collect(),
        waiting_files: snapshot.waiting_files,
        pending: &snapshot.pending,
        recorded_meetings: snapshot.recorded,
        fetched_bytes: snapshot.fetched,
        uploads: snapshot.uploads.as_ref(),
    };
    let mut text = serde_json::to_vec_pretty(&status).expect("it holds nothing that JSON can't");
    text.push(b'\n');
    disk::replace(&state_dir.join(FILE), &text, disk::SHARED_MODE)
}
