//! Values that a setting can have: rates, addresses, zones, choices. Each is checked where it is made.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use chrono_tz::Tz;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use url::{Host, Url};

use crate::meeting::ByteCount;

/// How fast all downloads together may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit(NonZeroU32);

impl RateLimit {
    /// The slowest that can be asked for: below it, a recording would outlast its download address.
    const MIN: u32 = 16 << 10;

    /// Reads `20 MiB/s`.
    ///
    /// # Errors
    /// In words, why this is no rate.
    pub fn parse(text: &str) -> Result<Self, String> {
        let size = text.trim().strip_suffix("/s").ok_or("it doesn't end in \"/s\"")?;
        let bytes = size.parse::<ByteCount>().map_err(|_| "the size before \"/s\" can't be read")?;
        let rate = u32::try_from(bytes.0).ok().filter(|rate| *rate >= Self::MIN).and_then(NonZeroU32::new);
        rate.map(Self).ok_or_else(|| "it is out of range".to_owned())
    }

    /// Bytes per second.
    #[must_use]
    pub const fn bytes_per_second(self) -> NonZeroU32 {
        self.0
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", ByteCount(self.0.get().into()))
    }
}

/// An address that is itself a secret, like a webhook's. Shown as its host only.
#[derive(Clone)]
pub struct SecretUrl {
    host: String,
    address: SecretString,
}

impl SecretUrl {
    /// Reads an `https` address, or a loopback `http` one.
    ///
    /// # Errors
    /// In words, what is wrong; the address itself isn't in them.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = web_address(text)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        Ok(Self { host, address: String::from(url).into() })
    }

    /// The host, which may be shown.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The whole address, for the request.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.address.expose_secret()
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretUrl({}/...)", self.host)
    }
}

/// An address that a token or a recording may travel to: `https`, or `http` on this machine alone.
///
/// # Errors
/// In words, what is wrong with it.
pub(super) fn web_address(text: &str) -> Result<Url, &'static str> {
    // The parser would drop them without a word.
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("there is a space in it");
    }
    let url = Url::parse(text).map_err(|_| "this is no address")?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err("plain http would show the tokens to everyone on the way"),
        _ => return Err("this is no web address"),
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("there is no host in it");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("there is a user name in it");
    }
    if url.fragment().is_some() {
        return Err("there is a `#` in it");
    }
    Ok(url)
}

/// An address under which others are made: without a query, and without a `/` at its end.
///
/// # Errors
/// In words, what is wrong with it.
pub(super) fn base_address(text: &str) -> Result<Url, &'static str> {
    let mut url = web_address(text)?;
    if url.query().is_some() {
        return Err("there is a `?` in it");
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Where the browser is sent after an authorization, as it is written in the settings: it must be the same, to the letter, as
/// on the app's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri {
    text: String,
    url: Url,
}

impl RedirectUri {
    /// The address as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address, to take apart.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl FromStr for RedirectUri {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self { text: text.to_owned(), url: web_address(text)? })
    }
}

/// Whether an address is on this machine, by its name alone.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The zone in which folders and titles are dated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveZone {
    /// Each meeting's own.
    Meeting,
    /// The same for all.
    Fixed(Tz),
}

impl ArchiveZone {
    /// The zone in which a meeting is dated, of which Zoom names this one; UTC where it names none that there is.
    #[must_use]
    pub fn of_meeting(self, named: Option<&str>) -> Tz {
        match self {
            Self::Fixed(zone) => zone,
            Self::Meeting => named.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC),
        }
    }
}

impl fmt::Display for ArchiveZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meeting => f.write_str("meeting"),
            Self::Fixed(zone) => f.write_str(zone.name()),
        }
    }
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: a JSON object a line.
    Json,
}

/// When a new log file is begun; by UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRotation {
    /// At midnight.
    Daily,
    /// On the hour.
    Hourly,
    /// Not at all.
    Never,
}

/// Who sees a video on `YouTube`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// The channel's owner.
    Private,
    /// Whoever has the link.
    Unlisted,
    /// Everyone.
    Public,
}

impl Privacy {
    /// The word for it, `YouTube`'s and the settings'.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Unlisted => "unlisted",
            Self::Public => "public",
        }
    }
}

/// Which parts of a recording that was stopped and started again are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartsPolicy {
    /// Each.
    All,
    /// The longest one.
    Longest,
}

/// What somebody can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotifyEvent {
    /// A meeting is in the archive.
    Archived,
    /// A meeting is on `YouTube`.
    Uploaded,
    /// Polls or tries failed several times in a row.
    Failed,
    /// What had failed works again.
    Recovered,
    /// A person has to authorize the program.
    Authorization,
    /// Zoom is about to delete what isn't archived yet.
    Deadline,
}

impl NotifyEvent {
    /// Its name in the settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Archived => "archived",
            Self::Uploaded => "uploaded",
            Self::Failed => "failed",
            Self::Recovered => "recovered",
            Self::Authorization => "authorization",
            Self::Deadline => "deadline",
        }
    }
}

