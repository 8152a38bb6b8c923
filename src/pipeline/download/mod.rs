//! One file: fetched, resumed, verified, and only then given its name.
//!
//! An attempt ends in a [`DownloadError`], whose [`Remedy`] says what follows. Tries are counted as long as they bring
//! nothing: one that brings the part a mebibyte further than it ever was begins the count anew.
//!
//! - `answer`: pure; what an answer to a request for bytes means
//! - `speed`: pure; whether a body comes fast enough to be worth a worker
//! - `part`: the unfinished file on the disk, and how much of it can be trusted; `writer` makes it grow
//! - `verify`: whether what has arrived is what it should be
//! - `error`: what follows where it isn't, or where it doesn't arrive

mod answer;
mod error;
mod part;
mod speed;
pub(super) mod verify;
mod writer;

use std::io::{self};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use backon::BackoffBuilder;
use chrono::NaiveDate;
use reqwest::header::{HeaderMap, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use answer::Answer;
pub use error::DownloadError;
use error::Remedy;
pub(super) use error::Setback;
use part::{Boot, Part, Place, SYNC_EVERY};

use super::poll::{self, Scan, ScanRequest};
use speed::{Speed, TooSlow};
use verify::Verified;
use writer::Writer;

use crate::archive::media::{self};
use crate::archive::names::FileName;
use crate::clock;
use crate::config::DownloadSettings;
use crate::disk::{self, DiskError};
use crate::http::{self, HttpError, Pace, RateLimit};
use crate::meeting::{Availability, ByteCount, DownloadUrl, Extension, FileId, MeetingUuid, UserId};
use crate::zoom::Zoom;
use crate::zoom::windows::Window;

/// A try that brings at least this much counts as progress.
const PROGRESS: u64 = 1 << 20;
/// A body that doesn't say how long it is ends here, unless the listing says: 1 TiB.
const ENDLESS: u64 = 1 << 40;

/// A file to fetch.
#[derive(Clone, Debug)]
pub struct FileJob {
    /// The meeting.
    pub meeting: MeetingUuid,
    /// The file.
    pub file: FileId,
    /// The user in whose listing it is.
    pub user: UserId,
    /// The day in whose listing it is.
    pub day: NaiveDate,
    /// Where it is.
    pub url: DownloadUrl,
    /// The meeting's folder on the disk, which is there.
    pub folder: PathBuf,
    /// Its name in the folder.
    pub name: FileName,
    /// What it should be.
    pub extension: Extension,
    /// Its size, as Zoom lists it.
    pub listed_size: Option<ByteCount>,
    /// Bytes of it that an earlier try has left.
    pub on_disk: u64,
    /// How it is called in the log: folder and name.
    pub label: String,
}

impl FileJob {
    /// Looks what an earlier try has left; waits for the disk.
    pub(super) fn look_for_part(&mut self) {
        let names = [self.name.as_str().to_owned(), self.name.unfinished()];
        let lens =
            names.iter().filter_map(|name| self.folder.join(name).symlink_metadata().ok()).map(|meta| meta.len());
        self.on_disk = lens.max().unwrap_or(0);
    }
}

/// How far a download has come; read by whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes on the disk.
    pub received: AtomicU64,
    /// Bytes that the whole file has, as far as known; 0 where not.
    pub total: AtomicU64,
    /// Which try in a row without progress this is, from 1.
    pub attempt: AtomicU64,
    /// Whether it waits for its next try.
    pub is_paused: AtomicBool,
}

/// A file that is on the disk under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its length.
    pub size: ByteCount,
    /// The name it got: another than asked for where it is suspect.
    pub name: FileName,
    /// Whether its structure is broken, the same way every time.
    pub is_suspect: bool,
    /// How many of its bytes came over the network in this run.
    pub transferred: ByteCount,
}

/// What all downloads share.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    zoom: Zoom,
    pace: Pace,
    attempts: u32,
    stall_timeout: Duration,
    min_free_space: ByteCount,
    boot: Arc<Boot>,
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

/// What a body must be like.
struct Expected {
    /// Its first bytes, where they are on the disk already.
    known: Vec<u8>,
    /// Where in the file it must have ended.
    limit: u64,
}

