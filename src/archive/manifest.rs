//! `meeting.json`: what Zoom said of a meeting, and which file is which.
//!
//! It claims the folder it lies in, for ever, and gives every file its name before the first byte is written. It
//! holds no secret: neither download addresses nor tokens nor passcodes.

use std::collections::HashSet;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::entry::{FileEntry, FileState};
use super::names::FileName;
use super::parts;
use super::{ArchiveError, MANIFEST};
use crate::disk::{self, DiskError};
use crate::meeting::{FileId, Meeting, MeetingUuid, RecordingFile, UserId};

/// A part's video on YouTube.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The part.
    pub part: u32,
    /// The file that was sent.
    pub file_id: FileId,
    /// YouTube's id for it.
    pub video_id: String,
    /// When it was complete there.
    pub uploaded_at: DateTime<Utc>,
    /// Whether YouTube has finished processing it.
    pub processed: bool,
}

/// The content of a `meeting.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The session's id: the folder is its.
    pub uuid: MeetingUuid,
    /// The meeting's number.
    pub meeting_id: Option<u64>,
    /// Its topic, as when it was first seen.
    pub topic: String,
    /// When it began.
    pub start_time: DateTime<Utc>,
    /// The zone that Zoom names for it.
    pub timezone: Option<String>,
    /// Its length in minutes.
    pub duration_min: u32,
    /// The host's id.
    pub host_id: Option<String>,
    /// The host's address, for titles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_email: Option<String>,
    /// The user in whose listing it was found.
    pub user: UserId,
    /// Where people watch it at Zoom, without its query.
    pub share_url: Option<String>,
    /// Its files, in the order of their start.
    pub files: Vec<FileEntry>,
    /// What of it is on YouTube.
    #[serde(default)]
    pub youtube: Vec<Published>,
}

impl Manifest {
    /// Largest `meeting.json` that is read; the largest possible meeting has 150 files.
    const MAX_BYTES: u64 = 4 << 20;

