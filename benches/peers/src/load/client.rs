//! One connection: what it still has to send, and which answers it waits for.
//!
//! It never blocks and knows nothing of other clients; the clock reading comes as an argument.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::failure::Failure;
use crate::herd::answer::{Checked, Checker, Partial};

/// One connection with its requests under way.
#[derive(Debug)]
pub struct Client {
    stream: OwnedFd,
    /// Bytes of requests that the kernel has not taken yet, counted from the end of the last one.
    unsent: usize,
    /// Where that end is in the row of all requests.
    row_end: usize,
    /// When each outstanding request was begun, oldest first.
    begun: VecDeque<Instant>,
    /// How many of these have been answered since the last [`Client::take_answered`].
    answered: usize,
    /// The answer whose end has not come.
    partial: Partial,
}

/// What reading has brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Reading {
    /// There may be more.
    Received,
    /// The kernel has nothing more for now.
    Drained,
    /// The server has closed its side, between two answers.
    Closed,
}

impl Client {
    /// Takes a socket that is connected or about to be.
    pub fn new(stream: OwnedFd) -> Client {
        let (begun, partial) = (VecDeque::new(), Partial::Nothing);
        Client { stream, unsent: 0, row_end: 0, begun, answered: 0, partial }
    }

    /// The socket, for registering it.
    pub fn stream(&self) -> &OwnedFd {
        &self.stream
    }

    /// Owes the server `count` more requests; their latency counts from `begun`.
    pub fn begin(&mut self, count: usize, requests: &mut Requests, begun: Instant) {
        self.row_end = requests.next_end();
        self.unsent += count * requests.one_bytes;
        self.begun.extend(std::iter::repeat_n(begun, count));
    }

    /// Sends what the kernel takes now; on a socket still connecting, nothing.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn flush(&mut self, requests: &Requests) -> Result<(), Failure> {
        while self.unsent > 0 {
            match send(
                &self.stream,
                requests.unsent(self.unsent, self.row_end),
                SendFlags::NOSIGNAL,
            ) {
                Ok(sent) => self.unsent -= sent,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(Failure::machine("send a request")(error)),
            }
        }
        Ok(())
    }

    /// Receives once and checks every answer that is now whole.
    ///
    /// # Errors
    /// When an answer is wrong, comes unasked, or is cut off by the end of the connection.
    pub fn receive(&mut self, input: &mut [u8], checker: &mut Checker) -> Result<Reading, Failure> {
        let received = match recv(&self.stream, &mut *input, RecvFlags::empty()) {
            Ok((0, _)) => return self.on_end(checker),
            Ok((received, _)) => received,
            Err(Errno::AGAIN) => return Ok(Reading::Drained),
            Err(Errno::INTR) => return Ok(Reading::Received),
            Err(error) => return Err(Failure::machine("receive an answer")(error)),
        };
        self.check(&input[..received], checker)?;
        // Edge-triggered: a read that did not fill the buffer has emptied the socket.
        Ok(if received < input.len() { Reading::Drained } else { Reading::Received })
    }

    /// Whether there is anything for [`Client::take_answered`].
    pub fn has_answered(&self) -> bool {
        self.answered > 0
    }

    /// Tells `on_answer` how long each newly answered request took until `now`.
    pub fn take_answered(&mut self, now: Instant, mut on_answer: impl FnMut(Duration)) {
        let answered = std::mem::take(&mut self.answered);
        for begun in self.begun.drain(..answered) {
            on_answer(now - begun);
        }
    }

    /// How many answers it still waits for.
    pub fn outstanding(&self) -> usize {
        self.begun.len() - self.answered
    }

    fn check(&mut self, mut bytes: &[u8], checker: &mut Checker) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let len = match checker.take(&mut self.partial, bytes)? {
                Checked::Part(len) => len,
                Checked::Whole(len, _) => {
                    self.on_answer()?;
                    len
                }
            };
            bytes = &bytes[len..];
        }
        Ok(())
    }

    fn on_answer(&mut self) -> Result<(), Failure> {
        if self.outstanding() == 0 {
            return Err(Failure::server("sent an answer to no request"));
        }
        self.answered += 1;
        Ok(())
    }

    /// The end of the connection may be that of an answer's body.
    fn on_end(&mut self, checker: &Checker) -> Result<Reading, Failure> {
        if checker.end(&mut self.partial)?.is_some() {
            self.on_answer()?;
        }
        match self.outstanding() {
            0 => Ok(Reading::Closed),
            missing => Err(Failure::server(format!("closed, {missing} answers missing"))),
        }
    }
}

/// The requests, one behind the other: the same one as often as a client may have outstanding, or
/// different ones that take turns.
#[derive(Debug)]
pub struct Requests {
    bytes: Vec<u8>,
    one_bytes: usize,
    /// How many requests a client is given together.
    depth: usize,
    /// Where those end that are given next.
    next_end: usize,
}

impl Requests {
    /// For up to `depth` outstanding, which has to be one if they are not all the same.
    pub fn new(requests: &[Vec<u8>], depth: usize) -> Requests {
        let one_bytes = requests.first().map_or(0, Vec::len);
        assert!(one_bytes > 0 && depth > 0, "a client without requests would never finish");
        assert!(requests.iter().all(|request| request.len() == one_bytes), "of one length");
        assert!(depth == 1 || requests.len() == 1, "a batch is of one request");
        let bytes = requests.concat().repeat(depth);
        Requests { bytes, one_bytes, depth, next_end: 0 }
    }

    /// Where the requests end whose turn it is.
    fn next_end(&mut self) -> usize {
        self.next_end = self.next_end % self.bytes.len() + self.depth * self.one_bytes;
        self.next_end
    }

    /// The last `unsent` bytes of the requests that end there.
    fn unsent(&self, unsent: usize, row_end: usize) -> &[u8] {
        &self.bytes[row_end - unsent..row_end]
    }
}
