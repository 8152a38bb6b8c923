//! Is a recording what it says it is? Looked at three times: the header of the answer, the first bytes of the body,
//! and, for an MP4 that is all there, its boxes.
//!
//! Nothing here decides what to do about a fault, and nothing looks into the pictures: a file passes where its
//! structure is whole.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

use crate::meeting::Extension;

/// How many of a body's first bytes [`first_bytes_fit`] wants to see; fewer only where the body is shorter.
pub const HEAD_LEN: usize = 512;

/// More top-level boxes than any recording has: a fragmented one has two for each few seconds.
const MAX_BOXES: u32 = 100_000;

/// What is wrong with a recording.
#[derive(Debug, thiserror::Error)]
pub enum MediaFault {
    /// A page for people, as Zoom sends in place of a file where it wants a login or a passcode.
    #[error("the page is HTML, not {}: Zoom refuses the download", noun(*.0))]
    Page(Extension),
    /// An answer for programs, as Zoom sends its errors.
    #[error("the answer is JSON, not {}: Zoom refuses the download", noun(*.0))]
    Answer(Extension),
    /// Not a byte of it.
    #[error("the file is empty, and so it is not {}", noun(*.0))]
    Empty(Extension),
    /// It begins as nothing of its kind does.
    #[error("the file begins with \"{}\", as {} never does", found.escape_ascii(), noun(*expected))]
    Unlike {
        /// What it should have been.
        expected: Extension,
        /// Its first bytes.
        found: Vec<u8>,
    },
    /// The first box is another than `ftyp`.
    #[error("the MP4 begins with a `{0}` box, not with `ftyp`")]
    NotFtyp(BoxKind),
    /// No box begins where the one before it ended: the name has control characters in it.
    #[error("there is no MP4 box at byte {offset}, where one should begin")]
    NoBox {
        /// Where in the file.
        offset: u64,
    },
    /// A size that does not even hold the box's own header.
    #[error("the MP4's `{kind}` box at byte {offset} gives its size as {size}, less than its own header")]
    BoxSize {
        /// The box.
        kind: BoxKind,
        /// Where in the file.
        offset: u64,
        /// Its size, as the file has it.
        size: u64,
    },
    /// The file ends before one of its boxes does.
    #[error("the MP4 ends inside its `{kind}` box: {present} of {declared} bytes")]
    CutInBox {
        /// The box.
        kind: BoxKind,
        /// How much of it is there, its header included.
        present: u64,
        /// How long it says that it is.
        declared: u64,
    },
    /// The file ends within the header of a box.
    #[error("the MP4 ends at byte {len}, inside the header of the box at byte {offset}")]
    CutInHeader {
        /// Where the box begins.
        offset: u64,
        /// The file's length.
        len: u64,
    },
    /// A box without which it can't be played.
    #[error("the MP4 has no `{0}` box")]
    Missing(BoxKind),
    /// Rather a file made to keep us busy.
    #[error("the MP4 has more than {MAX_BOXES} boxes")]
    TooManyBoxes,
    /// It can't be read, or is shorter than it was said to be: says nothing of the recording, and may pass.
    #[error("the MP4 cannot be read")]
    Unreadable(#[source] io::Error),
}

/// The four characters that name a box.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BoxKind([u8; 4]);

impl BoxKind {
    const FTYP: Self = Self(*b"ftyp");
    const MOOV: Self = Self(*b"moov");
    const MDAT: Self = Self(*b"mdat");
}

impl fmt::Display for BoxKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for BoxKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether the `Content-Type` of an answer allows for such a file.
///
/// Zoom's own types are not to be relied on (`application/octet-stream`, none at all), so that only what is surely
/// no recording is refused.
///
/// # Errors
/// [`MediaFault::Page`] for HTML, [`MediaFault::Answer`] for JSON where none is wanted.
pub fn content_type_fits(expected: Extension, content_type: Option<&str>) -> Result<(), MediaFault> {
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("text/html") {
        Err(MediaFault::Page(expected))
    } else if essence.eq_ignore_ascii_case("application/json") && expected != Extension::Json {
        Err(MediaFault::Answer(expected))
    } else {
        Ok(())
    }
}

/// Whether a body that begins so can be such a file.
///
/// `head` is the first [`HEAD_LEN`] bytes of the body, or all of a shorter one. Texts and tables may be empty.
///
/// # Errors
/// [`MediaFault::Page`], [`MediaFault::Answer`], [`MediaFault::Empty`] or [`MediaFault::Unlike`].
pub fn first_bytes_fit(expected: Extension, head: &[u8]) -> Result<(), MediaFault> {
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let trimmed = text.trim_ascii_start();
    if is_html(trimmed) {
        return Err(MediaFault::Page(expected));
    }
    let fits = match expected {
        Extension::Mp4 | Extension::M4a => head.get(4..8) == Some(b"ftyp"),
        Extension::Jpg => head.starts_with(&[0xFF, 0xD8, 0xFF]),
        Extension::Vtt => text.starts_with(b"WEBVTT"),
        Extension::Json => matches!(trimmed.first(), Some(b'{' | b'[')),
        Extension::Txt | Extension::Csv | Extension::Bin => true,
    };
    if fits {
        Ok(())
    } else if head.is_empty() {
        Err(MediaFault::Empty(expected))
    } else if trimmed.first() == Some(&b'{') {
        Err(MediaFault::Answer(expected))
    } else {
        Err(MediaFault::Unlike { expected, found: head.iter().copied().take(16).collect() })
    }
}

/// Whether a file of `len` bytes has the structure of its kind: its first bytes, and of an MP4 the boxes.
///
/// # Errors
/// What is wrong with it; [`MediaFault::Unreadable`] is the one that is no fault of the file.
pub fn check(reader: &mut (impl Read + Seek), len: u64, extension: Extension) -> Result<(), MediaFault> {
    let mut head = Vec::new();
    reader.rewind().map_err(MediaFault::Unreadable)?;
    reader.by_ref().take(HEAD_LEN as u64).read_to_end(&mut head).map_err(MediaFault::Unreadable)?;
    first_bytes_fit(extension, &head)?;
    if extension == Extension::Mp4 { check_mp4(reader, len) } else { Ok(()) }
}

/// Whether an MP4 (or M4A) of `len` bytes is whole: its boxes cover it exactly, `ftyp` first, `moov` and `mdat` among
/// them (ISO/IEC 14496-12, 4.2).
///
/// Reads the headers of the top-level boxes only, and so takes no longer for a large file.
///
/// # Errors
/// What is wrong with it; [`MediaFault::Unreadable`] is the one that is no fault of the file.
pub fn check_mp4(reader: &mut (impl Read + Seek), len: u64) -> Result<(), MediaFault> {
    if len == 0 {
        return Err(MediaFault::Empty(Extension::Mp4));
    }
    let (mut offset, mut has_moov, mut has_mdat) = (0, false, false);
    for _ in 0..MAX_BOXES {
        let found = read_box(reader, offset, len)?;
        if offset == 0 && found.kind != BoxKind::FTYP {
            return Err(MediaFault::NotFtyp(found.kind));
        }
        has_moov |= found.kind == BoxKind::MOOV;
        has_mdat |= found.kind == BoxKind::MDAT;
        let present = len - offset;
        if found.size > present {
            return Err(MediaFault::CutInBox { kind: found.kind, present, declared: found.size });
        }
        offset += found.size;
        if offset == len {
            return match (has_moov, has_mdat) {
                (true, true) => Ok(()),
                (false, _) => Err(MediaFault::Missing(BoxKind::MOOV)),
                (true, false) => Err(MediaFault::Missing(BoxKind::MDAT)),
            };
        }
    }
    Err(MediaFault::TooManyBoxes)
}

struct TopLevelBox {
    kind: BoxKind,
    /// With its header; at least the header's length.
    size: u64,
}

/// Reads the header of the box at `offset`, which is less than `len`.
fn read_box(reader: &mut (impl Read + Seek), offset: u64, len: u64) -> Result<TopLevelBox, MediaFault> {
    const SHORT_HEADER: u64 = 8;
    const LONG_HEADER: u64 = 16;
    let present = len - offset;
    if present < SHORT_HEADER {
        return Err(MediaFault::CutInHeader { offset, len });
    }
    reader.seek(SeekFrom::Start(offset)).map_err(MediaFault::Unreadable)?;
    let [a, b, c, d, kind @ ..] = read_bytes::<8>(reader)?;
    let kind = BoxKind(kind);
    // A tail of zeros, as a power cut leaves it, would otherwise read as a box that lasts to the end.
    if kind.0.iter().any(u8::is_ascii_control) {
        return Err(MediaFault::NoBox { offset });
    }
    let (size, header) = match u32::from_be_bytes([a, b, c, d]) {
        0 => (present, SHORT_HEADER),
        1 if present < LONG_HEADER => return Err(MediaFault::CutInHeader { offset, len }),
        1 => (u64::from_be_bytes(read_bytes(reader)?), LONG_HEADER),
        size => (u64::from(size), SHORT_HEADER),
    };
    if size < header { Err(MediaFault::BoxSize { kind, offset, size }) } else { Ok(TopLevelBox { kind, size }) }
}

fn read_bytes<const N: usize>(reader: &mut impl Read) -> Result<[u8; N], MediaFault> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(MediaFault::Unreadable)?;
    Ok(bytes)
}

