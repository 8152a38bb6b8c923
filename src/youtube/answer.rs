//! Pure: what an upload's session answers, to bytes and to the question how many it has.

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RANGE};
use serde_json::Value;

use super::YoutubeError;
use super::wire::{self, VideoId};
use crate::http::{json_text, read_json};
use crate::trouble::Trouble;

/// A video that is complete at `YouTube`: it has all its bytes, though they are yet to be processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// Its id.
    pub video_id: VideoId,
    /// Who may see it, in `YouTube`'s word, which may be another than was asked for.
    pub privacy: Option<String>,
}

/// What an answer means.
#[derive(Debug)]
pub(super) enum Answer {
    /// The upload has ended with a video.
    Uploaded(Uploaded),
    /// The first so many bytes are stored; the next one is to follow.
    Stored(u64),
    /// A number of stored bytes that can't be.
    Nonsense,
    /// The upload has ended, but the answer names no video.
    Unnamed,
    /// There is no such session, or no longer.
    Gone,
    /// Another token is needed; the session is as it was.
    TokenRefused(YoutubeError),
    /// Anything else.
    Failed(YoutubeError),
}

/// What a session that is to get `size` bytes has answered ("Resumable Uploads").
pub(super) fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8], size: u64, now: DateTime<Utc>) -> Answer {
    match status {
        StatusCode::PERMANENT_REDIRECT => stored(headers, size).map_or(Answer::Nonsense, Answer::Stored),
        StatusCode::NOT_FOUND | StatusCode::GONE => Answer::Gone,
        _ if status.is_success() => uploaded(body).map_or(Answer::Unnamed, Answer::Uploaded),
        _ => {
            let error = YoutubeError::refused(status, headers, body, now);
            if error.trouble() == Some(Trouble::YoutubeToken) {
                Answer::TokenRefused(error)
            } else {
                Answer::Failed(error)
            }
        }
    }
}

/// How many bytes a 308 says are stored. Without a `Range`, it is none.
fn stored(headers: &HeaderMap, size: u64) -> Option<u64> {
    let mut ranges = headers.get_all(RANGE).iter();
    let Some(range) = ranges.next() else { return Some(0) };
    let text = range.to_str().ok().filter(|_| ranges.next().is_none())?.trim();
    let last = text.strip_prefix("bytes=").unwrap_or(text).strip_prefix("0-")?;
    let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    last.parse::<u64>().ok().filter(|_| is_number)?.checked_add(1).filter(|stored| *stored <= size)
}

/// The video that an answer names.
fn uploaded(body: &[u8]) -> Option<Uploaded> {
    let answer = read_json(&json_text(body)).unwrap_or(Value::Null);
    let video_id = answer["id"].as_str()?.parse().ok()?;
    Some(Uploaded { video_id, privacy: wire::privacy(&answer["status"]) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::hostile;

    const SIZE: u64 = 1000;

    fn ranges(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (RANGE, HeaderValue::from_static(value))).collect()
    }

    fn after_308(values: &[&'static str]) -> Option<u64> {
        match judge(StatusCode::PERMANENT_REDIRECT, &ranges(values), b"", SIZE, DateTime::default()) {
            Answer::Stored(bytes) => Some(bytes),
            Answer::Nonsense => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn y1_y2_a_308_says_how_many_bytes_are_stored() {
        for (range, stored) in
            [("bytes=0-0", 1), ("bytes=0-499", 500), ("bytes=0-998", 999), ("bytes=0-999", SIZE), ("0-499", 500)]
        {
            assert_eq!(after_308(&[range]), Some(stored), "{range}");
        }
        assert_eq!(after_308(&[]), Some(0));
    }

    #[test]
    fn y3_a_range_that_cannot_be_is_no_number_of_bytes() {
        for range in [
            "",
            "bytes=",
            "bytes=0-",
            "bytes=-5",
            "bytes=1-5",
            "bytes=00-5",
            "bytes=0-1000",
            "bytes=0-5,7-9",
            "bytes=0-+5",
            "bytes=0-5x",
            "bytes=0- 5",
            "bytes 0-5",
            "items=0-5",
            "bytes=0-18446744073709551615",
            "bytes=0-99999999999999999999",
        ] {
            assert_eq!(after_308(&[range]), None, "{range}");
        }
        assert_eq!(after_308(&["bytes=0-5", "bytes=0-9"]), None);
    }

    #[test]
    fn y5_an_upload_has_ended_with_a_video_whether_it_was_created_now_or_before() {
        let body = br#"{"kind":"youtube#video","id":"dQw4w9WgXcQ","status":{"uploadStatus":"uploaded","privacyStatus":"unlisted"}}"#;
        for status in [200, 201] {
            match judge(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body, SIZE, DateTime::default()) {
                Answer::Uploaded(video) => {
                    assert_eq!((video.video_id.as_str(), video.privacy.as_deref()), ("dQw4w9WgXcQ", Some("unlisted")));
                }
                other => panic!("{status}: {other:?}"),
            }
        }
    }

    #[test]
    fn y12_a_success_that_names_no_video_is_not_taken_for_one() {
        for body in
            ["", "{", "[]", "{}", r#"{"id":""}"#, r#"{"id":5}"#, r#"{"id":"../x"}"#, r#"{"id":"a b"}"#, "<html>"]
        {
            let answer = judge(StatusCode::OK, &HeaderMap::new(), body.as_bytes(), SIZE, DateTime::default());
            assert!(matches!(answer, Answer::Unnamed), "{body}: {answer:?}");
        }
    }

    #[test]
    fn y6_y9_y11_a_session_may_be_gone_want_another_token_or_fail() {
        for (status, reason, expected) in [
            (404, "", "Gone"),
            (410, "", "Gone"),
            (401, "authError", "TokenRefused"),
            (401, "", "TokenRefused"),
            (401, "youtubeSignupRequired", "Failed"),
            (500, "backendError", "Failed"),
            (503, "", "Failed"),
            (403, "quotaExceeded", "Failed"),
            (400, "invalidTitle", "Failed"),
            (302, "", "Failed"),
        ] {
            let body = format!(r#"{{"error":{{"errors":[{{"reason":"{reason}"}}]}}}}"#);
            let answer = judge(
                StatusCode::from_u16(status).unwrap(),
                &HeaderMap::new(),
                body.as_bytes(),
                SIZE,
                DateTime::default(),
            );
            assert!(format!("{answer:?}").starts_with(expected), "{status} {reason}: {answer:?}");
        }
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn y3_y12_whatever_is_answered_no_more_is_stored_than_there_is_and_no_video_has_a_strange_id(
            (range, body) in (prop::option::of(hostile::header_values()), hostile::json_text()),
            (status, size) in (100..600_u16, 1..u64::MAX),
        ) {
            let headers = range.into_iter().map(|value| (RANGE, value)).collect();
            match judge(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes(), size, DateTime::default()) {
                Answer::Stored(bytes) => prop_assert!(bytes <= size),
                Answer::Uploaded(video) => {
                    prop_assert!(video.video_id.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)));
                }
                _ => {}
            }
        }
    }
}
