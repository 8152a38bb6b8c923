//! What commands do before their own work: settings, folders, the instance lock, the log, Zoom.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use tokio::runtime::Runtime;
use url::Url;

use super::access;
use crate::cli::Global;
use crate::config::{self, Loaded, Settings, Sources, is_loopback};
use crate::disk::{self, DiskError, Lock, LockError};
use crate::http::{self, Clients, Trust};
use crate::logging::{self, Console, LogGuard};
use crate::notify::Notifier;
use crate::oauth::{Issuer, TokenSettings, Tokens};
use crate::pipeline::record::Ledger;
use crate::report::Failure;
use crate::state;
use crate::status;
use crate::youtube::{Uploader, Youtube};
use crate::zoom::Zoom;

/// Name of the instance lock in the state folder.
pub(super) const LOCK: &str = "lock";
/// Written and removed again to prove that a folder can be written to, in bytes.
const PROBE: usize = 4096;
/// Files and connections that are open at once where one recording is fetched after the other.
const FEWEST_FILES: u64 = 24;
/// What a system usually allows, and enough for the most workers that there may be.
const USUAL_FILES: u64 = 1024;
/// How long the end waits for Zoom's answer to a token refresh: with the downloads' landing, less than 10 s.
const LAST_ANSWER: Duration = Duration::from_secs(3);

/// A command with everything that those who write need. Dropping it ends the log and frees the lock.
#[derive(Debug)]
pub struct Session {
    /// The settings in force.
    pub settings: Arc<Settings>,
    /// Where they came from, to read them again.
    pub sources: Sources,
    _log: LogGuard,
    _lock: Lock,
}

/// Files for their group to read at most, and no way into the memory, where there are secrets: no core dumps, not even to a
/// program that takes them whatever the limit says, and no debugger of another process of the same user.
pub fn harden_process() {
    rustix::process::umask(Mode::from_raw_mode(0o027));
    // Where even that is forbidden (a strict service manager), its own limits hold.
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).ok();
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
}

/// Raises the limit of open files where that is low, as far as it may be raised.
///
/// # Errors
/// [`Failure::FewFiles`] where it stays too low for a single download: no step of the work would be sure of one, and the
/// runtime itself panics without.
pub fn allow_open_files() -> Result<(), Failure> {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|current| *current < USUAL_FILES) else { return Ok(()) };
    let possible = limit.maximum.map_or(USUAL_FILES, |most| most.min(USUAL_FILES)).max(current);
    let raised = Rlimit { current: Some(possible), maximum: limit.maximum };
    let allowed = if rustix::process::setrlimit(Resource::Nofile, raised).is_ok() { possible } else { current };
    if allowed < FEWEST_FILES { Err(Failure::FewFiles { allowed, needed: FEWEST_FILES }) } else { Ok(()) }
}

/// Reads the settings, and applies what the command line says instead.
///
/// # Errors
/// [`Failure::Config`] with all that is wrong.
pub fn settings(global: &Global) -> Result<(Loaded, Sources), Failure> {
    let sources = Sources::of_process(global.config.clone());
    let loaded = load(&sources, global.log_level.as_deref())?;
    Ok((loaded, sources))
}

fn load(sources: &Sources, log_level: Option<&str>) -> Result<Loaded, Failure> {
    let mut loaded = config::load(sources)?;
    if let Some(level) = log_level {
        level.clone_into(&mut loaded.settings.log.level);
    }
    Ok(loaded)
}

/// Makes ready for a command that writes: its folders, the instance lock, the log.
///
/// # Errors
/// [`Failure`]; what is wrong with the settings or the folders is found before anything is created.
pub fn session(global: &Global, console: Console, command: &str) -> Result<Session, Failure> {
    session_on(Sources::of_process(global.config.clone()), global.log_level.as_deref(), console, command)
}

/// The same on settings from elsewhere than the process's own surroundings.
///
/// # Errors
/// As [`session`].
pub fn session_on(
    sources: Sources,
    log_level: Option<&str>,
    console: Console,
    command: &str,
) -> Result<Session, Failure> {
    let loaded = load(&sources, log_level)?;
    let settings = loaded.settings;
    // Before the folders: to another user than theirs, it is no help that they can't be written to.
    check_user(&settings.state_dir, command, loaded.file.as_deref())?;
    check_folders(&settings)?;
    disk::create_folder(&settings.state_dir).map_err(Failure::Folder)?;
    disk::create_folder(disk::parent(&settings.tracker.file)).map_err(Failure::Folder)?;
    let lock = take_lock(&settings.state_dir)?;
    for replaced in [state::FILE, status::FILE] {
        disk::remove_leftovers(&settings.state_dir.join(replaced));
    }
    let log = logging::start(&settings.log, log_level, console)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let file = loaded.file.as_deref().map_or_else(|| "the environment".to_owned(), |file| file.display().to_string());
    tracing::info!(config = %file, "zoom-archiver {} starts: {}", env!("CARGO_PKG_VERSION"), settings.summary());
    Ok(Session { settings: Arc::new(settings), sources, _log: log, _lock: lock })
}

