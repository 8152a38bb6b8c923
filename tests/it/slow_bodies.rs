//! Bodies that come by drops: they are given up in time, and hold up nothing else.

use std::time::Duration;

use zoom_archiver::simulator::{Fault, Matcher};

use crate::support::{MIB, Service, file_of, meeting, zoom_with};

/// A pause that is a stall: twenty times as long as those of [`drip`], for a busy machine makes them longer.
const STALL: &str = "400ms";

/// Less than a kibibyte a second, without a pause that would be a stall.
fn drip() -> Fault {
    Fault::Drip { bytes: 4, every: Duration::from_millis(20) }
}

#[tokio::test]
async fn h4_a_drip_fed_body_is_left_for_a_later_try_and_its_worker_goes_on_with_the_next_meeting() {
    let zoom = zoom_with([
        meeting("slow==", 9).video("gallery_view", 16 << 10),
        meeting("next==", 8).video("gallery_view", 3 * MIB),
    ])
    .await;
    let slow = file_of(&zoom, "slow==", "gallery_view");
    let service = Service::on(&zoom).set("download.workers", 1).set("download.stall_timeout", STALL);
    zoom.inject(Matcher::media().file(&slow), drip());

    service.once().await.with(1).says("that is too slow");

    service.has_whole(&zoom, "next==", "gallery_view");
    assert_eq!(zoom.journal().downloads_of(&slow).len(), 1, "it is not asked for again in the same run");
    assert_eq!(service.pending("slow==")["why"], "failed");
    assert_eq!(service.pending("slow==")["failed_tries"], 1);
    let part = service.part_len();
    assert!(part > 0, "what came is kept");
    service.once().await.with(0);
    assert_eq!(zoom.journal().ranges_of(&slow), [None, Some(format!("bytes={part}-").as_str())]);
    service.has_whole(&zoom, "slow==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h4_a_body_that_slows_to_a_drip_goes_on_with_a_later_poll_where_it_was_given_up() {
    let zoom = zoom_with([meeting("a==", 9).video("gallery_view", 2 * MIB + (16 << 10))]).await;
    let file = file_of(&zoom, "a==", "gallery_view");
    let service = Service::on(&zoom).set("download.stall_timeout", STALL);
    // The first answer brings 2 MiB and breaks off, the second drips.
    zoom.inject(Matcher::media(), Fault::Cut { after: 2 * MIB });
    zoom.inject(Matcher::media().from_hit(2), drip());

    service.once().await.with(1).says("that is too slow");

    let part = service.part_len();
    assert!(part > 2 * MIB, "what came by drops is kept as well: {part}");
    service.once().await.with(0);
    let ranges = [2 * MIB, part].map(|from| Some(format!("bytes={from}-")));
    assert_eq!(zoom.journal().ranges_of(&file), [None, ranges[0].as_deref(), ranges[1].as_deref()]);
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}
