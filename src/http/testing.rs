//! A server for tests that answers as it is told, byte by byte.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use url::Url;

/// What the server does with a request.
pub(crate) enum Reply {
    /// Sends these bytes and closes.
    Raw(String),
    /// Sends a byte of these, waits, sends the next, and closes after the last.
    Drip(String, Duration),
    /// Closes without a byte.
    Cut,
    /// Sends these bytes and nothing more, ever.
    Stalled(String),
    /// Waits to be let go, then replies so.
    Held(Arc<Notify>, Box<Reply>),
}

impl Reply {
    pub(crate) fn raw(text: impl Into<String>) -> Self {
        Self::Raw(text.into())
    }

    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::with(status, &[("Content-Type", "application/json")], body)
    }

    pub(crate) fn redirect(location: &str) -> Self {
        Self::with(302, &[("Location", location)], "")
    }

    pub(crate) fn with(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().fold(String::new(), |head, (name, value)| head + name + ": " + value + "\r\n");
        let length = body.len();
        Self::Raw(format!(
            "HTTP/1.1 {status} Scripted\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ))
    }
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) target: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

#[derive(Default)]
struct Journal {
    requests: Mutex<Vec<Request>>,
    arrival: Notify,
}

type Script = dyn Fn(&Request) -> Reply + Send + Sync;
/// Whether enough of a request has come to answer it.
type IsReady = fn(&Request) -> bool;

fn is_whole(request: &Request) -> bool {
    let length: usize = request.header("Content-Length").map_or(0, |length| length.parse().unwrap());
    request.body.len() >= length
}

/// Serves on loopback until dropped.
pub(crate) struct ScriptedServer {
    address: SocketAddr,
    journal: Arc<Journal>,
    _accepting: JoinSet<()>,
}

impl ScriptedServer {
    pub(crate) async fn start(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::hasty(is_whole, script).await
    }

    /// One that answers as soon as so much of a request has come, and leaves the rest unread.
    pub(crate) async fn hasty(is_ready: IsReady, script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let journal = Arc::new(Journal::default());
        let (script, seen): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&journal));
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                conversations.spawn(converse(stream, is_ready, Arc::clone(&script), Arc::clone(&seen)));
            }
        });
        Self { address, journal, _accepting: accepting }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.journal.requests.lock().unwrap().clone()
    }

    /// Waits until a request has arrived that nobody waited for yet.
    pub(crate) async fn arrival(&self) {
        self.journal.arrival.notified().await;
    }
}

async fn converse(mut stream: TcpStream, is_ready: IsReady, script: Arc<Script>, journal: Arc<Journal>) {
    let Some(request) = receive(&mut stream, is_ready).await else { return };
    journal.requests.lock().unwrap().push(request.clone());
    journal.arrival.notify_one();
    let mut reply = script(&request);
    while let Reply::Held(gate, then) = reply {
        gate.notified().await;
        reply = *then;
    }
    let falls_silent = matches!(reply, Reply::Stalled(_));
    let (text, at_once, every) = match reply {
        Reply::Raw(text) | Reply::Stalled(text) => (text, usize::MAX, Duration::ZERO),
        Reply::Drip(text, every) => (text, 1, every),
        Reply::Cut | Reply::Held(..) => return,
    };
    for bytes in text.as_bytes().chunks(at_once) {
        // The client may have gone, which is its right.
        if stream.write_all(bytes).await.is_err() {
            return;
        }
        tokio::time::sleep(every).await;
    }
    if falls_silent {
        std::future::pending::<()>().await;
    }
    drop(stream.shutdown().await);
}

async fn receive(stream: &mut TcpStream, is_ready: IsReady) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        if let Some(request) = parse(&bytes, is_ready) {
            return Some(request);
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn parse(bytes: &[u8], is_ready: IsReady) -> Option<Request> {
    // A TLS greeting is no HTTP; taken as a request, so that the script answers it.
    if bytes.first() == Some(&0x16) {
        return Some(Request { target: String::new(), head: String::new(), body: String::new() });
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let target = head.split(' ').nth(1)?.to_owned();
    let request = Request { target, head: head.to_owned(), body: body.to_owned() };
    is_ready(&request).then_some(request)
}

/// An error with all its causes, as a report would print it.
pub(crate) fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
