//! What Zoom asks to wait for, what storms and sleep do to a service, and that it goes on by itself.

use chrono::TimeDelta;
use zoom_archiver::simulator::{Answer, Endpoint, Fault, Matcher, MeetingSpec, Refusal, Rotation, Simulator, World};

use crate::support::{MIB, Service, file_of, meeting, now, zoom_of, zoom_with};

/// Two meetings, a video of 3 MiB in each.
async fn two_meetings() -> Simulator {
    zoom_with([meeting("a==", 5).video("gallery_view", 3 * MIB), meeting("b==", 6).video("gallery_view", 3 * MIB)])
        .await
}

/// A service that polls every second.
fn busy_service(zoom: &Simulator) -> Service {
    Service::on(zoom).set("poll.schedule", "* * * * * *")
}

/// So many listings from now on.
async fn further_listings(zoom: &Simulator, count: usize) {
    let before = zoom.journal().listings().len();
    zoom.until(|journal| journal.listings().len() >= before + count).await;
}

/// So many meetings within the last days that one page does not hold them.
async fn two_pages() -> Simulator {
    let meetings = (0..320).map(|index| MeetingSpec::new(&format!("{index}=="), now() - TimeDelta::hours(index)));
    zoom_of(meetings.fold(World::new(now()).user("me"), World::meeting)).await
}

fn invalid_token() -> Fault {
    Fault::Answer(Answer::api_error(401, 124, "Invalid access token."))
}

