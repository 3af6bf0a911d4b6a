//! What is noted down during a run: counts, latency and the server's account, over time.
//!
//! Bounded: a point a second in short runs, fewer in long ones, some hundred in all.

use std::time::Duration;

use oneloop::engine::Time;

use crate::process::{Process, Reading};
use crate::tally::{Part, Tally};
use crate::times::Times;

/// A plot has no pixels for more points.
const POINTS_MAX: u32 = 400;

/// Sums over all kinds, at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that stood.
    pub connected: u64,
    /// Connections that stand or are under way.
    pub open: u64,
    /// Right answers to good clients.
    pub right: u64,
    /// Wrong answers to any client.
    pub wrong: u64,
    /// Requests of good clients that were never answered.
    pub lost: u64,
    /// What was refused.
    pub refused: u64,
    /// Connections that the server ended.
    pub ended: u64,
}

impl Counts {
    /// Adds one kind's.
    pub fn add(&mut self, tally: &Tally, is_good: bool) {
        self.connected += tally.connected;
        self.right += if is_good { tally.right } else { 0 };
        self.wrong += tally.wrong;
        self.lost += tally.lost;
        self.refused += tally.refused;
        self.ended += tally.ended_total();
    }
}

/// Everything that is looked at together.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    pub at: Time,
    pub counts: Counts,
    /// The server's account, if it is watched and still there.
    pub process: Option<Reading>,
}

/// A mark, and the latency of the main kind since the one before.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub mark: Mark,
    pub p50: Duration,
    pub p99: Duration,
    pub max: Duration,
}

/// The record of a run.
#[derive(Debug)]
pub struct Record {
    process: Option<Process>,
    step: Duration,
    next: Time,
    /// Since the last point.
    recent: Times,
    /// At the beginning.
    pub first: Mark,
    /// Where the parts of the run ended.
    pub part_ends: Vec<(Part, Mark)>,
    /// At the end, or as yet.
    pub last: Mark,
    /// In order.
    pub points: Vec<Point>,
}

impl Record {
    /// Begins the record of a run that will take `length`.
    pub fn start(length: Duration, process: Option<Process>) -> Record {
        let process_now = process.as_ref().and_then(|process| process.look().ok());
        let first = Mark { at: Time::START, counts: Counts::default(), process: process_now };
        let step = step(length);
        Record {
            process,
            step,
            next: Time::START + step,
            recent: Times::new(),
            first,
            part_ends: Vec::new(),
            last: first,
            points: Vec::new(),
        }
    }

    /// Notes where everything stands, and the latencies since it was noted last. Gives the mark
    /// before.
    pub fn note(&mut self, at: Time, counts: Counts, recent: Option<&Times>) -> Mark {
        let process = self.process.as_ref().and_then(|process| process.look().ok());
        let mark = Mark { at, counts, process };
        if let Some(recent) = recent {
            self.recent.add(recent);
        }
        if at >= self.next {
            let (p50, p99) = (self.recent.quantile(0.5), self.recent.quantile(0.99));
            self.points.push(Point { mark, p50, p99, max: self.recent.max() });
            self.recent.clear();
            while self.next <= at {
                self.next = self.next + self.step;
            }
        }
        std::mem::replace(&mut self.last, mark)
    }

    /// A part of the run ends with what was noted last.
    pub fn end_part(&mut self, part: Part) {
        self.part_ends.push((part, self.last));
    }
}

/// A second, or tens of seconds where there would be too many points.
fn step(length: Duration) -> Duration {
    match length.as_secs() {
        0..=300 => Duration::from_secs(1),
        seconds => Duration::from_secs(seconds.div_ceil(10 * u64::from(POINTS_MAX)) * 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_enough_points_and_not_too_many() {
        for (seconds, expected) in [(1, 1), (300, 1), (301, 10), (3600, 10), (86_400, 220)] {
            let step = step(Duration::from_secs(seconds)).as_secs();
            assert_eq!(step, expected, "{seconds} s");
            assert!(seconds / step <= u64::from(POINTS_MAX));
        }
    }

    #[test]
    fn a_point_holds_the_latencies_since_the_one_before() {
        let mut record = Record::start(Duration::from_secs(3600), None);
        let mut recent = Times::new();
        for second in 1..=20 {
            recent.clear();
            recent.record(Duration::from_millis(second));
            let at = Time::after_start(Duration::from_secs(second));
            record.note(at, Counts { right: second, ..Counts::default() }, Some(&recent));
        }
        let points: Vec<_> = record
            .points
            .iter()
            .map(|point| (point.mark.counts.right, point.max.as_millis()))
            .collect();
        assert_eq!(points, [(10, 10), (20, 20)]);
        assert_eq!(record.last.counts.right, 20);
    }
}
