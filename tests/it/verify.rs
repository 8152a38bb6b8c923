//! `verify`: what was archived is looked at again, and with `--refetch` what is wrong is asked for again.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use serde_json::{Value, json};
use zoom_archiver::simulator::{Fault, FileSpec, Form, Matcher, Simulator};

use crate::support::{Ended, MIB, Service, fetched, file_of, folder, meeting, meeting_at, minute, now, zoom_with};

/// A meeting of two videos, archived, and another that is sound.
async fn archived() -> (Simulator, Service) {
    let zoom = zoom_with([
        meeting_at("a==", 5, 0).video("gallery_view", 8192).video("active_speaker", 4096),
        meeting_at("sound==", 7, 0).video("gallery_view", 4096),
    ])
    .await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    (zoom, service)
}

/// Where the gallery view of `a==` is, below the archive.
fn gallery() -> String {
    format!("{}/gallery_view.mp4", folder(minute(5)))
}

/// Something that is done to a file.
type Harm = fn(&Path);

/// What can become of a file, what `verify` says of it, in words and as JSON, and whether something has to make way.
const HARMS: [(Harm, &str, &str, bool); 5] = [
    (|path| std::fs::remove_file(path).expect("the test may"), "it is not there", "missing", false),
    (cut_short, "it has 8000 bytes, and had 8192", "size", true),
    (|path| std::fs::write(path, vec![b'x'; 8192]).expect("the test may"), "the file begins with", "structure", true),
    (break_boxes, "the MP4 ends inside its `mdat` box", "structure", true),
    (replace_by_a_link, "a symbolic link is in its place", "not a file", true),
];

fn cut_short(path: &Path) {
    let file = std::fs::OpenOptions::new().write(true).open(path).expect("the test may");
    file.set_len(8000).expect("the test may");
}

/// Lets the last box claim a byte more than there is.
fn break_boxes(path: &Path) {
    let mut bytes = std::fs::read(path).expect("the test may");
    let at = bytes.windows(4).position(|kind| kind == b"mdat").expect("the test may");
    bytes[at - 1] += 1;
    std::fs::write(path, bytes).expect("the test may");
}

fn replace_by_a_link(path: &Path) {
    std::fs::remove_file(path).expect("the test may");
    symlink("/somewhere/else.mp4", path).expect("the test may");
}

fn as_json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).expect("JSON")
}

fn has_line(ended: &Ended, start: &str, words: &str) -> bool {
    ended.stdout.lines().any(|line| line.starts_with(start) && line.contains(words))
}

