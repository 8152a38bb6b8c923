//! The way through the consent page to tokens, gone by a client that sometimes does what it shouldn't.

use chrono::TimeDelta;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::super::tests::{Visitor, client, form, noon, one_meeting};
use super::super::{
    Consent, Credential, Endpoint, Fault, Matcher, OtherUsers, RedirectPort, Refused, Rotation, Rules, Simulator,
    TokenRefused, World,
};

// RFC 7636, appendix B
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://localhost:8080/redirect";

const RIGHT: [(&str, &str); 6] = [
    ("response_type", "code"),
    ("client_id", "demo_client_id"),
    ("redirect_uri", REDIRECT),
    ("state", "Zx-9_state"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

async fn zoom_with(rules: impl FnOnce(&mut Rules)) -> Simulator {
    Simulator::start(one_meeting().rules(rules)).await.unwrap()
}

fn visitor(zoom: &Simulator) -> Visitor<'_> {
    Visitor { zoom, client: client(), token: String::new() }
}

/// The right request, with other values for some parameters; `""` leaves one out.
fn with(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let value = |name, value| changes.iter().find(|(changed, _)| *changed == name).map_or(value, |(_, new)| *new);
    let kept = RIGHT.into_iter().map(|(name, old)| (name, value(name, old)));
    let added = changes.iter().filter(|(name, _)| RIGHT.iter().all(|(known, _)| known != name)).copied();
    kept.chain(added).filter(|(_, value)| !value.is_empty()).collect()
}

async fn authorize(visitor: &Visitor<'_>, query: &[(&str, &str)]) -> Response {
    let url = format!("{}/authorize", visitor.zoom.oauth_url());
    visitor.client.get(url).query(query).send().await.unwrap()
}

/// What the address that the browser is sent to says.
fn back(response: &Response) -> (String, Vec<(String, String)>) {
    assert_eq!(response.status(), 302);
    let url = Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    let query = url.query_pairs().into_owned().collect();
    (format!("{}{}", url.origin().ascii_serialization(), url.path()), query)
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// A code that was had with the right request.
async fn code(visitor: &Visitor<'_>) -> String {
    code_for(visitor, &RIGHT).await
}

async fn code_for(visitor: &Visitor<'_>, query: &[(&str, &str)]) -> String {
    let (_, query) = back(&authorize(visitor, query).await);
    value(&query, "code").unwrap().to_owned()
}

/// The form of the right exchange.
fn exchange_of(code: &str) -> Vec<(&str, &str)> {
    vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT), ("code_verifier", VERIFIER)]
}

