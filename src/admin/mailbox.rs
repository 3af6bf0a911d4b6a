//! What the loop and the answers of the admin listener tell each other.
//!
//! An answer is given in the midst of driving clients, and cannot look at all of them; a source that
//! goes on answering is owned by its connection, and has to be `Send`. So both leave word here, and
//! the loop acts on it between two steps of its turn. One thread does all of it: the lock is never
//! waited for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::snapshot::Snapshot;

/// How many may watch at once. Above: 503. A browser has one for each page that is open.
pub(super) const WATCHERS_MAX: usize = 8;

/// What the public's clients are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Stand still.
    Pause,
    /// Go on.
    Resume,
    /// Stand still, but one of them takes one step.
    Step,
    /// One of them takes one step each time that so much has passed.
    Slow(Duration),
}

/// What is left for the other side.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    /// The server was told to stop.
    pub(super) is_stopping: bool,
    /// The public's clients are held.
    pub(super) is_held: bool,
    /// Only watchers are left.
    pub(super) is_ending: bool,
    /// What all clients were doing at the last look.
    pub(super) snapshot: Arc<Snapshot>,
    /// How many looks there have been.
    pub(super) edition: u64,
    /// A watcher waits for the next edition.
    pub(super) is_wanted: bool,
    /// The clients in these slots are to be shown in it.
    pub(super) wanted_slots: Vec<usize>,
    /// What is to be done, in this order. No more than were asked for in one turn.
    pub(super) orders: Vec<Order>,
    subscriptions: [Option<Chosen>; WATCHERS_MAX],
}

/// The slot that a watcher has chosen, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Chosen(Option<usize>);

impl Mailbox {
    /// How many are watching.
    pub(super) fn watchers(&self) -> usize {
        self.subscriptions.iter().flatten().count()
    }

    /// The slots that they have chosen.
    pub(super) fn chosen(&self) -> Vec<usize> {
        self.subscriptions.iter().flatten().filter_map(|chosen| chosen.0).collect()
    }
}

/// A handle to the mailbox.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Arc<Mutex<Mailbox>>);

impl Shared {
    /// Locks the mailbox. A poisoned lock is fine: no code that holds it can leave the mailbox
    /// half-updated.
    pub(super) fn lock(&self) -> MutexGuard<'_, Mailbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subscribes a watcher that has chosen this slot; `None` if there are [`WATCHERS_MAX`] already.
    pub(super) fn subscribe(&self, slot: Option<usize>) -> Option<Subscription> {
        let mut mailbox = self.lock();
        let number = mailbox.subscriptions.iter().position(Option::is_none)?;
        mailbox.subscriptions[number] = Some(Chosen(slot));
        Some(Subscription { mailbox: self.clone(), number })
    }
}

/// A watcher's subscription. It ends when this is dropped, with the watcher's connection.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) mailbox: Shared,
    number: usize,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.mailbox.lock().subscriptions[self.number] = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_that_is_left_can_be_taken_again() {
        let mailbox = Shared::default();
        let mut subscriptions: Vec<_> =
            (0..WATCHERS_MAX).map(|slot| mailbox.subscribe(Some(slot))).collect();
        assert!(subscriptions.iter().all(Option::is_some));
        assert!(mailbox.subscribe(None).is_none());
        subscriptions.remove(3);
        assert_eq!(mailbox.lock().watchers(), WATCHERS_MAX - 1);
        let last = mailbox.subscribe(None);
        assert!(last.is_some());
        assert_eq!(mailbox.lock().chosen(), [0, 1, 2, 4, 5, 6, 7]);
    }
}
