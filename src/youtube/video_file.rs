//! The file that is sent: read through one open handle, and no other than it was.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream;
use reqwest::Body;
use rustix::fs::OFlags;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::progress::Progress;
use crate::disk::DiskError;
use crate::meeting::ByteCount;

/// "Maximum file size: 256GB" ("Videos: insert").
const LARGEST: ByteCount = ByteCount(256 << 30);
/// How much is read at once.
const BATCH: usize = 512 << 10;
/// How many of these may wait to be sent.
const AHEAD: usize = 2;
/// How much is handed on at once: by this the progress is told, and a standstill found.
const PIECE: usize = 64 << 10;

/// Why a file is not sent, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// There is nothing in it.
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
    /// `YouTube` takes none so large.
    #[error("{} has {size}, and YouTube takes {LARGEST} at most", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: ByteCount,
    },
    /// It is another than when it was opened: none of it may become a video.
    #[error("{} was changed while it was sent", .0.display())]
    Changed(PathBuf),
    /// It is something else than a file.
    #[error("{} is no file", .0.display())]
    NoFile(PathBuf),
    /// It can't be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A video, opened to be sent.
#[derive(Clone, Debug)]
pub struct VideoFile {
    file: Arc<File>,
    path: PathBuf,
    size: u64,
    modified_ns: i64,
}

impl VideoFile {
    /// Opens a file; it blocks.
    ///
    /// # Errors
    /// [`FileFault`]; empty and overly large ones are refused here.
    pub fn open(path: &Path) -> Result<Self, FileFault> {
        // Neither a link, which may lead out of the archive, nor a wait for whoever writes to a pipe.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        let file = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path);
        let file = file.map_err(DiskError::on("open", path))?;
        let meta = file.metadata().map_err(DiskError::on("look at", path))?;
        match meta.len() {
            _ if !meta.is_file() => Err(FileFault::NoFile(path.to_owned())),
            0 => Err(FileFault::Empty(path.to_owned())),
            size if size > LARGEST.0 => Err(FileFault::TooLarge { path: path.to_owned(), size: ByteCount(size) }),
            size => Ok(Self { file: Arc::new(file), path: path.to_owned(), size, modified_ns: modified_ns(&meta) }),
        }
    }

    /// Its size in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// When it was last changed, in nanoseconds of Unix time.
    #[must_use]
    pub const fn modified_ns(&self) -> i64 {
        self.modified_ns
    }

    /// Its name without its folder.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Its bytes from one on as a body, which fails rather than end where the file has changed; and what became of it.
    ///
    /// They are read on a thread of their own, and no further ahead than a few batches. It ends with the body.
    pub(super) fn body_from(&self, from: u64, progress: &Progress) -> (Body, JoinHandle<Result<(), FileFault>>) {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let video = self.clone();
        let reading = spawn_blocking(move || {
            let read = video.read_into(from, &sender);
            if let Err(fault) = &read {
                // Nobody may be there to hear it.
                sender.blocking_send(Err(io::Error::other(fault.to_string()))).ok();
            }
            read
        });
        progress.begin(from);
        let pieces = Pieces { receiver, batch: Bytes::new(), at: from, progress: progress.clone() };
        (Body::wrap_stream(stream::unfold(pieces, Pieces::next)), reading)
    }

    fn read_into(&self, from: u64, sender: &mpsc::Sender<io::Result<Bytes>>) -> Result<(), FileFault> {
        let mut at = from;
        self.check_unchanged()?;
        while at < self.size {
            let len = usize::try_from(self.size - at).unwrap_or(BATCH).min(BATCH);
            let mut batch = BytesMut::zeroed(len);
            self.file.read_exact_at(&mut batch, at).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => FileFault::Changed(self.path.clone()),
                _ => DiskError::on("read", &self.path)(error).into(),
            })?;
            at += len as u64;
            if at == self.size {
                // Before the last bytes go out: without them, the upload never ends with a video.
                self.check_unchanged()?;
            }
            if sender.blocking_send(Ok(batch.freeze())).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn check_unchanged(&self) -> Result<(), FileFault> {
        let meta = self.file.metadata().map_err(DiskError::on("look at", &self.path))?;
        let is_same = meta.len() == self.size && modified_ns(&meta) == self.modified_ns;
        if is_same { Ok(()) } else { Err(FileFault::Changed(self.path.clone())) }
    }
}

