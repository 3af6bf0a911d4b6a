//! 1. The classic server: take a connection, read, answer, and go back to listening.
//!
//! See it: `cargo run --example ladder_1`, then `telnet localhost 8888`, and type a line.
//! What breaks it: a second telnet, while the first one says nothing. It prints `Connected`, because the
//! kernel accepts connections on its own and queues them. But it gets no answer until the first has one:
//! `read` waits.
//! Elsewhere: Python `socket.accept`, `recv`, `sendall`; C `accept`, `read`, `write`; Go
//! `Listener.Accept`, `Conn.Read`, `Conn.Write`.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\nConnection: close\r\n\r\n\
                        This is the server respose! :)\n";

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8888);
    let listener = TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], port)))?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept()?;
        if let Err(error) = serve(stream) {
            eprintln!("a client is lost: {error}");
        }
    }
}

/// Reads something, whatever it is, and answers. Where a stream is dropped, as at the end here, it is
/// closed. A `?` gives an error back to the caller.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut bytes = [0; 4096];
    let received = stream.read(&mut bytes)?;
    if received > 0 { stream.write_all(ANSWER) } else { Ok(()) }
}
