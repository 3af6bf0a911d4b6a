//! Writes the pieces of a line one behind the other, into room that is there already.
//!
//! The room is for the longest line that there can be, so no piece asks for more of it: a piece whose
//! length is known takes a comparison and its copy. Invariant: `room` is what is left of the room, and
//! all before it is written.

use std::fmt;

/// Why a piece must find room.
const HAS_ROOM: &str = "no line is longer than the longest one";

/// Where a line is written, and how far it has come.
// What is inlined keeps it in registers. What is not takes it by value, and gives it back.
pub(crate) struct Pen<'r> {
    room: &'r mut [u8],
}

impl<'r> Pen<'r> {
    /// At the start of this room.
    #[inline(always)]
    pub(crate) fn new(room: &'r mut [u8]) -> Pen<'r> {
        Pen { room }
    }

    /// How much of the room is left, in bytes.
    #[inline(always)]
    pub(crate) fn bytes_left(&self) -> usize {
        self.room.len()
    }

    /// These bytes.
    #[inline(always)]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let room = std::mem::take(&mut self.room);
        let (here, behind) = room.split_at_mut_checked(bytes.len()).expect(HAS_ROOM);
        here.copy_from_slice(bytes);
        self.room = behind;
    }

    /// The first `length` of these bytes. All are copied, as that takes one instruction.
    #[inline(always)]
    pub(super) fn put_start<const N: usize>(&mut self, bytes: [u8; N], length: usize) {
        *self.chunk() = bytes;
        self.skip(length);
    }

    /// The next bytes, to be written by hand: as many of them count as are [skipped](Pen::skip) then.
    #[inline(always)]
    pub(super) fn chunk<const N: usize>(&mut self) -> &mut [u8; N] {
        self.room.first_chunk_mut().expect(HAS_ROOM)
    }

    /// This many bytes have been written.
    #[inline(always)]
    pub(super) fn skip(&mut self, bytes: usize) {
        let room = std::mem::take(&mut self.room);
        self.room = room.get_mut(bytes..).expect(HAS_ROOM);
    }

    /// Has `write` go on with it, which is not inlined.
    #[inline(always)]
    pub(super) fn pass_to(&mut self, write: impl FnOnce(Pen<'r>) -> Pen<'r>) {
        *self = write(Pen { room: std::mem::take(&mut self.room) });
    }
}

impl fmt::Write for Pen<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}
