//! The tracker in the hands of spreadsheets, editors, other programs and failing disks: between runs, and under a service.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;
use std::time::Duration;

use zoom_archiver::simulator::{FileSpec, Simulator};

use crate::support::{Mount, Running, Service, asked, meeting, meeting_at, skipped, zoom_with};

/// A service that has archived one meeting of one video, and its Zoom.
async fn archived() -> (Simulator, Service) {
    let zoom = zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 4096)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    (zoom, service)
}

fn add(zoom: &Simulator, uuid: &str) {
    zoom.add_meeting("me", meeting(uuid, 4).video("gallery_view", 4096));
}

fn tracker(service: &Service) -> Vec<u8> {
    fs::read(service.path("processed.csv")).expect("there is a tracker")
}

fn save(service: &Service, bytes: impl AsRef<[u8]>) {
    fs::write(service.path("processed.csv"), bytes).expect("the tracker is saved");
}

/// As editors do: a new file, renamed over the old one.
fn save_by_rename(service: &Service, bytes: impl AsRef<[u8]>) {
    fs::write(service.path("beside.csv"), bytes).expect("the tracker is saved");
    fs::rename(service.path("beside.csv"), service.path("processed.csv")).expect("the tracker is saved");
}

/// Archives a further meeting into a tracker that was saved like this, and gives what was appended.
async fn appended_to(zoom: &Simulator, service: &Service, saved: &[u8]) -> String {
    let before = asked(zoom)[2];
    save(service, saved);
    add(zoom, "b==");

    service.once().await.with(0);

    let after = tracker(service);
    let appended = after.strip_prefix(saved).expect("every byte that was there stays as it was");
    assert_eq!(asked(zoom)[2], before + 1, "the archived meeting was recognized");
    String::from_utf8(appended.to_vec()).expect("UTF-8")
}

