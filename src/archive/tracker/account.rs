//! What the tracker knows of a meeting, and how its rows add up.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use crate::meeting::{ByteCount, FileId, MeetingUuid, UserId};

/// How far a meeting has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// All its selected files are on disk, whole.
    Downloaded,
    /// All parts that are to be on YouTube are there.
    Uploaded,
    /// The local files were removed on purpose.
    Cleaned,
    /// There was nothing in it to fetch.
    Empty,
}

impl Status {
    const ALL: [Self; 4] = [Self::Downloaded, Self::Uploaded, Self::Cleaned, Self::Empty];

    /// The word in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Downloaded => "downloaded",
            Self::Uploaded => "uploaded",
            Self::Cleaned => "cleaned",
            Self::Empty => "empty",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a text is no [`Status`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no status: it is downloaded, uploaded, cleaned or empty")]
pub struct StatusError(String);

impl FromStr for Status {
    type Err = StatusError;

    /// Any case, for a spreadsheet may have begun it with a capital.
    fn from_str(text: &str) -> Result<Self, StatusError> {
        let wanted = text.trim();
        let found = Self::ALL.into_iter().find(|status| status.name().eq_ignore_ascii_case(wanted));
        found.ok_or_else(|| StatusError(text.to_owned()))
    }
}

/// What is known of one meeting: by one row, or by all its rows together.
///
/// `None`, an empty text and an empty list all mean: not known. A spreadsheet may have made any cell unreadable, so
/// nothing but the id is sure to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The session's id.
    pub uuid: MeetingUuid,
    /// When the (latest) row was written, in whole seconds.
    pub recorded_at: Option<DateTime<Utc>>,
    /// The meeting's number.
    pub meeting_id: Option<u64>,
    /// Its name.
    pub topic: String,
    /// When it began, in whole seconds.
    pub start_time: Option<DateTime<Utc>>,
    /// Zoom's duration in minutes.
    pub duration_min: Option<u32>,
    /// The user in whose listing it was found.
    pub user: Option<UserId>,
    /// How far it has come.
    pub status: Option<Status>,
    /// How many files are archived.
    pub files: Option<u64>,
    /// Their size together.
    pub bytes: Option<ByteCount>,
    /// Its folder, relative to the archive, with `/`; never one that leads out of it.
    pub directory: String,
    /// The best file of each part, in their order.
    pub best_files: Vec<String>,
    /// The video of each part, in their order; `None` for one not sent.
    pub youtube_ids: Vec<Option<String>>,
    /// Which file is which video, as all rows together say: places shift where a part comes before others. An id stays with
    /// the file that it first came with; of several ids of one file, the last one counts.
    pub videos: Vec<(String, String)>,
    /// The files that are dealt with. A selected file with another id makes the meeting new again.
    pub file_ids: BTreeSet<FileId>,
}

impl Account {
    /// A meeting of which only the id is known.
    #[must_use]
    pub const fn new(uuid: MeetingUuid) -> Self {
        Self {
            uuid,
            recorded_at: None,
            meeting_id: None,
            topic: String::new(),
            start_time: None,
            duration_min: None,
            user: None,
            status: None,
            files: None,
            bytes: None,
            directory: String::new(),
            best_files: Vec::new(),
            youtube_ids: Vec::new(),
            videos: Vec::new(),
            file_ids: BTreeSet::new(),
        }
    }

    /// Takes over what a later row knows, and keeps what it doesn't: file ids add up, and a part once sent stays sent.
    pub fn absorb(&mut self, later: Self) {
        self.recorded_at = later.recorded_at.or(self.recorded_at);
        self.meeting_id = later.meeting_id.or(self.meeting_id);
        self.start_time = later.start_time.or(self.start_time);
        self.duration_min = later.duration_min.or(self.duration_min);
        self.status = later.status.or(self.status);
        self.files = later.files.or(self.files);
        self.bytes = later.bytes.or(self.bytes);
        if later.user.is_some() {
            self.user = later.user;
        }
        if !later.topic.is_empty() {
            self.topic = later.topic;
        }
        if !later.directory.is_empty() {
            self.directory = later.directory;
        }
        self.absorb_videos(later.best_files, later.youtube_ids);
        self.file_ids.extend(later.file_ids);
    }

    /// Best files and videos of one row go together, place by place. A row that names other best files than the one before
    /// has other places, and the videos that were known go by their files.
    fn absorb_videos(&mut self, best_files: Vec<String>, mut ids: Vec<Option<String>>) {
        let has_own_places = !best_files.is_empty();
        let known_places = self.best_files.len();
        if has_own_places {
            self.best_files = best_files;
        }
        for (file, id) in self.best_files.iter().zip(&ids) {
            let Some(id) = id else { continue };
            let known = self.videos.iter().position(|(_, known)| known == id);
            let video = known.map_or_else(|| (file.clone(), id.clone()), |place| self.videos.remove(place));
            self.videos.push(video);
        }
        let mut earlier = std::mem::take(&mut self.youtube_ids);
        if has_own_places {
            // What has no file goes by its place alone.
            earlier.iter_mut().take(known_places).for_each(|id| *id = None);
            let sent = earlier.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
            earlier.truncate(sent);
        }
        ids.resize(ids.len().max(earlier.len()), None);
        for (id, earlier) in ids.iter_mut().zip(earlier) {
            *id = id.take().or(earlier);
        }
        for (place, file) in self.best_files.iter().enumerate() {
            let named = self.videos.iter().rev().find(|(known, _)| known == file);
            if let Some((_, video)) = named.filter(|_| ids.get(place).is_none_or(Option::is_none)) {
                ids.resize(ids.len().max(place + 1), None);
                ids[place] = Some(video.clone());
            }
        }
        self.youtube_ids = ids;
    }

