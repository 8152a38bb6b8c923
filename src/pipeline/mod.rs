//! Poll, plan, transfer, record: the one way through the program. [`Pipeline::run`] is the function to read first.
//!
//! - `poll`: users x windows x pages -> the meetings that Zoom lists; `polling`: when, and what follows from it
//! - [`plan`]: pure; what to do about each of them; `deadline`: which of them Zoom deletes before they are archived
//! - `adopt`: each meeting through the plan, and what is remembered of those that are not done
//! - `transfer`: the bounded pool of downloads; `download` is one file, from its request to its final name
//! - [`record`]: `meeting.json`, then the tracker row; `placing` chooses the folder, `memory` is what is still to be done
//! - [`audit`]: whether all that was recorded is still there; [`refetch`]: what isn't is asked for
//! - `publish`: what is recorded goes to YouTube, beside all that
//! - `notices`: what people are told of it
//! - [`cleanup`]: what is archived, and on YouTube where that is wished, is removed from this machine, where that is wished
//! - `work` takes a plan's meetings through transfer and record; `board` tells of it
//!
//! One task owns all of it. Polls run beside the downloads, never beside each other; a meeting is recorded the moment its
//! last file is whole.

mod adopt;
pub mod audit;
mod board;
pub mod cleanup;
mod deadline;
mod download;
mod memory;
mod notices;
mod placing;
pub mod plan;
mod poll;
mod polling;
mod publish;
pub mod record;
pub mod refetch;
#[cfg(test)]
mod tests;
mod transfer;
mod work;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::future::{pending, ready};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::archive::tracker::Status;
use crate::chain::chain;
use crate::clock;
use crate::config::Settings;
use crate::disk;
use crate::http::Pace;
use crate::meeting::{ByteCount, FileId, Meeting, MeetingUuid, UserId};
use crate::state::State;
use crate::youtube::YoutubeError;
use crate::zoom::{Zoom, ZoomError};

pub use board::{Phase, PollReport, Snapshot};
use cleanup::Cleaner;
use download::Fetcher;
pub use download::{DownloadError, FileJob, Progress, peek};
use notices::Herald;
use poll::{Meetings, UserScan};
use publish::Publisher;
pub use publish::{AskedFor, PartShown, Uploading, UploadsShown};
use record::Ledger;
pub use transfer::Flight;
use transfer::Pool;
use work::Work;

/// How often the progress of downloads is logged.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);
/// How long downloads may take to come down when the program ends; the disk may be slow.
const LANDING: Duration = Duration::from_secs(4);
/// Most failures that are kept for the end.
const MOST_FAILURES: usize = 1000;

/// Why a poll is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The program has started.
    Start,
    /// It is time.
    Schedule,
    /// There is a new token.
    Authorized,
}

/// What a run has come to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Meetings recorded.
    pub recorded: u64,
    /// Files fetched.
    pub files: u64,
    /// Bytes fetched.
    pub bytes: ByteCount,
    /// Videos that were sent to YouTube.
    pub videos: u64,
    /// Meetings, users or scans that failed, a line for each.
    pub failures: Vec<String>,
    /// Meetings that wait for Zoom, or for their next try.
    pub waiting: u64,
    /// Whether it was stopped with work left.
    pub is_interrupted: bool,
    /// Why there was no access to Zoom at all.
    pub unauthorized: Option<ZoomError>,
    /// Why there was none to YouTube.
    pub youtube_unauthorized: Option<YoutubeError>,
}

