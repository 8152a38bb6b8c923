//! Zoom's JSON as it is sent, into our types. Nothing else in the program sees it.
//!
//! Records are decoded one by one: a bad one costs only itself. Every field may be missing, null, or of another type
//! than documented (`type` and numbers come as strings, too); unknown values of enums are kept.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use url::Url;

use super::windows::Window;
use crate::http::{json_text, read_json};
use crate::meeting::{
    Availability, ByteCount, DownloadUrl, Extension, FileId, FileKind, Meeting, MeetingUuid, RecordingFile,
    RecordingType, UserId,
};

/// One page of a user's listing.
#[derive(Debug)]
pub struct ListPage {
    /// The days that it says it covers, where it says so.
    pub covers: Option<Window>,
    /// Where the next page is; `None` on the last.
    pub next: Option<PageToken>,
    /// The meetings that could be read.
    pub meetings: Vec<Meeting>,
    /// One line for each record that could not be.
    pub damaged: Vec<String>,
    /// Zoom's words for types of files that nobody here has heard of: a new kind of video may be among them.
    pub strange_types: BTreeSet<String>,
}

/// Zoom's `next_page_token`: opaque, and good for 15 minutes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageToken(pub String);

/// A refusal that Zoom put into the body of an answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Zoom's own code.
    pub code: i64,
    /// Its words, without control characters, cut to a readable length.
    pub message: String,
}

/// Why a body is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Not JSON at all.
    #[error("the answer is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// JSON of another shape.
    #[error("the answer has no list of meetings")]
    NoMeetings,
    /// A user without an address.
    #[error("the answer names no user")]
    Nobody,
    /// An error body, which Zoom also sends with status 200.
    #[error("Zoom refuses: {} (code {})", .0.message, .0.code)]
    Refused(Refusal),
}

/// Longest topic that is kept, in characters: Zoom's own limit is 200.
const MAX_TOPIC: usize = 500;
/// Years that times are of; Zoom was founded in 2011.
const YEARS: RangeInclusive<i32> = 1970..=9998;
/// Longest type of a file that is repeated; Zoom's own have no more than 20 characters.
const MAX_TYPE: usize = 40;
/// Longest piece of Zoom's prose that is repeated in an error.
const MAX_MESSAGE: usize = 300;
/// Longest name, type or address that is kept, in characters; more of them than a `meeting.json` can hold would make
/// it unreadable.
const MAX_LABEL: usize = 300;

/// Reads a page of `GET /users/{userId}/recordings`.
///
/// # Errors
/// [`WireError`] where the body is no listing. Single bad records are no error; they are in [`ListPage::damaged`].
pub fn list_page(body: &[u8], user: &UserId) -> Result<ListPage, WireError> {
    let body = json_text(body);
    let Some((mut answer, records)) = envelope_and_records(&body) else {
        let answer = read_json(&body).map_err(WireError::NotJson)?;
        return Err(refusal_in(&answer).map_or(WireError::NoMeetings, WireError::Refused));
    };
    let mut field = |name| answer.remove(name).and_then(|raw| read_json(raw.get()).ok()).unwrap_or_default();
    let envelope = Value::from_iter(["from", "to", "next_page_token"].map(|name| (name, field(name))));
    let mut page = ListPage {
        covers: covered(&envelope),
        next: None,
        meetings: Vec::new(),
        damaged: Vec::new(),
        strange_types: BTreeSet::new(),
    };
    page.next = page_token(&envelope["next_page_token"]).unwrap_or_else(|why| {
        page.damaged.push(why);
        None
    });
    for record in records {
        let record = read_json(record.get()).map_err(|error| format!("a meeting that cannot be read: {error}"));
        page.strange_types.extend(record.iter().flat_map(strange_types));
        match record.and_then(|record| meeting(&record, user, &mut page.damaged)) {
            Ok(meeting) => page.meetings.push(meeting),
            Err(why) => page.damaged.push(why),
        }
    }
    Ok(page)
}

