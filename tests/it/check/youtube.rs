//! What `check` says of YouTube.

use chrono::TimeDelta;
use serde_json::json;
use zoom_archiver::simulator::youtube::{self, Account, LongUploads, Refused, Video, Youtube};
use zoom_archiver::simulator::{Endpoint, Fault, Matcher, Simulator};

use super::one_meeting;
use crate::support::{Service, now};

/// A YouTube with so many videos that were sent a moment ago, and one from last week.
async fn youtube_with(videos: usize) -> Youtube {
    let sent = (0..videos).map(|n| Video::new(&format!("new{n}"), "New", now() - TimeDelta::seconds(1)));
    let old = Video::new("old", "Old", now() - TimeDelta::days(7));
    let world = sent.chain([old]).fold(youtube::World::new(now()).titled("Anna's classes"), youtube::World::video);
    Youtube::start(world).await.expect("loopback has free ports")
}

/// A service that is authorized for both.
fn on_both(zoom: &Simulator, youtube: &Youtube) -> Service {
    let service = Service::on(zoom).on_youtube(youtube);
    service.write_youtube_token(&youtube.authorize());
    service
}

#[tokio::test]
async fn check_with_a_client_for_youtube_says_whose_channel_it_is_and_what_that_may_do() {
    let (zoom, youtube) = (one_meeting().await, youtube_with(60).await);
    let service = on_both(&zoom, &youtube);
    let token = service.text(".youtube_refresh_token");

    let checked = service.check().await.with(0);

    checked
        .finds_only(&[])
        .says("ok", "youtube token", &["it works, with an access token until"])
        .says("ok", "youtube channel", &["Anna's classes (UC"])
        .says("ok", "long uploads", &["12 hours"])
        .says("ok", "uploads today", &["60 of 100 since midnight Pacific time"]);
    assert_eq!(service.text(".youtube_refresh_token").trim(), token.trim());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn check_says_where_the_uploads_of_the_day_are_used_up() {
    let (zoom, youtube) = (one_meeting().await, youtube_with(3).await);
    let service = on_both(&zoom, &youtube).set("youtube.daily_uploads", 3);

    service.check().await.with(0).finds_only(&["uploads today"]).says("warning", "uploads today", &["3 of 3"]);

    let empty = Youtube::start(youtube::World::new(now())).await.unwrap();
    empty.inject(
        Matcher::to(Endpoint::PlaylistItems),
        Fault::json(404, &json!({"error": {"code": 404, "errors": [{"reason": "playlistNotFound"}]}})),
    );
    let service = on_both(&zoom, &empty);
    service.write_token(&zoom.authorize_again());
    service.check().await.with(0).finds_only(&[]).says("ok", "uploads today", &["0 of 100"]);
}

#[tokio::test]
async fn check_says_what_lacks_for_youtube_and_is_no_failure_while_that_is_switched_off() {
    let (zoom, youtube) = (one_meeting().await, youtube_with(0).await);
    let service = Service::on(&zoom).on_youtube(&youtube);
    let unasked = service.run(&["check"]).await.with(0);
    assert!(!unasked.stdout.contains("youtube"), "nobody has asked for it yet: {}", unasked.stdout);

    service.write_youtube_token("");
    service
        .check()
        .await
        .with(0)
        .finds_only(&["youtube token"])
        .says("warning", "youtube token", &["there is no YouTube authorization", "zoom-archiver auth youtube"])
        .says("skipped", "youtube channel", &["needs the YouTube token"]);

    service.write_youtube_token(&youtube.authorize_for(&["https://www.googleapis.com/auth/youtube.readonly"]));
    service.check().await.with(0).finds_only(&["youtube token"]).says(
        "warning",
        "youtube token",
        &["not granted", "force-ssl", "auth youtube"],
    );

    service.write_youtube_token(&youtube.authorize());
    for account in [Account::SignupRequired, Account::EmptyItems, Account::NoItems] {
        youtube.rules(|rules| rules.account = account);
        service
            .check()
            .await
            .with(0)
            .finds_only(&["youtube channel"])
            .says("warning", "youtube channel", &["make a channel at youtube.com"])
            .says("skipped", "uploads today", &["needs the channel"]);
    }
    youtube.rules(|rules| rules.account = Account::HasChannel);

    for long in [LongUploads::Eligible, LongUploads::Disallowed] {
        youtube.rules(|rules| rules.long_uploads = long);
        let checked = service.check().await.with(0).finds_only(&["long uploads"]);
        checked.says("warning", "long uploads", &["up to 15 minutes only", "youtube.com/verify"]);
    }
    youtube.rules(|rules| rules.long_uploads = LongUploads::Allowed);

    for (refused, words) in [
        (Refused::ApiNotEnabled, "enable the YouTube Data API"),
        (Refused::Quota, "midnight Pacific time"),
        (Refused::AccountSuspended, "what has become of the channel"),
    ] {
        youtube.inject(Matcher::to(Endpoint::Channels), refused);
        let checked = service.check().await.with(0).finds_only(&["youtube channel"]);
        checked.says("warning", "youtube channel", &[words]);
    }

    youtube.revoke();
    youtube.expire_access_tokens();
    std::fs::remove_file(service.path(".youtube_access_token")).unwrap();
    service.check().await.with(0).finds_only(&["youtube token"]).says(
        "warning",
        "youtube token",
        &["Google refused", "auth youtube"],
    );
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn where_zoom_cannot_be_reached_youtube_is_looked_at_all_the_same() {
    let (zoom, youtube) = (one_meeting().await, youtube_with(0).await);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let service = on_both(&zoom, &youtube).set("zoom.api_url", format!("http://127.0.0.1:{port}/v2"));

    service.check().await.with(1).finds_only(&["zoom"]).says("ok", "youtube token", &["it works"]);
}

#[tokio::test]
async fn l6_check_tells_no_secret_at_any_level() {
    let (zoom, youtube) = (one_meeting().await, youtube_with(1).await);
    let service = on_both(&zoom, &youtube);

    service.run(&["check", "--log-level", "trace"]).await.with(0).says("the YouTube access token was renewed");
    service.run(&["check", "--json", "--log-level", "trace"]).await.with(0);

    service.keeps_its_promises(&zoom).await;
}
