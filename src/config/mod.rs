//! The settings, as the rest of the program sees them: checked, with every path absolute.
//!
//! - `load`: finds the sources and lays them over each other
//! - `layers`: what each source says, by which key, and where it says it
//! - `files`, `toml_values`: files with settings in them, and their form
//! - `problem`, `quote`: what is wrong, and the line that it is about
//! - `reader`: reads one checked value, or says what is wrong with it
//! - `sections`: for each key its type and range
//! - `fit`: what must fit together
//! - `schedule`, `template`, `values`: the types of values
//!
//! A key's default is in one place, the example file, which is part of the program.

mod files;
mod fit;
mod layers;
mod load;
mod problem;
mod quote;
mod reader;
mod schedule;
mod sections;
mod template;
#[cfg(test)]
mod tests;
mod toml_values;
mod values;

use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use regex::Regex;
use secrecy::SecretString;
use url::Url;

pub use load::{Loaded, Sources, load};
pub use problem::{ConfigError, Problem};
pub use schedule::{Schedule, ScheduleError};
pub use template::{Layout, Template, TemplateError};
pub use values::{
    ALLOWED_LOG_LEVELS, ArchiveZone, LogFormat, LogRotation, NotifyEvent, PartsPolicy, Privacy, RateLimit, RedirectUri,
    SecretUrl, check_log_level, is_loopback,
};

use crate::meeting::{ByteCount, FileKind, UserId};

/// All settings in force.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder in which everything is kept; absolute, like every path here.
    pub state_dir: PathBuf,
    /// `[zoom]`
    pub zoom: ZoomSettings,
    /// `[poll]`
    pub poll: PollSettings,
    /// `[download]`
    pub download: DownloadSettings,
    /// `[select]`
    pub select: SelectSettings,
    /// `[archive]`
    pub archive: ArchiveSettings,
    /// `[tracker]`
    pub tracker: TrackerSettings,
    /// `[log]`
    pub log: LogSettings,
    /// `[youtube]`
    pub youtube: YoutubeSettings,
    /// `[cleanup]`
    pub cleanup: CleanupSettings,
    /// `[notify]`
    pub notify: NotifySettings,
}

/// `[zoom]`: which account, and whose recordings.
#[derive(Clone, Debug)]
pub struct ZoomSettings {
    /// The OAuth client's id. Required.
    pub client_id: String,
    /// The OAuth client's secret. Required.
    pub client_secret: SecretString,
    /// Where Zoom sends the browser after authorization; as registered with Zoom, to the letter.
    pub redirect_uri: RedirectUri,
    /// Whose recordings; never empty, each user once.
    pub users: Vec<UserId>,
    /// The file of the refresh token.
    pub token_file: PathBuf,
    /// The API's base, without a `/` at its end unless that is all of its path.
    pub api_url: Url,
    /// The base of `/authorize` and `/token`.
    pub oauth_url: Url,
}

/// `[poll]`: when to look, and how far back.
#[derive(Clone, Debug)]
pub struct PollSettings {
    /// When to look, in UTC.
    pub schedule: Schedule,
    /// Days that a full scan covers, 1 to 3650.
    pub lookback_days: u32,
    /// Days that an ordinary poll covers, 1 to `lookback_days`.
    pub recent_days: u32,
    /// The longest time between two full scans.
    pub full_scan_every: Duration,
}

/// `[download]`: how files are fetched.
#[derive(Clone, Debug)]
pub struct DownloadSettings {
    /// Files in flight at once, over all meetings, 1 to 16.
    pub workers: NonZeroUsize,
    /// Tries in a row without progress before a file is left for a later poll, 1 to 100.
    pub attempts: NonZeroU32,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long no byte may come before the transfer is resumed.
    pub stall_timeout: Duration,
    /// The most that all workers together may take; none is no limit.
    pub rate_limit: Option<RateLimit>,
    /// What must remain free on the disk.
    pub min_free_space: ByteCount,
}

/// `[select]`: which meetings, and what of them.
#[derive(Clone, Debug)]
pub struct SelectSettings {
    /// The shortest meeting that is taken, in minutes.
    pub min_minutes: u32,
    /// One of these must match the topic, if there are any.
    pub topics: Vec<Regex>,
    /// None of these may match the topic.
    pub exclude_topics: Vec<Regex>,
    /// The kinds of file; never empty.
    pub files: BTreeSet<FileKind>,
}

/// `[archive]`: where recordings go.
#[derive(Clone, Debug)]
pub struct ArchiveSettings {
    /// The archive folder.
    pub directory: PathBuf,
    /// Where in it a meeting's folder is.
    pub layout: Layout,
    /// The zone by which folders are dated.
    pub timezone: ArchiveZone,
}

/// `[tracker]`: the list of what is archived.
#[derive(Clone, Debug)]
pub struct TrackerSettings {
    /// The CSV file.
    pub file: PathBuf,
}

/// `[log]`: what the program tells of its work.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// A folder of its own: old files in it are deleted.
    pub directory: PathBuf,
    /// A level, or a list of directives; [`check_log_level`] has passed it.
    pub level: String,
    /// How a line is written.
    pub format: LogFormat,
    /// When a new file is begun.
    pub rotation: LogRotation,
    /// Rotated files that are kept, 1 to 3650.
    pub keep: u32,
    /// Whether the lines go to stderr too.
    pub stderr: bool,
}

/// The OAuth client for `YouTube`.
#[derive(Clone, Copy, Debug)]
pub struct YoutubeClient<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its secret.
    pub secret: &'a SecretString,
}

