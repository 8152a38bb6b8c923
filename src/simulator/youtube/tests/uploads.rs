//! Uploads: what is asked when one is opened, and which bytes are taken.

use std::io::Write;

use reqwest::header::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

pub(super) const KIB: u64 = 1 << 10;
pub(super) const GRAIN: u64 = 256 * KIB;
const PARTS: &str = "snippet,status,recordingDetails";

/// Bytes that differ with the seed.
pub(super) fn bytes(seed: u64, length: u64) -> Vec<u8> {
    (0..length).map(|at| noise::nth(seed, at / 4096).to_le_bytes()[usize::try_from(at % 8).unwrap()]).collect()
}

pub(super) fn metadata(title: &str) -> Value {
    json!({
        "snippet": {
            "title": title,
            "description": "Recorded on 2025-12-02.",
            "categoryId": "22",
            "tags": ["zoom", "two words"],
            "defaultLanguage": "en-GB",
        },
        "status": {"privacyStatus": "unlisted", "selfDeclaredMadeForKids": false},
        "recordingDetails": {"recordingDate": "2025-12-02T17:29:28Z"},
    })
}

/// An answer, all of it.
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) json: Value,
}

impl Told {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, json: response.json().await.unwrap_or_default() }
    }

    pub(super) fn range(&self) -> Option<&str> {
        self.headers.get("range").map(|range| range.to_str().unwrap())
    }

    pub(super) fn reason(&self) -> &str {
        reason(&self.json)
    }

    pub(super) fn id(&self) -> &str {
        self.json["id"].as_str().unwrap()
    }
}

impl Visitor<'_> {
    /// Opens an upload, with these headers and query instead of the right ones.
    pub(super) async fn open(&self, body: &Value, query: &[(&str, &str)], headers: &[(&str, &str)]) -> Told {
        let right = [("uploadType", "resumable"), ("part", PARTS), ("notifySubscribers", "false")];
        let other = |(name, value)| query.iter().copied().find(|(known, _)| *known == name).unwrap_or((name, value));
        let mut request = self.client.post(format!("{}/upload/youtube/v3/videos", self.youtube.api_url()));
        request = request.query(&right.map(other)).bearer_auth(&self.token).body(body.to_string());
        let right = [
            ("content-type", "application/json; charset=UTF-8"),
            ("x-upload-content-length", "1048576"),
            ("x-upload-content-type", "video/mp4"),
            ("slug", "gallery_view.mp4"),
        ];
        for (name, value) in right {
            let value = headers.iter().find(|(known, _)| *known == name).map_or(value, |(_, other)| other);
            request = if value.is_empty() { request } else { request.header(name, value) };
        }
        Told::of(request.send().await.unwrap()).await
    }

    /// The address of a new upload of so many bytes.
    pub(super) async fn address(&self, title: &str, total: u64) -> String {
        let told = self.open(&metadata(title), &[], &[("x-upload-content-length", &total.to_string())]).await;
        assert_eq!(told.status, 200, "{}", told.json);
        told.headers["location"].to_str().unwrap().to_owned()
    }

    pub(super) async fn put(&self, address: &str, range: Option<&str>, bytes: Vec<u8>) -> reqwest::Result<Told> {
        let request = self.client.put(address).bearer_auth(&self.token).header("content-length", bytes.len());
        let request = if let Some(range) = range { request.header("content-range", range) } else { request };
        Ok(Told::of(request.body(bytes).send().await?).await)
    }

    /// Brings a chunk of `all`.
    pub(super) async fn chunk(&self, address: &str, all: &[u8], from: u64, to: u64) -> Told {
        let range = format!("bytes {from}-{}/{}", to - 1, all.len());
        let chunk = all[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()].to_vec();
        self.put(address, Some(&range), chunk).await.unwrap()
    }

    pub(super) async fn status(&self, address: &str, total: u64) -> Told {
        self.put(address, Some(&format!("bytes */{total}")), Vec::new()).await.unwrap()
    }

    /// Uploads a video, and tells its id.
    pub(super) async fn upload(&self, title: &str, all: Vec<u8>) -> String {
        let address = self.address(title, all.len() as u64).await;
        let told = self.put(&address, None, all).await.unwrap();
        assert_eq!(told.status, 201, "{}", told.json);
        told.id().to_owned()
    }
}