/// The log levels that there are, in words for whoever gave another one.
pub const ALLOWED_LOG_LEVELS: &str = "one of \"error\", \"warn\", \"info\", \"debug\", \"trace\"";

/// Checks a log level: `info`, or a list like `info,zoom_archiver::http=debug`.
///
/// A lone misspelt level would be a valid directive to [`EnvFilter`] (for a module of that name), and silence the log.
///
/// # Errors
/// In words, what is wrong with it.
pub fn check_log_level(text: &str) -> Result<(), String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    // The parser takes each byte for a character, and panics within one that has several.
    if let Some(foreign) = text.chars().find(|c| !c.is_ascii()) {
        return Err(format!("{foreign:?} is in no level and in no module's name"));
    }
    for directive in text.split(',') {
        let is_plain = !directive.contains(['=', '[', ':']);
        if is_plain && !LEVELS.contains(&directive.to_ascii_lowercase().as_str()) {
            return Err(format!("{directive:?} is no level"));
        }
    }
    EnvFilter::builder().parse(text).map(drop).map_err(|_| "it can't be read as a list of directives".to_owned())
}

/// Reads `10s`, `1h 30m`.
///
/// # Errors
/// In words, why this is no duration.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    // Beyond this, humantime's own sums overflow with a panic.
    if text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 9) {
        return Err("a number in it is too large".to_owned());
    }
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hostile;

    #[test]
    fn a_rate_is_a_size_per_second() {
        assert_eq!(RateLimit::parse("20 MiB/s").unwrap().bytes_per_second().get(), 20 << 20);
        assert_eq!(RateLimit::parse("1.5MB/s").unwrap().to_string(), "1.4 MiB/s");
        for text in ["20 MiB", "/s", "20 MiB/min", "0 B/s", "1 B/s", "5 GiB/s", "-1 MiB/s"] {
            assert!(RateLimit::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn l9_an_address_is_https_or_on_this_machine() {
        for text in
            ["https://api.zoom.us/v2", "http://127.0.0.1:8082", "http://localhost:8080/redirect", "http://[::1]:1/"]
        {
            assert!(web_address(text).is_ok(), "{text}");
        }
        for text in [
            "http://api.zoom.us/v2",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "http://10.0.0.1",
            "ftp://zoom.us",
            "https://",
            "https://user:word@zoom.us",
            "https://user@zoom.us",
            "https://zoom.us/#x",
            " https://zoom.us",
            "https://zo\nom.us",
            "zoom.us",
            "",
        ] {
            assert!(web_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_base_address_has_no_query_and_no_slash_at_its_end() {
        assert_eq!(base_address("https://api.zoom.us/v2//").unwrap().as_str(), "https://api.zoom.us/v2");
        assert!(base_address("https://api.zoom.us/v2?x=1").is_err());
    }

    #[test]
    fn l6_a_secret_address_shows_its_host_alone() {
        let url = SecretUrl::parse("https://hooks.slack.com/services/SECRET?token=SECRET").unwrap();
        assert_eq!(format!("{url:?}"), "SecretUrl(hooks.slack.com/...)");
        assert!(url.expose().contains("SECRET"));
    }

    #[test]
    fn a_misspelt_level_is_refused() {
        for text in ["info", "DEBUG", "warn,zoom_archiver::http=debug", "zoom_archiver=trace", "off"] {
            assert!(check_log_level(text).is_ok(), "{text}");
        }
        for text in ["", "inof", "info,verbose", "info,", "zoom_archiver=loud", "[", "3", "a¡=", "caf\u{e9}=info"] {
            assert!(check_log_level(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_duration_has_a_unit_and_is_never_too_much_to_add_up() {
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        for text in ["", "10", "-1s", "1.5.s", "ten seconds", "18446744073709551615s 1000000000ns"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn no_text_upsets_the_reading_of_a_value(
            text in prop_oneof![
                3 => hostile::strings(),
                1 => "([0-9]{1,9}(y|years|months|w|d|h|ms) ?){1,4}",
                1 => "[0-9.]{1,20} ?[KMGT]?i?B/s",
                1 => "([a-z_:]{0,8}(=|,|\\[|\\])?(info|debug|off|x)?,?){0,3}",
                1 => hostile::strings().prop_map(|rest| format!("https://{rest}")),
                1 => hostile::strings().prop_map(|rest| format!("https://example.com/SECRET{rest}")),
            ],
        ) {
            drop((duration(&text), check_log_level(&text)));
            if let Ok(rate) = RateLimit::parse(&text) {
                prop_assert!(rate.bytes_per_second().get() >= RateLimit::MIN);
            }
            if let Ok(url) = base_address(&text) {
                prop_assert!(url.scheme() == "https" || is_loopback(&url), "{}", url);
                prop_assert!(url.query().is_none() && url.fragment().is_none() && url.username().is_empty());
            }
            if let Ok(url) = SecretUrl::parse(&text) {
                prop_assert_eq!(format!("{url:?}"), format!("SecretUrl({}/...)", url.host()));
            }
        }
    }

    #[test]
    fn many_durations_of_the_largest_size_are_too_much_and_no_overflow() {
        assert!(duration(&"999999999y ".repeat(1000)).is_err());
    }
}
