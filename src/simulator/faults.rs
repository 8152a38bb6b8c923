//! What can be made to go wrong, and for which requests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::http::Answer;
use super::journal::{Endpoint, Subject};
use super::rules::Framing;

/// Which requests: the first one that fits, unless told otherwise.
#[derive(Clone, Debug)]
pub struct Matcher {
    endpoint: Option<Endpoint>,
    user: Option<String>,
    meeting: Option<String>,
    file: Option<String>,
    grant_type: Option<String>,
    title: Option<String>,
    from_hit: u64,
    times: Option<u64>,
}

impl Matcher {
    /// The first request of any kind.
    #[must_use]
    pub fn any() -> Self {
        Self {
            endpoint: None,
            user: None,
            meeting: None,
            file: None,
            grant_type: None,
            title: None,
            from_hit: 1,
            times: Some(1),
        }
    }

    /// The first request for this.
    #[must_use]
    pub fn to(endpoint: Endpoint) -> Self {
        Self { endpoint: Some(endpoint), ..Self::any() }
    }

    /// The first request for a token, whatever it is given for.
    #[must_use]
    pub fn token() -> Self {
        Self::to(Endpoint::Token)
    }

    /// The first request for a new access token.
    #[must_use]
    pub fn refresh() -> Self {
        Self { grant_type: Some("refresh_token".to_owned()), ..Self::token() }
    }

    /// The first exchange of a code for tokens.
    #[must_use]
    pub fn exchange() -> Self {
        Self { grant_type: Some("authorization_code".to_owned()), ..Self::token() }
    }

    /// The first request for the user's channels at YouTube.
    #[must_use]
    pub fn channels() -> Self {
        Self::to(Endpoint::Channels)
    }

    /// The first request for what is in a playlist at YouTube.
    #[must_use]
    pub fn playlist_items() -> Self {
        Self::to(Endpoint::PlaylistItems)
    }

    /// The first request that puts a video into a playlist at YouTube.
    #[must_use]
    pub fn playlist_insert() -> Self {
        Self::to(Endpoint::PlaylistInsert)
    }

    /// The first request for videos at YouTube.
    #[must_use]
    pub fn videos() -> Self {
        Self::to(Endpoint::Videos)
    }

    /// The first request that opens an upload.
    #[must_use]
    pub fn upload_start() -> Self {
        Self::to(Endpoint::UploadStart)
    }

    /// The first request that brings bytes of an upload.
    #[must_use]
    pub fn upload() -> Self {
        Self::to(Endpoint::Upload)
    }

    /// The first request that asks how far an upload is.
    #[must_use]
    pub fn upload_status() -> Self {
        Self::to(Endpoint::UploadStatus)
    }

    /// The first request for a listing.
    #[must_use]
    pub fn list() -> Self {
        Self::to(Endpoint::List)
    }

    /// The first request for a download address.
    #[must_use]
    pub fn download_entry() -> Self {
        Self::to(Endpoint::DownloadEntry)
    }

    /// The first request for a file's bytes at the media origin.
    #[must_use]
    pub fn media() -> Self {
        Self::to(Endpoint::Media)
    }

    /// Only those about the file of this id.
    #[must_use]
    pub fn file(mut self, id: &str) -> Self {
        self.file = Some(id.to_owned());
        self
    }

    /// Only those with this user in their path.
    #[must_use]
    pub fn user(mut self, name: &str) -> Self {
        self.user = Some(name.to_owned());
        self
    }

    /// Only those about this meeting.
    #[must_use]
    pub fn meeting(mut self, uuid: &str) -> Self {
        self.meeting = Some(uuid.to_owned());
        self
    }

    /// Only those of an upload under this title.
    #[must_use]
    pub fn title(mut self, title: &str) -> Self {
        self.title = Some(title.to_owned());
        self
    }

    /// Begins with the `hit`-th request that fits, counted from 1.
    #[must_use]
    pub fn from_hit(mut self, hit: u64) -> Self {
        self.from_hit = hit;
        self
    }

    /// So many requests, rather than one.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// All of them, until the faults are cleared.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    fn fits(&self, subject: &Subject) -> bool {
        fn wanted<T: PartialEq>(wish: Option<&T>, value: Option<&T>) -> bool {
            wish.is_none() || wish == value
        }
        wanted(self.endpoint.as_ref(), Some(&subject.endpoint))
            && wanted(self.user.as_ref(), subject.user.as_ref())
            && wanted(self.meeting.as_ref(), subject.meeting.as_ref())
            && wanted(self.file.as_ref(), subject.file.as_ref())
            && wanted(self.grant_type.as_ref(), subject.grant_type.as_ref())
            && wanted(self.title.as_ref(), subject.title.as_ref())
    }
}

