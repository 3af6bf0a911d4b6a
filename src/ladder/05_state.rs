//! 5. Each client has a state: what it has said so far.
//!
//! New: `Client`, with the half of a request that has come. A request is whole at its empty line; a
//! line that is no HTTP is whole by itself, so that people at a telnet are answered, too. The
//! connection stays open for the next one, and so `run` now reads until `WouldBlock`.
//! See it: in telnet type `GE` and Ctrl-D, which sends what is typed so far without ending the line; then
//! `T / HTTP/1.1`, Enter, Enter: one answer, at the end.
//! What breaks it: a client that asks a lot and reads late. The kernel takes as many bytes as it has
//! room for, and `write` says how many; here no line looks at that, and answers are
//! lost: `yes | head -n 200000 | nc -N localhost 8888 | (sleep 2; grep -c respose)`.
//! Elsewhere: Python's `asyncio.Protocol` keeps such a buffer; C keeps it in a struct of its own; in Go
//! it lies on the goroutine's stack.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

const TEXT: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\nThis is the server respose! :)\n";
const HEAD_BYTES_MAX: usize = 16 * 1024;
const LISTENER: Token = Token(usize::MAX);

struct Server {
    poll: Poll,
    listener: TcpListener,
    clients: Slab<Client>,
}

struct Client {
    stream: TcpStream,
    /// The part of a request that has come.
    input: Vec<u8>,
}

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8888);
    let mut listener = TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], port)))?;
    println!("listening on {}", listener.local_addr()?);
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut server = Server { poll, listener, clients: Slab::new() };
    let mut events = Events::with_capacity(256);
    loop {
        // A signal that interrupts the poll, as Ctrl-Z and fg do, is no failure.
        if let Err(error) = server.poll.poll(&mut events, None)
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error);
        }
        for event in &events {
            match event.token() {
                LISTENER => server.accept()?,
                Token(key) => server.run(key),
            }
        }
    }
}

impl Server {
    /// Accepts all clients that wait. It ends at any error, mostly `WouldBlock`; step 8 shows what that
    /// costs.
    fn accept(&mut self) -> io::Result<()> {
        while let Ok((mut stream, _)) = self.listener.accept() {
            let entry = self.clients.vacant_entry();
            let token = Token(entry.key());
            self.poll.registry().register(&mut stream, token, Interest::READABLE)?;
            entry.insert(Client { stream, input: Vec::new() });
        }
        Ok(())
    }

    /// An event is a hint. The client may have gone: then nothing is found. Its number may belong to a new
    /// client, or nothing may have come: then `read` says `WouldBlock`, and no harm is done.
    fn run(&mut self, key: usize) {
        let Some(client) = self.clients.get_mut(key) else { return };
        loop {
            match client.receive() {
                // Some bytes came: perhaps there are more.
                Ok(1..) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => break,
            }
        }
        self.clients.remove(key);
    }
}

impl Client {
    /// Reads once, and answers the requests that are whole by now. How many bytes came; 0 is the end.
    fn receive(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 4096];
        let received = self.stream.read(&mut bytes)?;
        self.input.extend(&bytes[..received]);
        while let Some(len) = request_len(&self.input) {
            self.input.drain(..len);
            let _ = self.stream.write(TEXT);
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
