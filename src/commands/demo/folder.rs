//! The demo's folder: a fresh one each time, with the config and the token that an installation has.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::world::{LEFT_OUT, PLAYLIST, School};
use crate::disk::{self, DiskError};
use crate::report::Failure;

/// Its name in the working directory.
const NAME: &str = "zoom-archiver-demo";
/// The settings in it.
pub(super) const CONFIG: &str = "config.toml";

/// Creates the folder: the one that is asked for, which must not exist yet, or else the next free number.
pub(super) fn create(asked: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(asked) = asked else { return create_next() };
    let folder = absolute(asked)?;
    if try_create(&folder)? { Ok(folder) } else { Err(Failure::FolderExists(folder)) }
}

fn create_next() -> Result<PathBuf, Failure> {
    let first = absolute(Path::new(NAME))?;
    if try_create(&first)? {
        return Ok(first);
    }
    for number in 2..=u32::MAX {
        let folder = first.with_file_name(format!("{NAME}-{number}"));
        if try_create(&folder)? {
            return Ok(folder);
        }
    }
    Err(Failure::FolderExists(first))
}

/// Whether the folder could be created; not if something has its name.
fn try_create(folder: &Path) -> Result<bool, Failure> {
    match DirBuilder::new().mode(disk::FOLDER_MODE).create(folder) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Failure::Folder(DiskError::on("create the folder", folder)(error))),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::Folder(DiskError::on("find", path)(error)))
}

/// Writes what a person would: the settings, and the refresh tokens of two authorizations.
pub(super) fn furnish(folder: &Path, school: &School) -> Result<(), Failure> {
    let School { zoom, youtube, .. } = school;
    let config = format!(
        r#"# The settings of the demo. Those of a real installation name no addresses: Zoom's and YouTube's own are the default.

[zoom]
client_id = "{}"
client_secret = "{}"
api_url = "{}"
oauth_url = "{}"

[download]
min_free_space = "64 MiB"

[select]
exclude_topics = ["{LEFT_OUT}"]

[youtube]
enabled = true
client_id = "{}"
client_secret = "{}"
playlist = "{PLAYLIST}"
# No waiting for further files of a meeting that is only just over.
settle = "0s"
api_url = "{}"
oauth_url = "{}"
"#,
        zoom.client_id(),
        zoom.client_secret(),
        zoom.api_url(),
        zoom.oauth_url(),
        youtube.client_id(),
        youtube.client_secret(),
        youtube.api_url(),
        youtube.oauth_url()
    );
    let zoom_token = format!("{}\n", zoom.refresh_token());
    let youtube_token = format!("{}\n", youtube.authorize());
    for (name, content) in
        [(CONFIG, config), (".zoom_refresh_token", zoom_token), (".youtube_refresh_token", youtube_token)]
    {
        disk::replace(&folder.join(name), content.as_bytes(), disk::SECRET_MODE).map_err(Failure::Folder)?;
    }
    Ok(())
}
