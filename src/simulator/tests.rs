//! What the simulator promises, seen by a plain HTTP client that follows no redirects.

use chrono::{DateTime, Days, TimeDelta, Utc};
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};
use serde_json::{Value, json};

use super::*;

const MIB: u64 = 1 << 20;

pub(super) fn noon() -> DateTime<Utc> {
    "2025-12-02T12:00:00Z".parse().unwrap()
}

pub(super) fn one_meeting() -> World {
    let start = noon() - TimeDelta::hours(5);
    World::new(noon()).user("me").meeting(MeetingSpec::new("a/b+c==", start).video("gallery_view", MIB).chat(200))
}

pub(super) fn client() -> Client {
    Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap()
}

pub(super) fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The client's side: credentials, and an access token once it has one.
pub(super) struct Visitor<'a> {
    pub(super) zoom: &'a Simulator,
    pub(super) client: Client,
    pub(super) token: String,
}

impl<'a> Visitor<'a> {
    /// One with an access token.
    pub(super) async fn at(zoom: &'a Simulator) -> Self {
        let mut visitor = Self { zoom, client: client(), token: String::new() };
        let answer: Value = visitor.refresh(&zoom.refresh_token()).await.json().await.unwrap();
        answer["access_token"].as_str().unwrap().clone_into(&mut visitor.token);
        visitor
    }

    fn anonymous_token_request(&self, body: String) -> RequestBuilder {
        let request = self.client.post(format!("{}/token", self.zoom.oauth_url()));
        request.header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    pub(super) fn token_request(&self, body: String) -> RequestBuilder {
        self.anonymous_token_request(body).basic_auth(self.zoom.client_id(), Some(self.zoom.client_secret()))
    }

    pub(super) async fn refresh(&self, token: &str) -> Response {
        let body = form(&[("grant_type", "refresh_token"), ("refresh_token", token)]);
        self.token_request(body).send().await.unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> (StatusCode, Value) {
        let request = self.client.get(format!("{}{path}", self.zoom.api_url())).bearer_auth(&self.token);
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    async fn list(&self, query: &str) -> Value {
        let (status, answer) = self.get(&format!("/users/me/recordings?{query}")).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The address of the first file in today's listing.
    async fn download_url(&self) -> String {
        let listing = self.list("").await;
        listing["meetings"][0]["recording_files"][0]["download_url"].as_str().unwrap().to_owned()
    }

    /// The signed address that it redirects to.
    async fn signed_url(&self) -> String {
        let url = self.download_url().await;
        let response = self.client.get(url).bearer_auth(&self.token).send().await.unwrap();
        assert_eq!(response.status(), 302);
        response.headers()["location"].to_str().unwrap().to_owned()
    }

    /// The bytes under the signed address, from `start` on.
    async fn part(&self, start: u64) -> Response {
        let range = format!("bytes={start}-");
        self.client.get(self.signed_url().await).header("range", range).send().await.unwrap()
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Reads until the body ends or breaks: what came, and whether it was whole.
async fn read(mut response: Response) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return (bytes, true),
            Err(_) => return (bytes, false),
        }
    }
}

fn is_start_of(zoom: &Simulator, id: &str, bytes: &[u8]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("start");
    zoom.write_start_of(id, bytes.len() as u64, &path).unwrap();
    std::fs::read(path).unwrap() == bytes
}

#[tokio::test]
async fn a_refresh_kills_the_tokens_before_it() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let first = zoom.refresh_token();
    let visitor = Visitor::at(&zoom).await;
    assert_eq!(visitor.get("/users/me/recordings").await.0, 200);

    let again = visitor.refresh(&first).await;
    assert_eq!(again.status(), 400);
    assert_eq!(again.json::<Value>().await.unwrap(), json!({"reason": "Invalid Token!", "error": "invalid_grant"}));

    let next: Value = visitor.refresh(&zoom.refresh_token()).await.json().await.unwrap();
    assert_eq!(next["expires_in"], 3599);
    assert_eq!(next["refresh_token"], zoom.refresh_token());
    let (status, answer) = visitor.get("/users/me/recordings").await;
    assert_eq!((status.as_u16(), &answer["code"]), (401, &json!(124)));

    let journal = zoom.journal();
    let judged: Vec<_> = journal.token_requests().iter().map(|entry| entry.refresh_token).collect();
    assert_eq!(judged, [Credential::Valid, Credential::Stale, Credential::Valid]);
    let judged: Vec<_> = journal.listings().iter().map(|entry| entry.authorization).collect();
    assert_eq!(judged, [Credential::Valid, Credential::Stale]);
}

#[tokio::test]
async fn the_token_endpoint_takes_only_the_right_client_a_form_and_a_refresh() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor { zoom: &zoom, client: client(), token: String::new() };
    let good = form(&[("grant_type", "refresh_token"), ("refresh_token", &zoom.refresh_token())]);
    let anonymous = || visitor.anonymous_token_request(good.clone());
    for (request, status, error) in [
        (anonymous(), 401, "invalid_client"),
        (anonymous().basic_auth("demo_client_id", Some("wrong")), 401, "invalid_client"),
        (visitor.token_request(String::new()).query(&[("grant_type", "refresh_token")]), 400, "invalid_request"),
        (visitor.token_request("grant_type=account_credentials".to_owned()), 400, "unsupported_grant_type"),
        (visitor.token_request("grant_type=refresh_token&refresh_token=x".to_owned()), 400, "invalid_grant"),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{error}");
        assert_eq!(response.json::<Value>().await.unwrap()["error"], error);
    }
    assert_eq!(visitor.token_request(good.clone()).send().await.unwrap().status(), 200, "none of these rotated it");
}

#[tokio::test]
async fn an_answer_can_be_lost_after_the_token_was_rotated() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor { zoom: &zoom, client: client(), token: String::new() };
    let first = zoom.refresh_token();
    zoom.inject(Matcher::token(), Fault::LoseAnswer);
    let body = form(&[("grant_type", "refresh_token"), ("refresh_token", &first)]);
    assert!(visitor.token_request(body).send().await.is_err());
    assert_ne!(zoom.refresh_token(), first);
    assert_eq!(visitor.refresh(&first).await.status(), 400);
    zoom.rules(|rules| rules.rotation = Rotation::Forgiving);
    assert_eq!(visitor.refresh(&first).await.status(), 200);
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let world = one_meeting().rules(|rules| rules.scopes = vec!["user:read:user".to_owned()]);
    let zoom = Simulator::start(world).await.unwrap();
    let (status, answer) = Visitor::at(&zoom).await.get("/users/me/recordings").await;
    assert_eq!((status.as_u16(), &answer["code"]), (400, &json!(4711)));
    assert!(answer["message"].as_str().unwrap().contains("cloud_recording:read:list_user_recordings"), "{answer}");
}