/// One who may do everything, at an empty channel.
pub(super) async fn owner(youtube: &Youtube) -> Visitor<'_> {
    Visitor::with(youtube, &[SCOPE]).await
}

#[tokio::test]
async fn a_file_that_comes_in_one_request_is_a_video_with_just_its_bytes() {
    let youtube = empty().await;
    let visitor = Visitor::with(&youtube, &[UPLOADS_ALONE]).await;
    let all = bytes(1, 700 * KIB + 1);
    let address = visitor.address("Lesson 1", all.len() as u64).await;
    assert!(address.starts_with(&format!("{}/upload/youtube/v3/videos?", youtube.api_url())), "{address}");
    assert_eq!(visitor.status(&address, all.len() as u64).await.range(), None, "nothing is there yet");

    let told = visitor.put(&address, None, all.clone()).await.unwrap();

    assert_eq!((told.status, &told.json["snippet"]["title"]), (201, &json!("Lesson 1")));
    assert_eq!(told.json["status"]["uploadStatus"], "uploaded");
    assert_eq!(told.json.get("fileDetails"), None, "only the parts that were asked for");
    let again = visitor.status(&address, all.len() as u64).await;
    assert_eq!((again.status, again.json), (201, told.json.clone()));
    let again = visitor.put(&address, None, all.clone()).await.unwrap();
    assert_eq!((again.status, &again.json), (201, &told.json), "it is finished, whatever comes");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&all).unwrap();
    let [video] = &youtube.videos()[..] else { panic!("one video") };
    assert!(video.has_bytes_of(file.path()).unwrap());
    assert_eq!((video.id.as_str(), video.privacy.as_str(), video.made_for_kids), (told.id(), "unlisted", Some(false)));
    assert_eq!(video.tags, ["zoom", "two words"]);
    assert_eq!(video.recording_date.as_deref(), Some("2025-12-02T17:29:28Z"));
    assert_eq!((video.notifies, video.file_name.as_deref()), (Some(false), Some("gallery_view.mp4")));
    file.as_file_mut().set_len(all.len() as u64 - 1).unwrap();
    assert!(!video.has_bytes_of(file.path()).unwrap());
    file.write_all(b"x").unwrap();
    assert!(!video.has_bytes_of(file.path()).unwrap(), "the last byte is another one");
}

