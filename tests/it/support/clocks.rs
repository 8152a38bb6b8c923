//! A clock for a service that a test can set, by a small library loaded before its own.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;

use super::{Ended, Running, Service, now, skipped};

/// The library, built once; none where there is no C compiler.
static LIBRARY: LazyLock<Option<(TempDir, PathBuf)>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (source, library) = (folder.path().join("clock.c"), folder.path().join("clock.so"));
    std::fs::write(&source, include_str!("clock.c")).expect("the source is written");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).status();
    built.is_ok_and(|status| status.success()).then_some((folder, library))
});

/// The clock of a service.
pub(crate) struct Clock<'a> {
    service: &'a Service,
    ahead: PathBuf,
}

impl<'a> Clock<'a> {
    /// A clock that goes right, until it is set.
    pub(crate) fn of(service: &'a Service) -> Option<Self> {
        if LIBRARY.is_none() {
            skipped("there is no C compiler to build the clock with");
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
        let library = LIBRARY.as_ref().map_or(Path::new(""), |(_, library)| library);
        let variables = format!("export CLOCK_AHEAD='{}' LD_PRELOAD='{}'", self.ahead.display(), library.display());
        self.service.start_after(&variables, arguments)
    }

    /// Runs `once` by this clock.
    pub(crate) async fn once(&self) -> Ended {
        self.start(&["once"]).ended().await
    }
}
