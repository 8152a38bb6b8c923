//! From a plan to the tracker: what is fetched for which meeting, and what follows when its files have ended.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::adopt::{Adopted, Todo};
use super::download::{DownloadError, Fetched, FileJob, Setback};
use super::memory::Scanned;
use super::plan::Then;
use super::record::{Ledger, RecordError};
use super::transfer::{Flight, WaitingJob};
use super::{Phase, Pipeline, PollReport};
use crate::archive::tracker::Status;
use crate::chain::chain;
use crate::clock;
use crate::disk;
use crate::meeting::{ByteCount, FileId, Meeting, MeetingUuid};
use crate::state::Subject;
use crate::zoom::ZoomError;

/// A meeting whose files are being fetched.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) meeting: Meeting,
    pub(super) then: Then,
    pub(super) outstanding: HashSet<FileId>,
    /// The worst of what kept its files from being fetched, in words too.
    pub(super) setback: Option<(Setback, String)>,
}

/// How long downloads wait at least where all of them would meet the same obstacle.
const SHORTEST_HOLD: TimeDelta = TimeDelta::seconds(60);
/// So many files put off with none that came in between, and the limit is not one file's.
const PUT_OFF_MEANS_ALL: usize = 3;

impl Pipeline {
    /// Turns what was listed into work: decides about each meeting, and puts its files into the waiting list.
    pub(super) async fn adopt(
        &mut self,
        meetings: Vec<Meeting>,
        scanned: Scanned,
        report: &mut PollReport,
        now: DateTime<Utc>,
    ) -> Result<(), RecordError> {
        let (eager, stop) = (self.eager, self.stop.clone());
        let adopted = self
            .with_ledger(move |ledger| {
                if let Err(error) = ledger.prepare() {
                    ledger.remember_endangered(&meetings, now);
                    return Err(error);
                }
                let Some(adopted) = ledger.adopt(meetings, scanned, now, eager, &stop) else {
                    return Ok(Adopted::default());
                };
                Ok(adopted)
            })
            .await?;
        for pending in adopted.gone {
            tracing::warn!(meeting = %pending.uuid, user = %pending.user, "Zoom lists this meeting no more, or its user is not in zoom.users; it was not archived completely");
            self.tell_of_gone(&pending);
            self.work.remove(&pending.uuid);
            self.pool.replace_waiting(|uuid| *uuid == pending.uuid, Vec::new());
        }
        for undecided in adopted.undecided {
            self.meeting_failed(&undecided.meeting, undecided.setback, undecided.problem).await;
        }
        let tally = adopted.tally;
        (report.new, report.skipped, report.waiting) = (tally.new, tally.skipped, tally.waiting);
        self.outcome.waiting += tally.waiting as u64;
        let mut replanned = HashSet::new();
        let mut jobs = Vec::with_capacity(adopted.todo.iter().map(|todo| todo.jobs.len()).sum());
        self.obstacle = None;
        for uuid in adopted.settled {
            if self.make_way_for(&uuid).await {
                self.work.remove(&uuid);
                replanned.insert(uuid);
            }
        }
        for todo in adopted.todo {
            let uuid = todo.meeting.uuid.clone();
            if self.make_way_for(&uuid).await {
                jobs.extend(self.take_up(todo));
                replanned.insert(uuid);
            }
        }
        report.files = jobs.len();
        let jobs = disk::blocking(move || {
            for waiting in &mut jobs {
                waiting.job.look_for_part();
            }
            jobs
        })
        .await;
        self.pool.replace_waiting(|uuid| replanned.contains(uuid), jobs);
        Ok(())
    }

    /// Makes way for what a poll says of a meeting. Whether that counts now: not where one of its files failed, for the
    /// next try is of the meeting, once none of its others is in flight.
    async fn make_way_for(&mut self, uuid: &MeetingUuid) -> bool {
        if self.work.get(uuid).is_none_or(|work| work.setback.is_none()) {
            self.complete.retain(|(waiting, _)| waiting.uuid != *uuid);
            return true;
        }
        if !self.pool.is_in_flight(uuid) {
            self.files_ended(uuid).await;
        }
        false
    }

