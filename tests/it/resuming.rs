//! Going on with a part from an earlier run: only where the server proves that it is the same file, and never wrongly.

use std::time::SystemTime;

use zoom_archiver::simulator::{Answer, Fault, Matcher, Simulator, Validators};

use crate::support::{MIB, Service, file_of, meeting, zoom_with};

/// Less than counts as progress, so that one try is all there is.
const START: u64 = 900 << 10;

/// A Zoom with one video, and a service that was left with the start of it.
async fn interrupted() -> (Simulator, String, Service) {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 2 * MIB)]).await;
    let file = file_of(&zoom, "a==", "gallery_view");
    let service = Service::on(&zoom).set("download.attempts", 1);
    zoom.inject(Matcher::media(), Fault::Cut { after: START });
    service.once().await.with(1);
    assert_eq!(service.part_len(), START);
    (zoom, file, service)
}

/// The `Range` header that asks for the rest.
fn rest() -> String {
    format!("bytes={START}-")
}

#[tokio::test]
async fn h6_h12_a_part_of_an_earlier_run_is_resumed_from_its_last_byte_and_on_condition_that_nothing_changed() {
    let (zoom, file, service) = interrupted().await;

    service.once().await.with(0);

    let journal = zoom.journal();
    let last = *journal.downloads_of(&file).last().unwrap();
    assert_eq!(last.header("range"), Some(rest().as_str()));
    assert!(last.header("if-range").is_some_and(|tag| tag.starts_with('"')), "{:?}", last.headers);
    assert_eq!(last.sent, 2 * MIB - START);
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h12_a_recording_that_changed_between_part_and_rest_is_fetched_anew() {
    let (zoom, file, service) = interrupted().await;
    zoom.change_content(&file, 3 * MIB).unwrap();

    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h12_a_recording_that_changed_is_told_by_its_date_where_there_is_no_tag() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 2 * MIB)]).await;
    zoom.rules(|rules| rules.validators = Validators::Date);
    let file = file_of(&zoom, "a==", "gallery_view");
    let service = Service::on(&zoom).set("download.attempts", 1);
    zoom.inject(Matcher::media(), Fault::Cut { after: START });
    service.once().await.with(1);
    zoom.change_content(&file, 2 * MIB).unwrap();

    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h12_the_rest_of_another_version_from_a_server_that_asks_for_no_condition_never_becomes_part_of_the_file() {
    for validators in [Validators::ETagAndDate, Validators::Date, Validators::Nothing] {
        let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 2 * MIB)]).await;
        zoom.rules(|rules| rules.validators = validators);
        let file = file_of(&zoom, "a==", "gallery_view");
        let service = Service::on(&zoom).set("download.attempts", 1);
        zoom.inject(Matcher::media(), Fault::Cut { after: START });
        service.once().await.with(1);
        zoom.change_content(&file, 2 * MIB).unwrap();
        zoom.inject(Matcher::media(), Fault::IgnoreIfRange);

        service.once().await.with(1).says("changed");

        assert_eq!(service.finished(), Vec::<String>::new(), "{validators:?}");
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn h12_a_rest_that_names_no_version_though_the_beginning_did_is_told_by_the_last_bytes() {
    let (zoom, file, service) = interrupted().await;
    zoom.rules(|rules| rules.validators = Validators::Nothing);
    zoom.inject(Matcher::media().times(2), Fault::IgnoreIfRange);
    let service = service.set("download.attempts", 2);

    service.once().await.with(0);

    let overlapping = format!("bytes={}-", START - (64 << 10));
    assert_eq!(zoom.journal().ranges_of(&file), [None, Some(rest().as_str()), Some(overlapping.as_str())]);
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h9_a_whole_answer_to_a_question_for_the_rest_begins_the_file_anew() {
    let (zoom, file, service) = interrupted().await;
    zoom.inject(Matcher::media(), Fault::IgnoreRange);

    service.once().await.with(0);

    assert_eq!(zoom.journal().ranges_of(&file).last(), Some(&Some(rest().as_str())));
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h10_an_answer_with_another_range_than_asked_for_is_thrown_away_and_the_file_begun_anew() {
    let ranges = [
        Some("bytes 0-2097151/2097152"),
        Some("bytes 921601-2097151/2097152"),
        Some("bytes 921600-2097151/2097153"),
        Some("bytes 921600-2097151/*"),
        Some("rubbish"),
        None,
    ];
    let several = Answer::new(206).header("content-type", "multipart/byteranges; boundary=x");
    let several = several.body("--x\r\nContent-Range: bytes 921600-921601/2097152\r\n\r\nab\r\n--x--\r\n");
    let ranges = ranges.map(|range| Fault::ContentRange(range.map(str::to_owned)));
    for wrong in ranges.into_iter().chain([Fault::Answer(several)]) {
        let (zoom, file, service) = interrupted().await;
        zoom.inject(Matcher::media(), wrong.clone());

        service.once().await.with(1);
        assert_eq!(service.finished(), Vec::<String>::new(), "{wrong:?}");
        service.once().await.with(0);

        assert_eq!(zoom.journal().ranges_of(&file).last(), Some(&None), "{wrong:?}");
        service.has_whole(&zoom, "a==", "gallery_view");
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn h11_h12_a_part_that_is_longer_than_the_recording_is_thrown_away() {
    let (zoom, file, service) = interrupted().await;
    zoom.rules(|rules| rules.validators = Validators::Nothing);
    zoom.change_content(&file, 500 << 10).unwrap();

    service.once().await;
    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h11_a_part_that_has_every_byte_already_needs_only_its_name() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    let file = file_of(&zoom, "a==", "gallery_view");
    let service = Service::on(&zoom).set("download.attempts", 1);
    zoom.inject(Matcher::media(), Fault::Cut { after: START });
    service.once().await.with(1);
    let part = service.archived(&service.media()[0]);
    zoom.write_start_of(&file, MIB, &part).unwrap();

    service.once().await.with(0);

    let journal = zoom.journal();
    let last = *journal.downloads_of(&file).last().unwrap();
    assert_eq!((last.header("range"), last.status), (Some("bytes=1048576-"), Some(416)));
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_part_from_before_the_machines_last_start_is_trusted_up_to_its_last_mark() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 70 * MIB)]).await;
    let file = file_of(&zoom, "a==", "gallery_view");
    let service = Service::on(&zoom);
    let hold = zoom.hold(Matcher::media().file(&file), 67 * MIB);
    let running = service.start(&["once"]);
    hold.reached().await;
    service.until_part_has(66 * MIB).await;
    running.kill().await;
    hold.release();
    let part = std::fs::File::open(service.archived(&service.media()[0])).unwrap();
    part.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_hours(365 * 24)).unwrap();

    service.once().await.with(0);

    assert_eq!(zoom.journal().ranges_of(&file).last(), Some(&Some("bytes=67108864-")));
    service.has_whole(&zoom, "a==", "gallery_view");
}

