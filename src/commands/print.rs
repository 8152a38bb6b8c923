//! What a command prints as its result: to stdout, in colours only where these belong.
//!
//! They belong on a terminal whose user has nothing against them (`NO_COLOR`, `CLICOLOR`, `TERM`; `CLICOLOR_FORCE` asks for
//! them elsewhere too), as for the help and the log. Whoever prints need not ask: [`text`] takes them out elsewhere.

use std::io::{self, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::report::Failure;

/// What is as it should be.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What is worth a look.
pub const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
/// What is wrong.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What matters less than the rest.
pub const FAINT: Style = Style::new().dimmed();

/// A text in a style, for [`text`]. Cells of a table are filled up before: the codes have no width.
#[must_use]
pub fn painted(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Prints a text that may hold [`painted`] words.
///
/// # Errors
/// [`Failure::Output`]; a reader that has seen enough (`| head`) is no failure.
pub fn text(text: &str) -> Result<(), Failure> {
    let mut stdout = AutoStream::auto(io::stdout().lock());
    judge(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// Prints a text for other programs, byte for byte.
///
/// # Errors
/// As [`text`].
pub fn plain(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    judge(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// Prints JSON, for people to read as well.
///
/// # Errors
/// As [`text`].
pub fn json(value: &Value) -> Result<(), Failure> {
    plain(&format!("{value:#}\n"))
}

fn judge(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_painted_word_ends_its_colour_itself() {
        assert_eq!(painted(GOOD, "ok"), "\x1b[32mok\x1b[0m");
        assert_eq!(painted(Style::new(), "ok"), "ok");
    }

    #[test]
    fn a_closed_pipe_is_no_failure_and_a_full_disk_is_one() {
        assert!(judge(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(matches!(judge(Err(io::ErrorKind::StorageFull.into())), Err(Failure::Output(_))));
    }
}