#[tokio::test]
async fn an_access_token_ends_with_its_hour() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    zoom.advance(TimeDelta::seconds(3600));
    assert_eq!(visitor.get("/users/me/recordings").await.0, 401);
}

#[tokio::test]
async fn three_months_in_one_listing_come_back_as_the_newest_one() {
    let zoom = Simulator::start(World::year_of_meetings(noon(), 350)).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let answer = visitor.list("from=2025-09-01&to=2025-12-01&page_size=300").await;
    assert_eq!((&answer["from"], &answer["to"]), (&json!("2025-11-01"), &json!("2025-12-01")));
    let days: Vec<&str> =
        answer["meetings"].as_array().unwrap().iter().map(|m| m["start_time"].as_str().unwrap()).collect();
    assert!(!days.is_empty());
    assert!(days.iter().all(|day| *day >= "2025-11-01"), "{days:?}");
}

#[tokio::test]
async fn windows_of_a_month_and_their_pages_show_a_years_meetings_once_each() {
    let zoom = Simulator::start(World::year_of_meetings(noon(), 350)).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let mut uuids = Vec::new();
    let mut videos = 0;
    for window in 0..13 {
        let to = noon().date_naive() - Days::new(29 * window);
        let query = format!("from={}&to={to}&page_size=20", to - Days::new(28));
        let mut token = String::new();
        loop {
            let page = visitor.list(&format!("{query}&next_page_token={token}")).await;
            for meeting in page["meetings"].as_array().unwrap() {
                uuids.push(meeting["uuid"].as_str().unwrap().to_owned());
                videos += meeting["recording_files"].as_array().unwrap().len();
            }
            page["next_page_token"].as_str().unwrap().clone_into(&mut token);
            if token.is_empty() {
                break;
            }
        }
    }
    uuids.sort();
    uuids.dedup();
    assert_eq!((uuids.len(), videos), (350, 700));
}

