//! Files with settings or secrets in them, and who else may read or write them.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::problem::Problem;

/// The largest file that is read for its settings or secrets.
const MAX_FILE: u64 = 1 << 20;

/// A file that settings or secrets are read from.
pub(super) struct SettingsFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// All that is in it.
    pub(super) bytes: Vec<u8>,
    /// Its permissions; none for what is no file, like a pipe.
    mode: Option<u32>,
}

impl SettingsFile {
    /// Reads a file, or a pipe, to its end.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(io::Error::other("it is larger than 1 MiB"));
        }
        let mode = metadata.is_file().then(|| metadata.permissions().mode());
        Ok(Self { path: path.to_owned(), bytes, mode })
    }

    /// Whoever may write here decides what the program does, and where its secrets go.
    pub(super) fn check_owner_alone_writes(&self) -> Result<(), Problem> {
        let path = self.path.display();
        if self.mode.is_some_and(|mode| mode & 0o002 != 0) {
            let what = format!("everyone may write to this file, so it is not used; do: chmod o-w '{path}'");
            return Err(Problem::of_source(path.to_string(), what));
        }
        Ok(())
    }

    /// The warning for a secret that everyone may read.
    pub(super) fn others_may_read(&self) -> Option<String> {
        let path = self.path.display();
        let is_open = self.mode.is_some_and(|mode| mode & 0o004 != 0);
        is_open.then(|| format!("everyone on this machine may read the secret in {path}; do: chmod o-rwx '{path}'"))
    }
}
