//! Publishing, where something keeps one video or all of them: who waits, who doesn't, and what is told.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use zoom_archiver::simulator::youtube::{TokenRefused, Youtube};
use zoom_archiver::simulator::{Endpoint, Fault, Matcher};

use crate::publish::{class, keeps_its_promises_with_videos, scene};
use crate::support::receiver::Receiver;
use crate::support::{Service, folder, minute};

/// An answer of YouTube's with a reason.
fn refusal(status: u16, reason: &str) -> Fault {
    Fault::json(status, &json!({"error": {"code": status, "errors": [{"domain": "youtube", "reason": reason}]}}))
}

fn titles(youtube: &Youtube) -> Vec<String> {
    youtube.videos().into_iter().map(|video| video.title.chars().take(9).collect()).collect()
}

#[tokio::test]
async fn a_meeting_whose_folder_cannot_be_written_keeps_no_other_from_youtube() {
    let (zoom, youtube, service) = scene([class("a==", 6), class("b==", 5)]).await;
    let service = service.set("youtube.enabled", false);
    service.once().await.with(0);
    let service = service.set("youtube.enabled", true);
    // A file in the way of what would replace it: that meets root, too.
    let description = service.archived(&format!("{}/meeting.json", folder(minute(6))));
    let kept = std::fs::read(&description).unwrap();
    let hold = youtube.hold_upload(Matcher::upload(), 1 << 20);
    let running = service.run_daemon();
    hold.reached().await;
    std::fs::remove_file(&description).unwrap();
    std::fs::create_dir(&description).unwrap();
    hold.release();

    service.until("the other video", |_| youtube.videos().len() == 2).await;

    running.stop().await.with(0);
    std::fs::remove_dir(&description).unwrap();
    std::fs::write(&description, kept).unwrap();
    std::fs::set_permissions(&description, std::fs::Permissions::from_mode(0o640)).unwrap();
    service.lets_the_waits_pass();
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
}

#[tokio::test]
async fn files_that_are_gone_keep_no_other_from_being_sent() {
    let (zoom, youtube, service) = scene((1..=6).map(|n| class(&format!("{n}=="), 10 - n))).await;
    let service = service.set("youtube.enabled", false);
    service.once().await.with(0);
    let service = service.set("youtube.enabled", true);
    let paths: Vec<_> =
        (5..=9).map(|hours| service.archived(&format!("{}/gallery_view.mp4", folder(minute(hours))))).collect();
    let kept: Vec<_> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    for path in &paths {
        std::fs::remove_file(path).unwrap();
    }

    service.once().await.with(1);

    assert_eq!(
        titles(&youtube),
        ["Class 6=="],
        "the newest is the only one that is there, and is sent by the first run"
    );
    for (path, bytes) in paths.iter().zip(kept) {
        std::fs::write(path, bytes).unwrap();
    }
    service.lets_the_waits_pass();
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 6).await;
}

#[tokio::test]
async fn three_videos_that_are_refused_alike_stand_for_all_the_others() {
    let (_zoom, youtube, service) = scene((1..=6).map(|n| class(&format!("{n}=="), 10 - n))).await;
    youtube.inject(Matcher::upload_start().always(), refusal(400, "invalidCategoryId"));

    service.once().await.with(1).says("3 videos in a row were refused alike, so that the others wait");

    assert_eq!(youtube.journal().to(Endpoint::UploadStart).count(), 3, "the day's other uploads are kept");
    assert_eq!(service.state()["uploads"]["parked"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn y8_a_refusal_that_is_not_googles_parks_no_video() {
    let (zoom, youtube, service) = scene([class("a==", 6), class("b==", 5)]).await;
    youtube.inject(Matcher::upload_start(), Fault::json(403, &json!({"blocked": "by the school's proxy"})));

    service.once().await.with(1).says("nothing is sent to YouTube: YouTube refuses with 403");

    assert_eq!(youtube.journal().to(Endpoint::UploadStart).count(), 1);
    assert_eq!(service.state()["uploads"]["parked"], json!([]));
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 2).await;
}

#[tokio::test]
async fn a_playlist_that_is_not_there_is_asked_for_once_and_not_for_each_video() {
    let (zoom, youtube, service) = scene((1..=5).map(|n| class(&format!("{n}=="), 10 - n))).await;
    let service = service.set("youtube.playlist", "PLnowhere");

    service.once().await.with(1).says("the video is not in the playlist yet");

    assert_eq!(youtube.videos().len(), 5);
    assert_eq!(service.unfinished_uploads().len(), 5, "each is put there later");
    let asked =
        youtube.journal().to(Endpoint::PlaylistItems).count() + youtube.journal().to(Endpoint::PlaylistInsert).count();
    assert!(asked <= 2, "{asked} times");
    let service = service.set("youtube.playlist", "PLclass");
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 5).await;
}

#[tokio::test]
async fn y16_a_token_that_ended_is_told_though_nothing_is_to_be_sent() {
    let (zoom, youtube, service) = scene([class("a==", 6)]).await;
    let told = Receiver::start().await;
    let service = service.set("notify.urls", vec![told.address("/hook")]);
    service.once().await.with(0);
    youtube.inject(Matcher::token().always(), TokenRefused::Token);
    forget_access_token(&service);

    service.once().await.with(3).says("nothing is sent to YouTube: ");

    assert_eq!(told.titles().last().map(String::as_str), Some("authorization is needed"));
    youtube.clear_faults();
    keeps_its_promises_with_videos(&zoom, &youtube, &service, 1).await;
}

/// Lets the access token for YouTube be gone, so that one has to be asked for.
fn forget_access_token(service: &Service) {
    for name in service.files().into_iter().filter(|name| name.starts_with(".youtube_") && name.contains("access")) {
        std::fs::remove_file(service.path(&name)).expect("it is there");
    }
}
