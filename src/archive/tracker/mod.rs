//! The tracker: the account of what is archived, as a CSV that people open, sort and edit in a spreadsheet.
//!
//! The file is theirs: this program only ever appends, in the style that it finds, each row on one line and synced before
//! [`Tracker::append`] returns. What is known of a meeting is what all its rows say together ([`Account`]); their
//! order means nothing.
//!
//! | file | owns |
//! |---|---|
//! | `account` | what a row says, and how rows add up |
//! | `cell` | the columns; values into cells and back |
//! | `lines` | bytes into lines, lines into cells |
//! | `style` | separator, line end, columns; our rows in them |
//! | `row`, `read` | cells into a row, a file into rows; what can't be read |
//! | `file` | opening, appending, taking back |

mod account;
mod cell;
mod damage;
mod file;
mod lines;
mod read;
mod row;
mod style;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

pub use account::{Account, Status, StatusError};
pub use damage::{Damage, Reason};

use crate::disk::DiskError;
use crate::meeting::{ByteCount, MeetingUuid};
use cell::Column;
use file::{Identity, TrackerFile};
use read::{Refusal, Table};
use style::Style;

/// How often a row is written anew where an editor replaces the file at the same moment.
const ATTEMPTS: u32 = 3;

/// Why the tracker can't be used. Nothing was written, or it was taken back.
#[derive(Debug, thiserror::Error)]
pub enum TrackerError {
    /// Something else has that name.
    #[error("the tracker {} is {what}, not a file", path.display())]
    NotAFile {
        /// The tracker.
        path: PathBuf,
        /// What is there instead.
        what: &'static str,
    },
    /// A file, but none of ours. Nothing of it is told: it may hold a secret, named as the tracker by mistake.
    #[error(
        "{} is no tracker: its first line has no column `meeting_uuid`; move it away or name another file \
         (a spreadsheet can save it as CSV, UTF-8)",
        .0.display()
    )]
    Foreign(PathBuf),
    /// Saved as "Unicode text" by a spreadsheet.
    #[error("the tracker {} is UTF-16; save it as CSV, UTF-8", .0.display())]
    Utf16(PathBuf),
    /// Surely not made of rows.
    #[error("{} is no tracker: it has {size}, and {} are allowed", path.display(), file::MAX_SIZE)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: ByteCount,
    },
    /// Somebody else kept writing it.
    #[error("the tracker {} was replaced while a row was written to it, again and again", .0.display())]
    Replaced(PathBuf),
    /// It can't be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The tracker, read whole. Everything here blocks.
#[derive(Debug)]
pub struct Tracker {
    path: PathBuf,
    /// The file as it was when last read or written; `None` makes the next look read it.
    seen: Option<Identity>,
    /// How often the file was read, because somebody else had changed it.
    reading: u64,
    /// `None` where there is no header yet.
    style: Option<Style>,
    accounts: BTreeMap<MeetingUuid, Account>,
    /// When the last of each meeting's rows `downloaded` was written; nothing where one of them has no date.
    downloaded: BTreeMap<MeetingUuid, Option<DateTime<Utc>>>,
    damage: Vec<Damage>,
    /// The fingerprints of the damage that [`Self::new_damage`] has handed out.
    told: HashSet<u64>,
}

