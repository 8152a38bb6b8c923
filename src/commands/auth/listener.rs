//! The listener to which the browser comes back: on loopback alone, for as long as one question is open.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use futures::future::select_all;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Host;

use super::page::Page;
use crate::config::RedirectUri;
use crate::oauth::{AuthorizeError, Consent};

/// Connections at once: a browser opens some that it doesn't use.
const MOST_CONNECTIONS: usize = 32;
/// How long a connection may say nothing: those that are never used must not keep others out.
const HEAD_WITHIN: Duration = Duration::from_secs(5);

/// A browser that has come back, and waits for its page.
#[derive(Debug)]
pub(super) struct Visit {
    /// The query it came with.
    pub(super) query: String,
    /// Where its page is to go.
    pub(super) page: oneshot::Sender<Page>,
}

/// Listens where a redirect address leads.
#[derive(Debug)]
pub(super) struct Listener {
    sockets: Vec<TcpListener>,
    door: Door,
}

/// What each request is checked by.
#[derive(Clone, Debug)]
struct Door {
    path: String,
    visits: mpsc::Sender<Visit>,
}

impl Listener {
    /// Listens on the loopback addresses that the redirect address names: for `localhost` on `127.0.0.1` and `::1`, as browsers
    /// take either. Visits come out of the second half, one at a time.
    ///
    /// # Errors
    /// [`AuthorizeError`] where another program has the port, or it can't be had.
    pub(super) async fn bind(redirect_uri: &RedirectUri) -> Result<(Self, mpsc::Receiver<Visit>), AuthorizeError> {
        let url = redirect_uri.url();
        let port = url.port_or_known_default().unwrap_or(80);
        let mut sockets = Vec::new();
        let host = url.host();
        for ip in addresses(host.as_ref()) {
            let address = SocketAddr::new(ip, port);
            match TcpListener::bind(address).await {
                Ok(socket) => sockets.push(socket),
                // A machine may be without IPv6, or without IPv4.
                Err(error) if is_without(&error) && ip_is_optional(host.as_ref()) => {}
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    return Err(AuthorizeError::PortTaken { address });
                }
                Err(source) => return Err(AuthorizeError::Listen { address, source }),
            }
        }
        let (visits, visited) = mpsc::channel(1);
        Ok((Self { sockets, door: Door { path: url.path().to_owned(), visits } }, visited))
    }

    /// Answers requests until `done`, then waits for the pages that are under way.
    pub(super) async fn serve(self, done: CancellationToken) {
        let Self { sockets, door } = self;
        let mut connections = JoinSet::new();
        while !sockets.is_empty() {
            tokio::select! {
                biased;
                () = done.cancelled() => break,
                Some(_) = connections.join_next() => {}
                stream = accept(&sockets), if connections.len() < MOST_CONNECTIONS => {
                    if let Ok(stream) = stream {
                        connections.spawn(converse(stream, door.clone(), done.clone()));
                    }
                }
            }
        }
        drop(door);
        while connections.join_next().await.is_some() {}
    }
}

/// The addresses to listen on for a host; none for a host that isn't this machine.
fn addresses(host: Option<&Host<&str>>) -> Vec<IpAddr> {
    match host {
        Some(Host::Domain(name)) if *name == "localhost" => {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        }
        Some(Host::Ipv4(ip)) if ip.is_loopback() => vec![(*ip).into()],
        Some(Host::Ipv6(ip)) if ip.is_loopback() => vec![(*ip).into()],
        _ => Vec::new(),
    }
}

fn ip_is_optional(host: Option<&Host<&str>>) -> bool {
    matches!(host, Some(Host::Domain(_)))
}

fn is_without(error: &io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    error.kind() == io::ErrorKind::AddrNotAvailable || errno == Some(rustix::io::Errno::AFNOSUPPORT)
}

async fn accept(sockets: &[TcpListener]) -> io::Result<TcpStream> {
    let (accepted, ..) = select_all(sockets.iter().map(|socket| Box::pin(socket.accept()))).await;
    accepted.map(|(stream, _)| stream)
}

/// One connection: until `done` as long as it likes, and then to the end of its answer.
async fn converse(stream: TcpStream, door: Door, done: CancellationToken) {
    let service = service_fn(move |request| answer(request, door.clone()));
    let connection = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // What goes wrong with a connection is the browser's to say.
        _ = connection.as_mut() => return,
        () = done.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await.ok();
}

async fn answer(request: Request<Incoming>, door: Door) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
    let page = page_for(&request, door).await;
    Response::builder()
        .status(page.status)
        .header(CONTENT_TYPE, "text/html; charset=utf-8")
        .header(CACHE_CONTROL, "no-store")
        // The code is in the address.
        .header(REFERRER_POLICY, "no-referrer")
        .header(CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'")
        .body(Full::new(page.html.into()))
}

async fn page_for(request: &Request<Incoming>, door: Door) -> Page {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // A page elsewhere whose name leads to this machine (DNS rebinding) gives itself away by that name.
    let is_for_another = {
        let host = Host::parse(without_port(header(HOST.as_str()))).ok();
        addresses(host.as_ref().map(as_str).as_ref()).is_empty()
    };
    if is_for_another || request.uri().path() != door.path {
        return Page::not_found();
    }
    let is_prefetch = ["purpose", "sec-purpose", "x-moz"].iter().any(|name| header(name).contains("prefetch"));
    let query = request.uri().query().unwrap_or_default().to_owned();
    if request.method() != Method::GET || is_prefetch || !Consent::is_answer(&query) {
        return Page::ignored(
            "zoom-archiver waits for an answer: open the address that it has printed, and allow the app.",
        );
    }
    let (page, shown) = oneshot::channel();
    if door.visits.send(Visit { query, page }).await.is_err() {
        return Page::ignored("zoom-archiver has its answer already. Look there for how it went.");
    }
    drop(door);
    let unshown =
        || Page::ignored("zoom-archiver has its answer already, or has been stopped. Look there for how it went.");
    shown.await.unwrap_or_else(|_| unshown())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn as_str(host: &Host<String>) -> Host<&str> {
    match host {
        Host::Domain(name) => Host::Domain(name),
        Host::Ipv4(ip) => Host::Ipv4(*ip),
        Host::Ipv6(ip) => Host::Ipv6(*ip),
    }
}
