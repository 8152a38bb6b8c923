//! The log: what is told, how a line looks, and where it goes.
//!
//! - `line`: one event as one line, whatever is in it
//! - `file`: the rotated files and their bounds
//! - `console`: stderr, beside progress bars or without
//!
//! Lines are written by threads of their own: a full disk, a closed stderr or a stopped terminal costs lines, which
//! are counted, but never holds up or ends the work. `RUST_LOG` is not read.

mod console;
mod file;
mod line;

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::MultiProgress;
use tracing::{Level, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::{Filter, Layer, SubscriberExt};
use tracing_subscriber::{Registry, fmt};

use crate::config::{ALLOWED_LOG_LEVELS, LogSettings, check_log_level};
use crate::disk::DiskError;
use line::Reader;

pub use line::shown;

/// Lines that may wait for a slow disk or terminal; then they are dropped. About 3 MiB of usual lines.
const WAITING_LINES: usize = 10_000;

/// Where lines go besides the file, if `log.stderr` asks for it.
#[derive(Clone, Debug)]
pub enum Console {
    /// To stderr.
    Plain,
    /// To stderr, above these progress bars.
    Bars(MultiProgress),
    /// Nowhere.
    Silent,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is none.
    #[error("{level:?} is no log level: {reason}; allowed is {ALLOWED_LOG_LEVELS}")]
    Level {
        /// What was given.
        level: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder can't be made, or an old file in it not be moved.
    #[error(transparent)]
    Folder(#[from] DiskError),
    /// The file can't be opened.
    #[error("cannot open a log file in {}", folder.display())]
    File {
        /// Where.
        folder: PathBuf,
        /// Why.
        source: tracing_appender::rolling::InitError,
    },
    /// The log was started before.
    #[error("the log was started twice")]
    Started,
}

/// Keeps the log going; dropped at the end of `main`, it waits about a second at most for the last lines.
#[must_use = "without it, lines are lost"]
#[derive(Debug)]
pub struct LogGuard {
    workers: Vec<WorkerGuard>,
    dropped: DroppedLines,
}

impl LogGuard {
    /// Lines that were lost so far; goes on counting in each clone.
    #[must_use]
    pub fn dropped(&self) -> DroppedLines {
        self.dropped.clone()
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let workers = std::mem::take(&mut self.workers);
        // tracing-appender prints to stdout if a worker hangs, which panics if stdout is closed.
        if catch_unwind(AssertUnwindSafe(|| drop(workers))).is_err() {
            self.dropped.file.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How many lines were lost: to a full disk, a closed stderr, or a writer that couldn't keep up.
#[derive(Clone, Debug, Default)]
pub struct DroppedLines {
    file: Losses,
    console: Losses,
}

impl DroppedLines {
    /// Lines that are not in the log file.
    #[must_use]
    pub fn file(&self) -> u64 {
        self.file.count()
    }

    /// Lines that are not on stderr.
    #[must_use]
    pub fn console(&self) -> u64 {
        self.console.count()
    }
}

/// Losses on one way.
#[derive(Clone, Debug, Default)]
struct Losses {
    failed: Arc<AtomicU64>,
    overflowed: Option<ErrorCounter>,
}

impl Losses {
    fn count(&self) -> u64 {
        let overflowed = self.overflowed.as_ref().map_or(0, ErrorCounter::dropped_lines);
        self.failed.load(Ordering::Relaxed) + overflowed as u64
    }
}

/// Starts the log of the whole process. `level_override` is what `--log-level` gives.
///
/// # Errors
/// [`LogError`]: no such level, no place for the file, or a second start.
pub fn start(settings: &LogSettings, level_override: Option<&str>, console: Console) -> Result<LogGuard, LogError> {
    install(build(settings, level_override, console, Keep::File)?)
}

/// The same for commands that only look: no file is written, and only warnings are told unless `level_override` asks for
/// more.
///
/// # Errors
/// [`LogError`]: no such level, or a second start.
pub fn start_without_file(settings: &LogSettings, level_override: Option<&str>) -> Result<LogGuard, LogError> {
    let level = level_override.unwrap_or("warn");
    install(build(settings, Some(level), Console::Plain, Keep::Nothing)?)
}

fn install((subscriber, guard): (impl Subscriber + Send + Sync, LogGuard)) -> Result<LogGuard, LogError> {
    // Set directly: `init()` would also take in what other crates say through `log`, addresses and headers among it.
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Started)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(guard)
}

/// Whether lines are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    File,
    Nothing,
}

fn build(
    settings: &LogSettings,
    level_override: Option<&str>,
    console: Console,
    keep: Keep,
) -> Result<(impl Subscriber + Send + Sync + use<>, LogGuard), LogError> {
    let filter = filter(level_override.unwrap_or(&settings.level))?;
    let (mut workers, mut dropped, mut layers) = (Vec::new(), DroppedLines::default(), Vec::new());

    if keep == Keep::File {
        let log_file = file::open(settings, Arc::clone(&dropped.file.failed))?;
        let (queue, worker) = in_background("log-file", log_file);
        dropped.file.overflowed = Some(queue.error_counter());
        workers.push(worker);
        let lines = line::Format::new(settings.format, Reader::File);
        layers.push(
            fmt::layer().event_format(lines).with_writer(file::Queue::new(queue)).log_internal_errors(false).boxed(),
        );
    }

    let bars = match console {
        Console::Plain => Some(None),
        Console::Bars(bars) => Some(Some(bars)),
        Console::Silent => None,
    };
    if let Some(bars) = bars.filter(|_| settings.stderr) {
        let stderr = console::Lines::new(std::io::stderr(), bars, Arc::clone(&dropped.console.failed));
        let (queue, worker) = in_background("log-console", stderr);
        dropped.console.overflowed = Some(queue.error_counter());
        workers.push(worker);
        let lines = line::Format::new(settings.format, console::reader());
        layers.push(fmt::layer().event_format(lines).with_writer(queue).log_internal_errors(false).boxed());
    }
    let subscriber = tracing_subscriber::registry().with(line::SpanFields.and_then(layers).with_filter(filter));
    Ok((subscriber, LogGuard { workers, dropped }))
}

/// Lossy: whoever logs never waits.
fn in_background(thread: &str, writer: impl std::io::Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING_LINES).thread_name(thread).finish(writer)
}

/// What is told. Of other crates' events only warnings, at whatever level: below, HTTP libraries tell addresses and
/// headers, which hold secrets.
fn filter(level: &str) -> Result<impl Filter<Registry> + use<>, LogError> {
    let refused = |reason: String| LogError::Level { level: level.to_owned(), reason };
    check_log_level(level).map_err(refused)?;
    let asked = EnvFilter::builder().parse(level).map_err(|error| refused(error.to_string()))?;
    Ok(asked.and(filter_fn(|event| is_ours(event.target()) || *event.level() <= Level::WARN)))
}

fn is_ours(target: &str) -> bool {
    let ours = env!("CARGO_CRATE_NAME");
    target.strip_prefix(ours).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// A panic costs one task; the log says which, instead of a bare print to stderr.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no text");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::error!(place, thread = thread.name().unwrap_or("?"), "a bug: {text}");
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;
    use crate::config::{LogFormat, LogRotation};

    fn settings(folder: &TempDir, level: &str) -> LogSettings {
        LogSettings {
            directory: folder.path().join("logs"),
            level: level.to_owned(),
            format: LogFormat::Text,
            rotation: LogRotation::Daily,
            keep: 2,
            stderr: true,
        }
    }

    /// The lines that `work` logs with these settings.
    fn logged(settings: &LogSettings, level_override: Option<&str>, work: impl FnOnce()) -> Vec<String> {
        let (subscriber, guard) = build(settings, level_override, Console::Silent, Keep::File).unwrap();
        tracing::subscriber::with_default(subscriber, work);
        drop(guard);
        let text = fs::read_to_string(settings.directory.join("zoom-archiver.log")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn an_event_is_a_line_in_a_dated_file_with_a_link_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let lines = logged(&settings(&folder, "info"), None, || tracing::info!(meeting = "a==", "archived"));
        assert!(lines[0].ends_with(" INFO  archived meeting=\"a==\""), "{lines:?}");
        let names = names(&folder.path().join("logs"));
        assert_eq!(names.len(), 2);
        assert!(names[0].starts_with("zoom-archiver.20") && names[1] == "zoom-archiver.log", "{names:?}");
        let target = fs::read_link(folder.path().join("logs/zoom-archiver.log")).unwrap();
        assert!(target.is_absolute());
    }

    #[test]
    fn the_command_lines_level_counts_before_the_settings() {
        let folder = tempfile::tempdir().unwrap();
        let work = || {
            tracing::debug!("deep");
            tracing::info!("usual");
        };
        assert_eq!(logged(&settings(&folder, "warn"), Some("debug"), work).len(), 2);
        let refused = build(&settings(&folder, "info"), Some("inof"), Console::Silent, Keep::File).err().unwrap();
        let expected = format!("\"inof\" is no log level: \"inof\" is no level; allowed is {ALLOWED_LOG_LEVELS}");
        assert_eq!(refused.to_string(), expected);
    }

    #[test]
    fn l6_other_crates_are_never_heard_below_a_warning() {
        for level in ["trace", "hyper=trace,reqwest=trace,info"] {
            let folder = tempfile::tempdir().unwrap();
            let lines = logged(&settings(&folder, level), None, || {
                tracing::info!("ours");
                tracing::info!(target: "zoom_archiver::zoom", "ours too");
                tracing::debug!(target: "hyper::proto", "authorization: SECRET");
                tracing::info!(target: "reqwest", "https://example.com/?SECRET");
                tracing::info!(target: "zoom_archiver_other", "SECRET");
                tracing::warn!(target: "h2", "a warning");
            });
            assert_eq!(lines.len(), 3, "{lines:?}");
            assert!(lines[2].ends_with(" WARN  a warning target=h2"), "{lines:?}");
        }
    }

    #[test]
    fn a_json_line_is_an_object_with_the_fields_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let settings = LogSettings { format: LogFormat::Json, ..settings(&folder, "info") };
        let lines =
            logged(&settings, None, || tracing::warn!(bytes = 7_u64, whole = true, topic = "a\u{2028}b", "said"));
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["level"], "warn");
        assert_eq!(line["message"], "said");
        assert_eq!((&line["bytes"], &line["whole"]), (&7.into(), &true.into()));
        assert_eq!(line["topic"], "a\u{2028}b");
        assert!(lines[0].starts_with("{\"time\":\"") && lines[0].contains("a\\u2028b"), "{lines:?}");
    }

    #[test]
    fn without_rotation_the_file_itself_has_the_links_name() {
        let folder = tempfile::tempdir().unwrap();
        let never = LogSettings { rotation: LogRotation::Never, ..settings(&folder, "info") };
        logged(&never, None, || tracing::info!("one"));
        assert_eq!(logged(&never, None, || tracing::info!("two")).len(), 2);
        assert_eq!(names(&never.directory), ["zoom-archiver.log"]);
        assert!(fs::symlink_metadata(never.directory.join("zoom-archiver.log")).unwrap().is_file());
    }

    #[test]
    fn a_change_of_rotation_loses_nothing_that_was_logged() {
        let folder = tempfile::tempdir().unwrap();
        let daily = settings(&folder, "info");
        let never = LogSettings { rotation: LogRotation::Never, ..daily.clone() };
        logged(&never, None, || tracing::info!("one"));
        logged(&daily, None, || tracing::info!("two"));
        assert_eq!(logged(&never, None, || tracing::info!("three")).len(), 1);
        let texts =
            names(&daily.directory).into_iter().map(|name| fs::read_to_string(daily.directory.join(name)).unwrap());
        let all: String = texts.collect();
        for word in ["one", "two", "three"] {
            assert_eq!(all.matches(word).count(), 1, "{all}");
        }
    }

    #[test]
    fn as_many_old_files_are_kept_as_asked_for_and_foreign_ones_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder, "info");
        fs::create_dir(&settings.directory).unwrap();
        for name in [
            "zoom-archiver.2001-01-01.log",
            "zoom-archiver.2001-01-02.log",
            "zoom-archiver.2001-01-03.log",
            "other.log",
        ] {
            fs::write(settings.directory.join(name), "old").unwrap();
        }
        logged(&settings, None, || tracing::info!("new"));
        let names = names(&settings.directory);
        assert_eq!(names.iter().filter(|name| name.contains(".2001-")).count(), 2, "{names:?}");
        assert!(names.contains(&"other.log".to_owned()));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("logs"), "").unwrap();
        let error = build(&settings(&folder, "info"), None, Console::Plain, Keep::File).err().unwrap();
        assert_eq!(error.to_string(), format!("cannot create the folder {}", folder.path().join("logs").display()));
    }

    #[test]
    fn an_error_is_told_with_its_causes() {
        let folder = tempfile::tempdir().unwrap();
        let error = DiskError::on("write", Path::new("a.mp4"))(std::io::ErrorKind::StorageFull.into());
        let lines = logged(&settings(&folder, "info"), None, || {
            tracing::warn!(error = &error as &dyn std::error::Error, "it will be tried again");
        });
        assert!(lines[0].ends_with(" error=\"cannot write a.mp4: no storage space\""), "{lines:?}");
    }

    #[test]
    fn what_a_span_says_is_part_of_each_line_within_it() {
        let folder = tempfile::tempdir().unwrap();
        let lines = logged(&settings(&folder, "info"), None, || {
            let span = tracing::info_span!("file", file = "gallery_view.mp4", attempt = tracing::field::Empty);
            span.in_scope(|| {
                span.record("attempt", 2);
                tracing::info!(bytes = 1, "resumed");
            });
        });
        assert!(lines[0].ends_with(" resumed bytes=1 file=gallery_view.mp4 attempt=2"), "{lines:?}");
    }
}
