//! The `zoom-archiver` command: parse, dispatch, exit code.

use std::process::ExitCode;

use clap::Parser;
use zoom_archiver::cli::Cli;
use zoom_archiver::commands;

fn main() -> ExitCode {
    match commands::dispatch(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.explain(),
    }
}
