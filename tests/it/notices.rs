//! What people are told: the right message, once, over restarts, and never in the way of the work.

use std::time::Duration;

use chrono::Days;
use serde_json::{Value, json};
use zoom_archiver::simulator::youtube::{World, Youtube};
use zoom_archiver::simulator::{Fault, FileSpec, Matcher, MeetingSpec, Refused, Simulator};

use crate::support::receiver::Receiver;
use crate::support::{MIB, Service, file_of, meeting, now, zoom_with};

fn class(uuid: &str, hours_ago: i64) -> MeetingSpec {
    meeting(uuid, hours_ago).topic(&format!("Class {uuid}")).video("gallery_view", 4096)
}

/// A service that tells everything to a receiver.
async fn scene(meetings: impl IntoIterator<Item = MeetingSpec>) -> (Simulator, Receiver, Service) {
    let (zoom, receiver) = (zoom_with(meetings).await, Receiver::start().await);
    let service = telling(Service::on(&zoom), &receiver).set("download.attempts", 1);
    (zoom, receiver, service)
}

fn telling(service: Service, receiver: &Receiver) -> Service {
    let all = ["archived", "uploaded", "failed", "recovered", "authorization", "deadline"];
    service.set("notify.urls", vec![receiver.address("/hook")]).set("notify.on", all.to_vec())
}

