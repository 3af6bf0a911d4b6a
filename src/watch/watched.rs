//! What is kept of the steps for the watchers: how often each arrow was walked, the last steps of each
//! client, the last answers, and the last step of all.
//!
//! Keeping them means that all steps are told, so it is done only while there are watchers. What was
//! kept is forgotten with the last of them; what was counted stays.

use std::collections::VecDeque;

use super::event::Event;
use crate::connection::arrows::ARROWS;
use crate::connection::state::StateName;
use crate::engine::ClientEvent;

/// How many steps are kept of a client: two or three requests.
const STEPS_KEPT: usize = 16;

/// The clients in this many slots have their steps kept, and above only those that a watcher has
/// chosen: a crowd's steps take 10 MiB at the most.
const SLOTS_KEPT: usize = 4096;

/// How many answers are kept: as many lines as a page has room for.
const ANSWERS_KEPT: usize = 12;

/// What the steps that are kept take, in bytes, with the slots that watchers may have chosen above.
pub(crate) const KEPT_BYTES_MAX: usize =
    (SLOTS_KEPT + 64) * (STEPS_KEPT * size_of::<Event>() + size_of::<VecDeque<Event>>());

/// How many arrows there are.
pub(crate) const ARROW_COUNT: usize = ARROWS.len();

const _: () = assert!(KEPT_BYTES_MAX <= 10 * 1024 * 1024, "as src/admin/README.md says");

/// What is counted and kept.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    walked: [[u64; StateName::ALL.len()]; StateName::ALL.len()],
    /// Whether there are watchers.
    is_keeping: bool,
    /// The last steps of the client in each of the first slots, the oldest first.
    steps: Vec<VecDeque<Event>>,
    /// The same of further slots that were chosen.
    chosen: Vec<(usize, VecDeque<Event>)>,
    answers: VecDeque<Event>,
    last: Option<Event>,
}

impl Watch {
    /// Keeps steps from now on; of the clients in high slots only those in `slots`.
    pub(crate) fn keep_steps(&mut self, slots: &[usize]) {
        self.is_keeping = true;
        self.chosen.retain(|(slot, _)| slots.contains(slot));
        for slot in slots.iter().copied().filter(|slot| *slot >= SLOTS_KEPT) {
            if !self.chosen.iter().any(|(chosen, _)| *chosen == slot) {
                self.chosen.push((slot, VecDeque::new()));
            }
        }
    }

    /// Keeps no more steps, and forgets those that were kept.
    pub(crate) fn forget_steps(&mut self) {
        *self = Watch { walked: self.walked, ..Watch::default() };
    }

    /// Whether steps are kept, and transitions counted.
    pub(crate) fn is_keeping(&self) -> bool {
        self.is_keeping
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

    /// Keeps this step of the client in this slot.
    pub(crate) fn keep(&mut self, slot: usize, event: &Event, step: ClientEvent) {
        self.last = Some(*event);
        if let ClientEvent::Answered(_) = step {
            push_last(&mut self.answers, ANSWERS_KEPT, event);
        }
        if slot < SLOTS_KEPT && slot >= self.steps.len() {
            self.steps.resize_with(slot + 1, VecDeque::new);
        }
        let Some(steps) = self.kept_mut(slot) else { return };
        if let ClientEvent::Accepted { .. } = step {
            steps.clear();
        }
        push_last(steps, STEPS_KEPT, event);
    }

    fn kept_mut(&mut self, slot: usize) -> Option<&mut VecDeque<Event>> {
        let chosen = self.chosen.iter_mut().find(|(chosen, _)| *chosen == slot);
        self.steps.get_mut(slot).or(chosen.map(|(_, steps)| steps))
    }

    /// The last steps of the client in this slot, as far as they are kept.
    pub(crate) fn steps(&self, slot: usize) -> Vec<Event> {
        let chosen = self.chosen.iter().find(|(chosen, _)| *chosen == slot);
        let steps = self.steps.get(slot).or(chosen.map(|(_, steps)| steps));
        steps.map_or_else(Vec::new, |steps| steps.iter().copied().collect())
    }

    /// The last answers to any client, the oldest first.
    pub(crate) fn answers(&self) -> Vec<Event> {
        self.answers.iter().copied().collect()
    }

    /// The last step of any client.
    pub(crate) fn last(&self) -> Option<Event> {
        self.last
    }
}

/// Appends an event to the last ones, of which `most` are kept.
fn push_last(events: &mut VecDeque<Event>, most: usize, event: &Event) {
    if events.len() == most {
        events.pop_front();
    }
    // Room for all of them at once would be a quarter too much while it grows.
    events.reserve_exact(most - events.len());
    events.push_back(*event);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ClientId;
    use crate::time::Time;
    use crate::watch::What;

    fn freed(slot: usize, number: u32) -> Event {
        Event::new(Time::START, What::Client(ClientId::new(slot, number), ClientEvent::Freed))
    }

    #[test]
    fn of_low_slots_the_last_steps_are_kept_and_of_high_ones_if_they_are_chosen() {
        let mut watch = Watch::default();
        let high = SLOTS_KEPT;
        watch.keep_steps(&[high, 3]);
        for number in 0..20 {
            for slot in [3, high - 1, high, high + 1] {
                watch.keep(slot, &freed(slot, number), ClientEvent::Freed);
            }
        }
        for slot in [3, high - 1, high] {
            let expected: Vec<Event> = (4..20).map(|number| freed(slot, number)).collect();
            assert_eq!(watch.steps(slot), expected, "slot {slot}");
        }
        assert_eq!(watch.steps(high + 1), []);
        assert_eq!(watch.last(), Some(freed(high + 1, 19)));
        watch.keep_steps(&[]);
        assert_eq!((watch.steps(high).len(), watch.steps(3).len()), (0, STEPS_KEPT));
        watch.forget_steps();
        assert_eq!((watch.steps(3), watch.last(), watch.is_keeping()), (vec![], None, false));
    }

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
