//! Pure: what to do about each meeting that Zoom lists, given what is known of it.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::deadline;
use crate::archive::manifest::Manifest;
use crate::clock;
use crate::config::SelectSettings;
use crate::http::RateLimit;
use crate::meeting::{Availability, FileId, Meeting, MeetingUuid, RecordingFile};
use crate::state::{Pending, Why};

/// A meeting without any selected file is recorded as empty once it began this long ago.
const EMPTY_AFTER: TimeDelta = TimeDelta::hours(48);
/// A meeting is recorded with what is there once its recording ended this long ago ...
const OVERDUE_AFTER: TimeDelta = TimeDelta::hours(72);
/// ... and it has been known for this long.
const KNOWN_FOR: TimeDelta = TimeDelta::hours(24);
/// The wait after a meeting's first failed try; it doubles with each further one.
const FIRST_RETRY: TimeDelta = TimeDelta::minutes(10);
/// The shortest one, however near the deletion is.
const SHORTEST_RETRY: TimeDelta = TimeDelta::minutes(1);
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

impl<'a> Standing<'a> {
    /// Whether what is not on the disk is to be fetched whatever rows say: somebody asked for that.
    fn is_wished(&self) -> bool {
        self.pending.is_some_and(|pending| pending.refetch)
    }

    /// The files that need not be fetched, for rows name them.
    pub(super) fn counted(&self) -> Option<&'a HashSet<FileId>> {
        self.recorded.filter(|_| !self.is_wished())
    }

    /// Whether a file was archived once and is to be fetched again: whether it is of a selected kind is no question then.
    fn is_wished_again(&self, id: &FileId) -> bool {
        let entry = self.manifest.and_then(|manifest| manifest.file(id));
        let was_fetched = entry.is_some_and(|entry| entry.state.is_fetched());
        self.is_wished() && (was_fetched || self.recorded.is_some_and(|ids| ids.contains(id)))
    }
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
        /// What went wrong, in words.
        problem: String,
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
            Self::Parked { until, problem } => {
                let problem = if problem.is_empty() { "it failed before" } else { problem };
                format!("{problem}; next try at {}", until.format("%Y-%m-%d %H:%M UTC"))
            }
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
    meeting.files.iter().filter(|file| is_selected(file, select))
}

/// The same, and those that are to be fetched again.
pub(super) fn wanted<'a>(
    meeting: &'a Meeting,
    standing: &Standing<'_>,
    select: &SelectSettings,
) -> impl Iterator<Item = &'a RecordingFile> {
    let is_wanted = |file: &&RecordingFile| is_selected(file, select) || standing.is_wished_again(&file.id);
    meeting.files.iter().filter(is_wanted)
}

