//! An independent small model of HTTP/1.1 framing: where each request of a peer ends.
//!
//! It is given all that a peer will ever send, at once, and says which messages that is: how far
//! each reaches, and what it means. It must never call the crate's own parsing. Where the RFC
//! lets a recipient choose, it says what the README says under "Where it is strict".
//!
//! A faulty message ends at the byte that decides: the last one of the shortest beginning that no
//! further bytes could make right. Several faults may become plain with the same byte; then any of
//! their statuses will do.
//!
//! [`lines`] knows lines, [`fields`] judges what a head's fields say, [`body`] finds the end.

mod body;
mod fields;
mod lines;
#[cfg(test)]
mod tests;

use oneloop::Limits;

use self::fields::{Control, Framing};
use self::lines::Line;

/// One message among the bytes that a peer sends. Positions count from the connection's first
/// byte; what never comes lies at `usize::MAX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where the empty lines before it begin, or it itself.
    pub from: usize,
    /// Where its head begins.
    pub start: usize,
    pub head_end: usize,
    pub end: usize,
    pub leave: Leave,
    pub meaning: Meaning,
}

/// What its peer is told when it waits for leave to send the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leave {
    /// It does not wait.
    NotAsked,
    /// A 100.
    Given,
    /// One of these statuses, and then the connection ends.
    Refused(Vec<u16>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A request for the handler.
    Request(Asked),
    /// A request by a method that is refused with this status. The connection goes on.
    Unsupported(Asked, u16),
    /// No acceptable request; one of these statuses says so, and the connection ends.
    Faulty(Vec<u16>),
    /// The peer stops before its end.
    Unfinished,
}

/// A request, as far as its answer depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub body: Vec<u8>,
    /// Whether it is HTTP/1.0.
    pub old: bool,
    pub persistence: Persistence,
}

/// What the request and its version say about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    Keep,
    KeepStated,
    Close,
}

impl Message {
    /// Whether anything can follow it.
    fn goes_on(&self) -> bool {
        match &self.meaning {
            Meaning::Request(asked) | Meaning::Unsupported(asked, _) => {
                asked.persistence != Persistence::Close
            }
            Meaning::Faulty(_) | Meaning::Unfinished => false,
        }
    }
}

/// What came of reading a part of a message.
enum Reading<T> {
    Whole(T),
    /// Known at so many bytes, and what it may be called.
    Faulty(usize, Vec<u16>),
    Unfinished,
}

/// The messages in `stream`, up to the first behind which nothing is read as a message.
pub fn messages(stream: &[u8], limits: &Limits) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    let mut from = 0;
    while from < stream.len() && messages.last().is_none_or(Message::goes_on) {
        let message = message(stream, from, limits);
        from = message.end;
        messages.push(message);
    }
    messages
}

fn message(stream: &[u8], from: usize, limits: &Limits) -> Message {
    // RFC 9112 §2.2: empty lines before a request are none.
    let mut start = from;
    let broken = |start, end, meaning| {
        let leave = Leave::NotAsked;
        Message { from, start, head_end: end, end, leave, meaning }
    };
    while stream[start..].starts_with(b"\r\n") {
        start += 2;
        // Before the first request they may be what a person types, and that has a head's length.
        if from == 0 && start > limits.head_bytes_max {
            return broken(start, start, Meaning::Faulty(vec![431]));
        }
    }
    match head(&stream[start..], limits) {
        Reading::Unfinished => broken(start, usize::MAX, Meaning::Unfinished),
        Reading::Faulty(at, statuses) => broken(start, start + at, Meaning::Faulty(statuses)),
        Reading::Whole(head) => match Control::of(&head) {
            Err(statuses) => broken(start, start + head.len, Meaning::Faulty(statuses)),
            Ok(control) => {
                let head_end = start + head.len;
                let (len, meaning) = content(&head, &control, &stream[head_end..], limits);
                let leave = leave(&head, &control, &meaning, len);
                Message { from, start, head_end, end: head_end.saturating_add(len), leave, meaning }
            }
        },
    }
}

