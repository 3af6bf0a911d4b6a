//! One connection: what it still has to say, and which answers it waits for.
//!
//! It never blocks, knows nothing of other clients, and does no counting; time comes as an
//! argument. What follows from what it has heard is the [`Herd`](super::herd::Herd)'s to decide.

use std::io::{ErrorKind, IoSlice};
use std::rc::Rc;

use mio::net::TcpStream;

use super::answer::{Checker, Partial, Taken, Wrong};
use super::kind::Kind;
use crate::metrics::Metrics;
use crate::socket::{Readiness, Received, Socket, Stream, Taken as Sent};
use crate::time::Time;

/// So often a client receives before others have their turn. At 64 KiB each, 4 MiB.
pub(super) const RECEIVES_MAX: usize = 64;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The handshake is under way.
    Connecting,
    /// Both sides may speak, since then.
    Open(Time),
    /// We have ended our side; the connection stood since then.
    HalfClosed(Time),
}

/// One connection.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) kind: Kind,
    pub(super) generation: u32,
    socket: Socket<TcpStream>,
    stage: Stage,
    words: Rc<[u8]>,
    /// So many bytes of these the kernel has taken.
    said: usize,
    /// How many requests, or batches of them, it has made.
    pub(super) made: u32,
    /// How many answers it waits for.
    pub(super) due: u32,
    /// When what it waits for was to begin.
    pub(super) begun: Time,
    /// Since when it waits for nothing.
    pub(super) free_since: Time,
    partial: Partial,
    /// The status of the last answer.
    pub(super) status: Option<u16>,
    /// The server has said that it will close the connection.
    pub(super) last: bool,
}

/// What came of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flushed {
    /// The kernel has everything.
    All,
    /// It takes no more for now.
    Part,
    /// The connection is lost; listening tells how.
    Lost,
}

/// What came of listening.
#[derive(Debug)]
pub(super) struct Heard {
    /// How many answers were right.
    pub(super) right: u32,
    /// What is next.
    pub(super) then: Then,
}

/// What is next for a connection.
#[derive(Debug)]
pub(super) enum Then {
    /// Nothing until there is an event.
    Waits,
    /// There is more to read; others have their turn first.
    GoesOn,
    /// It is over.
    Ends(Ending),
}

/// How a connection ends.
#[derive(Debug)]
pub(super) enum Ending {
    /// It never stood.
    NotConnected(ErrorKind),
    /// The server has closed its side, not within an answer.
    Closed,
    /// It was reset.
    Reset,
    /// What came was wrong, so nothing that follows could be judged.
    Wrong(Box<Wrong>),
    /// We have no more use for it.
    HungUp,
}

impl Client {
    /// A connection that is under way since `begun`.
    pub(super) fn new(kind: Kind, generation: u32, stream: TcpStream, begun: Time) -> Client {
        Client {
            kind,
            generation,
            socket: Socket::new(stream),
            stage: Stage::Connecting,
            words: Rc::default(),
            said: 0,
            made: 0,
            due: 0,
            begun,
            free_since: begun,
            partial: Partial::Nothing,
            status: None,
            last: false,
        }
    }

