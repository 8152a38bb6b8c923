//! `once`: one poll, all its downloads and uploads, then the end.

use std::io::IsTerminal;
use std::sync::Arc;

use indicatif::MultiProgress;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::signals::{Hangup, attend};
use super::{bars, setup};
use crate::cli::Global;
use crate::config::Settings;
use crate::logging::Console;
use crate::notify::Notifier;
use crate::pipeline::record::Ledger;
use crate::pipeline::{Outcome, Pipeline, Snapshot, Trigger};
use crate::report::Failure;
use crate::youtube::{Uploader, Youtube};
use crate::zoom::Zoom;

/// Polls once and fetches everything that is there.
pub(super) fn once(global: &Global) -> Result<(), Failure> {
    let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
    let console = bars.clone().map_or(Console::Plain, Console::Bars);
    let session = setup::session(global, console, "once")?;
    let ledger = setup::ledger(&session.settings)?;
    let zoom = setup::zoom(&session.settings)?;
    let publishing = setup::publishing(&session.settings)?;
    let notifier = setup::notifier(&session.settings)?;
    let youtube = publishing.as_ref().map(|(youtube, _)| youtube.clone());
    let work = async |stop: &CancellationToken| {
        let outcome = poll_and_fetch(&session.settings, &zoom, publishing, notifier, ledger, bars, stop).await;
        setup::close(zoom.tokens()).await;
        if let Some(youtube) = youtube {
            setup::close(youtube.tokens()).await;
        }
        judge(outcome)
    };
    attend(Hangup::Stops, work)
}

/// One poll and all its downloads, with progress bars on `terminal` if there is one.
pub(super) async fn poll_and_fetch(
    settings: &Arc<Settings>,
    zoom: &Zoom,
    publishing: Option<(Youtube, Uploader)>,
    notifier: Option<Notifier>,
    ledger: Ledger,
    terminal: Option<MultiProgress>,
    stop: &CancellationToken,
) -> Outcome {
    let (board, shown) = watch::channel(Snapshot::default());
    let (bell, rung) = mpsc::channel(1);
    bell.try_send(Trigger::Start).expect("the bell has room for one ring");
    drop(bell);
    let mut pipeline = Pipeline::new(Arc::clone(settings), zoom.clone(), ledger, true, board, stop.clone());
    if let Some((youtube, uploader)) = publishing {
        pipeline = pipeline.publishing(youtube, uploader);
    }
    if let Some(notifier) = notifier {
        pipeline = pipeline.telling(notifier);
    }
    let (outcome, ()) = tokio::join!(pipeline.run(rung), bars::show(terminal, shown));
    outcome
}

/// Says what a run has come to, and whether that is a success.
pub(super) fn judge(outcome: Outcome) -> Result<(), Failure> {
    tracing::info!(
        recorded = outcome.recorded,
        files = outcome.files,
        size = %outcome.bytes,
        videos = outcome.videos,
        failed = outcome.failures.len(),
        waiting = outcome.waiting,
        "done"
    );
    if let Some(error) = outcome.unauthorized {
        // What concerns one user is told with their name.
        let is_of_all = error.needs_person() || outcome.failures.is_empty();
        return Err(if is_of_all { Failure::Unauthorized(error) } else { Failure::Unallowed(outcome.failures) });
    }
    if let Some(error) = outcome.youtube_unauthorized {
        return Err(Failure::YoutubeUnauthorized(error));
    }
    if !outcome.failures.is_empty() {
        return Err(Failure::Incomplete(outcome.failures));
    }
    if outcome.is_interrupted { Err(Failure::Interrupted) } else { Ok(()) }
}
