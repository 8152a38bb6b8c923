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

    /// Whether a request's body is of a file: its bytes are handed over as they come, rather than held.
    fn brings_file(&self, _subject: &Subject) -> bool {
        false
    }

    /// Begins to take a file. An error is the answer to a request whose bytes nobody wants.
    fn take_file(&mut self, subject: &Subject, request: &Request, auth: Credential) -> Result<Intake, Answer> {
        Err(self.answer(subject, request, auth))
    }

    /// Takes bytes of a file; whether they were still wanted.
    fn take_bytes(&mut self, _intake: Intake, _bytes: &[u8]) -> bool {
        false
    }

    /// No more bytes come, though not all have come.
    fn broke_off(&mut self, _intake: Intake) {}

    /// All bytes that were announced have come: what is answered to that.
    fn took_file(&mut self, _intake: Intake, _request: &Request) -> Answer {
        Answer::new(404)
    }

    /// How many bytes per second and connection are taken of a file, at most.
    fn intake_rate(&self) -> Option<u64> {
        None
    }

    /// What every answer says that the time is.
    fn date(&self) -> Option<DateTime<Utc>>;

    /// How a file is sent: how it is delimited, and at how many bytes per second at most.
    fn of_files(&self) -> (Framing, Option<u64>) {
        (Framing::Length, None)
    }
}

/// A request that brings bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Intake {
    /// Which file they are of.
    pub(super) file: usize,
    /// Which of all requests that brought some it is.
    pub(super) number: u64,
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
