//! Why there is no access token, and who can change that.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;

use crate::disk::DiskError;
use crate::http::HttpError;

/// Why no access token could be had. No variant holds one.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The token file isn't there, or is empty.
    #[error("there is no Zoom authorization in {}", path.display())]
    NotAuthorized {
        /// The token file.
        path: PathBuf,
    },
    /// The token file holds something else.
    #[error("{} does not hold a bare refresh token on one line", path.display())]
    Malformed {
        /// The token file.
        path: PathBuf,
    },
    /// Zoom does not accept the refresh token, or the app.
    #[error("Zoom refused to renew the access token: {reason}")]
    Refused {
        /// What it refused.
        why: RefusalKind,
        /// Zoom's own words, made safe to print.
        reason: String,
    },
    /// It may work a little later, with nobody doing anything about it.
    #[error("the Zoom access token cannot be renewed just now")]
    Temporary {
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

/// What Zoom refused (RFC 6749, section 5.2, and Zoom's own reasons).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The refresh token: used before, revoked or expired. The last token issued is the only one considered valid.
    Token,
    /// The client id or its secret; a disabled app too.
    Credentials,
    /// The app, which may not do this.
    App,
    /// The kind of app, whose tokens are had in another way.
    GrantType,
    /// The request, for a reason that Zoom may have given.
    Request,
}

impl RefusalKind {
    /// What a person can do about it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Token => "authorize again: see Authorize in the README",
            Self::Credentials => {
                "check zoom.client_id and zoom.client_secret, and on the Zoom App Marketplace that the app is not disabled"
            }
            Self::App => "check the app on the Zoom App Marketplace, then authorize again: see Authorize in the README",
            Self::GrantType => {
                "zoom.client_id must be that of a General App, user-managed; then authorize the app, and put its refresh token there: see Authorize in the README"
            }
            Self::Request => {
                "check zoom.client_id and zoom.client_secret, then authorize again: see Authorize in the README"
            }
        }
    }
}

impl TokenError {
    /// Whether nothing but a person's doing (authorizing, mending the settings) will change it.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        match self {
            Self::NotAuthorized { .. } | Self::Malformed { .. } | Self::Refused { .. } => true,
            Self::Temporary { .. } | Self::Disk(_) | Self::Locked { .. } | Self::Stopping => false,
        }
    }

    /// What a person can do about it, where it needs one.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::NotAuthorized { .. } | Self::Malformed { .. } => {
                Some("authorize the app, and put its refresh token there: see Authorize in the README")
            }
            Self::Refused { why, .. } => Some(why.remedy()),
            Self::Temporary { .. } | Self::Disk(_) | Self::Locked { .. } | Self::Stopping => None,
        }
    }
}
