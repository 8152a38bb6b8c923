//! The one place that deletes recordings: exactly the files that were chosen, in the folder that is the meeting's, as long as
//! each is what was recorded.
//!
//! Order: `meeting.json` says `removing` of them; each is removed; the folder is synced; `meeting.json` says `removed`; the
//! tracker gets its row `cleaned`; each durable before the next. After a crash between two of them the next time goes on.
//!
//! Everything here blocks on the disk.

use std::collections::HashSet;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::choose::{self, Choice, Going, Known, Sent, Stay, Why};
use crate::archive::entry::{FileEntry, FileState};
use crate::archive::names::MeetingFolder;
use crate::archive::tracker::{Account, Status};
use crate::archive::{Archive, ArchiveError, Held, MARKER};
use crate::disk::{DiskError, Entry, OpenFolder};
use crate::meeting::{ByteCount, FileId, MeetingUuid};
use crate::pipeline::record::{Ledger, RecordError};
use crate::youtube::unfinished::UploadsFolder;

/// What has to be so beside what is on record.
#[derive(Debug)]
pub(super) struct Terms {
    /// The unfinished uploads.
    pub uploads: UploadsFolder,
    /// Meetings whose files are on their way.
    pub in_hand: HashSet<MeetingUuid>,
    /// Whether nothing is to be changed.
    pub is_dry: bool,
}

/// What there is to do.
#[derive(Debug, Default)]
pub(super) struct Prospect {
    /// Meetings with files that go, in their order, and the videos that must be on YouTube for that.
    pub going: Vec<(MeetingUuid, Vec<Sent>)>,
    /// Files that stay, where that is worth a word.
    pub staying: Vec<Staying>,
    /// Meetings whose row was made up for.
    pub recorded: Vec<MeetingUuid>,
}

/// A meeting whose files stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staying {
    /// Its folder in the archive.
    pub folder: MeetingFolder,
    /// Why, in words.
    pub why: String,
}

/// Files of one meeting that went, or would go.
#[derive(Debug)]
pub struct Cleaned {
    /// The meeting.
    pub uuid: MeetingUuid,
    /// Its folder in the archive.
    pub folder: MeetingFolder,
    /// How many files.
    pub files: usize,
    /// How large together.
    pub size: ByteCount,
    /// Why.
    pub why: Why,
    /// Files that are not what was recorded, each with what is there in its place: they stay.
    pub strange: Vec<(String, String)>,
    /// What kept the removal from coming to its end.
    pub problem: Option<RecordError>,
}

impl Ledger {
    /// Looks at all meetings; rows that are missing since a crash are made up for.
    pub(super) fn cleanup_prospect(&mut self, terms: &Terms, now: DateTime<Utc>) -> Result<Prospect, RecordError> {
        let mut prospect = Prospect::default();
        if !self.is_archive_known() {
            return Ok(prospect);
        }
        self.prepare()?;
        let under_way = under_way(terms)?;
        let mut meetings: Vec<_> = self.archive.iter().flat_map(Archive::iter).collect();
        meetings.sort_by_key(|held| (held.manifest.start_time, &held.manifest.uuid));
        let mut without_row = Vec::new();
        for held in meetings {
            let uuid = &held.manifest.uuid;
            let account = self.tracker.get(uuid);
            if !self.state.pending.contains_key(uuid) && account.is_some_and(|it| choose::lacks_row(&held.manifest, it))
            {
                without_row.push(uuid.clone());
            }
            match self.files_to_go(held, &under_way, now) {
                Choice::Go(going) => prospect.going.push((uuid.clone(), going.videos)),
                Choice::Stay(stay) if stay.is_worth_a_word() => {
                    prospect.staying.push(Staying { folder: held.folder.clone(), why: stay.to_string() });
                }
                Choice::Stay(_) | Choice::Nothing => {}
            }
        }
        if !terms.is_dry {
            for uuid in without_row {
                self.record_as_cleaned(&uuid, now)?;
                prospect.recorded.push(uuid);
            }
        }
        Ok(prospect)
    }

