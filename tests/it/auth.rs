//! `auth zoom`: from client id and secret to a token, with a browser that goes wherever it is sent.

use chrono::TimeDelta;
use serde_json::json;
use zoom_archiver::simulator::{Consent, Credential, Endpoint, Fault, Matcher, Simulator};

use crate::support::browser::browse;
use crate::support::{Service, meeting, zoom_with};

/// A Zoom with a recording, and a service that nobody has authorized yet.
async fn unauthorized() -> (Simulator, Service) {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 4096)]).await;
    let service = Service::on(&zoom).comes_back_to("localhost");
    std::fs::remove_file(service.path(".zoom_refresh_token")).expect("there was one");
    (zoom, service)
}

/// Nothing was saved, nothing exchanged.
#[track_caller]
fn is_as_before(zoom: &Simulator, service: &Service) {
    assert!(!service.path(".zoom_refresh_token").exists());
    assert!(zoom.journal().exchanges().iter().all(|exchange| exchange.status != Some(200)));
}

#[tokio::test]
async fn from_client_id_and_secret_to_the_first_recording_each_command_tells_the_next() {
    let (zoom, service) = unauthorized().await;
    service.once().await.with(3).says("zoom-archiver auth zoom");

    let asking = service.asks(&["auth", "zoom"]).await;
    let shown = asking.browse().await.pop().unwrap();
    let ended = asking.ended().await.with(0);

    assert_eq!(shown.status, Some(200), "{shown:?}");
    assert!(shown.body.contains("authorized with Zoom"), "{shown:?}");
    assert!(ended.stdout.contains("Next: zoom-archiver check"), "{}", ended.stdout);
    assert_eq!(service.text(".zoom_refresh_token").trim_end(), zoom.refresh_token());
    assert_eq!(service.mode(".zoom_refresh_token") & 0o777, 0o600);
    assert_eq!(ended.stderr, "");
    service.once().await.with(0);
    assert_eq!(service.recorded_uuids(), ["a=="]);
    assert_eq!(zoom.journal().token_requests().len(), 1, "what the exchange gave is used as it is");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn it_says_for_whom_it_is_and_with_which_scopes() {
    let (zoom, service) = unauthorized().await;
    let asking = service.asks(&["auth", "zoom"]).await;
    asking.browse().await;
    let ended = asking.ended().await.with(0);
    assert!(ended.stdout.contains("whoever allowed it"), "{}", ended.stdout);
    assert!(ended.stdout.contains("cloud_recording:read:list_user_recordings, "), "{}", ended.stdout);
    assert!(ended.stdout.contains("lacks     nothing"), "{}", ended.stdout);

    zoom.rules(|rules| rules.scopes.push("user:read:user".to_owned()));
    let asking = service.asks(&["auth", "zoom"]).await;
    assert!(asking.said.contains("There is a token for Zoom in "), "{}", asking.said);
    asking.browse().await;
    let ended = asking.ended().await.with(0);
    assert!(ended.stdout.contains("@example.com>"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_scope_that_lacks_is_named_though_the_token_is_saved() {
    let (zoom, service) = unauthorized().await;
    zoom.rules(|rules| rules.scopes = vec!["user:read:user".to_owned()]);
    let asking = service.asks(&["auth", "zoom"]).await;
    asking.browse().await;

    let ended = asking.ended().await.with(3);

    assert!(ended.words().contains("lacks scopes:[cloud_recording:read:list_user_recordings]"), "{}", ended.words());
    assert!(ended.words().contains("marketplace.zoom.us"), "{}", ended.words());
    assert_eq!(service.text(".zoom_refresh_token").trim_end(), zoom.refresh_token());
}

#[tokio::test]
async fn l10_the_question_has_a_state_and_an_s256_challenge_and_the_code_goes_into_the_body() {
    let (zoom, service) = unauthorized().await;
    let asking = service.asks(&["auth", "zoom"]).await;
    asking.browse().await;
    asking.ended().await.with(0);

    let journal = zoom.journal();
    let [asked] = journal.authorizations()[..] else { panic!("one question") };
    assert_eq!(asked.parameter("code_challenge_method"), Some("S256"));
    assert_eq!(asked.parameter("code_challenge").unwrap().len(), 43);
    assert!(asked.parameter("state").unwrap().len() >= 22, "of 128 bits at least");
    let [exchange] = journal.exchanges()[..] else { panic!("one exchange") };
    assert_eq!((exchange.authorization, exchange.code), (Credential::Valid, Credential::Valid));
    assert_eq!(exchange.query, []);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_refusal_by_the_person_is_told_in_the_browser_and_on_the_terminal() {
    let (zoom, service) = unauthorized().await;
    zoom.rules(|rules| rules.consent = Consent::Denies);
    let asking = service.asks(&["auth", "zoom"]).await;

    let shown = asking.browse().await.pop().unwrap();
    let ended = asking.ended().await.with(3);

    assert_eq!(shown.status, Some(400));
    assert!(shown.body.contains("The app was not allowed"), "{}", shown.body);
    assert!(ended.words().contains("nobody allowed the app"), "{}", ended.words());
    is_as_before(&zoom, &service);
}

#[tokio::test]
async fn an_installation_from_the_apps_own_page_is_told_to_be_none() {
    let (zoom, service) = unauthorized().await;
    zoom.rules(|rules| rules.consent = Consent::AllowsElsewhere);
    let asking = service.asks(&["auth", "zoom"]).await;

    let shown = asking.browse().await.pop().unwrap();
    let ended = asking.ended().await.with(3);

    assert!(shown.body.contains("The browser came back without"), "{}", shown.body);
    let words = ended.words();
    assert!(words.contains("without `state`") && words.contains("rather than the app's page"), "{words}");
    is_as_before(&zoom, &service);
}

#[tokio::test]
async fn l10_the_answer_to_another_question_counts_for_nothing_and_the_right_one_still_does() {
    let (zoom, service) = unauthorized().await;
    zoom.rules(|rules| rules.consent = Consent::AllowsWithState("theirs".to_owned()));
    let asking = service.asks(&["auth", "zoom"]).await;
    let shown = asking.browse().await.pop().unwrap();
    assert_eq!(shown.status, Some(400));
    assert_eq!(zoom.journal().exchanges().len(), 0);

    zoom.rules(|rules| rules.consent = Consent::Allows);
    assert_eq!(asking.browse().await.pop().unwrap().status, Some(200));
    asking.ended().await.with(0);

    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn another_state_alone_ends_it_with_a_word_on_what_to_do() {
    let (zoom, service) = unauthorized().await;
    zoom.rules(|rules| rules.consent = Consent::AllowsWithState("theirs".to_owned()));
    let asking = service.asks(&["auth", "zoom"]).await;
    asking.browse().await;

    let ended = asking.ended().await.with(3);

    let words = ended.words();
    assert!(words.contains("another `state`") && words.contains("start `zoom-archiver auth zoom` anew"), "{words}");
    is_as_before(&zoom, &service);
}

#[tokio::test]
async fn l10_other_paths_other_hosts_and_browsers_that_look_ahead_are_not_listened_to() {
    let (zoom, service) = unauthorized().await;
    zoom.rules(|rules| rules.consent = Consent::LeavesPageOpen);
    let asking = service.asks(&["auth", "zoom"]).await;
    let address = asking.address.parse::<reqwest::Url>().unwrap();
    let parameter = |name| address.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let (redirect, state) = (parameter("redirect_uri"), parameter("state"));
    let answer = format!("{redirect}?code=x&state={state}");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();

    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    assert_eq!(status(client.get(answer.replace("/redirect", "/other"))).await, 404);
    assert_eq!(status(client.get(&answer).header("Host", "evil.example")).await, 404);
    assert_eq!(status(client.get(&answer).header("Sec-Purpose", "prefetch;prerender")).await, 409);
    assert_eq!(status(client.head(&answer)).await, 409);
    assert_eq!(status(client.post(&answer)).await, 409);
    assert_eq!(status(client.get(&redirect)).await, 409);
    assert_eq!(zoom.journal().exchanges().len(), 0);

    assert_eq!(status(client.get(format!("{redirect}?utm=1"))).await, 409);

    // The same address as an answer of a browser that means it.
    assert_eq!(status(client.get(&answer)).await, 400);
    asking.ended().await.with(3);
    assert_eq!(zoom.journal().exchanges().len(), 1);
    service.write_token(&zoom.authorize_again());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn l10_two_answers_at_once_are_one_exchange() {
    let (zoom, service) = unauthorized().await;
    let asking = service.asks(&["auth", "zoom"]).await;
    let exchange = zoom.hold_answer(Matcher::exchange());
    let (first, second) = (asking.browse(), asking.browse());
    let release = async {
        exchange.reached().await;
        exchange.release();
    };
    let (first, second, ()) = tokio::join!(first, second, release);
    asking.ended().await.with(0);

    let mut shown = [first, second].map(|mut pages| pages.pop().unwrap().status);
    shown.sort_unstable();
    assert_ne!(shown[0], shown[1], "one of them is told that there is an answer already");
    assert!(shown.contains(&Some(200)));
    assert_eq!(zoom.journal().exchanges().len(), 1);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn l10_it_listens_on_loopback_alone_and_on_both_of_its_addresses() {
    let (zoom, service) = unauthorized().await;
    let asking = service.asks(&["auth", "zoom"]).await;
    let address = asking.address.parse::<reqwest::Url>().unwrap();
    let redirect = address.query_pairs().find(|(key, _)| key == "redirect_uri").unwrap().1.into_owned();
    let port = redirect.parse::<reqwest::Url>().unwrap().port().unwrap();
    let listening = |table: &str| {
        let table = std::fs::read_to_string(format!("/proc/{}/net/{table}", asking.id())).unwrap();
        let sockets = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        let ours = sockets.filter(|fields| fields[3] == "0A" && fields[1].ends_with(&format!(":{port:04X}")));
        ours.map(|fields| fields[1].rsplit_once(':').unwrap().0.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listening("tcp"), ["0100007F"]);
    assert_eq!(listening("tcp6"), ["00000000000000000000000001000000"]);

    asking.signal("TERM");
    asking.ended().await.with(1);
    service.write_token(&zoom.authorize_again());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_port_that_another_program_has_is_told_with_three_ways_out() {
    let (zoom, service) = unauthorized().await;
    let occupant = std::net::TcpListener::bind("[::1]:0").unwrap();
    let port = occupant.local_addr().unwrap().port();
    let service = service.set("zoom.redirect_uri", format!("http://localhost:{port}/redirect"));

    let ended = service.run(&["auth", "zoom"]).await.with(1);

    let words = ended.words();
    assert!(words.contains(&format!("[::1]:{port} is in use")), "{words}");
    assert!(words.contains("ss -ltnp") && words.contains("--paste") && words.contains("zoom.redirect_uri"), "{words}");
    is_as_before(&zoom, &service);
}

#[tokio::test]
async fn a_code_that_is_too_old_asks_for_another_run() {
    let (zoom, service) = unauthorized().await;
    zoom.rules(|rules| rules.code_lifetime = TimeDelta::seconds(-1));
    let asking = service.asks(&["auth", "zoom"]).await;

    let shown = asking.browse().await.pop().unwrap();
    let ended = asking.ended().await.with(3);

    assert_eq!(shown.status, Some(400));
    let words = ended.words();
    assert!(words.contains("Invalid authorization code") && words.contains("older than its five minutes"), "{words}");
    is_as_before(&zoom, &service);
}

#[tokio::test]
async fn what_zoom_refuses_at_the_exchange_is_told_with_what_is_behind_it() {
    for (status, body, remedy) in [
        (
            400,
            json!({"reason": "Redirect URI mismatch.", "error": "invalid_request"}),
            "must be the same to the letter",
        ),
        (
            400,
            json!({"status": false, "errorCode": 4709, "errorMessage": "Redirect URI mismatch."}),
            "zoom.redirect_uri",
        ),
        (401, json!({"reason": "Invalid client credentials", "error": "invalid_client"}), "compare zoom.client_id and"),
        (400, json!({"reason": "Unsupported grant type", "error": "unsupported_grant_type"}), "make a General App"),
        (400, json!({"errorCode": 4717, "errorMessage": "The app has been disabled"}), "enable the app at marketplace"),
        (400, json!({"error": "unauthorized_client"}), "the app may not ask for tokens"),
        (400, json!({"error": "access_denied", "reason": "App is not approved"}), "the account's admin has to approve"),
        (403, json!({"reason": "Not allowed"}), "check zoom.client_id and zoom.client_secret"),
        (400, json!({"error": "invalid_grant", "reason": "Invalid Token!"}), "older than its five minutes"),
    ] {
        let (zoom, service) = unauthorized().await;
        zoom.inject(Matcher::exchange(), Fault::json(status, &body));
        let asking = service.asks(&["auth", "zoom"]).await;
        asking.browse().await;
        let ended = asking.ended().await.with(3);
        assert!(ended.words().contains(remedy), "{body}: {}", ended.words());
        is_as_before(&zoom, &service);
    }
}

#[tokio::test]
async fn a_wrong_client_secret_is_told_and_not_shown() {
    let (zoom, service) = unauthorized().await;
    let service = service.set("zoom.client_secret", "another-secret");
    let asking = service.asks(&["auth", "zoom"]).await;
    asking.browse().await;

    let ended = asking.ended().await.with(3);

    assert!(ended.words().contains("compare zoom.client_id and zoom.client_secret"), "{}", ended.words());
    assert!(!ended.stderr.contains("another-secret") && !ended.stdout.contains("another-secret"));
    is_as_before(&zoom, &service);
}

#[tokio::test]
async fn a_redirect_address_that_the_app_does_not_know_is_told_by_zoom_in_the_browser() {
    let (zoom, service) = unauthorized().await;
    zoom.rules(|rules| rules.redirect_uris = vec!["https://example.com/redirect".to_owned()]);
    let asking = service.asks(&["auth", "zoom"]).await;

    let pages = asking.browse().await;

    assert_eq!(pages.len(), 1, "{pages:?}");
    assert!(pages[0].body.contains("Invalid redirect url"), "{pages:?}");
    asking.signal("INT");
    asking.ended().await.with(1);
    is_as_before(&zoom, &service);
}

#[tokio::test]
async fn an_overloaded_token_endpoint_is_asked_again_with_the_same_code() {
    let (zoom, service) = unauthorized().await;
    zoom.inject(Matcher::exchange(), Fault::json(503, &json!({})));
    let asking = service.asks(&["auth", "zoom"]).await;
    asking.browse().await;
    asking.ended().await.with(0);
    assert_eq!(zoom.journal().exchanges().len(), 2);
}

#[tokio::test]
async fn the_whole_address_can_be_pasted_where_the_browser_is_elsewhere() {
    let (zoom, service) = unauthorized().await;
    let mut asking = service.asks(&["auth", "zoom", "--paste"]).await;
    let pages = asking.browse().await;
    assert_eq!(pages.last().unwrap().status, None, "nobody listens");

    asking.is_given(pages.last().unwrap().address.as_str()).await;
    let ended = asking.ended().await.with(0);

    assert!(ended.stdout.contains("Next: zoom-archiver check"), "{}", ended.stdout);
    assert_eq!(service.text(".zoom_refresh_token").trim_end(), zoom.refresh_token());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn the_code_alone_can_be_pasted_for_the_challenge_binds_it_to_this_run() {
    let (zoom, service) = unauthorized().await;
    let mut asking = service.asks(&["auth", "zoom", "--paste"]).await;
    let code = asking.browse().await.pop().unwrap().parameter("code").unwrap();
    asking.is_given(&code).await;
    asking.ended().await.with(0);

    // The code of another run is bound to that one's challenge.
    let other = service.asks(&["auth", "zoom", "--paste"]).await;
    let code = other.browse().await.pop().unwrap().parameter("code").unwrap();
    let mut asking = service.asks(&["auth", "zoom", "--paste"]).await;
    asking.is_given(&code).await;
    let ended = asking.ended().await.with(3);
    assert!(ended.words().contains("belongs to another run"), "{}", ended.words());
    other.ended().await.with(3).says("nothing was pasted");
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_redirect_address_elsewhere_is_pasted_without_being_asked_to() {
    let (zoom, service) = unauthorized().await;
    let redirect = "https://example.com/oauth/callback";
    zoom.rules(|rules| rules.redirect_uris = vec![redirect.to_owned()]);
    let service = service.set("zoom.redirect_uri", redirect);
    let mut asking = service.asks(&["auth", "zoom"]).await;
    let answer = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let answer = answer.get(&asking.address).send().await.unwrap();
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with(redirect), "{location}");

    asking.is_given(&location).await;
    asking.ended().await.with(0);

    assert_eq!(service.text(".zoom_refresh_token").trim_end(), zoom.refresh_token());
}

#[tokio::test]
async fn what_is_pasted_wrongly_is_told_without_being_repeated() {
    for (pasted, words) in [
        ("", "nothing was pasted"),
        ("http://localhost:8080/redirect?code=pasted-wrongly&state=old", "another `state`"),
        ("http://localhost:8080/redirect?code=pasted-wrongly", "without `state`"),
        ("http://localhost:8080/pasted-wrongly", "there is no `code`"),
    ] {
        let (zoom, service) = unauthorized().await;
        let mut asking = service.asks(&["auth", "zoom", "--paste"]).await;
        asking.is_given(pasted).await;
        let ended = asking.ended().await.with(3);
        assert!(ended.words().contains(words), "{pasted}: {}", ended.words());
        assert!(!ended.stderr.contains("pasted-wrongly"), "{}", ended.stderr);
        is_as_before(&zoom, &service);
    }
}

#[tokio::test]
async fn a_service_that_waits_for_an_authorization_goes_on_with_it_by_itself() {
    let (zoom, service) = unauthorized().await;
    let daemon = service.run_daemon();
    service.until_state_is("authorization").await;
    let asking = service.asks(&["auth", "zoom"]).await;
    asking.browse().await;
    asking.ended().await.with(0);

    service.until_recorded("a==").await;

    daemon.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_service_at_work_keeps_the_new_token_and_never_puts_an_older_one_back() {
    let (zoom, service) = unauthorized().await;
    service.write_token(&zoom.authorize_again());
    let daemon = service.run_daemon();
    service.until_recorded("a==").await;
    let asking = service.asks(&["auth", "zoom"]).await;
    // The service renews its token while the person is at the consent page.
    zoom.expire_access_token();
    service.run(&["list"]).await.with(0);
    asking.browse().await;
    asking.ended().await.with(0);
    assert_eq!(service.text(".zoom_refresh_token").trim_end(), zoom.refresh_token());

    zoom.add_meeting("me", meeting("b==", 2).video("gallery_view", 4096));
    daemon.stop().await.with(0);
    service.once().await.with(0);
    assert_eq!(service.recorded_uuids().len(), 2);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_token_of_an_older_script_is_taken_as_it_is_with_a_word_that_it_is_ours_now() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", 4096)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let words = "from now on this program alone can use it";
    assert_eq!(service.log().matches(words).count(), 1, "{}", service.log());

    zoom.expire_access_token();
    service.once().await.with(0);
    assert_eq!(service.log().matches(words).count(), 1, "it is said once");
}

#[tokio::test]
async fn stopped_while_it_waits_it_leaves_everything_as_it_was() {
    let (zoom, service) = unauthorized().await;
    service.write_token("the-old-one");
    for signal in ["INT", "TERM"] {
        let asking = service.asks(&["auth", "zoom"]).await;
        asking.signal(signal);
        asking.ended().await.with(1).says("everything is as it was");
        assert_eq!(service.text(".zoom_refresh_token").trim_end(), "the-old-one");
    }
    assert_eq!(zoom.journal().to(Endpoint::Token).count(), 0);
}

#[tokio::test]
async fn stopped_in_the_middle_of_the_exchange_it_saves_what_the_exchange_gives() {
    let (zoom, service) = unauthorized().await;
    let asking = service.asks(&["auth", "zoom"]).await;
    let exchange = zoom.hold_answer(Matcher::exchange());
    let address = asking.address.clone();
    let browser = browse(&address);
    let stop = async {
        exchange.reached().await;
        asking.signal("TERM");
        exchange.release();
        asking.ended().await
    };
    let (_, ended) = tokio::join!(browser, stop);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(service.text(".zoom_refresh_token").trim_end(), zoom.refresh_token());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_to_is_found_before_anybody_is_asked() {
    let (zoom, service) = unauthorized().await;
    let service = service.set("zoom.token_file", "/proc/nowhere/token");
    let ended = service.run(&["auth", "zoom"]).await.with(2);
    assert!(ended.words().contains("/proc"), "{}", ended.words());
    assert_eq!(ended.stdout, "");
    assert_eq!(zoom.journal().entries().count(), 0);
}

#[tokio::test]
async fn an_app_of_one_user_is_told_that_the_settings_name_others() {
    let (_zoom, service) = unauthorized().await;
    let service = service.set("zoom.users", vec!["me", "anna@example.com"]);
    let asking = service.asks(&["auth", "zoom"]).await;
    asking.browse().await;
    let ended = asking.ended().await.with(2);
    assert!(ended.words().contains("set zoom.users = [\"me\"]"), "{}", ended.words());
}

#[tokio::test]
async fn an_answer_without_a_refresh_token_is_told_to_be_of_another_kind_of_app() {
    let (zoom, service) = unauthorized().await;
    zoom.inject(Matcher::exchange(), Fault::json(200, &json!({"access_token": "lonely", "expires_in": 3599})));
    let asking = service.asks(&["auth", "zoom"]).await;
    asking.browse().await;
    let ended = asking.ended().await.with(3);
    assert!(ended.words().contains("it is a General App, user-managed"), "{}", ended.words());
    assert!(!service.path(".zoom_refresh_token").exists());
}

#[tokio::test]
async fn l10_connections_that_say_nothing_keep_no_browser_out() {
    let (zoom, service) = unauthorized().await;
    let asking = service.asks(&["auth", "zoom"]).await;
    let address = asking.address.parse::<reqwest::Url>().unwrap();
    let redirect = address.query_pairs().find(|(key, _)| key == "redirect_uri").unwrap().1.into_owned();
    let port = redirect.parse::<reqwest::Url>().unwrap().port().unwrap();
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    assert_eq!(asking.browse().await.pop().unwrap().status, Some(200));
    asking.ended().await.with(0);
    drop(idle);
    service.keeps_its_promises(&zoom).await;
}
