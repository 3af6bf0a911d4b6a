//! What is noted of one answer, and how far a connection has come with its answers.

use std::ops::Range;

use crate::answer::planned_fault::PlannedFault;
use crate::journal::access::{Asked, DATE_BYTES, PARTS, Seen};
use crate::metrics::CloseReason;
use crate::peer::PackedPeer;

/// One answer, when it was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered<'a> {
    pub(crate) peer: &'a PackedPeer,
    pub(crate) note: &'a Note,
    /// What was asked, its parts one behind the other.
    pub(crate) text: &'a [u8],
    /// The date in its head, as HTTP writes it.
    pub(crate) date: &'a [u8; DATE_BYTES],
}

/// What is noted of an answer and its request, without the request's text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    /// The slot of the client.
    pub(super) owner: u32,
    /// Where the parts of what was asked begin, and where they end.
    pub(super) text: [u32; 2],
    /// How many answers the connection has had with this one.
    pub(crate) number: u32,
    /// How long each part of what was asked is.
    pub(super) parts: [u16; PARTS],
    /// Zero if there is no answer, because the handler panicked.
    pub(crate) status: u16,
    pub(super) seen: Seen,
    /// The bytes of its head.
    pub(super) head: u32,
    /// All its bytes that have been made.
    pub(crate) bytes: usize,
    /// The same of it and of all that were noted of its client before it.
    pub(super) bytes_up_to: usize,
    /// More of its body comes over time.
    pub(crate) streams: bool,
    /// A watcher of steps was told of it already.
    pub(crate) is_seen: bool,
    pub(crate) beginning: Beginning,
    /// It has this fault on purpose.
    pub(crate) fault: Option<PlannedFault>,
}

/// When an answer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// When its request is noted.
    AtOnce,
    /// Later: this is the note of its request.
    Awaited,
    /// Now, and its request was noted before.
    Late,
}

impl Note {
    /// Of a request that has no answer yet.
    pub(super) fn of_request(
        owner: usize,
        number: u32,
        text: Range<usize>,
        (parts, seen): ([u16; PARTS], Seen),
    ) -> Note {
        Note {
            owner: owner as u32,
            text: [text.start as u32, text.end as u32],
            number,
            parts,
            status: 0,
            seen,
            head: 0,
            bytes: 0,
            bytes_up_to: 0,
            streams: false,
            is_seen: false,
            beginning: Beginning::AtOnce,
            fault: None,
        }
    }

    /// Of a connection that has ended without an answer. Of what was asked there is only whose
    /// connection it was, in this many bytes.
    pub(crate) fn of_no_request(told_bytes: u16) -> Note {
        let mut parts = [0; PARTS];
        parts[0] = told_bytes;
        Note::of_request(0, 0, 0..0, (parts, Seen::default()))
    }

    /// What was asked: `text` has its parts one behind the other.
    pub(crate) fn asked<'a>(&self, text: &'a [u8]) -> Asked<'a> {
        Asked::new(text, self.parts, self.seen)
    }

    /// Whether it was a request. If not, it was a fault.
    pub(crate) fn is_of_request(&self) -> bool {
        self.parts[1] > 0
    }

    /// Whether the handler has given an answer. If it has not, it panicked.
    pub(crate) fn is_given(&self) -> bool {
        self.status != 0
    }

    /// Whether it is of the client in this slot.
    #[inline(always)]
    pub(super) fn is_of(&self, slot: usize) -> bool {
        self.owner as usize == slot
    }

    /// How long its head is, in bytes.
    pub(crate) fn head_bytes(&self) -> usize {
        self.head as usize
    }

    /// How much of its body has been made, in bytes.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.bytes.saturating_sub(self.head_bytes()) as u64
    }

    /// The parts of its request, of the text of all.
    #[inline]
    pub(super) fn text_in<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        let [start, end] = self.text;
        &text[start as usize..end as usize]
    }

    /// Whether all of its bytes have been made.
    #[inline]
    pub(super) fn is_whole(&self) -> bool {
        self.is_given()
            && !self.streams
            && self.beginning == Beginning::AtOnce
            && self.fault.is_none()
    }

    /// Whether it was a fault, or the server has failed: it answered with a status of 500 or above, or
    /// not at all.
    pub(crate) fn is_failure(&self) -> bool {
        !self.is_given() || self.status >= 500 || !self.is_of_request()
    }
}

/// One answer that was taken whole in the turn in which it was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole {
    pub(crate) note: Note,
    /// The number of its client's connection.
    pub(crate) connection: u32,
    pub(crate) peer: PackedPeer,
}

impl Whole {
    /// What was asked: `text` is that of all answers.
    #[inline]
    pub(crate) fn asked<'a>(&self, text: &'a [u8]) -> Asked<'a> {
        self.note.asked(self.note.text_in(text))
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
    /// How many of the bytes that are owed are an interim answer's, which was made in this step.
    pub(crate) interim: usize,
}
