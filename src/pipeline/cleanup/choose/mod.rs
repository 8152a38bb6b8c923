//! Pure: which of a meeting's files go from this machine, and what keeps them here. Where anything is in doubt, they stay.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use crate::archive::entry::{FileEntry, FileState};
use crate::archive::manifest::{Manifest, Published};
use crate::archive::names::MeetingFolder;
use crate::archive::tracker::{Account, Status};
use crate::config::{PartsPolicy, Settings};
use crate::meeting::ByteCount;
use crate::pipeline::publish::{ended, is_too_old, settles_at};
use crate::state::Uploads;

/// A meeting that ended so long ago gets nothing more, where its row doesn't say since when it is as it is.
const SETTLED_AFTER: TimeDelta = TimeDelta::days(1);

/// What is known of a meeting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    /// Its description.
    pub manifest: &'a Manifest,
    /// The folder that the description lies in.
    pub folder: &'a MeetingFolder,
    /// What the tracker says of it.
    pub account: Option<&'a Account>,
    /// When the last of its files was recorded, where the tracker says so.
    pub archived_at: Option<DateTime<Utc>>,
    /// Whether it is not done: Zoom is at work on it, or files of it are to be fetched.
    pub is_pending: bool,
    /// Whether a file of it is on its way, from Zoom or to YouTube.
    pub is_under_way: bool,
    /// What is remembered of uploads.
    pub uploads: &'a Uploads,
}

/// What comes of a meeting's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// There are none of it on record, and on the disk.
    Nothing,
    /// They stay.
    Stay(Stay),
    /// Some go.
    Go(Going),
}

/// Files that go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Going {
    /// Which.
    pub files: Vec<FileEntry>,
    /// Why.
    pub why: Why,
    /// The videos that must be on YouTube for that.
    pub videos: Vec<Sent>,
}

/// A video, and how large the file is that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// YouTube's id.
    pub video: String,
    /// The size.
    pub size: ByteCount,
}

/// Why files go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// YouTube has them all.
    Uploaded,
    /// They were archived so many days ago.
    Old(u32),
    /// Their removal was begun.
    Begun,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uploaded => f.write_str("all of the meeting is on YouTube, and processed there"),
            Self::Old(days) => write!(f, "archived over {days} day{} ago", if *days == 1 { "" } else { "s" }),
            Self::Begun => f.write_str("their removal had been begun"),
        }
    }
}

/// What keeps files here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    /// Neither setting asks for them to go.
    Unasked,
    /// No row says that they are archived.
    NotRecorded,
    /// The row names another folder.
    Elsewhere,
    /// More of the meeting is to be fetched.
    NotDone,
    /// A file is on its way.
    UnderWay,
    /// The row's date can't be read.
    Undated,
    /// They are not old enough until then.
    Young(DateTime<Utc>),
    /// The meeting may still change until then.
    Settling(DateTime<Utc>),
    /// Not all of it is on YouTube.
    NotUploaded,
    /// A part without a video that could be.
    NoVideo(u32),
    /// A part of which another file than the best was sent.
    OtherView(u32),
    /// A part that waits for a person.
    Parked,
    /// YouTube is not done with this video.
    Processing(String),
    /// YouTube has made nothing of this video, or it is gone.
    Lost(String),
}

impl Stay {
    /// Whether a person may want to know: the others pass by themselves, or are as they were set.
    pub(super) fn is_worth_a_word(&self) -> bool {
        !matches!(self, Self::Unasked | Self::NotRecorded | Self::Young(_))
    }
}

impl fmt::Display for Stay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |at: &DateTime<Utc>| at.format("%Y-%m-%d %H:%M UTC").to_string();
        match self {
            Self::Unasked => f.write_str("nothing asks for them to go"),
            Self::NotRecorded => f.write_str("no row of the tracker says that they are archived"),
            Self::Elsewhere => f.write_str("the meeting's row names another folder"),
            Self::NotDone => f.write_str("more of the meeting is to be fetched"),
            Self::UnderWay => f.write_str("a file of the meeting is on its way"),
            Self::Undated => f.write_str("the date of the meeting's row cannot be read"),
            Self::Young(until) => write!(f, "until {}", at(until)),
            Self::Settling(until) => write!(f, "the meeting may still change until {}", at(until)),
            Self::NotUploaded => f.write_str("not all of the meeting is on YouTube"),
            Self::NoVideo(part) => write!(f, "part {part} has no video that could be on YouTube"),
            Self::OtherView(part) => write!(f, "of part {part}, another view than the best one is on YouTube"),
            Self::Parked => f.write_str("a video of it is not sent to YouTube until you ask for it"),
            Self::Processing(video) => write!(f, "YouTube is not done with the video {video}"),
            Self::Lost(video) => write!(f, "nobody can watch the video {video} on YouTube"),
        }
    }
}

