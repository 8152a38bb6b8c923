//! Uploads and the calls about videos against an API that answers as it is told.

use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use chrono::DateTime;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Notify;

use super::*;
use crate::config::Privacy;
use crate::http::testing::{Reply, Request, ScriptedServer, explain};
use crate::http::{Clients, upload_client};
use crate::oauth::{Issuer, TokenSettings};

const HOUR: Duration = Duration::from_secs(3600);
const SESSION: &str = "/upload/youtube/v3/videos?upload_id=SECRET-session";
const VIDEO: &str = r#"{"kind":"youtube#video","id":"dQw4w9WgXcQ","status":{"privacyStatus":"private"}}"#;

type Turns = Arc<Mutex<VecDeque<Reply>>>;

/// A Google that gives a new token each time, opens a session at each wish, and answers all else in turn.
struct Google {
    server: ScriptedServer,
    folder: TempDir,
}

impl Google {
    async fn answers(turns: impl IntoIterator<Item = Reply>) -> Self {
        let turns: Turns = Arc::new(Mutex::new(turns.into_iter().collect()));
        Self::on(ScriptedServer::start(move |request| reply(&turns, request)).await)
    }

    /// One that doesn't read a file to its end: it answers once it has the beginning.
    async fn answers_hastily(turns: impl IntoIterator<Item = Reply>) -> Self {
        let turns: Turns = Arc::new(Mutex::new(turns.into_iter().collect()));
        let is_ready = |request: &Request| {
            let length: usize = request.header("Content-Length").map_or(0, |length| length.parse().unwrap());
            request.body.len() >= length.min(1000)
        };
        Self::on(ScriptedServer::hasty(is_ready, move |request| reply(&turns, request)).await)
    }

    fn on(server: ScriptedServer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "SECRET-refresh").unwrap();
        Self { server, folder }
    }

    fn youtube(&self) -> Youtube {
        let api = Clients::without_proxy(HOUR, HOUR).unwrap().api;
        let settings = TokenSettings {
            issuer: Issuer::Google,
            client_id: "id".to_owned(),
            client_secret: "SECRET".into(),
            token_file: self.folder.path().join("token"),
            oauth_url: self.server.url("/oauth"),
        };
        let pauses = ExponentialBuilder::new().with_min_delay(Duration::from_millis(1)).with_max_times(RETRIES);
        Youtube { pauses, ..Youtube::new(&self.server.url("/"), api.clone(), Tokens::new(settings, api)) }
    }

    fn uploader(&self, stall_timeout: Duration) -> Uploader {
        Uploader::new(self.youtube(), upload_client(HOUR, true).unwrap(), stall_timeout)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("gallery_view.mp4")
    }

    fn video(&self, content: &str) -> VideoFile {
        fs::write(self.path(), content).unwrap();
        VideoFile::open(&self.path()).unwrap()
    }

    fn session(&self) -> SessionAddress {
        SessionAddress::accept(SESSION, &self.server.url("/")).unwrap()
    }

    /// Sends a file to a session that was opened before.
    async fn send(&self, content: &str) -> Result<Uploaded, Setback> {
        self.begin(&self.video(content), Begin::Sending).await
    }

    async fn begin(&self, video: &VideoFile, begin: Begin) -> Result<Uploaded, Setback> {
        let stop = CancellationToken::new();
        self.uploader(HOUR).send(&self.session(), video, begin, &Progress::default(), &stop).await
    }

    async fn open(&self) -> Result<SessionAddress, Setback> {
        let video = self.video("0123456789");
        self.uploader(HOUR).open(&metadata(), false, &video, &CancellationToken::new()).await
    }

    /// What was asked but for tokens.
    fn asked(&self) -> Vec<Request> {
        self.server.requests().into_iter().filter(|request| !request.target.starts_with("/oauth")).collect()
    }

    /// What was sent to the session: the range, and the bytes.
    fn sent(&self) -> Vec<(String, String)> {
        let range = |request: &Request| request.header("Content-Range").unwrap_or("all").to_owned();
        self.asked().iter().map(|request| (range(request), request.body.clone())).collect()
    }
}

