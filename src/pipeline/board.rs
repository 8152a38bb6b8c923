//! What is told of the work under way: in the log, and on the board for whoever shows it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Pipeline;
use super::deadline::{self, Outlook};
use super::download::Fetched;
use super::notices::named;
use super::publish::{Uploading, UploadsShown};
use super::record::Ledger;
use super::transfer::Flight;
use crate::clock;
use crate::config::NotifyEvent;
use crate::meeting::ByteCount;
use crate::state::Pending;

/// What keeps everything from being fetched where downloads are refused.
const UNAUTHORIZED: &str = "the app has to be authorized again";

/// What the service is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// How often the work has come round, idle rounds among them: it stands still where the work does.
    pub round: u64,
    /// The last poll.
    pub last_poll: Option<PollReport>,
    /// What is in flight.
    pub flights: Vec<Flight>,
    /// How many files wait for a worker.
    pub waiting_files: usize,
    /// Meetings that are not done.
    pub pending: Arc<[Pending]>,
    /// Until when Zoom asked to be left alone; no poll takes place before.
    pub zoom_waits_until: Option<DateTime<Utc>>,
    /// Meetings recorded since the start.
    pub recorded: u64,
    /// Bytes fetched since the start.
    pub fetched: ByteCount,
    /// Uploads to YouTube, where videos are published.
    pub uploads: Option<UploadsShown>,
    /// The upload under way.
    pub uploading: Option<Uploading>,
}

impl Snapshot {
    /// What it is doing, in a few words.
    #[must_use]
    pub fn words(&self) -> String {
        match self.phase {
            Phase::Starting => "starting".to_owned(),
            Phase::Idle => self.uploading().unwrap_or_else(|| "idle".to_owned()),
            Phase::Polling => "asking Zoom for recordings".to_owned(),
            Phase::Downloading => {
                let files = if self.flights.len() == 1 { "file" } else { "files" };
                format!("downloading {} {files}, {} wait", self.flights.len(), self.waiting_files)
            }
            Phase::Authorization => "waiting for authorization".to_owned(),
            Phase::Stopping => "stopping".to_owned(),
        }
    }
}

impl Snapshot {
    /// That it sends a video, where it does, or can send none.
    fn uploading(&self) -> Option<String> {
        let uploads = self.uploads.as_ref()?;
        if uploads.needs_person {
            return Some(format!(
                "idle; nothing is sent to YouTube: {}",
                uploads.why.as_deref().unwrap_or("see the log")
            ));
        }
        self.uploading.as_ref().map(|_| format!("uploading a video, {} wait", uploads.waiting.saturating_sub(1)))
    }
}