/// Decides about a meeting.
pub(super) fn choose(known: Known<'_>, settings: &Settings, now: DateTime<Utc>) -> Choice {
    let Some(account) = known.account else { return Choice::Nothing };
    let files = on_record(known.manifest, account);
    if files.is_empty() {
        return Choice::Nothing;
    }
    if !matches!(account.status, Some(Status::Downloaded | Status::Uploaded | Status::Cleaned)) {
        return Choice::Stay(Stay::NotRecorded);
    }
    if account.directory != known.folder.as_str() {
        return Choice::Stay(Stay::Elsewhere);
    }
    // One that is on record and not there was found wrong, and is to be fetched again.
    let is_lacking = |entry: &FileEntry| entry.state == FileState::Pending && account.file_ids.contains(&entry.id);
    if known.is_pending || known.manifest.files.iter().any(is_lacking) {
        return Choice::Stay(Stay::NotDone);
    }
    if known.is_under_way {
        return Choice::Stay(Stay::UnderWay);
    }
    if !settings.cleanup.is_on() {
        return Choice::Stay(Stay::Unasked);
    }
    let case = Case { known, account, files, settings, now };
    let kept = match (case.by_upload(), case.by_age()) {
        (_, Ok(going)) | (Ok(going), Err(_)) => return Choice::Go(going),
        (Err(Stay::Unasked), Err(stay)) | (Err(stay), Err(_)) => stay,
    };
    case.begun().map_or(Choice::Stay(kept), Choice::Go)
}

/// The recordings that a row names and that should be there, or be on their way out. Texts are small, and stay.
fn on_record<'a>(manifest: &'a Manifest, account: &Account) -> Vec<&'a FileEntry> {
    let is_there = |entry: &FileEntry| entry.state.is_on_disk() || entry.state == FileState::Removing;
    let is_on_record =
        |entry: &&FileEntry| entry.name.is_media() && is_there(entry) && account.file_ids.contains(&entry.id);
    manifest.files.iter().filter(is_on_record).collect()
}

/// Whether a meeting lacks the row which says that its files were removed. A suspect file may have been left.
pub(super) fn lacks_row(manifest: &Manifest, account: &Account) -> bool {
    let mut recordings =
        manifest.files.iter().filter(|entry| entry.name.is_media() && account.file_ids.contains(&entry.id));
    matches!(account.status, Some(Status::Downloaded | Status::Uploaded))
        && recordings.clone().any(|entry| entry.state == FileState::Removed)
        && recordings.all(|entry| matches!(entry.state, FileState::Removed | FileState::Suspect))
}

/// A meeting of which nothing speaks against it in general.
struct Case<'a> {
    known: Known<'a>,
    account: &'a Account,
    files: Vec<&'a FileEntry>,
    settings: &'a Settings,
    now: DateTime<Utc>,
}

