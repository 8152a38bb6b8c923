//! Which row of the table a refusal belongs to, by its codes and words.

use super::Trouble;

/// What a token endpoint was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The next access token.
    Refresh,
    /// Tokens for an authorization code.
    Exchange,
}

/// What an error body of a token endpoint says, as far as it says it.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenAnswer<'a> {
    /// OAuth's `error`.
    pub error: &'a str,
    /// Zoom's `reason` or message; Google's `error_description`.
    pub reason: &'a str,
    /// Google's `error_subtype`.
    pub subtype: &'a str,
    /// Zoom's number, 0 where there is none.
    pub code: i64,
}

impl Trouble {
    /// What is behind an error of Zoom's token endpoint; `None` where it doesn't say, which may pass.
    ///
    /// Source: Zoom, "OAuth error messages". Zoom's own reason or number says more than OAuth's `error`.
    #[must_use]
    pub fn of_zooms_token_answer(asked: Asked, answer: TokenAnswer<'_>) -> Option<Self> {
        let reason = answer.reason.to_ascii_lowercase();
        let has = |words: &str| reason.contains(words);
        let code_or_token = match asked {
            Asked::Refresh => Self::RefreshToken,
            Asked::Exchange => Self::Code,
        };
        match answer.code {
            4702 | 4704 | 4706 => return Some(Self::Credentials),
            4705 => return Some(Self::GrantType),
            4709 => return Some(Self::RedirectUri),
            4711 => return Some(Self::TokenScopes),
            4717 | 4738 => return Some(Self::AppDisabled),
            4733 | 4734 => return Some(Self::Code),
            4735 => return Some(Self::TokenOwner),
            4737 | 4740 | 4741 => return Some(code_or_token),
            _ => {}
        }
        let by_reason = match () {
            () if has("redirect") => Some(Self::RedirectUri),
            () if has("disabled") => Some(Self::AppDisabled),
            () if has("grant type") => Some(Self::GrantType),
            () if has("authorization code") => Some(Self::Code),
            () if has("owner does not exist") => Some(Self::TokenOwner),
            () if has("scopes") => Some(Self::TokenScopes),
            () if has("invalid token") || has("revoked") => Some(code_or_token),
            () if has("invalid client") => Some(Self::Credentials),
            () if answer.code == 4700 => Some(code_or_token),
            () => None,
        };
        by_reason.or(match answer.error {
            "invalid_client" => Some(Self::Credentials),
            "unauthorized_client" => Some(Self::App),
            "unsupported_grant_type" => Some(Self::GrantType),
            "invalid_grant" => Some(code_or_token),
            "access_denied" => Some(Self::Denied),
            "server_error" | "temporarily_unavailable" | "slow_down" => None,
            error if !error.is_empty() || !reason.is_empty() => Some(Self::TokenRequest),
            _ => None,
        })
    }

    /// What is behind an error of Google's token endpoint; `None` where it doesn't say, which may pass.
    #[must_use]
    pub fn of_googles_token_answer(asked: Asked, answer: TokenAnswer<'_>) -> Option<Self> {
        match answer.error {
            _ if answer.subtype == "invalid_rapt" => Some(Self::GooglePolicy),
            "invalid_grant" => Some(match asked {
                Asked::Refresh => Self::GoogleToken,
                Asked::Exchange => Self::GoogleCode,
            }),
            "invalid_client" | "unauthorized_client" => Some(Self::GoogleClient),
            "deleted_client" => Some(Self::GoogleClientDeleted),
            "redirect_uri_mismatch" => Some(Self::GoogleRedirectUri),
            "admin_policy_enforced" => Some(Self::GooglePolicy),
            "access_denied" => Some(Self::GoogleDenied),
            "" | "internal_failure" | "server_error" | "temporarily_unavailable" | "slow_down" => None,
            _ => Some(Self::GoogleRequest),
        }
    }

