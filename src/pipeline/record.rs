//! The account of what was done: folders claimed, files whole, rows written, each durable before the next.
//!
//! Order: `meeting.json` claims the folder with every name; the part becomes a file; `meeting.json` says `whole`; the
//! tracker gets its row. A crash between two of them may repeat work, never hide that some is missing.
//!
//! Everything here blocks on the disk; the pipeline calls it off the runtime, one call at a time.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::download::Fetched;
use super::plan::{self, Decision, Standing};
use super::publish::{self, Agenda};
use super::{placing, refetch};
use crate::archive::entry::{FileEntry, FileState};
use crate::archive::manifest::Manifest;
use crate::archive::names::MeetingFolder;
use crate::archive::tracker::{Account, Status, Tracker, TrackerError};
use crate::archive::{Archive, ArchiveError, Held};
use crate::config::Settings;
use crate::disk::DiskError;
use crate::meeting::{ByteCount, FileId, Meeting, MeetingUuid, RecordingFile};
use crate::state::{Notices, State};

/// Why something could not be put on record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The archive folder.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The tracker.
    #[error(transparent)]
    Tracker(#[from] TrackerError),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Something has taken away what was to be recorded.
    #[error("{} files of it are not on the disk any more", .0)]
    Missing(usize),
}

impl RecordError {
    /// Whether the next meeting would fare no better.
    pub(super) fn concerns_all(&self) -> bool {
        match self {
            Self::Disk(error) | Self::Archive(ArchiveError::Disk(error)) => error.concerns_all(),
            Self::Archive(ArchiveError::NotMounted(_)) => true,
            Self::Archive(_) | Self::Tracker(_) | Self::Missing(_) => false,
        }
    }
}

/// A meeting with what is to be done about it.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The meeting.
    pub meeting: Meeting,
    /// What to do.
    pub decision: Decision,
    /// Its description as it would be after that: names, parts, best files. Empty where nothing of it is selected.
    pub manifest: Manifest,
    /// Its folder, if it has one or was given one by this plan.
    pub folder: Option<MeetingFolder>,
    /// Whether it has not been heard of before.
    pub is_new: bool,
    /// Files that its description calls whole, but which are not on the disk as they were; looked up for one who only looks.
    pub missing: HashSet<FileId>,
    /// What comes of it on YouTube, in words, for one who only looks; empty where nothing needs to be said.
    pub publishing: String,
}

impl Planned {
    /// Whether a file of it is on the disk, as far as its size tells.
    #[must_use]
    pub fn is_on_disk(&self, entry: &FileEntry) -> bool {
        entry.state.is_on_disk() && !self.missing.contains(&entry.id)
    }
}

impl Planned {
    /// Why it is dealt with so, with what comes of it on YouTube.
    #[must_use]
    pub fn reason(&self) -> String {
        let reason = self.decision.reason();
        if self.publishing.is_empty() { reason } else { format!("{reason}; {}", self.publishing) }
    }

    /// The size of its selected files that are not in the archive yet, as Zoom lists them.
    #[must_use]
    pub fn unfetched(&self) -> ByteCount {
        self.manifest.files.iter().filter(|file| !file.state.is_fetched()).map(|file| file.size).sum()
    }
}

/// What is known of all meetings: the archive, the tracker and `state.json`.
#[derive(Debug)]
pub struct Ledger {
    pub(super) settings: Settings,
    pub(super) state_path: PathBuf,
    /// What is remembered between runs; [`Ledger::save_state`] makes changes durable.
    pub state: State,
    /// Whether it differs from the file.
    pub(super) is_state_changed: bool,
    pub(super) tracker: Tracker,
    pub(super) archive: Option<Archive>,
    /// What the publisher has to look at.
    pub(super) agenda: Agenda,
    /// Whether it was said that the tracker has lost its rows.
    is_lost_tracker_told: bool,
}

impl Ledger {
    /// Reads `state.json` and the tracker. Nothing is created.
    ///
    /// # Errors
    /// [`RecordError`] where one of them can't be read, or the tracker's file is somebody else's.
    pub fn open(settings: &Settings) -> Result<Self, RecordError> {
        let state_path = settings.state_dir.join(crate::state::FILE);
        let state = State::load(&state_path)?;
        let tracker = Tracker::open(&settings.tracker.file)?;
        Ok(Self {
            settings: settings.clone(),
            state_path,
            state,
            is_state_changed: false,
            tracker,
            archive: None,
            agenda: Agenda::default(),
            is_lost_tracker_told: false,
        })
    }

