//! The service over its polls: when it looks, what it fetches next, and what it waits for.

use chrono::TimeDelta;
use zoom_archiver::simulator::{Endpoint, Fault, FileSpec, Matcher, Simulator};

use crate::support::{MIB, Service, file_of, meeting, now, zoom_with};

/// A service that polls every second.
fn busy_service(zoom: &Simulator) -> Service {
    Service::on(zoom).set("poll.schedule", "* * * * * *")
}

fn listings(zoom: &Simulator) -> usize {
    zoom.journal().listings().len()
}

/// Waits until so many further listings were asked for.
async fn further_listings(zoom: &Simulator, count: usize) {
    let before = listings(zoom);
    zoom.until(|journal| journal.listings().len() >= before + count).await;
}

#[tokio::test]
async fn the_service_polls_at_its_start_and_not_only_when_the_schedule_says() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom).set("poll.schedule", "0 0 0 1 1 *");
    let running = service.run_daemon();

    service.until_recorded("a==").await;

    running.stop().await.with(0);
    service.has_whole(&zoom, "a==", "gallery_view");
}

#[tokio::test]
async fn a_meeting_that_appears_later_is_fetched_by_a_poll_of_the_schedule() {
    let zoom = zoom_with([]).await;
    let service = busy_service(&zoom);
    let running = service.run_daemon();
    service.until_log_says("polled Zoom").await;
    zoom.add_meeting("me", meeting("late==", 1).video("gallery_view", MIB));

    service.until_recorded("late==").await;

    running.stop().await.with(0);
    service.has_whole(&zoom, "late==", "gallery_view");
}

#[tokio::test]
async fn t5_polls_never_overlap() {
    let zoom = zoom_with([]).await;
    let service = busy_service(&zoom).set("log.level", "debug");
    let hold = zoom.hold_answer(Matcher::list().from_hit(2));
    let running = service.run_daemon();
    hold.reached().await;
    service.until_log_says("a poll is due while another waits its turn").await;

    assert_eq!(zoom.journal().peak(Endpoint::List), 1);
    assert_eq!(listings(&zoom), 2, "none was asked for while one was held");
    hold.release();
    further_listings(&zoom, 1).await;
    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_download_under_way_holds_up_no_poll_and_what_zoom_deletes_first_goes_next() {
    let zoom = zoom_with([
        meeting("first==", 9).video("gallery_view", MIB),
        meeting("second==", 8).video("gallery_view", MIB),
    ])
    .await;
    let service = busy_service(&zoom).set("download.workers", 1);
    let hold = zoom.hold(Matcher::media(), 1000);
    let running = service.run_daemon();
    hold.reached().await;
    let tomorrow = (now() + TimeDelta::days(1)).date_naive();
    zoom.add_meeting("me", meeting("urgent==", 1).auto_delete(tomorrow).video("gallery_view", MIB));
    service.until("the new meeting is known", |service| service.pending("urgent==").is_object()).await;
    further_listings(&zoom, 2).await;
    hold.release();

    service.until_recorded("second==").await;

    running.stop().await.with(0);
    let journal = zoom.journal();
    let order: Vec<_> = journal.to(Endpoint::Media).filter_map(|entry| entry.meeting.as_deref()).collect();
    assert_eq!(order, ["first==", "urgent==", "second=="]);
}

#[tokio::test]
async fn a_file_that_zoom_is_still_processing_is_fetched_by_the_poll_that_finds_it_ready() {
    let slow = FileSpec::video("active_speaker", MIB).processing();
    let zoom = zoom_with([meeting("a==", 2).video("gallery_view", MIB).file(slow)]).await;
    let file = file_of(&zoom, "a==", "active_speaker");
    let service = busy_service(&zoom);
    let running = service.run_daemon();
    service.until_log_says("Zoom is still at work on the rest").await;
    assert!(!service.has_recorded("a=="));
    zoom.complete(&file).unwrap();

    service.until_recorded("a==").await;

    running.stop().await.with(0);
    service.has_whole(&zoom, "a==", "gallery_view");
    service.has_whole(&zoom, "a==", "active_speaker");
    assert_eq!(zoom.journal().downloads_of(&file_of(&zoom, "a==", "gallery_view")).len(), 1);
}

#[tokio::test]
async fn a_meeting_that_failed_waits_for_its_next_try_and_holds_up_no_other() {
    let zoom = zoom_with([meeting("bad==", 5).video("gallery_view", MIB)]).await;
    let bad = file_of(&zoom, "bad==", "gallery_view");
    let service = busy_service(&zoom).set("download.attempts", 1);
    zoom.inject(Matcher::media().file(&bad).always(), Fault::Cut { after: 1000 });
    let running = service.run_daemon();
    service.until_log_says("the meeting is not archived").await;
    zoom.add_meeting("me", meeting("good==", 1).video("gallery_view", MIB));
    service.until_recorded("good==").await;

    further_listings(&zoom, 2).await;

    running.stop().await.with(0);
    assert_eq!(zoom.journal().downloads_of(&bad).len(), 1);
    assert_eq!(service.pending("bad==")["failed_tries"], 1);
}

#[tokio::test]
async fn a_service_whose_token_is_refused_lives_on_says_so_and_goes_on_by_itself_with_a_new_one() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    let service = busy_service(&zoom);
    zoom.revoke();
    let running = service.run_daemon();
    service.until_state_is("authorization").await;
    service.until_log_says("ERROR cannot list the recordings of me").await;
    further_token_free_polls(&service).await;
    assert_eq!(zoom.journal().token_requests().len(), 1, "Zoom is asked once, not at every poll");
    std::fs::write(service.path(".zoom_refresh_token"), zoom.authorize_again()).unwrap();

    service.until_recorded("a==").await;

    running.stop().await.with(0);
    service.has_whole(&zoom, "a==", "gallery_view");
}

