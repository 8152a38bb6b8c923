//! A download as others see it: what is to be fetched, how far it has come, and what came of it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64};

use chrono::NaiveDate;

use crate::archive::names::FileName;
use crate::meeting::{ByteCount, DownloadUrl, Extension, FileId, MeetingUuid, UserId};

/// A file to fetch.
#[derive(Clone, Debug)]
pub struct FileJob {
    /// The meeting.
    pub meeting: MeetingUuid,
    /// The file.
    pub file: FileId,
    /// The user in whose listing it is.
    pub user: UserId,
    /// The day in whose listing it is.
    pub day: NaiveDate,
    /// Where it is.
    pub url: DownloadUrl,
    /// The meeting's folder on the disk, which is there.
    pub folder: PathBuf,
    /// Its name in the folder.
    pub name: FileName,
    /// What it should be.
    pub extension: Extension,
    /// Its size, as Zoom lists it.
    pub listed_size: Option<ByteCount>,
    /// Bytes of it that an earlier try has left.
    pub on_disk: u64,
    /// How it is called in the log: folder and name.
    pub label: String,
}

impl FileJob {
    /// Looks what an earlier try has left; waits for the disk.
    pub(in crate::pipeline) fn look_for_part(&mut self) {
        let names = [self.name.as_str().to_owned(), self.name.unfinished()];
        let lens =
            names.iter().filter_map(|name| self.folder.join(name).symlink_metadata().ok()).map(|meta| meta.len());
        self.on_disk = lens.max().unwrap_or(0);
    }

    /// Says that it is fetched from now on.
    pub(super) fn say_start(&self) {
        let size = self.listed_size.unwrap_or_default();
        if self.on_disk > 0 {
            tracing::info!(file = %self.label, %size, there = %ByteCount(self.on_disk), "resuming the download");
        } else {
            tracing::info!(file = %self.label, %size, "downloading");
        }
    }
}

/// How far a download has come; read by whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes on the disk.
    pub received: AtomicU64,
    /// Bytes that the whole file has, as far as known; 0 where not.
    pub total: AtomicU64,
    /// Which try in a row without progress this is, from 1.
    pub attempt: AtomicU64,
    /// Whether it waits for its next try.
    pub is_paused: AtomicBool,
}

/// A file that is on the disk under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its length.
    pub size: ByteCount,
    /// The name it got: another than asked for where it is suspect.
    pub name: FileName,
    /// Whether its structure is broken, the same way every time.
    pub is_suspect: bool,
    /// Whether it lay there under its name, whole, and nothing of it was asked for.
    pub was_there: bool,
    /// How many of its bytes came over the network in this run.
    pub transferred: ByteCount,
}
