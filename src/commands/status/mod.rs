//! `status`: what the service is doing, what waits and why, what there is; with or without a service at work.
//!
//! - `look`: what is read for that, from `status.json`, `state.json`, the tracker and the disk
//! - `judge`: pure; what of it is not as it should be
//! - `show`: pure; all of it as text

mod judge;
mod look;
mod show;

use std::io::IsTerminal;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::signals::{Hangup, attend};
use super::{print, setup};
use crate::cli::Global;
use crate::clock;
use crate::disk;
use crate::logging;
use crate::report::Failure;
use look::{Looker, View};

/// How often the picture is drawn anew.
const REDRAW: Duration = Duration::from_secs(1);
/// To the upper left corner, and nothing below.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Shows how things are; again and again with `watch`, until it is stopped.
pub(super) fn status(global: &Global, as_json: bool, watch: bool) -> Result<(), Failure> {
    let (loaded, _) = setup::settings(global)?;
    let _log = logging::start_without_file(&loaded.settings.log, global.log_level.as_deref())?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let mut looker = Looker::new(loaded.settings);
    let is_redrawn = watch && !as_json && std::io::stdout().is_terminal();
    let work = async |stop: &CancellationToken| {
        loop {
            let now = clock::now();
            let (back, view) = disk::blocking(move || {
                let view = looker.look(now);
                (looker, view)
            })
            .await;
            looker = back;
            if as_json {
                print::json(&as_value(&view))?;
            } else {
                let clear = if is_redrawn { CLEAR } else { "" };
                print::text(&format!("{clear}{}", show::text(&view, now)))?;
            }
            if !watch {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(REDRAW) => {}
            }
        }
    };
    attend(Hangup::Stops, work)
}

/// The keys of `status.json`, and what else is known.
fn as_value(view: &View) -> Value {
    let mut value = json!(view);
    if view.running.is_none() {
        value["state"] = json!("stopped");
        value["in_flight"] = json!([]);
        value["next_poll"] = Value::Null;
    }
    value["running"] = json!(view.running.is_some());
    value["pending"] = json!(view.pending);
    value
}
