//! The demo's folder: a fresh one each time, with the config and the token that an installation has.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::world::LEFT_OUT;
use crate::disk::{self, DiskError};
use crate::report::Failure;
use crate::simulator::Simulator;

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

/// Writes what a person would: the settings, and the refresh token of an authorization.
pub(super) fn furnish(folder: &Path, zoom: &Simulator) -> Result<(), Failure> {
    let config = format!(
        r#"# The settings of the demo. Those of a real installation name no addresses: Zoom's own are the default.

[zoom]
client_id = "{}"
client_secret = "{}"
api_url = "{}"
oauth_url = "{}"

[download]
min_free_space = "64 MiB"

[select]
exclude_topics = ["{LEFT_OUT}"]
"#,
        zoom.client_id(),
        zoom.client_secret(),
        zoom.api_url(),
        zoom.oauth_url()
    );
    let token = format!("{}\n", zoom.refresh_token());
    for (name, content) in [(CONFIG, config), (".zoom_refresh_token", token)] {
        disk::replace(&folder.join(name), content.as_bytes(), disk::SECRET_MODE).map_err(Failure::Folder)?;
    }
    Ok(())
}
