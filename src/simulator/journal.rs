//! What was asked of the simulator, in order, and what became of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::http::Request;

/// Which of a service's listeners was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Zoom's consent page, token endpoint, API and download addresses.
    Zoom,
    /// Where Zoom's downloads redirect to.
    Media,
    /// Google's consent page.
    GoogleAccounts,
    /// Google's token endpoint.
    GoogleTokens,
    /// YouTube's API.
    Youtube,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The consent page: `GET /oauth/authorize` at Zoom, `GET /o/oauth2/v2/auth` at Google
    Authorize,
    /// `POST /oauth/token` at Zoom, `POST /token` at Google
    Token,
    /// `GET /v2/users/{user}`
    User,
    /// `GET /v2/users/{user}/recordings`
    List,
    /// `GET /v2/meetings/{meeting}/recordings`
    MeetingGet,
    /// `GET /rec/download/...`, the address in a listing
    DownloadEntry,
    /// A file's bytes at the media origin
    Media,
    /// `GET /youtube/v3/channels`
    Channels,
    /// `GET /youtube/v3/playlistItems`
    PlaylistItems,
    /// `POST /youtube/v3/playlistItems`
    PlaylistInsert,
    /// `GET /youtube/v3/videos`
    Videos,
    /// `POST /upload/youtube/v3/videos`
    UploadStart,
    /// `PUT` of bytes to the address that an upload was given
    Upload,
    /// `PUT` to the same address, to ask how far the upload is
    UploadStatus,
    /// Anything else; answered with 404
    Other,
}

/// Whether a secret that came with a request was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// There was none.
    Missing,
    /// It was right.
    Valid,
    /// It was right once.
    Stale,
    /// It was never right.
    Wrong,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It hasn't yet.
    Open,
    /// All that was to be sent was sent.
    Whole,
    /// The connection broke first, by a fault or by the client.
    Broken,
}

/// Whether each of the secrets that came with a request was right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Credentials {
    /// Of the header; or of the form, where the service takes the client's secret there.
    pub(super) authorization: Credential,
    pub(super) refresh_token: Credential,
    pub(super) code: Credential,
}

impl From<Credential> for Credentials {
    fn from(authorization: Credential) -> Self {
        Self { authorization, refresh_token: Credential::Missing, code: Credential::Missing }
    }
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) endpoint: Endpoint,
    pub(super) user: Option<String>,
    pub(super) meeting: Option<String>,
    pub(super) file: Option<String>,
    pub(super) grant_type: Option<String>,
    pub(super) title: Option<String>,
    pub(super) upload: Option<usize>,
}

impl Subject {
    /// A request for this, about nobody and nothing in particular.
    pub(super) fn of(endpoint: Endpoint) -> Self {
        Self { endpoint, user: None, meeting: None, file: None, grant_type: None, title: None, upload: None }
    }

    /// A request for a token.
    pub(super) fn of_token(request: &Request) -> Self {
        let form = request.form().unwrap_or_default();
        let grant_type = super::http::find(&form, "grant_type").map(str::to_owned);
        Self { grant_type, ..Self::of(Endpoint::Token) }
    }
}

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Which listener it came to.
    pub origin: Origin,
    /// What it asked for.
    pub endpoint: Endpoint,
    /// The user in its path.
    pub user: Option<String>,
    /// The meeting (uuid or number) in its path, or that of the file.
    pub meeting: Option<String>,
    /// The id of the file that it is about.
    pub file: Option<String>,
    /// The title of the video that is being uploaded.
    pub title: Option<String>,
    /// Which upload it is about, counted from 0.
    pub upload: Option<usize>,
    /// Its method.
    pub method: String,
    /// Path and query as they came, but for the id of an upload, which is a secret.
    pub target: String,
    /// The query, decoded, without that id.
    pub query: Vec<(String, String)>,
    /// The headers but for `Authorization`; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The form's fields but for the secrets among them.
    pub form: Vec<(String, String)>,
    /// The names of all of the form's fields.
    pub form_names: Vec<String>,
    /// The `Authorization` header; at Google's token endpoint the client's id and secret, wherever they stood.
    pub authorization: Credential,
    /// The form's `refresh_token`.
    pub refresh_token: Credential,
    /// The form's `code`.
    pub code: Credential,
    /// The answer's status; `None` as long as nothing was answered.
    pub status: Option<u16>,
    /// Bytes of a file that came with it, kept or not.
    pub received: u64,
    /// Bytes of the answer's body handed to the connection.
    pub sent: u64,
    /// How the answer ended.
    pub outcome: Outcome,
}

impl Entry {
    pub(super) fn new(origin: Origin, subject: &Subject, request: &Request, credentials: Credentials) -> Self {
        let Credentials { authorization, refresh_token, code } = credentials;
        let plain = |pairs: &[(String, String)], hidden: &[&str]| {
            pairs.iter().filter(|(name, _)| !hidden.contains(&name.as_str())).cloned().collect()
        };
        let form = request.form().unwrap_or_default();
        let target = match request.parameter("upload_id") {
            Some(id) => request.target.replace(id, "..."),
            None => request.target.clone(),
        };
        Self {
            origin,
            endpoint: subject.endpoint,
            user: subject.user.clone(),
            meeting: subject.meeting.clone(),
            file: subject.file.clone(),
            title: subject.title.clone(),
            upload: subject.upload,
            method: request.method.clone(),
            target,
            query: plain(&request.query, &["upload_id"]),
            headers: plain(&request.headers, &["authorization"]),
            form: plain(&form, &["refresh_token", "code", "code_verifier", "client_secret"]),
            form_names: form.iter().map(|(name, _)| name.clone()).collect(),
            authorization,
            refresh_token,
            code,
            status: None,
            received: 0,
            sent: 0,
            outcome: Outcome::Open,
        }
    }

