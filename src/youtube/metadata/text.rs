//! Pure: text from anywhere as `YouTube` takes it, and as nobody is misled by it.

use unicode_segmentation::UnicodeSegmentation;

use crate::archive::names::is_invisible;

/// What stands where something was left out.
pub(super) const ELLIPSIS: &str = "…";

/// A text in one line: no control characters, none that turn the direction of what follows or that nobody sees, no more than
/// one space in a row. `<` and `>`, which `YouTube` refuses, become `‹` and `›`.
pub(super) fn line(text: &str) -> String {
    let clean: String = text.chars().filter_map(|c| if c.is_whitespace() { Some(' ') } else { taken(c) }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The same for a text of several lines, which stay.
pub(super) fn lines(text: &str) -> String {
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    unix.chars().filter_map(|c| if c == '\n' || c == '\t' { Some(c) } else { taken(c) }).collect()
}

/// What becomes of a character.
fn taken(c: char) -> Option<char> {
    match c {
        '<' => Some('‹'),
        '>' => Some('›'),
        '\u{2028}' | '\u{2029}' => Some(' '),
        _ if is_glue(c) => Some(c),
        _ if is_invisible(c) || is_noncharacter(c) => None,
        _ => Some(c),
    }
}

/// Invisible, but what holds an emoji together, a flag, or letters of Persian and of India.
const fn is_glue(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{e0020}'..='\u{e007f}')
}

/// What Unicode promises never to be a character.
const fn is_noncharacter(c: char) -> bool {
    matches!(c as u32, 0xfdd0..=0xfdef) || c as u32 & 0xfffe == 0xfffe
}

/// Whether there is nothing to see in a text.
pub(super) fn is_blank(text: &str) -> bool {
    let is_seen = |c: char| !c.is_whitespace() && !is_invisible(c) && !matches!(c, '\u{fe00}'..='\u{fe0f}');
    !text.chars().any(is_seen)
}

/// How long a text is to whoever counts most: an emoji may be one character or two. `YouTube` doesn't say how it counts.
pub(super) fn length(text: &str) -> usize {
    // Never less than the number of code points.
    text.encode_utf16().count()
}

/// A text of at most `most` by `measure`, cut between characters as people see them, with `…` where something was cut.
pub(super) fn shortened(text: &str, most: usize, measure: impl Fn(&str) -> usize) -> String {
    if measure(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(measure(ELLIPSIS));
    let mut kept = String::new();
    let mut size = 0;
    for character in text.graphemes(true) {
        size += measure(character);
        if size > room {
            break;
        }
        kept.push_str(character);
    }
    kept.truncate(kept.trim_end().len());
    kept + ELLIPSIS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s6_what_youtube_refuses_or_nobody_sees_is_replaced_or_gone() {
        for (text, expected) in [
            ("a <b> c", "a ‹b› c"),
            ("  two\r\n lines\tand \u{a0} spaces ", "two lines and spaces"),
            ("bell\u{7} \u{1b}[31mred", "bell [31mred"),
            ("\u{202e}gpj.exe\u{202c}", "gpj.exe"),
            ("\u{2066}isolated\u{2069}\u{200f}\u{61c}", "isolated"),
            ("\u{feff}mark\u{fffe}\u{fdd0}", "mark"),
            ("a\u{2028}b", "a b"),
            ("Встреча", "Встреча"),
            ("שיעור פסנתר", "שיעור פסנתר"),
            ("👨‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 می‌خواهم", "👨‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 می‌خواهم"),
        ] {
            assert_eq!(line(text), expected, "{text:?}");
        }
        assert_eq!(lines("a\r\nb\rc\n<d>\u{0}"), "a\nb\nc\n‹d›");
    }

    #[test]
    fn s6_a_text_is_cut_between_characters_as_people_see_them() {
        for (text, most, expected) in [
            ("short", 5, "short"),
            ("longer", 5, "long…"),
            ("two words", 5, "two…"),
            ("ab👨‍👩‍👧cd", 5, "ab…"),
            ("ab👨‍👩‍👧cd", 11, "ab👨‍👩‍👧…"),
            ("abcde\u{301}f", 6, "abcd…"),
            ("😀😀😀", 5, "😀😀…"),
            ("e\u{301}\u{301}\u{301}\u{301}", 3, "…"),
        ] {
            let cut = shortened(text, most, length);
            assert_eq!(cut, expected, "{text}");
            assert!(length(&cut) <= most);
        }
        assert_eq!(shortened("ééé", 5, str::len), "é…");
    }

    #[test]
    fn what_nobody_sees_is_blank() {
        assert!(["", " ", "\u{200b}", "\u{200d}\u{3164}", "\u{fe0f}"].into_iter().all(is_blank));
        assert!(!["a", "…", "\u{301}e"].into_iter().any(is_blank));
    }
}
