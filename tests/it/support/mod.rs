//! The domain's verbs for tests: a service on a simulated Zoom, in a folder of its own.

mod asking;
pub(crate) mod browser;
mod clocks;
mod disks;
mod launching;
mod looking;
pub(crate) mod meddling;
pub(crate) mod network;
mod promises;
pub(crate) mod receiver;
mod watching;
mod youtube;

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use toml::{Table, Value};
use zoom_archiver::simulator::{MeetingSpec, Simulator, World};

pub(crate) use clocks::Clock;
pub(crate) use disks::Mount;
pub(crate) use looking::{asked, fetched, folder, meeting_at, minute, zoom_of};
pub(crate) use promises::tells_no_secret;

/// One mebibyte.
pub(crate) const MIB: u64 = 1 << 20;

/// The time now, by which worlds are laid out: the service under test reads the same clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the world has to be of today for the binary, which reads the real clock"
)]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A meeting that began so many hours ago.
pub(crate) fn meeting(uuid: &str, hours_ago: i64) -> MeetingSpec {
    MeetingSpec::new(uuid, now() - TimeDelta::hours(hours_ago)).minutes(45)
}

/// A Zoom with these meetings of `me`.
pub(crate) async fn zoom_with(meetings: impl IntoIterator<Item = MeetingSpec>) -> Simulator {
    let world = meetings.into_iter().fold(World::new(now()).user("me"), World::meeting);
    Simulator::start(world).await.expect("loopback has free ports")
}

/// The id of a meeting's first file of this kind.
pub(crate) fn file_of(zoom: &Simulator, uuid: &str, kind: &str) -> String {
    zoom.file(uuid, kind).expect("the world has it")
}

/// An installed and authorized service.
pub(crate) struct Service {
    folder: TempDir,
    /// For what tests keep outside of the state folder.
    beside: TempDir,
    since: Instant,
    settings: Table,
    /// What its environment has.
    variables: Vec<(String, String)>,
    /// The secrets of the YouTube that it knows, if it does.
    secrets_of_youtube: Option<SecretsOfYoutube>,
    /// How its commands ended, and what they said: there must be no secret in it, and no panic.
    past: Past,
    /// The meetings that were asked for again, each as often as that is: so many rows may say the same once more.
    asked_again: Mutex<Vec<String>>,
}

type SecretsOfYoutube = Box<dyn Fn() -> Vec<String> + Send + Sync>;

/// What is shared between a service and its running commands.
type Past = Arc<Mutex<Vec<Ended>>>;

/// How a command ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The signals that the test has sent it.
    pub sent: Vec<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said on stderr.
    pub stderr: String,
}

/// Whether the tests that sweep are to be run whole, rather than a share of each: `ZOOM_ARCHIVER_TESTS=whole`.
pub(crate) fn is_whole() -> bool {
    std::env::var("ZOOM_ARCHIVER_TESTS").is_ok_and(|wish| wish == "whole")
}

/// Says that a test did not take place, and why.
pub(crate) fn skipped(why: &str) {
    tell(&format!("SKIPPED: {}: {why}", std::thread::current().name().unwrap_or("a test")));
}

/// Says something to whoever reads the output of the tests, those that pass too: what the macros print is shown for
/// failures only.
pub(crate) fn tell(words: &str) {
    // A test is none the worse where nobody reads this.
    writeln!(std::io::stderr(), "{words}").ok();
}

/// A command at work. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    past: Past,
    /// Whether the child is the tracer, and the command a child of that.
    is_traced: bool,
    /// The signals that were sent, by number.
    sent: Mutex<Vec<i32>>,
}

/// The signals that tests send, with the numbers that they have on Linux.
const SIGNALS: [(&str, i32); 6] = [("HUP", 1), ("INT", 2), ("KILL", 9), ("TERM", 15), ("CONT", 18), ("STOP", 19)];

impl Service {
    /// A service that knows this Zoom and is authorized for it.
    pub(crate) fn on(zoom: &Simulator) -> Self {
        Self::on_disk(zoom, &std::env::temp_dir())
    }

    /// The same with its state folder in this one.
    pub(crate) fn on_disk(zoom: &Simulator, disk: &Path) -> Self {
        let folder = tempfile::tempdir_in(disk).expect("a temporary folder");
        let beside = tempfile::tempdir().expect("a temporary folder");
        let (settings, variables, past) = (Table::new(), Vec::new(), Past::default());
        let (since, asked_again) = (Instant::now(), Mutex::default());
        let service = Self { folder, beside, since, settings, variables, secrets_of_youtube: None, past, asked_again };
        service.write_token(&zoom.refresh_token());
        service
            .set("zoom.client_id", zoom.client_id())
            .set("zoom.client_secret", zoom.client_secret())
            .set("zoom.api_url", zoom.api_url())
            .set("zoom.oauth_url", zoom.oauth_url())
            .set("download.min_free_space", "1 MiB")
    }