/// Zoom, as the settings say.
///
/// # Errors
/// [`Failure::Http`] where the machine has no certificates to check others by, say.
pub fn zoom(settings: &Settings) -> Result<Zoom, Failure> {
    let clients = clients(settings, &settings.zoom.api_url)?;
    let tokens = Tokens::new(
        TokenSettings {
            issuer: Issuer::Zoom,
            client_id: settings.zoom.client_id.clone(),
            client_secret: settings.zoom.client_secret.clone(),
            token_file: settings.zoom.token_file.clone(),
            oauth_url: settings.zoom.oauth_url.clone(),
        },
        clients.api.clone(),
    );
    let trust = Trust::new(&settings.zoom.api_url, &settings.zoom.oauth_url);
    Ok(Zoom::new(&settings.zoom.api_url, clients, trust, tokens))
}

/// `YouTube`, as the settings say.
///
/// # Errors
/// [`Failure::Config`] where the client's id or secret is not set; [`Failure::Http`] as for [`zoom`].
pub fn youtube(settings: &Settings) -> Result<Youtube, Failure> {
    let client = settings.youtube.client()?;
    let api = clients(settings, &settings.youtube.api_url)?.api;
    let tokens = Tokens::new(
        TokenSettings {
            issuer: Issuer::Google,
            client_id: client.id.to_owned(),
            client_secret: client.secret.clone(),
            token_file: settings.youtube.token_file.clone(),
            oauth_url: settings.youtube.oauth_url.clone(),
        },
        api.clone(),
    );
    Ok(Youtube::new(&settings.youtube.api_url, api, tokens))
}

/// `YouTube` and what sends videos there, where videos are published.
///
/// # Errors
/// As [`youtube`].
pub fn publishing(settings: &Settings) -> Result<Option<(Youtube, Uploader)>, Failure> {
    if settings.youtube.enabled { publisher(settings).map(Some) } else { Ok(None) }
}

/// The same, whether or not videos are published by themselves.
///
/// # Errors
/// As [`youtube`].
pub fn publisher(settings: &Settings) -> Result<(Youtube, Uploader), Failure> {
    let youtube = youtube(settings)?;
    let download = &settings.download;
    let client = http::upload_client(download.connect_timeout, is_loopback(&settings.youtube.api_url))?;
    let uploader = Uploader::new(youtube.clone(), client, download.stall_timeout);
    Ok((youtube, uploader))
}

/// Who tells people, where somebody is to be told.
///
/// # Errors
/// As [`zoom`].
pub fn notifier(settings: &Settings) -> Result<Option<Notifier>, Failure> {
    let urls = &settings.notify.urls;
    if urls.is_empty() {
        return Ok(None);
    }
    let (connect, stall) = (settings.download.connect_timeout, settings.download.stall_timeout);
    let (client, local) = (Clients::new(connect, stall)?.api, Clients::without_proxy(connect, stall)?.api);
    Ok(Some(Notifier::new(urls, client, local)))
}

fn clients(settings: &Settings, api_url: &Url) -> Result<Clients, Failure> {
    let (connect, stall) = (settings.download.connect_timeout, settings.download.stall_timeout);
    // A service on loopback is out of a proxy's reach.
    let clients =
        if is_loopback(api_url) { Clients::without_proxy(connect, stall) } else { Clients::new(connect, stall) };
    Ok(clients?)
}

/// The runtime that everything asynchronous runs on.
///
/// # Errors
/// [`Failure::Runtime`] where the system has no threads to give.
pub fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Runtime)
}

