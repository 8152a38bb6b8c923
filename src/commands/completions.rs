//! `completions`: what lets a shell complete commands and options.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::print;
use crate::cli::Cli;
use crate::report::Failure;

/// Prints the completions of a shell, in its own language. Needs no config.
pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    // Into memory first: written by the generator itself, a closed pipe would be a panic.
    let mut script = Vec::new();
    generate(shell, &mut command, name, &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Bash {
        // A hyphen in the program's name gets two spellings, and nothing is completed after a command
        // (https://github.com/clap-rs/clap/issues/6421).
        script = script.replace("zoom__subcmd__archiver", "zoom__archiver");
    }
    print::plain(&script)
}