    /// With this setting, `section.key`.
    #[must_use]
    pub(crate) fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        let (section, key) = name.split_once('.').expect("section.key");
        let section = self.settings.entry(section).or_insert_with(|| Value::Table(Table::new()));
        section.as_table_mut().expect("a section").insert(key.to_owned(), value.into());
        self
    }

    /// With this variable in the environment of all its commands.
    #[must_use]
    pub(crate) fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without this setting, `section.key`.
    #[must_use]
    pub(crate) fn without(mut self, name: &str) -> Self {
        let (section, key) = name.split_once('.').expect("section.key");
        self.settings.get_mut(section).and_then(Value::as_table_mut).expect("a section").remove(key);
        self
    }

    /// Whether its settings say that local files may go.
    pub(crate) fn cleans_up(&self) -> bool {
        self.settings.contains_key("cleanup")
    }

    /// Gives it this refresh token.
    pub(crate) fn write_token(&self, token: &str) {
        self.write_secret(".zoom_refresh_token", token);
    }

    fn write_secret(&self, name: &str, secret: &str) {
        let path = self.path(name);
        std::fs::write(&path, secret).expect("the secret is written");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("its mode is set");
    }

    /// A path in the state folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path in the archive folder.
    pub(crate) fn archived(&self, name: &str) -> PathBuf {
        self.path("downloads").join(name)
    }

    /// The text of a file in the state folder.
    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("cannot read {name}: {error}"))
    }

    /// The tracker's rows, as maps from column to cell.
    pub(crate) fn rows(&self) -> Vec<std::collections::HashMap<String, String>> {
        let text = self.text("processed.csv");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().map(|row| row.expect("a row of the tracker")).collect()
    }

    /// Everything in the state folder by its path, folders with a `/` at the end; sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let name = path.strip_prefix(root).expect("below the root").display().to_string();
                if path.is_dir() {
                    found.push(format!("{name}/"));
                    walk(root, &path, found);
                } else {
                    found.push(name);
                }
            }
        }
        let mut found = Vec::new();
        walk(self.folder.path(), self.folder.path(), &mut found);
        found.sort();
        found
    }

    /// Files of the archive with their names below it, those of the program's own left out.
    pub(crate) fn media(&self) -> Vec<String> {
        let is_own = |name: &str| name.is_empty() || name.ends_with('/') || name.ends_with("meeting.json");
        let files = self.files().into_iter().filter_map(|name| name.strip_prefix("downloads/").map(str::to_owned));
        files.filter(|name| !is_own(name) && name != ".zoom-archiver").collect()
    }

    /// The length of the one part in the archive; 0 without one.
    pub(crate) fn part_len(&self) -> u64 {
        let part = self.media().into_iter().find(|name| name.ends_with(".part"));
        part.map_or(0, |name| std::fs::metadata(self.archived(&name)).map_or(0, |meta| meta.len()))
    }

    /// Waits until the one part in the archive has at least so many bytes; writing lags behind the network.
    #[track_caller]
    pub(crate) fn until_part_has(&self, bytes: u64) -> impl Future<Output = ()> {
        self.until("so long a part", move |service| service.part_len() >= bytes)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let config = self.path("config.toml");
        let text = format!(
            "state_dir = '{}'\n{}",
            self.folder.path().display(),
            toml::to_string(&self.settings).expect("TOML")
        );
        // Replaced whole, for another command may be about to read it; and left alone where the disk may be full.
        if std::fs::read_to_string(&config).ok().as_ref() != Some(&text) {
            let beside = self.path("config.toml.new");
            std::fs::write(&beside, text).expect("the config is written");
            std::fs::set_permissions(&beside, std::os::unix::fs::PermissionsExt::from_mode(0o600))
                .expect("its mode is set");
            std::fs::rename(&beside, &config).expect("the config is replaced");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_zoom-archiver"));
        command
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .arg("--config")
            .arg(config)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).ended().await
    }

    /// Runs `once` to its end.
    pub(crate) async fn once(&self) -> Ended {
        self.run(&["once"]).await
    }

    /// Starts a command.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        self.spawn(&mut self.command(arguments))
    }

    fn spawn(&self, command: &mut Command) -> Running {
        let child = command.spawn().expect("the binary starts");
        Running { child, past: Arc::clone(&self.past), is_traced: false, sent: Mutex::default() }
    }
}

impl Ended {
    /// Fails the test, with all that was said, unless the exit code is this.
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

impl Running {
    /// Pulls the plug: kill -9. What it said until then is looked through as well.
    pub(crate) async fn kill(self) -> Ended {
        self.signal("KILL");
        self.ended().await
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let (_, number) = SIGNALS.into_iter().find(|(known, _)| *known == name).expect("a signal of the table");
        self.sent.lock().expect("no test panicked while it held this").push(number);
        let pid = self.id().to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &pid]).status().expect("kill is there");
        assert!(status.success());
    }

    /// Waits for its end.
    pub(crate) async fn ended(self) -> Ended {
        let mut sent = self.sent.into_inner().expect("no test panicked while it held this");
        let output = self.child.wait_with_output().await.expect("it can be waited for");
        let (mut code, mut signal) = (output.status.code(), output.status.signal());
        if self.is_traced && code == Some(meddling::KILLED) {
            sent.push(9);
            (code, signal) = (None, Some(9));
        } else if let Some(number) = code.filter(|code| self.is_traced && *code > 128) {
            (code, signal) = (None, Some(number - 128));
        }
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let ended = Ended { code, signal, sent, stdout: stdout.into_owned(), stderr: stderr.into_owned() };
        self.past.lock().unwrap_or_else(PoisonError::into_inner).push(ended.clone());
        ended
    }
}