/// How many bytes of `behind` the content of this head takes, and what the message means.
fn content(head: &Head<'_>, control: &Control, behind: &[u8], limits: &Limits) -> (usize, Meaning) {
    let content = match control.framing {
        Framing::Length(length) if length > limits.body_bytes_max as u64 => {
            Reading::Faulty(0, vec![413])
        }
        Framing::Length(length) => match behind.get(..length as usize) {
            Some(body) => Reading::Whole((body.to_vec(), body.len())),
            None => Reading::Unfinished,
        },
        Framing::Chunked => body::chunked(behind, limits),
    };
    let (body, len) = match content {
        Reading::Unfinished => return (usize::MAX, Meaning::Unfinished),
        Reading::Faulty(at, statuses) => return (at, Meaning::Faulty(statuses)),
        Reading::Whole(whole) => whole,
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (method, target) = (text(head.method), text(head.target));
    let (old, persistence) = (head.old, control.persistence);
    let asked = Asked { method, target, body, old, persistence };
    match unsupported(head) {
        None => (len, Meaning::Request(asked)),
        Some(status) => (len, Meaning::Unsupported(asked, status)),
    }
}

fn leave(head: &Head<'_>, control: &Control, meaning: &Meaning, len: usize) -> Leave {
    let waits = control.expects && (len > 0 || matches!(meaning, Meaning::Faulty(_)));
    let refusal = match meaning {
        Meaning::Faulty(statuses) if len == 0 => statuses.as_slice(),
        Meaning::Faulty(_)
        | Meaning::Request(_)
        | Meaning::Unsupported(_, _)
        | Meaning::Unfinished => &[],
    };
    match unsupported(head) {
        _ if !waits => Leave::NotAsked,
        None if refusal.is_empty() => Leave::Given,
        method => Leave::Refused(refusal.iter().copied().chain(method).collect()),
    }
}

/// The status that refuses this method, if it is none for a handler.
fn unsupported(head: &Head<'_>) -> Option<u16> {
    match head.method {
        b"GET" | b"HEAD" | b"POST" | b"PUT" | b"PATCH" | b"DELETE" | b"OPTIONS" => None,
        b"CONNECT" | b"TRACE" => Some(405),
        _ => Some(501),
    }
}

/// A head, in lines that are all well-formed.
struct Head<'s> {
    len: usize,
    method: &'s [u8],
    target: &'s [u8],
    /// Whether it is HTTP/1.0.
    old: bool,
    fields: Vec<(String, &'s [u8])>,
}

fn head<'s>(bytes: &'s [u8], limits: &Limits) -> Reading<Head<'s>> {
    // Where each fault becomes plain. The first one counts; of several at the same byte, any.
    let mut faults: Vec<(usize, u16)> = Vec::new();
    let first = first_line(bytes);
    let mut fields = Vec::new();
    let mut at = 0;
    let mut is_whole = false;
    while !is_whole {
        let line = first_line(&bytes[at..]);
        let kind = if at == 0 { Line::Request } else { Line::Field };
        if let Some(unsound) = kind.first_unsound(line) {
            faults.push((at + unsound, 400));
            // A lone line feed ends a line all the same, which may be one too many.
            let is_over = unsound == line.len() && line.ends_with(b"\n");
            if kind == Line::Field && is_over && fields.len() == limits.fields_max {
                faults.push((at + unsound, 431));
            }
            break;
        }
        let Some(text) = lines::text_of(line) else { break };
        at += line.len();
        is_whole = text.is_empty();
        if kind == Line::Field && !is_whole {
            fields.extend(lines::field(text));
            if fields.len() > limits.fields_max {
                faults.push((at, 431));
                break;
            }
        }
    }
    faults.extend(foreign_version(first).map(|at| (at, 505)));
    faults.extend(no_text_for_target(first).map(|at| (at, 400)));
    faults.extend(target_excess(first, limits.target_bytes_max).map(|at| (at, 414)));
    let (seen, most) = (if is_whole { at } else { bytes.len() }, limits.head_bytes_max);
    if seen > most || seen == most && !is_whole {
        faults.push((most, 431));
    }
    if let Some(first) = faults.iter().map(|(at, _)| *at).min() {
        let at_first = faults.into_iter().filter(|(at, _)| *at == first);
        return Reading::Faulty(first, at_first.map(|(_, status)| status).collect());
    }
    let request = lines::text_of(first).and_then(lines::request);
    let (Some((method, target, version)), true) = (request, is_whole) else {
        return Reading::Unfinished;
    };
    Reading::Whole(Head { len: at, method, target, old: version == *b"10", fields })
}

/// Up to and including the first line feed, or all there is.
fn first_line(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    &bytes[..end.map_or(bytes.len(), |at| at + 1)]
}

/// Where it becomes plain that this is a version, and none of HTTP/1 (RFC 9110 §15.6.6).
fn foreign_version(line: &[u8]) -> Option<usize> {
    let second_space =
        line.iter().enumerate().filter(|(_, byte)| **byte == b' ').nth(1).map(|(at, _)| at)?;
    let [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] =
        *line.get(second_space + 1..)?.get(..8)?
    else {
        return None;
    };
    let is_foreign = major.is_ascii_digit() && minor.is_ascii_digit() && major != b'1';
    is_foreign.then_some(second_space + 9)
}

/// Where it becomes plain that the target is no UTF-8: with the space behind it.
fn no_text_for_target(line: &[u8]) -> Option<usize> {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let (method, target, _) = (parts.next()?, parts.next()?, parts.next()?);
    std::str::from_utf8(target).is_err().then_some(method.len() + target.len() + 2)
}

/// Where it becomes plain that the target is longer than it may be.
fn target_excess(line: &[u8], most: usize) -> Option<usize> {
    let start = line.iter().position(|byte| *byte == b' ')? + 1;
    let is_target = |byte: &&u8| !matches!(byte, b' ' | b'\r' | b'\n');
    let len = line[start..].iter().take_while(is_target).count();
    (len > most).then_some(start + most + 1)
}
