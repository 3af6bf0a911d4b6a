//! What is kept of the steps for the watchers: how often each arrow was walked, and the last steps
//! of a few clients.
//!
//! Counting costs a look at a connection's state before and after each step. Keeping a client's
//! steps means that all steps are told, so it is done only while a watcher has chosen one.

use std::collections::VecDeque;

use super::event::Event;
use crate::connection::arrows::ARROWS;
use crate::connection::state::StateName;
use crate::engine::ClientEvent;

/// How many steps are kept of a client: two or three requests.
const STEPS_KEPT: usize = 16;

/// How many arrows there are.
pub(crate) const ARROW_COUNT: usize = ARROWS.len();

/// What is counted and kept.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    walked: [[u64; StateName::ALL.len()]; StateName::ALL.len()],
    followed: Vec<Followed>,
}

/// A slot whose client's steps are kept.
#[derive(Debug)]
struct Followed {
    slot: usize,
    steps: VecDeque<Event>,
}

impl Watch {
    /// Keeps the steps of the clients in these slots from now on, and of no others.
    pub(crate) fn follow(&mut self, slots: &[usize]) {
        self.followed.retain(|followed| slots.contains(&followed.slot));
        for slot in slots {
            if !self.is_following(*slot) {
                let steps = VecDeque::with_capacity(STEPS_KEPT);
                self.followed.push(Followed { slot: *slot, steps });
            }
        }
    }

    fn is_following(&self, slot: usize) -> bool {
        self.followed.iter().any(|followed| followed.slot == slot)
    }

    /// Whether any client's steps are kept.
    pub(crate) fn is_following_any(&self) -> bool {
        !self.followed.is_empty()
    }

    /// Counts what a step has come to: from one state to another, with `answers` answers.
    ///
    /// One step may pass through a state (pipelining: the next request had already come). Then both
    /// transitions are counted, where that is certain.
    pub(crate) fn count(&mut self, before: StateName, after: StateName, answers: u32) {
        let waited_behind = (before, after) == (StateName::Writing, StateName::ReadingHead)
            || (before, after) == (StateName::Writing, StateName::Writing) && answers > 0;
        // An answer that begins later has nothing to be written at first.
        let begins_later = after == StateName::Pausing
            && !matches!(before, StateName::Writing | StateName::Pausing);
        let between = match (waited_behind, begins_later) {
            (true, _) => StateName::Idle,
            (false, true) => StateName::Writing,
            (false, false) => {
                self.walked[before as usize][after as usize] += 1;
                return;
            }
        };
        self.walked[before as usize][between as usize] += 1;
        self.walked[between as usize][after as usize] += 1;
    }

    /// How often each arrow was walked while there were watchers, in the order of the table.
    pub(crate) fn arrows(&self) -> [u64; ARROW_COUNT] {
        ARROWS.map(|arrow| self.walked[arrow.from as usize][arrow.to as usize])
    }

    /// Keeps this step, if its client is followed.
    pub(crate) fn keep(&mut self, slot: usize, event: &Event, step: ClientEvent) {
        let Some(followed) = self.followed.iter_mut().find(|followed| followed.slot == slot) else {
            return;
        };
        if let ClientEvent::Accepted { .. } = step {
            followed.steps.clear();
        }
        if followed.steps.len() == STEPS_KEPT {
            followed.steps.pop_front();
        }
        followed.steps.push_back(*event);
    }

    /// The last steps of the client in this slot, if they are kept.
    pub(crate) fn steps(&self, slot: usize) -> Vec<Event> {
        let followed = self.followed.iter().find(|followed| followed.slot == slot);
        followed.map_or_else(Vec::new, |followed| followed.steps.iter().copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(watch: &Watch, from: StateName, to: StateName) -> u64 {
        let at = ARROWS.iter().position(|arrow| (arrow.from, arrow.to) == (from, to));
        watch.arrows()[at.expect("an arrow")]
    }

    #[test]
    fn a_request_behind_an_answer_walks_two_arrows_in_one_step() {
        let mut watch = Watch::default();
        watch.count(StateName::Idle, StateName::Writing, 1);
        watch.count(StateName::Writing, StateName::Writing, 0);
        watch.count(StateName::Writing, StateName::Writing, 3);
        watch.count(StateName::Writing, StateName::ReadingHead, 0);
        assert_eq!(walked(&watch, StateName::Idle, StateName::Writing), 2);
        assert_eq!(walked(&watch, StateName::Writing, StateName::Idle), 2);
        assert_eq!(walked(&watch, StateName::Idle, StateName::ReadingHead), 1);
        assert_eq!(watch.arrows().iter().sum::<u64>(), 5);
    }

    #[test]
    fn an_answer_that_begins_later_walks_two_arrows_in_one_step() {
        let mut watch = Watch::default();
        watch.count(StateName::Fresh, StateName::Pausing, 1);
        watch.count(StateName::Pausing, StateName::Pausing, 0);
        watch.count(StateName::Pausing, StateName::Writing, 0);
        assert_eq!(walked(&watch, StateName::Fresh, StateName::Writing), 1);
        assert_eq!(walked(&watch, StateName::Writing, StateName::Pausing), 1);
        assert_eq!(walked(&watch, StateName::Pausing, StateName::Writing), 1);
        assert_eq!(watch.arrows().iter().sum::<u64>(), 3);
    }
}
