//! One attempt at one upload ("Resumable Uploads"): a session is opened, the file sent in one request, and after whatever
//! breaks it off the session is asked what it has, and the rest sent.
//!
//! `course` says what follows from each answer, `answer` what it means. Whoever calls decides when to try again: an attempt
//! makes a few short pauses and no long ones.

use std::time::Duration;

use backon::BackoffBuilder;
use chrono::{DateTime, Utc};
use reqwest::Client;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, LOCATION};
use tokio_util::sync::CancellationToken;

use super::answer::{self, Answer, Uploaded};
use super::course::{Course, End, Step};
use super::metadata::Metadata;
use super::progress::Progress;
use super::session::SessionAddress;
use super::video_file::{FileFault, VideoFile};
use super::{LONGEST_PAUSE, RawAnswer, Youtube, YoutubeError, pause_asked_for};
use crate::chain::chain;
use crate::clock;
use crate::http::HttpError;
use crate::oauth::AccessToken;
use crate::trouble::Trouble;

/// What the best file of a part is.
const MEDIA_TYPE: &str = "video/mp4";
/// How long a token should last that an upload begins with.
const TOKEN_FOR: Duration = Duration::from_secs(20 * 60);
/// How many times the stall timeout the answer to the last byte may take: what is sent is still on its way then.
const STALL_TIMEOUTS: u32 = 5;

/// Why an attempt ended without a video.
#[derive(Debug, thiserror::Error)]
pub enum Setback {
    /// It may go on where it ended, a while later.
    #[error("the upload broke off at byte {at}")]
    Interrupted {
        /// How many bytes `YouTube` has, as far as that is known.
        at: u64,
        /// Not to be tried again before, where `YouTube` said so.
        not_before: Option<DateTime<Utc>>,
        /// What came between.
        source: YoutubeError,
    },
    /// The session is no longer there, or of no use. It may have ended with a video before: look for its marker first.
    #[error("YouTube no longer knows this upload")]
    SessionGone,
    /// `YouTube` took the file, but didn't say which video it has become: its marker tells.
    #[error("YouTube took the video, but does not say under which id")]
    Unknown,
    /// A limit of the day is reached.
    #[error("YouTube takes no more videos until {}", until.format("%Y-%m-%d %H:%M UTC"))]
    Limited {
        /// When it ends.
        until: DateTime<Utc>,
        /// What `YouTube` said.
        source: YoutubeError,
    },
    /// This video is never taken as it is.
    #[error("YouTube does not take this video")]
    Refused(#[source] YoutubeError),
    /// No video is taken until a person acts.
    #[error("YouTube takes no video")]
    NeedsPerson(#[source] YoutubeError),
    /// The file is not to be sent.
    #[error(transparent)]
    File(#[from] FileFault),
    /// The program is stopping; what was sent is kept at `YouTube`.
    #[error("the service is stopping")]
    Stopping,
}

impl Setback {
    /// What follows from an error of the API, where `at` bytes are stored.
    #[must_use]
    pub fn of(error: YoutubeError, at: u64, now: DateTime<Utc>) -> Self {
        if error.is_stopping() {
            Self::Stopping
        } else if let Some(until) = error.limited_until(now) {
            Self::Limited { until, source: error }
        } else if error.needs_person() {
            Self::NeedsPerson(error)
        } else if matches!(error, YoutubeError::Refused { .. }) && !error.is_transient() {
            Self::Refused(error)
        } else {
            Self::Interrupted { at, not_before: error.not_before(), source: error }
        }
    }

    /// What a person can do about it, as a sentence; `None` where there is nothing to do.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Interrupted { source, .. } | Self::Limited { source, .. } => source.remedy(),
            Self::Refused(error) | Self::NeedsPerson(error) => error.remedy(),
            Self::File(FileFault::TooLarge { .. }) => Some(Trouble::YoutubeTooLarge.remedy().to_owned()),
            Self::SessionGone | Self::Unknown | Self::File(_) | Self::Stopping => None,
        }
    }
}

/// How to begin with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// It was opened this moment: it has nothing.
    Sending,
    /// It is of an earlier attempt: it is asked first what it has.
    Asking,
}

/// Uploads videos. A clone shares connections and tokens.
#[derive(Clone, Debug)]
pub struct Uploader {
    youtube: Youtube,
    client: Client,
    stall_timeout: Duration,
}

impl Uploader {
    /// Uploads through `client`, which has no timeouts of its own ([`crate::http::upload_client`]); what goes neither on nor
    /// back for `stall_timeout` has come to a standstill.
    #[must_use]
    pub fn new(youtube: Youtube, client: Client, stall_timeout: Duration) -> Self {
        Self { youtube, client, stall_timeout }
    }

