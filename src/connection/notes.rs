//! Notes of the answers that were given in a client's step, for what tells of them.
//!
//! A request's bytes vanish when it has been answered. Where answers are told of, the connection notes
//! what will be asked for, and the engine hands it on when the step is over. It notes the request
//! before the handler is called, so a request whose handler panics is told of as well. No note
//! outlives the step, and the room for notes is used again: an answer allocates nothing.

use std::net::SocketAddr;

use crate::buffer::Output;
use crate::http::method::Version;
use crate::http::parse::Head;
use crate::journal::access::{
    Asked, DATE_BYTES, FIELD_BYTES_MAX, PARTS, REFERER_BYTES_MAX, TARGET_BYTES_MAX,
};
use crate::metrics::CloseReason;

/// One answer, when it was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered<'a> {
    pub(crate) peer: SocketAddr,
    /// How many answers the connection has had with this one.
    pub(crate) number: u32,
    pub(crate) asked: Asked<'a>,
    /// The parts of `asked`, one behind the other.
    pub(crate) text: &'a [u8],
    /// How long each of them is.
    pub(crate) parts: [u16; PARTS],
    /// Zero if there is no answer, because the handler panicked.
    pub(crate) status: u16,
    /// The bytes of its head.
    pub(crate) head: usize,
    /// All its bytes that have been made.
    pub(crate) bytes: usize,
    /// More of its body comes over time.
    pub(crate) streams: bool,
    /// The date in its head, as HTTP writes it.
    pub(crate) date: &'a [u8; DATE_BYTES],
}

impl Answered<'_> {
    /// Whether the handler has given an answer. If it has not, it panicked.
    pub(crate) fn is_given(&self) -> bool {
        self.status != 0
    }
}

/// How far a connection has come with its answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// What has still to be sent of all that was made, in bytes.
    pub(crate) owed: usize,
    /// More of the last answer's body comes over time.
    pub(crate) streams: bool,
    /// Why the last answer will not be whole.
    pub(crate) broken: Option<CloseReason>,
}

/// What was noted in the present step.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    notes: Vec<Note>,
    /// The parts of all requests, one behind the other.
    text: Vec<u8>,
    /// Where the last answer ends among the client's output.
    end: usize,
}

#[derive(Debug)]
struct Note {
    number: u32,
    version: &'static str,
    /// How long each part is in `text`.
    parts: [u16; PARTS],
    status: u16,
    head: usize,
    bytes: usize,
    streams: bool,
}

impl Notes {
    /// Notes a request that the handler is about to see.
    #[cold]
    pub(super) fn on_request(&mut self, head: &Head<'_>, number: u32) {
        let mut parts = [&b""[..]; PARTS];
        parts[0] = head.method.as_bytes();
        parts[1] = head.target.as_bytes();
        for (name, value) in head.fields.iter() {
            let (index, wanted) = match name.len() {
                7 => (2, "Referer"),
                10 => (3, "User-Agent"),
                11 => (4, "Traceparent"),
                12 => (5, "X-Request-ID"),
                _ => continue,
            };
            if name.eq_ignore_ascii_case(wanted) && (index != 4 || is_trace_parent(value)) {
                parts[index] = value;
            }
        }
        let version = match head.version {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        };
        self.add(parts, version, number);
    }

    /// Notes what is no acceptable request, which the handler is about to see.
    #[cold]
    pub(super) fn on_fault(&mut self, received: &[u8], number: u32) {
        let line_end = received.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let mut parts = [&b""[..]; PARTS];
        parts[1] = &received[..line_end.unwrap_or(received.len())];
        self.add(parts, "", number);
    }

    fn add(&mut self, parts: [&[u8]; PARTS], version: &'static str, number: u32) {
        const BYTES_MAX: [usize; PARTS] = [
            FIELD_BYTES_MAX,
            TARGET_BYTES_MAX,
            REFERER_BYTES_MAX,
            FIELD_BYTES_MAX,
            FIELD_BYTES_MAX,
            FIELD_BYTES_MAX,
        ];
        let mut lengths = [0; PARTS];
        for ((part, bytes_max), length) in parts.into_iter().zip(BYTES_MAX).zip(&mut lengths) {
            // One byte more than is shown: so it is known that it was cut.
            let part = &part[..part.len().min(bytes_max + 1)];
            *length = part.len() as u16;
            self.text.extend_from_slice(part);
        }
        self.notes.push(Note {
            number,
            version,
            parts: lengths,
            status: 0,
            head: 0,
            bytes: 0,
            streams: false,
        });
    }