#[tokio::test]
async fn a_page_token_is_bound_to_its_question_and_ends_after_a_quarter_of_an_hour() {
    let zoom = Simulator::start(World::year_of_meetings(noon(), 350)).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let page = visitor.list("from=2025-11-10&to=2025-12-02&page_size=5").await;
    let token = page["next_page_token"].as_str().unwrap();
    let second = format!("from=2025-11-10&to=2025-12-02&page_size=5&next_page_token={token}");
    assert_ne!(visitor.list(&second).await["meetings"][0]["uuid"], page["meetings"][0]["uuid"]);

    let expired = json!({"code": 300, "message": "The next page token is invalid or expired."});
    let other = format!("/users/me/recordings?from=2025-11-11&to=2025-12-02&page_size=5&next_page_token={token}");
    assert_eq!(visitor.get(&other).await, (StatusCode::BAD_REQUEST, expired.clone()));
    zoom.advance(TimeDelta::minutes(15));
    assert_eq!(visitor.get(&format!("/users/me/recordings?{second}")).await, (StatusCode::BAD_REQUEST, expired));
}

#[tokio::test]
async fn a_listing_refuses_strangers_and_pages_over_300() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let (status, answer) = visitor.get("/users/nobody@example.com/recordings").await;
    assert_eq!((status.as_u16(), &answer["code"]), (404, &json!(1001)));
    let (status, answer) = visitor.get("/users/me/recordings?page_size=301").await;
    assert_eq!((status.as_u16(), &answer["code"]), (400, &json!(300)));
    assert_eq!(visitor.get("/users/host%40example.com/recordings").await.0, 200);
}

#[tokio::test]
async fn a_uuid_with_two_slashes_is_found_only_when_encoded_twice() {
    let zoom = Simulator::start(one_meeting().meeting(MeetingSpec::new("/x//y==", noon()))).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let (status, answer) = visitor.get("/meetings/%2Fx%2F%2Fy%3D%3D/recordings").await;
    assert_eq!((status.as_u16(), &answer["code"]), (404, &json!(3001)));
    let (_, answer) = visitor.get("/meetings/%252Fx%252F%252Fy%253D%253D/recordings").await;
    assert_eq!(answer["uuid"], "/x//y==");
    let (_, answer) = visitor.get("/meetings/a%2Fb%2Bc%3D%3D/recordings?include_fields=download_access_token").await;
    assert_eq!(answer["uuid"], "a/b+c==");
    assert!(answer["download_access_token"].is_string());
}

#[tokio::test]
async fn captions_and_unfinished_files_are_listed_with_the_gaps_that_zoom_leaves() {
    let meeting = MeetingSpec::new("gaps==", noon() - TimeDelta::hours(1))
        .file(FileSpec::captions(100))
        .file(FileSpec::video("active_speaker", 1000).processing())
        .file(FileSpec::video("gallery_view", 1000).untyped())
        .set("type", json!("8"));
    let zoom = Simulator::start(World::new(noon()).meeting(meeting)).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let listing = visitor.list("").await;
    assert_eq!(listing["meetings"][0]["type"], "8");
    let files = listing["meetings"][0]["recording_files"].as_array().unwrap();
    assert_eq!(
        (&files[0]["id"], &files[0]["status"], &files[0]["file_size"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!((&files[1]["status"], &files[1]["file_size"]), (&json!("processing"), &json!(0)));
    assert_eq!((&files[2]["file_type"], files[2].get("download_url")), (&json!(""), None));

    zoom.complete(&zoom.file("gaps==", "gallery_view").unwrap()).unwrap();
    let file = visitor.list("").await["meetings"][0]["recording_files"][2].clone();
    assert_eq!((&file["file_type"], &file["file_size"]), (&json!("MP4"), &json!(1000)));
}

#[tokio::test]
async fn a_download_without_a_good_token_gets_a_page_with_200() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let url = visitor.download_url().await;
    let response = visitor.client.get(&url).send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "content-type")), (200, "text/html;charset=utf-8"));
    zoom.rules(|rules| rules.refusal = Refusal::Json);
    assert_eq!(visitor.client.get(&url).bearer_auth("x").send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn the_media_origin_refuses_authorization_wrong_signatures_and_old_addresses() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let url = visitor.signed_url().await;
    assert!(url.starts_with(&zoom.media_url()), "{url}");
    assert_eq!(visitor.client.get(&url).bearer_auth(&visitor.token).send().await.unwrap().status(), 400);
    assert_eq!(visitor.client.get(url.replace("Signature=", "Signature=0")).send().await.unwrap().status(), 403);
    assert_eq!(visitor.client.get(&url).send().await.unwrap().status(), 200);
    zoom.advance(TimeDelta::hours(2));
    assert_eq!(visitor.client.get(&url).send().await.unwrap().status(), 403);

    let seen: Vec<_> = zoom.journal().to(Endpoint::Media).map(|entry| entry.authorization).collect();
    assert_eq!(seen, [Credential::Valid, Credential::Missing, Credential::Missing, Credential::Missing]);
}