/// The token of the next page; none on the last one. What is neither is no last page: there may be more behind it.
fn page_token(token: &Value) -> Result<Option<PageToken>, String> {
    match token {
        Value::Null => Ok(None),
        Value::String(token) => {
            Ok(Some(token.trim()).filter(|token| !token.is_empty()).map(|token| PageToken(token.to_owned())))
        }
        Value::Number(token) => Ok(Some(PageToken(token.to_string()))),
        _ => Err("a page token that cannot be read".to_owned()),
    }
}

/// A user, as far as a person wants to know who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// The e-mail address.
    pub email: String,
    /// The name; empty where there is none.
    pub name: String,
}

impl fmt::Display for Me {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() { f.write_str(&self.email) } else { write!(f, "{} <{}>", self.name, self.email) }
    }
}

/// Reads the answer of `GET /users/me`.
///
/// # Errors
/// [`WireError`] where the body names nobody.
pub fn me(body: &[u8]) -> Result<Me, WireError> {
    let answer = read_json(&json_text(body)).map_err(WireError::NotJson)?;
    let word = |key| plain(text(&answer, key).unwrap_or_default(), MAX_LABEL);
    let name = match word("display_name") {
        name if name.is_empty() => format!("{} {}", word("first_name"), word("last_name")).trim().to_owned(),
        name => name,
    };
    match word("email") {
        email if email.is_empty() => Err(refusal_in(&answer).map_or(WireError::Nobody, WireError::Refused)),
        email => Ok(Me { email, name }),
    }
}

/// The fields of a page, and its records, none of them read yet: what can't be, in one of them, costs only that one.
fn envelope_and_records(body: &str) -> Option<(HashMap<String, &RawValue>, Vec<&RawValue>)> {
    let answer: HashMap<String, &RawValue> = serde_json::from_str(body).ok()?;
    let records = serde_json::from_str(answer.get("meetings")?.get()).ok()?;
    Some((answer, records))
}

/// Reads an error body, `{"code": 124, "message": "..."}`; `None` where it is none.
#[must_use]
pub fn refusal(body: &[u8]) -> Option<Refusal> {
    refusal_in(&read_json(&json_text(body)).ok()?)
}

fn refusal_in(answer: &Value) -> Option<Refusal> {
    let code = ["code", "errorCode"].iter().find_map(|key| whole(answer.get(key)?))?;
    let message = ["message", "errorMessage"].iter().find_map(|key| text(answer, key)).unwrap_or("no reason given");
    Some(Refusal { code, message: plain(message, MAX_MESSAGE) })
}

fn covered(answer: &Value) -> Option<Window> {
    let day = |key| text(answer, key)?.get(..10)?.parse::<NaiveDate>().ok();
    Some(Window { from: day("from")?, to: day("to")? })
}

fn meeting(record: &Value, user: &UserId, damaged: &mut Vec<String>) -> Result<Meeting, String> {
    let Some(fields) = record.as_object() else {
        return Err("a meeting that is no JSON object".to_owned());
    };
    let uuid: MeetingUuid = text(record, "uuid")
        .unwrap_or_default()
        .parse()
        .map_err(|why| format!("the meeting {} with a bad uuid: {why}", label(fields)))?;
    let mut files: Vec<RecordingFile> = Vec::new();
    for entry in record.get("recording_files").and_then(Value::as_array).into_iter().flatten() {
        match recording_file(entry) {
            Some(file) if files.iter().any(|known| known.id == file.id) => {}
            Some(file) => files.push(file),
            None => damaged.push(format!("a file of the meeting {uuid}, which is no JSON object")),
        }
    }
    // A year of meetings is held at once: half of what a list has grown to may be empty.
    files.shrink_to_fit();
    let first_recording = files.iter().filter_map(|file| file.recording_start).min();
    Ok(Meeting {
        uuid,
        meeting_id: record.get("id").and_then(whole).and_then(|id| u64::try_from(id).ok()),
        topic: topic(text(record, "topic").unwrap_or_default()),
        start_time: time(record, "start_time").or(first_recording).unwrap_or_default(),
        timezone: label_in(record, "timezone"),
        duration_min: record.get("duration").and_then(whole).and_then(|min| u32::try_from(min).ok()).unwrap_or(0),
        host_id: label_in(record, "host_id"),
        host_email: label_in(record, "host_email"),
        share_url: text(record, "share_url").and_then(without_query),
        user: user.clone(),
        auto_delete_date: match record.get("auto_delete") {
            Some(Value::Bool(false)) => None,
            _ => text(record, "auto_delete_date").and_then(|date| date.get(..10)?.parse().ok()),
        },
        files,
    })
}

