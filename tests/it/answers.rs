//! Listings as they should never be: torn, strange, in circles. What they cost, and that nothing is lost or doubled by them.

use std::collections::BTreeSet;

use chrono::{Days, NaiveTime, TimeDelta};
use futures::future::join_all;
use serde_json::{Value, json};
use zoom_archiver::simulator::{
    Answer, DownloadRoute, Fault, FileSpec, Keep, Matcher, MeetingSpec, Simulator, WideRange, World,
};

use crate::support::{Service, fetched, folder, meeting, meeting_at, minute, now, zoom_of, zoom_with};

fn one_video(uuid: &str) -> MeetingSpec {
    meeting(uuid, 5).video("gallery_view", 4096)
}

fn listed_as(body: impl Into<Vec<u8>>) -> Fault {
    Fault::Answer(Answer::new(200).header("content-type", "application/json").body(body.into()))
}

/// A listing that never was, nested so deep.
fn nested(depth: usize) -> String {
    format!("{{\"meetings\": {}{}}}", "[".repeat(depth), "]".repeat(depth))
}

#[tokio::test]
async fn a1_a_listing_that_is_no_json_is_asked_for_again_and_costs_nothing_more() {
    let bodies = [
        String::new(),
        r#"{"meetings": [{"uuid": "#.to_owned(),
        r#"{"meetings": [NaN]"#.to_owned(),
        r#"{"meetings": [{}], "page_size": NaN}"#.to_owned(),
        "<!DOCTYPE html><html><body>Sign in</body></html>".to_owned(),
        "\u{feff}".to_owned(),
        nested(10_000).replacen(']', "", 1),
    ];
    // At the same time, for each is asked for again after a pause.
    join_all(bodies.map(async |body| {
        let zoom = zoom_with([one_video("a==")]).await;
        zoom.inject(Matcher::list(), listed_as(body.clone()));
        let service = Service::on(&zoom).set("poll.lookback_days", 7);

        let ended = service.once().await.with(0).says("Zoom's API failed and is asked again");

        assert_eq!(service.recorded_uuids(), ["a=="], "after {body:.40}: {}", ended.stderr);
        assert_eq!(zoom.journal().listings().len(), 2, "{body:.40}");
        service.keeps_its_promises(&zoom).await;
    }))
    .await;
}

