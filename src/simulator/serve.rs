//! The two listeners: connections, routes, and which answer a request gets.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::faults::Fault;
use super::hold::{Gate, Stop};
use super::http::{Answer, Body, Incoming, Request, find, read_request};
use super::journal::{Credential, Endpoint, Entry, Log, Origin, Record, Subject};
use super::rules::Framing;
use super::send::{Delivery, Then, deliver, gone};
use super::state::State;
use super::world::World;
use super::{authorize, download, listing, users};

/// What all connections share.
#[derive(Debug)]
pub(super) struct Server {
    state: Mutex<State>,
    /// Of the two listeners.
    pub(super) addresses: [SocketAddr; 2],
    pub(super) log: Arc<Log>,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
}

impl Server {
    pub(super) fn new(state: State, addresses: [SocketAddr; 2]) -> Self {
        Self {
            state: Mutex::new(state),
            addresses,
            log: Arc::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes connections until the server is stopped.
    pub(super) async fn accept(self: Arc<Self>, origin: Origin, listener: TcpListener) {
        while let Some(accepted) = self.stop.run_until_cancelled(listener.accept()).await {
            let Ok((stream, _)) = accepted else {
                // Out of file descriptors, say: others may be closed meanwhile.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let server = Arc::clone(&self);
            self.tasks.spawn(async move {
                // An error here is the client's going away; the journal has it.
                let ended: Option<io::Result<()>> = server.stop.run_until_cancelled(server.talk(origin, stream)).await;
                drop(ended);
            });
        }
    }

    /// Answers the requests of one connection, one after the other.
    async fn talk(&self, origin: Origin, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = BytesMut::new();
        let idle = self.state().idle.clone();
        loop {
            let incoming = tokio::select! {
                incoming = read_request(&mut stream, &mut buffer) => incoming?,
                () = idle.cancelled() => Incoming::Closed,
            };
            let then = match incoming {
                Incoming::Closed => Then::Close,
                Incoming::Refused(status) => {
                    stream.write_all(Answer::new(status).head("connection: close\r\n").as_bytes()).await?;
                    Then::Close
                }
                Incoming::Request(request) => self.exchange(origin, &request, &mut stream).await?,
            };
            match then {
                Then::KeepOpen => {}
                Then::Close => return stream.shutdown().await,
                // Without lingering, closing is a reset.
                Then::Reset => return stream.set_zero_linger(),
            }
        }
    }

    async fn exchange(&self, origin: Origin, request: &Request, stream: &mut TcpStream) -> io::Result<Then> {
        let (mut record, answer, delivery) = self.decide(origin, request);
        let Some(answer) = answer else {
            gone(stream).await;
            return Ok(Then::Close);
        };
        let then = deliver(stream, answer, &delivery, &mut record).await?;
        Ok(if request.keep_alive || then == Then::Reset { then } else { Then::Close })
    }

    /// Carries the request out, all of it at one moment. No answer at all is one of the faults.
    fn decide(&self, origin: Origin, request: &Request) -> (Record, Option<Answer>, Delivery) {
        let mut state = self.state();
        let subject = subject(&state.world, origin, request);
        let authorization = judge(&state, &subject, request);
        let [refresh_token, code] = match subject.endpoint {
            Endpoint::Token => {
                [state.grant.judge_refresh(request, &state.world.rules), state.grant.codes.judge(request, state.now())]
            }
            _ => [Credential::Missing; 2],
        };
        let record = self.log.begin(Entry::new(origin, &subject, request, [authorization, refresh_token, code]));
        let fault = state.faults.take(&subject);
        let mut gates: Vec<Gate> = state.holds.take(&subject).into_iter().collect();
        if let Some(Fault::Stall { after }) = fault {
            let released = state.unstall.clone();
            gates.push(Gate { released, ..Gate::new(Stop::AfterBytes(after)) });
        }
        let answer = answer(&mut state, &subject, request, authorization, fault.as_ref());
        let answer = answer.map(|answer| dated(answer, &state));
        let is_file = matches!(answer, Some(Answer { body: Body::Part { .. }, .. }));
        let framing = match fault {
            Some(Fault::Framing(framing)) => framing,
            _ if is_file => state.world.rules.framing,
            _ => Framing::Length,
        };
        let throttle = state.world.rules.throttle.filter(|_| is_file);
        let is_head_only = request.method == "HEAD";
        (record, answer, Delivery { gates, fault, framing, throttle, is_head_only })
    }
}

/// The answer with the time at this Zoom, unless it has one already.
fn dated(answer: Answer, state: &State) -> Answer {
    let is_dated = answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("date"));
    match state.world.rules.date {
        Some(skew) if !is_dated => answer.header("date", &httpdate::fmt_http_date((state.now() + skew).into())),
        Some(_) | None => answer,
    }
}

/// What a request is about.
fn subject(world: &World, origin: Origin, request: &Request) -> Subject {
    let nothing = Subject { endpoint: Endpoint::Other, user: None, meeting: None, file: None, grant_type: None };
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    let of_file = |endpoint, opaque| {
        let found = world.find_download(opaque);
        Subject {
            endpoint,
            meeting: found.map(|(meeting, _)| meeting.uuid.clone()),
            file: found.map(|(_, file)| file.key().to_owned()),
            ..nothing.clone()
        }
    };
    match (origin, segments.as_slice()) {
        (Origin::Zoom, ["oauth", "token"]) => {
            let grant_type = request.form().and_then(|form| find(&form, "grant_type").map(str::to_owned));
            Subject { endpoint: Endpoint::Token, grant_type, ..nothing }
        }
        (Origin::Zoom, ["oauth", "authorize"]) => Subject { endpoint: Endpoint::Authorize, ..nothing },
        (Origin::Zoom, ["v2", "users", user]) => {
            Subject { endpoint: Endpoint::User, user: Some((*user).to_owned()), ..nothing }
        }
        (Origin::Zoom, ["v2", "users", user, "recordings"]) => {
            Subject { endpoint: Endpoint::List, user: Some((*user).to_owned()), ..nothing }
        }
        (Origin::Zoom, ["v2", "meetings", meeting, "recordings"]) => {
            let meeting = listing::meeting_id(meeting).unwrap_or_else(|| (*meeting).to_owned());
            Subject { endpoint: Endpoint::MeetingGet, meeting: Some(meeting), ..nothing }
        }
        (Origin::Zoom, ["rec", "download", opaque]) => of_file(Endpoint::DownloadEntry, opaque),
        (Origin::Media, ["rec", "media", opaque, _name]) => of_file(Endpoint::Media, opaque),
        _ => nothing,
    }
}

fn judge(state: &State, subject: &Subject, request: &Request) -> Credential {
    match subject.endpoint {
        Endpoint::Token => state.grant.judge_client(request),
        Endpoint::DownloadEntry => state.grant.judge(request, subject.meeting.as_deref(), state.now()),
        Endpoint::Authorize
        | Endpoint::User
        | Endpoint::List
        | Endpoint::MeetingGet
        | Endpoint::Media
        | Endpoint::Other => state.grant.judge(request, None, state.now()),
    }
}

fn answer(
    state: &mut State,
    subject: &Subject,
    request: &Request,
    authorization: Credential,
    fault: Option<&Fault>,
) -> Option<Answer> {
    match fault {
        Some(Fault::Silence) => None,
        Some(Fault::Answer(answer)) => Some(answer.clone()),
        Some(Fault::RedirectToSelf) => Some(Answer::redirect(&request.target)),
        Some(Fault::IgnoreRange) => Some(real_answer(state, subject, &without("range", request), authorization)),
        Some(Fault::IgnoreIfRange) => Some(real_answer(state, subject, &without("if-range", request), authorization)),
        _ => Some(real_answer(state, subject, request, authorization)),
    }
}

/// The request without this header.
fn without(header: &str, request: &Request) -> Request {
    let mut request = request.clone();
    request.headers.retain(|(name, _)| name != header);
    request
}

fn real_answer(state: &mut State, subject: &Subject, request: &Request, authorization: Credential) -> Answer {
    let segment = |index: usize| request.segments.get(index).map(String::as_str).unwrap_or_default();
    match subject.endpoint {
        Endpoint::Token => {
            let now = state.now();
            state.grant.answer(request, &state.world.rules, now, &state.zoom)
        }
        Endpoint::Authorize => authorize::authorize(state, request),
        Endpoint::User => users::get(state, request, segment(2), authorization),
        Endpoint::List => listing::list(state, request, segment(2), authorization),
        Endpoint::MeetingGet => listing::get(state, request, segment(2), authorization),
        Endpoint::DownloadEntry => download::enter(state, request, segment(2), authorization),
        Endpoint::Media => download::serve(state, request, segment(2), authorization),
        Endpoint::Other => Answer::api_error(404, 2300, "This API endpoint is not recognized."),
    }
}
