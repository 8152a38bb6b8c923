//! Sends an answer, with all that is to go wrong on the way.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::faults::Fault;
use super::gzip;
use super::hold::{Gate, Stop};
use super::http::{Answer, Body};
use super::journal::Record;
use super::rules::Framing;

/// Most bytes written at a time.
const CHUNK: u64 = 64 << 10;

/// How an answer is to be sent.
#[derive(Debug)]
pub(super) struct Delivery {
    /// Where it stops until it is let go on.
    pub(super) gates: Vec<Gate>,
    pub(super) fault: Option<Fault>,
    pub(super) framing: Framing,
    /// Bytes per second.
    pub(super) throttle: Option<u64>,
    /// Whether the body is left out: the answer to a `HEAD`.
    pub(super) is_head_only: bool,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    KeepOpen,
    Close,
    Reset,
}

/// Sends `answer`, and notes in `record` how far it came.
///
/// # Errors
/// The client went away.
pub(super) async fn deliver(
    stream: &mut TcpStream,
    answer: Answer,
    delivery: &Delivery,
    record: &mut Record,
) -> io::Result<Then> {
    for gate in delivery.gates.iter().filter(|gate| matches!(gate.stop, Stop::BeforeAnswer)) {
        wait_at(gate, stream).await?;
    }
    if matches!(delivery.fault, Some(Fault::LoseAnswer)) {
        return Ok(Then::Reset);
    }
    let answer = disfigured(answer, delivery.fault.as_ref());
    record.status(answer.status);
    let head = answer.head(&match delivery.framing {
        Framing::Length => format!("content-length: {}\r\n", answer.body.len()),
        Framing::Chunked => "transfer-encoding: chunked\r\n".to_owned(),
        Framing::UntilClose => "connection: close\r\n".to_owned(),
    });
    if matches!(delivery.fault, Some(Fault::HalfHead)) {
        stream.write_all(&head.as_bytes()[..head.len() / 2]).await?;
        gone(stream).await;
        return Ok(Then::Close);
    }
    if matches!(delivery.fault, Some(Fault::EndlessHead)) {
        stream.write_all(head.trim_end().as_bytes()).await?;
        loop {
            stream.write_all(b"\r\nx-filler: and so on").await?;
        }
    }
    stream.write_all(head.as_bytes()).await?;
    if !delivery.is_head_only {
        match send_body(stream, &answer.body, delivery, record).await? {
            Then::KeepOpen => {}
            then @ (Then::Close | Then::Reset) => return Ok(then),
        }
    }
    record.whole();
    let ends = delivery.framing == Framing::UntilClose
        || matches!(delivery.fault, Some(Fault::CloseAfter | Fault::Longer { .. }));
    Ok(if ends { Then::Close } else { Then::KeepOpen })
}

/// Applies the faults that change an answer once it is made.
fn disfigured(mut answer: Answer, fault: Option<&Fault>) -> Answer {
    match fault {
        Some(Fault::ContentRange(text)) => {
            answer.headers.retain(|(name, _)| name != "content-range");
            answer.headers.extend(text.iter().map(|text| ("content-range".to_owned(), text.clone())));
            answer
        }
        Some(Fault::Range(text)) if answer.status == 308 => {
            answer.headers.retain(|(name, _)| name != "range");
            answer.headers.extend(text.iter().map(|text| ("range".to_owned(), text.clone())));
            answer
        }
        Some(Fault::Edit(edit)) => match &answer.body {
            Body::Bytes(bytes) => match serde_json::from_slice(bytes) {
                Ok(mut value) => {
                    edit.apply(&mut value);
                    answer.body(value.to_string())
                }
                Err(_) => answer,
            },
            Body::Part { .. } => answer,
        },
        Some(Fault::HugeHeader { bytes }) => answer.header("x-filler", &"x".repeat(*bytes)),
        Some(Fault::Gzip) => {
            let mut plain = vec![0; usize::try_from(answer.body.len()).unwrap_or(0)];
            answer.body.fill(0, &mut plain);
            answer.header("content-encoding", "gzip").body(gzip::wrap(&plain))
        }
        _ => answer,
    }
}

