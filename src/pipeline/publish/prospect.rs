//! What is to be sent next, of all that is recorded. Everything here blocks on the disk.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::choose::{self, Choice, Known, Patience, Stand};
use crate::archive::entry::FileEntry;
use crate::archive::manifest::Manifest;
use crate::archive::names::MeetingFolder;
use crate::archive::{Archive, Held};
use crate::clock;
use crate::meeting::{FileId, MeetingUuid};
use crate::pipeline::record::{Ledger, RecordError};
use crate::state::{Failed, Uploads, Wait};
use crate::youtube::day;
use crate::youtube::unfinished::{Found, Unfinished, UploadsFolder};

/// YouTube's longest limit, the channel's own, lasts for a day.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(25);
/// A part that failed so often lets the others go before.
const OFTEN: u32 = 3;

/// What is looked for.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) now: DateTime<Utc>,
    /// What is waited for.
    pub(super) patience: Patience,
    /// The one meeting that is looked at, where a person asks for it.
    pub(super) only: Option<MeetingUuid>,
    /// Files that are left alone this time.
    pub(super) put_off: HashSet<FileId>,
    /// YouTube can't be asked for anything: only what is there already is put on record.
    pub(super) is_barred: bool,
    /// The playlist is left alone for now.
    pub(super) leaves_playlist: bool,
    /// Ends it early.
    pub(super) stop: CancellationToken,
}

/// What there is to be sent.
#[derive(Debug, Default)]
pub(super) struct Prospect {
    /// What is to be done now.
    pub(super) job: Option<Job>,
    pub(super) tally: Tally,
    /// Uploads that were begun today, by YouTube's count.
    pub(super) today: u32,
    /// When there may be more to do, though nothing happens until then.
    pub(super) look_again: Option<DateTime<Utc>>,
    /// Why nothing new is begun, where that is a limit.
    pub(super) limit: Option<Wait>,
    /// Files that came after another one of their part was sent, with their names: to be told now.
    pub(super) passed_over: Vec<(MeetingUuid, String)>,
    /// Meetings whose row was made up for.
    pub(super) recorded: Vec<MeetingUuid>,
    /// Unfinished uploads whose meeting is nowhere.
    pub(super) astray: usize,
}

/// Parts that are not on YouTube, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Such as could be sent now.
    pub(super) due: usize,
    /// Meetings that may still change.
    pub(super) settling: usize,
    /// Such as failed, and are tried again later.
    pub(super) later: usize,
    /// Such as wait for a person.
    pub(super) parked: usize,
}

/// An upload to be done, or to be gone on with.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The part, as it was numbered when the upload was begun.
    pub(super) part: u32,
    /// The same, where it is begun anew: a part that came before it has shifted that.
    pub(super) part_anew: u32,
    pub(super) file: FileEntry,
    pub(super) folder: MeetingFolder,
    pub(super) manifest: Manifest,
    /// What is kept of an earlier try.
    pub(super) unfinished: Option<Unfinished>,
    /// Since when what was kept of an earlier try of the meeting is lost.
    pub(super) doubtful_since: Option<DateTime<Utc>>,
    /// YouTube took the video once and didn't say under which id.
    pub(super) is_unclear: bool,
    /// A person who was told to look for it, and to delete it, asks for it: where it isn't found, it is sent anew.
    pub(super) is_asked_anew: bool,
}

impl Job {
    /// The file's path in the archive, by which people know it.
    pub(super) fn label(&self) -> String {
        format!("{}/{}", self.folder, self.file.name)
    }

    pub(super) fn uuid(&self) -> &MeetingUuid {
        &self.manifest.uuid
    }
}

impl Wish {
    /// Whether this is about such a meeting.
    fn is_about(&self, uuid: &MeetingUuid) -> bool {
        self.only.as_ref().is_none_or(|only| only == uuid)
    }

    /// Whether a person, who was told what to do first, asks for a part that YouTube took without saying under which id.
    fn asks_anew(&self, uploads: &Uploads, id: &FileId) -> bool {
        self.patience == Patience::Asked && uploads.parked(id).is_some_and(|parked| parked.is_unclear)
    }
}

impl Prospect {
    fn look_no_later_than(&mut self, at: DateTime<Utc>) {
        self.look_again = Some(self.look_again.map_or(at, |known| known.min(at)));
    }
}

