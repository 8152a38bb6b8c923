//! Publishing: the best file of each part of each recorded meeting goes to YouTube, once.
//!
//! - `choose`: pure; what of a meeting is wanted there, and what keeps it from being sent now
//! - `agenda`: which meetings have to be looked at
//! - `prospect`: which of it is sent next; `by_hand`: one meeting that a person asks for
//! - `books`: what is noted of it: `meeting.json`, the tracker, `state.json`
//! - `courier`: one try of one upload, from what is kept of an earlier one to the last thing on record
//! - `follow`: what follows from each end; limits and refusals are states that are said once
//! - `processing`: what has become of the videos that are there
//! - `tell`: what the log and the board say
//!
//! One upload at a time, beside polls and downloads: it waits for none of them, and none waits for it.

mod agenda;
mod books;
mod by_hand;
mod choose;
mod courier;
mod follow;
mod problem;
mod processing;
mod prospect;
mod tell;

use std::collections::HashMap;
use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

pub(super) use self::agenda::Agenda;
pub use self::by_hand::{AskedFor, PartShown};
use self::choose::Patience;
pub(super) use self::choose::{ended, is_too_old, settles_at, videos_of};
use self::courier::{Courier, Delivered};
use self::problem::Problem;
use self::processing::Checked;
pub(super) use self::processing::words_of;
use self::prospect::{Job, Prospect, Tally, Wish};
pub use self::tell::{Uploading, UploadsShown};
use super::Pipeline;
use crate::chain::chain;
use crate::clock;
use crate::disk;
use crate::meeting::{FileId, MeetingUuid};
use crate::state::Wait;
use crate::youtube::unfinished::UploadsFolder;
use crate::youtube::{Progress, Uploader, Youtube};

/// How long it takes until something is looked at again that only a person can mend, or that nobody can.
const LOOK_AGAIN: TimeDelta = TimeDelta::hours(1);
/// How long a video is left alone that can't be put into the playlist: others may be.
const PLAYLIST_AGAIN: TimeDelta = TimeDelta::hours(6);
/// So many videos in a row that are refused alike, and it is the settings that are refused.
const ALIKE: u32 = 3;
/// So many uploads in a row that broke off, and a run that tries everything at once lets the rest be.
const ENOUGH: u32 = 3;

/// The worker.
#[derive(Debug)]
pub(super) struct Publisher {
    courier: Arc<Courier>,
    /// The one meeting that is sent, where a person asks for it.
    by_hand: Option<MeetingUuid>,
    tasks: JoinSet<Result<Delivered, Problem>>,
    flight: Option<UploadFlight>,
    checks: JoinSet<Checked>,
    /// Whether there may be something to send.
    is_due: bool,
    /// When there may be, though nothing happens until then.
    look_at: Option<DateTime<Utc>>,
    /// Files that are left alone until then.
    put_off: HashMap<FileId, DateTime<Utc>>,
    /// How many uploads in a row broke off.
    setbacks: u32,
    /// Nothing is looked for before, after one that did.
    hold_until: Option<DateTime<Utc>>,
    /// What keeps all videos from being sent until a person acts.
    barrier: Option<Barrier>,
    /// The last such thing that was said.
    barred_by: Option<String>,
    /// What was said to keep all from being sent.
    obstacle: Option<String>,
    limit: Option<Wait>,
    tally: Tally,
    /// How many uploads were begun today.
    today: u32,
    is_announced: bool,
    is_stray_told: bool,
    /// Why videos are not put into the playlist, as far as that was said.
    playlist_told: Option<String>,
    /// Until then the playlist is left alone: what kept one video out of it would keep out the next.
    playlist_hold: Option<DateTime<Utc>>,
    /// The last refusal of a video, and how many in a row were the same.
    refused_alike: (String, u32),
}

/// An upload under way.
#[derive(Debug)]
struct UploadFlight {
    job: Job,
    progress: Progress,
    since: Instant,
}

