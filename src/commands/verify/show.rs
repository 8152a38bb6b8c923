//! What `verify` has found, in lines for people and as JSON for programs.

use serde_json::{Value, json};

use crate::archive::MANIFEST;
use crate::archive::verify::Problem;
use crate::chain::chain;
use crate::logging::shown;
use crate::pipeline::audit::{Audit, LostRow, WrongFile};
use crate::pipeline::refetch::Outcome;

/// A line for each thing that is wrong or strange, and one that sums up.
pub(super) fn as_text(audit: &Audit) -> String {
    let mut lines = Vec::new();
    for damaged in &audit.damaged {
        lines.push(format!("{}/{MANIFEST}: {}; {}", damaged.directory, damaged.problem, DAMAGED));
    }
    for wrong in &audit.wrong {
        let done = done(wrong.outcome.as_ref());
        lines.push(format!("{}/{}: {}{done}", wrong.file.folder, wrong.file.name, chain(&wrong.problem)));
    }
    for lost in &audit.lost {
        lines.push(format!(
            "{}: {}{}{}",
            lost.folder.directory,
            lost.folder.loss,
            queued(lost),
            done(lost.outcome.as_ref())
        ));
    }
    for suspect in &audit.suspect {
        lines
            .push(format!("{}/{}: suspect: Zoom sent it broken, the same way each time", suspect.folder, suspect.name));
    }
    for unknown in &audit.unknown {
        lines.push(format!("{}: unknown folder: {}", unknown.directory, unknown.why));
    }
    // A folder may be called anything.
    let mut lines: Vec<_> = lines.iter().map(|line| shown(&line.replace('\n', "\\n"))).collect();
    lines.push(summary(audit));
    lines.join("\n") + "\n"
}

/// What to do about a `meeting.json` that can't be read. With its meeting's row there, the next poll takes up what is whole.
const DAMAGED: &str = "its files can't be checked; put back a copy of it from a backup, or rename it to meeting.json.bad: then \
                       `verify --refetch` has its files taken up again as far as they are whole, and the rest fetched";

fn queued(lost: &LostRow) -> &'static str {
    if lost.is_queued && lost.outcome.is_none() { "; the next poll fetches it again" } else { "" }
}

/// What was done about something, to follow what is wrong with it.
fn done(outcome: Option<&Outcome>) -> String {
    match outcome {
        None => String::new(),
        Some(Outcome::Queued { set_aside: Some(name) }) => {
            format!("; it is renamed to {name}, and fetched again by the next poll")
        }
        Some(Outcome::Queued { set_aside: None }) => "; it is fetched again by the next poll".to_owned(),
        Some(Outcome::NotQueued(why)) => format!("; it is not fetched again: {why}"),
    }
}

