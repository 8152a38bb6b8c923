//! The file that is kept for each unfinished upload, so that a restart goes on with it and never sends a video twice.
//!
//! It is written before the first byte is sent, and removed once `meeting.json` has the video's id. Whoever reads it could
//! go on with the upload: the folder and the files in it are the owner's alone.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::marker::digest;
use super::{SessionAddress, VideoFile, VideoId};
use crate::archive::names::{FileName, MeetingFolder};
use crate::clock;
use crate::disk::{self, DiskError};
use crate::meeting::{FileId, MeetingUuid};

/// The folder's name in the state folder.
pub const FOLDER: &str = "uploads";

const FOLDER_MODE: u32 = 0o700;
const EXTENSION: &str = ".json";
/// What is added to the name of a file that can't be used.
const DAMAGED: &str = ".damaged";
/// How many digits of the hash are in a name.
const DIGITS: usize = 32;
/// No meeting has more parts.
const MOST_PARTS: u32 = 150;
/// The largest file that is read; one has some hundred bytes.
const MAX_BYTES: u64 = 64 << 10;

/// An upload that was begun, and of which it isn't recorded that it has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unfinished {
    /// The meeting.
    pub meeting_uuid: MeetingUuid,
    /// The part of its recording.
    pub part: u32,
    /// The file that is sent.
    pub file_id: FileId,
    /// The meeting's folder in the archive.
    pub folder: MeetingFolder,
    /// The file's name in it.
    pub file_name: FileName,
    /// The file's size in bytes when the session was opened.
    pub size: u64,
    /// When it was last changed before, in nanoseconds of Unix time.
    pub modified_ns: i64,
    #[serde(serialize_with = "exposed")]
    session: SecretString,
    /// When the session was opened.
    pub opened_at: DateTime<Utc>,
    /// Who may see the video, as the session was told; earlier versions did not note it.
    #[serde(default)]
    pub privacy: Option<String>,
    /// When `YouTube` first said that it knows the session no more.
    #[serde(default)]
    pub gone_at: Option<DateTime<Utc>>,
    /// The video, once it is complete at `YouTube`.
    pub video_id: Option<VideoId>,
}

fn exposed<S: serde::Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

/// Which file of which meeting is sent.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The meeting.
    pub meeting_uuid: MeetingUuid,
    /// The part of its recording.
    pub part: u32,
    /// The file.
    pub file_id: FileId,
    /// The meeting's folder in the archive.
    pub folder: MeetingFolder,
    /// The file's name in it.
    pub file_name: FileName,
}

impl Unfinished {
    /// An upload whose session was opened this moment.
    #[must_use]
    pub fn new(origin: Origin, video: &VideoFile, session: &SessionAddress, opened_at: DateTime<Utc>) -> Self {
        let Origin { meeting_uuid, part, file_id, folder, file_name } = origin;
        let (size, modified_ns) = (video.size(), video.modified_ns());
        let session = session.expose().as_str().into();
        Self {
            meeting_uuid,
            part,
            file_id,
            folder,
            file_name,
            size,
            modified_ns,
            session,
            opened_at,
            privacy: None,
            gone_at: None,
            video_id: None,
        }
    }

    /// Whether this is the file that the session was opened for, unchanged: the rest of another is never sent after it.
    #[must_use]
    pub fn is_of(&self, video: &VideoFile) -> bool {
        self.size == video.size() && self.modified_ns == video.modified_ns()
    }

    /// The session, where a token may go to its address: the settings may name another API by now.
    #[must_use]
    pub fn session(&self, api_url: &Url) -> Option<SessionAddress> {
        SessionAddress::accept(self.session.expose_secret(), api_url).ok()
    }

    /// Where the file is, in the archive with this root.
    #[must_use]
    pub fn path(&self, root: &Path) -> PathBuf {
        self.folder.under(root).join(self.file_name.as_str())
    }
}

/// The folder of the unfinished uploads.
#[derive(Clone, Debug)]
pub struct UploadsFolder {
    path: PathBuf,
}

/// What was found in the folder.
#[derive(Debug, Default)]
pub struct Found {
    /// The unfinished uploads, in the order in which they were begun.
    pub uploads: Vec<Unfinished>,
    /// Files that could not be used and were set aside just now.
    pub set_aside: Vec<PathBuf>,
    /// When files were set aside, by what their names begin with.
    doubtful: HashMap<String, DateTime<Utc>>,
}

impl Found {
    /// When a damaged file was found of an upload of this meeting, the latest: the video of whichever part may be at `YouTube`,
    /// and is to be looked for by its marker before one is sent. Parts are numbered anew where one comes before them.
    #[must_use]
    pub fn doubtful_since(&self, uuid: &MeetingUuid) -> Option<DateTime<Utc>> {
        if self.doubtful.is_empty() {
            return None;
        }
        (1..=MOST_PARTS).filter_map(|part| self.doubtful.get(&stem(uuid, part)).copied()).max()
    }
}

