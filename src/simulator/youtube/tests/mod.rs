//! What the simulated YouTube promises, seen by a plain HTTP client that follows no redirects.

mod playlists;
mod quota;
mod troubles;
mod uploads;
mod videos;

use chrono::TimeDelta;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use url::Url;

use super::super::tests::{client, form, noon};
use super::super::{Answer, Consent, Credential, Endpoint, Fault, Matcher, Outcome};
use super::*;

// RFC 7636, appendix B
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://127.0.0.1:53682";
const UPLOADS_ALONE: &str = "https://www.googleapis.com/auth/youtube.upload";

const RIGHT: [(&str, &str); 9] = [
    ("client_id", "demo-client.apps.googleusercontent.com"),
    ("redirect_uri", REDIRECT),
    ("response_type", "code"),
    ("scope", SCOPE),
    ("state", "Zx-9_state"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
    ("access_type", "offline"),
    ("prompt", "consent"),
];

async fn empty() -> Youtube {
    Youtube::start(World::new(noon())).await.unwrap()
}

/// The client's side: credentials, and an access token once it has one.
struct Visitor<'a> {
    youtube: &'a Youtube,
    client: Client,
    token: String,
}

impl<'a> Visitor<'a> {
    fn stranger(youtube: &'a Youtube) -> Self {
        Self { youtube, client: client(), token: String::new() }
    }

    /// One with an access token for these scopes.
    async fn with(youtube: &'a Youtube, scopes: &[&str]) -> Self {
        let mut visitor = Self::stranger(youtube);
        let (_, answer) = visitor.refresh(&youtube.authorize_for(scopes)).await;
        answer["access_token"].as_str().unwrap().clone_into(&mut visitor.token);
        visitor
    }

    async fn authorize(&self, query: &[(&str, &str)]) -> Response {
        self.client.get(self.youtube.auth_url()).query(query).send().await.unwrap()
    }

    /// What the address that the browser is sent to says.
    async fn back(&self) -> Vec<(String, String)> {
        let response = self.authorize(&RIGHT).await;
        assert_eq!(response.status(), 302);
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        assert!(location.starts_with(&format!("{REDIRECT}?")), "{location}");
        Url::parse(&location).unwrap().query_pairs().into_owned().collect()
    }

    async fn code(&self) -> String {
        value(&self.back().await, "code").unwrap().to_owned()
    }

    async fn post(&self, fields: &[(&str, &str)]) -> (u16, Value) {
        let request = self.client.post(format!("{}/token", self.youtube.oauth_url()));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form(fields));
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn refresh(&self, token: &str) -> (u16, Value) {
        self.post(&[OWN.as_slice(), &[("grant_type", "refresh_token"), ("refresh_token", token)]].concat()).await
    }