#[tokio::test]
async fn what_is_said_of_a_video_is_read_strictly() {
    let youtube = empty().await;
    youtube.rules(|rules| rules.uploads_per_day = 1000);
    let visitor = owner(&youtube).await;
    let good = metadata("Lesson");
    for (pointer, value, reason) in [
        ("/snippet/title", json!(""), "invalidTitle"),
        ("/snippet/title", json!("   "), "invalidTitle"),
        ("/snippet/title", json!("x".repeat(101)), "invalidTitle"),
        ("/snippet/title", json!("1 > 0"), "invalidTitle"),
        ("/snippet/title", json!(7), "badRequest"),
        ("/snippet/description", json!("я".repeat(2501)), "invalidDescription"),
        ("/snippet/description", json!("a < b"), "invalidDescription"),
        ("/snippet/tags", json!(["x".repeat(250), "y".repeat(250)]), "invalidTags"),
        ("/snippet/tags", json!([format!("x {}", "y".repeat(497))]), "invalidTags"),
        ("/snippet/tags", json!("zoom"), "invalidTags"),
        ("/snippet/tags", json!([""]), "invalidTags"),
        ("/snippet/categoryId", json!("18"), "invalidCategoryId"),
        ("/snippet/categoryId", json!(22), "badRequest"),
        ("/snippet/defaultLanguage", json!("en_GB"), "invalidVideoMetadata"),
        ("/status/privacyStatus", json!("hidden"), "badRequest"),
        ("/status/selfDeclaredMadeForKids", json!("no"), "badRequest"),
        ("/recordingDetails/recordingDate", json!("2025-12-02"), "invalidRecordingDetails"),
    ] {
        let mut wrong = good.clone();
        *wrong.pointer_mut(pointer).unwrap() = value.clone();
        let told = visitor.open(&wrong, &[], &[]).await;
        assert_eq!((told.status, told.reason()), (400, reason), "{pointer}: {value}");
    }
    for (part, name) in [("snippet", "titel"), ("status", "uploadStatus"), ("recordingDetails", "place")] {
        let mut wrong = good.clone();
        wrong[part][name] = json!("x");
        let told = visitor.open(&wrong, &[], &[]).await;
        assert_eq!((told.status, told.reason()), (400, "badRequest"), "{name}");
        assert!(told.json["error"]["message"].as_str().unwrap().contains(name), "{}", told.json);
    }
    for (part, name, reason) in [
        ("snippet", "title", "invalidVideoMetadata"),
        ("snippet", "categoryId", "invalidVideoMetadata"),
        ("status", "privacyStatus", "unsaid"),
        ("status", "selfDeclaredMadeForKids", "unsaid"),
    ] {
        let mut wrong = good.clone();
        wrong[part].as_object_mut().unwrap().remove(name);
        let told = visitor.open(&wrong, &[], &[]).await;
        assert_eq!((told.status, told.reason()), (400, reason), "without {name}");
    }
    for (at_the_limit, value) in [
        ("/snippet/title", json!("я".repeat(100))),
        ("/snippet/description", json!("я".repeat(2500))),
        ("/snippet/tags", json!(["x".repeat(250), "y".repeat(249)])),
        ("/recordingDetails/recordingDate", json!("2025-12-02T17:29:28.5+03:00")),
    ] {
        let mut right = good.clone();
        *right.pointer_mut(at_the_limit).unwrap() = value;
        assert_eq!(visitor.open(&right, &[], &[]).await.status, 200, "{at_the_limit}");
    }
    assert_eq!(youtube.videos(), [], "nothing was sent");
}

#[tokio::test]
async fn where_nobody_knows_the_rules_can_be_others() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let smileys = metadata(&"🙂".repeat(51));
    assert_eq!(visitor.open(&smileys, &[], &[]).await.status, 200);
    youtube.rules(|rules| rules.title_characters = Characters::Utf16Units);
    assert_eq!(visitor.open(&smileys, &[], &[]).await.reason(), "invalidTitle");
    youtube.rules(|rules| rules.unsaid = Unsaid::TakesDefaults);
    let mut open = metadata("Lesson");
    open["status"].as_object_mut().unwrap().remove("privacyStatus");
    let told = visitor.open(&open, &[], &[("x-upload-content-length", "3")]).await;
    let address = told.headers["location"].to_str().unwrap();
    visitor.put(address, None, b"abc".to_vec()).await.unwrap();
    assert_eq!(youtube.videos()[0].privacy, "public");
    youtube.rules(|rules| rules.final_status = 200);
    assert_eq!(visitor.status(address, 3).await.status, 200);
}

