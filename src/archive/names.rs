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
/// Longest file name that is: it may yet become a suspect's, and an unfinished one's.
const MAX_FILE_NAME: usize = MAX_READ - SUSPECT.len() - UNFINISHED.len();
/// What tells the name of a file that looks broken every time.
const SUSPECT: &str = ".suspect";
/// Suffix of a file that was found wrong later and set aside.
const BAD: &str = ".bad";

/// The names under which a file may be set aside: `gallery_view.mp4.bad`, and then those with `.bad2`, `.bad3`, ...
pub fn set_aside(name: &FileName) -> impl Iterator<Item = String> + '_ {
    (1u32..).map(move |n| if n == 1 { format!("{name}{BAD}") } else { format!("{name}{BAD}{n}") })
}

/// Whether something of this name was set aside, or is unfinished: it is in nobody's way.
#[must_use]
pub fn is_out_of_the_way(name: &str) -> bool {
    let is_set_aside = name.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with(BAD);
    is_set_aside || name.ends_with(UNFINISHED)
}

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
    && text.len() <= MAX_FILE_NAME
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
            Some((stem, extension)) => Self(format!("{stem}{SUSPECT}.{extension}")),
            None => Self(format!("{}{SUSPECT}", self.0)),
        }
    }

    /// The name that it had before it got that of a file that looks broken.
    #[must_use]
    pub fn unsuspected(&self) -> Self {
        match self.0.rsplit_once('.') {
            Some((stem, extension)) => {
                let stem = stem.strip_suffix(SUSPECT).filter(|stem| !stem.is_empty()).unwrap_or(stem);
                Self(format!("{stem}.{extension}"))
            }
            None => self.clone(),
        }
    }

    /// What it says the file is, where that is known here.
    #[must_use]
    pub fn extension(&self) -> Option<Extension> {
        Path::new(&self.0).extension().and_then(|extension| Extension::named(extension.to_str()?))
    }

    /// Whether it is a video's.
    #[must_use]
    pub fn is_video(&self) -> bool {
        self.extension() == Some(Extension::Mp4)
    }

    /// Whether it is a video's, or that of a recording's sound.
    #[must_use]
    pub fn is_media(&self) -> bool {
        matches!(self.extension(), Some(Extension::Mp4 | Extension::M4a))
    }

    /// A name for a file of this recording, the first of its kind that is not `taken` (by names in small letters).
    pub(super) fn for_file(file: &RecordingFile, taken: &HashSet<String>) -> Self {
        let stem = file.recording_type.stem();
        let kind = file.kind.unwrap_or(FileKind::Other);
        let stem = match stem.as_str() {
            "" => kind.name().to_owned(),
            reserved if is_reserved(reserved) => format!("{}_{reserved}", kind.name()),
            _ => stem,
        };
        let mut name = format!("{stem}.{}", file.extension.as_str());
        let mut n = 1;
        while taken.contains(&name) || name == super::MANIFEST {
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
    let clean = sanitize_filename::sanitize_with_options(visible, SANITIZE);
    let name = trimmed(cut(trimmed(&clean), MAX_COMPONENT));
    if name.is_empty() || is_reserved(name) { "untitled".to_owned() } else { name.to_owned() }
}

const SANITIZE: sanitize_filename::Options<'_> =
    sanitize_filename::Options { windows: true, truncate: false, replacement: "_" };

/// A name without what hides it at its start, what some file systems drop at its end, and what would have it swept up
/// with unfinished files; what one of them leaves may be the next one's.
fn trimmed(name: &str) -> &str {
    let rest = name.trim_start_matches(['.', '-', ' ', '_']).trim_end_matches(['.', ' ', '_']);
    let rest = rest.strip_suffix(UNFINISHED).unwrap_or(rest);
    if rest.len() == name.len() { name } else { trimmed(rest) }
}

/// Whether some file system takes a name for a device (`CON`, `nul.txt`).
fn is_reserved(name: &str) -> bool {
    sanitize_filename::sanitize_with_options(name, SANITIZE) != name
}

/// Control, bidirectional and other format characters, and letters without a shape: by these a name can look like
/// another.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// The longest beginning of `text` that has at most `max` bytes.
fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;
    use crate::hostile;
    use crate::meeting::{Availability, RecordingType};

    #[test]
    fn s1_s3_a_hostile_topic_becomes_one_plain_component() {
        for topic in hostile::every_string() {
            check_folder(&["2025-12-02".to_owned(), topic]);
        }
    }

    /// That components of any text are as many folders below the archive's, each with a name that can be seen.
    fn check_folder(components: &[String]) {
        let root = Path::new("/archive");
        let folder = MeetingFolder::of_layout(components);
        for candidate in folder.candidates().take(2) {
            let path = candidate.under(root);
            let below: Vec<_> = path.strip_prefix(root).unwrap().components().collect();
            assert_eq!(below.len(), components.len(), "{path:?}");
            for component in below {
                let Component::Normal(name) = component else { panic!("{component:?} in {path:?}") };
                let name = name.to_str().unwrap();
                assert!(!name.is_empty() && name.len() <= MAX_COMPONENT + 2, "{name:?}");
                assert!(!name.starts_with(['.', '-', ' ']) && !name.ends_with(['.', ' ']), "{name:?}");
                assert!(!name.ends_with(UNFINISHED) && !is_reserved(name), "{name:?}");
                assert!(!name.contains(is_invisible) && !name.contains(['/', '\\', ':']), "{name:?}");
            }
            assert_eq!(candidate.as_str().parse(), Ok(candidate), "what is written can be read back");
        }
    }

    #[test]
    fn s3_d10_what_one_repair_bares_is_repaired_too() {
        for (topic, component) in [
            ("x.part.part", "x"),
            ("x .part", "x"),
            ("x..part", "x"),
            (".part", "part"),
            ("-CON", "untitled"),
            ("_nul.txt", "untitled"),
            ("con.part", "untitled"),
            ("\u{3164}", "untitled"),
            ("a\u{1d173}b", "ab"),
        ] {
            assert_eq!(safe_component(topic), component, "{topic:?}");
        }
        let at_the_cut = format!("{}.part rest", "x".repeat(MAX_COMPONENT - 5));
        assert_eq!(safe_component(&at_the_cut), "x".repeat(MAX_COMPONENT - 5));
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
    fn s1_a_folder_read_back_never_leads_outside() {
        for text in ["", "/etc", "a//b", "../x", "a/..", "a/./b", "a\\b", "a\nb"] {
            assert!(text.parse::<MeetingFolder>().is_err(), "{text}");
        }
        let long = format!("{}.mp4", "x".repeat(MAX_FILE_NAME - 3));
        for text in ["a/b.mp4", ".hidden", "..", "meeting.json", "x.mp4.part", "", &long] {
            assert!(text.parse::<FileName>().is_err(), "{text}");
        }
        let longest: FileName = format!("{}.mp4", "x".repeat(MAX_FILE_NAME - 4)).parse().unwrap();
        assert_eq!(longest.suspect().unfinished().len(), 255);
    }

    #[test]
    fn a9_meetings_of_the_same_minute_get_numbered_folders() {
        let base = MeetingFolder::of_layout(&["2025-11-13".into(), "1401".into()]);
        let names: Vec<String> = base.candidates().take(3).map(String::from).collect();
        assert_eq!(names, ["2025-11-13/1401", "2025-11-13/1401_2", "2025-11-13/1401_3"]);
    }

    #[test]
    fn a9_files_of_the_same_type_get_numbered_names_and_a_nameless_one_that_of_its_kind() {
        let file = |recording_type: &str| file(recording_type, Extension::Mp4);
        let mut taken = HashSet::new();
        for expected in ["gallery_view.mp4", "gallery_view_2.mp4", "gallery_view_3.mp4"] {
            let name = FileName::for_file(&file("gallery_view"), &taken);
            assert_eq!(name.as_str(), expected);
            taken.insert(name.into());
        }
        assert_eq!(FileName::for_file(&file("../.."), &taken).as_str(), "video.mp4");
        assert_eq!(FileName::for_file(&file("COM1"), &taken).as_str(), "video_com1.mp4");
        assert_eq!("a.mp4".parse::<FileName>().unwrap().suspect().as_str(), "a.suspect.mp4");
    }

    #[test]
    fn a_name_that_became_a_suspects_is_had_back_and_any_other_stays() {
        for (name, before) in
            [("a.suspect.mp4", "a.mp4"), ("a.mp4", "a.mp4"), ("suspect.mp4", "suspect.mp4"), ("a", "a")]
        {
            assert_eq!(name.parse::<FileName>().unwrap().unsuspected().as_str(), before);
        }
    }

    #[test]
    fn what_is_set_aside_or_unfinished_is_out_of_the_way_and_nothing_else() {
        let name: FileName = "a.mp4".parse().unwrap();
        let names: Vec<String> = set_aside(&name).take(2).collect();
        assert_eq!(names, ["a.mp4.bad", "a.mp4.bad2"]);
        assert!(names.iter().all(|name| is_out_of_the_way(name)));
        assert!(is_out_of_the_way("a.mp4.part"));
        for other in ["a.mp4", "bad", "a.bad.mp4", "a.badly", "a2"] {
            assert!(!is_out_of_the_way(other), "{other}");
        }
    }

    fn file(recording_type: &str, extension: Extension) -> RecordingFile {
        RecordingFile {
            id: "f".parse().unwrap(),
            kind: Some(FileKind::Video),
            recording_type: RecordingType::new(recording_type),
            extension,
            recording_start: None,
            recording_end: None,
            size: None,
            availability: Availability::Processing,
        }
    }

    #[test]
    fn d10_no_file_of_a_recording_is_named_like_the_description_of_its_meeting_or_like_a_device() {
        let name = |recording_type, extension| FileName::for_file(&file(recording_type, extension), &HashSet::new());
        assert_eq!(name("meeting", Extension::Json).as_str(), "meeting_2.json");
        assert_eq!(name("meeting", Extension::Txt).as_str(), "meeting.txt");
        assert_eq!(name("CON", Extension::Mp4).as_str(), "video_con.mp4");
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn s1_s3_d10_any_texts_become_as_many_folders_below_the_archive(
            components in prop::collection::vec(hostile::strings(), 1..=8),
        ) {
            check_folder(&components);
        }

        #[test]
        fn s3_a_component_is_stable_under_repetition(text in hostile::strings()) {
            let once = safe_component(&text);
            prop_assert_eq!(safe_component(&once), once);
        }

        #[test]
        fn s1_s3_d10_a_name_that_is_read_back_stays_in_its_folder_and_within_255_bytes(text in hostile::strings()) {
            if let Ok(folder) = text.parse::<MeetingFolder>() {
                let path = folder.under(Path::new("/archive"));
                let below = path.strip_prefix("/archive").unwrap();
                prop_assert!(below.components().all(|component| matches!(component, Component::Normal(_))));
                prop_assert_eq!(below.components().count(), folder.as_str().split('/').count());
            }
            if let Ok(name) = text.parse::<FileName>() {
                prop_assert!(name.suspect().unfinished().len() <= 255);
                prop_assert!(!text.starts_with('.') && !text.contains(['/', '\\']) && !text.contains(char::is_control));
            }
        }
    }
}