    /// What is behind a refusal of Zoom's API; `None` where that is not known.
    ///
    /// Scopes come first: their message, too, begins with "Invalid access token". Source: Zoom, "Error codes".
    #[must_use]
    pub fn of_zooms_refusal(status: u16, code: i64, message: &str) -> Option<Self> {
        let message = message.to_ascii_lowercase();
        let has = |words: &str| message.contains(words);
        Some(match code {
            4711 => Self::MissingScopes,
            _ if has("does not contain scopes:") => Self::MissingScopes,
            _ if has("does not contain scopes") => Self::ScopesOrUser,
            _ if has("does not support client credentials") => Self::ClientCredentials,
            4700 => Self::NoToken,
            4717 | 4738 => Self::AppDisabled,
            4735 => Self::TokenOwner,
            124 | 4737 | 4740 | 4741 => Self::AccessToken,
            2300 => Self::ApiAddress,
            1001 | 1010 => Self::User,
            200 if has("paid account") => Self::Plan,
            200 if has("rest api") => Self::RestApi,
            200 => Self::Permission,
            300 if has("page token") => Self::PageToken,
            300 => Self::Validation,
            3001 => Self::Meeting,
            3301 if has("processed") => Self::StillProcessing,
            3301 => Self::RecordingGone,
            3303 | 3309 | 3310 => Self::Foreign,
            _ if status == 429 && has("daily") => Self::DailyLimit,
            _ if status == 429 => Self::RateLimit,
            _ if status == 401 => Self::AccessToken,
            _ if status == 403 => Self::Permission,
            _ if status == 404 => Self::ApiAddress,
            _ => return None,
        })
    }

    /// What is behind the `reason` that YouTube's API gives; `None` where that is not known.
    ///
    /// The day's uploads are refused as if they came too fast; only the message says that it is the day's limit.
    #[must_use]
    pub fn of_youtubes_refusal(reason: &str, message: &str) -> Option<Self> {
        Some(match reason {
            "rateLimitExceeded" | "userRateLimitExceeded" | "RESOURCE_EXHAUSTED"
                if message.to_ascii_lowercase().contains("per day") =>
            {
                Self::YoutubeQuota
            }
            "insufficientPermissions" => Self::YoutubeScope,
            "accessNotConfigured" => Self::YoutubeNotEnabled,
            "youtubeSignupRequired" => Self::YoutubeNoChannel,
            "authError" => Self::YoutubeToken,
            "quotaExceeded" | "dailyLimitExceeded" => Self::YoutubeQuota,
            "rateLimitExceeded" | "userRateLimitExceeded" | "RESOURCE_EXHAUSTED" => Self::YoutubeRate,
            "uploadLimitExceeded" => Self::YoutubeUploadLimit,
            "invalidTitle"
            | "invalidDescription"
            | "invalidTags"
            | "invalidCategoryId"
            | "invalidVideoMetadata"
            | "invalidRecordingDetails"
            | "invalidFilename" => Self::YoutubeMetadata,
            "forbiddenPrivacySetting" | "forbiddenLicenseSetting" => Self::YoutubePrivacy,
            "uploadTooLarge" => Self::YoutubeTooLarge,
            "videoTooLong" => Self::YoutubeTooLong,
            "playlistNotFound" | "playlistItemsNotAccessible" | "playlistContainsMaximumNumberOfVideos" => {
                Self::YoutubePlaylist
            }
            "authenticatedUserAccountClosed"
            | "authenticatedUserAccountSuspended"
            | "authenticatedUserNotChannel"
            | "channelClosed"
            | "channelSuspended" => Self::YoutubeAccount,
            "forbidden" => Self::YoutubeForbidden,
            _ => return None,
        })
    }

