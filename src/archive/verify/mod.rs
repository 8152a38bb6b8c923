//! Whether the archive is still what its records say. Nothing here writes, or decides what follows.
//!
//! - here: one file, [`look`]ed at, and [`judge`]d by its entry in `meeting.json`
//! - [`folders`]: the folders and the tracker's rows, each against the other

pub mod folders;

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::entry::{FileEntry, FileState};
use super::media::{self, MediaFault};
use crate::disk;
use crate::meeting::Extension;

/// What is wrong with a file that should be in the archive.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Nothing has its name.
    #[error("it is not there")]
    Missing,
    /// It was found wrong before, and somebody has asked for it.
    #[error("it is not there yet: the next poll fetches it again")]
    Queued,
    /// It was found wrong before, and another file has its name: as long as that is so, it can't be fetched.
    #[error("another file is in its place")]
    Occupied,
    /// Something else has its name.
    #[error("{0} is in its place")]
    NotAFile(&'static str),
    /// It has not the size that it had.
    #[error("it has {found} bytes, and had {recorded}")]
    Size {
        /// When it was archived.
        recorded: u64,
        /// By now.
        found: u64,
    },
    /// Its size is right, and its structure isn't.
    #[error(transparent)]
    Structure(MediaFault),
    /// The disk, or a permission that lacks, keeps its bytes back.
    #[error("it cannot be read")]
    Unreadable(#[source] io::Error),
}

impl Problem {
    /// One word for it, for programs.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Queued => "queued",
            Self::Occupied => "another file",
            Self::NotAFile(_) => "not a file",
            Self::Size { .. } => "size",
            Self::Structure(_) => "structure",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// Whether it is this user who may not read it: that says nothing of the file.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Unreadable(error) if error.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Whether something is there that has to make way before the file can be fetched again.
    #[must_use]
    pub const fn is_in_the_way(&self) -> bool {
        match self {
            Self::Missing | Self::Queued => false,
            Self::Occupied | Self::NotAFile(_) | Self::Size { .. } | Self::Structure(_) | Self::Unreadable(_) => true,
        }
    }
}

/// What is under a name.
#[derive(Debug)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A link, a folder or the like.
    Other(&'static str),
    /// A file.
    File {
        /// Its size in bytes.
        len: u64,
        /// What is wrong with its structure; looked at only where it has the size that is expected.
        fault: Option<MediaFault>,
    },
    /// Something that can't be looked at.
    Unreadable(io::Error),
}

/// What is on record of a file besides its entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// A row of this program's own says that it was archived.
    pub is_named: bool,
    /// The rows say that the meeting's files were removed on purpose.
    pub is_cleaned: bool,
    /// It is to be fetched again.
    pub is_queued: bool,
}

/// The judgement on a file.
#[derive(Debug)]
pub enum Verdict {
    /// It is as it was.
    Right,
    /// It is as it was: broken, for Zoom had nothing better.
    Suspect,
    /// It need not be there: it was removed on purpose, or is still to come.
    NotDue,
    /// It is wrong.
    Wrong(Problem),
}

/// Judges a file by its entry, what else is on record of it, and what is on the disk, which is looked at only where that
/// matters.
pub fn judge(entry: &FileEntry, record: Record, look: impl FnOnce() -> Found) -> Verdict {
    match entry.state {
        FileState::Removing | FileState::Removed => Verdict::NotDue,
        FileState::Pending if !record.is_named || record.is_cleaned => Verdict::NotDue,
        FileState::Pending => Verdict::Wrong(match look() {
            Found::Other(what) => Problem::NotAFile(what),
            // What is as it should be is found by the next poll.
            Found::File { len, fault } if len != entry.size.0 || fault.is_some() => Problem::Occupied,
            _ if record.is_queued => Problem::Queued,
            _ => Problem::Missing,
        }),
        FileState::Whole | FileState::Suspect => match look() {
            Found::Nothing if record.is_named && record.is_cleaned => Verdict::NotDue,
            Found::Nothing => Verdict::Wrong(Problem::Missing),
            Found::Other(what) => Verdict::Wrong(Problem::NotAFile(what)),
            Found::Unreadable(error) => Verdict::Wrong(Problem::Unreadable(error)),
            Found::File { len, .. } if len != entry.size.0 => {
                Verdict::Wrong(Problem::Size { recorded: entry.size.0, found: len })
            }
            Found::File { .. } if entry.state == FileState::Suspect => Verdict::Suspect,
            Found::File { fault: None, .. } => Verdict::Right,
            Found::File { fault: Some(MediaFault::Unreadable(error)), .. } => {
                Verdict::Wrong(Problem::Unreadable(error))
            }
            Found::File { fault: Some(fault), .. } => Verdict::Wrong(Problem::Structure(fault)),
        },
    }
}

