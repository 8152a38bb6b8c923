//! Pure: what of a meeting is to be on YouTube, and what keeps it from being sent now.

mod videos;

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

pub(in crate::pipeline) use self::videos::videos_of;
pub(super) use self::videos::{only_tracked, passed_over, video_of};
use super::agenda::Begun;
use crate::archive::entry::{FileEntry, FileState};
use crate::archive::manifest::Manifest;
use crate::archive::tracker::{Account, Status};
use crate::clock;
use crate::config::{ArchiveZone, PartsPolicy, YoutubeSettings};
use crate::meeting::FileId;
use crate::state::{Failed, Parked, Uploads};

/// A meeting that ended so long ago gets nothing more that would be worth waiting for.
const SETTLED_AFTER: TimeDelta = TimeDelta::days(1);
/// No pause that is noted for an upload is longer: YouTube's longest limit lasts for a day.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(25);

/// What keeps a meeting from being sent now that could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Everything has its time.
    Usual,
    /// What failed before is tried without waiting for its time.
    Eager,
    /// A person asks for this very meeting: it is sent if that is possible at all.
    Asked,
}

/// What is known of a meeting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    /// Its description.
    pub manifest: &'a Manifest,
    /// What the tracker says of it.
    pub account: Option<&'a Account>,
    /// Whether it is not done: Zoom is at work on it, or files of it are to be fetched.
    pub is_pending: bool,
    /// What is remembered of uploads.
    pub uploads: &'a Uploads,
    /// The uploads that were begun, of all meetings.
    pub begun: &'a [Begun],
}

/// What comes of a meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice<'a> {
    /// There is nothing to send in it.
    Nothing,
    /// All of it that is wanted is on YouTube.
    Done,
    /// It is not in the tracker yet.
    NotRecorded,
    /// More of it is to be fetched first.
    Incomplete,
    /// It began before `youtube.since`.
    TooOld,
    /// Its files may still change until then.
    Settling(DateTime<Utc>),
    /// How each of its parts that are wanted stands, in their order.
    Parts(Vec<Part<'a>>),
}

/// A part that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// Its best file.
    pub best: &'a FileEntry,
    /// How it stands.
    pub stand: Stand<'a>,
}

impl Part<'_> {
    pub(super) fn is_sent(&self) -> bool {
        matches!(self.stand, Stand::Sent(_))
    }
}

