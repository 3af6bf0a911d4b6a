//! Gives clients turns: each once in a fixed span, and never all at once.
//!
//! Were each client's next byte due a span after its last, clients that came together would stay
//! together: the server would see a burst and a pause. Here one of `n` clients has its turn every
//! `n`th part of the span.

use std::collections::VecDeque;
use std::time::Duration;

use oneloop::engine::Time;

/// A ring of clients, named by `K`.
#[derive(Debug)]
pub struct Rotation<K> {
    ring: VecDeque<K>,
    every: Duration,
    /// When the last turn was due.
    turned: Time,
}

impl<K> Rotation<K> {
    /// No client yet. Each will have a turn once in the span `every`.
    pub fn new(every: Duration) -> Rotation<K> {
        Rotation { ring: VecDeque::new(), every, turned: Time::START }
    }

    /// Puts a client behind all others.
    pub fn join(&mut self, client: K, now: Time) {
        if self.ring.is_empty() {
            self.turned = now;
        }
        self.ring.push_back(client);
    }

    /// When the next turn is due; `None` without clients.
    pub fn next_due(&self) -> Option<Time> {
        (!self.ring.is_empty()).then(|| self.turned + self.pause())
    }

    /// Takes out the client whose turn is due by `now`. It comes back by [`Rotation::join`], unless
    /// it is gone.
    pub fn take_due(&mut self, now: Time) -> Option<K> {
        let due = self.next_due().filter(|due| *due <= now)?;
        // A long sleep is not made up for: no client is given two turns at once.
        self.turned = match now.since(due) > self.every {
            true => now,
            false => due,
        };
        self.ring.pop_front()
    }

    fn pause(&self) -> Duration {
        self.every.div_f64(self.ring.len().max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::after_start(Duration::from_millis(millis))
    }

    /// Turns within `span` milliseconds, looked for every millisecond.
    fn turns(rotation: &mut Rotation<u8>, from: u64, span: u64) -> Vec<u8> {
        let mut turns = Vec::new();
        for now in (from..from + span).map(at) {
            while let Some(client) = rotation.take_due(now) {
                turns.push(client);
                rotation.join(client, now);
            }
        }
        turns
    }

    #[test]
    fn every_client_has_a_turn_in_each_span_and_they_are_spread_over_it() {
        let mut rotation = Rotation::new(Duration::from_secs(1));
        for client in 0..4 {
            rotation.join(client, at(0));
        }
        assert_eq!(rotation.next_due(), Some(at(250)));
        assert_eq!(turns(&mut rotation, 1, 1000), [0, 1, 2, 3]);
        assert_eq!(turns(&mut rotation, 1001, 500), [0, 1]);
    }

    #[test]
    fn a_single_client_has_its_turn_once_a_span() {
        let mut rotation = Rotation::new(Duration::from_millis(100));
        rotation.join(7, at(40));
        assert_eq!(rotation.take_due(at(139)), None);
        assert_eq!(turns(&mut rotation, 140, 300), [7, 7, 7]);
    }

    #[test]
    fn a_long_sleep_is_not_made_up_for() {
        let mut rotation = Rotation::new(Duration::from_millis(100));
        for client in 0..10 {
            rotation.join(client, at(0));
        }
        let now = at(60_000);
        let mut count = 0;
        while let Some(client) = rotation.take_due(now) {
            rotation.join(client, now);
            count += 1;
        }
        assert_eq!(count, 1);
    }

    #[test]
    fn an_empty_one_has_nothing_due() {
        let mut rotation = Rotation::<u8>::new(Duration::from_secs(1));
        assert_eq!(rotation.next_due(), None);
        assert_eq!(rotation.take_due(at(99_999)), None);
    }
}