#[tokio::test]
async fn a_range_gives_exactly_the_bytes_asked_for() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let id = zoom.file("a/b+c==", "gallery_view").unwrap();
    let whole = visitor.client.get(visitor.signed_url().await).send().await.unwrap();
    assert_eq!(whole.content_length(), Some(MIB));
    let whole = read(whole).await.0;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.mp4");
    std::fs::write(&path, &whole).unwrap();
    assert!(zoom.has_bytes_of(&id, &path).unwrap());

    let part = visitor.part(1_000_000).await;
    assert_eq!((part.status().as_u16(), header(&part, "content-range")), (206, "bytes 1000000-1048575/1048576"));
    assert_eq!(read(part).await.0, whole[1_000_000..]);
    let too_far = visitor.part(MIB).await;
    assert_eq!((too_far.status().as_u16(), header(&too_far, "content-range")), (416, "bytes */1048576"));

    let journal = zoom.journal();
    assert_eq!(journal.ranges_of(&id), [None, Some("bytes=1000000-"), Some("bytes=1048576-")]);
    assert_eq!(journal.downloads_of(&id)[1].sent, MIB - 1_000_000);
}

#[tokio::test]
async fn a_range_of_another_version_gives_the_whole_file() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let id = zoom.file("a/b+c==", "gallery_view").unwrap();
    let tag = header(&visitor.part(0).await, "etag").to_owned();
    let url = visitor.signed_url().await;
    let resume = || visitor.client.get(&url).header("range", "bytes=500-").header("if-range", &tag).send();
    assert_eq!(resume().await.unwrap().status(), 206);
    zoom.change_content(&id, 2000).unwrap();
    let response = resume().await.unwrap();
    assert_eq!((response.status().as_u16(), response.content_length()), (200, Some(2000)));
}

#[tokio::test]
async fn a_cut_body_ends_after_the_bytes_it_was_cut_at() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let id = zoom.file("a/b+c==", "gallery_view").unwrap();
    zoom.inject(Matcher::media().file(&id), Fault::Cut { after: 300_000 });
    let (bytes, is_whole) = read(visitor.part(0).await).await;
    assert_eq!((bytes.len(), is_whole), (300_000, false));
    assert!(is_start_of(&zoom, &id, &bytes));
    assert!(read(visitor.part(300_000).await).await.1, "once means once");
    let journal = zoom.journal();
    let outcomes: Vec<_> = journal.downloads_of(&id).iter().map(|entry| entry.outcome).collect();
    assert_eq!(outcomes[0], Outcome::Broken);
}

#[tokio::test]
async fn a_reset_body_breaks_no_later_than_asked() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let url = visitor.signed_url().await;
    zoom.inject(Matcher::media(), Fault::Reset { after: 300_000 });
    // The reset may overtake even the head.
    if let Ok(response) = visitor.client.get(url).send().await {
        let (bytes, is_whole) = read(response).await;
        assert!(bytes.len() <= 300_000 && !is_whole);
    }
    assert_eq!(zoom.journal().to(Endpoint::Media).next().unwrap().sent, 300_000);
}

#[tokio::test]
async fn a_held_body_stops_until_it_is_released() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let hold = zoom.hold(Matcher::media(), 300_000);
    let mut response = visitor.part(0).await;
    hold.reached().await;
    let mut bytes = Vec::new();
    while bytes.len() < 300_000 {
        bytes.extend_from_slice(&response.chunk().await.unwrap().unwrap());
    }
    assert_eq!(bytes.len(), 300_000);
    let entry = zoom.journal().to(Endpoint::Media).next().cloned().unwrap();
    assert_eq!((entry.sent, entry.outcome), (300_000, Outcome::Open));
    hold.release();
    let (rest, is_whole) = read(response).await;
    assert_eq!((rest.len() as u64, is_whole), (MIB - 300_000, true));
}

