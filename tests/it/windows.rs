//! Which days are asked for, and that no answer of Zoom's, however narrow or odd, hides a meeting.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use zoom_archiver::simulator::{Keep, Matcher, MeetingSpec, Paging, Rules, Simulator, WideRange, World};

use crate::support::{Service, asked, meeting, now, zoom_of, zoom_with};

/// So many meetings, each so long before the next, without any files yet; the last is of this minute.
fn meetings(count: i32, apart: TimeDelta) -> World {
    let meeting = |index: i32| MeetingSpec::new(&format!("{index}=="), now() - apart * index);
    (0..count).map(meeting).fold(World::new(now()).user("me"), World::meeting)
}

/// A Zoom with a meeting on each of 60 days, which behaves like this.
async fn two_months(change: impl FnOnce(&mut Rules)) -> Simulator {
    zoom_of(meetings(60, TimeDelta::days(1)).rules(change)).await
}

async fn found_by(service: &Service) -> usize {
    service.listed().await.len()
}

#[tokio::test]
async fn every_listing_names_its_days_and_asks_for_no_more_than_a_month() {
    let zoom = two_months(|rules| rules.wide_range = WideRange::Error { days: 30 }).await;

    let found = found_by(&Service::on(&zoom)).await;

    assert_eq!(found, 60);
    for listing in zoom.journal().listings() {
        assert!(listing.parameter("from").is_some() && listing.parameter("to").is_some(), "{}", listing.target);
        assert_eq!(listing.status, Some(200), "{}", listing.target);
    }
}

#[tokio::test]
async fn a12_the_days_that_zoom_cuts_off_the_beginning_of_a_window_are_asked_for_again() {
    let zoom = two_months(|rules| rules.wide_range = WideRange::Clamp { days: 10, keep: Keep::Newest }).await;
    let service = Service::on(&zoom);

    assert_eq!(found_by(&service).await, 60);

    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a12_the_days_that_zoom_cuts_off_the_end_of_a_window_are_asked_for_again() {
    let zoom = two_months(|rules| rules.wide_range = WideRange::Clamp { days: 10, keep: Keep::Oldest }).await;
    let service = Service::on(&zoom);

    assert_eq!(found_by(&service).await, 60);

    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_scan_of_which_zoom_answers_only_single_days_is_called_incomplete_and_finds_what_there_is() {
    let zoom = two_months(|rules| rules.wide_range = WideRange::Clamp { days: 0, keep: Keep::Newest }).await;
    let service = Service::on(&zoom).set("poll.lookback_days", 70);

    service.once().await.with(1).says("the scan of these days is incomplete");

    assert_eq!(service.state()["full_scans"]["me"]["complete"], false);
    let listed = service.run(&["list", "--json"]).await.with(1).says("the scan of these days is incomplete");
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed["meetings"].as_array().unwrap().len(), 60);
}

#[tokio::test]
async fn a_complete_scan_is_remembered_as_such() {
    let zoom = two_months(|rules| rules.wide_range = WideRange::Clamp { days: 10, keep: Keep::Oldest }).await;
    let service = Service::on(&zoom);

    let ended = service.once().await.with(0);

    assert_eq!(service.state()["full_scans"]["me"]["complete"], true, "{}", ended.stderr);
}

#[tokio::test]
async fn a12_no_day_is_lost_where_the_last_day_of_a_window_is_not_included() {
    let zoom = two_months(|rules| rules.to_is_inclusive = false).await;
    let service = Service::on(&zoom);

    assert_eq!(found_by(&service).await, 60);

    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn an_answer_that_ends_today_instead_of_tomorrow_is_complete() {
    let zoom = two_months(|rules| rules.echoes_future_to_as_today = true).await;
    let plain = two_months(|_| ()).await;
    let service = Service::on(&zoom);

    service.once().await.with(0);
    Service::on(&plain).once().await.with(0);

    assert_eq!(service.state()["full_scans"]["me"]["complete"], true);
    assert_eq!(asked(&zoom), asked(&plain));
}

#[tokio::test]
async fn a_window_of_more_meetings_than_fit_on_a_page_is_read_to_its_last_page() {
    let zoom = zoom_of(meetings(320, TimeDelta::hours(1))).await;

    let found = found_by(&Service::on(&zoom)).await;

    assert_eq!(found, 320);
    let journal = zoom.journal();
    assert_eq!(journal.listings().iter().filter(|listing| listing.parameter("next_page_token").is_some()).count(), 1);
}

#[tokio::test]
async fn a7_a_window_whose_page_token_ended_meanwhile_is_begun_anew() {
    let zoom = zoom_of(meetings(320, TimeDelta::hours(1))).await;
    let service = Service::on(&zoom);
    let first_page = zoom.hold_answer(Matcher::list());
    let listing = service.start(&["list", "--json"]);
    first_page.reached().await;
    zoom.advance(TimeDelta::minutes(16));

    first_page.release();
    let ended = listing.ended().await.with(0);

    let statuses: Vec<_> = zoom.journal().listings().iter().take(4).map(|listing| listing.status).collect();
    assert_eq!(statuses, [Some(200), Some(400), Some(200), Some(200)]);
    let uuids: BTreeSet<_> = ended.stdout.lines().filter(|line| line.contains("\"uuid\"")).collect();
    assert_eq!(uuids.len(), 320);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a7_a_walk_through_pages_that_never_ends_is_given_up_and_said() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 4096)]).await;
    zoom.rules(|rules| rules.paging = Paging::Endless);
    let service = Service::on(&zoom).set("poll.lookback_days", 20);

    service.once().await.with(1).says("the scan of these days is incomplete: Zoom sends the same page again");

    assert_eq!(service.recorded_uuids(), ["a=="], "what was listed is archived all the same");
    assert_eq!(zoom.journal().listings().len(), 2);
    zoom.rules(|rules| rules.paging = Paging::Honest);
    service.keeps_its_promises(&zoom).await;
}
