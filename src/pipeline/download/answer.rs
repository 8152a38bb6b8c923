//! Pure: what an answer to a request for a file's bytes means.

use reqwest::StatusCode;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, LAST_MODIFIED};

/// What to do with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The bytes from `from` on follow.
    Bytes {
        /// Where they begin: what was asked for, or 0.
        from: u64,
        /// How long the whole file is, where the answer says.
        total: Option<u64>,
    },
    /// There are no bytes beyond those that are there: the file is this long.
    NoMore {
        /// Its length, where the answer says.
        total: Option<u64>,
    },
    /// A part of the file that wasn't asked for, or one that can't be made sense of.
    WrongRange,
    /// No bytes, but a refusal.
    Refused(StatusCode),
}

/// Reads the head of an answer to a request for the bytes from `have` on.
pub(super) fn read(status: StatusCode, headers: &HeaderMap, have: u64) -> Answer {
    match status {
        StatusCode::OK => Answer::Bytes { from: 0, total: number(headers, &CONTENT_LENGTH) },
        StatusCode::PARTIAL_CONTENT => partial(headers, have).unwrap_or(Answer::WrongRange),
        StatusCode::RANGE_NOT_SATISFIABLE => Answer::NoMore {
            total: text(headers, &CONTENT_RANGE).and_then(|range| range.strip_prefix("bytes */")?.parse().ok()),
        },
        other => Answer::Refused(other),
    }
}

/// `Content-Range: bytes 5-9/10` (RFC 9110, section 14.4), which must fit what was asked and the length of the body.
fn partial(headers: &HeaderMap, have: u64) -> Option<Answer> {
    let (span, total) = text(headers, &CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = span.split_once('-')?;
    let (first, last, total): (u64, u64, u64) =
        (first.trim().parse().ok()?, last.trim().parse().ok()?, total.trim().parse().ok()?);
    let follows = last.checked_add(1)?;
    let is_rest = first == have && follows == total && first < follows;
    let fits_body = number(headers, &CONTENT_LENGTH).is_none_or(|length| length == follows - first);
    (is_rest && fits_body).then_some(Answer::Bytes { from: first, total: Some(total) })
}

/// What `If-Range` can name this version of the bytes by: a strong entity tag, or else the time of its last change.
pub(super) fn validator(headers: &HeaderMap) -> Option<String> {
    let tag = text(headers, &ETAG).filter(|tag| tag.starts_with('"'));
    tag.or_else(|| text(headers, &LAST_MODIFIED)).filter(|value| value.len() <= 500).map(str::to_owned)
}

/// The declared type of the content.
pub(super) fn content_type(headers: &HeaderMap) -> Option<&str> {
    text(headers, &CONTENT_TYPE)
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], have: u64) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        read(StatusCode::from_u16(status).unwrap(), &map, have)
    }

    #[test]
    fn a_200_begins_anew_whatever_was_asked_for() {
        assert_eq!(answer(200, &[("content-length", "9")], 5), Answer::Bytes { from: 0, total: Some(9) });
        assert_eq!(answer(200, &[], 5), Answer::Bytes { from: 0, total: None });
    }

    #[test]
    fn a_206_counts_only_if_it_is_exactly_the_rest_that_was_asked_for() {
        let from_5 = |range: &str| answer(206, &[("content-range", range)], 5);
        assert_eq!(from_5("bytes 5-9/10"), Answer::Bytes { from: 5, total: Some(10) });
        for wrong in [
            "bytes 4-9/10",
            "bytes 6-9/10",
            "bytes 5-8/10",
            "bytes 5-9/*",
            "bytes 5-9/9",
            "5-9/10",
            "bytes 9-5/10",
            "",
            "bytes 5-18446744073709551615/0",
            "items 5-9/10",
        ] {
            assert_eq!(from_5(wrong), Answer::WrongRange, "{wrong}");
        }
        assert_eq!(answer(206, &[], 5), Answer::WrongRange);
        let multipart = [("content-type", "multipart/byteranges; boundary=x")];
        assert_eq!(answer(206, &multipart, 5), Answer::WrongRange);
        let other_length = [("content-range", "bytes 5-9/10"), ("content-length", "4")];
        assert_eq!(answer(206, &other_length, 5), Answer::WrongRange);
    }

    #[test]
    fn a_416_tells_the_length() {
        assert_eq!(answer(416, &[("content-range", "bytes */10")], 10), Answer::NoMore { total: Some(10) });
        assert_eq!(answer(416, &[("content-range", "bytes 0-1/10")], 10), Answer::NoMore { total: None });
    }

    #[test]
    fn a_weak_tag_names_no_bytes() {
        let mut headers = HeaderMap::new();
        headers.insert(ETAG, "W/\"1\"".parse().unwrap());
        assert_eq!(validator(&headers), None);
        headers.insert(LAST_MODIFIED, "Tue, 02 Dec 2025 18:14:34 GMT".parse().unwrap());
        assert_eq!(validator(&headers).as_deref(), Some("Tue, 02 Dec 2025 18:14:34 GMT"));
        headers.insert(ETAG, "\"1\"".parse().unwrap());
        assert_eq!(validator(&headers).as_deref(), Some("\"1\""));
    }

    proptest! {
        #[test]
        fn no_content_range_makes_it_panic_or_accept_another_start(range in "[ -~]{0,40}", have in any::<u64>()) {
            if let Answer::Bytes { from, .. } = answer(206, &[("content-range", &range)], have) {
                prop_assert_eq!(from, have);
            }
        }
    }
}
