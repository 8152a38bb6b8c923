//! From an answer into the part: bytes are checked, paced, and put on the disk.

use std::sync::atomic::Ordering;

use reqwest::Response;
use tokio::time::Instant;

use super::error::DownloadError;
use super::job::Fetched;
use super::part::{Boot, Part, SYNC_EVERY};
use super::speed::{Speed, TooSlow};
use super::writer::Writer;
use super::{Course, Fetcher, answer};
use crate::archive::media;
use crate::disk::{self, DiskError};
use crate::http::HttpError;

/// A body that doesn't say how long it is ends here, unless the listing says: 1 TiB.
const ENDLESS: u64 = 1 << 40;

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

impl Fetcher {
    /// Takes the bytes of an answer into the part, and gives it its name if that makes it whole.
    pub(super) async fn receive(
        &self,
        course: &mut Course<'_>,
        mut part: Part,
        mut response: Response,
        from: u64,
        total: Option<u64>,
    ) -> Result<Fetched, DownloadError> {
        let extension = course.job.extension;
        media::content_type_fits(extension, answer::content_type(response.headers()))?;
        let declared = total;
        let total = total.or_else(|| course.job.listed_size.filter(|_| from == 0).map(|size| size.0));
        course.show(from, total.unwrap_or_default());
        if from > 0 {
            tracing::info!(file = %course.job.label, from, of = total, "the rest of the file is coming");
        }
        let validator = answer::validator(response.headers());
        let path = course.place.path();
        let known;
        (part, known) = disk::blocking(move || {
            let known =
                if from > 0 { part.tail(from).map_err(DiskError::on("read the part of", &path))? } else { Vec::new() };
            part.file.set_len(from).map_err(DiskError::on("cut the part of", &path))?;
            // Of which version a part is that proves itself by its bytes is known to nobody.
            let version = validator.as_deref().filter(|_| known.is_empty());
            Part::note(&part.file, version, declared, &Boot::current());
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
}

impl From<TooSlow> for DownloadError {
    fn from(slow: TooSlow) -> Self {
        Self::TooSlow { received: slow.received, waited: slow.waited }
    }
}
