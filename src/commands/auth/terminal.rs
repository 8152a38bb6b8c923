//! What a person is told to do, and what they paste.

use std::io::{self, BufRead, IsTerminal, Write};

use rustix::termios::{self, LocalModes, OptionalActions, SpecialCodeIndex, Termios};

use crate::config::RedirectUri;
use crate::oauth::AuthorizeError;
use crate::report::Failure;

/// The longest line that is read, in bytes.
const LONGEST_LINE: u64 = 64 << 10;

/// Says something; a person has to read it before they can go on.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Failure::Output)
}

/// Opens an address in the browser of this machine, if a person sits at it.
///
/// Other users of the machine may see it among the arguments of that program. What it holds lets nobody in: the code that
/// comes of it is of use only with the verifier, which stays here.
pub(super) fn open_in_browser(address: &str) {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") {
        // It is printed, too: where this fails, it is opened by hand.
        open::that_detached(address).ok();
    }
}

/// How the browser of another machine can come back to a loopback address of this one.
pub(super) fn tunnel(redirect_uri: &RedirectUri) -> String {
    let url = redirect_uri.url();
    let (host, port) = (url.host_str().unwrap_or("localhost"), url.port_or_known_default().unwrap_or(80));
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("SUDO_USER").or_else(|| variable("USER")).unwrap_or_else(|| "USER".to_owned());
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("ssh -L {port}:{host}:{port} {user}@{machine}")
}

/// A line from stdin, without showing it on the terminal while it is pasted.
///
/// It is read by a thread that nobody waits for once the command ends: a terminal can't be told to stop.
pub(super) async fn pasted() -> Result<String, AuthorizeError> {
    let _hidden = Hidden::input();
    let line = tokio::task::spawn_blocking(read_line).await.map_err(|error| AuthorizeError::Terminal(error.into()))?;
    let line = line.map_err(AuthorizeError::Terminal)?;
    if line.trim().is_empty() { Err(AuthorizeError::NothingPasted) } else { Ok(line) }
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::Read::take(io::stdin().lock(), LONGEST_LINE).read_line(&mut line)?;
    Ok(line)
}

/// Keeps what is typed from being shown; dropping it puts the terminal back as it was.
struct Hidden(Option<Termios>);

impl Hidden {
    fn input() -> Self {
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return Self(None);
        }
        let Ok(before) = termios::tcgetattr(&stdin) else { return Self(None) };
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        // Ctrl-\ would end the program without putting the terminal back.
        hidden.special_codes[SpecialCodeIndex::VQUIT] = 0;
        let is_hidden = termios::tcsetattr(&stdin, OptionalActions::Now, &hidden).is_ok();
        Self(is_hidden.then_some(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // A terminal that is gone needs no care.
            termios::tcsetattr(io::stdin(), OptionalActions::Now, before).ok();
        }
    }
}
