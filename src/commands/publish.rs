//! `publish`: one archived meeting to YouTube, because a person asks for it.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use indicatif::MultiProgress;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::signals::{Hangup, attend};
use super::{access, bars, print, setup};
use crate::cli::Global;
use crate::clock;
use crate::logging::Console;
use crate::pipeline::{AskedFor, Outcome, PartShown, Pipeline, Snapshot};
use crate::report::Failure;
use crate::youtube::watch_address;

/// Sends a meeting, and nothing else.
pub(super) fn publish(global: &Global, meeting: &Path) -> Result<(), Failure> {
    let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
    let console = bars.clone().map_or(Console::Plain, Console::Bars);
    let asked = meeting.display().to_string();
    let session = setup::session(global, console, &format!("publish {}", access::quoted(&asked)))?;
    let settings = &session.settings;
    let mut ledger = setup::ledger(settings)?;
    let now = clock::now();
    clock::check(now)?;
    let working_dir = std::env::current_dir().unwrap_or_default();
    let Some(uuid) = ledger.find_meeting(meeting, &working_dir)? else {
        let (archive, tracker) = (settings.archive.directory.clone(), settings.tracker.file.clone());
        return Err(Failure::NoSuchMeeting { asked, archive, tracker });
    };
    let before = ledger.asked_for(&uuid, now)?;
    if let Some(obstacle) = &before.obstacle {
        return Err(Failure::Incomplete(vec![format!("{}: not sent to YouTube: {obstacle}", before.topic)]));
    }
    let (youtube, uploader) = setup::publisher(settings)?;
    let zoom = setup::zoom(settings)?;
    let notifier = setup::notifier(settings)?;
    if before.is_pending && before.parts.iter().any(PartShown::is_unsent) {
        tracing::warn!(meeting = %uuid, topic = %before.topic, "there is more of this meeting at Zoom: what is here is sent as it is");
    }
    let work = async |stop: &CancellationToken| {
        let (board, shown) = watch::channel(Snapshot::default());
        let pipeline = Pipeline::new(Arc::clone(settings), zoom, ledger, true, board, stop.clone());
        let mut pipeline = pipeline.publishing(youtube.clone(), uploader);
        if let Some(notifier) = notifier {
            pipeline = pipeline.telling(notifier);
        }
        let ((outcome, after), ()) = tokio::join!(pipeline.publish(uuid), bars::show(bars, shown));
        setup::close(youtube.tokens()).await;
        let after = after?;
        print::text(&videos(&before, &after))?;
        judge(outcome, &before, &after)
    };
    attend(Hangup::Stops, work)
}

/// A line for each part that is there.
fn videos(before: &AskedFor, after: &AskedFor) -> String {
    let line = |part: &PartShown| {
        let video = part.video.as_ref()?;
        let was_there = before.parts.iter().any(|earlier| earlier.video.as_ref() == Some(video));
        let remark = match &part.lost {
            Some(why) => format!(" (is not sent again, though nobody can watch it: {why})"),
            None if was_there => " (was there already, and is not sent again)".to_owned(),
            None => String::new(),
        };
        Some(format!("part {}: {}{remark}\n", part.part, watch_address(video)))
    };
    after.parts.iter().filter_map(line).collect()
}

/// Whether all that is wanted of the meeting is there, and else what became of it and what to do.
fn judge(outcome: Outcome, before: &AskedFor, after: &AskedFor) -> Result<(), Failure> {
    if let Some(error) = outcome.youtube_unauthorized {
        return Err(Failure::YoutubeUnauthorized(error));
    }
    if outcome.is_interrupted {
        return Err(Failure::Interrupted);
    }
    let mut failures = outcome.failures;
    // What was refused just now is not tried again before something is mended.
    let was_parked = |parked| before.parts.iter().any(|earlier| earlier.parked == Some(parked));
    let is_left = after.parts.iter().any(|part| part.is_unsent() && part.parked.is_none_or(was_parked));
    let service = if after.goes_on_by_itself { "; so does the service, by itself" } else { "" };
    match (failures.last_mut(), &after.limit) {
        (_, Some(limit)) if is_left => failures.push(format!(
            "{}: YouTube gets no more videos until {}: {}; the same command sends it then{service}",
            after.topic,
            limit.until.format("%Y-%m-%d %H:%M UTC"),
            limit.why
        )),
        (Some(failure), None) if is_left && after.is_kept => {
            failure.push_str("; what was sent is kept, and the same command goes on with it");
            failure.push_str(service);
        }
        (Some(failure), None) if is_left => {
            failure.push_str("; the same command tries it again");
            failure.push_str(service);
        }
        (None, None) if is_left => {
            failures.push(format!("{}: not all of it was sent to YouTube; the log says why", after.topic));
        }
        _ => {}
    }
    let absent = after.parts.iter().filter_map(|part| Some((part.part, part.absent.as_ref()?)));
    failures.extend(absent.map(|(part, lack)| format!("part {part} is not sent: {lack}")));
    if failures.is_empty() { Ok(()) } else { Err(Failure::Incomplete(failures)) }
}
