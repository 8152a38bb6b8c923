//! Why there is no access token, and who can change that.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;

use super::{ConsentError, Issuer};
use crate::disk::DiskError;
use crate::http::HttpError;
use crate::trouble::{Asked, Trouble};

/// Why no access token could be had. No variant holds one.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The token file isn't there, or is empty.
    #[error("there is no {} authorization in {}", issuer.service(), path.display())]
    NotAuthorized {
        /// Whose token is missing.
        issuer: Issuer,
        /// The token file.
        path: PathBuf,
    },
    /// The token file holds something else.
    #[error("{} does not hold a bare refresh token on one line", path.display())]
    Malformed {
        /// Whose token should be there.
        issuer: Issuer,
        /// The token file.
        path: PathBuf,
    },
    /// The issuer does not accept the refresh token or the code, or the app.
    #[error("{issuer} refused to {}: {reason}", match asked {
        Asked::Refresh => "renew the access token",
        Asked::Exchange => "exchange the authorization code",
    })]
    Refused {
        /// Who refused.
        issuer: Issuer,
        /// What was asked for.
        asked: Asked,
        /// What is behind it.
        why: Trouble,
        /// The issuer's own words, made safe to print.
        reason: String,
    },
    /// An authorization without a refresh token would end within the hour.
    #[error("{issuer} gave no refresh token")]
    NotLasting {
        /// Who gave none.
        issuer: Issuer,
    },
    /// A new authorization that the disk didn't take.
    #[error("the new authorization could not be saved, and is lost")]
    Unsaved {
        /// Whose it is.
        issuer: Issuer,
        /// Why not.
        source: DiskError,
    },
    /// It may work a little later, with nobody doing anything about it.
    #[error("{} gives no access token just now", issuer)]
    Temporary {
        /// Who gives none.
        issuer: Issuer,
        /// What came between.
        #[source]
        cause: Hindrance,
        /// Not to be tried again before, where Zoom said so.
        until: Option<DateTime<Utc>>,
    },
    /// The token's files can't be read, or a new token could not be saved: it isn't asked for then.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Another command is renewing the token, and doesn't come to an end.
    #[error("{} was held by another process for {} s", path.display(), waited.as_secs())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// How long was waited for it.
        waited: Duration,
    },
    /// The wait was cancelled.
    #[error("the service is stopping")]
    Stopping,
}

/// What keeps a token from being renewed for a while.
#[derive(Debug, thiserror::Error)]
pub enum Hindrance {
    /// No answer, or one of overload or breakdown.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An answer, but not what a token endpoint says.
    #[error("what {host} answered ({status}) is no answer of a token endpoint")]
    Unreadable {
        /// Who answered.
        host: String,
        /// As what.
        status: StatusCode,
    },
    /// A try failed a moment ago, or Zoom asked for a pause.
    #[error("a try failed shortly before, and the next one is not due yet")]
    Resting,
    /// Somebody else keeps writing the token file.
    #[error("the token file keeps changing")]
    Changing,
}

impl TokenError {
    /// Whether nothing but a person's doing (authorizing, mending the settings) will change it.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        match self {
            Self::NotAuthorized { .. }
            | Self::Malformed { .. }
            | Self::Refused { .. }
            | Self::Unsaved { .. }
            | Self::NotLasting { .. } => true,
            Self::Temporary { .. } | Self::Disk(_) | Self::Locked { .. } | Self::Stopping => false,
        }
    }

    /// Whether it only says that the program is stopping.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        matches!(self, Self::Stopping)
    }

    /// What a person can do about it, where it needs one.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::NotAuthorized { issuer, .. } | Self::Malformed { issuer, .. } => {
                Some(format!("authorize the app with `{}`", issuer.command()))
            }
            Self::Refused { why, .. } => Some(why.remedy().to_owned()),
            Self::NotLasting { issuer: Issuer::Google } => Some(
                "take the app's access back at myaccount.google.com/permissions, then authorize again with `zoom-archiver auth youtube`"
                    .to_owned(),
            ),
            Self::NotLasting { issuer: Issuer::Zoom } => Some(
                "look on the app's page at marketplace.zoom.us that it is a General App, user-managed; then authorize again with `zoom-archiver auth zoom`"
                    .to_owned(),
            ),
            Self::Unsaved { issuer, .. } => Some(format!(
                "an earlier authorization may be worth nothing by now: make room, or mend the disk, then authorize again with `{}`",
                issuer.command()
            )),
            Self::Temporary { .. } | Self::Disk(_) | Self::Locked { .. } | Self::Stopping => None,
        }
    }
}

