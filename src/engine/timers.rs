//! Deadlines: one first-in, first-out list per timeout class, threaded through the slab; and a set
//! of appointments for what fits no class.
//!
//! All clients in a class have the same timeout, so the one that has waited longest is the next
//! to run out: a list in order of arrival is a sorted list. Setting, renewing and removing a
//! deadline is O(1), and so is finding the next.
//!
//! A renewal that comes sooner than 1/64 of the timeout after the last one is not carried out: a
//! busy client moves in the list about once a second, not once a request. In exchange a timeout
//! fires up to 1/64 of its length late, never early.
//!
//! The pauses of sources are of any length, so their ends are kept in order in a set. That is O(log
//! n) for a client that pauses, and nothing for all others. A pause ends as soon as it is due,
//! without a margin.
//!
//! Invariants: in each list, the links' `time` does not decrease from head to tail; in the set are
//! exactly the clients whose link says so, with the moment that it says.

use std::collections::BTreeSet;
use std::iter;

use slab::Slab;

use crate::config::{TimeoutClass, Timeouts};
use crate::connection::Deadline;
use crate::time::{PackedTime, Time, micros, sooner};

/// No client: slab keys stay far below this.
const NONE: u32 = u32::MAX;

/// A renewal may wait for this part of the timeout.
const MARGIN_DIVISOR: u32 = 64;

/// A client's membership in one of the lists, or in the set.
#[derive(Debug)]
pub(crate) struct Link {
    /// In a list: since when its time runs. In the set: when it is due.
    time: PackedTime,
    before: u32,
    behind: u32,
    membership: Membership,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Membership {
    Neither,
    List(TimeoutClass),
    Set,
}

impl Link {
    /// In neither.
    pub(crate) fn new() -> Link {
        Link {
            time: PackedTime::default(),
            before: NONE,
            behind: NONE,
            membership: Membership::Neither,
        }
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
    /// In microseconds, as is what follows.
    margin: u64,
    /// The timeout, and the margin by which it may be late.
    lasts: u64,
}

/// The lists, and the set.
#[derive(Debug)]
pub(crate) struct Timers {
    lists: [List; TimeoutClass::ALL.len()],
    /// In which of the lists clients stand: a bit for each class. Each turn asks for their first.
    occupied: u8,
    appointments: BTreeSet<(Time, u32)>,
}

impl Timers {
    pub(crate) fn new(timeouts: &Timeouts) -> Timers {
        let lists = std::array::from_fn(|class| {
            let timeout = timeouts.of(TimeoutClass::ALL[class]);
            let margin = timeout / MARGIN_DIVISOR;
            let lasts = micros(timeout.saturating_add(margin));
            List { head: NONE, tail: NONE, margin: micros(margin), lasts }
        });
        Timers { lists, occupied: 0, appointments: BTreeSet::new() }
    }

    /// Sets the deadline of the client at `key`; `None`: it has none. Within a class, none may run
    /// since before the last one that was set.
    // The usual renewal is not carried out, and that is found out in place.
    #[inline(always)]
    pub(crate) fn set<T: Timed>(
        &mut self,
        slab: &mut Slab<T>,
        key: usize,
        deadline: Option<Deadline>,
    ) {
        let link = slab[key].link();
        match deadline {
            Some(Deadline::Timeout(class, since)) if link.membership == Membership::List(class) => {
                // A timeout below 64 µs has no margin, and what is in the list already stays: others
                // may stand behind it by now.
                let renewed_by = since.micros_since(link.time.into());
                if renewed_by == 0 || renewed_by < self.lists[class as usize].margin {
                    return;
                }
            }
            Some(Deadline::At(due))
                if link.membership == Membership::Set && link.time == due.into() =>
            {
                return;
            }
            None if link.membership == Membership::Neither => return,
            Some(_) | None => {}
        }
        self.set_anew(slab, key, deadline);
    }

