//! Stderr, beside progress bars or without.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anstream::{AutoStream, ColorChoice};
use indicatif::MultiProgress;

use super::line::Reader;

/// Writes lines, and counts those that can't be written instead of failing.
pub(super) struct Lines<W> {
    out: W,
    bars: Option<MultiProgress>,
    failed: Arc<AtomicU64>,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(out: W, bars: Option<MultiProgress>, failed: Arc<AtomicU64>) -> Self {
        Self { out, bars, failed }
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let out = &mut self.out;
        let written = match &self.bars {
            // Not `println`: without a terminal, the bars would swallow it.
            Some(bars) => bars.suspend(|| out.write_all(line)),
            None => out.write_all(line),
        };
        if written.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // What can't be flushed was counted when it was written.
        self.out.flush().or(Ok(()))
    }
}

/// Who reads stderr: the journal; a terminal whose user has nothing against colours (<https://no-color.org>), decided as for the
/// help and what commands print; or anything else.
pub(super) fn reader() -> Reader {
    let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let stderr = rustix::fs::fstat(io::stderr());
    if stderr.is_ok_and(|stat| is_journal(&stream, stat.st_dev, stat.st_ino)) {
        Reader::Journal
    } else if AutoStream::choice(&io::stderr()) == ColorChoice::Never {
        Reader::File
    } else {
        Reader::Terminal
    }
}

/// Whether what the service manager calls the journal's is this file: `device:inode` (systemd.exec(5)). A child that was given
/// another stderr has the variable all the same.
fn is_journal(stream: &str, device: u64, inode: u64) -> bool {
    stream == format!("{device}:{inode}")
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressDrawTarget;

    use super::*;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn p9_a_closed_stderr_costs_counted_lines_and_nothing_else() {
        let failed = Arc::default();
        let mut lines = Lines::new(Closed, None, Arc::clone(&failed));
        lines.write_all(b"one\n").unwrap();
        lines.write_all(b"two\n").unwrap();
        lines.flush().unwrap();
        assert_eq!(failed.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn lines_come_through_beside_bars_that_are_not_shown() {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let mut lines = Lines::new(Vec::new(), Some(bars), Arc::default());
        lines.write_all(b"one\n").unwrap();
        assert_eq!(lines.out, b"one\n");
    }

    #[test]
    fn stderr_is_the_journals_where_the_service_manager_names_this_very_stream() {
        assert!(is_journal("9:1234", 9, 1234));
        for stream in ["", "9:12345", "8:1234", "9", "9:1234 "] {
            assert!(!is_journal(stream, 9, 1234), "{stream:?}");
        }
    }
}
