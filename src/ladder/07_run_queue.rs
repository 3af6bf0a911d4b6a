//! 7. Each client has a share of a turn, and a queue remembers which have more to do.
//!
//! New: the run queue. The poll reports an edge once: that bytes have come, not that bytes are there. So a
//! server that stops reading before `WouldBlock` must remember the client. If it does not, the other bytes
//! stay in the kernel. The client has sent everything and waits for its answer, so no further edge comes.
//! While the queue is not empty, the poll does not sleep (its timeout is zero).
//! See it: step 6's `yes`, and a telnet beside it. Without the last line of `run`, send 12 requests of
//! 12 KiB at once: 16 reads of 4 KiB take 5 of them. More arrives meanwhile, so the poll reports once more,
//! and 16 reads take 5 more. Then no event comes, and the client usually waits for its last 2 answers for
//! ever.
//! What breaks it: people who connect and say nothing. Each stays for ever, and keeps its descriptor.
//! Elsewhere: Python's asyncio has `call_soon`; in C, with `EPOLLET`, you keep such a list yourself; Go
//! preempts goroutines.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

const TEXT: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\nThis is the server respose! :)\n";
const HEAD_BYTES_MAX: usize = 16 * 1024;
const READS_PER_TURN: usize = 16;
/// Bytes that come, and room for bytes to send. Each is told once.
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
const LISTENER: Token = Token(usize::MAX);

struct Server {
    poll: Poll,
    listener: TcpListener,
    clients: Slab<Client>,
    /// Which may have something to do, though no event will tell.
    run_queue: VecDeque<Token>,
}

struct Client {
    stream: TcpStream,
    /// The part of a request that has come.
    input: Vec<u8>,
    /// Answers, or their end, for which the kernel had no room.
    output: Vec<u8>,
}

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8888);
    let mut listener = TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], port)))?;
    println!("listening on {}", listener.local_addr()?);
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut server = Server { poll, listener, clients: Slab::new(), run_queue: VecDeque::new() };
    let mut events = Events::with_capacity(256);
    loop {
        let timeout = (!server.run_queue.is_empty()).then_some(Duration::ZERO);
        // A signal that interrupts the poll, as Ctrl-Z and fg do, is no failure.
        if let Err(error) = server.poll.poll(&mut events, timeout)
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error);
        }
        events.iter().for_each(|event| server.enqueue(event.token()));
        server.turn()?;
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

    /// Accepts all clients that wait. It ends at any error, mostly `WouldBlock`; step 8 shows what that
    /// costs.
    fn accept(&mut self) -> io::Result<()> {
        while let Ok((mut stream, _)) = self.listener.accept() {
            let entry = self.clients.vacant_entry();
            let token = Token(entry.key());
            self.poll.registry().register(&mut stream, token, BOTH)?;
            entry.insert(Client::new(stream));
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
        Client { stream, input: Vec::new(), output: Vec::new() }
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
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 4096];
        let received = self.stream.read(&mut bytes)?;
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
