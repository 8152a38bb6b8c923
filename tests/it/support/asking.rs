//! `auth` at work: what it prints is read while it waits for the browser.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};

use super::browser::{Page, browse};
use super::{Ended, Running, Service};

/// A command that has printed an address to open, and waits.
pub(crate) struct Asking {
    running: Running,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// What it has printed until now.
    pub said: String,
    /// The address.
    pub address: String,
}

impl Service {
    /// A redirect address on a port of this test's own.
    pub(crate) fn comes_back_to(self, host: &str) -> Self {
        let port = super::network::closed_port();
        self.set("zoom.redirect_uri", format!("http://{host}:{port}/redirect"))
    }

    /// Starts a command that asks a person to open an address, and reads it.
    pub(crate) async fn asks(&self, arguments: &[&str]) -> Asking {
        let mut running = self.spawn(self.command(arguments).stdin(Stdio::piped()));
        let stdin = running.child.stdin.take().expect("it is piped");
        let mut stdout = BufReader::new(running.child.stdout.take().expect("it is piped"));
        let mut said = String::new();
        loop {
            let mut line = String::new();
            if stdout.read_line(&mut line).await.expect("it can be read") == 0 {
                let ended = running.ended().await;
                panic!("it printed no address, but\n{said}\n{}", ended.stderr);
            }
            said += &line;
            if let Some(address) = line.strip_prefix("  http") {
                let address = format!("http{}", address.trim_end());
                return Asking { running, stdin, stdout, said, address };
            }
        }
    }
}

impl Asking {
    /// Opens the address in a browser.
    pub(crate) async fn browse(&self) -> Vec<Page> {
        browse(&self.address).await
    }

    /// Gives it a line, as if pasted.
    pub(crate) async fn is_given(&mut self, line: &str) {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.expect("it reads");
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.running.id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    /// Waits for its end; nothing more comes from stdin.
    pub(crate) async fn ended(self) -> Ended {
        let Self { running, stdin, mut stdout, mut said, .. } = self;
        drop(stdin);
        let past = std::sync::Arc::clone(&running.past);
        let (ended, read) = tokio::join!(running.ended(), stdout.read_to_string(&mut said));
        read.expect("it can be read");
        let ended = Ended { stdout: said, ..ended };
        past.lock().expect("no test panicked while it held this").push(ended.clone());
        ended
    }
}