impl UploadsFolder {
    /// The folder below this state folder; nothing is made yet.
    #[must_use]
    pub fn below(state_dir: &Path) -> Self {
        Self { path: state_dir.join(FOLDER) }
    }

    /// Reads all that is in it. A file that can't be used is said, and set aside under another name: it is never deleted.
    ///
    /// # Errors
    /// [`DiskError`] where the folder or a file in it can't be read, or not be set aside.
    pub fn load(&self) -> Result<Found, DiskError> {
        let mut found = Found::default();
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries.map_err(DiskError::on("read the folder", &self.path))?,
        };
        for entry in entries {
            let entry = entry.map_err(DiskError::on("read the folder", &self.path))?;
            // Ours have plain names.
            let Ok(name) = entry.file_name().into_string() else { continue };
            match name.split_once(EXTENSION) {
                None | Some(("", _)) => {}
                Some((stem, "")) => match self.read(stem)? {
                    Ok(upload) => found.uploads.push(upload),
                    Err(problem) => {
                        let aside = self.set_aside(&name, &problem)?;
                        found.set_aside.push(aside);
                        found.doubtful.insert(stem.to_owned(), clock::now());
                    }
                },
                Some((stem, rest)) if rest.starts_with(DAMAGED) => {
                    let since = fs::metadata(self.path.join(&name)).and_then(|meta| meta.modified());
                    let since = since.map_or(DateTime::UNIX_EPOCH, DateTime::from);
                    let known = found.doubtful.entry(stem.to_owned()).or_insert(since);
                    *known = since.max(*known);
                }
                Some((hidden, _)) => {
                    // What a replacement that was interrupted has left.
                    if let Some(stem) = hidden.strip_prefix('.') {
                        disk::remove_leftovers(&self.path.join(format!("{stem}{EXTENSION}")));
                    }
                }
            }
        }
        found.uploads.sort_by_key(|upload| upload.opened_at);
        Ok(found)
    }

    /// Reads what is in it, and changes nothing: what can't be used is left out.
    ///
    /// # Errors
    /// [`DiskError`] where the folder or a file in it can't be read.
    pub fn look(&self) -> Result<Vec<Unfinished>, DiskError> {
        let mut uploads = Vec::new();
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(uploads),
            entries => entries.map_err(DiskError::on("read the folder", &self.path))?,
        };
        for entry in entries {
            let entry = entry.map_err(DiskError::on("read the folder", &self.path))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if let Some(stem) = name.strip_suffix(EXTENSION).filter(|stem| !stem.starts_with('.')) {
                match self.read(stem) {
                    // Its upload has ended this moment.
                    Err(error) if error.source.kind() == io::ErrorKind::NotFound => {}
                    read => uploads.extend(read?),
                }
            }
        }
        Ok(uploads)
    }

    /// Writes an upload's file, durably, in place of an earlier one.
    ///
    /// # Errors
    /// [`DiskError`]; the earlier file is then as it was.
    ///
    /// # Panics
    /// Never: all that it holds can be put into JSON.
    pub fn save(&self, upload: &Unfinished) -> Result<(), DiskError> {
        self.make()?;
        let mut text = serde_json::to_vec_pretty(upload).expect("it holds nothing that JSON can't");
        text.push(b'\n');
        disk::replace(&self.file(&upload.meeting_uuid, upload.part), &text, disk::SECRET_MODE)
    }

    /// Removes an upload's file, durably. None there is as good.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn remove(&self, uuid: &MeetingUuid, part: u32) -> Result<(), DiskError> {
        let file = self.file(uuid, part);
        match fs::remove_file(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(DiskError::on("remove", &file)(error)),
            Ok(()) => disk::sync_folder(&self.path),
        }
    }

    fn file(&self, uuid: &MeetingUuid, part: u32) -> PathBuf {
        self.path.join(format!("{}{EXTENSION}", stem(uuid, part)))
    }

    /// Makes the folder, for its owner alone.
    fn make(&self) -> Result<(), DiskError> {
        match DirBuilder::new().mode(FOLDER_MODE).create(&self.path) {
            Ok(()) => disk::sync_folder(disk::parent(&self.path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let meta = fs::metadata(&self.path).map_err(DiskError::on("look at", &self.path))?;
                if meta.permissions().mode() & 0o7777 == FOLDER_MODE {
                    return Ok(());
                }
                let mode = Permissions::from_mode(FOLDER_MODE);
                fs::set_permissions(&self.path, mode).map_err(DiskError::on("close to others", &self.path))
            }
            Err(error) => Err(DiskError::on("create the folder", &self.path)(error)),
        }
    }

    /// Reads a file; in words what is wrong with it, where it is none of ours.
    fn read(&self, found_as: &str) -> Result<Result<Unfinished, String>, DiskError> {
        let path = self.path.join(format!("{found_as}{EXTENSION}"));
        let meta = path.symlink_metadata().map_err(DiskError::on("look at", &path))?;
        if !meta.is_file() || meta.len() > MAX_BYTES {
            return Ok(Err("it is no file that this program wrote".to_owned()));
        }
        let bytes = fs::read(&path).map_err(DiskError::on("read", &path))?;
        Ok(match serde_json::from_slice::<Unfinished>(&bytes) {
            Ok(upload) if stem(&upload.meeting_uuid, upload.part) == found_as => Ok(upload),
            Ok(_) => Err("its name is another upload's".to_owned()),
            // Of the JSON only the place is told: it may hold a session.
            Err(error) => Err(format!("it can't be read from line {}, column {} on", error.line(), error.column())),
        })
    }

    fn set_aside(&self, name: &str, problem: &str) -> Result<PathBuf, DiskError> {
        let from = self.path.join(name);
        let names = (1u32..).map(|n| if n == 1 { format!("{name}{DAMAGED}") } else { format!("{name}{DAMAGED}.{n}") });
        let mut free = names.map(|name| self.path.join(name)).filter(|path| path.symlink_metadata().is_err());
        let to = free.next().unwrap_or_else(|| from.clone());
        // From now on it is waited for: until now, bytes may have been sent.
        let touched =
            fs::File::options().write(true).open(&from).and_then(|file| file.set_modified(clock::now().into()));
        if let Err(error) = touched {
            tracing::debug!("{} keeps its date: {error}", from.display());
        }
        fs::rename(&from, &to).map_err(DiskError::on("set aside", &from))?;
        disk::sync_folder(&self.path)?;
        tracing::warn!("{} is damaged ({problem}) and now called {}", from.display(), to.display());
        Ok(to)
    }
}

