//! The token's files: the refresh token, the access token beside it, and the lock that all commands share.
//!
//! Everything here blocks. The refresh token is always saved first: should the power fail in between, the access file
//! names another refresh token than the token file, and is ignored.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::access::{self, AccessToken, Pair, RefreshToken};
use super::memory::Unsaved;
use super::{Issuer, TokenError};
use crate::disk::{self, DiskError, Lock, LockError, SECRET_MODE};

/// The largest file that is read, in bytes: no answer that gave the tokens was larger than 64 KiB.
const FILE_LIMIT: u64 = 256 << 10;
/// What both files may take together, in bytes, so that a new pair is asked for only where it can be kept.
const ROOM: usize = 256 << 10;

/// Where one authorization is kept.
#[derive(Debug)]
pub(super) struct TokenFile {
    pub(super) issuer: Issuer,
    named: PathBuf,
    told_of_modes: Once,
    leaves_mode: AtomicBool,
}

/// What became of a pair that was to be saved.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Saving {
    Saved,
    /// The token file holds a token that this pair doesn't follow: somebody authorized anew, which revokes this pair
    /// ("the last token issued is considered valid", Zoom's error 4741).
    Superseded,
    /// Another command holds the lock.
    Busy,
}

/// The access file's content.
#[derive(Serialize, Deserialize)]
struct SavedAccess {
    access_token: String,
    /// The refresh token that came with it, so that a pair that doesn't match is known.
    refresh_token: String,
    obtained_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    #[serde(default)]
    scope: String,
}

impl TokenFile {
    pub(super) fn new(issuer: Issuer, path: PathBuf) -> Self {
        Self { issuer, named: path, told_of_modes: Once::new(), leaves_mode: AtomicBool::new(false) }
    }

    /// The path from the settings.
    pub(super) fn path(&self) -> &Path {
        &self.named
    }

    /// The lock file's path.
    pub(super) fn lock_path(&self) -> PathBuf {
        beside(&self.resolved(), |name| format!("{name}.lock"))
    }

    /// From now on leaves the file's mode as it is, however wide.
    pub(super) fn leave_mode(&self) {
        self.leaves_mode.store(true, Ordering::Relaxed);
    }

    /// What is saved; nothing where there is no token.
    pub(super) fn read(&self) -> Result<Option<Pair>, TokenError> {
        let path = self.resolved();
        let Some(refresh) = self.read_refresh(&path)? else { return Ok(None) };
        let access = read_access(&access_path(&path), &refresh);
        Ok(Some(Pair { refresh, access }))
    }

    /// Takes the lock, unless somebody has it.
    pub(super) fn try_lock(&self) -> Result<Option<Lock>, DiskError> {
        match Lock::try_take(&self.lock_path()) {
            Ok(lock) => Ok(Some(lock)),
            Err(LockError::Held(_)) => Ok(None),
            Err(LockError::Disk(error)) => Err(error),
        }
    }

    /// Proves that a new pair could be saved.
    pub(super) fn prove_writable(&self) -> Result<(), DiskError> {
        disk::prove_writable(disk::parent(&self.resolved()), ROOM)
    }

    /// Saves a pair durably, unless the token file was changed by somebody else. The lock must be held.
    pub(super) fn save(&self, unsaved: &Unsaved) -> Result<Saving, DiskError> {
        let path = self.resolved();
        // What can't be read or is no token is no newer authorization either.
        let on_disk = self.read_refresh(&path).unwrap_or(None);
        if on_disk.as_ref().is_some_and(|token| !unsaved.follows(token)) {
            return Ok(Saving::Superseded);
        }
        write_pair(&path, &unsaved.pair, on_disk.as_ref())?;
        Ok(Saving::Saved)
    }

    /// Saves the pair of a new authorization durably, whatever the file holds: that is worth nothing any more. The lock must
    /// be held.
    pub(super) fn save_authorization(&self, pair: &Pair) -> Result<(), DiskError> {
        write_pair(&self.resolved(), pair, None)
    }

    /// [`TokenFile::save`], with the lock taken for it.
    pub(super) fn save_locked(&self, unsaved: &Unsaved) -> Result<Saving, DiskError> {
        match self.try_lock()? {
            Some(_lock) => self.save(unsaved),
            None => Ok(Saving::Busy),
        }
    }