#[tokio::test]
async fn h19_a_page_whose_token_is_refused_is_asked_for_again_with_a_new_one() {
    let zoom = two_pages().await;
    let service = Service::on(&zoom).set("poll.lookback_days", 20);
    zoom.inject(Matcher::list().from_hit(2), invalid_token());

    service.once().await.with(0);

    let journal = zoom.journal();
    let pages: Vec<_> = journal.listings().iter().map(|page| (page.status, page.target.clone())).collect();
    assert_eq!(pages.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [Some(200), Some(401), Some(200)]);
    assert_eq!(pages[1].1, pages[2].1, "it is that page which is asked for again");
    assert_eq!(journal.token_requests().len(), 2);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h19_a_token_that_is_refused_right_after_its_renewal_ends_the_poll_and_is_said() {
    let zoom = two_pages().await;
    let service = Service::on(&zoom).set("poll.lookback_days", 20);
    zoom.inject(Matcher::list().from_hit(2).always(), invalid_token());

    service.once().await.with(3).says("authorize again");

    assert_eq!(zoom.journal().listings().len(), 3);
    assert_eq!(zoom.journal().token_requests().len(), 2);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h20_a_file_that_is_refused_for_good_costs_no_other() {
    let zoom = two_meetings().await;
    let service = Service::on(&zoom);
    let file = file_of(&zoom, "a==", "gallery_view");
    for status in [401, 403] {
        zoom.inject(Matcher::media().file(&file).times(2), Fault::Answer(Answer::new(status)));
        let before = zoom.journal().downloads_of(&file).len();

        service.once().await.with(1).says(&format!("Zoom refuses the download address with {status}"));

        assert_eq!(zoom.journal().downloads_of(&file).len(), before + 2, "the second after a fresh listing");
    }
    service.has_whole(&zoom, "b==", "gallery_view");
    assert_eq!(zoom.journal().token_requests().len(), 1, "the token was never in question");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h20_a_refusal_on_the_way_to_the_rest_of_a_file_is_answered_with_a_fresh_listing_and_the_rest() {
    for status in [401, 403] {
        let zoom = two_meetings().await;
        let service = Service::on(&zoom);
        let file = file_of(&zoom, "a==", "gallery_view");
        zoom.inject(Matcher::media().file(&file), Fault::Cut { after: 2 * MIB });
        zoom.inject(Matcher::download_entry().file(&file).from_hit(2), Fault::Answer(Answer::new(status)));

        service.once().await.with(0);

        assert_eq!(zoom.journal().ranges_of(&file), [None, Some("bytes=2097152-")], "{status}");
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn h21_a_wait_that_zoom_asked_for_ends_with_the_service() {
    for matcher in [Matcher::list(), Matcher::media()] {
        let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
        let service = Service::on(&zoom);
        zoom.inject(matcher, Fault::Answer(Answer::new(429).header("retry-after", "50")));
        let running = service.start(&["once"]);
        service.until("it waits", |service| service.log().contains("wait=")).await;
        let before = zoom.journal().entries().count();

        running.stop().await.with(1);

        assert_eq!(zoom.journal().entries().count(), before, "it did not wait for the end of that");
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn h21_a_time_to_wait_that_is_longer_than_a_day_ends_with_the_day() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom);
    let endless = Answer::new(429).header("retry-after", "1000000000000");
    zoom.inject(Matcher::list(), Fault::Answer(endless));

    service.once().await.with(0);

    let until: chrono::DateTime<chrono::Utc> = service.state()["zoom_wait_until"].as_str().unwrap().parse().unwrap();
    assert!(until - now() <= TimeDelta::hours(25), "{until}");
    service.lets_the_waits_pass();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h22_a_daily_limit_is_said_once_and_nothing_is_asked_until_it_ends_not_even_after_a_restart() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    zoom.inject(Matcher::list().always(), Fault::Answer(Answer::daily_limit(now() + TimeDelta::minutes(50))));
    let service = busy_service(&zoom).set("log.level", "debug");
    let running = service.run_daemon();
    let polls_left_out = |count: usize| move |service: &Service| service.log().matches("is left out").count() >= count;
    service.until("two polls are left out", polls_left_out(2)).await;
    assert_eq!(service.log().matches("rate limit is reached").count(), 1, "{}", service.log());
    assert_eq!(service.log().matches("Zoom asked not to be asked before").count(), 0);
    running.stop().await.with(0);

    let running = service.run_daemon();
    service.until("two more polls are left out", polls_left_out(4)).await;
    running.stop().await.with(0);

    assert_eq!(service.log().matches("Zoom asked not to be asked before").count(), 1, "{}", service.log());
    assert_eq!(zoom.journal().listings().len(), 1);
    service.lets_the_waits_pass();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h23_what_a_storm_kept_away_is_fetched_once_it_is_over() {
    let zoom = two_meetings().await;
    let service = busy_service(&zoom);
    for (endpoint, status) in [(Endpoint::List, 503), (Endpoint::DownloadEntry, 502), (Endpoint::Media, 500)] {
        zoom.inject(Matcher::to(endpoint).times(2), Fault::Answer(Answer::html(status, "Busy")));
    }
    let running = service.run_daemon();

    service.until_recorded("a==").await;
    service.until_recorded("b==").await;

    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h23_a_storm_at_the_token_endpoint_is_met_with_a_few_tries_and_costs_no_token() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom);
    zoom.inject(Matcher::token().always(), Fault::Answer(Answer::html(502, "Busy")));

    service.once().await.with(1).says("no access to Zoom");

    assert_eq!(zoom.journal().token_requests().len(), 3);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h26_connections_closed_between_two_polls_cost_no_try_and_no_word() {
    let zoom = two_meetings().await;
    let service = busy_service(&zoom);
    let running = service.run_daemon();
    service.until_recorded("a==").await;
    service.until_recorded("b==").await;
    for _ in 0..2 {
        zoom.close_idle_connections();
        further_listings(&zoom, 2).await;
    }
    zoom.add_meeting("me", meeting("new==", 2).video("gallery_view", MIB));

    service.until_recorded("new==").await;

    running.stop().await.with(0);
    for words in ["asked again", "asking again", "broke off", "ERROR"] {
        assert!(!service.log().contains(words), "{words}:\n{}", service.log());
    }
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h26_a_renewal_that_is_lost_on_a_used_connection_is_repeated_by_nobody_but_the_service_itself() {
    let zoom = two_meetings().await;
    zoom.rules(|rules| rules.rotation = Rotation::Forgiving);
    let service = busy_service(&zoom);
    let running = service.run_daemon();
    service.until_recorded("a==").await;
    service.until_recorded("b==").await;
    zoom.inject(Matcher::token(), Fault::LoseAnswer);

    zoom.expire_access_token();

    service.until_log_says("Zoom gave no access token, asking again").await;
    zoom.until(|journal| journal.token_requests().len() >= 3).await;
    further_listings(&zoom, 2).await;
    running.stop().await.with(0);
    let retries = service.log().matches("Zoom gave no access token, asking again").count();
    assert_eq!((zoom.journal().token_requests().len(), retries), (3, 1), "the first, the lost one and its repetition");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h28_a_service_that_slept_for_hours_finds_its_connections_dead_and_its_token_ended_and_goes_on() {
    let zoom = two_meetings().await;
    zoom.rules(|rules| rules.refusal = Refusal::Json);
    let file = file_of(&zoom, "a==", "gallery_view");
    let service = busy_service(&zoom).set("download.stall_timeout", "300ms");
    zoom.inject(Matcher::media().file(&file), Fault::Cut { after: 2 * MIB });
    let holds =
        ["a==", "b=="].map(|uuid| zoom.hold(Matcher::media().file(&file_of(&zoom, uuid, "gallery_view")), 2 * MIB));
    let running = service.run_daemon();
    for hold in &holds {
        hold.reached().await;
    }
    running.signal("STOP");
    zoom.advance(TimeDelta::hours(9));
    zoom.close_idle_connections();
    holds[0].release();
    zoom.until(|journal| journal.downloads_of(&file)[0].outcome == zoom_archiver::simulator::Outcome::Broken).await;
    let listed = zoom.journal().listings().len();

    running.signal("CONT");

    service.until_recorded("a==").await;
    service.until_recorded("b==").await;
    zoom.until(|journal| journal.listings().len() > listed).await;
    running.stop().await.with(0);
    drop(holds);
    assert_eq!(zoom.journal().peak(Endpoint::List), 1);
    for uuid in ["a==", "b=="] {
        service.has_whole(&zoom, uuid, "gallery_view");
    }
    service.keeps_its_promises(&zoom).await;
}
