//! Tokens when something goes wrong with them: answers that lack something, many who need one, a grant that is gone, a file in
//! other hands.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use zoom_archiver::simulator::{DownloadRoute, Endpoint, Fault, Matcher, Refusal, Rotation, Simulator};

use crate::support::{Running, Service, asked, meeting, zoom_with};

async fn one_meeting() -> Simulator {
    zoom_with([meeting("a==", 5).video("gallery_view", 4096)]).await
}

/// The refresh token that is saved.
fn saved(service: &Service) -> String {
    service.text(".zoom_refresh_token").trim_end().to_owned()
}

/// As a person does who authorizes the app anew.
fn authorize_again(zoom: &Simulator, service: &Service) {
    fs::write(service.path(".zoom_refresh_token"), zoom.authorize_again()).expect("the token is written");
}

#[tokio::test]
async fn a13_a_token_answer_without_another_refresh_token_leaves_the_old_one_in_use() {
    let same: fn(&mut Value) = |_| ();
    let none: fn(&mut Value) = |answer| drop(answer.as_object_mut().expect("an answer").remove("refresh_token"));
    let null: fn(&mut Value) = |answer| answer["refresh_token"] = Value::Null;
    let empty: fn(&mut Value) = |answer| answer["refresh_token"] = json!("");
    for change in [same, none, null, empty] {
        let zoom = one_meeting().await;
        zoom.rules(|rules| rules.rotation = Rotation::Never);
        zoom.inject(Matcher::token().always(), Fault::edit(change));
        let service = Service::on(&zoom);
        let before = saved(&service);

        service.once().await.with(0);
        zoom.expire_access_token();
        service.once().await.with(0);

        assert_eq!((saved(&service), zoom.journal().token_requests().len()), (before, 2));
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn a13_a_lifetime_that_is_none_makes_no_loop_of_refreshes() {
    let lifetimes = [json!(0), json!(-1), json!("3599"), json!("soon"), json!(null), json!(1e300), json!([]), json!(1)];
    for lifetime in lifetimes {
        let zoom = zoom_with((0..5).map(|n| meeting(&format!("{n}=="), 5).video("gallery_view", 4096))).await;
        let sent = lifetime.clone();
        zoom.inject(Matcher::token().always(), Fault::edit(move |answer| answer["expires_in"] = sent.clone()));
        let service = Service::on(&zoom);

        service.once().await.with(0);

        assert_eq!(service.rows().len(), 5);
        assert_eq!(zoom.journal().token_requests().len(), 1, "{lifetime}");
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn a14_an_answer_with_a_token_that_breaks_off_ends_in_a_word_to_the_person_and_no_loop() {
    let zoom = one_meeting().await;
    zoom.inject(Matcher::token(), Fault::Cut { after: 20 });
    let service = Service::on(&zoom);
    let before = saved(&service);

    let ended = service.once().await.with(3);

    assert!(ended.words().contains("authorize again"), "{}", ended.words());
    assert_eq!((saved(&service), zoom.journal().token_requests().len()), (before, 2));
    authorize_again(&zoom, &service);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a15_commands_that_need_a_token_at_the_same_time_ask_for_one_together() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    let hold = zoom.hold_answer(Matcher::token());
    let mut running = vec![service.start(&["run"])];
    hold.reached().await;
    running.extend((0..4).map(|_| service.start(&["list"])));
    // Nothing tells that the others wait for the lock; where they are late, they find the token that is saved.
    tokio::time::sleep(Duration::from_millis(300)).await;
    hold.release();

    service.until_recorded("a==").await;
    let daemon = running.remove(0);
    for ended in join_all(running.into_iter().map(Running::ended)).await {
        ended.with(0);
    }
    daemon.stop().await.with(0);

    assert_eq!(zoom.journal().token_requests().len(), 1);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a15_downloads_that_all_find_their_token_expired_renew_it_once() {
    let zoom = zoom_with((0..20).map(|n| meeting(&format!("{n}=="), 5).video("gallery_view", 4096))).await;
    zoom.rules(|rules| {
        rules.refusal = Refusal::Json;
        rules.download = DownloadRoute::Direct;
    });
    let service = Service::on(&zoom).set("download.workers", 16).set("poll.lookback_days", 7);
    let hold = zoom.hold_answer(Matcher::list());
    let running = service.start(&["once"]);
    hold.reached().await;
    zoom.expire_access_token();

    hold.release();
    running.ended().await.with(0);

    assert_eq!(zoom.journal().token_requests().len(), 2);
    assert_eq!(service.rows().len(), 20);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a16_a_token_that_somebody_writes_while_the_old_one_is_renewed_is_kept_and_used() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    let hold = zoom.hold_answer(Matcher::token());
    let running = service.start(&["once"]);
    hold.reached().await;
    authorize_again(&zoom, &service);

    hold.release();
    running.ended().await.with(0);

    assert_eq!(saved(&service), zoom.refresh_token());
    assert_eq!(zoom.journal().token_requests().len(), 2);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a16_a_token_that_somebody_writes_while_the_old_one_is_refused_is_tried_at_once() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    zoom.revoke();
    let hold = zoom.hold_answer(Matcher::token());
    let running = service.start(&["once"]);
    hold.reached().await;
    authorize_again(&zoom, &service);

    hold.release();
    running.ended().await.with(0);

    assert_eq!(service.recorded_uuids(), ["a=="]);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a17_an_app_that_was_disabled_is_told_with_the_remedy_and_asked_about_once() {
    for (status, error, words) in [
        (401, "invalid_client", "zoom.client_id"),
        (400, "unauthorized_client", "the app"),
        (400, "invalid_grant", "authorize again"),
    ] {
        let zoom = one_meeting().await;
        let service = Service::on(&zoom).set("poll.schedule", "* * * * * *");
        zoom.inject(Matcher::token().always(), Fault::json(status, &json!({"reason": "No.", "error": error})));

        let ended = service.once().await.with(3);
        assert!(ended.words().contains(words), "{}", ended.words());
        let running = service.run_daemon();
        service.until_state_is("authorization").await;
        let polls = |service: &Service| service.log().matches("cannot list the recordings of me").count();
        let before = polls(&service);
        service.until("further polls", |service| polls(service) > before + 1).await;

        assert_eq!(asked(&zoom), [0, 2, 0], "each of the two commands asked once");
        running.stop().await.with(0);
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn a17_a_user_who_is_disabled_costs_only_their_own_recordings() {
    let zoom = one_meeting().await;
    let of_gone = |zoom: &Simulator| {
        let journal = zoom.journal();
        journal.to(Endpoint::List).filter(|entry| entry.user.as_deref() == Some("gone@example.com")).count()
    };
    for (status, code, message) in [
        (404, 1001, "User does not exist: gone@example.com."),
        (400, 1010, "User does not belong to this account: gone@example.com."),
        (403, 200, "The user has been deactivated."),
    ] {
        zoom.inject(
            Matcher::list().user("gone@example.com"),
            Fault::json(status, &json!({"code": code, "message": message})),
        );
        let service = Service::on(&zoom).set("zoom.users", vec!["gone@example.com", "me"]);
        authorize_again(&zoom, &service);
        let before = of_gone(&zoom);

        let ended = service.once().await.with(1);

        assert!(ended.words().contains(message) && ended.words().contains("check"), "{}", ended.words());
        assert_eq!(service.recorded_uuids(), ["a=="]);
        assert_eq!(of_gone(&zoom), before + 1, "one request for each refusal");
        let service = service.set("zoom.users", vec!["me"]);
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn a17_missing_scopes_are_named_and_no_token_is_renewed_for_them() {
    let zoom = one_meeting().await;
    zoom.rules(|rules| rules.scopes.clear());
    let service = Service::on(&zoom);

    let ended = service.once().await.with(3);

    let words = ended.words();
    assert!(words.contains("cloud_recording:read:list_user_recordings") && words.contains("add the scopes"), "{words}");
    assert_eq!(asked(&zoom), [1, 1, 0]);
    zoom.rules(|rules| rules.scopes = vec!["recording:read".to_owned()]);
    authorize_again(&zoom, &service);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a17_an_access_token_that_zoom_never_takes_is_renewed_once_a_poll() {
    let zoom = one_meeting().await;
    let refusal = json!({"code": 124, "message": "Invalid access token."});
    zoom.inject(Matcher::list().always(), Fault::json(401, &refusal));
    let service = Service::on(&zoom);

    service.once().await.with(3).says("authorize again");

    assert_eq!(asked(&zoom), [2, 2, 0]);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a18_a_token_file_without_a_whole_token_in_it_is_said_and_left_as_it_is() {
    let zoom = one_meeting().await;
    let token = zoom.refresh_token();
    let half = &token.as_bytes()[..token.len() / 2];
    let json = format!("{{\"refresh_token\": \"{token}\"}}");
    let twice = format!("{token}\n{token}\n");
    let contents =
        [b"", b"\n \n".as_slice(), b"{", b"null {}", b"\0\0\0\0", b"\xff\xfe", json.as_bytes(), twice.as_bytes(), half];
    for content in contents {
        let service = Service::on(&zoom);
        let path = service.path(".zoom_refresh_token");
        fs::write(&path, content).unwrap();

        let ended = service.once().await.with(3);

        assert!(ended.words().contains("uthoriz"), "{}", ended.words());
        assert_eq!(fs::read(&path).unwrap(), content, "it is left as it is");
        assert!(!service.path(".zoom_access_token").exists());
        fs::write(&path, zoom.authorize_again()).unwrap();
        service.keeps_its_promises(&zoom).await;
    }
}

#[tokio::test]
async fn a18_a_token_file_that_others_could_read_is_tightened_with_a_word() {
    for mode in [0o644, 0o660, 0o604, 0o777] {
        let zoom = one_meeting().await;
        let service = Service::on(&zoom);
        fs::set_permissions(service.path(".zoom_refresh_token"), Permissions::from_mode(mode)).unwrap();

        service.once().await.with(0).says("others could read the token file");

        assert_eq!(service.mode(".zoom_refresh_token"), 0o600, "{mode:o}");
        service.keeps_its_promises(&zoom).await;
    }
}
