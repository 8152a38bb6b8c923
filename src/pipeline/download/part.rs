//! An unfinished download on the disk: how much of it can be trusted, and how it gets its final name.
//!
//! Bytes are synced at every multiple of 64 MiB before the first byte beyond it is written. A power cut may leave a file
//! with its full length and a tail of NULs, which no check of its structure can see; so a part from before the machine's
//! last start is trusted up to the last such mark only. What the server calls the version of its bytes (for `If-Range`) and
//! in which run of the machine they were written lies beside the bytes, in extended attributes, where the file system has
//! such.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::HeaderMap;
use rustix::fs::{OFlags, XattrFlags};

use super::answer::{self, Rest};
use crate::archive::names::FileName;
use crate::clock;
use crate::disk::{self, DiskError};

/// Bytes between two marks up to which a part is known to be synced.
pub(super) const SYNC_EVERY: u64 = 64 << 20;

/// So many bytes before a part's end are asked for again where only they can tell whether it is still the same file.
const OVERLAP: u64 = 64 << 10;

const VALIDATOR: &str = "user.zoom_archiver.validator";
const WRITTEN_IN: &str = "user.zoom_archiver.boot";
const TOTAL: &str = "user.zoom_archiver.total";

/// A run of the machine, from its start to its power cut.
#[derive(Clone, Debug)]
pub(super) struct Boot {
    /// The kernel's random id for it.
    id: Option<String>,
    /// When it began.
    time: DateTime<Utc>,
}

impl Boot {
    /// This one. The kernel's clock that goes on in sleep tells when it began, even where `/proc` is hidden.
    pub(super) fn current() -> Self {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|id| id.trim().to_owned());
        let up = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Self { id, time: clock::now() - TimeDelta::seconds(up.tv_sec) }
    }

    /// How much of a part may be built upon: all of it if it was written in this run, else what was surely synced.
    fn trusted(&self, len: u64, written: DateTime<Utc>, written_in: Option<&str>) -> u64 {
        let same_id = match (written_in, &self.id) {
            (Some(then), Some(now)) => then == now,
            // Without a word on it, the time must do.
            _ => true,
        };
        if same_id && written > self.time { len } else { len.saturating_sub(1) / SYNC_EVERY * SYNC_EVERY }
    }
}

/// A part, opened for writing.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) file: File,
    /// How many bytes at its beginning can be trusted; it has no others.
    pub(super) len: u64,
    /// What the server called the version of these bytes.
    pub(super) validator: Option<String>,
    /// How long the server said that the whole file is.
    pub(super) total: Option<u64>,
}

/// Where a file is while it is unfinished, and where it will be.
#[derive(Clone, Debug)]
pub(super) struct Place {
    folder: PathBuf,
    name: FileName,
}

impl Place {
    pub(super) fn new(folder: PathBuf, name: FileName) -> Self {
        Self { folder, name }
    }

    /// Where it is while it is unfinished.
    pub(super) fn unfinished(&self) -> PathBuf {
        self.folder.join(self.name.unfinished())
    }

    /// Its final place.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(self.name.as_str())
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Opens the part, or begins one, and cuts it to what can be trusted.
    pub(super) fn open(&self, boot: &Boot) -> Result<Part, DiskError> {
        let path = self.unfinished();
        // Non-blocking, for somebody may have put a FIFO there; a link could lead anywhere.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(disk::SHARED_MODE)
            .custom_flags(flags.bits().cast_signed())
            .open(&path)
            .map_err(DiskError::on("open", &path))?;
        let meta = file.metadata().map_err(DiskError::on("look at", &path))?;
        if !meta.is_file() || meta.nlink() != 1 {
            let odd = io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file of its own");
            return Err(DiskError::on("write to", &path)(odd));
        }
        let written: DateTime<Utc> = meta.modified().map_or_else(|_| DateTime::default(), DateTime::from);
        let len = boot.trusted(meta.len(), written, attribute(&file, WRITTEN_IN).as_deref());
        if len < meta.len() {
            file.set_len(len).map_err(DiskError::on("cut", &path))?;
        }
        let noted = |name| (len > 0).then(|| attribute(&file, name)).flatten();
        let (validator, total) = (noted(VALIDATOR), noted(TOTAL).and_then(|total| total.parse().ok()));
        Ok(Part { file, len, validator, total })
    }

    /// Gives a verified, synced part its final name, durably. No file that is there is overwritten.
    pub(super) fn finish(&self, part: &File, name: &FileName) -> Result<(), DiskError> {
        let (from, to) = (self.unfinished(), self.folder.join(name.as_str()));
        for attribute in [VALIDATOR, TOTAL, WRITTEN_IN] {
            // Not there, or no such things on this file system: either is well.
            rustix::fs::fremovexattr(part, attribute).ok();
        }
        part.sync_all().map_err(DiskError::on("sync", &from))?;
        disk::rename_to_free(&from, &to).map_err(DiskError::on("give its final name to", &from))?;
        disk::sync_folder(&self.folder)
    }

    /// Removes the part.
    pub(super) fn discard(&self) -> Result<(), DiskError> {
        let path = self.unfinished();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DiskError::on("remove", &path)(error)),
            _ => Ok(()),
        }
    }
}

impl Part {
    /// Where to go on: at the end, where the server can be asked for the rest of these very bytes; else a little before it,
    /// for the bytes there to tell.
    pub(super) fn resume_at(&self) -> u64 {
        let is_known = self.validator.as_deref().is_some_and(answer::is_tag);
        if is_known { self.len } else { self.len.saturating_sub(OVERLAP) }
    }

