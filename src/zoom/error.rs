//! What Zoom's refusals mean, and what to do about them.

use chrono::{DateTime, Utc};
use reqwest::StatusCode;

use super::wire::{Refusal, WireError};
use crate::http::{HttpError, RateLimit};
use crate::oauth::TokenError;

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
    Wire(#[from] WireError),
}

/// What a refusal is about.
///
/// Source: Zoom API, "Error codes" and the responses documented with each call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The app was not granted a scope that the call needs; renewing the token doesn't help.
    MissingScopes,
    /// The access token is not accepted.
    Token,
    /// No such user, or not one whom this app may see.
    User,
    /// The page token is too old, or not known.
    PageToken,
    /// The plan, the role or a setting doesn't allow it.
    Permission,
    /// Anything else.
    Other,
}

impl RefusalKind {
    /// Sorts a refusal. Scopes come first: their message, too, begins with "Invalid access token".
    #[must_use]
    pub fn of(status: StatusCode, refusal: &Refusal) -> Self {
        let message = refusal.message.to_ascii_lowercase();
        match refusal.code {
            4711 => Self::MissingScopes,
            _ if message.contains("does not contain scopes") => Self::MissingScopes,
            124 => Self::Token,
            1001 | 1010 => Self::User,
            300 if message.contains("page token") => Self::PageToken,
            200 => Self::Permission,
            _ if status == StatusCode::UNAUTHORIZED => Self::Token,
            _ if status == StatusCode::FORBIDDEN => Self::Permission,
            _ => Self::Other,
        }
    }
}

impl ZoomError {
    /// What a refusal is about; `None` for other errors.
    #[must_use]
    pub fn refusal_kind(&self) -> Option<RefusalKind> {
        match self {
            Self::Refused { status, refusal } => Some(RefusalKind::of(*status, refusal)),
            Self::Wire(WireError::Refused(refusal)) => Some(RefusalKind::of(StatusCode::OK, refusal)),
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
        let kinds = [RefusalKind::MissingScopes, RefusalKind::Token];
        self.needs_person() || self.refusal_kind().is_some_and(|kind| kinds.contains(&kind))
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
        if let Self::Token(error) = self {
            return error.remedy().map(str::to_owned);
        }
        match self.refusal_kind()? {
            RefusalKind::MissingScopes => Some(
                "add the scopes that the message names to the app in the Zoom Marketplace (Scopes), then authorize it again"
                    .to_owned(),
            ),
            RefusalKind::Token => Some("authorize the app again: Zoom accepts neither the old access token nor a new one".to_owned()),
            RefusalKind::User => Some(
                "check zoom.users: an app that one user authorized for themselves knows only users = [\"me\"]".to_owned(),
            ),
            RefusalKind::Permission => Some(
                "check in Zoom that the plan includes cloud recording, that it is switched on, and that the user's role may view recordings"
                    .to_owned(),
            ),
            RefusalKind::PageToken | RefusalKind::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, code: i64, message: &str) -> RefusalKind {
        RefusalKind::of(StatusCode::from_u16(status).unwrap(), &Refusal { code, message: message.to_owned() })
    }

    #[test]
    fn refusals_are_sorted_by_code_and_missing_scopes_before_a_bad_token() {
        use RefusalKind::{MissingScopes, Other, PageToken, Permission, Token, User};
        for (status, code, message, expected) in [
            (400, 4711, "Invalid access token, does not contain scopes:[a, b].", MissingScopes),
            (401, 4700, "Invalid access token, does not contain scopes.", MissingScopes),
            (401, 124, "Invalid access token.", Token),
            (400, 124, "Access token has expired.", Token),
            (401, 0, "", Token),
            (404, 1001, "User does not exist: x.", User),
            (400, 1010, "User does not belong to this account: x.", User),
            (400, 300, "The next page token is invalid or expired.", PageToken),
            (400, 300, "Validation Failed.", Other),
            (200, 200, "You do not have the right permissions", Permission),
            (404, 3301, "This recording does not exist.", Other),
        ] {
            assert_eq!(kind(status, code, message), expected, "{status} {code} {message}");
        }
    }
}
