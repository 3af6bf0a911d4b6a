//! When the requests of an open loop are due: as many independent people would send them, at
//! random, however busy the server is.
//!
//! A closed loop waits with its next request for a server that is slow, and so never asks when it
//! hurts. A latency that counts from the scheduled time leaves out no waiting.

use std::ops::Add;
use std::time::Duration;

use super::random::Random;

/// A Poisson process: the next request does not know when the last one was. The same seed makes
/// the same schedule. `T` is a moment by the caller's clock.
#[derive(Clone, Debug)]
pub struct Schedule<T> {
    next: T,
    end: T,
    mean_pause: Duration,
    random: Random,
}

impl<T: Copy + Ord + Add<Duration, Output = T>> Schedule<T> {
    /// On average `rate` a second, which is above 0, from `start` until `end`.
    pub fn new(start: T, end: T, rate: f64, seed: u64) -> Schedule<T> {
        assert!(rate > 0.0, "a schedule without requests has no pauses between them");
        let mean_pause = Duration::from_secs_f64(1.0 / rate);
        let mut schedule = Schedule { next: start, end, mean_pause, random: Random::new(seed) };
        schedule.advance();
        schedule
    }

    /// When the next one is due, which may have passed; `None` when there are no more.
    pub fn next(&self) -> Option<T> {
        (self.next < self.end).then_some(self.next)
    }

    /// Takes the next one, if it is due by `now`; call it until there is none.
    pub fn take_due(&mut self, now: T) -> Option<T> {
        let due = self.next().filter(|due| *due <= now)?;
        self.advance();
        Some(due)
    }

    /// Drops what would be due from `end` on.
    pub fn end_at(&mut self, end: T) {
        self.end = self.end.min(end);
    }

    /// Pauses of a Poisson process are exponentially distributed.
    fn advance(&mut self) {
        let pause = -(1.0 - self.random.uniform()).ln();
        self.next = self.next + self.mean_pause.mul_f64(pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::ZERO;

    /// A moment, by a clock that counts from the start.
    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn as_many_are_due_as_the_rate_says_in_order_and_none_after_the_end() {
        let mut schedule = Schedule::new(START, at(10), 1000.0, 7);
        let (mut last, mut count) = (START, 0);
        while let Some(due) = schedule.take_due(at(11)) {
            assert!(last <= due && due < at(10));
            last = due;
            count += 1;
        }
        assert_eq!(schedule.next(), None);
        // Three standard deviations of a Poisson count of 10,000.
        assert!((9_700..=10_300).contains(&count), "{count}");
    }

    #[test]
    fn nothing_is_due_before_its_time_and_nothing_is_left_out_after_a_pause() {
        let mut schedule = Schedule::new(START, at(10), 100.0, 1);
        let first = schedule.next().expect("a first one");
        assert_eq!(schedule.take_due(START), None);
        let mut all = schedule.clone();
        let all = std::iter::from_fn(|| all.take_due(at(10))).count();
        let mut late = 0;
        for pause in [1, 5, 5, 9, 10] {
            late += std::iter::from_fn(|| schedule.take_due(at(pause))).count();
        }
        assert_eq!(late, all, "a late look finds all that was due meanwhile");
        assert!(first > START);
    }

    #[test]
    fn an_earlier_end_drops_the_rest() {
        let mut schedule = Schedule::new(START, at(10), 100.0, 1);
        schedule.end_at(at(1));
        let count = std::iter::from_fn(|| schedule.take_due(at(10))).count();
        assert!((60..=140).contains(&count), "{count}");
    }
}