    /// The tracker, to look at.
    #[must_use]
    pub fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// Proves that the tracker takes rows; nothing is written.
    ///
    /// # Errors
    /// [`RecordError::Tracker`] where it can't be opened for that.
    pub fn check_tracker(&self) -> Result<(), RecordError> {
        Ok(self.tracker.check_writable()?)
    }

    /// Whether the archive folder was in use before.
    #[must_use]
    pub fn is_archive_known(&self) -> bool {
        match &self.state.archive {
            Some(used) => *used == self.settings.archive.directory,
            None => self.tracker.has_rows_with_files(),
        }
    }

    /// Looks whether an archive folder that was in use before is there, without creating anything.
    ///
    /// # Errors
    /// [`ArchiveError::NotMounted`] where it isn't.
    pub fn check_archive(&self) -> Result<(), ArchiveError> {
        if self.is_archive_known() { Archive::check_marker(self.root()) } else { Ok(()) }
    }

    /// Makes ready for a plan: the archive folder opened (again, if its disk came or went), the tracker read again if
    /// somebody changed it.
    ///
    /// # Errors
    /// [`ArchiveError::NotMounted`] among others; nothing was then created.
    pub fn prepare(&mut self) -> Result<(), RecordError> {
        if self.tracker.refresh()? {
            tracing::debug!("the tracker was changed by somebody, and is read again");
        }
        self.tell_damage();
        if self.archive.as_ref().is_some_and(Archive::is_there) {
            self.tell_of_a_lost_tracker();
            return Ok(());
        }
        let root = self.settings.archive.directory.clone();
        let (archive, damage) = Archive::open(&root, self.is_archive_known())?;
        report_damage(&damage);
        self.archive = Some(match self.archive.take() {
            Some(earlier) => archive.with_reservations_of(earlier),
            None => archive,
        });
        self.agenda.look_at_all();
        self.tell_of_a_lost_tracker();
        if self.state.archive.as_ref() != Some(&root) {
            self.state.archive = Some(root);
            self.save_state()?;
        }
        Ok(())
    }

    /// Says, once until it has rows again, that the tracker has none of the meetings that are in the archive.
    fn tell_of_a_lost_tracker(&mut self) {
        let is_lost = self.tracker.accounts().len() == 0;
        let meetings = if self.is_lost_tracker_told { 0 } else { self.lost_rows() };
        if meetings > 0 {
            let meetings = if meetings == 1 { "1 meeting".to_owned() } else { format!("{meetings} meetings") };
            tracing::warn!(
                "the tracker {} is empty or gone, but {meetings} in {} were archived: those that Zoom still lists get their rows \
                 anew from their folders, and nothing is fetched again; if you have a copy of the tracker, put it back",
                self.tracker.path().display(),
                self.root().display()
            );
        }
        self.is_lost_tracker_told = is_lost && (self.is_lost_tracker_told || meetings > 0);
    }

    /// How many meetings were archived, as the archive shows, where the tracker is empty or gone; else none.
    #[must_use]
    pub fn lost_rows(&self) -> usize {
        // One that is not done has no row yet.
        let is_done = |held: &&Held| {
            held.manifest.files.iter().any(|file| file.state.is_fetched())
                && !self.state.pending.contains_key(&held.manifest.uuid)
        };
        match &self.archive {
            Some(archive) if self.tracker.accounts().len() == 0 => archive.iter().filter(is_done).count(),
            _ => 0,
        }
    }

    /// Says of each damaged line of the tracker, once, what is wrong and what to do.
    pub(super) fn tell_damage(&mut self) {
        for damage in self.tracker.new_damage() {
            tracing::warn!("{}: {damage}; {}", self.tracker.path().display(), damage.remedy());
        }
    }

    /// The same for commands that only look: nothing is created or written.
    ///
    /// # Errors
    /// [`RecordError`] where the archive folder can't be read.
    pub fn look(&mut self) -> Result<(), RecordError> {
        report_damage(&self.look_for_damage()?);
        self.look_at_uploads();
        Ok(())
    }

    /// The same for who says himself which `meeting.json` can't be read.
    pub(super) fn look_for_damage(&mut self) -> Result<Vec<ArchiveError>, RecordError> {
        let (archive, damage) = Archive::look_at(&self.settings.archive.directory)?;
        self.archive = Some(archive);
        self.agenda.look_at_all();
        Ok(damage)
    }

