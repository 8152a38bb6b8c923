//! What Zoom's refusals mean, and what to do about them.

use chrono::{DateTime, Utc};
use reqwest::StatusCode;

use super::wire::{Refusal, WireError};
use crate::http::{HttpError, RateKind, RateLimit};
use crate::meeting::UserId;
use crate::oauth::TokenError;
use crate::trouble::Trouble;

/// Why Zoom's API did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ZoomError {
    /// There is no token to ask with.
    #[error("no access to Zoom")]
    Token(#[from] TokenError),
    /// The exchange failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A limit is reached that outlasts a retry pause.
    #[error("Zoom's rate limit is reached until {}", .0.until.format("%Y-%m-%d %H:%M:%S UTC"))]
    RateLimited(RateLimit),
    /// Zoom says no, with a status and usually a code.
    #[error("Zoom refuses with {status}: {} (code {})", refusal.message, refusal.code)]
    Refused {
        /// The answer's status; 200 is possible.
        status: StatusCode,
        /// What the body says.
        refusal: Refusal,
    },
    /// An answer that isn't what was asked for.
    #[error("cannot read Zoom's answer")]
    Wire(#[source] WireError),
}

impl From<WireError> for ZoomError {
    /// A refusal in an answer of status 200 is a refusal like any other.
    fn from(error: WireError) -> Self {
        match error {
            WireError::Refused(refusal) => Self::Refused { status: StatusCode::OK, refusal },
            other => Self::Wire(other),
        }
    }
}

impl ZoomError {
    /// What is behind a refusal; `None` for one that is not known, and for other errors.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        let of = |status: StatusCode, refusal: &Refusal| {
            Trouble::of_zooms_refusal(status.as_u16(), refusal.code, &refusal.message)
        };
        match self {
            Self::Refused { status, refusal } => of(*status, refusal),
            Self::RateLimited(limit) => Some(match limit.kind {
                RateKind::Daily => Trouble::DailyLimit,
                RateKind::PerSecond | RateKind::Unknown => Trouble::RateLimit,
            }),
            Self::Http(HttpError::Status { status: StatusCode::NOT_FOUND, .. }) => Some(Trouble::ApiAddress),
            Self::Token(TokenError::Refused { why, .. }) => Some(*why),
            _ => None,
        }
    }

    /// Whether only a person can end this: the app must be authorized (again).
    #[must_use]
    pub fn needs_person(&self) -> bool {
        matches!(self, Self::Token(error) if error.needs_person())
    }

    /// Whether only another authorization ends this: also that of a good token, for one that knows more scopes.
    #[must_use]
    pub fn needs_authorization(&self) -> bool {
        self.needs_person() || self.trouble().is_some_and(Trouble::needs_authorization)
    }

    /// The same where it concerns one user: what may mean that the app doesn't know a user means that its scopes lack where
    /// that is the one who authorized it.
    #[must_use]
    pub fn needs_authorization_for(&self, user: &UserId) -> bool {
        self.needs_authorization() || self.trouble() == Some(Trouble::ScopesOrUser) && user.as_str() == "me"
    }

    /// Whether the same request may well succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => error.is_transient(),
            Self::Refused { status, .. } => status.is_server_error(),
            // A gateway's page in place of an answer, or an answer cut short.
            Self::Wire(WireError::NotJson(_)) => true,
            Self::Wire(_) | Self::Token(_) | Self::RateLimited(_) => false,
        }
    }

    /// Until when Zoom wants to be left alone, where it said so.
    #[must_use]
    pub fn asked_to_wait_until(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::RateLimited(limit) => Some(limit.until),
            Self::Token(TokenError::Temporary { until, .. }) => *until,
            _ => None,
        }
    }

    /// Whether it only says that the program is stopping.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        matches!(self, Self::Http(HttpError::Stopping) | Self::Token(TokenError::Stopping))
    }

    /// What to do about it, as a sentence for a person; `None` where waiting is all there is to do.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Token(error) => error.remedy(),
            _ => self.trouble().map(|trouble| trouble.remedy().to_owned()),
        }
    }
}
