//! What has become of the videos that YouTube has: it takes its time to process them, and may refuse one after all.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinError;

use crate::chain::chain;
use crate::clock;
use crate::config::NotifyEvent;
use crate::pipeline::Pipeline;
use crate::pipeline::record::{Ledger, RecordError};
use crate::trouble::Trouble;
use crate::youtube::{Processing, Video, VideoId, YoutubeError};

/// A video that YouTube doesn't show so long after it came is gone.
const SHOWN_BY_THEN: TimeDelta = TimeDelta::days(1);

/// What was asked for, and the answer.
#[derive(Debug)]
pub(in crate::pipeline) struct Checked {
    ids: Vec<VideoId>,
    answer: Result<Vec<Video>, YoutubeError>,
}

impl Pipeline {
    /// Asks about the videos that are not processed yet.
    pub(in crate::pipeline) async fn check_videos(&mut self) {
        let can_ask = self.publisher.as_ref().is_some_and(|it| it.checks.is_empty() && it.barrier.is_none());
        if !can_ask || self.stop.is_cancelled() {
            return;
        }
        let ids = self.with_ledger(|ledger| ledger.unprocessed_videos()).await;
        let Some(publisher) = &mut self.publisher else { return };
        if !ids.is_empty() {
            let (youtube, stop) = (publisher.courier.youtube.clone(), self.stop.clone());
            publisher.checks.spawn(async move {
                let answer = youtube.videos(&ids, &stop).await;
                Checked { ids, answer }
            });
        }
    }

    /// Notes what has become of them.
    pub(in crate::pipeline) async fn videos_checked(&mut self, checked: Result<Checked, JoinError>) {
        let Ok(Checked { ids, answer }) = checked else {
            return tracing::error!("a bug in the question about videos; the log has the panic");
        };
        let videos = match answer {
            Ok(videos) => videos,
            Err(error) => return self.videos_not_shown(error).await,
        };
        let now = clock::now();
        match self.with_ledger(move |ledger| ledger.note_processing(&ids, &videos, now)).await {
            Ok(lost) => {
                for (video, words) in lost {
                    tracing::error!(%video, "YouTube has the video, but nobody can watch it: {words}");
                    let words = format!("the video {video} can't be watched: {words}");
                    self.tell(
                        NotifyEvent::Failed,
                        || words.clone(),
                        Some(format!("https://studio.youtube.com/video/{video}/edit")),
                    );
                    self.fail(words);
                }
            }
            Err(error) => tracing::error!("what has become of videos can't be put on record: {}", chain(&error)),
        }
        self.save_state().await;
    }
}

impl Pipeline {
    /// What keeps YouTube from saying what has become of videos would keep it from taking others.
    async fn videos_not_shown(&mut self, error: YoutubeError) {
        if error.needs_person() {
            return self.barred(None, error, clock::now()).await;
        }
        tracing::debug!("what has become of videos is asked again later: {}", chain(&error));
    }
}

impl Ledger {
    /// The videos of which it isn't known what has become of them.
    pub(in crate::pipeline) fn unprocessed_videos(&self) -> Vec<VideoId> {
        let held = self.held();
        let open = held.flat_map(|held| &held.manifest.youtube).filter(|video| !video.processed);
        let ids = open.map(|video| video.video_id.as_str()).filter(|id| !self.state.uploads.lost.contains_key(*id));
        ids.filter_map(|id| id.parse().ok()).collect()
    }

    /// Notes which are processed, and which never will be: these are told with the reason.
    pub(in crate::pipeline) fn note_processing(
        &mut self,
        asked: &[VideoId],
        shown: &[Video],
        now: DateTime<Utc>,
    ) -> Result<Vec<(VideoId, String)>, RecordError> {
        let is_done = |video: &&Video| video.processing == Processing::Done;
        let done: HashSet<&str> = shown.iter().filter(is_done).map(|video| video.id.as_str()).collect();
        let mut changed = Vec::new();
        let mut hidden = Vec::new();
        for held in self.held() {
            for video in held.manifest.youtube.iter().filter(|video| !video.processed) {
                if done.contains(video.video_id.as_str()) {
                    changed.push(held.manifest.uuid.clone());
                } else if now - video.uploaded_at > SHOWN_BY_THEN {
                    hidden.push(video.video_id.clone());
                }
            }
        }
        changed.dedup();
        for uuid in changed {
            let archive = self.opened()?;
            archive.change(&uuid, |manifest| {
                for video in manifest.youtube.iter_mut().filter(|video| done.contains(video.video_id.as_str())) {
                    video.processed = true;
                }
            });
            archive.write(&uuid)?;
        }
        let mut lost = Vec::new();
        for id in asked {
            let words = match shown.iter().find(|video| video.id == *id) {
                Some(video) => words_of(&video.processing),
                None => {
                    hidden.iter().any(|hidden| hidden == id.as_str()).then(|| "it is not there any more".to_owned())
                }
            };
            lost.extend(words.map(|words| (id.clone(), words)));
        }
        let told = lost.iter().map(|(id, words)| (id.as_str().to_owned(), words.clone()));
        self.is_state_changed |= !lost.is_empty();
        self.state.uploads.lost.extend(told);
        Ok(lost)
    }
}

/// Why a video is never processed; `None` where it is, or may be.
pub(in crate::pipeline) fn words_of(processing: &Processing) -> Option<String> {
    match processing {
        Processing::Going | Processing::Done => None,
        Processing::Deleted => Some("it was deleted".to_owned()),
        Processing::Failed(reason) => Some(format!("YouTube could not process it ({reason})")),
        Processing::Rejected(reason) => {
            let remedy = Trouble::of_youtubes_rejection(reason).map(|trouble| format!("; {}", trouble.remedy()));
            Some(format!("YouTube rejected it ({reason}){}", remedy.unwrap_or_default()))
        }
    }
}
