//! Listeners and their connections, and what becomes of each request there.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::faults::Fault;
use super::http::{Answer, Body, Incoming, Read, Request, read_body, read_head};
use super::journal::{Credential, Entry, Journal, Log, Origin, Record, Subject};
use super::rules::Framing;
use super::send::{Delivery, Then, deliver, gone};
use super::site::Site;
use super::troubles::Troubles;

/// Listeners on loopback, on any ports, each for an origin of its own.
pub(super) struct Listeners(Vec<(Origin, TcpListener, SocketAddr)>);

impl Listeners {
    pub(super) async fn on(loopback: IpAddr, origins: &[Origin]) -> io::Result<Self> {
        let mut listeners = Vec::new();
        for origin in origins {
            let listener = TcpListener::bind((loopback, 0)).await?;
            let address = listener.local_addr()?;
            listeners.push((*origin, listener, address));
        }
        Ok(Self(listeners))
    }

    /// Where they listen, in their order.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().map(|(_, _, address)| *address).collect()
    }
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Server<S> {
    site: Mutex<S>,
    troubles: Mutex<Troubles>,
    /// Where it listens.
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) log: Arc<Log>,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
}

impl<S: Site> Server<S> {
    /// Opens this service at these listeners.
    pub(super) fn open(site: S, listeners: Listeners) -> Arc<Self> {
        let server = Arc::new(Self {
            site: Mutex::new(site),
            troubles: Mutex::default(),
            addresses: listeners.addresses(),
            log: Arc::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        for (origin, listener, _) in listeners.0 {
            server.tasks.spawn(Arc::clone(&server).accept(origin, listener));
        }
        server
    }

    pub(super) fn state(&self) -> MutexGuard<'_, S> {
        self.site.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn troubles(&self) -> MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes connections until the server is stopped.
    async fn accept(self: Arc<Self>, origin: Origin, listener: TcpListener) {
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
        let idle = self.troubles().idle();
        loop {
            let incoming = tokio::select! {
                incoming = read_head(&mut stream, &mut buffer) => incoming?,
                () = idle.cancelled() => Incoming::Closed,
            };
            let then = match incoming {
                Incoming::Closed => Then::Close,
                Incoming::Refused(status) => refuse(&mut stream, status).await?,
                Incoming::Head(request, length) if self.brings_file(origin, &request) => {
                    self.receive(origin, &request, length, &mut stream, &mut buffer).await?
                }
                Incoming::Head(request, length) => match read_body(&mut stream, &mut buffer, length).await? {
                    Read::Closed => Then::Close,
                    Read::Refused(status) => refuse(&mut stream, status).await?,
                    Read::Body(body) => self.exchange(origin, &Request { body, ..request }, &mut stream).await?,
                },
            };
            match then {
                Then::KeepOpen => {}
                Then::Close => return stream.shutdown().await,
                // Without lingering, closing is a reset.
                Then::Reset => return stream.set_zero_linger(),
            }
        }
    }

    fn brings_file(&self, origin: Origin, request: &Request) -> bool {
        let site = self.state();
        site.brings_file(&site.subject(origin, request))
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
        let mut site = self.state();
        let subject = site.subject(origin, request);
        let credentials = site.judge(&subject, request);
        let record = self.log.begin(Entry::new(origin, &subject, request, credentials));
        let (fault, gates) = self.troubles().take(&subject);
        let answer = answer(&mut *site, &subject, request, credentials.authorization, fault.as_ref());
        let answer = answer.map(|answer| dated(answer, &*site));
        let is_file = matches!(answer, Some(Answer { body: Body::Part { .. }, .. }));
        let (of_files, throttle) = site.of_files();
        let framing = match fault {
            Some(Fault::Framing(framing)) => framing,
            _ if is_file => of_files,
            _ => Framing::Length,
        };
        let throttle = throttle.filter(|_| is_file);
        let is_head_only = request.method == "HEAD";
        (record, answer, Delivery { gates, fault, framing, throttle, is_head_only })
    }

    /// Waits until the journal shows this.
    pub(super) async fn until(&self, shows: impl Fn(&Journal) -> bool) {
        let mut changes = self.log.changes();
        while !shows(&self.log.snapshot()) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Ends it, and waits until all connections are closed.
    pub(super) async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn refuse(stream: &mut TcpStream, status: u16) -> io::Result<Then> {
    stream.write_all(Answer::new(status).head("connection: close\r\n").as_bytes()).await?;
    Ok(Then::Close)
}

/// The answer with the time at this service, unless it has one already.
pub(super) fn dated(answer: Answer, site: &impl Site) -> Answer {
    let is_dated = answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("date"));
    match site.date() {
        Some(date) if !is_dated => answer.header("date", &httpdate::fmt_http_date(date.into())),
        Some(_) | None => answer,
    }
}

fn answer(
    site: &mut impl Site,
    subject: &Subject,
    request: &Request,
    authorization: Credential,
    fault: Option<&Fault>,
) -> Option<Answer> {
    match fault {
        Some(Fault::Silence) => None,
        Some(Fault::Answer(answer)) => Some(answer.clone()),
        Some(Fault::Replace(answer)) => {
            drop(site.answer(subject, request, authorization));
            Some(answer.clone())
        }
        Some(Fault::RedirectToSelf) => Some(Answer::redirect(&request.target)),
        Some(Fault::IgnoreRange) => Some(site.answer(subject, &without("range", request), authorization)),
        Some(Fault::IgnoreIfRange) => Some(site.answer(subject, &without("if-range", request), authorization)),
        _ => Some(site.answer(subject, request, authorization)),
    }
}

/// The request without this header.
fn without(header: &str, request: &Request) -> Request {
    let mut request = request.clone();
    request.headers.retain(|(name, _)| name != header);
    request
}
