//! `status`: how things are, with or without a service at work.

use serde_json::{Value, json};
use zoom_archiver::simulator::{Fault, FileSpec, Matcher};

use crate::support::{MIB, Service, asked, file_of, meeting, zoom_with};

/// What `status --json` says.
async fn told(service: &Service) -> Value {
    serde_json::from_str(&service.run(&["status", "--json"]).await.with(0).stdout).expect("JSON")
}

#[tokio::test]
async fn before_the_first_start_it_says_so_and_how_to_start() {
    let zoom = zoom_with([]).await;
    let service = Service::on(&zoom);

    let ended = service.run(&["status"]).await.with(0);

    assert!(ended.stdout.contains("no service is running, nor has one run here yet"), "{}", ended.stdout);
    assert!(ended.stdout.contains("archive   0 meetings, 0 files, 0 B, in "), "{}", ended.stdout);
    assert_eq!(told(&service).await["state"], "stopped");
    assert_eq!(asked(&zoom), [0, 0, 0], "nobody is asked");
    assert!(!service.files().iter().any(|name| name == "lock"), "nothing is made");
}

#[tokio::test]
async fn beside_a_running_service_it_shows_what_is_in_flight_and_what_waits() {
    let zoom = zoom_with([
        meeting("a==", 5).topic("Long class").video("gallery_view", 4 * MIB),
        meeting("b==", 6).topic("Unfinished class").file(FileSpec::video("gallery_view", MIB).processing()),
        meeting("c==", 7).topic("Short class").video("gallery_view", 4096),
    ])
    .await;
    let hold = zoom.hold(Matcher::media().meeting("a=="), MIB);
    let service = Service::on(&zoom);
    let running = service.start(&["run"]);
    service.until_recorded("c==").await;
    service.until("progress", |service| service.status()["in_flight"][0]["bytes"].as_u64() >= Some(MIB / 2)).await;

    let text = service.run(&["status"]).await.with(0).stdout;
    let json = told(&service).await;

    for words in [
        "state     downloading, 0 files wait",
        "gallery_view.mp4 [",
        "] ",
        " of 4 MiB",
        "waiting   1 meeting\n",
        "\"Unfinished class\" of ",
        "Zoom is not done with its files",
        "archive   1 meeting, 1 file, 4 KiB, in ",
        "complete: 3 seen, 2 new, 0 skipped, 1 waiting",
        "next poll ",
    ] {
        assert!(text.contains(words), "no `{words}` in:\n{text}");
    }
    assert!(!text.contains("problem"), "{text}");
    assert_eq!((&json["running"], &json["state"]), (&json!(true), &json!("downloading")));
    assert_eq!((&json["archive"]["meetings"], &json["in_flight"][0]["total"]), (&json!(1), &json!(4 * MIB)));
    for key in service.status().as_object().expect("an object").keys() {
        assert!(json.get(key).is_some(), "status.json has {key}, and status --json hasn't");
    }
    hold.release();
    service.until_recorded("a==").await;
    running.signal("TERM");
    running.ended().await.with(0);
    zoom.complete(&file_of(&zoom, "b==", "gallery_view")).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn it_says_plainly_that_a_service_is_gone_however_it_ended() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 4096)]).await;
    let service = Service::on(&zoom);
    for is_killed in [false, true] {
        let running = service.start(&["run"]);
        service.until("a poll", |service| service.status()["last_poll"].is_object()).await;
        service.until_recorded("a==").await;
        if is_killed {
            running.kill().await;
        } else {
            running.signal("TERM");
            running.ended().await.with(0);
        }

        let text = service.run(&["status"]).await.with(0).stdout;

        assert!(text.contains("problem   the service is not running since "), "{text}");
        assert!(text.contains("archive   1 meeting, "), "{text}");
        assert!(!text.contains("next poll") && !text.contains("state  "), "{text}");
        let json = told(&service).await;
        assert_eq!(
            (&json["running"], &json["state"], &json["next_poll"]),
            (&json!(false), &json!("stopped"), &Value::Null)
        );
    }
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn without_a_service_what_waits_is_told_from_what_is_remembered() {
    let zoom = zoom_with([meeting("a==", 5).topic("Bad class").video("gallery_view", 4096)]).await;
    zoom.inject(Matcher::media().always(), Fault::Cut { after: 0 });
    let service = Service::on(&zoom).set("download.attempts", 1);
    service.once().await.with(1);

    let text = service.run(&["status"]).await.with(0).stdout;

    assert!(text.contains("\"Bad class\" of ") && text.contains("failed once: "), "{text}");
    assert!(text.contains("; next try at "), "{text}");
    zoom.clear_faults();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_service_that_stands_still_is_said_to() {
    let zoom = zoom_with([]).await;
    let service = Service::on(&zoom);
    let running = service.start(&["run"]);
    service.until("a poll", |service| service.status()["last_poll"].is_object()).await;
    running.signal("STOP");
    let mut status = service.status();
    for key in ["written_at", "started_at", "since"] {
        status[key] = json!("2025-12-02T12:00:00Z");
    }
    std::fs::write(service.path("status.json"), status.to_string()).unwrap();

    let text = service.run(&["status"]).await.with(0).stdout;

    assert!(text.contains("the service has said nothing since 2025-12-02 12:00 UTC: it hangs"), "{text}");
    running.signal("CONT");
    running.signal("TERM");
    running.ended().await.with(0);
}

#[tokio::test]
async fn watched_it_is_shown_again_and_again_until_it_is_stopped() {
    let zoom = zoom_with([]).await;
    let service = Service::on(&zoom);
    let watching = service.start(&["status", "--watch"]);
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    watching.signal("INT");

    let ended = watching.ended().await.with(0);

    assert!(ended.stdout.matches("archive   0 meetings").count() >= 2, "{}", ended.stdout);
    assert!(!ended.stdout.contains('\u{1b}'), "no terminal, nothing that steers one");
}

#[tokio::test]
async fn a_token_that_is_not_there_and_one_that_ends_soon_are_said() {
    let zoom = zoom_with([]).await;
    let service = Service::on(&zoom);
    let token = service.path(".zoom_refresh_token");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(80 * 86_400);
    std::fs::File::options().write(true).open(&token).unwrap().set_modified(old).unwrap();
    let text = service.run(&["status"]).await.with(0).stdout;
    assert!(text.contains("the token for Zoom was last renewed on "), "{text}");

    std::fs::remove_file(&token).unwrap();
    let text = service.run(&["status"]).await.with(0).stdout;
    assert!(text.contains("run `zoom-archiver auth zoom`"), "{text}");
}
