//! Why a download ended early, what to do about it, and what it says of the meeting.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;

use crate::archive::media::MediaFault;
use crate::chain::chain;
use crate::clock;
use crate::disk::DiskError;
use crate::http::{HttpError, RateLimit};
use crate::meeting::ByteCount;
use crate::trouble::Trouble;
use crate::zoom::ZoomError;
use crate::zoom::wire::Refusal;

/// A pause that the server asks for is kept up to this; a longer one leaves the file for a later poll.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Why one attempt at one file ended early.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The connection ended before the file did.
    #[error("the connection closed after {received} of {declared} bytes")]
    CutShort {
        /// Bytes that came.
        received: u64,
        /// Bytes that were to come.
        declared: u64,
    },
    /// The body comes so slowly that it would hold its worker for ever.
    #[error("only {received} came in {}: that is too slow", humantime::format_duration(Duration::from_secs(waited.as_secs())))]
    TooSlow {
        /// What came ...
        received: ByteCount,
        /// ... while this long was waited for it.
        waited: Duration,
    },
    /// The body goes on past the end of the file.
    #[error("more than {limit} bytes came")]
    TooLong {
        /// Where the file should have ended.
        limit: u64,
    },
    /// An answer to a resumption that isn't the rest of the file.
    #[error("the answer is another range of bytes than was asked for")]
    WrongRange,
    /// The bytes that the part has are no longer those of the file.
    #[error("the file has changed since its part was fetched")]
    Changed,
    /// A rest of which it can't be told whether it is of the same version; the last bytes of the part will tell.
    #[error("the answer does not say of which version of the file it is")]
    Unnamed,
    /// Zoom, its storage or the network fail.
    #[error(transparent)]
    Zoom(#[from] ZoomError),
    /// The connection broke off.
    #[error(transparent)]
    Broken(#[from] HttpError),
    /// The address is not, or no longer, accepted.
    #[error("Zoom refuses the download address with {status}{}", words(refusal.as_ref()))]
    Refused {
        /// The answer's status.
        status: StatusCode,
        /// What its body says, where it says something.
        refusal: Option<Refusal>,
    },
    /// Zoom asks to be left alone for a while.
    #[error("Zoom asks to wait until {}", .0.until.format("%H:%M:%S UTC"))]
    RateLimited(RateLimit),
    /// What came is not what was asked for.
    #[error(transparent)]
    Media(#[from] MediaFault),
    /// The meeting's folder has another file under this name.
    #[error("{} is another file: move it away", .0.display())]
    Occupied(PathBuf),
    /// The disk is too full to go on.
    #[error("only {free} are free, and {keep} are kept free (download.min_free_space)")]
    NoSpace {
        /// What is free.
        free: ByteCount,
        /// What must stay free.
        keep: ByteCount,
    },
    /// The disk refuses.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Bytes that were written may be lost: after a failed sync, a later one proves nothing.
    #[error(transparent)]
    Lost(DiskError),
    /// Zoom lists the file no more.
    #[error("Zoom no longer lists the file")]
    Gone,
    /// The program is stopping; the part is kept.
    #[error("the service is stopping")]
    Stopping,
    /// The task panicked.
    #[error("a bug in the downloader; the log has the panic")]
    Crashed,
}

/// What follows from the end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Go on where it ended, after a pause.
    Resume,
    /// Go on after the pause that was asked for.
    ResumeAfter(RateLimit),
    /// Begin at the first byte, after a pause.
    Restart,
    /// Ask for the listing again: the address in it is new each time.
    ListAgain,
    /// Leave it for a later poll.
    NextPoll,
}

/// What kept a file from being fetched, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setback {
    /// Zoom asks to wait until then: nothing failed.
    PutOff(DateTime<Utc>),
    /// The disk, the network, the token or the program's end: it says nothing against the meeting.
    Elsewhere,
    /// A failed try of the meeting.
    Failed,
}

impl DownloadError {
    /// What to do about it; no wildcard, so that each new kind has to decide.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::CutShort { .. } | Self::Unnamed | Self::Refused { status: StatusCode::REQUEST_TIMEOUT, .. } => {
                Remedy::Resume
            }
            Self::Broken(error) if error.is_transient() => Remedy::Resume,
            Self::Zoom(error) if error.is_transient() => Remedy::Resume,
            Self::Refused { status, .. } if status.is_server_error() => Remedy::Resume,
            Self::RateLimited(limit) if limit.wait(clock::now()) <= LONGEST_PAUSE => Remedy::ResumeAfter(*limit),
            Self::Refused { .. } | Self::Media(MediaFault::Page(_) | MediaFault::Answer(_)) => Remedy::ListAgain,
            Self::TooLong { .. } | Self::WrongRange | Self::Changed | Self::Media(_) => Remedy::Restart,
            Self::TooSlow { .. }
            | Self::Broken(_)
            | Self::Zoom(_)
            | Self::RateLimited(_)
            | Self::Occupied(_)
            | Self::NoSpace { .. }
            | Self::Disk(_)
            | Self::Lost(_)
            | Self::Gone
            | Self::Stopping
            | Self::Crashed => Remedy::NextPoll,
        }
    }

    /// What is behind a refusal; `None` for one that is not known, and for other errors.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Zoom(error) => error.trouble(),
            Self::Refused { status, refusal: Some(refusal) } => {
                Trouble::of_zooms_refusal(status.as_u16(), refusal.code, &refusal.message)
            }
            Self::Media(MediaFault::Page(_)) => Some(Trouble::Page),
            Self::Gone => Some(Trouble::RecordingGone),
            _ => None,
        }
    }

    /// What happened, and what a person can do about it, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self.trouble() {
            Some(trouble) => format!("{}; {}", chain(self), trouble.remedy()),
            None => chain(self),
        }
    }

    /// What it says of the run and of the meeting.
    #[must_use]
    pub fn setback(&self) -> Setback {
        match self {
            Self::RateLimited(limit) | Self::Zoom(ZoomError::RateLimited(limit)) => Setback::PutOff(limit.until),
            Self::NoSpace { .. }
            | Self::Stopping
            | Self::Disk(_)
            | Self::Lost(_)
            | Self::Broken(HttpError::Connect { .. } | HttpError::Stopping)
            | Self::Zoom(ZoomError::Token(_) | ZoomError::Http(HttpError::Connect { .. } | HttpError::Stopping)) => {
                Setback::Elsewhere
            }
            _ => Setback::Failed,
        }
    }

    /// Whether it only says that the program is stopping.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        match self {
            Self::Stopping => true,
            Self::Zoom(error) => error.is_stopping(),
            Self::Broken(error) => matches!(error, HttpError::Stopping),
            _ => false,
        }
    }
}

fn words(refusal: Option<&Refusal>) -> String {
    refusal.map(|refusal| format!(": {} (code {})", refusal.message, refusal.code)).unwrap_or_default()
}
