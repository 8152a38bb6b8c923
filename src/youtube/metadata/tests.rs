//! What videos are called, from what people write into their settings and what Zoom sends.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::*;
use crate::archive::entry::{FileEntry, FileState};
use crate::config::{Sources, load};
use crate::hostile;
use crate::meeting::{ByteCount, RecordingType};

const FULL: &str = "{topic} - {date} {time} ({duration} min)";

/// Those of a config that sets no more than it must.
static DEFAULTS: LazyLock<YoutubeSettings> = LazyLock::new(|| {
    let environment = ["ID", "SECRET"].map(|key| (format!("ZOOM_ARCHIVER__ZOOM__CLIENT_{key}"), "x".to_owned()));
    let working_dir = tempfile::tempdir().unwrap();
    let sources = Sources { config: None, environment: environment.into(), working_dir: working_dir.path().to_owned() };
    load(&sources).unwrap().settings.youtube
});

fn defaults() -> YoutubeSettings {
    DEFAULTS.clone()
}

fn template(text: &str) -> Template {
    Template::parse(text, &YoutubeSettings::NAMES).unwrap()
}

fn manifest(topic: &str) -> Manifest {
    let file = |part: u32, start: &str| FileEntry {
        id: format!("file-{part}").parse().unwrap(),
        recording_type: RecordingType::new("gallery_view"),
        name: format!("gallery_view_{part}.mp4").parse().unwrap(),
        size: ByteCount(1),
        recording_start: Some(start.parse().unwrap()),
        recording_end: None,
        part,
        best: true,
        state: FileState::Whole,
    };
    Manifest {
        uuid: "DqClgwqMRYmwXuDfFFAkog==".parse().unwrap(),
        meeting_id: Some(87_542_522_271),
        topic: topic.to_owned(),
        start_time: "2025-12-02T17:29:28Z".parse().unwrap(),
        timezone: Some("Europe/Moscow".to_owned()),
        duration_min: 45,
        host_id: None,
        host_email: None,
        user: "me".parse().unwrap(),
        share_url: None,
        files: vec![file(1, "2025-12-02T17:29:29Z"), file(2, "2025-12-02T18:40:00Z")],
        youtube: Vec::new(),
    }
}

fn of_part(settings: &YoutubeSettings, zone: ArchiveZone, manifest: &Manifest, part: u32) -> Metadata {
    let file = manifest.files.iter().find(|file| file.part == part).unwrap_or(&manifest.files[0]);
    Metadata::of_file(settings, zone, manifest, file, part)
}

fn titled(format: &str, manifest: &Manifest, part: u32) -> String {
    let settings = YoutubeSettings { title: template(format), ..defaults() };
    of_part(&settings, ArchiveZone::Fixed(chrono_tz::UTC), manifest, part).title
}

#[test]
fn the_usual_formats_of_a_title_are_filled_in() {
    let meeting = manifest("Вместе на полянке");
    let unknown = Manifest { duration_min: 0, ..meeting.clone() };
    for (format, with_duration, without) in [
        ("{topic} - {date}", "Вместе на полянке - 2025-12-02", "Вместе на полянке - 2025-12-02"),
        ("{topic} - {date} {time}", "Вместе на полянке - 2025-12-02 17:29", "Вместе на полянке - 2025-12-02 17:29"),
        (
            "{topic} - {date} ({duration} min)",
            "Вместе на полянке - 2025-12-02 (45 min)",
            "Вместе на полянке - 2025-12-02",
        ),
        (FULL, "Вместе на полянке - 2025-12-02 17:29 (45 min)", "Вместе на полянке - 2025-12-02 17:29"),
    ] {
        assert_eq!(titled(format, &meeting, 1), with_duration);
        assert_eq!(titled(format, &unknown, 1), without);
    }
}

#[test]
fn every_placeholder_that_is_offered_has_a_value() {
    let all = "{topic}|{date}|{time}|{duration}|{timezone}|{host}|{meeting_id}|{part}";
    let meeting = Manifest { host_email: Some("anna@example.com".to_owned()), ..manifest("T") };
    assert_eq!(titled(all, &meeting, 2), "T|2025-12-02|17:29|45|UTC|anna@example.com|87542522271|2");
    let less = Manifest { meeting_id: None, ..manifest("T") };
    assert_eq!(titled("{host} {meeting_id} {timezone}", &less, 1), "me unknown UTC");
    assert!(YoutubeSettings::NAMES.iter().all(|name| all.contains(name)));
}

