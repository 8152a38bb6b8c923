//! What a test looks at after a command: rows, descriptions, what is remembered, what `list` says.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde_json::Value;
use zoom_archiver::simulator::{Endpoint, MeetingSpec, Simulator, World};

use super::{Ended, Service, now};

/// What is kept in the state folder by commands that do nothing: their config, and their account of themselves.
const OWN: [&str; 4] = ["config.toml", "lock", "logs/", ".zoom_refresh_token.lock"];

/// A Zoom that has all this.
pub(crate) async fn zoom_of(world: World) -> Simulator {
    Simulator::start(world).await.expect("loopback has free ports")
}

/// The full minute so many hours ago: the same one whenever it is asked for.
pub(crate) fn minute(hours_ago: i64) -> DateTime<Utc> {
    static NOW: LazyLock<DateTime<Utc>> = LazyLock::new(now);
    (*NOW - TimeDelta::hours(hours_ago)).duration_trunc(TimeDelta::minutes(1)).expect("a minute is a sensible span")
}

/// A meeting that began so many seconds after the full minute so many hours ago.
pub(crate) fn meeting_at(uuid: &str, hours_ago: i64, second: i64) -> MeetingSpec {
    MeetingSpec::new(uuid, minute(hours_ago) + TimeDelta::seconds(second)).minutes(45)
}

/// The folder that the usual layout gives to a meeting of this minute.
pub(crate) fn folder(start: DateTime<Utc>) -> String {
    start.format("%Y-%m-%d/%H%M").to_string()
}

/// How often the bytes of each file were asked for.
pub(crate) fn fetched(zoom: &Simulator) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for entry in zoom.journal().to(Endpoint::Media) {
        *times.entry(entry.file.clone().unwrap_or_default()).or_default() += 1;
    }
    times
}

/// How many requests for listings and tokens, and how many for bytes, there have been.
pub(crate) fn asked(zoom: &Simulator) -> [usize; 3] {
    let journal = zoom.journal();
    [journal.listings().len(), journal.token_requests().len(), journal.to(Endpoint::Media).count()]
}

impl Service {
    /// The `meeting.json` of a folder.
    pub(crate) fn description(&self, folder: &str) -> Value {
        self.json(&format!("downloads/{folder}/meeting.json"))
    }

    /// What is remembered between runs.
    pub(crate) fn state(&self) -> Value {
        self.json("state.json")
    }

    /// Lets the times come that Zoom asked to wait for: a test cannot.
    pub(crate) fn lets_the_waits_pass(&self) {
        let mut state = self.state();
        state["zoom_wait_until"] = Value::Null;
        for pending in state["pending"].as_array_mut().into_iter().flatten() {
            pending["next_try"] = Value::Null;
        }
        state["uploads"]["wait"] = Value::Null;
        for failed in state["uploads"]["failed"].as_array_mut().into_iter().flatten() {
            failed["next_try"] = "2020-01-01T00:00:00Z".into();
            if !failed["unclear_since"].is_null() {
                failed["unclear_since"] = "2020-01-01T00:00:00Z".into();
            }
        }
        std::fs::write(self.path("state.json"), state.to_string()).expect("it can be written");
    }

    /// Dates all rows so long ago, as if nothing had happened since: a test cannot wait.
    pub(crate) fn dates_all_rows_back(&self, by: TimeDelta) {
        let text = self.text("processed.csv");
        let at = (now() - by).format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for row in lines.iter_mut().skip(1) {
            let (_, rest) = row.split_once(',').expect("cells");
            *row = format!("{at},{rest}");
        }
        std::fs::write(self.path("processed.csv"), lines.join("\n") + "\n").expect("it can be written");
    }

    /// The latest row of a meeting.
    #[track_caller]
    pub(crate) fn row(&self, uuid: &str) -> std::collections::HashMap<String, String> {
        let rows = self.rows().into_iter().rev().find(|row| row["meeting_uuid"] == uuid);
        rows.unwrap_or_else(|| panic!("no row of {uuid}"))
    }

    /// The uuids in the tracker, one for each row.
    pub(crate) fn recorded_uuids(&self) -> Vec<String> {
        self.rows().into_iter().map(|row| row["meeting_uuid"].clone()).collect()
    }

    /// What `list` says of each meeting: plan and reason, by uuid.
    pub(crate) async fn listed(&self) -> BTreeMap<String, (String, String)> {
        let ended = self.run(&["list", "--json"]).await.with(0);
        let listed: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let meetings = listed["meetings"].as_array().expect("a list").iter();
        meetings.map(|meeting| (text(&meeting["uuid"]), (text(&meeting["plan"]), text(&meeting["reason"])))).collect()
    }

    /// All files but those that any command leaves, with their content.
    pub(crate) fn content(&self) -> BTreeMap<String, Vec<u8>> {
        let is_foreign = |name: &String| !name.ends_with('/') && !OWN.iter().any(|own| name.starts_with(own));
        let names = self.files().into_iter().filter(is_foreign);
        names.map(|name| (name.clone(), std::fs::read(self.path(&name)).expect("it can be read"))).collect()
    }
}

impl Ended {
    /// What the command itself said on stderr, without the lines of the log.
    pub(crate) fn words(&self) -> &str {
        let at = self.stderr.find("zoom-archiver: ").unwrap_or(0);
        self.stderr.get(at..).unwrap_or_default().trim_end()
    }

    /// Fails the test unless stderr has this.
    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.stderr.contains(words), "no `{words}` in:\n{}", self.stderr);
        self
    }
}
