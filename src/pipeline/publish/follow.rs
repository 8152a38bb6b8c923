//! What follows from the end of an upload: a video on record, another try at its time, or a state that is said once.

use std::collections::hash_map::Entry;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinError;

use super::books::FailedUpload;
use super::courier::{Delivered, Playlisted};
use super::problem::Problem;
use super::prospect::Job;
use super::{ALIKE, Barrier, ENOUGH, LOOK_AGAIN, PLAYLIST_AGAIN, Pipeline, UploadFlight, stamp_of};
use crate::chain::chain;
use crate::clock;
use crate::pipeline::notices::named;
use crate::state::{Subject, Wait};
use crate::youtube::{Setback, VideoId, YoutubeError};

/// The first pause after an upload that broke off; each one is twice as long as the one before.
const FIRST_PAUSE: TimeDelta = TimeDelta::minutes(1);
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(60);
/// When a video is looked for again that may not be listed yet.
const LISTED_LATER: TimeDelta = TimeDelta::minutes(15);
/// So often and so long a video is looked for at least that YouTube took without saying under which id: new ones may take a
/// while to be listed.
const LOOKED_OFTEN_ENOUGH: u32 = 5;
const LOOKED_LONG_ENOUGH: TimeDelta = TimeDelta::hours(1);

/// The pause after so many failures in a row.
fn pause(failures: u32) -> TimeDelta {
    (FIRST_PAUSE * 2i32.pow(failures.saturating_sub(1).min(6))).min(LONGEST_PAUSE)
}

impl Pipeline {
    /// An upload has ended, one way or the other.
    pub(in crate::pipeline) async fn upload_ended(&mut self, ended: Result<Result<Delivered, Problem>, JoinError>) {
        let Some(publisher) = &mut self.publisher else { return };
        let Some(flight) = publisher.flight.take() else { return };
        publisher.wake();
        match ended.unwrap_or(Err(Problem::Crashed)) {
            Ok(delivered) => self.delivered(&flight, delivered).await,
            Err(problem) => self.upload_failed(&flight, problem).await,
        }
        self.save_state().await;
    }

    async fn delivered(&mut self, flight: &UploadFlight, delivered: Delivered) {
        let (job, now) = (&flight.job, clock::now());
        self.tell_of_video(flight, &delivered);
        // A video whose id was known is put on record without asking YouTube.
        let was_known = job.unfinished.as_ref().is_some_and(|unfinished| unfinished.video_id.is_some());
        let has_answered = !was_known || matches!(delivered.playlist, Playlisted::There);
        if let Some(publisher) = self.publisher.as_mut().filter(|_| has_answered) {
            (publisher.setbacks, publisher.hold_until, publisher.barred_by) = (0, None, None);
            publisher.refused_alike = (String::new(), 0);
            self.outcome.youtube_unauthorized = None;
        }
        self.tell_of_sent(job, &delivered, has_answered);
        let Some(publisher) = &mut self.publisher else { return };
        match delivered.playlist {
            Playlisted::NotWanted | Playlisted::Later => {}
            Playlisted::There => (publisher.playlist_told, publisher.playlist_hold) = (None, None),
            Playlisted::Failed(error) => self.not_in_playlist(job, &delivered.video, error, now).await,
        }
    }

    /// Its file in `uploads/` stays: the video is put into the playlist by a later look, over restarts too.
    async fn not_in_playlist(&mut self, job: &Job, video: &VideoId, error: YoutubeError, now: DateTime<Utc>) {
        let Some(publisher) = &mut self.publisher else { return };
        publisher.put_off.insert(job.file.id.clone(), now + PLAYLIST_AGAIN);
        let limit = error.limited_until(now);
        publisher.playlist_hold = Some(limit.unwrap_or(now + LOOK_AGAIN));
        if error.is_stopping() {
            return;
        }
        if error.needs_person() {
            return self.barred(None, error, now).await;
        }
        let words = with_remedy(&error);
        if publisher.playlist_told.replace(words.clone()).as_ref() != Some(&words) {
            tracing::error!(%video, "the video is not in the playlist yet, which is tried again within hours: {words}");
        }
        if limit.is_none() {
            self.fail(format!("{}: the video is not in the playlist: {words}", job.manifest.topic));
        }
    }

