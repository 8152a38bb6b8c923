//! For each key its type and range.

use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::{TZ_VARIANTS, Tz};
use config::ValueKind;
use regex::Regex;
use url::Url;

use super::fit;
use super::problem::nearest;
use super::reader::{Reader, Refusal, choice, list, parsed, text, truth, whole};
use super::values::{RedirectUri, base_address, duration};
use super::{
    ALLOWED_LOG_LEVELS, ArchiveSettings, ArchiveZone, CleanupSettings, DownloadSettings, Layout, LogFormat,
    LogRotation, LogSettings, NotifyEvent, NotifySettings, PartsPolicy, PollSettings, Privacy, RateLimit, Schedule,
    SecretUrl, SelectSettings, Settings, Template, TrackerSettings, YoutubeSettings, ZoomSettings, check_log_level,
};
use crate::meeting::{ByteCount, FileKind, UserId};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// All sections. With problems in the reader, defaults and empty texts stand where something is wrong.
pub(super) fn settings(reader: &mut Reader<'_>, state_dir: PathBuf) -> Settings {
    reader.set_state_dir(&state_dir);
    let settings = Settings {
        state_dir,
        zoom: zoom(reader),
        poll: poll(reader),
        download: download(reader),
        select: select(reader),
        archive: archive(reader),
        tracker: TrackerSettings { file: reader.path("tracker.file") },
        log: log(reader),
        youtube: youtube(reader),
        cleanup: CleanupSettings {
            delete_after_upload: reader.get("cleanup.delete_after_upload", truth),
            keep_days: reader.get("cleanup.keep_days", whole(0..=36_500)),
        },
        notify: notify(reader),
    };
    fit::check(reader, &settings);
    settings
}

fn zoom(reader: &mut Reader<'_>) -> ZoomSettings {
    let id = reader.given("zoom.client_id", client_id);
    let secret = reader.secret("zoom.client_secret");
    ZoomSettings {
        client_id: reader.required("zoom.client_id", id),
        client_secret: reader.required("zoom.client_secret", secret),
        redirect_uri: reader.get("zoom.redirect_uri", redirect_uri()),
        users: reader.get("zoom.users", users),
        token_file: reader.path("zoom.token_file"),
        api_url: reader.get("zoom.api_url", base()),
        oauth_url: reader.get("zoom.oauth_url", base()),
    }
}

fn poll(reader: &mut Reader<'_>) -> PollSettings {
    let schedule = "cron in UTC with seconds, like \"0 */10 * * * *\" for every ten minutes";
    let lookback_days = reader.get("poll.lookback_days", whole(1..=3650));
    let recent_days: u32 = reader.get("poll.recent_days", whole(1..=3650));
    PollSettings {
        schedule: reader.get("poll.schedule", parsed(schedule, Schedule::parse)),
        lookback_days,
        // Whoever asks for a short look back need not know of the other key.
        recent_days: if reader.is_default("poll.recent_days") { recent_days.min(lookback_days) } else { recent_days },
        full_scan_every: reader.get("poll.full_scan_every", span(SECOND..=365 * DAY)),
    }
}

fn download(reader: &mut Reader<'_>) -> DownloadSettings {
    let positive = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    let workers = positive(reader.get("download.workers", whole(1..=16)));
    DownloadSettings {
        workers: NonZeroUsize::try_from(workers).unwrap_or(NonZeroUsize::MIN),
        attempts: positive(reader.get("download.attempts", whole(1..=100))),
        connect_timeout: reader.get("download.connect_timeout", span(SECOND / 10..=HOUR)),
        stall_timeout: reader.get("download.stall_timeout", span(SECOND / 10..=HOUR)),
        rate_limit: reader.get("download.rate_limit", optional(rate_limit)),
        min_free_space: reader.get("download.min_free_space", parsed("a size like \"2 GiB\"", free_space)),
    }
}

fn select(reader: &mut Reader<'_>) -> SelectSettings {
    let kinds = FileKind::ALL.map(|kind| (kind.name(), kind));
    SelectSettings {
        min_minutes: reader.get("select.min_minutes", whole(0..=10_000)),
        topics: reader.get("select.topics", list(pattern)),
        exclude_topics: reader.get("select.exclude_topics", list(pattern)),
        files: reader.get("select.files", move |kind| {
            let files: BTreeSet<FileKind> = list(choice(&kinds))(kind)?.into_iter().collect();
            let refused = || Refusal::new("with nothing in it, nothing would be archived", "at least one kind of file");
            if files.is_empty() { Err(refused()) } else { Ok(files) }
        }),
    }
}

fn archive(reader: &mut Reader<'_>) -> ArchiveSettings {
    let layout = "folders made of {date}, {time}, {topic}, {meeting_id} and {user}, like \"{date}/{time}\"";
    ArchiveSettings {
        directory: reader.path("archive.directory"),
        layout: reader.get("archive.layout", parsed(layout, Layout::parse)),
        timezone: reader.get("archive.timezone", text(zone)),
    }
}

