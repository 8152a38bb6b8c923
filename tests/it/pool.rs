//! The bounded pool: how many files at once, which first, how fast, and for how much of the disk.

use chrono::TimeDelta;
use zoom_archiver::simulator::{Endpoint, Fault, Matcher, Simulator};

use crate::support::{MIB, Service, file_of, meeting, now, zoom_with};

/// The meetings whose files were asked for, in this order.
fn order(zoom: &Simulator) -> Vec<String> {
    zoom.journal().to(Endpoint::Media).filter_map(|entry| entry.meeting.clone()).collect()
}

#[tokio::test]
async fn no_more_files_are_in_flight_than_there_are_workers() {
    let zoom = zoom_with(
        (1..7).map(|n| meeting(&format!("{n}=="), n).video("gallery_view", MIB).video("active_speaker", MIB)),
    )
    .await;
    let service = Service::on(&zoom).set("download.workers", 2);
    let first = zoom.hold(Matcher::media(), MIB / 2);
    let second = zoom.hold(Matcher::media(), MIB / 2);
    let running = service.start(&["once"]);
    first.reached().await;
    second.reached().await;
    first.release();
    second.release();

    running.ended().await.with(0);

    assert_eq!(zoom.journal().peak(Endpoint::Media), 2);
    assert_eq!(service.rows().len(), 6);
}

#[tokio::test]
async fn what_zoom_deletes_first_is_fetched_first_and_then_what_began_first() {
    let in_days = |days| (now() + TimeDelta::days(days)).date_naive();
    let zoom = zoom_with([
        meeting("newest==", 1).video("gallery_view", 5000),
        meeting("oldest==", 100).video("gallery_view", 5000),
        meeting("in a week==", 50).auto_delete(in_days(7)).video("gallery_view", 5000),
        meeting("tomorrow==", 2).auto_delete(in_days(1)).video("gallery_view", 5000),
    ])
    .await;
    let service = Service::on(&zoom).set("download.workers", 1);

    service.once().await.with(0);

    assert_eq!(order(&zoom), ["tomorrow==", "in a week==", "oldest==", "newest=="]);
}

#[tokio::test]
async fn a_meeting_is_recorded_the_moment_its_last_file_is_whole() {
    let zoom = zoom_with([
        meeting("first==", 9).video("gallery_view", 5000),
        meeting("second==", 8).video("gallery_view", 5000),
    ])
    .await;
    let service = Service::on(&zoom).set("download.workers", 1);
    let hold = zoom.hold(Matcher::media().meeting("second=="), 100);
    let running = service.start(&["once"]);
    hold.reached().await;

    service.until_recorded("first==").await;

    assert!(!service.has_recorded("second=="));
    hold.release();
    running.ended().await.with(0);
    assert!(service.has_recorded("second=="));
}

#[tokio::test]
async fn a_limited_rate_changes_nothing_about_the_bytes() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 2 * MIB).video("active_speaker", MIB)]).await;
    let service = Service::on(&zoom).set("download.rate_limit", "2 MiB/s");
    zoom.inject(Matcher::media(), Fault::Cut { after: MIB / 2 });

    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    service.has_whole(&zoom, "a==", "active_speaker");
}

#[tokio::test]
async fn d1_without_room_on_the_disk_nothing_is_fetched_and_no_try_is_counted() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom).set("download.min_free_space", "1000 TiB");

    let ended = service.once().await.with(1);

    assert!(ended.stderr.contains("download.min_free_space"), "{}", ended.stderr);
    assert_eq!(zoom.journal().to(Endpoint::DownloadEntry).count(), 0);
    assert_eq!(service.media(), Vec::<String>::new());
    assert_eq!(service.pending("a==")["failed_tries"], 0);
    service.set("download.min_free_space", "1 MiB").keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn d1_a_file_too_large_for_the_disk_holds_up_none_that_fits() {
    let zoom =
        zoom_with([meeting("large==", 9).video("gallery_view", MIB), meeting("small==", 5).video("gallery_view", MIB)])
            .await;
    let large = file_of(&zoom, "large==", "gallery_view");
    zoom.change_file(&large, |file| file.listed_size(1 << 50)).unwrap();
    let service = Service::on(&zoom).set("download.workers", 1);

    let ended = service.once().await.with(1);

    assert!(ended.stderr.contains("1 file doesn't fit on the disk"), "{}", ended.stderr);
    service.has_whole(&zoom, "small==", "gallery_view");
    assert_eq!(order(&zoom), ["small=="]);
    zoom.change_file(&large, |file| file.listed_size(MIB)).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn what_a_part_has_already_needs_no_more_room() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 2 * MIB)]).await;
    let file = file_of(&zoom, "a==", "gallery_view");
    let service = Service::on(&zoom).set("download.attempts", 1);
    zoom.inject(Matcher::media(), Fault::Cut { after: 5000 });
    service.once().await.with(1);
    // A file that no disk has room for, of which all but the last mebibyte is there: made of holes.
    let size = 4u64 << 40;
    let part = std::fs::File::options().write(true).open(service.archived(&service.media()[0])).unwrap();
    part.set_len(size - MIB).unwrap();
    zoom.change_file(&file, |file| file.listed_size(size)).unwrap();

    service.once().await;

    let asked = format!("bytes={}-", size - MIB);
    assert_eq!(zoom.journal().ranges_of(&file).last(), Some(&Some(asked.as_str())));
}
