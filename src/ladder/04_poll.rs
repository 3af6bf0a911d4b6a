//! 4. The kernel says who is ready, and the loop sleeps until then.
//!
//! New: `mio::Poll`. Each socket is registered with a token, and an event brings the token back. The
//! slab gives each client a number from 0 on, and takes it back. mio's sockets never block.
//! Unlike `select`, this poll reports each change only once, so a call has to be repeated until it says
//! `WouldBlock`. `accept` here does that. `run` reads only once, as it closes the client after that.
//! See it: step 3's telnets; now `top` shows nothing.
//! What breaks it: half a request. Type `GE` and Ctrl-D, which sends what is typed without ending
//! the line: the first half of `GET` is answered.
//! Elsewhere: Python `select.epoll` with `EPOLLET`; C `epoll_create1`, `epoll_ctl`, `epoll_wait`; Go's runtime has it
//! inside, and parks goroutines instead.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\nConnection: close\r\n\r\n\
                        This is the server respose! :)\n";
const LISTENER: Token = Token(usize::MAX);

struct Server {
    poll: Poll,
    listener: TcpListener,
    clients: Slab<TcpStream>,
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
            entry.insert(stream);
        }
        Ok(())
    }

    /// An event is a hint. The client may have gone: then nothing is found. Its number may belong to a new
    /// client, or nothing may have come: then `read` says `WouldBlock`, and no harm is done.
    fn run(&mut self, key: usize) {
        let Some(stream) = self.clients.get_mut(key) else { return };
        match serve(stream) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // Dropped, it is closed, and the poll forgets it.
            Ok(()) | Err(_) => drop(self.clients.remove(key)),
        }
    }
}

/// Reads something, whatever it is, and answers.
fn serve(stream: &mut TcpStream) -> io::Result<()> {
    let mut bytes = [0; 4096];
    let received = stream.read(&mut bytes)?;
    if received > 0 { stream.write_all(ANSWER) } else { Ok(()) }
}
