//! The command line's types, nothing else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::config::{ALLOWED_LOG_LEVELS, check_log_level};

/// Archives Zoom cloud recordings: fetches every new one into a tidy folder, and keeps account of it in a CSV.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Cli {
    /// Where the settings come from, and how much is said.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Debug)]
pub struct Global {
    /// The config file; else `$ZOOM_ARCHIVER_CONFIG`, else ./config/zoom-archiver.toml, else /etc/zoom-archiver/config.toml
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How much is logged, in place of log.level: error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL", value_parser = log_level)]
    pub log_level: Option<String>,
}

/// Found out before anything is created, like every other mistake on the command line.
fn log_level(text: &str) -> Result<String, String> {
    match check_log_level(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(reason) => Err(format!("{reason}; allowed is {ALLOWED_LOG_LEVELS}")),
    }
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run as a service: poll at once, and then every ten minutes (`poll.schedule`), until it is stopped
    ///
    /// Recordings are fetched as they appear. A poll never waits for a download. Ctrl-C or SIGTERM ends it with exit code
    /// 0; downloads that were under way go on at the next start.
    Run,
    /// Poll once, fetch everything that is there, and exit
    ///
    /// Waits for nothing that takes longer than a retry: what Zoom is still processing is left for the next time.
    ///
    /// Exit codes: 0 done, 1 something failed, 2 the settings are wrong, 3 authorization is needed, 4 another instance
    /// is at work.
    Once,
    /// Authorize the program, once, in a browser
    Auth {
        /// With whom.
        #[command(subcommand)]
        service: AuthService,
    },
    /// Look whether everything is in order, from the config to a download, and say what to do where it isn't
    ///
    /// A line for each thing: ok, warning, failure with its remedy, or skipped with what it needs. Works beside a running
    /// service, and changes nothing but a token about to expire.
    /// Exit codes: 0 all is well, 1 something failed, 2 the settings or a folder are wrong, 3 authorization is needed.
    Check {
        /// Print JSON: {"items": [...]}, each with "item", "state", "text" and "remedy"
        #[arg(long)]
        json: bool,
    },
    /// Show what Zoom has, what is archived, and what would be fetched; change nothing
    List {
        /// Print JSON: {"meetings": [...]}, each with "plan" and "reason"
        #[arg(long)]
        json: bool,
    },
    /// Show what the service is doing, what waits and why, and what there is; with or without a service at work
    ///
    /// Changes nothing, and asks nobody: it is what the service says of itself, and what is on the disk.
    Status {
        /// Print JSON: the keys of status.json, and more
        #[arg(long)]
        json: bool,
        /// Show it anew every second, until Ctrl-C
        #[arg(long)]
        watch: bool,
    },
    /// Check every archived file against its record: that it is there, its size, its MP4 structure
    ///
    /// Also says which folders no row of the tracker knows, and which rows have lost their folder. Removes nothing. Exit
    /// code 1 where something is wrong.
    Verify {
        /// Rename what is wrong to NAME.bad, and have it fetched again by the next poll; not beside a running service
        #[arg(long)]
        refetch: bool,
        /// Print JSON: {"files": {...}, "wrong": [...], ...}
        #[arg(long)]
        json: bool,
    },
    /// Send one archived meeting to YouTube now: one that was refused, or one that is not sent by itself
    ///
    /// What keeps it from being sent by itself doesn't count: an earlier refusal, youtube.since, youtube.settle, youtube.enabled.
    /// What is there already is not sent again. Not beside a running service.
    ///
    /// Exit codes: 0 all of it is there, 1 something is not, 2 there is no such meeting, or the settings are wrong, 3
    /// authorization is needed, 4 another instance is at work.
    Publish {
        /// Its uuid, or its folder: as in the tracker (2025-11-13/1401), or any path to it or a file in it
        #[arg(allow_hyphen_values = true)]
        meeting: PathBuf,
    },
    /// Send a test message to every address of `notify.urls`
    ///
    /// Says of each whether it took the message, and what to do where it didn't. Works beside a running service.
    Notify {
        /// Send it
        #[arg(long, required = true)]
        test: bool,
    },
    /// Remove local recordings as `[cleanup]` says, now
    ///
    /// Asks Zoom first what there is, and fetches nothing. Only files go that are recorded as archived and are what was
    /// recorded; where they were to go to YouTube, only if it shows their videos. Not beside a running service, which does the
    /// same after each poll. Exit code 1 where something could not be removed.
    Cleanup {
        /// Only say what would go, and what stays and why; change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Try it all out: archive some meetings of a simulated Zoom and send them to a simulated YouTube, without an account or a
    /// network
    ///
    /// Everything happens on this machine, in a fresh folder with a config of its own, and takes some ten seconds.
    Demo {
        /// The folder to create; it must not exist yet [default: ./zoom-archiver-demo, or its next free number]
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
    /// Print what lets a shell complete commands and options
    ///
    /// Install in the README says into which file each shell wants it.
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// With whom the program is authorized.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum AuthService {
    /// Print an address to open in a browser as a Zoom user, and wait for it to come back
    ///
    /// What it gives is kept in the token file, and renewed from then on. A service that is running goes on with it by
    /// itself. Exit codes: 0 done, 1 something failed, 2 the settings are wrong, 3 it was not allowed.
    Zoom {
        /// Take the address at which the browser ends, or the code in it, from the terminal: for a machine without a browser
        #[arg(long)]
        paste: bool,
    },
    /// The same with Google, for the YouTube channel that is to have the videos
    Youtube {
        /// Take the address at which the browser ends, or the code in it, from the terminal: for a machine without a browser
        #[arg(long)]
        paste: bool,
    },
}

/// Lines that fit on any terminal: where they are broken, the columns are lost.
const AFTER_HELP: &str = "\
First time here? `zoom-archiver demo` shows it at work, with no account. Then:
  cp config/zoom-archiver.example.toml config/zoom-archiver.toml
                         and fill in client_id and client_secret
  zoom-archiver auth zoom
                         open the address that it prints, and allow the app
  zoom-archiver check    look whether everything is in order
  zoom-archiver list     look at what would be done
  zoom-archiver once     do it; `zoom-archiver run` does so for good";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_help_below_the_options_fits_on_a_terminal_of_eighty_columns() {
        let help = Cli::command().term_width(80).render_help().to_string();
        assert!(help.trim_end().ends_with(AFTER_HELP), "{help}");
    }
}
