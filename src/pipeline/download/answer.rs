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
            total: text(headers, &CONTENT_RANGE).and_then(|range| digits(range.strip_prefix("bytes */")?)),
        },
        other => Answer::Refused(other),
    }
}

/// `Content-Range: bytes 5-9/10` (RFC 9110, section 14.4), which must fit what was asked and the length of the body.
fn partial(headers: &HeaderMap, have: u64) -> Option<Answer> {
    let (span, total) = text(headers, &CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = span.split_once('-')?;
    let (first, last, total) = (digits(first)?, digits(last)?, digits(total)?);
    let span = last.checked_add(1)?.checked_sub(first)?;
    let is_rest = first == have && last + 1 == total && span > 0;
    let fits_body = number(headers, &CONTENT_LENGTH).is_none_or(|length| length == span);
    (is_rest && fits_body).then_some(Answer::Bytes { from: first, total: Some(total) })
}

/// What `If-Range` can name this version of the bytes by: a strong entity tag, or else the time of its last change.
pub(super) fn validator(headers: &HeaderMap) -> Option<String> {
    let tag = text(headers, &ETAG).filter(|tag| is_tag(tag));
    tag.or_else(|| text(headers, &LAST_MODIFIED)).filter(|value| value.len() <= 500).map(str::to_owned)
}

/// Of which version the rest of a file is, as far as an answer's head tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Of the one that its beginning is of; or the bytes will tell, which overlap.
    Same,
    /// Of another one.
    Other,
    /// It should say so, and doesn't.
    Unnamed,
}

/// Looks of which version the rest of a file is whose beginning is of this one.
///
/// The request asked for the rest on condition that nothing changed; a cache that knows no `If-Range` sends it all the
/// same. An entity tag must come with a 206, a date need not (RFC 9110, section 15.3.7).
pub(super) fn rest(headers: &HeaderMap, version: Option<&str>) -> Rest {
    let (named, is_needed) = match version {
        Some(tag) if is_tag(tag) => (text(headers, &ETAG), true),
        Some(_) => (text(headers, &LAST_MODIFIED), false),
        None => return Rest::Same,
    };
    match named {
        None if is_needed => Rest::Unnamed,
        None => Rest::Same,
        named if named == version => Rest::Same,
        _ => Rest::Other,
    }
}

/// Whether a version is named by a strong entity tag: it is then the same to the byte.
pub(super) fn is_tag(version: &str) -> bool {
    version.starts_with('"')
}

/// The declared type of the content.
pub(super) fn content_type(headers: &HeaderMap) -> Option<&str> {
    text(headers, &CONTENT_TYPE)
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    digits(text(headers, name)?)
}

