//! A poll's meetings, decided about one after the other: what is to be done now is kept, of the others only that they are
//! not done. A year of them goes through here at each full scan, and most are archived.

use std::collections::HashSet;
use std::path::Path;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::download::FileJob;
use super::memory::Scanned;
use super::plan::{Decision, Then};
use super::record::{self, Ledger, Planned, RecordError};
use super::transfer::WaitingJob;
use crate::meeting::{Availability, Meeting, MeetingUuid, RecordingFile};
use crate::state::Pending;

/// What a poll's meetings come to.
#[derive(Debug, Default)]
pub(super) struct Adopted {
    /// What is to be done now.
    pub todo: Vec<Todo>,
    /// All others that are listed.
    pub settled: Vec<MeetingUuid>,
    /// Such as were not done, and are listed no more.
    pub gone: Vec<Pending>,
    /// How many of which kind.
    pub tally: Tally,
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
    /// Decides about every listed meeting, as [`Ledger::plan`] does, and remembers what is not done. `None` once `stop` is
    /// cancelled: the plan may then lack some, and nothing follows from it.
    ///
    /// # Errors
    /// [`RecordError`] where the archive can't be looked at.
    pub(super) fn adopt(
        &mut self,
        meetings: Vec<Meeting>,
        scanned: Scanned,
        now: DateTime<Utc>,
        eager: bool,
        stop: &CancellationToken,
    ) -> Result<Option<Adopted>, RecordError> {
        let mut adopted = Adopted::default();
        for meeting in record::in_order_of_folders(meetings) {
            if stop.is_cancelled() {
                return Ok(None);
            }
            let planned = self.plan_one(meeting, now, eager)?;
            self.remember(&planned, now);
            adopted.tally.count(&planned);
            match todo(planned, self.root()) {
                Ok(todo) => adopted.todo.push(todo),
                Err(settled) => adopted.settled.push(settled),
            }
        }
        let todo = adopted.todo.iter().map(|todo| &todo.meeting.uuid);
        let listed: HashSet<&MeetingUuid> = todo.chain(&adopted.settled).collect();
        adopted.gone = self.forget_gone(&listed, scanned);
        Ok(Some(adopted))
    }
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
