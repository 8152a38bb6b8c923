//! `list`: what Zoom has, what is archived, and what would be fetched.

use anstyle::Style;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::signals::{Hangup, attend};
use super::{print, setup};
use crate::archive::entry::{FileEntry, FileState};
use crate::archive::names::MeetingFolder;
use crate::chain::chain;
use crate::cli::Global;
use crate::clock;
use crate::config::Settings;
use crate::logging;
use crate::meeting::ByteCount;
use crate::pipeline::plan::Decision;
use crate::pipeline::record::{Ledger, Planned};
use crate::pipeline::survey;
use crate::report::Failure;
use crate::zoom::Zoom;

/// Lists all that a full scan finds, with what would be done about it. Changes nothing but a token about to expire.
pub(super) fn list(global: &Global, as_json: bool) -> Result<(), Failure> {
    let (loaded, _) = setup::settings(global)?;
    let settings = loaded.settings;
    setup::check_user(&settings.state_dir, "list", loaded.file.as_deref())?;
    let _log = logging::start_without_file(&settings.log, global.log_level.as_deref())?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let mut ledger = Ledger::open(&settings)?;
    if let Err(error) = ledger.check_archive() {
        tracing::warn!("{}; what is in it can't be told", chain(&error));
    }
    ledger.look()?;
    let zoom = setup::zoom(&settings)?;
    let work = async |stop: &CancellationToken| look(&settings, &zoom, &mut ledger, stop).await;
    let (planned, failures) = attend(Hangup::Stops, work)?;
    if planned.is_empty() && !failures.is_empty() {
        // An empty list would say that Zoom has nothing.
        return Err(Failure::Incomplete(failures));
    }
    if as_json { print::json(&as_json_value(&planned)) } else { print::text(&as_table(&planned)) }?;
    if failures.is_empty() { Ok(()) } else { Err(Failure::Incomplete(failures)) }
}

async fn look(
    settings: &Settings,
    zoom: &Zoom,
    ledger: &mut Ledger,
    stop: &CancellationToken,
) -> Result<(Vec<Planned>, Vec<String>), Failure> {
    let now = clock::now();
    clock::check(now)?;
    let (meetings, problems) = survey(settings, zoom, now, stop).await;
    setup::close(zoom.tokens()).await;
    let (mut failures, mut needs_authorization) = (Vec::new(), false);
    for (user, problem) in problems {
        failures.push(match problem {
            Some(problem) if problem.is_stopping() => return Err(Failure::Interrupted),
            Some(problem) if problem.needs_person() => return Err(Failure::Unauthorized(problem)),
            Some(problem) => {
                needs_authorization |= problem.needs_authorization_for(&user);
                let remedy = problem.remedy().map(|remedy| format!("; {remedy}")).unwrap_or_default();
                format!("cannot list the recordings of {user}: {}{remedy}", chain(&problem))
            }
            None => format!("not all recordings of {user} could be listed; the warnings above say which are missing"),
        });
    }
    if meetings.is_empty() && needs_authorization {
        return Err(Failure::Unallowed(failures));
    }
    let (planned, undecided) = ledger.plan(meetings, now, stop);
    failures.extend(undecided.into_iter().map(|one| format!("{}: {}", one.meeting.topic, one.problem)));
    Ok((planned, failures))
}

fn as_json_value(planned: &[Planned]) -> Value {
    let meetings: Vec<Value> = planned.iter().map(as_value).collect();
    json!({ "meetings": meetings })
}

/// The keys of `meeting.json`, and what would be done.
fn as_value(planned: &Planned) -> Value {
    let mut fields = match serde_json::to_value(&planned.manifest) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    for file in fields.get_mut("files").and_then(Value::as_array_mut).into_iter().flatten() {
        let entry = planned.manifest.files.iter().find(|entry| file["id"] == entry.id.as_str());
        file["on_disk"] = entry.is_some_and(|entry| planned.is_on_disk(entry)).into();
    }
    fields.insert("plan".to_owned(), planned.decision.word().into());
    fields.insert("reason".to_owned(), planned.reason().into());
    fields.insert("directory".to_owned(), planned.folder.as_ref().map(MeetingFolder::as_str).into());
    Value::Object(fields)
}

