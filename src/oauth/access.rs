//! The two tokens, and whether an access token will do: pure, with the time as an argument.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

/// A token this old is renewed though it lasts longer: refreshing every 30 to 50 minutes also keeps alive the refresh
/// token of an unpublished app, which is reported to die after an hour unused.
const OLD_AFTER: TimeDelta = TimeDelta::minutes(50);
/// A token must outlast what it is needed for by this much.
const MARGIN: TimeDelta = TimeDelta::minutes(5);
/// What Zoom's tokens live, where an answer doesn't say so sensibly.
const USUAL_LIFETIME: TimeDelta = TimeDelta::hours(1);

/// What a request to Zoom's API shows to be let in; it is told to nobody else, and never printed.
#[derive(Clone, Debug)]
pub struct AccessToken {
    secret: SecretString,
    scope: String,
    obtained_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl AccessToken {
    pub(super) fn new(
        secret: SecretString,
        scope: String,
        obtained_at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Self {
        Self { secret, scope, obtained_at, expires_at }
    }

    /// The token itself, for the one place where a request is built.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    /// The token still wrapped, to be handed on.
    #[must_use]
    pub fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// What Zoom says the token may be used for; empty where it said nothing.
    #[must_use]
    pub fn scopes(&self) -> Vec<&str> {
        self.scope.split_whitespace().collect()
    }

    /// Whether one scope was granted, by its exact name.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scope.split_whitespace().any(|granted| granted == scope)
    }

    /// When Zoom stops accepting it.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    pub(super) fn obtained_at(&self) -> DateTime<Utc> {
        self.obtained_at
    }

    pub(super) fn scope(&self) -> &str {
        &self.scope
    }

    fn is_same(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }

    /// Whether it is young and lasts for a while yet.
    ///
    /// No more than half a lifetime is asked for, or a token that lives shorter than it is needed would be renewed at
    /// each look. A token from the future was obtained before the clock was set back: its age is unknown, so it is old.
    fn is_good_for(&self, needed: TimeDelta, now: DateTime<Utc>) -> bool {
        let age = now - self.obtained_at;
        let at_most = (self.expires_at - self.obtained_at) / 2;
        let needed = needed.checked_add(&MARGIN).map_or(at_most, |needed| needed.min(at_most));
        age >= TimeDelta::zero() && age < OLD_AFTER && self.expires_at - now > needed
    }
}

/// How long a token lives, by the answer's `expires_in` in seconds.
///
/// Less than a minute is no lifetime but a mistake, and more than a day isn't counted on.
pub(super) fn lifetime(expires_in: Option<i64>) -> TimeDelta {
    match expires_in {
        Some(seconds) if seconds >= 60 => TimeDelta::seconds(seconds.min(24 * 60 * 60)),
        _ => USUAL_LIFETIME,
    }
}

/// What a caller asks of an access token.
#[derive(Clone, Debug)]
pub(super) enum Want {
    /// That it last this long.
    Lasting(TimeDelta),
    /// That it be another one than this, which was refused.
    OtherThan(AccessToken),
}

impl Want {
    pub(super) fn lasting(needed_for: Duration) -> Self {
        Self::Lasting(TimeDelta::from_std(needed_for).unwrap_or(TimeDelta::MAX))
    }

    /// Whether a token will do without being renewed.
    pub(super) fn is_met_by(&self, token: &AccessToken, now: DateTime<Utc>) -> bool {
        match self {
            Self::Lasting(needed) => token.is_good_for(*needed, now),
            Self::OtherThan(refused) => !token.is_same(refused) && token.is_good_for(TimeDelta::zero(), now),
        }
    }

    /// Whether a token is better than none, where it can't be renewed: Zoom may still accept it.
    pub(super) fn may_do_with(&self, token: &AccessToken, now: DateTime<Utc>) -> bool {
        let is_refused = matches!(self, Self::OtherThan(refused) if token.is_same(refused));
        !is_refused && now < token.expires_at
    }
}

/// What Zoom takes once, and gives the next one for.
#[derive(Clone, Debug)]
pub(super) struct RefreshToken(SecretString);

/// Why a text is no token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotAToken;

