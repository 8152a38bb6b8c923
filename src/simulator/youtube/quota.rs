//! What the project has used of its day's allowance. A day ends at midnight Pacific time.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::America::Los_Angeles;

use super::super::http::Answer;
use super::refused::Refused;
use super::rules::Rules;

/// What was used in a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Units, of all calls but uploads.
    pub units: u64,
    /// Uploads, finished or not.
    pub uploads: u64,
}

/// What was used in each day.
#[derive(Debug, Default)]
pub(super) struct Quota(HashMap<NaiveDate, Used>);

impl Quota {
    pub(super) fn used(&self, now: DateTime<Utc>) -> Used {
        self.0.get(&day(now)).copied().unwrap_or_default()
    }

    /// Whether the day has so many units left.
    pub(super) fn affords(&self, cost: u64, rules: &Rules, now: DateTime<Utc>) -> Result<(), Answer> {
        let is_enough = self.used(now).units + cost <= rules.units_per_day;
        if is_enough { Ok(()) } else { Err(Refused::Quota.answer()) }
    }

    /// Whether the day has an upload left.
    pub(super) fn affords_upload(&self, rules: &Rules, now: DateTime<Utc>) -> Result<(), Answer> {
        let is_enough = self.used(now).uploads < rules.uploads_per_day;
        if is_enough { Ok(()) } else { Err(Refused::UploadsOfTheDay.answer()) }
    }

    pub(super) fn spend(&mut self, units: u64, now: DateTime<Utc>) {
        self.0.entry(day(now)).or_default().units += units;
    }

    pub(super) fn spend_upload(&mut self, now: DateTime<Utc>) {
        self.0.entry(day(now)).or_default().uploads += 1;
    }
}

fn day(now: DateTime<Utc>) -> NaiveDate {
    now.with_timezone(&Los_Angeles).date_naive()
}
