//! The log files: one a day or an hour, so many kept, none without bound.

use std::fs;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use tracing::{Level, Metadata};
use tracing_appender::non_blocking::NonBlocking;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::fmt::MakeWriter;

use super::LogError;
use super::line::notice;
use crate::clock;
use crate::config::{LogFormat, LogRotation, LogSettings};
use crate::disk::{self, DiskError};
use crate::meeting::ByteCount;

/// A file that has reached this takes only warnings until the next one.
const CAP: ByteCount = ByteCount::mib(256);

/// What the files' names begin with, and the suffix.
const NAME: (&str, &str) = ("zoom-archiver", "log");

/// Opens today's file in the log's folder.
pub(super) fn open(settings: &LogSettings, failed: Arc<AtomicU64>) -> Result<impl Write + Send + use<>, LogError> {
    let newest = settings.directory.join(format!("{}.{}", NAME.0, NAME.1));
    let file = Standing { file: open_newest(settings, &newest)?, newest: newest.clone(), settings: settings.clone() };
    Ok(LogFile::new(file, newest, settings, CAP, clock::now, failed))
}

fn open_newest(settings: &LogSettings, newest: &Path) -> Result<RollingFileAppender, LogError> {
    let folder = &settings.directory;
    disk::create_folder(folder)?;
    make_way(newest, settings.rotation)?;
    let appender = RollingFileAppender::builder().filename_prefix(NAME.0).filename_suffix(NAME.1);
    // One more than are kept, for the appender counts the current file too.
    let keep = settings.keep as usize + 1;
    let linked = |rotation| (rotation, format!("{}.{}", NAME.0, NAME.1), keep);
    let (rotation, link, keep) = match settings.rotation {
        LogRotation::Daily => linked(Rotation::DAILY),
        LogRotation::Hourly => linked(Rotation::HOURLY),
        // Nothing to link to, and nothing to delete: it would count the file itself as an old one.
        LogRotation::Never => (Rotation::NEVER, String::new(), 0),
    };
    appender
        .rotation(rotation)
        .latest_symlink(link)
        .max_log_files(keep)
        .build(folder)
        .map_err(|source| LogError::File { folder: folder.clone(), source })
}

/// The newest file, which is made anew where somebody has removed it, or its folder: an appender would go on writing into
/// what nobody can read, until its next file is due.
struct Standing {
    file: RollingFileAppender,
    newest: PathBuf,
    settings: LogSettings,
}

