//! `verify`: every archived file against its record, and folders against rows; `--refetch` asks for what is wrong.

mod show;

use std::error::Error;
use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::signals::{Hangup, attend};
use super::{print, setup};
use crate::cli::Global;
use crate::clock;
use crate::config::Loaded;
use crate::disk;
use crate::logging::{self, Console};
use crate::pipeline::audit::{Audit, Step};
use crate::pipeline::record::{Ledger, RecordError};
use crate::report::Failure;

const STYLE: &str = "{msg:40!} {bar:24} {pos:>7}/{len:<7} files {eta:>4}";

/// Looks at all that is archived. Changes nothing, and works beside the service.
pub(super) fn verify(global: &Global, as_json: bool) -> Result<(), Failure> {
    let (loaded, _) = setup::settings(global)?;
    let _log = logging::start_without_file(&loaded.settings.log, global.log_level.as_deref())?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let whose = |error: RecordError| as_another_user(&loaded, &error).unwrap_or_else(|| error.into());
    let ledger = Ledger::open(&loaded.settings).map_err(whose)?;
    let look = async |stop: &CancellationToken| look(ledger, Wish::None, stop).await;
    let audit = attend(Hangup::Stops, async |stop| Ok(look(stop).await))?.map_err(whose)?;
    if audit.is_denied() {
        setup::check_user(&loaded.settings.state_dir, "verify", loaded.file.as_deref())?;
    }
    say(&audit, as_json)?;
    show::judgement(&audit).map_or(Ok(()), |words| Err(Failure::Incomplete(vec![words])))
}

/// The same, and sets aside what is wrong, for the next poll to fetch it again; not beside the service.
pub(super) fn refetch(global: &Global, as_json: bool) -> Result<(), Failure> {
    // The log has the same; the lines here are for the terminal.
    let session = setup::session(global, Console::Silent, "verify --refetch")?;
    let ledger = setup::ledger(&session.settings)?;
    let audit = attend(Hangup::Stops, async |stop| look(ledger, Wish::Refetch, stop).await.map_err(Failure::from))?;
    say(&audit, as_json)?;
    show::what_is_left(&audit).map_or(Ok(()), |words| Err(Failure::Incomplete(vec![words])))
}

/// What is to be done about what is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    None,
    Refetch,
}

async fn look(mut ledger: Ledger, wish: Wish, stop: &CancellationToken) -> Result<Audit, RecordError> {
    let bar = io::stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template(STYLE).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(0).with_style(style)
    });
    let stop = stop.clone();
    let work = move || {
        let show = |step: Step<'_>| {
            if let Some(bar) = &bar {
                bar.set_length(step.files as u64);
                bar.set_position(step.done as u64);
                bar.set_message(logging::shown(step.folder));
            }
        };
        let audit = ledger.audit(show, &stop);
        if let Some(bar) = &bar {
            bar.finish_and_clear();
        }
        let mut audit = audit?;
        if wish == Wish::Refetch && audit.not_looked_at == 0 {
            ledger.refetch(&mut audit, clock::now(), &stop);
        }
        Ok(audit)
    };
    disk::blocking(work).await
}

/// The failure to tell where a permission lacks to a user who is not the service's.
fn as_another_user(loaded: &Loaded, error: &RecordError) -> Option<Failure> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let io_error = error.downcast_ref::<io::Error>();
        if io_error.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
            return setup::check_user(&loaded.settings.state_dir, "verify", loaded.file.as_deref()).err();
        }
        cause = error.source();
    }
    None
}

fn say(audit: &Audit, as_json: bool) -> Result<(), Failure> {
    if as_json { print::json(&show::as_value(audit)) } else { print::text(&show::as_text(audit)) }
}
