//! Whatever Zoom sends, in whatever field: it stays below the archive at the planned depth, under clean names, on one line of the
//! log and in one cell of the tracker.

use std::collections::BTreeSet;

use chrono::DateTime;
use serde_json::json;
use zoom_archiver::simulator::{Answer, DownloadRoute, Fault, FileSpec, Form, Matcher, MeetingSpec, Simulator, World};

use crate::support::{Service, meeting, meeting_at, now, zoom_of, zoom_with};

/// Strings that no field should have.
fn hostile() -> Vec<String> {
    let strings = [
        "../../etc/x",
        "..",
        ".",
        "",
        " ",
        "a/b\\c",
        "C:\\x",
        "/etc/passwd",
        "CON",
        "nul.txt",
        "com1",
        "nul\0byte",
        "x\r\n2026-01-01T00:00:00.000+00:00 ERROR a line that never was",
        "\u{1b}[2J\u{1b}]0;title\u{7}",
        "\u{9b}31m",
        "\u{202e}4pm.exe",
        "line\u{2028}separator\u{2029}",
        "zero\u{200b}width\u{feff}",
        "caf\u{e9}",
        "cafe\u{301}",
        "-rf",
        "--help",
        ".hidden",
        ".zoom-archiver",
        "meeting.json",
        "gallery_view.mp4.part",
        "trailing dot.",
        "trailing space ",
        "=cmd|'/C calc'!A0",
        "+1",
        "@SUM(A1)",
        "%2e%2e%2f",
        "%00",
        "%s%n%d",
        "$(touch x)",
        "`touch x`",
        "\"quotes\" and 'more'",
        "comma, and; semicolon",
        "mp4/../../x",
        "mp4\0.sh",
        "{topic}",
        "{date}/{time}",
        "<script>alert(1)</script>",
        "null",
        "\u{fffd}",
    ];
    let long = ["A".repeat(64 << 10), "\u{1f600}".repeat(300), format!("e{}", "\u{301}".repeat(2000))];
    strings.into_iter().map(str::to_owned).chain(long).collect()
}

const DATES: [&str; 14] = [
    "0000-00-00",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "9999-12-31T23:59:59-23:59",
    "2024-02-30",
    "2024-02-30T00:00:00Z",
    "2025-11-13T14:01:00+05:30",
    "2025-11-13T14:01:00",
    "2025-11-13",
    "+262142-12-31T23:59:59",
    "-262143-01-01T00:00:00Z",
    "1970-01-01T00:00:00Z",
    "2038-01-19T03:14:08Z",
    "13.11.2025 14:01",
];

/// All hostile strings, each in a meeting of its own; files come without a redirect, for there are many.
async fn zoom_with_each(make: impl Fn(MeetingSpec, &str) -> MeetingSpec) -> Simulator {
    let strings = hostile();
    let meetings = strings.iter().enumerate().map(|(n, text)| {
        let number = 80_000_000_000 + u64::try_from(n).expect("there are few");
        make(meeting_at(&format!("m{n}=="), 5, 0).number(number), text)
    });
    let zoom = zoom_with(meetings).await;
    zoom.rules(|rules| rules.download = DownloadRoute::Direct);
    zoom
}

fn video() -> FileSpec {
    FileSpec::video("gallery_view", 512)
}

/// Whether a character ends a line, steers a terminal, or turns or hides what is around it.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Checks everything that the service has left and said.
async fn is_clean(service: &Service, depth: usize) {
    has_clean_names(service, depth);
    has_a_clean_tracker(service);
    has_a_clean_log(service);
    let listed = service.run(&["list"]).await;
    for line in listed.stdout.lines().chain(listed.stderr.lines()) {
        assert!(!line.contains(is_unsafe), "{line:?}");
    }
}

fn has_clean_names(service: &Service, depth: usize) {
    let own = ["config.toml", "downloads/", "lock", "logs/", "processed.csv", "state.json"];
    let mut caseless = BTreeSet::new();
    for name in service.files() {
        let Some(archived) = name.strip_prefix("downloads/").filter(|name| !name.is_empty()) else {
            let is_own = own.iter().any(|own| name.starts_with(own)) || name.starts_with(".zoom_");
            assert!(is_own, "{name:?} is no file of the service's");
            continue;
        };
        assert!(caseless.insert(archived.to_lowercase()), "{archived:?} differs from another in case alone");
        let components: Vec<&str> = archived.trim_end_matches('/').split('/').collect();
        if archived == ".zoom-archiver" {
            continue;
        }
        assert_eq!(components.len() == depth + 1, !archived.ends_with('/'), "{archived:?}");
        for component in &components {
            let device = component.split('.').next().unwrap_or_default().to_ascii_uppercase();
            assert!(!["CON", "PRN", "AUX", "NUL", "COM1", "LPT1"].contains(&device.as_str()), "{archived:?}");
            assert!(!component.contains(|c| is_unsafe(c) || "\\:*?\"<>|".contains(c)), "{archived:?}");
            assert!(!component.starts_with(['.', '-', ' ']) && !component.ends_with(['.', ' ']), "{archived:?}");
            assert!((1..=200).contains(&component.len()), "{archived:?}");
        }
        if !archived.ends_with('/') {
            let finished = archived.strip_suffix(".part").unwrap_or(archived);
            let extension = finished.rsplit_once('.').map(|(_, extension)| extension);
            let known = ["mp4", "m4a", "txt", "vtt", "csv", "json", "jpg", "bin"];
            assert!(extension.is_some_and(|extension| known.contains(&extension)), "{archived:?}");
        }
    }
}

