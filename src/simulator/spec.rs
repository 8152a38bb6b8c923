//! Meetings and recording files in the words of a test: what Zoom is to have.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};

use super::media::{Content, Form};
use super::noise;

/// How far Zoom is with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not even its type is known.
    Untyped,
    /// Its type is known; its size is 0 and it has no address.
    Processing,
    Completed,
}

/// Changes to a JSON object after it was made: a field's new value, or `None` to leave it out.
type Edits = Vec<(String, Option<Value>)>;

/// A recording file that Zoom has.
#[derive(Clone, Debug)]
pub struct FileSpec {
    pub(super) id: Option<String>,
    pub(super) file_type: String,
    pub(super) extension: String,
    pub(super) recording_type: String,
    pub(super) form: Form,
    pub(super) size: u64,
    pub(super) version: u32,
    pub(super) starts_after: TimeDelta,
    pub(super) lasts: Option<TimeDelta>,
    pub(super) stage: Stage,
    pub(super) edits: Edits,
}

impl FileSpec {
    /// A file of any kind, with Zoom's words for its `file_type`, `file_extension` and `recording_type`.
    #[must_use]
    pub fn new(file_type: &str, extension: &str, recording_type: &str, form: Form, size: u64) -> Self {
        Self {
            id: None,
            file_type: file_type.to_owned(),
            extension: extension.to_owned(),
            recording_type: recording_type.to_owned(),
            form,
            size,
            version: 0,
            starts_after: TimeDelta::seconds(1),
            lasts: None,
            stage: Stage::Completed,
            edits: Edits::new(),
        }
    }

    /// An MP4 of `size` bytes (156 at least).
    #[must_use]
    pub fn video(recording_type: &str, size: u64) -> Self {
        Self::new("MP4", "MP4", recording_type, Form::Mp4, size)
    }

    /// The sound alone.
    #[must_use]
    pub fn audio(size: u64) -> Self {
        Self::new("M4A", "M4A", "audio_only", Form::M4a, size)
    }

    /// What was said, as text.
    #[must_use]
    pub fn transcript(size: u64) -> Self {
        Self::new("TRANSCRIPT", "VTT", "audio_transcript", Form::Vtt, size)
    }

    /// The chat.
    #[must_use]
    pub fn chat(size: u64) -> Self {
        Self::new("CHAT", "TXT", "chat_file", Form::Txt, size)
    }

    /// Closed captions, listed without most fields, as Zoom documents it.
    #[must_use]
    pub fn captions(size: u64) -> Self {
        Self::new("CC", "VTT", "closed_caption", Form::Vtt, size).sparse()
    }

    /// The timeline, listed without most fields, as Zoom documents it.
    #[must_use]
    pub fn timeline(size: u64) -> Self {
        Self::new("TIMELINE", "JSON", "timeline", Form::Json, size).sparse()
    }

    /// Gives it this id rather than one made of the meeting's uuid and its place there.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// Gives its bytes another form.
    #[must_use]
    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// Makes its recording begin so long after the meeting did (1 s is usual).
    #[must_use]
    pub fn starts_after(mut self, delay: TimeDelta) -> Self {
        self.starts_after = delay;
        self
    }

    /// Makes its recording last so long; otherwise it ends with the meeting.
    #[must_use]
    pub fn lasts(mut self, length: TimeDelta) -> Self {
        self.lasts = Some(length);
        self
    }

    /// Not ready: `status` is `processing`, its size 0, and it has no address.
    #[must_use]
    pub fn processing(mut self) -> Self {
        self.stage = Stage::Processing;
        self
    }

    /// Not ready, and Zoom doesn't even say what it will be: `file_type` is empty.
    #[must_use]
    pub fn untyped(mut self) -> Self {
        self.stage = Stage::Untyped;
        self
    }

    /// Ready.
    #[must_use]
    pub fn completed(mut self) -> Self {
        self.stage = Stage::Completed;
        self
    }

    /// Gives it other bytes, `size` of them: a new version under the same id.
    #[must_use]
    pub fn new_content(mut self, size: u64) -> Self {
        self.size = size;
        self.version += 1;
        self
    }

    /// Sends `value` under `field` in its JSON, whatever stood there.
    #[must_use]
    pub fn set(mut self, field: &str, value: Value) -> Self {
        self.edits.push((field.to_owned(), Some(value)));
        self
    }