/// What only a person can mend.
#[derive(Debug)]
struct Barrier {
    words: String,
    /// The token file as it was then.
    token: TokenStamp,
    look_at: DateTime<Utc>,
}

/// By what a new token file is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TokenStamp(Option<(u64, std::time::SystemTime)>);

impl Publisher {
    fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.checks.is_empty() && !self.is_due
    }

    /// Whether it asks what has become of videos.
    pub(super) fn is_asking(&self) -> bool {
        !self.checks.is_empty()
    }

    /// Whether nothing is put into the playlist for now.
    fn leaves_playlist(&self, now: DateTime<Utc>) -> bool {
        self.barrier.is_some() || self.playlist_hold.is_some_and(|until| until > now)
    }

    /// Notes that there may be something to send.
    pub(super) fn wake(&mut self) {
        self.is_due = true;
    }
}

/// Something of the publisher's has ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The upload under way.
    Upload(Result<Result<Delivered, Problem>, JoinError>),
    /// A question about videos.
    Check(Result<Checked, JoinError>),
}

/// Waits until something of the publisher's ends; for ever where nothing is under way. Cancel-safe.
pub(super) async fn next_ended(publisher: &mut Option<Publisher>) -> Ended {
    let Some(Publisher { tasks, checks, .. }) = publisher else { return pending().await };
    tokio::select! {
        Some(ended) = tasks.join_next() => Ended::Upload(ended),
        Some(checked) = checks.join_next() => Ended::Check(checked),
        else => pending().await,
    }
}

impl Pipeline {
    /// Publishes what is recorded, too.
    #[must_use]
    pub fn publishing(mut self, youtube: Youtube, uploader: Uploader) -> Self {
        self.cleaner.asking(youtube.clone());
        let courier = Courier {
            settings: Arc::clone(&self.settings),
            ledger: Arc::clone(&self.ledger),
            folder: UploadsFolder::below(&self.settings.state_dir),
            youtube,
            uploader,
        };
        self.publisher = Some(Publisher {
            courier: Arc::new(courier),
            by_hand: None,
            tasks: JoinSet::new(),
            flight: None,
            checks: JoinSet::new(),
            is_due: true,
            look_at: None,
            put_off: HashMap::new(),
            setbacks: 0,
            hold_until: None,
            barrier: None,
            barred_by: None,
            obstacle: None,
            limit: None,
            tally: Tally::default(),
            today: 0,
            is_announced: false,
            is_stray_told: false,
            playlist_told: None,
            playlist_hold: None,
            refused_alike: (String::new(), 0),
        });
        self
    }

    /// Whether nothing is sent, nor could be now.
    pub(super) fn is_done_publishing(&self) -> bool {
        self.publisher.as_ref().is_none_or(Publisher::is_idle)
    }

    /// Begins the next upload, if none is under way and it is time to look for one.
    pub(super) async fn start_upload(&mut self) {
        let (now, eager) = (clock::now(), self.eager);
        let Some(publisher) = &mut self.publisher else { return };
        if self.stop.is_cancelled() || !publisher.tasks.is_empty() {
            return;
        }
        let is_time = publisher.look_at.is_some_and(|at| at <= now);
        if !publisher.is_due && !is_time || publisher.hold_until.is_some_and(|until| until > now) {
            return;
        }
        (publisher.is_due, publisher.look_at) = (false, None);
        if clock::check(now).is_err() {
            // By such a clock, the uploads of the day can't be counted.
            publisher.look_at = Some(now + TimeDelta::minutes(1));
            return;
        }
        publisher.put_off.retain(|_, until| *until > now);
        let patience = match &publisher.by_hand {
            Some(_) => Patience::Asked,
            None if eager => Patience::Eager,
            None => Patience::Usual,
        };
        let wish = Wish {
            now,
            patience,
            only: publisher.by_hand.clone(),
            put_off: publisher.put_off.keys().cloned().collect(),
            leaves_playlist: publisher.leaves_playlist(now),
            is_barred: publisher.barrier.is_some() || eager && publisher.setbacks >= ENOUGH,
            stop: self.stop.clone(),
        };
        let folder = publisher.courier.folder.clone();
        let prospect = self.with_ledger(move |ledger| ledger.prospect(&folder, &wish)).await;
        match prospect {
            Ok(prospect) => self.take_up_upload(prospect, now).await,
            Err(error) => {
                let problem = format!("{}; nothing is sent to YouTube until that is mended", chain(&error));
                let Some(publisher) = &mut self.publisher else { return };
                publisher.look_at = Some(now + TimeDelta::minutes(1));
                if publisher.obstacle.replace(problem.clone()) != Some(problem.clone()) {
                    tracing::error!("{problem}");
                    self.fail(problem);
                }
            }
        }
    }

