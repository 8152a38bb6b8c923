//! `check`: what it says of a service that is in order, and of each thing that isn't.

mod local;
mod youtube;
mod zoom;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use serde_json::Value;
use zoom_archiver::simulator::{Endpoint, Fault, Matcher, Simulator};

use crate::support::{Ended, MIB, Service, meeting, zoom_with};

/// The scope that listing one's own recordings needs.
const LIST: &str = "cloud_recording:read:list_user_recordings";

async fn one_meeting() -> Simulator {
    zoom_with([meeting("a==", 5).topic("Class").video("gallery_view", MIB)]).await
}

/// What `check` says.
struct Checked {
    ended: Ended,
}

impl Service {
    async fn check(&self) -> Checked {
        Checked { ended: self.run(&["check"]).await }
    }

    /// Everything there with its content, mode and time of change; but for the tokens and the folders' times.
    fn tree(&self) -> BTreeMap<String, (Vec<u8>, u32, i64)> {
        let is_token = |name: &String| name.starts_with(".zoom_") || name == "config.toml";
        let names = self.files().into_iter().filter(|name| !is_token(name));
        let look = |name: String| {
            let meta = fs::symlink_metadata(self.path(&name)).expect("it is there");
            let changed = if meta.is_dir() { 0 } else { meta.ctime_nsec() + meta.ctime() };
            (name.clone(), (fs::read(self.path(&name)).unwrap_or_default(), meta.mode(), changed))
        };
        names.map(look).collect()
    }
}

impl Checked {
    /// Fails the test unless the exit code is this.
    #[track_caller]
    fn with(self, code: i32) -> Self {
        Self { ended: self.ended.with(code) }
    }

    /// The lines about an item, by its name: the state's word, and what follows.
    fn of(&self, name: &str) -> Vec<(&str, &str)> {
        let lines = self.ended.stdout.lines().filter_map(|line| {
            let (state, rest) = line.split_once(' ')?;
            Some((state, rest.trim_start().strip_prefix(name)?.strip_prefix("  ")?.trim_start()))
        });
        lines.collect()
    }

    /// Fails the test unless one line about this item says so.
    #[track_caller]
    fn says(self, state: &str, name: &str, words: &[&str]) -> Self {
        let is_it = |line: &(&str, &str)| line.0 == state && words.iter().all(|words| line.1.contains(words));
        assert!(self.of(name).iter().any(is_it), "no {state} of {name} with {words:?} in:\n{}", self.ended.stdout);
        self
    }

    /// Fails the test unless these alone are not ok. What the machine's own temporary folder is on is left aside.
    #[track_caller]
    fn finds_only(self, names: &[&str]) -> Self {
        let of_machine = [" folder  ", ", tmpfs: ", ", overlay: "];
        let is_of_machine = |line: &&str| line.starts_with("warning") && of_machine.iter().any(|it| line.contains(it));
        let lines = self.ended.stdout.lines().filter(|line| !is_of_machine(line));
        let bad = lines.filter(|line| line.starts_with("warning") || line.starts_with("failure"));
        let found: Vec<&str> = bad.collect();
        let fits = found.len() == names.len()
            && found.iter().zip(names).all(|(line, name)| line.contains(&format!("  {name}  ")));
        assert!(fits, "{found:#?}\nrather than {names:?} in:\n{}", self.ended.stdout);
        self
    }
}

#[tokio::test]
async fn check_of_a_service_that_is_in_order_says_ok_to_everything_and_what_comes_next() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);

    let checked = service.check().await.with(0);

    checked
        .finds_only(&[])
        .says("ok", "config", &["config.toml"])
        .says("ok", "log folder", &["not there yet, it will be made in", "writable"])
        .says("ok", "tracker", &["not there yet"])
        .says("ok", "token file", &[" old, without an access token"])
        .says("ok", "zoom", &["127.0.0.1 answers"])
        .says("ok", "access token", &["renewed, good until", "worthless to any program that had it before"])
        .says("ok", "scopes", &[LIST])
        .says("ok", "user", &["me: can be listed"])
        .says("ok", "recordings", &["1 meeting in the last 365 days: 1 fetch"])
        .says("ok", "free space", &["1 MiB to fetch"])
        .says("ok", "download", &["gallery_view of \"Class\"", "it begins as it should"]);
}