fn reply(turns: &Turns, request: &Request) -> Reply {
    static TOKENS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    if request.target.starts_with("/oauth") {
        let n = TOKENS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let token =
            format!(r#"{{"access_token":"SECRET-access-{n}","expires_in":3599,"scope":"s","token_type":"Bearer"}}"#);
        return Reply::json(200, &token);
    }
    turns.lock().unwrap().pop_front().unwrap_or_else(|| Reply::json(500, ""))
}

fn metadata() -> Metadata {
    Metadata {
        title: "Вместе".to_owned(),
        description: String::new(),
        tags: vec!["zoom-archiver-1".to_owned()],
        recording_date: "2025-12-02T17:29:28Z".parse().unwrap(),
        category: "22".to_owned(),
        privacy: Privacy::Private,
        made_for_kids: false,
    }
}

fn stored(range: &str) -> Reply {
    Reply::with(308, &[("Range", range)], "")
}

fn refused(status: u16, reason: &str) -> Reply {
    Reply::json(status, &format!(r#"{{"error":{{"errors":[{{"reason":"{reason}"}}]}}}}"#))
}

fn done() -> Reply {
    Reply::json(201, VIDEO)
}

fn ranges(sent: &[(String, String)]) -> Vec<(&str, &str)> {
    sent.iter().map(|(range, body)| (range.as_str(), body.as_str())).collect()
}

#[tokio::test]
async fn a_session_is_opened_with_all_that_is_said_of_the_video_and_of_its_file() {
    let google = Google::answers([Reply::with(200, &[("Location", SESSION)], "")]).await;

    let session = google.open().await.unwrap();

    assert_eq!(session.expose(), &google.server.url(SESSION));
    let [opening] = &google.asked()[..] else { panic!("one request") };
    assert!(opening.head.starts_with("POST /upload/youtube/v3/videos?"), "{}", opening.head);
    for parameter in ["uploadType=resumable", "part=snippet%2Cstatus%2CrecordingDetails", "notifySubscribers=false"] {
        assert!(opening.target.contains(parameter), "{}", opening.target);
    }
    assert_eq!(opening.header("Content-Length"), Some(opening.body.len().to_string().as_str()));
    assert_eq!(opening.header("Content-Type"), Some("application/json; charset=UTF-8"));
    assert_eq!(opening.header("X-Upload-Content-Length"), Some("10"));
    assert_eq!(opening.header("X-Upload-Content-Type"), Some("video/mp4"));
    assert_eq!(opening.header("Slug"), Some("gallery_view.mp4"));
    assert!(opening.header("Authorization").unwrap().starts_with("Bearer SECRET-access-"));
    assert_eq!(serde_json::from_str::<Value>(&opening.body).unwrap()["snippet"]["title"], "Вместе");
}

#[tokio::test]
async fn y8_y10_what_is_refused_at_the_opening_is_sorted_before_a_byte_is_sent() {
    for (status, reason, expected) in [
        (400, "invalidTitle", "Refused"),
        (400, "mediaBodyRequired", "Refused"),
        (403, "forbiddenPrivacySetting", "Refused"),
        (403, "quotaExceeded", "Limited"),
        (400, "uploadLimitExceeded", "Limited"),
        (403, "forbidden", "NeedsPerson"),
        (403, "insufficientPermissions", "NeedsPerson"),
    ] {
        let google = Google::answers([refused(status, reason)]).await;
        let setback = google.open().await.unwrap_err();
        assert!(format!("{setback:?}").starts_with(expected), "{reason}: {setback:?}");
        assert_eq!(google.asked().len(), 1, "it is not asked again");
        assert_eq!(setback.remedy().is_some(), reason != "mediaBodyRequired");
    }
}

#[tokio::test]
async fn y11_an_opening_that_fails_is_tried_a_few_times_and_then_left() {
    let google = Google::answers([refused(503, ""), Reply::Cut, Reply::with(200, &[("Location", SESSION)], "")]).await;
    google.open().await.unwrap();

    let google = Google::answers([]).await;
    assert!(matches!(google.open().await, Err(Setback::Interrupted { at: 0, .. })));
    assert_eq!(google.asked().len(), 1 + RETRIES);
}

#[tokio::test]
async fn y11_a_pause_that_is_asked_for_at_the_opening_is_kept_or_left_to_the_caller() {
    let busy = |seconds| Reply::with(503, &[("Retry-After", seconds)], "");
    let google = Google::answers([busy("1"), Reply::with(200, &[("Location", SESSION)], "")]).await;
    let since = std::time::Instant::now();
    google.open().await.unwrap();
    assert!(since.elapsed() >= Duration::from_millis(900), "{:?}", since.elapsed());

    let google = Google::answers([busy("3000")]).await;
    let Err(Setback::Interrupted { at: 0, not_before: Some(time), .. }) = google.open().await else {
        panic!("it was interrupted before it began")
    };
    assert!(time > clock::now() + chrono::TimeDelta::minutes(49));
    assert_eq!(google.asked().len(), 1);
}

#[tokio::test]
async fn h18_an_address_that_is_not_googles_gets_neither_token_nor_video() {
    for location in ["https://evil.example/upload", "http://127.0.0.1:1/upload", "https://u@www.googleapis.com/"] {
        let google = Google::answers([Reply::with(200, &[("Location", location)], "")]).await;
        let setback = google.open().await.unwrap_err();
        assert!(explain(&setback).contains("is not Google's"), "{setback:?}");
    }
}

#[tokio::test]
async fn a_file_is_sent_in_one_request() {
    let google = Google::answers([done()]).await;
    let (progress, stop) = (Progress::default(), CancellationToken::new());
    let video = google.video("0123456789");

    let uploaded =
        google.uploader(HOUR).send(&google.session(), &video, Begin::Sending, &progress, &stop).await.unwrap();

    assert_eq!((uploaded.video_id.as_str(), uploaded.privacy.as_deref()), ("dQw4w9WgXcQ", Some("private")));
    assert_eq!(ranges(&google.sent()), [("all", "0123456789")]);
    let [request] = &google.asked()[..] else { panic!("one request") };
    assert_eq!(request.header("Content-Length"), Some("10"));
    assert_eq!(request.header("Transfer-Encoding"), None);
    assert_eq!(request.header("Content-Type"), Some("video/mp4"));
    assert_eq!(progress.sent(), 10);
}

#[tokio::test]
async fn a_file_of_many_batches_arrives_as_it_is() {
    let content = (0..200_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let google = Google::answers([done()]).await;
    google.send(&content).await.unwrap();
    let sent = google.sent();
    assert!(sent[0].1 == content, "{} of {} bytes", sent[0].1.len(), content.len());
}

#[tokio::test]
async fn y2_y4_after_a_break_the_session_is_asked_and_gets_the_rest() {
    let google = Google::answers_hastily([Reply::Cut, stored("bytes=0-6"), done()]).await;
    google.send("0123456789").await.unwrap();
    let sent = google.sent();
    assert_eq!(ranges(&sent)[1..], [("bytes */10", ""), ("bytes 7-9/10", "789")]);
    assert_eq!(google.asked()[1].header("Content-Length"), Some("0"));
    assert_eq!(google.asked()[2].header("Content-Length"), Some("3"));
}

#[tokio::test]
async fn y1_a_session_that_has_nothing_gets_all() {
    let google = Google::answers([Reply::Cut, Reply::with(308, &[], ""), done()]).await;
    google.send("0123456789").await.unwrap();
    assert_eq!(ranges(&google.sent())[1..], [("bytes */10", ""), ("all", "0123456789")]);
}

#[tokio::test]
async fn y5_an_answer_that_was_lost_is_asked_for_and_nothing_sent_twice() {
    for lost in
        [Reply::Cut, Reply::raw("HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{\"id\""), Reply::json(201, "{")]
    {
        let google = Google::answers([lost, Reply::json(200, VIDEO)]).await;
        assert_eq!(google.send("0123456789").await.unwrap().video_id.as_str(), "dQw4w9WgXcQ");
        assert_eq!(ranges(&google.sent()), [("all", "0123456789"), ("bytes */10", "")]);
    }
}

#[tokio::test]
async fn y7_a_session_of_an_earlier_attempt_is_asked_first() {
    let google = Google::answers([stored("bytes=0-3"), done()]).await;
    let video = google.video("0123456789");
    google.begin(&video, Begin::Asking).await.unwrap();
    assert_eq!(ranges(&google.sent()), [("bytes */10", ""), ("bytes 4-9/10", "456789")]);
}

#[tokio::test]
async fn a_308_with_an_address_is_no_redirect() {
    let elsewhere = ScriptedServer::start(|_| done()).await;
    let away = Reply::with(308, &[("Range", "bytes=0-6"), ("Location", elsewhere.url("/x").as_str())], "");
    let google = Google::answers([away, stored("bytes=0-6"), done()]).await;
    google.send("0123456789").await.unwrap();
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn y3_y6_y12_a_session_that_is_lost_ends_the_attempt() {
    for (turns, expected) in [
        (vec![stored("bytes=5-6"), stored("bytes=0-10")], "SessionGone"),
        (vec![Reply::json(404, "")], "SessionGone"),
        (vec![Reply::Cut, Reply::json(410, "")], "SessionGone"),
        (vec![Reply::json(201, "{}"), Reply::json(200, "<html>")], "Unknown"),
    ] {
        let asked = turns.len();
        let google = Google::answers(turns).await;
        let setback = google.send("0123456789").await.unwrap_err();
        assert_eq!(format!("{setback:?}"), expected);
        assert_eq!(google.asked().len(), asked);
    }
}

#[tokio::test]
async fn y9_a_token_that_is_refused_midway_is_renewed_and_the_session_goes_on() {
    let google = Google::answers([Reply::Cut, refused(401, "authError"), stored("bytes=0-6"), done()]).await;
    google.send("0123456789").await.unwrap();
    let asked = google.asked();
    let tokens: Vec<_> = asked.iter().map(|request| request.header("Authorization").unwrap()).collect();
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[1], tokens[2]);
    assert_eq!(ranges(&google.sent())[2..], [("bytes */10", ""), ("bytes 7-9/10", "789")]);

    let google = Google::answers([refused(401, "authError"), refused(401, "authError")]).await;
    assert!(matches!(google.send("0123456789").await, Err(Setback::NeedsPerson(_))));
}

#[tokio::test]
async fn y11_a_session_that_keeps_failing_is_left_with_what_it_has() {
    let google = Google::answers([Reply::Cut, stored("bytes=0-6"), refused(500, "")]).await;
    let Err(Setback::Interrupted { at: 7, not_before: None, source }) = google.send("0123456789").await else {
        panic!("it was interrupted at the seventh byte")
    };
    assert!(source.to_string().contains("500"), "{source}");
    // Each failure but the last has its pause, and one question was answered.
    assert_eq!(google.asked().len(), RETRIES + 1 + 1);
}

#[tokio::test]
async fn y11_a_pause_that_is_too_long_is_left_to_the_caller() {
    let busy = || Reply::with(503, &[("Retry-After", "3000")], "");
    // In answer to bytes, and to the question what there is.
    for turns in [vec![busy()], vec![Reply::Cut, busy()]] {
        let asked = turns.len();
        let google = Google::answers(turns).await;
        let setback = google.send("0123456789").await.unwrap_err();
        let Setback::Interrupted { not_before: Some(_), .. } = setback else { panic!("{setback:?}") };
        assert_eq!(google.asked().len(), asked);
    }
}

#[tokio::test]
async fn y8_a_limit_reached_midway_is_told_with_its_end() {
    let google = Google::answers([refused(403, "quotaExceeded")]).await;
    let setback = google.send("0123456789").await.unwrap_err();
    assert!(matches!(setback, Setback::Limited { .. }), "{setback:?}");
    assert!(setback.to_string().ends_with("UTC"), "{setback}");
}

#[tokio::test]
async fn y8_a_refusal_before_the_file_has_come_to_its_end_is_heard() {
    // Where the connection is gone before the answer is read, the session says the same once more.
    let google = Google::answers_hastily([refused(403, "forbidden"), refused(403, "forbidden")]).await;
    let setback = google.send(&"x".repeat(32 << 20)).await.unwrap_err();
    assert!(matches!(setback, Setback::NeedsPerson(_)), "{setback:?}");
}

#[tokio::test]
async fn y13_a_file_that_has_changed_is_not_sent() {
    let changes: [fn(&std::path::Path); 3] = [
        |path| fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b"more").unwrap(),
        |path| fs::OpenOptions::new().write(true).open(path).unwrap().set_len(5).unwrap(),
        |path| fs::File::open(path).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap(),
    ];
    for change in changes {
        let google = Google::answers([done()]).await;
        let video = google.video("0123456789");
        change(&google.path());
        let setback = google.begin(&video, Begin::Sending).await.unwrap_err();
        assert!(matches!(setback, Setback::File(FileFault::Changed(_))), "{setback:?}");
        assert!(google.asked().iter().all(|request| request.body.len() < 10), "it never came to its end");
    }
}

#[tokio::test]
async fn h4_an_upload_that_comes_to_a_standstill_is_broken_off() {
    // More than the system takes into its buffers.
    let content = "x".repeat(32 << 20);
    let stalls = |_| Reply::Stalled(String::new());
    let google = Google::answers_hastily((0..=RETRIES).flat_map(|n| [stalls(n), Reply::with(308, &[], "")])).await;
    let video = google.video(&content);
    let (progress, stop) = (Progress::default(), CancellationToken::new());
    let uploader = google.uploader(Duration::from_millis(100));

    let setback = uploader.send(&google.session(), &video, Begin::Sending, &progress, &stop).await.unwrap_err();

    let Setback::Interrupted { at: 0, source: YoutubeError::Stalled(_), .. } = setback else { panic!("{setback:?}") };
    assert!(progress.sent() > 0 && progress.sent() < content.len() as u64);
}

#[tokio::test]
async fn an_answer_that_does_not_come_after_the_last_byte_is_asked_for() {
    let google = Google::answers([Reply::Stalled(String::new()), Reply::json(200, VIDEO)]).await;
    let video = google.video("0123456789");
    let (progress, stop) = (Progress::default(), CancellationToken::new());
    let uploader = google.uploader(Duration::from_millis(50));
    uploader.send(&google.session(), &video, Begin::Sending, &progress, &stop).await.unwrap();
}

#[tokio::test]
async fn an_upload_ends_at_once_when_the_program_stops() {
    let google = Google::answers([Reply::Held(Arc::new(Notify::new()), Box::new(done()))]).await;
    let video = google.video("0123456789");
    let (progress, stop) = (Progress::default(), CancellationToken::new());
    let (session, uploader) = (google.session(), google.uploader(HOUR));
    let sending = uploader.send(&session, &video, Begin::Sending, &progress, &stop);
    let stopping = async {
        while google.asked().is_empty() {
            google.server.arrival().await;
        }
        stop.cancel();
    };
    let (sent, ()) = futures::future::join(sending, stopping).await;
    assert!(matches!(sent, Err(Setback::Stopping)), "{sent:?}");
}

#[tokio::test]
async fn l6_nothing_that_is_said_of_an_upload_has_a_secret_in_it() {
    for turns in [vec![Reply::json(404, SESSION)], vec![refused(403, "forbidden")], vec![]] {
        let google = Google::answers(turns).await;
        let (setback, uploader) = (google.send("0123456789").await.unwrap_err(), google.uploader(HOUR));
        let told = format!("{} {setback:?} {uploader:?} {:?}", explain(&setback), google.session());
        assert!(!told.contains("SECRET"), "{told}");
    }
}

fn video_id() -> VideoId {
    "dQw4w9WgXcQ".parse().unwrap()
}

fn nothing() -> Reply {
    Reply::json(200, r#"{"items":[]}"#)
}

#[tokio::test]
async fn a_video_is_put_into_a_playlist_unless_it_is_there() {
    let stop = CancellationToken::new();
    for (turns, methods) in [
        (vec![Reply::json(200, r#"{"items":[{"id":"x"}]}"#)], vec!["GET"]),
        (vec![nothing(), Reply::json(200, "{}")], vec!["GET", "POST"]),
        (vec![nothing(), refused(409, "videoAlreadyInPlaylist")], vec!["GET", "POST"]),
        (vec![nothing(), Reply::Cut, Reply::json(200, r#"{"items":[{"id":"x"}]}"#)], vec!["GET", "POST", "GET"]),
        (vec![nothing(), refused(401, ""), Reply::json(200, "{}")], vec!["GET", "POST", "POST"]),
    ] {
        let google = Google::answers(turns).await;
        google.youtube().add_to_playlist("PL1", &video_id(), &stop).await.unwrap();
        let asked = google.asked();
        let seen: Vec<_> = asked.iter().map(|request| request.head.split(' ').next().unwrap()).collect();
        assert_eq!(seen, methods);
        assert!(asked[0].target.contains("playlistId=PL1&videoId=dQw4w9WgXcQ"), "{}", asked[0].target);
        let expected =
            r#"{"snippet":{"playlistId":"PL1","resourceId":{"kind":"youtube#video","videoId":"dQw4w9WgXcQ"}}}"#;
        assert!(
            asked.iter().filter(|request| request.head.starts_with("POST")).all(|request| request.body == expected)
        );
    }

    let google = Google::answers([nothing(), refused(404, "playlistNotFound")]).await;
    let error = google.youtube().add_to_playlist("PL1", &video_id(), &stop).await.unwrap_err();
    assert_eq!(error.trouble(), Some(Trouble::YoutubePlaylist));
}

#[tokio::test]
async fn y6_recent_videos_are_found_with_their_tags_over_all_pages_that_are_new_enough() {
    let page = |times: &[&str], next: &str| {
        let items: Vec<String> = times
            .iter()
            .enumerate()
            .map(|(n, at)| {
                format!(r#"{{"snippet":{{"publishedAt":"{at}"}},"contentDetails":{{"videoId":"v{n}{next}"}}}}"#)
            })
            .collect();
        Reply::json(200, &format!(r#"{{"items":[{}],"nextPageToken":"{next}"}}"#, items.join(",")))
    };
    let found =
        r#"{"items":[{"id":"v0a","snippet":{"tags":["zoom-archiver-1"]},"status":{"uploadStatus":"uploaded"}}]}"#;
    let google = Google::answers([
        page(&["2026-01-03T00:00:00Z", "2026-01-02T00:00:00Z"], "a"),
        page(&["2026-01-01T00:00:00Z", "2025-12-31T00:00:00Z"], "b"),
        Reply::json(200, found),
    ])
    .await;
    let channel = Channel {
        id: "UC1".to_owned(),
        title: String::new(),
        long_uploads: LongUploads::Unknown,
        uploads: "UU1".to_owned(),
    };
    let since: DateTime<chrono::Utc> = "2026-01-01T00:00:00Z".parse().unwrap();

    let recent = google.youtube().recent_videos(&channel, since, &CancellationToken::new()).await.unwrap();

    assert!(!recent.is_complete, "three are listed, and one is shown");
    assert_eq!(recent.videos[0].tags, ["zoom-archiver-1"]);
    let asked = google.asked();
    assert!(asked[1].target.contains("pageToken=a"), "{}", asked[1].target);
    assert!(asked[2].target.contains("id=v0a%2Cv1a%2Cv0b") && !asked[2].target.contains("v1b"), "{}", asked[2].target);
    assert!(asked[2].target.contains("fileDetails"), "{}", asked[2].target);
}

#[tokio::test]
async fn y14_what_has_become_of_many_videos_is_asked_fifty_at_a_time() {
    let ids: Vec<VideoId> = (0..60).map(|n| format!("v{n}").parse().unwrap()).collect();
    let google = Google::answers([
        Reply::json(200, r#"{"items":[{"id":"v0","status":{"uploadStatus":"processed"}}]}"#),
        Reply::json(200, r#"{"items":[{"id":"v50","status":{"uploadStatus":"rejected","rejectionReason":"length"}}]}"#),
    ])
    .await;
    let videos = google.youtube().videos(&ids, &CancellationToken::new()).await.unwrap();
    let states: Vec<_> = videos.into_iter().map(|video| video.processing).collect();
    assert_eq!(states, [Processing::Done, Processing::Rejected("length".to_owned())]);
}