#[tokio::test]
async fn a_held_answer_notices_that_its_client_went() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let hold = zoom.hold(Matcher::media(), 300_000);
    let response = visitor.part(0).await;
    hold.reached().await;
    drop(response);
    zoom.until(|journal| journal.to(Endpoint::Media).any(|entry| entry.outcome == Outcome::Broken)).await;
}

#[tokio::test]
async fn downloads_at_the_same_time_are_counted() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let url = visitor.signed_url().await;
    let hold = zoom.hold(Matcher::media().times(2), 1);
    let get = async || read(visitor.client.get(&url).send().await.unwrap()).await;
    let release = async {
        zoom.until(|journal| journal.to(Endpoint::Media).filter(|entry| entry.sent == 1).count() == 2).await;
        hold.release();
    };
    futures::join!(get(), get(), release);
    get().await;
    assert_eq!(zoom.journal().peak(Endpoint::Media), 2);
}

#[tokio::test]
async fn faults_of_the_head_show_there() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    zoom.inject(Matcher::media(), Fault::IgnoreRange);
    zoom.inject(Matcher::media(), Fault::ContentRange(Some("bytes 0-9/10".to_owned())));
    zoom.inject(Matcher::media(), Fault::ContentRange(None));
    zoom.inject(Matcher::media(), Fault::Gzip);
    zoom.inject(Matcher::media(), Fault::Framing(Framing::Chunked));
    zoom.inject(Matcher::media(), Fault::Answer(Answer::too_many_requests().header("retry-after", "7")));
    assert_eq!(visitor.part(9).await.status(), 200);
    assert_eq!(header(&visitor.part(9).await, "content-range"), "bytes 0-9/10");
    assert_eq!(header(&visitor.part(9).await, "content-range"), "");
    assert_eq!(header(&visitor.part(0).await, "content-encoding"), "gzip");
    let chunked = visitor.part(0).await;
    assert_eq!(chunked.content_length(), None);
    assert_eq!(read(chunked).await.0.len() as u64, MIB);
    let refused = visitor.part(0).await;
    assert_eq!((refused.status().as_u16(), header(&refused, "retry-after")), (429, "7"));
}

#[tokio::test]
async fn a_body_cut_at_the_end_of_its_chunks_is_not_whole() {
    let zoom = Simulator::start(one_meeting().rules(|rules| rules.framing = Framing::Chunked)).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    zoom.inject(Matcher::media(), Fault::Cut { after: u64::MAX });
    let (bytes, is_whole) = read(visitor.part(0).await).await;
    assert_eq!((bytes.len() as u64, is_whole), (MIB, false));
}

#[tokio::test]
async fn an_answers_json_can_be_bent() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    zoom.inject(Matcher::list(), Fault::edit(|answer| answer["meetings"][0]["duration"] = json!("many")));
    zoom.inject(Matcher::list(), Fault::json(200, &json!({"code": 200, "message": "No permission."})));
    assert_eq!(visitor.list("").await["meetings"][0]["duration"], "many");
    assert_eq!(visitor.list("").await["code"], 200);
    assert_eq!(visitor.list("").await["meetings"][0]["duration"], 45);
}

#[tokio::test]
async fn a_stall_ends_when_the_faults_are_cleared() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    zoom.inject(Matcher::media().always(), Fault::Stall { after: 1000 });
    let response = visitor.part(0).await;
    zoom.until(|journal| journal.to(Endpoint::Media).any(|entry| entry.sent == 1000)).await;
    zoom.clear_faults();
    assert!(read(response).await.1);
}

#[tokio::test]
async fn an_idle_connection_can_be_closed_under_its_client() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let mut connection =
        tokio::net::TcpStream::connect(zoom.api_url().replace("http://", "").replace("/v2", "")).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut connection, b"GET /nothing HTTP/1.1\r\n\r\n").await.unwrap();
    zoom.until(|journal| journal.to(Endpoint::Other).any(|entry| entry.outcome == Outcome::Whole)).await;
    zoom.close_idle_connections();
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut connection, &mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_a_head_without_end_too() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let address = zoom.api_url().replace("http://", "").replace("/v2", "");
    let endless = format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(70_000));
    for (sent, answered) in [("\0\0\0\r\n\r\n", "HTTP/1.1 400"), (&endless, "HTTP/1.1 431")] {
        let mut connection = tokio::net::TcpStream::connect(&address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut connection, sent.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        tokio::io::AsyncReadExt::read_exact(&mut connection, &mut answer).await.unwrap();
        assert_eq!(std::str::from_utf8(&answer).unwrap(), answered);
    }
}