/// A name without an extension: nothing of a meeting is used in it as it comes.
fn stem(uuid: &MeetingUuid, part: u32) -> String {
    digest(uuid, part).chars().take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::hostile;

    struct Setup {
        state: TempDir,
        folder: UploadsFolder,
    }

    impl Setup {
        fn new() -> Self {
            let state = tempfile::tempdir().unwrap();
            let folder = UploadsFolder::below(state.path());
            Self { state, folder }
        }

        fn upload(&self, uuid: &str, part: u32, opened_at: &str) -> Unfinished {
            let path = self.state.path().join("gallery_view.mp4");
            fs::write(&path, "video").unwrap();
            let origin = Origin {
                meeting_uuid: uuid.parse().unwrap(),
                part,
                file_id: "file".parse().unwrap(),
                folder: "2025-12-02/1729".parse().unwrap(),
                file_name: "gallery_view.mp4".parse().unwrap(),
            };
            let session = SessionAddress::accept("/upload?upload_id=SECRET", &api()).unwrap();
            Unfinished::new(origin, &VideoFile::open(&path).unwrap(), &session, opened_at.parse().unwrap())
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(self.state.path().join(FOLDER)).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    fn api() -> Url {
        "https://www.googleapis.com".parse().unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn y7_an_upload_is_read_back_with_its_session_and_its_file() {
        let setup = Setup::new();
        let later = setup.upload("/a//b==", 2, "2026-01-02T00:00:00Z");
        let mut earlier = setup.upload("a==", 1, "2026-01-01T00:00:00Z");
        earlier.video_id = Some("dQw4w9WgXcQ".parse().unwrap());
        for upload in [&later, &earlier] {
            setup.folder.save(upload).unwrap();
        }

        let found = setup.folder.load().unwrap();

        let [first, second] = &found.uploads[..] else { panic!("{found:?}") };
        assert_eq!((first.meeting_uuid.as_str(), first.part), ("a==", 1));
        assert_eq!((second.meeting_uuid.as_str(), second.part), ("/a//b==", 2));
        assert_eq!(first.video_id, earlier.video_id);
        let session = second.session(&api()).unwrap();
        assert_eq!(session.expose().as_str(), "https://www.googleapis.com/upload?upload_id=SECRET");
        assert_eq!(second.path(Path::new("/archive")), Path::new("/archive/2025-12-02/1729/gallery_view.mp4"));
        assert_eq!(found.doubtful_since(&first.meeting_uuid), None);
    }

    #[test]
    fn y7_the_session_of_another_file_or_of_another_api_is_not_gone_on_with() {
        let setup = Setup::new();
        let upload = setup.upload("a==", 1, "2026-01-01T00:00:00Z");
        let path = setup.state.path().join("gallery_view.mp4");
        assert!(upload.is_of(&VideoFile::open(&path).unwrap()));
        fs::File::open(&path).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        assert!(!upload.is_of(&VideoFile::open(&path).unwrap()));

        let strange = SessionAddress::accept("/upload", &"http://127.0.0.1:4000".parse().unwrap()).unwrap();
        let upload = Unfinished { session: strange.expose().as_str().into(), ..upload };
        assert!(upload.session(&api()).is_none());
    }

    #[test]
    fn l1_l6_the_session_is_the_owners_alone_and_never_shown() {
        let setup = Setup::new();
        let folder = setup.state.path().join(FOLDER);
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        let upload = setup.upload("a==", 1, "2026-01-01T00:00:00Z");
        setup.folder.save(&upload).unwrap();
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join(&setup.names()[0])), 0o600);
        assert!(!format!("{upload:?}").contains("SECRET"));

        let setup = Setup::new();
        setup.folder.save(&upload).unwrap();
        assert_eq!(mode(&setup.state.path().join(FOLDER)), 0o700);
    }

    #[test]
    fn an_upload_that_has_ended_leaves_nothing() {
        let setup = Setup::new();
        let upload = setup.upload("a==", 1, "2026-01-01T00:00:00Z");
        assert!(setup.folder.load().unwrap().uploads.is_empty());
        setup.folder.remove(&upload.meeting_uuid, 1).unwrap();
        setup.folder.save(&upload).unwrap();
        setup.folder.save(&upload).unwrap();
        assert_eq!(setup.names().len(), 1);
        setup.folder.remove(&upload.meeting_uuid, 1).unwrap();
        assert_eq!(setup.names(), Vec::<String>::new());
    }

    #[test]
    fn y7_a_damaged_file_is_set_aside_and_its_upload_in_doubt_from_then_on() {
        let setup = Setup::new();
        let (upload, other) =
            (setup.upload("a==", 1, "2026-01-01T00:00:00Z"), setup.upload("b==", 1, "2026-01-01T00:00:00Z"));
        for text in ["", "{", "\0\0\0\0", "{}", &serde_json::to_string(&other).unwrap()] {
            setup.folder.save(&upload).unwrap();
            setup.folder.save(&other).unwrap();
            let file = setup.folder.file(&upload.meeting_uuid, 1);
            fs::write(&file, text).unwrap();

            let found = setup.folder.load().unwrap();

            assert_eq!(fs::read_to_string(&found.set_aside[0]).unwrap(), text);
            assert!(!file.exists());
            assert_eq!(found.uploads.len(), 1, "the other one is as it was");
            assert!(found.doubtful_since(&upload.meeting_uuid).is_some());
            assert_eq!(found.doubtful_since(&other.meeting_uuid), None);
        }
        assert_eq!(setup.names().len(), 1 + 5, "none of them was overwritten");
        let since = setup.folder.load().unwrap().doubtful_since(&upload.meeting_uuid).unwrap();
        assert!(clock::now() - since < chrono::TimeDelta::minutes(5), "it counts from when it was set aside");
    }

    #[test]
    fn what_else_is_in_the_folder_is_left_alone_but_for_what_a_kill_left() {
        let setup = Setup::new();
        let upload = setup.upload("a==", 1, "2026-01-01T00:00:00Z");
        setup.folder.save(&upload).unwrap();
        let file = setup.names()[0].clone();
        let folder = setup.state.path().join(FOLDER);
        for name in ["notes.txt", ".hidden", &format!(".{file}.Ab12Cd.part")] {
            fs::write(folder.join(name), "x").unwrap();
        }
        assert_eq!(setup.folder.load().unwrap().uploads.len(), 1);
        assert_eq!(setup.names(), [".hidden", &file, "notes.txt"].map(str::to_owned));
    }

    proptest! {
        #![proptest_config(hostile::slow_config())]

        #[test]
        fn s1_y7_whatever_a_meeting_is_called_its_file_is_in_the_folder_and_whatever_is_in_it_is_read_or_kept(
            uuid in hostile::strings().prop_filter_map("no id", |text| text.parse::<MeetingUuid>().ok()),
            (part, bytes) in (1..=MOST_PARTS, hostile::bytes()),
        ) {
            let setup = Setup::new();
            let mut upload = setup.upload("a==", part, "2026-01-01T00:00:00Z");
            upload.meeting_uuid = uuid;
            setup.folder.save(&upload).unwrap();
            let names = setup.names();
            prop_assert_eq!(names.len(), 1);
            prop_assert_eq!(&setup.folder.load().unwrap().uploads[0].meeting_uuid, &upload.meeting_uuid);
            fs::write(setup.state.path().join(FOLDER).join(&names[0]), &bytes).unwrap();
            let found = setup.folder.load().unwrap();
            prop_assert!(found.uploads.is_empty() && found.doubtful_since(&upload.meeting_uuid).is_some());
            prop_assert_eq!(fs::read(&found.set_aside[0]).unwrap(), bytes);
        }
    }
}