/// A number as HTTP has it: digits, and no sign before them.
fn digits(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| !text.starts_with('+'))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::hostile;

    fn answer(status: u16, headers: &[(&str, &str)], have: u64) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        read(StatusCode::from_u16(status).unwrap(), &map, have)
    }

    #[test]
    fn h9_a_200_begins_anew_whatever_was_asked_for() {
        assert_eq!(answer(200, &[("content-length", "9")], 5), Answer::Bytes { from: 0, total: Some(9) });
        assert_eq!(answer(200, &[], 5), Answer::Bytes { from: 0, total: None });
    }

    #[test]
    fn h10_a_206_counts_only_if_it_is_exactly_the_rest_that_was_asked_for() {
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
            "bytes +5-9/10",
            "bytes 5 - 9 / 10",
        ] {
            assert_eq!(from_5(wrong), Answer::WrongRange, "{wrong}");
        }
        assert_eq!(answer(206, &[], 5), Answer::WrongRange);
        let multipart = [("content-type", "multipart/byteranges; boundary=x")];
        assert_eq!(answer(206, &multipart, 5), Answer::WrongRange);
        for (range, length) in [("bytes 5-9/10", "4"), ("bytes 9-5/6", "5"), ("bytes 5-0/1", "0")] {
            let other_length = [("content-range", range), ("content-length", length)];
            assert_eq!(answer(206, &other_length, 5), Answer::WrongRange, "{range}");
        }
    }

    #[test]
    fn h11_a_416_tells_the_length() {
        assert_eq!(answer(416, &[("content-range", "bytes */10")], 10), Answer::NoMore { total: Some(10) });
        assert_eq!(answer(416, &[("content-range", "bytes 0-1/10")], 10), Answer::NoMore { total: None });
    }

    #[test]
    fn h12_the_rest_is_of_the_same_version_only_where_its_tag_says_so_or_its_date_does_not_say_otherwise() {
        let says = |name: HeaderName, value: &str| HeaderMap::from_iter([(name, value.parse().unwrap())]);
        let (date, other) = ("Tue, 02 Dec 2025 18:14:34 GMT", "Wed, 03 Dec 2025 18:14:34 GMT");
        for (version, headers, expected) in [
            (Some("\"1\""), says(ETAG, "\"1\""), Rest::Same),
            (Some("\"1\""), says(ETAG, "\"2\""), Rest::Other),
            (Some("\"1\""), HeaderMap::new(), Rest::Unnamed),
            (Some(date), says(LAST_MODIFIED, date), Rest::Same),
            (Some(date), says(LAST_MODIFIED, other), Rest::Other),
            (Some(date), HeaderMap::new(), Rest::Same),
            (None, says(ETAG, "\"2\""), Rest::Same),
        ] {
            assert_eq!(rest(&headers, version), expected, "{version:?} {headers:?}");
        }
    }

    #[test]
    fn h12_a_weak_tag_names_no_bytes() {
        let mut headers = HeaderMap::new();
        headers.insert(ETAG, "W/\"1\"".parse().unwrap());
        assert_eq!(validator(&headers), None);
        headers.insert(LAST_MODIFIED, "Tue, 02 Dec 2025 18:14:34 GMT".parse().unwrap());
        assert_eq!(validator(&headers).as_deref(), Some("Tue, 02 Dec 2025 18:14:34 GMT"));
        headers.insert(ETAG, "\"1\"".parse().unwrap());
        assert_eq!(validator(&headers).as_deref(), Some("\"1\""));
    }

    /// A `Content-Range` that fits, nearly fits, or is none.
    fn any_range(have: u64) -> impl Strategy<Value = String> {
        let number = || {
            prop_oneof![0..20_u64, Just(have), Just(have.saturating_add(9)), any::<u64>()].prop_map(|n| n.to_string())
        };
        let odd = || prop_oneof![4 => number(), 1 => select(&["*", "", "-1", "+5", " 5", "5 ", "0x5", "5,6-7"][..]).prop_map(str::to_owned)];
        let unit = select(&["bytes ", "bytes", "Bytes ", "items ", "bytes=", ""][..]);
        let rest = (0..30_u64, 1..30_u64).prop_map(|(first, len)| (first, first + len));
        prop_oneof![
            3 => rest.prop_map(|(first, total)| format!("bytes {first}-{}/{total}", total - 1)),
            3 => (unit, odd(), odd(), odd()).prop_map(|(unit, first, last, total)| format!("{unit}{first}-{last}/{total}")),
            1 => number().prop_map(|total| format!("bytes */{total}")),
            1 => hostile::strings(),
        ]
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn h9_h10_h11_bytes_are_taken_only_from_the_start_or_as_exactly_the_rest(
            (have, range) in prop_oneof![0..20_u64, any::<u64>()].prop_flat_map(|have| (Just(have), any_range(have))),
            length in prop::option::of(prop_oneof![(0..20_u64).prop_map(|n| n.to_string()), hostile::strings()]),
            status in prop_oneof![4 => select(&[200_u16, 206, 416][..]), 1 => 100..600_u16],
        ) {
            let mut headers = HeaderMap::new();
            for (name, value) in [(CONTENT_RANGE, Some(&range)), (CONTENT_LENGTH, length.as_ref())] {
                if let Some(Ok(value)) = value.map(|value| HeaderValue::from_bytes(value.as_bytes())) {
                    headers.insert(name, value);
                }
            }
            // What is no ASCII is no text of a header.
            let length = length.filter(|length| length.is_ascii()).and_then(|length| digits(length.trim()));
            match read(StatusCode::from_u16(status).unwrap(), &headers, have) {
                Answer::Bytes { from, total } if status == 206 => {
                    prop_assert_eq!(from, have);
                    let total = total.unwrap();
                    prop_assert_eq!(range.trim(), format!("bytes {have}-{}/{total}", total - 1));
                    prop_assert!(length.is_none_or(|length| length == total - have));
                }
                Answer::Bytes { from, total } => prop_assert_eq!((status, from, total), (200, 0, length)),
                Answer::NoMore { total } => {
                    prop_assert_eq!(status, 416);
                    if let Some(total) = total {
                        prop_assert_eq!(range.trim(), format!("bytes */{total}"));
                    }
                }
                Answer::WrongRange => prop_assert_eq!(status, 206),
                Answer::Refused(refused) => prop_assert_eq!(refused.as_u16(), status),
            }
        }

        #[test]
        fn h12_whatever_names_a_version_is_strong_and_fits_a_header(tag in hostile::header_values(), changed in hostile::header_values()) {
            let headers: HeaderMap = [(ETAG, tag), (LAST_MODIFIED, changed)].into_iter().collect();
            if let Some(named) = validator(&headers) {
                prop_assert!(!named.starts_with("W/\"") && named.len() <= 500);
                prop_assert!(HeaderValue::from_str(&named).is_ok());
            }
        }
    }
}