    /// Of which version an answer with the rest is, as far as its head tells.
    pub(super) fn rest(&self, headers: &HeaderMap, total: Option<u64>) -> Rest {
        let is_as_long = self.total.is_none() || total.is_none() || self.total == total;
        if is_as_long { answer::rest(headers, self.validator.as_deref()) } else { Rest::Other }
    }

    /// Forgets which version it is of: from now on its last bytes have to tell.
    pub(super) fn forget_version(&self) {
        Self::note(&self.file, None, self.total, &Boot::current());
    }

    /// Its bytes from `from` on.
    pub(super) fn tail(&self, from: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.len.saturating_sub(from)).unwrap_or(0)];
        self.file.read_exact_at(&mut bytes, from)?;
        Ok(bytes)
    }

    /// Notes which version of the bytes this part begins, how long that is, and in which run of the machine it was written.
    /// Where the file system can't hold that, the part is judged by its time, and by its last bytes.
    pub(super) fn note(file: &File, validator: Option<&str>, total: Option<u64>, boot: &Boot) {
        let total = total.map(|total| total.to_string());
        for (name, value) in [(VALIDATOR, validator), (TOTAL, total.as_deref()), (WRITTEN_IN, boot.id.as_deref())] {
            match value {
                Some(value) => rustix::fs::fsetxattr(file, name, value.as_bytes(), XattrFlags::empty()).ok(),
                None => rustix::fs::fremovexattr(file, name).ok(),
            };
        }
    }
}

fn attribute(file: &File, name: &str) -> Option<String> {
    let mut value = [0; 512];
    let len = rustix::fs::fgetxattr(file, name, &mut value).ok()?;
    String::from_utf8(value.get(..len)?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn boot(id: &str, time: &str) -> Boot {
        Boot { id: Some(id.to_owned()), time: time.parse().unwrap() }
    }

    fn place(folder: &Path) -> Place {
        Place::new(folder.to_owned(), "gallery_view.mp4".parse().unwrap())
    }

    #[test]
    fn a_part_from_before_the_machines_start_is_trusted_up_to_its_last_synced_mark() {
        let now = boot("now", "2026-01-02T00:00:00Z");
        let (before, after) = ("2026-01-01T23:59:59Z".parse().unwrap(), "2026-01-02T00:00:01Z".parse().unwrap());
        let mark = SYNC_EVERY;
        assert_eq!(now.trusted(mark + 5, after, Some("now")), mark + 5);
        assert_eq!(now.trusted(mark + 5, after, None), mark + 5);
        assert_eq!(now.trusted(mark + 5, before, None), mark);
        assert_eq!(now.trusted(mark + 5, after, Some("earlier")), mark, "the clock may have been wrong then");
        assert_eq!(now.trusted(mark, before, None), 0, "the mark itself is synced only once it is passed");
        assert_eq!(now.trusted(0, before, None), 0);
    }

    #[test]
    fn a_part_is_cut_to_what_can_be_trusted_and_keeps_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let boot = Boot::current();
        let mut part = place(folder.path()).open(&boot).unwrap();
        Part::note(&part.file, Some("\"v1\""), Some(9), &boot);
        part.file.write_all(b"bytes").unwrap();
        let again = place(folder.path()).open(&boot).unwrap();
        assert_eq!(again.len, 5);
        assert!(matches!(again.validator.as_deref(), Some("\"v1\"") | None), "none where there are no attributes");
        let later = Boot { id: Some("another".to_owned()), time: "2999-01-01T00:00:00Z".parse().unwrap() };
        assert_eq!(place(folder.path()).open(&later).unwrap().len, 0);
    }

    #[test]
    fn h12_the_rest_of_a_file_of_another_length_is_of_another_version() {
        let folder = tempfile::tempdir().unwrap();
        let boot = Boot::current();
        let mut part = place(folder.path()).open(&boot).unwrap();
        Part::note(&part.file, None, Some(9), &boot);
        part.file.write_all(b"bytes").unwrap();
        let again = place(folder.path()).open(&boot).unwrap();
        let continues = |total| again.rest(&HeaderMap::new(), total) == Rest::Same;
        assert!(continues(Some(9)) && continues(None));
        // Where the file system has no attributes, the bytes have to tell.
        assert_eq!(continues(Some(10)), again.total.is_none());
    }

    #[test]
    fn d12_no_file_that_is_there_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let part = place.open(&Boot::current()).unwrap();
        std::fs::write(place.path(), "somebody else's").unwrap();
        let name = "gallery_view.mp4".parse().unwrap();
        assert!(place.finish(&part.file, &name).is_err());
        assert_eq!(std::fs::read(place.path()).unwrap(), b"somebody else's");
        std::fs::remove_file(place.path()).unwrap();
        place.finish(&part.file, &name).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn l2_l4_a_link_in_a_parts_place_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("precious");
        std::fs::write(&target, "precious").unwrap();
        let link = folder.path().join("gallery_view.mp4.part");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(place(folder.path()).open(&Boot::current()).is_err());
        std::fs::remove_file(&link).unwrap();
        std::fs::hard_link(&target, &link).unwrap();
        assert!(place(folder.path()).open(&Boot::current()).is_err());
        assert_eq!(std::fs::read(&target).unwrap(), b"precious");
    }
}
