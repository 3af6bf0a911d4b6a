//! What the server's answers have to be, byte by byte.
//!
//! Said independently of the crate's encoding, which must never be called here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::framing::{Asked, Persistence};
use crate::plan::{Plan, pause_and_kind};
use crate::streamed::{self, Streamed};

/// What a client is told before it sends its content.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

const PLAIN: &str = "Content-Type: text/plain; charset=utf-8\r\n";

/// An answer, or the head of one whose body comes over time.
#[derive(Clone, Debug)]
pub struct Written {
    pub status: u16,
    /// How many of its bytes are its head.
    pub head_bytes: usize,
    pub bytes: Vec<u8>,
}

/// How the handler of a run answers.
#[derive(Clone, Debug)]
pub enum Manner {
    /// It repeats who asked what, and refuses what is no request.
    Echo,
    /// As the server that is shipped.
    Text(Text),
}

impl Manner {
    /// Whether content is dropped of which only a part has come together with its head.
    pub fn drops_content(&self) -> bool {
        matches!(self, Manner::Text(_))
    }
}

/// The one text.
#[derive(Clone)]
pub struct Text {
    pub body: Arc<[u8]>,
    pub status: u16,
    /// A field beyond those that are always there.
    pub field: Option<(&'static str, &'static str)>,
    pub faults: Faults,
}

/// A text of such a length, in bytes, is sent from a file.
const TEXT_IN_KERNEL_BYTES: std::ops::RangeInclusive<usize> = 32 * 1024..=256 * 1024;

/// Up to so many bytes of a file may be copied behind the head of their answer.
const FILE_COPIED_BYTES_MAX: usize = 8 * 1024;

/// What is said to whoever sent no acceptable request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faults {
    Text,
    Error,
}

/// What of a fault the answer to it depends on.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub status: u16,
    /// The text for a person at a prompt.
    pub text: String,
    /// Whether only the method is not liked.
    pub of_method: bool,
    /// Whether what came begins like a HEAD request.
    pub head_only: bool,
    pub persistence: Persistence,
}

impl Manner {
    /// The answer to a request, or the head of one whose body comes over time.
    pub fn answer(&self, asked: &Asked, persistence: Persistence, date: &str) -> Written {
        let head_only = asked.method == "HEAD";
        match (self, self.plan(asked)) {
            (Manner::Echo, Some(plan)) => {
                let framing = streamed::framing_field(&plan, asked);
                let bytes = head(200, "", &framing, persistence, date);
                Written { status: 200, head_bytes: bytes.len(), bytes }
            }
            (Manner::Echo, None) => {
                // The answer to HEAD says the length that GET's would have.
                let like = if head_only { "GET" } else { &asked.method };
                let body = echo_body(like, &asked.target, &asked.body);
                Answer { status: 200, fields: "", body: &body, head_only, persistence }.on(date)
            }
            (Manner::Text(text), _) => {
                let (fields, body) = (&text.fields(), &text.body);
                Answer { status: text.status, fields, body, head_only, persistence }.on(date)
            }
        }
    }

    /// The plan of the body, if that is to come over time.
    fn plan(&self, asked: &Asked) -> Option<Plan> {
        match self {
            Manner::Echo => Plan::of(&asked.target),
            Manner::Text(_) => None,
        }
    }

    /// How late it begins, if it does not begin at once.
    pub fn pause(&self, asked: &Asked) -> Option<Duration> {
        match self {
            Manner::Echo => pause_and_kind(&asked.target).0,
            Manner::Text(_) => None,
        }
    }

    /// The body, if it comes over time, and comes at all.
    pub fn streamed(&self, asked: &Asked) -> Option<Streamed> {
        let plan = self.plan(asked).filter(|_| asked.method != "HEAD")?;
        Some(Streamed::new(plan, asked))
    }

    /// Whether nothing but the connection's end tells where the body ends.
    pub fn ends_connection(&self, asked: &Asked) -> bool {
        self.plan(asked).is_some_and(|plan| streamed::ends_connection(&plan, asked))
    }

    /// About how many bytes the answer has.
    pub fn bytes_about(&self, asked: &Asked) -> usize {
        200 + match (self, self.plan(asked)) {
            (Manner::Text(text), _) => text.body.len(),
            (Manner::Echo, Some(plan)) => plan.total,
            (Manner::Echo, None) => asked.body.len() + echo_padding(&asked.target),
        }
    }