    /// Notes the answer to what was noted last: it has just been encoded.
    #[cold]
    pub(super) fn on_answer(&mut self, streams: bool, output: &Output) {
        let encoded = &output.encoded_of_present()[self.end..];
        self.end += encoded.len();
        if let Some(note) = self.notes.last_mut() {
            note.status = status(encoded);
            note.head = head_bytes(encoded);
            note.bytes = encoded.len() + output.uncopied_bytes();
            note.streams = streams;
        }
    }

    /// The request that was noted last is not answered yet: it is noted again when it is.
    #[cold]
    pub(super) fn withdraw(&mut self) {
        if let Some(note) = self.notes.pop() {
            let bytes: usize = note.parts.into_iter().map(usize::from).sum();
            self.text.truncate(self.text.len() - bytes);
        }
    }

    /// The last answer's source has been asked for its first piece, and perhaps that was all.
    #[cold]
    pub(super) fn on_first_piece(&mut self, streams: bool, output: &Output) {
        if let Some(note) = self.notes.last_mut() {
            let end = output.encoded_of_present().len();
            note.bytes += end - self.end;
            note.streams = streams;
            self.end = end;
        }
    }

    /// Hands on what was noted, and forgets it.
    pub(crate) fn take(
        &mut self,
        peer: SocketAddr,
        date: &[u8; DATE_BYTES],
        mut tell: impl FnMut(&Answered<'_>),
    ) {
        let mut text = &self.text[..];
        for note in self.notes.drain(..) {
            let Note { number, version, parts, status, head, bytes, streams } = note;
            let length = parts.iter().map(|part| usize::from(*part)).sum();
            let (own, rest) = text.split_at(length);
            text = rest;
            let asked = Asked::new(own, parts, version);
            tell(&Answered {
                peer,
                number,
                asked,
                text: own,
                parts,
                status,
                head,
                bytes,
                streams,
                date,
            });
        }
        self.text.clear();
        self.end = 0;
    }

    /// Whether nothing was noted in this step.
    pub(crate) fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }
}

/// The status of this answer; zero if it is none.
fn status(answer: &[u8]) -> u16 {
    match answer.get(9..12) {
        Some(digits) if digits.iter().all(u8::is_ascii_digit) => {
            digits.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'))
        }
        Some(_) | None => 0,
    }
}

/// How long the head of this answer is.
fn head_bytes(answer: &[u8]) -> usize {
    let mut at = 0;
    while let Some(length) = line_feed(&answer[at..]) {
        at += length + 1;
        if answer[at..].starts_with(b"\r\n") {
            return at + 2;
        }
    }
    answer.len()
}

/// Where the first line feed is. Looks at eight bytes at once: an answer's head has some hundreds.
fn line_feed(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const LINE_FEEDS: u64 = u64::from_ne_bytes([b'\n'; 8]);
    let words = bytes.chunks_exact(8);
    let rest = words.remainder();
    for (index, word) in words.enumerate() {
        let word = u64::from_le_bytes(word.try_into().unwrap_or_default()) ^ LINE_FEEDS;
        // The lowest byte that is zero now has its highest bit set here.
        let found = word.wrapping_sub(ONES) & !word & (ONES << 7);
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|byte| *byte == b'\n')?;
    Some(bytes.len() - rest.len() + at)
}

/// Whether this is what the W3C's Trace Context calls a valid `traceparent` of version 00.
fn is_trace_parent(value: &[u8]) -> bool {
    let is_number = |part: &[u8]| part.iter().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    let is_id = |part: &[u8]| is_number(part) && part.iter().any(|digit| *digit != b'0');
    value.len() == 55
        && value.starts_with(b"00-")
        && value[35] == b'-'
        && value[52] == b'-'
        && is_id(&value[3..35])
        && is_id(&value[36..52])
        && is_number(&value[53..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_answer_ends_at_its_empty_line() {
        let answer = b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nbody\r\n\r\n";
        assert_eq!((status(answer), head_bytes(answer)), (404, 32));
        assert_eq!((status(b"garbage"), head_bytes(b"garbage")), (0, 7));
    }

    #[test]
    fn a_line_feed_is_found_at_every_place() {
        for length in 0..40 {
            let mut bytes = vec![b'\x0b'; length];
            assert_eq!(line_feed(&bytes), None);
            for at in (0..length).rev() {
                bytes[at] = b'\n';
                assert_eq!(line_feed(&bytes), Some(at));
            }
        }
    }

    #[test]
    fn a_trace_parent_is_noted_if_it_is_valid() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_trace_parent(valid.as_bytes()));
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        ] {
            assert!(!is_trace_parent(wrong.as_bytes()), "{wrong}");
        }
    }
}