#[tokio::test]
async fn h12_a_part_with_other_bytes_than_the_recordings_is_thrown_away_and_the_file_begun_anew() {
    let (zoom, _, service) = interrupted().await;
    let part = service.archived(&service.media()[0]);
    std::fs::write(&part, vec![0; usize::try_from(START).unwrap()]).unwrap();

    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h12_a_recording_that_changed_is_told_by_its_bytes_where_the_server_names_no_version() {
    for size in [2 * MIB, 3 * MIB] {
        let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 2 * MIB)]).await;
        zoom.rules(|rules| rules.validators = Validators::Nothing);
        let file = file_of(&zoom, "a==", "gallery_view");
        let service = Service::on(&zoom).set("download.attempts", 2);
        zoom.inject(Matcher::media().times(2), Fault::Cut { after: START });
        service.once().await.with(1);
        zoom.change_content(&file, size).unwrap();

        service.once().await.with(0);

        service.has_whole(&zoom, "a==", "gallery_view");
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn h3_h12_a_recording_that_did_not_change_is_resumed_a_little_before_the_end_where_the_server_names_no_version() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 2 * MIB)]).await;
    zoom.rules(|rules| rules.validators = Validators::Nothing);
    let file = file_of(&zoom, "a==", "gallery_view");
    let service = Service::on(&zoom).set("download.attempts", 1);
    zoom.inject(Matcher::media(), Fault::Cut { after: START });
    service.once().await.with(1);

    service.once().await.with(0);

    let overlap = 64 << 10;
    assert_eq!(zoom.journal().ranges_of(&file), [None, Some(format!("bytes={}-", START - overlap).as_str())]);
    service.keeps_its_promises(&zoom).await;
}