    /// Makes work of what is to be done about a meeting.
    fn take_up(&mut self, todo: Todo) -> Vec<WaitingJob> {
        let Todo { meeting, jobs, then } = todo;
        match then {
            None => self.complete.push_back((meeting, Status::Empty)),
            Some(then) if jobs.is_empty() => {
                if then == Then::RecordIncomplete {
                    warn_of_the_rest(&meeting.uuid);
                }
                self.complete.push_back((meeting, Status::Downloaded));
            }
            Some(then) => {
                let outstanding = jobs.iter().map(|waiting| waiting.job.file.clone()).collect();
                self.work.insert(meeting.uuid.clone(), Work { meeting, then, outstanding, setback: None });
            }
        }
        jobs
    }

    /// Gives free workers what waits, as far as the disk has room for it.
    pub(super) async fn start_downloads(&mut self) {
        let is_held = self.hold_until.is_some_and(|until| until > clock::now());
        if !self.pool.could_start() || is_held || self.snapshot.phase == Phase::Authorization {
            return;
        }
        let look = |ledger: &mut Ledger| {
            ledger.check_archive()?;
            Ok::<_, RecordError>(disk::free_space(ledger.root())?)
        };
        let free = match self.with_ledger(look).await {
            Ok(free) => free,
            Err(error) => return self.say_once(&format!("{}; nothing is fetched", chain(&error))),
        };
        let keep = self.settings.download.min_free_space;
        loop {
            let reserved: ByteCount = self.pool.flights().map(Flight::remaining).map(ByteCount).sum();
            let spare = free.0.saturating_sub(reserved.0).saturating_sub(keep.0);
            // Of a file of unknown size, too, at least a byte must fit; one that is all there needs no room.
            let need = |job: &FileJob| job.listed_size.map_or(1, |size| size.0.saturating_sub(job.on_disk));
            let fits = |job: &FileJob| need(job) <= spare;
            let Some(job) = self.pool.next(fits) else { break };
            if let Err(problem) = self.take_off(job).await {
                return self.say_once(&format!("{problem}; nothing is fetched until that is mended"));
            }
        }
        if self.pool.is_idle() {
            self.say_no_space(free, keep);
        }
    }

    /// Begins a download; what would keep all others from it, too, is an error, and the file waits again.
    async fn take_off(&mut self, job: FileJob) -> Result<(), String> {
        let uuid = job.meeting.clone();
        if let Err(error) = self.with_ledger(move |ledger| ledger.claim(&uuid)).await {
            if error.concerns_all() {
                self.hold(clock::now(), job).await;
                return Err(chain(&error));
            }
            self.file_failed(&job, Setback::Elsewhere, &chain(&error)).await;
            return Ok(());
        }
        self.pool.start(job);
        Ok(())
    }

    /// Nothing is in flight and yet something waits: the disk is too full for any of it.
    fn say_no_space(&mut self, free: ByteCount, keep: ByteCount) {
        let Some(first) = self.pool.waiting().first() else { return };
        let (name, size) = (&first.job.label, first.job.listed_size.unwrap_or_default());
        let count = match self.pool.waiting().len() {
            1 => "1 file doesn't".to_owned(),
            files => format!("{files} files don't"),
        };
        let disk = self.settings.archive.directory.display();
        let problem = format!(
            "{count} fit on the disk of {disk}, the first being {name} ({size}): {free} are free, and {keep} are kept free \
             (download.min_free_space); make room, it is tried again at the next poll"
        );
        self.say_once(&problem);
    }

