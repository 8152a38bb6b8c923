//! Pure: what to do about each meeting that Zoom lists, given what is known of it.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::archive::manifest::Manifest;
use crate::config::SelectSettings;
use crate::meeting::{Availability, FileId, Meeting, MeetingUuid, RecordingFile};
use crate::state::Pending;

/// A meeting without any selected file is recorded as empty once it began this long ago.
const EMPTY_AFTER: TimeDelta = TimeDelta::hours(48);
/// A meeting is recorded with what is there once its recording ended this long ago ...
const OVERDUE_AFTER: TimeDelta = TimeDelta::hours(72);
/// ... and it has been known for this long.
const KNOWN_FOR: TimeDelta = TimeDelta::hours(24);
/// The wait after a meeting's first failed try; it doubles with each further one.
const FIRST_RETRY: TimeDelta = TimeDelta::minutes(10);
/// The longest wait between tries.
const LONGEST_RETRY: TimeDelta = TimeDelta::hours(6);

/// What is known of a meeting besides its listing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing<'a> {
    /// The files that tracker rows name; none without a row.
    pub recorded: Option<&'a HashSet<FileId>>,
    /// Its `meeting.json`.
    pub manifest: Option<&'a Manifest>,
    /// Files that its `meeting.json` calls whole, but which are not on the disk.
    pub missing: Option<&'a HashSet<FileId>>,
    /// What is remembered of earlier polls.
    pub pending: Option<&'a Pending>,
}

/// What to do about a meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// `[select]` doesn't want it.
    LeftOut(LeftOut),
    /// All its selected files are recorded.
    Archived,
    /// It has no file of a selected kind yet; there may still come one.
    NothingYet,
    /// It has none, and none will come: record it as empty.
    Empty,
    /// Zoom is at work on its remaining files.
    Processing {
        /// How many those are.
        files: usize,
    },
    /// It failed before, and its next try is not due.
    Parked {
        /// When it is.
        until: DateTime<Utc>,
    },
    /// Fetch these files (possibly none), and then do as `then` says.
    Fetch {
        /// Ids of the files.
        files: Vec<FileId>,
        /// What comes after.
        then: Then,
    },
}

/// What comes after a meeting's files are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is complete: record it.
    Record,
    /// Zoom never finished some of its files: record it with what is there.
    RecordIncomplete,
    /// Zoom is at work on further files: don't record it yet.
    Wait,
}

/// Why `[select]` leaves a meeting out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// Shorter than `select.min_minutes`.
    TooShort {
        /// How long it was.
        minutes: i64,
        /// How long it must be.
        least: u32,
    },
    /// No expression of `select.topics` fits its topic.
    TopicNotSelected,
    /// This expression of `select.exclude_topics` fits it.
    TopicExcluded(String),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { minutes, least } => {
                write!(f, "{minutes} min is shorter than select.min_minutes = {least}")
            }
            Self::TopicNotSelected => f.write_str("no expression of select.topics fits its topic"),
            Self::TopicExcluded(pattern) => write!(f, "`{pattern}` of select.exclude_topics fits its topic"),
        }
    }
}

impl Decision {
    /// One word for it, as `list` shows it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::LeftOut(_) => "left out",
            Self::Archived => "archived",
            Self::NothingYet | Self::Processing { .. } | Self::Parked { .. } => "waiting",
            Self::Empty => "empty",
            Self::Fetch { files, .. } if files.is_empty() => "record",
            Self::Fetch { .. } => "fetch",
        }
    }

    /// The reason for it, in words.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::LeftOut(why) => why.to_string(),
            Self::Archived => "all its selected files are recorded".to_owned(),
            Self::NothingYet => "no file of a selected kind yet".to_owned(),
            Self::Empty => "no file of a selected kind, two days after it began".to_owned(),
            Self::Processing { files: 1 } => "Zoom is still processing 1 file".to_owned(),
            Self::Processing { files } => format!("Zoom is still processing {files} files"),
            Self::Parked { until } => format!("it failed before; next try at {}", until.format("%Y-%m-%d %H:%M UTC")),
            Self::Fetch { files, then } => {
                let count = match files.len() {
                    0 => "all files are there, but not recorded yet".to_owned(),
                    1 => "1 new file".to_owned(),
                    n => format!("{n} new files"),
                };
                match then {
                    Then::Record => count,
                    Then::RecordIncomplete => format!("{count}; Zoom never finished the rest"),
                    Then::Wait => format!("{count}; Zoom is still processing others"),
                }
            }
        }
    }
}

/// The files of a meeting that the settings ask for; also those of which Zoom has not said what they will be.
pub fn selected<'a>(meeting: &'a Meeting, select: &'a SelectSettings) -> impl Iterator<Item = &'a RecordingFile> {
    meeting.files.iter().filter(|file| file.kind.is_none_or(|kind| select.files.contains(&kind)))
}