async fn send_body(stream: &mut TcpStream, body: &Body, delivery: &Delivery, record: &mut Record) -> io::Result<Then> {
    let (end, then) = match delivery.fault {
        Some(Fault::Cut { after }) => (after.min(body.len()), Then::Close),
        Some(Fault::Reset { after }) => (after.min(body.len()), Then::Reset),
        Some(Fault::Longer { by }) => (body.len().saturating_add(by), Then::KeepOpen),
        _ => (body.len(), Then::KeepOpen),
    };
    let mut gates: Vec<(u64, &Gate)> = delivery
        .gates
        .iter()
        .filter_map(|gate| match gate.stop {
            Stop::AfterBytes(count) => Some((count.min(end), gate)),
            Stop::BeforeAnswer | Stop::AfterTaken(_) => None,
        })
        .collect();
    gates.sort_by_key(|(place, _)| *place);
    let mut gates = gates.into_iter().peekable();
    let pace = Pace::of(delivery);
    let mut at = 0;
    loop {
        while let Some((_, gate)) = gates.next_if(|(place, _)| *place <= at) {
            stream.flush().await?;
            wait_at(gate, stream).await?;
        }
        if at == end {
            break;
        }
        let stop = gates.peek().map_or(end, |(place, _)| *place);
        let count = (stop - at).min(pace.chunk);
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(0)];
        body.fill(at, &mut bytes);
        if delivery.framing == Framing::Chunked {
            bytes = [format!("{count:x}\r\n").as_bytes(), &bytes, b"\r\n"].concat();
        }
        // Noted first: a client that has the last byte finds all of them in the journal.
        record.sent(count);
        stream.write_all(&bytes).await?;
        at += count;
        pace.wait(at).await;
    }
    if delivery.framing == Framing::Chunked && then == Then::KeepOpen {
        stream.write_all(b"0\r\n\r\n").await?;
    }
    Ok(then)
}

/// Slows a body down.
pub(super) struct Pace {
    began: Instant,
    /// Most bytes at a time.
    pub(super) chunk: u64,
    drip: Option<Duration>,
    throttle: Option<u64>,
}

impl Pace {
    fn of(delivery: &Delivery) -> Self {
        let began = Instant::now();
        match (&delivery.fault, delivery.throttle) {
            (Some(Fault::Drip { bytes, every }), _) => {
                Self { began, chunk: (*bytes as u64).max(1), drip: Some(*every), throttle: None }
            }
            (_, throttle) => Self::throttled(throttle),
        }
    }

    /// At most so many bytes per second.
    pub(super) fn throttled(throttle: Option<u64>) -> Self {
        // Small enough that a watcher sees it move ten times a second.
        let chunk = throttle.map_or(CHUNK, |rate| (rate / 10).clamp(1, CHUNK));
        Self { began: Instant::now(), chunk, drip: None, throttle }
    }

    /// Waits until `sent` bytes may have been sent.
    pub(super) async fn wait(&self, sent: u64) {
        if let Some(every) = self.drip {
            tokio::time::sleep(every).await;
        }
        if let Some(rate) = self.throttle {
            let millis = u128::from(sent) * 1000 / u128::from(rate.max(1));
            let due = Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
            tokio::time::sleep(due.saturating_sub(self.began.elapsed())).await;
        }
    }
}

/// Waits to be let go on; an error if the client goes first.
async fn wait_at(gate: &Gate, stream: &TcpStream) -> io::Result<()> {
    gate.reached.cancel();
    tokio::select! {
        biased;
        () = gate.cut.cancelled() => Err(io::ErrorKind::ConnectionAborted.into()),
        () = gate.released.cancelled() => Ok(()),
        () = gone(stream) => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

/// Waits until the client is gone.
pub(super) async fn gone(stream: &TcpStream) {
    if matches!(stream.peek(&mut [0]).await, Ok(1..)) {
        // It asked for more already. Whether it is still there shows at the next write.
        std::future::pending::<()>().await;
    }
}
