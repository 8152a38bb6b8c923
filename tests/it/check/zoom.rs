//! What `check` says of what Zoom answers and refuses.

use chrono::TimeDelta;
use serde_json::{Value, json};
use zoom_archiver::simulator::{
    Answer, Endpoint, Fault, Form, Keep, Matcher, OtherUsers, Refused, TokenRefused, WideRange,
};

use super::{Checked, LIST, one_meeting};
use crate::support::{Clock, MIB, Service, asked, meeting, now, zoom_with};

#[tokio::test]
async fn a17_check_goes_on_with_an_old_access_token_where_the_new_one_is_refused() {
    let zoom = one_meeting().await;
    zoom.rules(|rules| rules.access_lifetime = TimeDelta::minutes(3));
    let service = Service::on(&zoom);
    service.check().await.with(0);
    let refusal = json!({"reason": "Invalid Token!", "error": "invalid_grant"});
    zoom.inject(Matcher::token().always(), Fault::json(400, &refusal));
    // Half of its life has to be over for it to be renewed.
    let clock = Clock::of(&service);
    let Some(clock) = clock else { return };
    clock.is_ahead(TimeDelta::seconds(100));

    let checked = Checked { ended: clock.start(&["check"]).ended().await }.with(3);

    checked.says("failure", "access token", &["Invalid Token!", "the old one is good until", "uthorize again"]).says(
        "ok",
        "recordings",
        &["1 fetch"],
    );
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn h2_check_on_a_machine_without_certificates_says_which_package_lacks() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    let nothing = "export SSL_CERT_FILE=/dev/null SSL_CERT_DIR=/no/such/folder";

    let checked = Checked { ended: service.start_after(nothing, &["check"]).ended().await }.with(1);

    checked.finds_only(&["zoom"]).says("failure", "zoom", &["No CA certificates", "ca-certificates"]).says(
        "skipped",
        "token file",
        &["needs a connection to Zoom"],
    );
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn t2_check_compares_the_clock_with_zooms() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    for (ahead, state, code, words) in [
        (Some(0), "ok", 0, "the same time"),
        (Some(630), "warning", 0, "10 minutes behind Zoom's"),
        (Some(-7530), "failure", 1, "2 hours 5 minutes ahead of Zoom's"),
        (None, "skipped", 0, "needs the date in Zoom's answer"),
    ] {
        zoom.rules(|rules| rules.date = ahead.map(TimeDelta::seconds));

        let checked = service.check().await.with(code);

        let checked = checked.says(state, "clock", &[words]).says("ok", "recordings", &[]);
        if matches!(state, "warning" | "failure") {
            checked.finds_only(&["clock"]).says(state, "clock", &["timedatectl"]);
        }
    }
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn t2_check_asks_for_nothing_by_a_clock_that_is_not_set() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    let Some(clock) = Clock::of(&service) else { return };
    clock.shows("1970-01-01T00:05:00Z");

    let checked = Checked { ended: clock.start(&["check"]).ended().await }.with(1);

    checked.says("failure", "clock", &["1970-01-01", "timedatectl"]).says("skipped", "recordings", &[]);
    assert_eq!(asked(&zoom), [0; 3]);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a17_check_names_the_scopes_that_lack() {
    let zoom = one_meeting().await;
    zoom.rules(|rules| rules.scopes = vec!["user:read:user".to_owned()]);
    let service = Service::on(&zoom);

    let checked = service.check().await.with(3);

    checked
        .finds_only(&["scopes"])
        .says("failure", "scopes", &["does not contain scopes", LIST, "marketplace.zoom.us", "auth zoom"])
        .says("skipped", "user", &["needs the scopes: me"])
        .says("skipped", "recordings", &[]);
    zoom.rules(|rules| rules.scopes = vec![LIST.to_owned()]);
    zoom.expire_access_token();
    service.write_token(&zoom.authorize_again());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn whatever_zoom_refuses_check_names_one_failure_and_its_remedy() {
    let listing = Refused::ALL.map(|refused| (Matcher::list(), Fault::from(refused)));
    let of_refresh = TokenRefused::ALL.map(|refused| (Matcher::refresh(), Fault::from(refused)));
    for (matcher, fault) in listing.into_iter().chain(of_refresh) {
        let zoom = one_meeting().await;
        zoom.inject(matcher.always(), fault.clone());
        let service = Service::on(&zoom);

        let ended = service.run(&["check", "--json"]).await;

        let told: Value = serde_json::from_str(&ended.stdout).unwrap();
        let items = told["items"].as_array().unwrap();
        let failures: Vec<&Value> = items.iter().filter(|item| item["state"] == "failure").collect();
        assert!(matches!(failures[..], [only] if only["remedy"].is_string()), "{fault:?}: {failures:#?}");
        assert!(matches!(ended.code, Some(1..=3)), "{fault:?}: {ended:?}");
        assert_eq!(told["exit_code"], ended.code.unwrap(), "{fault:?}");
    }
}

#[tokio::test]
async fn check_of_an_app_whose_scopes_zoom_does_not_tell_leaves_it_to_the_listing() {
    let zoom = one_meeting().await;
    zoom.inject(Matcher::token().always(), Fault::edit(|answer| answer["scope"] = json!("")));
    let service = Service::on(&zoom);

    service.check().await.with(0).finds_only(&[]).says("ok", "scopes", &["Zoom has not said"]);
}

#[tokio::test]
async fn check_of_an_app_of_one_user_with_another_name_in_the_settings_says_that_it_knows_only_me() {
    for refusal in [OtherUsers::LackScopes, OtherUsers::DoNotExist] {
        let zoom = one_meeting().await;
        zoom.rules(|rules| rules.other_users = refusal);
        let service = Service::on(&zoom).set("zoom.users", vec!["anna@example.com"]);

        let checked = service.check().await.with(2);

        checked.finds_only(&["user"]).says("failure", "user", &["anna@example.com", "set zoom.users = [\"me\"]"]).says(
            "ok",
            "scopes",
            &[LIST],
        );
    }
}

#[tokio::test]
async fn check_of_an_app_of_a_whole_account_names_the_user_who_is_not_there_and_goes_on_with_the_others() {
    let zoom = one_meeting().await;
    zoom.rules(|rules| rules.scopes = vec![format!("{LIST}:admin"), "recording:read:admin".to_owned()]);
    let service = Service::on(&zoom).set("zoom.users", vec!["me", "nobody@example.com"]);

    let checked = service.check().await.with(2);

    checked
        .finds_only(&["user"])
        .says("ok", "user", &["me: can be listed"])
        .says("failure", "user", &["nobody@example.com", "does not exist", "the addresses in zoom.users"])
        .says("ok", "recordings", &["1 meeting"]);
}

#[tokio::test]
async fn check_says_where_zoom_answers_for_fewer_days_than_asked() {
    let zoom = one_meeting().await;
    zoom.rules(|rules| rules.wide_range = WideRange::Clamp { days: 5, keep: Keep::Newest });
    let service = Service::on(&zoom);

    let checked = service.check().await.with(0);

    checked.finds_only(&["user"]).says("warning", "user", &["Zoom answers for", "in shorter pieces"]).says(
        "ok",
        "recordings",
        &["1 fetch"],
    );
}

#[tokio::test]
async fn check_says_where_not_all_recordings_can_be_listed() {
    let zoom = one_meeting().await;
    zoom.add_meeting("me", meeting("b==", 60 * 24).raw(json!({"topic": "no uuid"})));
    let service = Service::on(&zoom);
    service.check().await.with(0).finds_only(&["recordings"]).says(
        "warning",
        "recordings",
        &["not all recordings of me", "zoom-archiver list"],
    );

    let refusal = json!({"code": 300, "message": "No such thing."});
    zoom.inject(Matcher::list().from_hit(2).always(), Fault::json(400, &refusal));
    service.check().await.with(1).finds_only(&["recordings"]).says(
        "failure",
        "recordings",
        &["cannot list all recordings of me", "No such thing."],
    );
}

#[tokio::test]
async fn h13_check_finds_a_sign_in_page_in_the_place_of_a_recording() {
    let zoom = one_meeting().await;
    zoom.inject(Matcher::download_entry(), Fault::Answer(Answer::html(200, "Please sign in")));
    let service = Service::on(&zoom);

    let checked = service.check().await.with(1);

    checked.finds_only(&["download"]).says(
        "failure",
        "download",
        &["the page is HTML", "Zoom refuses the download", "browser"],
    );
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn check_of_an_app_whose_downloads_are_refused_names_the_scopes_for_files_that_it_lacks() {
    let zoom = one_meeting().await;
    zoom.rules(|rules| rules.scopes = vec![LIST.to_owned()]);
    zoom.inject(Matcher::download_entry(), Fault::Answer(Answer::html(200, "Please sign in")));
    let service = Service::on(&zoom);

    let checked = service.check().await.with(3);

    checked.finds_only(&["download"]).says("failure", "download", &["cloud_recording:read:recording"]);
}

#[tokio::test]
async fn check_tries_the_newest_recording_that_is_to_be_fetched_however_new_others_are() {
    let zoom = zoom_with([meeting("archived==", 5).topic("Archived").video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let asked_before = zoom.journal().to(Endpoint::DownloadEntry).count();
    zoom.add_meeting("me", meeting("older==", 50).topic("Older").video("gallery_view", MIB));
    zoom.add_meeting("me", meeting("newer==", 30).topic("Newer").video("gallery_view", MIB));
    zoom.change_file(&zoom.file("newer==", "gallery_view").unwrap(), |file| file.form(Form::Txt)).unwrap();

    let checked = service.check().await.with(1);

    checked.says("failure", "download", &["\"Newer\"", "as a video never does"]);
    assert_eq!(zoom.journal().to(Endpoint::DownloadEntry).count(), asked_before + 1);
}

#[tokio::test]
async fn check_says_who_is_meant_by_me_where_zoom_tells() {
    let zoom = one_meeting().await;
    zoom.rules(|rules| rules.scopes.push("user:read:user".to_owned()));
    let service = Service::on(&zoom);

    service.check().await.with(0).finds_only(&[]).says("ok", "user", &["me, who is ", "@", ": can be listed"]);
}

#[tokio::test]
async fn h22_check_while_zooms_limit_is_reached_says_that_it_passes() {
    let zoom = one_meeting().await;
    zoom.inject(Matcher::list(), Fault::Answer(Answer::daily_limit(now() + TimeDelta::hours(3))));
    let service = Service::on(&zoom);

    let checked = service.check().await.with(0);

    checked.finds_only(&["user"]).says("warning", "user", &["rate limit is reached until", "nothing"]).says(
        "skipped",
        "recordings",
        &[],
    );
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn check_with_nothing_to_try_a_download_with_skips_that() {
    let zoom = zoom_with([]).await;
    let service = Service::on(&zoom);

    let checked = service.check().await.with(0);

    checked.finds_only(&[]).says("ok", "recordings", &["none in the last 365 days"]).says(
        "skipped",
        "download",
        &["Zoom lists none"],
    );
}
