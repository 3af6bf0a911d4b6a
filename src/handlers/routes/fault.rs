//! Faults, committed on purpose: what is sent instead of an answer, and answers that are wrong in one
//! place.

use std::time::Duration;

use super::body::{Bytes, Dripping};
use super::chance;
use super::route::{Fault, Place};
use crate::answer::handler::{Reply, ReplyHead, Sent};
use crate::answer::planned_fault::{BreakOff, Planned, PlannedFault};
use crate::answer::source::{Next, Piece, Source};
use crate::http::encode::CONTINUE;
use crate::http::method::Version;

/// How long a reset waits behind the last byte that the kernel has taken: a client that reads has got that
/// byte by then, and what still lies in the kernel is lost.
const RESET_PAUSE: Duration = Duration::from_millis(50);

/// The same where nothing was sent. Answers to requests before it go out meanwhile.
const BARE_RESET_PAUSE: Duration = Duration::from_millis(1);

/// What follows the body of an answer with a bad chunk, in place of the next chunk's size.
const BAD_CHUNK: &[u8] = b"\r\nno size\r\n";

/// An answer that is wrong in one place: what is right of it.
pub(super) struct Right<'m> {
    pub(super) bytes: Bytes,
    pub(super) over: Option<Duration>,
    pub(super) is_chunked: bool,
    pub(super) status: u16,
    /// Writes its status and its fields.
    pub(super) begin: &'m dyn for<'r> Fn(Reply<'r>) -> ReplyHead<'r>,
}

impl Fault {
    /// What is sent instead of an answer; `None` if it is part of one. What is drawn for it follows from
    /// `bits`.
    #[inline(never)]
    pub(super) fn instead(self, bits: u64) -> Option<Instead> {
        let (before, hold, how) = match self {
            Fault::Reset => (Vec::new(), Some(BARE_RESET_PAUSE), BreakOff::Reset),
            Fault::Close => (Vec::new(), None, BreakOff::End),
            Fault::Silence(time) => (Vec::new(), Some(time), BreakOff::End),
            Fault::NeverRead(time) => (Vec::new(), Some(time), BreakOff::Reset),
            Fault::Garbage(count) => (garbage(bits, count), None, BreakOff::End),
            Fault::BreakAt { .. }
            | Fault::Length(_)
            | Fault::TwoLengths
            | Fault::BadChunk
            | Fault::HeadOver(_)
            | Fault::Interim(_) => return None,
        };
        Some(Instead { before, hold, how })
    }

    /// Gives the answer that has this fault.
    #[inline(never)]
    pub(super) fn within(self, right: Right<'_>, reply: Reply<'_>) -> Sent {
        let Right { bytes, over, is_chunked, status, begin } = right;
        let len = bytes.len();
        if let Fault::BreakAt { at, by } = self {
            let part = Dripping::up_to(bytes, over, at.of(len));
            let (head, source) = (begin(reply), Breaking { part, by, is_out: false });
            let sent = match is_chunked {
                true => head.stream(source),
                false => head.stream_sized(len, source),
            };
            return sent.planned(self.planned());
        }
        let in_chunks = is_chunked || self == Fault::BadChunk;
        let more = if let Fault::Length(more) = self { more } else { 0 };
        let head_over = if let Fault::HeadOver(time) = self { Some(time) } else { None };
        let head = reply.head_bytes(|reply| match in_chunks {
            true => begin(reply).stream(Ended),
            false => begin(reply).stream_sized(len.saturating_add_signed(more), Ended),
        });
        let head_part = self.bend(head.bytes.clone(), len);
        let head_bytes = u16::try_from(head_part.len()).unwrap_or(u16::MAX);
        let planned = Planned { status, head_bytes, ..self.planned() };
        let mut parts = vec![Dripping::new(Bytes::Shared(head_part.into()), head_over)];
        if head.has_body {
            // HTTP/1.0 has no chunks.
            let has_chunks = in_chunks && reply.version == Version::Http11;
            let framing = |text: &[u8], parts: &mut Vec<Dripping>| {
                if has_chunks {
                    parts.push(Dripping::new(Bytes::Shared(text.into()), None));
                }
            };
            if len > 0 {
                framing(format!("{len:x}\r\n").as_bytes(), &mut parts);
            }
            parts.push(Dripping::new(bytes, over));
            match (self == Fault::BadChunk, len) {
                (true, _) => framing(BAD_CHUNK, &mut parts),
                (false, 0) => framing(b"0\r\n\r\n", &mut parts),
                (false, _) => framing(b"\r\n0\r\n\r\n", &mut parts),
            }
        }
        let is_right_otherwise = matches!(self, Fault::HeadOver(_) | Fault::Interim(_));
        let then = (!is_right_otherwise).then_some(BreakOff::End);
        reply.raw(Some(&head), planned, Sequence { parts: parts.into_iter(), now: None, then })
    }

