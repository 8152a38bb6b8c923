//! The one place that reads the wall clock, and what can be wrong with it; everything else is handed `now`.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// This program is younger than that day: a clock that shows an earlier one has not been set since the machine started.
const EARLIEST: NaiveDate = NaiveDate::from_ymd_opt(2024, 1, 1).expect("a day");

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
