//! A folder held open: what is done in it is done there, whatever becomes of its name or of those above it.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::DiskError;

/// A folder held open.
#[derive(Debug)]
pub struct OpenFolder {
    handle: OwnedFd,
    path: PathBuf,
}

/// What is under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Nothing.
    Nothing,
    /// A regular file with so many bytes.
    File(u64),
    /// Something else: a link, say.
    Other(&'static str),
}

impl OpenFolder {
    /// Opens a folder.
    ///
    /// # Errors
    /// [`DiskError`] where it is none, or can't be read.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(on("open the folder", path))?;
        Ok(Self { handle, path: path.to_owned() })
    }

    /// Opens a folder in this one. A link to one is none.
    ///
    /// # Errors
    /// [`DiskError`], as for [`OpenFolder::open`].
    pub fn enter(&self, name: &str) -> Result<Self, DiskError> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.handle, name, flags, Mode::empty());
        Ok(Self { handle: opened.map_err(on("open the folder", &path))?, path })
    }

    /// Looks at what is under a name, and follows no link.
    ///
    /// # Errors
    /// [`DiskError`] where the disk doesn't tell.
    pub fn look(&self, name: &str) -> Result<Entry, DiskError> {
        let stat = match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Entry::Nothing),
            Err(error) => return Err(on("look at", &self.path.join(name))(error)),
        };
        Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Entry::File(stat.st_size.try_into().unwrap_or(u64::MAX)),
            FileType::Symlink => Entry::Other("a symbolic link"),
            FileType::Directory => Entry::Other("a folder"),
            FileType::Fifo => Entry::Other("a pipe"),
            FileType::Socket => Entry::Other("a socket"),
            _ => Entry::Other("a device"),
        })
    }

    /// Removes a file; [`OpenFolder::sync`] makes that durable.
    ///
    /// # Errors
    /// [`DiskError`] where it stays.
    pub fn remove_file(&self, name: &str) -> Result<(), DiskError> {
        rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()).map_err(on("remove", &self.path.join(name)))
    }

    /// Makes the names in it durable.
    ///
    /// # Errors
    /// [`DiskError`] where that can't be.
    pub fn sync(&self) -> Result<(), DiskError> {
        rustix::fs::fsync(&self.handle).map_err(on("sync the folder", &self.path))
    }
}

fn on<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(Errno) -> DiskError + 'a {
    move |error| DiskError::on(action, path)(io::Error::from(error))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn l3_a_link_to_a_folder_is_not_entered_and_one_to_a_file_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("real")).unwrap();
        fs::write(folder.path().join("real/file"), "abc").unwrap();
        symlink("real", folder.path().join("linked")).unwrap();
        symlink("file", folder.path().join("real/link")).unwrap();
        let opened = OpenFolder::open(folder.path()).unwrap();

        assert!(opened.enter("linked").is_err());
        assert!(opened.enter("missing").is_err());
        let real = opened.enter("real").unwrap();

        assert_eq!(real.look("file").unwrap(), Entry::File(3));
        assert_eq!(real.look("link").unwrap(), Entry::Other("a symbolic link"));
        assert_eq!(real.look("missing").unwrap(), Entry::Nothing);
        assert_eq!(opened.look("real").unwrap(), Entry::Other("a folder"));
    }

    #[test]
    fn what_is_removed_is_removed_from_the_folder_that_was_opened_though_another_has_its_name_now() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("meeting")).unwrap();
        fs::write(at("meeting/file"), "ours").unwrap();
        let opened = OpenFolder::open(folder.path()).unwrap().enter("meeting").unwrap();
        fs::rename(at("meeting"), at("moved")).unwrap();
        fs::create_dir(at("meeting")).unwrap();
        fs::write(at("meeting/file"), "theirs").unwrap();

        opened.remove_file("file").unwrap();
        opened.sync().unwrap();

        assert!(!at("moved/file").exists());
        assert_eq!(fs::read(at("meeting/file")).unwrap(), b"theirs");
        assert!(opened.remove_file("file").is_err());
    }
}
