//! What is told of uploads: in the log, and on the board.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::courier::{Courier, Delivered};
use super::prospect::{Job, Prospect, Tally};
use super::{Pipeline, UploadFlight};
use crate::config::NotifyEvent;
use crate::meeting::{FileId, MeetingUuid};
use crate::pipeline::board::rate;
use crate::pipeline::notices::named;
use crate::state::Subject;
use crate::youtube::{Progress, watch_address};

/// Uploads, for whoever looks at the service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadsShown {
    /// The one under way, as it was when this was written.
    #[serde(default)]
    pub in_flight: Option<UploadShown>,
    /// Parts that could be sent now, or are tried again at their time.
    pub waiting: usize,
    /// Meetings whose files may still change.
    pub settling: usize,
    /// Parts that wait for a person.
    pub parked: usize,
    /// Uploads begun since midnight Pacific time.
    pub today: u32,
    /// Until when nothing new is begun, where a limit is reached.
    pub waits_until: Option<DateTime<Utc>>,
    /// Whether nothing is sent until a person acts.
    pub needs_person: bool,
    /// What keeps all of it from going on, in words.
    pub why: Option<String>,
}

/// An upload under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadShown {
    /// The meeting.
    pub meeting: MeetingUuid,
    /// The file.
    pub file: FileId,
    /// Its path in the archive.
    pub name: String,
    /// How many bytes of it are on their way or there.
    pub bytes: u64,
    /// How many it has.
    pub total: u64,
}

/// The upload under way, as it goes on.
#[derive(Clone, Debug)]
pub struct Uploading {
    meeting: MeetingUuid,
    file: FileId,
    /// Its path in the archive.
    pub name: String,
    /// How many bytes it has.
    pub total: u64,
    /// How many of them are on their way or there.
    pub progress: Progress,
}

impl Uploading {
    /// As it is at this moment.
    #[must_use]
    pub fn shown(&self) -> UploadShown {
        let Self { meeting, file, name, total, progress } = self;
        let (meeting, file, name) = (meeting.clone(), file.clone(), name.clone());
        UploadShown { meeting, file, name, bytes: progress.sent(), total: *total }
    }
}

/// Says that an upload begins, or goes on.
pub(super) fn of_start(courier: &Courier, job: &Job) {
    let title = courier.metadata(job).title;
    let (file, size) = (job.label(), job.file.size);
    match &job.unfinished {
        Some(unfinished) if unfinished.video_id.is_some() => {
            tracing::info!(%file, "the video is on YouTube already, and is put on record");
        }
        Some(_) => tracing::info!(%file, %title, %size, "the upload goes on"),
        None => tracing::info!(%file, %title, %size, "the upload begins"),
    }
}

impl Pipeline {
    /// Says what is new about what there is to send.
    pub(super) fn tell_of_prospect(&mut self, prospect: &Prospect, now: DateTime<Utc>) {
        for (meeting, file) in &prospect.passed_over {
            tracing::warn!(%meeting, %file, "this is the best file of its part, but another one is on YouTube already: it is not sent");
        }
        for meeting in &prospect.recorded {
            tracing::info!(%meeting, "all of the meeting is on YouTube; it is recorded as uploaded");
        }
        let most = self.settings.youtube.daily_uploads;
        let Some(publisher) = &mut self.publisher else { return };
        if prospect.astray > 0 && !std::mem::replace(&mut publisher.is_stray_told, true) {
            tracing::warn!(
                "{} in uploads/ were begun for meetings that are not in the archive any more; they are left as they are",
                counted(prospect.astray, "upload")
            );
        }
        if publisher.by_hand.is_some() {
            // What is left of the one meeting is said at the end.
            return;
        }
        let Tally { due, later, parked, .. } = prospect.tally;
        let waiting = due + later;
        if !publisher.is_announced && waiting + parked > 0 {
            publisher.is_announced = true;
            let days = waiting.div_ceil(most.try_into().unwrap_or(usize::MAX).max(1));
            tracing::info!(
                waiting,
                daily_uploads = most,
                days,
                parked,
                "videos wait for YouTube; `list` says of those that are parked why they need you"
            );
        }
        let until = |limit: &crate::state::Wait| limit.until;
        let is_new = prospect.limit.as_ref().map(until) != publisher.limit.as_ref().map(until);
        publisher.limit.clone_from(&prospect.limit);
        if let Some(limit) = prospect.limit.as_ref().filter(|limit| is_new && waiting > 0 && limit.until > now) {
            tracing::info!(
                waiting,
                until = %limit.until.format("%Y-%m-%d %H:%M UTC"),
                "a limit of the day is reached; uploads go on by themselves after it: {}",
                limit.why
            );
        }
    }