/// Something that goes wrong with an answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection is closed after so many bytes of the body. At or past its end only what ends a body is
    /// missing: the last chunk of a chunked one.
    Cut {
        /// Bytes of the body.
        after: u64,
    },
    /// The connection is reset after so many bytes of the body; the client may get fewer.
    Reset {
        /// Bytes of the body.
        after: u64,
    },
    /// Nothing more is sent after so many bytes of the body, until the client goes or the faults are cleared.
    Stall {
        /// Bytes of the body.
        after: u64,
    },
    /// The body trickles.
    Drip {
        /// Bytes at a time.
        bytes: usize,
        /// Between them.
        every: Duration,
    },
    /// This is answered; nothing is looked at or done.
    Answer(Answer),
    /// The request is carried out, and then this is answered in place of the real answer.
    Replace(Answer),
    /// The connection is reset once so many bytes of a file that is sent here are taken.
    BreakOff {
        /// Bytes of the request's body.
        after: u64,
    },
    /// Nothing more is taken of a file that is sent here after so many bytes, until the client goes or the faults are
    /// cleared.
    StallIntake {
        /// Bytes of the request's body.
        after: u64,
    },
    /// This is answered once so many bytes of a file that is sent here are taken; no more are kept.
    Interrupt {
        /// Bytes of the request's body.
        after: u64,
        /// The answer.
        answer: Answer,
    },
    /// The `Range` of a 308 says this; `None` leaves the header out.
    Range(Option<String>),
    /// The JSON of the real answer is changed before it is sent.
    Edit(Edit),
    /// The request is carried out, but the connection is reset before anything is answered.
    LoseAnswer,
    /// The request is read and nothing is ever answered.
    Silence,
    /// The answer's head stops halfway.
    HalfHead,
    /// The answer's head never ends: header after header, as long as the client takes them.
    EndlessHead,
    /// A header of so many bytes is added.
    HugeHeader {
        /// Its length.
        bytes: usize,
    },
    /// The whole file comes with 200, whatever range was asked for.
    IgnoreRange,
    /// The rest of the file comes with 206, whatever version of it was asked for.
    IgnoreIfRange,
    /// A 206 says this in its `Content-Range`; `None` leaves the header out.
    ContentRange(Option<String>),
    /// So many bytes follow after the end that was declared.
    Longer {
        /// Bytes too many.
        by: u64,
    },
    /// The body is delimited in another way.
    Framing(Framing),
    /// The body is compressed, though nobody asked. It is made in memory: for small files.
    Gzip,
    /// Redirects to the same address, for ever if this is there for ever.
    RedirectToSelf,
    /// The answer is whole, then the connection is closed without notice.
    CloseAfter,
}

impl Fault {
    /// Changes the JSON of the real answer.
    pub fn edit(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self::Edit(Edit(Arc::new(change)))
    }

    /// Answers with this JSON.
    #[must_use]
    pub fn json(status: u16, value: &Value) -> Self {
        Self::Answer(Answer::json(status, value))
    }
}

/// A change to an answer's JSON.
#[derive(Clone)]
pub struct Edit(Arc<dyn Fn(&mut Value) + Send + Sync>);

impl Edit {
    pub(super) fn apply(&self, value: &mut Value) {
        (self.0)(value);
    }
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Edit")
    }
}

/// Things waiting for the requests that they are meant for.
#[derive(Debug)]
pub(super) struct Queue<T>(Vec<Waiting<T>>);

#[derive(Debug)]
struct Waiting<T> {
    matcher: Matcher,
    hits: u64,
    thing: T,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone> Queue<T> {
    pub(super) fn push(&mut self, matcher: Matcher, thing: T) {
        self.0.push(Waiting { matcher, hits: 0, thing });
    }

    /// Takes back those that `keep` doesn't want.
    pub(super) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.0.retain(|waiting| keep(&waiting.thing));
    }

    /// The first that is due for this request. All that fit count it as a hit.
    pub(super) fn take(&mut self, subject: &Subject) -> Option<T> {
        let mut taken = None;
        for waiting in self.0.iter_mut().filter(|waiting| waiting.matcher.fits(subject)) {
            waiting.hits += 1;
            let is_due = waiting.hits >= waiting.matcher.from_hit && waiting.matcher.times != Some(0);
            if is_due && taken.is_none() {
                taken = Some(waiting.thing.clone());
                waiting.matcher.times = waiting.matcher.times.map(|left| left - 1);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(file: &str) -> Subject {
        Subject { file: Some(file.to_owned()), ..Subject::of(Endpoint::Media) }
    }

    #[test]
    fn each_waits_for_its_own_requests_and_only_so_many() {
        let mut queue = Queue::default();
        queue.push(Matcher::list().always(), "list");
        queue.push(Matcher::media().file("a").from_hit(2).times(2), "a");
        queue.push(Matcher::media(), "any");
        let taken: Vec<_> = ["b", "a", "a", "a", "a"].into_iter().map(|file| queue.take(&media(file))).collect();
        assert_eq!(taken, [Some("any"), None, Some("a"), Some("a"), None]);
    }
}
