//! One file: fetched, resumed, verified, and only then given its name.
//!
//! An attempt ends in a [`DownloadError`], whose [`Remedy`] says what follows. Tries are counted as long as they bring
//! nothing: one that brings the part a mebibyte further than it ever was begins the count anew.
//!
//! - `job`: what is to be fetched, how far it has come, and what came of it
//! - `answer`: pure; what an answer to a request for bytes means
//! - `receive`: from an answer into the part; `speed` is pure: whether a body comes fast enough to be worth a worker
//! - `part`: the unfinished file on the disk, and how much of it can be trusted; `writer` makes it grow
//! - `finish`: from the part to the file; `verify` tells whether what has arrived is what it should be
//! - `peek`: whether a file can be had at all, by its first bytes
//! - `error`: what follows where it isn't, or where it doesn't arrive

mod answer;
mod error;
mod finish;
mod job;
mod part;
mod peek;
mod receive;
mod speed;
pub(super) mod verify;
mod writer;

use std::sync::atomic::Ordering;
use std::time::Duration;

use backon::BackoffBuilder;
use reqwest::header::{HeaderMap, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};
use tokio_util::sync::CancellationToken;

use answer::{Answer, Rest};
pub use error::DownloadError;
use error::Remedy;
pub(super) use error::Setback;
use finish::SUSPECT_AFTER;
pub(super) use job::Fetched;
pub use job::{FileJob, Progress};
use part::{Boot, Part, Place};
pub use peek::peek;

use super::poll::{self, Scan, ScanRequest};
use crate::clock;
use crate::config::DownloadSettings;
use crate::disk::{self, DiskError};
use crate::http::{self, Pace, RateLimit};
use crate::meeting::{Availability, ByteCount, DownloadUrl};
use crate::zoom::Zoom;
use crate::zoom::windows::Window;
use crate::zoom::wire;

/// A try that brings at least this much counts as progress.
const PROGRESS: u64 = 1 << 20;
/// How long the body of a refusal may take.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What all downloads share.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    zoom: Zoom,
    pace: Pace,
    attempts: u32,
    stall_timeout: Duration,
    min_free_space: ByteCount,
}

/// Where one file stands between its attempts.
struct Course<'a> {
    job: &'a FileJob,
    /// Where it is, as last listed.
    url: DownloadUrl,
    place: Place,
    progress: &'a Progress,
    stop: &'a CancellationToken,
    transferred: u64,
    /// The longest that the part ever was. What is fetched again up to there is no progress: else a server that never
    /// lets a file come to its end would be asked for ever.
    furthest: u64,
    /// What was broken every time, and how often.
    broken: Option<(verify::Digest, u32)>,
}

impl Fetcher {
    /// A fetcher that works as these settings say, within a pace that all its downloads share.
    #[must_use]
    pub(super) fn new(zoom: Zoom, pace: Pace, settings: &DownloadSettings) -> Self {
        Self {
            zoom,
            pace,
            attempts: settings.attempts.get(),
            stall_timeout: settings.stall_timeout,
            min_free_space: settings.min_free_space,
        }
    }

    /// Fetches a file, however often the connection breaks.
    ///
    /// # Errors
    /// The last attempt's [`DownloadError`]; what was received is kept for the next time.
    pub(super) async fn fetch(
        &self,
        job: &FileJob,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Result<Fetched, DownloadError> {
        let place = Place::new(job.folder.clone(), job.name.clone());
        let mut course =
            Course { job, url: job.url.clone(), place, progress, stop, transferred: 0, furthest: 0, broken: None };
        if let Some(fetched) = self.already_there(&course).await? {
            return Ok(fetched);
        }
        job.say_start();
        let mut tries = 0;
        let mut was_listed_again = false;
        let mut pauses = http::backoff(usize::MAX).build();
        loop {
            let attempt = tries + 1;
            progress.attempt.store(attempt.into(), Ordering::Relaxed);
            let error = match self.attempt(&mut course).await {
                Ok(fetched) => return Ok(fetched),
                Err(error) if error.is_stopping() => return Err(DownloadError::Stopping),
                Err(error) => error,
            };
            if course.has_come_on() {
                tries = 0;
                was_listed_again = false;
                pauses = http::backoff(usize::MAX).build();
            } else {
                tries += 1;
            }
            let remedy = error.remedy();
            let is_lost = matches!(&error, DownloadError::Lost(cause) if !cause.is_full());
            if is_lost || remedy == Remedy::Restart {
                discard(&course.place).await?;
            }
            // It takes so many tries to tell a file that is broken at Zoom from one that was broken on the way.
            let attempts = if course.broken.is_some() { self.attempts.max(SUSPECT_AFTER) } else { self.attempts };
            let pause = match remedy {
                Remedy::NextPoll => return Err(error),
                _ if tries >= attempts => return Err(error),
                Remedy::ListAgain if was_listed_again => return Err(error),
                Remedy::ListAgain => {
                    was_listed_again = true;
                    course.url = self.list_again(&course).await?;
                    pauses.next().unwrap_or_default()
                }
                Remedy::ResumeAfter(limit) => pauses.next().unwrap_or_default().max(limit.wait(clock::now())),
                Remedy::Restart | Remedy::Resume => pauses.next().unwrap_or_default(),
            };
            let wait = humantime::format_duration(Duration::from_secs(pause.as_secs()));
            tracing::warn!(file = %job.label, attempt, %wait, "the download broke off and goes on after a pause: {}", crate::chain::chain(&error));
            progress.is_paused.store(true, Ordering::Relaxed);
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return Err(DownloadError::Stopping);
            }
            progress.is_paused.store(false, Ordering::Relaxed);
        }
    }