/// Decides about one meeting. `eager` tries what failed before without waiting for its time.
#[must_use]
pub fn decide(
    meeting: &Meeting,
    standing: &Standing<'_>,
    select: &SelectSettings,
    now: DateTime<Utc>,
    eager: bool,
) -> Decision {
    if let Some(why) = left_out(meeting, select) {
        return if standing.recorded.is_some() { Decision::Archived } else { Decision::LeftOut(why) };
    }
    let is_recorded = |id: &FileId| standing.recorded.is_some_and(|ids| ids.contains(id));
    let mut fetch = Vec::new();
    let (mut count, mut processing, mut unrecorded) = (0, 0, 0);
    for file in selected(meeting, select) {
        count += 1;
        if is_recorded(&file.id) {
            continue;
        }
        if is_fetched(standing, &file.id) {
            unrecorded += 1;
        } else if matches!(file.availability, Availability::Ready(_)) {
            fetch.push(file.id.clone());
        } else {
            processing += 1;
        }
    }
    if count == 0 {
        return match standing.recorded {
            Some(_) => Decision::Archived,
            None if now - meeting.start_time > EMPTY_AFTER => Decision::Empty,
            None => Decision::NothingYet,
        };
    }
    let then = match processing {
        0 => Then::Record,
        _ if is_overdue(meeting, standing, now) => Then::RecordIncomplete,
        _ => Then::Wait,
    };
    match (fetch.is_empty(), then) {
        (true, Then::Wait) => return Decision::Processing { files: processing },
        (true, _) if unrecorded == 0 && standing.recorded.is_some() => return Decision::Archived,
        (true, Then::RecordIncomplete) if unrecorded == 0 => return Decision::Empty,
        _ => {}
    }
    match standing.pending.and_then(|pending| pending.next_try) {
        // One that is further off was noted with a clock that was ahead.
        Some(until) if until > now && until - now <= LONGEST_RETRY && !eager => Decision::Parked { until },
        _ => Decision::Fetch { files: fetch, then },
    }
}

fn is_fetched(standing: &Standing<'_>, id: &FileId) -> bool {
    let entry = standing.manifest.and_then(|manifest| manifest.file(id));
    entry.is_some_and(|entry| entry.state.is_fetched()) && !standing.missing.is_some_and(|ids| ids.contains(id))
}

fn is_overdue(meeting: &Meeting, standing: &Standing<'_>, now: DateTime<Utc>) -> bool {
    let is_known_for_long = standing.pending.is_some_and(|pending| now - pending.first_seen >= KNOWN_FOR);
    now - meeting.ended() >= OVERDUE_AFTER && (standing.recorded.is_some() || is_known_for_long)
}

fn left_out(meeting: &Meeting, select: &SelectSettings) -> Option<LeftOut> {
    if let Some(minutes) = length_min(meeting)
        && minutes < i64::from(select.min_minutes)
    {
        return Some(LeftOut::TooShort { minutes, least: select.min_minutes });
    }
    if !select.topics.is_empty() && !select.topics.iter().any(|topic| topic.is_match(&meeting.topic)) {
        return Some(LeftOut::TopicNotSelected);
    }
    let excluded = select.exclude_topics.iter().find(|topic| topic.is_match(&meeting.topic))?;
    Some(LeftOut::TopicExcluded(excluded.to_string()))
}

/// Zoom's duration; where that is 0, the span of the recordings, if it is known.
fn length_min(meeting: &Meeting) -> Option<i64> {
    if meeting.duration_min > 0 {
        return Some(meeting.duration_min.into());
    }
    let first = meeting.files.iter().filter_map(|file| file.recording_start).min()?;
    let last = meeting.files.iter().filter_map(|file| file.recording_end).max()?;
    Some((last - first).num_minutes())
}

/// When a meeting that has failed `failed_tries` times in a row is tried next: after 10 minutes, doubling to 6 hours,
/// but never past half of the time that is left until Zoom deletes it.
#[must_use]
pub fn next_try(failed_tries: u32, now: DateTime<Utc>, deletion: Option<NaiveDate>) -> DateTime<Utc> {
    let doubled = FIRST_RETRY * 2i32.pow(failed_tries.saturating_sub(1).min(16));
    let wait = doubled.min(LONGEST_RETRY);
    let left =
        deletion.map(|day| day.and_time(NaiveTime::MIN).and_utc() - now).filter(|left| *left > TimeDelta::zero());
    now + left.map_or(wait, |left| wait.min(left / 2))
}

/// The order of work: what Zoom deletes first, then what began first.
#[must_use]
pub fn in_order_of_work(
    a: (Option<NaiveDate>, DateTime<Utc>, &MeetingUuid),
    b: (Option<NaiveDate>, DateTime<Utc>, &MeetingUuid),
) -> Ordering {
    let deadline = |day: Option<NaiveDate>| day.unwrap_or(NaiveDate::MAX);
    (deadline(a.0), a.1, a.2).cmp(&(deadline(b.0), b.1, b.2))
}
