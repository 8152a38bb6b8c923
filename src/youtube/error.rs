//! What `YouTube`'s refusals mean, and what to do about them.

use reqwest::StatusCode;

use super::wire::Refusal;
use crate::http::HttpError;
use crate::oauth::TokenError;
use crate::trouble::Trouble;

/// Why `YouTube` did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum YoutubeError {
    /// There is no token to ask with.
    #[error("no access to YouTube")]
    Token(#[from] TokenError),
    /// The exchange failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// `YouTube` says no, with a status and usually a reason.
    #[error("YouTube refuses with {status}{}", words(refusal))]
    Refused {
        /// The answer's status.
        status: StatusCode,
        /// What the body says.
        refusal: Refusal,
    },
    /// The account has no channel.
    #[error("the Google account that was authorized has no YouTube channel")]
    NoChannel,
    /// An answer that isn't what was asked for.
    #[error("cannot read YouTube's answer")]
    Unreadable(#[source] serde_json::Error),
}

fn words(refusal: &Refusal) -> String {
    match (refusal.message.as_str(), refusal.reason.as_str()) {
        ("", "") => String::new(),
        ("", reason) => format!(": {reason}"),
        (message, "") => format!(": {message}"),
        (message, reason) => format!(": {message} ({reason})"),
    }
}

impl YoutubeError {
    /// What is behind a refusal; `None` for one that is not known, and for other errors.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            // Some answers have a message and no reason.
            Self::Refused { refusal, .. } if refusal.message.contains("insufficient authentication scopes") => {
                Some(Trouble::YoutubeScope)
            }
            Self::Refused { status, refusal } => Trouble::of_youtubes_reason(&refusal.reason)
                .or_else(|| (*status == StatusCode::UNAUTHORIZED).then_some(Trouble::YoutubeToken)),
            Self::NoChannel => Some(Trouble::YoutubeNoChannel),
            Self::Token(TokenError::Refused { why, .. }) => Some(*why),
            _ => None,
        }
    }

    /// Whether only another authorization ends this.
    #[must_use]
    pub fn needs_authorization(&self) -> bool {
        use Trouble::{YoutubeNoChannel, YoutubeScope, YoutubeToken};
        matches!(self, Self::Token(error) if error.needs_person())
            || matches!(self.trouble(), Some(YoutubeToken | YoutubeScope | YoutubeNoChannel))
    }

    /// Whether the same request may well succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => error.is_transient(),
            Self::Refused { status, .. } => status.is_server_error() || self.trouble() == Some(Trouble::YoutubeRate),
            Self::Unreadable(_) => true,
            Self::Token(_) | Self::NoChannel => false,
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