    /// Says, once between two polls, what keeps all that waits from being fetched.
    fn say_once(&mut self, problem: &str) {
        if self.obstacle.is_none() {
            self.obstacle = Some(problem.to_owned());
            self.tell_failure(&Subject::Fetching, || problem.to_owned());
            tracing::error!("{problem}");
            if let Some(poll) = &mut self.snapshot.last_poll {
                poll.problems.push(problem.to_owned());
            }
            self.fail(problem.to_owned());
        }
    }

    pub(super) async fn file_ended(&mut self, flight: &Flight, result: Result<Fetched, DownloadError>) {
        let job = &flight.job;
        if let Err(DownloadError::Zoom(ZoomError::RateLimited(limit))) = &result {
            // Met by a listing that the download asked for: it holds for polls too, and over a restart.
            let until = limit.until;
            self.with_ledger(move |ledger| ledger.wait_until(Some(until))).await;
        }
        match result {
            Ok(fetched) => {
                self.put_off.clear();
                self.tell_of_fetching();
                self.log_end(flight, &fetched);
                let (uuid, id) = (job.meeting.clone(), job.file.clone());
                let noted = self.with_ledger(move |ledger| ledger.file_is_whole(&uuid, &id, &fetched)).await;
                match noted {
                    Ok(()) => self.file_done(&job.meeting, &job.file).await,
                    Err(error) => self.file_failed(job, Setback::Elsewhere, &chain(&error)).await,
                }
            }
            Err(error) if error.is_stopping() => {
                tracing::info!(file = %job.label, "the download is interrupted; it goes on after the next start");
            }
            Err(DownloadError::RateLimited(limit) | DownloadError::Zoom(ZoomError::RateLimited(limit))) => {
                self.put_off.insert(job.file.clone());
                let problem = chain(&DownloadError::RateLimited(limit));
                if self.put_off.len() < PUT_OFF_MEANS_ALL {
                    return self.file_failed(job, Setback::PutOff(limit.until), &problem).await;
                }
                self.put_off.clear();
                tracing::warn!(file = %job.label, "{problem}, with one file after the other; all downloads wait");
                self.hold(limit.until, job.clone()).await;
            }
            Err(DownloadError::Zoom(error @ ZoomError::Token(_))) => {
                self.hold(clock::now(), job.clone()).await;
                self.token_failed(error);
            }
            Err(error) => {
                self.file_failed(job, error.setback(), &error.words()).await;
            }
        }
    }

    /// Lets no download take off for a while; the one that met the obstacle waits again.
    async fn hold(&mut self, until: DateTime<Utc>, mut job: FileJob) {
        self.hold_until = self.hold_until.max(Some(until.max(clock::now() + SHORTEST_HOLD)));
        self.outcome.waiting += 1;
        let job = disk::blocking(move || {
            job.look_for_part();
            job
        })
        .await;
        if let Some(work) = self.work.get(&job.meeting) {
            let (deletion, start) = (work.meeting.auto_delete_date, work.meeting.start_time);
            self.pool.wait_again(WaitingJob { job, deletion, start });
        }
    }

    /// Without a token no download has a chance: that is said once, not for each.
    pub(super) fn token_failed(&mut self, error: ZoomError) {
        let remedy = error.remedy().map(|remedy| format!("; {remedy}")).unwrap_or_default();
        if error.needs_person() {
            self.snapshot.phase = Phase::Authorization;
            if self.outcome.unauthorized.is_none() {
                let words = format!("{}{remedy}", chain(&error));
                tracing::error!("{words}");
                self.tell_of_authorization(&Subject::ZoomAuthorization, || words);
            }
            self.outcome.unauthorized = Some(error);
        } else {
            self.say_once(&format!("{}{remedy}; downloads wait a minute", chain(&error)));
        }
    }

    async fn file_failed(&mut self, job: &FileJob, setback: Setback, problem: &str) {
        if matches!(setback, Setback::PutOff(_)) {
            tracing::warn!(file = %job.label, meeting = %job.meeting, "the download is put off: {problem}");
        } else {
            tracing::error!(file = %job.label, meeting = %job.meeting, "the download failed: {problem}");
        }
        if let Some(work) = self.work.get_mut(&job.meeting)
            && work.setback.as_ref().is_none_or(|(earlier, _)| *earlier <= setback)
        {
            work.setback = Some((setback, format!("{}: {problem}", job.label)));
        }
        self.file_done(&job.meeting, &job.file).await;
    }

