//! A poll's meetings, decided about one after the other: what is to be done now is kept, of the others only that they are
//! not done. A year of them goes through here at each full scan, and most are archived.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::download::{FileJob, Setback};
use super::memory::Scanned;
use super::plan::{Decision, Then};
use super::record::{Ledger, Planned};
use super::transfer::WaitingJob;
use crate::chain::chain;
use crate::meeting::{Availability, Meeting, MeetingUuid, RecordingFile};
use crate::state::Pending;

/// What a poll's meetings come to.
#[derive(Debug, Default)]
pub(super) struct Adopted {
    /// What is to be done now.
    pub todo: Vec<Todo>,
    /// All others that are listed, but for those of which nothing could be decided.
    pub settled: Vec<MeetingUuid>,
    /// Those, and why not.
    pub undecided: Vec<Undecided>,
    /// Such as were not done, and are listed no more.
    pub gone: Vec<Pending>,
    /// How many of which kind.
    pub tally: Tally,
}

/// A meeting about which nothing could be decided: its folder can't be looked at, say. It costs no other.
#[derive(Debug)]
pub struct Undecided {
    /// The meeting.
    pub meeting: Meeting,
    /// What that says of it.
    pub(super) setback: Setback,
    /// Why not, in words.
    pub problem: String,
}

/// What is to be done about a meeting now.
#[derive(Debug)]
pub(super) struct Todo {
    /// The meeting, without its files: those to be fetched are in the jobs, the others in its description.
    pub meeting: Meeting,
    /// Its files to fetch; possibly none.
    pub jobs: Vec<WaitingJob>,
    /// What comes after that; `None` where it is to be recorded as empty.
    pub then: Option<Then>,
}

/// Meetings of a poll, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Not heard of before, and wanted.
    pub new: usize,
    /// Left out by `[select]`.
    pub skipped: usize,
    /// Waiting for Zoom, or for their next try.
    pub waiting: usize,
}

