//! The clients that can do something now, in the order in which they do it.

use std::collections::VecDeque;

use super::client::Client;
use super::id::ClientId;
use super::stream::Stream;

/// Each client stands here at most once. One that has ended since is left over, and skipped.
#[derive(Debug)]
pub(super) struct RunQueue(VecDeque<ClientId>);

impl RunQueue {
    pub(super) fn new(capacity: usize) -> RunQueue {
        RunQueue(VecDeque::with_capacity(capacity))
    }

    /// Puts the client in this slot behind all others, unless it stands here.
    #[inline(always)]
    pub(super) fn push<S: Stream>(&mut self, key: usize, client: &mut Client<S>) {
        if !client.queued {
            client.queued = true;
            self.0.push_back(client.id(key));
        }
    }

    /// Puts a client that was taken out before all others.
    pub(super) fn push_first<S: Stream>(&mut self, key: usize, client: &mut Client<S>) {
        client.queued = true;
        self.0.push_front(client.id(key));
    }

    /// Takes out the first, which may be left over.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<ClientId> {
        self.0.pop_front()
    }

    /// Puts all of `others` behind these.
    pub(super) fn append(&mut self, others: &mut RunQueue) {
        self.0.append(&mut others.0);
    }

    /// How many stand here, with those that are left over.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = ClientId> {
        self.0.iter().copied()
    }
}