    /// The path with its links followed, so that a rename replaces the file and not a link to it, and all who come by
    /// whatever link share one lock.
    fn resolved(&self) -> PathBuf {
        fs::canonicalize(&self.named).unwrap_or_else(|_| self.named.clone())
    }

    fn read_refresh(&self, path: &Path) -> Result<Option<RefreshToken>, TokenError> {
        let malformed = || TokenError::Malformed { issuer: self.issuer, path: self.named.clone() };
        let Some((bytes, mode)) = read_small(path)? else { return Ok(None) };
        if mode & 0o077 != 0 && !self.leaves_mode.load(Ordering::Relaxed) {
            self.tighten(path, mode);
        }
        let text = String::from_utf8(bytes).map_err(|_| malformed())?;
        RefreshToken::parse(&text).map_err(|_| malformed())
    }

    /// Takes the file from all but its owner, and says so once.
    fn tighten(&self, path: &Path, mode: u32) {
        let tightened = fs::set_permissions(path, Permissions::from_mode(SECRET_MODE));
        let (file, mode) = (path.display(), format!("{mode:03o}"));
        self.told_of_modes.call_once(|| match tightened {
            Ok(()) => warn!(%file, %mode, "others could read the token file; its mode is 600 now"),
            Err(error) => warn!(%file, %mode, %error, "others can read the token file, and its mode can't be changed"),
        });
    }
}

/// Writes both files, the refresh token first; not where it is on the disk already.
fn write_pair(path: &Path, pair: &Pair, on_disk: Option<&RefreshToken>) -> Result<(), DiskError> {
    for saved in [path, &access_path(path)] {
        // There is a token in it.
        disk::remove_leftovers(saved);
    }
    if on_disk != Some(&pair.refresh) {
        disk::replace(path, format!("{}\n", pair.refresh.expose()).as_bytes(), SECRET_MODE)?;
    }
    match &pair.access {
        Some(access) => write_access(&access_path(path), access, &pair.refresh),
        None => Ok(()),
    }
}

/// The access file's path: `.zoom_access_token` beside `.zoom_refresh_token`, `NAME.access` beside any other `NAME`.
fn access_path(token_file: &Path) -> PathBuf {
    beside(token_file, |name| match name.strip_suffix("refresh_token") {
        Some(stem) => format!("{stem}access_token"),
        None => format!("{name}.access"),
    })
}

fn beside(path: &Path, name: impl Fn(&str) -> String) -> PathBuf {
    path.with_file_name(name(&path.file_name().unwrap_or_default().to_string_lossy()))
}

/// The access token that came with this refresh token. A file that is unreadable or belongs to another is as good as
/// none: it can be had anew.
fn read_access(path: &Path, refresh: &RefreshToken) -> Option<AccessToken> {
    let (bytes, _) = read_small(path).ok()??;
    let saved: SavedAccess = serde_json::from_slice(&bytes).ok()?;
    (saved.refresh_token == refresh.expose() && access::is_token(&saved.access_token))
        .then(|| AccessToken::new(saved.access_token.into(), saved.scope, saved.obtained_at, saved.expires_at))
}

fn write_access(path: &Path, access: &AccessToken, refresh: &RefreshToken) -> Result<(), DiskError> {
    let saved = SavedAccess {
        access_token: access.expose().to_owned(),
        refresh_token: refresh.expose().to_owned(),
        obtained_at: access.obtained_at(),
        expires_at: access.expires_at(),
        scope: access.scope().to_owned(),
    };
    let json = serde_json::to_vec_pretty(&saved).map_err(|error| DiskError::on("write", path)(error.into()))?;
    disk::replace(path, &json, SECRET_MODE)
}