/// Names a record that has no usable uuid, by what else it has.
fn label(fields: &Map<String, Value>) -> String {
    fields.get("id").and_then(whole).map_or_else(|| "without a number".to_owned(), |id| id.to_string())
}

fn strange_types(record: &Value) -> impl Iterator<Item = String> {
    let entries = record.get("recording_files").and_then(Value::as_array).into_iter().flatten();
    let types = entries.filter_map(|entry| text(entry, "file_type"));
    types.filter(|kind| kind_of_type(&kind.to_ascii_uppercase()).is_none()).map(|kind| plain(kind, MAX_TYPE))
}

fn recording_file(entry: &Value) -> Option<RecordingFile> {
    entry.as_object()?;
    let file_type = entry.get("file_type").and_then(Value::as_str).map(|kind| kind.trim().to_ascii_uppercase());
    let recording_type = RecordingType::new(&label_in(entry, "recording_type").unwrap_or_default());
    let sent_extension = text(entry, "file_extension").unwrap_or_default().to_ascii_lowercase();
    // Captions and timelines: "does not have id, status, file_size, recording_type, and play_url" (Zoom API).
    let made_up = || {
        let start = time(entry, "recording_start").map(|start| start.to_rfc3339_opts(SecondsFormat::Secs, true));
        FileId::try_from(format!("{}@{}", file_type.as_deref().unwrap_or_default(), start.unwrap_or_default())).ok()
    };
    let id = text(entry, "id").and_then(|id| id.parse().ok()).or_else(made_up)?;
    let size = entry.get("file_size").and_then(byte_count);
    let availability = availability(entry, size);
    let still_unnamed = file_type.as_deref() == Some("") && availability == Availability::Processing;
    let kind =
        (!still_unnamed).then(|| kind(file_type.as_deref().unwrap_or_default(), &sent_extension, &recording_type));
    Some(RecordingFile {
        id,
        kind,
        extension: extension(&sent_extension, kind),
        recording_type,
        recording_start: time(entry, "recording_start"),
        recording_end: time(entry, "recording_end"),
        size,
        availability,
    })
}

fn availability(entry: &Value, size: Option<ByteCount>) -> Availability {
    let completed = text(entry, "status").is_none_or(|status| status.eq_ignore_ascii_case("completed"));
    let address = text(entry, "download_url").and_then(|address| Url::parse(address).ok());
    match address {
        Some(address) if completed && size != Some(ByteCount(0)) => Availability::Ready(DownloadUrl::new(address)),
        _ => Availability::Processing,
    }
}

/// `file_type` is the reliable test; where it is missing, the extension and the recording type decide.
fn kind(file_type: &str, extension: &str, recording_type: &RecordingType) -> FileKind {
    match file_type {
        "" => kind_by_name(extension, recording_type),
        known_or_not => kind_of_type(known_or_not).unwrap_or(FileKind::Other),
    }
}

/// What a file of this type is; `None` for one that Zoom does not document (Zoom API, "List all recordings").
fn kind_of_type(file_type: &str) -> Option<FileKind> {
    match file_type {
        "MP4" => Some(FileKind::Video),
        "M4A" => Some(FileKind::Audio),
        "TRANSCRIPT" => Some(FileKind::Transcript),
        "CHAT" | "CHAT_MESSAGE" => Some(FileKind::Chat),
        "CC" => Some(FileKind::Captions),
        "TIMELINE" => Some(FileKind::Timeline),
        "SUMMARY" => Some(FileKind::Summary),
        "CSV" | "TB" => Some(FileKind::Other),
        _ => None,
    }
}

