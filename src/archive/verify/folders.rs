//! The archive's folders and the tracker's rows, each against the other.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::archive::names::{self, MeetingFolder};
use crate::archive::tracker::{Account, Status};
use crate::archive::{Archive, MANIFEST, MAX_DEPTH};
use crate::meeting::{MeetingUuid, UserId};

/// A row whose folder should be in the archive and isn't.
#[derive(Debug)]
pub struct LostFolder {
    /// The meeting.
    pub meeting: MeetingUuid,
    /// Where its row says that it is.
    pub directory: String,
    /// Its name.
    pub topic: String,
    /// When it began, where the row says so.
    pub start: Option<DateTime<Utc>>,
    /// The user in whose listing it was, where the row says so.
    pub user: Option<UserId>,
    /// What is in the folder's place.
    pub loss: Loss,
}

/// What is in the place of a folder that a row names.
#[derive(Debug)]
pub enum Loss {
    /// Nothing, or nothing of this meeting.
    Gone,
    /// A folder without a `meeting.json`.
    NoDescription,
    /// Something that can't be looked at.
    Unreadable(io::Error),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("its folder is not there"),
            Self::NoDescription => write!(f, "its folder has no {MANIFEST}"),
            Self::Unreadable(error) => write!(f, "its folder cannot be read: {error}"),
        }
    }
}

/// A folder that nothing on record explains.
#[derive(Debug)]
pub struct UnknownFolder {
    /// Where it is in the archive.
    pub directory: String,
    /// Why it is none of those that are known.
    pub why: Unknown,
}

/// Why a folder is none of those that are known.
#[derive(Debug)]
pub enum Unknown {
    /// A meeting's, but there is no row of it, and it is not being archived.
    NoRow,
    /// The meeting has another folder too.
    Copy(MeetingFolder),
    /// There are files in it, and no `meeting.json`.
    NoDescription,
    /// It can't be looked into.
    Unreadable(io::Error),
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRow => f.write_str("no row of the tracker is about this meeting"),
            Self::Copy(other) => write!(f, "a copy of {other}, which is the meeting's folder"),
            Self::NoDescription => write!(f, "it has files, and no {MANIFEST}"),
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
        }
    }
}

/// The rows whose folder should be there and isn't; not those whose folder is there with a damaged `meeting.json`.
///
/// A row without a directory is none of this program's own: somebody added it so that the meeting be not fetched.
#[must_use]
pub fn rows_without<'a>(
    accounts: impl Iterator<Item = &'a Account>,
    archive: &Archive,
    is_damaged: impl Fn(&Path) -> bool,
) -> Vec<LostFolder> {
    let is_lost = |account: &&Account| {
        let has_files = matches!(account.status, Some(Status::Downloaded | Status::Uploaded) | None);
        let path = archive.root().join(&account.directory);
        has_files
            && !account.directory.is_empty()
            && archive.held(&account.uuid).is_none()
            // A spreadsheet may have mangled the row's id: the folder is somebody's all the same.
            && archive.owner(&account.directory).is_none()
            && !is_damaged(&path)
    };
    let lost = |account: &Account| LostFolder {
        meeting: account.uuid.clone(),
        directory: account.directory.clone(),
        topic: account.topic.clone(),
        start: account.start_time,
        user: account.user.clone(),
        loss: loss(&archive.root().join(&account.directory)),
    };
    let mut lost: Vec<_> = accounts.filter(is_lost).map(lost).collect();
    lost.sort_by(|a, b| a.directory.cmp(&b.directory));
    lost
}

/// What is where a folder should be.
fn loss(folder: &Path) -> Loss {
    match folder.symlink_metadata() {
        Ok(meta) if meta.is_dir() => match fs::read_dir(folder) {
            Ok(_) => Loss::NoDescription,
            Err(error) => Loss::Unreadable(error),
        },
        Ok(_) => Loss::Gone,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Loss::Gone,
        Err(error) => Loss::Unreadable(error),
    }
}

/// What the folders of an archive are compared with.
pub struct Known<'a> {
    /// The archive, as it was opened.
    pub archive: &'a Archive,
    /// The folders that rows name, in small letters.
    pub directories: &'a HashSet<String>,
    /// Those whose `meeting.json` is damaged.
    pub damaged: &'a HashSet<PathBuf>,
    /// Whether there is a row of a meeting, or it is being archived.
    pub is_known: &'a dyn Fn(&MeetingUuid) -> bool,
}

impl Known<'_> {
    /// The folders that nothing on record explains, but for those in a meeting's own folder.
    #[must_use]
    pub fn others(&self) -> Vec<UnknownFolder> {
        let mut found = Vec::new();
        self.walk(self.archive.root(), &mut Vec::new(), false, &mut found);
        found
    }

    fn walk(&self, folder: &Path, below: &mut Vec<String>, is_a_meetings: bool, found: &mut Vec<UnknownFolder>) {
        let directory = below.join("/");
        let mut say = |why: Unknown| found.push(UnknownFolder { directory: directory.clone(), why });
        let content = match Content::of(folder) {
            Ok(content) => content,
            Err(error) => {
                if !below.is_empty() {
                    say(Unknown::Unreadable(error));
                }
                return;
            }
        };
        let owner = self.archive.owner(&directory);
        let is_named = self.directories.contains(&directory.to_lowercase());
        let is_explained = is_named || is_a_meetings || below.is_empty() || self.damaged.contains(folder);
        match owner.and_then(|uuid| self.archive.held(uuid)) {
            Some(held) if held.folder.as_str() != directory => say(Unknown::Copy(held.folder.clone())),
            Some(held) if !is_named && !(self.is_known)(&held.manifest.uuid) => say(Unknown::NoRow),
            None if content.has_files && !is_explained => say(Unknown::NoDescription),
            Some(_) | None => {}
        }
        if below.len() == MAX_DEPTH {
            return;
        }
        for name in content.folders {
            below.push(name.clone());
            self.walk(&folder.join(&name), below, is_a_meetings || owner.is_some(), found);
            below.pop();
        }
    }
}

