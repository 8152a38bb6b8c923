//! The signals by which a person or a service manager ends the program: the first asks, the second insists.

use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::setup;
use crate::report::Failure;

/// How long the first signal is given: all that ends the program properly takes less, unless a disk hangs.
const GRACE: Duration = Duration::from_secs(8);

/// What SIGHUP is to a command: the closing of its terminal, or a request that its work knows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hangup {
    /// It stops the command, as SIGTERM does.
    Stops,
    /// The work listens for it.
    IsHeard,
}

/// Runs `work` to its end. The first signal cancels the token that it is given; at the second, or when nothing has come of
/// the first for too long (a disk that hangs), it is dropped where it stands.
pub(super) fn attend<T>(
    hangup: Hangup,
    work: impl AsyncFnOnce(&CancellationToken) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let runtime = setup::runtime()?;
    let result = runtime.block_on(async {
        let stops = Stops::listen(hangup).map_err(Failure::Runtime)?;
        let stop = CancellationToken::new();
        tokio::select! {
            result = work(&stop) => result,
            () = stops.obey(&stop) => Err(Failure::Insisted),
        }
    });
    runtime.shutdown_background();
    result
}

/// The signals, from the moment it is made.
struct Stops {
    terminate: Signal,
    interrupt: Signal,
    hangup: Option<Signal>,
}

impl Stops {
    fn listen(hangup: Hangup) -> io::Result<Self> {
        let hangup = match hangup {
            Hangup::Stops => Some(signal(SignalKind::hangup())?),
            Hangup::IsHeard => None,
        };
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())?, hangup })
    }

    async fn next(&mut self) -> &'static str {
        let hangup = async {
            match &mut self.hangup {
                Some(signal) => signal.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = hangup => "SIGHUP",
        }
    }

    async fn obey(mut self, stop: &CancellationToken) {
        let name = self.next().await;
        tracing::info!("{name}: stopping; a second signal ends it at once");
        stop.cancel();
        if tokio::time::timeout(GRACE, self.next()).await.is_err() {
            tracing::warn!("some work did not come to its end in time");
        }
    }
}
