//! Any failure into words, a remedy and an exit code: the one place that gives them.

use std::error::Error;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::ExitCode;

use rustix::io::Errno;

use crate::archive::tracker::TrackerError;
use crate::chain::chain;
use crate::clock::NotSet;
use crate::config::ConfigError;
use crate::disk::DiskError;
use crate::http::HttpError;
use crate::logging::{LogError, shown};
use crate::oauth::{AuthorizeError, Issuer, TokenError};
use crate::pipeline::record::RecordError;
use crate::trouble::Trouble;
use crate::youtube::YoutubeError;
use crate::zoom::ZoomError;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The settings can't be used.
    Config(ConfigError),
    /// A folder that the settings name can't be used.
    Folder(DiskError),
    /// The command would leave files that the service's own user can't use.
    WrongUser {
        /// The state folder.
        state_dir: PathBuf,
        /// Its owner: a name, or else a number.
        owner: String,
        /// The command line that would be right.
        command: String,
    },
    /// This user may not use what somebody else may.
    Denied {
        /// The config, or the state folder.
        path: PathBuf,
        /// What of it, or of the folders above it, could be looked at.
        there: PathBuf,
        /// Who may, as far as can be seen; else it is root.
        user: Option<String>,
        /// The command line that would be right.
        command: String,
    },
    /// The process may not open as many files as it needs.
    FewFiles {
        /// So many it may.
        allowed: u64,
        /// So many it needs.
        needed: u64,
    },
    /// Another instance is at work.
    AnotherInstance {
        /// The state folder that it holds.
        state_dir: PathBuf,
    },
    /// The log can't be written.
    Log(LogError),
    /// The program could not be set up: HTTP.
    Http(HttpError),
    /// The program could not be set up: the runtime.
    Runtime(io::Error),
    /// The machine's clock is not set.
    Clock(NotSet),
    /// The tracker, `state.json` or the archive can't be used.
    Record(RecordError),
    /// There is no access to Zoom until a person has authorized it.
    Unauthorized(ZoomError),
    /// An authorization came to nothing.
    Authorization {
        /// With whom it was tried.
        issuer: Issuer,
        /// Why.
        error: AuthorizeError,
    },
    /// The program was authorized, but for less than it needs.
    LacksScope(&'static str),
    /// The settings name users whom the app, authorized by one for themselves, does not know.
    KnowsOnlyMe,
    /// There is no access to `YouTube` until a person has authorized it.
    YoutubeUnauthorized(YoutubeError),
    /// Some of the work failed; each line says what.
    Incomplete(Vec<String>),
    /// Some of the work failed, each line says what, and only another authorization mends it.
    Unallowed(Vec<String>),
    /// What was asked for could not be written out.
    Output(io::Error),
    /// Not all that was looked at is in order; what isn't was told one by one.
    Unwell {
        /// What it comes to.
        words: String,
        /// The exit code that follows.
        code: u8,
    },
    /// No address is set to which a message could go.
    NobodyToNotify,
    /// Stopped with work left.
    Interrupted,
    /// The meeting that a person asks for is not in the archive.
    NoSuchMeeting {
        /// What was asked for.
        asked: String,
        /// The archive folder.
        archive: PathBuf,
        /// The tracker's file.
        tracker: PathBuf,
    },
    /// The folder that `demo` was to create is there already.
    FolderExists(PathBuf),
    /// `demo` was stopped; this folder has what it had made until then.
    DemoStopped(PathBuf),
    /// A second signal came before the first had been obeyed.
    Insisted,
}

/// How many failures are listed one by one.
const MOST_LISTED: usize = 10;

