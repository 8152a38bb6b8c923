//! Tokens: spent once, kept safe, shared between runs, and what is said where there are none.

use zoom_archiver::simulator::{Credential, Fault, Matcher, Rotation, Simulator, World};

use crate::support::{Service, asked, meeting, now, zoom_of, zoom_with};

async fn one_meeting() -> Simulator {
    zoom_with([meeting("a==", 5).video("gallery_view", 4096)]).await
}

/// The refresh token that is saved.
fn saved(service: &Service) -> String {
    service.text(".zoom_refresh_token").trim_end().to_owned()
}

#[tokio::test]
async fn each_renewal_saves_the_new_token_for_the_next() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    for run in 1..=3 {
        service.once().await.with(0);

        assert_eq!(saved(&service), zoom.refresh_token());
        assert_eq!(zoom.journal().token_requests().len(), run);
        zoom.expire_access_token();
    }
    let used = zoom.journal();
    assert!(used.token_requests().iter().all(|request| request.refresh_token == Credential::Valid));
}

#[tokio::test]
async fn a_second_run_uses_the_access_token_of_the_first() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    service.once().await.with(0);

    service.once().await.with(0);
    service.listed().await;

    assert_eq!(zoom.journal().token_requests().len(), 1);
}

#[tokio::test]
async fn h19_an_access_token_that_ends_in_the_middle_of_a_listing_is_renewed_once() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    let listing = zoom.hold_answer(Matcher::list().from_hit(3));
    let running = service.start(&["once"]);
    listing.reached().await;
    zoom.expire_access_token();

    listing.release();
    running.ended().await.with(0);

    assert_eq!(zoom.journal().token_requests().len(), 2);
    assert_eq!(service.recorded_uuids(), ["a=="]);
    assert_eq!(saved(&service), zoom.refresh_token());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a17_a_refused_token_is_asked_about_once_and_told_with_the_remedy() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom).set("log.stderr", false);
    zoom.revoke();
    let before = service.content();

    let ended = service.once().await.with(3);

    let words = ended.words();
    assert_eq!(words.lines().count(), 1, "{words}");
    assert!(words.contains("Zoom refused") && words.contains("authorize again"), "{words}");
    assert_eq!(asked(&zoom), [0, 1, 0]);
    assert_eq!(service.content(), before, "nothing was changed");
    std::fs::write(service.path(".zoom_refresh_token"), zoom.authorize_again()).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_refused_token_of_a_service_that_worked_before_changes_nothing_it_has() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    zoom.revoke();
    let before = service.content();

    service.once().await.with(3);

    assert_eq!(service.content(), before);
}

#[tokio::test]
async fn without_a_token_file_it_is_said_what_to_do() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom).set("log.stderr", false);
    std::fs::remove_file(service.path(".zoom_refresh_token")).unwrap();

    let ended = service.once().await.with(3);

    let words = ended.words();
    assert_eq!(words.lines().count(), 1, "{words}");
    assert!(words.contains(".zoom_refresh_token") && words.contains("authorize"), "{words}");
    assert_eq!(asked(&zoom), [0; 3], "there was nothing to ask with");
}

#[tokio::test]
async fn a18_a_token_file_with_something_else_in_it_is_never_sent() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom).set("log.stderr", false);
    let content = r#"{"refresh_token": "SOMETHING-ELSE"}"#;
    std::fs::write(service.path(".zoom_refresh_token"), content).unwrap();

    let ended = service.once().await.with(3);

    assert!(!ended.words().contains("SOMETHING-ELSE"), "{}", ended.words());
    assert_eq!(asked(&zoom), [0; 3]);
    assert_eq!(service.text(".zoom_refresh_token"), content);
    std::fs::write(service.path(".zoom_refresh_token"), zoom.refresh_token()).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn list_needs_an_authorization_too() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    zoom.revoke();

    let ended = service.run(&["list"]).await.with(3);

    assert!(ended.words().contains("authorize again"), "{}", ended.words());
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn a14_a_lost_answer_to_a_renewal_is_asked_for_again_where_zoom_forgives_it() {
    let world = World::new(now()).user("me").meeting(meeting("a==", 5).video("gallery_view", 4096));
    let zoom = zoom_of(world.rules(|rules| rules.rotation = Rotation::Forgiving)).await;
    zoom.inject(Matcher::token(), Fault::LoseAnswer);
    let service = Service::on(&zoom);

    service.once().await.with(0);

    assert_eq!(service.recorded_uuids(), ["a=="]);
    assert_eq!(zoom.journal().token_requests().len(), 2);
    assert_eq!(saved(&service), zoom.refresh_token());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a14_a_lost_answer_to_a_renewal_needs_a_new_authorization_where_zoom_does_not_forgive_it() {
    let zoom = one_meeting().await;
    zoom.inject(Matcher::token(), Fault::LoseAnswer);
    let service = Service::on(&zoom);
    let before = saved(&service);

    let ended = service.once().await.with(3);

    assert!(ended.words().contains("authorize again"), "{}", ended.words());
    assert_eq!(zoom.journal().token_requests().len(), 2);
    assert_eq!(saved(&service), before);
    std::fs::write(service.path(".zoom_refresh_token"), zoom.authorize_again()).unwrap();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a17_a_new_authorization_is_all_it_takes_to_go_on() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    zoom.revoke();
    service.once().await.with(3);
    std::fs::write(service.path(".zoom_refresh_token"), zoom.authorize_again()).unwrap();

    service.once().await.with(0);

    assert_eq!(service.recorded_uuids(), ["a=="]);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn what_is_secret_is_for_the_owner_alone_and_the_rest_for_nobody_beyond_the_group() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);

    service.once().await.with(0);

    for name in [".zoom_refresh_token", ".zoom_access_token", "state.json"] {
        assert_eq!(service.mode(name), 0o600, "{name}");
    }
    assert_eq!(service.mode("processed.csv"), 0o640);
    for name in service.files().iter().filter(|name| name.starts_with("downloads/")) {
        assert_eq!(service.mode(name), if name.ends_with('/') { 0o750 } else { 0o640 }, "{name}");
    }
}
