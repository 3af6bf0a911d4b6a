//! 6. The kernel takes what it has room for. The rest waits, and with it the client.
//!
//! New: `output`. It keeps the bytes that `write` did not take, until the poll reports that the kernel's
//! send buffer has room. Until then the server reads nothing more from this client. So the kernel's buffers
//! fill, and the client's own writes have to wait (back-pressure). A client may end its sending direction
//! and still read (half-close). It gets all its answers, because the server sends them before it reads that
//! end.
//! See it: step 5's command counts 200000.
//! What breaks it: a client that sends without end, as `yes | nc localhost 8888 >/dev/null`. There is
//! always more to read, so the loop never comes to a telnet beside it.
//! Elsewhere: Python `pause_writing` and `pause_reading`; C `EPOLLOUT`; in Go the goroutine waits in `Write`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

const TEXT: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\nThis is the server respose! :)\n";
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Bytes that come, and room for bytes to send. Each is told once.
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
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
    /// Answers, or their end, for which the kernel had no room.
    output: Vec<u8>,
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
            self.poll.registry().register(&mut stream, token, BOTH)?;
            entry.insert(Client::new(stream));
        }
        Ok(())
    }

    /// An event is a hint. The client may have gone: then nothing is found. Its number may belong to a new
    /// client, or nothing may have come: then `read` says `WouldBlock`, and no harm is done.
    fn run(&mut self, key: usize) {
        let Some(client) = self.clients.get_mut(key) else { return };
        loop {
            match client.step() {
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
