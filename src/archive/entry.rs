//! What `meeting.json` says of one file.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::names::FileName;
use crate::meeting::{ByteCount, FileId, RecordingType};

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileState {
    /// Named, but not on the disk yet.
    Pending,
    /// On the disk under its name, whole and synced.
    Whole,
    /// Kept although its structure is broken: Zoom sent the same bytes every time.
    Suspect,
    /// About to be removed on purpose.
    Removing,
    /// Removed on purpose.
    Removed,
}

impl FileState {
    /// Whether the archive has done all it will do to fetch it.
    #[must_use]
    pub const fn is_fetched(self) -> bool {
        match self {
            Self::Pending => false,
            Self::Whole | Self::Suspect | Self::Removing | Self::Removed => true,
        }
    }

    /// Whether it should be on the disk.
    #[must_use]
    pub const fn is_on_disk(self) -> bool {
        matches!(self, Self::Whole | Self::Suspect)
    }
}

/// One file of a meeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Zoom's id, or `file_type@recording_start` where it has none.
    pub id: FileId,
    /// Zoom's `recording_type`.
    pub recording_type: RecordingType,
    /// Its name in the folder, given once.
    pub name: FileName,
    /// Its size in bytes: while pending what Zoom says, then what it is.
    pub size: ByteCount,
    /// When this stretch of recording began.
    pub recording_start: Option<DateTime<Utc>>,
    /// When it ended.
    pub recording_end: Option<DateTime<Utc>>,
    /// The part that it belongs to, from 1.
    pub part: u32,
    /// Whether it is the best file of its part.
    pub best: bool,
    /// How far it has come.
    pub state: FileState,
}
