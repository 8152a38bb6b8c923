//! From a part that has all its bytes to a file under its name.

use std::io;

use super::error::DownloadError;
use super::job::Fetched;
use super::part::Part;
use super::verify::{self, Verified};
use super::{Course, Fetcher, discard};
use crate::archive::names::FileName;
use crate::disk::{self, DiskError};
use crate::meeting::ByteCount;

/// A body that is broken the same way this often is what Zoom has.
pub(super) const SUSPECT_AFTER: u32 = 3;

impl Fetcher {
    /// Verifies a part that has all its bytes, and gives it its name.
    pub(super) async fn finish(&self, course: &mut Course<'_>, part: Part) -> Result<Fetched, DownloadError> {
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
        let transferred = ByteCount(course.transferred);
        Ok(Fetched { size: ByteCount(len), name, is_suspect, was_there: false, transferred })
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