fn has_a_clean_tracker(service: &Service) {
    if !service.path("processed.csv").exists() {
        return;
    }
    // Read strictly: a row with another number of cells is an error.
    let rows = service.rows();
    assert_eq!(service.text("processed.csv").matches(['\n', '\r', '\0']).count(), rows.len() + 1, "a row is a line");
    for row in &rows {
        for column in ["topic", "user", "directory", "best_file"] {
            let cell = &row[column];
            assert!(!cell.trim_start().starts_with(['=', '+', '-', '@']), "{column}: {cell:?}");
        }
    }
}

fn has_a_clean_log(service: &Service) {
    for line in service.log().lines() {
        let time = line.split(' ').next().unwrap_or_default();
        assert!(DateTime::parse_from_rfc3339(time).is_ok(), "no line of its own: {line:?}");
        assert!(!line.contains(is_unsafe) && !line.contains(" ERROR a line that never was\n"), "{line:?}");
        assert!(line.chars().count() < 5000, "{} characters: {line:.200}", line.chars().count());
    }
}

#[tokio::test]
async fn s1_s3_s4_s5_no_topic_leads_out_of_the_archive_off_its_line_or_out_of_its_cell() {
    for layout in ["{topic}/{meeting_id}", "{date}/{topic}"] {
        let zoom = zoom_with_each(|meeting, text| meeting.topic(text).file(video())).await;
        let service = Service::on(&zoom).set("archive.layout", layout).set("log.level", "debug");

        service.once().await.with(0);

        assert_eq!(service.rows().len(), hostile().len());
        is_clean(&service, 2).await;
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn s1_s2_s3_no_recording_type_makes_a_name_that_is_not_ours() {
    let zoom = zoom_with_each(|meeting, text| meeting.file(video().set("recording_type", json!(text)))).await;
    let all = hostile().into_iter().map(|text| video().set("recording_type", json!(text)));
    zoom.add_meeting("me", all.fold(meeting_at("all==", 6, 0), MeetingSpec::file));
    let service = Service::on(&zoom);

    service.once().await.with(0);

    assert_eq!(service.row("all==")["files"], hostile().len().to_string());
    is_clean(&service, 2).await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn s2_s3_no_extension_or_type_of_a_file_is_taken_over_into_its_name() {
    let other = || FileSpec::new("CSV", "CSV", "poll", Form::Txt, 100);
    let zoom = zoom_with_each(|meeting, text| {
        meeting
            .file(video().set("file_extension", json!(text)))
            .file(other().set("file_extension", json!(text)))
            .file(other().set("file_type", json!(text)).set("file_extension", json!(text)))
    })
    .await;
    let kinds = vec!["video", "audio", "transcript", "chat", "captions", "timeline", "summary", "other"];
    let service = Service::on(&zoom).set("select.files", kinds);

    service.once().await.with(0);

    assert!(service.rows().iter().all(|row| row["files"] == "3"), "{:?}", service.rows());
    is_clean(&service, 2).await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn s1_s4_s5_no_uuid_is_a_step_of_a_path_or_more_than_a_cell() {
    // Zoom's ids are neither blank nor endless nor a step of a path, and have no control characters: a record with such a
    // one is left out.
    let is_word = |text: &str| !["", ".", ".."].contains(&text.trim());
    let is_id = |text: &&String| is_word(text) && text.len() <= 512 && !text.contains(char::is_control);
    let strings = hostile();
    let (ids, others): (Vec<&String>, Vec<&String>) = strings.iter().partition(is_id);
    let with_uuid = |uuid: &str| meeting(uuid, 5).file(video());
    let zoom = zoom_with(strings.iter().map(|text| with_uuid(if is_id(&text) { text.trim() } else { text }))).await;
    zoom.rules(|rules| rules.download = DownloadRoute::Direct);
    let service = Service::on(&zoom);

    service.once().await.with(1).says("with a bad uuid");

    let recorded: BTreeSet<String> = service.recorded_uuids().into_iter().collect();
    assert_eq!(recorded, ids.iter().map(|id| id.trim().to_owned()).collect());
    let hopeless: Vec<&str> = others.iter().map(|text| text.as_str()).collect();
    is_clean(&service, 2).await;
    service.keeps_its_promises_but_for(&zoom, &hopeless).await;
}

#[tokio::test]
async fn s1_s4_s5_no_id_of_a_meeting_or_a_file_leads_out_of_the_archive_or_its_cell() {
    let zoom = zoom_with_each(|meeting, text| meeting.set("id", json!(text)).file(video().id(text))).await;
    let service = Service::on(&zoom).set("archive.layout", "{meeting_id}/{topic}");

    service.once().await.with(0);

    assert_eq!(service.rows().len(), hostile().len());
    is_clean(&service, 2).await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn s4_s5_no_host_zone_or_address_breaks_a_line_or_a_cell() {
    let zoom = zoom_with_each(|meeting, text| {
        let fields = ["account_id", "host_id", "host_email", "timezone", "share_url", "auto_delete_date", "type"];
        fields.into_iter().fold(meeting, |meeting, field| meeting.set(field, json!(text))).file(video())
    })
    .await;
    let service = Service::on(&zoom).set("archive.timezone", "meeting").set("log.format", "json");

    service.once().await.with(0);

    assert_eq!(service.rows().len(), hostile().len());
    for line in service.log().lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok() && !line.contains(is_unsafe), "{line:?}");
    }
    has_clean_names(&service, 2);
    has_a_clean_tracker(&service);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn s4_no_words_of_a_refused_listing_break_a_line_of_the_log() {
    let strings = hostile();
    let user = |n: usize| format!("user{n}@example.com");
    let world = (0..strings.len()).fold(World::new(now()), |world, n| world.user(&user(n)));
    let zoom = zoom_of(world.user("last@example.com").meeting(meeting("a==", 5).file(video()))).await;
    for (n, text) in strings.iter().enumerate() {
        let refusal = json!({"code": 300, "message": text, "errors": [{"field": text, "message": text}]});
        zoom.inject(Matcher::list().user(&user(n)).always(), Fault::json(400, &refusal));
    }
    let users: Vec<String> = (0..strings.len()).map(user).chain(["last@example.com".to_owned()]).collect();
    let service = Service::on(&zoom).set("zoom.users", users).set("poll.lookback_days", 7);

    let ended = service.once().await.with(1);

    for line in ended.stderr.lines() {
        assert!(!line.contains(is_unsafe) && line.chars().count() < 5000, "{line:?}");
    }
    assert_eq!(service.recorded_uuids(), ["a=="]);
    is_clean(&service, 2).await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn s4_no_words_of_a_refused_token_or_download_break_a_line_of_the_log() {
    let text = "x\r\n2026-01-01T00:00:00.000+00:00 ERROR a line that never was\u{1b}[2J\u{202e}\u{2028}";
    let zoom = zoom_with([meeting("a==", 5).file(video())]).await;
    let service = Service::on(&zoom).set("download.attempts", 1);
    let token = json!({"reason": text, "error": "invalid_grant"});
    zoom.inject(Matcher::token(), Fault::json(400, &token));
    let file = Answer::json(404, &json!({"code": 3301, "message": text, "errorMessage": text}));
    zoom.inject(Matcher::download_entry(), Fault::Answer(file.header("content-type", "application/json")));

    for code in [3, 1] {
        let ended = service.once().await.with(code);
        for line in ended.stderr.lines() {
            assert!(!line.contains(is_unsafe), "{line:?}");
        }
    }

    is_clean(&service, 2).await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn s7_dates_that_are_none_or_out_of_all_reach() {
    let strings: Vec<String> = hostile().into_iter().chain(DATES.map(str::to_owned)).collect();
    let mut meetings = Vec::new();
    for (n, date) in strings.iter().enumerate() {
        let of = |kind: &str| meeting(&format!("{kind}{n}=="), 5);
        let file = || video().set("recording_start", json!(date)).set("recording_end", json!(date));
        meetings.push(of("start").set("start_time", json!(date)).file(video()));
        meetings.push(of("all").set("start_time", json!(date)).set("duration", json!(u32::MAX)).file(file()));
    }
    let count = meetings.len();
    let zoom = zoom_with(meetings).await;
    zoom.rules(|rules| rules.download = DownloadRoute::Direct);
    let service = Service::on(&zoom).set("archive.timezone", "Pacific/Kiritimati");

    service.once().await.with(0);

    assert_eq!(service.rows().len(), count);
    is_clean(&service, 2).await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn s7_a_meeting_that_waits_under_a_date_out_of_all_reach_spoils_no_poll() {
    let waiting = |n: usize, date: &str| {
        let file = || video().set("recording_start", json!(date)).set("recording_end", json!(date));
        meeting(&format!("{n}=="), 5).set("start_time", json!(date)).file(file()).file(file().processing())
    };
    let zoom = zoom_with(DATES.iter().enumerate().map(|(n, date)| waiting(n, date))).await;
    let service = Service::on(&zoom);

    for _ in 0..2 {
        service.once().await.with(0);
    }

    assert!(!service.path("processed.csv").exists());
    for n in 0..DATES.len() {
        for id in zoom.files(&format!("{n}==")).expect("it is there") {
            zoom.complete(&id).expect("it is there");
        }
    }
    is_clean(&service, 2).await;
    service.keeps_its_promises(&zoom).await;
}
