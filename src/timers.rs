//! Deadlines: one first-in, first-out list per timeout class, threaded through the slab.
//!
//! All clients in a class have the same timeout, so the one that has waited longest is the next
//! to run out: a list in order of arrival is a sorted list. Setting, renewing and removing a
//! deadline is O(1), and so is finding the next.
//!
//! A renewal that comes sooner than 1/64 of the timeout after the last one is not carried out:
//! a client that is busy has its place in the list changed about once a second, not once a
//! request. In exchange a deadline is acted on up to 1/64 of its timeout late, never early.
//!
//! Invariant: in each list, `since` does not decrease from head to tail.

use std::time::Duration;

use slab::Slab;

use crate::config::{TimeoutClass, Timeouts};
use crate::time::Time;

/// No client: slab keys stay far below this.
const NONE: u32 = u32::MAX;

/// A renewal may wait for this part of the timeout.
const MARGIN_DIVISOR: u32 = 64;

/// A client's place in one of the lists.
#[derive(Debug)]
pub(crate) struct Link {
    since: Time,
    before: u32,
    behind: u32,
    class: Option<TimeoutClass>,
}

impl Link {
    /// In no list.
    pub(crate) fn new() -> Link {
        Link { since: Time::START, before: NONE, behind: NONE, class: None }
    }
}

/// What can stand in a timer list.
pub(crate) trait Timed {
    fn link(&self) -> &Link;
    fn link_mut(&mut self) -> &mut Link;
}

#[derive(Clone, Copy, Debug)]
struct List {
    head: u32,
    tail: u32,
    timeout: Duration,
    margin: Duration,
}

/// The lists.
#[derive(Debug)]
pub(crate) struct Timers {
    lists: [List; TimeoutClass::ALL.len()],
}

impl Timers {
    pub(crate) fn new(timeouts: &Timeouts) -> Timers {
        let lists = TimeoutClass::ALL.map(|class| {
            let timeout = timeouts.of(class);
            List { head: NONE, tail: NONE, timeout, margin: timeout / MARGIN_DIVISOR }
        });
        Timers { lists }
    }

    /// Lets the time of the client at `key` run since `since` in the list of `class`; `None`:
    /// in no list. No `since` may lie before the last one that was set in the same class.
    pub(crate) fn set<T: Timed>(
        &mut self,
        slab: &mut Slab<T>,
        key: usize,
        deadline: Option<(TimeoutClass, Time)>,
    ) {
        let link = slab[key].link();
        match deadline {
            Some((class, since)) if link.class == Some(class) => {
                if since.since(link.since) < self.lists[class as usize].margin {
                    return;
                }
            }
            None if link.class.is_none() => return,
            Some(_) | None => {}
        }
        self.unlink(slab, key);
        if let Some((class, since)) = deadline {
            self.append(slab, key, class, since);
        }
    }

    /// The client that has waited longest in `class`.
    pub(crate) fn first(&self, class: TimeoutClass) -> Option<usize> {
        let head = self.lists[class as usize].head;
        (head != NONE).then_some(head as usize)
    }

    /// The client behind `key` in its list.
    pub(crate) fn behind<T: Timed>(&self, slab: &Slab<T>, key: usize) -> Option<usize> {
        let behind = slab[key].link().behind;
        (behind != NONE).then_some(behind as usize)
    }

    /// A client whose time has run out at `now`.
    pub(crate) fn expired<T: Timed>(&self, slab: &Slab<T>, now: Time) -> Option<usize> {
        TimeoutClass::ALL.into_iter().find_map(|class| {
            let key = self.first(class)?;
            (self.due(slab, class, key) <= now).then_some(key)
        })
    }

    /// When the next client's time runs out.
    pub(crate) fn next_due<T: Timed>(&self, slab: &Slab<T>) -> Option<Time> {
        TimeoutClass::ALL
            .into_iter()
            .filter_map(|class| Some(self.due(slab, class, self.first(class)?)))
            .min()
    }

    fn due<T: Timed>(&self, slab: &Slab<T>, class: TimeoutClass, key: usize) -> Time {
        let list = &self.lists[class as usize];
        slab[key].link().since + list.timeout + list.margin
    }