/// Looks at the file of an entry, in its meeting's folder. Nothing but a plain file is opened, and no link is followed.
#[must_use]
pub fn look(folder: &Path, entry: &FileEntry) -> Found {
    let path = folder.join(entry.name.as_str());
    // Looked at before it is opened, for that alone may block or set a device going; and again once it is open.
    match path.symlink_metadata() {
        Ok(meta) if meta.is_file() => {}
        Ok(meta) => return Found::Other(disk::kind_of(meta.file_type())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Nothing,
        Err(error) => return Found::Unreadable(error),
    }
    open(&path).and_then(|file| examine(&file, entry)).unwrap_or_else(Found::Unreadable)
}

fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

fn examine(file: &File, entry: &FileEntry) -> io::Result<Found> {
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Ok(Found::Other(disk::kind_of(meta.file_type())));
    }
    let len = meta.len();
    let fault = if len == entry.size.0 && entry.state != FileState::Suspect {
        let extension = entry.name.extension().unwrap_or(Extension::Bin);
        media::check(&mut BufReader::new(file), len, extension).err()
    } else {
        None
    };
    Ok(Found::File { len, fault })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meeting::{ByteCount, RecordingType};

    fn entry(state: FileState) -> FileEntry {
        FileEntry {
            id: "f".parse().unwrap(),
            recording_type: RecordingType::new("gallery_view"),
            name: "gallery_view.mp4".parse().unwrap(),
            size: ByteCount(24),
            recording_start: None,
            recording_end: None,
            part: 1,
            best: true,
            state,
        }
    }

    /// The verdict in a word.
    fn word(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Right => "right",
            Verdict::Suspect => "suspect",
            Verdict::NotDue => "not due",
            Verdict::Wrong(problem) => problem.word(),
        }
    }

    fn whole() -> Found {
        Found::File { len: 24, fault: None }
    }

    fn broken() -> Found {
        Found::File { len: 24, fault: Some(MediaFault::Empty(Extension::Mp4)) }
    }

    #[test]
    fn a_file_is_judged_by_its_state_its_size_and_its_structure() {
        use FileState::{Pending, Removed, Removing, Suspect, Whole};

        let finds: [fn() -> Found; 6] = [
            || Found::Nothing,
            || Found::Other("a folder"),
            || Found::File { len: 23, fault: None },
            broken,
            whole,
            || Found::Unreadable(io::ErrorKind::PermissionDenied.into()),
        ];
        for (state, verdicts) in [
            (Whole, ["missing", "not a file", "size", "structure", "right", "unreadable"]),
            (Suspect, ["missing", "not a file", "size", "suspect", "suspect", "unreadable"]),
            (Pending, ["not due"; 6]),
            (Removing, ["not due"; 6]),
            (Removed, ["not due"; 6]),
        ] {
            let judged = finds.map(|found| word(&judge(&entry(state), Record::default(), found)));
            assert_eq!(judged, verdicts, "{state:?}");
        }
    }

    #[test]
    fn what_a_row_names_and_meeting_json_calls_pending_is_wrong_until_it_was_fetched_again() {
        let named = Record { is_named: true, ..Record::default() };
        for (record, expected) in [
            (named, "missing"),
            (Record { is_queued: true, ..named }, "queued"),
            (Record { is_cleaned: true, ..named }, "not due"),
            (Record { is_queued: true, ..Record::default() }, "not due"),
        ] {
            assert_eq!(word(&judge(&entry(FileState::Pending), record, || Found::Nothing)), expected, "{record:?}");
        }
    }

    #[test]
    fn what_was_cleaned_on_purpose_may_be_gone_but_not_be_broken() {
        let cleaned = Record { is_named: true, is_cleaned: true, is_queued: false };
        assert_eq!(word(&judge(&entry(FileState::Whole), cleaned, || Found::Nothing)), "not due");
        assert_eq!(word(&judge(&entry(FileState::Whole), cleaned, broken)), "structure");
        let later = Record { is_named: false, ..cleaned };
        assert_eq!(word(&judge(&entry(FileState::Whole), later, || Found::Nothing)), "missing", "it came after that");
    }

    #[test]
    fn only_a_plain_file_is_opened_and_only_one_of_the_right_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gallery_view.mp4");
        let found = |state| match look(folder.path(), &entry(state)) {
            Found::Nothing => "nothing".to_owned(),
            Found::Other(what) => what.to_owned(),
            Found::File { len, fault } => format!("{len}, {}", fault.map_or("whole".to_owned(), |it| it.to_string())),
            Found::Unreadable(error) => error.to_string(),
        };
        assert_eq!(found(FileState::Whole), "nothing");
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert_eq!(found(FileState::Whole), "a symbolic link");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "x").unwrap();
        assert_eq!(found(FileState::Whole), "1, whole", "the size tells, and no more is read");
        std::fs::write(&path, [0; 24]).unwrap();
        assert!(found(FileState::Whole).starts_with("24, the file begins with"), "{}", found(FileState::Whole));
        assert_eq!(found(FileState::Suspect), "24, whole", "it is known to be broken");
        let boxes: Vec<u8> = ["ftyp", "moov", "mdat"].iter().flat_map(|kind| mp4_box(kind)).collect();
        std::fs::write(&path, boxes).unwrap();
        assert_eq!(found(FileState::Whole), "24, whole");
    }

    fn mp4_box(kind: &str) -> Vec<u8> {
        [&8u32.to_be_bytes(), kind.as_bytes()].concat()
    }
}