    /// Opens the session of a new upload (`videos.insert`). Nothing is published by it, whatever becomes of it.
    ///
    /// What is wrong with the metadata, and that a day's limit is reached, is said here, before a byte is sent.
    ///
    /// # Errors
    /// [`Setback`].
    pub async fn open(
        &self,
        metadata: &Metadata,
        tells_subscribers: bool,
        video: &VideoFile,
        stop: &CancellationToken,
    ) -> Result<SessionAddress, Setback> {
        let youtube = &self.youtube;
        let url = youtube.address(
            "upload/youtube/v3",
            "videos",
            &[
                ("uploadType", "resumable"),
                ("part", "snippet,status,recordingDetails"),
                ("notifySubscribers", if tells_subscribers { "true" } else { "false" }),
            ],
        );
        let body = metadata.body();
        let request = || {
            let request = youtube
                .client
                .post(url.clone())
                .header(CONTENT_TYPE, "application/json; charset=UTF-8")
                .header("X-Upload-Content-Length", video.size())
                .header("X-Upload-Content-Type", MEDIA_TYPE)
                .body(body.clone());
            // A name beyond ASCII has no place in a header, and `YouTube` needs none.
            match HeaderValue::from_str(video.name()) {
                Ok(name) if !name.is_empty() => request.header("Slug", name),
                _ => request,
            }
        };
        let read = |answer: &RawAnswer| {
            let location = answer.headers.get(LOCATION).and_then(|location| location.to_str().ok());
            SessionAddress::accept(location.ok_or(YoutubeError::NoSession)?, &youtube.api_url)
        };
        let opened = youtube.repeated(|| youtube.renewing(&url, &request, &read, stop), stop).await;
        opened.map_err(|error| Setback::of(error, 0, clock::now()))
    }

