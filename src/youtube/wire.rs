//! Google's JSON into our types: nothing past it knows the format.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::YoutubeError;
use crate::http::{json_text, read_json};
use crate::meeting::ByteCount;

/// The longest piece of Google's prose that is repeated, in characters.
const MAX_WORDS: usize = 300;

/// What an error body says; empty where it doesn't.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Google's word for it, like `quotaExceeded`.
    pub reason: String,
    /// Its sentence, without control characters and tags, cut to a readable length.
    pub message: String,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its id.
    pub id: String,
    /// Its name, made safe to print.
    pub title: String,
    /// Whether it may have videos of more than 15 minutes.
    pub long_uploads: LongUploads,
    /// The playlist of all its videos.
    pub uploads: String,
}

/// Whether a channel may have videos of more than 15 minutes (`status.longUploadsStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongUploads {
    /// It may.
    Allowed,
    /// It may once its owner's telephone number is verified.
    Eligible,
    /// It may not.
    Disallowed,
    /// `YouTube` doesn't say.
    Unknown,
}

/// `YouTube`'s id of a video.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VideoId(String);

/// A text that is no id of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no id of a video")]
pub struct NoVideoId;

impl VideoId {
    /// The id as `YouTube` writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for VideoId {
    type Error = NoVideoId;

    fn try_from(text: String) -> Result<Self, NoVideoId> {
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(is_id);
        if fits { Ok(Self(text)) } else { Err(NoVideoId) }
    }
}

impl FromStr for VideoId {
    type Err = NoVideoId;

    fn from_str(text: &str) -> Result<Self, NoVideoId> {
        Self::try_from(text.to_owned())
    }
}

impl From<VideoId> for String {
    fn from(id: VideoId) -> Self {
        id.0
    }
}

impl fmt::Display for VideoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What has become of a video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Processing {
    /// `YouTube` is still at work on it.
    Going,
    /// It can be watched.
    Done,
    /// `YouTube` could make no video of it, for this reason (`codec`, say).
    Failed(String),
    /// `YouTube` doesn't want it, for this reason (`duplicate`, say).
    Rejected(String),
    /// It was deleted.
    Deleted,
}

/// A video of the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    /// Its id.
    pub id: VideoId,
    /// What has become of it.
    pub processing: Processing,
    /// Who may see it, in `YouTube`'s word.
    pub privacy: Option<String>,
    /// Its title, made safe to print; empty where it wasn't asked for, like what follows.
    pub title: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The name of the file that was sent.
    pub file_name: Option<String>,
    /// The size of that file.
    pub file_size: Option<ByteCount>,
}

/// Reads the answer of `videos.list`; what is no video in it is left out.
pub(super) fn videos(body: &[u8]) -> Result<Vec<Video>, YoutubeError> {
    let answer = read_json(&json_text(body)).map_err(YoutubeError::Unreadable)?;
    Ok(answer["items"].as_array().into_iter().flatten().filter_map(video).collect())
}

fn video(item: &Value) -> Option<Video> {
    let text = |value: &Value| value.as_str().map(plain);
    let status = &item["status"];
    let reason = |key: &str| text(&status[key]).filter(|reason| !reason.is_empty());
    let unknown = || "unknown".to_owned();
    let processing = match (status["uploadStatus"].as_str(), item["processingDetails"]["processingStatus"].as_str()) {
        (Some("deleted"), _) => Processing::Deleted,
        (Some("rejected"), _) => Processing::Rejected(reason("rejectionReason").unwrap_or_else(unknown)),
        (Some("failed"), _) => Processing::Failed(reason("failureReason").unwrap_or_else(unknown)),
        (Some("processed"), _) | (_, Some("succeeded")) => Processing::Done,
        (_, Some(ended @ ("failed" | "terminated"))) => {
            Processing::Failed(reason("failureReason").unwrap_or_else(|| ended.to_owned()))
        }
        _ => Processing::Going,
    };
    let tags = item["snippet"]["tags"].as_array().into_iter().flatten().filter_map(text);
    // Numbers of 64 bits are sent as text.
    let size = &item["fileDetails"]["fileSize"];
    Some(Video {
        id: item["id"].as_str()?.parse().ok()?,
        processing,
        privacy: privacy(status),
        title: text(&item["snippet"]["title"]).unwrap_or_default(),
        tags: tags.collect(),
        file_name: text(&item["fileDetails"]["fileName"]),
        file_size: size.as_str().and_then(|size| size.parse().ok()).or_else(|| size.as_u64()).map(ByteCount),
    })
}

/// Who may see a video, of its `status`.
pub(super) fn privacy(status: &Value) -> Option<String> {
    status["privacyStatus"].as_str().map(plain)
}

