//! What a poll is asked to report of a stream, and what it reports.

use std::ops::{BitOr, BitOrAssign};

/// What the poll said about a stream: nothing, or several of the constants, joined by `|`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness(u8);

impl Readiness {
    /// There may be something to read, or an end or an error to be learnt by reading.
    pub const READABLE: Readiness = Readiness(1);
    /// There may be room to write, or an error to be learnt by writing.
    pub const WRITABLE: Readiness = Readiness(2);
    /// The peer has ended its side, so the end can be read behind the last byte.
    pub const READ_CLOSED: Readiness = Readiness(4 | Readiness::READABLE.0);
    /// The peer has sent urgent data: a byte that is marked at its place in the stream, and left out
    /// of it. A read stops there, and so fills no buffer though more lies behind.
    pub const URGENT: Readiness = Readiness(16 | Readiness::READABLE.0);
    /// Messages of the peer may have carried descriptors, as they can by a Unix socket. A read stops
    /// behind such a message, and so fills no buffer though more lies behind. Not said by a poll, but
    /// known of the stream from its beginning.
    pub const DESCRIPTORS: Readiness = Readiness(32);
    /// The connection is lost, or closed on both sides: nothing that is sent arrives any more. A
    /// client that waits for its peer learns of that by its next call; a client that waits for its
    /// source makes none.
    pub const LOST: Readiness = Readiness(8);

    /// Whether the poll has said all of `what`.
    #[inline]
    pub fn is(self, what: Readiness) -> bool {
        self.0 & what.0 == what.0
    }

    /// Whether a read that returns less than was asked for has emptied the stream.
    #[inline]
    pub(crate) fn short_reads_are_last(self) -> bool {
        let ends_reads = Readiness::READ_CLOSED.0 | Readiness::URGENT.0 | Readiness::DESCRIPTORS.0;
        self.0 & ends_reads & !Readiness::READABLE.0 == 0
    }

    /// This if it is so, and else nothing.
    #[inline]
    pub fn when(self, is_so: bool) -> Readiness {
        if is_so { self } else { Readiness::default() }
    }

    /// What is left of this without `what`.
    #[inline]
    pub fn without(self, what: Readiness) -> Readiness {
        Readiness(self.0 & !what.0)
    }
}

impl BitOr for Readiness {
    type Output = Readiness;

    fn bitor(self, other: Readiness) -> Readiness {
        Readiness(self.0 | other.0)
    }
}

impl BitOrAssign for Readiness {
    fn bitor_assign(&mut self, other: Readiness) {
        self.0 |= other.0;
    }
}

/// What a poll is asked to report of a stream.
///
/// A new connection is not registered at all: it is read from at once, and one that has its
/// request answered and ends has never cost a system call for that. Room to write is asked for
/// only when a send did not take everything, which most connections never see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Interest {
    /// That it can be read.
    Readable,
    /// That it can be read, or written.
    ReadableAndWritable,
}
