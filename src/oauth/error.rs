//! Why there is no access token, and who can change that.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;

use super::Issuer;
use crate::disk::DiskError;
use crate::http::HttpError;
use crate::trouble::{Asked, Trouble};

/// Why no access token could be had. No variant holds one.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The token file isn't there, or is empty.
    #[error("there is no {} authorization in {}", issuer.service(), path.display())]
    NotAuthorized {
        /// Whose token is missing.
        issuer: Issuer,
        /// The token file.
        path: PathBuf,
    },
    /// The token file holds something else.
    #[error("{} does not hold a bare refresh token on one line", path.display())]
    Malformed {
        /// Whose token should be there.
        issuer: Issuer,
        /// The token file.
        path: PathBuf,
    },
    /// The issuer does not accept the refresh token or the code, or the app.
    #[error("{issuer} refused to {}: {reason}", match asked {
        Asked::Refresh => "renew the access token",
        Asked::Exchange => "exchange the authorization code",
    })]
    Refused {
        /// Who refused.
        issuer: Issuer,
        /// What was asked for.
        asked: Asked,
        /// What is behind it.
        why: Trouble,
        /// The issuer's own words, made safe to print.
        reason: String,
    },
    /// An authorization without a refresh token would end within the hour.
    #[error("{issuer} gave no refresh token")]
    NotLasting {
        /// Who gave none.
        issuer: Issuer,
    },
    /// It may work a little later, with nobody doing anything about it.
    #[error("{} gives no access token just now", issuer)]
    Temporary {
        /// Who gives none.
        issuer: Issuer,
        /// What came between.
        #[source]
        cause: Hindrance,
        /// Not to be tried again before, where Zoom said so.
        until: Option<DateTime<Utc>>,
    },
    /// The token's files can't be read, or a new token could not be saved: it isn't asked for then.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Another command is renewing the token, and doesn't come to an end.
    #[error("{} was held by another process for {} s", path.display(), waited.as_secs())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// How long was waited for it.
        waited: Duration,
    },
    /// The wait was cancelled.
    #[error("the service is stopping")]
    Stopping,
}

/// What keeps a token from being renewed for a while.
#[derive(Debug, thiserror::Error)]
pub enum Hindrance {
    /// No answer, or one of overload or breakdown.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An answer, but not what a token endpoint says.
    #[error("what {host} answered ({status}) is no answer of a token endpoint")]
    Unreadable {
        /// Who answered.
        host: String,
        /// As what.
        status: StatusCode,
    },
    /// A try failed a moment ago, or Zoom asked for a pause.
    #[error("a try failed shortly before, and the next one is not due yet")]
    Resting,
    /// Somebody else keeps writing the token file.
    #[error("the token file keeps changing")]
    Changing,
}

impl TokenError {
    /// Whether nothing but a person's doing (authorizing, mending the settings) will change it.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        match self {
            Self::NotAuthorized { .. } | Self::Malformed { .. } | Self::Refused { .. } | Self::NotLasting { .. } => {
                true
            }
            Self::Temporary { .. } | Self::Disk(_) | Self::Locked { .. } | Self::Stopping => false,
        }
    }

    /// What a person can do about it, where it needs one.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::NotAuthorized { issuer, .. } | Self::Malformed { issuer, .. } => {
                Some(format!("authorize the app with `{}`", issuer.command()))
            }
            Self::Refused { why, .. } => Some(why.remedy().to_owned()),
            Self::NotLasting { .. } => Some(
                "take the app's access back at myaccount.google.com/permissions, then authorize again with `zoom-archiver auth youtube`"
                    .to_owned(),
            ),
            Self::Temporary { .. } | Self::Disk(_) | Self::Locked { .. } | Self::Stopping => None,
        }
    }
}