#[tokio::test]
async fn what_one_poll_brings_is_one_message_and_each_meeting_is_in_it() {
    let (zoom, receiver, service) = scene((1..=30).map(|n| class(&format!("m{n}=="), n))).await;

    service.once().await.with(0);

    assert_eq!(receiver.titles(), ["30 meetings archived"]);
    let text = receiver.last_text();
    assert!(text.contains("\"Class m30==\" of ") && text.contains(": 1 file, 4 KiB, in "), "{text}");
    assert!(text.ends_with("... and 20 more: the log has them all"), "{text}");
    let (_, message) = receiver.messages().remove(0);
    assert_eq!((&message["source"], &message["event"]), (&json!("zoom-archiver"), &json!("archived")));
    assert_eq!(message["events"].as_array().map(Vec::len), Some(30));
    service.once().await.with(0);
    assert_eq!(receiver.messages().len(), 1, "nothing new, nothing to tell");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn what_nobody_wants_to_hear_of_is_not_told() {
    let (zoom, receiver, service) = scene([class("a==", 5)]).await;
    let service = service.set("notify.on", vec!["failed"]);

    service.once().await.with(0);

    assert_eq!(receiver.messages(), []);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_listing_that_fails_is_told_once_after_three_polls_and_its_recovery_once_over_restarts() {
    let (zoom, receiver, service) = scene([]).await;
    zoom.inject(Matcher::list().always(), Refused::NoPermission);
    for expected in [0, 0, 1, 1, 1] {
        service.once().await.with(1);
        assert_eq!(receiver.messages().len(), expected, "{}", service.log());
    }
    assert_eq!(receiver.titles(), ["1 failure"]);
    let text = receiver.last_text();
    assert!(text.contains("cannot list the recordings of me") && text.contains("; "), "with its remedy: {text}");

    zoom.clear_faults();
    for _ in 0..3 {
        service.once().await.with(0);
    }

    assert_eq!(receiver.titles(), ["1 failure", "1 thing works again"]);
    assert_eq!(receiver.last_text(), "the recordings of me are listed again");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_failure_that_passes_soon_is_not_told_nor_is_its_end() {
    let (zoom, receiver, service) = scene([]).await;
    zoom.inject(Matcher::list().always(), Refused::NoPermission);
    service.once().await.with(1);
    service.once().await.with(1);
    zoom.clear_faults();

    service.once().await.with(0);

    assert_eq!(receiver.messages(), []);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_meeting_that_fails_is_told_once_after_three_tries_and_its_recovery_once() {
    let (zoom, receiver, service) = scene([class("a==", 5), class("b==", 6)]).await;
    zoom.inject(Matcher::media().meeting("a==").always(), Fault::Cut { after: 0 });
    for _ in 0..5 {
        service.once().await.with(1);
    }

    assert_eq!(receiver.titles(), ["1 meeting archived", "1 failure"]);
    let text = receiver.last_text();
    assert!(text.starts_with("\"Class a==\" of ") && text.contains(" is not archived: "), "{text}");

    zoom.clear_faults();
    service.once().await.with(0);

    assert_eq!(receiver.titles()[2..], ["1 thing works again, 1 meeting archived"]);
    assert!(receiver.last_text().contains("is archived after all"), "{}", receiver.last_text());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_lost_authorization_is_told_at_once_and_once_and_that_it_is_back() {
    let (zoom, receiver, service) = scene([class("a==", 5)]).await;
    zoom.revoke();
    service.once().await.with(3);
    service.once().await.with(3);

    assert_eq!(receiver.titles(), ["authorization is needed"]);
    assert!(receiver.last_text().contains("zoom-archiver auth zoom"), "{}", receiver.last_text());

    service.write_token(&zoom.authorize_again());
    service.once().await.with(0);

    assert_eq!(receiver.titles()[1..], ["1 thing works again, 1 meeting archived"]);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn an_archive_that_is_not_mounted_is_told_once_and_when_it_is_back() {
    let (zoom, receiver, service) = scene([class("a==", 5)]).await;
    service.once().await.with(0);
    let (there, away) = (service.path("downloads"), service.path("away"));
    std::fs::rename(&there, &away).unwrap();
    for _ in 0..5 {
        service.once().await.with(1);
    }
    assert_eq!(receiver.titles(), ["1 meeting archived", "1 failure"]);
    assert!(receiver.last_text().contains("downloads"), "{}", receiver.last_text());

    std::fs::rename(&away, &there).unwrap();
    service.once().await.with(0);

    assert_eq!(receiver.titles()[2..], ["1 thing works again"]);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn the_service_tells_of_a_disk_that_is_full_once() {
    let (zoom, receiver, service) = scene([class("a==", 5)]).await;
    let service = service
        .set("download.min_free_space", "1000 TiB")
        .set("notify.failures", 2)
        .set("poll.schedule", "*/2 * * * * *");
    let running = service.start(&["run"]);

    service.until("a message", |_| !receiver.messages().is_empty()).await;
    service.until("two more polls", |service| service.log().matches("polled Zoom").count() >= 5).await;
    running.signal("TERM");
    running.ended().await.with(0);

    assert_eq!(receiver.titles(), ["1 failure"]);
    assert!(receiver.last_text().contains("are kept free"), "{}", receiver.last_text());
    let service = service.set("download.min_free_space", "1 MiB");
    service.once().await.with(0);
    assert_eq!(receiver.titles()[1..], ["1 thing works again, 1 meeting archived"]);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_meeting_that_zoom_deletes_soon_is_told_each_day_with_the_reason() {
    let day = now().date_naive() + Days::new(3);
    let lesson = meeting("a==", 5).topic("Last lesson").auto_delete(day);
    let (zoom, receiver, service) = scene([lesson.file(FileSpec::video("gallery_view", MIB).processing())]).await;
    service.once().await.with(0);
    service.once().await.with(0);

    assert_eq!(receiver.titles(), ["1 meeting about to be deleted"]);
    let text = receiver.last_text();
    assert!(text.contains(&format!("Zoom deletes it on {day}: Zoom is not done with its files")), "{text}");
    zoom.complete(&file_of(&zoom, "a==", "gallery_view")).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_meeting_that_is_gone_from_zoom_before_it_was_archived_is_told_at_once() {
    let (zoom, receiver, service) = scene([class("a==", 5)]).await;
    zoom.inject(Matcher::media().meeting("a==").always(), Fault::Cut { after: 0 });
    service.once().await.with(1);
    zoom.remove_meeting("a==").unwrap();
    zoom.clear_faults();

    service.set("poll.lookback_days", 300).once().await;

    assert_eq!(receiver.titles(), ["1 failure"]);
    assert!(receiver.last_text().contains("Zoom lists it no more"), "{}", receiver.last_text());
}

#[tokio::test]
async fn a_video_on_youtube_is_told_with_its_address_and_one_that_is_refused_with_the_remedy() {
    let zoom = zoom_with([class("a==", 5), class("b==", 6)]).await;
    let youtube = Youtube::start(World::new(now())).await.unwrap();
    let receiver = Receiver::start().await;
    let service =
        telling(Service::on(&zoom).publishing_on(&youtube), &receiver).set("notify.on", vec!["uploaded", "failed"]);
    let refusal = json!({"error": {"errors": [{"domain": "youtube.video", "reason": "invalidTitle"}]}});
    youtube.inject(Matcher::upload_start(), Fault::json(400, &refusal));

    service.once().await.with(1);

    assert_eq!(receiver.titles(), ["1 failure, 1 video on YouTube"]);
    let text = receiver.last_text();
    let id = &youtube.videos()[0].id;
    assert!(text.contains(&format!("is on YouTube: https://www.youtube.com/watch?v={id}")), "{text}");
    assert!(text.contains("is not on YouTube: ") && text.contains("youtube.title"), "{text}");
    service.once().await;
    assert_eq!(receiver.messages().len(), 1, "each is told once");
}

#[tokio::test]
async fn what_does_not_arrive_is_told_by_the_next_run_and_costs_the_work_nothing() {
    let (zoom, receiver, service) = scene([class("a==", 5)]).await;
    receiver.refuses(&[503]);

    service.once().await.with(0).says("a message did not arrive, and is tried again");
    assert_eq!(receiver.messages(), []);
    service.once().await.with(0);

    assert_eq!(receiver.titles(), ["1 meeting archived"]);
    assert_eq!(undelivered(&service), json!([]));
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn an_address_that_takes_no_messages_is_said_and_the_others_get_theirs() {
    let (zoom, receiver, service) = scene([class("a==", 5)]).await;
    let gone = Receiver::start().await;
    let service = service.set("notify.urls", vec![gone.address("/hook"), receiver.address("/api/webhooks/1/SECRET")]);
    gone.refuses(&[404]);

    let ended = service.once().await.with(0);

    ended.says("there is no such address any more: make a new one and put it into notify.urls");
    let (path, message) = receiver.messages().remove(0);
    assert_eq!(path, "/api/webhooks/1/SECRET");
    assert!(message["content"].as_str().unwrap().contains("1 meeting archived"), "Discord's form: {message}");
    assert_eq!(undelivered(&service), json!([]), "it isn't tried again");
    assert!(!service.log().contains("SECRET") && !service.text("state.json").contains("SECRET"));
    service.keeps_its_promises(&zoom).await;
}

/// What `state.json` has of messages that are still to be delivered.
fn undelivered(service: &Service) -> Value {
    let state: Value = serde_json::from_str(&service.text("state.json")).expect("it is JSON");
    state["notices"]["outbox"].clone()
}

#[tokio::test]
async fn l8_somebody_who_takes_no_answer_holds_up_neither_polls_nor_the_end() {
    let (zoom, _, service) = scene([class("a==", 5)]).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", silent.local_addr().unwrap());
    let service = service.set("notify.urls", vec![address]).set("poll.schedule", "*/2 * * * * *");
    let running = service.start(&["run"]);

    let (_stream, _) = silent.accept().await.unwrap();
    service.until("polls go on", |service| service.log().matches("polled Zoom").count() >= 3).await;
    running.signal("TERM");
    let ended = tokio::time::timeout(Duration::from_secs(20), running.ended()).await.expect("it ends");
    ended.with(0);

    assert_eq!(undelivered(&service).as_array().map(Vec::len), Some(1), "it is told after the next start");
    let service = service.set("notify.urls", Vec::<String>::new());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_test_message_goes_to_every_address_beside_a_running_service() {
    let (_zoom, receiver, service) = scene([]).await;
    let other = Receiver::start().await;
    let service = service.set("notify.urls", vec![receiver.address("/hook"), other.address("/services/T1/B2/x")]);
    let running = service.start(&["run"]);
    service.until("a poll", |service| service.log().contains("polled Zoom")).await;

    let ended = service.run(&["notify", "--test"]).await.with(0);

    assert_eq!(ended.stdout, "ok  127.0.0.1 took the message\nok  127.0.0.1 took the message\n");
    assert_eq!(receiver.titles(), ["a test"]);
    assert!(other.messages()[0].1["text"].as_str().unwrap().contains("Messages arrive here."));
    other.refuses(&[404]);
    let ended = service.run(&["notify", "--test"]).await.with(1);
    assert!(ended.stderr.contains("make a new one"), "{}", ended.stderr);
    running.signal("TERM");
    running.ended().await.with(0);
}

#[tokio::test]
async fn without_an_address_a_test_message_says_where_one_belongs() {
    let (_zoom, _receiver, service) = scene([]).await;
    let service = service.set("notify.urls", Vec::<String>::new());

    let ended = service.run(&["notify", "--test"]).await.with(2);

    assert!(ended.stderr.contains("put an address into notify.urls"), "{}", ended.stderr);
    service.run(&["notify"]).await.with(2);
}
