//! How this Zoom behaves where the real one is known to differ, or where nobody knows.

use chrono::TimeDelta;

use super::consent::Consent;

/// The simulated Zoom's habits. The defaults are the strictest that have been seen of the real one.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Scopes that each token is granted.
    pub scopes: Vec<String>,
    /// How long an access token lives; its whole seconds are sent as `expires_in`.
    pub access_lifetime: TimeDelta,
    /// What a refresh does to the refresh token.
    pub rotation: Rotation,
    /// The redirect addresses that the app's page has.
    pub redirect_uris: Vec<String>,
    /// Whether the port of those must be the same too.
    pub redirect_port: RedirectPort,
    /// What the user does at the consent page.
    pub consent: Consent,
    /// How long an authorization code can be exchanged.
    pub code_lifetime: TimeDelta,
    /// Whether the app was disabled: nobody can authorize it, and its credentials are refused.
    pub app_is_disabled: bool,
    /// Whether the app may name other users than `me`.
    pub other_users: OtherUsers,
    /// How far the `Date` of each answer is from the time here; `None` leaves it out.
    pub date: Option<TimeDelta>,
    /// What becomes of a listing over more than a month.
    pub wide_range: WideRange,
    /// Whether meetings on the day `to` itself are listed.
    pub to_is_inclusive: bool,
    /// Whether a `to` in the future comes back as today.
    pub echoes_future_to_as_today: bool,
    /// How long a page token can be used.
    pub page_token_lifetime: TimeDelta,
    /// Whether a walk through the pages ends.
    pub paging: Paging,
    /// What a download without a right token, or of a file that is gone, gets.
    pub refusal: Refusal,
    /// Where the bytes come from.
    pub download: DownloadRoute,
    /// How long a signed address can be used.
    pub link_lifetime: TimeDelta,
    /// How a file's bytes are delimited.
    pub framing: Framing,
    /// By what a client can tell one version of a file from the next.
    pub validators: Validators,
    /// Bytes per second and connection that a file is sent with; `None` is as fast as it goes.
    pub throttle: Option<u64>,
}

impl Default for Rules {
    fn default() -> Self {
        let scopes = ["list_user_recordings", "list_recording_files", "recording"];
        Self {
            scopes: scopes.map(|scope| format!("cloud_recording:read:{scope}")).to_vec(),
            access_lifetime: TimeDelta::seconds(3599),
            rotation: Rotation::SingleUse,
            redirect_uris: vec!["http://localhost:8080/redirect".to_owned()],
            redirect_port: RedirectPort::Any,
            consent: Consent::Allows,
            code_lifetime: TimeDelta::minutes(5),
            app_is_disabled: false,
            other_users: OtherUsers::Allowed,
            date: Some(TimeDelta::zero()),
            wide_range: WideRange::Clamp { days: 30, keep: Keep::Newest },
            to_is_inclusive: true,
            echoes_future_to_as_today: false,
            page_token_lifetime: TimeDelta::minutes(15),
            paging: Paging::Honest,
            refusal: Refusal::HtmlPage,
            download: DownloadRoute::Redirected,
            link_lifetime: TimeDelta::hours(2),
            framing: Framing::Length,
            validators: Validators::ETagAndDate,
            throttle: None,
        }
    }
}

/// What a refresh does to the refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Each refresh gives a new one, and the old one is dead.
    SingleUse,
    /// The one before the newest is taken too, as if its answer had been lost.
    Forgiving,
    /// The same one comes back every time.
    Never,
}

/// Whether the port of a redirect address that leads to the browser's own machine must be the registered one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectPort {
    /// Any will do (Zoom changelog, "PKCE loopback support").
    Any,
    /// It must be the same, as others have seen it.
    Registered,
}

/// Whether an app may name other users than `me`, if only by the address of who authorized it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherUsers {
    /// It may: it is of the account.
    Allowed,
    /// It may not: 400, as if scopes were missing (code 4700).
    LackScopes,
    /// It may not: 404, as if there were none (code 1001).
    DoNotExist,
}

/// What becomes of a listing whose `to` is more than this many days after its `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WideRange {
    /// It is silently cut down to so many days; the answer's `from` and `to` show it.
    Clamp {
        /// Days between `from` and `to` at most.
        days: i64,
        /// Which end of the range is kept.
        keep: Keep,
    },
    /// It is refused with 400.
    Error {
        /// Days between `from` and `to` at most.
        days: i64,
    },
}

/// Which end of a range that is too wide is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The last month of it.
    Newest,
    /// The first month of it.
    Oldest,
}

/// Whether a walk through the pages ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// The last page has no token.
    Honest,
    /// Every page gives the same token, which gives the first page again.
    Endless,
}

/// What a download without a right token, or of a file that is gone, gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 200 with a page that asks to sign in.
    HtmlPage,
    /// 401 (404 where the file is gone) with a JSON body.
    Json,
}

/// Where a file's bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownloadRoute {
    /// From the media origin, under a signed address to which the download address redirects.
    Redirected,
    /// From the download address itself.
    Direct,
}

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`.
    Length,
    /// Chunked, without a length.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// By what a client can tell one version of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validators {
    /// A strong `ETag`, and `Last-Modified`.
    ETagAndDate,
    /// `Last-Modified` only.
    Date,
    /// Nothing.
    Nothing,
}