    /// Describes a meeting with these of its files; what an earlier description knew, names above all, stays.
    #[must_use]
    pub fn describe<'a>(
        meeting: &Meeting,
        selected: impl IntoIterator<Item = &'a RecordingFile>,
        earlier: Option<&Self>,
    ) -> Self {
        let mut manifest = earlier.cloned().unwrap_or_else(|| Self {
            uuid: meeting.uuid.clone(),
            meeting_id: meeting.meeting_id,
            topic: meeting.topic.clone(),
            start_time: meeting.start_time,
            timezone: meeting.timezone.clone(),
            duration_min: meeting.duration_min,
            host_id: meeting.host_id.clone(),
            host_email: meeting.host_email.clone(),
            user: meeting.user.clone(),
            share_url: meeting.share_url.clone(),
            files: Vec::new(),
            youtube: Vec::new(),
        });
        if manifest.duration_min == 0 {
            manifest.duration_min = meeting.duration_min;
        }
        let mut new: Vec<&RecordingFile> = Vec::new();
        for file in selected {
            match manifest.files.iter_mut().find(|entry| entry.id == file.id) {
                Some(entry) => {
                    entry.recording_end = entry.recording_end.or(file.recording_end);
                    if entry.state == FileState::Pending {
                        entry.size = file.size.unwrap_or(entry.size);
                    }
                }
                None => new.push(file),
            }
        }
        new.sort_by(|a, b| (a.recording_start, &a.id).cmp(&(b.recording_start, &b.id)));
        let mut taken: HashSet<String> =
            manifest.files.iter().map(|entry| entry.name.as_str().to_lowercase()).collect();
        for file in new {
            let name = FileName::for_file(file, &taken);
            taken.insert(name.clone().into());
            manifest.files.push(FileEntry {
                id: file.id.clone(),
                recording_type: file.recording_type.clone(),
                name,
                size: file.size.unwrap_or_default(),
                recording_start: file.recording_start,
                recording_end: file.recording_end,
                part: 1,
                best: false,
                state: FileState::Pending,
            });
        }
        parts::assign(&mut manifest.files, |_| true);
        manifest.number_videos();
        manifest.files.shrink_to_fit();
        manifest
    }

    /// Reads the `meeting.json` of a folder; `None` where it has none.
    ///
    /// # Errors
    /// [`ArchiveError`] where it can't be read or is not one of ours: the folder is then nobody's to write to.
    pub fn read(folder: &Path) -> Result<Option<Self>, ArchiveError> {
        let path = folder.join(MANIFEST);
        match path.symlink_metadata() {
            Ok(meta) if meta.is_file() && meta.len() <= Self::MAX_BYTES => {}
            Ok(_) => return Err(ArchiveError::StrangeManifest { path }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DiskError::on("look at", &path)(error).into()),
        }
        let Some(bytes) = disk::read_if_there(&path)? else { return Ok(None) };
        let mut manifest: Self = serde_json::from_slice(&bytes)
            .map_err(|source| ArchiveError::DamagedManifest { path: path.clone(), source })?;
        manifest.files.shrink_to_fit();
        let names: HashSet<String> = manifest.files.iter().map(|entry| entry.name.as_str().to_lowercase()).collect();
        if names.len() == manifest.files.len() {
            Ok(Some(manifest))
        } else {
            Err(ArchiveError::StrangeManifest { path })
        }
    }

    /// Writes it into its folder, durably.
    ///
    /// # Errors
    /// [`DiskError`]; the earlier one is then as it was.
    ///
    /// # Panics
    /// Never: all that it holds can be put into JSON.
    pub fn write(&self, folder: &Path) -> Result<(), DiskError> {
        let mut text = serde_json::to_vec_pretty(self).expect("it holds nothing that JSON can't");
        text.push(b'\n');
        disk::replace(&folder.join(MANIFEST), &text, disk::SHARED_MODE)
    }

    /// The entry of a file.
    #[must_use]
    pub fn file(&self, id: &FileId) -> Option<&FileEntry> {
        self.files.iter().find(|entry| entry.id == *id)
    }

    /// The entry of a file, to change it.
    pub fn file_mut(&mut self, id: &FileId) -> Option<&mut FileEntry> {
        self.files.iter_mut().find(|entry| entry.id == *id)
    }

    /// Chooses the best file of each part anew among those that were fetched: nothing more is waited for.
    pub fn choose_among_fetched(&mut self) {
        parts::assign(&mut self.files, |entry| entry.state.is_fetched());
        self.number_videos();
    }

    /// Gives each video the number that its file's part has by now: one that came before it has shifted that.
    fn number_videos(&mut self) {
        for video in &mut self.youtube {
            if let Some(file) = self.files.iter().find(|file| file.id == video.file_id) {
                video.part = file.part;
            }
        }
    }

    /// The best file of each part that has one, in the order of the parts.
    pub fn best_files(&self) -> impl Iterator<Item = &FileEntry> {
        let mut best: Vec<&FileEntry> = self.files.iter().filter(|entry| entry.best).collect();
        best.sort_by_key(|entry| entry.part);
        best.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::disk::UNFINISHED;
    use crate::hostile;
    use crate::meeting::{Availability, ByteCount, DownloadUrl, Extension, FileKind, RecordingType};

    const EXTENSIONS: [Extension; 4] = [Extension::Mp4, Extension::Json, Extension::Txt, Extension::Bin];

    fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
        prop_oneof![Just(-62_167_219_200), Just(253_402_300_799), 0..4_102_444_800_i64]
            .prop_map(|at| DateTime::from_timestamp(at, 0).unwrap())
    }

    prop_compose! {
        fn any_file()(
            recording_type in prop_oneof![
                hostile::strings().prop_map(|text| text.chars().take(300).collect::<String>()),
                select(&["gallery_view", "meeting", "con", "MEETING", "../meeting", "meeting.json"][..]).prop_map(str::to_owned),
            ],
            id in hostile::strings().prop_filter_map("no id", |text| text.parse::<FileId>().ok()),
            extension in select(&EXTENSIONS[..]),
            kind in prop::option::of(select(&FileKind::ALL[..])),
            (recording_start, recording_end) in (prop::option::of(any_time()), prop::option::of(any_time())),
            size in prop::option::of(any::<u64>()),
        ) -> RecordingFile {
            RecordingFile {
                id,
                kind,
                recording_type: RecordingType::new(&recording_type),
                extension,
                recording_start,
                recording_end,
                size: size.map(ByteCount),
                availability: Availability::Ready(DownloadUrl::new("https://zoom.us/rec?token=SECRET".parse().unwrap())),
            }
        }
    }

    prop_compose! {
        fn any_meeting()(
            topic in hostile::strings().prop_map(|text| text.chars().take(500).collect()),
            label in prop::option::of(hostile::strings().prop_map(|text| text.chars().take(300).collect::<String>())),
            uuid in hostile::strings().prop_filter_map("no id", |text| text.parse::<MeetingUuid>().ok()),
            start_time in any_time(),
            (meeting_id, duration_min) in any::<(Option<u64>, u32)>(),
            files in prop::collection::vec(any_file(), 0..6),
        ) -> Meeting {
            Meeting {
                uuid,
                meeting_id,
                topic,
                start_time,
                timezone: label.clone(),
                duration_min,
                host_id: label.clone(),
                host_email: label.clone(),
                share_url: label,
                user: "me".parse().unwrap(),
                auto_delete_date: None,
                files: files.into_iter().map(|file| (file.id.clone(), file)).collect::<std::collections::BTreeMap<_, _>>().into_values().collect(),
            }
        }
    }

    /// That each file has a name of its own, which no other file of ours has, nor any file system refuses.
    fn check_names(manifest: &Manifest) {
        let names: HashSet<String> = manifest.files.iter().map(|entry| entry.name.as_str().to_lowercase()).collect();
        assert_eq!(names.len(), manifest.files.len(), "{manifest:?}");
        for name in manifest.files.iter().map(|entry| &entry.name) {
            let text = name.as_str();
            assert!(text.parse::<FileName>().is_ok(), "{text:?} can't be read back");
            assert!(
                text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte))
            );
            assert!(EXTENSIONS.iter().any(|extension| text.ends_with(&format!(".{}", extension.as_str()))), "{text}");
            assert!(!text.starts_with('.') && text != MANIFEST && !text.ends_with(UNFINISHED));
            assert!(name.suspect().unfinished().len() <= 255);
        }
    }

    #[test]
    fn a11_a_new_file_gets_no_name_that_differs_from_an_earlier_one_in_case_alone() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"uuid":"u==","meeting_id":null,"topic":"","start_time":"2025-12-02T17:29:28Z","timezone":null,
            "duration_min":0,"host_id":null,"user":"me","share_url":null,"files":[{"id":"f","recording_type":"",
            "name":"Gallery_View.mp4","size":1,"recording_start":null,"recording_end":null,"part":1,"best":false,
            "state":"whole"}]}"#;
        fs::write(folder.path().join(MANIFEST), text).unwrap();
        let earlier = Manifest::read(folder.path()).unwrap().unwrap();
        let file = RecordingFile {
            id: "g".parse().unwrap(),
            kind: None,
            recording_type: RecordingType::new("gallery_view"),
            extension: Extension::Mp4,
            recording_start: None,
            recording_end: None,
            size: None,
            availability: Availability::Processing,
        };
        let meeting = Meeting {
            uuid: earlier.uuid.clone(),
            meeting_id: None,
            topic: String::new(),
            start_time: earlier.start_time,
            timezone: None,
            duration_min: 0,
            host_id: None,
            host_email: None,
            share_url: None,
            user: "me".parse().unwrap(),
            auto_delete_date: None,
            files: vec![file],
        };
        let later = Manifest::describe(&meeting, &meeting.files, Some(&earlier));
        assert_eq!(later.files[1].name.as_str(), "gallery_view_2.mp4");
    }

    proptest! {
        #![proptest_config(hostile::slow_config())]

        #[test]
        fn s2_s3_a9_a11_whatever_is_listed_each_file_has_a_name_of_its_own_for_ever(
            meeting in any_meeting(),
            later in prop::collection::vec(any_file(), 0..4),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let manifest = Manifest::describe(&meeting, &meeting.files, None);
            check_names(&manifest);
            manifest.write(folder.path()).unwrap();
            let text = fs::read_to_string(folder.path().join(MANIFEST)).unwrap();
            prop_assert!(!text.contains("SECRET"), "{}", text);
            let read = Manifest::read(folder.path()).unwrap();
            prop_assert_eq!(read.as_ref(), Some(&manifest));

            let next = Manifest::describe(&meeting, meeting.files.iter().chain(&later), read.as_ref());
            for before in &manifest.files {
                prop_assert_eq!(next.file(&before.id).map(|after| &after.name), Some(&before.name));
            }
            check_names(&next);
        }

        #[test]
        fn a1_any_bytes_in_the_place_of_a_description_are_read_or_refused(
            bytes in hostile::bytes(),
            (key, value) in (select(&["uuid", "files", "name", "start_time", "size", "part", "state"][..]), hostile::well_formed_json()),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(MANIFEST);
            let described = r#"{"uuid":"u==","meeting_id":null,"topic":"x","start_time":"2025-12-02T17:29:28Z","timezone":null,
                "duration_min":1,"host_id":null,"user":"me","share_url":null,"files":[{"id":"f","recording_type":"x",
                "name":"x.mp4","size":1,"recording_start":null,"recording_end":null,"part":1,"best":true,
                "state":"whole"}]}"#;
            let (before, after) = described.split_once(&format!("\"{key}\":")).unwrap();
            let end = after.find([',', '}']).unwrap();
            let changed = format!("{before}\"{key}\":{value}{}", after.get(end..).unwrap());
            for content in [bytes, described.as_bytes().to_vec(), changed.into_bytes()] {
                fs::write(&path, &content).unwrap();
                if let Ok(read) = Manifest::read(folder.path()) {
                    let read = read.unwrap();
                    prop_assert!(read.files.iter().all(|entry| entry.name.as_str().parse::<FileName>().is_ok()));
                    prop_assert!(read.best_files().count() <= read.files.len());
                }
                prop_assert_eq!(&fs::read(&path).unwrap(), &content, "it is only read");
            }
        }
    }
}