impl Expected {
    /// Checks the next bytes of it, which begin at `at` in the file.
    fn check(&mut self, at: u64, bytes: &[u8]) -> Result<(), DownloadError> {
        if at + bytes.len() as u64 > self.limit {
            return Err(DownloadError::TooLong { limit: self.limit });
        }
        let common = self.known.len().min(bytes.len());
        if self.known[..common] != bytes[..common] {
            return Err(DownloadError::Changed);
        }
        self.known.drain(..common);
        Ok(())
    }
}

/// A body that is broken the same way this often is what Zoom has.
const SUSPECT_AFTER: u32 = 3;

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
            boot: Arc::new(Boot::current()),
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
        Ok(Some(Fetched { size: listed, name: course.job.name.clone(), is_suspect: false, transferred: ByteCount(0) }))
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
        let (place, boot) = (course.place.clone(), Arc::clone(&self.boot));
        let part = disk::blocking(move || place.open(&boot)).await?;
        course.furthest = course.furthest.max(part.len);
        course.show(part.len, course.job.listed_size.unwrap_or_default().0);
        let resume_at = part.resume_at();
        let response = self.zoom.open(&course.url, &range_headers(&part, resume_at), course.stop).await?;
        match answer::read(response.status(), response.headers(), resume_at) {
            Answer::Bytes { from, total } => self.receive(course, part, response, from, total).await,
            Answer::NoMore { total } if total == Some(part.len) && resume_at == part.len => {
                self.finish(course, part).await
            }
            Answer::NoMore { .. } | Answer::WrongRange => {
                discard(&course.place).await?;
                Err(DownloadError::WrongRange)
            }
            Answer::Refused(status) => Err(refused(status, &response)),
        }
    }

    /// Takes the bytes of an answer into the part, and gives it its name if that makes it whole.
    async fn receive(
        &self,
        course: &mut Course<'_>,
        mut part: Part,
        mut response: Response,
        from: u64,
        total: Option<u64>,
    ) -> Result<Fetched, DownloadError> {
        let extension = course.job.extension;
        media::content_type_fits(extension, answer::content_type(response.headers()))?;
        let total = total.or_else(|| course.job.listed_size.filter(|_| from == 0).map(|size| size.0));
        course.show(from, total.unwrap_or_default());
        if from > 0 {
            tracing::info!(file = %course.job.label, from, of = total, "the rest of the file is coming");
        }
        let validator = answer::validator(response.headers());
        let boot = Arc::clone(&self.boot);
        let path = course.place.path();
        let known;
        (part, known) = disk::blocking(move || {
            let known =
                if from > 0 { part.tail(from).map_err(DiskError::on("read the part of", &path))? } else { Vec::new() };
            part.file.set_len(from).map_err(DiskError::on("cut the part of", &path))?;
            // Of which version a part is that proves itself by its bytes is known to nobody.
            Part::note(&part.file, validator.as_deref().filter(|_| known.is_empty()), &boot);
            Ok::<_, DiskError>((Part { len: from, ..part }, known))
        })
        .await?;
        let writer = Writer::at(part.file, from, course.place.path()).await?;
        let expected = Expected { known, limit: total.unwrap_or(ENDLESS) };
        let (part, ended) = self.pump(course, writer, &mut response, expected).await;
        let part = part.map_err(DownloadError::Lost)?;
        ended?;
        if let Some(declared) = total
            && part.len < declared
        {
            return Err(DownloadError::CutShort { received: part.len, declared });
        }
        self.finish(course, part).await
    }

    /// Moves bytes until the body ends, breaks, or isn't what is expected. Whatever came before is on the disk then.
    async fn pump(
        &self,
        course: &mut Course<'_>,
        mut writer: Writer,
        response: &mut Response,
        expected: Expected,
    ) -> (Result<Part, DiskError>, Result<(), DownloadError>) {
        let ended = self.pump_body(course, &mut writer, response, expected).await;
        (writer.close().await, ended)
    }

    async fn pump_body(
        &self,
        course: &mut Course<'_>,
        writer: &mut Writer,
        response: &mut Response,
        mut expected: Expected,
    ) -> Result<(), DownloadError> {
        let url = response.url().clone();
        // Nothing is written before its beginning is known to be that of such a file.
        let mut head = (writer.at == 0).then(Vec::new);
        let mut speed = Speed::new(self.stall_timeout);
        loop {
            let asked_at = Instant::now();
            let chunk = match course.stop.run_until_cancelled(response.chunk()).await {
                None => return Err(DownloadError::Stopping),
                Some(chunk) => chunk.map_err(|error| HttpError::sorted(&url, error))?,
            };
            let is_end = chunk.is_none();
            let chunk = chunk.unwrap_or_default();
            if !is_end {
                speed.note(chunk.len(), asked_at.elapsed())?;
            }
            if course.stop.run_until_cancelled(self.pace.admit(chunk.len())).await.is_none() {
                return Err(DownloadError::Stopping);
            }
            let bytes = match head.take() {
                None => chunk,
                Some(mut beginning) => {
                    beginning.extend_from_slice(&chunk);
                    if beginning.len() < media::HEAD_LEN && !is_end {
                        head = Some(beginning);
                        continue;
                    }
                    media::first_bytes_fit(course.job.extension, &beginning)?;
                    beginning.into()
                }
            };
            expected.check(writer.at, &bytes)?;
            let before = writer.at;
            writer.write(&bytes).await.map_err(DownloadError::Lost)?;
            course.transferred += bytes.len() as u64;
            course.progress.received.store(writer.at, Ordering::Relaxed);
            if before / SYNC_EVERY != writer.at / SYNC_EVERY {
                self.check_space(course).await?;
            }
            if is_end {
                return Ok(());
            }
        }
    }

    async fn check_space(&self, course: &Course<'_>) -> Result<(), DownloadError> {
        let folder = course.place.folder().to_owned();
        let free = disk::blocking(move || disk::free_space(&folder)).await?;
        if free < self.min_free_space {
            return Err(DownloadError::NoSpace { free, keep: self.min_free_space });
        }
        Ok(())
    }

    /// Verifies a part that has all its bytes, and gives it its name.
    async fn finish(&self, course: &mut Course<'_>, part: Part) -> Result<Fetched, DownloadError> {
        let job = course.job;
        if let Some(listed) = job.listed_size
            && listed.0 != part.len
        {
            // The transfer's own length counts.
            tracing::warn!(file = %job.label, bytes = part.len, listed = listed.0, "the file's size differs from what Zoom lists");
        }
        let (extension, len) = (job.extension, part.len);
        let (part, verified) = disk::blocking(move || {
            let verified = verify::verify(&part.file, len, extension);
            (part, verified)
        })
        .await;
        let name = match verified {
            Verified::Whole => job.name.clone(),
            Verified::Unreadable(source) => {
                return Err(DiskError { action: "read back", path: course.place.path(), source }.into());
            }
            Verified::Broken(fault, digest) => {
                let times = match course.broken {
                    Some((earlier, times)) if earlier == digest => times + 1,
                    _ => 1,
                };
                course.broken = Some((digest, times));
                if times < SUSPECT_AFTER {
                    return Err(fault.into());
                }
                tracing::warn!(file = %job.label, "Zoom sends the same broken file every time; it is kept as suspect: {fault}");
                job.name.suspect()
            }
        };
        let place = course.place.clone();
        let given = name.clone();
        match disk::blocking(move || place.finish(&part.file, &given)).await {
            Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => settle(course, &name, len).await?,
            other => other?,
        }
        let is_suspect = name != job.name;
        Ok(Fetched { size: ByteCount(len), name, is_suspect, transferred: ByteCount(course.transferred) })
    }
}

/// Where a name that is taken is taken by the same file (it got its name before that could be noted, and Zoom lists
/// another size), the part goes.
async fn settle(course: &Course<'_>, name: &FileName, len: u64) -> Result<(), DownloadError> {
    let path = course.place.folder().join(name.as_str());
    let (there, part) = (path.clone(), course.place.unfinished());
    if !disk::blocking(move || verify::is_same(&there, &part, len)).await {
        return Err(DownloadError::Occupied(path));
    }
    let folder = course.place.folder().to_owned();
    disk::blocking(move || disk::sync_folder(&folder)).await?;
    Ok(discard(&course.place).await?)
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

impl From<TooSlow> for DownloadError {
    fn from(slow: TooSlow) -> Self {
        Self::TooSlow { received: slow.received, waited: slow.waited }
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

fn refused(status: StatusCode, response: &Response) -> DownloadError {
    if status == StatusCode::TOO_MANY_REQUESTS {
        DownloadError::RateLimited(RateLimit::read(response.headers(), "", clock::now()))
    } else {
        DownloadError::Refused(status)
    }
}
