//! Locks that the operating system holds for as long as the process lives: kill -9 leaves none behind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
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
        let held = Lock::try_take(&path).unwrap();
        assert!(matches!(Lock::try_take(&path), Err(LockError::Held(_))));
        drop(held);
        Lock::try_take(&path).unwrap();
    }
}
