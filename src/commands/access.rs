//! Who may use what this user may not: the `sudo` line for a config or a state folder that belongs to somebody else.
//!
//! What can't be read doesn't tell whose service it is; what can be seen from outside does: the owner, or the group, of the
//! file or of the nearest folder above it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::setup;
use crate::cli::Global;
use crate::report::Failure;

/// A group may use what it can read, or a folder that it can pass through.
const GROUP_USES: u32 = 0o050;

/// Adds the command line that works to a failure for want of permission to read the config.
pub(super) fn name_the_right_user(failure: Failure, global: &Global) -> Failure {
    let denied = match &failure {
        Failure::Config(error) => error.denied().map(Path::to_owned),
        _ => None,
    };
    let Some(path) = denied else { return failure };
    let config = global.config.is_none().then_some(path.as_path());
    match denied_to_this_user(&path, as_typed(typed(), config)) {
        Some(denied) => denied,
        None => failure,
    }
}

/// The failure for a path that this user is denied, with the command line for one who is not; `None` where nobody is known.
pub(super) fn denied_to_this_user(path: &Path, command: String) -> Option<Failure> {
    let (there, metadata) = nearest_seen(path)?;
    let user = user_of(metadata.uid(), metadata.gid(), metadata.mode());
    let own = setup::user_name(rustix::process::geteuid().as_raw());
    // What denies its own owner is no matter of users.
    let is_own = metadata.uid() == rustix::process::geteuid().as_raw() || user.is_some() && user == own;
    (!is_own).then(|| Failure::Denied { path: path.to_owned(), there, user, command })
}

/// The path, or the nearest folder above it, that can be looked at.
fn nearest_seen(path: &Path) -> Option<(PathBuf, fs::Metadata)> {
    path.ancestors().find_map(|path| match fs::metadata(path) {
        Ok(metadata) => Some(Some((path.to_owned(), metadata))),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
        Err(_) => Some(None),
    })?
}

/// The user who may use what has this owner, group and mode: the owner; where that is root, the one whom the group is named
/// after, as a service's is. `None` is root.
fn user_of(uid: u32, gid: u32, mode: u32) -> Option<String> {
    if uid != 0 {
        return Some(setup::user_name(uid).unwrap_or_else(|| format!("'#{uid}'")));
    }
    if gid == 0 || mode & GROUP_USES == 0 {
        return None;
    }
    let group = name_in("/etc/group", |id, _| id == gid)?;
    name_in("/etc/passwd", |_, name| name == group)
}

/// The name in a list of users or groups whose id and name fit.
fn name_in(list: &str, fits: impl Fn(u32, &str) -> bool) -> Option<String> {
    let list = fs::read_to_string(list).ok()?;
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        fits(fields.nth(1)?.parse().ok()?, name).then(|| name.to_owned())
    })
}

/// What was typed after the program's name.
pub(super) fn typed() -> impl Iterator<Item = String> {
    std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned())
}

/// The command line as it was typed, for a shell, with this binary and the config that it found by itself.
pub(super) fn as_typed(arguments: impl Iterator<Item = String>, config: Option<&Path>) -> String {
    let config = config.map(|path| ["--config".to_owned(), path.display().to_string()]);
    let arguments = arguments.chain(config.into_iter().flatten()).map(|argument| quoted(&argument));
    let binary = std::env::current_exe().map_or_else(|_| "zoom-archiver".to_owned(), |path| path.display().to_string());
    std::iter::once(quoted(&binary)).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it for one.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_may_and_where_that_is_root_the_user_of_the_groups_name() {
        let group =
            name_in("/etc/group", |id, name| id != 0 && name_in("/etc/passwd", |_, user| user == name).is_some());
        let Some(group) = group else { return };
        let gid = fs::read_to_string("/etc/group").unwrap().lines().find_map(|line| {
            let rest = line.strip_prefix(&format!("{group}:"))?;
            rest.split(':').nth(1)?.parse::<u32>().ok()
        });
        let gid = gid.unwrap();
        assert_eq!(user_of(0, gid, 0o100_640), Some(group.clone()));
        assert_eq!(user_of(0, gid, 0o040_710), Some(group));
        assert_eq!(user_of(0, gid, 0o100_600), None, "the group may do nothing");
        assert_eq!(user_of(0, 0, 0o100_640), None, "root's own");
        assert_eq!(user_of(54_321, gid, 0o100_600).unwrap(), "'#54321'");
    }

    #[test]
    fn a_command_line_is_repeated_word_for_word_with_the_config_that_it_found() {
        let words = ["list", "--config", "/a b/it's.toml", ""].map(str::to_owned);
        let line = as_typed(words.into_iter(), None);
        assert!(line.ends_with(r" list --config '/a b/it'\''s.toml' ''"), "{line}");
        let line = as_typed(["list".to_owned()].into_iter(), Some(Path::new("/etc/z/config.toml")));
        assert!(line.ends_with(" list --config /etc/z/config.toml"), "{line}");
    }
}