    /// What is sent in place of this head, of an answer whose body has this length.
    fn bend(self, mut head: Vec<u8>, len: u64) -> Vec<u8> {
        if self == Fault::TwoLengths {
            // The last line of a head is empty.
            head.truncate(head.len() - 2);
            let other = format!("Content-Length: {}\r\n\r\n", len + 1);
            head.extend_from_slice(other.as_bytes());
        }
        match self {
            Fault::Interim(count) => [CONTINUE.repeat(count as usize), head].concat(),
            Fault::Reset
            | Fault::Close
            | Fault::Silence(_)
            | Fault::Garbage(_)
            | Fault::NeverRead(_)
            | Fault::BreakAt { .. }
            | Fault::Length(_)
            | Fault::TwoLengths
            | Fault::BadChunk
            | Fault::HeadOver(_) => head,
        }
    }

    /// What is told of it, if no status is.
    pub(super) fn planned(self) -> Planned {
        let fault = match self {
            Fault::Reset => PlannedFault::Reset,
            Fault::Close => PlannedFault::Close,
            Fault::Silence(_) => PlannedFault::Silence,
            Fault::Garbage(_) => PlannedFault::Garbage,
            Fault::NeverRead(_) => PlannedFault::NeverRead,
            Fault::BreakAt { .. } => PlannedFault::BreakAt,
            Fault::Length(_) => PlannedFault::Length,
            Fault::TwoLengths => PlannedFault::TwoLengths,
            Fault::BadChunk => PlannedFault::BadChunk,
            Fault::HeadOver(_) => PlannedFault::HeadOver,
            Fault::Interim(_) => PlannedFault::Interim,
        };
        Planned { fault, status: 0, head_bytes: 0 }
    }
}

impl Place {
    /// Where that is in a body of this length.
    fn of(self, len: u64) -> u64 {
        match self {
            Place::Bytes(bytes) => bytes.min(len),
            Place::Millionths(part) => {
                let at = u128::from(len) * u128::from(part) / u128::from(chance::WHOLE);
                at as u64
            }
        }
    }
}

/// This many bytes that are no HTTP, whatever `bits` are.
fn garbage(mut bits: u64, count: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count as usize + 8);
    while (bytes.len() as u64) < count {
        bits = chance::mix(bits);
        bytes.extend_from_slice(&bits.to_le_bytes());
    }
    bytes.truncate(count as usize);
    if let Some(first) = bytes.first_mut() {
        // No text begins with such a byte.
        *first |= 0x80;
    }
    bytes
}

/// Gives some bytes, holds the connection for a time, and breaks off.
pub(super) struct Instead {
    before: Vec<u8>,
    hold: Option<Duration>,
    how: BreakOff,
}

impl Source for Instead {
    fn next(&mut self, piece: &mut Piece<'_>) -> Next {
        piece.append(&self.before);
        self.before = Vec::new();
        match self.hold.take().filter(|_| !piece.is_stopping()) {
            Some(time) => Next::Wait(time),
            None => piece.break_off(self.how),
        }
    }
}

/// Gives a part of a body, and breaks off.
struct Breaking {
    part: Dripping,
    by: BreakOff,
    /// All of the part is out.
    is_out: bool,
}

impl Source for Breaking {
    fn next(&mut self, piece: &mut Piece<'_>) -> Next {
        if self.is_out {
            return piece.break_off(self.by);
        }
        match (self.part.next(piece), self.by) {
            (Next::Done, BreakOff::End) => piece.break_off(BreakOff::End),
            (Next::Done, BreakOff::Reset) => {
                self.is_out = true;
                Next::After(RESET_PAUSE)
            }
            (next @ (Next::More | Next::After(_) | Next::Wait(_)), _) => next,
        }
    }
}

/// Gives one part after the other.
struct Sequence {
    parts: std::vec::IntoIter<Dripping>,
    now: Option<Dripping>,
    /// Breaks off behind them.
    then: Option<BreakOff>,
}

impl Source for Sequence {
    fn next(&mut self, piece: &mut Piece<'_>) -> Next {
        loop {
            let Some(now) = self.now.as_mut() else {
                self.now = self.parts.next();
                match (&self.now, self.then) {
                    (Some(_), _) => continue,
                    (None, Some(how)) => return piece.break_off(how),
                    (None, None) => return Next::Done,
                }
            };
            match now.next(piece) {
                Next::Done => self.now = None,
                next @ (Next::More | Next::After(_) | Next::Wait(_)) => return next,
            }
        }
    }
}

/// The body of an answer of which only the head is wanted.
struct Ended;

impl Source for Ended {
    fn next(&mut self, _: &mut Piece<'_>) -> Next {
        Next::Done
    }
}
