//! A clock for a service that a test can set, by a small library loaded before its own.

use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};

use super::meddling::build;
use super::{Ended, Running, Service, now, skipped};

/// The library; or why it can't be had.
static LIBRARY: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| build("clock", &["-shared", "-fPIC"]));

/// The clock of a service.
pub(crate) struct Clock<'a> {
    service: &'a Service,
    ahead: PathBuf,
}

impl<'a> Clock<'a> {
    /// A clock that goes right, until it is set.
    pub(crate) fn of(service: &'a Service) -> Option<Self> {
        if let Err(why) = LIBRARY.as_ref() {
            skipped(why);
            return None;
        }
        let ahead = service.path("clock");
        std::fs::write(&ahead, 0i64.to_ne_bytes()).expect("the clock is written");
        Some(Self { service, ahead })
    }

    /// Sets it ahead by so much, or back.
    pub(crate) fn is_ahead(&self, by: TimeDelta) {
        let file = std::fs::File::options().write(true).open(&self.ahead).expect("the clock is there");
        file.write_all_at(&by.num_seconds().to_ne_bytes(), 0).expect("it is set");
    }

    /// Sets it to this time.
    pub(crate) fn shows(&self, time: &str) {
        self.is_ahead(time.parse::<DateTime<Utc>>().expect("a time") - now());
    }

    /// Starts a command by this clock.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let library = LIBRARY.as_ref().expect("it was looked whether there is one");
        let variables = format!("export CLOCK_AHEAD='{}' LD_PRELOAD='{}'", self.ahead.display(), library.display());
        self.service.start_after(&variables, arguments)
    }

    /// Runs `once` by this clock.
    pub(crate) async fn once(&self) -> Ended {
        self.start(&["once"]).ended().await
    }
}
