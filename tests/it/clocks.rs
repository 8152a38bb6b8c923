//! Clocks that jump, are not set yet, or change their zone.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use zoom_archiver::simulator::{FileSpec, MeetingSpec, Simulator};

use crate::support::{Clock, MIB, Service, asked, folder, meeting, meeting_at, minute, zoom_with};

async fn zoom_with_a_video() -> Simulator {
    zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await
}

/// A service that polls every second.
fn busy_service(zoom: &Simulator) -> Service {
    Service::on(zoom).set("poll.schedule", "* * * * * *")
}

async fn further_listings(zoom: &Simulator, count: usize) {
    let before = zoom.journal().listings().len();
    zoom.until(|journal| journal.listings().len() >= before + count).await;
}

#[tokio::test]
async fn t1_runs_by_clocks_that_are_a_year_apart_lose_nothing_and_fetch_nothing_twice() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let Some(clock) = Clock::of(&service) else { return };
    let year = TimeDelta::days(365);
    for (n, ahead) in [year, TimeDelta::zero(), -year, -TimeDelta::seconds(1), year * 3].into_iter().enumerate() {
        clock.is_ahead(ahead);
        clock.once().await.with(0);
        zoom.add_meeting("me", meeting(&format!("{n}=="), 4).video("gallery_view", 4096));
    }

    clock.is_ahead(TimeDelta::zero());
    clock.once().await.with(0);

    assert_eq!(service.rows().len(), 6);
    assert_eq!(asked(&zoom)[2], 6);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn t1_a_service_polls_on_when_its_clock_jumps() {
    let zoom = zoom_with([]).await;
    let service = busy_service(&zoom);
    let Some(clock) = Clock::of(&service) else { return };
    clock.is_ahead(-TimeDelta::days(365));
    let running = clock.start(&["run"]);
    further_listings(&zoom, 2).await;
    clock.is_ahead(TimeDelta::zero());
    further_listings(&zoom, 2).await;
    clock.is_ahead(TimeDelta::seconds(-2));
    zoom.add_meeting("me", meeting("b==", 4).video("gallery_view", MIB));
    service.until_recorded("b==").await;
    clock.is_ahead(TimeDelta::days(365));
    further_listings(&zoom, 2).await;

    running.stop().await.with(0);

    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn t1_a_meeting_first_seen_by_a_clock_that_was_ahead_waits_no_longer_than_others() {
    let slow = FileSpec::video("active_speaker", MIB).processing();
    let zoom = zoom_with([meeting("a==", 24 * 10).video("gallery_view", MIB).file(slow)]).await;
    let service = Service::on(&zoom);
    let Some(clock) = Clock::of(&service) else { return };
    clock.is_ahead(TimeDelta::days(300));
    clock.once().await.with(0);
    assert!(!service.has_recorded("a=="));
    for days in [0, 1] {
        clock.is_ahead(TimeDelta::days(days) + TimeDelta::minutes(1));
        clock.once().await.with(0);
    }

    assert!(service.has_recorded("a=="), "a day after it was first seen by a clock that went right");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn t2_by_a_clock_that_is_not_set_nothing_is_asked_for_and_that_is_said() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom);
    let Some(clock) = Clock::of(&service) else { return };
    clock.shows("1970-01-01T00:01:00Z");

    for command in ["once", "list"] {
        clock.start(&[command]).ended().await.with(1).says("the clock of this machine shows 1970-01-01");
    }

    assert_eq!(asked(&zoom), [0; 3]);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn t2_a_service_that_starts_before_its_clock_is_set_polls_once_it_is() {
    let zoom = zoom_with_a_video().await;
    let service = busy_service(&zoom);
    let Some(clock) = Clock::of(&service) else { return };
    clock.shows("1970-01-01T00:01:00Z");
    let running = clock.start(&["run"]);
    service.until_log_says("the clock of this machine shows 1970-01-01").await;
    assert_eq!(asked(&zoom), [0; 3]);
    clock.is_ahead(TimeDelta::zero());

    service.until_recorded("a==").await;

    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn t3_the_zone_of_the_machine_changes_no_name_and_no_day() {
    let zoom = zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 4096)]).await;
    for zone in ["America/New_York", "Pacific/Kiritimati", "nonsense"] {
        let service = Service::on(&zoom);
        service.write_token(&zoom.authorize_again());

        service.start_after(&format!("export TZ={zone}"), &["once"]).ended().await.with(0);

        assert_eq!(service.row("a==")["directory"], folder(minute(5)), "{zone}");
        service.keeps_its_promises(&zoom).await;
    }
}

