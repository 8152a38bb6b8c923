//! Google's JSON into our types: nothing past it knows the format.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::YoutubeError;
use crate::http::{json_text, read_json};

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
    /// When each was published; the newest first.
    pub(super) published: Vec<DateTime<Utc>>,
    /// The token of the next page, if there is one.
    pub(super) next: Option<String>,
}

/// Reads the answer of `playlistItems.list` for the playlist of a channel's videos.
pub(super) fn uploads(body: &[u8]) -> Result<Uploads, YoutubeError> {
    let answer = read_json(&json_text(body)).map_err(YoutubeError::Unreadable)?;
    let items = answer["items"].as_array().into_iter().flatten();
    let time = |item: &Value| item["snippet"]["publishedAt"].as_str()?.parse().ok();
    let next = answer["nextPageToken"].as_str().filter(|token| !token.is_empty()).map(str::to_owned);
    Ok(Uploads { published: items.filter_map(time).collect(), next })
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
        let published = vec!["2025-12-02T17:30:00Z".parse().unwrap()];
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
            prop_assert!(!refusal(body.as_bytes()).message.contains(char::is_control));
        }
    }
}