#[tokio::test]
async fn an_archive_that_is_as_it_was_is_said_to_be_right_and_left_as_it_is() {
    let (zoom, service) = archived().await;
    let (before, asked) = (service.content(), zoom.journal().entries().count());

    for arguments in [&["verify"][..], &["verify", "--refetch"]] {
        let ended = service.run(arguments).await.with(0);
        assert_eq!(ended.stdout, "3 files of 2 meetings looked at: 3 right.\n", "{arguments:?}");
        assert_eq!(service.content(), before, "{arguments:?}");
    }
    let found = as_json(&service.run(&["verify", "--json"]).await.with(0));

    assert_eq!(found["files"], json!({"looked_at": 3, "right": 3, "wrong": 0, "suspect": 0}));
    assert_eq!(found["meetings"], json!({"looked_at": 2, "not_looked_at": 0}));
    for list in ["wrong", "suspect", "rows_without_folder", "unknown_folders"] {
        assert_eq!(found[list], json!([]), "{list}");
    }
    assert_eq!(zoom.journal().entries().count(), asked, "Zoom is asked nothing");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn whatever_became_of_a_file_is_said_and_nothing_changed() {
    for (harm, words, problem, _) in HARMS {
        let (zoom, service) = archived().await;
        harm(&service.archived(&gallery()));
        let before = service.files();

        let text = service.run(&["verify"]).await.with(1).says("verify --refetch");
        let found = as_json(&service.run(&["verify", "--json"]).await.with(1));

        assert!(has_line(&text, &gallery(), words), "{words} in {}", text.stdout);
        assert!(text.stdout.ends_with("3 files of 2 meetings looked at: 2 right, 1 wrong.\n"), "{}", text.stdout);
        let wrong = &found["wrong"][0];
        assert_eq!(
            (&wrong["directory"], &wrong["name"], &wrong["problem"], &wrong["meeting_uuid"], &wrong["fetched_again"]),
            (&json!(folder(minute(5))), &json!("gallery_view.mp4"), &json!(problem), &json!("a=="), &json!(false))
        );
        assert_eq!(wrong["file_id"], file_of(&zoom, "a==", "gallery_view").as_str());
        assert!(wrong["what"].as_str().unwrap().contains(words), "{wrong}");
        assert_eq!(service.files(), before);
    }
}

#[tokio::test]
async fn what_is_wrong_is_set_aside_and_exactly_that_is_fetched_again_once() {
    for (harm, words, _, is_in_the_way) in HARMS {
        let (zoom, service) = archived().await;
        let (path, aside) = (service.archived(&gallery()), service.archived(&format!("{}.bad", gallery())));
        harm(&path);
        let harmed =
            std::fs::symlink_metadata(&path).ok().filter(std::fs::Metadata::is_file).map(|_| std::fs::read(&path));
        let (tracker, before) = (service.text("processed.csv"), fetched(&zoom));
        service.asks_again_for(&["a=="]);

        let ended = service.run(&["verify", "--refetch"]).await.with(0);

        assert!(has_line(&ended, &gallery(), words), "{words} in {}", ended.stdout);
        assert!(has_line(&ended, &gallery(), "fetched again by the next poll"), "{}", ended.stdout);
        assert!(path.symlink_metadata().is_err(), "nothing is in its place");
        assert_eq!(aside.symlink_metadata().is_ok(), is_in_the_way, "{words}");
        assert_eq!(service.text("processed.csv"), tracker, "rows stay as they are");
        let waits = as_json(&service.run(&["verify", "--json"]).await.with(1));
        assert_eq!(
            (&waits["wrong"][0]["problem"], &waits["wrong"][0]["fetched_again"]),
            (&json!("queued"), &json!(true))
        );
        service.run(&["verify", "--refetch"]).await.with(0);

        service.once().await.with(0);

        let gallery_id = file_of(&zoom, "a==", "gallery_view");
        let mut expected = before;
        *expected.entry(gallery_id).or_default() += 1;
        assert_eq!(fetched(&zoom), expected, "{words}: that one, once");
        service.has_whole(&zoom, "a==", "gallery_view");
        assert_eq!(service.recorded_uuids().iter().filter(|uuid| *uuid == "a==").count(), 2);
        assert_eq!(service.row("a==")["bytes"], "12288");
        if let Some(harmed) = harmed {
            assert_eq!(std::fs::read(&aside).unwrap(), harmed.unwrap(), "what was set aside stays as it was");
        }
        service.run(&["verify"]).await.with(0);
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn a_meeting_older_than_any_poll_looks_back_is_fetched_again_all_the_same() {
    let start = minute(24 * 60);
    let zoom = zoom_with([meeting_at("old==", 24 * 60, 0).video("gallery_view", 4096)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let service = service.set("poll.lookback_days", 20).set("poll.recent_days", 2);
    service.once().await.with(0);
    std::fs::remove_dir_all(service.archived(&folder(start))).unwrap();
    service.asks_again_for(&["old=="]);

    let ended = service.run(&["verify", "--refetch"]).await.with(0);
    service.once().await.with(0);

    assert!(has_line(&ended, &folder(start), "its folder is not there"), "{}", ended.stdout);
    service.has_whole(&zoom, "old==", "gallery_view");
    assert!(service.pending("old==").is_null(), "it is done");
    service.run(&["verify"]).await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_wish_outlives_failed_tries_until_the_meeting_is_recorded_again() {
    let (zoom, service) = archived().await;
    let service = service.set("download.attempts", 1);
    std::fs::remove_file(service.archived(&gallery())).unwrap();
    service.asks_again_for(&["a=="]);
    service.run(&["verify", "--refetch"]).await.with(0);
    zoom.inject(Matcher::download_entry().always(), Fault::json(404, &json!({"code": 3301, "message": "Gone."})));

    service.once().await.with(1);
    service.once().await.with(1);

    assert_eq!(
        (&service.pending("a==")["refetch"], &service.pending("a==")["failed_tries"]),
        (&json!(true), &json!(2))
    );
    zoom.clear_faults();
    service.once().await.with(0);
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_meeting_on_youtube_stays_so_and_a_kind_that_is_selected_no_more_is_fetched_again_all_the_same() {
    let zoom = zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 4096).audio(2048)]).await;
    let service = Service::on(&zoom).set("select.files", vec!["video", "audio"]);
    service.once().await.with(0);
    add_row(&service, "a==", "uploaded", &folder(minute(5)), "");
    let audio = service.archived(&format!("{}/audio_only.m4a", folder(minute(5))));
    std::fs::write(&audio, "cut").unwrap();
    let service = service.set("select.files", vec!["video"]).set("select.min_minutes", 60);

    service.run(&["verify", "--refetch"]).await.with(0);
    service.once().await.with(0);

    let row = service.row("a==");
    assert_eq!((row["status"].as_str(), row["files"].as_str(), row["bytes"].as_str()), ("uploaded", "2", "6144"));
    assert!(zoom.has_bytes_of(&file_of(&zoom, "a==", "audio_only"), &audio).unwrap());
    service.run(&["verify"]).await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn before_anything_is_archived_all_is_right_and_nothing_is_created() {
    let zoom = zoom_with([]).await;
    let service = Service::on(&zoom);

    let ended = service.run(&["verify"]).await.with(0);

    assert_eq!(ended.stdout, "0 files of 0 meetings looked at: 0 right.\n");
    assert_eq!(service.files(), [".zoom_refresh_token", "config.toml"]);
}

#[tokio::test]
async fn what_zoom_has_no_more_is_said_and_stays_wrong() {
    let (zoom, service) = archived().await;
    std::fs::remove_file(service.archived(&gallery())).unwrap();
    service.run(&["verify", "--refetch"]).await.with(0);
    let gallery_id = file_of(&zoom, "a==", "gallery_view");
    zoom.change_meeting("a==", |spec| spec.set("recording_files", json!([]))).unwrap();

    service.once().await.with(0).says("Zoom has these files no more");

    assert!(service.pending("a==").is_null(), "it is asked for no more");
    let found = as_json(&service.run(&["verify", "--json"]).await.with(1));
    assert_eq!((&found["wrong"][0]["problem"], &found["wrong"][0]["file_id"]), (&json!("missing"), &json!(gallery_id)));
    assert!(service.rows().iter().all(|row| row["status"] == "downloaded"), "no row calls it empty");
}

#[tokio::test]
async fn a_meeting_that_zoom_has_no_more_is_said_to_be_gone_by_a_full_scan() {
    let (zoom, service) = archived().await;
    std::fs::remove_dir_all(service.archived(&folder(minute(5)))).unwrap();
    service.run(&["verify", "--refetch"]).await.with(0);
    zoom.remove_meeting("a==").unwrap();
    let service = service.set("poll.full_scan_every", "1h");
    service.once().await.with(0);
    assert_eq!(service.pending("a==")["refetch"], true, "a poll of the recent days does not show what is gone");

    let service = service.set("poll.lookback_days", 300);
    service.once().await.with(0).says("Zoom lists this meeting no more");

    assert!(service.pending("a==").is_null());
    let found = as_json(&service.run(&["verify", "--json"]).await.with(1));
    let lost = &found["rows_without_folder"][0];
    assert_eq!((&lost["meeting_uuid"], &lost["fetched_again"]), (&json!("a=="), &json!(false)));
}

#[tokio::test]
async fn a_suspect_recording_is_named_and_no_fault() {
    let broken = FileSpec::video("gallery_view", 4096).form(Form::Mp4Broken);
    let zoom = zoom_with([meeting_at("a==", 5, 0).file(broken)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let name = format!("{}/gallery_view.suspect.mp4", folder(minute(5)));

    let ended = service.run(&["verify"]).await.with(0);
    let found = as_json(&service.run(&["verify", "--refetch", "--json"]).await.with(0));

    assert!(has_line(&ended, &name, "suspect"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("1 file of 1 meeting looked at: 0 right, 1 suspect.\n"), "{}", ended.stdout);
    assert_eq!(found["suspect"][0]["name"], "gallery_view.suspect.mp4");
    assert!(service.archived(&name).is_file(), "it is kept");
    assert_eq!(service.pending("a=="), Value::Null);
}

#[tokio::test]
async fn a_suspect_recording_that_is_lost_may_come_sound_and_has_its_own_name_then() {
    let broken = FileSpec::video("gallery_view", 4096).form(Form::Mp4Broken);
    let zoom = zoom_with([meeting_at("a==", 5, 0).file(broken)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let kept = service.archived(&format!("{}/gallery_view.suspect.mp4", folder(minute(5))));
    std::fs::write(&kept, "cut").unwrap();
    service.asks_again_for(&["a=="]);
    zoom.change_file(&file_of(&zoom, "a==", "gallery_view"), |file| file.form(Form::Mp4)).unwrap();

    service.run(&["verify", "--refetch"]).await.with(0);
    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    assert_eq!(std::fs::read(kept.with_file_name("gallery_view.suspect.mp4.bad")).unwrap(), b"cut");
    service.keeps_its_promises(&zoom).await;
}

/// Adds a row of a meeting, with this status and directory.
fn add_row(service: &Service, uuid: &str, status: &str, directory: &str, file_ids: &str) {
    let at = (now() + TimeDelta::seconds(5)).format("%Y-%m-%dT%H:%M:%SZ");
    let row = format!("{at},{uuid},,,2025-12-02T17:00:00Z,,me,{status},,,{directory},,,{file_ids}\n");
    std::fs::write(service.path("processed.csv"), service.text("processed.csv") + &row).expect("it is written");
}

#[tokio::test]
async fn what_was_cleaned_on_purpose_is_never_wrong() {
    let (_zoom, service) = archived().await;
    let path = format!("downloads/{}/meeting.json", folder(minute(5)));
    let mut description = service.description(&folder(minute(5)));
    for (file, state) in description["files"].as_array_mut().unwrap().iter_mut().zip(["removed", "removing"]) {
        file["state"] = state.into();
    }
    std::fs::write(service.path(&path), description.to_string()).unwrap();
    std::fs::remove_file(service.archived(&gallery())).unwrap();
    add_row(&service, "sound==", "cleaned", &folder(minute(7)), "");
    std::fs::remove_file(service.archived(&format!("{}/gallery_view.mp4", folder(minute(7))))).unwrap();
    add_row(&service, "long-ago==", "cleaned", "2024-01-01/0900", "f");
    add_row(&service, "nothing==", "empty", "", "");
    add_row(&service, "by-hand==", "downloaded", "", "g");
    let before = service.content();

    for arguments in [&["verify"][..], &["verify", "--refetch"]] {
        let ended = service.run(arguments).await.with(0);
        assert_eq!(ended.stdout, "0 files of 2 meetings looked at: 0 right.\n");
    }

    assert_eq!(service.content(), before);
}

#[tokio::test]
async fn folders_that_no_row_knows_are_said_and_no_fault_and_rows_without_their_folder_are_one() {
    let (zoom, service) = archived().await;
    let copy = format!("{} copy", service.archived(&folder(minute(7))).display());
    let status =
        std::process::Command::new("cp").arg("-r").arg(service.archived(&folder(minute(7)))).arg(&copy).status();
    assert!(status.unwrap().success());
    std::fs::create_dir_all(service.archived("older/0900")).unwrap();
    std::fs::write(service.archived("older/0900/gallery_view.mp4"), "x").unwrap();
    // A meeting that is being archived has a folder, and no row yet.
    let slow = FileSpec::video("active_speaker", 4096).processing();
    zoom.add_meeting("me", meeting_at("slow==", 2, 0).video("gallery_view", 4096).file(slow));
    service.once().await.with(0);

    let strange = service.run(&["verify"]).await.with(0);
    std::fs::remove_dir_all(service.archived(&folder(minute(5)))).unwrap();
    let lost = service.run(&["verify"]).await.with(1);

    assert!(has_line(&strange, "older/0900: unknown folder", "no meeting.json"), "{}", strange.stdout);
    assert!(has_line(&strange, &format!("{} copy", folder(minute(7))), "a copy of"), "{}", strange.stdout);
    assert!(
        strange.stdout.ends_with("4 files of 3 meetings looked at: 4 right; 2 unknown folders.\n"),
        "{}",
        strange.stdout
    );
    assert!(has_line(&lost, &folder(minute(5)), "its folder is not there"), "{}", lost.stdout);
    assert!(lost.stdout.contains("1 row without its folder"), "{}", lost.stdout);
}

#[tokio::test]
async fn the_advice_about_a_damaged_meeting_json_is_true() {
    let (zoom, service) = archived().await;
    let (directory, before) = (folder(minute(5)), fetched(&zoom));
    let description = service.archived(&format!("{directory}/meeting.json"));
    std::fs::write(&description, "{\"uuid\": \"a=").unwrap();
    std::fs::write(service.archived(&gallery()), "not it").unwrap();

    for arguments in [&["verify"][..], &["verify", "--refetch"]] {
        let ended = service.run(arguments).await.with(1);
        assert!(
            has_line(&ended, &format!("{directory}/meeting.json"), "rename it to meeting.json.bad"),
            "{}",
            ended.stdout
        );
    }
    let found = as_json(&service.run(&["verify", "--json"]).await.with(1));
    assert_eq!((&found["wrong"][0]["problem"], &found["wrong"][0]["meeting_uuid"]), (&json!("damaged"), &json!("a==")));
    assert_eq!(found["rows_without_folder"], json!([]), "its folder is there");

    std::fs::rename(&description, description.with_extension("json.bad")).unwrap();
    service.asks_again_for(&["a=="]);
    service.run(&["verify", "--refetch"]).await.with(0);
    service.once().await.with(1).says("is another file: move it away");

    // What is whole is taken up as it is; what lies in another's place is not overwritten, but can be set aside now.
    std::fs::rename(service.archived(&gallery()), service.archived(&format!("{}.bad", gallery()))).unwrap();
    service.once().await.with(0);
    let mut expected = before;
    *expected.get_mut(&file_of(&zoom, "a==", "gallery_view")).unwrap() += 2;
    assert_eq!(fetched(&zoom), expected, "the other video is not fetched");
    service.run(&["verify"]).await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn it_works_beside_the_service_and_only_its_wish_to_fetch_again_has_to_wait_for_its_end() {
    let (zoom, service) = archived().await;
    zoom.add_meeting("me", meeting("b==", 3).video("gallery_view", 2 * MIB));
    let hold = zoom.hold(Matcher::media(), MIB);
    let running = service.run_daemon();
    hold.reached().await;

    let ended = service.run(&["verify"]).await.with(0);
    std::fs::remove_file(service.archived(&gallery())).unwrap();
    service.run(&["verify"]).await.with(1).says("stop the service for that");
    let before = service.text("state.json");
    service.run(&["verify", "--refetch"]).await.with(4).says("systemctl stop zoom-archiver");

    assert!(ended.stdout.contains("3 files of 3 meetings looked at: 3 right."), "{}", ended.stdout);
    assert_eq!(service.text("state.json"), before);
    hold.release();
    service.until_recorded("b==").await;
    running.stop().await.with(0);
    zoom.write_start_of(&file_of(&zoom, "a==", "gallery_view"), 8192, &service.archived(&gallery())).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn an_archive_that_is_not_mounted_is_said_and_nothing_in_it_called_missing() {
    let (zoom, service) = archived().await;
    let (root, away) = (service.path("downloads"), service.path("elsewhere"));
    std::fs::rename(&root, &away).unwrap();
    std::fs::create_dir(&root).unwrap();

    for arguments in [&["verify"][..], &["verify", "--refetch"], &["verify", "--json"]] {
        let ended = service.run(arguments).await.with(1).says("is not mounted").says("mount its disk");
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }

    assert_eq!(service.state()["pending"], json!([]));
    std::fs::remove_dir(&root).unwrap();
    std::fs::rename(&away, &root).unwrap();
    service.keeps_its_promises(&zoom).await;
}

/// Some user of no importance.
const SOMEBODY: u32 = 54_321;
const OTHER: u32 = 54_322;

#[tokio::test]
async fn whoever_may_read_may_look_and_who_may_not_is_told_the_line_that_works() {
    let (zoom, service) = archived().await;
    if !service.belongs_to(SOMEBODY) {
        return;
    }
    for name in ["", "downloads"] {
        std::fs::set_permissions(service.path(name), PermissionsExt::from_mode(0o755)).unwrap();
    }

    service.run(&["verify"]).await.with(0);
    service.run(&["verify", "--refetch"]).await.with(2).says("verify --refetch");
    let other = service.start_as(OTHER, &["verify"]).ended().await.with(2);

    assert!(other.stderr.contains("run\n  sudo -u") && other.stderr.contains("verify"), "{}", other.stderr);
    assert_eq!(other.stdout, "");
    service.belongs_to(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_file_that_its_own_user_may_not_read_is_said_and_not_fetched_again() {
    let (zoom, service) = archived().await;
    let path: PathBuf = service.archived(&gallery());
    if !service.belongs_to(SOMEBODY) {
        return;
    }
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();

    let ended = service.start_as(SOMEBODY, &["verify"]).ended().await.with(1);
    let refused = service.start_as(SOMEBODY, &["verify", "--refetch"]).ended().await.with(1);

    assert!(has_line(&ended, &gallery(), "it cannot be read: Permission denied"), "{}", ended.stdout);
    assert!(has_line(&refused, &gallery(), "it is not fetched again"), "{}", refused.stdout);
    assert!(path.is_file());
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    service.belongs_to(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn another_file_in_the_place_of_one_that_is_fetched_again_is_said_and_set_aside() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 4096).video("active_speaker", 4096)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let (video, description) = (service.recorded("a==", "gallery_view.mp4"), service.recorded("a==", "meeting.json"));
    std::fs::write(&video, vec![7; 4096]).unwrap();
    std::fs::rename(&description, description.with_extension("json.bad")).unwrap();
    service.run(&["verify", "--refetch"]).await.with(0);
    service.once().await.with(1).says("move it away");

    let verified = service.run(&["verify"]).await.with(1);
    assert!(verified.stdout.contains("another file is in its place"), "{}", verified.stdout);
    service.run(&["verify", "--refetch"]).await.with(0);
    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    assert_eq!(std::fs::read(video.with_extension("mp4.bad")).unwrap(), vec![7; 4096]);
    service.run(&["verify"]).await.with(0);
}