/// A small regular file that may not be there, with its mode.
///
/// A pipe or a device in its place would block for ever, and a link to one is as bad: neither is opened for reading.
fn read_small(path: &Path) -> Result<Option<(Vec<u8>, u32)>, DiskError> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DiskError::on("read", path)(error)),
    };
    let metadata = file.metadata().map_err(DiskError::on("read", path))?;
    if !metadata.is_file() {
        return Err(DiskError::on("read", path)(io::Error::other("it is not a regular file")));
    }
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(DiskError::on("read", path))?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(DiskError::on("read", path)(io::Error::other("it is too large for a token")));
    }
    Ok(Some((bytes, metadata.permissions().mode() & 0o7777)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use chrono::TimeDelta;
    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::super::access::Want;
    use super::*;
    use crate::hostile;

    fn token(text: &str) -> RefreshToken {
        RefreshToken::parse(text).unwrap().unwrap()
    }

    fn pair(refresh: &str, access: &str) -> Pair {
        let obtained_at: DateTime<Utc> = "2025-12-02T12:00:00Z".parse().unwrap();
        let access = AccessToken::new(access.into(), "a b".to_owned(), obtained_at, obtained_at + TimeDelta::hours(1));
        Pair { refresh: token(refresh), access: Some(access) }
    }

    fn unsaved(refresh: &str, access: &str, replaces: &str) -> Unsaved {
        Unsaved { pair: pair(refresh, access), replaces: RefreshToken::parse(replaces).unwrap() }
    }

    fn holding(content: &str) -> (TempDir, TokenFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".zoom_refresh_token");
        disk::replace(&path, content.as_bytes(), SECRET_MODE).unwrap();
        (folder, TokenFile::new(Issuer::Zoom, path))
    }

    #[test]
    fn what_was_saved_is_read_again_and_nobody_else_may_read_it() {
        let (folder, file) = holding("old\n");
        assert_eq!(file.save(&unsaved("new", "access", "old")).unwrap(), Saving::Saved);

        let read = file.read().unwrap().unwrap();
        assert_eq!(read.refresh.expose(), "new");
        let access = read.access.unwrap();
        assert_eq!((access.expose(), access.scopes()), ("access", vec!["a", "b"]));
        assert_eq!(fs::read_to_string(folder.path().join(".zoom_refresh_token")).unwrap(), "new\n");
        for entry in fs::read_dir(folder.path()).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o7777, SECRET_MODE);
        }
    }

    #[test]
    fn an_access_token_that_came_with_another_refresh_token_is_ignored() {
        let (folder, file) = holding("old\n");
        file.save(&unsaved("new", "access", "old")).unwrap();
        fs::write(folder.path().join(".zoom_refresh_token"), "newer").unwrap();
        assert!(file.read().unwrap().unwrap().access.is_none());
    }

    #[test]
    fn a18_a_damaged_access_file_is_as_good_as_none() {
        let (folder, file) = holding("token");
        let unlike = r#"{"access_token":"two\nlines","refresh_token":"token","obtained_at":"2025-12-02T12:00:00Z",
            "expires_at":"2025-12-02T13:00:00Z"}"#;
        for content in ["", "{", "null", "[1]", "\0\0\0", unlike] {
            fs::write(folder.path().join(".zoom_access_token"), content).unwrap();
            assert!(file.read().unwrap().unwrap().access.is_none(), "{content:?}");
        }
    }

    #[test]
    fn a16_a_token_that_somebody_else_wrote_meanwhile_is_never_overwritten() {
        let (_folder, file) = holding("authorized-anew");
        assert_eq!(file.save(&unsaved("new", "access", "old")).unwrap(), Saving::Superseded);
        assert_eq!(file.read().unwrap().unwrap().refresh.expose(), "authorized-anew");
    }

    #[test]
    fn a18_a_missing_and_an_empty_file_hold_no_token() {
        let (folder, empty) = holding(" \n");
        assert!(empty.read().unwrap().is_none());
        assert!(TokenFile::new(Issuer::Zoom, folder.path().join("missing")).read().unwrap().is_none());
        assert!(TokenFile::new(Issuer::Zoom, folder.path().join("no/folder")).read().unwrap().is_none());
    }

    #[test]
    fn a18_a_file_that_holds_something_else_is_said_to_and_left_as_it_is() {
        for content in ["two\nlines", r#"{"refresh_token":"SECRET"}"#, "\u{fffd}"] {
            let (_folder, file) = holding(content);
            let error = file.read().unwrap_err();
            assert!(matches!(error, TokenError::Malformed { .. }), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("SECRET"));
        }
    }

    #[test]
    fn a18_l8_a_token_file_that_others_could_read_is_tightened() {
        let (folder, file) = holding("token");
        let path = folder.path().join(".zoom_refresh_token");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        file.read().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, SECRET_MODE);
    }

    #[test]
    fn a_linked_token_file_is_replaced_where_it_is_and_stays_linked() {
        let (folder, file) = holding("old");
        let elsewhere = tempfile::tempdir().unwrap();
        let link = elsewhere.path().join("link");
        symlink(folder.path().join(".zoom_refresh_token"), &link).unwrap();

        let linked = TokenFile::new(Issuer::Zoom, link.clone());
        assert_eq!(linked.lock_path(), file.lock_path());
        linked.save(&unsaved("new", "access", "old")).unwrap();

        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(file.read().unwrap().unwrap().refresh.expose(), "new");
    }

    #[test]
    fn l4_what_is_no_regular_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        for target in [Path::new("/dev/zero"), folder.path()] {
            let link = folder.path().join("link");
            symlink(target, &link).unwrap();
            let error = TokenFile::new(Issuer::Zoom, link.clone()).read().unwrap_err();
            assert!(matches!(error, TokenError::Disk(_)), "{error:?}");
            fs::remove_file(link).unwrap();
        }
    }

    #[test]
    fn the_files_beside_a_token_file_are_named_after_it() {
        for (token, access) in [
            ("/s/.zoom_refresh_token", "/s/.zoom_access_token"),
            ("/s/.youtube_refresh_token", "/s/.youtube_access_token"),
            ("/s/token", "/s/token.access"),
        ] {
            assert_eq!(access_path(Path::new(token)), Path::new(access));
        }
        let file = TokenFile::new(Issuer::Zoom, "/nowhere/.zoom_refresh_token".into());
        assert_eq!(file.lock_path(), Path::new("/nowhere/.zoom_refresh_token.lock"));
    }

    fn any_time() -> impl Strategy<Value = String> {
        prop_oneof![3 => Just("2025-12-02T12:00:00Z".to_owned()), 1 => hostile::times()]
    }

    proptest! {
        #![proptest_config(hostile::slow_config())]

        #[test]
        fn a18_any_token_file_holds_a_token_or_none_or_is_said_not_to_and_stays_as_it_is(content in hostile::bytes()) {
            let (folder, file) = holding("");
            let path = folder.path().join(".zoom_refresh_token");
            fs::write(&path, &content).unwrap();
            match file.read() {
                Ok(Some(pair)) => {
                    let token = pair.refresh.expose();
                    prop_assert!(access::is_token(token));
                    prop_assert_eq!(std::str::from_utf8(&content).unwrap().trim(), token);
                }
                Ok(None) => prop_assert!(std::str::from_utf8(&content).unwrap().trim().is_empty()),
                Err(error) => prop_assert!(matches!(error, TokenError::Malformed { .. }), "{:?}", error),
            }
            prop_assert_eq!(fs::read(&path).unwrap(), content);
        }

        #[test]
        fn a18_t1_any_access_file_gives_a_token_that_can_be_shown_and_judged_or_none(
            bytes in hostile::bytes(),
            (token, scope) in (prop_oneof![Just("token".to_owned()), hostile::strings()], hostile::strings()),
            (obtained_at, expires_at) in (any_time(), any_time()),
        ) {
            let (folder, file) = holding("token");
            let fields = serde_json::json!({
                "access_token": token, "refresh_token": "token", "scope": scope, "obtained_at": obtained_at,
                "expires_at": expires_at,
            });
            let beyond = r#"{"access_token":"a","refresh_token":"token","obtained_at":"-262143-01-01T00:00:00Z",
                "expires_at":"+262142-12-31T23:59:59Z"}"#;
            for content in [bytes, fields.to_string().into_bytes(), beyond.into()] {
                fs::write(folder.path().join(".zoom_access_token"), content).unwrap();
                if let Some(token) = file.read().unwrap().unwrap().access {
                    prop_assert!(access::is_token(token.expose()));
                    for want in [Want::lasting(std::time::Duration::MAX), Want::OtherThan(token.clone())] {
                        for now in [DateTime::<Utc>::MIN_UTC, DateTime::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC] {
                            let is_refused = matches!(want, Want::OtherThan(_));
                            prop_assert!(!(is_refused && want.is_met_by(&token, now)));
                            prop_assert!(!(is_refused && want.may_do_with(&token, now)));
                        }
                    }
                }
            }
        }

        #[test]
        fn any_pair_that_is_kept_is_read_again_as_it_was(refresh in "[!-z|~]{1,60}", access in "[!-z|~]{1,60}") {
            let (_folder, file) = holding("old");
            prop_assert_eq!(file.save(&unsaved(&refresh, &access, "old")).unwrap(), Saving::Saved);
            let read = file.read().unwrap().unwrap();
            prop_assert_eq!(read.refresh.expose(), &refresh);
            let kept = read.access.unwrap();
            prop_assert_eq!(kept.expose(), &access);
        }
    }
}