fn kind_by_name(extension: &str, recording_type: &RecordingType) -> FileKind {
    let name = recording_type.stem();
    let named = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if extension == "mp4" {
        FileKind::Video
    } else if extension == "m4a" {
        FileKind::Audio
    } else if named(&["transcript"]) {
        FileKind::Transcript
    } else if named(&["caption"]) {
        FileKind::Captions
    } else if named(&["chat"]) {
        FileKind::Chat
    } else if named(&["timeline"]) {
        FileKind::Timeline
    } else if named(&["summary"]) {
        FileKind::Summary
    } else if extension.is_empty() && named(&["view", "speaker", "shared_screen", "video"]) {
        FileKind::Video
    } else {
        FileKind::Other
    }
}

fn extension(sent: &str, kind: Option<FileKind>) -> Extension {
    let by_kind = match kind {
        Some(FileKind::Video) => return Extension::Mp4,
        Some(FileKind::Audio) => return Extension::M4a,
        Some(FileKind::Transcript | FileKind::Captions) => Extension::Vtt,
        Some(FileKind::Chat) => Extension::Txt,
        Some(FileKind::Timeline) => Extension::Json,
        Some(FileKind::Summary | FileKind::Other) | None => Extension::Bin,
    };
    match sent {
        "txt" => Extension::Txt,
        "vtt" => Extension::Vtt,
        "csv" => Extension::Csv,
        "json" => Extension::Json,
        "jpg" | "jpeg" => Extension::Jpg,
        _ => by_kind,
    }
}

/// A field that is shown to people or kept as it is: one line of bounded length.
fn label_in(record: &Value, key: &str) -> Option<String> {
    text(record, key).map(|text| plain(text, MAX_LABEL)).filter(|label| !label.is_empty())
}

fn topic(sent: &str) -> String {
    let topic = plain(sent, MAX_TOPIC);
    if topic.is_empty() { Meeting::UNTITLED.to_owned() } else { topic }
}

/// One line of prose: control characters become spaces, the ends are trimmed, the length is bounded.
fn plain(text: &str, max_chars: usize) -> String {
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(max_chars).collect();
    one_line.trim().to_owned()
}

fn without_query(address: &str) -> Option<String> {
    let mut url = Url::parse(address).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url.into())
}

/// A field's text; `None` where it is missing, blank or no text.
fn text<'a>(record: &'a Value, key: &str) -> Option<&'a str> {
    record.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A size; one that is beyond counting is as good as none.
fn byte_count(value: &Value) -> Option<ByteCount> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok()).map(ByteCount)
}

