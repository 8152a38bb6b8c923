//! Pure: folder and file names that are safe on any file system and never collide.
//!
//! Nothing from Zoom is used in a path as it comes. A name once given stays: `meeting.json` keeps it.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::disk::UNFINISHED;
use crate::meeting::{Extension, FileKind, RecordingFile};

/// Longest path component made of free text, in bytes: room for a suffix within the 255 that file systems take.
const MAX_COMPONENT: usize = 120;
/// Longest component that is accepted where one is read back.
const MAX_READ: usize = 255;

/// A path component that can't lead anywhere else.
fn is_plain(component: &str) -> bool {
    !component.is_empty()
        && component.len() <= MAX_READ
        && !matches!(component, "." | "..")
        && !component.contains(['/', '\\', '\0'])
        && !component.chars().any(char::is_control)
}

/// Why a text is no name in the archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no plain name inside the archive")]
pub struct NameError(String);

macro_rules! read_back {
    ($name:ident, $fits:expr) => {
        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                let fits: fn(&str) -> bool = $fits;
                if fits(&text) { Ok(Self(text)) } else { Err(NameError(text.escape_debug().take(200).collect())) }
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl $name {
            /// The name as it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

/// A meeting's folder, relative to the archive folder, with `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MeetingFolder(String);

read_back!(MeetingFolder, |text| text.split('/').all(is_plain));

impl MeetingFolder {
    /// Makes the components of a rendered layout safe, whatever text went into them.
    #[must_use]
    pub fn of_layout(components: &[String]) -> Self {
        let safe: Vec<String> = components.iter().map(|component| safe_component(component)).collect();
        Self(safe.join("/"))
    }

    /// The same, and then those with `_2`, `_3`, ... for meetings that would share it.
    pub fn candidates(&self) -> impl Iterator<Item = Self> + '_ {
        (1u32..).map(|n| if n == 1 { self.clone() } else { Self(format!("{}_{n}", self.0)) })
    }

    /// Its place on the disk.
    #[must_use]
    pub fn under(&self, root: &Path) -> PathBuf {
        self.0.split('/').fold(root.to_owned(), |path, component| path.join(component))
    }

    /// The folder as a file system without upper and lower case sees it.
    #[must_use]
    pub fn caseless(&self) -> String {
        self.0.to_lowercase()
    }
}

/// The name of a file in a meeting's folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

read_back!(FileName, |text| is_plain(text)
    && !text.starts_with('.')
    && text != super::MANIFEST
    && !text.ends_with(UNFINISHED));

impl FileName {
    /// The name while the file is unfinished.
    #[must_use]
    pub fn unfinished(&self) -> String {
        format!("{}{UNFINISHED}", self.0)
    }

    /// The name of a file that looks broken every time: `gallery_view.suspect.mp4`.
    #[must_use]
    pub fn suspect(&self) -> Self {
        match self.0.rsplit_once('.') {
            Some((stem, extension)) => Self(format!("{stem}.suspect.{extension}")),
            None => Self(format!("{}.suspect", self.0)),
        }
    }

    /// Whether it is a video's.
    #[must_use]
    pub fn is_video(&self) -> bool {
        Path::new(&self.0).extension().is_some_and(|extension| extension == Extension::Mp4.as_str())
    }

    /// A name for a file of this recording, the first of its kind that is not `taken`.
    pub(super) fn for_file(file: &RecordingFile, taken: &HashSet<String>) -> Self {
        let stem = file.recording_type.stem();
        let kind = file.kind.unwrap_or(FileKind::Other);
        let stem = if stem.is_empty() { kind.name() } else { &stem };
        let mut name = format!("{stem}.{}", file.extension.as_str());
        let mut n = 1;
        while taken.contains(&name) {
            n += 1;
            name = format!("{stem}_{n}.{}", file.extension.as_str());
        }
        Self(name)
    }
}

/// One path component of any text: nothing hidden, reserved, invisible, or too long; never empty.
fn safe_component(text: &str) -> String {
    let visible: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|&c| !is_invisible(c)).collect();
    let options = sanitize_filename::Options { windows: true, truncate: false, replacement: "_" };
    let clean = sanitize_filename::sanitize_with_options(visible, options);
    let trimmed = clean.trim().trim_start_matches(['.', '-', ' ', '_']);
    let short = cut(trimmed, MAX_COMPONENT).trim_end_matches(['.', ' ', '_']);
    // A name that ends like an unfinished file would be swept up with them.
    let short = short.strip_suffix(UNFINISHED).unwrap_or(short);
    if short.is_empty() { "untitled".to_owned() } else { short.to_owned() }
}

/// Control, bidirectional and other format characters, by which a name can look like another.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The longest beginning of `text` that has at most `max` bytes.
fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::meeting::{Availability, RecordingType};

    const HOSTILE: [&str; 24] = [
        "../../etc/x",
        "..",
        ".",
        "",
        "a/b\\c",
        "C:\\x",
        "CON",
        "nul.txt",
        "a\0b",
        "x\r\n2026 INFO fake",
        "\u{1b}[31m",
        "\u{202e}gpj.exe",
        "\u{2028}",
        "e\u{301}\u{301}\u{301}",
        "-rf",
        ".hidden",
        "dot. ",
        "=cmd|'/C calc'!A0",
        "%2e%2e%2f",
        "$(x)",
        "`x`",
        "\"'",
        "{topic}",
        "x.part",
    ];

    #[test]
    fn a_hostile_topic_becomes_one_plain_component() {
        for topic in HOSTILE.iter().map(|&t| t.to_owned()).chain(["A".repeat(65_536), "😀".repeat(300)]) {
            let folder = MeetingFolder::of_layout(&["2025-12-02".to_owned(), topic.clone()]);
            let path = folder.under(Path::new("/archive"));
            assert_eq!(path.components().count(), 4, "{topic:?}");
            let last = path.file_name().unwrap().to_str().unwrap();
            assert!(
                last.len() <= MAX_COMPONENT && !last.starts_with(['.', '-']) && !last.ends_with(['.', ' ']),
                "{last}"
            );
            assert_eq!(folder.as_str().parse(), Ok(folder), "what is written can be read back");
        }
    }

    #[test]
    fn readable_topics_stay_readable() {
        for (topic, component) in
            [("Вместе на полянке", "Вместе на полянке"), ("Q&A: part 1/2", "Q&A_ part 1_2"), ("日本語", "日本語")]
        {
            assert_eq!(safe_component(topic), component);
        }
    }

    #[test]
    fn a_folder_read_back_never_leads_outside() {
        for text in ["", "/etc", "a//b", "../x", "a/..", "a/./b", "a\\b", "a\nb"] {
            assert!(text.parse::<MeetingFolder>().is_err(), "{text}");
        }
        for text in ["a/b.mp4", ".hidden", "..", "meeting.json", "x.mp4.part", ""] {
            assert!(text.parse::<FileName>().is_err(), "{text}");
        }
    }

    #[test]
    fn meetings_of_the_same_minute_get_numbered_folders() {
        let base = MeetingFolder::of_layout(&["2025-11-13".into(), "1401".into()]);
        let names: Vec<String> = base.candidates().take(3).map(String::from).collect();
        assert_eq!(names, ["2025-11-13/1401", "2025-11-13/1401_2", "2025-11-13/1401_3"]);
    }

    #[test]
    fn files_of_the_same_type_get_numbered_names_and_a_nameless_one_that_of_its_kind() {
        let file = |recording_type: &str| RecordingFile {
            id: "f".parse().unwrap(),
            kind: Some(FileKind::Video),
            recording_type: RecordingType::new(recording_type),
            extension: Extension::Mp4,
            recording_start: None,
            recording_end: None,
            size: None,
            availability: Availability::Processing,
        };
        let mut taken = HashSet::new();
        for expected in ["gallery_view.mp4", "gallery_view_2.mp4", "gallery_view_3.mp4"] {
            let name = FileName::for_file(&file("gallery_view"), &taken);
            assert_eq!(name.as_str(), expected);
            taken.insert(name.into());
        }
        assert_eq!(FileName::for_file(&file("../.."), &taken).as_str(), "video.mp4");
        assert_eq!("a.mp4".parse::<FileName>().unwrap().suspect().as_str(), "a.suspect.mp4");
    }

    proptest! {
        #[test]
        fn any_text_becomes_a_component_that_is_stable_under_repetition(text in any::<String>()) {
            let once = safe_component(&text);
            prop_assert!(is_plain(&once), "{once:?}");
            prop_assert_eq!(safe_component(&once), once);
        }
    }
}
