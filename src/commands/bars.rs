//! Progress bars on a terminal, one for each file on its way: from Zoom, or to YouTube.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::watch;

use crate::pipeline::{Flight, Snapshot, Uploading};

const REDRAW: Duration = Duration::from_millis(200);
const STYLE: &str =
    "{msg:40!} {bar:24} {binary_bytes:>11}/{binary_total_bytes:<11} {binary_bytes_per_sec:>13} {eta:>4}";

/// Shows what is in flight until the pipeline is gone. Without a terminal it only waits for that.
pub(super) async fn show(terminal: Option<MultiProgress>, mut board: watch::Receiver<Snapshot>) {
    let Some(terminal) = terminal else { return };
    let style = ProgressStyle::with_template(STYLE).unwrap_or_else(|_| ProgressStyle::default_bar());
    let mut bars: HashMap<String, ProgressBar> = HashMap::new();
    loop {
        let rows = rows(&board.borrow_and_update());
        bars.retain(|label, bar| {
            let is_in_flight = rows.iter().any(|row| row.label == *label);
            if !is_in_flight {
                bar.finish_and_clear();
            }
            is_in_flight
        });
        for Row { label, bytes, total } in rows {
            let bar = bars.entry(label.clone()).or_insert_with(|| {
                let bar = ProgressBar::new(total).with_style(style.clone());
                terminal.add(bar.with_message(label))
            });
            bar.set_length(total);
            bar.set_position(bytes);
        }
        // A change, or the time for the next picture; the end is when nobody changes anything any more.
        if let Ok(Err(_)) = tokio::time::timeout(REDRAW, board.changed()).await {
            bars.values().for_each(ProgressBar::finish_and_clear);
            return;
        }
    }
}

/// What a bar shows.
struct Row {
    label: String,
    bytes: u64,
    total: u64,
}

fn rows(snapshot: &Snapshot) -> Vec<Row> {
    let download = |flight: &Flight| Row {
        label: flight.job.label.clone(),
        bytes: flight.progress.received.load(Ordering::Relaxed),
        total: total(flight),
    };
    let upload = |uploading: &Uploading| Row {
        label: format!("to YouTube: {}", uploading.name),
        bytes: uploading.progress.sent(),
        total: uploading.total.max(1),
    };
    snapshot.flights.iter().map(download).chain(snapshot.uploading.as_ref().map(upload)).collect()
}

/// The file's length: what Zoom lists until its server has said it. Never 0, which would be drawn as a full bar.
fn total(flight: &Flight) -> u64 {
    match flight.progress.total.load(Ordering::Relaxed) {
        0 => flight.job.listed_size.unwrap_or_default().0.max(1),
        total => total,
    }
}