/// Waits until the service has found, a few times, that there is no token to poll with.
async fn further_token_free_polls(service: &Service) {
    let refusals = |service: &Service| service.log().matches("cannot list the recordings of me").count();
    let before = refusals(service);
    service.until("further polls without a token", |service| refusals(service) >= before + 2).await;
}

#[tokio::test]
async fn a_service_without_a_token_lives_and_goes_on_once_there_is_one() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    let service = busy_service(&zoom);
    let token = service.text(".zoom_refresh_token");
    std::fs::remove_file(service.path(".zoom_refresh_token")).unwrap();
    let running = service.run_daemon();
    service.until_state_is("authorization").await;
    std::fs::write(service.path(".zoom_refresh_token"), token).unwrap();

    service.until_recorded("a==").await;

    running.stop().await.with(0);
}

#[tokio::test]
async fn a_poll_that_fails_costs_only_itself() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    let service = busy_service(&zoom);
    zoom.inject(Matcher::list(), Fault::json(400, &serde_json::json!({"code": 300, "message": "no"})));
    let running = service.run_daemon();
    service.until_log_says("tried again at the next poll").await;

    service.until_recorded("a==").await;

    running.stop().await.with(0);
}

#[tokio::test]
async fn a_download_whose_grant_was_taken_back_goes_on_by_itself_with_a_new_token() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 3 * MIB)]).await;
    let service = busy_service(&zoom);
    zoom.inject(Matcher::media(), Fault::Cut { after: 2 * MIB });
    let hold = zoom.hold(Matcher::media(), MIB);
    let running = service.run_daemon();
    hold.reached().await;
    zoom.revoke();
    hold.release();
    service.until_state_is("authorization").await;
    std::fs::write(service.path(".zoom_refresh_token"), zoom.authorize_again()).unwrap();

    service.until_recorded("a==").await;

    running.stop().await.with(0);
    let journal = zoom.journal();
    let ranges: Vec<_> = journal.to(Endpoint::Media).map(|entry| entry.header("range")).collect();
    assert_eq!(ranges, [None, Some("bytes=2097152-")]);
    service.has_whole(&zoom, "a==", "gallery_view");
}

#[tokio::test]
async fn a_meeting_that_zoom_deletes_before_it_is_archived_is_said_to_be_gone_and_forgotten() {
    let slow = FileSpec::video("gallery_view", MIB).processing();
    let zoom = zoom_with([meeting("a==", 2).file(slow)]).await;
    let service = busy_service(&zoom).set("poll.full_scan_every", "1s");
    let running = service.run_daemon();
    service.until("the meeting is waited for", |service| service.pending("a==").is_object()).await;
    zoom.remove_meeting("a==").unwrap();

    service.until_log_says("Zoom lists this meeting no more").await;

    service.until("it is forgotten", |service| service.pending("a==").is_null()).await;
    running.stop().await.with(0);
    assert!(!service.has_recorded("a=="));
}
