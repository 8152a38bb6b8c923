//! Pure: how things are, as text.

use chrono::{DateTime, TimeDelta, Utc};

use super::judge::minute;
use super::look::View;
use crate::commands::print::{BAD, DOUBTFUL, FAINT, GOOD, painted};
use crate::logging::shown;
use crate::meeting::ByteCount;
use crate::pipeline::{Phase, PollReport, UploadsShown};
use crate::state::{Pending, Wait, Why};

/// So many meetings and videos that wait are shown one by one.
const MOST_LINES: usize = 10;
/// Space that lasts longer needs nobody's thought.
const MANY_DAYS: u64 = 3650;
/// How wide a bar is.
const BAR: u8 = 24;

/// All of it.
pub(super) fn text(view: &View, now: DateTime<Utc>) -> String {
    let mut page = Page::default();
    for problem in &view.problems {
        page.line("problem", &painted(BAD, &shown(problem)));
    }
    state(&mut page, view, now);
    flights(&mut page, view);
    waiting(&mut page, view, now);
    youtube(&mut page, view);
    archive(&mut page, view, now);
    page.0
}

/// Lines with a name in front.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, name: &str, text: &str) {
        self.0.extend([format!("{name:<10}").as_str(), text, "\n"]);
    }

    /// The first ones, and how many more there are.
    fn list(&mut self, lines: impl ExactSizeIterator<Item = String>, more: &str) {
        let left = lines.len().saturating_sub(MOST_LINES);
        for line in lines.take(MOST_LINES) {
            self.line("", &line);
        }
        if left > 0 {
            self.line("", &painted(FAINT, &format!("... and {left} more: {more}")));
        }
    }
}

fn state(page: &mut Page, view: &View, now: DateTime<Utc>) {
    let Some(status) = &view.status else { return };
    if view.running.is_some() {
        let words = match status.state {
            Phase::Starting => "starting".to_owned(),
            Phase::Idle => "idle".to_owned(),
            Phase::Polling => "asking Zoom for recordings".to_owned(),
            Phase::Downloading => format!("downloading, {} wait", files(status.waiting_files)),
            Phase::Authorization => painted(BAD, "waiting to be authorized: zoom-archiver auth zoom"),
            Phase::Stopping => "stopping".to_owned(),
        };
        let since = format!("since {} ({})", minute(status.since), span(now - status.since));
        page.line("state", &format!("{} {}", painted(GOOD, &words), painted(FAINT, &since)));
        let started = format!("{}, process {}, {}", minute(status.started_at), status.pid, status.version);
        page.line("started", &format!("{started}; {} recorded since", counted(status.recorded_meetings, "meeting")));
    }
    if let Some(poll) = &status.last_poll {
        page.line("last poll", &last_poll(poll, now));
        page.list(poll.problems.iter().map(|problem| painted(DOUBTFUL, &shown(problem))), "the log has them all");
    }
    if let Some(next) = status.next_poll.filter(|_| view.running.is_some()) {
        page.line("next poll", &format!("{} (in {})", minute(next), span(next - now)));
    }
}

fn last_poll(poll: &PollReport, now: DateTime<Utc>) -> String {
    let verdict = if poll.ok { painted(GOOD, "complete") } else { painted(BAD, "not complete") };
    let PollReport { seen, new, skipped, waiting, .. } = poll;
    let counts = format!("{seen} seen, {new} new, {skipped} skipped, {waiting} waiting");
    format!("{} ({} ago), {verdict}: {counts}", minute(poll.at), span(now - poll.at))
}

fn flights(page: &mut Page, view: &View) {
    let Some(status) = view.status.as_ref().filter(|_| view.running.is_some()) else { return };
    for flight in &status.in_flight {
        let rate = flight.bytes.checked_div(flight.seconds);
        page.line("download", &bar(&flight.name, flight.bytes, flight.total, rate));
    }
    if let Some(upload) = status.uploads.as_ref().and_then(|uploads| uploads.in_flight.as_ref()) {
        page.line("upload", &bar(&upload.name, upload.bytes, upload.total, None));
    }
}

/// How far a file is: `2025-12-02/1729/gallery_view.mp4 [#####.....]  43 %  1.2 GiB of 2.8 GiB`.
fn bar(name: &str, bytes: u64, total: u64, rate: Option<u64>) -> String {
    let share = |of: u8| u128::from(bytes.min(total)) * u128::from(of) / u128::from(total.max(1));
    let filled = share(BAR);
    let bar: String = (0..u128::from(BAR)).map(|place| if place < filled { '#' } else { '.' }).collect();
    let rate = rate.filter(|rate| *rate > 0).map(|rate| format!(", {}/s", ByteCount(rate))).unwrap_or_default();
    format!("{} [{bar}] {:>3} %  {} of {}{rate}", shown(name), share(100), ByteCount(bytes), ByteCount(total))
}

