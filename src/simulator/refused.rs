//! Zoom's refusals, in the words and with the statuses that were seen of it.

use serde_json::json;

use super::faults::Fault;
use super::http::Answer;

/// A refusal of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// 401, 124: the access token is none that is known.
    InvalidToken,
    /// 401, 124: the access token is too old.
    ExpiredToken,
    /// 400, 124: the same with another status.
    InvalidTokenAs400,
    /// 400, 4711: the token lacks scopes, which are named.
    LacksScopes,
    /// 400, 4700: the token lacks scopes, or the app may not name this user.
    LacksUnnamedScopes,
    /// 401, 4700: no token has arrived.
    EmptyToken,
    /// **200**, 200: no rights.
    NoRights,
    /// 400, 200: no permission.
    NoPermission,
    /// 403, 200: the same with another status.
    NoPermissionAs403,
    /// 400, 200: the account has a free plan.
    PaidOnly,
    /// 400, 200: the account's settings forbid it.
    ApiNotEnabled,
    /// 400, 1010: the user is of another account.
    OtherAccount,
    /// 404, 1001: there is no such user.
    NoSuchUser,
    /// 404, 3301: the recording isn't there.
    NoRecording,
    /// 404, 3301: the recording isn't there yet.
    StillProcessing,
    /// 401, 4717: the app was disabled.
    AppDisabled,
    /// 401, 4741: a later authorization has revoked the token.
    Revoked,
}

impl Refused {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::InvalidToken,
        Self::ExpiredToken,
        Self::InvalidTokenAs400,
        Self::LacksScopes,
        Self::LacksUnnamedScopes,
        Self::EmptyToken,
        Self::NoRights,
        Self::NoPermission,
        Self::NoPermissionAs403,
        Self::PaidOnly,
        Self::ApiNotEnabled,
        Self::OtherAccount,
        Self::NoSuchUser,
        Self::NoRecording,
        Self::StillProcessing,
        Self::AppDisabled,
        Self::Revoked,
    ];

    /// How Zoom says it.
    #[must_use]
    pub fn answer(self) -> Answer {
        let (status, code, message) = match self {
            Self::InvalidToken => (401, 124, "Invalid access token."),
            Self::ExpiredToken => (401, 124, "Access token is expired."),
            Self::InvalidTokenAs400 => (400, 124, "Invalid access token."),
            Self::LacksScopes => (
                400,
                4711,
                "Invalid access token, does not contain scopes:[cloud_recording:read:list_user_recordings, \
                 cloud_recording:read:list_user_recordings:admin].",
            ),
            Self::LacksUnnamedScopes => (400, 4700, "Invalid access token, does not contain scopes."),
            Self::EmptyToken => (401, 4700, "Token cannot be empty."),
            Self::NoRights => (200, 200, "You do not have the right permissions"),
            Self::NoPermission => (400, 200, "No permission."),
            Self::NoPermissionAs403 => (403, 200, "No permission."),
            Self::PaidOnly => (400, 200, "Only available for Paid account."),
            Self::ApiNotEnabled => (400, 200, "Account does not enabled REST API."),
            Self::OtherAccount => (400, 1010, "User does not belong to this account: DemoAccountId-0000000A."),
            Self::NoSuchUser => {
                (404, 1001, "User host@example.com does not exist, or does not belong to this account.")
            }
            Self::NoRecording => (404, 3301, "This recording does not exist."),
            Self::StillProcessing => (404, 3301, "This recording is still being processed. Please check back later."),
            Self::AppDisabled => (401, 4717, "The app has been disabled."),
            Self::Revoked => (401, 4741, "The token has been revoked."),
        };
        Answer::api_error(status, code, message)
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self::Answer(refused.answer())
    }
}

/// A refusal of the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefused {
    /// 400, `invalid_grant`: the refresh token is dead.
    Token,
    /// 400, `invalid_request`: the same in the older form.
    TokenInOlderForm,
    /// 401, `invalid_request`: the same in the older form, with another status.
    TokenInOlderFormAs401,
    /// 400: the same with nothing but a `reason`.
    TokenWithReasonAlone,
    /// 400, `invalid_request`: the code was used, is too old, or isn't known.
    Code,
    /// 400, `invalid_grant` without a `reason`: the verifier doesn't match.
    Verifier,
    /// 400, `invalid_request`: the redirect address is another one than before (4709).
    RedirectUri,
    /// 400, `invalid_client`: wrong credentials.
    Client,
    /// 401, `invalid_client`: the same with another status.
    ClientAs401,
    /// 400, `invalid_client`: the app was disabled (4717).
    AppDisabled,
    /// 400, `unsupported_grant_type`: another kind of app.
    GrantType,
}

impl TokenRefused {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Token,
        Self::TokenInOlderForm,
        Self::TokenInOlderFormAs401,
        Self::TokenWithReasonAlone,
        Self::Code,
        Self::Verifier,
        Self::RedirectUri,
        Self::Client,
        Self::ClientAs401,
        Self::AppDisabled,
        Self::GrantType,
    ];

    /// How Zoom says it: OAuth's `error`, and a `reason` of its own in place of a description.
    #[must_use]
    pub fn answer(self) -> Answer {
        let (status, body) = match self {
            Self::Token => (400, json!({"reason": "Invalid Token!", "error": "invalid_grant"})),
            Self::TokenInOlderForm => (400, json!({"reason": "Invalid Token!", "error": "invalid_request"})),
            Self::TokenInOlderFormAs401 => (401, json!({"reason": "Invalid Token!", "error": "invalid_request"})),
            Self::TokenWithReasonAlone => (400, json!({"reason": "Invalid Token!"})),
            Self::Code => (400, json!({"reason": "Invalid authorization code", "error": "invalid_request"})),
            Self::Verifier => (400, json!({"error": "invalid_grant"})),
            Self::RedirectUri => (400, json!({"reason": "Redirect URI mismatch.", "error": "invalid_request"})),
            Self::Client => (400, json!({"reason": "Invalid client credentials", "error": "invalid_client"})),
            Self::ClientAs401 => (401, json!({"reason": "Invalid client credentials", "error": "invalid_client"})),
            Self::AppDisabled => (400, json!({"reason": "The app has been disabled", "error": "invalid_client"})),
            Self::GrantType => (400, json!({"reason": "Unsupported grant type", "error": "unsupported_grant_type"})),
        };
        Answer::json(status, &body)
    }
}

impl From<TokenRefused> for Fault {
    fn from(refused: TokenRefused) -> Self {
        Self::Answer(refused.answer())
    }
}
