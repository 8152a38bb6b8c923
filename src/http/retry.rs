//! How long to wait before the next try: what the server asks for, and what we choose where it doesn't.

use std::time::Duration;

use backon::ExponentialBuilder;
use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Never asked again sooner than this.
const SHORTEST_WAIT: TimeDelta = TimeDelta::seconds(1);
/// Added to midnight: with a clock slightly ahead of Zoom's, a try at midnight sharp would cost another day.
const AFTER_MIDNIGHT: TimeDelta = TimeDelta::seconds(10);

/// Pauses between tries: 1 s, doubling up to 60 s, each with up to as much again at random; `retries` of them.
#[must_use]
pub fn backoff(retries: usize) -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_jitter()
        .with_min_delay(Duration::from_secs(1))
        .with_max_delay(Duration::from_secs(60))
        .with_max_times(retries)
}

/// Which of Zoom's limits was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateKind {
    /// Too many requests at once; it passes in a second.
    PerSecond,
    /// The day's quota; it comes back at 00:00 UTC.
    Daily,
    /// The answer doesn't say.
    Unknown,
}

/// What a 429 (or a 503) says about the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Which limit.
    pub kind: RateKind,
    /// When to ask again: 1 s from now at the earliest, shortly after the next 00:00 UTC at the latest.
    pub until: DateTime<Utc>,
}

impl RateLimit {
    /// The longest that Zoom asks to wait: its daily limits end at the next midnight.
    pub const LONGEST: TimeDelta = TimeDelta::hours(25);

    /// Reads the headers of a refusal, and its message where the body had one.
    ///
    /// Zoom documents `X-RateLimit-Type` (`QPS` or `Daily-limit`), `Retry-After` as an RFC 3339 date-time and, for the
    /// limit per second, `X-RateLimit-Reset` in Unix seconds (Zoom API, "Rate limits"). Any of them may be missing, and
    /// what stands before Zoom sends `Retry-After` as HTTP has it: a date or whole seconds. What can't be read counts
    /// as missing.
    #[must_use]
    pub fn read(headers: &HeaderMap, message: &str, now: DateTime<Utc>) -> Self {
        let kind = kind(text(headers, "x-ratelimit-type"), message);
        let asked = text(headers, RETRY_AFTER.as_str())
            .and_then(|value| retry_after(value, now))
            .or_else(|| unix_seconds(text(headers, "x-ratelimit-reset")?));
        let latest = next_midnight(now) + AFTER_MIDNIGHT;
        let until = asked.unwrap_or(if kind == RateKind::Daily { latest } else { now });
        Self { kind, until: until.clamp(now + SHORTEST_WAIT, latest) }
    }