/// All that the program does, from one place.
#[derive(Debug)]
pub struct Pipeline {
    settings: Arc<Settings>,
    zoom: Zoom,
    ledger: Arc<Mutex<Ledger>>,
    pool: Pool,
    polling: JoinSet<Vec<UserScan>>,
    /// Sends videos to YouTube, where that is wished.
    publisher: Option<Publisher>,
    /// Tells people, where somebody is to be told.
    herald: Option<Herald>,
    /// Removes local files, where that is wished.
    cleaner: Cleaner,
    work: HashMap<MeetingUuid, Work>,
    /// Try at once what failed before.
    eager: bool,
    /// Meetings that need nothing but their row.
    complete: VecDeque<(Meeting, Status)>,
    /// Nothing takes off before this, for Zoom would refuse it; a poll that succeeds ends that.
    hold_until: Option<DateTime<Utc>>,
    /// Until when Zoom asked to be left alone, as far as that was said.
    told_wait: Option<DateTime<Utc>>,
    /// Files that Zoom asked to wait with since the last one came.
    put_off: HashSet<FileId>,
    /// Why a user's recordings could not be listed at the last poll.
    unlisted: BTreeMap<UserId, String>,
    /// What was said to keep all that waits from being fetched.
    obstacle: Option<String>,
    /// Whether what is remembered could not be saved when that was last tried.
    is_state_lost: bool,
    /// Types of files that were told as unknown: each once, for they come with every poll.
    told_types: HashSet<String>,
    outcome: Outcome,
    snapshot: Snapshot,
    board: watch::Sender<Snapshot>,
    stop: CancellationToken,
}

impl Pipeline {
    /// A pipeline over an opened ledger. With `eager`, meetings that failed before are tried without waiting for their
    /// next try. Snapshots of it go to `board`.
    #[must_use]
    pub fn new(
        settings: Arc<Settings>,
        zoom: Zoom,
        ledger: Ledger,
        eager: bool,
        board: watch::Sender<Snapshot>,
        stop: CancellationToken,
    ) -> Self {
        let pace = settings
            .download
            .rate_limit
            .map_or_else(Pace::unlimited, |limit| Pace::per_second(limit.bytes_per_second().get().into()));
        let download = &settings.download;
        let fetcher = Fetcher::new(zoom.clone(), pace, download);
        let pool = Pool::new(download.workers, fetcher, stop.clone());
        let ledger = Arc::new(Mutex::new(ledger));
        let cleaner = Cleaner::new(&settings, &ledger, &stop);
        Self {
            settings,
            zoom,
            ledger,
            pool,
            polling: JoinSet::new(),
            publisher: None,
            herald: None,
            cleaner,
            work: HashMap::new(),
            eager,
            complete: VecDeque::new(),
            hold_until: None,
            told_wait: None,
            put_off: HashSet::new(),
            unlisted: BTreeMap::new(),
            obstacle: None,
            is_state_lost: false,
            told_types: HashSet::new(),
            outcome: Outcome::default(),
            snapshot: Snapshot { since: clock::now(), ..Snapshot::default() },
            board,
            stop,
        }
    }