impl Failure {
    /// What happened, to what, and what to do about it.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Config(error) => error.with_lines(),
            Self::Folder(error) => format!("{}; {}", chain(error), folder_remedy(error)),
            Self::WrongUser { state_dir, owner, command } => {
                format!("{} belongs to {owner}: run\n  sudo -u {owner} {command}", state_dir.display())
            }
            Self::Denied { path, there, user, command } => {
                let whose = if there == path { String::new() } else { format!(" (nor enter {})", there.display()) };
                let user = user.as_ref().map(|user| format!("-u {user} ")).unwrap_or_default();
                format!("this user may not read {}{whose}: run\n  sudo {user}{command}", path.display())
            }
            Self::FewFiles { allowed, needed } => format!(
                "only {allowed} files may be open at once, and at least {needed} are needed; raise that by `ulimit -n 1024`, for the \
                 service by LimitNOFILE=1024 (`systemctl edit zoom-archiver`)"
            ),
            Self::AnotherInstance { state_dir } => format!(
                "another instance is at work in {}; stop it with `systemctl stop zoom-archiver`, or end it where it was started",
                state_dir.display()
            ),
            Self::Log(error @ LogError::Level { .. }) => chain(error),
            Self::Log(error) => format!("{}; check log.directory", chain(error)),
            Self::Output(error) => format!("cannot write what was asked for: {}", chain(error)),
            Self::Http(error) => chain(error),
            Self::Clock(error) => chain(error),
            Self::Runtime(error) => format!("cannot start: {}", chain(error)),
            Self::Record(error) => with_remedy(error, record_remedy(error)),
            Self::Unauthorized(error) => with_remedy(error, error.remedy()),
            Self::Authorization { issuer, error } => with_remedy(error, error.remedy(*issuer)),
            Self::LacksScope(scope) => {
                format!("what the app was granted lacks scopes:[{scope}]; {}", Trouble::MissingScopes.remedy())
            }
            Self::KnowsOnlyMe => {
                format!("zoom.users names users whom the app does not know; {}", Trouble::User.remedy())
            }
            Self::YoutubeUnauthorized(error) => with_remedy(error, error.remedy()),
            Self::Incomplete(failures) | Self::Unallowed(failures) => incomplete_words(failures),
            Self::Unwell { words, .. } => words.clone(),
            Self::NobodyToNotify => {
                "nobody is told anything: put an address into notify.urls, or a file with addresses into notify.urls_file"
                    .to_owned()
            }
            Self::Interrupted => "stopped with work left; the next run goes on with it".to_owned(),
            Self::NoSuchMeeting { asked, archive, tracker } => format!(
                "there is no meeting {asked} in {}: give its uuid or its folder there, which are meeting_uuid and directory in {}; \
                 `zoom-archiver list` shows what is not archived yet",
                archive.display(),
                tracker.display()
            ),
            Self::FolderExists(folder) => {
                format!(
                    "{} is there already; name a folder with --dir that is not, or leave --dir out",
                    folder.display()
                )
            }
            Self::DemoStopped(folder) => format!("the demo was stopped; remove {} when you like", folder.display()),
            Self::Insisted => "ended at once; unfinished downloads are resumed at the next start".to_owned(),
        }
    }

    /// The process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            // The settings are right: once there is room, the same start succeeds.
            Self::Folder(error) if error.is_full() => 1,
            Self::Config(_)
            | Self::Folder(_)
            | Self::WrongUser { .. }
            | Self::Denied { .. }
            | Self::FewFiles { .. }
            | Self::Log(_)
            | Self::FolderExists(_)
            | Self::NoSuchMeeting { .. }
            | Self::KnowsOnlyMe
            | Self::NobodyToNotify
            | Self::Record(RecordError::Tracker(_)) => 2,
            Self::Authorization { error: AuthorizeError::Token(TokenError::Disk(error)), .. } if !error.is_full() => 2,
            Self::Authorization { error, .. } if !error.needs_person() => 1,
            Self::Unauthorized(_)
            | Self::Unallowed(_)
            | Self::Authorization { .. }
            | Self::LacksScope(_)
            | Self::YoutubeUnauthorized(_) => 3,
            Self::AnotherInstance { .. } => 4,
            Self::Unwell { code, .. } => *code,
            Self::Http(_)
            | Self::Clock(_)
            | Self::Runtime(_)
            | Self::Record(_)
            | Self::Incomplete(_)
            | Self::Output(_)
            | Self::Interrupted
            | Self::DemoStopped(_)
            | Self::Insisted => 1,
        }
    }

    /// Says it on stderr, and gives the exit code.
    #[must_use]
    pub fn explain(&self) -> ExitCode {
        // Where nobody reads stderr, the exit code has to do.
        writeln!(io::stderr().lock(), "zoom-archiver: {}", shown(&self.words())).ok();
        ExitCode::from(self.exit_code())
    }
}

fn with_remedy(error: &dyn Error, remedy: Option<String>) -> String {
    match remedy {
        Some(remedy) => format!("{}; {remedy}", chain(error)),
        None => chain(error),
    }
}

/// What to do about a folder that can't be used.
#[must_use]
pub fn folder_remedy(error: &DiskError) -> &'static str {
    if error.is_full() { "make room there" } else { "check that it is there and may be written by this user" }
}

/// What to do about the tracker, `state.json` or the archive, where the words of the error don't say so.
#[must_use]
pub fn record_remedy(error: &RecordError) -> Option<String> {
    use crate::archive::ArchiveError;

    let remedy = match error {
        RecordError::Archive(ArchiveError::NotMounted(_)) => {
            "mount its disk, or, if it was moved on purpose, set archive.directory to where it is now"
        }
        RecordError::Tracker(TrackerError::NotAFile { .. } | TrackerError::TooLarge { .. }) => {
            "move it away, or name another file as tracker.file"
        }
        RecordError::Tracker(TrackerError::Disk(error)) => return tracker_remedy(error),
        RecordError::Tracker(_) | RecordError::Archive(_) | RecordError::Disk(_) | RecordError::Missing(_) => {
            return None;
        }
    };
    Some(remedy.to_owned())
}

/// What to do about a tracker that this user may not read or write.
fn tracker_remedy(error: &DiskError) -> Option<String> {
    let path = error.path.display();
    let user = rustix::process::geteuid().as_raw();
    let is_own = std::fs::metadata(&error.path).is_ok_and(|metadata| metadata.uid() == user);
    match error.source.kind() {
        io::ErrorKind::PermissionDenied if error.source.raw_os_error() == Some(Errno::PERM.raw_os_error()) => {
            Some(format!("a row must be added to it: `lsattr '{path}'` shows whether it was made immutable"))
        }
        io::ErrorKind::PermissionDenied if is_own => Some(format!("a row must be added to it: chmod u+rw '{path}'")),
        io::ErrorKind::PermissionDenied => Some(format!("a row must be added to it: sudo chown {user} '{path}'")),
        io::ErrorKind::ReadOnlyFilesystem => {
            Some("mount its disk for writing, or name another tracker.file".to_owned())
        }
        _ => None,
    }
}

fn incomplete_words(failures: &[String]) -> String {
    let mut words = match failures {
        [only] => return only.clone(),
        many => format!("{} things failed:", many.len()),
    };
    for failure in failures.iter().take(MOST_LISTED) {
        words.push_str("\n  ");
        words.push_str(failure);
    }
    if failures.len() > MOST_LISTED {
        words.push_str("\n  ... and more; the log has them all");
    }
    words
}

macro_rules! failure_from {
    ($($error:ty => $variant:ident),* $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

failure_from! {
    ConfigError => Config,
    LogError => Log,
    HttpError => Http,
    NotSet => Clock,
    RecordError => Record,
}