impl Write for Standing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if matches!(self.newest.try_exists(), Ok(false)) {
            self.file = open_newest(&self.settings, &self.newest).map_err(io::Error::other)?;
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Sees to it that a file can take the link's place, or the link a file's, and nothing logged is lost by that.
fn make_way(newest: &Path, rotation: LogRotation) -> Result<(), DiskError> {
    let Ok(metadata) = fs::symlink_metadata(newest) else { return Ok(()) };
    if rotation == LogRotation::Never {
        if metadata.is_symlink() {
            // Otherwise the lines would go to the last dated file.
            fs::remove_file(newest).map_err(DiskError::on("remove the link", newest))?;
        }
    } else if metadata.is_file() {
        // The appender removes whatever is in the link's place.
        let until = metadata.modified().map_or(DateTime::UNIX_EPOCH, DateTime::<Utc>::from);
        let name = format!("{}.until-{}.{}", NAME.0, until.format("%Y-%m-%dT%H%M%S"), NAME.1);
        fs::rename(newest, newest.with_file_name(name)).map_err(DiskError::on("rename", newest))?;
    }
    Ok(())
}

/// Lines on their way to the file. The first byte of each says whether it still counts when the file is full.
#[derive(Clone)]
pub(super) struct Queue {
    lines: NonBlocking,
    mark: u8,
}

const USUAL: u8 = b'.';
const URGENT: u8 = b'!';

impl Queue {
    pub(super) fn new(lines: NonBlocking) -> Self {
        Self { lines, mark: USUAL }
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Self {
        let mark = if *event.level() <= Level::WARN { URGENT } else { USUAL };
        Self { mark, ..self.clone() }
    }
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lines.write_all(&[&[self.mark], line].concat())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The end of the queue: writes the lines, bounds the file, and counts what can't be written instead of failing.
pub(super) struct LogFile<W, C> {
    file: W,
    newest: PathBuf,
    format: LogFormat,
    rotation: LogRotation,
    cap: ByteCount,
    len: ByteCount,
    period: i64,
    now: C,
    is_torn: bool,
    failed: Arc<AtomicU64>,
    /// Lines lost since the file last took one.
    untold: u64,
}

impl<W: Write, C: FnMut() -> DateTime<Utc>> LogFile<W, C> {
    fn new(file: W, newest: PathBuf, settings: &LogSettings, cap: ByteCount, now: C, failed: Arc<AtomicU64>) -> Self {
        let LogSettings { format, rotation, .. } = *settings;
        let (len, period, is_torn) = (ByteCount(0), i64::MIN, false);
        let mut log = Self { file, newest, format, rotation, cap, len, period, now, is_torn, failed, untold: 0 };
        log.period = log.current_period();
        log.len = log.measure();
        log
    }

    fn take(&mut self, line: &[u8], is_urgent: bool) {
        let period = self.current_period();
        // A clock that is set back goes on in the same file: the appender only ever looks ahead.
        if period > self.period {
            // The appender begins a new file with the next line.
            self.period = period;
            self.len = ByteCount(0);
        }
        if self.len >= self.cap && !is_urgent {
            // Somebody may have emptied the file, which is the only way out where it isn't rotated.
            self.len = self.measure();
            if self.len >= self.cap {
                return;
            }
        }
        let was_full = self.len >= self.cap;
        self.tell_of_losses();
        if !self.put(line) {
            self.untold += 1;
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        if self.len >= self.cap && !was_full {
            let text = format!("this file has reached {}; until the next one, it takes only warnings", self.cap);
            let line = notice(self.format, (self.now)(), &text);
            self.put(line.as_bytes());
        }
    }

    /// Says where lines are missing, as soon as the file takes any again.
    fn tell_of_losses(&mut self) {
        let text = match self.untold {
            0 => return,
            1 => "a line could not be written here".to_owned(),
            lost => format!("{lost} lines could not be written here"),
        };
        let line = notice(self.format, (self.now)(), &text);
        if self.put(line.as_bytes()) {
            self.untold = 0;
        }
    }

    /// Whether the line is in the file as a whole.
    fn put(&mut self, line: &[u8]) -> bool {
        let end_torn_line: &[u8] = if self.is_torn { b"\n" } else { b"" };
        let mut written = 0;
        // A rotation that fails is printed to stderr by the appender, which panics if stderr is closed.
        let result = catch_unwind(AssertUnwindSafe(|| {
            self.file.write_all(end_torn_line)?;
            while let Some(rest) = line.get(written..).filter(|rest| !rest.is_empty()) {
                match self.file.write(rest) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(more) => written += more,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            io::Result::Ok(())
        }));
        self.len.0 += written as u64;
        let is_whole = matches!(result, Ok(Ok(())));
        self.is_torn = !is_whole && (self.is_torn || written > 0);
        is_whole
    }

    /// The same number for as long as the appender writes to the same file.
    fn current_period(&mut self) -> i64 {
        let now = (self.now)().timestamp();
        match self.rotation {
            LogRotation::Daily => now.div_euclid(24 * 3600),
            LogRotation::Hourly => now.div_euclid(3600),
            LogRotation::Never => 0,
        }
    }

    fn measure(&self) -> ByteCount {
        ByteCount(fs::metadata(&self.newest).map_or(0, |metadata| metadata.len()))
    }
}

impl<W: Write, C: FnMut() -> DateTime<Utc>> Write for LogFile<W, C> {
    /// Takes one whole line with its mark.
    fn write(&mut self, marked: &[u8]) -> io::Result<usize> {
        if let Some((mark, line)) = marked.split_first() {
            self.take(line, *mark == URGENT);
        }
        Ok(marked.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // What can't be flushed was counted when it was written.
        self.file.flush().or(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::VecDeque;
    use std::rc::Rc;

    use tempfile::TempDir;

    use super::*;

    /// A disk that does as it is told, for each write; then all is well.
    #[derive(Default)]
    struct Disk {
        bytes: Vec<u8>,
        script: VecDeque<Fault>,
    }

    enum Fault {
        Full,
        Short(usize),
        Panic,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let len = match self.script.pop_front() {
                Some(Fault::Full) => return Err(io::ErrorKind::StorageFull.into()),
                Some(Fault::Short(len)) => len,
                Some(Fault::Panic) => panic!("stderr is closed"),
                None => bytes.len(),
            };
            self.bytes.extend(&bytes[..len]);
            Ok(len)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Setup {
        folder: TempDir,
        now: Rc<Cell<i64>>,
        failed: Arc<AtomicU64>,
    }

    impl Setup {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap(), now: Rc::default(), failed: Arc::default() }
        }

        fn newest(&self) -> PathBuf {
            self.folder.path().join("zoom-archiver.log")
        }

        fn log(
            &self,
            cap: u64,
            script: impl IntoIterator<Item = Fault>,
        ) -> LogFile<Disk, impl FnMut() -> DateTime<Utc>> {
            let settings = LogSettings {
                directory: self.folder.path().to_owned(),
                level: "info".to_owned(),
                format: LogFormat::Text,
                rotation: LogRotation::Daily,
                keep: 1,
                stderr: false,
            };
            let disk = Disk { script: script.into_iter().collect(), ..Disk::default() };
            let now = Rc::clone(&self.now);
            let clock = move || DateTime::from_timestamp(now.get(), 0).unwrap();
            LogFile::new(disk, self.newest(), &settings, ByteCount(cap), clock, Arc::clone(&self.failed))
        }

        fn failed(&self) -> u64 {
            self.failed.load(Ordering::Relaxed)
        }
    }

    fn text<C>(log: &LogFile<Disk, C>) -> &str {
        std::str::from_utf8(&log.file.bytes).unwrap()
    }

    #[test]
    fn a_full_file_takes_only_warnings_until_the_next_period() {
        let setup = Setup::new();
        fs::write(setup.newest(), "12345678").unwrap();
        let mut log = setup.log(10, []);
        fs::write(setup.newest(), "12345678one\n").unwrap();
        for line in [".one\n", ".two\n", "!warning\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        let lines: Vec<&str> = text(&log).lines().collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!((lines[0], lines[2]), ("one", "warning"));
        assert!(lines[1].ends_with("WARN  this file has reached 10 B; until the next one, it takes only warnings"));

        setup.now.set(24 * 3600);
        log.write_all(b".next day\n").unwrap();
        assert!(text(&log).ends_with("warning\nnext day\n"));
        assert_eq!(setup.failed(), 0);
    }

    #[test]
    fn a_full_file_that_somebody_empties_is_used_again() {
        let setup = Setup::new();
        fs::write(setup.newest(), "1234567890").unwrap();
        let mut log = setup.log(10, []);
        log.write_all(b".lost\n").unwrap();
        fs::write(setup.newest(), "").unwrap();
        log.write_all(b".kept\n").unwrap();
        assert_eq!(text(&log), "kept\n");
    }

    #[test]
    fn t6_a_clock_that_is_set_back_makes_no_room_in_a_full_file() {
        let setup = Setup::new();
        setup.now.set(5 * 24 * 3600);
        let mut log = setup.log(10, []);
        log.write_all(b".1234567890\n").unwrap();
        fs::write(setup.newest(), text(&log)).unwrap();
        let full = text(&log).len();
        for day in [4, 0, -400, 5] {
            setup.now.set(day * 24 * 3600);
            log.write_all(b".more\n").unwrap();
            assert_eq!(text(&log).len(), full, "on day {day}");
        }
        setup.now.set(6 * 24 * 3600);
        log.write_all(b".next day\n").unwrap();
        assert!(text(&log).ends_with("next day\n"));
    }

    #[test]
    fn d4_a_full_disk_costs_counted_lines_and_a_torn_one_is_ended() {
        let setup = Setup::new();
        let mut log = setup.log(1000, [Fault::Full, Fault::Full, Fault::Short(2), Fault::Full]);
        for line in [".one\n", ".two\n", ".three\n", ".four\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        let lines: Vec<&str> = text(&log).lines().collect();
        assert_eq!((lines[0], &lines[2..]), ("tw", &["three", "four"][..]));
        assert!(lines[1].ends_with("WARN  2 lines could not be written here"), "{lines:?}");
        assert_eq!(setup.failed(), 2);
    }

    #[test]
    fn p9_a_panic_in_the_appender_does_not_end_the_log() {
        let setup = Setup::new();
        let mut log = setup.log(1000, [Fault::Panic]);
        log.write_all(b".one\n").unwrap();
        log.write_all(b".two\n").unwrap();
        assert!(text(&log).ends_with("a line could not be written here\ntwo\n"), "{}", text(&log));
        assert_eq!(setup.failed(), 1);
    }
}
