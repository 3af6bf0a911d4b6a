//! Bodies: a pattern that can be checked, bodies that drip, and events.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use crate::answer::source::{Next, Piece, Source};
use crate::time::{Time, micros};

/// How long a line of the pattern is, in bytes.
const LINE_BYTES: u64 = 16;

/// A body that drips gives a piece at most this often: it looks continuous to a person, and costs the
/// loop a hundred looks a second.
const DRIP_MIN: Duration = Duration::from_millis(10);

/// What a body consists of.
#[derive(Clone, Debug)]
pub(super) enum Bytes {
    Shared(Arc<[u8]>),
    /// From one position of the pattern to another.
    Pattern {
        from: u64,
        to: u64,
    },
}

impl Bytes {
    pub(super) fn len(&self) -> u64 {
        match self {
            Bytes::Shared(bytes) => bytes.len() as u64,
            Bytes::Pattern { from, to } => to - from,
        }
    }

    /// Appends `count` bytes from position `at` on.
    pub(super) fn append(&self, at: u64, count: u64, out: &mut Piece<'_>) {
        match self {
            Bytes::Shared(bytes) => out.append(&bytes[at as usize..(at + count) as usize]),
            Bytes::Pattern { from, .. } => append_pattern(from + at, count, out),
        }
    }
}

/// The pattern has lines of 16 bytes, each of which says at which position it begins: 15 digits and a
/// line feed. So every part of it says where it is from.
fn append_pattern(from: u64, count: u64, out: &mut Piece<'_>) {
    let (mut at, end) = (from, from + count);
    while at < end {
        let line_start = at - at % LINE_BYTES;
        let mut line = [0; LINE_BYTES as usize];
        let _ = writeln!(&mut line[..], "{line_start:015}");
        let line_end = end.min(line_start + LINE_BYTES);
        out.append(&line[(at - line_start) as usize..(line_end - line_start) as usize]);
        at = line_end;
    }
}

/// Gives a body piece by piece: as fast as its client reads, or spread over a time.
#[derive(Debug)]
pub(super) struct Dripping {
    pub(super) bytes: Bytes,
    pub(super) over: Option<Duration>,
    /// Up to here it is given, at the pace of the whole.
    end: u64,
    at: u64,
    began: Option<Time>,
}

impl Dripping {
    pub(super) fn new(bytes: Bytes, over: Option<Duration>) -> Dripping {
        let end = bytes.len();
        Dripping::up_to(bytes, over, end)
    }

    /// Only the first `end` bytes, at the pace of the whole.
    pub(super) fn up_to(bytes: Bytes, over: Option<Duration>, end: u64) -> Dripping {
        Dripping { bytes, over, end, at: 0, began: None }
    }

    /// How much of it is due at `now`, in bytes.
    fn due(&mut self, now: Time) -> u64 {
        let began = *self.began.get_or_insert(now);
        let len = self.bytes.len();
        let Some(over) = self.over.filter(|over| !over.is_zero()) else { return len };
        // In 65,536ths of the time: a body has at most 2^40 bytes, so the product fits.
        let passed = (micros(now.since(began)) << 16) / micros(over).max(1);
        ((len * passed.min(1 << 16)) >> 16).min(len)
    }

    /// How long the next piece is away, so that it has a byte at least.
    fn pause(&self) -> Duration {
        let over = self.over.unwrap_or_default();
        let each = micros(over) / self.bytes.len().max(1);
        Duration::from_micros(each).max(DRIP_MIN).min(over)
    }
}

impl Source for Dripping {
    fn next(&mut self, piece: &mut Piece<'_>) -> Next {
        let due = self.due(piece.asked_at()).min(self.end);
        let count = (due - self.at).min(piece.room() as u64);
        self.bytes.append(self.at, count, piece);
        self.at += count;
        // An empty body that is spread over a time ends at its end, too.
        let began = self.began.unwrap_or(piece.asked_at());
        let is_cut = self.end < self.bytes.len();
        let is_over = self.over.is_none_or(|over| piece.asked_at().since(began) >= over);
        match (self.at == self.end && (is_over || is_cut), self.at < due) {
            (true, _) => Next::Done,
            (false, true) => Next::More,
            (false, false) => Next::After(self.pause()),
        }
    }
}

/// Server-sent events: one at once, and one each time that `every` has passed.
#[derive(Debug)]
pub(super) struct Ticking {
    pub(super) every: Duration,
    pub(super) left: Option<u64>,
    pub(super) number: u64,
}

impl Source for Ticking {
    fn next(&mut self, piece: &mut Piece<'_>) -> Next {
        if piece.is_stopping() || self.left == Some(0) {
            return Next::Done;
        }
        self.number += 1;
        self.left = self.left.map(|left| left - 1);
        let _ = write!(piece, "id: {0}\ndata: event {0}\n\n", self.number);
        match self.left {
            Some(0) => Next::Done,
            Some(_) | None => Next::Wait(self.every),
        }
    }
}
