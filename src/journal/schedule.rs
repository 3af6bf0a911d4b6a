//! When lines that wait are written: seldom, so that they cost little, and soon enough for a person
//! who watches.
//!
//! Reads no clock and makes no system call: an outlet asks when to write, and tells what came of it.
//! Invariant: while the reader takes what is written, a line that is not urgent waits for at most
//! [`GATHERING`], and another one not at all.

use std::time::Duration;

use super::Waiting;
use crate::time::Time;

/// How long lines are gathered at most since the last write. Each write is a call, and wakes the
/// reader. A person cannot see that a line has waited for this long, and twenty writes a second
/// cost nothing.
const GATHERING: Duration = Duration::from_millis(50);

/// How soon it is tried again at the earliest when there was no room: in that time a pipe can be
/// emptied. Each further time without room doubles it.
const REST_MIN: Duration = Duration::from_millis(1);

/// How often it is doubled at most: a reader that has stopped costs eight calls a second.
const DOUBLINGS_MAX: u32 = 7;

/// How soon it is tried again when writing has failed: a disk that is full stays so for a while.
const REST_AFTER_ERROR: Duration = Duration::from_secs(1);

/// When to write next, by what came of the writes before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Schedule {
    /// Lines that are not urgent wait for others until then.
    gathers_until: Time,
    /// Nothing is tried before this.
    rests_until: Time,
    /// How often in a row there was no room.
    refusals: u32,
    /// Writing has failed since it last succeeded.
    fails: bool,
}

impl Schedule {
    /// When what waits is to be written. After a pause the first line is due at once.
    #[inline]
    pub(crate) fn due(&self, waiting: Waiting) -> Option<Time> {
        match waiting {
            Waiting::Nothing => None,
            Waiting::Patiently => Some(self.gathers_until.max(self.rests_until)),
            Waiting::Urgently => Some(self.rests_until),
        }
    }

    /// Some of it was written at `now`, and this is left.
    pub(crate) fn on_written(&mut self, now: Time, left: Waiting) {
        *self = match left {
            Waiting::Nothing => Schedule { gathers_until: now + GATHERING, ..Schedule::default() },
            // There was no room for the rest.
            Waiting::Patiently | Waiting::Urgently => {
                Schedule { rests_until: now + REST_MIN, ..Schedule::default() }
            }
        };
    }

    /// There was no room at `now`.
    pub(crate) fn on_refused(&mut self, now: Time) {
        self.rests_until = now + REST_MIN * 2_u32.pow(self.refusals.min(DOUBLINGS_MAX));
        self.refusals += 1;
    }

    /// Writing has failed at `now`. Says whether that is news.
    pub(crate) fn on_failed(&mut self, now: Time) -> bool {
        self.rests_until = now + REST_AFTER_ERROR;
        !std::mem::replace(&mut self.fails, true)
    }

    /// Whether writing has failed since it last succeeded.
    pub(crate) fn fails(&self) -> bool {
        self.fails
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Journal, Notice};
    use proptest::prelude::*;

    fn after_millis(millis: u64) -> Time {
        Time::START + Duration::from_millis(millis)
    }

    #[test]
    fn the_first_line_after_a_pause_is_due_at_once_and_the_next_is_gathered() {
        let mut schedule = Schedule::default();
        let now = after_millis(1000);
        assert!(schedule.due(Waiting::Patiently) <= Some(now));
        schedule.on_written(now, Waiting::Nothing);
        assert_eq!(schedule.due(Waiting::Nothing), None);
        assert_eq!(schedule.due(Waiting::Patiently), Some(now + GATHERING));
        assert!(schedule.due(Waiting::Urgently) <= Some(now));
    }

    #[test]
    fn without_room_it_is_tried_ever_less_often() {
        let mut schedule = Schedule::default();
        let mut now = after_millis(0);
        let mut tries = Vec::new();
        for _ in 0..11 {
            schedule.on_refused(now);
            tries.push(now.since(Time::START).as_millis());
            now = schedule.due(Waiting::Urgently).expect("it is tried again");
        }
        assert_eq!(tries, [0, 1, 3, 7, 15, 31, 63, 127, 255, 383, 511]);
        schedule.on_written(now, Waiting::Urgently);
        assert_eq!(schedule.due(Waiting::Urgently), Some(now + REST_MIN));
    }

    #[test]
    fn a_failure_is_news_until_a_write_succeeds() {
        let mut schedule = Schedule::default();
        assert!(schedule.on_failed(after_millis(5)));
        assert!(!schedule.on_failed(after_millis(1005)));
        assert_eq!(schedule.due(Waiting::Urgently), Some(after_millis(2005)));
        schedule.on_written(after_millis(2005), Waiting::Nothing);
        assert!(!schedule.fails() && schedule.on_failed(after_millis(2010)));
    }

    /// What a turn does: how long after the last one it comes, in microseconds, how many lines that
    /// may wait and how many others it has, of this length.
    fn turns() -> impl Strategy<Value = Vec<(u64, usize, usize, usize)>> {
        let gap = prop_oneof![1..300u64, 1000..200_000u64];
        prop::collection::vec((gap, 0..6usize, 0..20usize, 1..300usize), 1..300)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_line_waits_longer_than_it_may_and_writes_are_few(turns in turns()) {
            const BYTES_MAX: usize = 8192;
            let journal = Journal::new(BYTES_MAX, Notice::Text);
            let mut schedule = Schedule::default();
            let mut now = Time::START;
            let mut oldest = None;
            let (mut writes, mut urgent_turns, mut bytes) = (0, 0, 0);
            let mut turns = turns.into_iter().peekable();
            while let Some((gap, patient, one_in_twenty, length)) = turns.next() {
                now = now + Duration::from_micros(gap);
                let line = [&vec![b'x'; length][..], b"\n"].concat();
                for _ in 0..patient {
                    journal.begin().make(Waiting::Patiently, |pen| pen.put(&line));
                }
                let is_urgent = one_in_twenty == 0;
                if is_urgent {
                    journal.push(&line);
                }
                urgent_turns += usize::from(is_urgent);
                bytes += (patient + usize::from(is_urgent)) * line.len();
                if journal.waiting() != Waiting::Nothing {
                    oldest.get_or_insert(now);
                }
                // The end of this turn, and of those for which the loop is woken before the next.
                let next = turns.peek().map_or(now + GATHERING * 2, |turn| now + Duration::from_micros(turn.0));
                let mut at = now;
                while let Some(due) = schedule.due(journal.waiting()).map(|due| due.max(at)).filter(|due| *due < next) {
                    at = due;
                    prop_assert!(at.since(oldest.take().expect("a line waits")) <= GATHERING);
                    prop_assert!(!is_urgent || at == now);
                    journal.write_by(|bytes| Ok(bytes.len())).expect("memory takes all");
                    schedule.on_written(at, journal.waiting());
                    writes += 1;
                }
            }
            prop_assert!(journal.is_empty());
            prop_assert_eq!(journal.dropped(), 0);
            let spans = now.since(Time::START).as_millis() / GATHERING.as_millis() + 2;
            prop_assert!(writes <= spans as usize + urgent_turns + bytes / (BYTES_MAX / 2));
        }
    }
}