    async fn take_up_upload(&mut self, prospect: Prospect, now: DateTime<Utc>) {
        let Some(publisher) = &mut self.publisher else { return };
        publisher.obstacle = None;
        let earliest = publisher.put_off.values().min().copied();
        publisher.look_at = [prospect.look_again, earliest].into_iter().flatten().min();
        (publisher.tally, publisher.today) = (prospect.tally, prospect.today);
        let has_news = !prospect.passed_over.is_empty() || !prospect.recorded.is_empty();
        self.tell_of_prospect(&prospect, now);
        if has_news {
            self.save_state().await;
        }
        let Some(job) = prospect.job else { return };
        let Some(publisher) = &mut self.publisher else { return };
        let progress = Progress::default();
        let flight = UploadFlight { job: job.clone(), progress: progress.clone(), since: Instant::now() };
        tell::of_start(&publisher.courier, &job);
        publisher.flight = Some(flight);
        let (courier, stop) = (Arc::clone(&publisher.courier), self.stop.clone());
        let leaves_playlist = publisher.leaves_playlist(now);
        publisher.tasks.spawn(async move { courier.deliver(job, leaves_playlist, progress, stop).await });
    }

    /// Looks whether what only a person can mend has been mended, or an hour has gone by.
    pub(super) async fn look_at_barrier(&mut self) {
        let Some(publisher) = &mut self.publisher else { return };
        let Some(barrier) = &publisher.barrier else { return };
        let (is_time, stamp) = (barrier.look_at <= clock::now(), barrier.token);
        if is_time || stamp_of(publisher.courier.settings.youtube.token_file.clone()).await != stamp {
            publisher.barrier = None;
            publisher.wake();
        }
    }

    /// Ends the upload under way where it stands.
    pub(super) async fn abort_upload(&mut self) {
        if let Some(publisher) = &mut self.publisher {
            publisher.tasks.shutdown().await;
            publisher.checks.shutdown().await;
        }
    }

    /// Waits until what is under way has come down, after the program was asked to stop.
    pub(super) async fn land_upload(&mut self) {
        if let Some(publisher) = &mut self.publisher {
            publisher.checks.shutdown().await;
            if let Some(ended) = publisher.tasks.join_next().await {
                self.upload_ended(ended).await;
            }
        }
    }

    pub(super) async fn publisher_ended(&mut self, ended: Ended) {
        match ended {
            Ended::Upload(ended) => self.upload_ended(ended).await,
            Ended::Check(checked) => self.videos_checked(checked).await,
        }
    }

    /// Notes that there may be something to send.
    pub(super) fn wake_publisher(&mut self) {
        if let Some(publisher) = &mut self.publisher {
            publisher.wake();
        }
    }
}

async fn stamp_of(token_file: PathBuf) -> TokenStamp {
    let look = move || {
        let meta = std::fs::metadata(token_file).ok()?;
        Some((std::os::unix::fs::MetadataExt::ino(&meta), meta.modified().ok()?))
    };
    TokenStamp(disk::blocking(look).await)
}