    /// What is behind the reason for which YouTube rejects a video that it has; `None` where that is not known.
    #[must_use]
    pub fn of_youtubes_rejection(reason: &str) -> Option<Self> {
        match reason {
            "length" => Some(Self::YoutubeTooLong),
            "duplicate" => Some(Self::YoutubeDuplicate),
            "uploaderAccountSuspended" | "uploaderAccountClosed" => Some(Self::YoutubeAccount),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Trouble::*;
    use super::*;

    fn zoom_token(asked: Asked, code: i64, error: &str, reason: &str) -> Option<Trouble> {
        Trouble::of_zooms_token_answer(asked, TokenAnswer { error, reason, subtype: "", code })
    }

    #[test]
    fn a17_what_zooms_token_endpoint_refuses_is_found_by_number_then_reason_then_error() {
        for (code, error, reason, expected) in [
            (0, "invalid_grant", "Invalid Token!", Some(RefreshToken)),
            (0, "invalid_request", "Invalid Token!", Some(RefreshToken)),
            (0, "", "Invalid Token!", Some(RefreshToken)),
            (0, "invalid_grant", "", Some(RefreshToken)),
            (0, "invalid_request", "Invalid authorization code abc", Some(Code)),
            (0, "invalid_client", "Invalid client credentials", Some(Credentials)),
            (0, "", "Invalid client credentials", Some(Credentials)),
            (0, "invalid_client", "", Some(Credentials)),
            (0, "invalid_client", "The app has been disabled.", Some(AppDisabled)),
            (0, "unsupported_grant_type", "Unsupported grant type", Some(GrantType)),
            (0, "unsupported_grant_type", "", Some(GrantType)),
            (0, "unauthorized_client", "", Some(App)),
            (0, "invalid_request", "Redirect URI mismatch.", Some(RedirectUri)),
            (0, "invalid_request", "Something else", Some(TokenRequest)),
            (0, "", "Not allowed", Some(TokenRequest)),
            (0, "access_denied", "App is not approved by the account admin", Some(Denied)),
            (0, "temporarily_unavailable", "", None),
            (0, "", "", None),
            (4700, "", "Token cannot be empty.", Some(RefreshToken)),
            (4700, "", "Invalid redirect url", Some(RedirectUri)),
            (4702, "", "", Some(Credentials)),
            (4704, "", "", Some(Credentials)),
            (4705, "", "", Some(GrantType)),
            (4706, "", "", Some(Credentials)),
            (4709, "", "", Some(RedirectUri)),
            (4711, "", "", Some(TokenScopes)),
            (4717, "", "", Some(AppDisabled)),
            (4733, "", "", Some(Code)),
            (4734, "", "", Some(Code)),
            (4735, "", "", Some(TokenOwner)),
            (4737, "", "", Some(RefreshToken)),
            (4738, "", "", Some(AppDisabled)),
            (4740, "", "", Some(RefreshToken)),
            (4741, "", "", Some(RefreshToken)),
        ] {
            assert_eq!(zoom_token(Asked::Refresh, code, error, reason), expected, "{code} {error} {reason}");
        }
    }

    #[test]
    fn at_the_exchange_a_grant_that_is_invalid_is_the_code() {
        assert_eq!(zoom_token(Asked::Exchange, 0, "invalid_grant", ""), Some(Code));
        assert_eq!(zoom_token(Asked::Exchange, 0, "invalid_grant", "Invalid Token!"), Some(Code));
        assert_eq!(zoom_token(Asked::Exchange, 4741, "", ""), Some(Code));
        let google = |asked| {
            Trouble::of_googles_token_answer(asked, TokenAnswer { error: "invalid_grant", ..TokenAnswer::default() })
        };
        assert_eq!(google(Asked::Exchange), Some(GoogleCode));
        assert_eq!(google(Asked::Refresh), Some(GoogleToken));
    }

    #[test]
    fn what_googles_token_endpoint_refuses_is_found_by_its_error() {
        for (error, subtype, expected) in [
            ("invalid_client", "", Some(GoogleClient)),
            ("unauthorized_client", "", Some(GoogleClient)),
            ("deleted_client", "", Some(GoogleClientDeleted)),
            ("admin_policy_enforced", "", Some(GooglePolicy)),
            ("invalid_grant", "invalid_rapt", Some(GooglePolicy)),
            ("redirect_uri_mismatch", "", Some(GoogleRedirectUri)),
            ("invalid_request", "", Some(GoogleRequest)),
            ("internal_failure", "", None),
        ] {
            let answer = TokenAnswer { error, subtype, ..TokenAnswer::default() };
            assert_eq!(Trouble::of_googles_token_answer(Asked::Refresh, answer), expected, "{error} {subtype}");
        }
    }

    #[test]
    fn a17_what_zooms_api_refuses_is_found_by_code_and_missing_scopes_before_a_bad_token() {
        for (status, code, message, expected) in [
            (400, 4711, "Invalid access token, does not contain scopes:[a, b].", Some(MissingScopes)),
            (400, 4700, "Invalid access token, does not contain scopes:[a].", Some(MissingScopes)),
            (401, 4700, "Invalid access token, does not contain scopes.", Some(ScopesOrUser)),
            (401, 4700, "Token cannot be empty.", Some(NoToken)),
            (401, 124, "Invalid access token.", Some(AccessToken)),
            (401, 4741, "The token has been revoked.", Some(AccessToken)),
            (401, 4717, "The app has been disabled.", Some(AppDisabled)),
            (400, 124, "Access token has expired.", Some(AccessToken)),
            (401, 0, "", Some(AccessToken)),
            (400, 124, "This API does not support client credentials for authorization.", Some(ClientCredentials)),
            (404, 1001, "User does not exist: x.", Some(User)),
            (400, 1010, "User does not belong to this account: x.", Some(User)),
            (400, 300, "The next page token is invalid or expired.", Some(PageToken)),
            (400, 300, "Validation Failed.", Some(Validation)),
            (200, 200, "You do not have the right permissions", Some(Permission)),
            (400, 200, "No permission.", Some(Permission)),
            (403, 0, "Forbidden", Some(Permission)),
            (400, 200, "Only available for Paid account.", Some(Plan)),
            (400, 200, "Account does not enabled REST API.", Some(RestApi)),
            (404, 3001, "Meeting does not exist: 1.", Some(Meeting)),
            (404, 3301, "This recording does not exist.", Some(RecordingGone)),
            (404, 3301, "There is no recording for this meeting.", Some(RecordingGone)),
            (404, 3301, "This recording is still being processed. Please check back later.", Some(StillProcessing)),
            (400, 3303, "You can not delete an uncompleted meeting.", Some(Foreign)),
            (400, 3309, "Not enough cloud storage available.", Some(Foreign)),
            (400, 3310, "This recording was selected for a simulive webinar.", Some(Foreign)),
            (429, 429, "You have reached the maximum per-second rate limit for this API.", Some(RateLimit)),
            (429, 429, "You have reached the maximum daily rate limit for this API.", Some(DailyLimit)),
            (404, 0, "Not found", Some(ApiAddress)),
            (400, 2300, "This API endpoint is not recognized.", Some(ApiAddress)),
            (401, 4735, "Token owner does not exist.", Some(TokenOwner)),
            (400, 4737, "Authentication not found.", Some(AccessToken)),
            (500, 0, "", None),
        ] {
            assert_eq!(Trouble::of_zooms_refusal(status, code, message), expected, "{status} {code} {message}");
        }
    }

    #[test]
    fn what_youtubes_api_refuses_is_found_by_its_reason() {
        for (reason, expected) in [
            ("uploadLimitExceeded", Some(YoutubeUploadLimit)),
            ("rateLimitExceeded", Some(YoutubeRate)),
            ("RESOURCE_EXHAUSTED", Some(YoutubeRate)),
            ("invalidTitle", Some(YoutubeMetadata)),
            ("forbiddenPrivacySetting", Some(YoutubePrivacy)),
            ("uploadTooLarge", Some(YoutubeTooLarge)),
            ("videoTooLong", Some(YoutubeTooLong)),
            ("playlistNotFound", Some(YoutubePlaylist)),
            ("mediaBodyRequired", None),
            ("insufficientPermissions", Some(YoutubeScope)),
            ("accessNotConfigured", Some(YoutubeNotEnabled)),
            ("youtubeSignupRequired", Some(YoutubeNoChannel)),
            ("authError", Some(YoutubeToken)),
            ("quotaExceeded", Some(YoutubeQuota)),
            ("channelSuspended", Some(YoutubeAccount)),
            ("backendError", None),
        ] {
            assert_eq!(Trouble::of_youtubes_refusal(reason, ""), expected, "{reason}");
        }
    }

    #[test]
    fn y8_the_days_uploads_are_told_from_calls_that_come_too_fast_by_the_message() {
        let of = |message: &str| Trouble::of_youtubes_refusal("rateLimitExceeded", message);
        let words =
            |limit| format!("Quota exceeded for quota metric 'Video Uploads' and limit 'Video Uploads per {limit}'");
        assert_eq!(of(&words("day")), Some(YoutubeQuota));
        assert_eq!(of(&words("minute")), Some(YoutubeRate));
    }

    #[test]
    fn y14_what_youtube_rejects_after_all_is_found_by_its_reason() {
        for (reason, expected) in [
            ("length", Some(YoutubeTooLong)),
            ("duplicate", Some(YoutubeDuplicate)),
            ("uploaderAccountClosed", Some(YoutubeAccount)),
            ("copyright", None),
        ] {
            assert_eq!(Trouble::of_youtubes_rejection(reason), expected, "{reason}");
        }
    }
}
