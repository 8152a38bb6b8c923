//! The one place that reads the wall clock, and what can be wrong with it; everything else is handed `now`.

use std::time::Instant;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// This program is younger than that day: a clock that shows an earlier one has not been set since the machine started.
const EARLIEST: NaiveDate = NaiveDate::from_ymd_opt(2024, 1, 1).expect("a day");

/// Clocks that are further apart are not of one mind: one of them is wrong.
const MOST_APART: TimeDelta = TimeDelta::hours(1);

/// What somebody else's clock showed, and when that was heard.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    shown: DateTime<Utc>,
    heard: Instant,
}

impl Reading {
    /// What it shows this moment.
    #[must_use]
    pub fn just(shown: DateTime<Utc>) -> Self {
        Self { shown, heard: Instant::now() }
    }

    /// What it shows by now. Where this machine slept meanwhile, it is taken to show less, and agrees no more.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(self.heard.elapsed()).unwrap_or(TimeDelta::MAX);
        self.shown.checked_add_signed(passed).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// Whether two clocks agree, to the hour.
#[must_use]
pub fn agree(here: DateTime<Utc>, there: DateTime<Utc>) -> bool {
    (here - there).abs() <= MOST_APART
}

/// The clock can't be right. By its time, the wrong days would be asked for.
#[derive(Debug, thiserror::Error)]
#[error("the clock of this machine shows {}, which can't be right: set it", .0.format("%Y-%m-%d %H:%M UTC"))]
pub struct NotSet(DateTime<Utc>);

/// The time of day, as the machine believes it to be.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place that reads it")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Looks whether a clock that shows this can be right.
///
/// # Errors
/// [`NotSet`] where it shows a time before there was such a program.
pub fn check(now: DateTime<Utc>) -> Result<(), NotSet> {
    if now.date_naive() < EARLIEST { Err(NotSet(now)) } else { Ok(()) }
}

/// Whether a time that was noted is yet to come. One that is further off than anything of its kind was noted by a clock that
/// was ahead, and would be waited for until then.
#[must_use]
pub fn is_yet_to_come(at: DateTime<Utc>, now: DateTime<Utc>, longest: TimeDelta) -> bool {
    at > now && at - now <= longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t2_clocks_agree_within_an_hour_whichever_is_ahead() {
        let noon: DateTime<Utc> = "2026-01-15T12:00:00Z".parse().unwrap();
        for (seconds, do_agree) in [(0, true), (3600, true), (-3600, true), (3601, false), (-3601, false)] {
            assert_eq!(agree(noon, noon + TimeDelta::seconds(seconds)), do_agree, "{seconds}");
        }
        assert!(!agree(DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC));
    }

    #[test]
    fn another_clock_goes_on_after_it_was_read() {
        let noon: DateTime<Utc> = "2026-01-15T12:00:00Z".parse().unwrap();
        let reading = Reading::just(noon);
        assert!(reading.now() >= noon && agree(reading.now(), noon));
        assert!(Reading::just(DateTime::<Utc>::MAX_UTC).now() <= DateTime::<Utc>::MAX_UTC);
    }

    #[test]
    fn t2_a_clock_from_before_there_was_such_a_program_is_not_set() {
        for (time, is_set) in [
            ("1970-01-01T00:00:00Z", false),
            ("2023-12-31T23:59:59Z", false),
            ("2024-01-01T00:00:00Z", true),
            ("2038-01-19T03:14:08Z", true),
        ] {
            assert_eq!(check(time.parse().unwrap()).is_ok(), is_set, "{time}");
        }
    }
}