    async fn upload_failed(&mut self, flight: &UploadFlight, problem: Problem) {
        let (job, now) = (&flight.job, clock::now());
        if problem.is_final() {
            return self.park(job, &problem, now).await;
        }
        match problem {
            Problem::Setback(Setback::Stopping) => {
                tracing::info!(file = %job.label(), bytes = flight.progress.sent(), "the upload is interrupted; it goes on after the next start");
            }
            Problem::Setback(Setback::Limited { until, source }) => self.limited(job, until, &source, now).await,
            Problem::Setback(Setback::NeedsPerson(error)) => self.barred(Some(job), error, now).await,
            Problem::Setback(Setback::SessionGone) => self.may_be_listed_later(job, now).await,
            // It was said that nothing more is begun today.
            Problem::DayIsFull(_) => {}
            Problem::Setback(Setback::Interrupted { at, not_before, .. }) => {
                let failed = FailedUpload { stored: at, not_before, ..FailedUpload::default() };
                self.broke_off(job, failed, &problem, now).await;
            }
            Problem::Unclear => {
                let failed = FailedUpload { is_unclear: true, ..FailedUpload::default() };
                self.broke_off(job, failed, &problem, now).await;
            }
            _ => self.broke_off(job, FailedUpload::default(), &problem, now).await,
        }
    }

    /// Nothing has failed: whether there is a video shows once it would be listed.
    async fn may_be_listed_later(&mut self, job: &Job, now: DateTime<Utc>) {
        let next_try = now + LISTED_LATER;
        let problem = "YouTube no longer knows the upload; its video may be there and not listed yet".to_owned();
        let failed = FailedUpload { problem, not_before: Some(next_try), is_limit: true, ..FailedUpload::default() };
        let copy = job.clone();
        self.with_ledger(move |ledger| ledger.upload_failed(&copy, &failed, now, |_| TimeDelta::zero())).await;
        tracing::info!(
            file = %job.label(),
            "YouTube no longer knows the upload, and its video may be there and not listed yet: it is looked for again at {}, and \
             sent anew once it would be listed",
            next_try.format("%Y-%m-%d %H:%M UTC")
        );
        if let Some(publisher) = &mut self.publisher {
            publisher.put_off.insert(job.file.id.clone(), next_try);
        }
    }

    /// It is tried again after a pause, which the others keep too: what broke off one upload would break off the next.
    async fn broke_off(&mut self, job: &Job, failed: FailedUpload, problem: &Problem, now: DateTime<Utc>) {
        let words = problem.words();
        let (copy, setback) = (job.clone(), FailedUpload { problem: words.clone(), ..failed });
        let (is_unclear, not_before) = (setback.is_unclear, setback.not_before);
        let (failed, is_new) = self.with_ledger(move |ledger| ledger.upload_failed(&copy, &setback, now, pause)).await;
        let is_old = failed.unclear_since.is_some_and(|since| now - since >= LOOKED_LONG_ENOUGH);
        if is_unclear && is_old && failed.tries >= LOOKED_OFTEN_ENOUGH {
            return self.park(job, problem, now).await;
        }
        let Some(publisher) = &mut self.publisher else { return };
        // What is wrong with a file of this machine keeps no other from being sent.
        let is_shared = !problem.is_local();
        publisher.setbacks += u32::from(is_shared);
        let next = match publisher.by_hand {
            // It is said at the end what follows.
            Some(_) => String::new(),
            None => format!("; next try at {}", failed.next_try.format("%Y-%m-%d %H:%M UTC")),
        };
        if is_new || failed.tries == 1 {
            tracing::error!(file = %job.label(), meeting = %job.uuid(), "the upload failed: {words}{next}");
        } else {
            tracing::debug!(file = %job.label(), meeting = %job.uuid(), "the upload failed again: {words}{next}");
        }
        publisher.put_off.insert(job.file.id.clone(), failed.next_try);
        if is_shared && self.eager {
            if not_before.is_some_and(|time| time > now + FIRST_PAUSE) && publisher.setbacks < ENOUGH {
                publisher.setbacks = ENOUGH;
                tracing::warn!("YouTube asks to be left alone for a while; the others are left to the next run");
            } else if publisher.setbacks == ENOUGH {
                tracing::warn!("{ENOUGH} uploads in a row broke off; the others are left to the next run");
            }
        } else if is_shared {
            publisher.hold_until = not_before.max(Some(now + pause(publisher.setbacks)));
        }
        self.tell_failure(&Subject::Video(job.file.id.clone()), || not_sent(job, &words));
        self.fail(format!("{}: the upload failed: {words}", job.manifest.topic));
    }

