//! Downloads that break off, stall or are put off, and come to their end all the same.

use chrono::{SecondsFormat, TimeDelta};
use zoom_archiver::simulator::{Answer, Endpoint, Fault, Matcher, Refusal, Simulator};

use crate::support::{MIB, Service, file_of, meeting, now, zoom_with};

/// A Zoom with one video of 3 MiB in each of these meetings.
async fn zoom_with_videos_in(uuids: &[&str]) -> Simulator {
    zoom_with(uuids.iter().zip(5..).map(|(uuid, hours)| meeting(uuid, hours).video("gallery_view", 3 * MIB))).await
}

fn video(zoom: &Simulator, uuid: &str) -> Matcher {
    Matcher::media().file(&file_of(zoom, uuid, "gallery_view"))
}

#[tokio::test]
async fn h3_h4_h6_a_transfer_that_breaks_off_or_stalls_goes_on_where_it_ended() {
    let zoom = zoom_with_videos_in(&["cut==", "reset==", "stalled=="]).await;
    let service = Service::on(&zoom).set("download.stall_timeout", "300ms");
    zoom.inject(video(&zoom, "cut=="), Fault::Cut { after: 2 * MIB });
    zoom.inject(video(&zoom, "reset=="), Fault::Reset { after: 2 * MIB });
    zoom.inject(video(&zoom, "stalled=="), Fault::Stall { after: 2 * MIB });

    service.once().await.with(0);

    for uuid in ["cut==", "reset==", "stalled=="] {
        service.has_whole(&zoom, uuid, "gallery_view");
    }
    for uuid in ["cut==", "stalled=="] {
        let file = file_of(&zoom, uuid, "gallery_view");
        assert_eq!(zoom.journal().ranges_of(&file), [None, Some("bytes=2097152-")], "{uuid}");
    }
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h5_h23_a_server_that_fails_or_says_nothing_is_asked_again() {
    let uuids = ["500==", "503==", "silent==", "half==", "lost=="];
    let zoom = zoom_with_videos_in(&uuids).await;
    let service = Service::on(&zoom).set("download.stall_timeout", "300ms").set("download.workers", 5);
    zoom.inject(video(&zoom, "500=="), Fault::Answer(Answer::new(500)));
    zoom.inject(video(&zoom, "503=="), Fault::Answer(Answer::html(503, "Busy")));
    zoom.inject(video(&zoom, "silent=="), Fault::Silence);
    zoom.inject(video(&zoom, "half=="), Fault::HalfHead);
    zoom.inject(video(&zoom, "lost=="), Fault::LoseAnswer);

    service.once().await.with(0);

    for uuid in uuids {
        service.has_whole(&zoom, uuid, "gallery_view");
    }
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h21_a_download_that_is_put_off_for_seconds_comes_in_the_same_run_however_the_time_is_written() {
    let uuids = ["seconds==", "http-date==", "rfc-3339==", "past==", "negative==", "rubbish==", "nothing=="];
    let zoom = zoom_with_videos_in(&uuids).await;
    let service = Service::on(&zoom).set("download.workers", 7);
    let soon = now() + TimeDelta::seconds(2);
    let http_date = httpdate::fmt_http_date(soon.into());
    let rfc_3339 = soon.to_rfc3339_opts(SecondsFormat::Secs, true);
    for (uuid, value) in uuids.iter().zip(["1", &http_date, &rfc_3339, "2020-05-31T00:00:00Z", "-5", "soon"]) {
        zoom.inject(video(&zoom, uuid), Fault::Answer(Answer::new(429).header("retry-after", value)));
    }
    zoom.inject(video(&zoom, "nothing=="), Fault::Answer(Answer::new(429)));

    service.once().await.with(0);

    for uuid in uuids {
        service.has_whole(&zoom, uuid, "gallery_view");
    }
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h21_a_download_that_is_put_off_for_long_stays_pending_as_no_failure_and_holds_up_no_other() {
    let zoom = zoom_with_videos_in(&["a==", "b=="]).await;
    let service = Service::on(&zoom);
    let later = Answer::new(429).header("retry-after", "3600");
    zoom.inject(video(&zoom, "a==").always(), Fault::Answer(later));

    let ended = service.once().await.with(0);

    assert!(ended.stderr.contains("Zoom asks to wait until"), "{}", ended.stderr);
    assert_eq!(zoom.journal().downloads_of(&file_of(&zoom, "a==", "gallery_view")).len(), 1);
    assert_eq!(service.pending("a==")["failed_tries"], 0);
    assert_eq!(service.pending("a==")["why"], "putoff");
    service.has_whole(&zoom, "b==", "gallery_view");
    service.once().await.with(0);
    assert_eq!(zoom.journal().downloads_of(&file_of(&zoom, "a==", "gallery_view")).len(), 1, "not before its time");
    service.lets_the_waits_pass();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h21_a_file_that_zoom_puts_off_time_and_again_holds_up_no_new_meeting() {
    let zoom = zoom_with_videos_in(&["a=="]).await;
    let service = Service::on(&zoom).set("poll.schedule", "* * * * * *");
    let later = Answer::new(429).header("retry-after", "61");
    zoom.inject(video(&zoom, "a==").always(), Fault::Answer(later));
    let running = service.run_daemon();
    service.until_log_says("the meeting waits").await;

    zoom.add_meeting("me", meeting("new==", 2).video("gallery_view", MIB));

    service.until_recorded("new==").await;
    running.stop().await.with(0);
    service.lets_the_waits_pass();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h21_a_limit_that_meets_one_file_after_the_other_is_not_tried_with_all_of_them() {
    let zoom = zoom_with_videos_in(&["a==", "b==", "c==", "d==", "e=="]).await;
    let service = Service::on(&zoom).set("download.workers", 1);
    let later = Answer::new(429).header("retry-after", "3600");
    zoom.inject(Matcher::download_entry().always(), Fault::Answer(later));

    let ended = service.once().await.with(0);

    assert!(ended.stderr.contains("all downloads wait"), "{}", ended.stderr);
    assert_eq!(zoom.journal().to(Endpoint::DownloadEntry).count(), 3);
    zoom.clear_faults();
    assert_eq!(service.pending("e==")["failed_tries"], 0);
    service.lets_the_waits_pass();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h20_an_access_token_that_ends_in_the_middle_is_renewed_and_the_file_resumed() {
    let zoom = zoom_with_videos_in(&["a=="]).await;
    zoom.rules(|rules| rules.refusal = Refusal::Json);
    let file = file_of(&zoom, "a==", "gallery_view");
    let service = Service::on(&zoom);
    zoom.inject(video(&zoom, "a=="), Fault::Cut { after: 2 * MIB });
    let hold = zoom.hold(video(&zoom, "a=="), MIB);
    let running = service.start(&["once"]);
    hold.reached().await;
    zoom.expire_access_token();
    hold.release();

    running.ended().await.with(0);

    assert_eq!(zoom.journal().token_requests().len(), 2);
    assert_eq!(zoom.journal().ranges_of(&file), [None, Some("bytes=2097152-")]);
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h13_a_sign_in_page_in_place_of_the_file_is_answered_with_a_fresh_listing() {
    let zoom = zoom_with_videos_in(&["a=="]).await;
    let service = Service::on(&zoom);
    zoom.inject(Matcher::download_entry(), Fault::Answer(Answer::html(200, "Please sign in")));

    service.once().await.with(0);

    let journal = zoom.journal();
    let asked: Vec<Endpoint> = journal.entries().map(|entry| entry.endpoint).collect();
    assert!(asked.ends_with(&[Endpoint::DownloadEntry, Endpoint::List, Endpoint::DownloadEntry, Endpoint::Media]));
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h13_a_sign_in_page_every_time_is_named_for_what_it_is_and_costs_no_other_meeting() {
    let zoom = zoom_with_videos_in(&["a==", "b=="]).await;
    let service = Service::on(&zoom);
    let file = file_of(&zoom, "a==", "gallery_view");
    zoom.inject(Matcher::download_entry().file(&file).always(), Fault::Answer(Answer::html(200, "Please sign in")));

    let ended = service.once().await.with(1);

    assert!(ended.stderr.contains("the page is HTML, not a video"), "{}", ended.stderr);
    assert_eq!(service.finished().len(), 1);
    service.has_whole(&zoom, "b==", "gallery_view");
    assert_eq!(zoom.journal().entries().filter(|entry| entry.file.as_ref() == Some(&file)).count(), 2);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h20_a_signed_address_that_has_ended_is_asked_for_again() {
    let zoom = zoom_with_videos_in(&["a=="]).await;
    let service = Service::on(&zoom);
    let hold = zoom.hold_answer(Matcher::download_entry());
    let running = service.start(&["once"]);
    hold.reached().await;
    zoom.advance(TimeDelta::hours(3));
    hold.release();

    running.ended().await.with(0);

    let file = file_of(&zoom, "a==", "gallery_view");
    let journal = zoom.journal();
    let statuses: Vec<_> = journal.downloads_of(&file).iter().map(|entry| entry.status).collect();
    assert_eq!(statuses, [Some(403), Some(200)]);
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h24_a_file_that_is_gone_is_said_and_costs_no_other_meeting() {
    let zoom = zoom_with_videos_in(&["404==", "410==", "b=="]).await;
    let service = Service::on(&zoom);
    for (uuid, status) in [("404==", 404), ("410==", 410)] {
        let file = file_of(&zoom, uuid, "gallery_view");
        zoom.inject(Matcher::download_entry().file(&file).always(), Fault::Answer(Answer::new(status)));
    }

    let ended = service.once().await.with(1);

    assert!(ended.stderr.contains("404 Not Found"), "{}", ended.stderr);
    assert!(ended.stderr.contains("410 Gone"), "{}", ended.stderr);
    assert_eq!(service.finished().len(), 1);
    service.has_whole(&zoom, "b==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h24_a_meeting_that_was_deleted_since_it_was_listed_is_said_to_be_gone() {
    let zoom = zoom_with_videos_in(&["a=="]).await;
    let service = Service::on(&zoom);
    let hold = zoom.hold_answer(Matcher::download_entry());
    zoom.inject(Matcher::download_entry(), Fault::Answer(Answer::new(404)));
    let running = service.start(&["once"]);
    hold.reached().await;
    zoom.remove_meeting("a==").unwrap();
    hold.release();

    let ended = running.ended().await.with(1);

    assert!(ended.stderr.contains("Zoom no longer lists the file"), "{}", ended.stderr);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h6_tries_are_counted_anew_after_each_that_brings_a_mebibyte() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 6 * MIB)]).await;
    let service = Service::on(&zoom).set("download.attempts", 1);
    zoom.inject(Matcher::media().times(3), Fault::Cut { after: 3 * MIB / 2 });

    service.once().await.with(0);

    let file = file_of(&zoom, "a==", "gallery_view");
    assert_eq!(zoom.journal().downloads_of(&file).len(), 4);
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h6_a_file_that_does_not_come_on_is_left_and_costs_no_other_meeting() {
    let zoom = zoom_with_videos_in(&["a==", "b=="]).await;
    let service = Service::on(&zoom).set("download.attempts", 2);
    zoom.inject(video(&zoom, "a==").always(), Fault::Cut { after: 1000 });

    let ended = service.once().await.with(1);

    assert!(ended.stderr.contains("the exchange with 127.0.0.1 broke off"), "{}", ended.stderr);
    assert_eq!(zoom.journal().downloads_of(&file_of(&zoom, "a==", "gallery_view")).len(), 2);
    let pending = service.pending("a==");
    assert_eq!(pending["failed_tries"], 1);
    assert!(pending["next_try"].is_string(), "{pending}");
    assert!(pending["problem"].as_str().unwrap().contains("gallery_view.mp4"), "{pending}");
    service.has_whole(&zoom, "b==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h23_once_tries_at_once_what_failed_before() {
    let zoom = zoom_with_videos_in(&["a=="]).await;
    let service = Service::on(&zoom).set("download.attempts", 1);
    zoom.inject(Matcher::media(), Fault::Answer(Answer::new(500)));
    service.once().await.with(1);

    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    assert_eq!(service.pending("a=="), serde_json::Value::Null);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_grant_taken_back_in_the_middle_of_a_download_needs_a_person_and_counts_no_try() {
    let zoom = zoom_with_videos_in(&["a=="]).await;
    let service = Service::on(&zoom);
    zoom.inject(video(&zoom, "a=="), Fault::Cut { after: 2 * MIB });
    let hold = zoom.hold(video(&zoom, "a=="), MIB);
    let running = service.start(&["once"]);
    hold.reached().await;
    zoom.revoke();
    hold.release();

    let ended = running.ended().await.with(3);

    assert!(ended.stderr.contains("authorize again"), "{}", ended.stderr);
    assert_eq!(service.pending("a==")["failed_tries"], 0);
    assert_eq!(service.part_len(), 2 * MIB);
    std::fs::write(service.path(".zoom_refresh_token"), zoom.authorize_again()).unwrap();
    service.once().await.with(0);
    service.has_whole(&zoom, "a==", "gallery_view");
}

#[tokio::test]
async fn h4_a_slow_body_is_no_stalled_one() {
    let zoom = zoom_with_videos_in(&["a=="]).await;
    let service = Service::on(&zoom).set("download.stall_timeout", "1s");
    let every = std::time::Duration::from_millis(100);
    zoom.inject(Matcher::media(), Fault::Drip { bytes: 200 << 10, every });

    service.once().await.with(0);

    assert_eq!(zoom.journal().downloads_of(&file_of(&zoom, "a==", "gallery_view")).len(), 1);
    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h26_a_connection_that_is_closed_between_two_files_costs_no_try() {
    let zoom = zoom_with_videos_in(&["a==", "b==", "c=="]).await;
    let service = Service::on(&zoom).set("download.workers", 1).set("download.attempts", 1);
    zoom.inject(Matcher::media().always(), Fault::CloseAfter);
    zoom.inject(Matcher::download_entry().always(), Fault::CloseAfter);

    service.once().await.with(0);

    assert_eq!(service.rows().len(), 3);
    service.keeps_its_promises(&zoom).await;
}