fn summary(audit: &Audit) -> String {
    let mut parts = vec![format!("{} right", audit.right)];
    if !audit.wrong.is_empty() {
        parts.push(format!("{} wrong", audit.wrong.len()));
    }
    if !audit.suspect.is_empty() {
        parts.push(format!("{} suspect", audit.suspect.len()));
    }
    let mut summary = format!(
        "{} of {} looked at: {}",
        counted(audit.files(), "file"),
        counted(audit.meetings, "meeting"),
        parts.join(", ")
    );
    let others = [
        (audit.damaged.len(), "damaged meeting.json", "damaged meeting.json"),
        (audit.lost.len(), "row without its folder", "rows without their folders"),
        (audit.unknown.len(), "unknown folder", "unknown folders"),
    ];
    for (count, what, several) in others.into_iter().filter(|(count, ..)| *count > 0) {
        let what = if count == 1 { what } else { several };
        summary = format!("{summary}; {count} {what}");
    }
    summary + "."
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// What was found as `verify --json` gives it.
pub(super) fn as_value(audit: &Audit) -> Value {
    let damaged = audit.damaged.iter().map(|damaged| {
        json!({
            "directory": damaged.directory,
            "name": MANIFEST,
            "file_id": null,
            "meeting_uuid": damaged.meeting,
            "problem": "damaged",
            "what": damaged.problem,
            "fetched_again": false,
        })
    });
    let wrong: Vec<Value> = damaged.chain(audit.wrong.iter().map(wrong_as_value)).collect();
    let suspect = audit.suspect.iter().map(
        |file| json!({ "directory": file.folder, "name": file.name, "file_id": file.id, "meeting_uuid": file.meeting }),
    );
    let unknown =
        audit.unknown.iter().map(|unknown| json!({ "directory": unknown.directory, "what": unknown.why.to_string() }));
    let lost = audit.lost.iter().map(|lost| {
        let mut value = json!({
            "directory": lost.folder.directory,
            "meeting_uuid": lost.folder.meeting,
            "what": lost.folder.loss.to_string(),
        });
        add_outcome(&mut value, lost.outcome.as_ref(), lost.is_queued);
        value
    });
    json!({
        "meetings": { "looked_at": audit.meetings, "not_looked_at": audit.not_looked_at },
        "files": {
            "looked_at": audit.files(),
            "right": audit.right,
            "wrong": audit.wrong.len(),
            "suspect": audit.suspect.len(),
        },
        "wrong": wrong,
        "suspect": suspect.collect::<Vec<_>>(),
        "rows_without_folder": lost.collect::<Vec<_>>(),
        "unknown_folders": unknown.collect::<Vec<_>>(),
    })
}

fn wrong_as_value(wrong: &WrongFile) -> Value {
    let mut value = json!({
        "directory": wrong.file.folder,
        "name": wrong.file.name,
        "file_id": wrong.file.id,
        "meeting_uuid": wrong.file.meeting,
        "problem": wrong.problem.word(),
        "what": chain(&wrong.problem),
    });
    add_outcome(&mut value, wrong.outcome.as_ref(), matches!(wrong.problem, Problem::Queued));
    value
}

fn add_outcome(value: &mut Value, outcome: Option<&Outcome>, is_queued: bool) {
    value["fetched_again"] = match outcome {
        None => is_queued,
        Some(outcome) => matches!(outcome, Outcome::Queued { .. }),
    }
    .into();
    match outcome {
        Some(Outcome::Queued { set_aside: Some(name) }) => value["renamed_to"] = name.as_str().into(),
        Some(Outcome::NotQueued(why)) => value["not_fetched_again"] = why.as_str().into(),
        _ => {}
    }
}

/// What to say on stderr where not all is right, or not all was looked at; with the next step.
pub(super) fn judgement(audit: &Audit) -> Option<String> {
    if let Some(words) = stopped(audit) {
        return Some(words);
    }
    let queued_files = audit.wrong.iter().filter(|wrong| matches!(wrong.problem, Problem::Queued)).count();
    let queued = queued_files + audit.lost.iter().filter(|lost| lost.is_queued).count();
    let can_be_asked_for = audit.wrong.len() + audit.lost.len() - queued;
    let words = match audit.faults() {
        0 => return None,
        1 => "something in the archive is wrong".to_owned(),
        many => format!("{many} things in the archive are wrong"),
    };
    Some(match (can_be_asked_for, queued) {
        (0, 0) => format!("{words}; the line about it says what to do"),
        (0, _) => format!("{words}; what is to be fetched again comes with the next poll"),
        _ => format!(
            "{words}; `zoom-archiver verify --refetch` sets that aside as NAME.bad and has it fetched again by the next poll (stop the \
             service for that, and start it afterwards)"
        ),
    })
}

/// The same after what is wrong was asked for: what could not be.
pub(super) fn what_is_left(audit: &Audit) -> Option<String> {
    if let Some(words) = stopped(audit) {
        return Some(format!("{words}; nothing was changed"));
    }
    let outcomes: Vec<_> =
        audit.wrong.iter().map(|wrong| &wrong.outcome).chain(audit.lost.iter().map(|lost| &lost.outcome)).collect();
    let not_begun = outcomes.iter().filter(|outcome| outcome.is_none()).count();
    if not_begun > 0 {
        let what = if not_begun == 1 { "1 thing that is".to_owned() } else { format!("{not_begun} things that are") };
        return Some(format!("stopped: {what} wrong will not be fetched again; ask for it once more"));
    }
    let left = outcomes.iter().filter(|outcome| !matches!(outcome, Some(Outcome::Queued { .. }))).count();
    match left + audit.damaged.len() {
        0 => None,
        1 => Some("something in the archive stays wrong; the line about it says why".to_owned()),
        many => Some(format!("{many} things in the archive stay wrong; the lines about them say why")),
    }
}

fn stopped(audit: &Audit) -> Option<String> {
    let count = audit.not_looked_at;
    (count > 0).then(|| {
        let found = if audit.faults() > 0 { ", and what was looked at is not all right" } else { "" };
        format!(
            "stopped: {} not looked at{found}",
            match count {
                1 => "1 meeting was".to_owned(),
                many => format!("{many} meetings were"),
            }
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::audit::RecordedFile;

    fn wrong(problem: Problem, outcome: Option<Outcome>) -> WrongFile {
        let file = RecordedFile {
            meeting: "a==".parse().unwrap(),
            folder: "Class\u{202e}4pm/0900".parse().unwrap(),
            name: "gallery_view.mp4".parse().unwrap(),
            id: "f".parse().unwrap(),
        };
        WrongFile { file, problem, outcome }
    }

    fn audit(wrong: Vec<WrongFile>, not_looked_at: usize) -> Audit {
        Audit { meetings: 1, not_looked_at, right: 2, wrong, ..Audit::default() }
    }

    #[test]
    fn a_line_says_what_is_wrong_and_what_was_done_and_nothing_in_it_turns_the_text_around() {
        let aside = Outcome::Queued { set_aside: Some("gallery_view.mp4.bad".to_owned()) };
        let text = as_text(&audit(vec![wrong(Problem::Size { recorded: 2, found: 1 }, Some(aside))], 0));
        assert_eq!(
            text,
            "Class\\u{202e}4pm/0900/gallery_view.mp4: it has 1 bytes, and had 2; it is renamed to gallery_view.mp4.bad, and \
             fetched again by the next poll\n3 files of 1 meeting looked at: 2 right, 1 wrong.\n"
        );
    }

    #[test]
    fn the_last_word_names_the_next_step_and_what_was_not_looked_at() {
        for (wrong, not_looked_at, said) in [
            (vec![], 0, None),
            (vec![], 2, Some("stopped: 2 meetings were not looked at")),
            (
                vec![wrong(Problem::Missing, None)],
                1,
                Some("stopped: 1 meeting was not looked at, and what was looked at is not"),
            ),
            (vec![wrong(Problem::Missing, None)], 0, Some("verify --refetch")),
            (vec![wrong(Problem::Queued, None)], 0, Some("comes with the next poll")),
        ] {
            let judged = judgement(&audit(wrong, not_looked_at));
            let fits = said.map_or(judged.is_none(), |said| judged.as_ref().is_some_and(|words| words.contains(said)));
            assert!(fits, "{said:?}: {judged:?}");
        }
    }

    #[test]
    fn what_was_asked_for_is_a_success_only_as_far_as_it_will_come() {
        let queued = || Some(Outcome::Queued { set_aside: None });
        let refused = || Some(Outcome::NotQueued("no".to_owned()));
        for (outcomes, not_looked_at, said) in [
            (vec![queued()], 0, None),
            (vec![queued(), refused()], 0, Some("something in the archive stays wrong")),
            (vec![queued(), None], 0, Some("stopped: 1 thing that is wrong will not be fetched again")),
            (vec![None], 1, Some("nothing was changed")),
        ] {
            let wrong = outcomes.into_iter().map(|outcome| wrong(Problem::Missing, outcome)).collect();
            let left = what_is_left(&audit(wrong, not_looked_at));
            let fits = said.map_or(left.is_none(), |said| left.as_ref().is_some_and(|words| words.contains(said)));
            assert!(fits, "{said:?}: {left:?}");
        }
    }
}