fn is_selected(file: &RecordingFile, select: &SelectSettings) -> bool {
    file.kind.is_none_or(|kind| select.files.contains(&kind))
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
    if let Some(why) = left_out(meeting, select)
        && !standing.is_wished()
    {
        return if standing.recorded.is_some() { Decision::Archived } else { Decision::LeftOut(why) };
    }
    let is_recorded = |id: &FileId| standing.counted().is_some_and(|ids| ids.contains(id));
    let mut fetch = Vec::new();
    let (mut count, mut processing, mut unrecorded) = (0, 0, 0);
    for file in wanted(meeting, standing, select) {
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
    match standing.pending.and_then(|pending| parked_until(pending, now, eager)) {
        Some((until, problem)) => Decision::Parked { until, problem: problem.to_owned() },
        None => Decision::Fetch { files: fetch, then },
    }
}

/// Until when a meeting is left alone, and why.
fn parked_until(pending: &Pending, now: DateTime<Utc>, eager: bool) -> Option<(DateTime<Utc>, &str)> {
    let longest = match pending.why {
        Why::PutOff => RateLimit::LONGEST,
        _ if eager => return None,
        _ => LONGEST_RETRY,
    };
    let until = pending.next_try.filter(|until| clock::is_yet_to_come(*until, now, longest))?;
    Some((until, &pending.problem))
}

fn is_fetched(standing: &Standing<'_>, id: &FileId) -> bool {
    let entry = standing.manifest.and_then(|manifest| manifest.file(id));
    entry.is_some_and(|entry| entry.state.is_fetched()) && !standing.missing.is_some_and(|ids| ids.contains(id))
}

fn is_overdue(meeting: &Meeting, standing: &Standing<'_>, now: DateTime<Utc>) -> bool {
    // A row may have been written without the file that is waited for: else each such meeting would be pending for ever.
    let is_known =
        standing.counted().is_some() || standing.pending.is_some_and(|pending| now - pending.first_seen >= KNOWN_FOR);
    now - meeting.ended() >= OVERDUE_AFTER && is_known
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
/// but never past half of the time that is left until Zoom deletes it, unless that is under a minute.
#[must_use]
pub fn next_try(failed_tries: u32, now: DateTime<Utc>, deletion: Option<NaiveDate>) -> DateTime<Utc> {
    let doubled = FIRST_RETRY * 2i32.pow(failed_tries.saturating_sub(1).min(16));
    let wait = doubled.min(LONGEST_RETRY);
    let left = deletion.map(|day| deadline::begins(day) - now).filter(|left| *left > TimeDelta::zero());
    now + left.map_or(wait, |left| wait.min((left / 2).max(SHORTEST_RETRY)))
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

#[cfg(test)]
mod tests {
    use Availability::Processing as NotYet;

    use super::*;
    use crate::archive::entry::FileState;
    use crate::meeting::{ByteCount, DownloadUrl, Extension, FileKind, RecordingType};

    /// The hour, counted from the start of the meeting.
    fn hour(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn ready() -> Availability {
        Availability::Ready(DownloadUrl::new("https://zoom.us/rec/download/x".parse().unwrap()))
    }

    fn file(id: &str, kind: Option<FileKind>, availability: Availability) -> RecordingFile {
        RecordingFile {
            id: id.parse().unwrap(),
            kind,
            recording_type: RecordingType::new(id),
            extension: Extension::Mp4,
            recording_start: Some(hour(0)),
            recording_end: None,
            size: Some(ByteCount(1)),
            availability,
        }
    }

    fn video(id: &str, availability: Availability) -> RecordingFile {
        file(id, Some(FileKind::Video), availability)
    }

    /// A meeting of an hour.
    fn meeting(files: Vec<RecordingFile>) -> Meeting {
        Meeting {
            uuid: "a==".parse().unwrap(),
            meeting_id: None,
            topic: "Weekly class".to_owned(),
            start_time: hour(0),
            timezone: None,
            duration_min: 60,
            host_id: None,
            host_email: None,
            share_url: None,
            user: "me".parse().unwrap(),
            auto_delete_date: None,
            files,
        }
    }

    fn select() -> SelectSettings {
        SelectSettings {
            min_minutes: 0,
            topics: Vec::new(),
            exclude_topics: Vec::new(),
            files: [FileKind::Video].into(),
        }
    }

    fn ids(ids: &[&str]) -> HashSet<FileId> {
        ids.iter().map(|id| id.parse().unwrap()).collect()
    }

    fn fetch(files: &[&str], then: Then) -> Decision {
        Decision::Fetch { files: files.iter().map(|id| id.parse().unwrap()).collect(), then }
    }

    /// A description in which these files are whole, and others pending.
    fn described(meeting: &Meeting, whole: &[&str]) -> Manifest {
        let mut manifest = Manifest::describe(meeting, &meeting.files, None);
        for entry in manifest.files.iter_mut().filter(|entry| whole.contains(&entry.id.as_str())) {
            entry.state = FileState::Whole;
        }
        manifest
    }

    fn pending(first_seen: DateTime<Utc>, next_try: Option<DateTime<Utc>>) -> Pending {
        Pending {
            user: "me".parse().unwrap(),
            uuid: "a==".parse().unwrap(),
            topic: String::new(),
            start: hour(0),
            first_seen,
            deletion: None,
            deletion_told: None,
            why: Why::Processing,
            problem: String::new(),
            failed_tries: 0,
            next_try,
            refetch: false,
        }
    }

    #[test]
    fn what_is_ready_and_neither_recorded_nor_on_the_disk_is_fetched() {
        let listed = meeting(vec![video("a", ready()), video("b", ready())]);
        let decided = |recorded: Option<&[&str]>, whole: &[&str], missing: &[&str]| {
            let (recorded, manifest, missing) = (recorded.map(ids), described(&listed, whole), ids(missing));
            let standing = Standing {
                recorded: recorded.as_ref(),
                manifest: Some(&manifest),
                missing: Some(&missing),
                pending: None,
            };
            decide(&listed, &standing, &select(), hour(2), false)
        };
        for (recorded, whole, missing, expected) in [
            (None, &[][..], &[][..], fetch(&["a", "b"], Then::Record)),
            (None, &["a"], &[], fetch(&["b"], Then::Record)),
            (None, &["a"], &["a"], fetch(&["a", "b"], Then::Record)),
            (None, &["a", "b"], &[], fetch(&[], Then::Record)),
            (Some(&["a", "b"][..]), &["a", "b"], &["a"], Decision::Archived), // deleted by somebody: not again
            (Some(&["a"]), &["a"], &[], fetch(&["b"], Then::Record)),
            (Some(&["a"]), &["a", "b"], &[], fetch(&[], Then::Record)),
            (Some(&["a", "b"]), &[], &[], Decision::Archived),
        ] {
            assert_eq!(decided(recorded, whole, missing), expected, "{recorded:?} {whole:?} {missing:?}");
        }
    }

    #[test]
    fn only_files_of_a_selected_kind_count_and_those_that_may_become_one() {
        let audio = |availability| file("audio", Some(FileKind::Audio), availability);
        let unnamed = || file("unnamed", None, NotYet);
        for (files, expected) in [
            (vec![], Decision::NothingYet),
            (vec![audio(ready())], Decision::NothingYet),
            (vec![video("v", ready()), audio(ready())], fetch(&["v"], Then::Record)),
            (vec![video("v", ready()), audio(NotYet)], fetch(&["v"], Then::Record)),
            (vec![video("v", ready()), unnamed()], fetch(&["v"], Then::Wait)),
            (vec![unnamed()], Decision::Processing { files: 1 }),
            (vec![video("v", NotYet), video("w", NotYet)], Decision::Processing { files: 2 }),
        ] {
            let listed = meeting(files);
            assert_eq!(decide(&listed, &Standing::default(), &select(), hour(2), false), expected, "{listed:?}");
        }
    }

    #[test]
    fn a_meeting_without_a_selected_file_is_empty_once_it_began_over_two_days_ago() {
        let listed = meeting(vec![file("audio", Some(FileKind::Audio), ready())]);
        let decided = |standing, now| decide(&listed, &standing, &select(), now, false);
        assert_eq!(decided(Standing::default(), hour(48)), Decision::NothingYet);
        assert_eq!(decided(Standing::default(), hour(48) + TimeDelta::seconds(1)), Decision::Empty);
        let none = ids(&[]);
        let recorded = Standing { recorded: Some(&none), ..Standing::default() };
        assert_eq!(decided(recorded, hour(49)), Decision::Archived, "the row is written once");
    }

    /// Decides about a meeting that ended at `hour(1)` with one video that Zoom never finished.
    fn with_one_unfinished(others: Vec<RecordingFile>, first_seen: Option<i64>, now: i64) -> Decision {
        let mut files = others;
        files.push(video("unfinished", NotYet));
        let known = first_seen.map(|at| pending(hour(at), None));
        let standing = Standing { pending: known.as_ref(), ..Standing::default() };
        let mut listed = meeting(files);
        listed.files[0].recording_end = Some(hour(1));
        decide(&listed, &standing, &select(), hour(now), false)
    }

    #[test]
    fn a_meeting_is_recorded_without_what_zoom_never_finished_after_three_days_and_a_day_known() {
        let with_a_video = |first_seen, now| with_one_unfinished(vec![video("v", ready())], first_seen, now);
        for (first_seen, now, then) in [
            (Some(1), 72, Then::Wait),
            (Some(1), 73, Then::RecordIncomplete),
            (Some(73), 96, Then::Wait),
            (Some(73), 97, Then::RecordIncomplete),
            (None, 1000, Then::Wait),
        ] {
            assert_eq!(with_a_video(first_seen, now), fetch(&["v"], then), "seen at {first_seen:?}, now {now}");
        }
    }

    #[test]
    fn a_meeting_of_which_zoom_finished_nothing_is_empty_after_that_time() {
        assert_eq!(with_one_unfinished(Vec::new(), Some(1), 72), Decision::Processing { files: 1 });
        assert_eq!(with_one_unfinished(Vec::new(), Some(1), 73), Decision::Empty);
    }

    #[test]
    fn a_meeting_recorded_without_what_zoom_never_finished_is_waited_for_no_more() {
        let recorded = ids(&["v"]);
        let listed = meeting(vec![video("v", ready()), video("unfinished", NotYet)]);
        let standing = Standing { recorded: Some(&recorded), ..Standing::default() };
        assert_eq!(decide(&listed, &standing, &select(), hour(100), false), Decision::Archived);
    }

    /// Decides at `hour(now)` about a meeting of which rows name `a`, `b` and `sound`, with a wish since `hour(100)`.
    fn wished(files: Vec<RecordingFile>, whole: Option<&[&str]>, missing: &[&str], now: i64) -> Decision {
        let listed = meeting(files);
        let archived = meeting(vec![video("a", ready()), video("b", ready())]);
        let (recorded, missing) = (ids(&["a", "b", "sound"]), ids(missing));
        let manifest = whole.map(|whole| described(&archived, whole));
        let wish = Pending { refetch: true, ..pending(hour(100), None) };
        let standing = Standing {
            recorded: Some(&recorded),
            manifest: manifest.as_ref(),
            missing: Some(&missing),
            pending: Some(&wish),
        };
        decide(&listed, &standing, &SelectSettings { min_minutes: 61, ..select() }, hour(now), false)
    }

    #[test]
    fn what_is_asked_for_again_is_fetched_whatever_rows_and_select_say_as_far_as_it_is_not_there() {
        let both = || vec![video("a", ready()), video("b", ready())];
        let sound = || file("sound", Some(FileKind::Audio), ready());
        for (files, whole, missing, expected) in [
            (both(), Some(&["a"][..]), &[][..], fetch(&["b"], Then::Record)),
            (both(), Some(&["a", "b"]), &["b"], fetch(&["b"], Then::Record)),
            (both(), Some(&["a", "b"]), &[], fetch(&[], Then::Record)),
            (both(), None, &[], fetch(&["a", "b"], Then::Record)),
            (vec![video("a", ready()), sound()], Some(&["a"]), &[], fetch(&["sound"], Then::Record)),
            (vec![video("a", ready())], Some(&["a"]), &[], fetch(&[], Then::Record)), // `b` is gone at Zoom
            (vec![], Some(&["a"]), &[], Decision::Archived),
        ] {
            let decided = wished(files.clone(), whole, missing, 101);
            assert_eq!(decided, expected, "{files:?} {whole:?} {missing:?}");
        }
    }

    #[test]
    fn a_wish_is_for_what_was_archived_not_for_what_was_selected_once_and_never_came() {
        let listed = meeting(vec![video("a", ready()), file("never came", Some(FileKind::Audio), ready())]);
        let (recorded, manifest) = (ids(&["a"]), described(&listed, &[]));
        let wish = Pending { refetch: true, ..pending(hour(100), None) };
        let standing =
            Standing { recorded: Some(&recorded), manifest: Some(&manifest), missing: None, pending: Some(&wish) };
        assert_eq!(decide(&listed, &standing, &select(), hour(101), false), fetch(&["a"], Then::Record));
    }

    #[test]
    fn what_is_asked_for_again_and_is_at_work_at_zoom_is_waited_for_for_a_day() {
        let at = |now| wished(vec![video("a", NotYet)], Some(&[]), &[], now);
        assert_eq!(at(123), Decision::Processing { files: 1 });
        assert_eq!(at(124), Decision::Archived, "the row is there, and no empty one follows");
    }

    #[test]
    fn a_row_without_a_wish_keeps_a_file_from_being_fetched_whatever_meeting_json_says() {
        let listed = meeting(vec![video("a", ready())]);
        let (recorded, manifest) = (ids(&["a"]), described(&listed, &[]));
        let standing = Standing { recorded: Some(&recorded), manifest: Some(&manifest), ..Standing::default() };
        assert_eq!(decide(&listed, &standing, &select(), hour(2), false), Decision::Archived);
    }

    #[test]
    fn a_meeting_that_failed_waits_for_its_next_try_unless_everything_is_tried_now() {
        let listed = meeting(vec![video("v", ready())]);
        let failed = pending(hour(1), Some(hour(3)));
        let standing = Standing { pending: Some(&failed), ..Standing::default() };
        let decided = |now, eager| decide(&listed, &standing, &select(), hour(now), eager);
        assert_eq!(decided(2, false), Decision::Parked { until: hour(3), problem: failed.problem.clone() });
        assert_eq!(decided(2, true), fetch(&["v"], Then::Record));
        assert_eq!(decided(3, false), fetch(&["v"], Then::Record));
    }

    #[test]
    fn a_meeting_is_left_out_by_length_then_topic_then_exclusion() {
        let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let left_out = |min_minutes, topics: &[&str], exclude: &[&str]| {
            let wish =
                SelectSettings { min_minutes, topics: patterns(topics), exclude_topics: patterns(exclude), ..select() };
            match decide(&meeting(vec![video("v", ready())]), &Standing::default(), &wish, hour(2), false) {
                Decision::LeftOut(why) => Some(why),
                _ => None,
            }
        };
        assert_eq!(left_out(60, &["class$", "x"], &["^class"]), None);
        assert_eq!(left_out(61, &["x"], &["class"]), Some(LeftOut::TooShort { minutes: 60, least: 61 }));
        assert_eq!(left_out(0, &["x"], &["class"]), Some(LeftOut::TopicNotSelected));
        assert_eq!(left_out(0, &["class"], &["x", "Week"]), Some(LeftOut::TopicExcluded("Week".to_owned())));
    }

    #[test]
    fn a_meeting_of_unknown_length_is_not_left_out_for_it() {
        let wish = SelectSettings { min_minutes: 5, ..select() };
        let decided = |end| {
            let mut listed = meeting(vec![video("v", ready())]);
            listed.duration_min = 0;
            listed.files[0].recording_end = end;
            decide(&listed, &Standing::default(), &wish, hour(2), false)
        };
        let minutes = |count| Some(hour(0) + TimeDelta::minutes(count));
        assert_eq!(decided(None), fetch(&["v"], Then::Record));
        assert_eq!(decided(minutes(5)), fetch(&["v"], Then::Record));
        assert_eq!(decided(minutes(4)), Decision::LeftOut(LeftOut::TooShort { minutes: 4, least: 5 }));
    }

    #[test]
    fn the_wait_between_tries_doubles_up_to_six_hours() {
        for (failed_tries, minutes) in
            [(0, 10), (1, 10), (2, 20), (3, 40), (5, 160), (6, 320), (7, 360), (u32::MAX, 360)]
        {
            let wait = next_try(failed_tries, hour(0), None) - hour(0);
            assert_eq!(wait, TimeDelta::minutes(minutes), "after {failed_tries} failed tries");
        }
    }

    #[test]
    fn the_next_try_comes_no_later_than_half_the_time_until_zoom_deletes_the_meeting() {
        let deletion = hour(24).date_naive();
        for (now, failed_tries, minutes) in
            [(0, 9, 360), (20, 9, 120), (20, 1, 10), (23, 9, 30), (24, 9, 360), (30, 9, 360)]
        {
            let wait = next_try(failed_tries, hour(now), Some(deletion)) - hour(now);
            assert_eq!(wait, TimeDelta::minutes(minutes), "at hour {now}");
        }
    }

    #[test]
    fn however_near_the_deletion_is_tries_are_a_minute_apart() {
        let deletion = hour(24).date_naive();
        for (before, wait) in [(241, 120), (121, 60), (119, 60), (1, 60), (0, 6 * 3600)] {
            let now = hour(24) - TimeDelta::seconds(before);
            let waits = (next_try(9, now, Some(deletion)) - now).num_seconds();
            assert_eq!(waits, wait, "{before} s before");
        }
    }

    #[test]
    fn what_zoom_deletes_first_is_fetched_first_then_what_began_first() {
        let uuids: [MeetingUuid; 2] = ["a==", "b=="].map(|uuid| uuid.parse().unwrap());
        let day = |days: i64| Some(hour(24 * days).date_naive());
        let in_order = [
            (day(1), hour(9), &uuids[1]),
            (day(2), hour(1), &uuids[1]),
            (day(2), hour(2), &uuids[0]),
            (None, hour(0), &uuids[0]),
            (None, hour(0), &uuids[1]),
            (None, hour(1), &uuids[0]),
        ];
        let mut sorted = in_order;
        sorted.reverse();
        sorted.sort_by(|a, b| in_order_of_work(*a, *b));
        assert_eq!(sorted, in_order);
    }
}