    /// Sends a file, or what the session has not got of it, to its end.
    ///
    /// # Errors
    /// [`Setback`].
    pub async fn send(
        &self,
        session: &SessionAddress,
        video: &VideoFile,
        begin: Begin,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Result<Uploaded, Setback> {
        let sending = self.attempt(session, video, begin, progress, stop);
        stop.run_until_cancelled(sending).await.unwrap_or(Err(Setback::Stopping))
    }

    /// Asks what has become of a session, and sends nothing: its video, or none where it has not got all of the file.
    ///
    /// # Errors
    /// [`Setback`].
    pub async fn look_at(
        &self,
        session: &SessionAddress,
        size: u64,
        stop: &CancellationToken,
    ) -> Result<Option<Uploaded>, Setback> {
        let looking = self.asked(session, size, stop);
        stop.run_until_cancelled(looking).await.unwrap_or(Err(Setback::Stopping))
    }

    async fn asked(
        &self,
        session: &SessionAddress,
        size: u64,
        stop: &CancellationToken,
    ) -> Result<Option<Uploaded>, Setback> {
        let mut course = Course::new(size);
        let mut pauses = self.youtube.pauses.build();
        loop {
            let setback = |course: &Course, error| Setback::of(error, course.stored(), clock::now());
            let token = self.youtube.tokens.access(Duration::ZERO, stop).await;
            let token = token.map_err(|error| setback(&course, error.into()))?;
            let answer = match self.ask(session, size, &token).await {
                Ok(raw) => answer::judge(raw.status, &raw.headers, &raw.body, size, clock::now()),
                Err(error) => Answer::Failed(error),
            };
            if matches!(answer, Answer::Stored(stored) if stored < size) {
                return Ok(None);
            }
            match course.after(answer, false) {
                Step::Renew => {
                    let renewed = self.youtube.tokens.renew(&token, stop).await;
                    renewed.map_err(|error| setback(&course, error.into()))?;
                }
                Step::Send(_) | Step::Ask => {
                    let error = YoutubeError::Unready { stored: course.stored() };
                    let pause = pauses.next().ok_or_else(|| setback(&course, error))?;
                    tokio::time::sleep(pause).await;
                }
                Step::Wait(error) => {
                    let error = error.unwrap_or(YoutubeError::Unready { stored: course.stored() });
                    let pause = pauses.next().ok_or_else(|| setback(&course, error))?;
                    tokio::time::sleep(pause).await;
                }
                Step::Done(video) => return Ok(Some(video)),
                Step::End(End::Gone) => return Err(Setback::SessionGone),
                Step::End(End::Unnamed) => return Err(Setback::Unknown),
                Step::End(End::Failed(error)) => return Err(setback(&course, error)),
            }
        }
    }

    async fn attempt(
        &self,
        session: &SessionAddress,
        video: &VideoFile,
        begin: Begin,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Result<Uploaded, Setback> {
        let mut course = Course::new(video.size());
        let mut pauses = self.youtube.pauses.build();
        let mut next = match begin {
            Begin::Sending => Some(0),
            Begin::Asking => None,
        };
        loop {
            let setback = |course: &Course, error| Setback::of(error, course.stored(), clock::now());
            let needed = if next.is_some() { TOKEN_FOR } else { Duration::ZERO };
            let token = self.youtube.tokens.access(needed, stop).await;
            let token = token.map_err(|error| setback(&course, error.into()))?;
            let answered = match next {
                Some(from) => self.send_rest(session, video, from, &token, progress).await?,
                None => self.ask(session, video.size(), &token).await,
            };
            let answer = match answered {
                Ok(raw) => answer::judge(raw.status, &raw.headers, &raw.body, video.size(), clock::now()),
                Err(error) => Answer::Failed(error),
            };
            let following = course.after(answer, next.is_some());
            if course.has_progressed() {
                pauses = self.youtube.pauses.build();
            }
            next = None;
            match following {
                Step::Send(from) => next = Some(from),
                Step::Ask => {}
                Step::Renew => {
                    let renewed = self.youtube.tokens.renew(&token, stop).await;
                    renewed.map_err(|error| setback(&course, error.into()))?;
                }
                Step::Wait(error) => {
                    let error = error.unwrap_or(YoutubeError::Unready { stored: course.stored() });
                    let asked = pause_asked_for(&error);
                    let Some(pause) = pauses.next().filter(|_| asked <= LONGEST_PAUSE) else {
                        return Err(setback(&course, error));
                    };
                    let pause = pause.max(asked);
                    tracing::warn!(wait = ?pause, "the upload broke off and goes on after a pause: {}", chain(&error));
                    tokio::time::sleep(pause).await;
                }
                Step::Done(video) => return Ok(video),
                Step::End(End::Gone) => return Err(Setback::SessionGone),
                Step::End(End::Unnamed) => return Err(Setback::Unknown),
                Step::End(End::Failed(error)) => return Err(setback(&course, error)),
            }
        }
    }

    /// Sends all bytes from one on, in one request.
    ///
    /// The outer error is the file's: then nothing more is to be sent.
    async fn send_rest(
        &self,
        session: &SessionAddress,
        video: &VideoFile,
        from: u64,
        token: &AccessToken,
        progress: &Progress,
    ) -> Result<Result<RawAnswer, YoutubeError>, FileFault> {
        let size = video.size();
        let (body, reading) = video.body_from(from, progress);
        let mut request = self
            .client
            .put(session.expose().clone())
            .bearer_auth(token.expose())
            .header(CONTENT_TYPE, MEDIA_TYPE)
            .header(CONTENT_LENGTH, size - from)
            .body(body);
        if from > 0 {
            request = request.header(CONTENT_RANGE, format!("bytes {from}-{}/{size}", size - 1));
        }
        let answer = self.unless_stalled(RawAnswer::of(session.expose(), request), progress, size).await;
        if answer.is_err() {
            // The body has ended, and with it the reading, unless the disk hangs.
            match tokio::time::timeout(self.stall_timeout, reading).await {
                Ok(Ok(read)) => read?,
                Ok(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Ok(Err(_)) | Err(_) => {}
            }
        }
        Ok(answer)
    }

    /// Asks the session how many bytes it has.
    async fn ask(&self, session: &SessionAddress, size: u64, token: &AccessToken) -> Result<RawAnswer, YoutubeError> {
        let request = self
            .youtube
            .client
            .put(session.expose().clone())
            .bearer_auth(token.expose())
            // Left out, it would be missing rather than 0.
            .header(CONTENT_LENGTH, 0)
            .header(CONTENT_RANGE, format!("bytes */{size}"));
        Ok(RawAnswer::of(session.expose(), request).await?)
    }

    /// Waits for an answer as long as bytes go out, and for a while after the last one.
    async fn unless_stalled(
        &self,
        answer: impl Future<Output = Result<RawAnswer, HttpError>>,
        progress: &Progress,
        size: u64,
    ) -> Result<RawAnswer, YoutubeError> {
        let mut sent = progress.watch();
        let standstill = async {
            loop {
                let is_all_sent = *sent.borrow_and_update() == size;
                let limit = self.stall_timeout.saturating_mul(if is_all_sent { STALL_TIMEOUTS } else { 1 });
                if !matches!(tokio::time::timeout(limit, sent.changed()).await, Ok(Ok(()))) {
                    return limit;
                }
            }
        };
        tokio::select! {
            biased;
            answer = answer => Ok(answer?),
            limit = standstill => Err(YoutubeError::Stalled(limit)),
        }
    }
}
