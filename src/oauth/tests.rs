//! [`Tokens`] against a token endpoint that takes each refresh token once.

use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use backon::ExponentialBuilder;
use chrono::TimeDelta;
use futures::future::{join, join_all};
use tempfile::TempDir;
use tokio::sync::Notify;

use super::access::{Pair, RefreshToken};
use super::memory::Unsaved;
use super::token_file::{Saving, TokenFile};
use super::*;
use crate::http::Clients;
use crate::http::testing::{Reply, Request, ScriptedServer, explain};
use crate::trouble::Trouble;

/// What the next request meets; with none left, a refresh as it should be.
enum Turn {
    /// Instead of an answer of its own.
    Says(Reply),
    /// Rotates the token, then cuts the connection.
    LosesTheAnswer,
    /// Something happens at this moment; then an answer as it should be.
    While(Box<dyn FnOnce() + Send>),
    /// An answer as it should be, once it is let go.
    Waits(Arc<Notify>),
}

struct Zoom {
    server: ScriptedServer,
    turns: Arc<Mutex<VecDeque<Turn>>>,
    valid: Arc<Mutex<String>>,
    folder: TempDir,
}

impl Zoom {
    /// Zoom, and a folder whose token file holds the one token that Zoom accepts.
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("state")).unwrap();
        let turns = Arc::new(Mutex::new(VecDeque::new()));
        let valid = Arc::new(Mutex::new("SECRET-refresh-0".to_owned()));
        let (script, accepted) = (Arc::clone(&turns), Arc::clone(&valid));
        let server = ScriptedServer::start(move |request| {
            let turn = script.lock().unwrap().pop_front();
            match turn {
                None => rotate(&accepted, request),
                Some(Turn::Says(reply)) => reply,
                Some(Turn::Waits(gate)) => Reply::Held(gate, Box::new(rotate(&accepted, request))),
                Some(Turn::While(happens)) => {
                    happens();
                    rotate(&accepted, request)
                }
                Some(Turn::LosesTheAnswer) => {
                    rotate(&accepted, request);
                    Reply::Cut
                }
            }
        })
        .await;
        let zoom = Self { server, turns, valid, folder };
        zoom.write_token("SECRET-refresh-0");
        zoom
    }

    fn next(&self, turns: impl IntoIterator<Item = Turn>) {
        self.turns.lock().unwrap().extend(turns);
    }

    fn says(&self, status: u16, body: &str) {
        self.next([Turn::Says(Reply::json(status, body))]);
    }

    /// As a person does who authorizes anew: the token before is worth nothing from now on.
    fn authorize_anew(&self, token: &str) {
        token.clone_into(&mut self.valid.lock().unwrap());
        self.write_token(token);
    }

    fn write_token(&self, token: &str) {
        fs::write(self.token_file(), token).unwrap();
    }

    fn folder(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn token_file(&self) -> PathBuf {
        self.folder().join(".zoom_refresh_token")
    }

    fn saved_refresh_token(&self) -> String {
        fs::read_to_string(self.token_file()).unwrap().trim().to_owned()
    }

    /// Leaves an access token in the folder that was obtained so many minutes ago and lived an hour.
    fn has_an_access_token_of(&self, minutes: i64) -> AccessToken {
        let obtained_at = clock::now() - TimeDelta::minutes(minutes);
        let access =
            AccessToken::new("SECRET-old".into(), String::new(), obtained_at, obtained_at + TimeDelta::hours(1));
        let refresh = RefreshToken::parse(&self.saved_refresh_token()).unwrap().unwrap();
        let unsaved = Unsaved { pair: Pair { refresh, access: Some(access.clone()) }, replaces: None };
        assert_eq!(TokenFile::new(Issuer::Zoom, self.token_file()).save(&unsaved).unwrap(), Saving::Saved);
        access
    }

    /// What one process has of it.
    fn tokens(&self) -> Tokens {
        let settings = TokenSettings {
            issuer: Issuer::Zoom,
            client_id: "id".to_owned(),
            client_secret: "SECRET-client".into(),
            token_file: self.token_file(),
            oauth_url: self.server.url("/oauth"),
        };
        let client = Clients::without_proxy(Duration::from_secs(10), Duration::from_secs(10)).unwrap().api;
        let pauses = ExponentialBuilder::new().with_min_delay(Duration::from_millis(1)).with_max_times(2);
        let patience = Patience { pauses, rest: Duration::from_secs(3600), lock: Duration::ZERO };
        Tokens::with_patience(settings, client, patience)
    }

    fn patient_tokens(&self) -> Tokens {
        let tokens = self.tokens();
        let Ok(mut renewal) = Arc::try_unwrap(tokens.renewal) else { unreachable!("nobody else has it yet") };
        renewal.patience.lock = Duration::from_secs(90);
        Tokens { renewal: Arc::new(renewal), refreshes: tokens.refreshes }
    }

    /// The refresh tokens that were sent, in order.
    fn asked_with(&self) -> Vec<String> {
        self.server.requests().iter().map(|request| sent_token(request).to_owned()).collect()
    }
}

