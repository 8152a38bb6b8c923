//! What a kill -9 in the middle leaves, and how the next start goes on.

use zoom_archiver::simulator::Matcher;

use crate::support::{MIB, Service, meeting, zoom_with};

#[tokio::test]
async fn a_download_killed_halfway_is_resumed_and_ends_up_whole() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 8 * MIB)]).await;
    let file = zoom.file("a==", "gallery_view").unwrap();
    let service = Service::on(&zoom);
    let hold = zoom.hold(Matcher::media().file(&file), 3 * MIB);
    let running = service.start(&["once"]);
    hold.reached().await;
    service.until_part_has(2 * MIB).await;
    running.kill().await;
    hold.release();
    let part = service.part_len();
    assert!(service.media().iter().all(|name| name.ends_with(".part")), "no final name before the file is whole");

    service.once().await.with(0);

    assert_eq!(zoom.journal().ranges_of(&file).last(), Some(&Some(format!("bytes={part}-").as_str())));
    let media = service.media();
    assert_eq!(media.len(), 1, "{media:?}");
    assert!(zoom.has_bytes_of(&file, &service.archived(&media[0])).unwrap());
}

#[tokio::test]
async fn a_download_that_is_asked_to_stop_keeps_what_it_has_and_goes_on_at_the_next_start() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 8 * MIB)]).await;
    let file = zoom.file("a==", "gallery_view").unwrap();
    let service = Service::on(&zoom);
    let hold = zoom.hold(Matcher::media().file(&file), 3 * MIB);
    let running = service.start(&["once"]);
    hold.reached().await;
    service.until_part_has(2 * MIB).await;

    running.signal("TERM");
    let ended = running.ended().await.with(1);

    assert!(ended.stderr.contains("stopped with work left"), "{}", ended.stderr);
    assert_eq!(service.part_len(), 3 * MIB, "all that came is kept");
    hold.release();
    service.once().await.with(0);
    assert_eq!(zoom.journal().ranges_of(&file).last(), Some(&Some("bytes=3145728-")));
}