fn log(reader: &mut Reader<'_>) -> LogSettings {
    LogSettings {
        directory: reader.path("log.directory"),
        level: reader
            .get("log.level", parsed(ALLOWED_LOG_LEVELS, |text| check_log_level(text).map(|()| text.to_owned()))),
        format: reader.get("log.format", text(choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)]))),
        rotation: reader.get(
            "log.rotation",
            text(choice(&[
                ("daily", LogRotation::Daily),
                ("hourly", LogRotation::Hourly),
                ("never", LogRotation::Never),
            ])),
        ),
        keep: reader.get("log.keep", whole(1..=3650)),
        stderr: reader.get("log.stderr", truth),
    }
}

fn youtube(reader: &mut Reader<'_>) -> YoutubeSettings {
    let privacies = [Privacy::Private, Privacy::Unlisted, Privacy::Public].map(|privacy| (privacy.name(), privacy));
    YoutubeSettings {
        enabled: reader.get("youtube.enabled", truth),
        client_id: reader.given("youtube.client_id", client_id),
        client_secret: reader.secret("youtube.client_secret"),
        redirect_uri: reader.get("youtube.redirect_uri", redirect_uri()),
        token_file: reader.path("youtube.token_file"),
        title: reader.get("youtube.title", text(title)),
        description: reader.get("youtube.description", text(template)),
        tags: reader.get("youtube.tags", tags),
        privacy: reader.get("youtube.privacy", text(choice(&privacies))),
        playlist: reader.get("youtube.playlist", optional(playlist)),
        category: reader.get("youtube.category", text(category)),
        made_for_kids: reader.get("youtube.made_for_kids", truth),
        notify_subscribers: reader.get("youtube.notify_subscribers", truth),
        since: reader.get("youtube.since", optional(date)),
        settle: reader.get("youtube.settle", span(Duration::ZERO..=30 * DAY)),
        parts: reader
            .get("youtube.parts", text(choice(&[("all", PartsPolicy::All), ("longest", PartsPolicy::Longest)]))),
        daily_uploads: reader.get("youtube.daily_uploads", whole(1..=100_000)),
        api_url: reader.get("youtube.api_url", base()),
        oauth_url: reader.get("youtube.oauth_url", base()),
        auth_url: reader.get("youtube.auth_url", base()),
    }
}

fn notify(reader: &mut Reader<'_>) -> NotifySettings {
    use NotifyEvent::{Archived, Authorization, Deadline, Failed, Recovered, Uploaded};
    let events = [Archived, Uploaded, Failed, Recovered, Authorization, Deadline].map(|event| (event.name(), event));
    let address = |text: &str| SecretUrl::parse(text).map_err(|error| Refusal::new(error, "a list of https addresses"));
    let urls = match reader.twin("notify.urls") {
        Some(text) => {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            lines.map(address).collect::<Result<Vec<_>, _>>().unwrap_or_else(|_| {
                reader.refuse("notify.urls", "a line in the file is no https address");
                Vec::new()
            })
        }
        None => reader.get("notify.urls", list(address)),
    };
    NotifySettings {
        urls,
        on: reader.get("notify.on", list(choice(&events))).into_iter().collect(),
        failures: reader.get("notify.failures", whole(1..=1000)),
    }
}

/// A value, or none where the text is empty.
fn optional<T>(read: impl Fn(&str) -> Result<T, Refusal>) -> impl Fn(&ValueKind) -> Result<Option<T>, Refusal> {
    text(move |text| if text.is_empty() { Ok(None) } else { read(text).map(Some) })
}

fn client_id(text: &str) -> Result<String, Refusal> {
    let is_id = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
    let refused = || Refusal::new("it is empty, or has a space in it", "the id as your app's page shows it");
    if is_id { Ok(text.to_owned()) } else { Err(refused()) }
}

fn users(kind: &ValueKind) -> Result<Vec<UserId>, Refusal> {
    let allowed = "a list of users, like [\"me\"] or [\"anna@example.com\"]";
    let refused = |reason: String| Refusal::new(reason, allowed);
    let user = |text: &str| match text.parse::<UserId>() {
        Ok(user) if text.trim() == text => Ok(user),
        Ok(_) => Err(refused(format!("{text:?} has spaces around it"))),
        Err(error) => Err(refused(error.to_string())),
    };
    let users = list(user)(kind)?;
    // Addresses are the same in small letters and large; Zoom's own ids are not.
    let name = |user: &UserId| match user.as_str() {
        address if address.contains('@') => address.to_lowercase(),
        id => id.to_owned(),
    };
    let mut seen = BTreeSet::new();
    if let Some(twice) = users.iter().find(|user| !seen.insert(name(user))) {
        return Err(refused(format!("{:?} is there twice", twice.as_str())));
    }
    if users.is_empty() { Err(refused("it is empty".to_owned())) } else { Ok(users) }
}