/// Makes ready for a new token: its folder is there, can be written to, and belongs to this user.
///
/// # Errors
/// [`Failure`]; what is wrong is found before anything is created, and before a person is asked for anything.
pub fn token_folder(
    settings: &Settings,
    token_file: &Path,
    command: &str,
    config: Option<&Path>,
) -> Result<(), Failure> {
    check_user(&settings.state_dir, command, config)?;
    let folder = disk::parent(token_file);
    [settings.state_dir.as_path(), folder].into_iter().try_for_each(check_folder)?;
    if token_file.is_dir() {
        let error = std::io::Error::from(std::io::ErrorKind::IsADirectory);
        return Err(Failure::Folder(DiskError::on("keep a token in", token_file)(error)));
    }
    disk::create_folder(&settings.state_dir).map_err(Failure::Folder)?;
    disk::create_folder(folder).map_err(Failure::Folder)
}

/// Proves that every folder which the settings name can be used, as far as it is there; creates none.
fn check_folders(settings: &Settings) -> Result<(), Failure> {
    let folders = [
        settings.state_dir.as_path(),
        disk::parent(&settings.zoom.token_file),
        disk::parent(&settings.tracker.file),
        settings.log.directory.as_path(),
    ];
    folders.into_iter().try_for_each(check_folder)
}

fn check_folder(folder: &Path) -> Result<(), Failure> {
    prove_usable(folder).map(drop).map_err(Failure::Folder)
}

/// Proves that a folder, or the nearest one above it that is there, can be written to; which of them that is.
///
/// # Errors
/// [`DiskError`] where it can't.
pub fn prove_usable(folder: &Path) -> Result<&Path, DiskError> {
    let there = folder.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(folder);
    disk::prove_writable(there, PROBE).map(|()| there)
}

/// Opens the tracker and the state, and proves that the archive folder can be used, unless its disk isn't mounted: that
/// passes, and is said at each poll.
///
/// # Errors
/// [`Failure`] where the tracker is somebody else's file, say; nothing is created.
pub fn ledger(settings: &Settings) -> Result<Ledger, Failure> {
    let ledger = Ledger::open(settings)?;
    ledger.check_tracker()?;
    if ledger.check_archive().is_ok() {
        check_folder(&settings.archive.directory)?;
    }
    Ok(ledger)
}

/// Waits for a token refresh under way, so that the new token is saved; not for ever, where Zoom doesn't answer.
pub async fn close(tokens: &Tokens) {
    if tokio::time::timeout(LAST_ANSWER, tokens.close()).await.is_err() {
        tracing::warn!(
            "the last request for a token has not been answered; if it was renewed all the same, the app must be authorized again"
        );
    }
}

/// Refuses to work as another user than the owner of the state folder: the service could not use what that leaves.
///
/// # Errors
/// [`Failure::WrongUser`] with the command line that works.
pub fn check_user(state_dir: &Path, command: &str, config: Option<&Path>) -> Result<(), Failure> {
    let owner = match fs::metadata(state_dir) {
        Ok(meta) => meta.uid(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let is_denied = error.kind() == std::io::ErrorKind::PermissionDenied;
            let denied = is_denied.then(|| access::denied_to_this_user(state_dir, again(command, config))).flatten();
            return Err(denied.unwrap_or_else(|| Failure::Folder(DiskError::on("look at", state_dir)(error))));
        }
    };
    if owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    let owner = user_name(owner).unwrap_or_else(|| format!("'#{owner}'"));
    Err(Failure::WrongUser { state_dir: state_dir.to_owned(), owner, command: again(command, config) })
}

/// The command line that does the same with this binary and this config, wherever it is called from.
fn again(command: &str, config: Option<&Path>) -> String {
    let binary = std::env::current_exe().map_or_else(|_| "zoom-archiver".to_owned(), |path| path.display().to_string());
    let config = config.map(|path| format!(" --config '{}'", path.display())).unwrap_or_default();
    format!("'{binary}' {command}{config}")
}

/// The name of a local user.
pub(super) fn user_name(uid: u32) -> Option<String> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

fn take_lock(state_dir: &Path) -> Result<Lock, Failure> {
    match Lock::try_take(&state_dir.join(LOCK)) {
        Ok(lock) => Ok(lock),
        Err(LockError::Held(_)) => Err(Failure::AnotherInstance { state_dir: state_dir.to_owned() }),
        Err(LockError::Disk(error)) => Err(Failure::Folder(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_for_the_right_user_names_this_binary_and_this_config() {
        let line = again("list", Some(Path::new("/etc/zoom archiver/config.toml")));
        let binary = std::env::current_exe().unwrap();
        assert_eq!(line, format!("'{}' list --config '/etc/zoom archiver/config.toml'", binary.display()));
    }
}
