//! `run`: the service.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::setup;
use super::signals::Stops;
use crate::cli::Global;
use crate::daemon;
use crate::logging::Console;
use crate::report::Failure;

/// Runs until it is asked to stop.
pub(super) fn run(global: &Global) -> Result<(), Failure> {
    let session = setup::session(global, Console::Plain, "run")?;
    let ledger = setup::ledger(&session.settings)?;
    let zoom = setup::zoom(&session.settings)?;
    let runtime = setup::runtime()?;
    let result = runtime.block_on(async {
        let stop = CancellationToken::new();
        let stops = Stops::listen().map_err(Failure::Runtime)?;
        let service = daemon::run(Arc::clone(&session.settings), session.sources.clone(), zoom.clone(), ledger, &stop);
        let service = async {
            let result = service.await;
            setup::close(&zoom).await;
            result
        };
        tokio::select! {
            result = service => result,
            () = stops.obey(&stop) => Err(Failure::Insisted),
        }
    });
    tracing::info!("stopped");
    runtime.shutdown_background();
    result
}
