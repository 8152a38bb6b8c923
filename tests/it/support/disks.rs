//! Disks of their own for a test: small ones that fill up, others that come and go or may not be written to.
//!
//! Mounting takes a privileged user; where it is not permitted, a test says on stderr that it is skipped.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::skipped;

/// A file system at a path, until dropped.
pub(crate) struct Mount {
    path: PathBuf,
}

impl Mount {
    /// A file system in memory of this size (`16m`, say) over a folder.
    pub(crate) fn of_size(size: &str, path: &Path) -> Option<Self> {
        Self::new(&["-t", "tmpfs", "-o", &format!("size={size},mode=0750"), "tmpfs"], path)
    }

    /// What is at `from`, folder or file, over what is at `path`.
    pub(crate) fn bound(from: &Path, path: &Path) -> Option<Self> {
        Self::new(&["-o", "bind", &from.display().to_string()], path)
    }

    /// The same folder, which nobody may write to any more.
    pub(crate) fn read_only(path: &Path) -> Option<Self> {
        Self::new(&["-o", "bind,ro", &path.display().to_string()], path)
    }

    fn new(arguments: &[&str], path: &Path) -> Option<Self> {
        let problem = match Command::new("mount").args(arguments).arg(path).output() {
            Ok(output) if output.status.success() => return Some(Self { path: path.to_owned() }),
            Ok(output) => String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_owned(),
            Err(error) => error.to_string(),
        };
        skipped(&format!("nothing can be mounted here: {problem}"));
        None
    }

    /// Fills all that is free but for so many bytes.
    pub(crate) fn fill_but_for(&self, bytes: u64) {
        let filler = self.filler();
        let mut file = std::fs::File::create(&filler).expect("the filler is created");
        while file.write_all(&[0; 4096]).is_ok() {}
        drop(file);
        let file = std::fs::File::options().write(true).open(&filler).expect("the filler is there");
        let len = file.metadata().expect("its length").len();
        file.set_len(len.saturating_sub(bytes)).expect("it is cut");
    }

    /// Takes the filler away.
    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.filler()).expect("the filler is there");
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a program that is still at work there goes on with what it has open.
        let output = Command::new("umount").arg("-l").arg(&self.path).output();
        let is_over = output.is_ok_and(|output| output.status.success());
        assert!(std::thread::panicking() || is_over, "{} is still mounted", self.path.display());
    }
}
