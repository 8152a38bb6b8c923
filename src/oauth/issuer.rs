//! The two who issue tokens, and in what they differ.

use std::fmt;

use crate::trouble::{Asked, TokenAnswer, Trouble};

/// Who issues a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// Zoom: each refresh returns a new refresh token, and the old one stops working.
    Zoom,
    /// Google, for YouTube: the refresh token stays.
    Google,
}

impl Issuer {
    /// Whose recordings or videos a token of it opens.
    #[must_use]
    pub const fn service(self) -> &'static str {
        match self {
            Self::Zoom => "Zoom",
            Self::Google => "YouTube",
        }
    }

    /// The section of the settings that is about it.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::Zoom => "zoom",
            Self::Google => "youtube",
        }
    }

    /// The command that authorizes the program with it.
    #[must_use]
    pub const fn command(self) -> &'static str {
        match self {
            Self::Zoom => "zoom-archiver auth zoom",
            Self::Google => "zoom-archiver auth youtube",
        }
    }

    /// What is behind an error of its token endpoint; `None` where it may pass.
    pub(super) fn trouble(self, asked: Asked, answer: TokenAnswer<'_>) -> Option<Trouble> {
        match self {
            Self::Zoom => Trouble::of_zooms_token_answer(asked, answer),
            Self::Google => Trouble::of_googles_token_answer(asked, answer),
        }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zoom => "Zoom",
            Self::Google => "Google",
        })
    }
}