    fn append<T: Timed>(
        &mut self,
        slab: &mut Slab<T>,
        key: usize,
        class: TimeoutClass,
        since: Time,
    ) {
        let list = &mut self.lists[class as usize];
        debug_assert!(
            list.tail == NONE || slab[list.tail as usize].link().since <= since,
            "the list of {class:?} would not be in order of time any more"
        );
        let this = u32::try_from(key).expect("fewer than 4 billion clients");
        *slab[key].link_mut() = Link { since, before: list.tail, behind: NONE, class: Some(class) };
        match list.tail {
            NONE => list.head = this,
            tail => slab[tail as usize].link_mut().behind = this,
        }
        list.tail = this;
    }

    fn unlink<T: Timed>(&mut self, slab: &mut Slab<T>, key: usize) {
        let link = std::mem::replace(slab[key].link_mut(), Link::new());
        let Some(class) = link.class else { return };
        let list = &mut self.lists[class as usize];
        match link.before {
            NONE => list.head = link.behind,
            before => slab[before as usize].link_mut().behind = link.behind,
        }
        match link.behind {
            NONE => list.tail = link.before,
            behind => slab[behind as usize].link_mut().before = link.before,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Waiter(Link);

    impl Timed for Waiter {
        fn link(&self) -> &Link {
            &self.0
        }

        fn link_mut(&mut self) -> &mut Link {
            &mut self.0
        }
    }

    fn at(millis: u64) -> Time {
        Time::after_start(Duration::from_millis(millis))
    }

    /// Three clients, and an idle timeout of 64 s, so that the margin is one second.
    fn three() -> (Slab<Waiter>, Timers) {
        let mut slab = Slab::new();
        for _ in 0..3 {
            slab.insert(Waiter(Link::new()));
        }
        let timeouts = Timeouts { idle: Duration::from_secs(64), ..Timeouts::default() };
        (slab, Timers::new(&timeouts))
    }

    const IDLE: TimeoutClass = TimeoutClass::Idle;

    #[test]
    fn the_longest_waiting_runs_out_first_and_never_early() {
        let (mut slab, mut timers) = three();
        for key in 0..3 {
            timers.set(&mut slab, key, Some((IDLE, at(key as u64 * 5000))));
        }
        assert_eq!(timers.next_due(&slab), Some(at(65_000)));
        assert_eq!(timers.expired(&slab, at(64_999)), None);
        assert_eq!(timers.expired(&slab, at(65_000)), Some(0));
        timers.set(&mut slab, 0, None);
        assert_eq!(timers.next_due(&slab), Some(at(70_000)));
    }

    #[test]
    fn a_renewal_moves_a_client_to_the_end_once_the_margin_has_passed() {
        let (mut slab, mut timers) = three();
        for key in 0..3 {
            timers.set(&mut slab, key, Some((IDLE, at(0))));
        }
        timers.set(&mut slab, 0, Some((IDLE, at(999))));
        assert_eq!(timers.first(IDLE), Some(0), "not worth the move yet");
        timers.set(&mut slab, 0, Some((IDLE, at(1000))));
        assert_eq!(timers.first(IDLE), Some(1));
        assert_eq!(timers.behind(&slab, 2), Some(0));
    }

    #[test]
    fn removing_from_any_place_keeps_the_list_whole() {
        for gone in 0..3 {
            let (mut slab, mut timers) = three();
            for key in 0..3 {
                timers.set(&mut slab, key, Some((IDLE, at(0))));
            }
            timers.set(&mut slab, gone, None);
            let mut seen = Vec::new();
            let mut next = timers.first(IDLE);
            while let Some(key) = next {
                seen.push(key);
                next = timers.behind(&slab, key);
            }
            let left: Vec<usize> = (0..3).filter(|key| *key != gone).collect();
            assert_eq!(seen, left);
        }
    }

    #[test]
    fn changing_the_class_changes_the_list() {
        let (mut slab, mut timers) = three();
        timers.set(&mut slab, 0, Some((IDLE, at(0))));
        timers.set(&mut slab, 0, Some((TimeoutClass::Head, at(0))));
        assert_eq!(timers.first(IDLE), None);
        assert_eq!(timers.first(TimeoutClass::Head), Some(0));
    }
}