impl Ledger {
    /// Decides about every listed meeting, for one who only looks.
    ///
    /// Ends early, with a part of them, once `stop` is cancelled.
    pub fn plan(
        &mut self,
        meetings: Vec<Meeting>,
        now: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> (Vec<Planned>, Vec<Undecided>) {
        let (mut planned, mut undecided) = (Vec::new(), Vec::new());
        // Folders of an earlier program are looked into, file by file: that may take its time.
        for meeting in in_order_of_folders(meetings).take_while(|_| !stop.is_cancelled()) {
            match self.plan_alone(meeting, now, false) {
                Ok(one) => planned.push(Planned {
                    missing: self.missing(&one.meeting.uuid),
                    publishing: self.publishing_of(&one.manifest, now),
                    ..one
                }),
                Err(one) => undecided.push(*one),
            }
        }
        (planned, undecided)
    }

    /// Decides about every listed meeting, and remembers what is not done. `None` once `stop` is
    /// cancelled: the plan may then lack some, and nothing follows from it.
    pub(super) fn adopt(
        &mut self,
        meetings: Vec<Meeting>,
        scanned: Scanned,
        now: DateTime<Utc>,
        eager: bool,
        stop: &CancellationToken,
    ) -> Option<Adopted> {
        let mut adopted = Adopted::default();
        for meeting in in_order_of_folders(meetings) {
            if stop.is_cancelled() {
                return None;
            }
            let planned = match self.plan_alone(meeting, now, eager) {
                Ok(planned) => planned,
                Err(undecided) => {
                    self.remember_undecided(&undecided.meeting, now);
                    adopted.undecided.push(*undecided);
                    continue;
                }
            };
            self.remember(&planned, now);
            adopted.tally.count(&planned);
            match todo(planned, self.root()) {
                Ok(todo) => adopted.todo.push(todo),
                Err(settled) => adopted.settled.push(settled),
            }
        }
        let todo = adopted.todo.iter().map(|todo| &todo.meeting.uuid);
        let undecided = adopted.undecided.iter().map(|undecided| &undecided.meeting.uuid);
        let listed: HashSet<&MeetingUuid> = todo.chain(&adopted.settled).chain(undecided).collect();
        adopted.gone = self.forget_gone(&listed, scanned);
        self.is_state_changed = true;
        Some(adopted)
    }

    /// [`Ledger::plan_one`], and whatever goes wrong in it, a bug even, is that one meeting's: else a record that nobody has
    /// thought of would keep all others from being fetched, at every poll.
    fn plan_alone(&mut self, meeting: Meeting, now: DateTime<Utc>, eager: bool) -> Result<Planned, Box<Undecided>> {
        let copy = meeting.clone();
        let (setback, problem) = match catch_unwind(AssertUnwindSafe(|| self.plan_one(copy, now, eager))) {
            Ok(Ok(planned)) => return Ok(planned),
            Ok(Err(error)) => (Setback::Elsewhere, chain(&error)),
            Err(_) => (Setback::Failed, "a bug in the plan; the log has the panic".to_owned()),
        };
        Err(Box::new(Undecided { meeting, setback, problem }))
    }
}

/// The order in which folders are given: the first to begin gets the plain name.
fn in_order_of_folders(mut meetings: Vec<Meeting>) -> impl Iterator<Item = Meeting> {
    meetings.sort_by(|a, b| (a.start_time, &a.uuid).cmp(&(b.start_time, &b.uuid)));
    meetings.into_iter()
}

impl Tally {
    fn count(&mut self, planned: &Planned) {
        let meeting = &planned.meeting;
        match &planned.decision {
            Decision::LeftOut(_) => self.skipped += 1,
            Decision::NothingYet | Decision::Processing { .. } | Decision::Parked { .. } => self.waiting += 1,
            Decision::Fetch { then, .. } => {
                self.new += usize::from(planned.is_new);
                self.waiting += usize::from(*then == Then::Wait);
            }
            Decision::Empty if meeting.files.iter().any(|file| file.availability == Availability::Processing) => {
                tracing::warn!(meeting = %meeting.uuid, "Zoom never finished any file of this meeting; it is recorded as empty");
            }
            Decision::Archived | Decision::Empty => {}
        }
        tracing::debug!(meeting = %meeting.uuid, topic = %meeting.topic, "{}: {}", planned.decision.word(), planned.decision.reason());
    }
}

/// What is to be done about a meeting; the meeting's uuid where that is nothing.
fn todo(planned: Planned, root: &Path) -> Result<Todo, MeetingUuid> {
    let Planned { mut meeting, decision, manifest, folder, .. } = planned;
    let (ids, then) = match decision {
        Decision::Fetch { files, then } => (files, Some(then)),
        Decision::Empty => (Vec::new(), None),
        _ => return Err(meeting.uuid),
    };
    let files = std::mem::take(&mut meeting.files);
    let Some(folder) = folder else { return Ok(Todo { meeting, jobs: Vec::new(), then }) };
    let job = |file: RecordingFile| {
        let entry = manifest.file(&file.id)?;
        let Availability::Ready(url) = file.availability else { return None };
        Some(WaitingJob {
            job: FileJob {
                meeting: meeting.uuid.clone(),
                file: file.id,
                user: meeting.user.clone(),
                day: meeting.start_time.date_naive(),
                url,
                folder: folder.under(root),
                name: entry.name.clone(),
                extension: file.extension,
                listed_size: file.size,
                on_disk: 0,
                label: format!("{folder}/{}", entry.name),
            },
            deletion: meeting.auto_delete_date,
            start: meeting.start_time,
        })
    };
    let mut jobs: Vec<_> = files.into_iter().filter(|file| ids.contains(&file.id)).filter_map(job).collect();
    jobs.shrink_to_fit();
    Ok(Todo { meeting, jobs, then })
}