    pub(super) fn tell_of_video(&mut self, flight: &UploadFlight, delivered: &Delivered) {
        let (job, video) = (&flight.job, &delivered.video);
        if delivered.was_there {
            tracing::info!(file = %job.label(), %video, "the video is on record");
        } else {
            self.outcome.videos += 1;
            let elapsed = flight.since.elapsed();
            tracing::info!(
                file = %job.label(),
                %video,
                size = %job.file.size,
                time = %humantime::format_duration(Duration::from_secs(elapsed.as_secs())),
                rate = %rate(flight.progress.fresh(), elapsed),
                "the upload is complete"
            );
        }
        if let Some(privacy) = &delivered.strange_privacy {
            let asked = self.settings.youtube.privacy.name();
            tracing::warn!(%video, "the video is {privacy} on YouTube, where {asked} was asked for: look at it at studio.youtube.com");
        }
        if delivered.is_all {
            tracing::info!(meeting = %job.uuid(), topic = %job.manifest.topic, "all of the meeting is on YouTube; it is recorded as uploaded");
        }
    }

    /// Tells people that a video is there, and that what kept it from being sent does so no more.
    pub(super) fn tell_of_sent(&mut self, job: &Job, delivered: &Delivered, has_answered: bool) {
        if has_answered {
            self.tell_success(&Subject::YoutubeAuthorization, || "YouTube takes the authorization".to_owned());
            self.tell_success(&Subject::Publishing, || "videos are sent to YouTube again".to_owned());
        }
        let name = named(&job.manifest.topic, job.manifest.start_time);
        self.tell_success(&Subject::Video(job.file.id.clone()), || format!("{name} is on YouTube after all"));
        // One that was there is told with the meeting's row, which is written once.
        if !delivered.was_there || delivered.is_all {
            let link = watch_address(delivered.video.as_str());
            self.tell(NotifyEvent::Uploaded, || format!("{name} is on YouTube:"), Some(link));
        }
    }

    /// A line for the upload under way.
    pub(in crate::pipeline) fn log_upload(&self) {
        let Some(flight) = self.publisher.as_ref().and_then(|publisher| publisher.flight.as_ref()) else { return };
        let (sent, total, elapsed) = (flight.progress.sent(), flight.job.file.size.0, flight.since.elapsed());
        if sent == 0 {
            return;
        }
        let fresh = flight.progress.fresh();
        let eta = (fresh > 0).then(|| u128::from(total.saturating_sub(sent)) * elapsed.as_millis() / u128::from(fresh));
        tracing::info!(
            file = %flight.job.label(),
            bytes = sent,
            percent = (sent * 100).checked_div(total),
            rate = %rate(fresh, elapsed),
            eta = eta.map(|millis| format!("{} s", millis.div_ceil(1000))),
            "uploading"
        );
    }

    /// Says what is left for later, at the end of a run.
    pub(in crate::pipeline) fn tell_of_waiting_videos(&mut self) {
        let Some(publisher) = self.publisher.as_ref().filter(|publisher| publisher.by_hand.is_none()) else { return };
        let Tally { due, settling, later, parked } = publisher.tally;
        let mut left = Vec::new();
        for (count, words) in [
            (due + later, "to be sent"),
            (settling, "in meetings that may still change (youtube.settle)"),
            (parked, "that wait for you (`list` says why)"),
        ] {
            if count > 0 {
                left.push(format!("{count} {words}"));
            }
        }
        if !left.is_empty() {
            tracing::info!("not on YouTube yet: {}", left.join(", "));
            self.outcome.waiting += (due + later + settling) as u64;
        }
    }

    /// Takes over into the snapshot how uploads stand.
    pub(in crate::pipeline) fn show_uploads(&mut self) {
        let Some(publisher) = &self.publisher else { return };
        self.snapshot.uploading = publisher.flight.as_ref().map(|flight| Uploading {
            meeting: flight.job.uuid().clone(),
            file: flight.job.file.id.clone(),
            name: flight.job.label(),
            total: flight.job.file.size.0,
            progress: flight.progress.clone(),
        });
        let barrier = publisher.barrier.as_ref().map(|barrier| barrier.words.clone());
        let limit = publisher.limit.as_ref();
        let why = barrier.or_else(|| publisher.obstacle.clone()).or_else(|| limit.map(|limit| limit.why.clone()));
        let Tally { due, settling, later, parked } = publisher.tally;
        self.snapshot.uploads = Some(UploadsShown {
            in_flight: None,
            waiting: due + later,
            settling,
            parked,
            today: publisher.today,
            needs_person: publisher.barrier.is_some(),
            waits_until: limit.map(|limit| limit.until),
            why,
        });
    }
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