/// What a folder holds.
struct Content {
    folders: Vec<String>,
    /// Whether there are files in it; those that are hidden, unfinished or set aside don't count.
    has_files: bool,
}

impl Content {
    fn of(folder: &Path) -> io::Result<Self> {
        let mut content = Self { folders: Vec::new(), has_files: false };
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                content.folders.push(name);
            } else if !name.starts_with('.') && !names::is_out_of_the_way(&name) {
                content.has_files = true;
            }
        }
        content.folders.sort();
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::manifest::Manifest;
    use crate::meeting::Meeting;

    /// An archive that holds these meetings in these folders.
    fn archive(meetings: &[(&str, &str)]) -> (tempfile::TempDir, Archive) {
        let root = tempfile::tempdir().unwrap();
        for (uuid, directory) in meetings {
            let folder = root.path().join(directory);
            fs::create_dir_all(&folder).unwrap();
            let meeting = Meeting {
                uuid: uuid.parse().unwrap(),
                meeting_id: None,
                topic: String::new(),
                start_time: DateTime::default(),
                timezone: None,
                duration_min: 0,
                host_id: None,
                host_email: None,
                share_url: None,
                user: "me".parse().unwrap(),
                auto_delete_date: None,
                files: Vec::new(),
            };
            Manifest::describe(&meeting, [], None).write(&folder).unwrap();
        }
        let (archive, damage) = Archive::look_at(root.path()).unwrap();
        assert!(damage.is_empty());
        (root, archive)
    }

    fn row(uuid: &str, directory: &str, status: Option<Status>) -> Account {
        let mut account = Account::new(uuid.parse().unwrap());
        directory.clone_into(&mut account.directory);
        account.status = status;
        account
    }

    #[test]
    fn a_row_is_without_its_folder_only_where_files_of_it_should_be_there() {
        let (_root, archive) = archive(&[("a==", "2025-12-02/0900"), ("moved==", "elsewhere/1000")]);
        let rows = [
            row("a==", "2025-12-02/0900", Some(Status::Downloaded)),
            row("moved==", "2025-12-02/1000", Some(Status::Downloaded)),
            row("#NAME?", "2025-12-02/0900", Some(Status::Downloaded)),
            row("by-hand==", "", Some(Status::Downloaded)),
            row("cleaned==", "2025-12-02/1100", Some(Status::Cleaned)),
            row("empty==", "", Some(Status::Empty)),
            row("uploaded==", "2025-12-02/1200", Some(Status::Uploaded)),
            row("unreadable==", "2025-12-02/1300", None),
            row("gone==", "2025-12-01/0900", Some(Status::Downloaded)),
            row("damaged==", "2025-12-02/1400", Some(Status::Downloaded)),
        ];
        let damaged = HashSet::from([archive.root().join("2025-12-02/1400")]);
        let lost = rows_without(rows.iter(), &archive, |folder| damaged.contains(folder));
        let lost: Vec<_> = lost.iter().map(|lost| lost.meeting.as_str()).collect();
        assert_eq!(lost, ["gone==", "uploaded==", "unreadable=="]);
    }

    #[test]
    fn a_folder_is_unknown_without_a_row_a_meeting_under_way_or_a_description() {
        let (root, archive) = archive(&[
            ("a==", "2025-12-02/0900"),
            ("a==", "2025-12-02/0900 copy"),
            ("named==", "2025-12-02/1000"),
            ("new==", "2025-12-02/1100"),
            ("under-way==", "2025-12-02/1200"),
        ]);
        for name in [
            "2025-12-02/0900/cuts/mine.mp4",
            "2025-12-02/notes.txt",
            "of-rows/a.mp4",
            "damaged/meeting.json",
            "aside/a.mp4.bad",
            "aside/a.mp4.part",
            "aside/.hidden",
            "prototype/0800/gallery_view.mp4",
            "notes.txt",
        ] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let known = Known {
            archive: &archive,
            directories: &["2025-12-02/1000", "of-rows"].map(str::to_owned).into(),
            damaged: &[root.path().join("damaged")].into(),
            is_known: &|uuid| ["a==", "under-way=="].contains(&uuid.as_str()),
        };
        let said: Vec<_> = known.others().iter().map(|one| format!("{}: {}", one.directory, one.why)).collect();
        assert_eq!(
            said,
            [
                "2025-12-02: it has files, and no meeting.json",
                "2025-12-02/0900 copy: a copy of 2025-12-02/0900, which is the meeting's folder",
                "2025-12-02/1100: no row of the tracker is about this meeting",
                "prototype/0800: it has files, and no meeting.json",
            ]
        );
    }
}