    /// Lists another size than its bytes have.
    #[must_use]
    pub fn listed_size(self, size: u64) -> Self {
        self.set("file_size", json!(size))
    }

    /// Leaves `field` out of its JSON.
    #[must_use]
    pub fn without(mut self, field: &str) -> Self {
        self.edits.push((field.to_owned(), None));
        self
    }

    /// "A recording file object with file type of either `CC` or `TIMELINE` does not have `id`, `status`,
    /// `file_size`, `recording_type`, and `play_url`" (Zoom API, "List all recordings").
    fn sparse(self) -> Self {
        ["id", "status", "file_size", "recording_type", "play_url"].into_iter().fold(self, Self::without)
    }

    /// The id by which the simulator knows it, listed or not.
    pub(super) fn key(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }

    pub(super) fn content(&self) -> Content {
        Content::new(self.form, self.size, noise::digest((self.key(), self.version)))
    }

    /// The name it has within its meeting, for those who ask for it by kind.
    pub(super) fn is_called(&self, kind: &str) -> bool {
        self.recording_type == kind || self.file_type == kind
    }
}

/// A recorded session of a meeting that Zoom has.
#[derive(Clone, Debug)]
pub struct MeetingSpec {
    pub(super) uuid: String,
    pub(super) start: DateTime<Utc>,
    pub(super) number: u64,
    pub(super) topic: String,
    pub(super) minutes: u32,
    pub(super) timezone: String,
    pub(super) auto_delete: Option<NaiveDate>,
    pub(super) files: Vec<FileSpec>,
    pub(super) edits: Edits,
    pub(super) raw: Option<Value>,
}

impl MeetingSpec {
    /// A session of 45 minutes without any files yet.
    #[must_use]
    pub fn new(uuid: &str, start: DateTime<Utc>) -> Self {
        Self {
            uuid: uuid.to_owned(),
            start,
            number: 80_000_000_000 + noise::digest(uuid) % 10_000_000_000,
            topic: "Weekly class".to_owned(),
            minutes: 45,
            timezone: "Europe/Moscow".to_owned(),
            auto_delete: None,
            files: Vec::new(),
            edits: Edits::new(),
            raw: None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn topic(mut self, topic: &str) -> Self {
        topic.clone_into(&mut self.topic);
        self
    }

    /// Its length; Zoom's `duration`.
    #[must_use]
    pub fn minutes(mut self, minutes: u32) -> Self {
        self.minutes = minutes;
        self
    }

    /// The meeting's number, which all sessions of a recurring one share.
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    /// The zone that Zoom names for it.
    #[must_use]
    pub fn timezone(mut self, zone: &str) -> Self {
        zone.clone_into(&mut self.timezone);
        self
    }

    /// The day on which Zoom will delete it.
    #[must_use]
    pub fn auto_delete(mut self, day: NaiveDate) -> Self {
        self.auto_delete = Some(day);
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn file(mut self, mut file: FileSpec) -> Self {
        let id = noise::file_id((&self.uuid, self.files.len()));
        file.id.get_or_insert(id);
        self.files.push(file);
        self
    }

    /// Adds an MP4 of `size` bytes.
    #[must_use]
    pub fn video(self, recording_type: &str, size: u64) -> Self {
        self.file(FileSpec::video(recording_type, size))
    }

    /// Adds the sound alone, as a file of `size` bytes.
    #[must_use]
    pub fn audio(self, size: u64) -> Self {
        self.file(FileSpec::audio(size))
    }

    /// Adds a chat of `size` bytes.
    #[must_use]
    pub fn chat(self, size: u64) -> Self {
        self.file(FileSpec::chat(size))
    }

    /// Adds a transcript of `size` bytes.
    #[must_use]
    pub fn transcript(self, size: u64) -> Self {
        self.file(FileSpec::transcript(size))
    }

    /// Sends `value` under `field` in its JSON, whatever stood there.
    #[must_use]
    pub fn set(mut self, field: &str, value: Value) -> Self {
        self.edits.push((field.to_owned(), Some(value)));
        self
    }

    /// Leaves `field` out of its JSON.
    #[must_use]
    pub fn without(mut self, field: &str) -> Self {
        self.edits.push((field.to_owned(), None));
        self
    }

    /// Sends this as its record, whatever it is; its start still says which listings it is in.
    #[must_use]
    pub fn raw(mut self, record: Value) -> Self {
        self.raw = Some(record);
        self
    }
}
