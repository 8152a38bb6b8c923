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
    let publishing = setup::publishing(&session.settings)?;
    let notifier = setup::notifier(&session.settings)?;
    let youtube = publishing.as_ref().map(|(youtube, _)| youtube.clone());
    let work = async |stop: &CancellationToken| {
        let (settings, sources) = (Arc::clone(&session.settings), session.sources.clone());
        let result = Box::pin(daemon::run(settings, sources, zoom.clone(), publishing, notifier, ledger, stop)).await;
        setup::close(zoom.tokens()).await;
        if let Some(youtube) = youtube {
            setup::close(youtube.tokens()).await;
        }
        result
    };
    let result = attend(Hangup::IsHeard, work);
    tracing::info!("stopped");
    result
}
