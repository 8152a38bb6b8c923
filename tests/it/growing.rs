//! Meetings that Zoom is not done with, and those that grow after they were recorded.

use chrono::TimeDelta;
use serde_json::json;
use zoom_archiver::simulator::{Fault, FileSpec, Matcher, Simulator};

use crate::support::{Service, asked, fetched, folder, meeting, meeting_at, minute, zoom_with};

/// A Zoom with one meeting of which one video is ready and one still being made.
async fn half_ready() -> Simulator {
    zoom_with([meeting_at("a==", 5, 0)
        .video("gallery_view", 4096)
        .file(FileSpec::video("active_speaker", 8192).processing())])
    .await
}

#[tokio::test]
async fn a4_what_is_ready_of_a_meeting_is_fetched_but_no_row_says_that_it_is_done() {
    let zoom = half_ready().await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    assert_eq!(service.media(), [format!("{}/gallery_view.mp4", folder(minute(5)))]);
    assert!(!service.path("processed.csv").exists());
    let state = service.state();
    let pending = state["pending"].as_array().unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0]["uuid"], "a==");
    assert_eq!(pending[0]["user"], "me");
    assert_eq!(pending[0]["why"], "processing");
    assert_eq!(pending[0]["start"].as_str().unwrap().parse(), Ok(minute(5)));
    zoom.complete(&zoom.file("a==", "active_speaker").unwrap()).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a4_a_meeting_is_recorded_once_zoom_is_done_with_the_rest_of_it() {
    let zoom = half_ready().await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    zoom.complete(&zoom.file("a==", "active_speaker").unwrap()).unwrap();

    service.once().await.with(0);

    let row = service.row("a==");
    assert_eq!((row["files"].as_str(), row["bytes"].as_str()), ("2", "12288"));
    assert_eq!(service.state()["pending"].as_array().unwrap().len(), 0);
    assert!(fetched(&zoom).values().all(|times| *times == 1));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn failures_are_forgotten_once_all_that_is_ready_is_fetched() {
    let zoom = half_ready().await;
    zoom.inject(Matcher::download_entry().always(), Fault::json(404, &json!({"code": 3301, "message": "Gone."})));
    let service = Service::on(&zoom).set("download.attempts", 1);
    service.once().await.with(1);
    assert_eq!(service.state()["pending"][0]["failed_tries"], 1);
    zoom.clear_faults();

    service.once().await.with(0);

    let pending = &service.state()["pending"][0];
    assert_eq!((&pending["why"], &pending["failed_tries"]), (&"processing".into(), &0.into()));
    assert!(pending["next_try"].is_null() && pending["problem"].is_null(), "{pending}");
}

#[tokio::test]
async fn a4_a_file_of_which_zoom_does_not_say_yet_what_it_will_be_is_waited_for() {
    let zoom = zoom_with([meeting_at("a==", 5, 0)
        .video("gallery_view", 4096)
        .file(FileSpec::video("active_speaker", 8192).untyped())])
    .await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    assert!(!service.path("processed.csv").exists());
    assert_eq!(service.listed().await["a=="], ("waiting".to_owned(), "Zoom is still processing 1 file".to_owned()));
    zoom.complete(&zoom.file("a==", "active_speaker").unwrap()).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn the_days_of_a_pending_meeting_are_listed_by_every_poll_however_long_ago_they_are() {
    let zoom = zoom_with([meeting("a==", 24 * 40)
        .video("gallery_view", 4096)
        .file(FileSpec::video("active_speaker", 8192).processing())])
    .await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    zoom.complete(&zoom.file("a==", "active_speaker").unwrap()).unwrap();
    let [listings, ..] = asked(&zoom);

    service.once().await.with(0);

    assert_eq!(asked(&zoom)[0], listings + 2, "the recent days, and that one");
    assert_eq!(service.row("a==")["files"], "2");
}

#[tokio::test]
async fn a_pending_meeting_that_zoom_lists_no_more_is_said_to_be_gone_and_dropped() {
    let zoom = half_ready().await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    zoom.remove_meeting("a==").unwrap();
    // Only a full scan can tell; a changed setting makes one due.
    let service = service.set("poll.lookback_days", 300);

    service.once().await.with(0).says("Zoom lists this meeting no more");

    assert_eq!(service.state()["pending"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a5_a_part_that_appears_later_is_fetched_alone_and_a_further_row_has_all_of_the_meeting() {
    let zoom = zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 4096)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let later = FileSpec::video("gallery_view", 8192).starts_after(TimeDelta::minutes(60)).id("second-part");
    zoom.change_meeting("a==", |meeting| meeting.file(later.clone())).unwrap();

    service.once().await.with(0);

    assert_eq!(service.recorded_uuids(), ["a==", "a=="]);
    let row = service.row("a==");
    assert_eq!((row["files"].as_str(), row["bytes"].as_str()), ("2", "12288"));
    assert_eq!(row["best_file"], "gallery_view.mp4 gallery_view_2.mp4");
    let mut ids: Vec<_> = row["file_ids"].split(' ').map(str::to_owned).collect();
    let mut all = zoom.files("a==").unwrap();
    ids.sort();
    all.sort();
    assert_eq!(ids, all);
    assert!(fetched(&zoom).values().all(|times| *times == 1));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a5_a_kind_of_file_that_is_wanted_later_is_fetched_alone() {
    let zoom = zoom_with([meeting_at("a==", 24 * 100, 0).video("gallery_view", 4096).audio(512).chat(100)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let service = service.set("select.files", vec!["video", "chat"]);

    service.once().await.with(0);

    assert_eq!(fetched(&zoom).len(), 2, "video and chat");
    assert!(fetched(&zoom).values().all(|times| *times == 1));
    let row = service.row("a==");
    assert_eq!((row["files"].as_str(), row["bytes"].as_str()), ("2", "4196"));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a5_a_part_that_appears_later_at_a_deleted_file_brings_that_file_not_back() {
    let zoom = zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 4096)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let first = format!("{}/gallery_view.mp4", folder(minute(5)));
    std::fs::remove_file(service.archived(&first)).unwrap();
    zoom.change_meeting("a==", |meeting| meeting.video("active_speaker", 8192)).unwrap();

    service.once().await.with(0);

    assert_eq!(service.media(), [format!("{}/active_speaker.mp4", folder(minute(5)))]);
    assert_eq!(service.row("a==")["file_ids"].split(' ').count(), 2);
    let file = zoom.file("a==", "gallery_view").unwrap();
    zoom.write_start_of(&file, 4096, &service.archived(&first)).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_meeting_without_a_video_is_waited_for_for_two_days_and_then_recorded_as_empty() {
    let zoom = zoom_with([meeting("new==", 47).audio(512), meeting("old==", 49).audio(512)]).await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    assert_eq!(service.recorded_uuids(), ["old=="]);
    assert_eq!(service.row("old==")["status"], "empty");
    let waiting = ("waiting".to_owned(), "no file of a selected kind yet".to_owned());
    assert_eq!(service.listed().await["new=="], waiting);
    assert!(service.media().is_empty());
}

#[tokio::test]
async fn a5_a_video_that_appears_in_a_meeting_recorded_as_empty_is_fetched() {
    let zoom = zoom_with([meeting_at("a==", 49, 0).audio(512)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    zoom.change_meeting("a==", |meeting| meeting.video("gallery_view", 4096)).unwrap();

    service.once().await.with(0);

    let row = service.row("a==");
    assert_eq!((row["status"].as_str(), row["files"].as_str()), ("downloaded", "1"));
    assert_eq!(row["directory"], folder(minute(49)));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_meeting_is_described_with_what_zoom_said_of_it_and_which_file_is_which() {
    let zoom = zoom_with([meeting_at("a==", 5, 0)
        .number(87_542_522_271)
        .video("active_speaker", 8192)
        .file(FileSpec::video("gallery_view", 4096).processing())])
    .await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    let described = service.description(&folder(minute(5)));
    assert_eq!(described["uuid"], "a==");
    assert_eq!(described["meeting_id"], 87_542_522_271_u64);
    assert_eq!(described["topic"], "Weekly class");
    assert_eq!(described["timezone"], "Europe/Moscow");
    assert_eq!(described["duration_min"], 45);
    assert_eq!(described["user"], "me");
    assert_eq!(described["start_time"].as_str().unwrap().parse(), Ok(minute(5)));
    assert!(!described["share_url"].as_str().unwrap().contains('?'), "{}", described["share_url"]);
    assert_eq!(described["youtube"].as_array().unwrap().len(), 0);
    let file = |name: &str| described["files"].as_array().unwrap().iter().find(|file| file["name"] == name).unwrap();
    let whole = file("active_speaker.mp4");
    assert_eq!((&whole["state"], &whole["size"], &whole["best"]), (&"whole".into(), &8192.into(), &false.into()));
    assert_eq!(whole["id"], zoom.file("a==", "active_speaker").unwrap());
    assert_eq!(file("gallery_view.mp4")["state"], "pending");
}
