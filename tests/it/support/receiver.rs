//! Somebody who is told: takes messages at an address on loopback, and keeps them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Takes messages until it is dropped.
pub(crate) struct Receiver {
    port: u16,
    memory: Arc<Memory>,
    _accepting: JoinSet<()>,
}

/// What it got, and what it answers.
#[derive(Default)]
struct Memory {
    messages: Mutex<Vec<(String, Value)>>,
    /// What is answered before 200 is.
    refusals: Mutex<VecDeque<u16>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let port = listener.local_addr().expect("it has one").port();
        let memory: Arc<Memory> = Arc::default();
        let mut accepting = JoinSet::new();
        let kept = Arc::clone(&memory);
        accepting.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                let answer = service_fn(move |request| take(request, Arc::clone(&kept)));
                conversations.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { port, memory, _accepting: accepting }
    }

    /// The address at which it takes messages, with a secret in it.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}?key=SECRET-of-the-hook", self.port)
    }

    /// The next messages are answered with these.
    pub(crate) fn refuses(&self, statuses: &[u16]) {
        self.memory.refusals.lock().expect("nothing panics with it").extend(statuses);
    }

    /// What it took, with the path that it came to.
    pub(crate) fn messages(&self) -> Vec<(String, Value)> {
        self.memory.messages.lock().expect("nothing panics with it").clone()
    }

    /// The titles of what it took, without the machine's name.
    pub(crate) fn titles(&self) -> Vec<String> {
        let title = |message: &Value| {
            let title = message["title"].as_str().expect("a title");
            title.split_once(": ").expect("the machine, then what it is about").1.to_owned()
        };
        self.messages().iter().map(|(_, message)| title(message)).collect()
    }

    /// The text of the last message.
    pub(crate) fn last_text(&self) -> String {
        let messages = self.messages();
        let (_, last) = messages.last().expect("a message");
        last["message"].as_str().expect("a text").to_owned()
    }
}

async fn take(request: Request<Incoming>, memory: Arc<Memory>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let is_json = request.headers().get("content-type").is_some_and(|kind| kind == "application/json");
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let refusal = memory.refusals.lock().expect("nothing panics with it").pop_front();
    let status = refusal.unwrap_or(if is_json { 200 } else { 415 });
    if status == 200
        && let Ok(message) = serde_json::from_slice(&body)
    {
        memory.messages.lock().expect("nothing panics with it").push((path, message));
    }
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status.try_into().expect("a status");
    Ok(response)
}