/// Whether the answer of `playlistItems.list` has anything in it.
pub(super) fn has_items(body: &[u8]) -> Result<bool, YoutubeError> {
    let answer = read_json(&json_text(body)).map_err(YoutubeError::Unreadable)?;
    Ok(answer["items"].as_array().is_some_and(|items| !items.is_empty()))
}

/// Reads the answer of `channels.list` with `mine=true`.
pub(super) fn channel(body: &[u8]) -> Result<Channel, YoutubeError> {
    let answer = read_json(&json_text(body)).map_err(YoutubeError::Unreadable)?;
    let item = &answer["items"][0];
    let text = |value: &Value| plain(value.as_str().unwrap_or_default());
    let id = text(&item["id"]);
    if id.is_empty() {
        return Err(YoutubeError::NoChannel);
    }
    Ok(Channel {
        id,
        title: text(&item["snippet"]["title"]),
        long_uploads: match item["status"]["longUploadsStatus"].as_str() {
            Some("allowed") => LongUploads::Allowed,
            Some("eligible") => LongUploads::Eligible,
            Some("disallowed") => LongUploads::Disallowed,
            _ => LongUploads::Unknown,
        },
        uploads: text(&item["contentDetails"]["relatedPlaylists"]["uploads"]),
    })
}

/// A page of a channel's videos.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Uploads {
    /// When each was published, and its id where that is told; the newest first.
    pub(super) published: Vec<(DateTime<Utc>, Option<VideoId>)>,
    /// The token of the next page, if there is one.
    pub(super) next: Option<String>,
}

/// Reads the answer of `playlistItems.list` for the playlist of a channel's videos.
pub(super) fn uploads(body: &[u8]) -> Result<Uploads, YoutubeError> {
    let answer = read_json(&json_text(body)).map_err(YoutubeError::Unreadable)?;
    let items = answer["items"].as_array().into_iter().flatten();
    let id = |item: &Value| item["contentDetails"]["videoId"].as_str()?.parse().ok();
    let published = |item: &Value| Some((item["snippet"]["publishedAt"].as_str()?.parse().ok()?, id(item)));
    let next = answer["nextPageToken"].as_str().filter(|token| !token.is_empty()).map(str::to_owned);
    Ok(Uploads { published: items.filter_map(published).collect(), next })
}

/// What an error body says: `error.errors[0].reason`, else `error.status`; some have only a message.
pub(super) fn refusal(body: &[u8]) -> Refusal {
    let answer = read_json(&json_text(body)).unwrap_or(Value::Null);
    let error = &answer["error"];
    let text = |value: &Value| value.as_str().map(plain);
    let reason = text(&error["errors"][0]["reason"]).or_else(|| text(&error["status"]));
    Refusal {
        reason: reason.unwrap_or_default(),
        message: text(&error["message"]).map(|message| without_tags(&message)).unwrap_or_default(),
    }
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect()
}

