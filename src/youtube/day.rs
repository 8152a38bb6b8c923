//! Pure: the day by which `YouTube` counts. Its quotas begin anew at midnight Pacific time ("Quota Calculator").

use chrono::{DateTime, Days, LocalResult, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::America::Los_Angeles;

/// When the day of `now` began.
#[must_use]
pub fn began(now: DateTime<Utc>) -> DateTime<Utc> {
    midnight(now.with_timezone(&Los_Angeles).date_naive())
}

/// When it ends, and the next one begins.
#[must_use]
pub fn ends(now: DateTime<Utc>) -> DateTime<Utc> {
    let day = now.with_timezone(&Los_Angeles).date_naive();
    midnight(day.checked_add_days(Days::new(1)).unwrap_or(day))
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    // The clock is changed at two in the morning there: each day has one midnight.
    match Los_Angeles.from_local_datetime(&day.and_time(NaiveTime::MIN)) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => time.to_utc(),
        LocalResult::None => day.and_time(NaiveTime::MIN).and_utc(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_begins_at_midnight_pacific_time_in_winter_and_in_summer() {
        for (now, begins, ends_at) in [
            ("2026-01-15T07:59:59Z", "2026-01-14T08:00:00Z", "2026-01-15T08:00:00Z"),
            ("2026-01-15T08:00:00Z", "2026-01-15T08:00:00Z", "2026-01-16T08:00:00Z"),
            ("2026-07-15T07:00:00Z", "2026-07-15T07:00:00Z", "2026-07-16T07:00:00Z"),
            // The day on which the clock is put forward has 23 hours.
            ("2026-03-08T12:00:00Z", "2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"),
        ] {
            let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
            assert_eq!(began(at(now)), at(begins), "{now}");
            assert_eq!(ends(at(now)), at(ends_at), "{now}");
        }
    }
}