    /// A header's value, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        super::http::find(&self.headers, name)
    }

    /// A value from the form, if it is no secret.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        super::http::find(&self.form, name)
    }

    /// A value from the query.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        super::http::find(&self.query, name)
    }
}

/// All requests until now.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// Shared with the snapshots that were taken: those are cheap.
    entries: Vec<Arc<Entry>>,
    open: HashMap<Endpoint, usize>,
    peaks: HashMap<Endpoint, usize>,
}

impl Journal {
    /// All of them, in the order of their arrival.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(Arc::as_ref)
    }

    /// Those that asked for this.
    pub fn to(&self, endpoint: Endpoint) -> impl Iterator<Item = &Entry> {
        self.entries().filter(move |entry| entry.endpoint == endpoint)
    }

    /// Requests for listings.
    #[must_use]
    pub fn listings(&self) -> Vec<&Entry> {
        self.to(Endpoint::List).collect()
    }

    /// Requests for the consent page.
    #[must_use]
    pub fn authorizations(&self) -> Vec<&Entry> {
        self.to(Endpoint::Authorize).collect()
    }

    /// Exchanges of a code for tokens.
    #[must_use]
    pub fn exchanges(&self) -> Vec<&Entry> {
        self.to(Endpoint::Token).filter(|entry| entry.field("grant_type") == Some("authorization_code")).collect()
    }

    /// Requests for tokens, whatever they are given for.
    #[must_use]
    pub fn token_requests(&self) -> Vec<&Entry> {
        self.to(Endpoint::Token).collect()
    }

    /// Requests for the bytes of a file: at the media origin, or answered with them right away.
    #[must_use]
    pub fn downloads_of(&self, file: &str) -> Vec<&Entry> {
        let of_file = self.entries().filter(|entry| entry.file.as_deref() == Some(file));
        of_file.filter(|entry| entry.endpoint == Endpoint::Media || matches!(entry.status, Some(200 | 206))).collect()
    }

    /// The `Range` headers of those, `None` where there was none.
    #[must_use]
    pub fn ranges_of(&self, file: &str) -> Vec<Option<&str>> {
        self.downloads_of(file).into_iter().map(|entry| entry.header("range")).collect()
    }

    /// Requests that brought bytes of an upload.
    #[must_use]
    pub fn uploads(&self) -> Vec<&Entry> {
        self.to(Endpoint::Upload).collect()
    }

    /// How many requests went to the API proper: listings, single meetings, users.
    #[must_use]
    pub fn api_requests(&self) -> usize {
        [Endpoint::List, Endpoint::MeetingGet, Endpoint::User].map(|endpoint| self.to(endpoint).count()).iter().sum()
    }

    /// The most requests for this that were being answered at the same time.
    #[must_use]
    pub fn peak(&self, endpoint: Endpoint) -> usize {
        self.peaks.get(&endpoint).copied().unwrap_or(0)
    }
}

/// The journal as it is being written.
#[derive(Debug, Default)]
pub(super) struct Log {
    journal: Mutex<Journal>,
    changes: watch::Sender<()>,
}

impl Log {
    pub(super) fn snapshot(&self) -> Journal {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Told of each change from now on.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    pub(super) fn begin(self: &Arc<Self>, entry: Entry) -> Record {
        let endpoint = entry.endpoint;
        let index = self.write(|journal| {
            let open = journal.open.entry(endpoint).or_default();
            *open += 1;
            let open = *open;
            let peak = journal.peaks.entry(endpoint).or_default();
            *peak = open.max(*peak);
            journal.entries.push(Arc::new(entry));
            journal.entries.len() - 1
        });
        Record { log: Arc::clone(self), index, endpoint, outcome: Outcome::Broken }
    }

    fn write<T>(&self, change: impl FnOnce(&mut Journal) -> T) -> T {
        let value = change(&mut self.journal.lock().unwrap_or_else(PoisonError::into_inner));
        self.changes.send_replace(());
        value
    }
}

/// One entry that is still being written; it is closed when this is dropped.
#[derive(Debug)]
pub(super) struct Record {
    log: Arc<Log>,
    index: usize,
    endpoint: Endpoint,
    outcome: Outcome,
}

impl Record {
    fn write(&self, change: impl FnOnce(&mut Entry)) {
        self.log.write(|journal| journal.entries.get_mut(self.index).map(Arc::make_mut).map(change));
    }

    pub(super) fn status(&self, status: u16) {
        self.write(|entry| entry.status = Some(status));
    }

    pub(super) fn received(&self, bytes: u64) {
        self.write(|entry| entry.received += bytes);
    }

    pub(super) fn sent(&self, bytes: u64) {
        self.write(|entry| entry.sent += bytes);
    }

    /// Notes that all was sent.
    pub(super) fn whole(&mut self) {
        self.outcome = Outcome::Whole;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.log.write(|journal| {
            if let Some(open) = journal.open.get_mut(&self.endpoint) {
                *open = open.saturating_sub(1);
            }
            if let Some(entry) = journal.entries.get_mut(self.index).map(Arc::make_mut) {
                entry.outcome = self.outcome;
            }
        });
    }
}
