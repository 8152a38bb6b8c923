//! What one process remembers between calls: a pair that couldn't be saved, a refusal, a pause.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::access::{Pair, RefreshToken};
use super::{Hindrance, Issuer, TokenError};
use crate::trouble::{Asked, Trouble};

/// A refused token isn't shown to its issuer again for this long.
const REFUSAL_STANDS: Duration = Duration::from_secs(60 * 60);

/// Nothing in it need outlast the process.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Lost if the process ends: it is tried to be saved at every call.
    pub(super) unsaved: Option<Unsaved>,
    pub(super) refusal: Option<Refusal>,
    pub(super) rest: Option<Rest>,
}

/// A pair that was given and the disk didn't take.
#[derive(Clone, Debug)]
pub(super) struct Unsaved {
    pub(super) pair: Pair,
    /// What the token file held when the pair was asked for.
    pub(super) replaces: Option<RefreshToken>,
}

impl Unsaved {
    /// Whether a token file that holds this token is older than the pair, or as new.
    pub(super) fn follows(&self, on_disk: &RefreshToken) -> bool {
        *on_disk == self.pair.refresh || Some(on_disk) == self.replaces.as_ref()
    }
}

/// A token that was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) token: RefreshToken,
    pub(super) why: Trouble,
    pub(super) reason: String,
    pub(super) at: Instant,
    /// Whether the log has it.
    pub(super) is_told: bool,
}

/// A time in which nothing is asked.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) ends: Instant,
    /// What the issuer said of it.
    pub(super) until: Option<DateTime<Utc>>,
}

impl Memory {
    /// Why the issuer should not be shown this token now.
    pub(super) fn objection(&self, issuer: Issuer, token: &RefreshToken, now: Instant) -> Option<TokenError> {
        if let Some(refusal) = self.standing_refusal(token, now) {
            let (why, reason) = (refusal.why, refusal.reason.clone());
            return Some(TokenError::Refused { issuer, asked: Asked::Refresh, why, reason });
        }
        let rest = self.rest.as_ref().filter(|rest| now < rest.ends)?;
        Some(TokenError::Temporary { issuer, cause: Hindrance::Resting, until: rest.until })
    }

    /// The refusal of this very token, while it is no use to ask again.
    pub(super) fn standing_refusal(&self, token: &RefreshToken, now: Instant) -> Option<&Refusal> {
        self.refusal
            .as_ref()
            .filter(|refusal| refusal.token == *token && now.duration_since(refusal.at) < REFUSAL_STANDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> RefreshToken {
        RefreshToken::parse(text).unwrap().unwrap()
    }

    fn having_refused(text: &str, at: Instant) -> Memory {
        let (why, reason) = (Trouble::RefreshToken, "Invalid Token!".to_owned());
        Memory { refusal: Some(Refusal { token: token(text), why, reason, at, is_told: false }), ..Memory::default() }
    }

    #[test]
    fn a_refusal_stands_for_an_hour_and_for_that_token_alone() {
        let at = Instant::now();
        let memory = having_refused("refused", at);
        let objects =
            |text, seconds| memory.objection(Issuer::Zoom, &token(text), at + Duration::from_secs(seconds)).is_some();
        assert!(objects("refused", 3599));
        assert!(!objects("refused", 3600));
        assert!(!objects("another", 0));
    }

    #[test]
    fn a_rest_ends_by_itself_and_says_until_when() {
        let now = Instant::now();
        let until: DateTime<Utc> = "2025-12-03T00:00:00Z".parse().unwrap();
        let rest = Rest { ends: now + Duration::from_secs(60), until: Some(until) };
        let memory = Memory { rest: Some(rest), ..Memory::default() };
        let objection = memory.objection(Issuer::Zoom, &token("any"), now).unwrap();
        assert!(matches!(objection, TokenError::Temporary { until: Some(said), .. } if said == until));
        assert!(memory.objection(Issuer::Zoom, &token("any"), now + Duration::from_secs(60)).is_none());
    }
}
