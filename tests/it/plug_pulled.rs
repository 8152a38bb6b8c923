//! What a kill -9 in the middle leaves, and how the next start goes on.

use zoom_archiver::simulator::{Matcher, Rotation};

use crate::support::{MIB, Service, meeting, zoom_with};

#[tokio::test]
async fn p2_a_download_killed_halfway_is_resumed_and_ends_up_whole() {
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
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p7_a_download_that_is_asked_to_stop_keeps_what_it_has_and_goes_on_at_the_next_start() {
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
    // The last of what was sent may still have been on its way.
    let part = service.part_len();
    assert!(part >= 2 * MIB, "what came is kept: {part}");
    hold.release();
    service.once().await.with(0);
    assert_eq!(zoom.journal().ranges_of(&file).last(), Some(&Some(format!("bytes={part}-").as_str())));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p2_killed_at_any_exchange_with_zoom_the_next_start_comes_to_the_end() {
    let places = [
        ("a listing", Matcher::list(), None),
        ("a later listing", Matcher::list().from_hit(5), None),
        ("the address", Matcher::download_entry(), None),
        ("the bytes", Matcher::media(), None),
        ("the first byte", Matcher::media(), Some(1)),
        ("the second file", Matcher::media().from_hit(2), Some(100)),
        ("the last byte", Matcher::media().from_hit(2), Some(MIB - 1)),
    ];
    for (place, matcher, bytes) in places {
        let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB).video("active_speaker", MIB)]).await;
        let service = Service::on(&zoom).set("download.workers", 1);
        let hold = bytes.map_or_else(|| zoom.hold_answer(matcher.clone()), |bytes| zoom.hold(matcher.clone(), bytes));
        let running = service.start(&["once"]);
        hold.reached().await;
        running.kill().await;
        hold.release();
        assert!(!service.has_recorded("a=="), "{place}");
        service.tells_no_lie(&zoom);

        service.once().await.with(0);

        assert_eq!(service.rows().len(), 1, "{place}");
        service.has_whole(&zoom, "a==", "gallery_view");
        service.has_whole(&zoom, "a==", "active_speaker");
        assert_eq!(service.media().len(), 2, "{place}");
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn p3_killed_before_a_new_token_is_saved_the_old_one_is_tried_again() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    zoom.rules(|rules| rules.rotation = Rotation::Forgiving);
    let service = Service::on(&zoom);
    let hold = zoom.hold_answer(Matcher::token());
    let running = service.start(&["once"]);
    hold.reached().await;
    running.kill().await;
    hold.release();

    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p4_a_file_that_got_its_name_just_before_the_plug_was_pulled_is_recognized_and_not_fetched_again() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    let file = zoom.file("a==", "gallery_view").unwrap();
    let service = Service::on(&zoom);
    let hold = zoom.hold(Matcher::media(), MIB / 2);
    let running = service.start(&["once"]);
    hold.reached().await;
    service.until("the part is there", |service| !service.media().is_empty()).await;
    running.kill().await;
    hold.release();
    // As the disk is between the renaming and the note of it in meeting.json.
    let part = service.archived(&service.media()[0]);
    zoom.write_start_of(&file, MIB, &part.with_extension("")).unwrap();
    std::fs::remove_file(&part).unwrap();

    service.once().await.with(0);

    assert_eq!(zoom.journal().downloads_of(&file).len(), 1, "the one that was killed");
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn p7_a_terminal_that_is_closed_stops_a_run_as_a_signal_does() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 8 * MIB)]).await;
    let file = zoom.file("a==", "gallery_view").unwrap();
    let service = Service::on(&zoom);
    let hold = zoom.hold(Matcher::media().file(&file), 3 * MIB);
    let running = service.start(&["once"]);
    hold.reached().await;

    running.signal("HUP");

    let ended = running.ended().await.with(1);
    assert!(ended.stderr.contains("stopped with work left"), "{}", ended.stderr);
    hold.release();
    service.keeps_its_promises(&zoom).await;
}
