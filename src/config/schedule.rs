//! When to poll: cron in UTC, read by the parser that the scheduler itself uses.

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds};

/// A cron schedule in UTC that comes round at least once.
#[derive(Clone, Debug)]
pub struct Schedule {
    expression: String,
    cron: Cron,
}

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Neither five nor six fields.
    #[error("it has {0} instead of 5 or 6 fields")]
    Fields(usize),
    /// Not what the scheduler's parser takes.
    #[error("{0}")]
    Syntax(String),
    /// A step that no field can take: `*/90` minutes would mean hourly.
    #[error("a step of {step} is longer than the whole field `{field}` counts ({span})")]
    Step {
        /// The field it stands in.
        field: String,
        /// The step.
        step: u32,
        /// The number of values that the field has.
        span: u32,
    },
    /// A date that no calendar has.
    #[error("it never comes round")]
    Never,
}

impl Schedule {
    /// Values that each field has: seconds, minutes, hours, days, months, weekdays.
    const SPANS: [u32; 6] = [60, 60, 24, 31, 12, 7];

    /// Reads six fields (seconds first) or five (at second 0).
    ///
    /// # Errors
    /// [`ScheduleError`] with what is wrong in it.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let mut fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() == 5 {
            fields.insert(0, "0");
        }
        if fields.len() != 6 {
            return Err(ScheduleError::Fields(fields.len()));
        }
        for (field, span) in fields.iter().zip(Self::SPANS) {
            check_field(field, span)?;
        }
        let expression = fields.join(" ");
        // The same settings as in tokio-cron-scheduler's `Job::new`, or it would refuse what was accepted here.
        let cron = CronParser::builder()
            .seconds(Seconds::Required)
            .dom_and_dow(true)
            .build()
            .parse(&expression)
            .map_err(|error| ScheduleError::Syntax(sentence(&error.to_string())))?;
        let schedule = Self { expression, cron };
        // Any moment will do: without a year field, what comes round once comes round again. 1999 is followed by a
        // leap year, so that a search for 29 February is short.
        match schedule.next_after(DateTime::UNIX_EPOCH + chrono::TimeDelta::days(29 * 365)) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::Never),
        }
    }

    /// The first time after `now`; none where the calendar ends before it.
    #[must_use]
    pub fn next_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron.find_next_occurrence(&now, false).ok()
    }

    /// Its six fields, as the scheduler takes them.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }
}

/// Refuses what the parser takes for something else, and what it can't be trusted with.
fn check_field(field: &str, span: u32) -> Result<(), ScheduleError> {
    if !field.is_ascii() || field.len() > 200 {
        return Err(ScheduleError::Syntax(format!("`{}` is no field", field.escape_debug())));
    }
    for (_, step) in field.split(',').filter_map(|part| part.split_once('/')) {
        if let Ok(step) = step.parse::<u32>()
            && step > span
        {
            return Err(ScheduleError::Step { field: field.to_owned(), step, span });
        }
    }
    Ok(())
}

/// The parser's message in the form of ours: lower-case, without a full stop.
fn sentence(message: &str) -> String {
    let mut chars = message.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio_cron_scheduler::Job;

    use super::*;
    use crate::hostile;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn five_fields_get_second_0() {
        let schedule = Schedule::parse(" */10  * * * * ").unwrap();
        assert_eq!(schedule.expression(), "0 */10 * * * *");
        assert_eq!(schedule.next_after(at("2025-12-02T17:29:28Z")), Some(at("2025-12-02T17:30:00Z")));
    }

    #[test]
    fn the_next_time_is_after_now_even_on_the_dot() {
        let schedule = Schedule::parse("0 */10 * * * *").unwrap();
        assert_eq!(schedule.next_after(at("2025-12-02T17:30:00Z")), Some(at("2025-12-02T17:40:00Z")));
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "it has 0 instead of 5 or 6 fields"),
            ("@hourly", "it has 1 instead of 5 or 6 fields"),
            ("* * * *", "it has 4 instead of 5 or 6 fields"),
            ("0 0 0 1 1 * 2030", "it has 7 instead of 5 or 6 fields"),
            ("0 */90 * * * *", "a step of 90 is longer than the whole field `*/90` counts (60)"),
            ("0 0 0 30 2 *", "it never comes round"),
        ] {
            assert_eq!(Schedule::parse(text).unwrap_err().to_string(), reason, "{text}");
        }
        for text in ["0 61 * * * *", "0 x * * * *", "0 */0 * * * *", "0 5-1 * * * *", "0 0 0 ß * *"] {
            assert!(matches!(Schedule::parse(text), Err(ScheduleError::Syntax(_))), "{text}");
        }
    }

    fn is_taken_by_the_scheduler(schedule: &Schedule) -> bool {
        Job::new(schedule.expression(), |_, _| {}).is_ok()
    }

    #[test]
    fn what_is_accepted_is_accepted_by_the_scheduler() {
        for text in
            ["*/10 * * * *", "0 0 3 * * MON-FRI", "30 15 2 L * *", "0 0 0 29 2 *", "0 0 0 ? * 5#2", "0 0 12 1W JAN *"]
        {
            assert!(is_taken_by_the_scheduler(&Schedule::parse(text).unwrap()), "{text}");
        }
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn no_text_at_all_upsets_the_parser(
            text in prop_oneof![
                3 => "([0-9*/,\\-LW#?+A-Z@]{0,6} ){4,6}[0-9*/,\\-LW#?+]{0,4}",
                1 => hostile::strings(),
                1 => hostile::strings().prop_map(|field| format!("0 {field} * * *")),
            ],
        ) {
            if let Ok(schedule) = Schedule::parse(&text) {
                prop_assert!(is_taken_by_the_scheduler(&schedule));
                prop_assert!(schedule.next_after(at("2025-12-02T17:29:28Z")).is_some());
            }
        }
    }
}
