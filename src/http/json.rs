//! JSON as others send it: what can be read of it is read.

use std::borrow::Cow;

use serde_json::Value;

/// A body as text: without a byte order mark, and with a replacement character for what is not UTF-8.
#[must_use]
pub fn json_text(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body))
}

/// Reads JSON. Half of a surrogate pair, as in a name that was cut to a number of UTF-16 units, is read as a replacement
/// character; the grammar allows it (RFC 8259, section 8.2), and the parser doesn't.
///
/// # Errors
/// Where it is no JSON, or beyond the parser's bounds: a number that no float holds, more than 128 levels.
pub fn read_json(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&with_whole_pairs(text)))
}

/// JSON with `\ufffd` in the place of each surrogate that has no other half.
fn with_whole_pairs(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        whole.push_str(before);
        let (taken, len) = match (unit(escape), escape.get(5..).and_then(|next| unit(next.strip_prefix('\\')?))) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (escape, 11),
            (Some(0xd800..=0xdfff), _) => {
                whole.push_str("\\ufffd");
                ("", 5)
            }
            _ => (escape, escape.chars().next().map_or(0, char::len_utf8)),
        };
        if !taken.is_empty() {
            whole.push('\\');
            whole.push_str(taken.get(..len).unwrap_or_default());
        }
        rest = escape.get(len..).unwrap_or_default();
    }
    whole.push_str(rest);
    whole
}

/// The UTF-16 unit of an escape whose backslash has been taken off, `ud83d`.
fn unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix('u')?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hostile;

    #[test]
    fn half_of_a_surrogate_pair_is_a_replacement_character() {
        for (text, read) in [
            (r#""plain""#, "plain"),
            (r#""\ud83d\ude00""#, "😀"),
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ud83d\\ud83d\"\ud83d\n""#, "\u{fffd}\\ud83d\"\u{fffd}\n"),
            (r#""\uD83D\u0041é""#, "\u{fffd}Aé"),
        ] {
            assert_eq!(read_json(text).unwrap(), read, "{text}");
        }
        for text in [r#""\ud83d\"#, r#""\ud83"#, r#""\ud83é""#, r#""\u+83d""#, r#""\"#, r"\"] {
            assert!(read_json(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_byte_order_mark_and_foreign_letters_leave_the_rest_as_it_is() {
        assert_eq!(json_text(b"\xef\xbb\xbf{}"), "{}");
        assert_eq!(json_text(b"\"Caf\xe9\""), "\"Caf\u{fffd}\"");
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn a1_what_is_json_is_read_as_it_is_and_nothing_else_is(value in hostile::json(), bytes in hostile::bytes()) {
            let text = value.to_string();
            prop_assert_eq!(read_json(&text).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
            prop_assert_eq!(with_whole_pairs(&text), text);
            let strictly = serde_json::from_slice::<Value>(&bytes);
            let read = read_json(&json_text(&bytes));
            if let Ok(strictly) = strictly {
                prop_assert_eq!(read.unwrap(), strictly);
            }
        }
    }
}
