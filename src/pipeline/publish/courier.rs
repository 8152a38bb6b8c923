//! One try of one upload: the session of an earlier one is asked first, what may be at YouTube is looked for by its marker,
//! and only then is a new session opened. The order of record is here too.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::books::Uncounted;
use super::problem::Problem;
use super::prospect::Job;
use crate::clock;
use crate::config::Settings;
use crate::disk::{self, DiskError};
use crate::meeting::ByteCount;
use crate::pipeline::record::{Ledger, RecordError};
use crate::youtube::unfinished::{Origin, Unfinished, UploadsFolder};
use crate::youtube::{
    Begin, FileFault, Marker, Metadata, Progress, RecentVideos, SessionAddress, Setback, Uploader, Video, VideoFile,
    VideoId, Youtube, YoutubeError,
};

/// Sessions that one try opens at most.
const MOST_SESSIONS: u32 = 2;
/// "The maximum upload size is 256 GB or 12 hours, whichever is less" ("Upload videos longer than 15 minutes").
const LONGEST_VIDEO: TimeDelta = TimeDelta::hours(12);
/// How much earlier than its session a video may be dated: clocks differ.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::days(1);
/// A video that isn't among the channel's latest by then, after its session was found to be gone, is not there: lists lag behind.
const LISTED_BY_THEN: TimeDelta = TimeDelta::hours(1);
/// How far back a video is looked for whose session's date is lost: a session is good for a week.
const LOST_SESSION: TimeDelta = TimeDelta::days(8);

/// Does uploads.
#[derive(Debug)]
pub(super) struct Courier {
    pub(super) settings: Arc<Settings>,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    pub(super) folder: UploadsFolder,
    pub(super) youtube: Youtube,
    pub(super) uploader: Uploader,
}

/// An upload that has ended with a video, which is on record.
#[derive(Debug)]
pub(in crate::pipeline) struct Delivered {
    pub(super) video: VideoId,
    /// Whether it was there already.
    pub(super) was_there: bool,
    /// Whether all of the meeting is there now.
    pub(super) is_all: bool,
    /// Who may see it, where that is somebody else than was asked for.
    pub(super) strange_privacy: Option<String>,
    /// What became of its place in the playlist.
    pub(super) playlist: Playlisted,
}

/// What became of a video's place in the playlist.
#[derive(Debug)]
pub(in crate::pipeline) enum Playlisted {
    /// There is no playlist.
    NotWanted,
    /// It is in it.
    There,
    /// That is left for later.
    Later,
    /// It is not.
    Failed(YoutubeError),
}

/// A video at YouTube.
struct Found {
    video: VideoId,
    privacy: Option<String>,
    was_there: bool,
}

impl Courier {
    /// Brings a part to YouTube, and puts that on record; then into the playlist, unless that is left alone for now.
    pub(super) async fn deliver(
        &self,
        mut job: Job,
        leaves_playlist: bool,
        progress: Progress,
        stop: CancellationToken,
    ) -> Result<Delivered, Problem> {
        let known = job.unfinished.as_ref().and_then(|unfinished| unfinished.video_id.clone());
        let found = match known {
            Some(video) => Found { video, privacy: None, was_there: true },
            None => self.send(&mut job, &progress, &stop).await?,
        };
        let asked = self.settings.youtube.privacy.name();
        let strange_privacy = found.privacy.filter(|privacy| privacy != asked);
        let (video, now) = (found.video, clock::now());
        if let Some(unfinished) = &mut job.unfinished {
            unfinished.video_id = Some(video.clone());
            self.save(unfinished).await?;
        }
        let (noted, id) = (job.clone(), video.clone());
        let is_all = self.with_ledger(move |ledger| {
            let is_all = ledger.note_video(&noted, &id, now)?;
            ledger.save_state()?;
            Ok::<_, RecordError>(is_all)
        });
        let is_all = is_all.await?;
        let playlist = match &self.settings.youtube.playlist {
            None => Playlisted::NotWanted,
            Some(_) if leaves_playlist => Playlisted::Later,
            Some(playlist) => match self.youtube.add_to_playlist(playlist, &video, &stop).await {
                Ok(()) => Playlisted::There,
                Err(error) => Playlisted::Failed(error),
            },
        };
        if matches!(playlist, Playlisted::NotWanted | Playlisted::There) {
            self.remove(&job).await?;
        }
        Ok(Delivered { video, was_there: found.was_there, is_all, strange_privacy, playlist })
    }

