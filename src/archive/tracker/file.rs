//! The tracker's file: opened anew for each look and each row, for editors replace it; appended to, never rewritten.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::TrackerError;
use crate::disk::{self, DiskError};
use crate::meeting::ByteCount;

/// Room for a million rows. More is a mistake in the settings rather than a tracker.
pub(super) const MAX_SIZE: ByteCount = ByteCount::mib(512);

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The file, open: a regular one, whatever links led to it.
#[derive(Debug)]
pub(super) struct TrackerFile {
    file: File,
    path: PathBuf,
}

impl TrackerFile {
    /// Opens the file, if there is one.
    pub(super) fn open_to_read(path: &Path) -> Result<Option<Self>, TrackerError> {
        Self::open(path, OpenOptions::new().read(true))
    }

    /// Opens the file, if there is one, to read it and append to it.
    pub(super) fn open_to_append(path: &Path) -> Result<Option<Self>, TrackerError> {
        Self::open(path, OpenOptions::new().read(true).append(true))
    }

    /// Creates the file; `None` where there is one already.
    pub(super) fn create(path: &Path) -> Result<Option<Self>, TrackerError> {
        let created = OpenOptions::new().read(true).append(true).create_new(true).mode(disk::SHARED_MODE).open(path);
        match created {
            Ok(file) => Ok(Some(Self { file, path: path.to_owned() })),
            // A link that leads nowhere is there as well, and stays.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.exists() => Ok(None),
            Err(error) => Err(DiskError::on("create the tracker", path)(error).into()),
        }
    }