/// Why an authorization came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The port of the redirect address is another program's.
    #[error("{address} is in use by another program, so the browser could not come back to this one")]
    PortTaken {
        /// Where was to be listened.
        address: SocketAddr,
    },
    /// The port can't be had for another reason.
    #[error("cannot listen on {address}, where the browser is to come back")]
    Listen {
        /// Where was to be listened.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The person did nothing, or the browser showed an error instead of coming back.
    #[error("no browser came back within {}", humantime::format_duration(*.0))]
    NoAnswer(Duration),
    /// The terminal gave nothing.
    #[error("nothing was pasted")]
    NothingPasted,
    /// What was pasted can't be read.
    #[error("cannot read what is pasted")]
    Terminal(#[source] io::Error),
    /// What came back holds no code.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// The code could not be exchanged, or the tokens not be saved.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// It was stopped.
    #[error("stopped; unless the app had just been allowed, everything is as it was")]
    Stopped,
    /// The system has no random numbers.
    #[error("cannot make a secret for the question: {0}")]
    Random(getrandom::Error),
}

impl AuthorizeError {
    /// What a person can do about it, with `issuer`; `None` where nothing needs to be said.
    #[must_use]
    pub fn remedy(&self, issuer: Issuer) -> Option<String> {
        let (command, section) = (issuer.command(), issuer.section());
        match self {
            Self::PortTaken { address } => Some(format!(
                "end that program (`ss -ltnp 'sport = :{port}'` names it), do without listening (`{command} --paste`), or set {section}.redirect_uri to another port{}",
                match issuer {
                    Issuer::Zoom => ", on the app's page, too",
                    Issuer::Google => "",
                },
                port = address.port(),
            )),
            Self::Listen { .. } => Some(format!("do without listening: `{command} --paste`")),
            Self::NoAnswer(_) => Some(match issuer {
                Issuer::Zoom => format!(
                    "start it anew. If the browser shows \"{}\": {}. If it shows \"Invalid client id\": compare zoom.client_id with the app's page; \"{}\": enable the app there. If the browser is on another machine: `{command} --paste`",
                    Trouble::RedirectUri.says().split(" / ").next().unwrap_or_default(),
                    Trouble::RedirectUri.remedy(),
                    Trouble::AppDisabled.says(),
                ),
                Issuer::Google => format!(
                    "start it anew; if the browser is on another machine: `{command} --paste`. If it shows an error, that names what is wrong with the client"
                ),
            }),
            Self::NothingPasted => Some(format!(
                "start `{command}` anew, open the address that it prints, allow the app, and paste the whole address at which the browser ends"
            )),
            Self::Consent(error) => Some(error.remedy(issuer)),
            Self::Token(error @ (TokenError::Temporary { .. } | TokenError::Locked { .. })) => {
                let check = match error {
                    TokenError::Temporary { cause: Hindrance::Http(_), .. } => "check the network, then ",
                    _ => "",
                };
                Some(format!("nothing was changed: {check}start `{command}` anew in a while"))
            }
            Self::Token(error) => error.remedy(),
            Self::Terminal(_) | Self::Stopped | Self::Random(_) => None,
        }
    }

    /// Whether authorization is still needed, as far as a person or the issuer has a say in it.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        match self {
            Self::NoAnswer(_) | Self::NothingPasted | Self::Consent(_) => true,
            Self::Token(error) => error.needs_person(),
            Self::PortTaken { .. } | Self::Listen { .. } | Self::Terminal(_) | Self::Stopped | Self::Random(_) => false,
        }
    }
}
