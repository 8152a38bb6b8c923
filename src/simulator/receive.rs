//! Takes a file that a request brings, piece by piece, with all that is to go wrong on the way.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::TcpStream;

use super::faults::Fault;
use super::hold::{Gate, Stop};
use super::http::{Answer, Request};
use super::journal::{Entry, Origin, Record};
use super::rules::Framing;
use super::send::{Delivery, Pace, Then, deliver, gone};
use super::serve::{Server, dated};
use super::site::{Intake, Site};

/// Most bytes read at a time.
const CHUNK: usize = 64 << 10;

/// What is done about a request that brings a file.
enum Begun {
    Takes(Intake),
    /// This is answered at once, whatever the file.
    Answers(Answer),
    /// Nothing is ever answered.
    Ignores,
}

/// Why no more is taken of a file.
enum End {
    /// All of it came.
    Whole,
    /// This is answered although more may come.
    Interrupted(Answer),
    /// The connection is to be reset.
    Reset,
}

/// The body of a request, as far as it is read.
struct Body<'a> {
    stream: &'a mut TcpStream,
    /// What was read of the connection and not yet taken from here.
    buffer: &'a mut BytesMut,
    record: &'a Record,
    at: u64,
    length: u64,
}

impl Body<'_> {
    /// Waits for bytes; at most `most` of them can be had.
    async fn next(&mut self, most: u64) -> io::Result<&[u8]> {
        if self.buffer.is_empty() {
            self.buffer.reserve(CHUNK);
            if self.stream.read_buf(self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let most = usize::try_from(most.min(self.length - self.at)).unwrap_or(usize::MAX);
        Ok(&self.buffer[..self.buffer.len().min(most).min(CHUNK)])
    }

    fn took(&mut self, count: usize) {
        self.buffer.advance(count);
        self.at += count as u64;
        self.record.received(count as u64);
    }

    /// Reads the rest and forgets it.
    async fn discard(&mut self) -> io::Result<()> {
        while self.at < self.length {
            let count = self.next(u64::MAX).await?.len();
            self.took(count);
        }
        Ok(())
    }
}

impl<S: Site> Server<S> {
    /// Takes the file that a request brings, and answers.
    pub(super) async fn receive(
        &self,
        origin: Origin,
        request: &Request,
        length: u64,
        stream: &mut TcpStream,
        buffer: &mut BytesMut,
    ) -> io::Result<Then> {
        let (mut record, begun, delivery) = self.begin(origin, request);
        let mut body = Body { stream, buffer, record: &record, at: 0, length };
        let answer = match begun {
            Begun::Takes(intake) => match self.take(intake, &mut body, &delivery).await {
                Ok(End::Whole) => self.took(intake, request, delivery.fault.as_ref()),
                Ok(End::Interrupted(answer)) => {
                    let mut site = self.state();
                    site.broke_off(intake);
                    dated(answer, &*site)
                }
                Ok(End::Reset) => {
                    self.state().broke_off(intake);
                    return Ok(Then::Reset);
                }
                Err(error) => {
                    self.state().broke_off(intake);
                    return Err(error);
                }
            },
            Begun::Answers(answer) => answer,
            Begun::Ignores => {
                body.discard().await?;
                gone(stream).await;
                return Ok(Then::Close);
            }
        };
        let at = body.at;
        let then = deliver(stream, answer, &delivery, &mut record).await?;
        if then != Then::Reset {
            // A client that isn't done yet would be told nothing if the connection closed on it.
            Body { stream, buffer, record: &record, at, length }.discard().await?;
        }
        Ok(if request.keep_alive || then == Then::Reset { then } else { Then::Close })
    }

    fn begin(&self, origin: Origin, request: &Request) -> (Record, Begun, Delivery) {
        let mut site = self.state();
        let subject = site.subject(origin, request);
        let credentials = site.judge(&subject, request);
        let record = self.log.begin(Entry::new(origin, &subject, request, credentials));
        let (fault, gates) = self.troubles().take(&subject);
        let begun = match &fault {
            Some(Fault::Silence) => Begun::Ignores,
            Some(Fault::Answer(answer)) => Begun::Answers(dated(answer.clone(), &*site)),
            Some(Fault::RedirectToSelf) => Begun::Answers(Answer::redirect(&request.target)),
            _ => match site.take_file(&subject, request, credentials.authorization) {
                Ok(intake) => Begun::Takes(intake),
                Err(answer) => Begun::Answers(dated(answer, &*site)),
            },
        };
        let framing = if let Some(Fault::Framing(framing)) = fault { framing } else { Framing::Length };
        (record, begun, Delivery { gates, fault, framing, throttle: None, is_head_only: false })
    }

    /// Takes as much of the file as comes, and as is to be taken.
    async fn take(&self, intake: Intake, body: &mut Body<'_>, delivery: &Delivery) -> io::Result<End> {
        let last = match delivery.fault {
            Some(Fault::BreakOff { after } | Fault::Interrupt { after, .. }) => after.min(body.length),
            _ => body.length,
        };
        let mut gates: Vec<(u64, &Gate)> = delivery
            .gates
            .iter()
            .filter_map(|gate| match gate.stop {
                Stop::AfterTaken(count) => Some((count.min(last), gate)),
                Stop::BeforeAnswer | Stop::AfterBytes(_) => None,
            })
            .collect();
        gates.sort_by_key(|(place, _)| *place);
        let mut gates = gates.into_iter().peekable();
        let pace = Pace::throttled(self.state().intake_rate());
        loop {
            while let Some((_, gate)) = gates.next_if(|(place, _)| *place <= body.at) {
                wait_at(gate, body.stream).await?;
            }
            if body.at == last {
                break;
            }
            let stop = gates.peek().map_or(last, |(place, _)| *place);
            let bytes = body.next((stop - body.at).min(pace.chunk)).await?;
            let count = bytes.len();
            if !self.state().take_bytes(intake, bytes) {
                return Ok(End::Reset);
            }
            body.took(count);
            pace.wait(body.at).await;
        }
        Ok(match &delivery.fault {
            Some(Fault::BreakOff { .. }) => End::Reset,
            Some(Fault::Interrupt { answer, .. }) => End::Interrupted(answer.clone()),
            _ => End::Whole,
        })
    }

    fn took(&self, intake: Intake, request: &Request, fault: Option<&Fault>) -> Answer {
        let mut site = self.state();
        let answer = site.took_file(intake, request);
        let answer = if let Some(Fault::Replace(other)) = fault { other.clone() } else { answer };
        dated(answer, &*site)
    }
}

/// Waits to be let go on; an error if the client goes first, though bytes of it may still be there to be read.
async fn wait_at(gate: &Gate, stream: &TcpStream) -> io::Result<()> {
    gate.reached.cancel();
    loop {
        tokio::select! {
            biased;
            () = gate.cut.cancelled() => return Err(io::ErrorKind::ConnectionAborted.into()),
            () = gate.released.cancelled() => return Ok(()),
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
        }
        // A reset shows as an error, an orderly end as the end of what can be read.
        let ready = tokio::time::timeout(Duration::ZERO, stream.ready(Interest::READABLE | Interest::WRITABLE)).await;
        if matches!(ready, Ok(Ok(ready)) if ready.is_read_closed() || ready.is_write_closed()) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
}
