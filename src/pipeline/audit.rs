//! Whether all that was archived is still there, as it was: the archive, the tracker and what is remembered, each against the
//! others. Changes nothing, and may be done beside a service at work; [`super::refetch`] is what can follow.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::record::{Ledger, RecordError, recorded_files};
use super::refetch::Outcome;
use crate::archive::entry::FileEntry;
use crate::archive::names::{FileName, MeetingFolder};
use crate::archive::tracker::Status;
use crate::archive::verify::folders::{self, Known, Loss, LostFolder, UnknownFolder};
use crate::archive::verify::{Problem, Record, Verdict, judge, look};
use crate::archive::{Archive, ArchiveError};
use crate::chain::chain;
use crate::meeting::{FileId, MeetingUuid};
use crate::state::State;

/// What was found.
#[derive(Debug, Default)]
pub struct Audit {
    /// How many meetings were looked at as a whole.
    pub meetings: usize,
    /// How many were not, because it was stopped.
    pub not_looked_at: usize,
    /// How many files are as they were.
    pub right: usize,
    /// Those that are not.
    pub wrong: Vec<WrongFile>,
    /// Those that are kept although they were broken from the beginning.
    pub suspect: Vec<RecordedFile>,
    /// Folders whose `meeting.json` can't be read: nothing can be said of their files.
    pub damaged: Vec<DamagedFolder>,
    /// Rows whose folder should be there and isn't.
    pub lost: Vec<LostRow>,
    /// Folders that nothing on record explains.
    pub unknown: Vec<UnknownFolder>,
}

/// A file that is on record.
#[derive(Clone, Debug)]
pub struct RecordedFile {
    /// Its meeting.
    pub meeting: MeetingUuid,
    /// The meeting's folder.
    pub folder: MeetingFolder,
    /// Its name there.
    pub name: FileName,
    /// Its id.
    pub id: FileId,
}

/// One that is not as it was.
#[derive(Debug)]
pub struct WrongFile {
    /// Which.
    pub file: RecordedFile,
    /// What is wrong with it.
    pub problem: Problem,
    /// What was done about it, if that was asked for.
    pub outcome: Option<Outcome>,
}

/// A row without its folder.
#[derive(Debug)]
pub struct LostRow {
    /// Which.
    pub folder: LostFolder,
    /// What was done about it, if that was asked for.
    pub outcome: Option<Outcome>,
    /// Whether it is to be fetched again already.
    pub is_queued: bool,
}

/// A folder whose `meeting.json` can't be read.
#[derive(Debug)]
pub struct DamagedFolder {
    /// Where it is in the archive.
    pub directory: String,
    /// The meeting whose row names it.
    pub meeting: Option<MeetingUuid>,
    /// What is wrong with it, in words.
    pub problem: String,
    /// Whether it is this user who may not read it.
    pub is_denied: bool,
}

impl Audit {
    /// How many files were looked at.
    #[must_use]
    pub fn files(&self) -> usize {
        self.right + self.wrong.len() + self.suspect.len()
    }

    /// Whether something of it this user may not read: that says nothing of the archive.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        let is_unreadable = |lost: &LostRow| matches!(lost.folder.loss, Loss::Unreadable(_));
        self.wrong.iter().any(|wrong| wrong.problem.is_denied())
            || self.damaged.iter().any(|damaged| damaged.is_denied)
            || self.lost.iter().any(is_unreadable)
    }

    /// How many things are wrong.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.wrong.len() + self.damaged.len() + self.lost.len()
    }
}

/// How far it has come.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Files on record, those that need not be there among them.
    pub files: usize,
    /// How many of these are done.
    pub done: usize,
    /// The folder in hand.
    pub folder: &'a str,
}