impl Ledger {
    /// What is to be sent next; rows that are missing since a crash are made up for.
    pub(super) fn prospect(&mut self, folder: &UploadsFolder, wish: &Wish) -> Result<Prospect, RecordError> {
        if !self.is_archive_known() {
            return Ok(Prospect::default());
        }
        self.prepare()?;
        if let Some(archive) = &mut self.archive {
            self.agenda.catch_up(archive, &self.tracker);
        }
        let open = match &wish.only {
            Some(only) => vec![only.clone()],
            None => self.agenda.open().cloned().collect(),
        };
        let mut prospect = Prospect { recorded: self.make_up_rows(&open, wish)?, ..Prospect::default() };
        if wish.stop.is_cancelled() {
            return Ok(prospect);
        }
        let found = folder.load()?;
        self.agenda.note_begun(&found.uploads);
        let (due, done) = self.take_stock_of_uploads(&open, wish, &mut prospect);
        (prospect.limit, prospect.today) = (self.upload_limit(wish.now), self.uploads_of_day(wish.now));
        prospect.job = self.unfinished_job(&found, wish, &mut prospect.astray);
        if prospect.job.is_none() && !wish.is_barred {
            if let Some(limit) = &prospect.limit {
                prospect.look_no_later_than(limit.until);
            } else {
                prospect.job = due.into_iter().find_map(|(uuid, id)| self.new_job(&uuid, &id, &found, wish));
            }
        }
        if let Some(job) = prospect.job.as_ref().filter(|_| wish.patience == Patience::Asked) {
            self.state.uploads.forgive(&job.file.id);
            self.is_state_changed = true;
        }
        self.tell_of_passed_over(&open, &mut prospect);
        self.agenda.close(&done);
        Ok(prospect)
    }

    /// What of a meeting is to be on YouTube, in words; empty where nothing needs to be said, or nothing is published.
    #[must_use]
    pub fn publishing_of(&self, manifest: &Manifest, now: DateTime<Utc>) -> String {
        if !self.settings.youtube.enabled {
            return String::new();
        }
        self.choice_of(manifest, now, Patience::Usual).to_string()
    }

