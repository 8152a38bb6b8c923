//! Cleaning up: recordings go from this machine once they are archived and, where that is wished, on YouTube; nothing else does.

use std::os::unix::fs::symlink;

use chrono::TimeDelta;
use zoom_archiver::simulator::youtube::{Fate, World, Youtube};
use zoom_archiver::simulator::{Endpoint, Fault, FileSpec, Matcher, MeetingSpec, Simulator};

use crate::support::{Clock, MIB, Service, folder, meeting_at, minute, now, zoom_with};

fn class(uuid: &str, hours_ago: i64) -> MeetingSpec {
    meeting_at(uuid, hours_ago, 0).topic(&format!("Class {uuid}")).video("gallery_view", MIB + hours_ago.unsigned_abs())
}

/// A service that removes what is on YouTube, with these meetings archived and sent, and nothing processed yet.
async fn uploaded(meetings: impl IntoIterator<Item = MeetingSpec>) -> (Simulator, Youtube, Service) {
    let zoom = zoom_with(meetings).await;
    let youtube = Youtube::start(World::new(now())).await.expect("loopback has free ports");
    let service = Service::on(&zoom).publishing_on(&youtube).set("cleanup.delete_after_upload", true);
    service.once().await.with(0);
    (zoom, youtube, service)
}

/// A service that keeps files for a day, with these meetings archived two days ago.
async fn archived_two_days_ago(meetings: impl IntoIterator<Item = MeetingSpec>) -> (Simulator, Service) {
    let zoom = zoom_with(meetings).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    service.dates_all_rows_back(TimeDelta::days(2));
    (zoom, service.set("cleanup.keep_days", 1))
}

fn settle_all(youtube: &Youtube) {
    for video in youtube.videos() {
        youtube.settle(&video.id, Fate::Processed).expect("it is there");
    }
}

fn video_of(hours_ago: i64) -> String {
    format!("{}/gallery_view.mp4", folder(minute(hours_ago)))
}

#[tokio::test]
async fn y14_files_go_once_their_videos_are_processed_and_are_neither_fetched_nor_sent_nor_missed_again() {
    let later = FileSpec::video("gallery_view", MIB).starts_after(TimeDelta::hours(1)).lasts(TimeDelta::minutes(20));
    let (zoom, youtube, service) = uploaded([class("a==", 5).file(later)]).await;
    let foreign = service.archived(&format!("{}/notes.txt", folder(minute(5))));
    std::fs::write(&foreign, "mine").unwrap();
    assert_eq!(service.media().len(), 3, "nothing is processed yet");
    youtube.settle(&youtube.videos()[0].id, Fate::Processed).unwrap();
    service.once().await.with(0);
    assert_eq!(service.media().len(), 3, "one of two parts is not enough");
    settle_all(&youtube);

    service.once().await.with(0).says("local files are removed").says("cleaned up");

    assert_eq!(service.media(), [format!("{}/notes.txt", folder(minute(5)))]);
    let row = service.row("a==");
    assert_eq!((row["status"].as_str(), row["files"].as_str()), ("cleaned", "2"));
    assert_eq!(row["youtube_id"].split(' ').count(), 2);
    let described = service.description(&folder(minute(5)));
    assert!(described["files"].as_array().unwrap().iter().all(|file| file["state"] == "removed"), "{described}");
    service.run(&["verify"]).await.with(0);
    service.keeps_its_promises(&zoom).await;
    assert_eq!((youtube.uploads().len(), zoom.journal().to(Endpoint::Media).count()), (2, 2));
    service.videos_are_byte_exact(&youtube);
}

