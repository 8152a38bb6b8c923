//! What Zoom and Google refuse, and what a person can do about each: the one table of remedies.
//!
//! [`Trouble`] is the table, `sort` finds the row that an answer belongs to. Every command that meets a refusal shows its
//! remedy; the README's troubleshooting lists the same rows, and a test holds the two together.

mod sort;

pub use sort::{Asked, TokenAnswer};

/// Makes the table: each row's name, what is said of it by those who refuse, and what to do.
macro_rules! troubles {
    ($($(#[doc = $doc:literal])+ $name:ident: $says:literal => $remedy:literal;)+) => {
        /// What is behind a refusal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Trouble {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Trouble {
            /// Every row.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The words by which it is met, for a person to find it by; several are divided by ` / `.
            #[must_use]
            pub const fn says(self) -> &'static str {
                match self {
                    $(Self::$name => $says,)+
                }
            }

            /// What a person can do about it: what is behind it, then the next step.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self {
                    $(Self::$name => $remedy,)+
                }
            }
        }
    };
}

troubles! {
    // Zoom's token endpoint (Zoom, "OAuth error messages"; the words are those that were seen).

    /// `invalid_grant` at a refresh; 4700, 4737, 4740, 4741.
    RefreshToken: "Invalid Token!" =>
        "the refresh token was used by another program, revoked by a newer authorization, or lay unused for some 90 days: authorize again with `zoom-archiver auth zoom`, and let nothing else use that token";
    /// `invalid_request` or `invalid_grant` at the exchange of a code; 4733, 4734.
    Code: "Invalid authorization code" =>
        "the code was used already, is older than its five minutes, or belongs to another run: start `zoom-archiver auth zoom` anew, open the address that it prints, and allow the app without delay";
    /// `invalid_client`; 4702, 4704, 4706.
    Credentials: "Invalid client credentials / Invalid client id / invalid_client" =>
        "compare zoom.client_id and zoom.client_secret with App Credentials on the app's page at marketplace.zoom.us; Zoom says the same of an app that is disabled there";
    /// 4717, 4738.
    AppDisabled: "The app has been disabled" =>
        "enable the app at marketplace.zoom.us, or ask the account's admin to allow it; then authorize again with `zoom-archiver auth zoom`";
    /// `unsupported_grant_type`; 4705.
    GrantType: "Unsupported grant type / unsupported_grant_type" =>
        "zoom.client_id belongs to another kind of app (Server-to-Server OAuth, say): make a General App, user-managed, put its id and secret into the config, and authorize it with `zoom-archiver auth zoom`";
    /// `unauthorized_client`.
    App: "unauthorized_client" =>
        "the app may not ask for tokens: look on its page at marketplace.zoom.us that it is a General App, user-managed, and active; then authorize again with `zoom-archiver auth zoom`";
    /// 4700 in the browser, 4709 at the exchange.
    RedirectUri: "Invalid redirect url / Redirect URI mismatch" =>
        "zoom.redirect_uri and the app's OAuth Redirect URL at marketplace.zoom.us must be the same to the letter: correct one of them, then start `zoom-archiver auth zoom` anew";
    /// 4711 of the token endpoint.
    TokenScopes: "the token's scopes do not match the client's" =>
        "the app's scopes have been changed since: authorize again with `zoom-archiver auth zoom`";
    /// 4735.
    TokenOwner: "Token owner does not exist" =>
        "whoever authorized the app is no longer a user of the account: have another user authorize again with `zoom-archiver auth zoom`";
    /// `access_denied` in the redirect.
    Denied: "access_denied" =>
        "nobody allowed the app: start `zoom-archiver auth zoom` anew, and choose Allow; where that is not offered, the account's admin has to approve the app first";
    /// `invalid_request`, for a reason not known here.
    TokenRequest: "invalid_request" =>
        "check zoom.client_id and zoom.client_secret, then authorize again with `zoom-archiver auth zoom`";

    // Zoom's API (Zoom, "Error codes", and the answers documented with each call).

    /// 4711, and 4700 with a list.
    MissingScopes: "Invalid access token, does not contain scopes:[...]" =>
        "add the scopes in the brackets that your app is offered (one with :admin only where it is) to the app at marketplace.zoom.us, under Scopes, then authorize again with `zoom-archiver auth zoom`: a token knows only the scopes of its time";
    /// 4700 without a list.
    ScopesOrUser: "Invalid access token, does not contain scopes." =>
        "an app that one user authorized for themselves knows no other user: set zoom.users = [\"me\"]; if that is so already, add the scope cloud_recording:read:list_user_recordings to the app, and authorize again with `zoom-archiver auth zoom`";
    /// 4700 of the API.
    NoToken: "Token cannot be empty" =>
        "the token does not reach Zoom: look for a proxy that takes the Authorization header away";
    /// 124, and 401 in general.
    AccessToken: "Invalid access token / Access token has expired" =>
        "Zoom accepts neither the old access token nor a new one: check the clock, then authorize again with `zoom-archiver auth zoom`";
    /// "This API does not support client credentials".
    ClientCredentials: "This API does not support client credentials" =>
        "the token is of another kind of app: make a General App, user-managed, put its id and secret into the config, and authorize it with `zoom-archiver auth zoom`";
    /// 1001.
    User: "User does not exist / does not belong to this account" =>
        "an app that one user authorized for themselves knows no other user: set zoom.users = [\"me\"]; for an account's app, check the addresses in zoom.users";
    /// Code 200, also within an answer of status 200; 403.
    Permission: "You do not have the right permissions / No permission." =>
        "check in Zoom that cloud recording is switched on, and that the role of whoever authorized the app may view recordings";
    /// Code 200, by its words.
    Plan: "Only available for Paid account" =>
        "cloud recording needs a Zoom plan that includes it (Pro or higher), switched on under Settings, Recording";
    /// Code 200, by its words.
    RestApi: "Account does not enabled REST API" =>
        "ask the account's owner or Zoom's support to enable the REST API for the account";
    /// 300, by its words.
    PageToken: "The next page token is invalid or expired" =>
        "there is nothing to do: the days are listed again from their first page";
    /// 300 otherwise.
    Validation: "Validation Failed. / Request Body should be a valid JSON object. / Invalid meeting ID." =>
        "Zoom does not understand what was asked: check zoom.users and zoom.api_url; if they are right, report it, with the log";
    /// 2300, and 404 without a code.
    ApiAddress: "This API endpoint is not recognized" =>
        "check zoom.api_url: Zoom's own is https://api.zoom.us/v2, with the /v2 at its end";
    /// 3001.
    Meeting: "Meeting does not exist" =>
        "there is nothing to do: the meeting was deleted in Zoom";
    /// 3301, by its words.
    RecordingGone: "This recording does not exist / There is no recording for this meeting" =>
        "there is nothing to do at first: it may not be ready yet, and is tried again. If it stays, the recording was deleted in Zoom: look into its trash, where it is kept for 30 days";
    /// 3301, by its words.
    StillProcessing: "This recording is still being processed" =>
        "there is nothing to do: Zoom may take hours, and later polls look again";
    /// 3303, 3309, 3310: answers to calls that this program never makes.
    Foreign: "You can not delete an uncompleted meeting / Not enough cloud storage / selected for a simulive webinar" =>
        "there is nothing to do here: this program neither deletes nor recovers recordings at Zoom; look after the other program that does";
    /// 429 for a second, or for calls at once.
    RateLimit: "maximum per-second rate limit / Too many concurrent requests" =>
        "there is nothing to do: it is waited for. If it comes often, another program with the same account asks a lot";
    /// 429 for a day.
    DailyLimit: "maximum daily rate limit" =>
        "there is nothing to do: polls go on at the time that Zoom names; another program with the same account may be using the limit up";
    /// A page in place of a file.
    Page: "the page is HTML, not ..." =>
        "there is nothing to do at first: the address is asked for anew. If it stays, open the recording in a browser: it may be restricted to some viewers, or deleted";
    /// Fewer days listed than were asked for.
    FewerDays: "Zoom's answer doesn't cover it / only one recording returned" =>
        "Zoom answered for fewer days than were asked for: the rest is asked for again within the hour. A script that gets only one recording does not say from and to; this program always does";

    // Google's token endpoint ("Using OAuth 2.0 to Access Google APIs").

    /// `invalid_grant` at a refresh.
    GoogleToken: "Token has been expired or revoked" =>
        "the access was taken back, lay unused for six months, or is from a Google project whose consent screen is in Testing, where it ends after 7 days: set its publishing status to In production, then authorize again with `zoom-archiver auth youtube`";
    /// `invalid_grant` at the exchange of a code.
    GoogleCode: "Malformed auth code / Bad Request" =>
        "the code was used already, is too old, or belongs to another run: start `zoom-archiver auth youtube` anew, and open the address that it prints";
    /// `invalid_client`, `unauthorized_client`.
    GoogleClient: "The OAuth client was not found / Unauthorized" =>
        "compare youtube.client_id and youtube.client_secret with the client (of type Desktop app) under Credentials at console.cloud.google.com";
    /// `deleted_client`.
    GoogleClientDeleted: "deleted_client" =>
        "the client was deleted at console.cloud.google.com (Google deletes those that lie unused for six months): make a new one of type Desktop app, put its id and secret into the config, and authorize again with `zoom-archiver auth youtube`";
    /// `redirect_uri_mismatch`.
    GoogleRedirectUri: "redirect_uri_mismatch" =>
        "the client must be of type Desktop app, and youtube.redirect_uri an address like http://127.0.0.1:8082";
    /// `admin_policy_enforced`, `invalid_rapt`.
    GooglePolicy: "admin_policy_enforced / invalid_rapt" =>
        "the admin of the Google Workspace does not allow it: have the app allowed there, then authorize again with `zoom-archiver auth youtube`";
    /// `access_denied` in the redirect.
    GoogleDenied: "access_denied (Google)" =>
        "nobody allowed the app: start `zoom-archiver auth youtube` anew and choose Continue. While the consent screen is in Testing, only its test users may";
    /// `invalid_request` and others.
    GoogleRequest: "invalid_request (Google)" =>
        "check youtube.client_id and youtube.client_secret, then authorize again with `zoom-archiver auth youtube`";

    // YouTube's API ("Errors" of the Data API's reference).

    /// `insufficientPermissions`, or another scope granted than was asked for.
    YoutubeScope: "insufficientPermissions" =>
        "the authorization lacks the scope youtube.force-ssl: authorize again with `zoom-archiver auth youtube`, and leave its box ticked";
    /// `accessNotConfigured`.
    YoutubeNotEnabled: "accessNotConfigured" =>
        "enable the YouTube Data API v3 for the project under APIs & Services at console.cloud.google.com";
    /// `youtubeSignupRequired`, or no channel.
    YoutubeNoChannel: "youtubeSignupRequired" =>
        "make a channel at youtube.com, then authorize again with `zoom-archiver auth youtube`, and choose it";
    /// `authError`, `required`, `expired`.
    YoutubeToken: "authError / Invalid Credentials" =>
        "YouTube accepts neither the old access token nor a new one: authorize again with `zoom-archiver auth youtube`";
    /// `quotaExceeded`, `dailyLimitExceeded`.
    YoutubeQuota: "quotaExceeded / dailyLimitExceeded" =>
        "there is nothing to do: the project's allowance for the day is used up; it begins anew at midnight Pacific time";
    /// `rateLimitExceeded`, `userRateLimitExceeded`.
    YoutubeRate: "rateLimitExceeded / userRateLimitExceeded" =>
        "there is nothing to do: it is tried again later";
    /// `uploadLimitExceeded`.
    YoutubeUploadLimit: "uploadLimitExceeded" =>
        "there is nothing to do: the channel has had as many videos as YouTube allows it in a day, whoever sent them; it is tried again after 24 hours";
    /// A title and the like that YouTube doesn't take; it is never taken unchanged.
    YoutubeMetadata: "invalidTitle / invalidDescription / invalidTags / invalidCategoryId / invalidVideoMetadata / invalidRecordingDetails / invalidFilename" =>
        "look at youtube.title, youtube.description, youtube.tags and youtube.category, correct what is named, then stop the service and run `zoom-archiver publish MEETING`; if they are right, report it, with the log";
    /// `forbiddenPrivacySetting`, `forbiddenLicenseSetting`.
    YoutubePrivacy: "forbiddenPrivacySetting / forbiddenLicenseSetting" =>
        "the channel may not have videos of that kind: set youtube.privacy to another value, then stop the service and run `zoom-archiver publish MEETING`";
    /// `uploadTooLarge`.
    YoutubeTooLarge: "uploadTooLarge" =>
        "YouTube takes files of at most 256 GiB: cut the video with another program, and upload it by hand";
    /// `videoTooLong`; `rejectionReason` is `length`.
    YoutubeTooLong: "videoTooLong / rejected: length" =>
        "videos of more than 15 minutes need a channel whose owner's telephone number is verified, at youtube.com/verify: verify it, then stop the service and run `zoom-archiver publish MEETING`. More than 12 hours is never taken";
    /// `rejectionReason` is `duplicate`.
    YoutubeDuplicate: "rejected: duplicate" =>
        "there is nothing to do: the channel has the same video already; delete one of the two at studio.youtube.com";
    /// What has to do with the playlist.
    YoutubePlaylist: "playlistNotFound / playlistItemsNotAccessible / playlistContainsMaximumNumberOfVideos" =>
        "compare youtube.playlist with what follows `list=` in the playlist's address: it must be the authorized channel's own, and have room for more";
    /// The account or its channel is closed or suspended.
    YoutubeAccount: "channelClosed / channelSuspended / authenticatedUserAccountSuspended" =>
        "look at youtube.com what has become of the channel";
    /// `forbidden`.
    YoutubeForbidden: "forbidden" =>
        "the channel may not do this: look at youtube.com whether it is restricted, then authorize again with `zoom-archiver auth youtube`";
}

impl Trouble {
    /// Whether only another authorization of the app at Zoom ends it.
    #[must_use]
    pub const fn needs_authorization(self) -> bool {
        matches!(
            self,
            Self::MissingScopes | Self::AccessToken | Self::AppDisabled | Self::TokenOwner | Self::ClientCredentials
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_row_is_found_by_words_of_its_own() {
        let said: Vec<&str> = Trouble::ALL.iter().flat_map(|trouble| trouble.says().split(" / ")).collect();
        assert_eq!(said.iter().collect::<HashSet<_>>().len(), said.len(), "{said:?}");
    }
}
