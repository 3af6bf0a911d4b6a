//! 2. A thread for each client: each of them waits, and no other has to.
//!
//! New: `thread::spawn`.
//! See it: two telnets at once. Both are answered, in any order.
//! What breaks it: a crowd. 10,000 silent clients are 10,000 threads, each with a stack, and the system
//! has a limit for them. `grep Threads /proc/PID/status` shows how many there are.
//! Elsewhere: Python `threading.Thread`; C `pthread_create`; Go's goroutines hide the poll of step 4.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\nConnection: close\r\n\r\n\
                        This is the server respose! :)\n";

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8888);
    let listener = TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], port)))?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept()?;
        thread::spawn(|| {
            if let Err(error) = serve(stream) {
                eprintln!("a client is lost: {error}");
            }
        });
    }
}

/// Reads something, whatever it is, and answers.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut bytes = [0; 4096];
    let received = stream.read(&mut bytes)?;
    if received > 0 { stream.write_all(ANSWER) } else { Ok(()) }
}