fn redirect_uri() -> impl Fn(&ValueKind) -> Result<RedirectUri, Refusal> {
    text(|text| address(text.parse()))
}

fn base() -> impl Fn(&ValueKind) -> Result<Url, Refusal> {
    text(|text| address(base_address(text)))
}

fn address<T>(read: Result<T, &'static str>) -> Result<T, Refusal> {
    read.map_err(|error| Refusal::new(error, "an https address, or an http one on this machine"))
}

/// A duration within a range.
fn span(range: RangeInclusive<Duration>) -> impl Fn(&ValueKind) -> Result<Duration, Refusal> {
    text(move |text| {
        let (from, to) = (humantime::format_duration(*range.start()), humantime::format_duration(*range.end()));
        let allowed = format!("a time like \"10s\", \"5m\" or \"2h\", from {from} to {to}");
        match duration(text) {
            Ok(duration) if range.contains(&duration) => Ok(duration),
            Ok(_) => Err(Refusal::new("it is out of range", allowed)),
            Err(error) => Err(Refusal::new(error, allowed)),
        }
    })
}

fn rate_limit(text: &str) -> Result<RateLimit, Refusal> {
    RateLimit::parse(text)
        .map_err(|error| Refusal::new(error, "\"\", or a rate from \"16 KiB/s\" up, like \"20 MiB/s\""))
}

fn free_space(text: &str) -> Result<ByteCount, String> {
    const MOST: ByteCount = ByteCount(1 << 50);
    let size: ByteCount = text.parse().map_err(|_| "it can't be read as a size")?;
    if size > MOST { Err(format!("it is more than {MOST}")) } else { Ok(size) }
}

fn pattern(text: &str) -> Result<Regex, Refusal> {
    Regex::new(text).map_err(|error| {
        // The parser draws a picture over several lines; what it means is in the last one.
        let message = error.to_string();
        let last = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
        Refusal::new(format!("in {text:?}: {last}"), "a list of regular expressions")
    })
}

fn zone(text: &str) -> Result<ArchiveZone, Refusal> {
    if text == "meeting" {
        return Ok(ArchiveZone::Meeting);
    }
    text.parse().map(ArchiveZone::Fixed).map_err(|_| {
        let meant = nearest(text, TZ_VARIANTS.iter().map(|zone: &Tz| zone.name()));
        let reason = meant.map_or_else(|| "there is no such zone".to_owned(), |zone| format!("did you mean {zone:?}?"));
        Refusal::new(reason, "\"UTC\", a place like \"Europe/Berlin\", or \"meeting\"")
    })
}

fn template(text: &str) -> Result<Template, Refusal> {
    Template::parse(text, &YoutubeSettings::NAMES).map_err(|error| {
        let names = YoutubeSettings::NAMES.map(|name| format!("{{{name}}}")).join(", ");
        Refusal::new(error.to_string(), format!("text with the placeholders {names}"))
    })
}

fn title(text: &str) -> Result<Template, Refusal> {
    if text.trim().is_empty() || text.contains(char::is_control) {
        return Err(Refusal::new("it is empty, or has more than one line", "a title in one line"));
    }
    template(text)
}

/// `YouTube` takes tags of 500 characters together ("Videos", `snippet.tags[]`).
fn tags(kind: &ValueKind) -> Result<Vec<String>, Refusal> {
    let allowed = "a list of tags without `<`, `>` or `,`, of 500 characters together";
    let tag = |text: &str| {
        let is_tag = !text.trim().is_empty() && !text.contains(|c: char| "<>,".contains(c) || c.is_control());
        if is_tag { Ok(text.to_owned()) } else { Err(Refusal::new(format!("{text:?} is no tag"), allowed)) }
    };
    let tags = list(tag)(kind)?;
    let characters: usize = tags.iter().map(|tag| tag.chars().count() + 1).sum();
    if characters > 500 { Err(Refusal::new("they are too long", allowed)) } else { Ok(tags) }
}

fn playlist(text: &str) -> Result<String, Refusal> {
    let is_id = text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let refused = || Refusal::new("this is no id", "\"\", or what follows `list=` in the playlist's address");
    if is_id { Ok(text.to_owned()) } else { Err(refused()) }
}

fn category(text: &str) -> Result<String, Refusal> {
    let is_id = (1..=3).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit());
    if is_id {
        Ok(text.to_owned())
    } else {
        Err(Refusal::new("this is no category", "a number in quotes, like \"22\""))
    }
}

fn date(text: &str) -> Result<NaiveDate, Refusal> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    date.ok_or_else(|| Refusal::new("this is no date", "\"\", or a date like \"2025-12-01\""))
}