    async fn file_done(&mut self, uuid: &MeetingUuid, id: &FileId) {
        let Some(work) = self.work.get_mut(uuid) else { return };
        work.outstanding.remove(id);
        if work.outstanding.is_empty() {
            self.files_ended(uuid).await;
        }
    }

    /// All files of a meeting have ended, one way or the other.
    async fn files_ended(&mut self, uuid: &MeetingUuid) {
        let Some(work) = self.work.remove(uuid) else { return };
        match (work.setback, work.then) {
            (Some((setback, problem)), _) => self.meeting_failed(&work.meeting, setback, problem).await,
            (None, Then::Wait) => {
                let waiting = uuid.clone();
                self.with_ledger(move |ledger| ledger.is_waiting(&waiting)).await;
                tracing::info!(meeting = %work.meeting.uuid, topic = %work.meeting.topic, "all that is ready of this meeting is fetched; Zoom is still at work on the rest");
            }
            (None, Then::RecordIncomplete) => {
                warn_of_the_rest(&work.meeting.uuid);
                self.record(&work.meeting, Status::Downloaded).await;
            }
            (None, Then::Record) => self.record(&work.meeting, Status::Downloaded).await,
        }
        self.take_stock().await;
    }

    /// Records one of the meetings that need nothing else.
    pub(super) async fn record_next(&mut self) {
        if let Some((meeting, status)) = self.complete.pop_front() {
            self.record(&meeting, status).await;
        }
    }

    async fn record(&mut self, meeting: &Meeting, status: Status) {
        let listed = meeting.clone();
        let recorded = self.with_ledger(move |ledger| ledger.record(&listed, status, clock::now())).await;
        match recorded {
            Ok(account) => {
                self.outcome.recorded += 1;
                self.snapshot.recorded += 1;
                let (files, bytes) = (account.files.unwrap_or(0), account.bytes.unwrap_or_default());
                let folder = account.directory;
                tracing::info!(meeting = %meeting.uuid, topic = %meeting.topic, %folder, files, size = %bytes, "the meeting is recorded as {status}");
                let contents =
                    || format!("{files} {}, {bytes}, in {folder}", if files == 1 { "file" } else { "files" });
                let contents = (status == Status::Downloaded).then(contents);
                self.tell_of_recorded(meeting, contents);
                self.wake_publisher();
            }
            Err(error) => self.meeting_failed(meeting, Setback::Elsewhere, chain(&error)).await,
        }
    }

    async fn meeting_failed(&mut self, meeting: &Meeting, setback: Setback, problem: String) {
        let (listed, words) = (meeting.clone(), problem.clone());
        let next = self.with_ledger(move |ledger| ledger.failed(&listed, &words, setback, clock::now())).await;
        self.save_state().await;
        let when = match next {
            Some(at) => format!("next try at {}", at.format("%Y-%m-%d %H:%M UTC")),
            None => "tried again at the next poll".to_owned(),
        };
        if matches!(setback, Setback::PutOff(_)) {
            tracing::warn!(meeting = %meeting.uuid, topic = %meeting.topic, "the meeting waits: {problem}; {when}");
            self.outcome.waiting += 1;
            return;
        }
        tracing::error!(meeting = %meeting.uuid, topic = %meeting.topic, "the meeting is not archived: {problem}; {when}");
        self.tell_of_failed(meeting, &problem, &when);
        self.fail(format!("{}: {problem}", meeting.topic));
    }
}

fn warn_of_the_rest(uuid: &MeetingUuid) {
    tracing::warn!(meeting = %uuid, "Zoom has not finished some files of this meeting in three days; it is recorded with what is there");
}
