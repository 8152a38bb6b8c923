//! Pure: the tag by which a video is known to be the one of a part of a meeting, whoever has lost its id.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::meeting::MeetingUuid;

/// What a marker begins with.
const PREFIX: &str = "zoom-archiver-";
/// How many hexadecimal digits of the hash are in it: no channel has so many videos that two would meet.
const DIGITS: usize = 12;

/// The tag of the video of one part: `zoom-archiver-1a2b3c4d5e6f`. It tells nothing of the meeting.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Marker(String);

impl Marker {
    /// The marker of a part; the same for ever.
    #[must_use]
    pub fn of(uuid: &MeetingUuid, part: u32) -> Self {
        let digits: String = digest(uuid, part).chars().take(DIGITS).collect();
        Self(format!("{PREFIX}{digits}"))
    }

    /// The tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is among a video's tags, however `YouTube` writes them.
    #[must_use]
    pub fn is_in(&self, tags: &[String]) -> bool {
        tags.iter().any(|tag| tag.trim().eq_ignore_ascii_case(&self.0))
    }

    /// Whether a video's tags have the marker of any part.
    #[must_use]
    pub fn is_any_in(tags: &[String]) -> bool {
        tags.iter().any(|tag| tag.trim().to_ascii_lowercase().starts_with(PREFIX))
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part of a meeting as 64 hexadecimal digits.
pub(super) fn digest(uuid: &MeetingUuid, part: u32) -> String {
    // No uuid has a NUL in it, so that no two parts are hashed as the same bytes.
    let hash = Sha256::digest(format!("{uuid}\0{part}"));
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    hash.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuid(text: &str) -> MeetingUuid {
        text.parse().unwrap()
    }

    #[test]
    fn y6_a_part_has_the_same_marker_in_every_release() {
        assert_eq!(Marker::of(&uuid("DqClgwqMRYmwXuDfFFAkog=="), 1).as_str(), "zoom-archiver-9f9e7224388e");
    }

    #[test]
    fn y6_two_parts_and_two_meetings_have_different_markers() {
        let markers = [("a==", 1), ("a==", 2), ("b==", 1), ("a==1", 1)].map(|(id, part)| Marker::of(&uuid(id), part));
        for (n, marker) in markers.iter().enumerate() {
            assert!(markers.iter().skip(n + 1).all(|other| other != marker), "{marker}");
        }
    }

    #[test]
    fn y6_a_marker_is_found_among_other_tags() {
        let marker = Marker::of(&uuid("a=="), 1);
        let tags = ["zoom".to_owned(), format!(" {}", marker.as_str().to_uppercase())];
        assert!(marker.is_in(&tags));
        assert!(!marker.is_in(&["zoom-archiver-".to_owned()]));
    }
}