fn modified_ns(meta: &std::fs::Metadata) -> i64 {
    meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec())
}

/// Batches on their way into a body.
struct Pieces {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    batch: Bytes,
    at: u64,
    progress: Progress,
}

impl Pieces {
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        if self.batch.is_empty() {
            match self.receiver.recv().await? {
                Ok(batch) => self.batch = batch,
                Err(error) => return Some((Err(error), self)),
            }
        }
        let piece = self.batch.split_to(self.batch.len().min(PIECE));
        self.at += piece.len() as u64;
        self.progress.set(self.at);
        Some((Ok(piece), self))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn opened(content: &[u8]) -> (tempfile::TempDir, PathBuf, Result<VideoFile, FileFault>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("video.mp4");
        fs::write(&path, content).unwrap();
        let video = VideoFile::open(&path);
        (folder, path, video)
    }

    #[test]
    fn y15_a_file_that_youtube_would_never_take_is_not_opened() {
        let (_folder, path, video) = opened(b"");
        assert!(matches!(video, Err(FileFault::Empty(_))), "{video:?}");
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(LARGEST.0).unwrap();
        assert_eq!(VideoFile::open(&path).unwrap().size(), LARGEST.0);
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(LARGEST.0 + 1).unwrap();
        assert!(matches!(VideoFile::open(&path), Err(FileFault::TooLarge { .. })));
    }

    #[test]
    fn what_is_no_file_is_not_opened_and_not_waited_for() {
        let (folder, path, _) = opened(b"x");
        let link = folder.path().join("link.mp4");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(VideoFile::open(&link), Err(FileFault::Disk(_))));
        assert!(matches!(VideoFile::open(folder.path()), Err(FileFault::NoFile(_))));
        let pipe = folder.path().join("pipe.mp4");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(matches!(VideoFile::open(&pipe), Err(FileFault::NoFile(_))));
        assert!(matches!(VideoFile::open(&folder.path().join("none.mp4")), Err(FileFault::Disk(_))));
    }

    /// Reads a file of several batches, with something done to it once the first one has come.
    fn read_while(change: impl FnOnce(&Path)) -> (Vec<u8>, Result<(), FileFault>) {
        let content: Vec<u8> = (0..5 * BATCH).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let (_folder, path, video) = opened(&content);
        let (sender, mut receiver) = mpsc::channel(AHEAD);
        std::thread::scope(|scope| {
            let video = video.unwrap();
            let reading = scope.spawn(move || video.read_into(0, &sender));
            let mut read = receiver.blocking_recv().unwrap().unwrap().to_vec();
            change(&path);
            while let Some(batch) = receiver.blocking_recv() {
                read.extend_from_slice(&batch.unwrap());
            }
            (read, reading.join().unwrap())
        })
    }

    #[test]
    fn y13_a_file_that_changes_while_it_is_read_never_comes_to_its_end() {
        let (read, outcome) = read_while(|_| {});
        assert!(read.len() == 5 * BATCH && outcome.is_ok());
        let changes: [fn(&Path); 3] = [
            |path| fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b"more").unwrap(),
            |path| fs::OpenOptions::new().write(true).open(path).unwrap().set_len(10).unwrap(),
            |path| fs::File::open(path).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap(),
        ];
        for change in changes {
            let (read, outcome) = read_while(change);
            assert!(matches!(outcome, Err(FileFault::Changed(_))), "{outcome:?}");
            assert!(read.len() < 5 * BATCH);
        }
    }

    #[test]
    fn y13_a_file_that_vanishes_or_is_replaced_while_it_is_read_is_sent_as_it_was() {
        let replace = |path: &Path| {
            fs::write(path.with_extension("new"), "other").unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        };
        let changes: [&dyn Fn(&Path); 2] = [&|path| fs::remove_file(path).unwrap(), &replace];
        for change in changes {
            let (read, outcome) = read_while(change);
            assert!(outcome.is_ok() && read.len() == 5 * BATCH);
            assert!(read.iter().enumerate().all(|(n, byte)| usize::from(*byte) == n % 251));
        }
    }
}
