//! What is remembered of the uploads to YouTube. What is on YouTube is not in here: that is in `meeting.json`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::as_list::{self, Listed};
use crate::meeting::{FileId, MeetingUuid};

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Uploads {
    /// When the day began, by YouTube's count, whose uploads are counted.
    pub day: Option<DateTime<Utc>>,
    /// How many were begun on it.
    pub count: u32,
    /// The limit of YouTube's that was met.
    pub wait: Option<Wait>,
    /// Parts that are not sent again until somebody asks for it.
    #[serde(with = "as_list")]
    pub parked: BTreeMap<FileId, Parked>,
    /// Parts that could not be sent when that was last tried.
    #[serde(with = "as_list")]
    pub failed: BTreeMap<FileId, Failed>,
    /// Videos that YouTube was sent and made nothing of, with its reason: nobody asks about them any more.
    pub lost: BTreeMap<String, String>,
    /// Better files of parts that were sent before: that was said.
    pub passed_over: BTreeSet<FileId>,
}

/// A limit of YouTube's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// When it ends.
    pub until: DateTime<Utc>,
    /// What YouTube said.
    pub why: String,
}

/// A part that is not sent again until somebody asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The meeting.
    pub uuid: MeetingUuid,
    /// The part of its recording, as it was numbered then.
    pub part: u32,
    /// The file.
    pub file_id: FileId,
    /// Why, and what to do about it.
    pub reason: String,
    /// Whether YouTube took the video and didn't say under which id: it is looked for before it is sent anew.
    #[serde(default)]
    pub is_unclear: bool,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// A part that could not be sent when that was last tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The meeting.
    pub uuid: MeetingUuid,
    /// The file.
    pub file_id: FileId,
    /// How many tries in a row failed without progress.
    pub tries: u32,
    /// How many bytes YouTube had by then, as far as that is known.
    pub stored: u64,
    /// Whether YouTube took the video and didn't say under which id: it is not to be sent anew.
    #[serde(default)]
    pub is_unclear: bool,
    /// Since when that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unclear_since: Option<DateTime<Utc>>,
    /// When it is tried again.
    pub next_try: DateTime<Utc>,
    /// The last problem, in words.
    pub problem: String,
}

impl Listed for Parked {
    type Key = FileId;

    fn key(&self) -> &FileId {
        &self.file_id
    }
}

impl Listed for Failed {
    type Key = FileId;

    fn key(&self) -> &FileId {
        &self.file_id
    }
}

impl Uploads {
    /// The entry of a file that is parked.
    #[must_use]
    pub fn parked(&self, id: &FileId) -> Option<&Parked> {
        self.parked.get(id)
    }

    /// The entry of a file that could not be sent.
    #[must_use]
    pub fn failed(&self, id: &FileId) -> Option<&Failed> {
        self.failed.get(id)
    }

    /// Whether YouTube took the video of a file and didn't say under which id.
    #[must_use]
    pub fn is_unclear(&self, id: &FileId) -> bool {
        self.parked(id).is_some_and(|parked| parked.is_unclear)
            || self.failed(id).is_some_and(|failed| failed.is_unclear)
    }

    /// Forgets what kept a file from being sent, for a person asks for it; not that it may be at `YouTube` as a video that
    /// nobody knows.
    pub fn forgive(&mut self, id: &FileId) {
        self.parked.retain(|known, parked| known != id || parked.is_unclear);
        self.failed.retain(|known, failed| known != id || failed.is_unclear);
    }

    /// Forgets what kept a file from being sent.
    pub fn forget(&mut self, id: &FileId) {
        self.parked.remove(id);
        self.failed.remove(id);
    }
}
