//! The columns, and what stands in their cells: values into text and back.
//!
//! Texts that a spreadsheet would take for a formula are made harmless; ids are never altered.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use percent_encoding::percent_decode_str;

use super::account::Account;
use crate::meeting::FileId;

/// Stands for a part that has no video on YouTube.
pub(super) const NOT_SENT: &str = "-";

/// One of our columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    RecordedAt,
    MeetingUuid,
    MeetingId,
    Topic,
    StartTime,
    DurationMin,
    User,
    Status,
    Files,
    Bytes,
    Directory,
    BestFile,
    YoutubeId,
    FileIds,
}

impl Column {
    /// All of them, in the order of a new file.
    pub(super) const ALL: [Self; 14] = [
        Self::RecordedAt,
        Self::MeetingUuid,
        Self::MeetingId,
        Self::Topic,
        Self::StartTime,
        Self::DurationMin,
        Self::User,
        Self::Status,
        Self::Files,
        Self::Bytes,
        Self::Directory,
        Self::BestFile,
        Self::YoutubeId,
        Self::FileIds,
    ];

    /// Those that no row of a meeting with files leaves empty. They tell a row from a piece of one.
    pub(super) const ESSENTIAL: [Self; 4] = [Self::MeetingUuid, Self::Status, Self::Directory, Self::FileIds];

    /// Its name in the header.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::RecordedAt => "recorded_at",
            Self::MeetingUuid => "meeting_uuid",
            Self::MeetingId => "meeting_id",
            Self::Topic => "topic",
            Self::StartTime => "start_time",
            Self::DurationMin => "duration_min",
            Self::User => "user",
            Self::Status => "status",
            Self::Files => "files",
            Self::Bytes => "bytes",
            Self::Directory => "directory",
            Self::BestFile => "best_file",
            Self::YoutubeId => "youtube_id",
            Self::FileIds => "file_ids",
        }
    }

    /// The column with this name; spaces around it and its case do not matter.
    pub(super) fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name().eq_ignore_ascii_case(text.trim()))
    }

    /// What `account` says in this column; empty where it does not know.
    pub(super) fn cell(self, account: &Account) -> String {
        match self {
            Self::RecordedAt => time(account.recorded_at),
            Self::MeetingUuid => account.uuid.to_string(),
            Self::MeetingId => number(account.meeting_id),
            Self::Topic => harmless(&account.topic),
            Self::StartTime => time(account.start_time),
            Self::DurationMin => number(account.duration_min),
            Self::User => account.user.as_ref().map(|user| harmless(user.as_str())).unwrap_or_default(),
            Self::Status => account.status.map(|status| status.name().to_owned()).unwrap_or_default(),
            Self::Files => number(account.files),
            Self::Bytes => number(account.bytes.map(|count| count.0)),
            Self::Directory => harmless(&account.directory),
            Self::BestFile => harmless(&list(account.best_files.iter().map(String::as_str))),
            Self::YoutubeId => list(account.youtube_ids.iter().map(|id| id.as_deref().unwrap_or(NOT_SENT))),
            Self::FileIds => list(account.file_ids.iter().map(FileId::as_str)),
        }
    }
}

/// A text as one line that no spreadsheet computes: control characters and line separators are spaces, and a `'`
/// stands before one that begins as a formula does (OWASP, "CSV Injection"), or that [`as_meant`] would shorten.
fn harmless(text: &str) -> String {
    let one_line: String = text.chars().map(|c| if breaks_lines(c) { ' ' } else { c }).collect();
    if is_computed(&one_line) { format!("'{one_line}") } else { one_line }
}

/// The text that [`harmless`] made harmless.
pub(super) fn as_meant(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| is_computed(text)).unwrap_or(cell)
}

/// Whether it begins as a formula does, be it after spaces of any kind or our own marks.
fn is_computed(text: &str) -> bool {
    text.trim_start_matches(|c: char| c.is_whitespace() || c == '\'').starts_with(['=', '+', '-', '@'])
}

fn breaks_lines(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Several values in one cell, with spaces between them; a space within one is `%20`, and so `%` is `%25`.
fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let escaped: Vec<String> = items.map(|item| item.replace('%', "%25").replace(' ', "%20")).collect();
    escaped.join(" ")
}

/// The values that [`list`] put together. Where a cell was edited by hand, any white space divides.
pub(super) fn items(cell: &str) -> impl Iterator<Item = String> {
    cell.split_ascii_whitespace().map(|item| percent_decode_str(item).decode_utf8_lossy().into_owned())
}

/// RFC 3339, UTC, whole seconds. That form has four digits for the year.
fn time(time: Option<DateTime<Utc>>) -> String {
    let writable = time.filter(|time| (0..=9999).contains(&time.year()));
    writable.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default()
}

/// A time in RFC 3339; `None` for whatever a spreadsheet has made of it.
pub(super) fn parse_time(cell: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(cell.trim()).ok().map(|time| time.to_utc())
}

fn number<T: ToString>(number: Option<T>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hostile;

    #[test]
    fn c10_a_text_that_would_be_computed_is_marked_and_read_back_unmarked() {
        for (text, cell) in [
            ("=cmd|'/C calc'!A0", "'=cmd|'/C calc'!A0"),
            ("+1", "'+1"),
            ("-x", "'-x"),
            ("@sum", "'@sum"),
            (" =1", "' =1"),
            ("\u{a0}-1", "'\u{a0}-1"),
            ("'=1", "''=1"),
            ("'tis", "'tis"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(harmless(text), cell);
            assert_eq!(as_meant(cell), text);
        }
        assert_eq!(harmless("\t=1"), "' =1");
        assert_eq!(harmless("one\r\ntwo\u{2028}three\0"), "one  two three ");
    }

    #[test]
    fn a_space_within_an_id_does_not_divide_it() {
        let cell = list(["a b", "c%20d", "M4A@2025-12-02T17:29:28Z"].into_iter());
        assert_eq!(cell, "a%20b c%2520d M4A@2025-12-02T17:29:28Z");
        assert_eq!(items(&cell).collect::<Vec<_>>(), ["a b", "c%20d", "M4A@2025-12-02T17:29:28Z"]);
    }

    #[test]
    fn t4_a_year_that_the_form_cannot_hold_is_left_out() {
        assert_eq!(time(Some(DateTime::<Utc>::MAX_UTC)), "");
        assert_eq!(parse_time("2025-12-02T18:29:28+01:00").map(|at| time(Some(at))).unwrap(), "2025-12-02T17:29:28Z");
        assert_eq!(parse_time("02.12.2025 17:29"), None);
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn c10_any_text_comes_back_but_for_its_line_breaks(text in prop_oneof!["[ '=+@a-]{0,6}", hostile::strings()]) {
            let expected: String = text.chars().map(|c| if breaks_lines(c) { ' ' } else { c }).collect();
            let cell = harmless(&text);
            prop_assert_eq!(as_meant(&cell), expected);
        }

        #[test]
        fn any_values_come_back_from_a_list(values in prop::collection::vec(prop_oneof!["[ -~é]{1,8}", hostile::strings()], 0..5)) {
            let values: Vec<String> = values.into_iter().map(|text| harmless(&text)).filter(|text| !text.is_empty()).collect();
            let cell = list(values.iter().map(String::as_str));
            prop_assert_eq!(items(&cell).collect::<Vec<_>>(), values);
        }
    }
}
