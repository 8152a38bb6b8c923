//! The vocabulary: Zoom's meetings and recording files as the rest of the program knows them.
//!
//! Parsed once, where Zoom's JSON arrives (`zoom::wire`); from there on nothing checks them again.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use url::Url;

/// What may stand in a path segment as it is (RFC 3986, "unreserved").
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a string is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing in it.
    #[error("an identifier is empty")]
    Empty,
    /// Longer than any that Zoom makes.
    #[error("an identifier is longer than {} characters", Self::MAX_LEN)]
    TooLong,
    /// A control character, which no identifier has.
    #[error("an identifier has a control character in it")]
    Control,
    /// A step of a path, which would lead a request elsewhere however it is encoded.
    #[error("an identifier is `.` or `..`")]
    Dots,
}

impl IdError {
    const MAX_LEN: usize = 512;

    fn check(text: &str) -> Result<(), Self> {
        if text.trim().is_empty() {
            Err(Self::Empty)
        } else if text.len() > Self::MAX_LEN {
            Err(Self::TooLong)
        } else if text.chars().any(char::is_control) {
            Err(Self::Control)
        } else if matches!(text, "." | "..") {
            Err(Self::Dots)
        } else {
            Ok(())
        }
    }
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as Zoom writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                IdError::check(&text).map(|()| Self(text))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier! {
    /// One session of a meeting, by the id that Zoom calls its UUID.
    ///
    /// Not a UUID in form: base64, which may begin with `/` or contain `//`.
    MeetingUuid
}

identifier! {
    /// One recording file. Caption and timeline files may come without an id; theirs is made of
    /// `file_type@recording_start`.
    FileId
}

identifier! {
    /// A user as the settings name them: `me`, a user id or an e-mail address.
    UserId
}

impl MeetingUuid {
    /// The id as one segment of a request path.
    ///
    /// "If a UUID starts with `/` or contains `//`, you must double encode the UUID" (Zoom API,
    /// "Get meeting recordings", `meetingId`).
    #[must_use]
    pub fn path_segment(&self) -> String {
        let once = utf8_percent_encode(&self.0, SEGMENT).to_string();
        if self.0.starts_with('/') || self.0.contains("//") {
            utf8_percent_encode(&once, SEGMENT).to_string()
        } else {
            once
        }
    }
}

impl UserId {
    /// The user as one segment of a request path.
    #[must_use]
    pub fn path_segment(&self) -> String {
        utf8_percent_encode(&self.0, SEGMENT).to_string()
    }
}

/// A number of bytes; shown with binary units (`1.5 GiB`), read back from the same form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteCount(pub u64);

impl ByteCount {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

    /// `count` mebibytes.
    #[must_use]
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }
}

/// What is beyond counting is the most that can be counted: sizes come from elsewhere.
impl Sum for ByteCount {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self(0), |sum, size| Self(sum.0.saturating_add(size.0)))
    }
}

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unit = 0;
        let mut scale = 1u64;
        while self.0 / scale >= 1024 && unit + 1 < Self::UNITS.len() {
            scale <<= 10;
            unit += 1;
        }
        let name = Self::UNITS[unit];
        if self.0.is_multiple_of(scale) {
            return write!(f, "{} {name}", self.0 / scale);
        }
        let tenths = u128::from(self.0) * 10 / u128::from(scale);
        write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
    }
}

/// Why a text is no number of bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no size: write a number and a unit, like \"500 MiB\", \"2 GiB\" or \"1.5 TB\"")]
pub struct ByteCountError(String);

impl FromStr for ByteCount {
    type Err = ByteCountError;

    /// A number with B, KiB, MiB, GiB, TiB (powers of 1024) or KB, MB, GB, TB (powers of 1000).
    fn from_str(text: &str) -> Result<Self, ByteCountError> {
        let refused = || ByteCountError(text.to_owned());
        let trimmed = text.trim();
        let end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let scale: u128 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "tib" => 1 << 40,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "tb" => 1_000_000_000_000,
            _ => return Err(refused()),
        };
        if fraction.is_empty() || fraction.len() > 9 {
            return Err(refused());
        }
        let whole: u128 = whole.parse().map_err(|_| refused())?;
        let parts: u128 = fraction.parse().map_err(|_| refused())?;
        let denominator = 10u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
        let bytes = whole.checked_mul(scale).and_then(|bytes| bytes.checked_add(parts * scale / denominator));
        bytes.and_then(|bytes| u64::try_from(bytes).ok()).map(Self).ok_or_else(refused)
    }
}

