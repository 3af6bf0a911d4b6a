//! A client that knows whether an answer is whole.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use oneloop::testing;

use crate::support::PATIENCE;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This status, and a body of the length that was said.
    Whole(u16),
    /// Fewer bytes than said, and an end as if there were no more.
    Short,
    /// The connection was refused, reset, or closed without a byte of an answer.
    None,
    /// Nothing, for as long as the client waited.
    Late,
}

/// Asks for this path on a connection of its own.
pub fn ask(port: u16, path: &str) -> Answer {
    ask_for(port, path, PATIENCE)
}

/// As [`ask`], and waits for so long.
pub fn ask_for(port: u16, path: &str, patience: std::time::Duration) -> Answer {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return Answer::None };
    stream.set_read_timeout(Some(patience)).unwrap();
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    if stream.write_all(head.as_bytes()).is_err() {
        return Answer::None;
    }
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes).map_err(|error| error.kind());
    match (ended, judge(&bytes)) {
        (Ok(_), Some((status, true))) => Answer::Whole(status),
        (Ok(_), Some((_, false))) => Answer::Short,
        (Err(ErrorKind::WouldBlock | ErrorKind::TimedOut), _) => Answer::Late,
        (Ok(_) | Err(_), _) => Answer::None,
    }
}

/// The status of an answer, and whether it has as many bytes as it says.
fn judge(bytes: &[u8]) -> Option<(u16, bool)> {
    let mut answer = testing::Answer::begin(bytes, "GET")?;
    let rest = answer.take(&bytes[answer.head().len()..]);
    Some((answer.status(), answer.is_whole() && rest.is_empty()))
}
