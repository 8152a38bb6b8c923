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
        let mut taken: HashSet<String> = manifest.files.iter().map(|entry| entry.name.clone().into()).collect();
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
    }

    /// The best file of each part that has one, in the order of the parts.
    pub fn best_files(&self) -> impl Iterator<Item = &FileEntry> {
        let mut best: Vec<&FileEntry> = self.files.iter().filter(|entry| entry.best).collect();
        best.sort_by_key(|entry| entry.part);
        best.into_iter()
    }
}