/// What a recording file is, as `select.files` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// A picture with sound; what the archive is for.
    Video,
    /// Sound alone.
    Audio,
    /// What was said, as text.
    Transcript,
    /// The chat.
    Chat,
    /// Closed captions.
    Captions,
    /// Zoom's timeline of the meeting.
    Timeline,
    /// Zoom's summaries.
    Summary,
    /// Anything else: polls, thumbnails, kinds to come.
    Other,
}

impl FileKind {
    /// All of them, in the order of the settings' documentation.
    pub const ALL: [Self; 8] = [
        Self::Video,
        Self::Audio,
        Self::Transcript,
        Self::Chat,
        Self::Captions,
        Self::Timeline,
        Self::Summary,
        Self::Other,
    ];

    /// The name in the settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Transcript => "transcript",
            Self::Chat => "chat",
            Self::Captions => "captions",
            Self::Timeline => "timeline",
            Self::Summary => "summary",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The extension of an archived file: one of a fixed list, never what Zoom sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extension {
    /// Video.
    Mp4,
    /// Audio.
    M4a,
    /// Plain text.
    Txt,
    /// Transcripts and captions.
    Vtt,
    /// Tables.
    Csv,
    /// Timelines and summaries.
    Json,
    /// Thumbnails.
    Jpg,
    /// Whatever else Zoom makes.
    Bin,
}

impl Extension {
    const ALL: [Self; 8] = [Self::Mp4, Self::M4a, Self::Txt, Self::Vtt, Self::Csv, Self::Json, Self::Jpg, Self::Bin];

    /// The one that is written so, without its dot.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|extension| extension.as_str() == text)
    }

    /// The extension without its dot.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::M4a => "m4a",
            Self::Txt => "txt",
            Self::Vtt => "vtt",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Jpg => "jpg",
            Self::Bin => "bin",
        }
    }
}

/// Zoom's `recording_type`, kept whatever it is: the list grows, and spellings are not promised.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordingType(String);

impl RecordingType {
    /// Longest stem made of a recording type; the longest known one has 35 characters.
    const MAX_STEM: usize = 64;

    /// Takes Zoom's spelling as it is.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Zoom's spelling; empty where it sent none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The type in `[a-z0-9_]`, fit for a file name; empty where nothing of it remains.
    ///
    /// `shared_screen_with_speaker_view(CC)` becomes `shared_screen_with_speaker_view_cc`.
    #[must_use]
    pub fn stem(&self) -> String {
        let mut stem = String::new();
        for c in self.0.chars().take(4 * Self::MAX_STEM) {
            if c.is_ascii_alphanumeric() {
                stem.push(c.to_ascii_lowercase());
            } else if !stem.is_empty() && !stem.ends_with('_') {
                stem.push('_');
            }
            if stem.len() == Self::MAX_STEM {
                break;
            }
        }
        stem.truncate(stem.trim_end_matches('_').len());
        stem
    }

    /// The place in the order of preference for YouTube, 0 the best; `None` where only the size decides.
    #[must_use]
    pub fn rank(&self) -> Option<u8> {
        let stem = self.stem();
        match stem.strip_suffix("_cc").unwrap_or(&stem) {
            "shared_screen_with_gallery_view" => Some(0),
            "gallery_view" => Some(1),
            "active_speaker" => Some(2),
            "shared_screen_with_speaker_view" => Some(3),
            _ => None,
        }
    }
}

/// The address of a recording file. Shown as its host only, for what follows may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct DownloadUrl(Url);

impl DownloadUrl {
    /// Takes an address as Zoom listed it.
    #[must_use]
    pub const fn new(url: Url) -> Self {
        Self(url)
    }

    /// The whole address, for the request.
    #[must_use]
    pub const fn expose(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for DownloadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DownloadUrl({}/...)", self.0.host_str().unwrap_or("?"))
    }
}

/// Whether a file can be fetched now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Complete at Zoom, to be had under this address.
    Ready(DownloadUrl),
    /// Zoom is still at work on it: another status than `completed`, a size of 0, or no address.
    Processing,
}