async fn exchange(visitor: &Visitor<'_>, fields: &[(&str, &str)]) -> (StatusCode, Value) {
    let response = visitor.token_request(form(fields)).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn whoever_allows_comes_back_with_a_code_for_tokens_that_replace_all_before() {
    let zoom = zoom_with(|_| {}).await;
    let before = zoom.refresh_token();
    let mut visitor = Visitor::at(&zoom).await;
    let newest = zoom.refresh_token();

    let (address, query) = back(&authorize(&visitor, &RIGHT).await);
    assert_eq!((address.as_str(), value(&query, "state")), (REDIRECT, Some("Zx-9_state")));
    assert_eq!(visitor.get("/users/me/recordings").await.0, 200, "a code alone revokes nothing");
    let (status, answer) = exchange(&visitor, &exchange_of(value(&query, "code").unwrap())).await;

    assert_eq!((status.as_u16(), &answer["token_type"], &answer["expires_in"]), (200, &json!("bearer"), &json!(3599)));
    assert_eq!(answer["refresh_token"], zoom.refresh_token());
    assert!(answer["scope"].as_str().unwrap().contains("cloud_recording:read:list_user_recordings"));
    assert_eq!(visitor.get("/users/me/recordings").await.0, 401, "the access token before is dead");
    zoom.rules(|rules| rules.rotation = Rotation::Forgiving);
    for dead in [&before, &newest] {
        assert_eq!(visitor.refresh(dead).await.status(), 400);
    }
    answer["access_token"].as_str().unwrap().clone_into(&mut visitor.token);
    assert_eq!(visitor.get("/users/me/recordings").await.0, 200);
    assert_eq!(visitor.refresh(answer["refresh_token"].as_str().unwrap()).await.status(), 200);
}

#[tokio::test]
async fn a_request_that_is_not_right_gets_a_page_and_no_code() {
    let zoom = zoom_with(|rules| rules.redirect_port = RedirectPort::Registered).await;
    let visitor = visitor(&zoom);
    for (change, code) in [
        (("client_id", "other"), 4702),
        (("client_id", ""), 4702),
        (("response_type", "token"), 4700),
        (("redirect_uri", "http://localhost:8080/Redirect"), 4700),
        (("redirect_uri", "http://localhost:8080/redirect/"), 4700),
        (("redirect_uri", "http://localhost:9090/redirect"), 4700),
        (("redirect_uri", "http://127.0.0.1:8080/redirect"), 4700),
        (("redirect_uri", ""), 4700),
        (("code_challenge", "short"), 4700),
        (("code_challenge_method", "S512"), 4700),
        (("client_secret", "SECRET-demo-client-secret"), 4700),
        (("code_verifier", VERIFIER), 4700),
    ] {
        let response = authorize(&visitor, &with(&[change])).await;
        assert_eq!(response.status(), 400, "{change:?}");
        assert_eq!(response.json::<Value>().await.unwrap()["errorCode"], code, "{change:?}");
    }
    let twice: Vec<_> = RIGHT.into_iter().chain([("state", "another")]).collect();
    assert_eq!(authorize(&visitor, &twice).await.status(), 400);
    let wrong = authorize(&visitor, &with(&[("redirect_uri", "http://localhost/")])).await;
    let seen = json!({"status": false, "errorCode": 4700, "errorMessage": "Invalid redirect url", "result": null});
    assert_eq!(wrong.json::<Value>().await.unwrap(), seen);
    let posted = visitor.client.post(format!("{}/authorize", zoom.oauth_url())).query(&RIGHT).send().await.unwrap();
    assert_eq!(posted.status(), 405);
}

#[tokio::test]
async fn the_port_of_a_loopback_address_is_free_where_the_rule_says_so() {
    let zoom = zoom_with(|rules| rules.redirect_uris.push("https://example.com/back".to_owned())).await;
    let visitor = visitor(&zoom);
    for (address, status) in [
        ("http://localhost:9090/redirect", 302),
        ("http://localhost/redirect", 302),
        ("http://localhost:9090/other", 400),
        ("http://127.0.0.1:8080/redirect", 400),
        ("https://localhost:8080/redirect", 400),
        ("https://example.com/back", 302),
        ("https://example.com:8443/back", 400),
    ] {
        let response = authorize(&visitor, &with(&[("redirect_uri", address)])).await;
        assert_eq!(response.status().as_u16(), status, "{address}");
    }
}

#[tokio::test]
async fn what_the_user_does_shows_in_how_the_browser_comes_back() {
    let zoom = zoom_with(|_| {}).await;
    let visitor = visitor(&zoom);
    let after = async |consent: Consent| {
        zoom.rules(|rules| rules.consent = consent);
        let response = authorize(&visitor, &RIGHT).await;
        (response.status() == 302).then(|| back(&response).1)
    };
    let denied = after(Consent::Denies).await.unwrap();
    assert_eq!(
        (value(&denied, "error"), value(&denied, "state"), value(&denied, "code")),
        (Some("access_denied"), Some("Zx-9_state"), None)
    );
    let elsewhere = after(Consent::AllowsElsewhere).await.unwrap();
    assert_eq!((value(&elsewhere, "state"), value(&elsewhere, "code").is_some()), (None, true));
    let other = after(Consent::AllowsWithState("theirs".to_owned())).await.unwrap();
    assert_eq!((value(&other, "state"), value(&other, "code").is_some()), (Some("theirs"), true));
    assert_eq!(after(Consent::LeavesPageOpen).await, None);

    let only = vec!["user:read:user".to_owned()];
    let code = after(Consent::AllowsOnly(only)).await.unwrap();
    let (_, answer) = exchange(&visitor, &exchange_of(value(&code, "code").unwrap())).await;
    assert_eq!(answer["scope"], "user:read:user");
    let renewed: Value = visitor.refresh(&zoom.refresh_token()).await.json().await.unwrap();
    assert_eq!(renewed["scope"], "user:read:user", "a refresh gives no more than was granted");
}

#[tokio::test]
async fn a_code_is_taken_once_within_five_minutes_and_from_whoever_asked_for_it() {
    let zoom = zoom_with(|_| {}).await;
    let visitor = visitor(&zoom);
    let used = code(&visitor).await;
    assert_eq!(exchange(&visitor, &exchange_of(&used)).await.0, 200);
    let old = code(&visitor).await;
    let token = zoom.refresh_token();
    zoom.advance(TimeDelta::minutes(5));
    for dead in [used.as_str(), &old, "invented", ""] {
        let refusal = json!({"reason": format!("Invalid authorization code {dead}"), "error": "invalid_request"});
        assert_eq!(exchange(&visitor, &exchange_of(dead)).await, (StatusCode::BAD_REQUEST, refusal));
    }
    let without_verifier = |code| exchange_of(code).into_iter().filter(|(name, _)| *name != "code_verifier").collect();
    let changed = |code, name, value| {
        let keep = move |(known, old)| (known, if known == name { value } else { old });
        exchange_of(code).into_iter().map(keep).collect::<Vec<_>>()
    };
    let (first, second, third, fourth) =
        (code(&visitor).await, code(&visitor).await, code(&visitor).await, code(&visitor).await);
    let requests: [(Vec<(&str, &str)>, Value); 4] = [
        (without_verifier(&first), json!({"error": "invalid_grant"})),
        (changed(&second, "code_verifier", CHALLENGE), json!({"error": "invalid_grant"})),
        (
            changed(&third, "redirect_uri", "http://localhost:9090/redirect"),
            json!({"reason": "Redirect URI mismatch.", "error": "invalid_request"}),
        ),
        (
            exchange_of(&fourth).into_iter().filter(|(name, _)| *name != "redirect_uri").collect(),
            json!({"reason": "Redirect URI mismatch.", "error": "invalid_request"}),
        ),
    ];
    for (fields, refusal) in requests {
        assert_eq!(exchange(&visitor, &fields).await, (StatusCode::BAD_REQUEST, refusal));
    }
    assert_eq!(exchange(&visitor, &exchange_of(&first)).await.0, 400, "what was tried in vain is used up");
    assert_eq!(zoom.refresh_token(), token, "none of these revoked anything");
}

#[tokio::test]
async fn a_challenge_without_a_method_is_the_verifier_itself() {
    let zoom = zoom_with(|_| {}).await;
    let visitor = visitor(&zoom);
    let plain = with(&[("code_challenge", VERIFIER), ("code_challenge_method", "")]);
    assert_eq!(exchange(&visitor, &exchange_of(&code_for(&visitor, &plain).await)).await.0, 200);
    let without = with(&[("code_challenge", ""), ("code_challenge_method", "")]);
    assert_eq!(
        exchange(&visitor, &exchange_of(&code_for(&visitor, &without).await)).await.0,
        400,
        "a verifier for none"
    );
    // Who takes a challenge for hashed, and sends no method, is refused.
    let taken_for_hashed = with(&[("code_challenge_method", "")]);
    assert_eq!(exchange(&visitor, &exchange_of(&code_for(&visitor, &taken_for_hashed).await)).await.0, 400);
}

#[tokio::test]
async fn an_exchange_is_made_by_the_client_in_the_body_alone() {
    let zoom = zoom_with(|_| {}).await;
    let visitor = visitor(&zoom);
    let code = code(&visitor).await;
    let fields = exchange_of(&code);
    let in_query = visitor.token_request(String::new()).query(&fields).send().await.unwrap();
    assert_eq!(in_query.status(), 400);
    let with_secret = form(&[fields.as_slice(), &[("client_secret", "SECRET-demo-client-secret")]].concat());
    let url = format!("{}/token", zoom.oauth_url());
    let anonymous = visitor.client.post(url).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(anonymous.body(with_secret).send().await.unwrap().status(), 401);
    assert_eq!(exchange(&visitor, &fields).await.0, 200, "none of these used the code up");
}

#[tokio::test]
async fn the_journal_shows_what_was_asked_but_for_the_secrets() {
    let zoom = zoom_with(|_| {}).await;
    let visitor = visitor(&zoom);
    let code = code(&visitor).await;
    exchange(&visitor, &exchange_of(&code)).await;
    exchange(&visitor, &exchange_of(&code)).await;
    visitor.refresh(&zoom.refresh_token()).await;

    let journal = zoom.journal();
    let asked = journal.authorizations()[0];
    assert_eq!(
        (asked.parameter("code_challenge_method"), asked.parameter("state")),
        (Some("S256"), Some("Zx-9_state"))
    );
    let exchanges = journal.exchanges();
    let judged: Vec<_> = exchanges.iter().map(|entry| (entry.authorization, entry.code)).collect();
    assert_eq!(judged, [(Credential::Valid, Credential::Valid), (Credential::Valid, Credential::Stale)]);
    assert_eq!(exchanges[0].form_names, ["grant_type", "code", "redirect_uri", "code_verifier"]);
    assert_eq!((exchanges[0].field("redirect_uri"), exchanges[0].field("code_verifier")), (Some(REDIRECT), None));
    assert_eq!(journal.token_requests().len(), 3);
    let secrets = zoom.secrets();
    assert!([code.as_str(), VERIFIER].iter().all(|secret| secrets.iter().any(|known| known == secret)));
}

#[tokio::test]
async fn exchange_and_refresh_go_wrong_apart_from_each_other() {
    let zoom = zoom_with(|_| {}).await;
    let visitor = visitor(&zoom);
    zoom.inject(Matcher::exchange(), TokenRefused::Verifier);
    zoom.inject(Matcher::exchange(), Fault::LoseAnswer);
    assert_eq!(visitor.refresh(&zoom.refresh_token()).await.status(), 200);
    let first = code(&visitor).await;
    assert_eq!(exchange(&visitor, &exchange_of(&first)).await.1, json!({"error": "invalid_grant"}));
    let token = zoom.refresh_token();
    assert!(visitor.token_request(form(&exchange_of(&first))).send().await.is_err());
    assert_ne!(zoom.refresh_token(), token, "what was lost was granted");
    assert_eq!(exchange(&visitor, &exchange_of(&first)).await.0, 400, "and the code is used up");
    zoom.inject(Matcher::refresh(), TokenRefused::Token);
    assert_eq!(exchange(&visitor, &exchange_of(&code(&visitor).await)).await.0, 200);
    assert_eq!(visitor.refresh(&zoom.refresh_token()).await.status(), 400);
}

#[tokio::test]
async fn a_user_is_shown_to_a_token_with_the_scope() {
    let zoom = zoom_with(|_| {}).await;
    let (status, answer) = Visitor::at(&zoom).await.get("/users/me").await;
    assert_eq!((status.as_u16(), &answer["code"]), (400, &json!(4711)));
    assert!(
        answer["message"].as_str().unwrap().ends_with("scopes:[user:read:user, user:read:user:admin]."),
        "{answer}"
    );
    zoom.rules(|rules| rules.scopes.push("user:read:user".to_owned()));
    let visitor = Visitor::at(&zoom).await;
    let (_, answer) = visitor.get("/users/me").await;
    assert_eq!((&answer["email"], &answer["display_name"]), (&json!("host@example.com"), &json!("Host Example")));
    assert_eq!(visitor.get("/users/nobody@example.com").await.0, 404);
    assert_eq!(zoom.journal().to(Endpoint::User).count(), 3);
}

#[tokio::test]
async fn an_app_of_one_user_names_nobody_but_me() {
    let zoom = zoom_with(|rules| rules.other_users = OtherUsers::LackScopes).await;
    let visitor = Visitor::at(&zoom).await;
    assert_eq!(visitor.get("/users/me/recordings").await.0, 200);
    let scopes = json!({"code": 4700, "message": "Invalid access token, does not contain scopes."});
    assert_eq!(visitor.get("/users/host%40example.com/recordings").await, (StatusCode::BAD_REQUEST, scopes));
    zoom.rules(|rules| rules.other_users = OtherUsers::DoNotExist);
    let (status, answer) = visitor.get("/users/host%40example.com/recordings").await;
    assert_eq!((status.as_u16(), &answer["code"]), (404, &json!(1001)));
}

#[tokio::test]
async fn a_disabled_app_is_authorized_by_nobody_and_gets_no_token() {
    let zoom = zoom_with(|rules| rules.app_is_disabled = true).await;
    let visitor = visitor(&zoom);
    let page: Value = authorize(&visitor, &RIGHT).await.json().await.unwrap();
    assert_eq!((&page["errorCode"], &page["errorMessage"]), (&json!(4717), &json!("The app has been disabled")));
    let refused: Value = visitor.refresh(&zoom.refresh_token()).await.json().await.unwrap();
    assert_eq!(refused["error"], "invalid_client");
}

#[tokio::test]
async fn every_refusal_can_be_had_as_a_fault() {
    let zoom = zoom_with(|_| {}).await;
    let visitor = Visitor::at(&zoom).await;
    for refused in Refused::ALL {
        zoom.inject(Matcher::list(), refused);
        let (status, answer) = visitor.get("/users/me/recordings").await;
        assert_eq!(status == 200, refused == Refused::NoRights);
        assert!(answer["code"].is_number() && answer["message"].is_string(), "{answer}");
    }
    for refused in TokenRefused::ALL {
        zoom.inject(Matcher::refresh(), refused);
        let response = visitor.refresh("any").await;
        assert!(response.status().is_client_error());
        let answer: Value = response.json().await.unwrap();
        assert!(answer["error"].is_string() || answer["reason"].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn every_answer_says_what_time_zoom_takes_it_to_be() {
    let zoom = Simulator::start(World::new(noon())).await.unwrap();
    let visitor = visitor(&zoom);
    let date = async || {
        let headers = authorize(&visitor, &RIGHT).await.headers().clone();
        headers.get("date").map(|date| date.to_str().unwrap().to_owned())
    };
    assert!(date().await.unwrap().starts_with("Tue, 02 Dec 2025 12:0"));
    zoom.rules(|rules| rules.date = Some(-TimeDelta::hours(24)));
    assert!(date().await.unwrap().starts_with("Mon, 01 Dec 2025 12:0"));
    zoom.rules(|rules| rules.date = None);
    assert_eq!(date().await, None);
}