impl Pipeline {
    /// The result of a poll in one line.
    pub(super) async fn log_poll(&self, report: &PollReport) {
        let next = self.next_poll(report.at).await;
        tracing::info!(
            seen = report.seen,
            new = report.new,
            files = report.files,
            skipped = report.skipped,
            waiting = report.waiting,
            next_poll = next.map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string()),
            "{}",
            if report.ok { "polled Zoom" } else { "polled Zoom, not completely" }
        );
    }

    /// When the next poll is: none takes place as long as Zoom asked to wait.
    async fn next_poll(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let waits_until = self.with_ledger(move |ledger| ledger.zoom_waits_until(now)).await;
        self.settings.poll.schedule.next_after(waits_until.unwrap_or(now)).filter(|_| !self.eager)
    }

    /// A line for each file in flight.
    pub(super) async fn log_progress(&mut self) {
        self.warn_of_deletions(false).await;
        self.look_at_barrier().await;
        self.log_upload();
        self.take_stock().await;
        self.save_state().await;
        // A pause was told with its length when it began.
        for flight in self.pool.flights().filter(|flight| !flight.progress.is_paused.load(Ordering::Relaxed)) {
            let received = flight.progress.received.load(Ordering::Relaxed);
            let total = flight.progress.total.load(Ordering::Relaxed);
            let elapsed = flight.since.elapsed();
            let fetched = received.saturating_sub(flight.job.on_disk);
            let is_known = total > 0 && fetched > 0;
            let eta = is_known
                .then(|| u128::from(flight.remaining()) * elapsed.as_millis() / u128::from(fetched))
                .map(|millis| millis.div_ceil(1000));
            tracing::info!(
                file = %flight.job.label,
                bytes = received,
                percent = (received * 100).checked_div(total),
                rate = %rate(fetched, elapsed),
                eta = eta.map(|secs| format!("{secs} s")),
                attempt = flight.progress.attempt.load(Ordering::Relaxed),
                "downloading"
            );
        }
    }

    /// Says, once on each day, which meetings Zoom is about to delete though they are not archived, and why they aren't.
    pub(super) async fn warn_of_deletions(&mut self, is_over: bool) {
        if self.is_by_hand() {
            return;
        }
        let now = clock::now();
        let next_poll = self.next_poll(now).await;
        let outlook = Outlook { obstacle: self.obstacle.as_deref(), is_over, next_poll };
        let unauthorized = (self.snapshot.phase == Phase::Authorization).then_some(UNAUTHORIZED);
        let own = outlook.obstacle.or(unauthorized).map(str::to_owned);
        let look =
            move |ledger: &mut Ledger| ledger.endangered(Outlook { obstacle: own.as_deref(), is_over, next_poll }, now);
        let endangered = self.with_ledger(look).await;
        let mut told = Vec::new();
        for pending in endangered {
            let day = pending.deletion.unwrap_or_default();
            let unlisted = self.unlisted.get(&pending.user).map(String::as_str);
            let obstacle = unlisted.or(unauthorized).or(outlook.obstacle);
            let why = deadline::words(&pending, Outlook { obstacle, ..outlook }, now);
            tracing::warn!(
                meeting = %pending.uuid,
                topic = %pending.topic,
                "Zoom deletes this meeting on {day}, and it is not archived yet: {why}",
            );
            told.push(format!(
                "{} is not archived, and Zoom deletes it on {day}: {why}",
                named(&pending.topic, pending.start)
            ));
        }
        for text in told {
            self.tell(NotifyEvent::Deadline, || text, None);
        }
    }

    /// Takes over into the snapshot which meetings are not done: now and then, for there may be thousands.
    pub(super) async fn take_stock(&mut self) {
        let look = |ledger: &mut Ledger| {
            let pending: Vec<_> = ledger.state.pending.values().cloned().collect();
            (pending, ledger.zoom_waits_until(clock::now()))
        };
        let (pending, waits_until) = self.with_ledger(look).await;
        self.snapshot.pending = pending.into();
        self.snapshot.zoom_waits_until = waits_until;
    }

    /// Puts a snapshot on the board.
    pub(super) fn show(&mut self) {
        let phase = match self.snapshot.phase {
            Phase::Authorization if self.polling.is_empty() => Phase::Authorization,
            _ if !self.polling.is_empty() => Phase::Polling,
            _ if !self.pool.is_idle() => Phase::Downloading,
            Phase::Starting if self.snapshot.last_poll.is_none() => Phase::Starting,
            _ => Phase::Idle,
        };
        if phase != self.snapshot.phase {
            self.snapshot.since = clock::now();
        }
        self.snapshot.phase = phase;
        self.snapshot.round += 1;
        self.snapshot.flights = self.pool.flights().cloned().collect();
        self.snapshot.waiting_files = self.pool.waiting().len();
        self.show_uploads();
        self.board.send_replace(self.snapshot.clone());
    }

    pub(super) fn log_end(&mut self, flight: &Flight, fetched: &Fetched) {
        if fetched.was_there {
            tracing::info!(file = %flight.job.label, size = %fetched.size, "the file is there already, whole, and is taken as it is");
            return;
        }
        let elapsed = flight.since.elapsed();
        self.outcome.files += 1;
        self.outcome.bytes.0 += fetched.transferred.0;
        self.snapshot.fetched.0 += fetched.transferred.0;
        let rate = rate(fetched.transferred.0, elapsed);
        tracing::info!(
            file = %flight.job.label,
            size = %fetched.size,
            time = %humantime::format_duration(Duration::from_secs(elapsed.as_secs())),
            %rate,
            "the file is complete"
        );
    }
}

/// Bytes per second, in words.
pub(super) fn rate(bytes: u64, elapsed: Duration) -> String {
    let per_second = u128::from(bytes) * 1000 / elapsed.as_millis().max(1);
    format!("{}/s", ByteCount(u64::try_from(per_second).unwrap_or(u64::MAX)))
}
