//! Looking at a service: its archive, its account of itself, its log.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use zoom_archiver::simulator::Simulator;

use super::{Service, file_of};

/// After this long without what a test waits for, it fails with the log rather than never.
const PATIENCE: Duration = Duration::from_secs(120);

impl Service {
    /// Where a file of a recorded meeting is.
    #[track_caller]
    pub(crate) fn recorded(&self, uuid: &str, name: &str) -> PathBuf {
        let rows = self.rows();
        let row = rows.iter().find(|row| row["meeting_uuid"] == uuid);
        let row = row.unwrap_or_else(|| panic!("{uuid} is not recorded; the log:\n{}", self.log()));
        self.archived(&row["directory"]).join(name)
    }

    /// Fails the test unless the meeting is recorded with all the bytes of its first file of this kind.
    #[track_caller]
    pub(crate) fn has_whole(&self, zoom: &Simulator, uuid: &str, kind: &str) {
        let path = self.recorded(uuid, &format!("{kind}.mp4"));
        let id = file_of(zoom, uuid, kind);
        assert!(zoom.has_bytes_of(&id, &path).expect("it can be read"), "{} has other bytes", path.display());
    }

    /// Whether the tracker has a row of this meeting.
    pub(crate) fn has_recorded(&self, uuid: &str) -> bool {
        self.path("processed.csv").exists() && self.rows().iter().any(|row| row["meeting_uuid"] == uuid)
    }

    /// Files of the archive under their final names.
    pub(crate) fn finished(&self) -> Vec<String> {
        self.media().into_iter().filter(|name| !name.ends_with(".part")).collect()
    }

    /// What the log says until now.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("logs/zoom-archiver.log")).unwrap_or_default()
    }

    /// The name of the file that the log's link leads to.
    pub(crate) fn newest_log(&self) -> String {
        let target = std::fs::read_link(self.path("logs/zoom-archiver.log")).expect("it is a link");
        target.file_name().expect("to a file").to_string_lossy().into_owned()
    }

    /// A file of the state folder as JSON; null as long as it isn't there.
    pub(super) fn json(&self, name: &str) -> Value {
        let text = std::fs::read_to_string(self.path(name)).unwrap_or_else(|_| "null".to_owned());
        serde_json::from_str(&text).expect("it is replaced whole")
    }

    /// The content of `status.json`.
    pub(crate) fn status(&self) -> Value {
        self.json("status.json")
    }

    /// What `state.json` remembers of a meeting that is not done; null where it is.
    pub(crate) fn pending(&self, uuid: &str) -> Value {
        let state = self.json("state.json");
        let pending = state["pending"].as_array().into_iter().flatten().find(|pending| pending["uuid"] == uuid);
        pending.cloned().unwrap_or_default()
    }

    /// The mode of a file or folder in the state folder.
    pub(crate) fn mode(&self, name: &str) -> u32 {
        std::fs::symlink_metadata(self.path(name)).expect("it is there").permissions().mode() & 0o7777
    }

    /// Waits until something on the disk is so.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) -> impl Future<Output = ()> {
        let asked_at = std::panic::Location::caller();
        async move {
            let end = Instant::now() + PATIENCE;
            while !is_so(self) {
                assert!(Instant::now() < end, "{asked_at}: never {what}; the log:\n{}", self.log());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// Waits until the log says this.
    #[track_caller]
    pub(crate) fn until_log_says(&self, words: &str) -> impl Future<Output = ()> {
        self.until(words, move |service| service.log().contains(words))
    }

    /// Waits until `status.json` gives this state.
    #[track_caller]
    pub(crate) fn until_state_is(&self, state: &str) -> impl Future<Output = ()> {
        self.until(state, move |service| service.status()["state"] == state)
    }

    /// Waits until a meeting has its row.
    #[track_caller]
    pub(crate) fn until_recorded(&self, uuid: &str) -> impl Future<Output = ()> {
        self.until(uuid, move |service| service.has_recorded(uuid))
    }
}