impl Tracker {
    /// Reads the tracker. Where there is none, one is created with its first row.
    ///
    /// # Errors
    /// [`TrackerError`], where it is no file, no tracker or can't be read.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, TrackerError> {
        let mut tracker = Self {
            path: path.into(),
            seen: None,
            reading: 0,
            style: None,
            accounts: BTreeMap::new(),
            downloaded: BTreeMap::new(),
            damage: Vec::new(),
            told: HashSet::new(),
        };
        tracker.refresh()?;
        Ok(tracker)
    }

    /// Reads the file again if somebody else has changed it; whether that was so.
    ///
    /// A tracker that was removed knows nothing from then on.
    ///
    /// # Errors
    /// [`TrackerError`]; what was known is then kept.
    pub fn refresh(&mut self) -> Result<bool, TrackerError> {
        if let Some(file) = TrackerFile::open_to_read(&self.path)? {
            return self.catch_up(&file);
        }
        let was_there = self.seen.take().is_some() || !self.accounts.is_empty();
        self.take_over(Table::default());
        self.reading += u64::from(was_there);
        Ok(was_there)
    }

    /// Proves that rows can be appended, without a change to the file, before there is one to be lost.
    ///
    /// # Errors
    /// [`TrackerError`]; a file that isn't there yet is none.
    pub fn check_writable(&self) -> Result<(), TrackerError> {
        TrackerFile::open_to_append(&self.path).map(drop)
    }

    /// Where the tracker is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// By which reading of the file all this is known: another one where somebody has changed it since.
    #[must_use]
    pub const fn reading(&self) -> u64 {
        self.reading
    }

    /// What is known of a meeting.
    #[must_use]
    pub fn get(&self, uuid: &MeetingUuid) -> Option<&Account> {
        self.accounts.get(uuid)
    }

    /// When a meeting was archived: when the last of its rows that may say so was written. `None` where one of these has no
    /// date that can be read.
    #[must_use]
    pub fn archived_at(&self, uuid: &MeetingUuid) -> Option<DateTime<Utc>> {
        match self.downloaded.get(uuid) {
            Some(at) => *at,
            // Somebody has kept the last row only, which is no earlier.
            None => self.get(uuid)?.recorded_at,
        }
    }

    /// What is known of each meeting, by uuid.
    #[must_use]
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = &Account> {
        self.accounts.values()
    }

    /// Whether any meeting should have files in the archive, or had.
    #[must_use]
    pub fn has_rows_with_files(&self) -> bool {
        self.accounts.values().any(Account::has_files)
    }

    /// Whether it has a column for videos: somebody may have removed it.
    #[must_use]
    pub fn has_videos(&self) -> bool {
        self.style.as_ref().is_none_or(|style| style.place(Column::YoutubeId).is_some())
    }

    /// All that could not be read, as of the last look.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// What of it this method has not handed out before, so that each is told once.
    pub fn new_damage(&mut self) -> Vec<Damage> {
        let told = &mut self.told;
        self.damage.iter().filter(|damage| told.insert(damage.fingerprint)).cloned().collect()
    }

    /// Appends a row that says what `news` says, and of the rest what earlier rows of the meeting knew. It is on the disk
    /// when this returns.
    ///
    /// `status` and `now` outrank those in `news`. Changes that others made to the file are read first.
    ///
    /// # Errors
    /// [`TrackerError`]; the row then counts as not written, and what was written of it has been taken back where that
    /// could be done safely.
    pub fn append(&mut self, now: DateTime<Utc>, status: Status, news: &Account) -> Result<(), TrackerError> {
        for attempt in 0..ATTEMPTS {
            let file = match TrackerFile::open_to_append(&self.path)? {
                Some(file) => file,
                None => match TrackerFile::create(&self.path)? {
                    Some(file) => file,
                    // Somebody else has just created it.
                    None => continue,
                },
            };
            self.catch_up(&file)?;
            let known = self.get(&news.uuid).cloned().unwrap_or_else(|| Account::new(news.uuid.clone()));
            // The editor may have read the row before it saved.
            let has_videos = news.youtube_ids.is_empty() || known.youtube_ids == news.youtube_ids;
            let is_in_it = attempt > 0 && known.status == Some(status) && known.file_ids == news.file_ids && has_videos;
            if is_in_it && file.is_still_at(&self.path) {
                return Ok(file.sync()?);
            }
            let next = known.next_row(now, status, news.clone());
            let style = self.style.clone().unwrap_or_default();
            let header = if self.style.is_none() { style.header() } else { Vec::new() };
            self.seen = None;
            let written = file.append(style.line_end(), &[header, style.row(&next)].concat())?;
            // An editor saves by rename: the row may be in a file that nobody will ever read.
            if file.is_still_at(&self.path) {
                self.seen = written;
                self.style = Some(style);
                if status == Status::Downloaded {
                    note_download(&mut self.downloaded, &next.uuid, next.recorded_at);
                }
                self.accounts.insert(next.uuid.clone(), next);
                return Ok(());
            }
        }
        Err(TrackerError::Replaced(self.path.clone()))
    }

    fn catch_up(&mut self, file: &TrackerFile) -> Result<bool, TrackerError> {
        let identity = file.identity()?;
        if self.seen == Some(identity) {
            return Ok(false);
        }
        let table = read::read(&file.read()?).map_err(|refusal| match refusal {
            Refusal::Utf16 => TrackerError::Utf16(self.path.clone()),
            Refusal::Foreign => TrackerError::Foreign(self.path.clone()),
        })?;
        self.take_over(table);
        self.reading += 1;
        self.seen = Some(identity);
        Ok(true)
    }

    fn take_over(&mut self, mut table: Table) {
        self.style = table.style;
        self.damage = table.damage;
        self.accounts.clear();
        self.downloaded.clear();
        // A stable sort: rows without a readable date come first, and otherwise the file's order decides.
        table.rows.sort_by_key(|row| row.recorded_at);
        for row in table.rows {
            if matches!(row.status, Some(Status::Downloaded) | None) {
                note_download(&mut self.downloaded, &row.uuid, row.recorded_at);
            }
            self.accounts.entry(row.uuid.clone()).or_insert_with(|| Account::new(row.uuid.clone())).absorb(row);
        }
    }
}

/// Adds the date of a row to those of the same meeting.
fn note_download(
    downloaded: &mut BTreeMap<MeetingUuid, Option<DateTime<Utc>>>,
    uuid: &MeetingUuid,
    at: Option<DateTime<Utc>>,
) {
    match downloaded.entry(uuid.clone()) {
        Entry::Occupied(mut known) => {
            let latest = known.get().zip(at).map(|(known, at)| known.max(at));
            known.insert(latest);
        }
        Entry::Vacant(place) => {
            place.insert(at);
        }
    }
}

#[cfg(test)]
mod tests;