    /// How many of the answer's last bytes the server sends from a file, and need not hold.
    pub fn file_bytes(&self, asked: &Asked) -> usize {
        match self {
            Manner::Text(text) if asked.method != "HEAD" => text.file_bytes(),
            Manner::Echo if asked.method != "HEAD" && is_file(&asked.target) => {
                let body = echo_body(&asked.method, &asked.target, &asked.body).len();
                if body > FILE_COPIED_BYTES_MAX { body } else { 0 }
            }
            Manner::Echo | Manner::Text(_) => 0,
        }
    }

    /// The same of the answer to what is no acceptable request.
    pub fn refusal_file_bytes(&self, refusal: &Refusal) -> usize {
        match self {
            Manner::Text(text) if text.faults == Faults::Text && !refusal.head_only => {
                text.file_bytes()
            }
            Manner::Text(_) | Manner::Echo => 0,
        }
    }

    /// The answer to what is no acceptable request.
    pub fn refuse(&self, refusal: &Refusal, date: &str) -> Written {
        let Refusal { status, text, of_method, head_only, persistence } = refusal;
        let allow = match status {
            405 => "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n",
            _ => "",
        };
        let (status, fields, body) = match self {
            Manner::Text(text) if text.faults == Faults::Text => {
                let status = if *of_method { *status } else { text.status };
                (status, text.fields(), &text.body[..])
            }
            Manner::Text(_) | Manner::Echo => (*status, PLAIN.to_owned(), text.as_bytes()),
        };
        let (head_only, persistence) = (*head_only, *persistence);
        let fields = &format!("{allow}{fields}");
        Answer { status, fields, body, head_only, persistence }.on(date)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Text { body, status, field, faults } = self;
        write!(f, "Text({status}, {field:?}, {} bytes, {faults:?})", body.len())
    }
}

impl Text {
    /// How many bytes of it the kernel holds: all, if it is long. Only Linux holds files in memory.
    fn file_bytes(&self) -> usize {
        let is_held = cfg!(target_os = "linux") && TEXT_IN_KERNEL_BYTES.contains(&self.body.len());
        if is_held { self.body.len() } else { 0 }
    }

    fn fields(&self) -> String {
        let more = self.field.map(|(name, value)| format!("{name}: {value}\r\n"));
        format!("{PLAIN}{}", more.unwrap_or_default())
    }
}

/// An answer, in its parts.
struct Answer<'a> {
    status: u16,
    fields: &'a str,
    body: &'a [u8],
    head_only: bool,
    persistence: Persistence,
}

impl Answer<'_> {
    fn on(&self, date: &str) -> Written {
        let Answer { status, fields, body, head_only, persistence } = self;
        let framing = format!("Content-Length: {}\r\n", body.len());
        let mut bytes = head(*status, fields, &framing, *persistence, date);
        let head_bytes = bytes.len();
        if !head_only {
            bytes.extend_from_slice(body);
        }
        Written { status: *status, head_bytes, bytes }
    }
}

fn head(status: u16, fields: &str, framing: &str, persistence: Persistence, date: &str) -> Vec<u8> {
    let connection = match persistence {
        Persistence::Keep => "",
        Persistence::KeepStated => "Connection: keep-alive\r\n",
        Persistence::Close => "Connection: close\r\n",
    };
    let phrase = phrase(status);
    let line = format!("HTTP/1.1 {status} {phrase}\r\nDate: {date}\r\n");
    format!("{line}{fields}{framing}{connection}\r\n").into_bytes()
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        other => panic!("nobody should answer {other}"),
    }
}

/// Whether this target asks for the echo as a file. Only Linux holds files in memory.
pub fn is_file(target: &str) -> bool {
    cfg!(target_os = "linux") && pause_and_kind(target).1.next() == Some("file")
}

/// The body of the echo: who asked what, and then as the target's end says.
pub fn echo_body(method: &str, target: &str, body: &[u8]) -> Vec<u8> {
    let mut echo = format!("{method} {target}\n").into_bytes();
    echo.extend_from_slice(body);
    let padding = echo_padding(target);
    echo.extend_from_slice(&PADDING.repeat(padding / PADDING.len() + 1)[..padding]);
    echo
}

fn echo_padding(target: &str) -> usize {
    let padding = target.rsplit('/').next().and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
    // What chance makes of a target may ask for more than anybody wants to wait for.
    padding.min(ECHO_PADDING_MAX)
}

/// What an echo is made larger with, and other bodies are made of: no two neighbours are the same,
/// and its length is prime.
pub const PADDING: &[u8] = b"abcdefghijklmnopqrstuvw";

/// The most that an echo is made larger by, in bytes.
const ECHO_PADDING_MAX: usize = 60_000;
