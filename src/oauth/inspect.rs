//! A look at what is kept of an authorization, for whoever wants to know and change as little as possible.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::access::{AccessToken, Want};
use super::token_file::TokenFile;
use super::{TokenError, Tokens};
use crate::disk::{DiskError, blocking};

/// What the token file is like, and what lies beside it. Neither token is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Who owns the token file, by number.
    pub owner: u32,
    /// Its permissions.
    pub mode: u32,
    /// When it was written: its refresh token is not younger than that.
    pub written_at: DateTime<Utc>,
    /// Until when the access token is good that came with this refresh token; none where none is kept.
    pub access_until: Option<DateTime<Utc>>,
}

impl Tokens {
    /// From now on leaves the mode of the token file as it is, however wide: for commands that only look.
    pub fn leave_mode(&self) {
        self.renewal.file.leave_mode();
    }

    /// Looks at the files. Without [`Tokens::leave_mode`], too wide a mode is tightened by that, as by any reading.
    ///
    /// # Errors
    /// [`TokenError`] where there is no token in the file, something else, or it can't be read.
    pub async fn kept(&self) -> Result<Kept, TokenError> {
        let file = Arc::clone(&self.renewal.file);
        blocking(move || kept(&file)).await
    }

    /// A token as [`Tokens::access`] gives one, but none that should have been renewed and couldn't be: whether it can be
    /// is what is asked.
    ///
    /// # Errors
    /// As [`Tokens::access`].
    pub async fn access_in_order(&self, stop: &CancellationToken) -> Result<AccessToken, TokenError> {
        self.renewal.save_what_is_unsaved().await;
        self.found_or_renewed(&Want::lasting(Duration::ZERO), stop).await
    }
}

fn kept(file: &TokenFile) -> Result<Kept, TokenError> {
    let path = file.path();
    let pair = file.read()?.ok_or_else(|| TokenError::NotAuthorized { issuer: file.issuer, path: path.to_owned() })?;
    let meta = fs::metadata(path).map_err(DiskError::on("look at", path))?;
    let written = meta.modified().map_err(DiskError::on("look at", path))?;
    Ok(Kept {
        owner: meta.uid(),
        mode: meta.mode() & 0o7777,
        written_at: written.into(),
        access_until: pair.access.map(|access| access.expires_at()),
    })
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::super::Issuer;
    use super::*;

    #[test]
    fn looking_leaves_the_mode_as_it_is_where_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for (leaves, after) in [(true, 0o644), (false, 0o600)] {
            fs::write(&path, "refresh").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
            let file = TokenFile::new(Issuer::Zoom, path.clone());
            if leaves {
                file.leave_mode();
            }

            let kept = kept(&file).unwrap();

            assert_eq!(kept.mode, after);
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, after);
            assert_eq!(kept.access_until, None);
        }
    }

    #[test]
    fn without_a_token_there_is_nothing_to_look_at() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let file = TokenFile::new(Issuer::Zoom, path.clone());
        assert!(matches!(kept(&file), Err(TokenError::NotAuthorized { .. })));
        fs::write(&path, "two words").unwrap();
        assert!(matches!(kept(&file), Err(TokenError::Malformed { .. })));
    }
}