    pub(super) fn choice_of<'a>(
        &'a self,
        manifest: &'a Manifest,
        now: DateTime<Utc>,
        patience: Patience,
    ) -> Choice<'a> {
        let (known, zone) = (self.known_of(manifest), self.settings.archive.timezone);
        choose::choose(known, &self.settings.youtube, zone, now, patience)
    }

    pub(super) fn known_of<'a>(&'a self, manifest: &'a Manifest) -> Known<'a> {
        Known {
            manifest,
            account: self.tracker.get(&manifest.uuid),
            is_pending: self.state.pending.contains_key(&manifest.uuid),
            uploads: &self.state.uploads,
            begun: self.agenda.begun(),
        }
    }

    /// Looks at the uploads that were begun, for one who only looks.
    pub(in crate::pipeline) fn look_at_uploads(&mut self) {
        let folder = UploadsFolder::below(&self.settings.state_dir);
        self.agenda.note_begun(&folder.look().unwrap_or_default());
    }

    fn held_of(&self, uuid: &MeetingUuid) -> Option<&Held> {
        self.archive.as_ref()?.held(uuid)
    }

    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        self.archive.iter().flat_map(Archive::iter)
    }

    /// Counts what is not on YouTube; what could be sent now, in the order in which it is, and the meetings of which nothing
    /// ever will be, as they are.
    fn take_stock_of_uploads(
        &self,
        open: &[MeetingUuid],
        wish: &Wish,
        prospect: &mut Prospect,
    ) -> (Vec<(MeetingUuid, FileId)>, Vec<MeetingUuid>) {
        let (mut due, mut done) = (Vec::new(), Vec::new());
        for held in open.iter().filter_map(|uuid| self.held_of(uuid)) {
            let parts = match self.choice_of(&held.manifest, wish.now, wish.patience) {
                Choice::Parts(parts) => parts,
                Choice::Settling(at) => {
                    prospect.tally.settling += 1;
                    prospect.look_no_later_than(at);
                    continue;
                }
                // To a person who asks for it, other things are possible.
                Choice::Nothing | Choice::Done | Choice::TooOld if wish.patience != Patience::Asked => {
                    done.push(held.manifest.uuid.clone());
                    continue;
                }
                _ => continue,
            };
            for part in parts {
                match part.stand {
                    Stand::Due if wish.put_off.contains(&part.best.id) => prospect.tally.later += 1,
                    Stand::Due => {
                        prospect.tally.due += 1;
                        let tries = self.state.uploads.failed(&part.best.id).map_or(0, |failed| failed.tries);
                        let place = (tries >= OFTEN, held.manifest.start_time, &held.manifest.uuid, part.best.part);
                        due.push((place, &part.best.id));
                    }
                    Stand::Later(failed) => {
                        prospect.tally.later += 1;
                        prospect.look_no_later_than(failed.next_try);
                    }
                    Stand::Parked(_) => prospect.tally.parked += 1,
                    Stand::Sent(_) | Stand::Absent => {}
                }
            }
        }
        due.sort_unstable();
        (due.into_iter().map(|((_, _, uuid, _), id)| (uuid.clone(), id.clone())).collect(), done)
    }

    /// The first unfinished upload that can be gone on with: such as have their id come before all others.
    fn unfinished_job(&self, found: &Found, wish: &Wish, astray: &mut usize) -> Option<Job> {
        let mut open = None;
        let is_wanted = |unfinished: &&Unfinished| {
            !wish.put_off.contains(&unfinished.file_id) && wish.is_about(&unfinished.meeting_uuid)
        };
        for unfinished in found.uploads.iter().filter(is_wanted) {
            let (uuid, id) = (&unfinished.meeting_uuid, &unfinished.file_id);
            let held = self.archive.as_ref().and_then(|archive| archive.held(uuid));
            let Some((held, entry)) = held.and_then(|held| Some((held, held.manifest.file(id)?))) else {
                *astray += 1;
                continue;
            };
            let mut unfinished = unfinished.clone();
            // Noted in meeting.json, and a crash came before more than that.
            let noted = held.manifest.youtube.iter().find(|video| video.file_id == *id);
            unfinished.video_id = unfinished.video_id.or_else(|| noted.and_then(|video| video.video_id.parse().ok()));
            let has_id = unfinished.video_id.is_some();
            // Nothing but its place in the playlist is left to do.
            if noted.is_some() && wish.leaves_playlist && self.settings.youtube.playlist.is_some() {
                continue;
            }
            let (known, policy) = (self.known_of(&held.manifest), self.settings.youtube.parts);
            if !has_id && choose::is_superseded(known, policy, wish.now, wish.patience, entry) {
                continue;
            }
            let has_number = |it: &&Unfinished| it.meeting_uuid == *uuid && it.part == entry.part && it.file_id != *id;
            let is_taken = found.uploads.iter().any(|it| has_number(&it));
            let uploads = &self.state.uploads;
            let is_early = |failed: &Failed| clock::is_yet_to_come(failed.next_try, wish.now, LONGEST_WAIT);
            let waits = match wish.patience {
                Patience::Usual => uploads.parked(id).is_some() || uploads.failed(id).is_some_and(is_early),
                Patience::Eager => uploads.parked(id).is_some(),
                Patience::Asked => false,
            };
            let rests = wish.is_barred || waits;
            let job = || Job {
                part: unfinished.part,
                part_anew: if is_taken { unfinished.part } else { entry.part },
                file: entry.clone(),
                folder: held.folder.clone(),
                manifest: held.manifest.clone(),
                doubtful_since: None,
                is_unclear: uploads.is_unclear(id),
                is_asked_anew: wish.asks_anew(uploads, id),
                unfinished: Some(unfinished.clone()),
            };
            if has_id {
                return Some(job());
            }
            if open.is_none() && !rests {
                open = Some(job());
            }
        }
        open
    }

    /// A new upload; none where an unfinished one of another file has its place.
    fn new_job(&self, uuid: &MeetingUuid, id: &FileId, found: &Found, wish: &Wish) -> Option<Job> {
        let held = self.archive.as_ref()?.held(uuid)?;
        let file = held.manifest.file(id)?.clone();
        let part = file.part;
        if found.uploads.iter().any(|it| it.meeting_uuid == *uuid && (it.part == part || it.file_id == *id)) {
            return None;
        }
        Some(Job {
            part,
            part_anew: part,
            file,
            folder: held.folder.clone(),
            manifest: held.manifest.clone(),
            unfinished: None,
            doubtful_since: self.doubt(uuid, id, found),
            is_unclear: self.state.uploads.is_unclear(id),
            is_asked_anew: wish.asks_anew(&self.state.uploads, id),
        })
    }

    /// Since when it isn't known what has become of an earlier try: its file is damaged, or gone though bytes were sent.
    fn doubt(&self, uuid: &MeetingUuid, id: &FileId, found: &Found) -> Option<DateTime<Utc>> {
        let was_begun = self.state.uploads.failed(id).is_some_and(|failed| failed.stored > 0);
        found.doubtful_since(uuid).or(was_begun.then_some(DateTime::UNIX_EPOCH))
    }

    fn tell_of_passed_over(&mut self, open: &[MeetingUuid], prospect: &mut Prospect) {
        let mut told = Vec::new();
        for held in open.iter().filter_map(|uuid| self.held_of(uuid)) {
            for file in choose::passed_over(&held.manifest) {
                if !self.state.uploads.passed_over.contains(&file.id) {
                    told.push(file.id.clone());
                    prospect.passed_over.push((held.manifest.uuid.clone(), format!("{}/{}", held.folder, file.name)));
                }
            }
        }
        self.is_state_changed |= !told.is_empty();
        self.state.uploads.passed_over.extend(told);
    }

    /// Why nothing new is begun, where that is a limit.
    pub(super) fn upload_limit(&self, now: DateTime<Utc>) -> Option<Wait> {
        let uploads = &self.state.uploads;
        let youtubes = uploads.wait.as_ref().filter(|wait| clock::is_yet_to_come(wait.until, now, LONGEST_WAIT));
        let most = self.settings.youtube.daily_uploads;
        let is_full = uploads.day == Some(day::began(now)) && uploads.count >= most;
        let own = is_full.then(|| {
            let why = format!("youtube.daily_uploads = {most} were begun today");
            Wait { until: day::ends(now), why }
        });
        [youtubes.cloned(), own].into_iter().flatten().max_by_key(|wait| wait.until)
    }
}