/// Google's sentences have links in them, as of HTML.
fn without_tags(text: &str) -> String {
    let mut is_inside = false;
    let mut keep = |c: char| {
        is_inside |= c == '<';
        let is_kept = !is_inside;
        is_inside &= c != '>';
        is_kept
    };
    text.chars().filter(|c| keep(*c)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hostile;

    #[test]
    fn a_channel_is_read_with_what_it_may_do() {
        let read = |status: &str| {
            let body = format!(
                r#"{{"items":[{{"id":"UC1","snippet":{{"title":"Class\u001b"}},"status":{{"longUploadsStatus":"{status}"}},
                "contentDetails":{{"relatedPlaylists":{{"uploads":"UU1"}}}}}}]}}"#
            );
            channel(body.as_bytes()).unwrap()
        };
        let expected = Channel {
            id: "UC1".to_owned(),
            title: "Class".to_owned(),
            long_uploads: LongUploads::Allowed,
            uploads: "UU1".to_owned(),
        };
        assert_eq!(read("allowed"), expected);
        assert_eq!(read("eligible").long_uploads, LongUploads::Eligible);
        assert_eq!(read("disallowed").long_uploads, LongUploads::Disallowed);
        assert_eq!(read("longUploadsUnspecified").long_uploads, LongUploads::Unknown);
    }

    #[test]
    fn an_account_without_a_channel_is_told_as_such() {
        for body in ["{}", r#"{"items":[]}"#, r#"{"items":[{"id":""}]}"#] {
            assert!(matches!(channel(body.as_bytes()), Err(YoutubeError::NoChannel)), "{body}");
        }
        assert!(matches!(channel(b"<html>"), Err(YoutubeError::Unreadable(_))));
    }

    #[test]
    fn of_a_page_of_videos_what_can_be_read_is_read() {
        let body = br#"{"nextPageToken":"CAUQAA","items":[{"snippet":{"publishedAt":"2025-12-02T17:30:00Z"}},
            {"snippet":{"publishedAt":"yesterday"}},{"snippet":{}},7]}"#;
        let published = vec![("2025-12-02T17:30:00Z".parse().unwrap(), None)];
        assert_eq!(uploads(body).unwrap(), Uploads { published, next: Some("CAUQAA".to_owned()) });
        assert_eq!(uploads(br#"{"items":[],"nextPageToken":""}"#).unwrap(), Uploads::default());
        assert!(uploads(b"<html>").is_err());
    }

    #[test]
    fn a_refusal_is_read_with_its_reason_and_without_tags() {
        let body = r#"{"error":{"code":403,"message":"You have exceeded your <a href=\"/q\">quota</a>.",
            "errors":[{"message":"...","domain":"youtube.quota","reason":"quotaExceeded"}]}}"#;
        let expected =
            Refusal { reason: "quotaExceeded".to_owned(), message: "You have exceeded your quota.".to_owned() };
        assert_eq!(refusal(body.as_bytes()), expected);
        assert_eq!(refusal(br#"{"error":{"status":"UNAUTHENTICATED"}}"#).reason, "UNAUTHENTICATED");
        assert_eq!(refusal(b"<html>"), Refusal::default());
    }

    #[test]
    fn y14_what_has_become_of_a_video_is_read_from_its_status_and_its_processing() {
        let read = |status: &str, processing: &str| {
            let body = format!(
                r#"{{"items":[{{"id":"v","status":{{{status}}},"processingDetails":{{"processingStatus":"{processing}"}}}},
                {{"id":"../x"}},5]}}"#
            );
            let videos = videos(body.as_bytes()).unwrap();
            assert_eq!(videos.len(), 1);
            videos[0].processing.clone()
        };
        let failed = |reason: &str| Processing::Failed(reason.to_owned());
        for (status, processing, expected) in [
            (r#""uploadStatus":"uploaded""#, "processing", Processing::Going),
            (r#""uploadStatus":"uploaded""#, "", Processing::Going),
            ("", "", Processing::Going),
            (r#""uploadStatus":"processed""#, "succeeded", Processing::Done),
            (r#""uploadStatus":"processed""#, "terminated", Processing::Done),
            (r#""uploadStatus":"uploaded""#, "succeeded", Processing::Done),
            (r#""uploadStatus":"failed","failureReason":"codec""#, "failed", failed("codec")),
            (r#""uploadStatus":"uploaded""#, "terminated", failed("terminated")),
            (r#""uploadStatus":"failed""#, "", failed("unknown")),
            (
                r#""uploadStatus":"rejected","rejectionReason":"duplicate""#,
                "",
                Processing::Rejected("duplicate".to_owned()),
            ),
            (r#""uploadStatus":"deleted""#, "", Processing::Deleted),
        ] {
            assert_eq!(read(status, processing), expected, "{status} {processing}");
        }
    }

    #[test]
    fn a_video_is_read_with_what_tells_which_file_it_is_of() {
        let body =
            br#"{"items":[{"id":"dQw4w9WgXcQ","snippet":{"title":"Class\u001b","tags":["a",5,"zoom-archiver-1"]},
            "status":{"uploadStatus":"processed","privacyStatus":"private"},
            "fileDetails":{"fileName":"gallery_view.mp4","fileSize":"5000000000"}}]}"#;
        let expected = Video {
            id: "dQw4w9WgXcQ".parse().unwrap(),
            processing: Processing::Done,
            privacy: Some("private".to_owned()),
            title: "Class".to_owned(),
            tags: vec!["a".to_owned(), "zoom-archiver-1".to_owned()],
            file_name: Some("gallery_view.mp4".to_owned()),
            file_size: Some(ByteCount(5_000_000_000)),
        };
        assert_eq!(videos(body).unwrap(), [expected]);
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn any_answer_is_read_or_said_not_to_be_one(body in hostile::json_text()) {
            if let Ok(channel) = channel(body.as_bytes()) {
                prop_assert!(!channel.id.is_empty() && !channel.title.contains(char::is_control));
            }
            if let Ok(page) = uploads(body.as_bytes()) {
                prop_assert!(page.next.is_none_or(|token| !token.is_empty()));
            }
            for video in videos(body.as_bytes()).into_iter().flatten() {
                prop_assert!(!video.title.contains(char::is_control));
            }
            prop_assert!(!refusal(body.as_bytes()).message.contains(char::is_control));
        }
    }
}