    async fn exchange(&self, code: &str) -> (u16, Value) {
        self.post(&exchange_of(code)).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let request = self.client.get(format!("{}/youtube/v3/{path}", self.youtube.api_url()));
        let request = if self.token.is_empty() { request } else { request.bearer_auth(&self.token) };
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

const OWN: [(&str, &str); 2] = [RIGHT[0], ("client_secret", "SECRET-GOCSPX-demo-client-secret")];

fn exchange_of(code: &str) -> Vec<(&str, &str)> {
    let asked =
        [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT), ("code_verifier", VERIFIER)];
    [OWN.as_slice(), &asked].concat()
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn reason(answer: &Value) -> &str {
    answer["error"]["errors"][0]["reason"].as_str().unwrap_or_default()
}

const CHANNELS: &str = "channels?part=snippet,status,contentDetails&mine=true";

#[tokio::test]
async fn whoever_allows_comes_back_with_a_code_for_a_token_that_lasts() {
    let youtube = Youtube::start(World::new(noon()).titled("Lessons")).await.unwrap();
    let mut visitor = Visitor::stranger(&youtube);
    let earlier = youtube.authorize();

    let back = visitor.back().await;
    assert_eq!((value(&back, "state"), value(&back, "scope")), (Some("Zx-9_state"), Some(SCOPE)));
    let (status, answer) = visitor.exchange(value(&back, "code").unwrap()).await;

    assert_eq!((status, &answer["token_type"], &answer["scope"]), (200, &json!("Bearer"), &json!(SCOPE)));
    assert_eq!(answer["expires_in"], 3599);
    let refresh_token = answer["refresh_token"].as_str().unwrap();
    for round in 0..2 {
        let (status, renewed) = visitor.refresh(refresh_token).await;
        assert_eq!((status, renewed.get("refresh_token")), (200, None), "round {round}: it is the same as before");
    }
    assert!(youtube.takes(&earlier), "an authorization leaves the earlier ones alone");
    answer["access_token"].as_str().unwrap().clone_into(&mut visitor.token);
    assert_eq!(visitor.get(CHANNELS).await.1["items"][0]["snippet"]["title"], "Lessons");
    youtube.expire_access_tokens();
    assert_eq!(visitor.get(CHANNELS).await.0, 401);
    youtube.revoke();
    let dead = json!({"error": "invalid_grant", "error_description": "Token has been expired or revoked."});
    assert_eq!(visitor.refresh(refresh_token).await, (400, dead));
}

#[tokio::test]
async fn a_request_that_is_not_right_gets_a_page_and_no_code() {
    let youtube = empty().await;
    let visitor = Visitor::stranger(&youtube);
    for (name, wrong, title) in [
        ("client_id", "other", "Error 401: invalid_client"),
        ("redirect_uri", "https://example.com/", "Error 400: redirect_uri_mismatch"),
        ("redirect_uri", "https://127.0.0.1:53682", "Error 400: redirect_uri_mismatch"),
        ("redirect_uri", "", "Error 400: invalid_request"),
        ("response_type", "token", "Error 400: unsupported_response_type"),
        ("scope", "", "Error 400: invalid_request"),
        ("scope", "youtube.force-ssl", "Error 400: invalid_scope"),
        ("access_type", "always", "Error 400: invalid_request"),
        ("code_challenge", "short", "Error 400: invalid_request"),
        ("code_challenge_method", "S512", "Error 400: invalid_request"),
    ] {
        let query = RIGHT.map(|(known, right)| (known, if known == name { wrong } else { right }));
        let response = visitor.authorize(&query).await;
        assert!(!response.status().is_redirection(), "{name}={wrong}");
        let page = response.text().await.unwrap();
        assert!(page.contains(title), "{name}={wrong}: {page}");
    }
    for more in [("client_secret", "x"), ("code_verifier", VERIFIER), ("state", "twice")] {
        let query: Vec<_> = RIGHT.into_iter().chain([more]).collect();
        assert_eq!(visitor.authorize(&query).await.status(), 400, "{more:?}");
    }
    for redirect in ["http://127.0.0.1:1/any/path", "http://[::1]:9", "http://localhost:8082/", "http://127.0.0.1"] {
        let query = RIGHT.map(|(known, right)| (known, if known == "redirect_uri" { redirect } else { right }));
        assert_eq!(visitor.authorize(&query).await.status(), 302, "{redirect}");
    }
}

#[tokio::test]
async fn what_the_owner_does_shows_in_how_the_browser_comes_back() {
    let youtube = empty().await;
    let visitor = Visitor::stranger(&youtube);
    youtube.rules(|rules| rules.consent = Consent::Denies);
    let denied = visitor.back().await;
    assert_eq!(
        denied,
        [("error", "access_denied"), ("state", "Zx-9_state")].map(|(n, v)| (n.to_owned(), v.to_owned()))
    );
    youtube.rules(|rules| rules.consent = Consent::AllowsWithState("theirs".to_owned()));
    assert_eq!(value(&visitor.back().await, "state"), Some("theirs"));
    youtube.rules(|rules| rules.consent = Consent::LeavesPageOpen);
    assert_eq!(visitor.authorize(&RIGHT).await.status(), 200);
    youtube.rules(|rules| rules.consent = Consent::AllowsOnly(vec![UPLOADS_ALONE.to_owned()]));
    let back = visitor.back().await;
    assert_eq!(value(&back, "scope"), Some(UPLOADS_ALONE));
    assert_eq!(visitor.exchange(value(&back, "code").unwrap()).await.1["scope"], UPLOADS_ALONE);
}

#[tokio::test]
async fn a_code_is_taken_once_in_time_and_from_whoever_asked_for_it() {
    let youtube = empty().await;
    let visitor = Visitor::stranger(&youtube);
    let used = visitor.code().await;
    assert!(used.starts_with("4/0A"), "it has to be decoded on its way");
    assert_eq!(visitor.exchange(&used).await.0, 200);
    let old = visitor.code().await;
    youtube.advance(TimeDelta::minutes(10));
    for dead in [used.as_str(), &old, "4/0Ainvented"] {
        let (status, answer) = visitor.exchange(dead).await;
        assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")), "{dead}");
    }
    for (name, wrong) in [("code_verifier", CHALLENGE), ("redirect_uri", "http://127.0.0.1:53682/")] {
        let code = visitor.code().await;
        let fields: Vec<_> =
            exchange_of(&code).into_iter().map(|(known, v)| (known, if known == name { wrong } else { v })).collect();
        let (status, answer) = visitor.post(&fields).await;
        assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")), "{name}");
        assert_eq!(visitor.exchange(&code).await.0, 400, "what was tried in vain is used up");
    }
}

#[tokio::test]
async fn the_token_endpoint_takes_the_client_from_the_body_or_the_header_and_nothing_from_the_query() {
    let youtube = empty().await;
    let visitor = Visitor::stranger(&youtube);
    let token = youtube.authorize();
    let grant = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    for (own, status, error) in [
        (vec![OWN[0]], 400, "invalid_request"),
        (vec![OWN[0], ("client_secret", "wrong")], 401, "invalid_client"),
        (vec![("client_id", "other"), OWN[1]], 401, "invalid_client"),
        (vec![OWN[1]], 401, "invalid_client"),
    ] {
        let fields: Vec<_> = own.iter().copied().chain(grant).collect();
        let (answered, answer) = visitor.post(&fields).await;
        assert_eq!((answered, &answer["error"]), (status, &json!(error)), "{own:?}");
    }
    let url = format!("{}/token", youtube.oauth_url());
    let request = |body: String| {
        let request = visitor.client.post(&url).header("content-type", "application/x-www-form-urlencoded");
        request.body(body).basic_auth(OWN[0].1, Some(OWN[1].1))
    };
    assert_eq!(request(form(&grant)).send().await.unwrap().status(), 200);
    let both: Vec<_> = OWN.into_iter().chain(grant).collect();
    assert_eq!(request(form(&both)).send().await.unwrap().status(), 401, "two ways at once");
    assert_eq!(request(String::new()).query(&grant).send().await.unwrap().status(), 400);
    let (status, answer) = visitor.post(&[OWN[0], OWN[1], ("grant_type", "password")]).await;
    assert_eq!((status, &answer["error"]), (400, &json!("unsupported_grant_type")));
    youtube.rules(|rules| rules.client_is_deleted = true);
    let (status, answer) = visitor.refresh(&token).await;
    assert_eq!((status, &answer["error"]), (401, &json!("deleted_client")));
}

#[tokio::test]
async fn a_refresh_token_of_a_client_in_testing_dies_after_a_week_and_the_oldest_of_many_at_once() {
    let youtube = empty().await;
    youtube.rules(|rules| rules.refresh_lifetime = Some(TimeDelta::days(7)));
    let token = youtube.authorize();
    youtube.advance(TimeDelta::days(6));
    assert_eq!(Visitor::stranger(&youtube).refresh(&token).await.0, 200);
    youtube.advance(TimeDelta::days(1));
    assert_eq!(Visitor::stranger(&youtube).refresh(&token).await.0, 400);
    let tokens: Vec<_> = (0..101).map(|_| youtube.authorize()).collect();
    assert!(!youtube.takes(&tokens[0]) && youtube.takes(&tokens[1]));
}

#[tokio::test]
async fn the_channel_is_shown_in_the_parts_that_are_asked_for() {
    let youtube = empty().await;
    let visitor = Visitor::with(&youtube, &[SCOPE]).await;
    let channel = visitor.get(CHANNELS).await.1["items"][0].clone();
    assert_eq!(
        (&channel["snippet"]["title"], &channel["status"]["longUploadsStatus"]),
        (&json!("Weekly classes"), &json!("allowed"))
    );
    let (id, uploads) = (channel["id"].as_str().unwrap(), &channel["contentDetails"]["relatedPlaylists"]["uploads"]);
    assert_eq!(uploads.as_str(), Some(id.replacen("UC", "UU", 1).as_str()));
    youtube.rules(|rules| rules.long_uploads = LongUploads::Disallowed);
    let (_, answer) = visitor.get("channels?part=status&mine=true").await;
    assert_eq!(
        (&answer["items"][0]["status"]["longUploadsStatus"], answer["items"][0].get("snippet")),
        (&json!("disallowed"), None)
    );
    for (query, wanted) in [
        ("mine=true", "missingRequiredParameter"),
        ("part=id", "missingRequiredParameter"),
        ("part=secrets&mine=true", "unknownPart"),
    ] {
        let (status, answer) = visitor.get(&format!("channels?{query}")).await;
        assert_eq!((status, reason(&answer)), (400, wanted), "{query}");
    }
}

#[tokio::test]
async fn an_account_without_a_channel_is_told_in_one_of_three_ways() {
    let youtube = empty().await;
    let visitor = Visitor::with(&youtube, &[SCOPE]).await;
    youtube.rules(|rules| rules.account = Account::SignupRequired);
    let (status, answer) = visitor.get(CHANNELS).await;
    assert_eq!((status, reason(&answer)), (401, "youtubeSignupRequired"));
    youtube.rules(|rules| rules.account = Account::EmptyItems);
    assert_eq!(visitor.get(CHANNELS).await.1["items"], json!([]));
    youtube.rules(|rules| rules.account = Account::NoItems);
    assert_eq!(visitor.get(CHANNELS).await.1.get("items"), None);
}

#[tokio::test]
async fn the_api_refuses_strangers_old_tokens_and_the_scope_for_uploads_alone() {
    let youtube = empty().await;
    let (status, answer) = Visitor::stranger(&youtube).get(CHANNELS).await;
    assert_eq!((status, reason(&answer)), (401, "required"));
    let (status, answer) =
        Visitor { token: "ya29.wrong".to_owned(), ..Visitor::stranger(&youtube) }.get(CHANNELS).await;
    assert_eq!((status, reason(&answer)), (401, "authError"));
    let (status, answer) = Visitor::with(&youtube, &[UPLOADS_ALONE]).await.get(CHANNELS).await;
    assert_eq!((status, reason(&answer)), (403, "insufficientPermissions"));
    let visitor = Visitor::with(&youtube, &[UPLOADS_ALONE, "https://www.googleapis.com/auth/youtube.readonly"]).await;
    assert_eq!(visitor.get(CHANNELS).await.0, 200);
    youtube.advance(TimeDelta::seconds(3599));
    assert_eq!(visitor.get(CHANNELS).await.0, 401);
    let judged: Vec<_> = youtube.journal().to(Endpoint::Channels).map(|entry| entry.authorization).collect();
    let expected = [Credential::Missing, Credential::Wrong, Credential::Valid, Credential::Valid, Credential::Stale];
    assert_eq!(judged, expected);
}

#[tokio::test]
async fn the_uploads_are_listed_newest_first_by_the_page() {
    let video = |n: i64| Video::new(&format!("video-{n:02}"), &format!("Lesson {n}"), noon() - TimeDelta::hours(n));
    let youtube = empty().await;
    for n in [3, 1, 2, 5, 4, 7, 6] {
        youtube.add_video(video(n).privacy("unlisted"));
    }
    let visitor = Visitor::with(&youtube, &[SCOPE]).await;
    let channel = visitor.get(CHANNELS).await.1["items"][0].clone();
    let uploads = channel["contentDetails"]["relatedPlaylists"]["uploads"].as_str().unwrap();
    let list = async |query: &str| {
        visitor.get(&format!("playlistItems?part=contentDetails,snippet&playlistId={uploads}{query}")).await
    };
    let mut ids = Vec::new();
    let mut next = String::new();
    loop {
        let (status, page) = list(&format!("&maxResults=3{next}")).await;
        assert_eq!((status, &page["pageInfo"]["totalResults"]), (200, &json!(7)));
        let items = page["items"].as_array().unwrap();
        ids.extend(items.iter().map(|item| item["contentDetails"]["videoId"].as_str().unwrap().to_owned()));
        match page["nextPageToken"].as_str() {
            Some(token) => next = format!("&pageToken={token}"),
            None => break,
        }
    }
    assert_eq!(ids, (1..=7).map(|n| format!("video-{n:02}")).collect::<Vec<_>>());
    let (_, page) = list("&maxResults=50").await;
    let first = &page["items"][0];
    assert_eq!(first["contentDetails"]["videoPublishedAt"], "2025-12-02T11:00:00Z");
    assert_eq!(
        (&first["snippet"]["publishedAt"], &first["snippet"]["title"]),
        (&json!("2025-12-02T11:00:00Z"), &json!("Lesson 1"))
    );
    assert_eq!(list("").await.1["items"].as_array().unwrap().len(), 5, "no more than five unless asked");
    assert_eq!(list("&maxResults=51").await.0, 400);
    assert_eq!(reason(&list("&pageToken=x").await.1), "invalidPageToken");
    let (status, answer) = visitor.get("playlistItems?part=snippet&playlistId=UUother").await;
    assert_eq!((status, reason(&answer)), (404, "playlistNotFound"));
}

#[tokio::test]
async fn each_origin_has_only_what_is_its_own() {
    let youtube = empty().await;
    let visitor = Visitor::with(&youtube, &[SCOPE]).await;
    let [page, tokens, api] = [youtube.origin(0), youtube.origin(1), youtube.origin(2)];
    for url in [
        format!("{api}/token"),
        format!("{page}/token"),
        format!("{tokens}/youtube/v3/{CHANNELS}"),
        format!("{api}/o/oauth2/v2/auth"),
        format!("{api}/youtube/v4/channels"),
    ] {
        assert_eq!(visitor.client.get(&url).bearer_auth(&visitor.token).send().await.unwrap().status(), 404, "{url}");
    }
}

#[tokio::test]
async fn every_refusal_can_be_had_as_a_fault() {
    let youtube = empty().await;
    let visitor = Visitor::with(&youtube, &[SCOPE]).await;
    for refused in Refused::ALL {
        youtube.inject(Matcher::channels(), refused);
        let (status, answer) = visitor.get(CHANNELS).await;
        assert_eq!(answer["error"]["code"], status);
        assert_eq!(reason(&answer).is_empty(), refused == Refused::LacksScopeInShort, "{answer}");
    }
    for refused in TokenRefused::ALL {
        youtube.inject(Matcher::refresh(), refused);
        let (status, answer) = visitor.refresh("any").await;
        assert!((400..500).contains(&status) && answer["error_description"].is_string(), "{answer}");
    }
    youtube.inject(Matcher::exchange(), Fault::LoseAnswer);
    let code = visitor.code().await;
    let lost = visitor.client.post(format!("{}/token", youtube.oauth_url())).form(&exchange_of(&code)).send().await;
    assert!(lost.is_err());
    assert_eq!(visitor.exchange(&code).await.0, 400, "what was lost is used up");
    youtube.inject(Matcher::channels(), Refused::Quota);
    youtube.clear_faults();
    assert_eq!(visitor.get(CHANNELS).await.0, 200);
}

#[tokio::test]
async fn the_journal_shows_what_was_asked_and_the_secrets_are_known() {
    let youtube = empty().await;
    let secrets = youtube.secrets_from_now_on();
    let visitor = Visitor::stranger(&youtube);
    let code = visitor.code().await;
    let (_, answer) = visitor.exchange(&code).await;
    let journal = youtube.journal();
    assert_eq!(journal.authorizations()[0].parameter("code_challenge_method"), Some("S256"));
    let exchange = journal.exchanges()[0];
    assert_eq!((exchange.authorization, exchange.code), (Credential::Valid, Credential::Valid));
    assert_eq!((exchange.field("redirect_uri"), exchange.field("client_secret")), (Some(REDIRECT), None));
    assert!(exchange.form_names.iter().any(|name| name == "code_verifier"));
    let told = [&answer["access_token"], &answer["refresh_token"]].map(|token| token.as_str().unwrap().to_owned());
    for secret in told.into_iter().chain([code, VERIFIER.to_owned(), youtube.client_secret()]) {
        assert!(secrets().contains(&secret), "{secret}");
    }
}