    /// The stream, for registering it.
    pub(super) fn stream_mut(&mut self) -> &mut TcpStream {
        self.socket.stream_mut()
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Since when the connection stands, if it does.
    pub(super) fn open_since(&self) -> Option<Time> {
        match self.stage {
            Stage::Connecting => None,
            Stage::Open(since) | Stage::HalfClosed(since) => Some(since),
        }
    }

    /// Whether it can make a request now.
    pub(super) fn is_free(&self) -> bool {
        self.due == 0 && !self.last && self.said == self.words.len() && self.open_since().is_some()
    }

    /// Adds what the poll said.
    pub(super) fn note(&mut self, told: Readiness) {
        self.socket.note(told);
    }

    /// The first event of a connection: it stands, or it never will. An error is reported as
    /// readable, too.
    pub(super) fn finish_connecting(
        &mut self,
        told: Readiness,
        now: Time,
    ) -> Result<(), ErrorKind> {
        if told.readable
            && let Some(error) = self.error()
        {
            return Err(error);
        }
        self.stage = Stage::Open(now);
        self.free_since = now;
        Ok(())
    }

    /// What has gone wrong with the connection, learnt without reading from it.
    fn error(&self) -> Option<ErrorKind> {
        match self.socket.stream().take_error() {
            Ok(error) => error.map(|error| error.kind()),
            Err(error) => Some(error.kind()),
        }
    }

    /// Has it say `words`, for which so many answers are due, counted from `begun`.
    pub(super) fn ask(&mut self, (words, due): (Rc<[u8]>, u32), begun: Time) {
        (self.words, self.said) = (words, 0);
        self.made = self.made.wrapping_add(1);
        self.due += due;
        self.begun = begun;
    }

    /// Sends what the kernel takes now.
    pub(super) fn flush(&mut self, metrics: &mut Metrics) -> Flushed {
        while self.said < self.words.len() {
            let rest = [IoSlice::new(&self.words[self.said..]), IoSlice::new(&[])];
            match self.socket.send(rest, metrics) {
                Sent::Bytes(bytes) => self.said += bytes,
                Sent::Nothing => return Flushed::Part,
                Sent::Lost => {
                    self.said = self.words.len();
                    // What was sent to us before that is still there to be read, and then the end.
                    self.note(Readiness { readable: true, ..Readiness::default() });
                    return Flushed::Lost;
                }
            }
        }
        Flushed::All
    }

    /// Sends one more byte; at the end of its words the last of them, again and again.
    pub(super) fn drip(&mut self, metrics: &mut Metrics) {
        let next = self.said.min(self.words.len().saturating_sub(1));
        let Some(byte) = self.words.get(next..=next) else { return };
        match self.socket.send([IoSlice::new(byte), IoSlice::new(&[])], metrics) {
            Sent::Bytes(bytes) => self.said += bytes,
            // The end will be, or was, an event.
            Sent::Nothing | Sent::Lost => {}
        }
    }

    /// Ends our side, if it has not.
    pub(super) fn half_close(&mut self) {
        if let Stage::Open(since) = self.stage {
            self.stage = Stage::HalfClosed(since);
            // If it fails, the connection is lost, and listening will tell.
            let _ = self.socket.stream().shutdown_write();
        }
    }

    /// Has the connection reset when this is dropped.
    pub(super) fn reset_on_drop(&self) {
        // If it fails, the connection is lost already.
        let _ = self.socket.stream().reset_on_drop();
    }

    /// Receives into `input` and checks what has come, until there is no more, or so often.
    pub(super) fn hear(
        &mut self,
        receives_max: usize,
        input: &mut [u8],
        checker: &mut Checker,
        metrics: &mut Metrics,
    ) -> Heard {
        let mut right = 0;
        for _ in 0..receives_max {
            let ending = match self.socket.receive(input, metrics) {
                Received::Nothing => return Heard { right, then: Then::Waits },
                Received::Bytes(bytes) => match self.check(&input[..bytes], checker, &mut right) {
                    Ok(()) => continue,
                    Err(wrong) => Ending::Wrong(Box::new(wrong)),
                },
                Received::End => match checker.end(&mut self.partial) {
                    Ok(None) => Ending::Closed,
                    Ok(Some(answer)) => match self.on_answer(answer.status, &mut right) {
                        Ok(()) => Ending::Closed,
                        Err(wrong) => Ending::Wrong(Box::new(wrong)),
                    },
                    Err(wrong) => Ending::Wrong(Box::new(wrong)),
                },
                Received::Lost => Ending::Reset,
            };
            return Heard { right, then: Then::Ends(ending) };
        }
        Heard { right, then: Then::GoesOn }
    }

    /// Whether the connection has ended, without reading from it.
    pub(super) fn look(&self, told: Readiness) -> Then {
        match self.error() {
            Some(_) => Then::Ends(Ending::Reset),
            None if told.read_closed => Then::Ends(Ending::Closed),
            None => Then::Waits,
        }
    }

    fn check(
        &mut self,
        mut bytes: &[u8],
        checker: &mut Checker,
        right: &mut u32,
    ) -> Result<(), Wrong> {
        while !bytes.is_empty() {
            let len = match checker.take(&mut self.partial, bytes)? {
                Taken::Part(len) => len,
                Taken::Whole(len, answer) => {
                    self.last |= answer.last;
                    self.on_answer(answer.status, right)?;
                    len
                }
            };
            bytes = &bytes[len..];
        }
        Ok(())
    }

    fn on_answer(&mut self, status: u16, right: &mut u32) -> Result<(), Wrong> {
        self.status = Some(status);
        if self.kind.is_good() {
            let Some(due) = self.due.checked_sub(1) else {
                let reason = "an answer that nobody asked for".to_owned();
                return Err(Wrong { reason, status: Some(status), shown: Vec::new() });
            };
            self.due = due;
        }
        *right += 1;
        Ok(())
    }
}
