//! What Zoom refuses for a while or until a person acts, and what is said of it.

use chrono::TimeDelta;
use zoom_archiver::simulator::{Answer, Fault, Matcher, OtherUsers, Refused, Simulator, TokenRefused};

use crate::support::network::closed_port;
use crate::support::{Service, asked, file_of, meeting, now, zoom_with};

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

#[tokio::test]
async fn whatever_zooms_api_refuses_every_command_says_what_to_do_about_it() {
    for refused in Refused::ALL {
        let (code, remedy) = match refused {
            Refused::InvalidToken | Refused::ExpiredToken | Refused::InvalidTokenAs400 | Refused::Revoked => {
                (3, "authorize again with `zoom-archiver auth zoom`")
            }
            Refused::LacksScopes => (3, "add the scopes in the brackets"),
            Refused::LacksUnnamedScopes => (3, "set zoom.users = [\"me\"]"),
            Refused::AppDisabled => (3, "enable the app at marketplace.zoom.us"),
            Refused::EmptyToken => (1, "look for a proxy"),
            Refused::NoRights | Refused::NoPermission | Refused::NoPermissionAs403 => {
                (1, "check in Zoom that cloud recording is switched on")
            }
            Refused::PaidOnly => (1, "a Zoom plan that includes it"),
            Refused::ApiNotEnabled => (1, "enable the REST API"),
            Refused::OtherAccount | Refused::NoSuchUser => (1, "set zoom.users = [\"me\"]"),
            Refused::NoRecording => (1, "it may not be ready yet"),
            Refused::StillProcessing => (1, "Zoom may take hours"),
        };
        let zoom = one_meeting().await;
        zoom.inject(Matcher::list().always(), refused);
        let service = Service::on(&zoom);
        for command in ["once", "list"] {
            let ended = service.run(&[command]).await.with(code);
            assert!(ended.words().contains(remedy), "{refused:?}: {}", ended.words());
        }
    }
}

#[tokio::test]
async fn whatever_the_token_endpoint_refuses_is_said_with_what_to_do_about_it() {
    for refused in TokenRefused::ALL {
        let remedy = match refused {
            TokenRefused::Token
            | TokenRefused::TokenInOlderForm
            | TokenRefused::TokenInOlderFormAs401
            | TokenRefused::TokenWithReasonAlone
            | TokenRefused::Verifier => "used by another program, revoked by a newer authorization, or lay unused",
            TokenRefused::Client | TokenRefused::ClientAs401 => "compare zoom.client_id and zoom.client_secret",
            TokenRefused::AppDisabled => "enable the app at marketplace.zoom.us",
            TokenRefused::GrantType => "make a General App, user-managed",
            // Of the exchange alone: see `auth`.
            TokenRefused::Code | TokenRefused::RedirectUri => continue,
        };
        let zoom = one_meeting().await;
        zoom.inject(Matcher::refresh().always(), refused);
        let ended = Service::on(&zoom).once().await.with(3);
        assert!(ended.words().contains(remedy), "{refused:?}: {}", ended.words());
    }
}

#[tokio::test]
async fn what_zoom_says_of_a_download_that_it_refuses_is_repeated_with_what_to_do_about_it() {
    for (refused, remedy) in [
        (Refused::NoRecording, "it may not be ready yet"),
        (Refused::StillProcessing, "Zoom may take hours"),
        (Refused::NoPermissionAs403, "the role of whoever authorized the app"),
    ] {
        let zoom = one_meeting().await;
        let file = file_of(&zoom, "a==", "gallery_view");
        zoom.inject(Matcher::media().file(&file).always(), refused);
        let ended = Service::on(&zoom).once().await.with(1);
        assert!(ended.words().contains(remedy), "{refused:?}: {}", ended.words());
    }
}

#[tokio::test]
async fn a_user_whom_the_app_does_not_know_hides_nobody_elses_recordings() {
    let zoom = one_meeting().await;
    zoom.rules(|rules| rules.other_users = OtherUsers::LackScopes);
    let service = Service::on(&zoom).set("zoom.users", vec!["me", "anna@example.com"]);

    let listed = service.run(&["list"]).await.with(1);
    let fetched = service.once().await.with(1);

    assert!(listed.stdout.contains("1 meetings, 1 fetch"), "{}", listed.stdout);
    for ended in [listed, fetched] {
        let words = ended.words();
        assert!(words.contains("anna@example.com") && words.contains("set zoom.users = [\"me\"]"), "{words}");
    }
    assert_eq!(service.recorded_uuids(), ["a=="]);
}

#[tokio::test]
async fn an_address_without_the_version_is_told_as_such() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom).set("zoom.api_url", zoom.api_url().trim_end_matches("/v2"));
    service.run(&["list"]).await.with(1).says("with the /v2 at its end");
}

#[tokio::test]
async fn a_limit_that_lasts_does_not_hide_that_there_is_no_authorization() {
    let zoom = one_meeting().await;
    zoom.inject(Matcher::list(), Fault::Answer(Answer::daily_limit(now() + TimeDelta::minutes(50))));
    let service = Service::on(&zoom);
    service.once().await.with(0);
    std::fs::remove_file(service.path(".zoom_refresh_token")).expect("there was one");
    service.once().await.with(3).says("zoom-archiver auth zoom");
}

#[tokio::test]
async fn without_a_network_the_first_days_are_asked_for_and_no_others() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let service = service.set("zoom.api_url", format!("http://127.0.0.1:{}/v2", closed_port()));
    let ended = service.run(&["list"]).await.with(1);
    assert_eq!(ended.stderr.matches("asked again").count(), 4, "{}", ended.stderr);
}
