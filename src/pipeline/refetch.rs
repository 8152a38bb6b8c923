//! What was found wrong in the archive is set aside, and asked for: the next poll fetches it again.
//!
//! Order: the wrong file gets another name; `meeting.json` says that the file is pending; `state.json` remembers the wish, by
//! which the rows of that meeting count for nothing until it is recorded again. After a crash between two of them the file is
//! wrong as it was before, and the same command goes on with it.

use std::collections::HashSet;
use std::error::Error;
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::audit::{Audit, LostRow, WrongFile};
use super::record::{Ledger, RecordError};
use crate::archive::entry::{FileEntry, FileState};
use crate::archive::manifest::Manifest;
use crate::archive::names::{self, FileName};
use crate::archive::verify::Verdict;
use crate::archive::verify::folders::Loss;
use crate::chain::chain;
use crate::disk::{self, DiskError};
use crate::meeting::{FileId, MeetingUuid, UserId};
use crate::state::{Pending, Why};

/// What was done about something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The next poll fetches it again.
    Queued {
        /// The name that the wrong file has now, where there was one.
        set_aside: Option<String>,
    },
    /// Nothing can be done about it here, and why not.
    NotQueued(String),
}

impl Outcome {
    /// What was begun could not be brought to its end.
    fn fails(&mut self, error: &dyn Error) {
        let problem = format!("{}; ask for it again once that is mended", chain(error));
        match self {
            Self::Queued { set_aside: Some(name) } => {
                *self = Self::NotQueued(format!("it was renamed to {name}, but {problem}"));
            }
            Self::Queued { set_aside: None } => *self = Self::NotQueued(problem),
            Self::NotQueued(_) => {}
        }
    }
}

/// A meeting to be fetched again.
struct Wish {
    uuid: MeetingUuid,
    user: Option<UserId>,
    topic: String,
    start: DateTime<Utc>,
}

impl Ledger {
    /// Sets aside what is wrong, and remembers that it is to be fetched again. Nothing is removed, and no row changed.
    ///
    /// Ends early once `stop` is cancelled, between two meetings.
    ///
    /// Where that can't be done, the [`Outcome`] says why: it can be asked for anew.
    pub fn refetch(&mut self, audit: &mut Audit, now: DateTime<Utc>, stop: &CancellationToken) {
        for of_meeting in audit.wrong.chunk_by_mut(|a, b| a.file.meeting == b.file.meeting) {
            if stop.is_cancelled() {
                break;
            }
            self.refetch_files(of_meeting, now);
        }
        for lost in &mut audit.lost {
            if stop.is_cancelled() {
                break;
            }
            lost.outcome = Some(self.refetch_meeting(lost, now));
        }
        if let Err(error) = self.save_if_changed() {
            let outcomes = audit.wrong.iter_mut().map(|wrong| &mut wrong.outcome);
            let outcomes = outcomes.chain(audit.lost.iter_mut().map(|lost| &mut lost.outcome));
            outcomes.flatten().for_each(|outcome| outcome.fails(&error));
        }
        for wrong in &audit.wrong {
            let (file, problem) = (format!("{}/{}", wrong.file.folder, wrong.file.name), chain(&wrong.problem));
            match &wrong.outcome {
                Some(Outcome::Queued { set_aside }) => {
                    tracing::warn!(%file, renamed_to = set_aside, "the file is to be fetched again: {problem}");
                }
                Some(Outcome::NotQueued(why)) => tracing::error!(%file, "the file is wrong: {problem}; {why}"),
                None => {}
            }
        }
        for lost in audit.lost.iter().filter(|lost| matches!(lost.outcome, Some(Outcome::Queued { .. }))) {
            tracing::warn!(meeting = %lost.folder.meeting, folder = %lost.folder.directory, "the meeting is to be fetched again: {}", lost.folder.loss);
        }
    }

    /// The wrong files of one meeting.
    fn refetch_files(&mut self, wrong: &mut [WrongFile], now: DateTime<Utc>) {
        let Some(uuid) = wrong.first().map(|first| first.file.meeting.clone()) else { return };
        for file in &mut *wrong {
            file.outcome = Some(self.make_way(file));
        }
        if !wrong.iter().any(|file| matches!(file.outcome, Some(Outcome::Queued { .. }))) {
            return;
        }
        let noted = self.note_as_pending(&uuid, wrong);
        match noted {
            Ok(wish) => self.wish(wish, now),
            Err(error) => {
                wrong.iter_mut().filter_map(|file| file.outcome.as_mut()).for_each(|outcome| outcome.fails(&error));
            }
        }
    }

    /// Gives a wrong file another name, so that its own is free.
    fn make_way(&self, wrong: &WrongFile) -> Outcome {
        if wrong.problem.is_denied() {
            return Outcome::NotQueued("the program's user must be allowed to read it".to_owned());
        }
        let held = self.archive.as_ref().and_then(|archive| archive.held(&wrong.file.meeting));
        let entry = held.and_then(|held| held.manifest.file(&wrong.file.id));
        // It was looked at a while ago.
        let problem = entry.map(|entry| self.judge(&wrong.file.meeting, entry));
        let (Some(held), Some(entry), Some(Verdict::Wrong(problem))) = (held, entry, problem) else {
            return Outcome::NotQueued("somebody has put it right meanwhile".to_owned());
        };
        if !problem.is_in_the_way() {
            return Outcome::Queued { set_aside: None };
        }
        match set_aside(&held.folder.under(self.root()), &entry.name) {
            Ok(name) => Outcome::Queued { set_aside: name },
            Err(error) => Outcome::NotQueued(chain(&error)),
        }
    }

