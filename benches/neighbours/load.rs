//! The clients: those that pipeline, and their neighbour. They share a thread, and the neighbour is
//! looked at between any two steps of the others, so that it waits for the server and not for them.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::kinds::{Answers, Kind};

/// How many clients pipeline.
const PIPELINING: usize = 16;

/// How often the neighbour asks.
const EVERY: Duration = Duration::from_millis(2);

/// What a client receives or sends in one step at most, in bytes.
const STEP_BYTES: usize = 64 * 1024;

/// How long the neighbour waits at the end for its last answers. What has not come by then has taken
/// at least as long.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long answers took, in order.
pub struct Waits(Vec<Duration>);

impl Waits {
    /// The wait that such a part of all did not exceed.
    pub fn at(&self, part: f64) -> Duration {
        let last = self.0.len() - 1;
        self.0[(last as f64 * part).round() as usize]
    }
}

/// Has the neighbour ask for `small` for so long, beside clients of a kind or alone.
pub fn measure(server: SocketAddr, small: &str, kind: Option<&Kind>, measured: Duration) -> Waits {
    let mut poll = Poll::new().expect("the system has a poll");
    let mut events = Events::with_capacity(64);
    let request = format!("GET {small} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes();
    let mut neighbour = Neighbour::connect(server, request);
    neighbour.register(&poll);
    let mut others: Vec<Pipelining> = Vec::new();
    if let Some(kind) = kind {
        let connect = |key| Pipelining::connect(server, kind, &poll, Token(key));
        others.extend((0..PIPELINING).map(connect));
    }
    let mut buffer = vec![0; STEP_BYTES];
    neighbour.begin(measured);
    while !neighbour.is_done() {
        let is_busy = others.iter().any(Pipelining::can_go_on);
        poll.poll(&mut events, Some(neighbour.rest(is_busy))).expect("a healthy poll");
        for event in &events {
            if let Some(other) = others.get_mut(event.token().0) {
                other.readable |= event.is_readable();
                other.writable |= event.is_writable();
            }
        }
        neighbour.attend(&mut buffer);
        for (key, other) in others.iter_mut().enumerate() {
            if other.step(&mut buffer).is_err() {
                *other = Pipelining::connect(server, other.kind, &poll, Token(key));
            }
            neighbour.attend(&mut buffer);
        }
    }
    neighbour.waits.sort_unstable();
    Waits(neighbour.waits)
}

fn connect(server: SocketAddr) -> std::net::TcpStream {
    let stream = std::net::TcpStream::connect(server).expect("the server listens");
    stream.set_nodelay(true).expect("an option of every TCP socket");
    stream
}

/// The client that asks for something small, at its moments, whether it has been answered or not.
struct Neighbour {
    stream: TcpStream,
    request: Vec<u8>,
    answer_bytes: usize,
    /// When it meant to ask what is not answered yet.
    asked: VecDeque<Instant>,
    /// How much of the first of these answers has come.
    came: usize,
    /// When it means to ask next.
    next: Instant,
    end: Instant,
    waits: Vec<Duration>,
}

impl Neighbour {
    /// Connects, and asks once to know how long an answer is.
    fn connect(server: SocketAddr, request: Vec<u8>) -> Neighbour {
        let mut stream = connect(server);
        stream.set_read_timeout(Some(PATIENCE)).expect("a time that is not zero");
        stream.write_all(&request).expect("the server is there");
        let mut answer = vec![0; 16 * 1024];
        let mut answer_bytes = stream.read(&mut answer).expect("an answer");
        // Head and body may come one after the other.
        stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a time");
        while let Ok(more @ 1..) = stream.read(&mut answer) {
            answer_bytes += more;
        }
        stream.set_nonblocking(true).expect("an option of every socket");
        let now = Instant::now();
        Neighbour {
            stream: TcpStream::from_std(stream),
            request,
            answer_bytes,
            asked: VecDeque::new(),
            came: 0,
            next: now,
            end: now,
            waits: Vec::new(),
        }
    }

    fn register(&mut self, poll: &Poll) {
        let token = Token(PIPELINING);
        poll.registry()
            .register(&mut self.stream, token, Interest::READABLE)
            .expect("a new socket");
    }

    fn begin(&mut self, measured: Duration) {
        self.next = Instant::now();
        self.end = self.next + measured;
    }

    fn is_done(&self) -> bool {
        self.next >= self.end && self.asked.is_empty()
    }

    /// How long nothing is to be done: whole milliseconds, as the poll knows no shorter times.
    fn rest(&self, is_busy: bool) -> Duration {
        if is_busy {
            return Duration::ZERO;
        }
        let rest = self.next.saturating_duration_since(Instant::now());
        let is_last = self.next >= self.end;
        if is_last { EVERY } else { Duration::from_millis(rest.as_millis() as u64) }
    }

    fn attend(&mut self, buffer: &mut [u8]) {
        if !self.asked.is_empty() {
            match self.stream.read(buffer) {
                Ok(more @ 1..) => self.came += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => panic!("the neighbour's connection has ended: {other:?}"),
            }
            while self.came >= self.answer_bytes {
                let meant = self.asked.pop_front().expect("no more answers than requests");
                self.waits.push(meant.elapsed());
                self.came -= self.answer_bytes;
            }
            if self.end.elapsed() > PATIENCE {
                self.waits.extend(self.asked.drain(..).map(|meant| meant.elapsed()));
            }
        }
        while self.next < self.end && Instant::now() >= self.next {
            self.stream.write_all(&self.request).expect("a socket that has room");
            self.asked.push_back(self.next);
            self.next += EVERY;
        }
    }
}

/// A client that sends requests without waiting for answers.
struct Pipelining<'k> {
    stream: TcpStream,
    kind: &'k Kind,
    /// How much of its requests is sent.
    sent: usize,
    readable: bool,
    writable: bool,
}

impl<'k> Pipelining<'k> {
    fn connect(server: SocketAddr, kind: &'k Kind, poll: &Poll, token: Token) -> Pipelining<'k> {
        let stream = connect(server);
        stream.set_nonblocking(true).expect("an option of every socket");
        let mut stream = TcpStream::from_std(stream);
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, token, both).expect("a new socket");
        Pipelining { stream, kind, sent: 0, readable: false, writable: true }
    }

    fn can_go_on(&self) -> bool {
        self.writable || self.readable && self.kind.answers == Answers::Read
    }

    /// Receives once and sends once, if it can. An error: its connection has ended.
    fn step(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        if self.readable && self.kind.answers == Answers::Read {
            self.readable = match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => true,
                Err(error) => is_blocked(error)?,
            };
        }
        if self.writable {
            let rest = &self.kind.requests[self.sent..];
            self.writable = match self.stream.write(&rest[..rest.len().min(STEP_BYTES)]) {
                Ok(bytes) => {
                    self.sent = (self.sent + bytes) % self.kind.requests.len();
                    true
                }
                Err(error) => is_blocked(error)?,
            };
        }
        Ok(())
    }
}

/// No longer ready, if that is all that the error says.
fn is_blocked(error: io::Error) -> io::Result<bool> {
    if error.kind() == ErrorKind::WouldBlock { Ok(false) } else { Err(error) }
}
