//! A simulated service, as `serve` knows it.

use std::fmt::Debug;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};

use super::http::{Answer, Request};
use super::journal::{Credential, Credentials, Origin, Subject};
use super::rules::Framing;

/// What one simulated service does differently from another: it alone knows its addresses, and what is right there.
pub(super) trait Site: Debug + Send + 'static {
    /// What a request is about.
    fn subject(&self, origin: Origin, request: &Request) -> Subject;

    /// Whether the secrets that came with it are right.
    fn judge(&self, subject: &Subject, request: &Request) -> Credentials;

    /// Carries it out.
    fn answer(&mut self, subject: &Subject, request: &Request, authorization: Credential) -> Answer;

    /// What every answer says that the time is.
    fn date(&self) -> Option<DateTime<Utc>>;

    /// How a file is sent: how it is delimited, and at how many bytes per second at most.
    fn of_files(&self) -> (Framing, Option<u64>) {
        (Framing::Length, None)
    }
}

/// The time at a simulated service: when its world begins, and what has gone by since.
#[derive(Debug)]
pub(super) struct Clock {
    at_start: DateTime<Utc>,
    began: Instant,
    skew: TimeDelta,
}

impl Clock {
    pub(super) fn starting_at(at_start: DateTime<Utc>) -> Self {
        Self { at_start, began: Instant::now(), skew: TimeDelta::zero() }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(self.began.elapsed()).unwrap_or(TimeDelta::MAX);
        self.at_start + self.skew + elapsed
    }

    pub(super) fn advance(&mut self, by: TimeDelta) {
        self.skew += by;
    }
}
