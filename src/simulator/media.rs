//! The bodies of recording files: any size, any stretch of them made on the fly, the same each time.

/// What a file's bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// MP4 boxes `ftyp`, `moov`, `mdat` that cover the size exactly.
    Mp4,
    /// The same with `moov` at the end.
    Mp4MoovLast,
    /// An MP4 whose `mdat` claims more bytes than there are; the same bytes each time.
    Mp4Broken,
    /// Called a video, but nothing like one.
    NotMp4,
    /// Audio, in the same boxes.
    M4a,
    /// A transcript or captions.
    Vtt,
    /// Chat lines.
    Txt,
    /// A timeline or a summary.
    Json,
    /// A poll.
    Csv,
    /// A thumbnail.
    Jpg,
}

impl Form {
    /// The `Content-Type` that goes with it.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Mp4 | Self::Mp4MoovLast | Self::Mp4Broken | Self::NotMp4 => "video/mp4",
            Self::M4a => "audio/mp4",
            Self::Vtt => "text/vtt",
            Self::Txt => "text/plain",
            Self::Json => "application/json",
            Self::Csv => "text/csv",
            Self::Jpg => "image/jpeg",
        }
    }
}

/// A body whose bytes are known by their place.
#[derive(Clone, Debug)]
pub(super) struct Content {
    head: Vec<u8>,
    payload: u64,
    tail: Vec<u8>,
    /// Letters rather than any byte.
    is_text: bool,
    seed: u64,
}

impl Content {
    /// A body of `size` bytes, or of the few that its form needs at least.
    pub(super) fn new(form: Form, size: u64, seed: u64) -> Self {
        let mp4 = |brand, moov_last, overhang| {
            let (head, tail) = mp4_frame(size, brand, moov_last, overhang);
            (head, tail, false)
        };
        let (head, tail, is_text) = match form {
            Form::Mp4 => mp4(*b"isom", false, 0),
            Form::Mp4MoovLast => mp4(*b"isom", true, 0),
            Form::Mp4Broken => mp4(*b"isom", false, 4096),
            Form::M4a => mp4(*b"M4A ", false, 0),
            Form::NotMp4 => (b"this was never a video\n".to_vec(), Vec::new(), true),
            Form::Vtt => (b"WEBVTT\n\n1\n00:00:01.000 --> 00:00:09.000\n".to_vec(), b"\n".to_vec(), true),
            Form::Txt => (b"00:00:01\tHost:\t".to_vec(), b"\n".to_vec(), true),
            Form::Json => (br#"{"timeline":[{"ts":"00:00:01.000","text":""#.to_vec(), br#""}]}"#.to_vec(), true),
            Form::Csv => (b"question,answer\n1,".to_vec(), b"\n".to_vec(), true),
            Form::Jpg => (vec![0xFF, 0xD8, 0xFF, 0xE0], vec![0xFF, 0xD9], false),
        };
        let payload = size.saturating_sub(count(&head) + count(&tail));
        Self { head, payload, tail, is_text, seed }
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> u64 {
        count(&self.head) + self.payload + count(&self.tail)
    }

    /// Fills `buffer` with the bytes from `offset` on; past the end there is more noise.
    pub(super) fn fill(&self, offset: u64, buffer: &mut [u8]) {
        self.fill_noise(offset, buffer);
        overlay(&self.head, 0, offset, buffer);
        overlay(&self.tail, count(&self.head) + self.payload, offset, buffer);
    }

    fn fill_noise(&self, offset: u64, mut buffer: &mut [u8]) {
        let mut at = offset;
        while !buffer.is_empty() {
            let word = super::noise::nth(self.seed, at / 8).to_le_bytes();
            let unread = &word[(at % 8) as usize..];
            let (now, later) = buffer.split_at_mut(unread.len().min(buffer.len()));
            for (byte, noise) in now.iter_mut().zip(unread) {
                *byte = if self.is_text { b'a' + noise % 26 } else { *noise };
            }
            at += count(now);
            buffer = later;
        }
    }
}

/// Writes `part`, which begins at `at`, over what `buffer` (from `offset` on) has in its place.
fn overlay(part: &[u8], at: u64, offset: u64, buffer: &mut [u8]) {
    let start = at.max(offset);
    let end = (at + count(part)).min(offset + count(buffer));
    if start < end {
        let index = |position: u64, base: u64| usize::try_from(position - base).unwrap_or(usize::MAX);
        buffer[index(start, offset)..index(end, offset)].copy_from_slice(&part[index(start, at)..index(end, at)]);
    }
}

/// What stands before and after an MP4's payload so that the whole has `size` bytes.
fn mp4_frame(size: u64, brand: [u8; 4], moov_last: bool, overhang: u64) -> (Vec<u8>, Vec<u8>) {
    let mut head = box_of(*b"ftyp", &[brand.as_slice(), &[0, 0, 2, 0], b"isomiso2avc1mp41"].concat());
    let moov = box_of(*b"moov", &box_of(*b"mvhd", &movie_header()));
    let mdat = size.saturating_sub(count(&head) + count(&moov)).max(8);
    if !moov_last {
        head.extend_from_slice(&moov);
    }
    // A size over 32 bits is written as 1 and follows in 64 bits (ISO/IEC 14496-12, 4.2).
    if let Ok(short) = u32::try_from(mdat + overhang) {
        head.extend_from_slice(&short.to_be_bytes());
        head.extend_from_slice(b"mdat");
    } else {
        head.extend_from_slice(&1u32.to_be_bytes());
        head.extend_from_slice(b"mdat");
        head.extend_from_slice(&(mdat + overhang).to_be_bytes());
    }
    (head, if moov_last { moov } else { Vec::new() })
}

/// The fields of an `mvhd` box, version 0 (ISO/IEC 14496-12, 8.2.2).
fn movie_header() -> Vec<u8> {
    let mut fields = vec![0; 12];
    fields.extend_from_slice(&1000u32.to_be_bytes()); // units in a second
    fields.extend_from_slice(&60_000u32.to_be_bytes()); // duration
    fields.extend_from_slice(&0x0001_0000u32.to_be_bytes()); // normal speed
    fields.extend_from_slice(&0x0100u16.to_be_bytes()); // full volume
    fields.extend_from_slice(&[0; 10]);
    for unit in [0x0001_0000u32, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000] {
        fields.extend_from_slice(&unit.to_be_bytes());
    }
    fields.extend_from_slice(&[0; 24]);
    fields.extend_from_slice(&2u32.to_be_bytes()); // next track
    fields
}

fn box_of(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).expect("the boxes made here have a few hundred bytes");
    [&size.to_be_bytes(), kind.as_slice(), content].concat()
}

fn count(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(content: &Content, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        content.fill(offset, &mut bytes);
        bytes
    }

    /// The boxes at the top of an MP4, with the place where each ends.
    fn boxes(content: &Content) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        let mut offset = 0;
        while offset < content.len() {
            let head = at(content, offset, 16);
            let size = match u32::from_be_bytes(head[..4].try_into().unwrap()) {
                1 => u64::from_be_bytes(head[8..].try_into().unwrap()),
                short => u64::from(short),
            };
            offset += size;
            found.push((String::from_utf8(head[4..8].to_vec()).unwrap(), offset));
        }
        found
    }

