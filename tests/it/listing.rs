//! `list`: what there is and what would be done, with nothing changed.

use std::collections::BTreeMap;

use serde_json::Value;
use zoom_archiver::simulator::{Fault, FileSpec, Matcher};

use crate::support::{MIB, Service, meeting, zoom_with};

/// Every file with its bytes, but for those that a running service writes by itself.
fn contents(service: &Service) -> BTreeMap<String, Vec<u8>> {
    let is_own = |name: &String| name.ends_with('/') || name.starts_with("logs/") || name.starts_with("status.json");
    let names = service.files().into_iter().filter(|name| !is_own(name) && !name.ends_with(".part"));
    names.map(|name| (name.clone(), std::fs::read(service.path(&name)).unwrap_or_default())).collect()
}

#[tokio::test]
async fn list_shows_what_is_archived_what_waits_what_would_be_fetched_and_what_is_left_out() {
    let zoom = zoom_with([meeting("done==", 9).topic("Done").video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom).set("select.min_minutes", 10);
    service.once().await.with(0);
    zoom.add_meeting("me", meeting("new==", 5).topic("New").video("gallery_view", MIB).video("active_speaker", MIB));
    zoom.add_meeting("me", meeting("short==", 4).topic("Short").minutes(3).video("gallery_view", MIB));
    let slow = FileSpec::video("gallery_view", MIB).processing();
    zoom.add_meeting("me", meeting("slow==", 1).topic("Slow").file(slow));

    let table = service.run(&["list"]).await.with(0).stdout;

    for line in ["archived  Done", "fetch     New  (2 new files)", "left out  Short", "waiting   Slow"] {
        assert!(table.contains(line), "no {line:?} in\n{table}");
    }
    assert!(table.contains("3 min is shorter than select.min_minutes = 10"), "{table}");
    assert!(table.lines().any(|line| line.trim().starts_with("* gallery_view.mp4")), "the best is marked in\n{table}");
}

#[tokio::test]
async fn list_as_json_has_the_keys_of_meeting_json_and_the_plan_with_its_reason() {
    let zoom = zoom_with([meeting("a==", 5).topic("New").video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom);

    let listed: Value = serde_json::from_str(&service.run(&["list", "--json"]).await.with(0).stdout).unwrap();

    service.once().await.with(0);
    let manifest = std::fs::read_to_string(service.recorded("a==", "meeting.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let meeting = &listed["meetings"][0];
    for key in manifest.as_object().unwrap().keys() {
        assert!(meeting.get(key).is_some(), "no {key} in {meeting}");
    }
    assert_eq!(meeting["uuid"], "a==");
    assert_eq!(meeting["plan"], "fetch");
    assert_eq!(meeting["reason"], "1 new file");
    assert_eq!(meeting["files"][0]["best"], true);
}

#[tokio::test]
async fn list_works_beside_a_running_service_and_changes_nothing() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 2 * MIB)]).await;
    let service = Service::on(&zoom);
    let hold = zoom.hold(Matcher::media(), MIB);
    let running = service.run_daemon();
    hold.reached().await;
    service.until_state_is("downloading").await;
    let before = contents(&service);

    let table = service.run(&["list"]).await.with(0).stdout;

    assert!(table.contains("fetch "), "{table}");
    assert_eq!(contents(&service), before);
    hold.release();
    service.until_recorded("a==").await;
    running.stop().await.with(0);
}

#[tokio::test]
async fn list_says_of_each_archived_file_whether_it_is_still_there() {
    let videos = ["gallery_view", "active_speaker", "shared_screen"];
    let meeting = videos.iter().fold(meeting("a==", 5), |meeting, kind| meeting.video(kind, 4096));
    let zoom = zoom_with([meeting]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    std::fs::remove_file(service.recorded("a==", "gallery_view.mp4")).unwrap();
    std::fs::write(service.recorded("a==", "active_speaker.mp4"), "cut").unwrap();

    let table = service.run(&["list"]).await.with(0).stdout;
    let listed: Value = serde_json::from_str(&service.run(&["list", "--json"]).await.with(0).stdout).unwrap();

    assert!(table.contains("but 2 not as they were: see zoom-archiver verify"), "{table}");
    let says = |name: &str| table.lines().find(|line| line.contains(name)).unwrap_or_default().trim_end().to_owned();
    for (name, end) in
        [("gallery_view.mp4", "as it was"), ("active_speaker.mp4", "as it was"), ("shared_screen.mp4", "on disk")]
    {
        assert!(says(name).ends_with(end), "{name} in\n{table}");
        let files = listed["meetings"][0]["files"].as_array().unwrap();
        let file = files.iter().find(|file| file["name"] == name).unwrap();
        assert_eq!(file["on_disk"], end == "on disk", "{name}");
    }
    assert!(table.contains("archived"), "what is recorded is not fetched again unasked:\n{table}");
}

#[tokio::test]
async fn list_on_a_fresh_installation_leaves_nothing_but_a_token() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom);

    service.run(&["list"]).await.with(0);

    let left = service.files();
    let is_expected = |name: &String| name == "config.toml" || name.starts_with(".zoom_");
    assert!(left.iter().all(is_expected), "{left:?}");
}

#[tokio::test]
async fn list_with_a_token_that_is_refused_says_that_authorization_is_needed() {
    let zoom = zoom_with([]).await;
    let service = Service::on(&zoom);
    zoom.revoke();

    let ended = service.run(&["list"]).await.with(3);

    assert!(ended.stderr.contains("authorize again"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_list_that_can_not_be_written_or_had_is_no_success() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom);

    let full = service.start_after("exec >/dev/full", &["list"]).ended().await.with(1);
    zoom.inject(Matcher::list().always(), Fault::json(400, &serde_json::json!({"code": 300, "message": "no"})));
    let refused = service.run(&["list", "--json"]).await.with(1);

    assert!(full.stderr.contains("cannot write what was asked for"), "{}", full.stderr);
    assert_eq!(refused.stdout, "", "an empty list would say that Zoom has nothing");
}