    /// The next row of this meeting, which says what `news` says and otherwise what was known before.
    ///
    /// It is dated after the last one even where the clock went back, or by the dates the last one would still hold.
    #[must_use]
    pub(super) fn next_row(mut self, now: DateTime<Utc>, status: Status, news: Account) -> Self {
        let after_last = self.recorded_at.and_then(|last| last.checked_add_signed(TimeDelta::seconds(1)));
        let now = now.trunc_subsecs(0);
        self.absorb(news);
        self.status = Some(status);
        self.recorded_at = Some(after_last.map_or(now, |earliest| earliest.max(now)));
        self
    }

    /// Whether there should be files of it in the archive, or were.
    #[must_use]
    pub fn has_files(&self) -> bool {
        !self.directory.is_empty() || !self.file_ids.is_empty() || self.files.is_some_and(|count| count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account::new("a==".parse().unwrap())
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_later_row_keeps_what_it_does_not_know_itself() {
        let mut known = Account {
            topic: "Weekly".to_owned(),
            directory: "2025-12-02/1729".to_owned(),
            files: Some(3),
            status: Some(Status::Downloaded),
            file_ids: ["f1", "f2"].map(|id| id.parse().unwrap()).into(),
            ..account()
        };
        let before = known.clone();
        known.absorb(account());
        assert_eq!(known, before);
        known.absorb(Account { status: Some(Status::Cleaned), file_ids: ["f3".parse().unwrap()].into(), ..account() });
        assert_eq!(known.status, Some(Status::Cleaned));
        assert_eq!(known.topic, "Weekly");
        assert_eq!(known.file_ids.len(), 3);
    }

    #[test]
    fn a_part_once_on_youtube_stays_there() {
        let mut known = Account { youtube_ids: vec![Some("v1".to_owned()), None], ..account() };
        known.absorb(Account { youtube_ids: vec![None, None, Some("v3".to_owned())], ..account() });
        assert_eq!(known.youtube_ids, [Some("v1".to_owned()), None, Some("v3".to_owned())]);
    }

    /// One row, or several, with these best files and videos; `-` for none.
    fn row(best_files: &str, videos: &str) -> Account {
        let videos = videos.split_whitespace().map(|id| Some(id.to_owned()).filter(|id| id != "-"));
        let best_files = best_files.split_whitespace().map(str::to_owned).collect();
        Account { best_files, youtube_ids: videos.collect(), ..account() }
    }

    fn together(rows: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
        let mut known = account();
        for (best_files, videos) in rows {
            known.absorb(row(best_files, videos));
        }
        let videos: Vec<_> = known.youtube_ids.iter().map(|id| id.as_deref().unwrap_or("-")).collect();
        (videos.join(" "), known.videos)
    }

    #[test]
    fn a_video_goes_with_its_file_where_a_part_comes_before_it() {
        for (rows, videos) in [
            (&[("f", "v1"), ("early f", "")][..], "- v1"),
            (&[("f", "v1"), ("early f", ""), ("early f", "v2")], "v2 v1"),
            (&[("f", "v1"), ("early f", "v2 v1")], "v2 v1"),
            (&[("f", "v1"), ("", "")], "v1"),
            (&[("f", "v1"), ("", "v9")], "v9"),
            (&[("", "v1"), ("early f", "")], "v1"),
            (&[("f", "v1 v2"), ("f g", "")], "v1 v2"),
            (&[("f", "-"), ("f g", "")], ""),
        ] {
            assert_eq!(together(rows).0, videos, "{rows:?}");
        }
    }

    #[test]
    fn a_video_stays_with_the_file_that_it_first_came_with() {
        let of = |rows: &[(&str, &str)]| {
            let words: Vec<_> = together(rows).1.iter().map(|(file, video)| format!("{file}={video}")).collect();
            words.join(" ")
        };
        assert_eq!(of(&[("f", "v1"), ("early f", "v1")]), "f=v1");
        assert_eq!(of(&[("lesser", "v1"), ("better", "v1"), ("better g", "v1 v2")]), "lesser=v1 g=v2");
        assert_eq!(of(&[("f", "v1"), ("f", "v9"), ("f", "v1")]), "f=v9 f=v1", "the last one counts");
    }

    #[test]
    fn t1_the_next_row_is_dated_after_the_last_even_if_the_clock_went_back() {
        let known = Account { recorded_at: Some(at(1000)), ..account() };
        for (now, dated) in [(500, 1001), (1000, 1001), (5000, 5000)] {
            let next = known.clone().next_row(at(now), Status::Uploaded, account());
            assert_eq!(next.recorded_at, Some(at(dated)));
        }
    }

    #[test]
    fn a_status_is_read_in_any_case_and_nothing_else_is() {
        assert_eq!("Downloaded ".parse(), Ok(Status::Downloaded));
        assert_eq!("downl".parse::<Status>(), Err(StatusError("downl".to_owned())));
    }
}