    /// The same, where something changes by it.
    #[inline(never)]
    fn set_anew<T: Timed>(&mut self, slab: &mut Slab<T>, key: usize, deadline: Option<Deadline>) {
        self.unlink(slab, key);
        match deadline {
            Some(Deadline::Timeout(class, since)) => self.append(slab, key, class, since),
            Some(Deadline::At(due)) => {
                *slab[key].link_mut() =
                    Link { time: due.into(), membership: Membership::Set, ..Link::new() };
                self.appointments.insert((due, short(key)));
            }
            None => {}
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

    /// A client whose time has run out at `now`. Appointments come last: sources could make as many
    /// of them as are acted on in a turn, turn after turn, while who stands in a list is soon gone.
    pub(crate) fn expired<T: Timed>(&self, slab: &Slab<T>, now: Time) -> Option<usize> {
        let mut firsts = self.firsts(slab);
        let in_list = firsts.find(|(due, _)| *due <= now).map(|(_, key)| key);
        in_list.or_else(|| {
            let (due, key) = *self.appointments.first()?;
            (due <= now).then_some(key as usize)
        })
    }

    /// When the next client's time runs out.
    pub(crate) fn next_due<T: Timed>(&self, slab: &Slab<T>) -> Option<Time> {
        let in_list = self.firsts(slab).map(|(due, _)| due).min();
        sooner(in_list, self.appointments.first().map(|(due, _)| *due))
    }

    /// Who has waited longest in each list that is not empty, and when its time runs out.
    fn firsts<T: Timed>(&self, slab: &Slab<T>) -> impl Iterator<Item = (Time, usize)> {
        let mut left = self.occupied;
        iter::from_fn(move || {
            let list = self.lists.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            let key = list.head as usize;
            Some((Time::from(slab[key].link().time).after_micros(list.lasts), key))
        })
    }

    fn append<T: Timed>(
        &mut self,
        slab: &mut Slab<T>,
        key: usize,
        class: TimeoutClass,
        since: Time,
    ) {
        let list = &mut self.lists[class as usize];
        assert!(
            list.tail == NONE || Time::from(slab[list.tail as usize].link().time) <= since,
            "the list of {class:?} would not be in order of time any more"
        );
        let this = short(key);
        let membership = Membership::List(class);
        *slab[key].link_mut() =
            Link { time: since.into(), before: list.tail, behind: NONE, membership };
        match list.tail {
            NONE => {
                list.head = this;
                self.occupied |= 1 << class as u8;
            }
            tail => slab[tail as usize].link_mut().behind = this,
        }
        list.tail = this;
    }

    fn unlink<T: Timed>(&mut self, slab: &mut Slab<T>, key: usize) {
        let link = std::mem::replace(slab[key].link_mut(), Link::new());
        let class = match link.membership {
            Membership::Neither => return,
            Membership::Set => {
                let was_there = self.appointments.remove(&(link.time.into(), short(key)));
                assert!(was_there, "a link and the set say the same");
                return;
            }
            Membership::List(class) => class,
        };
        let list = &mut self.lists[class as usize];
        match link.before {
            NONE => list.head = link.behind,
            before => slab[before as usize].link_mut().behind = link.behind,
        }
        match link.behind {
            NONE => list.tail = link.before,
            behind => slab[behind as usize].link_mut().before = link.before,
        }
        if list.head == NONE {
            self.occupied &= !(1 << class as u8);
        }
    }
}

fn short(key: usize) -> u32 {
    u32::try_from(key).expect("fewer than 4 billion clients")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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

    fn timeout(class: TimeoutClass, since_millis: u64) -> Deadline {
        Deadline::Timeout(class, at(since_millis))
    }

    const IDLE: TimeoutClass = TimeoutClass::Idle;

    #[test]
    fn the_longest_waiting_runs_out_first_and_never_early() {
        let (mut slab, mut timers) = three();
        for key in 0..3 {
            timers.set(&mut slab, key, Some(timeout(IDLE, key as u64 * 5000)));
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
            timers.set(&mut slab, key, Some(timeout(IDLE, 0)));
        }
        timers.set(&mut slab, 0, Some(timeout(IDLE, 999)));
        assert_eq!(timers.first(IDLE), Some(0), "not worth the move yet");
        timers.set(&mut slab, 0, Some(timeout(IDLE, 1000)));
        assert_eq!(timers.first(IDLE), Some(1));
        assert_eq!(timers.behind(&slab, 2), Some(0));
    }

    #[test]
    fn without_a_margin_a_deadline_that_is_set_again_as_it_was_stays_where_it_is() {
        let (mut slab, _) = three();
        let idle = Duration::from_micros(63);
        let mut timers = Timers::new(&Timeouts { idle, ..Timeouts::default() });
        timers.set(&mut slab, 0, Some(timeout(IDLE, 0)));
        timers.set(&mut slab, 1, Some(timeout(IDLE, 1)));
        timers.set(&mut slab, 0, Some(timeout(IDLE, 0)));
        assert_eq!(timers.first(IDLE), Some(0));
        timers.set(&mut slab, 0, Some(timeout(IDLE, 2)));
        assert_eq!(timers.first(IDLE), Some(1), "a renewal moves it all the same");
    }

    #[test]
    #[should_panic(expected = "in order of time")]
    fn a_deadline_that_runs_since_before_the_last_one_is_not_taken() {
        let (mut slab, mut timers) = three();
        timers.set(&mut slab, 0, Some(timeout(IDLE, 1)));
        timers.set(&mut slab, 1, Some(timeout(IDLE, 0)));
    }

    #[test]
    fn removing_from_any_place_keeps_the_list_whole() {
        for gone in 0..3 {
            let (mut slab, mut timers) = three();
            for key in 0..3 {
                timers.set(&mut slab, key, Some(timeout(IDLE, 0)));
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
    fn appointments_are_kept_in_order_to_the_moment_and_leave_nothing_behind() {
        let (mut slab, mut timers) = three();
        for (key, millis) in [(0, 300), (1, 100), (2, 200)] {
            timers.set(&mut slab, key, Some(Deadline::At(at(millis))));
        }
        assert_eq!(timers.next_due(&slab), Some(at(100)));
        assert_eq!(timers.expired(&slab, at(99)), None);
        assert_eq!(timers.expired(&slab, at(100)), Some(1));
        timers.set(&mut slab, 1, Some(Deadline::At(at(250))));
        timers.set(&mut slab, 1, Some(Deadline::At(at(250))));
        assert_eq!(timers.appointments.len(), 3, "the one before is gone");
        timers.set(&mut slab, 2, Some(timeout(IDLE, 200)));
        assert_eq!(timers.expired(&slab, at(1000)), Some(1));
        timers.set(&mut slab, 1, None);
        assert_eq!(timers.next_due(&slab), Some(at(300)));
        assert_eq!(timers.expired(&slab, at(70_000)), Some(2), "timeouts come first");
        timers.set(&mut slab, 0, Some(timeout(IDLE, 70_000)));
        assert!(timers.appointments.is_empty());
    }

    #[test]
    fn changing_the_class_changes_the_list() {
        let (mut slab, mut timers) = three();
        timers.set(&mut slab, 0, Some(timeout(IDLE, 0)));
        timers.set(&mut slab, 0, Some(timeout(TimeoutClass::Head, 0)));
        assert_eq!(timers.first(IDLE), None);
        assert_eq!(timers.first(TimeoutClass::Head), Some(0));
    }
}