/// The latest time in Berlin that a clock there showed an hour earlier too.
fn shown_twice() -> DateTime<Utc> {
    let local = |time: DateTime<Utc>| time.with_timezone(&chrono_tz::Europe::Berlin).naive_local();
    let mut time = minute(24);
    time -= TimeDelta::minutes(time.timestamp() / 60 % 60);
    while local(time) != local(time - TimeDelta::hours(1)) {
        time -= TimeDelta::hours(1);
    }
    time
}

#[tokio::test]
async fn t3_two_meetings_in_the_hour_that_a_clock_shows_twice_have_a_folder_each() {
    let twice = shown_twice();
    let meetings = [("first==", twice - TimeDelta::hours(1)), ("second==", twice)];
    let zoom = zoom_with(meetings.map(|(uuid, start)| MeetingSpec::new(uuid, start).video("gallery_view", 4096))).await;
    let service = Service::on(&zoom).set("archive.timezone", "Europe/Berlin");

    service.once().await.with(0);

    let first = service.row("first==")["directory"].clone();
    assert_eq!(service.row("second==")["directory"], format!("{first}_2"));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn t4_times_at_the_end_of_all_calendars_upset_nothing() {
    let times = ["9999-12-31T23:59:60Z", "2038-01-19T03:14:08Z", "+262142-12-31T23:59:59Z", "1969-12-31T23:59:59Z"];
    for time in times {
        let zoom = zoom_with_a_video().await;
        let service = Service::on(&zoom);
        service.run(&["list"]).await.with(0);
        let mut access: Value = serde_json::from_str(&service.text(".zoom_access_token")).unwrap();
        (access["obtained_at"], access["expires_at"]) = (json!(time), json!(time));
        std::fs::write(service.path(".zoom_access_token"), access.to_string()).unwrap();
        let pending = json!({
            "user": "me", "uuid": "a==", "start": time, "first_seen": time, "why": "failed", "failed_tries": 3,
            "next_try": time,
        });
        let state = json!({
            "pending": [pending], "zoom_wait_until": time, "full_scans": { "me": { "at": time, "complete": true } },
        });
        std::fs::write(service.path("state.json"), state.to_string()).unwrap();

        let running = service.run_daemon();
        service.until_recorded("a==").await;
        running.stop().await.with(0);

        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn t4_a_meeting_at_the_end_of_all_calendars_upsets_nothing() {
    let odd = [
        "9999-12-31T23:59:60Z",
        "2038-01-19T03:14:08Z",
        "+262142-12-31T23:59:59Z",
        "-262143-01-01T00:00:00Z",
        "2016-12-31T23:59:60Z",
    ];
    let record = |(n, time): (usize, &&str)| {
        let mut file = FileSpec::video("gallery_view", 4096);
        file = file.set("recording_start", json!(time)).set("recording_end", json!(time));
        meeting(&format!("odd{n}=="), 6).file(file).set("start_time", json!(time))
    };
    let zoom =
        zoom_with(odd.iter().enumerate().map(record).chain([meeting("a==", 5).video("gallery_view", MIB)])).await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    service.has_whole(&zoom, "a==", "gallery_view");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn t6_a_log_is_never_overwritten_and_no_more_than_asked_for_are_kept_wherever_the_clock_jumps() {
    let zoom = zoom_with_a_video().await;
    let service = Service::on(&zoom).set("log.keep", 3);
    let Some(clock) = Clock::of(&service) else { return };
    for day in [0, 1, 0, 1] {
        clock.is_ahead(TimeDelta::days(day));
        clock.once().await.with(0);
        assert!(service.log().contains(" starts: "), "the newest log is today's");
    }
    let logs = |service: &Service| -> Vec<String> {
        let files = service.files().into_iter();
        files.filter(|name| name.starts_with("logs/") && name.contains(".20")).collect()
    };
    for log in logs(&service) {
        assert_eq!(service.text(&log).matches(" starts: ").count(), 2, "{log}");
    }

    for day in [-200, 400, 2, 3, 4, 5] {
        clock.is_ahead(TimeDelta::days(day));
        clock.once().await.with(0);
    }

    assert_eq!(logs(&service).len(), 4, "three, and the one in use: {:?}", logs(&service));
    clock.is_ahead(TimeDelta::zero());
    service.keeps_its_promises(&zoom).await;
}
