//! Running a command while one of its system calls is meddled with, by small programs in C that are built here.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;

use tokio::process::Command;

use super::{Running, Service};

/// How `tracer` says that it killed the program.
pub(super) const KILLED: i32 = 99;
/// How it says that it is not permitted to see what a program calls.
pub(crate) const DENIED: i32 = 97;

/// What happens to a command's state-changing system calls, counted from 1 over all its threads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meddling {
    /// Nothing; they are counted.
    Nothing,
    /// Kill -9 before this one.
    KillBefore(usize),
    /// This one fails, if it is about a file.
    Fail(usize, Errno),
    /// This one and all after it fail, those about files.
    FailFrom(usize, Errno),
    /// Every sync of a part's bytes takes until [`Service::lets_syncs_end`].
    HeldSyncs,
}

/// What a call says that fails; the numbers are Linux's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errno {
    /// A signal came.
    Eintr = 4,
    /// An input or output error.
    Eio = 5,
    /// No more file descriptors.
    Emfile = 24,
    /// There is no space left.
    Enospc = 28,
    /// The file system can only be read.
    Erofs = 30,
    /// The user's share of the disk is used up.
    Edquot = 122,
}

/// The program that meddles; or why it can't be had: there is no C compiler, or the machine is of another kind.
pub(crate) static TRACER: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| build("tracer", &[]));
/// The program that takes the power from a file system.
pub(crate) static POWERCUT: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| build("powercut", &[]));

/// Builds a program or a library of `tests/tools`, with these options besides.
pub(super) fn build(name: &str, options: &[&str]) -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/tools/{name}.c"));
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let fresh = built.with_extension(std::process::id().to_string());
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let output =
        std::process::Command::new(&compiler).args(["-O1", "-o"]).args([&fresh, &source]).args(options).output();
    let output = output.map_err(|error| format!("cannot start {compiler}: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    std::fs::rename(&fresh, &built).map_err(|error| format!("cannot rename {}: {error}", fresh.display()))?;
    Ok(built)
}

impl Meddling {
    fn arguments(self) -> [String; 2] {
        match self {
            Self::Nothing => ["kill".to_owned(), "0".to_owned()],
            Self::KillBefore(call) => ["kill".to_owned(), call.to_string()],
            Self::Fail(call, errno) => [(errno as i32).to_string(), call.to_string()],
            Self::FailFrom(call, errno) => [(errno as i32).to_string(), format!("{call}-")],
            Self::HeldSyncs => ["slow".to_owned(), "0".to_owned()],
        }
    }
}

impl Service {
    /// Starts a command with one of its calls meddled with. What it called until then is in [`Service::calls`].
    pub(crate) fn start_meddled(&self, meddling: Meddling, arguments: &[&str]) -> Running {
        let command = self.command(arguments);
        let command = command.as_std();
        let tracer = TRACER.as_ref().expect("it was looked whether there is one");
        let mut tracer = Command::new(tracer);
        tracer
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .args(meddling.arguments())
            .arg(self.calls_path())
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Running { is_traced: true, ..self.spawn(&mut tracer) }
    }

    /// Lets the syncs go on that are held up, and all later ones.
    pub(crate) fn lets_syncs_end(&self) {
        std::fs::write(self.calls_path().with_extension("go"), "").expect("it can be written");
    }

    fn calls_path(&self) -> PathBuf {
        self.beside.path().join("calls")
    }

    /// The state-changing calls of the last command that was meddled with, a line each: name, and what it is about.
    pub(crate) fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.calls_path()).expect("the tracer has written it");
        let root = format!("{}/", self.folder.path().display());
        text.lines().map(|line| line.replace(&root, "")).collect()
    }
}
