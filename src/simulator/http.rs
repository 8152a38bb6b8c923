//! HTTP/1.1 as the simulator reads and says it. Knows nothing of Zoom.

use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use url::form_urlencoded;

use super::media::Content;

const MAX_HEAD: usize = 64 << 10;
const MAX_BODY: usize = 1 << 20;
const MAX_HEADERS: usize = 100;

/// A request, as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query as they stood in the request line.
    pub(super) target: String,
    /// The path's parts, percent-decoded once.
    pub(super) segments: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    pub(super) keep_alive: bool,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// The body's fields, where it says that it is a form.
    pub(super) fn form(&self) -> Option<Vec<(String, String)>> {
        let kind = self.header("content-type")?.split(';').next()?.trim();
        let is_form = kind.eq_ignore_ascii_case("application/x-www-form-urlencoded");
        is_form.then(|| form_urlencoded::parse(&self.body).into_owned().collect())
    }
}

/// The value of the first pair of this name.
pub(super) fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// What came in on a connection.
#[derive(Debug)]
pub(super) enum Incoming {
    /// The head of a request; its body, of so many bytes, is still to be read.
    Head(Request, u64),
    /// Nothing that can be answered but with this status.
    Refused(u16),
    /// The client is done.
    Closed,
}

/// Reads the head of the next request; `buffer` keeps what came after it.
pub(super) async fn read_head(stream: &mut TcpStream, buffer: &mut BytesMut) -> io::Result<Incoming> {
    loop {
        match parse_head(buffer) {
            Head::Whole { request, body_length } => return Ok(Incoming::Head(*request, body_length)),
            Head::Refused(status) => return Ok(Incoming::Refused(status)),
            Head::Partial if buffer.len() > MAX_HEAD => return Ok(Incoming::Refused(431)),
            Head::Partial => {}
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(Incoming::Closed);
        }
    }
}

/// Reads the body that follows a head, all of it, unless it is too large to be held.
pub(super) async fn read_body(stream: &mut TcpStream, buffer: &mut BytesMut, length: u64) -> io::Result<Read> {
    let Some(length) = usize::try_from(length).ok().filter(|length| *length <= MAX_BODY) else {
        return Ok(Read::Refused(413));
    };
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(Read::Closed);
        }
    }
    Ok(Read::Body(buffer.split_to(length).freeze()))
}

/// What came in place of a body, or the body.
#[derive(Debug)]
pub(super) enum Read {
    Body(Bytes),
    /// Nothing that can be answered but with this status.
    Refused(u16),
    /// The client is done.
    Closed,
}

enum Head {
    Partial,
    Refused(u16),
    Whole { request: Box<Request>, body_length: u64 },
}

/// Takes a request's head off the front of `buffer`, once it is all there.
fn parse_head(buffer: &mut BytesMut) -> Head {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Head::Partial,
        Err(httparse::Error::TooManyHeaders) => return Head::Refused(431),
        Err(_) => return Head::Refused(400),
    };
    let target = parsed.path.unwrap_or_default().to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let decoded = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
    let mut request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        segments: path.trim_start_matches('/').split('/').map(decoded).collect(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: Vec::new(),
        body: Bytes::new(),
        keep_alive: parsed.version == Some(1),
        target: String::new(),
    };
    for header in parsed.headers.iter() {
        let value = String::from_utf8_lossy(header.value).into_owned();
        request.headers.push((header.name.to_ascii_lowercase(), value));
    }
    if request.headers.iter().filter(|(name, _)| name == "authorization").count() > 1 {
        return Head::Refused(400);
    }
    request.target = target;
    request.keep_alive &= request.header("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close"));
    let declared = match (request.header("content-length"), request.header("transfer-encoding")) {
        (_, Some(_)) => return Head::Refused(411),
        (None, None) => Some(0),
        (Some(length), None) => length.parse().ok(),
    };
    buffer.advance(length);
    declared.map_or(Head::Refused(400), |body_length| Head::Whole { request: Box::new(request), body_length })
}

/// An answer's body.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Bytes(Bytes),
    /// `length` bytes of a file, from `start` on.
    Part {
        content: Arc<Content>,
        start: u64,
        length: u64,
    },
}

impl Body {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Part { length, .. } => *length,
        }
    }

    /// Fills `buffer` with what stands at `offset`; past the end, with anything.
    pub(super) fn fill(&self, offset: u64, buffer: &mut [u8]) {
        match self {
            Self::Bytes(bytes) => {
                let rest = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                buffer[count..].fill(b'\n');
            }
            Self::Part { content, start, .. } => content.fill(start + offset, buffer),
        }
    }
}

/// An answer to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body,
}

impl Answer {
    /// An answer without a body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Bytes(Bytes::new()) }
    }

    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, value: &Value) -> Self {
        Self::new(status).header("content-type", "application/json;charset=UTF-8").body(value.to_string())
    }

    /// A web page; Zoom sends these with 200 in place of files, and gateways with 5xx.
    #[must_use]
    pub fn html(status: u16, text: &str) -> Self {
        let page = format!("<!DOCTYPE html>\n<html><head><title>Zoom</title></head><body>{text}</body></html>\n");
        Self::new(status).header("content-type", "text/html;charset=utf-8").body(page)
    }

    /// An error of Zoom's API.
    #[must_use]
    pub fn api_error(status: u16, code: u32, message: &str) -> Self {
        Self::json(status, &json!({"code": code, "message": message}))
    }

    /// 429 for the limit per second, without a time to wait.
    #[must_use]
    pub fn too_many_requests() -> Self {
        let message = "You have reached the maximum per-second rate limit for this API. Try again later.";
        Self::api_error(429, 429, message)
            .header("x-ratelimit-category", "Medium")
            .header("x-ratelimit-type", "QPS")
            .header("x-ratelimit-limit", "20")
            .header("x-ratelimit-remaining", "0")
    }

    /// 429 for the limit per day, with the end of it as Zoom writes it.
    #[must_use]
    pub fn daily_limit(until: DateTime<Utc>) -> Self {
        let message = "You have reached the maximum daily rate limit for this API. Refer to the response header for \
                       details on when you can make another request.";
        Self::api_error(429, 429, message)
            .header("x-ratelimit-category", "Heavy")
            .header("x-ratelimit-type", "Daily-limit")
            .header("x-ratelimit-limit", "30000")
            .header("x-ratelimit-remaining", "0")
            .header("retry-after", &until.to_rfc3339_opts(SecondsFormat::Secs, true))
    }

    /// A redirect to this address.
    #[must_use]
    pub fn redirect(location: &str) -> Self {
        Self::new(302).header("location", location)
    }

    /// Adds a header, in place of one of the same name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives it a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Body::Bytes(body.into());
        self
    }

    /// The status line and the headers, with `framing` as the last of them.
    pub(super) fn head(&self, framing: &str) -> String {
        let mut lines = vec![format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status))];
        lines.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")));
        lines.concat() + framing + "\r\n"
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        206 => "Partial Content",
        302 => "Found",
        308 => "Resume Incomplete",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        413 => "Content Too Large",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Other",
    }
}
