//! zoom-archiver: fetches every new Zoom cloud recording into a tidy folder.
//!
//! ```text
//!  the schedule, or `once`
//!            │ rings a bell
//!            ▼
//!      Pipeline::run ─▶  poll  ──▶  plan  ──▶  transfer  ──▶  record
//!                         │          │             │             │
//!                   users x windows  pure:    a bounded pool;    meeting.json,
//!                   x pages of       what to  download makes     then a row of
//!                   Zoom's listings  fetch    one file whole     the tracker
//! ```
//!
//! What is recorded goes to YouTube, where that is wished: `pipeline::publish`, a worker beside all that.
//!
//! [`pipeline::Pipeline::run`] is the function to read first: one task owns the polls, the pool of downloads and what is
//! recorded. `once` rings its bell a single time; `run` leaves that to the schedule.
//!
//! # Layers
//!
//! Imports point down, or stay within a row; a test sees to it.
//!
//! | layer | modules |
//! |---|---|
//! | the command line | [`cli`], [`commands`] |
//! | the service | [`daemon`] |
//! | failures into words and exit codes | [`report`] |
//! | the service's own account | [`status`] |
//! | the work | [`pipeline`] |
//! | services | [`zoom`] (listings, downloads), [`youtube`] (the channel, uploads), [`archive`] (folders, tracker), [`state`] (what is remembered), [`logging`], [`notify`] (messages to people) |
//! | plumbing | [`oauth`], [`http`], [`disk`] |
//! | vocabulary | [`meeting`], [`config`], [`clock`], [`trouble`] (refusals and their remedies), [`chain`] (an error in one line) |
//!
//! [`simulator`] stands apart: a Zoom for `demo` and the tests, and a YouTube for the tests; it imports nothing of the rest.
//!
//! # To change
//!
//! | what | go to |
//! |---|---|
//! | a setting: name, default, range | `config/zoom-archiver.example.toml` (the schema itself), then [`config`]'s `sections` |
//! | a command or an option | [`cli`], then [`commands`] |
//! | words or exit code of a failure | [`report`] |
//! | what a refusal of Zoom's or Google's means, and its remedy | [`trouble`], the one table; the README repeats it |
//! | which meetings and files are fetched, and why not | [`pipeline::plan`], without disk or network |
//! | which meetings are warned of before Zoom deletes them | `pipeline::deadline` |
//! | which days are asked for | `zoom::windows` and `pipeline::poll` |
//! | a field of Zoom's answers | `zoom::wire`: nothing else sees its JSON |
//! | resuming, retries, when a file counts as whole | `pipeline::download` and what is in it; `http::retry` |
//! | names of folders and files | `archive::names` |
//! | which videos are sent, when, and what keeps one from it | `pipeline::publish`: `choose` is pure, `prospect` applies it |
//! | what follows from the end of an upload, and what is looked for before a video is sent again | `pipeline::publish`: `follow`, `courier` |
//! | what is sent because a person asks for it, and what is said of it | `pipeline::publish`: `by_hand`, `choose`; `commands::publish` |
//! | which local files are removed, and what keeps one here | `pipeline::cleanup`: `choose` is pure, `remove` does it |
//! | what a video is called, and what YouTube would refuse of it | `youtube::metadata` |
//! | when an upload goes on, waits or ends, by what YouTube answers | `youtube::course`, `youtube::answer`; `youtube::upload` does it |
//! | columns and status words of the tracker | [`archive::tracker`] |
//! | what `verify` calls wrong, and how it is asked for again | [`archive::verify`]; [`pipeline::audit`] and [`pipeline::refetch`] |
//! | the token's renewal and rotation, how the program is authorized | [`oauth`] |
//! | when the watchdog is fed, what the service manager is told | [`daemon`] |
//! | what people are told, when, and in which form | `pipeline::notices`; [`notify`] |
//! | what the service may do, how it is installed and packaged | `systemd/`, `Cargo.toml`'s `package.metadata.deb`, `.ci/deb` |
//! | log lines: form, files, rotation | [`logging`] |
//! | what the simulated Zoom does, or does wrong | [`simulator`]'s `rules` and `faults`; of YouTube, [`simulator::youtube`] |
//! | which faults are tested, and what must be true after each | `tests/it/catalogue.rs`, `tests/it/support/promises.rs` |
//! | what `check` looks at, and when that is a warning or a failure | `commands::check`: `local` and `online`, `judge` |
//! | the demo | `commands::demo` |
//! | what the property tests try on every parser of foreign bytes | `hostile`, which is there for tests alone |

pub mod archive;
pub mod chain;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod daemon;
pub mod disk;
#[cfg(test)]
mod hostile;
pub mod http;
pub mod logging;
pub mod meeting;
pub mod notify;
pub mod oauth;
pub mod pipeline;
pub mod report;
pub mod simulator;
pub mod state;
pub mod status;
pub mod trouble;
pub mod youtube;
pub mod zoom;