/// One file of a recorded meeting, as Zoom listed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingFile {
    /// Its id.
    pub id: FileId,
    /// What it is; `None` while Zoom has not said (`file_type` empty: it is still being made).
    pub kind: Option<FileKind>,
    /// Zoom's `recording_type`.
    pub recording_type: RecordingType,
    /// The extension it gets in the archive.
    pub extension: Extension,
    /// When this stretch of recording began.
    pub recording_start: Option<DateTime<Utc>>,
    /// When it ended; none while it runs.
    pub recording_end: Option<DateTime<Utc>>,
    /// Zoom's `file_size`, where it sent one.
    pub size: Option<ByteCount>,
    /// Whether it can be fetched.
    pub availability: Availability,
}

/// One recorded session of a meeting, as Zoom listed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// The session's id.
    pub uuid: MeetingUuid,
    /// The meeting's number, shared by all its sessions.
    pub meeting_id: Option<u64>,
    /// Its name; `Untitled Meeting` where it has none.
    pub topic: String,
    /// When it began. Where Zoom sent no usable time, the start of its first recording, else 1970.
    pub start_time: DateTime<Utc>,
    /// The IANA zone that Zoom names for it: for display only.
    pub timezone: Option<String>,
    /// Zoom's `duration` in minutes; may be 0.
    pub duration_min: u32,
    /// The host's user id.
    pub host_id: Option<String>,
    /// The host's address.
    pub host_email: Option<String>,
    /// Where people watch it at Zoom, without its query.
    pub share_url: Option<String>,
    /// The user, of those in the settings, in whose listing it was found.
    pub user: UserId,
    /// The day on which Zoom will delete it.
    pub auto_delete_date: Option<NaiveDate>,
    /// Its files, in Zoom's order, each id once.
    pub files: Vec<RecordingFile>,
}

impl Meeting {
    /// What an empty topic reads.
    pub const UNTITLED: &'static str = "Untitled Meeting";

