//! What the server has to answer, said independently of it and as simply as possible.
//!
//! A request names itself in its target, `/peer/number/kind/bytes`, and the answer repeats the
//! target. So an answer that is lost, doubled, swapped or given to the wrong peer cannot look
//! right. The model must never call the crate's own encoding or parsing.

/// Where an answer's `Date` value stands: its 29 bytes are the only ones not compared.
const DATE: std::ops::Range<usize> = 23..52;

/// What a client is told before it sends its content.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// One request, as far as its answer depends on it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: &'static str,
    pub target: String,
    pub body: Vec<u8>,
    pub persistence: Persistence,
}

/// What the request and its version say about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    Keep,
    KeepStated,
    Close,
}

/// What is expected to come back.
#[derive(Clone, Debug)]
pub enum Expected {
    /// The echo of this request.
    Echo(Asked),
    /// A complete answer with this status, then the end.
    Fault(&'static str),
    /// Nothing in particular: the peer is none that deserves an answer.
    Whatever,
}

/// The body of the echo: who asked what, and then as the target's kind says.
pub fn echo_body(method: &str, target: &str, body: &[u8]) -> Vec<u8> {
    let mut echo = format!("{method} {target}\n").into_bytes();
    echo.extend_from_slice(body);
    echo.extend((b'a'..=b'w').cycle().take(padding(target)));
    echo
}

/// How many bytes the answer to this target is made larger by.
pub fn padding(target: &str) -> usize {
    let last = target.rsplit('/').next();
    last.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}

/// The whole echo, with a masked date.
pub fn echo(asked: &Asked, persistence: Persistence) -> Vec<u8> {
    // The answer to HEAD says the length that GET's would have.
    let like = if asked.method == "HEAD" { "GET" } else { asked.method };
    let body = echo_body(like, &asked.target, &asked.body);
    let connection = match persistence {
        Persistence::Keep => "",
        Persistence::KeepStated => "Connection: keep-alive\r\n",
        Persistence::Close => "Connection: close\r\n",
    };
    let date = "?".repeat(DATE.len());
    let length = body.len();
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: {length}\r\n{connection}\r\n")
            .into_bytes();
    if asked.method != "HEAD" {
        answer.extend_from_slice(&body);
    }
    answer
}

/// How much of `expected` is here, if nothing in `got` contradicts it.
pub fn agreed(got: &[u8], expected: &[u8]) -> Option<usize> {
    let len = got.len().min(expected.len());
    let before = len.min(DATE.start);
    let behind = len.min(DATE.end);
    let agrees = got[..before] == expected[..before] && got[behind..len] == expected[behind..len];
    agrees.then_some(len)
}

/// Whether this is one whole answer with that status, which says that it is the last.
pub fn is_last_answer(got: &[u8], status: &str) -> bool {
    let Some(head_end) = got.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&got[..head_end]);
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    head.starts_with(&format!("HTTP/1.1 {status} "))
        && head.lines().any(|line| line == "Connection: close")
        && length == Some((got.len() - head_end - 4).to_string().as_str())
}