    fn open(path: &Path, options: &mut OpenOptions) -> Result<Option<Self>, TrackerError> {
        let action = "open the tracker";
        // Looked at before it is opened, for that alone may block or set a device going; and again once it is open.
        let opened = fs::metadata(path).and_then(|metadata| {
            if metadata.is_file() { Self::open_regular(path, options) } else { Ok(Err(metadata.file_type())) }
        });
        match opened {
            Ok(Ok(file)) => Ok(Some(Self { file, path: path.to_owned() })),
            Ok(Err(kind)) => Err(TrackerError::NotAFile { path: path.to_owned(), what: disk::kind_of(kind) }),
            // A link that leads nowhere is an unmounted disk rather than a new tracker.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
                Err(TrackerError::NotAFile { path: path.to_owned(), what: "a link that leads nowhere" })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DiskError::on(action, path)(error).into()),
        }
    }

    fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<Result<File, FileType>> {
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = options.custom_flags(flags.bits().cast_signed()).open(path)?;
        let kind = file.metadata()?.file_type();
        Ok(if kind.is_file() { Ok(file) } else { Err(kind) })
    }

    /// The file as it is now.
    pub(super) fn identity(&self) -> Result<Identity, DiskError> {
        self.metadata().map(|metadata| Identity::of(&metadata))
    }

    /// All its bytes.
    pub(super) fn read(&self) -> Result<Vec<u8>, TrackerError> {
        let size = ByteCount(self.metadata()?.len());
        if size > MAX_SIZE {
            return Err(TrackerError::TooLarge { path: self.path.clone(), size });
        }
        let mut bytes = Vec::new();
        // It may grow meanwhile; what comes after is read the next time.
        (&self.file).take(MAX_SIZE.0).read_to_end(&mut bytes).map_err(DiskError::on("read the tracker", &self.path))?;
        Ok(bytes)
    }

    /// Appends `record`, durably, after a line end where the file lacks its last one. What the file then is; `None` where
    /// somebody else has written to it as well.
    pub(super) fn append(&self, line_end: &[u8], record: &[u8]) -> Result<Option<Identity>, DiskError> {
        let before = self.metadata()?.len();
        let closed = before == 0 || self.last_byte(before)? == line_end.last().copied();
        let record = if closed { record.to_vec() } else { [line_end, record].concat() };
        let written = self.write(&record, before == 0);
        if written.is_err() {
            // The first error is the one to tell; a piece that stays is a torn line, which every reader knows.
            drop(self.take_back(before, &record));
        }
        written?;
        let after = self.metadata()?;
        let is_ours_alone = after.len().checked_sub(before) == u64::try_from(record.len()).ok();
        Ok(is_ours_alone.then(|| Identity::of(&after)))
    }

    fn last_byte(&self, len: u64) -> Result<Option<u8>, DiskError> {
        let mut last = [0];
        let read = self.file.read_at(&mut last, len.saturating_sub(1));
        let read = read.map_err(DiskError::on("read the tracker", &self.path))?;
        Ok(last.into_iter().take(read).next())
    }

    /// Writes and syncs; a file that was empty may be new, and so its name is synced as well.
    fn write(&self, record: &[u8], was_empty: bool) -> Result<(), DiskError> {
        (&self.file).write_all(record).map_err(DiskError::on("append to the tracker", &self.path))?;
        if !was_empty {
            return self.file.sync_data().map_err(DiskError::on("sync the tracker", &self.path));
        }
        self.sync()
    }

    /// Makes the file durable, and its name.
    pub(super) fn sync(&self) -> Result<(), DiskError> {
        self.file.sync_all().map_err(DiskError::on("sync the tracker", &self.path))?;
        disk::sync_folder(disk::parent(&self.path))
    }

    /// Takes back what was written of a record, if that is all that follows what was there before.
    fn take_back(&self, before: u64, record: &[u8]) -> io::Result<()> {
        let len = self.file.metadata()?.len();
        let Some(added) = len.checked_sub(before).and_then(|added| usize::try_from(added).ok()) else { return Ok(()) };
        if added == 0 || added > record.len() {
            return Ok(());
        }
        let mut tail = vec![0; added];
        self.file.read_exact_at(&mut tail, before)?;
        if record.starts_with(&tail) {
            self.file.set_len(before)?;
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// Whether the path still leads to this file.
    pub(super) fn is_still_at(&self, path: &Path) -> bool {
        let here = self.file.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        let there = fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
        matches!((here, there), (Ok(here), Ok(there)) if here == there)
    }

    fn metadata(&self) -> Result<Metadata, DiskError> {
        self.file.metadata().map_err(DiskError::on("look at the tracker", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(bytes: &[u8]) -> (tempfile::TempDir, TrackerFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("processed.csv");
        fs::write(&path, bytes).unwrap();
        let file = TrackerFile::open_to_append(&path).unwrap().unwrap();
        (folder, file)
    }

    #[test]
    fn d3_a_piece_of_a_row_is_taken_back_after_a_failed_write() {
        let (_folder, file) = holding(b"header\nrow");
        file.take_back(7, b"row one\n").unwrap();
        assert_eq!(fs::read(&file.path).unwrap(), b"header\n");
    }

    #[test]
    fn d3_c9_what_somebody_else_wrote_is_never_taken_back() {
        for tail in ["row one\nanother\n", "another\n", ""] {
            let bytes = format!("header\n{tail}");
            let (_folder, file) = holding(bytes.as_bytes());
            file.take_back(7, b"row one\n").unwrap();
            assert_eq!(fs::read_to_string(&file.path).unwrap(), bytes);
        }
    }

    #[test]
    fn c1_c2_a_line_end_goes_first_only_where_one_is_missing() {
        for (before, line_end, after) in [
            ("", "\n", "row\n"),
            ("a\n", "\n", "a\nrow\n"),
            ("a", "\n", "a\nrow\n"),
            ("a", "\r\n", "a\r\nrow\n"),
            ("a\r", "\r\n", "a\r\r\nrow\n"),
            ("a\r", "\r", "a\rrow\n"),
            ("a\n\0\0", "\n", "a\n\0\0\nrow\n"),
        ] {
            let (_folder, file) = holding(before.as_bytes());
            file.append(line_end.as_bytes(), b"row\n").unwrap();
            assert_eq!(fs::read_to_string(&file.path).unwrap(), after);
        }
    }
    #[test]
    fn c6_a_file_that_an_editor_has_replaced_is_no_longer_at_its_path() {
        let (folder, file) = holding(b"header\n");
        assert!(file.is_still_at(&file.path));
        let beside = folder.path().join("beside");
        fs::write(&beside, "header\n").unwrap();
        fs::rename(beside, &file.path).unwrap();
        assert!(!file.is_still_at(&file.path));
    }
}
