//! What is told of the work under way: in the log, and on the board for whoever shows it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Pipeline;
use super::download::Fetched;
use super::transfer::Flight;
use crate::clock;
use crate::meeting::ByteCount;
use crate::status::{Phase, PollReport};

impl Pipeline {
    /// The result of a poll in one line.
    pub(super) fn log_poll(&self, report: &PollReport) {
        let next = self.settings.poll.schedule.next_after(report.at).filter(|_| !self.eager);
        tracing::info!(
            seen = report.seen,
            new = report.new,
            files = report.files,
            skipped = report.skipped,
            waiting = report.waiting,
            next_poll = next.map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string()),
            "{}",
            if report.ok { "polled Zoom" } else { "polled Zoom, not completely" }
        );
    }

    /// A line for each file in flight.
    pub(super) async fn log_progress(&mut self) {
        self.take_stock();
        self.save_state().await;
        for flight in self.pool.flights() {
            let received = flight.progress.received.load(Ordering::Relaxed);
            let total = flight.progress.total.load(Ordering::Relaxed);
            let elapsed = flight.since.elapsed();
            let fetched = received.saturating_sub(flight.job.on_disk);
            let is_known = total > 0 && fetched > 0;
            let eta =
                is_known.then(|| u128::from(flight.remaining()) * u128::from(elapsed.as_secs()) / u128::from(fetched));
            tracing::info!(
                file = %flight.job.label,
                bytes = received,
                percent = (received * 100).checked_div(total),
                rate = %rate(fetched, elapsed),
                eta = eta.map(|secs| format!("{secs} s")),
                attempt = flight.progress.attempt.load(Ordering::Relaxed),
                "downloading"
            );
        }
    }

    /// Takes over into the snapshot which meetings are not done: now and then, for there may be thousands.
    pub(super) fn take_stock(&mut self) {
        let pending: Vec<_> = self.ledger().state.pending.values().cloned().collect();
        self.snapshot.pending = pending.into();
    }

    /// Puts a snapshot on the board.
    pub(super) fn show(&mut self) {
        let phase = match self.snapshot.phase {
            Phase::Authorization if self.polling.is_empty() => Phase::Authorization,
            _ if !self.polling.is_empty() => Phase::Polling,
            _ if !self.pool.is_idle() => Phase::Downloading,
            Phase::Starting if self.snapshot.last_poll.is_none() => Phase::Starting,
            _ => Phase::Idle,
        };
        if phase != self.snapshot.phase {
            self.snapshot.since = clock::now();
        }
        self.snapshot.phase = phase;
        self.snapshot.flights = self.pool.flights().cloned().collect();
        self.snapshot.waiting_files = self.pool.waiting().len();
        self.board.send_replace(self.snapshot.clone());
    }

    pub(super) fn log_end(&mut self, flight: &Flight, fetched: &Fetched) {
        let elapsed = flight.since.elapsed();
        self.outcome.files += 1;
        self.outcome.bytes.0 += fetched.transferred.0;
        self.snapshot.fetched.0 += fetched.transferred.0;
        let rate = rate(fetched.transferred.0, elapsed);
        tracing::info!(
            file = %flight.job.label,
            size = %fetched.size,
            time = %humantime::format_duration(Duration::from_secs(elapsed.as_secs())),
            %rate,
            "the file is complete"
        );
    }
}

/// Bytes per second, in words.
fn rate(bytes: u64, elapsed: Duration) -> String {
    let per_second = u128::from(bytes) * 1000 / elapsed.as_millis().max(1);
    format!("{}/s", ByteCount(u64::try_from(per_second).unwrap_or(u64::MAX)))
}