/// How a part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand<'a> {
    /// It is on YouTube, as this video.
    Sent(&'a str),
    /// It can be sent.
    Due,
    /// It is tried again at its time.
    Later(&'a Failed),
    /// It is not tried again by itself.
    Parked(&'a Parked),
    /// Its best file is not whole on the disk: it was removed, say.
    Absent,
}

#[cfg(test)]
thread_local! {
    /// How many choices were made.
    pub(super) static CHOICES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Decides about a meeting.
pub(super) fn choose<'a>(
    known: Known<'a>,
    settings: &YoutubeSettings,
    zone: ArchiveZone,
    now: DateTime<Utc>,
    patience: Patience,
) -> Choice<'a> {
    #[cfg(test)]
    CHOICES.with(|made| made.set(made.get() + 1));
    let manifest = known.manifest;
    let parts = wanted(known, settings.parts, now, patience);
    if parts.is_empty() {
        return Choice::Nothing;
    }
    if parts.iter().all(Part::is_sent) {
        return Choice::Done;
    }
    let Some(account) = known.account.filter(|account| account.status != Some(Status::Empty)) else {
        return Choice::NotRecorded;
    };
    if patience == Patience::Asked {
        return Choice::Parts(parts);
    }
    if known.is_pending {
        return Choice::Incomplete;
    }
    if is_too_old(manifest, settings, zone) {
        return Choice::TooOld;
    }
    match settles_at(manifest, account, settings, now) {
        Some(at) if at > now => Choice::Settling(at),
        _ => Choice::Parts(parts),
    }
}

/// Whether a meeting began before the first day whose meetings are sent.
pub(in crate::pipeline) fn is_too_old(manifest: &Manifest, settings: &YoutubeSettings, zone: ArchiveZone) -> bool {
    let day = manifest.start_time.with_timezone(&zone.of_meeting(manifest.timezone.as_deref())).date_naive();
    settings.since.is_some_and(|since| day < since)
}

/// When a meeting's files will not have changed for long enough, or it ended long enough ago.
pub(in crate::pipeline) fn settles_at(
    manifest: &Manifest,
    account: &Account,
    settings: &YoutubeSettings,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let ended = ended(manifest).checked_add_signed(SETTLED_AFTER);
    let settle = TimeDelta::from_std(settings.settle).ok()?;
    // Rows that come quickly one after the other are dated a little ahead.
    let unchanged = account.recorded_at.and_then(|at| at.min(now).checked_add_signed(settle));
    // A row whose date can't be read, as some spreadsheets leave it, is as good as an old one.
    unchanged.map(|at| ended.map_or(at, |ended| at.min(ended)))
}

/// When a meeting ended, by what is known of it.
pub(in crate::pipeline) fn ended(manifest: &Manifest) -> DateTime<Utc> {
    let duration = TimeDelta::minutes(i64::from(manifest.duration_min));
    let by_duration = manifest.start_time.checked_add_signed(duration).unwrap_or(manifest.start_time);
    let ends = manifest.files.iter().filter_map(|file| file.recording_end.or(file.recording_start));
    ends.max().map_or(by_duration, |last| last.max(manifest.start_time))
}

/// The parts of a meeting that are wanted, whatever keeps the meeting from being sent.
pub(super) fn wanted(known: Known<'_>, policy: PartsPolicy, now: DateTime<Utc>, patience: Patience) -> Vec<Part<'_>> {
    let best = known.manifest.best_files().enumerate();
    let all = best.map(|(place, best)| Part { best, stand: stand(known, place, best, now, patience) });
    let mut parts: Vec<_> = all.collect();
    if policy == PartsPolicy::Longest {
        if parts.iter().any(Part::is_sent) {
            parts.retain(Part::is_sent);
        } else {
            // Of two that are equally long, the earlier one.
            let longest = parts.iter().rev().filter(|part| part.stand != Stand::Absent).max_by_key(|part| length(part));
            parts = longest.cloned().into_iter().collect();
        }
    }
    parts
}

fn length(part: &Part<'_>) -> (TimeDelta, u64) {
    let FileEntry { recording_start, recording_end, size, .. } = part.best;
    let span = recording_start.zip(*recording_end).map(|(start, end)| end - start);
    (span.unwrap_or_default(), size.0)
}

fn stand<'a>(known: Known<'a>, place: usize, best: &'a FileEntry, now: DateTime<Utc>, patience: Patience) -> Stand<'a> {
    if let Some(video) = video_of(known.manifest, known.account, place, best) {
        return Stand::Sent(video);
    }
    if best.state != FileState::Whole {
        return Stand::Absent;
    }
    if patience == Patience::Asked {
        return Stand::Due;
    }
    let keeping = || [&best.id].into_iter().chain(in_place_of(known, best));
    if let Some(parked) = keeping().find_map(|id| known.uploads.parked(id)) {
        return Stand::Parked(parked);
    }
    let waits =
        |failed: &&Failed| patience == Patience::Usual && clock::is_yet_to_come(failed.next_try, now, LONGEST_PAUSE);
    let failed = keeping().find_map(|id| known.uploads.failed(id).filter(waits));
    failed.map_or(Stand::Due, Stand::Later)
}

/// Files whose uploads were begun in a part's place, before a better view of it came, or a part before it: it waits for them,
/// which may be on YouTube. So may one that YouTube took without saying under which id, though nothing is kept of its upload.
fn in_place_of<'a>(known: Known<'a>, best: &'a FileEntry) -> impl Iterator<Item = &'a FileId> {
    let is_of_part = |id: &FileId| known.manifest.file(id).is_some_and(|file| file.part == best.part);
    let begun = known.begun.iter().filter(|it| it.uuid == known.manifest.uuid);
    let begun = begun.filter(move |it| it.part == best.part || is_of_part(&it.file_id)).map(|it| &it.file_id);
    let of_part = known.manifest.files.iter().filter(|file| file.part == best.part).map(|file| &file.id);
    let unclear = of_part.filter(move |id| known.uploads.is_unclear(id));
    begun.chain(unclear).filter(|id| **id != best.id)
}

/// Whether nothing more of a file's part is to be sent, though it was begun: it is there as another video, or another part
/// is the one that is wanted.
pub(super) fn is_superseded(
    known: Known<'_>,
    policy: PartsPolicy,
    now: DateTime<Utc>,
    patience: Patience,
    file: &FileEntry,
) -> bool {
    let parts = wanted(known, policy, now, patience);
    match parts.iter().find(|part| part.best.part == file.part) {
        Some(part) => part.is_sent(),
        None => policy == PartsPolicy::Longest && !parts.is_empty(),
    }
}

/// What comes of a meeting, for a person who looks at it; nothing where that goes without saying.
impl fmt::Display for Choice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing | Self::NotRecorded | Self::Incomplete => Ok(()),
            Self::Done => f.write_str("on YouTube"),
            Self::TooOld => f.write_str("not for YouTube: it began before youtube.since"),
            Self::Settling(at) => {
                write!(f, "for YouTube from {} on, unless it changes", at.format("%Y-%m-%d %H:%M UTC"))
            }
            Self::Parts(parts) => {
                for (n, part) in parts.iter().enumerate() {
                    let separator = if n == 0 { "" } else { "; " };
                    let words = part.stand.to_string();
                    match parts.len() {
                        1 => write!(f, "{words}")?,
                        _ => write!(f, "{separator}part {}: {words}", part.best.part)?,
                    }
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Stand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent(_) => f.write_str("on YouTube"),
            Self::Due => f.write_str("for YouTube next"),
            Self::Later(failed) => {
                write!(f, "for YouTube again at {}: {}", failed.next_try.format("%Y-%m-%d %H:%M UTC"), failed.problem)
            }
            Self::Parked(parked) => {
                write!(f, "not sent to YouTube until you ask for it, by `publish`: {}", parked.reason)
            }
            Self::Absent => f.write_str("not for YouTube: its file is not on the disk"),
        }
    }
}

#[cfg(test)]
mod tests;