#[test]
fn a_title_is_dated_in_the_archives_zone_or_in_the_meetings_own() {
    let meeting = Manifest { start_time: "2025-12-02T22:30:00Z".parse().unwrap(), ..manifest("T") };
    let settings = YoutubeSettings { title: template("{date} {time} {timezone}"), ..defaults() };
    for (zone, named, expected) in [
        (ArchiveZone::Meeting, Some("Europe/Moscow"), "2025-12-03 01:30 Europe/Moscow"),
        (ArchiveZone::Meeting, Some("Atlantis"), "2025-12-02 22:30 UTC"),
        (ArchiveZone::Meeting, None, "2025-12-02 22:30 UTC"),
        (ArchiveZone::Fixed(chrono_tz::America::New_York), Some("Europe/Moscow"), "2025-12-02 17:30 America/New_York"),
    ] {
        let meeting = Manifest { timezone: named.map(str::to_owned), ..meeting.clone() };
        assert_eq!(of_part(&settings, zone, &meeting, 1).title, expected);
    }
}

#[test]
fn later_parts_are_titled_so_unless_the_title_names_the_part_itself() {
    let meeting = manifest("T");
    assert_eq!(titled("{topic}", &meeting, 1), "T");
    assert_eq!(titled("{topic}", &meeting, 2), "T (part 2)");
    assert_eq!(titled("{topic}, {part}", &meeting, 2), "T, 2");
}

#[test]
fn a_meeting_without_a_topic_that_anybody_could_see_is_untitled() {
    for topic in ["", "  ", "\u{200b}", "\u{202e}\u{3164}", "\n"] {
        assert_eq!(titled("{topic} - {date}", &manifest(topic), 1), "Untitled Meeting - 2025-12-02", "{topic:?}");
    }
    let unknown = Manifest { duration_min: 0, ..manifest("T") };
    assert_eq!(titled("({duration})", &unknown, 2), "Untitled Meeting (part 2)");
}

#[test]
fn s6_a_title_that_is_too_long_loses_from_its_topic_alone() {
    let end = " - 2025-12-02 17:29 (45 min) (part 2)";
    for (letter, units) in [("a", 1), ("ж", 1), ("😀", 2), ("👨‍👩‍👧", 8)] {
        let title = titled(FULL, &manifest(&letter.repeat(200)), 2);
        let kept = title.strip_suffix(end).unwrap().strip_suffix('…').unwrap();
        assert_eq!(kept, letter.repeat((100 - 1 - text::length(end)) / units), "no more than must be lost");
        assert!(text::length(&title) <= 100);
    }
    assert_eq!(titled("{topic}", &manifest(&"a".repeat(100)), 1), "a".repeat(100));
    let twice = titled("{topic} {topic} {date}", &manifest(&"a".repeat(200)), 1);
    assert_eq!(twice, format!("{0}… {0}… 2025-12-02", "a".repeat(43)));
}

#[test]
fn s6_a_topic_that_cannot_be_cut_is_untitled_and_a_format_that_is_too_long_is_cut() {
    let tower = format!("e{}", "\u{301}".repeat(500));
    assert_eq!(titled("{topic} - {date}", &manifest(&tower), 1), "Untitled Meeting - 2025-12-02");
    let title = titled(&format!("{{topic}} {} {{date}}", "x".repeat(200)), &manifest("T"), 2);
    assert!(title.starts_with("… xxx") && title.ends_with("x… (part 2)"), "{title}");
    assert_eq!(text::length(&title), 100);
}

#[test]
fn s6_a_topic_in_a_title_is_one_line_that_steers_nothing_and_is_not_expanded() {
    assert_eq!(
        titled("{topic} <{date}>", &manifest("a\u{202e} {date}\r\n<script>"), 1),
        "a {date} ‹script› ‹2025-12-02›"
    );
}

#[test]
fn s6_a_description_keeps_its_lines_and_is_cut_at_a_character() {
    let of = |format: &str, topic: &str| {
        let settings = YoutubeSettings { description: template(format), ..defaults() };
        of_part(&settings, ArchiveZone::Fixed(chrono_tz::UTC), &manifest(topic), 1).description
    };
    assert_eq!(of("{topic}\r\n<{date}>", "a\nb"), "a b\n‹2025-12-02›");
    assert_eq!(of("", "T"), "");
    let long = of("{topic}", &"ж".repeat(4000));
    assert_eq!(long, format!("{}…", "ж".repeat(2498)));
    assert!(long.len() <= 5000);
}

#[test]
fn the_marker_is_always_among_the_tags_and_the_others_lose_first() {
    let marker = Marker::of(&manifest("T").uuid, 1);
    let of = |wanted: &[&str]| tags(&wanted.iter().map(|&tag| tag.to_owned()).collect::<Vec<_>>(), &marker);
    assert_eq!(of(&["piano", "Anna B", "piano"]), ["piano", "Anna B", marker.as_str()]);
    let (fits, too_long) = ("a".repeat(500 - 1 - 26 - 1), "a".repeat(500 - 26 - 1));
    assert_eq!(of(&[&fits]), [fits.as_str(), marker.as_str()]);
    assert_eq!(of(&[&too_long, "short"]), ["short", marker.as_str()]);
    let spaced = format!("a {}", "b".repeat(fits.len() - 2));
    assert_eq!(of(&[&spaced]), [marker.as_str()], "with a space, a tag takes two characters more");
}