    async fn send(&self, job: &mut Job, progress: &Progress, stop: &CancellationToken) -> Result<Found, Problem> {
        if let Some(unfinished) = job.unfinished.clone() {
            if let Some(found) = self.go_on(job, &unfinished, progress, stop).await? {
                return Ok(found);
            }
            self.remove(job).await?;
            job.unfinished = None;
        } else if job.doubtful_since.is_some() || job.is_unclear {
            let listed_by = job.doubtful_since.map(|since| since + LISTED_BY_THEN);
            let is_early = listed_by.is_some_and(|by| clock::is_yet_to_come(by, clock::now(), LISTED_BY_THEN));
            match self.look_for(job, None, stop).await? {
                Some(found) => return Ok(found),
                None if is_early && !job.is_asked_anew => return Err(Setback::SessionGone.into()),
                None if job.is_unclear && !job.is_asked_anew => return Err(Problem::Unclear),
                None => {}
            }
        }
        let video = self.open(job).await?;
        // It is sent anew; what becomes of that is known, or as unclear as any other.
        job.part = job.part_anew;
        let asked = std::mem::take(&mut job.is_asked_anew);
        job.is_unclear = false;
        if asked {
            tracing::info!(file = %job.label(), "the video is not found among the channel's latest: it is sent anew, for a person asks for it");
        }
        for session in 1.. {
            let (unfinished, address) = self.begin(job, &video, asked, stop).await?;
            job.unfinished = Some(unfinished.clone());
            let sent = self.uploader.send(&address, &video, Begin::Sending, progress, stop).await;
            let is_partial = progress.sent() < video.size();
            if let Some(found) = self.judge(sent, job, &unfinished, is_partial, stop).await? {
                return Ok(found);
            }
            self.remove(job).await?;
            job.unfinished = None;
            if session == MOST_SESSIONS {
                break;
            }
        }
        Err(Setback::SessionGone.into())
    }

    /// Opens the file, if it is the one that was archived.
    async fn open(&self, job: &Job) -> Result<VideoFile, Problem> {
        let path = job.folder.under(&self.settings.archive.directory).join(job.file.name.as_str());
        let there = match disk::blocking(move || VideoFile::open(&path)).await {
            Ok(video) if video.size() == job.file.size.0 => return Ok(video),
            Ok(video) => ByteCount(video.size()),
            // One that was archived as empty is none that could be sent; one that has become so may be mended.
            Err(FileFault::Empty(_)) if job.file.size.0 > 0 => ByteCount(0),
            Err(fault) => return Err(Setback::File(fault).into()),
        };
        Err(Problem::NotAsRecorded { label: job.label(), there, recorded: job.file.size })
    }