#[tokio::test]
async fn c1_a_row_torn_anywhere_costs_no_other_row_and_counts_for_nothing() {
    for torn in
        ["2025", "2025-12-02T17:29:28Z,torn", "2025-12-02T17:29:28Z,torn==,1,\"A topic, that", "\"", "x,torn==,,,,,,"]
    {
        let (zoom, service) = archived().await;
        let saved = [tracker(&service), torn.as_bytes().to_vec()].concat();

        let appended = appended_to(&zoom, &service, &saved).await;

        assert!(appended.starts_with('\n') && appended.contains(",b==,"), "{appended:?} after {torn}");
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn c2_a_tail_of_nuls_is_skipped_and_the_rows_before_and_after_it_count() {
    let (zoom, service) = archived().await;
    let saved = [tracker(&service), vec![0; 300]].concat();

    let appended = appended_to(&zoom, &service, &saved).await;

    assert!(appended.starts_with('\n') && appended.contains(",b==,"), "{appended:?}");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn c2_a_row_that_ends_in_nuls_is_torn_and_written_again_without_a_download() {
    let (zoom, service) = archived().await;
    let before = asked(&zoom)[2];
    let whole = tracker(&service);
    let cut = whole.len() - 90;
    let mut torn = whole.clone();
    torn[cut..].fill(0);
    save(&service, &torn);

    service.once().await.with(0);

    assert!(tracker(&service).starts_with(&torn));
    assert_eq!(asked(&zoom)[2], before);
    service.keeps_its_promises(&zoom).await;
}

/// Changes each line of a tracker.
fn by_line(text: &str, change: impl Fn(&str) -> String) -> Vec<u8> {
    text.lines().map(|line| change(line) + "\n").collect::<String>().into_bytes()
}

fn quoted(line: &str, separator: &str) -> String {
    line.split(',').map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(separator)
}

#[tokio::test]
async fn c3_whatever_a_spreadsheet_makes_of_the_style_is_read_kept_and_appended_to() {
    type Saved = (&'static str, fn(&str) -> Vec<u8>, fn(&str) -> bool);
    let styles: [Saved; 13] = [
        ("a byte-order mark", |text| format!("\u{feff}{text}").into(), |row| row.matches(',').count() == 13),
        ("CRLF", |text| text.replace('\n', "\r\n").into(), |row| row.ends_with("\r\n")),
        ("CR", |text| text.replace('\n', "\r").into(), |row| row.ends_with('\r') && !row.contains('\n')),
        ("semicolons", |text| text.replace(',', ";").into(), |row| row.matches(';').count() == 13),
        ("tabs", |text| text.replace(',', "\t").into(), |row| row.matches('\t').count() == 13),
        ("quotes", |text| by_line(text, |line| quoted(line, ",")), |row| row.contains(",b==,")),
        (
            "quotes, semicolons, CRLF and a mark",
            |text| {
                let lines = text.lines().map(|line| quoted(line, ";") + "\r\n");
                format!("\u{feff}{}", lines.collect::<String>()).into()
            },
            |row| row.matches(';').count() == 13 && row.ends_with("\r\n"),
        ),
        (
            "further columns",
            |text| by_line(text, |line| format!("note,{line},seen")),
            |row| row.starts_with(',') && row.ends_with(",\n") && row.matches(',').count() == 15,
        ),
        (
            "other order",
            |text| by_line(text, |line| line.split(',').rev().collect::<Vec<_>>().join(",")),
            |row| row.contains(",b==,") && row.matches(',').count() == 13,
        ),
        ("empty rows", |text| text.replace('\n', "\n\n,,,,,,,,,,,,,\n").into(), |row| row.contains(",b==,")),
        (
            "trailing separators",
            |text| by_line(text, |line| format!("{line},,,")),
            |row| row.ends_with(",,,\n") && row.matches(',').count() == 16,
        ),
        (
            "trailing separators in the rows alone",
            |text| (text.trim_end().to_owned() + ",,\n").into(),
            |row| row.matches(',').count() == 13,
        ),
        ("no line end at the end", |text| text.trim_end().into(), |row| row.starts_with('\n')),
    ];
    for (name, saved, is_in_that_style) in styles {
        let (zoom, service) = archived().await;
        let saved = saved(&service.text("processed.csv"));

        let appended = appended_to(&zoom, &service, &saved).await;

        assert!(is_in_that_style(&appended) && appended.contains("b=="), "{name}: {appended:?}");
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn c3_a_tracker_saved_as_unicode_text_is_refused_and_not_written_to() {
    let (zoom, service) = archived().await;
    let original = tracker(&service);
    let text = String::from_utf8(original.clone()).unwrap();
    add(&zoom, "b==");
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for saved in [[b"\xFF\xFE".to_vec(), little.clone()].concat(), [b"\xFE\xFF".to_vec(), big].concat(), little] {
        save(&service, &saved);
        let before = asked(&zoom);

        service.once().await.with(2).says("is UTF-16; save it as CSV, UTF-8");

        assert_eq!(tracker(&service), saved);
        assert_eq!(asked(&zoom), before, "nothing was asked");
    }
    save(&service, &original);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn c4_an_id_that_a_spreadsheet_mangled_costs_a_row_and_a_word_but_no_download() {
    let mangled = ["#NAME?", "1E+10", "1,2E+15", "0", "+a==", "=a==", "'a==", "a=", ""];
    for id in mangled {
        let (zoom, service) = archived().await;
        let before = asked(&zoom)[2];
        let saved = service.text("processed.csv").replace(",a==,", &format!(",{},", quoted(id, ",")));
        save(&service, &saved);

        service.once().await.with(0);

        let after = service.text("processed.csv");
        let appended = after.strip_prefix(&saved).expect("what was there stays as it was");
        assert!(appended.contains(",a==,") && appended.lines().count() == 1, "{appended:?} beside {id}");
        assert_eq!(asked(&zoom)[2], before, "{id}");
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn c4_what_a_spreadsheet_mangled_is_told_once_and_not_at_every_poll() {
    let (zoom, service) = archived().await;
    let service = service.set("poll.schedule", "* * * * * *");
    save(&service, service.text("processed.csv").replace(",a==,", ",1E+10,"));
    let running = service.run_daemon();
    let before = asked(&zoom)[0];

    zoom.until(|journal| journal.listings().len() > before + 3).await;

    running.stop().await.with(0);
    assert_eq!(service.log().matches("is what a spreadsheet made of one").count(), 1, "{}", service.log());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn c4_ids_that_look_like_a_formula_or_a_number_are_written_as_they_are_and_known_again() {
    let uuids = ["+a/b==", "/a==", "=a==", "-a==", "@a==", "12345678901234567890", "1E5", "'a==", "a'b"];
    let zoom = zoom_with(uuids.map(|uuid| meeting(uuid, 5).video("gallery_view", 4096))).await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    let mut recorded = service.recorded_uuids();
    recorded.sort();
    let mut expected = uuids;
    expected.sort_unstable();
    assert_eq!(recorded, expected);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn c5_a_hundred_thousand_rows_some_of_them_twice_are_read_and_a_row_is_only_added() {
    let (zoom, service) = archived().await;
    let mut text = service.text("processed.csv");
    let row = text.lines().nth(1).expect("a row").to_owned();
    for n in 0..50_000 {
        let other = format!("2020-01-01T00:00:00Z,old-{n}==,8,Class,2020-01-01T00:00:00Z,45,me,empty,0,0,,,,\n");
        text.push_str(&other);
        text.push_str(&other);
    }
    text.push_str(&row);
    text.push('\n');
    save(&service, &text);
    let before = fs::metadata(service.path("processed.csv")).unwrap();

    add(&zoom, "b==");
    service.once().await.with(0);

    let after = fs::metadata(service.path("processed.csv")).unwrap();
    assert_eq!(after.ino(), before.ino(), "it was not written anew");
    let appended = service.text("processed.csv");
    let appended = appended.strip_prefix(&text).expect("what was there stays as it was");
    assert!(appended.lines().count() == 1 && appended.contains(",b==,"), "{appended}");
    service.keeps_its_promises(&zoom).await;
}

/// A service that polls every second and has archived one meeting; what somebody does to the tracker then; a further
/// meeting that is archived after that.
async fn under_a_service(change: impl Fn(&Service)) -> (Simulator, Service) {
    let zoom = zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 4096)]).await;
    let service = Service::on(&zoom).set("poll.schedule", "* * * * * *");
    let running = service.run_daemon();
    service.until_recorded("a==").await;
    let before = asked(&zoom)[2];

    change(&service);

    add(&zoom, "b==");
    let has = |service: &Service, uuid: &str| service.rows_if_any().iter().any(|row| row["meeting_uuid"] == uuid);
    service.until("both are recorded", |service| has(service, "a==") && has(service, "b==")).await;
    running.stop().await.with(0);
    assert_eq!(asked(&zoom)[2], before + 1, "nothing was fetched again");
    (zoom, service)
}

#[tokio::test]
async fn c6_a_tracker_that_an_editor_replaces_under_a_service_is_the_one_that_is_read_and_written() {
    let (zoom, service) = under_a_service(|service| {
        save_by_rename(service, service.text("processed.csv").replace(',', ";").replace("Weekly class", "Renamed"));
    })
    .await;

    let text = service.text("processed.csv");
    assert!(text.contains("Renamed") && text.contains(";b==;"), "{text}");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn c6_a_tracker_that_is_cut_short_under_a_service_gets_its_rows_again() {
    let (zoom, service) = under_a_service(|service| {
        let text = service.text("processed.csv");
        let file = OpenOptions::new().write(true).open(service.path("processed.csv")).unwrap();
        file.set_len(text.len() as u64 - 40).unwrap();
    })
    .await;
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn c6_a_tracker_that_is_emptied_or_deleted_under_a_service_is_written_again() {
    let empty = under_a_service(|service| save(service, "")).await;
    let deleted = under_a_service(|service| fs::remove_file(service.path("processed.csv")).unwrap()).await;
    for (zoom, service) in [empty, deleted] {
        assert_eq!(service.rows().len(), 2);
        // A row that was being written when that happened is simply written again.
        let rewritten = service.log().matches("the meeting is recorded").count() == 3;
        assert_eq!(service.log().matches("is empty or gone").count(), usize::from(rewritten), "{}", service.log());
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn a_tracker_that_was_lost_is_told_once_with_how_many_meetings_are_taken_from_their_folders() {
    for (lose, is_state_lost) in [("rm", false), ("empty", false), ("rm", true)] {
        let (zoom, service) = archived().await;
        let processing = FileSpec::video("gallery_view", 4096).processing();
        zoom.add_meeting("me", meeting_at("c==", 3, 0).video("active_speaker", 4096).file(processing));
        service.once().await.with(0);
        assert!(!service.log().contains("is empty or gone"), "{}", service.log());
        let before = asked(&zoom)[2];
        if lose == "rm" {
            fs::remove_file(service.path("processed.csv")).unwrap();
        } else {
            save(&service, "");
        }
        if is_state_lost {
            fs::remove_file(service.path("state.json")).unwrap();
        }

        service.once().await.with(0);
        service.once().await.with(0);

        let log = service.log();
        let told: Vec<_> = log.lines().filter(|line| line.contains("processed.csv is empty or gone")).collect();
        assert_eq!(told.len(), 1, "{log}");
        // Without the state, one that is not done can't be told from one that is.
        let meetings = if is_state_lost { "2 meetings in" } else { "1 meeting in" };
        assert!(told[0].contains(" WARN ") && told[0].contains(meetings), "{told:?}");
        assert_eq!((asked(&zoom)[2], service.recorded_uuids()), (before, vec!["a==".to_owned()]));
        service.keeps_its_promises(&zoom).await;
    }
}

/// What to start a command with so that file modes hold even for root; nothing where that can't be had.
fn without_roots_privileges() -> Option<&'static str> {
    const DROP: &str = "exec setpriv --bounding-set=-dac_override,-dac_read_search \"$0\" \"$@\"";
    let folder = tempfile::tempdir().expect("a temporary folder takes it");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a temporary folder takes it");
    fs::set_permissions(&file, Permissions::from_mode(0o000)).expect("a temporary folder takes it");
    let is_readable = |command: &str| {
        let ended = Command::new("/bin/sh")
            .args(["-c", command, "/bin/cat"])
            .arg(&file)
            .output()
            .expect("a temporary folder takes it");
        ended.status.success()
    };
    if !is_readable("exec \"$0\" \"$@\"") {
        return Some("true");
    }
    let can_drop = Command::new("setpriv").arg("--version").output().is_ok_and(|ended| ended.status.success());
    (can_drop && !is_readable(DROP)).then_some(DROP)
}

async fn run_under_modes(service: &Service, drop: &str) -> Running {
    let running = service.start_after(drop, &["run"]);
    service.until_recorded("a==").await;
    running
}

#[tokio::test]
async fn c7_a_tracker_that_may_not_be_written_or_read_any_more_is_said_and_tried_again() {
    let Some(drop) = without_roots_privileges() else {
        return skipped("it needs a user to whom file modes apply, and root can't drop its privileges here");
    };
    for (mode, words) in
        [(0o440, "the meeting is not archived"), (0o000, "nothing new is fetched until that is mended")]
    {
        let zoom = zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 4096)]).await;
        let service = Service::on(&zoom).set("poll.schedule", "* * * * * *");
        let running = run_under_modes(&service, drop).await;
        let path = service.path("processed.csv");
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        add(&zoom, "b==");

        service.until_log_says(words).await;

        let is_closed_to_the_test = fs::read(&path).is_err();
        assert!(is_closed_to_the_test || !service.has_recorded("b=="), "{mode:o}");
        assert!(service.log().contains("cannot open the tracker"), "{}", service.log());
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        service.until_recorded("b==").await;
        running.stop().await.with(0);
        assert_eq!(asked(&zoom)[2], 2, "each was fetched once");
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn c7_a_tracker_that_may_not_be_written_at_the_start_is_said_before_anything_is_asked() {
    let Some(drop) = without_roots_privileges() else {
        return skipped("it needs a user to whom file modes apply, and root can't drop its privileges here");
    };
    let (zoom, service) = archived().await;
    add(&zoom, "b==");
    let (before, path) = (asked(&zoom), service.path("processed.csv"));
    for (mode, command) in [(0o400, "once"), (0o440, "run"), (0o000, "once")] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let ended = service.start_after(drop, &[command]).ended().await.with(2);
        let remedy = format!(
            "cannot open the tracker {0}: Permission denied (os error 13); a row must be added to it: chmod u+rw '{0}'",
            path.display()
        );
        assert!(ended.stderr.contains(&remedy), "{mode:o}: {}", ended.stderr);
    }
    assert_eq!(asked(&zoom), before);
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    service.start_after(drop, &["list"]).ended().await.with(0);

    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d6_a_tracker_on_a_disk_that_can_only_be_read_is_said_before_anything_is_asked() {
    let (zoom, service) = archived().await;
    add(&zoom, "b==");
    let (before, path) = (asked(&zoom), service.path("processed.csv"));
    let Some(mount) = Mount::read_only(&path) else { return };

    let ended = service.once().await.with(2);

    assert!(ended.stderr.contains("mount its disk for writing"), "{}", ended.stderr);
    assert_eq!(asked(&zoom), before);
    drop(mount);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn c8_a_tracker_behind_a_link_is_written_where_it_is_and_stays_linked() {
    let (zoom, service) = archived().await;
    fs::create_dir(service.path("shared")).unwrap();
    fs::rename(service.path("processed.csv"), service.path("shared/list.csv")).unwrap();
    symlink("shared/list.csv", service.path("processed.csv")).unwrap();
    add(&zoom, "b==");

    service.once().await.with(0);

    assert!(service.path("processed.csv").is_symlink());
    assert!(service.text("shared/list.csv").contains(",b==,"));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn c8_what_is_no_file_is_refused_at_the_start_and_left_as_it_is() {
    type Made = (&'static str, fn(&Service));
    let made: [Made; 5] = [
        ("a folder", |service| fs::create_dir(service.path("processed.csv")).unwrap()),
        ("a pipe", |service| {
            let made = Command::new("mkfifo").arg(service.path("processed.csv")).status().unwrap();
            assert!(made.success());
        }),
        ("a device", |service| symlink("/dev/full", service.path("processed.csv")).unwrap()),
        ("a device", |service| symlink("/dev/zero", service.path("processed.csv")).unwrap()),
        ("a link that leads nowhere", |service| symlink("gone/list.csv", service.path("processed.csv")).unwrap()),
    ];
    for (what, make) in made {
        let zoom = zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 4096)]).await;
        let service = Service::on(&zoom);
        make(&service);
        let kind = || fs::symlink_metadata(service.path("processed.csv")).unwrap().file_type();
        let before = kind();

        service.once().await.with(2).says(&format!("processed.csv is {what}, not a file"));

        assert_eq!((kind(), asked(&zoom)), (before, [0; 3]), "{what}");
        fs::remove_file(service.path("processed.csv"))
            .or_else(|_| fs::remove_dir(service.path("processed.csv")))
            .unwrap();
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn c9_rows_of_two_writers_never_mix() {
    let zoom = zoom_with((0..40).map(|n| meeting(&format!("{n}=="), 5).video("gallery_view", 512))).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let count = 40;
    (0..count).for_each(|n| add(&zoom, &format!("later-{n}==")));
    let mut file = OpenOptions::new().append(true).open(service.path("processed.csv")).unwrap();
    let mut others = 0;
    let mut write = || {
        let row = format!("2020-01-01T00:00:00Z,other-{others}==,8,\"Their, class\",,45,me,empty,0,0,,,,\n");
        file.write_all(row.as_bytes()).unwrap();
        others += 1;
        others
    };
    let running = service.start(&["once"]).ended();
    let mut running = std::pin::pin!(running);
    let ended = loop {
        tokio::select! {
            ended = &mut running => break ended,
            () = tokio::time::sleep(Duration::from_millis(1)) => drop(write()),
        }
    };
    while write() < 1000 {}
    ended.with(0);

    let rows = service.rows();
    let whole = |prefix: &str| rows.iter().filter(|row| row["meeting_uuid"].starts_with(prefix)).count();
    assert_eq!((whole("other-"), whole("later-"), rows.len()), (others, count, others + 40 + count));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn c10_text_that_a_spreadsheet_would_compute_or_break_a_line_at_is_one_harmless_cell() {
    let topics =
        ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "a\r\n=1,evil==,x", "\"=1\"", "a;b,c\td", "'=1", " =1"];
    let zoom = zoom_with(
        topics
            .iter()
            .enumerate()
            .map(|(n, topic)| meeting(&format!("={n}=="), 5).topic(topic).video("gallery_view", 4096)),
    )
    .await;
    let service = Service::on(&zoom).set("archive.layout", "{topic}/{time}");

    service.once().await.with(0);

    let rows = service.rows();
    assert_eq!(rows.len(), topics.len());
    assert_eq!(service.text("processed.csv").lines().count(), topics.len() + 1, "a row is a line");
    for row in rows {
        assert!(row["meeting_uuid"].starts_with('='), "ids are never altered: {row:?}");
        for (column, cell) in
            row.iter().filter(|(column, _)| !["meeting_uuid", "file_ids", "youtube_id"].contains(&column.as_str()))
        {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{column}: {cell:?}");
        }
    }
    service.keeps_its_promises(&zoom).await;
}
