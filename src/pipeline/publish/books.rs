//! The account of uploads: what is noted of each, before and after. Everything here blocks on the disk.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::choose::{self, Choice, Patience};
use super::prospect::{Job, Wish};
use crate::archive::manifest::Published;
use crate::archive::tracker::{Account, Status};
use crate::meeting::{FileId, MeetingUuid};
use crate::pipeline::record::{Ledger, RecordError};
use crate::state::{Failed, Parked, Wait};
use crate::youtube::{VideoId, day};

/// So many more bytes at YouTube, and an upload has made progress.
const PROGRESS: u64 = 1 << 20;

/// Why a session can't be opened.
#[derive(Debug)]
pub(super) enum Uncounted {
    /// The day's uploads are used up until then.
    DayIsFull(DateTime<Utc>),
    /// The count can't be kept.
    Record(RecordError),
}

impl Ledger {
    /// How many uploads were begun on the day of `now`.
    pub(super) fn uploads_of_day(&self, now: DateTime<Utc>) -> u32 {
        let uploads = &self.state.uploads;
        if uploads.day == Some(day::began(now)) { uploads.count } else { 0 }
    }

    /// Counts an upload of a file, durably, before its session is opened. Of a file that is sent at a person's wish, what was
    /// known of an earlier video counts no more.
    pub(super) fn count_upload(&mut self, asked: Option<&FileId>, now: DateTime<Utc>) -> Result<(), Uncounted> {
        let count = self.uploads_of_day(now);
        if count >= self.settings.youtube.daily_uploads {
            return Err(Uncounted::DayIsFull(day::ends(now)));
        }
        self.state.uploads.day = Some(day::began(now));
        self.state.uploads.count = count + 1;
        if let Some(id) = asked {
            self.state.uploads.forget(id);
        }
        self.save_state().map_err(|error| Uncounted::Record(error.into()))
    }

    /// Notes a video in `meeting.json`, then in the tracker, once all is there that is wanted; each durable before the next.
    /// Whether that is so. Done again, it changes nothing.
    pub(super) fn note_video(
        &mut self,
        job: &Job,
        video: &VideoId,
        uploaded_at: DateTime<Utc>,
    ) -> Result<bool, RecordError> {
        self.prepare()?;
        let uuid = job.uuid();
        let held = self.archive.as_ref().and_then(|archive| archive.held(uuid)).zip(self.tracker.get(uuid));
        let tracked = held.map(|(held, account)| choose::only_tracked(&held.manifest, account, uploaded_at));
        let archive = self.opened()?;
        archive.change(uuid, |manifest| {
            // Before there is anything in it, else what only the tracker knows would be taken for outranked.
            let is_new = |video: &Published| manifest.youtube.iter().all(|known| known.file_id != video.file_id);
            let tracked: Vec<_> = tracked.into_iter().flatten().filter(is_new).collect();
            manifest.youtube.extend(tracked);
            if manifest.youtube.iter().all(|known| known.file_id != job.file.id) {
                let part = manifest.file(&job.file.id).map_or(job.part, |file| file.part);
                manifest.youtube.push(Published {
                    part,
                    file_id: job.file.id.clone(),
                    video_id: video.as_str().to_owned(),
                    uploaded_at,
                    processed: false,
                });
            }
        });
        archive.write(uuid)?;
        self.state.uploads.forget(&job.file.id);
        self.is_state_changed = true;
        self.make_up_row(uuid, uploaded_at)
    }

    /// Appends the rows `uploaded` that a crash, or a change of the settings, has left out: maybe many, each synced.
    pub(super) fn make_up_rows(&mut self, open: &[MeetingUuid], wish: &Wish) -> Result<Vec<MeetingUuid>, RecordError> {
        let mut made_up = Vec::new();
        for uuid in open.iter().take_while(|_| !wish.stop.is_cancelled()) {
            if self.make_up_row(uuid, wish.now)? {
                made_up.push(uuid.clone());
            }
        }
        Ok(made_up)
    }

