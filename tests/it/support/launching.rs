//! Starting a service in surroundings of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::{Running, Service};

impl Service {
    /// Starts the daemon.
    pub(crate) fn run_daemon(&self) -> Running {
        self.start(&["run"])
    }

    /// Starts the daemon with a variable in its environment.
    pub(crate) fn run_daemon_with(&self, variable: &str, value: &Path) -> Running {
        self.run_daemon_in([(variable, value.as_os_str())])
    }

    /// Starts the daemon with these variables in its environment.
    pub(crate) fn run_daemon_in<'a>(&self, variables: impl IntoIterator<Item = (&'a str, &'a OsStr)>) -> Running {
        let mut command = self.command(&["run"]);
        command.envs(variables);
        self.spawn(&mut command)
    }

    /// Starts a command whose group, where the test may choose that, is another than that of the superuser: `/proc` then
    /// shows whose the process is.
    pub(crate) fn start_as_nobodys_group(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        if rustix::process::geteuid().is_root() {
            command.gid(65534);
        }
        self.spawn(&mut command)
    }

    /// Gives all that it has to a user; `false`, and a word on it, where the tests may not.
    pub(crate) fn belongs_to(&self, user: u32) -> bool {
        let given =
            std::process::Command::new("chown").args(["-R", &user.to_string()]).arg(self.folder.path()).output();
        let is_given = given.is_ok_and(|output| output.status.success());
        if !is_given {
            super::skipped("only root may give files away and act as somebody else");
        }
        is_given
    }

    /// Starts a command as another user.
    pub(crate) fn start_as(&self, user: u32, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        std::os::unix::fs::chown(self.path("config.toml"), Some(user), None)
            .expect("the test has looked whether it may");
        self.spawn(command.uid(user))
    }

    /// Starts a command from a shell that does this first: `umask 000`, say, or `exec 2>&-`.
    pub(crate) fn start_after(&self, preparation: &str, arguments: &[&str]) -> Running {
        let command = self.command(arguments);
        let command = command.as_std();
        let mut shell = Command::new("/bin/sh");
        shell
            .env_clear()
            .current_dir(self.folder.path())
            .args(["-c", &format!("{preparation}; exec \"$0\" \"$@\"")])
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        self.spawn(&mut shell)
    }
}

impl Running {
    /// What `/proc` has on it: a file in its folder there, or the folder itself.
    pub(crate) fn in_proc(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.id().to_string()).join(name)
    }

    /// The most memory that it has had until now, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(self.in_proc("status")).expect("it is alive");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak.and_then(|kib| kib.parse::<u64>().ok()).expect("Linux says so") << 10
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it is alive")
    }

    /// Lets it have so many open files at most, from now on.
    pub(crate) fn limit_open_files(&self, most: u32) {
        let (pid, limit) = (self.id().to_string(), format!("--nofile={most}:"));
        let status = std::process::Command::new("prlimit").args(["--pid", &pid, &limit]).status();
        assert!(status.expect("prlimit is there").success());
    }

    /// Goes away as the reader of what it prints: from now on, writing there fails.
    pub(crate) fn hang_up(&mut self) {
        drop((self.child.stdout.take(), self.child.stderr.take()));
    }

    /// Whether it lives until this happens.
    pub(crate) async fn lives_until(&mut self, event: impl Future<Output = ()>) -> bool {
        tokio::select! {
            biased;
            () = event => true,
            _ = self.child.wait() => false,
        }
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(self) -> super::Ended {
        self.signal("TERM");
        self.ended().await
    }
}