#[tokio::test]
async fn check_changes_nothing_but_a_token_about_to_expire() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    let fresh = service.tree();
    service.check().await.with(0);
    assert_eq!(service.tree(), fresh, "on a fresh installation");
    let token = service.text(".zoom_refresh_token");
    service.check().await.with(0).says("ok", "access token", &["good until"]);
    assert_eq!(service.text(".zoom_refresh_token"), token, "a token that is good for a while is left alone");

    service.once().await.with(0);
    let before = service.tree();
    let checked = service.check().await.with(0);

    assert_eq!(service.tree(), before, "on one that is in use");
    assert!(checked.ended.stdout.lines().any(|line| line.contains("else all is well") || line == "all is well"));
    checked
        .finds_only(&[])
        .says("ok", "tracker", &["processed.csv: 1 meeting"])
        .says("ok", "archive folder", &["in use, and its mark is there; writable"])
        .says("ok", "recordings", &["1 archived"])
        .says("ok", "download", &["it begins as it should"]);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn check_as_json_is_one_object_with_a_key_for_each_thing_to_know() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    zoom.revoke();

    let ended = service.run(&["check", "--json"]).await.with(3);

    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(told.as_object().unwrap().keys().collect::<Vec<_>>(), ["exit_code", "items"]);
    assert_eq!(told["exit_code"], 3);
    let items = told["items"].as_array().unwrap();
    for item in items {
        assert_eq!(item.as_object().unwrap().keys().collect::<Vec<_>>(), ["item", "remedy", "state", "text"]);
    }
    let access = items.iter().find(|item| item["item"] == "access token").unwrap();
    assert_eq!(access["state"], "failure");
    assert!(access["text"].as_str().unwrap().contains("Invalid Token!"), "{access}");
    assert!(access["remedy"].as_str().unwrap().contains("uthorize again"), "{access}");
    assert!(items.iter().any(|item| item["state"] == "skipped" && item["remedy"].is_null()));
    assert!(ended.words().starts_with("zoom-archiver: 1 failure"), "{}", ended.stderr);
}

#[tokio::test]
async fn h2_check_without_a_network_says_so_once_and_what_it_can_besides() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nowhere = format!("http://127.0.0.1:{port}");
    let service =
        service.set("zoom.api_url", format!("{nowhere}/v2")).set("zoom.oauth_url", format!("{nowhere}/oauth"));

    let checked = service.check().await.with(1);

    checked
        .finds_only(&["zoom"])
        .says("failure", "zoom", &["cannot connect to 127.0.0.1", "refused", "check the network"])
        .says("ok", "token file", &[])
        .says("ok", "free space", &[])
        .says("skipped", "clock", &[])
        .says("skipped", "access token", &["needs Zoom's answer"])
        .says("skipped", "download", &[]);
    let service = service.set("zoom.api_url", zoom.api_url()).set("zoom.oauth_url", zoom.oauth_url());
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn check_works_beside_a_running_service() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    let hold = zoom.hold(Matcher::media(), MIB / 2);
    let running = service.run_daemon();
    hold.reached().await;

    service.check().await.with(0).finds_only(&[]).says("ok", "access token", &["good until"]);

    hold.release();
    service.until_recorded("a==").await;
    running.stop().await.with(0);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn a_check_that_can_not_be_written_is_no_success_and_one_that_nobody_reads_to_its_end_is() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    for arguments in [&["check"][..], &["check", "--json"]] {
        let full = service.start_after("exec >/dev/full", arguments).ended().await.with(1);
        assert!(full.stderr.contains("cannot write what was asked for"), "{}", full.stderr);
    }
    let mut running = service.start(&["check"]);
    running.hang_up();
    running.ended().await.with(0);
}

#[tokio::test]
async fn p7_check_ends_at_a_signal_while_zoom_is_silent() {
    let zoom = one_meeting().await;
    zoom.inject(Matcher::to(Endpoint::Other), Fault::Silence);
    let service = Service::on(&zoom);
    let running = service.start(&["check"]);
    zoom.until(|journal| journal.to(Endpoint::Other).count() > 0).await;

    let ended = running.stop().await.with(1);

    assert!(ended.words().contains("stopped"), "{}", ended.stderr);
    assert!(!ended.stdout.contains("failure"), "what was under way is no finding:\n{}", ended.stdout);
    service.keeps_its_promises(&zoom).await;
}

#[tokio::test]
async fn what_zoom_says_in_an_item_stays_on_its_line() {
    let zoom = zoom_with([meeting("a==", 5).topic("\u{1b}[2J\nok  all is well").video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom);

    let checked = service.check().await.with(0);

    assert!(!checked.ended.stdout.contains('\u{1b}'));
    checked.says("ok", "download", &["ok  all is well"]);
    service.tells_no_lie(&zoom);
}