/// Whether a text (white space before it taken off) is a page: `<!doctype html` or `<html`, in any case.
fn is_html(text: &[u8]) -> bool {
    let after = |text: &[u8], prefix: &[u8]| -> Option<usize> {
        text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)).then_some(prefix.len())
    };
    let doctype = after(text, b"<!doctype").and_then(|end| text.get(end..)).map(<[u8]>::trim_ascii_start);
    after(text, b"<html").is_some() || doctype.is_some_and(|rest| after(rest, b"html").is_some())
}

const fn noun(extension: Extension) -> &'static str {
    match extension {
        Extension::Mp4 => "a video",
        Extension::M4a => "a sound recording",
        Extension::Txt => "a text",
        Extension::Vtt => "a transcript",
        Extension::Csv => "a table",
        Extension::Json => "a JSON file",
        Extension::Jpg => "a picture",
        Extension::Bin => "a recording file",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::hostile;

    fn mp4_box(kind: &str, content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(8 + content.len()).unwrap();
        [&size.to_be_bytes(), kind.as_bytes(), content].concat()
    }

    fn long_box(kind: &str, content: &[u8]) -> Vec<u8> {
        let size = u64::try_from(16 + content.len()).unwrap();
        [&1u32.to_be_bytes(), kind.as_bytes(), &size.to_be_bytes(), content].concat()
    }

    fn open_ended_box(kind: &str, content: &[u8]) -> Vec<u8> {
        [&[0; 4], kind.as_bytes(), content].concat()
    }

    fn check(bytes: &[u8]) -> Result<(), MediaFault> {
        check_mp4(&mut Cursor::new(bytes), u64::try_from(bytes.len()).unwrap())
    }

    fn fault(bytes: &[u8]) -> String {
        check(bytes).unwrap_err().to_string()
    }

    #[test]
    fn boxes_that_cover_the_file_exactly_are_a_whole_mp4() {
        let ftyp = mp4_box("ftyp", b"isom");
        let moov = mp4_box("moov", b"index");
        check(&[ftyp.clone(), moov.clone(), mp4_box("mdat", b"pictures")].concat()).unwrap();
        check(&[ftyp.clone(), mp4_box("free", b""), mp4_box("mdat", b""), moov.clone()].concat()).unwrap();
        check(&[ftyp.clone(), moov.clone(), long_box("mdat", b"pictures")].concat()).unwrap();
        check(&[ftyp, moov, open_ended_box("mdat", b"pictures")].concat()).unwrap();
    }

    #[test]
    fn a_fault_says_which_box_and_by_how_much() {
        let ftyp = mp4_box("ftyp", b"isom");
        let moov = mp4_box("moov", b"");
        let mdat = mp4_box("mdat", b"12345");
        let whole = [ftyp.clone(), moov.clone(), mdat.clone()].concat();
        let cut = |bytes: usize| fault(whole.get(..whole.len() - bytes).unwrap());
        assert_eq!(cut(2), "the MP4 ends inside its `mdat` box: 11 of 13 bytes");
        assert_eq!(cut(13), "the MP4 has no `mdat` box");
        assert_eq!(cut(9), "the MP4 ends at byte 24, inside the header of the box at byte 20");
        assert_eq!(fault(&[ftyp.clone(), mdat].concat()), "the MP4 has no `moov` box");
        assert_eq!(fault(&moov), "the MP4 begins with a `moov` box, not with `ftyp`");
        assert_eq!(fault(b""), "the file is empty, and so it is not a video");
        let zeros = [whole.as_slice(), &[0; 4096]].concat();
        assert_eq!(fault(&zeros), "there is no MP4 box at byte 33, where one should begin");
        let small = [ftyp, [&7u32.to_be_bytes()[..], b"free"].concat()].concat();
        assert_eq!(fault(&small), "the MP4's `free` box at byte 12 gives its size as 7, less than its own header");
    }

    #[test]
    fn d13_a_size_near_the_end_of_numbers_is_a_cut_and_no_overflow() {
        let huge =
            [mp4_box("ftyp", b""), [&1u32.to_be_bytes()[..], b"mdat", &u64::MAX.to_be_bytes()].concat()].concat();
        assert_eq!(fault(&huge), format!("the MP4 ends inside its `mdat` box: 16 of {} bytes", u64::MAX));
    }

    #[test]
    fn a_file_of_boxes_without_end_is_given_up() {
        let many = [mp4_box("ftyp", b""), mp4_box("free", b"").repeat(100_000)].concat();
        assert!(matches!(check(&many), Err(MediaFault::TooManyBoxes)));
    }

    #[test]
    fn a_file_shorter_than_it_was_said_to_be_is_unreadable_not_faulty() {
        assert!(matches!(check_mp4(&mut Cursor::new(b"\0\0"), 16), Err(MediaFault::Unreadable(_))));
    }

    #[test]
    fn a_body_must_begin_as_its_kind_does() {
        use Extension::{Bin, Csv, Jpg, Json, M4a, Mp4, Txt, Vtt};
        for (extension, head) in [
            (Mp4, b"\0\0\0\x20ftypisom".as_slice()),
            (M4a, b"\0\0\0\x20ftypM4A "),
            (Vtt, b"WEBVTT\n\n1"),
            (Vtt, b"\xEF\xBB\xBFWEBVTT"),
            (Jpg, b"\xFF\xD8\xFF\xE0"),
            (Json, b" \n[1]"),
            (Json, b"{}"),
            (Txt, b""),
            (Csv, b"a,b"),
            (Bin, b"\0"),
            (Txt, b"09:00 Ann: <html> is a tag"),
        ] {
            first_bytes_fit(extension, head).unwrap();
        }
        let fault = |extension, head: &[u8]| first_bytes_fit(extension, head).unwrap_err().to_string();
        assert_eq!(fault(Mp4, b"\0\0\0"), "the file begins with \"\\x00\\x00\\x00\", as a video never does");
        assert_eq!(fault(Jpg, b""), "the file is empty, and so it is not a picture");
        assert_eq!(fault(Vtt, b"1\n00:00"), "the file begins with \"1\\n00:00\", as a transcript never does");
        assert_eq!(
            fault(M4a, b"{\"code\":124}"),
            "the answer is JSON, not a sound recording: Zoom refuses the download"
        );
        assert!(first_bytes_fit(Json, b"").is_err());
    }

    #[test]
    fn h13_a_page_is_never_a_recording_however_it_is_written() {
        for head in ["<!DOCTYPE html>", "\u{feff}\r\n <!doctype  HTML", "<HTML lang=en>", "\t<html"] {
            for extension in [Extension::Mp4, Extension::Txt, Extension::Csv, Extension::Json, Extension::Bin] {
                let fault = first_bytes_fit(extension, head.as_bytes()).unwrap_err();
                assert!(matches!(fault, MediaFault::Page(_)), "{head} as {extension:?}: {fault}");
            }
        }
        let fault = first_bytes_fit(Extension::Mp4, b"<html").unwrap_err();
        assert_eq!(fault.to_string(), "the page is HTML, not a video: Zoom refuses the download");
    }

    #[test]
    fn h13_only_a_content_type_that_is_surely_wrong_is_refused() {
        let fits = |extension, header| content_type_fits(extension, header);
        for header in [None, Some(""), Some("video/mp4"), Some("application/octet-stream"), Some("text/plain")] {
            fits(Extension::Mp4, header).unwrap();
        }
        fits(Extension::Json, Some("application/json; charset=utf-8")).unwrap();
        assert!(matches!(fits(Extension::Mp4, Some("Application/JSON;x")), Err(MediaFault::Answer(_))));
        assert!(matches!(fits(Extension::Txt, Some(" Text/HTML ; charset=utf-8")), Err(MediaFault::Page(_))));
        assert!(matches!(fits(Extension::Json, Some("text/html")), Err(MediaFault::Page(_))));
    }

    fn any_box(kind: &'static str) -> impl Strategy<Value = Vec<u8>> {
        (any::<bool>(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(move |(long, content)| if long { long_box(kind, &content) } else { mp4_box(kind, &content) })
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn h13_no_bytes_make_a_check_panic(
            start in prop_oneof![Just(Vec::new()), any_box("ftyp")],
            bytes in hostile::bytes(),
            content_type in prop::option::of(hostile::strings()),
            len in prop_oneof![0..300u64, any::<u64>()],
        ) {
            let bytes = [start, bytes].concat();
            let has_moov = bytes.windows(4).any(|window| window == b"moov");
            prop_assert!(check_mp4(&mut Cursor::new(&bytes), len).is_err() || has_moov);
            for extension in [Extension::Mp4, Extension::Vtt, Extension::Json, Extension::Jpg] {
                prop_assert!(!(bytes.is_empty() && first_bytes_fit(extension, &bytes).is_ok()));
                let faults = [first_bytes_fit(extension, &bytes), content_type_fits(extension, content_type.as_deref())];
                for fault in faults.into_iter().filter_map(Result::err) {
                    prop_assert!(!fault.to_string().contains(char::is_control), "{}", fault);
                }
            }
            if let Err(fault) = check_mp4(&mut Cursor::new(&bytes), len) {
                prop_assert!(!fault.to_string().contains(char::is_control), "{}", fault);
            }
        }

        #[test]
        fn h6_an_mp4_passes_whole_and_fails_wherever_it_is_cut(
            ftyp in any_box("ftyp"),
            between in prop::collection::vec(prop_oneof![any_box("free"), any_box("uuid")], 0..4),
            (first, last) in prop_oneof![
                (any_box("moov"), any_box("mdat")),
                (any_box("mdat"), any_box("moov")),
            ],
        ) {
            let whole = [ftyp, first, between.concat(), last].concat();
            prop_assert!(check(&whole).is_ok());
            for end in 0..whole.len() {
                prop_assert!(check(whole.get(..end).unwrap()).is_err(), "cut at {} of {}", end, whole.len());
            }
        }
    }
}