#[tokio::test]
async fn stopping_ends_what_is_held() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let hold = zoom.hold(Matcher::media(), 1000);
    let response = visitor.part(0).await;
    hold.reached().await;
    drop(visitor);
    zoom.stop().await;
    assert!(!read(response).await.1);
}

#[tokio::test]
async fn the_secrets_are_those_that_went_over_the_wire() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let first = zoom.refresh_token();
    let visitor = Visitor::at(&zoom).await;
    let url = visitor.signed_url().await;
    let secrets = zoom.secrets();
    for secret in [&first, &zoom.refresh_token(), &visitor.token, &zoom.client_secret()] {
        assert!(secrets.contains(secret), "{secret}");
    }
    assert!(secrets.iter().any(|secret| url.contains(&format!("Signature={secret}"))));
}

#[tokio::test]
async fn a_request_can_be_left_without_an_answer() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let url = visitor.signed_url().await;
    for (hit, fault) in [Fault::Silence, Fault::HalfHead].into_iter().enumerate() {
        zoom.inject(Matcher::media(), fault);
        tokio::select! {
            response = visitor.client.get(&url).send() => panic!("{response:?}"),
            () = zoom.until(|journal| journal.to(Endpoint::Media).count() > hit) => {}
        }
        let is_broken = |entry: &Entry| entry.outcome == Outcome::Broken;
        zoom.until(|journal| journal.to(Endpoint::Media).nth(hit).is_some_and(is_broken)).await;
    }
}

#[tokio::test]
async fn faults_of_the_body_leave_its_bytes_right() {
    let zoom = Simulator::start(one_meeting().rules(|rules| rules.throttle = Some(1 << 30))).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let id = zoom.file("a/b+c==", "gallery_view").unwrap();
    let drip = Fault::Drip { bytes: 50_000, every: std::time::Duration::ZERO };
    for fault in [drip, Fault::Longer { by: 500 }, Fault::CloseAfter, Fault::Framing(Framing::UntilClose)] {
        zoom.inject(Matcher::media(), fault.clone());
        let (bytes, is_whole) = read(visitor.part(0).await).await;
        assert_eq!((bytes.len() as u64, is_whole), (MIB, true), "{fault:?}");
        assert!(is_start_of(&zoom, &id, &bytes), "{fault:?}");
    }
}

#[tokio::test]
async fn what_follows_a_declared_end_is_sent() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    zoom.inject(Matcher::media(), Fault::Longer { by: 500 });
    let url = visitor.signed_url().await;
    let (address, target) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET /{target} HTTP/1.1\r\nrange: bytes=1048570-\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut connection, request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut connection, &mut answer).await.unwrap();
    let head_end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    assert!(String::from_utf8_lossy(&answer[..head_end]).contains("content-length: 6\r\n"));
    assert_eq!(answer.len() - head_end, 506);
}

#[tokio::test]
async fn a_redirect_can_lead_to_itself() {
    let zoom = Simulator::start(one_meeting()).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let url = visitor.download_url().await;
    zoom.inject(Matcher::download_entry(), Fault::RedirectToSelf);
    let response = visitor.client.get(&url).bearer_auth(&visitor.token).send().await.unwrap();
    assert_eq!(response.status(), 302);
    assert!(url.ends_with(header(&response, "location")));
}

#[tokio::test]
async fn a_walk_through_the_pages_can_go_on_for_ever() {
    let world = World::year_of_meetings(noon(), 350).rules(|rules| rules.paging = Paging::Endless);
    let zoom = Simulator::start(world).await.unwrap();
    let visitor = Visitor::at(&zoom).await;
    let first = visitor.list("from=2025-11-20&to=2025-12-02").await;
    let token = first["next_page_token"].as_str().unwrap();
    assert!(!token.is_empty());
    assert_eq!(visitor.list(&format!("from=2025-11-20&to=2025-12-02&next_page_token={token}")).await, first);
}