    /// Appends a meeting's row `uploaded` where that is due; whether it was. So it is too where more was sent since the last
    /// one, because other parts are wanted by now.
    fn make_up_row(&mut self, uuid: &MeetingUuid, now: DateTime<Utc>) -> Result<bool, RecordError> {
        let Some(held) = self.archive.as_ref().and_then(|archive| archive.held(uuid)) else { return Ok(false) };
        let Some(account) = self.tracker.get(uuid) else { return Ok(false) };
        let status = match account.status {
            Some(Status::Downloaded) => Status::Uploaded,
            Some(status @ (Status::Uploaded | Status::Cleaned)) => status,
            Some(Status::Empty) | None => return Ok(false),
        };
        let manifest = &held.manifest;
        let videos = choose::videos_of(manifest, Some(account));
        let is_in_it =
            |(place, video): (usize, &Option<String>)| account.youtube_ids.get(place).unwrap_or(&None) == video;
        if account.status == Some(status) && (!self.tracker.has_videos() || videos.iter().enumerate().all(is_in_it)) {
            return Ok(false);
        }
        if self.choice_of(manifest, now, Patience::Usual) != Choice::Done {
            return Ok(false);
        }
        let mut news = Account::new(uuid.clone());
        news.best_files = manifest.best_files().map(|file| file.name.as_str().to_owned()).collect();
        news.youtube_ids = videos;
        news.file_ids.clone_from(&account.file_ids);
        self.tracker.append(now, status, &news)?;
        Ok(true)
    }

    /// The ids of all videos that are on record, in a `meeting.json` or the tracker.
    pub(super) fn known_videos(&self) -> HashSet<String> {
        let videos = self.held().flat_map(|held| &held.manifest.youtube).map(|video| &video.video_id);
        let tracked = self.tracker.accounts().flat_map(|account| {
            let named = account.videos.iter().map(|(_, video)| video);
            account.youtube_ids.iter().flatten().chain(named)
        });
        videos.chain(tracked).cloned().collect()
    }

    /// Notes that a part is not sent again until somebody asks for it.
    pub(super) fn park(&mut self, job: &Job, reason: String, is_unclear: bool, now: DateTime<Utc>) {
        let uploads = &mut self.state.uploads;
        uploads.forget(&job.file.id);
        let parked = Parked {
            uuid: job.uuid().clone(),
            part: job.part,
            file_id: job.file.id.clone(),
            reason,
            is_unclear,
            at: now,
        };
        uploads.parked.insert(job.file.id.clone(), parked);
        self.is_state_changed = true;
    }

    /// Notes that a part failed. How often in a row it has, without progress; and whether the problem is another one than last
    /// time. `pause` says how long it rests after so many tries.
    pub(super) fn upload_failed(
        &mut self,
        job: &Job,
        setback: &FailedUpload,
        now: DateTime<Utc>,
        pause: impl FnOnce(u32) -> TimeDelta,
    ) -> (Failed, bool) {
        let uploads = &mut self.state.uploads;
        let known = uploads.failed.remove(&job.file.id);
        let has_progressed = known.as_ref().is_some_and(|it| setback.stored >= it.stored.saturating_add(PROGRESS));
        let tries = match &known {
            _ if setback.is_limit => known.as_ref().map_or(0, |known| known.tries),
            Some(known) if !has_progressed => known.tries.saturating_add(1),
            _ => 1,
        };
        let failed = Failed {
            uuid: job.uuid().clone(),
            file_id: job.file.id.clone(),
            tries,
            stored: setback.stored,
            unclear_since: known
                .as_ref()
                .and_then(|known| known.unclear_since)
                .filter(|since| *since <= now)
                .or(setback.is_unclear.then_some(now)),
            is_unclear: setback.is_unclear || known.as_ref().is_some_and(|known| known.is_unclear),
            next_try: setback.not_before.unwrap_or(now).max(now + pause(tries)),
            problem: setback.problem.clone(),
        };
        let is_new = known.is_none_or(|known| known.problem != failed.problem);
        uploads.failed.insert(job.file.id.clone(), failed.clone());
        self.is_state_changed = true;
        (failed, is_new)
    }

    /// Notes a limit of YouTube's; whether that wasn't known.
    pub(super) fn limit_uploads(&mut self, wait: Wait) -> bool {
        let is_new = self.state.uploads.wait.as_ref().is_none_or(|known| known.until < wait.until);
        self.is_state_changed = true;
        self.state.uploads.wait = Some(wait);
        is_new
    }
}

/// How an upload failed.
#[derive(Clone, Debug, Default)]
pub(super) struct FailedUpload {
    /// In words.
    pub(super) problem: String,
    /// How many bytes YouTube has, as far as that is known.
    pub(super) stored: u64,
    /// Not to be tried again before.
    pub(super) not_before: Option<DateTime<Utc>>,
    /// YouTube took the video and didn't say under which id.
    pub(super) is_unclear: bool,
    /// It is the day's limit: nothing has failed.
    pub(super) is_limit: bool,
}