    /// A file that got its name before the program could note it: recognized by its size and structure.
    async fn already_there(&self, course: &Course<'_>) -> Result<Option<Fetched>, DownloadError> {
        let (path, extension) = (course.place.path(), course.job.extension);
        let Some(listed) = course.job.listed_size else { return Ok(None) };
        let is_it = disk::blocking(move || verify::is_whole(&path, extension, listed)).await;
        if !is_it {
            return Ok(None);
        }
        discard(&course.place).await?;
        let folder = course.place.folder().to_owned();
        disk::blocking(move || disk::sync_folder(&folder)).await?;
        let (name, transferred) = (course.job.name.clone(), ByteCount(0));
        Ok(Some(Fetched { size: listed, name, is_suspect: false, was_there: true, transferred }))
    }

    /// The file's address in a fresh listing of its day; asking for it also renews a token that is no good any more.
    async fn list_again(&self, course: &Course<'_>) -> Result<DownloadUrl, DownloadError> {
        let job = course.job;
        let request =
            ScanRequest { user: job.user.clone(), scan: Scan::Recent, windows: vec![Window::of_day(job.day)] };
        let listed = poll::scan(&self.zoom, request, course.stop).await;
        let meeting = listed.meetings.into_iter().find(|meeting| meeting.uuid == job.meeting);
        let file = meeting.and_then(|meeting| meeting.files.into_iter().find(|file| file.id == job.file));
        match (file.map(|file| file.availability), listed.problem) {
            (Some(Availability::Ready(url)), _) => Ok(url),
            (_, Some(problem)) => Err(problem.into()),
            (_, None) => Err(DownloadError::Gone),
        }
    }

    async fn attempt(&self, course: &mut Course<'_>) -> Result<Fetched, DownloadError> {
        let place = course.place.clone();
        let part = disk::blocking(move || place.open(&Boot::current())).await?;
        course.furthest = course.furthest.max(part.len);
        course.show(part.len, course.job.listed_size.unwrap_or_default().0);
        let resume_at = part.resume_at();
        let response = self.zoom.open(&course.url, &range_headers(&part, resume_at), course.stop).await?;
        match answer::read(response.status(), response.headers(), resume_at) {
            Answer::Bytes { from: 0, total } => self.receive(course, part, response, 0, total).await,
            Answer::Bytes { from, total } => match part.rest(response.headers(), total) {
                Rest::Same => self.receive(course, part, response, from, total).await,
                Rest::Other => Err(DownloadError::Changed),
                Rest::Unnamed => {
                    disk::blocking(move || part.forget_version()).await;
                    Err(DownloadError::Unnamed)
                }
            },
            Answer::NoMore { total } if total == Some(part.len) && resume_at == part.len => {
                self.finish(course, part).await
            }
            Answer::NoMore { .. } | Answer::WrongRange => {
                discard(&course.place).await?;
                Err(DownloadError::WrongRange)
            }
            Answer::Refused(status) => Err(refused(status, response, course.stop).await),
        }
    }
}

async fn discard(place: &Place) -> Result<(), DiskError> {
    let place = place.clone();
    disk::blocking(move || place.discard()).await
}

impl Course<'_> {
    /// Whether the try that has ended brought the part further than it ever was, by enough to count.
    fn has_come_on(&mut self) -> bool {
        let reached = self.progress.received.load(Ordering::Relaxed);
        let has_come_on = reached >= self.furthest + PROGRESS;
        self.furthest = self.furthest.max(reached);
        has_come_on
    }

    fn show(&self, received: u64, total: u64) {
        self.progress.received.store(received, Ordering::Relaxed);
        if total > 0 {
            self.progress.total.store(total, Ordering::Relaxed);
        }
    }
}

fn range_headers(part: &Part, from: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if from > 0 {
        let range = HeaderValue::try_from(format!("bytes={from}-")).expect("digits are fit for a header");
        headers.insert(RANGE, range);
        if let Some(validator) = part.validator.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(IF_RANGE, validator);
        }
    }
    headers
}

/// What a refusal says: its body may name what is behind it.
async fn refused(status: StatusCode, response: Response, stop: &CancellationToken) -> DownloadError {
    if status == StatusCode::TOO_MANY_REQUESTS {
        return DownloadError::RateLimited(RateLimit::read(response.headers(), "", clock::now()));
    }
    let body = tokio::time::timeout(LAST_WORDS, http::read_capped(response, http::ERROR_BODY_LIMIT));
    match stop.run_until_cancelled(body).await {
        Some(Ok(Ok(body))) => DownloadError::Refused { status, refusal: wire::refusal(&body) },
        Some(_) => DownloadError::Refused { status, refusal: None },
        None => DownloadError::Stopping,
    }
}
