//! How another part of the program lets a source that waits go on at once.
//!
//! A [`Waker`] names a source, and puts that name on a list which the loop takes at the beginning of
//! each turn. So waking is cheap, may come from any thread, and may come too late: a name whose
//! source is over names nothing, because no two sources have the same.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Lets a source that [waits](crate::Next::Wait) be asked at once: see
/// [`Piece::waker`](crate::Piece::waker).
///
/// It may be cloned, kept, and sent to another thread. To wake costs a lock that is held for some
/// nanoseconds and, if nothing else has been woken in this turn, one system call. When the answer is
/// over, for whatever reason, it does nothing.
#[derive(Clone)]
pub struct Waker {
    name: SourceName,
    woken: Arc<Woken>,
}

/// Which source it is: the slot of its client, and a number that no other source of the loop has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceName {
    pub(crate) slot: usize,
    number: u64,
}

/// Names that the loop has not taken yet. Each stands here once, so they are no more than there are
/// wakers in the program.
#[derive(Default)]
struct Woken {
    names: Mutex<BTreeSet<SourceName>>,
    /// There are names. Looked at without the lock, once a turn.
    is_any: AtomicBool,
    /// Ends the sleep of the loop.
    bell: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Waker {
    /// Lets the loop ask the source as soon as it comes to it, and returns at once. A source that does
    /// not wait is left alone: it sees what has happened when it is asked. So publish first what it
    /// is to see, and wake it then.
    pub fn wake(&self) {
        let mut names = self.woken.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(self.name);
        let was_any = self.woken.is_any.swap(true, Ordering::SeqCst);
        drop(names);
        if let Some(bell) = self.woken.bell.get().filter(|_| !was_any) {
            bell();
        }
    }

    pub(crate) fn name(&self) -> SourceName {
        self.name
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waker")
    }
}

/// Makes the wakers of a loop, and takes what they have woken.
#[derive(Default)]
pub(crate) struct Wakers {
    woken: Arc<Woken>,
    /// How many have been made.
    made: u64,
}

impl Wakers {
    /// Has `bell` called when something is woken: it ends the sleep of the loop, and may be called on
    /// any thread.
    pub(crate) fn set_bell(&self, bell: Box<dyn Fn() + Send + Sync>) {
        // There is one loop, which says so once.
        let _ = self.woken.bell.set(bell);
    }

    /// A waker for a source of the client in this slot.
    pub(crate) fn make(&mut self, slot: usize) -> Waker {
        self.made += 1;
        Waker { name: SourceName { slot, number: self.made }, woken: Arc::clone(&self.woken) }
    }

    /// Whether something was woken that has not been taken.
    pub(crate) fn is_any_woken(&self) -> bool {
        self.woken.is_any.load(Ordering::SeqCst)
    }

    /// Takes what was woken since the last call.
    pub(crate) fn take_woken(&self) -> BTreeSet<SourceName> {
        let mut names = self.woken.names.lock().unwrap_or_else(PoisonError::into_inner);
        self.woken.is_any.store(false, Ordering::SeqCst);
        std::mem::take(&mut names)
    }
}

impl fmt::Debug for Wakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wakers").field("made", &self.made).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn a_name_stands_once_and_the_bell_rings_once_until_they_are_taken() {
        static RUNG: AtomicUsize = AtomicUsize::new(0);
        let mut wakers = Wakers::default();
        wakers.set_bell(Box::new(|| {
            RUNG.fetch_add(1, Ordering::SeqCst);
        }));
        let [one, other] = [wakers.make(7), wakers.make(7)];
        assert!(!wakers.is_any_woken());
        for _ in 0..3 {
            one.wake();
        }
        std::thread::scope(|scope| drop(scope.spawn(|| other.clone().wake())));
        assert_eq!(RUNG.load(Ordering::SeqCst), 1);
        assert!(wakers.is_any_woken());
        assert_eq!(wakers.take_woken(), BTreeSet::from([one.name(), other.name()]));
        assert!(!wakers.is_any_woken() && wakers.take_woken().is_empty());
        one.wake();
        assert_eq!(RUNG.load(Ordering::SeqCst), 2);
    }
}