fn sent_token(request: &Request) -> &str {
    request.body.strip_prefix("grant_type=refresh_token&refresh_token=").unwrap()
}

/// The token that was sent is used up; access token `n` comes with refresh token `n`.
fn rotate(valid: &Mutex<String>, request: &Request) -> Reply {
    // The base64 of "id:SECRET-client".
    let is_known = request.header("Authorization") == Some("Basic aWQ6U0VDUkVULWNsaWVudA==");
    let mut valid = valid.lock().unwrap();
    if request.target != "/oauth/token" || !is_known {
        return Reply::json(400, r#"{"reason":"Invalid client credentials","error":"invalid_client"}"#);
    }
    if sent_token(request) != *valid {
        return Reply::json(400, INVALID_TOKEN);
    }
    let (stem, number) = valid.rsplit_once('-').unwrap();
    let next = number.parse::<u32>().unwrap() + 1;
    *valid = format!("{stem}-{next}");
    Reply::json(
        200,
        &format!(
            r#"{{"access_token":"SECRET-access-{next}","token_type":"bearer","refresh_token":"{}","expires_in":3599,"scope":"a:read"}}"#,
            *valid
        ),
    )
}

const INVALID_TOKEN: &str = r#"{"reason":"Invalid Token!","error":"invalid_grant"}"#;

async fn access(tokens: &Tokens) -> Result<AccessToken, TokenError> {
    tokens.access(Duration::from_secs(60), &CancellationToken::new()).await
}

async fn renew(tokens: &Tokens, refused: &AccessToken) -> Result<AccessToken, TokenError> {
    tokens.renew(refused, &CancellationToken::new()).await
}

#[tokio::test]
async fn a_new_pair_is_saved_before_the_access_token_is_handed_out() {
    let zoom = Zoom::start().await;
    let token = access(&zoom.tokens()).await.unwrap();
    assert_eq!(token.expose(), "SECRET-access-1");
    assert!(token.has_scope("a:read"));
    assert_eq!(zoom.saved_refresh_token(), "SECRET-refresh-1");
    let saved = TokenFile::new(Issuer::Zoom, zoom.token_file()).read().unwrap().unwrap();
    assert_eq!(saved.access.unwrap().expose(), "SECRET-access-1");
}

#[tokio::test]
async fn a_saved_token_serves_every_command_without_asking_again() {
    let zoom = Zoom::start().await;
    let first = access(&zoom.tokens()).await.unwrap();
    let second = access(&zoom.tokens()).await.unwrap();
    assert_eq!(first.expose(), second.expose());
    assert_eq!(zoom.asked_with(), ["SECRET-refresh-0"]);
}

#[tokio::test]
async fn each_refresh_uses_the_latest_token() {
    let zoom = Zoom::start().await;
    let tokens = zoom.tokens();
    let first = access(&tokens).await.unwrap();
    let second = renew(&tokens, &first).await.unwrap();
    let third = renew(&tokens, &second).await.unwrap();
    assert_eq!(third.expose(), "SECRET-access-3");
    assert_eq!(zoom.asked_with(), ["SECRET-refresh-0", "SECRET-refresh-1", "SECRET-refresh-2"]);
}

#[tokio::test]
async fn a15_twenty_tasks_that_need_a_token_at_once_ask_for_one() {
    let zoom = Zoom::start().await;
    let tokens = zoom.patient_tokens();
    let results = join_all((0..20).map(|_| access(&tokens))).await;
    assert!(results.iter().all(|result| result.as_ref().unwrap().expose() == "SECRET-access-1"));
    assert_eq!(zoom.server.requests().len(), 1);
}

#[tokio::test]
async fn a15_two_processes_that_need_a_token_at_once_ask_for_one() {
    let zoom = Zoom::start().await;
    let (one, other) = (zoom.patient_tokens(), zoom.patient_tokens());
    let (one, other) = join(access(&one), access(&other)).await;
    assert_eq!(one.unwrap().expose(), other.unwrap().expose());
    assert_eq!(zoom.server.requests().len(), 1);
}

#[tokio::test]
async fn a_refused_token_that_somebody_has_renewed_meanwhile_is_not_renewed_again() {
    let zoom = Zoom::start().await;
    let (one, other) = (zoom.tokens(), zoom.tokens());
    let refused = access(&one).await.unwrap();
    let renewed = renew(&other, &refused).await.unwrap();
    assert_eq!(renew(&one, &refused).await.unwrap().expose(), renewed.expose());
    assert_eq!(zoom.server.requests().len(), 2);
}

#[tokio::test]
async fn after_a_crash_between_the_two_files_the_new_refresh_token_is_used() {
    let zoom = Zoom::start().await;
    zoom.has_an_access_token_of(1);
    zoom.authorize_anew("SECRET-refresh-7");
    assert_eq!(access(&zoom.tokens()).await.unwrap().expose(), "SECRET-access-8");
}

#[tokio::test]
async fn a13_an_answer_without_a_refresh_token_leaves_the_old_one_in_place() {
    let zoom = Zoom::start().await;
    zoom.says(200, r#"{"access_token":"SECRET-only","expires_in":3599}"#);
    let tokens = zoom.tokens();
    access(&tokens).await.unwrap();
    assert_eq!(access(&tokens).await.unwrap().expose(), "SECRET-only");
    assert_eq!(zoom.saved_refresh_token(), "SECRET-refresh-0");
    assert_eq!(zoom.server.requests().len(), 1);
}

#[tokio::test]
async fn a13_a_lifetime_of_nothing_does_not_make_every_call_a_refresh() {
    for expires_in in ["0", "-1", "\"soon\"", "null", "1"] {
        let zoom = Zoom::start().await;
        zoom.says(200, &format!(r#"{{"access_token":"a","refresh_token":"r","expires_in":{expires_in}}}"#));
        let tokens = zoom.tokens();
        access(&tokens).await.unwrap();
        access(&tokens).await.unwrap();
        assert_eq!(zoom.server.requests().len(), 1, "{expires_in}");
    }
}

#[tokio::test]
async fn a_fresh_token_is_handed_out_however_long_it_is_needed() {
    let zoom = Zoom::start().await;
    let token = zoom.tokens().access(Duration::MAX, &CancellationToken::new()).await.unwrap();
    assert_eq!(token.expose(), "SECRET-access-1");
}

#[tokio::test]
async fn a_question_that_never_arrived_is_asked_again_with_the_same_token() {
    let zoom = Zoom::start().await;
    zoom.next([Turn::Says(Reply::Cut), Turn::Says(Reply::Cut)]);
    assert_eq!(access(&zoom.tokens()).await.unwrap().expose(), "SECRET-access-1");
    assert_eq!(zoom.asked_with(), ["SECRET-refresh-0"; 3]);
}

#[tokio::test]
async fn a14_a_lost_answer_ends_in_a_request_to_authorize_again_and_no_loop() {
    let zoom = Zoom::start().await;
    zoom.next([Turn::LosesTheAnswer]);
    let tokens = zoom.tokens();
    for _ in 0..3 {
        let error = access(&tokens).await.unwrap_err();
        assert!(matches!(error, TokenError::Refused { why: Trouble::RefreshToken, .. }), "{error:?}");
        assert_eq!(error.to_string(), "Zoom refused to renew the access token: Invalid Token!");
    }
    assert_eq!(zoom.asked_with(), ["SECRET-refresh-0"; 2]);
    assert_eq!(zoom.saved_refresh_token(), "SECRET-refresh-0");
}

#[tokio::test]
async fn a_breakdown_is_met_with_three_tries_and_a_rest_and_the_token_is_kept() {
    let html = || Reply::with(200, &[("Content-Type", "text/html")], "<html>");
    let busy = || Reply::json(503, "");
    for replies in [[Reply::Cut, Reply::Cut, Reply::Cut], [html(), html(), html()], [busy(), busy(), busy()]] {
        let zoom = Zoom::start().await;
        zoom.next(replies.map(Turn::Says));
        let tokens = zoom.tokens();
        for _ in 0..2 {
            let error = access(&tokens).await.unwrap_err();
            assert!(matches!(error, TokenError::Temporary { .. }), "{error:?}");
            assert!(!error.needs_person());
        }
        assert_eq!(zoom.server.requests().len(), 3);
        assert_eq!(zoom.saved_refresh_token(), "SECRET-refresh-0");
        assert!(!tokens.awaits_person().await);
    }
}

#[tokio::test]
async fn a15_a_breakdown_that_twenty_tasks_meet_costs_three_tries_in_all() {
    let zoom = Zoom::start().await;
    zoom.next((0..60).map(|_| Turn::Says(Reply::Cut)));
    let tokens = zoom.patient_tokens();
    let results = join_all((0..20).map(|_| access(&tokens))).await;
    assert!(results.iter().all(Result::is_err));
    assert_eq!(zoom.server.requests().len(), 3);
}

#[tokio::test]
async fn a_limit_reached_is_respected_until_it_ends() {
    let zoom = Zoom::start().await;
    zoom.next([Turn::Says(Reply::with(429, &[("Retry-After", "3600")], ""))]);
    let tokens = zoom.tokens();
    for _ in 0..2 {
        let error = access(&tokens).await.unwrap_err();
        assert!(matches!(error, TokenError::Temporary { until: Some(_), .. }), "{error:?}");
    }
    assert_eq!(zoom.server.requests().len(), 1);
}

#[tokio::test]
async fn a17_a_refusal_is_told_with_its_remedy_and_not_asked_for_again() {
    for (body, why) in [
        (INVALID_TOKEN, Trouble::RefreshToken),
        (r#"{"reason":"Invalid Token!"}"#, Trouble::RefreshToken),
        (r#"{"error":"invalid_client"}"#, Trouble::Credentials),
        (r#"{"error":"unauthorized_client"}"#, Trouble::App),
        (r#"{"error":"unsupported_grant_type"}"#, Trouble::GrantType),
    ] {
        let zoom = Zoom::start().await;
        zoom.says(400, body);
        let tokens = zoom.tokens();
        for _ in 0..2 {
            let error = access(&tokens).await.unwrap_err();
            assert!(matches!(error, TokenError::Refused { why: told, .. } if told == why), "{body}: {error:?}");
            assert!(error.needs_person());
            assert_eq!(error.remedy().as_deref(), Some(why.remedy()));
        }
        assert_eq!(zoom.server.requests().len(), 1, "{body}");
        assert_eq!(zoom.saved_refresh_token(), "SECRET-refresh-0");
    }
}

#[tokio::test]
async fn a16_a_new_token_in_the_file_ends_the_wait_for_a_person() {
    let zoom = Zoom::start().await;
    zoom.says(400, INVALID_TOKEN);
    let tokens = zoom.tokens();
    access(&tokens).await.unwrap_err();
    assert!(tokens.awaits_person().await);

    zoom.authorize_anew("SECRET-anew-1");

    assert!(!tokens.awaits_person().await);
    assert_eq!(access(&tokens).await.unwrap().expose(), "SECRET-access-2");
}

#[tokio::test]
async fn a16_a_token_written_while_the_old_one_was_being_refused_is_tried_at_once() {
    let zoom = Zoom::start().await;
    let (file, valid) = (zoom.token_file(), Arc::clone(&zoom.valid));
    zoom.next([Turn::While(Box::new(move || {
        "SECRET-anew-1".clone_into(&mut valid.lock().unwrap());
        fs::write(file, "SECRET-anew-1").unwrap();
    }))]);
    assert_eq!(access(&zoom.tokens()).await.unwrap().expose(), "SECRET-access-2");
    assert_eq!(zoom.asked_with(), ["SECRET-refresh-0", "SECRET-anew-1"]);
}

#[tokio::test]
async fn a16_a_token_written_while_the_old_one_was_being_renewed_is_not_overwritten() {
    let zoom = Zoom::start().await;
    let file = zoom.token_file();
    zoom.next([Turn::While(Box::new(move || fs::write(file, "SECRET-anew-1").unwrap()))]);
    let error = access(&zoom.tokens()).await.unwrap_err();
    assert!(matches!(error, TokenError::Refused { .. }), "{error:?}");
    assert_eq!(zoom.asked_with(), ["SECRET-refresh-0", "SECRET-anew-1"]);
    assert_eq!(zoom.saved_refresh_token(), "SECRET-anew-1");
}

#[tokio::test]
async fn what_cannot_be_renewed_serves_until_it_expires() {
    for reply in [Reply::json(400, INVALID_TOKEN), Reply::with(429, &[("Retry-After", "3600")], "")] {
        let zoom = Zoom::start().await;
        zoom.has_an_access_token_of(55);
        zoom.next([Turn::Says(reply)]);
        let tokens = zoom.tokens();
        for _ in 0..2 {
            assert_eq!(access(&tokens).await.unwrap().expose(), "SECRET-old");
        }
        assert_eq!(zoom.server.requests().len(), 1);
    }
}

#[tokio::test]
async fn an_expired_token_is_not_handed_out_when_it_cannot_be_renewed() {
    let zoom = Zoom::start().await;
    zoom.has_an_access_token_of(61);
    zoom.says(400, INVALID_TOKEN);
    assert!(matches!(access(&zoom.tokens()).await, Err(TokenError::Refused { .. })));
}

#[tokio::test]
async fn a_token_that_the_api_refused_is_not_handed_out_again() {
    let zoom = Zoom::start().await;
    let refused = zoom.has_an_access_token_of(1);
    zoom.says(400, INVALID_TOKEN);
    assert!(matches!(renew(&zoom.tokens(), &refused).await, Err(TokenError::Refused { .. })));
}

#[tokio::test]
async fn without_a_token_nobody_is_asked() {
    let zoom = Zoom::start().await;
    let tokens = zoom.tokens();
    zoom.write_token("\n");
    assert!(matches!(access(&tokens).await, Err(TokenError::NotAuthorized { .. })));
    fs::remove_file(zoom.token_file()).unwrap();
    let error = access(&tokens).await.unwrap_err();
    assert_eq!(error.to_string(), format!("there is no Zoom authorization in {}", zoom.token_file().display()));
    assert!(error.needs_person());
    assert!(tokens.awaits_person().await);
    assert_eq!(zoom.server.requests().len(), 0);
}

#[tokio::test]
async fn d2_where_the_folder_cannot_be_used_no_new_token_is_asked_for() {
    let zoom = Zoom::start().await;
    fs::create_dir(zoom.folder().join(".zoom_refresh_token.lock")).unwrap();
    assert!(matches!(access(&zoom.tokens()).await, Err(TokenError::Disk(_))));
    assert_eq!(zoom.server.requests().len(), 0);
}

#[tokio::test]
async fn d2_a_pair_that_cannot_be_saved_is_used_from_memory_and_saved_once_it_can_be() {
    let zoom = Zoom::start().await;
    let (folder, aside) = (zoom.folder(), zoom.folder.path().join("aside"));
    let (from, to) = (folder.clone(), aside.clone());
    zoom.next([Turn::While(Box::new(move || fs::rename(from, to).unwrap()))]);
    let tokens = zoom.tokens();

    let first = access(&tokens).await.unwrap();
    let while_gone = access(&tokens).await.unwrap();
    assert_eq!(fs::read_to_string(aside.join(".zoom_refresh_token")).unwrap(), "SECRET-refresh-0");
    fs::rename(&aside, &folder).unwrap();
    let once_back = access(&tokens).await.unwrap();

    for token in [first, while_gone, once_back] {
        assert_eq!(token.expose(), "SECRET-access-1");
    }
    assert_eq!(zoom.saved_refresh_token(), "SECRET-refresh-1");
    assert_eq!(zoom.server.requests().len(), 1);
}

#[tokio::test]
async fn a_pair_that_could_not_be_saved_gives_way_to_a_new_authorization() {
    let zoom = Zoom::start().await;
    let (folder, aside) = (zoom.folder(), zoom.folder.path().join("aside"));
    let (from, to) = (folder.clone(), aside.clone());
    zoom.next([Turn::While(Box::new(move || fs::rename(from, to).unwrap()))]);
    let tokens = zoom.tokens();
    access(&tokens).await.unwrap();
    fs::rename(&aside, &folder).unwrap();

    zoom.authorize_anew("SECRET-anew-1");

    assert_eq!(access(&tokens).await.unwrap().expose(), "SECRET-access-2");
    assert_eq!(zoom.saved_refresh_token(), "SECRET-anew-2");
}

#[tokio::test]
async fn a_question_once_sent_is_seen_through_though_its_caller_is_gone() {
    let zoom = Zoom::start().await;
    let gate = Arc::new(Notify::new());
    zoom.next([Turn::Waits(Arc::clone(&gate))]);
    let tokens = zoom.tokens();
    tokio::select! {
        result = access(&tokens) => panic!("nothing was answered yet: {result:?}"),
        () = zoom.server.arrival() => {}
    }

    gate.notify_one();
    tokens.close().await;

    assert_eq!(zoom.saved_refresh_token(), "SECRET-refresh-1");
}

#[tokio::test]
async fn a_question_once_sent_is_seen_through_though_the_service_stops() {
    let zoom = Zoom::start().await;
    let (gate, stop) = (Arc::new(Notify::new()), CancellationToken::new());
    zoom.next([Turn::Waits(Arc::clone(&gate))]);
    let tokens = zoom.tokens();
    let stopping = async {
        zoom.server.arrival().await;
        stop.cancel();
        gate.notify_one();
    };
    let (token, ()) = join(tokens.access(Duration::ZERO, &stop), stopping).await;
    assert_eq!(token.unwrap().expose(), "SECRET-access-1");
    assert_eq!(zoom.saved_refresh_token(), "SECRET-refresh-1");
}

#[tokio::test]
async fn a_service_that_stops_asks_nothing_more() {
    let zoom = Zoom::start().await;
    let stop = CancellationToken::new();
    stop.cancel();
    assert!(matches!(zoom.tokens().access(Duration::ZERO, &stop).await, Err(TokenError::Stopping)));
    assert_eq!(zoom.server.requests().len(), 0);
}

#[tokio::test]
async fn a_lock_that_is_never_released_ends_in_an_error_that_names_it() {
    let zoom = Zoom::start().await;
    let lock = zoom.folder().join(".zoom_refresh_token.lock");
    let _held = Lock::try_take(&lock).unwrap();
    let error = access(&zoom.tokens()).await.unwrap_err();
    assert!(matches!(&error, TokenError::Locked { path, .. } if names(path, &lock)), "{error:?}");
}

#[tokio::test]
async fn a_wait_for_the_lock_ends_when_the_service_stops() {
    let zoom = Zoom::start().await;
    let _held = Lock::try_take(&zoom.folder().join(".zoom_refresh_token.lock")).unwrap();
    let (tokens, stop) = (zoom.patient_tokens(), CancellationToken::new());
    let stopping = async {
        tokio::task::yield_now().await;
        stop.cancel();
    };
    let (result, ()) = join(tokens.access(Duration::ZERO, &stop), stopping).await;
    assert!(matches!(result, Err(TokenError::Stopping)), "{result:?}");
}

fn names(path: &Path, expected: &Path) -> bool {
    path == fs::canonicalize(expected).unwrap()
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn l6_no_secret_is_told_in_any_log_or_error_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    // While there is one subscriber only, a line first met by another test's thread is switched off for all of them.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let _guard = tracing::subscriber::set_default(subscriber);
    let zoom = Zoom::start().await;
    let tokens = zoom.tokens();
    let mut told = Vec::new();

    zoom.next([Turn::Says(Reply::Cut)]);
    let token = access(&tokens).await.unwrap();
    told.push(format!("{token:?} {tokens:?}"));
    zoom.says(400, r#"{"reason":"Invalid Token SECRET-refresh-1 of SECRET-client!","error":"invalid_grant"}"#);
    let error = renew(&tokens, &token).await.unwrap_err();
    told.push(format!("{error:?} {}", explain(&error)));
    zoom.authorize_anew("SECRET-anew-1");
    zoom.next([Turn::Says(Reply::Cut), Turn::Says(Reply::Cut), Turn::Says(Reply::Cut)]);
    let error = access(&tokens).await.unwrap_err();
    told.push(format!("{error:?} {} {tokens:?}", explain(&error)));

    told.push(String::from_utf8(log.0.lock().unwrap().clone()).unwrap());
    let told = told.concat();
    assert!(told.contains("the Zoom access token was renewed"), "{told}");
    assert!(told.contains("Invalid Token *** of ***!"), "{told}");
    assert!(!told.contains("SECRET"), "{told}");
    assert!(!told.contains("aWQ6U0VDUkVULWNsaWVudA"), "{told}");
}