#[tokio::test]
async fn an_upload_is_opened_only_as_it_should_be() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let good = metadata("Lesson");
    for (name, value, status, reason) in [
        ("content-type", "text/plain", 400, "badContent"),
        ("x-upload-content-length", "", 400, "mediaBodyRequired"),
        ("x-upload-content-length", "0", 400, "mediaBodyRequired"),
        ("x-upload-content-length", "274877906945", 413, "uploadTooLarge"),
        ("x-upload-content-length", "274877906944", 200, ""),
        ("x-upload-content-type", "", 400, "badContent"),
        ("x-upload-content-type", "audio/mp4", 400, "badContent"),
        ("x-upload-content-type", "application/octet-stream", 200, ""),
        ("slug", "a/b.mp4", 400, "invalidFilename"),
        ("slug", "", 200, ""),
    ] {
        let told = visitor.open(&good, &[], &[(name, value)]).await;
        assert_eq!((told.status, told.reason()), (status, reason), "{name}: {value}");
    }
    for (name, value, status, reason) in [
        ("uploadType", "multipart", 400, "invalidParameter"),
        ("notifySubscribers", "no", 400, "invalidParameter"),
        ("part", "", 400, "missingRequiredParameter"),
        ("part", "snippet,status", 400, "unexpectedPart"),
        ("part", "snippet,status,recordingDetails,secrets", 400, "unknownPart"),
        ("part", "snippet,status,recordingDetails,id,fileDetails", 200, ""),
    ] {
        let told = visitor.open(&good, &[(name, value)], &[]).await;
        assert_eq!((told.status, told.reason()), (status, reason), "{name}={value}");
    }
    let mut short = good.clone();
    short.as_object_mut().unwrap().remove("recordingDetails");
    assert_eq!(visitor.open(&short, &[], &[]).await.reason(), "unexpectedPart", "a part that isn't there");
    assert_eq!(visitor.open(&json!([]), &[], &[]).await.reason(), "parseError");
    let told = visitor.client.post(format!("{}/youtube/v3/videos", youtube.api_url())).send().await.unwrap();
    assert_eq!(reason(&told.json().await.unwrap()), "wrongUrlForUpload");
    let told = visitor.client.get(format!("{}/upload/youtube/v3/videos", youtube.api_url())).send().await.unwrap();
    assert_eq!(reason(&told.json().await.unwrap()), "notUpload");
}

#[tokio::test]
async fn strangers_and_those_who_may_only_read_upload_nothing() {
    let youtube = empty().await;
    let stranger = Visitor { token: "ya29.other".to_owned(), ..Visitor::stranger(&youtube) };
    assert_eq!(stranger.open(&metadata("x"), &[], &[]).await.status, 401);
    let reader = Visitor::with(&youtube, &["https://www.googleapis.com/auth/youtube.readonly"]).await;
    assert_eq!(reader.open(&metadata("x"), &[], &[]).await.reason(), "insufficientPermissions");
    let owner = owner(&youtube).await;
    let address = owner.address("x", 3).await;
    assert_eq!(stranger.put(&address, None, b"abc".to_vec()).await.unwrap().status, 401);
    let bare = |bytes: &'static [u8]| owner.client.put(&address).body(bytes).send();
    assert_eq!(bare(b"abc").await.unwrap().status(), 401);
    assert_eq!(youtube.uploads()[0].stored, 0);
    youtube.rules(|rules| rules.address_is_enough = true);
    assert_eq!(bare(b"abc").await.unwrap().status(), 201);
}

#[tokio::test]
async fn chunks_are_multiples_of_the_grain_and_follow_one_another() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let all = bytes(2, 3 * GRAIN + 5);
    let total = all.len() as u64;
    let address = visitor.address("Lesson", total).await;
    let first = visitor.chunk(&address, &all, 0, 2 * GRAIN).await;
    assert_eq!((first.status, first.range()), (308, Some("bytes=0-524287")));
    for (from, to) in [(0, 2 * GRAIN), (GRAIN, 3 * GRAIN), (3 * GRAIN, total), (0, total)] {
        let told = visitor.chunk(&address, &all, from, to).await;
        assert_eq!((told.status, told.range()), (308, Some("bytes=0-524287")), "{from} to {to}: nothing of it is kept");
    }
    youtube.rules(|rules| rules.misplaced = Misplaced::Refused);
    assert_eq!(visitor.chunk(&address, &all, 0, total).await.status, 400);
    for (range, length, words) in [
        ("bytes 524288-524289/786437", 2, "multiple of 262144"),
        ("bytes 524288-786436/786438", 262_149, "total differs"),
        ("bytes 524288-786436/*", 262_149, "Failed to parse Content-Range"),
        ("bytes 524288-786436/786437", 3, "doesn't fit"),
        ("bytes 524288-786437/786437", 262_150, "doesn't fit"),
        ("bytes 524289-524288/786437", 5, "doesn't fit"),
        ("524288-786436/786437", 262_149, "Failed to parse Content-Range"),
        ("bytes 0--1/0", 1, "Failed to parse Content-Range"),
        ("bytes */786437", 1, "has no body"),
        ("bytes */786436", 0, "total differs"),
        ("bytes */*", 0, "total differs"),
    ] {
        let told = visitor.put(&address, Some(range), vec![0; length]).await.unwrap();
        let message = told.json["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(told.status, 400, "{range}");
        assert!(message.contains(words), "{range}: {message}");
    }
    let told = visitor.put(&address, None, vec![0; 10]).await.unwrap();
    assert_eq!(told.status, 400, "without a range it is the whole file");
    assert_eq!(visitor.put(&address, None, Vec::new()).await.unwrap().status, 400);
    assert_eq!(visitor.chunk(&address, &all, 2 * GRAIN, total).await.status, 201);
    assert_eq!(youtube.videos()[0].size, Some(total));
    let ranges = youtube.journal();
    let ranges: Vec<_> = ranges.uploads().iter().map(|entry| entry.header("content-range")).collect();
    assert_eq!(ranges[0], Some("bytes 0-524287/786437"));
}