fn as_table(planned: &[Planned]) -> String {
    let mut lines = Vec::new();
    for planned in planned {
        let manifest = &planned.manifest;
        let when = manifest.start_time.format("%Y-%m-%d %H:%M");
        let length = match manifest.duration_min {
            0 => String::new(),
            min => format!("{min} min"),
        };
        let topic = one_line(&manifest.topic);
        let (word, reason) = (planned.decision.word(), one_line(&reason(planned)));
        let painted = print::painted(style_of(word), &format!("{word:<8}"));
        lines.push(format!("{when}  {length:>8}  {painted}  {topic}  ({reason})"));
        lines.extend(manifest.files.iter().map(|file| file_line(planned, file)));
    }
    lines.push(summary(planned));
    lines.join("\n") + "\n"
}

/// The colour of a plan's word: what comes now stands out, what needs nothing steps back.
fn style_of(word: &str) -> Style {
    match word {
        "fetch" | "record" => print::GOOD,
        "waiting" => print::DOUBTFUL,
        _ => print::FAINT,
    }
}

/// The reason for what would be done, what the archive lacks of what was fetched, and what comes of it on `YouTube`.
fn reason(planned: &Planned) -> String {
    let reason = planned.decision.reason();
    let is_gone = |file: &&FileEntry| file.state.is_on_disk() && !planned.is_on_disk(file);
    let gone = planned.manifest.files.iter().filter(is_gone).count();
    let is_folder_gone = planned.folder.is_none() && !planned.manifest.files.is_empty();
    let words = match (&planned.decision, gone) {
        (Decision::Archived, _) if is_folder_gone => {
            format!("{reason}, but its folder is gone: see zoom-archiver verify")
        }
        (Decision::Archived, 1..) => format!("{reason}, but {gone} not as they were: see zoom-archiver verify"),
        _ => reason,
    };
    if planned.publishing.is_empty() { words } else { format!("{words}; {}", planned.publishing) }
}

fn file_line(planned: &Planned, file: &FileEntry) -> String {
    let mark = if file.best { '*' } else { ' ' };
    let state = match file.state {
        FileState::Pending => "",
        FileState::Removing | FileState::Removed => "removed",
        FileState::Whole | FileState::Suspect if !planned.is_on_disk(file) => "gone, or not as it was",
        FileState::Whole => "on disk",
        FileState::Suspect => "on disk, suspect",
    };
    format!("    {mark} {:<44} {:>10}  {state}", file.name.as_str(), file.size.to_string()).trim_end().to_owned()
}

fn summary(planned: &[Planned]) -> String {
    let count = |word: &str| planned.iter().filter(|planned| planned.decision.word() == word).count();
    let counts: Vec<String> = ["fetch", "record", "waiting", "archived", "empty", "left out"]
        .iter()
        .filter(|word| count(word) > 0)
        .map(|word| format!(", {} {word}", count(word)))
        .collect();
    let counts = counts.concat();
    let to_fetch: ByteCount =
        planned.iter().filter(|planned| planned.decision.word() == "fetch").map(Planned::unfetched).sum();
    format!(
        "{} meetings{counts}; {} to fetch. Times are UTC; * marks the best file of each part.{}",
        planned.len(),
        to_fetch,
        if to_fetch.0 > 0 { "\nNext: zoom-archiver once, or the service" } else { "" }
    )
}

/// A topic, or what Zoom said of a download, as a terminal may show it: nothing that moves the cursor or turns the text
/// around.
fn one_line(topic: &str) -> String {
    let keep = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '"' | '\\');
    topic.chars().map(|c| if keep(c) { c.to_string() } else { c.escape_debug().to_string() }).collect()
}