fn waiting(page: &mut Page, view: &View, now: DateTime<Utc>) {
    // What is on its way is shown with its bar.
    let flights = view.status.as_ref().filter(|_| view.running.is_some()).map(|status| status.in_flight.as_slice());
    let is_in_flight = |pending: &&Pending| flights.unwrap_or_default().iter().any(|it| it.meeting == pending.uuid);
    let pending: Vec<&Pending> = view.pending.iter().filter(|pending| !is_in_flight(pending)).collect();
    if pending.is_empty() {
        return;
    }
    page.line("waiting", &meetings(pending.len()));
    page.list(pending.into_iter().map(|pending| one_waiting(pending, now)), "`zoom-archiver list` has them all");
}

fn one_waiting(pending: &Pending, now: DateTime<Utc>) -> String {
    let problem = if pending.problem.is_empty() { String::new() } else { format!(": {}", shown(&pending.problem)) };
    let why = match pending.why {
        Why::Queued => format!("its files wait for their turn{problem}"),
        Why::Processing => "Zoom is not done with its files".to_owned(),
        Why::PutOff => format!("Zoom asked to wait{problem}"),
        Why::Failed => format!("failed {}{problem}", times(pending.failed_tries)),
    };
    let next = pending.next_try.filter(|at| *at > now).map(|at| format!("; next try at {}", minute(at)));
    let deletion = pending.deletion.map(|day| painted(DOUBTFUL, &format!("; Zoom deletes it on {day}")));
    format!(
        "\"{}\" of {}: {why}{}{}",
        shown(&pending.topic),
        minute(pending.start),
        next.unwrap_or_default(),
        deletion.unwrap_or_default()
    )
}

fn youtube(page: &mut Page, view: &View) {
    let uploads = view.status.as_ref().and_then(|status| status.uploads.as_ref());
    if let Some(UploadsShown { waiting, settling, today, needs_person, why, .. }) = uploads {
        let mut text =
            format!("{waiting} to be sent, {settling} in meetings that may still change, {today} begun today");
        if let Some(why) = why {
            let style = if *needs_person { BAD } else { DOUBTFUL };
            text.extend(["; ", &painted(style, &shown(why))]);
        }
        page.line("YouTube", &text);
    }
    let is_said = |limit: &Wait| uploads.and_then(|uploads| uploads.why.as_ref()) == Some(&limit.why);
    if let Some(limit) = view.youtube_limit.as_ref().filter(|limit| !is_said(limit)) {
        page.line("", &format!("nothing new is begun until {}: {}", minute(limit.until), shown(&limit.why)));
    }
    let failed = view.failed_uploads.iter();
    page.list(
        failed.map(|failed| {
            format!("{}: next try at {}: {}", failed.uuid, minute(failed.next_try), shown(&failed.problem))
        }),
        "`zoom-archiver list` has them all",
    );
    let parked = view.parked.iter();
    page.list(
        parked.map(|parked| {
            let words =
                format!("not sent until you ask for it, part {} of {}: {}", parked.part, parked.uuid, parked.reason);
            painted(BAD, &shown(&words))
        }),
        "`zoom-archiver list` has them all",
    );
}

fn archive(page: &mut Page, view: &View, now: DateTime<Utc>) {
    let archive = &view.archive;
    let mut text = format!(
        "{}, {}, {}, in {}",
        meetings(archive.meetings),
        counted(archive.files, "file"),
        archive.bytes,
        archive.directory.display()
    );
    for (count, words) in [
        (archive.uploaded, "of them on YouTube"),
        (archive.cleaned, "more with their local files removed"),
        (archive.empty, "without a recording"),
    ] {
        if count > 0 {
            text.extend(["; ", &count.to_string(), " ", words]);
        }
    }
    page.line("archive", &text);
    if let Some(free) = view.disk.free_bytes {
        let lasts = match view.disk.days_left {
            Some(days) if days > MANY_DAYS => String::new(),
            Some(days) => format!(
                ", enough for {} at the pace of the last month ({})",
                counted(days, "day"),
                view.disk.month_bytes
            ),
            None => String::new(),
        };
        page.line("disk", &format!("{free} free{lasts}"));
    }
    for (name, renewed) in [("Zoom", view.zoom_token), ("YouTube", view.youtube_token)] {
        if let Some(at) = renewed {
            page.line("token", &format!("for {name}, kept since {} ({} ago)", minute(at), span(now - at)));
        }
    }
    if view.undelivered_messages > 0 {
        page.line("messages", &format!("{} not delivered yet", view.undelivered_messages));
    }
}

/// A time span in its largest unit.
fn span(span: TimeDelta) -> String {
    let (minutes, hours, days) = (span.num_minutes(), span.num_hours(), span.num_days());
    let (count, unit) = match () {
        () if days >= 2 => (days, "day"),
        () if hours >= 2 => (hours, "hour"),
        () if minutes >= 1 => (minutes, "minute"),
        () => (span.num_seconds().max(0), "second"),
    };
    counted(count.unsigned_abs(), unit)
}

fn counted(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn meetings(number: usize) -> String {
    counted(number as u64, "meeting")
}

fn files(number: usize) -> String {
    counted(number as u64, "file")
}

fn times(number: u32) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times in a row") }
}
