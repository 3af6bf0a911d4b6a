//! What is noted down during a run: counts, latency and the server's account, over time.
//!
//! Bounded: a point a second in short runs, fewer in long ones, some hundred in all. A picture wants more
//! of them in a run of some seconds.

use std::time::Duration;

use oneloop::engine::Time;

use crate::kind::Kind;
use crate::plan::Plan;
use crate::process::{Process, Reading};
use crate::tally::{Part, Tally};
use crate::times::Times;

/// A plot has no pixels for more points.
const POINTS_MAX: u32 = 400;

/// How many points a picture has at least, if its run is long enough.
const POINTS_SHOWN_MIN: u32 = 40;

/// How far its points are apart at least: looking takes some 100 µs, in which no answer is read.
const SHOWN_STEP_MIN: Duration = Duration::from_millis(100);

/// After each hundred points the next ones are twice as far apart, where it is not known how long the
/// run takes.
const POINTS_OF_A_STEP: usize = 100;

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
    /// In [`Kind`]'s order.
    pub by_kind: [KindCounts; Kind::ALL.len()],
}

/// What is known of one kind at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindCounts {
    /// Connections that stand or are under way.
    pub open: u64,
    /// Right answers.
    pub right: u64,
}

impl Counts {
    /// Adds one kind's.
    pub fn add(&mut self, kind: Kind, live: usize, tally: &Tally) {
        let open = live as u64;
        self.by_kind[kind as usize] = KindCounts { open, right: tally.right };
        self.open += open;
        self.connected += tally.connected;
        self.right += if kind.is_good() { tally.right } else { 0 };
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
    pub p999: Duration,
    pub max: Duration,
}

/// The record of a run.
#[derive(Debug)]
pub struct Record {
    process: Option<Process>,
    step: Duration,
    /// Whether later points are further apart.
    is_open_ended: bool,
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
    /// Begins the record of a run.
    pub fn start(plan: &Plan, process: Option<Process>) -> Record {
        let process_now = process.as_ref().and_then(|process| process.look().ok());
        let first = Mark { at: Time::START, counts: Counts::default(), process: process_now };
        let is_open_ended = plan.plot.is_some() && plan.requests.is_some();
        let step = match &plan.plot {
            Some(_) if is_open_ended => SHOWN_STEP_MIN,
            Some(_) => shown_step(plan.length),
            None => step(plan.length),
        };
        Record {
            process,
            step,
            is_open_ended,
            next: Time::START + step,
            recent: Times::new(),
            first,
            part_ends: Vec::new(),
            last: first,
            points: Vec::new(),
        }
    }

    /// Notes where everything stands, and the latencies since it was noted last.
    pub fn note(&mut self, at: Time, counts: Counts, recent: Option<&Times>) {
        let process = self.process.as_ref().and_then(|process| process.look().ok());
        let mark = Mark { at, counts, process };
        if let Some(recent) = recent {
            self.recent.add(recent);
        }
        if at >= self.next {
            self.add_point(mark);
            if self.is_open_ended && self.points.len().is_multiple_of(POINTS_OF_A_STEP) {
                self.step *= 2;
            }
            while self.next <= at {
                self.next = self.next + self.step;
            }
        }
        self.last = mark;
    }

    /// When the next point is due.
    pub fn next(&self) -> Time {
        self.next
    }

    fn add_point(&mut self, mark: Mark) {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| self.recent.quantile(share));
        self.points.push(Point { mark, p50, p99, p999, max: self.recent.max() });
        self.recent.clear();
    }

    /// The run ends with what was noted last. That becomes a point, unless one is near.
    pub fn end(&mut self) {
        let near = self.points.last().map(|point| point.mark.at + self.step / 2);
        if near.is_none_or(|near| self.last.at >= near) {
            self.add_point(self.last);
        }
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

/// A second, or a part of it where there would be too few points for a picture.
fn shown_step(length: Duration) -> Duration {
    (length / POINTS_SHOWN_MIN).clamp(SHOWN_STEP_MIN, step(length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn plan(options: &[&str]) -> Plan {
        let words = [&["herd", "8888"], options].concat();
        Options::from_arguments(words).and_then(Options::plan).expect("good arguments")
    }

    #[test]
    fn there_are_enough_points_and_not_too_many() {
        for (seconds, expected) in [(1, 1), (300, 1), (301, 10), (3600, 10), (86_400, 220)] {
            let step = step(Duration::from_secs(seconds)).as_secs();
            assert_eq!(step, expected, "{seconds} s");
            assert!(seconds / step <= u64::from(POINTS_MAX));
        }
    }

    #[test]
    fn a_picture_has_more_points_of_a_short_run() {
        for (millis, expected) in [(1000, 100), (10_000, 250), (60_000, 1000), (3_600_000, 10_000)]
        {
            let step = shown_step(Duration::from_millis(millis)).as_millis();
            assert_eq!(step, expected, "{millis} ms");
        }
    }

    #[test]
    fn a_run_of_unknown_length_has_points_that_are_ever_further_apart() {
        let mut record = Record::start(&plan(&["--requests", "9", "--plot", "a"]), None);
        for tenth in 1..=3000 {
            let at = Time::after_start(Duration::from_millis(100) * tenth);
            record.note(at, Counts::default(), None);
        }
        assert!((300..=600).contains(&record.points.len()), "{}", record.points.len());
        let gap = |at: usize| record.points[at + 1].mark.at.since(record.points[at].mark.at);
        assert_eq!(gap(0), Duration::from_millis(100));
        assert!(gap(record.points.len() - 2) >= Duration::from_millis(800));
    }

    #[test]
    fn a_run_of_a_moment_has_a_point_and_the_rest_of_a_long_one_too() {
        let mut record = Record::start(&plan(&[]), None);
        let at = |millis| Time::after_start(Duration::from_millis(millis));
        record.note(at(5), Counts::default(), None);
        record.end();
        assert_eq!(record.points.len(), 1);
        for (end, points) in [(1200, 2), (1700, 3)] {
            record.note(at(1000), Counts::default(), None);
            record.note(at(end), Counts::default(), None);
            record.end();
            assert_eq!(record.points.len(), points, "{end}");
        }
    }

    #[test]
    fn a_point_holds_the_latencies_since_the_one_before() {
        let mut record = Record::start(&plan(&["--for", "1h"]), None);
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
