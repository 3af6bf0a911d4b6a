//! What is remembered of a batch of clients between receiving from them and sending to them.

use super::socket::Received;
use crate::buffer::Suspended;

/// The size of the buffer into which the clients of a batch are received, in bytes: room for all of
/// them if they send heads of 700 bytes, as browsers do.
const BATCH_BYTES: usize = 64 * 1024;

/// A client of the batch: what came of receiving from it, and where in the batch's buffer that begins.
/// `None`: it can do something else first, such as send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receipt {
    pub(super) key: usize,
    pub(super) received: Option<Received>,
    pub(super) start: usize,
}

/// A client that has answers to send, or can do more.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub(super) key: usize,
    /// What is left of its share.
    pub(super) budget: usize,
    pub(super) answers: Suspended,
}

/// The present batch.
#[derive(Debug)]
pub(super) struct Batch {
    /// Where its clients are received into, one behind the other.
    pub(super) buffer: Box<[u8]>,
    /// Clients that have been received from.
    pub(super) receipts: Vec<Receipt>,
    /// How many of them have been answered, or are just being.
    pub(super) answered: usize,
    /// Clients that can do more than that, such as send.
    pub(super) unfinished: Vec<Unfinished>,
}

impl Batch {
    pub(super) fn new() -> Batch {
        let buffer = vec![0; BATCH_BYTES].into_boxed_slice();
        Batch { buffer, receipts: Vec::new(), answered: 0, unfinished: Vec::new() }
    }

    /// Where the next client is received into, if that much room is left behind `start`.
    #[inline]
    pub(super) fn room(&mut self, start: usize, bytes: usize) -> Option<&mut [u8]> {
        self.buffer.get_mut(start..start + bytes)
    }
}
