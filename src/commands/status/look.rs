//! What is read to tell how things are. Everything here blocks on the disk.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::judge;
use crate::archive::tracker::{Status as Progress, Tracker};
use crate::chain::chain;
use crate::commands::setup::LOCK;
use crate::config::Settings;
use crate::disk;
use crate::meeting::ByteCount;
use crate::state::{self, Failed, Parked, Pending, State, Wait};
use crate::status::Status;

/// The time whose pace is taken for that of the times to come.
const MONTH: TimeDelta = TimeDelta::days(30);

/// Reads how things are; the tracker again only where it was changed.
#[derive(Debug)]
pub(super) struct Looker {
    settings: Settings,
    tracker: Option<Tracker>,
}

/// How things are.
#[derive(Debug, Default, Serialize)]
pub(super) struct View {
    /// The service at work, by its process.
    #[serde(skip)]
    pub(super) running: Option<u32>,
    /// What is not as it should be, in words.
    pub(super) problems: Vec<String>,
    /// What the service says of itself, or last said.
    #[serde(flatten)]
    pub(super) status: Option<Status>,
    /// Meetings that are not done.
    #[serde(skip)]
    pub(super) pending: Vec<Pending>,
    pub(super) archive: ArchiveView,
    pub(super) disk: DiskView,
    /// When the token was last renewed.
    pub(super) zoom_token: Option<DateTime<Utc>>,
    pub(super) youtube_token: Option<DateTime<Utc>>,
    /// Videos that are not sent until somebody asks for it.
    pub(super) parked: Vec<Parked>,
    /// Videos that could not be sent, and are tried again.
    pub(super) failed_uploads: Vec<Failed>,
    /// The limit of YouTube's that is waited for.
    pub(super) youtube_limit: Option<Wait>,
    /// Messages to people that have not arrived yet.
    pub(super) undelivered_messages: usize,
}

/// What the tracker accounts for.
#[derive(Debug, Default, Serialize)]
pub(super) struct ArchiveView {
    pub(super) directory: PathBuf,
    pub(super) meetings: usize,
    pub(super) uploaded: usize,
    pub(super) cleaned: usize,
    pub(super) empty: usize,
    pub(super) files: u64,
    pub(super) bytes: ByteCount,
}

/// The disk of the archive.
#[derive(Debug, Default, Serialize)]
pub(super) struct DiskView {
    /// What is free; none where the folder isn't there.
    pub(super) free_bytes: Option<ByteCount>,
    /// What was archived in the last thirty days.
    pub(super) month_bytes: ByteCount,
    /// How long the free space lasts at this pace.
    pub(super) days_left: Option<u64>,
}

impl Looker {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, tracker: None }
    }

    /// How things are now. What can't be read is among the problems.
    pub(super) fn look(&mut self, now: DateTime<Utc>) -> View {
        let mut view = View::default();
        let state_dir = self.settings.state_dir.clone();
        view.status = Status::read(&state_dir).unwrap_or_else(|error| {
            view.problems.push(chain(&error));
            None
        });
        let holder = disk::holder(&state_dir.join(LOCK)).unwrap_or_else(|error| {
            view.problems.push(format!("whether the service is running can't be told: {}", chain(&error)));
            None
        });
        view.running = holder.filter(|pid| view.status.as_ref().is_some_and(|status| status.pid == *pid));
        view.problems.extend(judge::service(view.status.as_ref(), holder, &self.settings.poll.schedule, now));
        look_at_state(&mut view, &state_dir, now);
        self.look_at_archive(&mut view, now);
        view.zoom_token = written_at(&self.settings.zoom.token_file);
        view.youtube_token = written_at(&self.settings.youtube.token_file);
        view.problems.extend(judge::tokens(&view, &self.settings, now));
        view.problems.extend(judge::obstacles(&view));
        view
    }

    fn look_at_archive(&mut self, view: &mut View, now: DateTime<Utc>) {
        let archive = &mut view.archive;
        archive.directory.clone_from(&self.settings.archive.directory);
        match self.tracker() {
            Ok(tracker) => {
                for account in tracker.accounts() {
                    let (files, bytes) = (account.files.unwrap_or(0), account.bytes.unwrap_or_default());
                    match account.status {
                        Some(Progress::Empty) => archive.empty += 1,
                        Some(Progress::Cleaned) => archive.cleaned += 1,
                        status => {
                            archive.uploaded += usize::from(status == Some(Progress::Uploaded));
                            archive.meetings += 1;
                            archive.files += files;
                            archive.bytes.0 += bytes.0;
                        }
                    }
                    if account.recorded_at.is_some_and(|at| now - at < MONTH) {
                        view.disk.month_bytes.0 += bytes.0;
                    }
                }
            }
            Err(problem) => view.problems.push(problem),
        }
        let free = disk::free_space(&self.settings.archive.directory).ok();
        view.disk.free_bytes = free;
        let spare = free.map(|free| free.0.saturating_sub(self.settings.download.min_free_space.0));
        view.disk.days_left = judge::days_left(spare, view.disk.month_bytes.0);
    }

    fn tracker(&mut self) -> Result<&Tracker, String> {
        let tracker = match self.tracker.take() {
            Some(mut tracker) => tracker.refresh().map(|_| tracker),
            None => Tracker::open(&self.settings.tracker.file),
        };
        tracker.map(|tracker| &*self.tracker.insert(tracker)).map_err(|error| chain(&error))
    }
}

fn look_at_state(view: &mut View, state_dir: &Path, now: DateTime<Utc>) {
    let state = State::load(&state_dir.join(state::FILE)).unwrap_or_else(|error| {
        view.problems.push(format!("what waits can't be told in full: {}", chain(&error)));
        State::default()
    });
    let own = view.status.as_ref().filter(|_| view.running.is_some());
    view.pending = own.map_or_else(|| state.pending.values().cloned().collect(), |status| status.pending.to_vec());
    view.pending.sort_by_key(|pending| (pending.deletion.is_none(), pending.deletion, pending.start));
    let uploads = state.uploads;
    view.parked = uploads.parked.into_values().collect();
    view.parked.sort_by_key(|parked| parked.at);
    view.failed_uploads = uploads.failed.into_values().collect();
    view.youtube_limit = uploads.wait.filter(|wait| wait.until > now);
    view.undelivered_messages = state.notices.outbox.len();
}

/// When a token file was last written: looked at from outside, for its content is its owner's alone.
fn written_at(token_file: &Path) -> Option<DateTime<Utc>> {
    Some(fs::metadata(token_file).ok()?.modified().ok()?.into())
}