    /// When the last of its recordings ended, as far as Zoom says; else its start and duration.
    #[must_use]
    pub fn ended(&self) -> DateTime<Utc> {
        let by_duration = self.start_time + chrono::TimeDelta::minutes(i64::from(self.duration_min));
        let times = self.files.iter().filter_map(|file| file.recording_end.or(file.recording_start));
        times.max().map_or(by_duration, |last| last.max(self.start_time))
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;
    use crate::hostile;

    #[test]
    fn a10_a_uuid_is_encoded_twice_only_where_zoom_asks_for_it() {
        for (uuid, segment) in [
            ("DqClgwqMRYmwXuDfFFAkog==", "DqClgwqMRYmwXuDfFFAkog%3D%3D"),
            ("a/b+c==", "a%2Fb%2Bc%3D%3D"),
            ("/ajXp112QmuoKj4854875==", "%252FajXp112QmuoKj4854875%253D%253D"),
            ("a//b+c==", "a%252F%252Fb%252Bc%253D%253D"),
        ] {
            assert_eq!(uuid.parse::<MeetingUuid>().unwrap().path_segment(), segment);
        }
    }

    #[test]
    fn an_identifier_is_neither_empty_nor_endless_nor_a_control_sequence_nor_a_step_of_a_path() {
        assert_eq!(" ".parse::<FileId>(), Err(IdError::Empty));
        assert_eq!("a\nb".parse::<FileId>(), Err(IdError::Control));
        assert_eq!("..".parse::<UserId>(), Err(IdError::Dots));
        assert_eq!("A".repeat(65_536).parse::<FileId>(), Err(IdError::TooLong));
    }

    #[test]
    fn sizes_read_as_they_are_written() {
        for (text, bytes) in
            [("0 B", 0), ("2 GiB", 2 << 30), ("20MiB", 20 << 20), ("1.5 GiB", 3 << 29), ("1 MB", 1_000_000), ("17", 17)]
        {
            assert_eq!(text.parse(), Ok(ByteCount(bytes)), "{text}");
        }
        for text in ["", "GiB", "-1 B", "1 parsec", "1e5", "1..5 B", "1. B", "99999999999 TiB", "18446744073709551616"]
            .into_iter()
            .chain(["340282366920938463463374607431768211.9 KB"])
        {
            assert!(text.parse::<ByteCount>().is_err(), "{text}");
        }
        assert_eq!(ByteCount(3 << 29).to_string(), "1.5 GiB");
        assert_eq!(ByteCount(1023).to_string(), "1023 B");
        assert_eq!(ByteCount(u64::MAX).to_string(), "16777215.9 TiB");
        assert_eq!([ByteCount(u64::MAX), ByteCount(1)].into_iter().sum::<ByteCount>(), ByteCount(u64::MAX));
    }

    #[test]
    fn s3_a_recording_type_becomes_a_plain_name_whatever_zoom_sends() {
        for (sent, stem) in [
            ("gallery_view", "gallery_view"),
            ("shared_screen_with_speaker_view(CC)", "shared_screen_with_speaker_view_cc"),
            ("../../etc/x", "etc_x"),
            ("mp4\0.sh", "mp4_sh"),
            ("😀", ""),
            ("__--__", ""),
        ] {
            assert_eq!(RecordingType::new(sent).stem(), stem);
        }
        assert!(RecordingType::new(&"A".repeat(65_536)).stem().len() <= 64);
    }

    #[test]
    fn captions_do_not_change_a_views_rank() {
        let rank = |text| RecordingType::new(text).rank();
        assert_eq!(rank("shared_screen_with_gallery_view"), Some(0));
        assert_eq!(rank("shared_screen_with_speaker_view(CC)"), rank("shared_screen_with_speaker_view"));
        assert_eq!(rank("shared_screen"), None);
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn a10_any_identifier_is_one_segment_of_a_path_and_comes_back_from_it(text in hostile::strings()) {
            let Ok(uuid) = text.parse::<MeetingUuid>() else { return Ok(()) };
            prop_assert!(!text.contains(char::is_control) && text.len() <= IdError::MAX_LEN && !text.trim().is_empty());
            prop_assert_eq!(uuid.as_str(), &text);
            let decode = |segment: &str| percent_decode_str(segment).decode_utf8().unwrap().into_owned();
            let user: UserId = text.parse().unwrap();
            prop_assert_eq!(&decode(&user.path_segment()), &text);
            let once = decode(&uuid.path_segment());
            let is_twice = text.starts_with('/') || text.contains("//");
            prop_assert_eq!(uuid.path_segment().contains("%25"), is_twice || text.contains('%'), "{}", uuid.path_segment());
            prop_assert_eq!(if is_twice { decode(&once) } else { once }, text);
            for segment in [uuid.path_segment(), user.path_segment()] {
                prop_assert!(segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
                let url = Url::parse(&format!("https://api.zoom.us/v2/meetings/{segment}/recordings")).unwrap();
                prop_assert_eq!(url.path_segments().unwrap().count(), 4, "{}", url);
            }
        }

        #[test]
        fn s2_s3_any_recording_type_is_a_plain_short_name_or_none(text in hostile::strings()) {
            let recording_type = RecordingType::new(&text);
            let stem = recording_type.stem();
            prop_assert!(stem.len() <= RecordingType::MAX_STEM && !stem.starts_with('_') && !stem.ends_with('_'));
            prop_assert!(stem.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
            prop_assert_eq!(RecordingType::new(&stem).stem(), stem);
            prop_assert!(recording_type.rank().is_none_or(|rank| rank <= 3));
        }

        #[test]
        fn any_size_is_read_or_refused_and_reads_as_it_is_written(
            text in prop_oneof![hostile::strings(), "[0-9]{0,40}[.]?[0-9]{0,10} ?[kmgtKMGT]?[iI]?[bB]?"],
            bytes in any::<u64>(),
        ) {
            if let Ok(size) = text.parse::<ByteCount>() {
                prop_assert!(text.trim().starts_with(|c: char| c.is_ascii_digit()), "{} is no {}", text, size);
            }
            let shown = ByteCount(bytes).to_string();
            let read: ByteCount = shown.parse().unwrap();
            prop_assert!(read.0 <= bytes && read.0 >= bytes - bytes / 10, "{} is read as {}", shown, read);
        }

        #[test]
        fn l6_the_address_of_a_recording_shows_its_host_alone(path in hostile::strings()) {
            if let Ok(url) = Url::parse(&format!("https://us06web.zoom.us/SECRET{path}?token=SECRET")) {
                let shown = format!("{:?}", DownloadUrl::new(url));
                prop_assert_eq!(shown, "DownloadUrl(us06web.zoom.us/...)");
            }
        }
    }
}
