//! A thread for each connection, and blocking calls of `std`: the server that everybody writes
//! first, and the simplest to read.
//!
//! It parses with httparse, as oneloop does, and understands of a request where it ends: lengths,
//! not chunks. In its favour: its date stands still, it has no deadlines, its stacks are small, and
//! answers to pipelined requests leave with one `write`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use clap::Parser;

use peers::peer::{self, Options};
use peers::{placement, text};

/// Two mebibytes are usual. What is not touched costs address space only, but each stack is a
/// mapping, and the least that works is the fairest to compare.
const STACK_BYTES: usize = 64 * 1024;

/// What a connection reads at a time, and the longest request, in bytes.
const INPUT_BYTES: usize = 4096;

/// As many as oneloop takes by default.
const FIELDS_MAX: usize = 100;

fn main() -> io::Result<()> {
    placement::raise_descriptor_limit();
    let options = Options::parse();
    let body = options.body();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 15:00:00 GMT\r\nContent-Type: {}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        text::CONTENT_TYPE,
        body.len(),
    );
    let answer: &'static [u8] = answer.leak().as_bytes();
    let listener = TcpListener::bind(options.listen)?;
    peer::announce(listener.local_addr()?);
    for stream in listener.incoming() {
        // One that was lost before we got to it.
        let Ok(stream) = stream else { continue };
        let thread = thread::Builder::new().stack_size(STACK_BYTES);
        // A client that has gone is no failure of ours; no more threads than there may be, is.
        thread.spawn(move || serve(stream, answer))?;
    }
    Ok(())
}

/// Serves one client until it or its last request says that it is over.
fn serve(mut stream: TcpStream, answer: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = vec![0; INPUT_BYTES];
    let mut filled = 0;
    loop {
        // Here the thread sleeps, with all that it owns, until its one client has sent something.
        match stream.read(&mut input[filled..])? {
            0 => return Ok(()),
            bytes => filled += bytes,
        }
        let (mut taken, mut answers, mut fate) = (0, 0, Fate::Keep);
        while let (Some(request), Fate::Keep) = (Request::first_in(&input[taken..filled])?, fate) {
            taken += request.bytes;
            answers += 1;
            fate = request.fate;
        }
        match answers {
            0 => {}
            1 => stream.write_all(answer)?,
            answers => stream.write_all(&answer.repeat(answers))?,
        }
        if fate == Fate::Close {
            return Ok(());
        }
        input.copy_within(taken..filled, 0);
        filled -= taken;
    }
}

/// What has to be known of a request to answer it.
struct Request {
    bytes: usize,
    fate: Fate,
}

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Keep,
    Close,
}

impl Request {
    /// The first whole request in `input`.
    fn first_in(input: &[u8]) -> io::Result<Option<Request>> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut request = httparse::Request::new(&mut fields);
        let invalid = |_| io::Error::from(ErrorKind::InvalidData);
        let httparse::Status::Complete(head) = request.parse(input).map_err(invalid)? else {
            return Ok(None);
        };
        let (mut content, mut fate) = (0, Fate::Keep);
        for field in request.headers {
            if field.name.eq_ignore_ascii_case("content-length") {
                let length = std::str::from_utf8(field.value).ok().and_then(|it| it.parse().ok());
                content = length.ok_or(ErrorKind::InvalidData)?;
            } else if field.name.eq_ignore_ascii_case("connection")
                && field.value.eq_ignore_ascii_case(b"close")
            {
                fate = Fate::Close;
            }
        }
        let bytes = head + content;
        Ok((bytes <= input.len()).then_some(Request { bytes, fate }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_at_its_last_byte_and_not_before() {
        let request = b"POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc";
        for cut in 0..request.len() {
            let found = Request::first_in(&request[..cut]).expect("it is valid");
            assert!(found.is_none(), "cut at {cut}");
        }
        let behind = [request, &b"GET"[..]].concat();
        let found = Request::first_in(&behind).expect("it is valid").expect("it is whole");
        assert_eq!(found.bytes, request.len());
        assert!(found.fate == Fate::Close);
    }
}
