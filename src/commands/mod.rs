//! One subcommand each, and what they share: [`setup`] and [`print`].

mod access;
mod auth;
mod bars;
mod check;
mod cleanup;
mod completions;
mod demo;
mod list;
mod notify;
mod once;
pub mod print;
mod publish;
mod run;
pub mod setup;
mod signals;
mod status;
mod verify;

use crate::cli::{Cli, Command};
use crate::report::Failure;

/// Does what the command line asks.
///
/// # Errors
/// [`Failure`], which has words and an exit code for each.
pub fn dispatch(cli: &Cli) -> Result<(), Failure> {
    setup::harden_process();
    // What only prints needs none.
    if !matches!(cli.command, Command::Completions { .. }) {
        setup::allow_open_files()?;
    }
    let done = match &cli.command {
        Command::Run => run::run(&cli.global),
        Command::Once => once::once(&cli.global),
        Command::Auth { service } => auth::auth(&cli.global, *service),
        Command::Check { json } => check::check(&cli.global, *json),
        Command::List { json } => list::list(&cli.global, *json),
        Command::Status { json, watch } => status::status(&cli.global, *json, *watch),
        Command::Verify { refetch: true, json } => verify::refetch(&cli.global, *json),
        Command::Verify { refetch: false, json } => verify::verify(&cli.global, *json),
        Command::Publish { meeting } => publish::publish(&cli.global, meeting),
        Command::Notify { .. } => notify::test(&cli.global),
        Command::Cleanup { dry_run } => cleanup::cleanup(&cli.global, *dry_run),
        Command::Demo { dir } => demo::demo(dir.as_deref(), cli.global.log_level.as_deref()),
        Command::Completions { shell } => completions::completions(*shell),
    };
    done.map_err(|failure| access::name_the_right_user(failure, &cli.global))
}
