//! A server that answers as it is told to, right or wrong: what a judge of servers is judged by.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The next request is read.
    Keep,
    /// It is closed.
    Close,
}

/// The server, on threads of its own, until it is dropped.
pub struct Fake {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

/// What it answers.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    /// This comes first, so many times, over all connections.
    pub first: (&'static str, usize),
    /// This comes after that.
    pub rest: &'static str,
    /// What follows each of the latter.
    pub after: After,
}

impl Fake {
    /// Listens on a port that the system chose.
    pub fn start(script: Script) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let is_over = Arc::new(AtomicBool::new(false));
        let fake = Fake { address, is_over: Arc::clone(&is_over) };
        thread::spawn(move || {
            let answered = Arc::new(AtomicUsize::new(0));
            for stream in listener.incoming().map_while(Result::ok) {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let answered = Arc::clone(&answered);
                // It ends with the connection, which its client does not outlive.
                thread::spawn(move || answer(stream, script, &answered));
            }
        });
        fake
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // The listening thread waits for a connection; if it has gone, there is none to wake.
        let _ = TcpStream::connect(self.address);
    }
}

/// Answers each head, whatever it says, until the peer has had enough.
fn answer(mut stream: TcpStream, script: Script, answered: &AtomicUsize) {
    let mut received = Vec::new();
    loop {
        while let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            received.drain(..end + 4);
            let is_first = answered.fetch_add(1, Ordering::Relaxed) < script.first.1;
            let bytes = if is_first { script.first.0 } else { script.rest };
            if stream.write_all(bytes.as_bytes()).is_err()
                || (!is_first && script.after == After::Close)
            {
                return;
            }
        }
        let mut buf = [0; 4096];
        match stream.read(&mut buf) {
            Ok(0) | Err(_) => return,
            Ok(bytes) => received.extend_from_slice(&buf[..bytes]),
        }
    }
}