    /// The archive folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.settings.archive.directory
    }

    /// Makes the state durable.
    ///
    /// # Errors
    /// [`DiskError`]; the earlier state is then as it was.
    pub fn save_state(&mut self) -> Result<(), DiskError> {
        self.state.save(&self.state_path)?;
        self.is_state_changed = false;
        Ok(())
    }

    /// The same, where there is something new. What is lost in between costs a few requests, no recording: it is in the
    /// tracker before the state forgets it.
    ///
    /// # Errors
    /// As [`Ledger::save_state`].
    pub fn save_if_changed(&mut self) -> Result<(), DiskError> {
        if self.is_state_changed { self.save_state() } else { Ok(()) }
    }

    /// The same, with what is remembered of notices where that is new.
    pub(super) fn save_with(&mut self, notices: Option<Notices>) -> Result<(), DiskError> {
        if let Some(notices) = notices {
            *self.state.notices = notices;
            self.is_state_changed = true;
        }
        self.save_if_changed()
    }

    /// Decides about one meeting. Its folder is reserved in memory; nothing is written.
    ///
    /// # Errors
    /// [`RecordError`] where the archive can't be looked at.
    pub(super) fn plan_one(
        &mut self,
        meeting: Meeting,
        now: DateTime<Utc>,
        eager: bool,
    ) -> Result<Planned, RecordError> {
        let archive = self.archive.as_mut().expect("a plan is made after the archive was opened");
        let select = &self.settings.select;
        let account = self.tracker.get(&meeting.uuid);
        let held = archive.held(&meeting.uuid);
        let recorded = account.map(|account| recorded_files(account, held.map(|held| &held.manifest)));
        let manifest = held.map(|held| &held.manifest);
        let pending = self.state.pending.get(&meeting.uuid);
        let standing = Standing { recorded: recorded.as_ref(), manifest, missing: None, pending };
        let counted = standing.counted();
        let is_all_recorded =
            counted.is_some_and(|ids| plan::selected(&meeting, select).all(|file| ids.contains(&file.id)));
        // Looked up only where it matters: most meetings are recorded, and each file costs a look at the disk.
        let missing = if is_all_recorded { HashSet::new() } else { archive.missing(&meeting.uuid) };
        let standing = Standing { missing: Some(&missing), ..standing };
        let decision = plan::decide(&meeting, &standing, select, now, eager);
        let is_new = standing.recorded.is_none() && standing.pending.is_none() && standing.manifest.is_none();
        let selected: Vec<&RecordingFile> =
            plan::wanted(&meeting, &standing, select).filter(|file| file.kind.is_some()).collect();
        let mut manifest = Manifest::describe(&meeting, selected, manifest);
        for entry in manifest.files.iter_mut().filter(|entry| missing.contains(&entry.id)) {
            if !counted.is_some_and(|ids| ids.contains(&entry.id)) {
                entry.state = FileState::Pending;
            }
        }
        if decision == Decision::Archived {
            manifest.choose_among_fetched();
        }
        let mut folder = held.map(|held| held.folder.clone());
        if let Decision::Fetch { .. } = decision {
            let given = if let Some(folder) = folder {
                folder
            } else {
                let layout = placing::layout_of(&self.settings.archive, &meeting);
                archive
                    .place(&meeting.uuid, &layout, |path| !placing::adoptable(path, &manifest, &meeting).is_empty())?
            };
            if archive.held(&meeting.uuid).is_none() {
                let there = placing::adoptable(&given.under(archive.root()), &manifest, &meeting);
                for entry in manifest.files.iter_mut().filter(|entry| there.contains(&entry.id)) {
                    entry.state = FileState::Whole;
                }
            }
            archive.reserve(given.clone(), manifest.clone());
            folder = Some(given);
        }
        Ok(Planned { meeting, decision, manifest, folder, is_new, missing, publishing: String::new() })
    }

    /// The files of a meeting that should be on the disk and aren't, or have another size than recorded.
    pub(super) fn missing(&self, uuid: &MeetingUuid) -> HashSet<FileId> {
        self.archive.as_ref().map(|archive| archive.missing(uuid)).unwrap_or_default()
    }

    /// Claims a meeting's folder, durably.
    ///
    /// # Errors
    /// [`RecordError`] where the folder or its `meeting.json` can't be written.
    pub fn claim(&mut self, uuid: &MeetingUuid) -> Result<(), RecordError> {
        self.opened()?.write(uuid)?;
        Ok(())
    }

    pub(super) fn opened(&mut self) -> Result<&mut Archive, ArchiveError> {
        self.archive.as_mut().ok_or_else(|| ArchiveError::NotMounted(self.settings.archive.directory.clone()))
    }

    /// Notes in `meeting.json`, durably, that a file is on the disk.
    ///
    /// # Errors
    /// [`RecordError`] where it can't be written: the next poll finds the file by its name and size.
    pub fn file_is_whole(&mut self, uuid: &MeetingUuid, id: &FileId, fetched: &Fetched) -> Result<(), RecordError> {
        let archive = self.opened()?;
        archive.change(uuid, |manifest| {
            if let Some(entry) = manifest.file_mut(id) {
                entry.state = if fetched.is_suspect { FileState::Suspect } else { FileState::Whole };
                entry.size = fetched.size;
                entry.name = fetched.name.clone();
            }
        });
        archive.write(uuid)?;
        Ok(())
    }

    /// Appends a meeting's row to the tracker, durably, and forgets that it was pending. One that is on YouTube as a whole
    /// stays so where its files were fetched again, and no new one with them.
    ///
    /// # Errors
    /// [`RecordError`] where the row can't be written, or a file of the meeting has gone.
    pub fn record(&mut self, meeting: &Meeting, status: Status, now: DateTime<Utc>) -> Result<Account, RecordError> {
        let mut news = Account::new(meeting.uuid.clone());
        news.meeting_id = meeting.meeting_id;
        news.topic.clone_from(&meeting.topic);
        news.start_time = Some(meeting.start_time);
        news.duration_min = Some(meeting.duration_min);
        news.user = Some(meeting.user.clone());
        news.files = Some(0);
        news.bytes = Some(ByteCount(0));
        let mut status = status;
        if status != Status::Empty {
            let account = self.tracker.get(&meeting.uuid).cloned();
            let known: HashSet<FileId> = account.iter().flat_map(|account| &account.file_ids).cloned().collect();
            let is_uploaded = account.as_ref().is_some_and(|account| account.status == Some(Status::Uploaded));
            let is_wished = self.state.pending.get(&meeting.uuid).is_some_and(|pending| pending.refetch);
            let archive = self.opened()?;
            let missing = archive.missing(&meeting.uuid);
            match missing.iter().filter(|id| is_wished || !known.contains(id)).count() {
                0 => {}
                count => return Err(RecordError::Missing(count)),
            }
            archive.change(&meeting.uuid, Manifest::choose_among_fetched);
            // Files that were adopted, or found after a crash, are announced by no download.
            let held = archive.write(&meeting.uuid)?;
            let fetched: Vec<_> = held.manifest.files.iter().filter(|entry| entry.state.is_fetched()).collect();
            news.files = Some(fetched.len() as u64);
            news.bytes = Some(fetched.iter().map(|entry| entry.size).sum());
            news.directory = held.folder.as_str().to_owned();
            news.best_files = held.manifest.best_files().map(|entry| entry.name.as_str().to_owned()).collect();
            // By their new places: a part may have come before others.
            news.youtube_ids = publish::videos_of(&held.manifest, account.as_ref());
            news.file_ids = fetched.iter().map(|entry| entry.id.clone()).collect();
            if is_uploaded && news.file_ids.iter().all(|id| known.contains(id)) {
                status = Status::Uploaded;
            }
            if is_wished {
                refetch::warn_of_lost(&held.manifest, &known);
            }
        }
        self.tracker.append(now, status, &news)?;
        self.state.pending.remove(&meeting.uuid);
        self.is_state_changed = true;
        Ok(news)
    }
}

/// The files that a row accounts for. Where somebody has emptied or removed the column of the ids, those are meant that
/// `meeting.json` calls fetched: else each poll would find them unrecorded.
pub(super) fn recorded_files(account: &Account, manifest: Option<&Manifest>) -> HashSet<FileId> {
    if !account.file_ids.is_empty() || account.status == Some(Status::Empty) {
        return account.file_ids.iter().cloned().collect();
    }
    let entries = manifest.into_iter().flat_map(|manifest| &manifest.files);
    entries.filter(|entry| entry.state.is_fetched()).map(|entry| entry.id.clone()).collect()
}

fn report_damage(damage: &[ArchiveError]) {
    for error in damage {
        tracing::warn!("{}; its folder is left alone", crate::chain::chain(error));
    }
}
