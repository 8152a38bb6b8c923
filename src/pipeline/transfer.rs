//! The bounded pool of downloads: one for all files of all meetings, alive as long as the program.
//!
//! It owns every download's task. What is in flight is never touched; what waits is replaced and re-sorted by each poll.

use std::collections::HashMap;
use std::future::pending;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, NaiveDate, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::JoinMap;

use super::download::{DownloadError, Fetched, Fetcher, FileJob, Progress};
use super::plan;
use crate::meeting::{FileId, MeetingUuid};

/// A file of a meeting.
pub(super) type FileKey = (MeetingUuid, FileId);

/// A job that waits, with what decides on its turn.
#[derive(Clone, Debug)]
pub(super) struct WaitingJob {
    /// The job.
    pub job: FileJob,
    /// The day on which Zoom will delete the meeting.
    pub deletion: Option<NaiveDate>,
    /// When the meeting began.
    pub start: DateTime<Utc>,
}

/// A download under way.
#[derive(Clone, Debug)]
pub struct Flight {
    /// What is fetched.
    pub job: FileJob,
    /// How far it has come.
    pub progress: Arc<Progress>,
    /// When it took off.
    pub since: Instant,
}

impl Flight {
    /// Bytes that are still to come, as far as known.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        let total = self.progress.total.load(Ordering::Relaxed);
        total.saturating_sub(self.progress.received.load(Ordering::Relaxed))
    }
}

/// The pool.
#[derive(Debug)]
pub(super) struct Pool {
    workers: NonZeroUsize,
    fetcher: Arc<Fetcher>,
    stop: CancellationToken,
    waiting: Vec<WaitingJob>,
    tasks: JoinMap<FileKey, Result<Fetched, DownloadError>>,
    flights: HashMap<FileKey, Flight>,
}

impl Pool {
    /// A pool of `workers`; once `stop` is cancelled nothing takes off, and what is in flight comes down by itself.
    #[must_use]
    pub(super) fn new(workers: NonZeroUsize, fetcher: Fetcher, stop: CancellationToken) -> Self {
        Self {
            workers,
            fetcher: Arc::new(fetcher),
            stop,
            waiting: Vec::new(),
            tasks: JoinMap::new(),
            flights: HashMap::new(),
        }
    }

    /// Puts jobs into the waiting list in place of those for the same meetings, in the order of work. Files in flight
    /// are left alone.
    pub(super) fn replace_waiting(&mut self, is_replaced: impl Fn(&MeetingUuid) -> bool, jobs: Vec<WaitingJob>) {
        self.waiting.retain(|waiting| !is_replaced(&waiting.job.meeting));
        let mut new = jobs;
        new.retain(|new| !self.flights.contains_key(&key(&new.job)));
        if self.waiting.is_empty() {
            self.waiting = new;
        } else {
            self.waiting.append(&mut new);
        }
        self.sort();
    }

    fn sort(&mut self) {
        let place = |job: &WaitingJob| (job.deletion, job.start);
        self.waiting.sort_unstable_by(|a, b| {
            let by_meeting = plan::in_order_of_work(
                (place(a).0, place(a).1, &a.job.meeting),
                (place(b).0, place(b).1, &b.job.meeting),
            );
            by_meeting.then_with(|| a.job.name.as_str().cmp(b.job.name.as_str()))
        });
    }

    /// Puts a job that could not be done just now back into the waiting list.
    pub(super) fn wait_again(&mut self, job: WaitingJob) {
        self.waiting.push(job);
        self.sort();
    }

    /// Whether a file of a meeting is in flight.
    pub(super) fn is_in_flight(&self, uuid: &MeetingUuid) -> bool {
        self.flights.keys().any(|(meeting, _)| meeting == uuid)
    }

    /// What waits, in the order of work.
    #[must_use]
    pub(super) fn waiting(&self) -> &[WaitingJob] {
        &self.waiting
    }

    /// What is in flight.
    pub(super) fn flights(&self) -> impl Iterator<Item = &Flight> {
        self.flights.values()
    }

    /// Whether something waits and there is a worker for it.
    #[must_use]
    pub(super) fn could_start(&self) -> bool {
        !self.stop.is_cancelled() && !self.waiting.is_empty() && self.flights.len() < self.workers.get()
    }

    /// Takes the first job that `fits` out of the waiting list, if there is a worker for it.
    pub(super) fn next(&mut self, fits: impl Fn(&FileJob) -> bool) -> Option<FileJob> {
        if !self.could_start() {
            return None;
        }
        let first = self.waiting.iter().position(|waiting| fits(&waiting.job))?;
        Some(self.waiting.remove(first).job)
    }

    /// Begins a download.
    pub(super) fn start(&mut self, job: FileJob) {
        let (fetcher, stop) = (Arc::clone(&self.fetcher), self.stop.clone());
        self.take_off(job, |job, progress| async move { fetcher.fetch(&job, &progress, &stop).await });
    }

    /// Begins a flight whose work is `fetch`.
    pub(super) fn take_off<F: Future<Output = Result<Fetched, DownloadError>> + Send + 'static>(
        &mut self,
        job: FileJob,
        fetch: impl FnOnce(FileJob, Arc<Progress>) -> F,
    ) {
        let progress = Arc::new(Progress::default());
        progress.received.store(job.on_disk, Ordering::Relaxed);
        progress.total.store(job.listed_size.unwrap_or_default().0, Ordering::Relaxed);
        let flight = Flight { job: job.clone(), progress: Arc::clone(&progress), since: Instant::now() };
        self.flights.insert(key(&job), flight);
        self.tasks.spawn(key(&job), fetch(job, progress));
    }

    /// Waits for the next download to end; for ever where none is in flight.
    ///
    /// Cancel-safe: a download that has ended is not lost.
    pub(super) async fn ended(&mut self) -> (Flight, Result<Fetched, DownloadError>) {
        loop {
            let Some((key, result)) = self.tasks.join_next().await else { return pending().await };
            // Each task is entered in both, so that the other case is one that can't be.
            let Some(flight) = self.flights.remove(&key) else { continue };
            return (flight, result.unwrap_or(Err(DownloadError::Crashed)));
        }
    }

    /// Whether nothing is in flight.
    #[must_use]
    pub(super) fn is_idle(&self) -> bool {
        self.flights.is_empty()
    }

    /// Ends every task where it stands.
    pub(super) async fn abort(&mut self) {
        self.tasks.shutdown().await;
        self.flights.clear();
    }
}

fn key(job: &FileJob) -> FileKey {
    (job.meeting.clone(), job.file.clone())
}