    /// Goes on with an earlier upload; `None` where it has surely come to nothing.
    async fn go_on(
        &self,
        job: &Job,
        unfinished: &Unfinished,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Result<Option<Found>, Problem> {
        let Some(session) = unfinished.session(&self.settings.youtube.api_url) else {
            tracing::warn!(file = %job.label(), "the upload that was begun can't be gone on with: the settings name another API");
            return self.judge(Err(Setback::SessionGone), job, unfinished, false, stop).await;
        };
        // The session may have ended with a video, whatever has become of the file and of the settings since.
        let video = self.open(job).await;
        let is_unchanged = video.as_ref().is_ok_and(|video| unfinished.is_of(video));
        let has_privacy = unfinished.privacy.as_deref() == Some(self.settings.youtube.privacy.name());
        let sent = match video {
            Ok(video) if is_unchanged && has_privacy => {
                self.uploader.send(&session, &video, Begin::Asking, progress, stop).await
            }
            video => match self.uploader.look_at(&session, unfinished.size, stop).await {
                Ok(None) => {
                    // A file that is away for a while may be there again: its session is kept.
                    video?;
                    let why = if is_unchanged { "youtube.privacy" } else { "the file" };
                    tracing::warn!(file = %job.label(), "the upload that was begun is given up, for {why} was changed since");
                    return Ok(None);
                }
                Ok(Some(video)) => Ok(video),
                Err(setback) => Err(setback),
            },
        };
        let has_no_video = matches!(sent, Err(Setback::Unknown | Setback::SessionGone)) && !progress.has_begun();
        if job.is_asked_anew && has_no_video {
            // A person says that the video of the earlier run is not there; what this one has sent would be another matter.
            return self.look_for(job, Some(unfinished), stop).await;
        }
        // Of an earlier run nobody knows how much it sent.
        self.judge(sent, job, unfinished, false, stop).await
    }

    /// What follows from the end of an upload, of which surely not all was sent where it `is_partial`; `None` where there is
    /// surely no video.
    async fn judge(
        &self,
        sent: Result<crate::youtube::Uploaded, Setback>,
        job: &Job,
        unfinished: &Unfinished,
        is_partial: bool,
        stop: &CancellationToken,
    ) -> Result<Option<Found>, Problem> {
        let is_unknown = match sent {
            Ok(video) => return Ok(Some(Found { video: video.video_id, privacy: video.privacy, was_there: false })),
            Err(Setback::Unknown) => true,
            Err(Setback::SessionGone) => job.is_unclear,
            Err(setback) => {
                if matches!(setback, Setback::File(FileFault::Changed(_))) {
                    // What was sent is the beginning of no file, and has come to no end.
                    self.remove(job).await?;
                }
                return Err(setback.into());
            }
        };
        match self.look_for(job, Some(unfinished), stop).await? {
            None if is_unknown => Err(Problem::Unclear),
            None if !is_partial && !self.would_be_listed(unfinished).await? => Err(Setback::SessionGone.into()),
            found => Ok(found),
        }
    }

    /// Whether the video of a session that is gone would be listed by now. Until when bytes came in nobody knows: it counts
    /// from when the session was first found to be gone, which is noted.
    async fn would_be_listed(&self, unfinished: &Unfinished) -> Result<bool, Problem> {
        let now = clock::now();
        if let Some(gone_at) = unfinished.gone_at.filter(|gone_at| *gone_at <= now) {
            return Ok(now - gone_at >= LISTED_BY_THEN);
        }
        let mut gone = unfinished.clone();
        gone.gone_at = Some(now);
        self.save(&gone).await?;
        Ok(false)
    }

    /// Looks among the channel's latest videos for the one of this part.
    async fn look_for(
        &self,
        job: &Job,
        unfinished: Option<&Unfinished>,
        stop: &CancellationToken,
    ) -> Result<Option<Found>, Problem> {
        let now = clock::now();
        // By a clock that was ahead, nothing is known of when it was opened.
        let opened_at = unfinished.map(|unfinished| unfinished.opened_at).filter(|opened_at| *opened_at <= now);
        let since = opened_at.map_or(now - LOST_SESSION, |opened_at| opened_at - CLOCKS_DIFFER);
        let looked = async {
            let channel = self.youtube.channel(stop).await?;
            self.youtube.recent_videos(&channel, since, stop).await
        };
        let RecentVideos { videos, is_complete } = looked.await.map_err(|error| Setback::of(error, 0, now))?;
        let on_record = self.with_ledger(|ledger| ledger.known_videos()).await;
        let size = unfinished.map_or(job.file.size.0, |unfinished| unfinished.size);
        let (marker, title) = (Marker::of(job.uuid(), job.part), self.metadata(job).title);
        let is_it = |video: &&Video| is_of(video, &marker, &title, size) && !on_record.contains(video.id.as_str());
        if let Some(video) = videos.iter().find(is_it) {
            tracing::info!(file = %job.label(), video = %video.id, "the video is found among the channel's latest: it is not sent again");
            return Ok(Some(Found { video: video.id.clone(), privacy: video.privacy.clone(), was_there: true }));
        }
        // Whether it is among those that were not looked at, nobody knows.
        if is_complete || job.is_asked_anew { Ok(None) } else { Err(Problem::Unclear) }
    }

    /// Opens a session, which is counted before and kept before the first byte.
    async fn begin(
        &self,
        job: &Job,
        video: &VideoFile,
        is_asked_anew: bool,
        stop: &CancellationToken,
    ) -> Result<(Unfinished, SessionAddress), Problem> {
        // How long the meeting was says little of the file: only the file's own times count.
        let span = job.file.recording_start.zip(job.file.recording_end).map(|(start, end)| end - start);
        if let Some(length) = span.filter(|span| *span > LONGEST_VIDEO) {
            return Err(Problem::TooLong { label: job.label(), length });
        }
        let now = clock::now();
        let asked = is_asked_anew.then(|| job.file.id.clone());
        let counted = self.with_ledger(move |ledger| ledger.count_upload(asked.as_ref(), now)).await;
        counted.map_err(|uncounted| match uncounted {
            Uncounted::DayIsFull(until) => Problem::DayIsFull(until),
            Uncounted::Record(error) => error.into(),
        })?;
        let tells = self.settings.youtube.notify_subscribers;
        let address = self.uploader.open(&self.metadata(job), tells, video, stop).await?;
        let origin = Origin {
            meeting_uuid: job.uuid().clone(),
            part: job.part,
            file_id: job.file.id.clone(),
            folder: job.folder.clone(),
            file_name: job.file.name.clone(),
        };
        let mut unfinished = Unfinished::new(origin, video, &address, now);
        unfinished.privacy = Some(self.settings.youtube.privacy.name().to_owned());
        self.save(&unfinished).await?;
        Ok((unfinished, address))
    }

    pub(super) fn metadata(&self, job: &Job) -> Metadata {
        Metadata::of_file(&self.settings.youtube, self.settings.archive.timezone, &job.manifest, &job.file, job.part)
    }

    async fn save(&self, unfinished: &Unfinished) -> Result<(), DiskError> {
        let (folder, unfinished) = (self.folder.clone(), unfinished.clone());
        disk::blocking(move || folder.save(&unfinished)).await
    }

    async fn remove(&self, job: &Job) -> Result<(), DiskError> {
        let (folder, uuid, part) = (self.folder.clone(), job.uuid().clone(), job.part);
        disk::blocking(move || folder.remove(&uuid, part)).await
    }

    async fn with_ledger<T: Send + 'static>(&self, act: impl FnOnce(&mut Ledger) -> T + Send + 'static) -> T {
        let ledger = Arc::clone(&self.ledger);
        disk::blocking(move || act(&mut ledger.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

/// Whether a video is the one of a part: by its tag, unless it was made of a file of another size; else by title and
/// size, where it is known to be no other part's.
fn is_of(video: &Video, marker: &Marker, title: &str, size: u64) -> bool {
    let has_size = video.file_size.map(|known| known.0 == size);
    if marker.is_in(&video.tags) {
        has_size != Some(false)
    } else {
        has_size == Some(true) && video.title == title && !Marker::is_any_in(&video.tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::youtube::Processing;

    #[test]
    fn y6_a_title_tells_nothing_of_a_video_that_has_another_parts_tag() {
        let uuid = "a==".parse().unwrap();
        let marker = Marker::of(&uuid, 1);
        let is_it = |tags: &[&str]| {
            let video = Video {
                id: "dQw4w9WgXcQ".parse().unwrap(),
                processing: Processing::Done,
                privacy: None,
                title: "Class".to_owned(),
                tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
                file_name: None,
                file_size: Some(ByteCount(5)),
            };
            is_of(&video, &marker, "Class", 5)
        };
        assert!(is_it(&["zoom"]) && is_it(&[marker.as_str()]));
        assert!(!is_it(&[Marker::of(&uuid, 2).as_str()]));
    }
}