impl RefreshToken {
    /// Reads the bare token, with any white space around it; nothing else is no token.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, NotAToken> {
        let text = text.trim();
        if text.is_empty() {
            Ok(None)
        } else if is_token(text) {
            Ok(Some(Self(text.into())))
        } else {
            Err(NotAToken)
        }
    }

    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for RefreshToken {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

/// Whether a text has the form of a token: visible ASCII (RFC 6749, appendix A.12 and A.17), and no JSON document.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('{') && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A refresh token, and the access token that came with it where that is known.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) refresh: RefreshToken,
    pub(super) access: Option<AccessToken>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Obtained at 12:00.
    fn token(secret: &str, lifetime: TimeDelta) -> AccessToken {
        let noon = at("2025-12-02T12:00:00Z");
        AccessToken::new(secret.into(), "a:read b:read".to_owned(), noon, noon + lifetime)
    }

    fn lasts(lifetime: TimeDelta, needed_minutes: u64, time: &str) -> bool {
        let now = at(&format!("2025-12-02T{time}Z"));
        Want::lasting(Duration::from_secs(needed_minutes * 60)).is_met_by(&token("t", lifetime), now)
    }

    #[test]
    fn t1_a_token_is_good_while_young_and_lasting_longer_than_needed() {
        let hour = TimeDelta::hours(1);
        for (needed, time, expected) in [
            (0, "12:00:00", true),
            (0, "12:49:59", true),
            (0, "12:50:00", false),
            (20, "12:34:59", true),
            (20, "12:35:00", false),
            (0, "11:59:59", false), // the clock was set back
        ] {
            assert_eq!(lasts(hour, needed, time), expected, "{needed} min at {time}");
        }
    }

    #[test]
    fn however_long_it_is_needed_a_token_serves_for_half_its_life() {
        assert!(lasts(TimeDelta::hours(1), 24 * 60, "12:29:59"));
        assert!(!lasts(TimeDelta::hours(1), 24 * 60, "12:30:00"));
        assert!(lasts(TimeDelta::minutes(2), 0, "12:00:59"));
    }

    #[test]
    fn a_refused_token_never_meets_the_wish_for_another() {
        let (now, hour) = (at("2025-12-02T12:10:00Z"), TimeDelta::hours(1));
        let want = Want::OtherThan(token("refused", hour));
        assert!(!want.is_met_by(&token("refused", hour), now));
        assert!(!want.may_do_with(&token("refused", hour), now));
        assert!(want.is_met_by(&token("other", hour), now));
    }

    #[test]
    fn until_it_expires_an_old_token_is_better_than_none() {
        let want = Want::lasting(Duration::from_secs(600));
        let token = token("t", TimeDelta::hours(1));
        assert!(want.may_do_with(&token, at("2025-12-02T12:59:59Z")));
        assert!(!want.may_do_with(&token, at("2025-12-02T13:00:00Z")));
    }

    #[test]
    fn a_lifetime_that_makes_no_sense_is_the_usual_one() {
        for (expires_in, minutes) in
            [(Some(3600), 60), (Some(120), 2), (None, 60), (Some(0), 60), (Some(-1), 60), (Some(i64::MAX), 24 * 60)]
        {
            assert_eq!(lifetime(expires_in), TimeDelta::minutes(minutes), "{expires_in:?}");
        }
    }

    #[test]
    fn a_bare_token_is_read_with_white_space_around_it() {
        for (text, token) in
            [("eyJ.a-b_c.d\n", Some("eyJ.a-b_c.d")), (" \r\n", None), ("\tx\r\n", Some("x")), ("", None)]
        {
            let read = RefreshToken::parse(text).unwrap();
            assert_eq!(read.as_ref().map(RefreshToken::expose), token, "{text:?}");
        }
        for text in ["one\ntwo", "one two", r#"{"refresh_token":"x"}"#, "tök\u{e9}n", "a\0b"] {
            assert_eq!(RefreshToken::parse(text), Err(NotAToken), "{text:?}");
        }
    }

    #[test]
    fn l6_neither_token_is_printed() {
        let pair = Pair {
            refresh: RefreshToken::parse("SECRET-refresh").unwrap().unwrap(),
            access: Some(token("SECRET-access", TimeDelta::hours(1))),
        };
        assert!(!format!("{pair:?}").contains("SECRET"));
    }

    #[test]
    fn scopes_are_told_by_exact_name() {
        let token = token("t", TimeDelta::hours(1));
        assert_eq!(token.scopes(), ["a:read", "b:read"]);
        assert!(token.has_scope("a:read"));
        assert!(!token.has_scope("a:rea"));
    }
}