#[tokio::test]
async fn a_request_without_a_length_is_refused() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let address = visitor.address("Lesson", 3).await;
    let url = Url::parse(&address).unwrap();
    let target = format!("{}?{}", url.path(), url.query().unwrap());
    for head in [
        format!("PUT {target} HTTP/1.1\r\nContent-Range: bytes */3\r\n"),
        format!("PUT {target} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"),
        "POST /upload/youtube/v3/videos?uploadType=resumable HTTP/1.1\r\n".to_owned(),
    ] {
        let mut stream = TcpStream::connect(url.socket_addrs(|| None).unwrap()[0]).await.unwrap();
        let head = format!("{head}Authorization: Bearer {}\r\nConnection: close\r\n\r\n", visitor.token);
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 411 "), "{head}: {answer}");
    }
}

#[tokio::test]
async fn an_upload_ends_after_its_time_or_on_request() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let address = visitor.address("Lesson", 3).await;
    youtube.advance(TimeDelta::minutes(50));
    assert_eq!(visitor.status(&address, 3).await.status, 308);
    let finished = visitor.address("Other", 3).await;
    visitor.put(&finished, None, b"abc".to_vec()).await.unwrap();
    youtube.expire_uploads();
    youtube.rules(|rules| rules.gone_status = 410);
    for address in [&address, &finished] {
        assert_eq!(visitor.status(address, 3).await.status, 410);
        assert_eq!(visitor.put(address, None, b"abc".to_vec()).await.unwrap().status, 410);
    }
    assert_eq!(visitor.status(&address.replace("upload_id=", "upload_id=x"), 3).await.status, 410);
    let address = visitor.address("Third", 3).await;
    youtube.rules(|rules| rules.session_lifetime = TimeDelta::minutes(5));
    youtube.advance(TimeDelta::minutes(5));
    assert_eq!(visitor.status(&address, 3).await.status, 410);
    assert!(youtube.uploads().iter().all(|upload| upload.is_gone));
}

#[tokio::test]
async fn the_addresses_of_uploads_are_secrets_and_not_in_the_journal() {
    let youtube = empty().await;
    let visitor = owner(&youtube).await;
    let address = visitor.address("Lesson", 3).await;
    visitor.put(&address, None, b"abc".to_vec()).await.unwrap();
    let url = Url::parse(&address).unwrap();
    let (_, id) = url.query_pairs().find(|(name, _)| name == "upload_id").unwrap();
    assert!(youtube.secrets().contains(&id.clone().into_owned()));
    let journal = youtube.journal();
    let [entry] = journal.uploads()[..] else { panic!("one request") };
    assert_eq!((entry.received, entry.upload, entry.title.as_deref()), (3, Some(0), Some("Lesson")));
    let started = journal.to(Endpoint::UploadStart).next().unwrap();
    assert_eq!(started.title.as_deref(), Some("Lesson"));
    let text = format!("{journal:?}");
    assert!(!text.contains(id.as_ref()) && !text.contains(&visitor.token), "{text}");
}
