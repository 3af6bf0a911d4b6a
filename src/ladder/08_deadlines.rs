//! 8. A client that says nothing for too long has to go.
//!
//! New: deadlines. All are equally long, so a queue holds them in order: no heap, and nothing is moved
//! when a client speaks. When a deadline has passed, the loop looks whether the client has been active
//! since. If so, it gets 3 s more, counted from now: only so does the end of the queue stay the latest. So
//! silence ends after 3 to 6 s. The poll sleeps until the first deadline.
//! See it: `telnet localhost 8888`, and say nothing for 3 s; or something, and then nothing for 3 to 6 s.
//! What breaks it: more clients than descriptors. `accept` fails, and as its edge was told already,
//! no client is accepted until another one comes. `(ulimit -n 64; cargo run --example ladder_8)`, and
//! `for i in $(seq 80); do (sleep 9 | nc localhost 8888 &); done`.
//! Elsewhere: Python `loop.call_later`; C the last argument of `epoll_wait`; Go `SetReadDeadline`.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

const TEXT: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\nThis is the server respose! :)\n";
const HEAD_BYTES_MAX: usize = 16 * 1024;
const READS_PER_TURN: usize = 16;
const SILENCE_MAX: Duration = Duration::from_secs(3);
/// Bytes that come, and room for bytes to send. Each is told once.
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
const LISTENER: Token = Token(usize::MAX);

struct Server {
    poll: Poll,
    listener: TcpListener,
    clients: Slab<Client>,
    /// Which may have something to do, though no event will tell.
    run_queue: VecDeque<Token>,
    /// The due time, the number and the `came` of each client to look at. If `came` differs from that of the
    /// number's present client, the old client has gone.
    deadlines: VecDeque<(Instant, usize, Instant)>,
}

struct Client {
    stream: TcpStream,
    /// The part of a request that has come.
    input: Vec<u8>,
    /// Answers, or their end, for which the kernel had no room.
    output: Vec<u8>,
    /// When it was accepted. With its number this names the client.
    came: Instant,
    /// When bytes came last, or were taken.
    active: Instant,
}

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8888);
    let mut listener = TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], port)))?;
    println!("listening on {}", listener.local_addr()?);
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (run_queue, deadlines) = (VecDeque::new(), VecDeque::new());
    let mut server = Server { poll, listener, clients: Slab::new(), run_queue, deadlines };
    let mut events = Events::with_capacity(256);
    loop {
        // A signal that interrupts the poll, as Ctrl-Z and fg do, is no failure.
        if let Err(error) = server.poll.poll(&mut events, server.timeout())
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error);
        }
        events.iter().for_each(|event| server.enqueue(event.token()));
        server.turn()?;
        server.expire(Instant::now());
    }
}

impl Server {
    /// Each stands on the queue at most once, or a busy client would get more shares with each event. The
    /// server of `../engine` keeps a flag instead of looking for it.
    fn enqueue(&mut self, token: Token) {
        if !self.run_queue.contains(&token) {
            self.run_queue.push_back(token);
        }
    }

    /// Each on the queue has one turn, and those that come meanwhile have the next.
    fn turn(&mut self) -> io::Result<()> {
        for token in std::mem::take(&mut self.run_queue) {
            match token {
                LISTENER => self.accept()?,
                Token(key) => self.run(key),
            }
        }
        Ok(())
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.run_queue.is_empty() {
            return Some(Duration::ZERO);
        }
        self.deadlines.front().map(|(due, ..)| due.saturating_duration_since(Instant::now()))
    }

    fn expire(&mut self, now: Instant) {
        while self.deadlines.front().is_some_and(|(due, ..)| *due <= now)
            && let Some((_, key, came)) = self.deadlines.pop_front()
        {
            match self.clients.get(key).filter(|client| client.came == came) {
                Some(client) if client.active + SILENCE_MAX <= now => {
                    drop(self.clients.remove(key))
                }
                Some(_) => self.deadlines.push_back((now + SILENCE_MAX, key, came)),
                None => {}
            }
        }
    }

    /// Accepts all clients that wait. It ends at any error, mostly `WouldBlock`; step 8 shows what that
    /// costs.
    fn accept(&mut self) -> io::Result<()> {
        while let Ok((mut stream, _)) = self.listener.accept() {
            let entry = self.clients.vacant_entry();
            let token = Token(entry.key());
            self.poll.registry().register(&mut stream, token, BOTH)?;
            let client = Client::new(stream);
            self.deadlines.push_back((client.came + SILENCE_MAX, entry.key(), client.came));
            entry.insert(client);
        }
        Ok(())
    }

    /// An event is a hint. The client may have gone: then nothing is found. Its number may belong to a new
    /// client, or nothing may have come: then `read` says `WouldBlock`, and no harm is done.
    fn run(&mut self, key: usize) {
        let Some(client) = self.clients.get_mut(key) else { return };
        for _ in 0..READS_PER_TURN {
            match client.step() {
                // Some bytes came: perhaps there are more.
                Ok(1..) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => {
                    self.clients.remove(key);
                    return;
                }
            }
        }
        self.enqueue(Token(key));
    }
}

impl Client {
    fn new(stream: TcpStream) -> Client {
        let (input, output, came) = (Vec::new(), Vec::new(), Instant::now());
        Client { stream, input, output, came, active: came }
    }

    /// Sends what is owed, then reads once. How many bytes came; 0 is the end.
    fn step(&mut self) -> io::Result<usize> {
        self.send()?;
        self.receive()
    }

    fn send(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            let sent = self.stream.write(&self.output)?;
            self.output.drain(..sent);
            self.active = Instant::now();
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 4096];
        let received = self.stream.read(&mut bytes)?;
        self.active = Instant::now();
        self.input.extend(&bytes[..received]);
        while let Some(len) = request_len(&self.input) {
            self.input.drain(..len);
            self.output.extend(TEXT);
        }
        if self.input.len() > HEAD_BYTES_MAX {
            return Ok(0);
        }
        Ok(received)
    }
}

/// How long the request is that the input begins with, if it is whole. A first line with ` HTTP/` begins a
/// head, which ends at the first empty line (`\r\n\r\n`). Any other line is a request by itself. `?` returns
/// `None`: more must come.
fn request_len(input: &[u8]) -> Option<usize> {
    let line_len = input.iter().position(|byte| *byte == b'\n')? + 1;
    let is_http = input[..line_len].windows(6).any(|six| six == b" HTTP/");
    let end = if is_http { input.windows(4).position(|four| four == b"\r\n\r\n")? + 4 } else { 0 };
    Some(end.max(line_len))
}
