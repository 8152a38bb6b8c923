//! Why a try of an upload ended without a video on record.

use chrono::{DateTime, TimeDelta, Utc};

use crate::chain::chain;
use crate::disk::DiskError;
use crate::meeting::ByteCount;
use crate::pipeline::record::RecordError;
use crate::youtube::{FileFault, Setback};

/// What a person can do about a video that YouTube does not name.
const UNCLEAR: &str = "look for it at studio.youtube.com, and delete it there if it is there; then stop the service and run `zoom-archiver publish MEETING`";

/// Why a try of an upload ended without a video on record.
#[derive(Debug, thiserror::Error)]
pub(in crate::pipeline) enum Problem {
    #[error(transparent)]
    Setback(#[from] Setback),
    /// YouTube took it, and it can't be found.
    #[error(
        "YouTube took the video, but doesn't say under which id, and it is not found among the channel's latest videos"
    )]
    Unclear,
    #[error("the day's uploads are used up until {}", .0.format("%Y-%m-%d %H:%M UTC"))]
    DayIsFull(DateTime<Utc>),
    #[error("{label} has {there} on the disk, where {recorded} were archived")]
    NotAsRecorded { label: String, there: ByteCount, recorded: ByteCount },
    /// YouTube would take all of it, and then reject it.
    #[error("by Zoom's times, {label} lasts for {} h {} min, and YouTube takes 12 hours at most", length.num_hours(), length.num_minutes() % 60)]
    TooLong { label: String, length: TimeDelta },
    #[error("what has become of it can't be put on record")]
    Record(#[from] RecordError),
    #[error("what is to outlast a restart can't be written")]
    Disk(#[from] DiskError),
    #[error("a bug in the upload; the log has the panic")]
    Crashed,
}

impl Problem {
    /// In words, with what a person can do about it.
    pub(super) fn words(&self) -> String {
        let remedy = match self {
            Self::Setback(Setback::File(FileFault::Disk(_) | FileFault::NoFile(_))) | Self::NotAsRecorded { .. } => {
                Some("`zoom-archiver verify` tells what is wrong with it".to_owned())
            }
            Self::Setback(setback) => setback.remedy(),
            Self::Unclear => Some("it is looked for again, as new ones may be listed late".to_owned()),
            Self::TooLong { .. } => Some("cut the video with another program, and upload it by hand".to_owned()),
            Self::DayIsFull(_) | Self::Record(_) | Self::Disk(_) | Self::Crashed => None,
        };
        let words = chain(self);
        remedy.map_or(words.clone(), |remedy| format!("{words}; {remedy}"))
    }

    /// In words, where a person is left to see to it: also of one that `was_taken` before without being named.
    pub(super) fn words_at_last(&self, was_taken: bool) -> String {
        match self {
            Self::Unclear => format!("{}; {UNCLEAR}", chain(self)),
            _ if was_taken => format!("{}; before, YouTube took the video without naming it: {UNCLEAR}", self.words()),
            _ => self.words(),
        }
    }

    /// Whether it lies in this machine's own files: then another video may well be sent.
    pub(super) fn is_local(&self) -> bool {
        matches!(self, Self::NotAsRecorded { .. } | Self::Record(_) | Self::Disk(_) | Self::Setback(Setback::File(_)))
    }

    /// Whether it is of no use to try the same again.
    pub(super) fn is_final(&self) -> bool {
        matches!(
            self,
            Self::TooLong { .. }
                | Self::Setback(Setback::Refused(_) | Setback::File(FileFault::Empty(_) | FileFault::TooLarge { .. }))
        )
    }
}