    #[test]
    fn the_boxes_of_a_video_cover_its_size_exactly() {
        for (form, kinds) in [
            (Form::Mp4, ["ftyp", "moov", "mdat"]),
            (Form::M4a, ["ftyp", "moov", "mdat"]),
            (Form::Mp4MoovLast, ["ftyp", "mdat", "moov"]),
        ] {
            for size in [156, 1000, 8 << 20, u64::from(u32::MAX), 5 << 30] {
                let content = Content::new(form, size, 7);
                let found = boxes(&content);
                assert_eq!(content.len(), size, "{form:?}");
                assert_eq!(found.last().unwrap().1, size, "{form:?} of {size} bytes");
                assert_eq!(found.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), kinds);
            }
        }
    }

    #[test]
    fn the_boxes_of_a_broken_video_run_past_its_end() {
        let content = Content::new(Form::Mp4Broken, 10_000, 7);
        assert_eq!(content.len(), 10_000);
        assert!(boxes(&content).last().unwrap().1 > 10_000);
    }

    #[test]
    fn a_stretch_has_the_bytes_that_the_whole_has_there() {
        for form in [Form::Mp4, Form::Mp4MoovLast, Form::Vtt, Form::Jpg, Form::NotMp4] {
            let content = Content::new(form, 1000, 7);
            let whole = at(&content, 0, 1000);
            for (offset, length) in [(0, 1), (3, 50), (30, 140), (157, 9), (880, 120), (999, 1)] {
                assert_eq!(at(&content, offset as u64, length), whole[offset..offset + length], "{form:?} at {offset}");
            }
        }
    }

    #[test]
    fn another_version_has_other_bytes() {
        assert_ne!(at(&Content::new(Form::Mp4, 500, 1), 0, 500), at(&Content::new(Form::Mp4, 500, 2), 0, 500));
    }

    #[test]
    fn texts_begin_as_their_kind_does_and_json_parses() {
        let first = |form| at(&Content::new(form, 500, 7), 0, 500);
        assert!(first(Form::Vtt).starts_with(b"WEBVTT"));
        assert!(first(Form::Jpg).starts_with(&[0xFF, 0xD8, 0xFF]));
        assert!(serde_json::from_slice::<serde_json::Value>(&first(Form::Json)).is_ok());
        assert_ne!(&first(Form::NotMp4)[4..8], b"ftyp");
    }
}