#[tokio::test]
async fn a1_json_that_is_no_listing_fails_that_poll_and_the_next_one_makes_up_for_it() {
    let zoom = zoom_with([one_video("a==")]).await;
    let service = Service::on(&zoom).set("poll.lookback_days", 7);
    let bodies = ["null", "[]", "7", "\"meetings\"", "{}", "{\"meetings\": null}", "{\"meetings\": {\"uuid\": \"x\"}}"];
    let bodies =
        bodies.map(str::to_owned).into_iter().chain([format!("{{\"x\": {}}}", "[".repeat(100) + &"]".repeat(100))]);
    for body in bodies {
        zoom.inject(Matcher::list(), listed_as(body.clone()));

        service.once().await.with(1).says("the answer has no list of meetings");

        assert!(!service.path("processed.csv").exists(), "{body}");
    }
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a1_a_service_lives_through_a_listing_that_is_no_listing() {
    let zoom = zoom_with([one_video("a==")]).await;
    let service = Service::on(&zoom).set("poll.schedule", "* * * * * *").set("poll.lookback_days", 7);
    zoom.inject(Matcher::list().times(2), listed_as("{}"));
    let running = service.run_daemon();

    service.until_recorded("a==").await;

    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a1_a_listing_nested_beyond_all_measure_costs_at_most_that_poll() {
    let zoom = zoom_with([one_video("a==")]).await;
    let service = Service::on(&zoom).set("poll.lookback_days", 7);
    let deep = |field: &str| format!("{{{field}: {}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [deep("\"meetings\""), deep("\"meetings\": [], \"x\""), nested(10_000)] {
        zoom.inject(Matcher::list(), listed_as(body));
        let ended = service.once().await;
        assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
    }
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a1_a_byte_order_mark_and_keys_that_come_twice_are_read_over() {
    let zoom = zoom_with([one_video("a==")]).await;
    let service = Service::on(&zoom).set("poll.lookback_days", 7);
    let twice =
        r#"{"meetings": [{"uuid": "not-this=="}], "next_page_token": "x", "meetings": [], "next_page_token": ""}"#;
    for body in [format!("\u{feff}{twice}"), r#"{"meetings": [{"uuid": "b==", "topic": "1", "topic": 2}]}"#.to_owned()]
    {
        zoom.inject(Matcher::list(), listed_as(body));
        service.once().await.with(0);
    }
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a1_a_listing_whose_text_was_cut_within_a_character_hides_no_meeting() {
    let zoom = zoom_with([one_video("a==").topic("CUT-HERE"), one_video("b==")]).await;
    let service = Service::on(&zoom).set("poll.lookback_days", 7);
    // The real listing, with half an emoji where the mark is: a simulator can't say that of its own.
    let listed = captured_listing(&zoom, &service).await.replace("CUT-HERE", "Party \\ud83d");
    zoom.inject(Matcher::list(), listed_as(listed));

    service.once().await.with(0);

    assert_eq!(service.row("a==")["topic"], "Party \u{fffd}");
    service.keeps_its_promises(&zoom).await;
}

/// What this Zoom answers to a listing of the last week.
async fn captured_listing(zoom: &Simulator, service: &Service) -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    zoom.inject(
        Matcher::list(),
        Fault::edit(move |listing| sender.send(listing.to_string()).expect("somebody waits for it")),
    );
    service.listed().await;
    receiver.recv().expect("it was listed")
}

#[tokio::test]
async fn a2_fields_that_are_missing_null_or_of_another_type_cost_no_meeting() {
    let values = [
        None,
        Some(Value::Null),
        Some(json!("x")),
        Some(json!(-1)),
        Some(json!(1.5)),
        Some(json!([])),
        Some(json!({})),
    ];
    let fields = [
        "id",
        "account_id",
        "host_id",
        "host_email",
        "topic",
        "type",
        "start_time",
        "timezone",
        "duration",
        "total_size",
        "recording_count",
        "share_url",
        "auto_delete",
        "auto_delete_date",
    ];
    let of_files =
        ["meeting_id", "recording_start", "recording_end", "file_extension", "file_size", "play_url", "recording_type"];
    let mut meetings = Vec::new();
    for (n, value) in values.into_iter().enumerate() {
        let set = |meeting: MeetingSpec, field: &str| match &value {
            Some(value) => meeting.set(field, value.clone()),
            None => meeting.without(field),
        };
        let one = |uuid: String| MeetingSpec::new(&uuid, now() - TimeDelta::hours(5));
        for field in fields {
            meetings.push(set(one(format!("{field}{n}==")), field).video("gallery_view", 4096));
        }
        for field in of_files {
            let file = FileSpec::video("gallery_view", 4096);
            let file = match &value {
                Some(value) => file.set(field, value.clone()),
                None => file.without(field),
            };
            meetings.push(one(format!("file-{field}{n}==")).file(file));
        }
    }
    let count = meetings.len();
    let zoom = zoom_with(meetings).await;
    zoom.rules(|rules| rules.download = DownloadRoute::Direct);
    let service = Service::on(&zoom).set("poll.lookback_days", 7);

    service.once().await.with(0);

    assert_eq!(service.rows().len(), count);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a2_numbers_that_come_as_texts_are_numbers() {
    let file = FileSpec::video("gallery_view", 4096).set("file_size", json!("4096"));
    let zoom =
        zoom_with([meeting("a==", 5).set("id", json!("87542522271")).set("duration", json!("7")).file(file)]).await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    let row = service.row("a==");
    assert_eq!((row["meeting_id"].as_str(), row["duration_min"].as_str()), ("87542522271", "7"));
    assert!(!service.log().contains("WARN"), "{}", service.log());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a2_a_video_of_an_unknown_kind_is_fetched_and_named_by_its_kind_and_fields_to_come_change_nothing() {
    let kinds = [json!("hologram_view(3D)"), json!(null), json!(7), json!("全景")];
    let files = kinds.into_iter().map(|kind| FileSpec::video("gallery_view", 4096).set("recording_type", kind));
    let one = meeting_at("a==", 5, 0).set("hologram", json!({"depth": [1, {"x": null}]}));
    let zoom = zoom_with([files.fold(one, MeetingSpec::file)]).await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    let mut names: Vec<_> =
        service.media().iter().filter_map(|name| name.rsplit('/').next()).map(str::to_owned).collect();
    names.sort();
    assert_eq!(names, ["hologram_view_3d.mp4", "video.mp4", "video_2.mp4", "video_3.mp4"]);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a2_a_file_of_a_type_that_nobody_knows_is_left_out_with_one_line_however_often_it_is_listed() {
    let strange = || FileSpec::video("gallery_view", 4096).set("file_type", json!("SCENT"));
    let with_a_strange_one = |uuid: &str| meeting(uuid, 5).video("active_speaker", 4096).file(strange());
    let zoom = zoom_with([with_a_strange_one("a=="), with_a_strange_one("b==")]).await;
    let service = Service::on(&zoom).set("poll.schedule", "* * * * * *");
    let running = service.run_daemon();
    zoom.until(|journal| journal.listings().len() > 16).await;
    service.until("both are recorded", |service| service.has_recorded("a==") && service.has_recorded("b==")).await;

    running.stop().await.with(0);

    assert_eq!(service.log().matches("a type of file that is not known here").count(), 1, "{}", service.log());
    assert!(service.media().iter().all(|name| name.ends_with("active_speaker.mp4")), "{:?}", service.media());
    let service = service.set("select.files", vec!["video", "other"]);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a2_a4_a_status_that_nobody_knows_means_that_zoom_is_not_done() {
    let file = FileSpec::video("active_speaker", 8192).set("status", json!("marinating"));
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 4096).file(file)]).await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    assert!(!service.path("processed.csv").exists());
    assert_eq!(service.pending("a==")["why"], "processing");
    let id = zoom.file("a==", "active_speaker").unwrap();
    zoom.change_file(&id, |file| file.set("status", json!("completed"))).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a4_a_file_that_grows_from_poll_to_poll_is_waited_for_and_fetched_when_zoom_calls_it_completed() {
    let growing = |size: u64| {
        move |file: FileSpec| file.new_content(8192).set("status", json!("processing")).set("file_size", json!(size))
    };
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 8192)]).await;
    let id = zoom.file("a==", "gallery_view").unwrap();
    let service = Service::on(&zoom);
    for size in [0, 1024, 4096] {
        zoom.change_file(&id, growing(size)).unwrap();
        service.once().await.with(0);
        assert!(service.media().is_empty() && !service.path("processed.csv").exists());
    }
    zoom.change_file(&id, |file| file.set("status", json!("completed")).listed_size(8192)).unwrap();

    service.keeps_its_promises(&zoom).await;
    assert_eq!(fetched(&zoom)[&id], 1);
}

#[tokio::test]
async fn a4_a_size_of_nothing_is_not_ready_whatever_its_status() {
    let zoom = zoom_with([meeting("a==", 5).file(FileSpec::video("gallery_view", 4096).listed_size(0))]).await;
    let id = zoom.file("a==", "gallery_view").unwrap();
    let service = Service::on(&zoom);

    service.once().await.with(0);

    assert!(fetched(&zoom).is_empty());
    zoom.change_file(&id, |file| file.listed_size(4096)).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a7_pages_that_lead_round_in_a_circle_are_read_once() {
    let zoom = zoom_with([one_video("a=="), one_video("b==")]).await;
    let service = Service::on(&zoom).set("poll.lookback_days", 7);
    let page = |next: &str| Fault::json(200, &json!({"meetings": [], "next_page_token": next}));
    zoom.inject(Matcher::list(), Fault::edit(|listing| listing["next_page_token"] = json!("A")));
    zoom.inject(Matcher::list().from_hit(2), page("B"));
    zoom.inject(Matcher::list().from_hit(3), page("A"));

    service.once().await.with(1).says("the scan of these days is incomplete: Zoom sends the same page again");

    assert_eq!(zoom.journal().listings().len(), 3);
    assert_eq!(service.rows().len(), 2, "what was listed is archived all the same");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a7_pages_without_end_are_given_up_after_a_thousand() {
    let zoom = zoom_with([one_video("a==")]).await;
    let service = Service::on(&zoom).set("poll.lookback_days", 7);
    zoom.inject(Matcher::list(), Fault::edit(|listing| listing["next_page_token"] = json!("page-1")));
    for page in 2..=1001 {
        let next = json!({"meetings": [], "next_page_token": format!("page-{page}")});
        zoom.inject(Matcher::list().from_hit(page), Fault::json(200, &next));
    }

    service.once().await.with(1).says("the scan of these days is incomplete: it has too many pages");

    assert_eq!(zoom.journal().listings().len(), 1000);
    assert_eq!(service.recorded_uuids(), ["a=="]);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a7_page_tokens_that_are_always_too_old_cost_a_few_requests_and_what_was_listed_is_archived() {
    let meetings = (0..301).map(|n| MeetingSpec::new(&format!("{n}=="), now() - TimeDelta::minutes(n)));
    let meetings = meetings.map(|meeting| meeting.set("recording_files", json!([])));
    let zoom = zoom_with(meetings.chain([one_video("a==")])).await;
    zoom.rules(|rules| rules.page_token_lifetime = TimeDelta::zero());
    let service = Service::on(&zoom).set("poll.lookback_days", 7);

    service.once().await.with(1).says("the scan of these days is incomplete: Zoom refuses with 400");

    assert_eq!(zoom.journal().listings().len(), 6, "the window was begun twice anew");
    assert_eq!(service.state()["full_scans"]["me"]["complete"], false);
    zoom.rules(|rules| rules.page_token_lifetime = TimeDelta::minutes(15));
    service.keeps_its_promises(&zoom).await;
    assert_eq!(service.recorded_uuids(), ["a=="]);
}

#[tokio::test]
async fn a8_a_meeting_that_two_windows_list_or_two_pages_or_one_page_twice_is_one_meeting() {
    // A full scan ends tomorrow, and its windows have 28 days of which the last is the next one's first.
    let shared_day = (now().date_naive() - Days::new(26)).and_time(NaiveTime::MIN).and_utc() + TimeDelta::hours(1);
    let both = MeetingSpec::new("both==", shared_day).video("gallery_view", 4096);
    let zoom = zoom_with([both, one_video("a==")]).await;
    let repeat = |listing: &mut Value| {
        let records = listing["meetings"].as_array_mut().expect("a listing");
        records.extend(records.clone());
    };
    zoom.inject(Matcher::list().times(3), Fault::edit(repeat));
    let service = Service::on(&zoom).set("poll.lookback_days", 60);

    service.once().await.with(0);

    let mut uuids = service.recorded_uuids();
    uuids.sort();
    assert_eq!(uuids, ["a==", "both=="]);
    assert!(fetched(&zoom).values().all(|times| *times == 1), "{:?}", fetched(&zoom));
    let day = shared_day.date_naive().to_string();
    let journal = zoom.journal();
    let covering = journal.listings().into_iter().filter(|listing| {
        listing.parameter("from").is_some_and(|from| from <= day.as_str())
            && listing.parameter("to").is_some_and(|to| to >= day.as_str())
    });
    assert_eq!(covering.count(), 2, "both windows have that day");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a8_files_that_only_one_of_two_listings_of_a_meeting_shows_are_all_fetched() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 4096).video("active_speaker", 8192)]).await;
    let divide = |listing: &mut Value| {
        let records = listing["meetings"].as_array_mut().expect("a listing");
        let mut other = records[0].clone();
        records[0]["recording_files"].as_array_mut().expect("files").truncate(1);
        other["recording_files"].as_array_mut().expect("files").remove(0);
        records.push(other);
    };
    zoom.inject(Matcher::list(), Fault::edit(divide));
    let service = Service::on(&zoom);

    service.once().await.with(0);

    assert_eq!((service.rows().len(), service.row("a==")["files"].as_str()), (1, "2"));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a9_sessions_of_a_recurring_meeting_in_the_same_minute_keep_apart_in_any_layout() {
    let session = |uuid: &str, second| {
        meeting_at(uuid, 5, second).number(87_542_522_271).topic("Standup").video("gallery_view", 4096)
    };
    for (layout, plain) in
        [("{topic}/{meeting_id}", "Standup/87542522271".to_owned()), ("{date}/{time}", folder(minute(5)))]
    {
        let zoom = zoom_with([session("c==", 9), session("a==", 3), session("b==", 3)]).await;
        let service = Service::on(&zoom).set("archive.layout", layout);

        service.once().await.with(0);

        for (uuid, suffix) in [("a==", ""), ("b==", "_2"), ("c==", "_3")] {
            assert_eq!(service.row(uuid)["directory"], format!("{plain}{suffix}"));
            service.has_whole(&zoom, uuid, "gallery_view");
        }
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn a11_s3_what_differs_only_in_case_has_names_that_differ_in_more() {
    let named = |uuid: &str, topic: &str| {
        let file = |kind: &str, id: &str| FileSpec::video(kind, 4096).id(&format!("{id}-of-{uuid}"));
        meeting_at(uuid, 5, 0).topic(topic).file(file("Gallery_View", "one")).file(file("gallery_view", "ONE"))
    };
    let zoom = zoom_with([named("ab==", "Class"), named("AB==", "CLASS"), named("Ab==", "clasS")]).await;
    let service = Service::on(&zoom).set("archive.layout", "{topic}");

    service.once().await.with(0);

    let caseless: Vec<String> = service.media().into_iter().map(|name| name.to_lowercase()).collect();
    let different: BTreeSet<_> = caseless.iter().collect();
    assert_eq!((caseless.len(), different.len()), (6, 6), "{caseless:?}");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a12_meetings_at_the_very_edges_of_days_and_windows_are_all_found() {
    let today = now().date_naive();
    let mut meetings = Vec::new();
    // The days on which windows meet, and those beside them.
    for days_ago in [0, 1, 7, 8, 25, 26, 27, 28, 52, 53, 54, 60] {
        let midnight = (today - Days::new(days_ago)).and_time(NaiveTime::MIN).and_utc();
        for (name, start) in [("first", midnight), ("last", midnight + TimeDelta::seconds(86_399))] {
            if start <= now() {
                meetings.push(MeetingSpec::new(&format!("{name}-{days_ago}=="), start).video("gallery_view", 512));
            }
        }
    }
    let count = meetings.len();
    for habit in [(true, Keep::Newest), (false, Keep::Newest), (false, Keep::Oldest)] {
        let (is_inclusive, keep) = habit;
        let world = meetings.iter().cloned().fold(World::new(now()).user("me"), World::meeting);
        let zoom = zoom_of(world.rules(|rules| {
            rules.to_is_inclusive = is_inclusive;
            rules.wide_range = WideRange::Clamp { days: 20, keep };
        }))
        .await;
        let service = Service::on(&zoom).set("poll.lookback_days", 60);

        service.once().await.with(0);

        assert_eq!(service.rows().len(), count, "{habit:?}");
        service.keeps_its_promises(&zoom).await;
    }
}
