//! What comes over the line is not always the file: bodies without a length, with a wrong one, and broken recordings.

use serde_json::json;
use zoom_archiver::simulator::{Answer, Endpoint, Fault, FileSpec, Form, Framing, Matcher, Simulator};

use crate::support::{MIB, Service, file_of, meeting, zoom_with};

async fn zoom_with_video_framed(framing: Framing) -> (Simulator, String) {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 2 * MIB)]).await;
    zoom.rules(|rules| rules.framing = framing);
    let file = file_of(&zoom, "a==", "gallery_view");
    (zoom, file)
}

/// A Zoom with one video of this form in each of two meetings, the second of them sound.
async fn zoom_with_video_like(form: Form) -> (Simulator, String) {
    let video = FileSpec::video("gallery_view", 2 * MIB).form(form);
    let zoom = zoom_with([meeting("a==", 5).file(video), meeting("b==", 6).video("gallery_view", MIB)]).await;
    let file = file_of(&zoom, "a==", "gallery_view");
    (zoom, file)
}

#[tokio::test]
async fn h8_a_body_without_a_length_is_whole_when_it_is_as_long_as_listed() {
    for framing in [Framing::Chunked, Framing::UntilClose] {
        let (zoom, _) = zoom_with_video_framed(framing).await;
        let service = Service::on(&zoom);

        service.once().await.with(0);

        service.has_whole(&zoom, "a==", "gallery_view");
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn h6_h8_a_body_without_a_length_that_ends_early_is_resumed() {
    for framing in [Framing::Chunked, Framing::UntilClose] {
        let (zoom, file) = zoom_with_video_framed(framing).await;
        let service = Service::on(&zoom);
        zoom.inject(Matcher::media(), Fault::Cut { after: MIB });

        service.once().await.with(0);

        assert_eq!(zoom.journal().ranges_of(&file), [None, Some("bytes=1048576-")], "{framing:?}");
        service.has_whole(&zoom, "a==", "gallery_view");
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn h8_h11_a_chunked_body_without_its_last_chunk_is_whole_only_once_the_server_says_that_there_is_no_more() {
    let (zoom, file) = zoom_with_video_framed(Framing::Chunked).await;
    let service = Service::on(&zoom);
    zoom.change_file(&file, |file| file.without("file_size")).unwrap();
    zoom.inject(Matcher::media(), Fault::Cut { after: 2 * MIB });

    service.once().await.with(0);

    let journal = zoom.journal();
    let asked: Vec<_> = journal.downloads_of(&file).iter().map(|entry| (entry.header("range"), entry.status)).collect();
    assert_eq!(asked, [(None, Some(200)), (Some("bytes=2097152-"), Some(416))]);
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h7_h8_a_body_without_a_length_that_goes_on_past_the_listed_size_never_becomes_a_file_and_is_not_asked_for_for_ever()
 {
    let (zoom, file) = zoom_with_video_framed(Framing::Chunked).await;
    let service = Service::on(&zoom).set("download.attempts", 1);
    zoom.change_file(&file, |file| file.listed_size(3 * MIB / 2)).unwrap();

    let ended = service.once().await.with(1);

    assert!(ended.stderr.contains("more than 1572864 bytes came"), "{}", ended.stderr);
    assert_eq!(zoom.journal().downloads_of(&file).len(), 2, "the first had brought something new");
    assert_eq!(service.media(), Vec::<String>::new());
    zoom.change_file(&file, |file| file.listed_size(2 * MIB)).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h7_bytes_after_the_declared_end_are_not_part_of_the_file() {
    let (zoom, _) = zoom_with_video_framed(Framing::Length).await;
    let service = Service::on(&zoom);
    zoom.inject(Matcher::media(), Fault::Longer { by: 5000 });

    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h14_a_file_is_never_asked_for_compressed() {
    let (zoom, file) = zoom_with_video_framed(Framing::Length).await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    let journal = zoom.journal();
    let of_file = journal.entries().filter(|entry| entry.file.as_ref() == Some(&file));
    let asked: Vec<_> = of_file.map(|entry| entry.header("accept-encoding")).collect();
    assert_eq!(asked, [Some("identity"), Some("identity")]);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h14_a_compressed_body_that_nobody_asked_for_never_becomes_a_file() {
    let (zoom, _) = zoom_with_video_framed(Framing::Length).await;
    let service = Service::on(&zoom).set("download.attempts", 1);
    zoom.inject(Matcher::media(), Fault::Gzip);

    service.once().await.with(1);
    assert_eq!(service.finished(), Vec::<String>::new());
    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h7_a_listed_size_that_the_transfer_contradicts_is_warned_of_and_the_real_one_noted() {
    let (zoom, file) = zoom_with_video_framed(Framing::Length).await;
    zoom.change_file(&file, |file| file.listed_size(MIB)).unwrap();
    let service = Service::on(&zoom);

    let ended = service.once().await.with(0);

    assert!(ended.stderr.contains("size differs from what Zoom lists"), "{}", ended.stderr);
    service.has_whole(&zoom, "a==", "gallery_view");
    assert_eq!(service.rows()[0]["bytes"], (2 * MIB).to_string());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_recording_that_is_broken_at_zoom_is_kept_as_suspect_and_counts_as_done() {
    let (zoom, file) = zoom_with_video_like(Form::Mp4Broken).await;
    let service = Service::on(&zoom).set("download.attempts", 1);

    let ended = service.once().await.with(0);

    assert!(ended.stderr.contains("kept as suspect"), "{}", ended.stderr);
    let kept = service.recorded("a==", "gallery_view.suspect.mp4");
    assert!(zoom.has_bytes_of(&file, &kept).unwrap());
    let manifest = std::fs::read_to_string(kept.with_file_name("meeting.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["files"][0]["state"], "suspect");
    assert_eq!(zoom.journal().downloads_of(&file).len(), 3);
}

#[tokio::test]
async fn a_suspect_recording_is_not_fetched_again() {
    let (zoom, file) = zoom_with_video_like(Form::Mp4Broken).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);

    service.once().await.with(0);

    assert_eq!(zoom.journal().downloads_of(&file).len(), 3);
}

#[tokio::test]
async fn h13_a_body_that_is_no_video_at_all_never_becomes_a_file_and_costs_no_other_meeting() {
    let (zoom, _) = zoom_with_video_like(Form::NotMp4).await;
    let service = Service::on(&zoom).set("download.attempts", 2);

    let ended = service.once().await.with(1);

    assert!(ended.stderr.contains("as a video never does"), "{}", ended.stderr);
    assert_eq!(service.media().len(), 1, "{:?}", service.media());
    service.has_whole(&zoom, "b==", "gallery_view");
    service.keeps_its_promises_but_for(&zoom, &["a=="]).await;
}

#[tokio::test]
async fn a_recording_with_its_index_at_the_end_is_as_good_as_any() {
    let (zoom, _) = zoom_with_video_like(Form::Mp4MoovLast).await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
}

#[tokio::test]
async fn h13_a_page_or_an_error_in_place_of_the_file_is_known_by_its_type_or_its_first_bytes() {
    let error = json!({"status": false, "errorCode": 300, "errorMessage": "Forbidden"});
    let page = Answer::html(200, "Please sign in");
    let answers = [
        ("json==", Answer::json(200, &error)),
        ("untyped==", Answer::new(200).body(error.to_string())),
        ("disguised==", page.header("content-type", "application/octet-stream")),
    ];
    let meetings = answers.iter().zip(5..).map(|((uuid, _), hours)| meeting(uuid, hours).video("gallery_view", MIB));
    let zoom = zoom_with(meetings).await;
    let service = Service::on(&zoom);
    for (uuid, answer) in &answers {
        let file = file_of(&zoom, uuid, "gallery_view");
        zoom.inject(Matcher::download_entry().file(&file), Fault::Answer(answer.clone()));
    }

    service.once().await.with(0);

    let journal = zoom.journal();
    for (uuid, _) in answers {
        let asked = journal.to(Endpoint::DownloadEntry).filter(|entry| entry.meeting.as_deref() == Some(uuid));
        assert_eq!(asked.count(), 2, "{uuid}: once more, after a fresh listing");
        service.has_whole(&zoom, uuid, "gallery_view");
    }
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h13_a_page_in_place_of_a_listing_is_asked_about_again_and_a_refused_token_renewed_though_both_come_with_200() {
    let (zoom, _) = zoom_with_video_framed(Framing::Length).await;
    let service = Service::on(&zoom).set("poll.lookback_days", 20);
    zoom.inject(Matcher::list(), Fault::json(200, &json!({"code": 124, "message": "Invalid access token."})));
    zoom.inject(Matcher::list(), Fault::Answer(Answer::html(200, "Please sign in")));

    service.once().await.with(0);

    assert_eq!(zoom.journal().listings().len(), 3);
    assert_eq!(zoom.journal().token_requests().len(), 2);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h14_a_compressed_listing_is_never_unpacked_and_asked_for_again() {
    let (zoom, _) = zoom_with_video_framed(Framing::Length).await;
    let service = Service::on(&zoom).set("poll.lookback_days", 20);
    zoom.inject(Matcher::list(), Fault::Gzip);

    service.once().await.with(0);

    assert_eq!(zoom.journal().listings().len(), 2);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h14_a_listing_larger_than_any_is_given_up() {
    let (zoom, _) = zoom_with_video_framed(Framing::Length).await;
    let service = Service::on(&zoom).set("poll.lookback_days", 20);
    zoom.inject(Matcher::list(), Fault::Answer(Answer::json(200, &json!({})).body(vec![b' '; 40 << 20])));

    service.once().await.with(1).says("is larger than 33554432 bytes");

    assert!(zoom.journal().listings()[0].sent < 40 << 20, "it is not even read to its end");
    service.keeps_its_promises(&zoom).await;
}
