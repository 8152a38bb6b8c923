//! Locks that the operating system holds for as long as the process lives: kill -9 leaves none behind.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{DiskError, SECRET_MODE};

/// An exclusive lock on a lock file, held until dropped. The file itself is never removed.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why a lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("{} is held by another process", .0.display())]
    Held(PathBuf),
    /// The lock file can't be used at all.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The process that holds the lock, as far as the system tells; none where it is free. It is not taken for that: whoever wants
/// it at that moment would find it held.
///
/// # Errors
/// [`DiskError`] where the lock file can't be looked at.
pub fn holder(path: &Path) -> Result<Option<u32>, DiskError> {
    let inode = match path.metadata() {
        Ok(meta) => meta.ino(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DiskError::on("look at", path)(error)),
    };
    let locks = Path::new("/proc/locks");
    let text = fs::read_to_string(locks).map_err(DiskError::on("read", locks))?;
    Ok(text.lines().find_map(|line| holder_of(line, inode)))
}

/// The process in a line of `/proc/locks`, where that is about a lock on this file:
/// `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`. The device isn't compared: some file systems show another one there.
fn holder_of(line: &str, inode: u64) -> Option<u32> {
    let mut fields = line.split_whitespace().skip(1);
    let (kind, pid, file) = (fields.next()?, fields.nth(2)?, fields.next()?);
    let is_it = kind == "FLOCK" && file.rsplit(':').next()?.parse() == Ok(inode);
    is_it.then(|| pid.parse().ok()).flatten()
}

impl Lock {
    /// Takes the lock, or says at once that somebody has it.
    ///
    /// # Errors
    /// [`LockError::Held`], or [`LockError::Disk`] where the file can't be opened or locked.
    pub fn try_take(path: &Path) -> Result<Self, LockError> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(SECRET_MODE)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(path)
            .map_err(DiskError::on("open the lock", path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(DiskError::on("lock", path)(io::Error::from(error.kind())).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p14_a_lock_is_one_holders_at_a_time_and_free_again_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert_eq!(holder(&path).unwrap(), None);
        let held = Lock::try_take(&path).unwrap();
        assert_eq!(holder(&path).unwrap(), Some(std::process::id()));
        assert!(matches!(Lock::try_take(&path), Err(LockError::Held(_))));
        drop(held);
        assert_eq!(holder(&path).unwrap(), None);
        Lock::try_take(&path).unwrap();
    }
}