#[tokio::test]
async fn y14_files_of_a_video_that_was_deleted_on_youtube_stay() {
    let (zoom, youtube, service) = uploaded([class("a==", 5), class("b==", 6)]).await;
    let service = service.set("cleanup.delete_after_upload", false);
    settle_all(&youtube);
    service.once().await.with(0);
    let service = service.set("cleanup.delete_after_upload", true);
    youtube.delete_video(&service.row("a==")["youtube_id"]).unwrap();

    service.once().await.with(1).says("YouTube shows it no more");

    assert_eq!(service.media(), [video_of(5)]);
    assert_eq!((service.row("a==")["status"].as_str(), service.row("b==")["status"].as_str()), ("uploaded", "cleaned"));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn files_go_so_many_days_after_they_were_archived_and_no_others() {
    let (zoom, service) = archived_two_days_ago([class("old==", 80)]).await;
    zoom.add_meeting("me", class("new==", 79));

    service.once().await.with(0).says("archived over 1 day ago");

    assert_eq!(service.media(), [video_of(79)]);
    assert_eq!(service.row("old==")["status"], "cleaned");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a5_what_comes_later_to_a_cleaned_meeting_is_fetched_and_nothing_else() {
    let (zoom, service) = archived_two_days_ago([class("a==", 80)]).await;
    service.once().await.with(0);
    assert_eq!(service.row("a==")["status"], "cleaned");
    zoom.change_meeting("a==", |meeting| meeting.video("active_speaker", MIB)).unwrap();

    service.once().await.with(0);

    assert_eq!(service.media(), [format!("{}/active_speaker.mp4", folder(minute(80)))]);
    assert_eq!((service.row("a==")["status"].as_str(), zoom.journal().to(Endpoint::Media).count()), ("downloaded", 2));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn l2_d12_a_link_or_another_file_in_the_place_of_a_recorded_one_stays_and_is_said() {
    let (zoom, service) = archived_two_days_ago([class("link==", 80), class("size==", 81), class("good==", 82)]).await;
    let outside = service.path("precious");
    let [link, size] = [80, 81].map(|hours| service.archived(&video_of(hours)));
    std::fs::rename(&link, &outside).unwrap();
    symlink(&outside, &link).unwrap();
    let content = std::fs::read(&size).unwrap();
    std::fs::write(&size, "another").unwrap();

    let ended = service.run(&["cleanup"]).await.with(1);

    assert!(ended.stdout.contains("removed") && ended.stdout.contains(&folder(minute(82))), "{}", ended.stdout);
    ended.says("a symbolic link is in its place").says("it has 7 bytes");
    assert!(outside.is_file() && link.is_symlink() && size.is_file());
    assert!(!service.archived(&video_of(82)).exists());
    std::fs::rename(&outside, &link).unwrap();
    std::fs::write(&size, &content).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn l3_a_folder_that_became_a_link_is_not_entered() {
    let (zoom, service) = archived_two_days_ago([class("a==", 80)]).await;
    let (meeting, elsewhere) = (service.archived(&folder(minute(80))), service.path("elsewhere"));
    std::fs::rename(&meeting, &elsewhere).unwrap();
    symlink(&elsewhere, &meeting).unwrap();

    service.run(&["cleanup"]).await.with(0);

    assert!(elsewhere.join("gallery_view.mp4").is_file());
    std::fs::remove_file(&meeting).unwrap();
    std::fs::rename(&elsewhere, &meeting).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d7_from_an_archive_without_its_mark_nothing_is_removed() {
    let (zoom, service) = archived_two_days_ago([class("a==", 80)]).await;
    let mark = service.archived(".zoom-archiver");
    std::fs::remove_file(&mark).unwrap();

    service.run(&["cleanup"]).await.with(1).says("is not mounted");

    assert!(service.archived(&video_of(80)).is_file());
    std::fs::write(&mark, "").unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn t2_by_a_clock_that_zooms_contradicts_or_that_nothing_is_known_of_nothing_is_removed() {
    let (zoom, service) = archived_two_days_ago([class("a==", 80)]).await;
    for date in [Some(TimeDelta::hours(2)), Some(-TimeDelta::hours(2)), None] {
        zoom.rules(|rules| rules.date = date);
        service.run(&["cleanup"]).await.with(1).says("no local files are removed");
        service.once().await.with(0).says("no local files are removed");
        assert!(service.archived(&video_of(80)).is_file(), "{date:?}");
    }
    zoom.rules(|rules| rules.date = Some(TimeDelta::minutes(59)));

    service.run(&["cleanup"]).await.with(0);

    assert_eq!(service.media(), Vec::<String>::new());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn t1_by_a_clock_that_jumped_ahead_nothing_is_removed() {
    let (zoom, service) = archived_two_days_ago([class("a==", 80)]).await;
    let service = service.set("cleanup.keep_days", 100);
    let Some(clock) = Clock::of(&service) else { return };
    clock.is_ahead(TimeDelta::days(365));
    clock.once().await.with(0);
    assert!(service.archived(&video_of(80)).is_file());
    clock.is_ahead(TimeDelta::zero());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a1_after_a_poll_that_fell_short_nothing_is_removed() {
    let (zoom, service) = archived_two_days_ago([class("a==", 80)]).await;
    zoom.inject(Matcher::list().always(), Fault::json(200, &serde_json::json!({"meetings": 7})));

    service.run(&["cleanup"]).await.with(1).says("nothing was removed: ");
    service.once().await.with(1);

    assert!(service.archived(&video_of(80)).is_file());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_dry_run_says_what_would_go_and_changes_nothing() {
    let (zoom, service) = archived_two_days_ago([class("a==", 80)]).await;
    let before = service.content();

    let ended = service.run(&["cleanup", "--dry-run"]).await.with(0);

    assert!(ended.stdout.contains("would go") && ended.stdout.contains(&folder(minute(80))), "{}", ended.stdout);
    let is_token = |name: &String| name.starts_with(".zoom_");
    let after: Vec<_> = service.content().into_iter().filter(|(name, _)| !is_token(name)).collect();
    assert_eq!(after, before.into_iter().filter(|(name, _)| !is_token(name)).collect::<Vec<_>>());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_dry_run_says_the_same_of_videos_that_no_poll_has_seen_processed() {
    let (zoom, youtube, service) = uploaded([class("a==", 80)]).await;
    settle_all(&youtube);

    let supposed = service.run(&["cleanup", "--dry-run"]).await.with(0);

    assert!(
        supposed.stdout.contains("would go") && supposed.stdout.contains(&folder(minute(80))),
        "{}",
        supposed.stdout
    );
    assert_eq!(service.description(&folder(minute(80)))["youtube"][0]["processed"], false, "nothing is noted");
    service.run(&["cleanup"]).await.with(0);
    assert_eq!(service.media(), Vec::<String>::new());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn where_nothing_is_to_go_the_command_says_so_and_asks_nobody() {
    let zoom = zoom_with([class("a==", 80)]).await;
    let service = Service::on(&zoom);

    let ended = service.run(&["cleanup"]).await.with(0);

    assert!(ended.stdout.contains("Everything is kept"), "{}", ended.stdout);
    assert_eq!(zoom.journal().entries().count(), 0);
}

#[tokio::test]
async fn the_service_cleans_up_after_a_poll() {
    let (zoom, service) = archived_two_days_ago([class("a==", 80)]).await;
    let running = service.run_daemon();

    service.until("its row", |service| service.row("a==")["status"] == "cleaned").await;

    running.stop().await.with(0);
    assert_eq!(service.media(), Vec::<String>::new());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p1_a_row_that_a_crash_left_out_is_made_up_for() {
    let (zoom, service) = archived_two_days_ago([class("a==", 80)]).await;
    service.once().await.with(0);
    let tracker = service.text("processed.csv");
    let without_last: Vec<&str> = tracker.lines().take(2).collect();
    std::fs::write(service.path("processed.csv"), without_last.join("\n") + "\n").unwrap();

    service.once().await.with(0).says("it is recorded as cleaned");

    assert_eq!(service.row("a==")["status"], "cleaned");
    service.keeps_its_promises(&zoom).await;
}
