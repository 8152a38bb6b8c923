//! Durable writes: what is said to be on the disk is there after a power cut.
//!
//! Everything here blocks; async code calls it through [`blocking`]. Nothing here knows what it writes.

mod folder;
mod lock;
pub mod mounts;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub use folder::{Entry, OpenFolder};
pub use lock::{Lock, LockError, holder};

use rustix::fs::RenameFlags;

use crate::meeting::ByteCount;

/// Suffix of everything unfinished that this program writes.
pub const UNFINISHED: &str = ".part";

/// How many random letters and digits are in the name of a replacement.
const RANDOM: usize = 6;
/// What a probe of a folder is called.
const PROBE: &str = "probe";

/// A folder's mode: its group may read what is archived.
pub const FOLDER_MODE: u32 = 0o750;
/// A secret's mode.
pub const SECRET_MODE: u32 = 0o600;
/// Mode of what people may read.
pub const SHARED_MODE: u32 = 0o640;

/// An operation on a path that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct DiskError {
    /// What was tried, as a verb.
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

impl DiskError {
    /// For `map_err`: this action on this path failed.
    pub fn on<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |source| Self { action, path: path.to_owned(), source }
    }

    /// Whether the disk (or its quota) is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// Whether the next path there would fare no better: the disk is full, can only be read, or fails, or there is no file
    /// descriptor to be had.
    #[must_use]
    pub fn concerns_all(&self) -> bool {
        use rustix::io::Errno;

        let others = [Errno::IO, Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
        let is_read_only = self.source.kind() == io::ErrorKind::ReadOnlyFilesystem;
        self.is_full() || is_read_only || self.source.raw_os_error().is_some_and(|code| others.contains(&code))
    }
}

/// Runs blocking work off the runtime's threads, and waits for it.
///
/// # Panics
/// Where `work` panics: the panic goes on in the caller.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Blocking work is cancelled only where the runtime itself comes to its end.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Replaces a file by `content` so that after a power cut it holds the old bytes or the new, never a mixture:
/// temporary file beside it, sync, rename, sync of the folder.
///
/// # Errors
/// [`DiskError`] with the step that failed; the old file is then as it was.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), DiskError> {
    let folder = parent(path);
    let mut file = tempfile::Builder::new()
        .prefix(&prefix(path))
        .rand_bytes(RANDOM)
        .suffix(UNFINISHED)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(DiskError::on("create a file in", folder))?;
    file.write_all(content).map_err(DiskError::on("write", path))?;
    file.as_file().sync_all().map_err(DiskError::on("sync", path))?;
    file.persist(path).map_err(|error| DiskError::on("replace", path)(error.error))?;
    sync_folder(folder)
}

/// What the name of a file's replacement begins with.
fn prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or(OsStr::new("file")));
    prefix.push(".");
    prefix
}

/// Removes what replacements of a file that were interrupted have left beside it; for whoever alone may replace it now.
/// What can't be removed stays: it is in nobody's way.
pub fn remove_leftovers(path: &Path) {
    let prefix = prefix(path);
    let is_leftover = |name: &OsStr| {
        let rest = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
        let random = rest.and_then(|rest| rest.strip_suffix(UNFINISHED.as_bytes()));
        random.is_some_and(|random| random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric))
    };
    for entry in fs::read_dir(parent(path)).into_iter().flatten().flatten() {
        if is_leftover(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            fs::remove_file(entry.path()).ok();
        }
    }
}

/// Renames a file, unless the new name is taken: nothing that is there is overwritten.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] where it is taken.
pub fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::io::Errno;

    let here = rustix::fs::CWD;
    match rustix::fs::renameat_with(here, from, here, to, RenameFlags::NOREPLACE) {
        // Some file systems know no such renaming.
        Err(Errno::INVAL | Errno::NOSYS) if to.symlink_metadata().is_err() => fs::rename(from, to),
        other => Ok(other?),
    }
}

/// Makes the names in a folder durable.
///
/// # Errors
/// [`DiskError`] where the folder can't be opened or synced.
pub fn sync_folder(folder: &Path) -> Result<(), DiskError> {
    File::open(folder).and_then(|handle| handle.sync_all()).map_err(DiskError::on("sync the folder", folder))
}

