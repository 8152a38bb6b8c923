//! `cleanup`: what `[cleanup]` says, now.

use tokio_util::sync::CancellationToken;

use super::signals::{Hangup, attend};
use super::{print, setup};
use crate::cli::Global;
use crate::logging::Console;
use crate::pipeline::cleanup::{Refusal, Round, clean_up};
use crate::report::Failure;

/// What is said where nothing may be removed.
const OFF: &str = "Everything is kept: in [cleanup], neither delete_after_upload nor keep_days is set.\n";

/// Polls, and removes what is to go, or says what that would be.
pub(super) fn cleanup(global: &Global, is_dry: bool) -> Result<(), Failure> {
    let (loaded, _) = setup::settings(global)?;
    if !loaded.settings.cleanup.is_on() {
        return print::text(OFF);
    }
    // The log has the same; the lines here are for the terminal.
    let session = setup::session(global, Console::Silent, "cleanup")?;
    let settings = &session.settings;
    let ledger = setup::ledger(settings)?;
    let zoom = setup::zoom(settings)?;
    let youtube = if settings.youtube.enabled { Some(setup::youtube(settings)?) } else { None };
    let work = async |stop: &CancellationToken| {
        let round = clean_up(settings, &zoom, youtube.clone(), ledger, is_dry, stop).await;
        setup::close(zoom.tokens()).await;
        if let Some(youtube) = &youtube {
            setup::close(youtube.tokens()).await;
        }
        Ok(round)
    };
    let round = attend(Hangup::Stops, work)?.map_err(|refusal| match refusal {
        Refusal::Record(error) => error.into(),
        Refusal::Unauthorized(error) => Failure::Unauthorized(error),
        Refusal::BadPoll(problems) => {
            let problems = problems.into_iter();
            Failure::Incomplete(problems.map(|problem| format!("nothing was removed: {problem}")).collect())
        }
        Refusal::Interrupted => Failure::Interrupted,
    })?;
    print::text(&as_text(&round, is_dry))?;
    judge(round)
}

fn judge(round: Round) -> Result<(), Failure> {
    if let Some(error) = round.unauthorized {
        return Err(Failure::YoutubeUnauthorized(error));
    }
    let failures = [round.problems, round.left].concat();
    match failures.is_empty() {
        false => Err(Failure::Incomplete(failures)),
        true if round.is_interrupted => Err(Failure::Interrupted),
        true => Ok(()),
    }
}

/// A line for each meeting, and what it comes to.
fn as_text(round: &Round, is_dry: bool) -> String {
    let (word, done) = if is_dry { ("would go", "would be removed") } else { ("removed", "were removed") };
    let mut lines = Vec::new();
    for cleaned in round.cleaned.iter().filter(|cleaned| cleaned.files > 0) {
        let (folder, files, why) = (&cleaned.folder, counted(cleaned.files, "file"), cleaned.why);
        lines.push(format!("{word:<8}  {folder}  {files}, {}: {why}", cleaned.size));
    }
    for staying in round.staying.iter().filter(|_| is_dry) {
        lines.push(format!("{:<8}  {}  {}", "stays", staying.folder, staying.why));
    }
    let meetings = round.cleaned.iter().filter(|cleaned| cleaned.files > 0).count();
    lines.push(match meetings {
        0 if is_dry => "Nothing would be removed.".to_owned(),
        0 => "Nothing was removed.".to_owned(),
        _ => {
            let (files, meetings) = (counted(round.files(), "file"), counted(meetings, "meeting"));
            format!("{files} of {meetings}, {}, {done}. Each meeting's meeting.json stays.", round.size())
        }
    });
    lines.join("\n") + "\n"
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
