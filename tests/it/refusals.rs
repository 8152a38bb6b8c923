//! What Zoom refuses for a while or until a person acts, and what is said of it.

use chrono::TimeDelta;
use zoom_archiver::simulator::{Answer, Fault, Matcher, Simulator};

use crate::support::{Service, asked, meeting, now, zoom_with};

async fn one_meeting() -> Simulator {
    zoom_with([meeting("a==", 5).video("gallery_view", 4096)]).await
}

#[tokio::test]
async fn h22_a_daily_limit_is_said_and_outlives_the_run() {
    let zoom = one_meeting().await;
    zoom.inject(Matcher::list(), Fault::Answer(Answer::daily_limit(now() + TimeDelta::minutes(50))));
    let service = Service::on(&zoom);
    service.once().await.with(0).says("rate limit");
    let before = asked(&zoom);

    service.once().await.with(0).says("Zoom asked not to be asked before");

    assert_eq!(before[0], 1);
    assert_eq!(asked(&zoom), before, "nothing was asked again");
    service.lets_the_waits_pass();
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn credentials_that_zoom_does_not_know_are_told_with_their_keys() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom).set("zoom.client_secret", "another-secret");

    let ended = service.once().await.with(3);

    let words = ended.words();
    assert!(words.contains("compare zoom.client_id and zoom.client_secret"), "{words}");
    assert!(!ended.stderr.contains("another-secret"), "{}", ended.stderr);
    assert_eq!(asked(&zoom), [0, 1, 0]);
    assert_eq!(service.text(".zoom_refresh_token").trim_end(), zoom.refresh_token(), "the token is as good as before");
}

#[tokio::test]
async fn an_app_that_lacks_scopes_is_told_which() {
    let zoom = one_meeting().await;
    zoom.rules(|rules| rules.scopes.clear());
    let service = Service::on(&zoom);

    let ended = service.once().await.with(3);

    let words = ended.words();
    assert!(words.contains("cloud_recording:read:list_user_recordings"), "{words}");
    assert!(words.contains("add the scopes"), "{words}");
    assert_eq!(asked(&zoom)[..2], [1, 1], "a new token would have no more scopes");
    service.run(&["list"]).await.with(3);
}
