//! What `YouTube`'s refusals mean, and what to do about them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::day;
use super::wire::{self, Refusal};
use crate::http::{HttpError, RateLimit};
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
        /// Until when it asks to be left alone, where it does.
        not_before: Option<DateTime<Utc>>,
    },
    /// The account has no channel.
    #[error("the Google account that was authorized has no YouTube channel")]
    NoChannel,
    /// An upload that comes to a standstill.
    #[error("YouTube took nothing and said nothing for {}", humantime::format_duration(*.0))]
    Stalled(Duration),
    /// An upload's session has bytes, but does nothing with them, or takes no more.
    #[error("YouTube has {stored} bytes and takes no more for now")]
    Unready {
        /// How many.
        stored: u64,
    },
    /// An upload is begun, but where it is to go isn't said.
    #[error("YouTube does not say where the upload is to go")]
    NoSession,
    /// An address for an upload that isn't Google's.
    #[error("the address for the upload, on {host}, is not Google's")]
    StrangeSession {
        /// The address's host.
        host: String,
    },
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
    /// What an answer that is no success says.
    pub(super) fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Self {
        let not_before = headers.contains_key(RETRY_AFTER).then(|| RateLimit::read(headers, "", now).until);
        Self::Refused { status, refusal: wire::refusal(body), not_before }
    }

    /// Until when nothing is to be asked again, where that was said.
    #[must_use]
    pub fn not_before(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Refused { not_before, .. } => *not_before,
            Self::Token(TokenError::Temporary { until, .. }) => *until,
            _ => None,
        }
    }

    /// What is behind a refusal; `None` for one that is not known, and for other errors.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            // Some answers have a message and no reason.
            Self::Refused { refusal, .. } if refusal.message.contains("insufficient authentication scopes") => {
                Some(Trouble::YoutubeScope)
            }
            Self::Refused { status, refusal, .. } => Trouble::of_youtubes_refusal(&refusal.reason, &refusal.message)
                .or(match *status {
                    StatusCode::UNAUTHORIZED => Some(Trouble::YoutubeToken),
                    StatusCode::TOO_MANY_REQUESTS => Some(Trouble::YoutubeRate),
                    _ => None,
                }),
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

    /// Whether all that is asked for fails alike until a person acts: nothing is wrong with the one video.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        use Trouble::{YoutubeAccount, YoutubeForbidden, YoutubeNotEnabled};
        // Without a reason of Google's it is somebody else who refuses, a proxy or another server, whatever is asked.
        let is_strangers = matches!(
            self,
            Self::Refused { status: StatusCode::FORBIDDEN | StatusCode::NOT_FOUND, refusal, .. } if refusal.reason.is_empty()
        );
        self.needs_authorization()
            || is_strangers && self.trouble().is_none()
            || matches!(self.trouble(), Some(YoutubeNotEnabled | YoutubeAccount | YoutubeForbidden))
    }

    /// Until when nothing more is taken, where a day's limit is reached: the project's ends at `YouTube`'s midnight, the
    /// channel's own lasts for 24 hours.
    #[must_use]
    pub fn limited_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.trouble() {
            Some(Trouble::YoutubeQuota) => Some(day::ends(now)),
            Some(Trouble::YoutubeUploadLimit) => Some(now + TimeDelta::hours(24)),
            _ => None,
        }
    }

    /// Whether the same request may well succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => error.is_transient(),
            Self::Refused { status, .. } => {
                // A redirect is some network's on the way there: this API has none.
                let passes =
                    status.is_server_error() || status.is_redirection() || *status == StatusCode::REQUEST_TIMEOUT;
                passes || self.trouble() == Some(Trouble::YoutubeRate)
            }
            Self::Unreadable(_) | Self::Stalled(_) | Self::Unready { .. } | Self::NoSession => true,
            Self::Token(_) | Self::NoChannel | Self::StrangeSession { .. } => false,
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

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn refused(status: u16, reason: &str, message: &str) -> YoutubeError {
        let body = format!(r#"{{"error":{{"message":"{message}","errors":[{{"reason":"{reason}"}}]}}}}"#);
        let status = StatusCode::from_u16(status).unwrap();
        YoutubeError::refused(status, &HeaderMap::new(), body.as_bytes(), DateTime::default())
    }

    #[test]
    fn y8_y11_a_refusal_says_until_when_it_asks_to_be_left_alone() {
        let now: DateTime<Utc> = "2026-01-15T12:00:00Z".parse().unwrap();
        for (status, retry_after, not_before) in [
            (503, None, None),
            (503, Some("90"), Some("2026-01-15T12:01:30Z")),
            (429, Some("Thu, 15 Jan 2026 13:00:00 GMT"), Some("2026-01-15T13:00:00Z")),
            (429, Some("0"), Some("2026-01-15T12:00:01Z")),
            (429, Some("soon"), Some("2026-01-15T12:00:01Z")),
            (503, Some("99999999999999999999"), Some("2026-01-16T00:00:10Z")),
        ] {
            let headers = retry_after.map(|value| (RETRY_AFTER, HeaderValue::from_static(value))).into_iter().collect();
            let error = YoutubeError::refused(StatusCode::from_u16(status).unwrap(), &headers, b"", now);
            assert_eq!(error.not_before(), not_before.map(|time| time.parse().unwrap()), "{status} {retry_after:?}");
            assert!(error.is_transient(), "{status}");
        }
    }

    #[test]
    fn y8_what_youtube_refuses_is_told_apart_by_its_reason() {
        let now: DateTime<Utc> = "2026-01-15T12:00:00Z".parse().unwrap();
        let (midnight, a_day_on) = (Some("2026-01-16T08:00:00Z"), Some("2026-01-16T12:00:00Z"));
        let day_limit = "Quota exceeded for quota metric 'Video Uploads' and limit 'Video Uploads per day'";
        for (status, reason, message, until, needs_person, is_transient) in [
            (403, "quotaExceeded", "", midnight, false, false),
            (403, "dailyLimitExceeded", "", midnight, false, false),
            (429, "rateLimitExceeded", day_limit, midnight, false, false),
            (400, "uploadLimitExceeded", "", a_day_on, false, false),
            (403, "rateLimitExceeded", "", None, false, true),
            (403, "userRateLimitExceeded", "", None, false, true),
            (429, "", "", None, false, true),
            (403, "forbidden", "", None, true, false),
            (403, "insufficientPermissions", "", None, true, false),
            (403, "accessNotConfigured", "", None, true, false),
            (403, "channelSuspended", "", None, true, false),
            (401, "youtubeSignupRequired", "", None, true, false),
            (401, "authError", "", None, true, false),
            (400, "invalidTitle", "", None, false, false),
            (403, "forbiddenPrivacySetting", "", None, false, false),
            (413, "uploadTooLarge", "", None, false, false),
            (400, "mediaBodyRequired", "", None, false, false),
            (400, "", "Failed to parse Content-Range header", None, false, false),
            // Of a parameter that lacks, and of a token that does.
            (400, "required", "", None, false, false),
            (401, "required", "", None, true, false),
            // No answer of Google's: a proxy's, or of another server.
            (403, "", "", None, true, false),
            (404, "", "", None, true, false),
            (500, "", "", None, false, true),
            (503, "backendError", "", None, false, true),
            (408, "", "", None, false, true),
            (302, "", "", None, false, true),
        ] {
            let error = refused(status, reason, message);
            assert_eq!(error.limited_until(now), until.map(|time| time.parse().unwrap()), "{error}");
            assert_eq!((error.needs_person(), error.is_transient()), (needs_person, is_transient), "{error}");
        }
    }
}