    /// It is not tried again until somebody asks for it.
    async fn park(&mut self, job: &Job, problem: &Problem, now: DateTime<Utc>) {
        let words = problem.words_at_last(job.is_unclear);
        let is_unclear = job.is_unclear || matches!(problem, Problem::Unclear);
        tracing::error!(
            file = %job.label(),
            meeting = %job.uuid(),
            "the video is not on YouTube, and is not sent again until you ask for it, by `zoom-archiver publish`: {words}"
        );
        let (copy, reason) = (job.clone(), words.clone());
        self.with_ledger(move |ledger| ledger.park(&copy, reason, is_unclear, now)).await;
        if let Some(publisher) = self.publisher.as_mut().filter(|publisher| publisher.by_hand.is_some()) {
            // A person has asked once.
            publisher.put_off.insert(job.file.id.clone(), DateTime::<Utc>::MAX_UTC);
        }
        self.tell_failure_at_once(&Subject::Video(job.file.id.clone()), || not_sent(job, &words));
        self.fail(format!("{}: not on YouTube: {words}", job.manifest.topic));
        if matches!(problem, Problem::Setback(Setback::Refused(_))) {
            self.refused_alike(&words, now).await;
        }
    }

    /// A limit is no failure: nothing is begun until its time has come.
    async fn limited(&mut self, job: &Job, until: DateTime<Utc>, source: &YoutubeError, now: DateTime<Utc>) {
        let (copy, why) = (job.clone(), chain(source));
        let is_new = self.with_ledger(move |ledger| {
            if copy.unfinished.is_some() || ledger.state.uploads.failed(&copy.file.id).is_some() {
                let failed = FailedUpload {
                    problem: why.clone(),
                    not_before: Some(until),
                    is_limit: true,
                    ..FailedUpload::default()
                };
                ledger.upload_failed(&copy, &failed, now, |_| TimeDelta::zero());
            }
            ledger.limit_uploads(Wait { until, why })
        });
        if is_new.await {
            tracing::warn!("YouTube takes no more videos for now: {}", chain(source));
        }
        // A session that was open may meet the same limit even where everything is tried at once.
        if let Some(publisher) = &mut self.publisher
            && let Entry::Vacant(place) = publisher.put_off.entry(job.file.id.clone())
        {
            place.insert(until);
        }
    }

    /// No video is sent until a person acts; all else goes on. The upload that met it lets others go before when it is over.
    pub(super) async fn barred(&mut self, job: Option<&Job>, error: YoutubeError, now: DateTime<Utc>) {
        let words = with_remedy(&error);
        // Not where there is no token: with a new one, all of them can go on.
        let is_its_own = !matches!(error, YoutubeError::Token(_));
        if let Some(job) = job.filter(|job| is_its_own && job.unfinished.is_some()).cloned() {
            let failed = FailedUpload { problem: words.clone(), is_limit: true, ..FailedUpload::default() };
            self.with_ledger(move |ledger| ledger.upload_failed(&job, &failed, now, |_| LOOK_AGAIN)).await;
        }
        self.bar(words.clone(), now).await;
        if error.needs_authorization() {
            self.tell_of_authorization(&Subject::YoutubeAuthorization, || {
                format!("nothing is sent to YouTube: {words}")
            });
            self.outcome.youtube_unauthorized = Some(error);
        } else {
            self.tell_failure_at_once(&Subject::Publishing, || format!("nothing is sent to YouTube: {words}"));
            self.fail(format!("nothing is sent to YouTube: {words}"));
        }
    }

    async fn bar(&mut self, words: String, now: DateTime<Utc>) {
        let Some(publisher) = &mut self.publisher else { return };
        let token = stamp_of(publisher.courier.settings.youtube.token_file.clone()).await;
        if publisher.barred_by.replace(words.clone()).as_ref() != Some(&words) {
            tracing::error!("nothing is sent to YouTube: {words}");
        }
        publisher.barrier = Some(Barrier { words, token, look_at: now + LOOK_AGAIN });
    }

    /// Where one video after the other is refused alike, it is the settings: the others wait until a person has looked.
    async fn refused_alike(&mut self, words: &str, now: DateTime<Utc>) {
        let Some(publisher) = &mut self.publisher else { return };
        let (last, times) = &mut publisher.refused_alike;
        if last != words {
            (*last, *times) = (words.to_owned(), 0);
        }
        *times += 1;
        if *times >= ALIKE {
            let words = format!("{ALIKE} videos in a row were refused alike, so that the others wait: {words}");
            self.bar(words.clone(), now).await;
            self.tell_failure_at_once(&Subject::Publishing, || format!("nothing is sent to YouTube: {words}"));
        }
    }
}

/// An error in words, with what a person can do about it.
fn with_remedy(error: &YoutubeError) -> String {
    error.remedy().map_or_else(|| chain(error), |remedy| format!("{}; {remedy}", chain(error)))
}

fn not_sent(job: &Job, words: &str) -> String {
    format!("{} is not on YouTube: {words}", named(&job.manifest.topic, job.manifest.start_time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        let minutes = [1, 2, 3, 4, 5, 6, 7, 8, 100].map(|failures| pause(failures).num_minutes());
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }
}
