//! What can be told without a network: the config, the folders, the tracker, the token file.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::answers::remedy_of_token;
use super::findings::Findings;
use super::item::{Cause, Item};
use super::judge::{self, Purpose};
use super::names;
use crate::archive::ArchiveError;
use crate::archive::tracker::TrackerError;
use crate::chain::chain;
use crate::commands::setup;
use crate::config::{ConfigError, Loaded, Settings};
use crate::disk::mounts::mount_of;
use crate::disk::{self, DiskError};
use crate::meeting::ByteCount;
use crate::oauth::{Kept, TokenError};
use crate::pipeline::record::{Ledger, RecordError};
use crate::report::{folder_remedy, record_remedy};

/// All that is wrong with a config that can't be used.
pub(super) fn problems(error: &ConfigError) -> Vec<Item> {
    let item = |problem: &crate::config::Problem| Item::failure(names::CONFIG, Cause::Settings, problem.to_string());
    error.problems().iter().map(item).collect()
}

/// A config that can be used, and what should be known of it.
pub(super) fn config(loaded: &Loaded) -> Vec<Item> {
    let doubt = |warning: &String| {
        let (text, remedy) =
            warning.split_once("; ").map_or((warning.as_str(), None), |(text, remedy)| (text, Some(remedy)));
        Item::warning(names::CONFIG, text).remedied_by(remedy)
    };
    if !loaded.warnings.is_empty() {
        return loaded.warnings.iter().map(doubt).collect();
    }
    let source = loaded.file.as_deref().map_or_else(|| "the environment".to_owned(), |file| file.display().to_string());
    vec![Item::ok(names::CONFIG, source)]
}

/// The folder that everything is kept in.
pub(super) fn state_folder(settings: &Settings) -> Item {
    folder(names::STATE_FOLDER, &settings.state_dir, Purpose::State).0
}

/// The folder of the log.
pub(super) fn log_folder(settings: &Settings) -> Item {
    folder(names::LOG_FOLDER, &settings.log.directory, Purpose::Log).0
}

/// A folder, and the one that is there, on whose file system it is or will be.
fn folder(name: &'static str, path: &Path, purpose: Purpose) -> (Item, Option<PathBuf>) {
    let there = match setup::prove_usable(path) {
        Ok(there) => there,
        Err(error) => return (unusable(name, &error), None),
    };
    let kind = mount_of(there).map(|mount| mount.kind);
    let how = kind.as_ref().map_or_else(|| "writable".to_owned(), |kind| format!("writable, {kind}"));
    let shown = path.display();
    let text = if there == path {
        format!("{shown}: {how}")
    } else {
        format!("{shown}: not there yet, it will be made in {} ({how})", there.display())
    };
    let item = if let Some((drawback, remedy)) = kind.and_then(|kind| judge::drawback(&kind, purpose)) {
        Item::warning(name, format!("{text}: {drawback}")).remedied_by(Some(remedy))
    } else if purpose == Purpose::State && others_may_write(there) {
        Item::warning(name, format!("{text}; everyone on this machine may put other files in the place of its own"))
            .remedied_by(Some(format!("do: chmod o-w '{}'", there.display())))
    } else {
        Item::ok(name, text)
    };
    (item, Some(there.to_owned()))
}

/// Whether everyone may replace the files in a folder: with the sticky bit, only their owner may.
fn others_may_write(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|meta| meta.mode() & 0o1002 == 0o002)
}

fn unusable(name: &'static str, error: &DiskError) -> Item {
    Item::failure(name, cause_of(error), chain(error)).remedied_by(Some(folder_remedy(error)))
}

/// The settings are right where there only is no room.
fn cause_of(error: &DiskError) -> Cause {
    if error.is_full() { Cause::Other } else { Cause::Settings }
}

/// Why the tracker, `state.json` or the archive can't be used.
fn unrecorded(name: &'static str, error: &RecordError) -> Item {
    let (cause, otherwise) = match error {
        RecordError::Tracker(TrackerError::Disk(error))
        | RecordError::Disk(error)
        | RecordError::Archive(ArchiveError::Disk(error)) => (cause_of(error), Some(folder_remedy(error).to_owned())),
        RecordError::Tracker(_) => (Cause::Settings, None),
        RecordError::Archive(_) | RecordError::Missing(_) => (Cause::Other, None),
    };
    Item::failure(name, cause, chain(error)).remedied_by(record_remedy(error).or(otherwise))
}

/// The tracker, opened with all that is remembered, if it can be.
pub(super) fn tracker(settings: &Settings, findings: &mut Findings) -> Option<Ledger> {
    let ledger = match Ledger::open(settings) {
        Ok(ledger) => ledger,
        Err(error) => {
            findings.add(unrecorded(names::TRACKER, &error));
            return None;
        }
    };
    let (path, tracker) = (&settings.tracker.file, ledger.tracker());
    let is_there = path.exists();
    let can_be_written = || {
        setup::prove_usable(disk::parent(path))?;
        ledger.check_tracker()
    };
    let shown = path.display();
    let meetings = meetings(tracker.accounts().len());
    findings.add(match (can_be_written(), tracker.damage()) {
        (Err(error), _) => unrecorded(names::TRACKER, &error),
        (Ok(()), []) if is_there => Item::ok(names::TRACKER, format!("{shown}: {meetings}")),
        (Ok(()), []) => Item::ok(names::TRACKER, format!("{shown}: not there yet; it begins with the first meeting")),
        (Ok(()), [first, rest @ ..]) => {
            let others = if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
            Item::warning(names::TRACKER, format!("{shown}: {meetings}; {first}{others}"))
                .remedied_by(Some(first.remedy()))
        }
    });
    Some(ledger)
}

