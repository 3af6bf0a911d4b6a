//! The idle clients that a stopping server has still to end.

use std::ops::Range;

use super::client::Client;
use super::id::ClientId;
use super::run_queue::RunQueue;
use super::stream::Stream;
use crate::time::Time;

/// Clients that are to be ended once nothing has come from them.
#[derive(Debug)]
pub(super) struct Leaving {
    has_begun: bool,
    /// Slots that are still to be looked at: of the clients that were idle when it began.
    slots: Range<usize>,
    /// Clients that have become idle since.
    queue: RunQueue,
    look: Option<Look>,
}

/// A look at what a client has sent.
#[derive(Clone, Copy, Debug)]
struct Look {
    key: usize,
    /// How many bytes had been received from all clients before it.
    received_bytes: u64,
    now: Time,
}

impl Leaving {
    pub(super) fn new() -> Leaving {
        Leaving { has_begun: false, slots: 0..0, queue: RunQueue::new(0), look: None }
    }

    /// Idle clients are to be ended from now on: those in `slots`, and all that become idle.
    pub(super) fn begin(&mut self, slots: Range<usize>) {
        (self.has_begun, self.slots) = (true, slots);
    }

    /// Whether idle clients are to be ended.
    #[inline(always)]
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether any have still to be looked at.
    #[inline]
    pub(super) fn is_any_left(&self) -> bool {
        self.has_begun && !(self.slots.is_empty() && self.queue.is_empty())
    }

    /// This client has become idle.
    pub(super) fn push<S: Stream>(&mut self, key: usize, client: &mut Client<S>) {
        self.queue.push(key, client);
    }

    /// How many have become idle and were not looked at since.
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// The first of those, which may have gone.
    pub(super) fn pop(&mut self) -> Option<ClientId> {
        self.queue.pop()
    }

    /// The next slot that is to be looked at.
    pub(super) fn next_slot(&mut self) -> Option<usize> {
        self.slots.next()
    }

    /// Whether this slot is one of those.
    pub(super) fn has_slot(&self, slot: usize) -> bool {
        self.slots.contains(&slot)
    }

    /// A client is looked at, and all clients have sent this much so far.
    pub(super) fn look(&mut self, key: usize, received_bytes: u64, now: Time) {
        self.look = Some(Look { key, received_bytes, now });
    }

    /// The look is over.
    pub(super) fn forget_look(&mut self) {
        self.look = None;
    }

    /// If this client is being looked at, and nothing has come of that: the time. All clients have sent
    /// this much now.
    pub(super) fn take_look(&mut self, key: usize, received_bytes: u64) -> Option<Time> {
        let look = self.look.take()?;
        (look.key == key && look.received_bytes == received_bytes).then_some(look.now)
    }
}
