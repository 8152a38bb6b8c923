//! Stderr, beside progress bars or without.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anstream::{AutoStream, ColorChoice};
use indicatif::MultiProgress;

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

/// Whether stderr is a terminal whose user has nothing against colours (<https://no-color.org>), decided as for the help and
/// what commands print.
pub(super) fn takes_colours() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
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
}
