//! How YouTube and Google's token endpoint refuse, in their shapes and words.

use serde_json::json;

use super::super::faults::Fault;
use super::super::http::Answer;

/// A refusal of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// 401 `required`: no token.
    TokenMissing,
    /// 401 `authError`: a token that is none, or too old.
    Token,
    /// 401 `youtubeSignupRequired`: the account has no channel.
    SignupRequired,
    /// 403 `insufficientPermissions`: the token lacks the scope.
    LacksScope,
    /// 403: the same without the list of errors.
    LacksScopeInShort,
    /// 403 `accessNotConfigured`: the API is not enabled in the project.
    ApiNotEnabled,
    /// 403 `quotaExceeded`: the project's units of the day are used up.
    Quota,
    /// 403 `dailyLimitExceeded`: the same in the older form.
    QuotaInOlderForm,
    /// 403 `forbidden`.
    Forbidden,
    /// 403 `authenticatedUserAccountClosed`.
    AccountClosed,
    /// 403 `authenticatedUserAccountSuspended`.
    AccountSuspended,
    /// 429 `rateLimitExceeded` too, but with a message that tells that the project's uploads of the day are used up.
    UploadsOfTheDay,
    /// 400 `uploadLimitExceeded`: the channel takes no more within 24 hours.
    UploadsOfTheChannel,
    /// 403 `forbiddenPrivacySetting`.
    Privacy,
    /// 429 `rateLimitExceeded`: too fast.
    TooFast,
    /// 503 `backendError`.
    Backend,
}

impl Refused {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::TokenMissing,
        Self::Token,
        Self::SignupRequired,
        Self::LacksScope,
        Self::LacksScopeInShort,
        Self::ApiNotEnabled,
        Self::Quota,
        Self::QuotaInOlderForm,
        Self::Forbidden,
        Self::AccountClosed,
        Self::AccountSuspended,
        Self::UploadsOfTheDay,
        Self::UploadsOfTheChannel,
        Self::Privacy,
        Self::TooFast,
        Self::Backend,
    ];

    /// How YouTube says it.
    #[must_use]
    pub fn answer(self) -> Answer {
        const SCOPES: &str = "Request had insufficient authentication scopes.";
        let (status, domain, reason, message) = match self {
            Self::TokenMissing => (401, "global", "required", "Login Required."),
            Self::Token => (401, "global", "authError", "Invalid Credentials"),
            Self::SignupRequired => (401, "youtube.header", "youtubeSignupRequired", "Unauthorized"),
            Self::LacksScope => (403, "global", "insufficientPermissions", SCOPES),
            Self::LacksScopeInShort => {
                let error = json!({"code": 403, "message": SCOPES, "status": "PERMISSION_DENIED"});
                return Answer::json(403, &json!({"error": error}));
            }
            Self::ApiNotEnabled => (
                403,
                "usageLimits",
                "accessNotConfigured",
                "YouTube Data API v3 has not been used in project 123456789012 before or it is disabled. Enable it by \
                 visiting https://console.developers.google.com/apis/api/youtube.googleapis.com/overview?\
                 project=123456789012 then retry.",
            ),
            Self::Quota => (
                403,
                "youtube.quota",
                "quotaExceeded",
                "The request cannot be completed because you have exceeded your \
                 <a href=\"/youtube/v3/getting-started#quota\">quota</a>.",
            ),
            Self::QuotaInOlderForm => (403, "usageLimits", "dailyLimitExceeded", "Daily Limit Exceeded"),
            Self::Forbidden => (403, "global", "forbidden", "Forbidden"),
            Self::AccountClosed => {
                (403, "youtube.common", "authenticatedUserAccountClosed", "The account of the user is closed.")
            }
            Self::AccountSuspended => {
                (403, "youtube.common", "authenticatedUserAccountSuspended", "The account of the user is suspended.")
            }
            Self::UploadsOfTheDay => (
                429,
                "global",
                "rateLimitExceeded",
                "Quota exceeded for quota metric 'Video Uploads' and limit 'Video Uploads per day' of service \
                 'youtube.googleapis.com' for consumer 'project_number:123456789012'.",
            ),
            Self::UploadsOfTheChannel => (
                400,
                "youtube.video",
                "uploadLimitExceeded",
                "The user has exceeded the number of videos they may upload.",
            ),
            Self::Privacy => (
                403,
                "youtube.video",
                "forbiddenPrivacySetting",
                "The request attempts to set an invalid privacy setting.",
            ),
            Self::TooFast => (429, "global", "rateLimitExceeded", "Rate Limit Exceeded"),
            Self::Backend => (503, "global", "backendError", "Backend Error"),
        };
        error(status, domain, reason, message)
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self::Answer(refused.answer())
    }
}

/// An error of the API.
pub(super) fn error(status: u16, domain: &str, reason: &str, message: &str) -> Answer {
    let errors = json!([{"message": message, "domain": domain, "reason": reason}]);
    Answer::json(status, &json!({"error": {"code": status, "message": message, "errors": errors}}))
}

/// A refusal of the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefused {
    /// 400 `invalid_grant`: the refresh token is dead.
    Token,
    /// 400 `invalid_grant`: the code is dead.
    Code,
    /// 400 `invalid_grant`: the verifier doesn't match.
    Verifier,
    /// 400 `invalid_grant`: the redirect address is another one than before.
    RedirectUri,
    /// 401 `invalid_client`: wrong credentials.
    Client,
    /// 401 `deleted_client`: the client was deleted in the console.
    ClientDeleted,
    /// 401 `unauthorized_client`: the client may not do this, or the token is another client's.
    ClientUnauthorized,
    /// 400 `admin_policy_enforced`: the organisation forbids it.
    AdminPolicy,
    /// 400 `invalid_grant` of the subtype `invalid_rapt`: the organisation wants its people to sign in again.
    SignInAgain,
}

impl TokenRefused {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Token,
        Self::Code,
        Self::Verifier,
        Self::RedirectUri,
        Self::Client,
        Self::ClientDeleted,
        Self::ClientUnauthorized,
        Self::AdminPolicy,
        Self::SignInAgain,
    ];

    /// How Google says it.
    #[must_use]
    pub fn answer(self) -> Answer {
        match self {
            Self::Token => refusal(400, "invalid_grant", "Token has been expired or revoked."),
            Self::Code => refusal(400, "invalid_grant", "Malformed auth code."),
            Self::Verifier => refusal(400, "invalid_grant", "Invalid code verifier."),
            Self::RedirectUri => refusal(400, "invalid_grant", "Bad Request"),
            Self::Client => refusal(401, "invalid_client", "The provided client secret is invalid."),
            Self::ClientDeleted => refusal(401, "deleted_client", "The OAuth client was deleted."),
            Self::ClientUnauthorized => refusal(401, "unauthorized_client", "Unauthorized"),
            Self::AdminPolicy => {
                refusal(400, "admin_policy_enforced", "Access is restricted by your organization's policy.")
            }
            Self::SignInAgain => {
                let body = json!({
                    "error": "invalid_grant",
                    "error_description": "reauth related error (invalid_rapt)",
                    "error_subtype": "invalid_rapt",
                });
                Answer::json(400, &body)
            }
        }
    }
}

impl From<TokenRefused> for Fault {
    fn from(refused: TokenRefused) -> Self {
        Self::Answer(refused.answer())
    }
}

/// An error of the token endpoint (RFC 6749, section 5.2).
pub(super) fn refusal(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(status, &json!({"error": error, "error_description": description}))
}