    fn files_to_go(&self, held: &Held, under_way: &HashSet<MeetingUuid>, now: DateTime<Utc>) -> Choice {
        let uuid = &held.manifest.uuid;
        let known = Known {
            manifest: &held.manifest,
            folder: &held.folder,
            account: self.tracker.get(uuid),
            archived_at: self.tracker.archived_at(uuid),
            is_pending: self.state.pending.contains_key(uuid),
            is_under_way: under_way.contains(uuid),
            uploads: &self.state.uploads,
        };
        choose::choose(known, &self.settings, now)
    }

    /// Removes what is to go of a meeting, as far as all that speaks for it is so this moment: `is_there` says of a video
    /// whether YouTube has just shown it. Nothing where its files stay after all.
    pub(super) fn clean(
        &mut self,
        uuid: &MeetingUuid,
        is_there: impl Fn(&Sent) -> bool,
        terms: &Terms,
        now: DateTime<Utc>,
    ) -> Result<Option<Cleaned>, RecordError> {
        self.prepare()?;
        let under_way = under_way(terms)?;
        if !matches!(self.choice_now(uuid, &under_way, now), Choice::Go(_)) {
            return Ok(None);
        }
        // Somebody may have changed it. What a dry run supposes of videos is in none of them, and it has nothing to lose.
        if !terms.is_dry && !self.opened()?.look_again(uuid)? {
            return Ok(None);
        }
        let Choice::Go(Going { files, why, videos }) = self.choice_now(uuid, &under_way, now) else { return Ok(None) };
        let Some(held) = self.archive.as_ref().and_then(|archive| archive.held(uuid)) else { return Ok(None) };
        if !videos.iter().all(is_there) {
            return Ok(None);
        }
        let folder = held.folder.clone();
        let opened = open(self.root(), &folder)?;
        let mut cleaned = Cleaned {
            uuid: uuid.clone(),
            folder,
            files: 0,
            size: ByteCount(0),
            why,
            strange: Vec::new(),
            problem: None,
        };
        let mut going = Vec::new();
        for entry in files {
            match what_is_strange(opened.look(entry.name.as_str())?, &entry) {
                None => going.push(entry),
                Some(strange) => cleaned.strange.push((entry.name.as_str().to_owned(), strange)),
            }
        }
        if terms.is_dry {
            cleaned.files = going.len();
            cleaned.size = going.iter().map(|entry| entry.size).sum();
        } else if !going.is_empty() {
            cleaned.problem = self.remove(&opened, &going, &mut cleaned, now).err();
        }
        Ok(Some(cleaned))
    }

    fn choice_now(&self, uuid: &MeetingUuid, under_way: &HashSet<MeetingUuid>, now: DateTime<Utc>) -> Choice {
        let held = self.archive.as_ref().and_then(|archive| archive.held(uuid));
        held.map_or(Choice::Stay(Stay::Elsewhere), |held| self.files_to_go(held, under_way, now))
    }