/// So many meetings, in words.
pub(super) fn meetings(count: usize) -> String {
    if count == 1 { "1 meeting".to_owned() } else { format!("{count} meetings") }
}

/// The archive folder; the one that is there, on whose disk it is or will be.
pub(super) fn archive(settings: &Settings, ledger: Option<&Ledger>, findings: &mut Findings) -> Option<PathBuf> {
    let path = &settings.archive.directory;
    if let Some(Err(error)) = ledger.map(Ledger::check_archive) {
        findings.add(unrecorded(names::ARCHIVE, &RecordError::Archive(error)));
        return None;
    }
    let (mut item, there) = folder(names::ARCHIVE, path, Purpose::Archive);
    if ledger.is_some_and(Ledger::is_archive_known) {
        item.text = item.text.replacen(": ", ": in use, and its mark is there; ", 1);
    }
    findings.add(item);
    there
}

/// What the archive holds, for a plan.
pub(super) fn with_archive(mut ledger: Ledger, findings: &mut Findings) -> Option<Ledger> {
    match ledger.look() {
        Ok(()) => {
            let lost = ledger.lost_rows();
            if lost > 0 {
                let text = format!("it has no rows, but {} were archived", meetings(lost));
                findings.add(Item::warning(names::TRACKER, text).remedied_by(Some(
                    "put it back if you have a copy; else the rows of meetings that Zoom still lists are written anew within a day",
                )));
            }
            Some(ledger)
        }
        Err(error) => {
            findings.add(unrecorded(names::ARCHIVE, &error));
            None
        }
    }
}

/// The token file, as it was before Zoom is asked anything.
pub(super) fn token_file(settings: &Settings, kept: &Result<Kept, TokenError>, now: DateTime<Utc>) -> Item {
    let path = &settings.zoom.token_file;
    let shown = path.display();
    let kept = match kept {
        Ok(kept) => kept,
        Err(error) => return no_token(names::TOKEN_FILE, error),
    };
    if let Err(error) = setup::prove_usable(disk::parent(path)) {
        return unusable(names::TOKEN_FILE, &error);
    }
    let access = match kept.access_until {
        Some(until) if until > now => format!("with an access token until {}", until.format("%H:%M UTC")),
        Some(_) => "with an access token that has ended".to_owned(),
        None => "without an access token".to_owned(),
    };
    let text = format!("{shown}: {}, {access}", judge::token_age(kept.written_at, now));
    if let Some(item) = doubt_about(names::TOKEN_FILE, path, kept, &text) {
        item
    } else if judge::is_token_old(kept.written_at, now) {
        let remedy = "let the service run, or `zoom-archiver once` by cron: each renewal makes it new";
        Item::warning(names::TOKEN_FILE, text).remedied_by(Some(remedy))
    } else {
        Item::ok(names::TOKEN_FILE, text)
    }
}

/// Why there is no token to use.
pub(super) fn no_token(name: &'static str, error: &TokenError) -> Item {
    let item = |cause| Item::failure(name, cause, chain(error));
    match error {
        error if error.needs_person() => item(Cause::Authorization).remedied_by(error.remedy()),
        TokenError::Disk(error) => item(cause_of(error)).remedied_by(Some(folder_remedy(error))),
        error => item(Cause::Other).remedied_by(Some(remedy_of_token(error))),
    }
}

/// What is wrong with whose a token file is, and who may read it. `text` is what else there is to say of it.
pub(super) fn doubt_about(name: &'static str, path: &Path, kept: &Kept, text: &str) -> Option<Item> {
    let (shown, own) = (path.display(), rustix::process::geteuid().as_raw());
    if kept.owner != own {
        let text = format!("{text}; it belongs to another user (number {})", kept.owner);
        Some(Item::warning(name, text).remedied_by(Some(format!("do: sudo chown {own} '{shown}'"))))
    } else if kept.mode & 0o077 != 0 {
        let text = format!("{text}; others may read it (mode {:03o})", kept.mode);
        Some(Item::warning(name, text).remedied_by(Some(format!("do: chmod 600 '{shown}'"))))
    } else {
        None
    }
}

/// The room on the disk of the archive.
pub(super) fn free_space(settings: &Settings, there: Option<&Path>, waiting: Option<ByteCount>) -> Item {
    let Some(there) = there else { return Item::skipped(names::SPACE, "the archive folder") };
    match disk::free_space(there) {
        Ok(free) => judge::free_space(free, settings.download.min_free_space, waiting),
        Err(error) => unusable(names::SPACE, &error),
    }
}
