//! The clients that the poll has to be asked for.

use std::time::Duration;

use super::slots::KEYS_RESERVED;
use crate::time::Time;

/// How long the loop waits before it asks again. A client notices that hardly, and ten calls a second
/// cost nothing.
const REST: Duration = Duration::from_millis(100);

/// How many clients one turn asks for, at most, that had to wait: a call takes about 0.5 µs.
const WAITING_PER_TURN_MAX: usize = 1024;

/// The clients that wait for more than the poll has been asked to report.
#[derive(Debug)]
pub(super) struct Registrations {
    /// Their keys.
    waiting: Vec<usize>,
    /// When the rest is to be asked for; `None`: in this turn. The system was short of what
    /// registering takes, or a watcher has panicked.
    ask_from: Option<Time>,
}

impl Registrations {
    pub(super) fn new() -> Registrations {
        Registrations { waiting: Vec::with_capacity(KEYS_RESERVED), ask_from: None }
    }

    /// The client at `key` is to be asked for, last in this turn.
    pub(super) fn push(&mut self, key: usize) {
        self.waiting.push(key);
    }

    /// When the poll is to be asked again what it refused.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.ask_from
    }

    /// How many are to be asked for at `now`.
    pub(super) fn count(&mut self, now: Time) -> usize {
        match self.ask_from {
            None => self.waiting.len(),
            Some(from) if now < from => 0,
            Some(_) => {
                // Some have come in several times meanwhile.
                self.waiting.sort_unstable();
                self.waiting.dedup();
                self.waiting.len().min(WAITING_PER_TURN_MAX)
            }
        }
    }

    /// They are asked for now. If a watcher panics, the rest is asked in the next turn.
    pub(super) fn begin(&mut self, now: Time) {
        self.ask_from = Some(now);
    }

    pub(super) fn key(&self, index: usize) -> usize {
        self.waiting[index]
    }

    /// The first `asked` were asked for at `now`, and the next was refused, if the system `is_short`.
    pub(super) fn end(&mut self, asked: usize, is_short: bool, now: Time) {
        self.waiting.drain(..asked);
        if is_short {
            self.ask_from = Some(now + REST);
        } else if self.waiting.is_empty() {
            self.ask_from = None;
            self.waiting.shrink_to(KEYS_RESERVED);
        }
    }
}