    /// Removes these files.
    fn remove(
        &mut self,
        folder: &OpenFolder,
        going: &[FileEntry],
        cleaned: &mut Cleaned,
        now: DateTime<Utc>,
    ) -> Result<(), RecordError> {
        let uuid = cleaned.uuid.clone();
        let before = |id: &FileId| going.iter().find(|known| known.id == *id).map(|known| known.state);
        if let Err(error) = self.note_state(&uuid, |entry| before(&entry.id).map(|_| FileState::Removing)) {
            self.change_state(&uuid, |entry| before(&entry.id));
            return Err(error);
        }
        let (mut gone, mut kept, mut problem) = (HashSet::new(), HashSet::new(), None);
        for entry in going {
            match remove_exactly(folder, entry) {
                Ok(None) => {
                    gone.insert(&entry.id);
                    cleaned.files += 1;
                    cleaned.size.0 = cleaned.size.0.saturating_add(entry.size.0);
                }
                Ok(Some(strange)) => {
                    kept.insert(&entry.id);
                    cleaned.strange.push((entry.name.as_str().to_owned(), strange));
                }
                Err(error) => {
                    problem = Some(error);
                    break;
                }
            }
        }
        folder.sync()?;
        self.note_state(&uuid, |entry| match &entry.id {
            id if gone.contains(id) => Some(FileState::Removed),
            id if kept.contains(id) => before(id),
            _ => None,
        })?;
        let held = self.archive.as_ref().and_then(|archive| archive.held(&uuid));
        let account = self.tracker.get(&uuid);
        if held.zip(account).is_some_and(|(held, account)| choose::lacks_row(&held.manifest, account)) {
            self.record_as_cleaned(&uuid, now)?;
        }
        problem.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Notes in `meeting.json`, durably, how far files have come.
    fn note_state(
        &mut self,
        uuid: &MeetingUuid,
        state: impl Fn(&FileEntry) -> Option<FileState>,
    ) -> Result<(), RecordError> {
        self.change_state(uuid, state);
        self.opened()?.write(uuid)?;
        Ok(())
    }

    fn change_state(&mut self, uuid: &MeetingUuid, state: impl Fn(&FileEntry) -> Option<FileState>) {
        let Some(archive) = &mut self.archive else { return };
        archive.change(uuid, |manifest| {
            for entry in &mut manifest.files {
                entry.state = state(entry).unwrap_or(entry.state);
            }
        });
    }

    /// Appends a meeting's row `cleaned`.
    fn record_as_cleaned(&mut self, uuid: &MeetingUuid, now: DateTime<Utc>) -> Result<(), RecordError> {
        let mut news = Account::new(uuid.clone());
        if let Some(account) = self.tracker.get(uuid) {
            news.file_ids.clone_from(&account.file_ids);
        }
        Ok(self.tracker.append(now, Status::Cleaned, &news)?)
    }
}

/// The meetings that are being fetched, or whose upload has not ended.
fn under_way(terms: &Terms) -> Result<HashSet<MeetingUuid>, DiskError> {
    let uploads = terms.uploads.look()?.into_iter().map(|unfinished| unfinished.meeting_uuid);
    Ok(uploads.chain(terms.in_hand.iter().cloned()).collect())
}

/// Opens a meeting's folder in the archive, whose mark must be there, and follows no link below it.
fn open(root: &Path, folder: &MeetingFolder) -> Result<OpenFolder, ArchiveError> {
    let archive = OpenFolder::open(root)?;
    if !matches!(archive.look(MARKER)?, Entry::File(_)) {
        return Err(ArchiveError::NotMounted(root.to_owned()));
    }
    let mut opened = archive;
    for component in folder.as_str().split('/') {
        opened = opened.enter(component)?;
    }
    Ok(opened)
}

/// What keeps a file from being the one that was recorded; nothing where it is that one, or gone already.
fn what_is_strange(found: Entry, entry: &FileEntry) -> Option<String> {
    match found {
        Entry::Nothing => None,
        Entry::File(len) if len == entry.size.0 => None,
        Entry::File(len) => Some(format!("it has {len} bytes, and had {} when it was archived", entry.size.0)),
        Entry::Other(what) => Some(format!("{what} is in its place")),
    }
}

/// Removes a file if it is the one that was recorded; else says what is there.
fn remove_exactly(folder: &OpenFolder, entry: &FileEntry) -> Result<Option<String>, DiskError> {
    let found = folder.look(entry.name.as_str())?;
    let strange = what_is_strange(found, entry);
    if strange.is_none() && found != Entry::Nothing {
        folder.remove_file(entry.name.as_str())?;
    }
    Ok(strange)
}
