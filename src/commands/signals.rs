//! The signals by which a person or a service manager ends the program: the first asks, the second insists.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long the first signal is given: all that ends the program properly takes less, unless a disk hangs.
const GRACE: Duration = Duration::from_secs(8);

/// SIGTERM and SIGINT from the moment it is made.
#[derive(Debug)]
pub(super) struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Cancels `stop` at the first signal; returns at the second, or when nothing has come of the first for too long (a
    /// disk that hangs).
    pub(super) async fn obey(mut self, stop: &CancellationToken) {
        let name = self.next().await;
        tracing::info!("{name}: stopping; a second signal ends it at once");
        stop.cancel();
        if tokio::time::timeout(GRACE, self.next()).await.is_err() {
            tracing::warn!("some work did not come to its end in time");
        }
    }
}
