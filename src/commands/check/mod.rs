//! `check`: a doctor, which looks at everything from the config to a download, and names the remedy for what is wrong.
//!
//! - `item`: one thing that was looked at, the exit code and the last line that all of them come to
//! - `names`: what they are called; `findings`: those found so far, as lines or as JSON
//! - `judge`: pure; what is well, doubtful or wrong
//! - `local`: what can be told without a network
//! - `online`: what Zoom is asked; `answers`: what it says of the items; `youtube`: the same there

mod answers;
mod findings;
mod item;
mod judge;
mod local;
mod names;
mod online;
mod youtube;

use tokio_util::sync::CancellationToken;

use super::setup;
use super::signals::{Hangup, attend};
use crate::cli::Global;
use crate::logging;
use crate::report::Failure;
use findings::Findings;
use online::Online;

/// Looks at everything, one after the other. Changes nothing but a token about to expire.
pub(super) fn check(global: &Global, as_json: bool) -> Result<(), Failure> {
    let mut findings = Findings::new(as_json);
    look(global, &mut findings)?;
    findings.conclude()
}

fn look(global: &Global, findings: &mut Findings) -> Result<(), Failure> {
    let loaded = match setup::settings(global) {
        Ok((loaded, _)) => loaded,
        // Whose it is, is said with the command line that works.
        Err(Failure::Config(error)) if error.denied().is_some() => return Err(Failure::Config(error)),
        Err(Failure::Config(error)) => {
            findings.add_all(local::problems(&error));
            return Ok(());
        }
        Err(other) => return Err(other),
    };
    let settings = &loaded.settings;
    setup::check_user(&settings.state_dir, "check", loaded.file.as_deref())?;
    // What the library warns of is what the items are about.
    let level = global.log_level.as_deref().unwrap_or("error");
    let _log = logging::start_without_file(&settings.log, Some(level))?;

    findings.add_all(local::config(&loaded));
    findings.add(local::state_folder(settings));
    findings.add(local::log_folder(settings));
    let ledger = local::tracker(settings, findings);
    let archive = local::archive(settings, ledger.as_ref(), findings);
    let ledger = ledger.and_then(|ledger| local::with_archive(ledger, findings));
    findings.is_new = ledger.as_ref().is_none_or(|ledger| ledger.tracker().accounts().len() == 0);

    let zoom = match setup::zoom(settings) {
        Ok(zoom) => zoom,
        Err(Failure::Http(error)) => {
            online::skip(findings, &error);
            return attend(Hangup::Stops, async |stop: &CancellationToken| {
                youtube::look(settings, findings, stop).await
            });
        }
        Err(other) => return Err(other),
    };
    zoom.tokens().leave_mode();
    let work = async |stop: &CancellationToken| {
        findings.until(stop);
        let mut online = Online { settings, zoom: &zoom, stop, findings: &mut *findings };
        let looked = Box::pin(online.look(ledger, archive.as_deref())).await;
        setup::close(zoom.tokens()).await;
        looked?;
        youtube::look(settings, findings, stop).await
    };
    attend(Hangup::Stops, work)
}