/// `[youtube]`: whether and how videos are published.
#[derive(Clone, Debug)]
pub struct YoutubeSettings {
    /// Whether they are.
    pub enabled: bool,
    /// The OAuth client's id; there if `enabled`.
    pub client_id: Option<String>,
    /// The OAuth client's secret; there if `enabled`.
    pub client_secret: Option<SecretString>,
    /// Where Google sends the browser after authorization.
    pub redirect_uri: RedirectUri,
    /// The file of the refresh token.
    pub token_file: PathBuf,
    /// A video's title, of [`YoutubeSettings::NAMES`].
    pub title: Template,
    /// A video's description, of the same.
    pub description: Template,
    /// A video's tags.
    pub tags: Vec<String>,
    /// Who sees it.
    pub privacy: Privacy,
    /// The playlist that it is added to.
    pub playlist: Option<String>,
    /// `YouTube`'s number of its category.
    pub category: String,
    /// Whether it is made for children.
    pub made_for_kids: bool,
    /// Whether subscribers are told.
    pub notify_subscribers: bool,
    /// Only meetings that began on this day or later.
    pub since: Option<NaiveDate>,
    /// How long a meeting's videos must not have changed.
    pub settle: Duration,
    /// Which parts of a recording are sent.
    pub parts: PartsPolicy,
    /// The most uploads in a day of the Pacific zone.
    pub daily_uploads: u32,
    /// The base of `/youtube/v3` and `/upload/youtube/v3`.
    pub api_url: Url,
    /// The base of `/token`.
    pub oauth_url: Url,
    /// The page that asks for authorization.
    pub auth_url: Url,
}

impl YoutubeSettings {
    /// What a title or a description may name.
    pub const NAMES: [&str; 8] = ["topic", "date", "time", "duration", "timezone", "host", "meeting_id", "part"];

    /// The OAuth client, for what needs one.
    ///
    /// # Errors
    /// [`ConfigError`] where its id or secret is not set.
    pub fn client(&self) -> Result<YoutubeClient<'_>, ConfigError> {
        match (&self.client_id, &self.client_secret) {
            (Some(id), Some(secret)) => Ok(YoutubeClient { id, secret }),
            (id, secret) => {
                let keys = [("youtube.client_id", id.is_none()), ("youtube.client_secret", secret.is_none())];
                let missing = keys.into_iter().filter(|(_, is_missing)| *is_missing);
                Err(ConfigError::new(missing.map(|(key, _)| Problem::missing(key)).collect()))
            }
        }
    }
}

/// `[cleanup]`: which local files go, and when.
#[derive(Clone, Debug)]
pub struct CleanupSettings {
    /// Once every part is on `YouTube` and processed there.
    pub delete_after_upload: bool,
    /// This many days after they were archived; 0 keeps them.
    pub keep_days: u32,
}

impl CleanupSettings {
    /// Whether any file may go.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.delete_after_upload || self.keep_days > 0
    }
}

/// `[notify]`: who is told what.
#[derive(Clone, Debug)]
pub struct NotifySettings {
    /// Who.
    pub urls: Vec<SecretUrl>,
    /// What.
    pub on: BTreeSet<NotifyEvent>,
    /// Failures in a row before one is told.
    pub failures: u32,
}

impl Settings {
    /// The settings in force in one line for the log; no secrets, and of addresses to notify the host.
    #[must_use]
    pub fn summary(&self) -> String {
        let Self { zoom, poll, download, select, archive, youtube, cleanup, notify, .. } = self;
        let list = |items: Vec<&str>| format!("[{}]", items.join(", "));
        let mut parts = vec![
            format!("state_dir={:?}", self.state_dir),
            format!("users={}", list(zoom.users.iter().map(UserId::as_str).collect())),
            format!("schedule={:?}", poll.schedule.expression()),
            format!("lookback_days={} recent_days={}", poll.lookback_days, poll.recent_days),
            format!("workers={}", download.workers),
            format!("rate_limit={}", download.rate_limit.map_or_else(|| "none".to_owned(), |rate| rate.to_string())),
            format!("min_free_space={:?}", download.min_free_space.to_string()),
            format!("files={}", list(select.files.iter().map(|kind| kind.name()).collect())),
            format!(
                "archive={:?} layout={:?} timezone={}",
                archive.directory,
                archive.layout.to_string(),
                archive.timezone
            ),
            format!("tracker={:?}", self.tracker.file),
            format!("youtube={}", youtube.enabled),
            format!("delete_after_upload={} keep_days={}", cleanup.delete_after_upload, cleanup.keep_days),
        ];
        for (name, patterns) in [("topics", &select.topics), ("exclude_topics", &select.exclude_topics)] {
            let texts: Vec<&str> = patterns.iter().map(Regex::as_str).collect();
            if !texts.is_empty() {
                parts.push(format!("{name}={texts:?}"));
            }
        }
        if select.min_minutes > 0 {
            parts.push(format!("min_minutes={}", select.min_minutes));
        }
        if !notify.urls.is_empty() {
            parts.push(format!("notify={}", list(notify.urls.iter().map(SecretUrl::host).collect())));
        }
        parts.join(" ")
    }

    /// A text that changes exactly when a full scan has to be made because the settings ask for more, or for other
    /// meetings, than the last one. The same after a restart and in every release.
    #[must_use]
    pub fn scan_fingerprint(&self) -> String {
        // In the order of the alphabet, which the text has however the JSON crate is built.
        let texts = |patterns: &[Regex]| patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect::<Vec<_>>();
        serde_json::json!({
            "exclude_topics": texts(&self.select.exclude_topics),
            "files": self.select.files,
            "lookback_days": self.poll.lookback_days,
            "min_minutes": self.select.min_minutes,
            "topics": texts(&self.select.topics),
            "users": self.zoom.users,
        })
        .to_string()
    }
}