    /// Polls whenever the bell rings, and fetches and records what the polls bring. Returns once the bell is gone and all
    /// work is done, or once it is stopped and what was in flight has come down.
    pub async fn run(mut self, mut bell: mpsc::Receiver<Trigger>) -> Outcome {
        let mut progress = tokio::time::interval_at(Instant::now() + PROGRESS_EVERY, PROGRESS_EVERY);
        progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut bell_is_gone = false;
        let stop = self.stop.clone();
        while !(bell_is_gone && self.is_idle()) {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                (flight, result) = self.pool.ended() => self.file_ended(&flight, result).await,
                listed = next_of(&mut self.polling) => self.poll_ended(listed).await,
                ended = publish::next_ended(&mut self.publisher) => self.publisher_ended(ended).await,
                ended = notices::next_ended(&mut self.herald) => self.message_ended(ended).await,
                ended = cleanup::next_ended(&mut self.cleaner) => self.cleanup_ended(ended).await,
                rung = bell.recv(), if self.polling.is_empty() && !bell_is_gone => match rung {
                    Some(trigger) => self.begin_poll(trigger).await,
                    None => bell_is_gone = true,
                },
                () = ready(()), if !self.complete.is_empty() => self.record_next().await,
                _ = progress.tick() => self.log_progress().await,
            }
            self.start_downloads().await;
            self.start_upload().await;
            self.start_cleanup();
            self.send_messages().await;
            self.show();
        }
        self.land().await;
        if !self.stop.is_cancelled() {
            self.warn_of_deletions(true).await;
            self.tell_of_waiting_videos();
            if self.obstacle.is_none() && self.snapshot.last_poll.as_ref().is_some_and(|poll| poll.ok) {
                self.tell_of_fetching();
            }
            self.send_last_messages().await;
        }
        self.save_state().await;
        self.outcome
    }

    fn is_idle(&self) -> bool {
        self.is_done_but_for_cleanup() && self.cleaner.is_idle()
    }

    fn is_done_but_for_cleanup(&self) -> bool {
        self.polling.is_empty() && self.pool.is_idle() && self.complete.is_empty() && self.is_done_publishing()
    }

    /// Notes a failure for the end; a service that runs for years has no end to keep them all for.
    fn fail(&mut self, words: String) {
        if self.outcome.failures.len() < MOST_FAILURES {
            self.outcome.failures.push(words);
        }
    }

    /// Makes durable what is remembered, where it has changed. Where that can't be, it is said once, and tried again.
    async fn save_state(&mut self) {
        let notices = self.herald.as_mut().and_then(Herald::changed);
        match self.with_ledger(move |ledger| ledger.save_with(notices)).await {
            Ok(()) => self.is_state_lost = false,
            Err(error) if !std::mem::replace(&mut self.is_state_lost, true) => {
                let problem = format!(
                    "state.json is out of date: {}; after a restart some days are asked for again",
                    chain(&error)
                );
                tracing::error!("{problem}");
                self.fail(problem);
            }
            Err(_) => {}
        }
    }

    /// Waits for what is in flight: each download stops at its next wait and syncs what it has.
    async fn land(&mut self) {
        if !self.stop.is_cancelled() {
            return;
        }
        self.outcome.is_interrupted = !self.is_idle() || !self.pool.waiting().is_empty();
        self.polling.shutdown().await;
        self.abort_messages().await;
        let landing = async {
            while !self.pool.is_idle() {
                let (flight, result) = self.pool.ended().await;
                self.file_ended(&flight, result).await;
            }
            self.land_upload().await;
            self.cleaner.land().await;
        };
        if tokio::time::timeout(LANDING, landing).await.is_err() {
            tracing::warn!("some transfers did not come to their end in time; they go on after the next start");
            self.pool.abort().await;
            self.abort_upload().await;
            self.cleaner.abort().await;
        }
    }

    /// Does something with the ledger that may wait for the disk.
    async fn with_ledger<T: Send + 'static>(&self, act: impl FnOnce(&mut Ledger) -> T + Send + 'static) -> T {
        let ledger = Arc::clone(&self.ledger);
        disk::blocking(move || act(&mut ledger.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

async fn next_of(polling: &mut JoinSet<Vec<UserScan>>) -> Result<Vec<UserScan>, JoinError> {
    match polling.join_next().await {
        Some(ended) => ended,
        None => pending().await,
    }
}

/// Everything that a full scan of all users finds, without doing anything about it; and for which users it fell short, and
/// why, if it isn't in the log.
pub async fn survey(
    settings: &Settings,
    zoom: &Zoom,
    now: DateTime<Utc>,
    stop: &CancellationToken,
) -> (Vec<Meeting>, Vec<(UserId, Option<ZoomError>)>) {
    // A state that knows of no earlier scan asks for full ones.
    let requests = poll::requests(settings, &State::default(), |_| false, now);
    let (mut meetings, mut problems) = (Meetings::default(), Vec::new());
    for scan in poll::poll(zoom, requests, stop).await {
        scan.meetings.into_iter().for_each(|meeting| meetings.add(meeting));
        if !scan.is_complete {
            problems.push((scan.user, scan.problem));
        }
    }
    (meetings.into_list(), problems)
}
