//! `run`: the service.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::setup;
use super::signals::{Hangup, attend};
use crate::cli::Global;
use crate::daemon;
use crate::logging::Console;
use crate::report::Failure;

/// Runs until it is asked to stop.
pub(super) fn run(global: &Global) -> Result<(), Failure> {
    let session = setup::session(global, Console::Plain, "run")?;
    let ledger = setup::ledger(&session.settings)?;
    let zoom = setup::zoom(&session.settings)?;
    let work = async |stop: &CancellationToken| {
        let (settings, sources) = (Arc::clone(&session.settings), session.sources.clone());
        let result = daemon::run(settings, sources, zoom.clone(), ledger, stop).await;
        setup::close(zoom.tokens()).await;
        result
    };
    let result = attend(Hangup::IsHeard, work);
    tracing::info!("stopped");
    result
}