impl Ledger {
    /// Looks at every file that is on record, and compares folders with rows. `show` hears of each meeting.
    ///
    /// Ends early once `stop` is cancelled, between two files.
    ///
    /// # Errors
    /// [`ArchiveError::NotMounted`] where the archive is not there, or went away meanwhile; [`RecordError`] where the
    /// tracker or `state.json` can't be read.
    pub fn audit(&mut self, show: impl Fn(Step<'_>), stop: &CancellationToken) -> Result<Audit, RecordError> {
        self.check_archive()?;
        self.tell_damage();
        let damage = self.look_for_damage()?;
        let mut audit = Audit::default();
        let damaged = self.add_damaged(&mut audit, &damage);
        self.add_lost(&mut audit, &damaged);
        self.look_at_files(&mut audit, show, stop);
        if !stop.is_cancelled() {
            self.add_unknown(&mut audit, &damaged)?;
        }
        // What a disk that went away has kept back is not missing.
        self.check_archive()?;
        if self.is_archive_known() && !self.archive.as_ref().is_some_and(Archive::is_there) {
            return Err(ArchiveError::NotMounted(self.root().to_owned()).into());
        }
        Ok(audit)
    }

    fn add_damaged(&self, audit: &mut Audit, damage: &[ArchiveError]) -> HashSet<PathBuf> {
        let mut folders = HashSet::new();
        for error in damage {
            let Some(folder) = error.damaged_folder() else { continue };
            let directory = folder.strip_prefix(self.root()).unwrap_or(folder).display().to_string();
            let row = self.tracker.accounts().find(|account| account.directory == directory);
            let meeting = row.map(|account| account.uuid.clone());
            let (problem, is_denied) = damage_in_words(error);
            audit.damaged.push(DamagedFolder { directory, meeting, problem, is_denied });
            folders.insert(folder.to_owned());
        }
        folders
    }

    fn add_lost(&self, audit: &mut Audit, damaged: &HashSet<PathBuf>) {
        let Some(archive) = &self.archive else { return };
        let lost =
            folders::rows_without(self.tracker.accounts(), archive, |folder| damaged.contains(folder)).into_iter();
        let row = |folder: LostFolder| LostRow { is_queued: self.is_queued(&folder.meeting), folder, outcome: None };
        audit.lost.extend(lost.map(row));
    }

    fn look_at_files(&mut self, audit: &mut Audit, show: impl Fn(Step<'_>), stop: &CancellationToken) {
        let Some(archive) = &self.archive else { return };
        let mut meetings: Vec<_> =
            archive.iter().map(|held| (held.folder.clone(), held.manifest.uuid.clone())).collect();
        meetings.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        let files = archive.iter().map(|held| held.manifest.files.len()).sum();
        let mut done = 0;
        for (folder, uuid) in &meetings {
            show(Step { files, done, folder: folder.as_str() });
            if !self.look_at_meeting(audit, uuid, stop) {
                break;
            }
            audit.meetings += 1;
            done += self.archive.as_ref().and_then(|it| it.held(uuid)).map_or(0, |held| held.manifest.files.len());
        }
        audit.not_looked_at = meetings.len() - audit.meetings;
    }

    /// Looks at the files of one meeting; whether it came to their end.
    fn look_at_meeting(&mut self, audit: &mut Audit, uuid: &MeetingUuid, stop: &CancellationToken) -> bool {
        let Some(held) = self.archive.as_ref().and_then(|archive| archive.held(uuid)) else { return true };
        let (mut verdicts, mut is_any_wrong) = (Vec::new(), false);
        for entry in &held.manifest.files {
            if stop.is_cancelled() {
                return false;
            }
            let verdict = self.judge(uuid, entry);
            is_any_wrong |= matches!(verdict, Verdict::Wrong(_));
            verdicts.push((entry.clone(), verdict));
        }
        if is_any_wrong {
            verdicts = self.judge_again(uuid).unwrap_or(verdicts);
        }
        let Some(held) = self.archive.as_ref().and_then(|archive| archive.held(uuid)) else { return true };
        for (entry, verdict) in verdicts {
            let file = || RecordedFile {
                meeting: uuid.clone(),
                folder: held.folder.clone(),
                name: entry.name.clone(),
                id: entry.id.clone(),
            };
            match verdict {
                Verdict::Right => audit.right += 1,
                Verdict::Suspect => audit.suspect.push(file()),
                Verdict::NotDue => {}
                Verdict::Wrong(problem) => audit.wrong.push(WrongFile { file: file(), problem, outcome: None }),
            }
        }
        true
    }

    /// The same by what `meeting.json` says now: a service at work may have removed the file on purpose, or made it anew,
    /// since the archive was opened.
    fn judge_again(&mut self, uuid: &MeetingUuid) -> Option<Vec<(FileEntry, Verdict)>> {
        let archive = self.archive.as_mut()?;
        archive.look_again(uuid).ok()?;
        let held = self.archive.as_ref()?.held(uuid)?;
        Some(held.manifest.files.iter().map(|entry| (entry.clone(), self.judge(uuid, entry))).collect())
    }

    pub(super) fn judge(&self, uuid: &MeetingUuid, entry: &FileEntry) -> Verdict {
        let Some(held) = self.archive.as_ref().and_then(|archive| archive.held(uuid)) else { return Verdict::NotDue };
        let account = self.tracker.get(uuid);
        let named = account.map(|account| recorded_files(account, Some(&held.manifest)));
        let record = Record {
            // A row without a directory is none of our own.
            is_named: account.is_some_and(|account| !account.directory.is_empty())
                && named.is_some_and(|ids| ids.contains(&entry.id)),
            is_cleaned: account.is_some_and(|account| account.status == Some(Status::Cleaned)),
            is_queued: self.is_queued(uuid),
        };
        judge(entry, record, || look(&held.folder.under(self.root()), entry))
    }

    fn is_queued(&self, uuid: &MeetingUuid) -> bool {
        self.state.pending.get(uuid).is_some_and(|pending| pending.refetch)
    }

    fn add_unknown(&mut self, audit: &mut Audit, damaged: &HashSet<PathBuf>) -> Result<(), RecordError> {
        // A service at work may have begun a meeting, or recorded it, since then: it remembers it before it makes its
        // folder, and forgets it after the row is written.
        let state = State::load(&self.state_path)?;
        self.tracker.refresh()?;
        let Some(archive) = &self.archive else { return Ok(()) };
        let directories =
            self.tracker.accounts().map(|account| account.directory.to_lowercase()).filter(|it| !it.is_empty());
        let under_way: BTreeSet<_> = state.pending.keys().collect();
        let known = Known {
            archive,
            directories: &directories.collect(),
            damaged,
            is_known: &|uuid| self.tracker.get(uuid).is_some() || under_way.contains(uuid),
        };
        audit.unknown = known.others();
        Ok(())
    }
}

/// What is wrong with a `meeting.json`, for a line that begins with its path; and whether it is this user who may not read it.
fn damage_in_words(error: &ArchiveError) -> (String, bool) {
    match error {
        ArchiveError::DamagedManifest { source, .. } => (format!("it is damaged: {source}"), false),
        ArchiveError::StrangeManifest { .. } => ("it is no file that this program wrote".to_owned(), false),
        ArchiveError::Disk(error) => {
            (format!("it cannot be read: {}", error.source), error.source.kind() == io::ErrorKind::PermissionDenied)
        }
        other => (chain(other), false),
    }
}