/// Creates a folder and what lacks above it (mode 0750), each made durable in its parent.
///
/// # Errors
/// [`DiskError`] with the first folder that could not be made.
pub fn create_folder(folder: &Path) -> Result<(), DiskError> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let above = parent(folder);
    create_folder(above)?;
    match fs::DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        other => other.map_err(DiskError::on("create the folder", folder))?,
    }
    sync_folder(above)
}

/// Proves that a folder takes `room` bytes, durably, by writing and removing them.
///
/// # Errors
/// [`DiskError`] where it does not: no such folder, no permission, no space.
pub fn prove_writable(folder: &Path, room: usize) -> Result<(), DiskError> {
    let probe = || -> io::Result<()> {
        remove_leftovers(&folder.join(PROBE));
        let mut probe = tempfile::Builder::new();
        let mut file =
            probe.prefix(&prefix(Path::new(PROBE))).rand_bytes(RANDOM).suffix(UNFINISHED).tempfile_in(folder)?;
        file.write_all(&vec![0; room])?;
        file.as_file().sync_all()
    };
    // The name of what was to be written there says nothing to anybody.
    probe().map_err(|error| DiskError::on("write in", folder)(without_path(error)))
}

/// An error of the system alone, where a library has added a path to it.
fn without_path(error: io::Error) -> io::Error {
    let cause = error.get_ref().and_then(|inner| inner.source()).and_then(|source| source.downcast_ref::<io::Error>());
    match cause.and_then(io::Error::raw_os_error) {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error,
    }
}

/// The space on a folder's file system that this process may still use.
///
/// # Errors
/// [`DiskError`] where the file system can't be asked.
pub fn free_space(folder: &Path) -> Result<ByteCount, DiskError> {
    let stat = rustix::fs::statvfs(folder)
        .map_err(|errno| DiskError::on("ask for the free space of", folder)(errno.into()))?;
    Ok(ByteCount(stat.f_bavail.saturating_mul(stat.f_frsize)))
}

/// Reads a file that may not be there.
///
/// # Errors
/// [`DiskError`] where it is there but can't be read.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, DiskError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DiskError::on("read", path)(error)),
    }
}

/// The folder that a path is in; `.` for a bare name.
#[must_use]
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What lies in the place of a regular file, in words.
#[must_use]
pub fn kind_of(kind: fs::FileType) -> &'static str {
    if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_has_the_new_bytes_and_mode_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "old").unwrap();
        replace(&path, b"new", SECRET_MODE).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, SECRET_MODE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_replacement_that_fails_names_what_and_where_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        let error = replace(&path, b"new", SHARED_MODE).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot replace {}", path.display()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn d16_what_an_interrupted_replacement_left_is_removed_and_nothing_that_only_looks_like_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let others = [
            "state.json",
            "state.json.Ab12Cd.part",
            ".state.json.part",
            ".state.json.Ab12Cd",
            ".state.json.Ab12.part",
            ".state.json.Ab-2Cd.part",
            ".state.json.Ab12Cd7.part",
            ".other.json.Ab12Cd.part",
            "gallery_view.mp4.part",
        ];
        for name in others.iter().chain(&[".state.json.Ab12Cd.part", ".state.json.zzzzzz.part"]) {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        fs::create_dir(folder.path().join(".state.json.folder.part")).unwrap();
        std::os::unix::fs::symlink(&path, folder.path().join(".state.json.linked.part")).unwrap();

        remove_leftovers(&path);

        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let mut expected = [&others[..], &[".state.json.folder.part", ".state.json.linked.part"]].concat();
        expected.sort_unstable();
        assert_eq!(left, expected);
    }

    #[test]
    fn folders_are_made_for_their_group_to_read() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("a/b");
        create_folder(&made).unwrap();
        create_folder(&made).unwrap();
        assert_eq!(
            fs::metadata(&made).unwrap().permissions().mode() & 0o027,
            0,
            "others may not, and the group may only read"
        );
    }

    #[test]
    fn what_is_not_there_is_no_error_to_read_but_no_place_to_write() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        assert!(read_if_there(&missing).unwrap().is_none());
        assert!(prove_writable(&missing, 1).is_err());
        prove_writable(folder.path(), 8192).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