    /// How long that is from now.
    #[must_use]
    pub fn wait(&self, now: DateTime<Utc>) -> Duration {
        (self.until - now).to_std().unwrap_or_default()
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn kind(declared: Option<&str>, message: &str) -> RateKind {
    let declared = declared.unwrap_or(message).to_ascii_lowercase();
    if declared.contains("daily") {
        RateKind::Daily
    } else if declared == "qps" || declared.contains("per-second") {
        RateKind::PerSecond
    } else {
        RateKind::Unknown
    }
}

fn retry_after(value: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(value) {
        return Some(time.to_utc());
    }
    if let Ok(time) = httpdate::parse_http_date(value) {
        return Some(time.into());
    }
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // More seconds than a date can hold is "as late as possible".
    let seconds = value.parse().ok().and_then(TimeDelta::try_seconds);
    Some(seconds.and_then(|wait| now.checked_add_signed(wait)).unwrap_or(DateTime::<Utc>::MAX_UTC))
}

fn unix_seconds(value: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(value.parse().ok()?, 0)
}

fn next_midnight(now: DateTime<Utc>) -> DateTime<Utc> {
    let tomorrow = now.date_naive().checked_add_days(Days::new(1)).unwrap_or(now.date_naive());
    tomorrow.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;
    use crate::hostile;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn now() -> DateTime<Utc> {
        at("2025-12-02T17:30:00Z")
    }

    fn read(pairs: &[(&'static str, &'static str)]) -> RateLimit {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        RateLimit::read(&headers, "", now())
    }

    #[test]
    fn h21_retry_after_is_read_in_all_its_forms_and_kept_within_a_second_and_the_next_day() {
        let midnight = "2025-12-03T00:00:10Z";
        let at_once = "2025-12-02T17:30:01Z";
        for (value, expected) in [
            ("2025-12-02T18:00:00Z", "2025-12-02T18:00:00Z"),
            ("2025-12-02T21:00:00+03:00", "2025-12-02T18:00:00Z"),
            ("2025-12-03T00:00:00Z", "2025-12-03T00:00:00Z"),
            ("2026-05-31T00:00:00Z", midnight),
            ("2020-05-31T00:00:00Z", at_once),
            ("Tue, 02 Dec 2025 17:31:00 GMT", "2025-12-02T17:31:00Z"),
            ("Tue, 02 Dec 2025 17:00:00 GMT", at_once),
            ("120", "2025-12-02T17:32:00Z"),
            ("0", at_once),
            ("-5", at_once),
            ("1000000000000", midnight),
            ("99999999999999999999999999", midnight),
            ("soon", at_once),
            ("", at_once),
        ] {
            assert_eq!(read(&[("retry-after", value)]).until, at(expected), "{value}");
        }
    }

    #[test]
    fn h21_without_a_time_a_limit_per_second_lasts_a_second() {
        let limit = read(&[("x-ratelimit-type", "QPS")]);
        assert_eq!(limit, RateLimit { kind: RateKind::PerSecond, until: at("2025-12-02T17:30:01Z") });
        assert_eq!(limit.wait(now()), Duration::from_secs(1));
    }

    #[test]
    fn h21_a_limit_per_second_may_say_when_it_ends_in_unix_seconds() {
        let limit = read(&[("x-ratelimit-type", "QPS"), ("x-ratelimit-reset", "1764696605")]);
        assert_eq!(limit.until, at("2025-12-02T17:30:05Z"));
    }

    #[test]
    fn h21_h22_without_a_readable_time_a_daily_limit_lasts_until_midnight_utc() {
        for headers in
            [&[("x-ratelimit-type", "Daily-limit")][..], &[("x-ratelimit-type", "Daily-limit"), ("retry-after", "-1")]]
        {
            let limit = read(headers);
            assert_eq!(limit, RateLimit { kind: RateKind::Daily, until: at("2025-12-03T00:00:10Z") });
        }
    }

    #[test]
    fn where_the_headers_are_missing_the_message_tells_which_limit_it_was() {
        let of = |message| RateLimit::read(&HeaderMap::new(), message, now()).kind;
        assert_eq!(of("You have reached the maximum daily rate limit for this API."), RateKind::Daily);
        assert_eq!(of("You have reached the maximum per-second rate limit for this API."), RateKind::PerSecond);
        assert_eq!(of("Too many concurrent requests."), RateKind::Unknown);
    }

    #[test]
    fn h21_an_answer_that_says_nothing_asks_for_a_second() {
        assert_eq!(read(&[]), RateLimit { kind: RateKind::Unknown, until: at("2025-12-02T17:30:01Z") });
    }

    #[test]
    fn h21_just_before_midnight_the_wait_is_still_a_second() {
        let late = at("2025-12-02T23:59:59Z");
        let limit = RateLimit::read(&HeaderMap::new(), "", late);
        assert_eq!(limit.until, at("2025-12-03T00:00:00Z"));
    }

    #[test]
    fn h23_pauses_grow_from_a_second_to_a_minute_and_end() {
        use backon::BackoffBuilder;
        let pauses: Vec<Duration> = backoff(9).build().collect();
        assert_eq!(pauses.len(), 9);
        for (pause, least) in pauses.iter().zip([1, 2, 4, 8, 16, 32, 60, 60, 60]) {
            let least = Duration::from_secs(least);
            assert!(*pause >= least && *pause <= 2 * least, "{pause:?}");
        }
    }

    /// A `Retry-After` in any of its forms, of any size, or none of them.
    fn any_retry_after() -> impl Strategy<Value = HeaderValue> {
        let time = || (0..253_402_300_800_i64).prop_map(|at| DateTime::from_timestamp(at, 0).unwrap());
        let http_date = |time: DateTime<Utc>| time.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let sent = prop_oneof![
            any::<i64>().prop_map(|seconds| seconds.to_string()),
            (0..200_000_u32).prop_map(|seconds| seconds.to_string()),
            select(&["0", "-1", "1000000000000", "18446744073709551616", "1.5", "1e3", " 5 ", "+5"][..])
                .prop_map(str::to_owned),
            time().prop_map(|time| time.to_rfc3339()),
            time().prop_map(http_date),
            hostile::times(),
        ];
        let of = |text: String| HeaderValue::from_bytes(text.as_bytes()).ok();
        prop_oneof![3 => sent.prop_filter_map("no header holds this", of), 1 => hostile::header_values()]
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn h21_h22_whatever_is_asked_for_the_wait_is_a_second_at_least_and_ends_shortly_after_midnight(
            retry_after in prop::option::of(any_retry_after()),
            reset in prop::option::of(any_retry_after()),
            kind in prop::option::of(prop_oneof![
                select(&["QPS", "Daily-limit", "daily"][..]).prop_map(HeaderValue::from_static),
                hostile::header_values(),
            ]),
            message in hostile::strings(),
            (seconds, nanos) in (0..253_402_000_000_i64, 0..1_000_000_000_u32),
        ) {
            let now = DateTime::from_timestamp(seconds, nanos).unwrap();
            let names = ["retry-after", "x-ratelimit-reset", "x-ratelimit-type"].map(HeaderName::from_static);
            let sent = names.into_iter().zip([retry_after, reset, kind]);
            let headers = sent.filter_map(|(name, value)| Some((name, value?))).collect();
            let limit = RateLimit::read(&headers, &message, now);
            let next_day = (now.date_naive() + Days::new(1)).and_time(NaiveTime::MIN).and_utc();
            prop_assert!(limit.until >= now + TimeDelta::seconds(1), "{limit:?}");
            prop_assert!(limit.until <= next_day + TimeDelta::seconds(10), "{limit:?}");
            prop_assert_eq!(limit.wait(now), (limit.until - now).to_std().unwrap());
        }

        #[test]
        fn h21_a_time_within_the_day_is_kept_to_in_each_of_its_forms(wait in 1..20_000_i64) {
            let until = now() + TimeDelta::seconds(wait);
            let http_date = until.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            for sent in [wait.to_string(), until.to_rfc3339(), http_date] {
                let headers = [(RETRY_AFTER, HeaderValue::from_str(&sent).unwrap())].into_iter().collect();
                prop_assert_eq!(RateLimit::read(&headers, "", now()).until, until, "{}", sent);
            }
        }
    }
}