impl Case<'_> {
    /// `cleanup.delete_after_upload`: the best file of each part is on YouTube. A suspect file is there in no form, and stays.
    fn by_upload(&self) -> Result<Going, Stay> {
        let (manifest, youtube) = (self.known.manifest, &self.settings.youtube);
        if !self.settings.cleanup.delete_after_upload || !youtube.enabled || youtube.parts != PartsPolicy::All {
            return Err(Stay::Unasked);
        }
        self.is_uploaded()?;
        let recordings = manifest.files.iter().filter(|entry| entry.name.is_media() && entry.state.is_fetched());
        let parts: BTreeSet<u32> = recordings.chain(manifest.best_files()).map(|entry| entry.part).collect();
        let mut videos = Vec::new();
        for part in parts {
            let mut best = manifest.best_files().filter(|entry| entry.part == part);
            let best = best.next().ok_or(Stay::NoVideo(part))?;
            let video = manifest.youtube.iter().find(|video| video.file_id == best.id);
            let other = || if of_part(manifest, part).is_some() { Stay::OtherView(part) } else { Stay::NotUploaded };
            videos.push(self.processed(video.ok_or_else(other)?)?);
        }
        let ended = ended(manifest).checked_add_signed(SETTLED_AFTER);
        match settles_at(manifest, self.account, youtube, self.now).or(ended) {
            Some(at) if at <= self.now => {}
            at => return Err(Stay::Settling(at.unwrap_or(DateTime::<Utc>::MAX_UTC))),
        }
        let sound = self.files.iter().filter(|entry| entry.state != FileState::Suspect);
        let files: Vec<FileEntry> = sound.map(|entry| (*entry).clone()).collect();
        if files.is_empty() { Err(Stay::Unasked) } else { Ok(Going { files, why: Why::Uploaded, videos }) }
    }

    /// `cleanup.keep_days`: they are old enough, and where videos are published, that is done.
    fn by_age(&self) -> Result<Going, Stay> {
        let (manifest, days) = (self.known.manifest, self.settings.cleanup.keep_days);
        if days == 0 {
            return Err(Stay::Unasked);
        }
        if self.is_parked() {
            return Err(Stay::Parked);
        }
        let archived_at = self.known.archived_at.ok_or(Stay::Undated)?;
        // By a clock that was behind, it was recorded before it took place.
        let since = archived_at.max(ended(manifest));
        let until = since.checked_add_signed(TimeDelta::days(days.into())).unwrap_or(DateTime::<Utc>::MAX_UTC);
        if self.now < until {
            return Err(Stay::Young(until));
        }
        let videos = if self.is_published() { self.videos_of_age()? } else { Vec::new() };
        let files = self.files.iter().map(|entry| (*entry).clone()).collect();
        Ok(Going { files, why: Why::Old(days), videos })
    }

    /// A removal that was begun is brought to its end, as long as what was sent is on YouTube.
    fn begun(&self) -> Option<Going> {
        let begun = self.files.iter().filter(|entry| entry.state == FileState::Removing);
        let files: Vec<FileEntry> = begun.map(|entry| (*entry).clone()).collect();
        let sent = self.known.manifest.youtube.iter().filter(|_| self.is_published());
        let videos = sent.map(|video| self.sent(video)).collect();
        (!files.is_empty()).then_some(Going { files, why: Why::Begun, videos })
    }

    /// Whether the meeting is one of those that go to YouTube.
    fn is_published(&self) -> bool {
        let Settings { youtube, archive, .. } = self.settings;
        youtube.enabled && !is_too_old(self.known.manifest, youtube, archive.timezone)
    }

    fn is_parked(&self) -> bool {
        self.known.uploads.parked.values().any(|parked| parked.uuid == self.known.manifest.uuid)
    }

    /// Looks whether the tracker says that the meeting is on YouTube.
    fn is_uploaded(&self) -> Result<(), Stay> {
        match self.account.status {
            _ if self.is_parked() => Err(Stay::Parked),
            Some(Status::Uploaded | Status::Cleaned) => Ok(()),
            _ => Err(Stay::NotUploaded),
        }
    }

    /// The videos of a meeting that is on YouTube as far as that is wished.
    fn videos_of_age(&self) -> Result<Vec<Sent>, Stay> {
        let manifest = self.known.manifest;
        self.is_uploaded()?;
        let of_parts = manifest.best_files().map(|best| of_part(manifest, best.part));
        let sent: Vec<&Published> = match self.settings.youtube.parts {
            PartsPolicy::All => of_parts.collect::<Option<_>>().ok_or(Stay::NotUploaded)?,
            PartsPolicy::Longest => of_parts.flatten().collect(),
        };
        if sent.is_empty() {
            return Err(Stay::NotUploaded);
        }
        sent.into_iter().map(|video| self.processed(video)).collect()
    }

    fn processed(&self, video: &Published) -> Result<Sent, Stay> {
        let id = || video.video_id.clone();
        if self.known.uploads.lost.contains_key(&video.video_id) {
            return Err(Stay::Lost(id()));
        }
        if video.processed { Ok(self.sent(video)) } else { Err(Stay::Processing(id())) }
    }

    fn sent(&self, video: &Published) -> Sent {
        let file = self.known.manifest.file(&video.file_id);
        Sent { video: video.video_id.clone(), size: file.map_or(ByteCount(0), |file| file.size) }
    }
}

/// The video that was made of a part.
fn of_part(manifest: &Manifest, part: u32) -> Option<&Published> {
    manifest.youtube.iter().find(|video| manifest.file(&video.file_id).is_some_and(|file| file.part == part))
}

#[cfg(test)]
mod tests;