#[test]
fn what_is_sent_always_says_who_may_see_the_video_and_for_whom_it_is_made() {
    let meeting = manifest("T");
    let body = |settings: &YoutubeSettings, part| -> Value {
        let metadata = of_part(settings, ArchiveZone::Fixed(chrono_tz::UTC), &meeting, part);
        serde_json::from_slice(&metadata.body()).unwrap()
    };
    let expected = json!({
        "snippet": {
            "title": "T - 2025-12-02 17:29 (45 min) (part 2)",
            "description": "Recorded on 2025-12-02 at 17:29 (UTC).",
            "tags": [Marker::of(&meeting.uuid, 2).as_str()],
            "categoryId": "22",
        },
        "status": { "privacyStatus": "private", "selfDeclaredMadeForKids": false },
        "recordingDetails": { "recordingDate": "2025-12-02T18:40:00Z" },
    });
    assert_eq!(body(&defaults(), 2), expected);
    let open = YoutubeSettings { privacy: Privacy::Unlisted, made_for_kids: true, ..defaults() };
    assert_eq!(body(&open, 1)["status"], json!({ "privacyStatus": "unlisted", "selfDeclaredMadeForKids": true }));
}

fn any_format() -> impl Strategy<Value = Template> {
    let piece = prop_oneof![
        3 => select(&["{topic}", "{date}", "{time}", "({duration} min)", "[{duration}]", "{host}", "{part}"][..]).prop_map(str::to_owned),
        1 => select(&[" - ", "<", "(", "]", " "][..]).prop_map(str::to_owned),
        1 => hostile::strings().prop_map(|text| text.chars().take(120).collect()),
    ];
    let whole = prop::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat());
    whole.prop_filter_map("no template", |text| Template::parse(&text, &YoutubeSettings::NAMES).ok())
}

proptest! {
    #![proptest_config(hostile::config())]

    #[test]
    fn s6_whatever_zoom_sends_youtube_is_told_nothing_that_it_refuses(
        (topic, host, zone) in (hostile::strings(), prop::option::of(hostile::strings()), prop::option::of(hostile::strings())),
        (format, words) in (any_format(), any_format()),
        wanted in prop::collection::vec(hostile::strings(), 0..8),
        (part, duration_min) in (1..4_u32, prop_oneof![Just(0), any::<u32>()]),
        seconds in -62_167_219_200..253_402_300_799_i64,
    ) {
        let start_time = DateTime::from_timestamp(seconds, 0).unwrap();
        let meeting = Manifest { host_email: host, timezone: zone, duration_min, start_time, ..manifest(&topic) };
        let settings = YoutubeSettings { title: format, description: words, tags: wanted, ..defaults() };
        let sent = of_part(&settings, ArchiveZone::Meeting, &meeting, part);

        let refused = |c: char| matches!(c, '<' | '>' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        prop_assert!(!text::is_blank(&sent.title) && sent.title.trim() == sent.title, "{:?}", sent.title);
        prop_assert!(sent.title.encode_utf16().count() <= 100 && sent.title.chars().count() <= 100, "{:?}", sent.title);
        prop_assert!(!sent.title.contains(|c: char| refused(c) || c.is_control()), "{:?}", sent.title);
        prop_assert!(sent.description.len() <= 5000);
        prop_assert!(!sent.description.contains(|c: char| refused(c) || c.is_control() && c != '\n' && c != '\t'));
        let counted: usize = sent.tags.iter().map(|tag| tag.encode_utf16().count() + 1 + 2 * usize::from(tag.contains(' '))).sum();
        prop_assert!(counted <= 500);
        prop_assert!(Marker::of(&meeting.uuid, part).is_in(&sent.tags));
        let body: Value = serde_json::from_slice(&sent.body()).unwrap();
        prop_assert_eq!(body["snippet"]["title"].as_str(), Some(sent.title.as_str()));
    }

    #[test]
    fn s6_a_long_topic_leaves_date_time_and_part_as_they_are(topic in hostile::strings(), part in 1..20_u32) {
        let title = titled(FULL, &manifest(&topic), part);
        let end = if part == 1 { String::new() } else { format!(" (part {part})") };
        prop_assert!(title.ends_with(&format!("- 2025-12-02 17:29 (45 min){end}")), "{}", title);
    }
}
