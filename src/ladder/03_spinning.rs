//! 3. Nothing waits: a call that would have to wait says so, and the loop tries the next client.
//!
//! New: `set_nonblocking`, and `WouldBlock` as the normal end of a look at a client.
//! See it: any number of telnets at once, on one thread.
//! What breaks it: doing nothing. `top` shows a whole core at work while no client says a word.
//! Elsewhere: Python `setblocking(False)` and `BlockingIOError`; C `O_NONBLOCK` and `EAGAIN`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\nConnection: close\r\n\r\n\
                        This is the server respose! :)\n";

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8888);
    let listener = TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], port)))?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);
    let mut clients: Vec<TcpStream> = Vec::new();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(true)?;
                clients.push(stream);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        // Keeps those for which there was nothing to do.
        clients.retain_mut(|stream| match serve(stream) {
            Err(error) => error.kind() == ErrorKind::WouldBlock,
            Ok(()) => false,
        });
    }
}

/// Reads something, whatever it is, and answers.
fn serve(stream: &mut TcpStream) -> io::Result<()> {
    let mut bytes = [0; 4096];
    let received = stream.read(&mut bytes)?;
    if received > 0 { stream.write_all(ANSWER) } else { Ok(()) }
}