/// A time; one without a zone is taken as UTC, which all of Zoom's are. Of a year that no recording is of, it is as good as
/// none: days are counted from it, and asked for, which must not lead out of the calendar.
fn time(record: &Value, key: &str) -> Option<DateTime<Utc>> {
    let text = text(record, key)?;
    let time = DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| text.parse::<NaiveDateTime>().map(|time| time.and_utc()))
        .ok()?;
    YEARS.contains(&time.year()).then_some(time)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;

    use super::*;
    use crate::hostile;

    fn me() -> UserId {
        "me".parse().unwrap()
    }

    fn one_meeting(record: &Value) -> Meeting {
        let page = list_page(json!({ "meetings": [record] }).to_string().as_bytes(), &me()).unwrap();
        assert_eq!(page.damaged, Vec::<String>::new());
        page.meetings.into_iter().next().unwrap()
    }

    fn one_file(entry: &Value) -> RecordingFile {
        one_meeting(&json!({ "uuid": "u==", "recording_files": [entry] })).files.remove(0)
    }

    #[test]
    fn a_user_is_told_by_name_and_address() {
        let told = |body: &str| super::me(body.as_bytes()).map(|me| me.to_string());
        assert_eq!(told(r#"{"email":"a@example.com","display_name":"Anna\u001b"}"#).unwrap(), "Anna <a@example.com>");
        assert_eq!(
            told(r#"{"email":"a@example.com","first_name":"Anna","last_name":"B"}"#).unwrap(),
            "Anna B <a@example.com>"
        );
        assert_eq!(told(r#"{"email":"a@example.com"}"#).unwrap(), "a@example.com");
        assert!(matches!(told("{}"), Err(WireError::Nobody)));
        assert!(matches!(told(r#"{"code":200,"message":"no"}"#), Err(WireError::Refused(_))));
        assert!(matches!(told("<html>"), Err(WireError::NotJson(_))));
    }

    #[test]
    fn d13_a_meeting_is_read_with_all_that_is_kept_of_it() {
        let meeting = one_meeting(&json!({
            "uuid": "a/b+c==", "id": 85_012_345_678_u64, "topic": " Weekly\nclass ", "type": "8",
            "start_time": "2025-12-02T17:29:28Z", "timezone": "Europe/Moscow", "duration": 45,
            "host_id": "H", "host_email": "host@example.com", "auto_delete": true, "auto_delete_date": "2026-01-31",
            "share_url": "https://us06web.zoom.us/rec/share/X?pwd=secret", "recording_play_passcode": "secret",
            "recording_files": [{
                "id": "f1", "recording_start": "2025-12-02T17:29:29Z", "recording_end": "2025-12-02T18:14:34Z",
                "file_type": "MP4", "file_extension": "MP4", "file_size": 9_007_199_254_740_993_u64,
                "download_url": "https://us06web.zoom.us/rec/download/X", "status": "completed",
                "recording_type": "gallery_view"
            }]
        }));
        assert_eq!(meeting.topic, "Weekly class");
        assert_eq!(meeting.meeting_id, Some(85_012_345_678));
        assert_eq!(meeting.start_time.to_rfc3339(), "2025-12-02T17:29:28+00:00");
        assert_eq!(meeting.share_url.as_deref(), Some("https://us06web.zoom.us/rec/share/X"));
        assert_eq!(meeting.auto_delete_date, "2026-01-31".parse().ok());
        assert_eq!(meeting.files[0].kind, Some(FileKind::Video));
        assert_eq!(meeting.files[0].size, Some(ByteCount(9_007_199_254_740_993)), "beyond what a float holds");
        assert!(matches!(meeting.files[0].availability, Availability::Ready(_)));
    }

    #[test]
    fn a2_a_page_token_that_cannot_be_read_is_no_last_page() {
        let page = |token: &str| {
            let body = format!(r#"{{"meetings": [], "next_page_token": {token}}}"#);
            list_page(body.as_bytes(), &me()).unwrap()
        };
        assert_eq!(page("7").next, Some(PageToken("7".to_owned())));
        for (token, damaged) in [("null", 0), ("\" \"", 0), ("{}", 1), ("[\"t\"]", 1), ("true", 1)] {
            let page = page(token);
            assert_eq!((page.next, page.damaged.len()), (None, damaged), "{token}");
        }
    }

    #[test]
    fn a3_one_bad_record_costs_only_itself() {
        let body = json!({ "meetings": [
            7, { "topic": "no uuid", "id": 5 },
            { "uuid": "good==", "recording_files": ["x", { "id": "f1" }, { "id": "with\na line end" }] },
        ]});
        let page = list_page(body.to_string().as_bytes(), &me()).unwrap();
        assert_eq!(page.meetings[0].files.iter().map(|file| file.id.as_str()).collect::<Vec<_>>(), ["f1", "@"]);
        assert_eq!(page.damaged.len(), 3, "{:?}", page.damaged);
    }

    #[test]
    fn a2_numbers_may_come_as_text_and_fields_may_be_null() {
        let meeting = one_meeting(&json!({
            "uuid": "u==", "id": "123", "duration": "7", "topic": null, "type": 99, "start_time": null,
            "recording_files": [{ "id": "f", "file_type": "mp4", "file_size": "5", "download_url": "https://zoom.us/x",
                                  "recording_start": "2025-12-02T17:29:29Z" }]
        }));
        assert_eq!((meeting.meeting_id, meeting.duration_min), (Some(123), 7));
        assert_eq!(meeting.topic, Meeting::UNTITLED);
        assert_eq!(meeting.start_time.to_rfc3339(), "2025-12-02T17:29:29+00:00", "that of the first recording");
        assert_eq!(meeting.files[0].size, Some(ByteCount(5)));
    }

    #[test]
    fn a_file_without_an_id_gets_one_from_its_type_and_start() {
        let file = one_file(&json!({
            "file_type": "TIMELINE", "file_extension": "JSON", "recording_start": "2025-12-02T17:29:29Z",
            "download_url": "https://us06web.zoom.us/rec/download/X"
        }));
        assert_eq!(file.id.as_str(), "TIMELINE@2025-12-02T17:29:29Z");
        assert_eq!(file.kind, Some(FileKind::Timeline));
        assert!(matches!(file.availability, Availability::Ready(_)), "no status but an address counts as completed");
    }

    #[test]
    fn a4_what_zoom_is_still_at_work_on_cannot_be_fetched() {
        let address = "https://us06web.zoom.us/rec/download/X";
        for entry in [
            json!({ "id": "f", "file_type": "MP4", "status": "processing", "download_url": address }),
            json!({ "id": "f", "file_type": "MP4", "status": "completed", "file_size": 0, "download_url": address }),
            json!({ "id": "f", "file_type": "MP4", "status": "completed", "file_size": 5 }),
            json!({ "id": "f", "file_type": "MP4", "status": "completed", "file_size": 5, "download_url": "not an address" }),
        ] {
            assert_eq!(one_file(&entry).availability, Availability::Processing, "{entry}");
        }
        let unnamed = one_file(&json!({ "id": "f", "file_type": "", "file_extension": "", "status": "processing" }));
        assert_eq!(unnamed.kind, None, "it may yet become a video");
    }

    #[test]
    fn a2_a_missing_file_type_is_made_up_for_by_extension_and_recording_type() {
        let kind_of = |extension: &str, recording_type: &str| {
            one_file(&json!({ "id": "f", "file_extension": extension, "recording_type": recording_type,
                             "download_url": "https://zoom.us/x" }))
            .kind
        };
        assert_eq!(kind_of("MP4", "poll"), Some(FileKind::Video));
        assert_eq!(kind_of("", "gallery_view"), Some(FileKind::Video));
        assert_eq!(kind_of("VTT", "audio_transcript"), Some(FileKind::Transcript));
        assert_eq!(kind_of("JPG", "thumbnail"), Some(FileKind::Other));
    }

    #[test]
    fn a2_a_type_that_nobody_knows_is_named_once_a_page_and_counts_as_other() {
        let files = ["MP4", "mp4", "", "CSV", "8K_VIDEO", "8K_VIDEO", "a\nb"].map(|kind| json!({ "file_type": kind }));
        let body = json!({ "meetings": [{ "uuid": "u==", "recording_files": files }] });
        let page = list_page(body.to_string().as_bytes(), &me()).unwrap();
        assert_eq!(page.strange_types, ["8K_VIDEO", "a b"].map(str::to_owned).into());
        assert_eq!(one_file(&json!({ "file_type": "8K_VIDEO" })).kind, Some(FileKind::Other));
    }

    #[test]
    fn s2_the_extension_is_one_of_ours_whatever_is_sent() {
        for sent in ["mp4/../../x", "mp4\0.sh", "exe", ""] {
            let file = one_file(&json!({ "id": "f", "file_type": "POLL", "file_extension": sent,
                                        "download_url": "https://zoom.us/x" }));
            assert_eq!(file.extension, Extension::Bin, "{sent}");
        }
    }

    #[test]
    fn a_refusal_inside_a_200_is_a_refusal() {
        let body = br#"{"code":200,"message":"You do not have the right permissions"}"#;
        let error = list_page(body, &me()).unwrap_err();
        assert_eq!(error.to_string(), "Zoom refuses: You do not have the right permissions (code 200)");
    }

    #[test]
    fn s7_t4_impossible_dates_are_none_rather_than_a_panic() {
        let beyond_reach = ["9999-12-31T23:59:60Z", "+262142-12-31T23:59:59", "-262143-01-01T00:00:00"];
        let none = ["0000-00-00", "2024-02-30T00:00:00Z", "yesterday", "٢٠٢٤-٠١-٠١", ""];
        for date in none.into_iter().chain(beyond_reach) {
            let meeting = one_meeting(&json!({ "uuid": "u==", "start_time": date, "auto_delete_date": date }));
            assert_eq!(meeting.start_time, DateTime::<Utc>::default(), "{date}");
            assert!(meeting.auto_delete_date.is_none() || date.starts_with("9999"), "{date}");
        }
    }

    #[test]
    fn the_last_page_has_an_empty_a_null_or_no_token() {
        for last in [
            json!({ "meetings": [], "next_page_token": "" }),
            json!({ "meetings": [], "next_page_token": null }),
            json!({ "meetings": [] }),
        ] {
            assert_eq!(list_page(last.to_string().as_bytes(), &me()).unwrap().next, None);
        }
    }

    #[test]
    fn a3_a_record_beyond_the_parsers_bounds_costs_only_itself() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for odd in ["1e400", deep.as_str()] {
            let body = format!(r#"{{"meetings":[{{"uuid":"bad==","id":{odd}}},{{"uuid":"good=="}}],"extra":{odd}}}"#);
            let page = list_page(body.as_bytes(), &me()).unwrap();
            assert_eq!(page.meetings.iter().map(|meeting| meeting.uuid.as_str()).collect::<Vec<_>>(), ["good=="]);
            assert!(page.damaged[0].starts_with("a meeting that cannot be read: "), "{:?}", page.damaged);
        }
    }

    #[test]
    fn a3_a_topic_cut_within_a_character_is_still_a_topic() {
        let cut = r#"{"meetings":[{"uuid":"u==","topic":"party \ud83d"},{"uuid":"v==","topic":"Caf"#;
        let page = list_page(&[cut.as_bytes(), b"\xe9\"}]}"].concat(), &me()).unwrap();
        assert_eq!(
            page.meetings.iter().map(|meeting| meeting.topic.as_str()).collect::<Vec<_>>(),
            ["party \u{fffd}", "Caf\u{fffd}"]
        );
        let refusal = refusal("\u{feff}{\"code\":124,\"message\":\"cut \\ud83d\"}".as_bytes()).unwrap();
        assert_eq!((refusal.code, refusal.message.as_str()), (124, "cut \u{fffd}"));
    }

    #[test]
    fn t4_a_time_at_the_ends_of_the_calendar_is_none() {
        for time in ["+262142-12-31T23:59:59", "-262143-01-01T00:00:00", "9999-12-31T23:59:60-23:59"] {
            let meeting = one_meeting(&json!({ "uuid": "u==", "start_time": time, "duration": u32::MAX }));
            assert_eq!(meeting.start_time, DateTime::<Utc>::default(), "{time}");
            assert!(meeting.ended() >= meeting.start_time);
        }
    }

    const MEETING_KEYS: [&str; 13] = [
        "uuid",
        "id",
        "topic",
        "start_time",
        "timezone",
        "duration",
        "host_id",
        "host_email",
        "share_url",
        "auto_delete",
        "auto_delete_date",
        "recording_files",
        "type",
    ];
    const FILE_KEYS: [&str; 9] = [
        "id",
        "file_type",
        "file_size",
        "status",
        "download_url",
        "recording_start",
        "recording_end",
        "recording_type",
        "file_extension",
    ];

    /// An object with some of these keys, each with a value that may well be none of its type.
    fn any_object(keys: &'static [&'static str]) -> impl Strategy<Value = Value> {
        let value = prop_oneof![
            2 => hostile::json(),
            1 => hostile::times().prop_map(Value::from),
            1 => hostile::strings().prop_map(Value::from),
            1 => hostile::strings().prop_map(|path| format!("https://us06web.zoom.us/{path}").into()),
            1 => select(vec![json!("MP4"), json!("completed"), json!("5"), json!(5), json!(" mp4 "), json!("")]),
        ];
        prop::collection::hash_map(select(keys), value, 0..keys.len())
            .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into())
    }

    fn any_record() -> impl Strategy<Value = Value> {
        (any_object(&MEETING_KEYS), prop::collection::vec(any_object(&FILE_KEYS), 0..4)).prop_map(
            |(mut record, files)| {
                if !files.is_empty() {
                    record["recording_files"] = files.into();
                }
                record
            },
        )
    }

    fn check_meeting(meeting: &Meeting) {
        assert!(!meeting.topic.is_empty() && meeting.topic.chars().count() <= MAX_TOPIC);
        assert!(!meeting.topic.contains(char::is_control), "{:?}", meeting.topic);
        assert!(meeting.share_url.as_ref().is_none_or(|url| !url.contains(['?', '#'])), "{:?}", meeting.share_url);
        assert!(meeting.ended() >= meeting.start_time);
        let ids: HashSet<&str> = meeting.files.iter().map(|file| file.id.as_str()).collect();
        assert_eq!(ids.len(), meeting.files.len(), "each id once");
        for time in meeting.files.iter().flat_map(|file| [file.recording_start, file.recording_end]).flatten() {
            assert!((0..=9999).contains(&time.year()));
        }
        for text in [&meeting.timezone, &meeting.host_id, &meeting.host_email].into_iter().flatten() {
            assert!(text.chars().count() <= MAX_LABEL && !text.contains(char::is_control), "{text:?}");
        }
        for file in &meeting.files {
            assert!(file.recording_type.as_str().chars().count() <= MAX_LABEL);
            let is_ready = matches!(file.availability, Availability::Ready(_));
            assert!(!(is_ready && file.size == Some(ByteCount(0))), "an empty file is not ready yet");
        }
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn a1_any_answer_is_read_or_refused(bytes in hostile::bytes(), wrapped in hostile::json_text()) {
            for body in [bytes, format!(r#"{{"meetings":{wrapped}}}"#).into_bytes()] {
                match list_page(&body, &me()) {
                    Ok(page) => page.meetings.iter().for_each(check_meeting),
                    Err(error) => prop_assert!(!error.to_string().contains(char::is_control), "{error}"),
                }
                if let Some(refusal) = refusal(&body) {
                    prop_assert!(!refusal.message.contains(char::is_control));
                    prop_assert!(refusal.message.chars().count() <= MAX_MESSAGE);
                }
            }
        }

        #[test]
        fn a1_a2_any_record_is_read_or_named(record in any_record()) {
            let page = list_page(json!({ "meetings": [record] }).to_string().as_bytes(), &me()).unwrap();
            prop_assert!(page.meetings.len() + page.damaged.len() >= 1);
            page.meetings.iter().for_each(check_meeting);
        }

        #[test]
        fn a2_of_a_file_nothing_but_an_address_is_needed(entry in any_object(&FILE_KEYS)) {
            let record = json!({ "uuid": "u==", "recording_files": [entry] });
            let page = list_page(json!({ "meetings": [record] }).to_string().as_bytes(), &me()).unwrap();
            prop_assert_eq!(page.meetings.len(), 1);
            prop_assert_eq!(page.meetings[0].files.len() + page.damaged.len(), 1);
        }

        #[test]
        fn a3_no_field_of_one_record_costs_another(
            key in select(&MEETING_KEYS[..]),
            value in hostile::well_formed_json(),
            good in any_record(),
        ) {
            let body = format!(r#"{{"meetings":[{{"uuid":"a==","{key}":{value}}},{good}],"{key}":{value}}}"#);
            let alone = list_page(json!({ "meetings": [good] }).to_string().as_bytes(), &me()).unwrap();
            let page = list_page(body.as_bytes(), &me()).unwrap();
            prop_assert!(page.meetings.ends_with(&alone.meetings));
            prop_assert!(page.damaged.ends_with(&alone.damaged));
        }

        #[test]
        fn s2_an_extension_is_one_of_ours_and_never_the_answers(sent in hostile::strings(), file_type in hostile::strings()) {
            let file = one_file(&json!({ "id": "f", "file_type": file_type, "file_extension": sent }));
            let ours = ["mp4", "m4a", "txt", "vtt", "csv", "json", "jpg", "bin"];
            prop_assert!(ours.contains(&file.extension.as_str()));
        }

        #[test]
        fn s7_t4_any_date_is_a_time_that_can_be_reckoned_with_or_none(date in hostile::times(), minutes in any::<u32>()) {
            let record = json!({
                "uuid": "u==", "start_time": date, "auto_delete_date": date, "duration": minutes,
                "recording_files": [{ "id": "f", "recording_start": date, "recording_end": date }],
            });
            let page = json!({ "meetings": [record], "from": date, "to": date });
            let page = list_page(page.to_string().as_bytes(), &me()).unwrap();
            check_meeting(&page.meetings[0]);
        }
    }
}
