//! What the public's clients have done in each second of the last minute, for a page that is just opened.
//!
//! A second is noted in the first turn behind it. A loop that sleeps takes no turn, but does nothing
//! either: so whatever has happened since the last note was in the second that followed it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::metrics::Metrics;
use crate::time::Time;

/// How far back it goes.
const SPAN: Duration = Duration::from_secs(60);

/// How far apart the notes of a busy loop are.
const SECOND: Duration = Duration::from_secs(1);

/// Notes of the last minute: at most two for each second, and one from before.
#[derive(Clone, Debug, Default)]
pub(super) struct Minute {
    notes: VecDeque<Note>,
    due: Time,
}

/// What had been done up to a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) at: Time,
    pub(super) answers: u64,
    pub(super) received_bytes: u64,
    pub(super) sent_bytes: u64,
}

impl Minute {
    /// A turn begins `now`, and this had been counted before it.
    #[inline]
    pub(super) fn on_turn(&mut self, metrics: &Metrics, now: Time) {
        if now >= self.due {
            self.note(metrics, now);
        }
    }

    #[cold]
    fn note(&mut self, metrics: &Metrics, now: Time) {
        let note = Note {
            at: now,
            answers: metrics.requests + metrics.faults,
            received_bytes: metrics.received_bytes,
            sent_bytes: metrics.sent_bytes,
        };
        if now >= self.due + SECOND {
            self.notes.push_back(Note { at: self.due, ..note });
        }
        self.notes.push_back(note);
        self.due = now + SECOND;
        while self.notes.get(1).is_some_and(|second| now.since(second.at) > SPAN) {
            self.notes.pop_front();
        }
    }

    /// The notes, the oldest first.
    pub(super) fn notes(&self) -> Vec<Note> {
        self.notes.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_before_a_sleep_was_done_in_the_second_before_it() {
        let at = |millis| Time::after_start(Duration::from_millis(millis));
        let metrics = |requests| {
            let mut metrics = Metrics::default();
            metrics.requests = requests;
            metrics
        };
        let mut minute = Minute::default();
        for (millis, requests) in [(0, 0), (400, 3), (1100, 5), (1500, 9), (30_000, 9)] {
            minute.on_turn(&metrics(requests), at(millis));
        }
        let noted = |minute: &Minute| -> Vec<(Time, u64)> {
            minute.notes().iter().map(|note| (note.at, note.answers)).collect()
        };
        let expected = [(0, 0), (1100, 5), (2100, 9), (30_000, 9)];
        assert_eq!(noted(&minute), expected.map(|(millis, answers)| (at(millis), answers)));
        minute.on_turn(&metrics(9), at(80_000));
        assert_eq!(noted(&minute)[0], (at(2100), 9), "the last from before the minute");
        for second in 81..1000 {
            minute.on_turn(&metrics(second), at(second * 1000));
        }
        assert_eq!(minute.notes().len(), 62);
    }
}