    /// Notes in `meeting.json`, durably, that these files are not there.
    fn note_as_pending(&mut self, uuid: &MeetingUuid, wrong: &[WrongFile]) -> Result<Wish, RecordError> {
        let is_queued = |entry: &FileEntry| {
            let found = wrong.iter().find(|wrong| wrong.file.id == entry.id);
            found.is_some_and(|wrong| matches!(wrong.outcome, Some(Outcome::Queued { .. })))
        };
        let archive = self.opened()?;
        archive.change(uuid, |manifest| {
            let mut taken: HashSet<String> =
                manifest.files.iter().map(|entry| entry.name.as_str().to_lowercase()).collect();
            for entry in manifest.files.iter_mut().filter(|entry| is_queued(entry)) {
                // What comes now may be sound.
                let plain = entry.name.unsuspected();
                if entry.state == FileState::Suspect && taken.insert(plain.as_str().to_lowercase()) {
                    entry.name = plain;
                }
                entry.state = FileState::Pending;
            }
        });
        let manifest = &archive.write(uuid)?.manifest;
        Ok(Wish {
            uuid: uuid.clone(),
            user: Some(manifest.user.clone()),
            topic: manifest.topic.clone(),
            start: manifest.start_time,
        })
    }

    /// A meeting whose folder is gone.
    fn refetch_meeting(&mut self, lost: &LostRow, now: DateTime<Utc>) -> Outcome {
        let folder = &lost.folder;
        if let Loss::Unreadable(_) = folder.loss {
            return Outcome::NotQueued("the program's user must be allowed to read it".to_owned());
        }
        let Some(start) = folder.start else {
            return Outcome::NotQueued(
                "its row does not say when it began; without its rows, the next full scan fetches it as a new one"
                    .to_owned(),
            );
        };
        let (uuid, topic) = (folder.meeting.clone(), folder.topic.clone());
        self.wish(Wish { uuid, user: folder.user.clone(), topic, start }, now);
        Outcome::Queued { set_aside: None }
    }

    /// Remembers, in memory, that a meeting is to be fetched again as far as it is not on the disk.
    fn wish(&mut self, wish: Wish, now: DateTime<Utc>) {
        let users = &self.settings.zoom.users;
        // Another user's listing may show it as well; where it doesn't, the next full scan says so.
        let user = wish.user.filter(|user| users.contains(user)).or_else(|| users.first().cloned());
        let Some(user) = user else { return };
        let pending = self.state.pending.entry(wish.uuid.clone()).or_insert_with(|| Pending {
            user,
            uuid: wish.uuid,
            topic: wish.topic,
            start: wish.start,
            first_seen: now,
            deletion: None,
            deletion_told: None,
            why: Why::Queued,
            problem: String::new(),
            failed_tries: 0,
            next_try: None,
            refetch: true,
        });
        pending.refetch = true;
        // What Zoom asked to wait for still holds; its own pauses after failures don't.
        if pending.why != Why::PutOff {
            (pending.why, pending.failed_tries, pending.next_try) = (Why::Queued, 0, None);
            pending.problem.clear();
        }
        self.is_state_changed = true;
    }
}

/// Renames a file, durably, to the first free one of the names for what is set aside; nothing where it is gone already.
fn set_aside(folder: &Path, name: &FileName) -> Result<Option<String>, DiskError> {
    let path = folder.join(name.as_str());
    for aside in names::set_aside(name) {
        match disk::rename_to_free(&path, &folder.join(&aside)) {
            Ok(()) => {
                disk::sync_folder(folder)?;
                return Ok(Some(aside));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DiskError::on("set aside", &path)(error)),
        }
    }
    unreachable!("there are always more names")
}

/// Says which files, though asked for, were not to be had again. `known` are those that rows name.
pub(super) fn warn_of_lost(manifest: &Manifest, known: &HashSet<FileId>) {
    let is_lost = |entry: &&FileEntry| entry.state == FileState::Pending && known.contains(&entry.id);
    let lost: Vec<_> = manifest.files.iter().filter(is_lost).map(|entry| entry.name.as_str()).collect();
    if !lost.is_empty() {
        tracing::warn!(meeting = %manifest.uuid, files = lost.join(" "), "Zoom has these files no more, which were to be fetched again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_aside_takes_no_name_that_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let name: FileName = "a.mp4".parse().unwrap();
        std::fs::write(folder.path().join("a.mp4.bad"), "earlier").unwrap();
        std::fs::create_dir(folder.path().join("a.mp4.bad2")).unwrap();
        std::fs::write(folder.path().join("a.mp4"), "wrong").unwrap();

        assert_eq!(set_aside(folder.path(), &name).unwrap().as_deref(), Some("a.mp4.bad3"));
        assert_eq!(set_aside(folder.path(), &name).unwrap(), None, "nothing is there any more");

        assert_eq!(std::fs::read(folder.path().join("a.mp4.bad")).unwrap(), b"earlier");
        assert_eq!(std::fs::read(folder.path().join("a.mp4.bad3")).unwrap(), b"wrong");
    }
}
