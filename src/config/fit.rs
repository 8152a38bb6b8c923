//! What must fit together: values of different keys, and paths.

use std::path::{Component, Path, PathBuf};

use super::reader::Reader;
use super::{PartsPolicy, Settings};

/// What an error message calls the folder `uploads`.
const UPLOADS: &str = "the folder of unfinished uploads";

/// Adds to the reader's problems what doesn't fit.
pub(super) fn check(reader: &mut Reader<'_>, settings: &Settings) {
    check_together(reader, settings);
    check_paths(reader, settings);
}

/// What must fit together, of different keys.
fn check_together(reader: &mut Reader<'_>, settings: &Settings) {
    let Settings { poll, youtube, cleanup, .. } = settings;
    if reader.is_fine("poll.recent_days")
        && reader.is_fine("poll.lookback_days")
        && poll.recent_days > poll.lookback_days
    {
        reader
            .refuse("poll.recent_days", format!("allowed is 1 to poll.lookback_days, which is {}", poll.lookback_days));
    }
    if youtube.enabled && youtube.client_id.is_none() {
        reader.required("youtube.client_id", None::<()>);
    }
    if youtube.enabled && youtube.client_secret.is_none() {
        reader.required("youtube.client_secret", None::<()>);
    }
    if cleanup.delete_after_upload && !(youtube.enabled && youtube.parts == PartsPolicy::All) {
        reader.refuse("cleanup.delete_after_upload", "this needs youtube.enabled = true and youtube.parts = \"all\"");
    }
}

/// No path may be there for two things, and the log's folder is the log's alone: old files in it are deleted.
fn check_paths(reader: &mut Reader<'_>, settings: &Settings) {
    let Settings { state_dir, zoom, archive, tracker, log, youtube, .. } = settings;
    let own = |name: &str| resolved(&state_dir.join(name));
    let access_token = zoom.token_file.with_file_name(".zoom_access_token");
    let given = [
        ("zoom.token_file", resolved(&zoom.token_file)),
        ("youtube.token_file", resolved(&youtube.token_file)),
        ("tracker.file", resolved(&tracker.file)),
        ("archive.directory", resolved(&archive.directory)),
        ("log.directory", resolved(&log.directory)),
    ];
    let taken = [
        ("state_dir", resolved(state_dir)),
        ("the access token", resolved(&access_token)),
        ("state.json", own("state.json")),
        ("status.json", own("status.json")),
        ("the lock file", own("lock")),
        (UPLOADS, own("uploads")),
    ];
    for (index, (key, path)) in given.iter().enumerate() {
        for (other, other_path) in taken.iter().chain(given.iter().take(index)) {
            let (at_key, at_other) = if path == other_path {
                let same = |other: &str| format!("this is the path of {other} too; each needs one of its own");
                (same(other), same(key))
            } else if (is_file(key) && other_path.starts_with(path)) || (is_file(other) && path.starts_with(other_path))
            {
                let nested = |other: &str| format!("this and {other} are inside each other, but one of them is a file");
                (nested(other), nested(key))
            } else if *key == "log.directory" && other_path.starts_with(path) {
                let why = "the log needs a folder of its own, for old files are deleted there";
                (format!("{other} is in this folder; {why}"), format!("this is in {key}; {why}"))
            } else {
                continue;
            };
            // Told where it was written, not of a default that it clashes with.
            let is_others = reader.is_default(key) && !reader.is_default(other);
            if is_others { reader.refuse(other, at_other) } else { reader.refuse(key, at_key) }
        }
    }
}

fn is_file(role: &str) -> bool {
    !role.ends_with("directory") && role != "state_dir" && role != UPLOADS
}

/// A path with its `..` resolved by the letter, to compare with others.
fn resolved(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, part| {
        if part == Component::ParentDir {
            path.pop();
        } else {
            path.push(part);
        }
        path
    })
}
