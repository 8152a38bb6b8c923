//! How this YouTube behaves where it depends on the account, or where nobody knows.

use chrono::TimeDelta;

use super::super::consent::Consent;

/// The simulated YouTube's habits.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What the person does at the consent page.
    pub consent: Consent,
    /// How long an authorization code can be exchanged.
    pub code_lifetime: TimeDelta,
    /// How long an access token lives; its whole seconds are sent as `expires_in`.
    pub access_lifetime: TimeDelta,
    /// How long a refresh token lives: for ever, or 7 days where the consent screen is in testing.
    pub refresh_lifetime: Option<TimeDelta>,
    /// Whether the client was deleted in the console.
    pub client_is_deleted: bool,
    /// Whether the account has a channel.
    pub account: Account,
    /// Whether the channel takes videos of more than a quarter of an hour.
    pub long_uploads: LongUploads,
    /// How far the `Date` of each answer is from the time here; `None` leaves it out.
    pub date: Option<TimeDelta>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            consent: Consent::Allows,
            code_lifetime: TimeDelta::minutes(10),
            access_lifetime: TimeDelta::seconds(3599),
            refresh_lifetime: None,
            client_is_deleted: false,
            account: Account::HasChannel,
            long_uploads: LongUploads::Allowed,
            date: Some(TimeDelta::zero()),
        }
    }
}

/// Whether the account that authorized has a channel, and what it is told where it hasn't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// It has one.
    HasChannel,
    /// It has none: 401, `youtubeSignupRequired`.
    SignupRequired,
    /// It has none: a list without items.
    EmptyItems,
    /// It has none: an answer without even the list.
    NoItems,
}

/// Whether the channel takes videos of more than a quarter of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongUploads {
    /// It does.
    Allowed,
    /// It will once its owner has confirmed a phone number.
    Eligible,
    /// It doesn't.
    Disallowed,
}

impl LongUploads {
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Eligible => "eligible",
            Self::Disallowed => "disallowed",
        }
    }
}
