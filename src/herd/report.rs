//! What a run has shown, before it is written as a table, as JSON or as a picture.

use std::time::Duration;

use crate::event_loop::Outcome;
use crate::kind::Kind;
use crate::plan::{Corrected, Plan};
use crate::record::Mark;
use crate::tally::{Part, Tally};
use crate::times::Times;

/// A run, and what was asked for.
pub struct Report<'a> {
    pub plan: &'a Plan,
    /// What was learned before the run, in sentences.
    pub learned: &'a [String],
    pub outcome: &'a Outcome,
}

/// A closed loop stands still if it gets no answer for this time, and for several times as long as an
/// answer usually takes: a slow server does not stand still.
const STANDSTILL_MIN: Duration = Duration::from_secs(1);
const STANDSTILL_RATIO: u32 = 4;

/// A part of the run, as far as sums tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartSums {
    pub part: Part,
    pub took: Duration,
    /// Right answers to good clients.
    pub right: u64,
    /// The server's CPU time for all that it did, over these; if it was watched.
    pub cpu_ns_per_right: Option<f64>,
}

/// A number at the start, at most, and at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Course {
    pub start: u64,
    pub max: u64,
    pub end: u64,
}

impl Report<'_> {
    /// The kinds that were sent.
    pub fn kinds(&self) -> impl Iterator<Item = (Kind, &Tally)> {
        let kinds = Kind::ALL.into_iter().filter(|kind| self.plan.wanted(*kind).clients > 0);
        kinds.map(|kind| (kind, self.tally(kind)))
    }

    pub fn tally(&self, kind: Kind) -> &Tally {
        &self.outcome.tallies[kind as usize]
    }

    /// The parts of the run, in order.
    pub fn parts(&self) -> Vec<PartSums> {
        let record = &self.outcome.record;
        let mut from = &record.first;
        let mut parts = Vec::new();
        for (part, to) in &record.part_ends {
            parts.push(sums(*part, from, to));
            from = to;
        }
        parts
    }

    /// Every mark in order.
    pub fn marks(&self) -> impl Iterator<Item = &Mark> {
        let record = &self.outcome.record;
        let points = record.points.iter().map(|point| &point.mark);
        std::iter::once(&record.first).chain(points).chain(std::iter::once(&record.last))
    }

    /// How the server's resident memory went, if it was watched.
    pub fn resident_bytes(&self) -> Option<Course> {
        course(self.marks().filter_map(|mark| Some(mark.process?.resident_bytes)))
    }

    /// How its number of descriptors went, if it was watched and the system tells.
    pub fn descriptors(&self) -> Option<Course> {
        course(self.marks().filter_map(|mark| mark.process?.descriptors))
    }

    /// The kinds that stood still, and for how long: no client of a closed loop asks while all wait for
    /// an answer, so their latency says little of that time.
    pub fn standstills(&self) -> Vec<(Kind, Duration)> {
        let kinds = self.kinds().filter(|(kind, _)| self.plan.is_closed_loop(*kind));
        let silences = kinds.filter(|(_, tally)| {
            let usual = tally.latency.total().quantile(0.5);
            tally.longest_silence >= STANDSTILL_MIN.max(usual * STANDSTILL_RATIO)
        });
        silences.map(|(kind, tally)| (kind, tally.longest_silence)).collect()
    }

    /// How long a kind's answers took, as if its clients had asked on while they waited; and by which time
    /// that is corrected. Nothing, if the user has not asked for it, or it needs no correction.
    pub fn corrected(&self, kind: Kind) -> Option<(Times, Duration)> {
        let by = self.plan.corrected.filter(|_| self.plan.is_closed_loop(kind))?;
        let total = self.tally(kind).latency.total();
        let usual = match by {
            Corrected::ByMedian => total.quantile(0.5),
            Corrected::By(time) => time,
        };
        (total.count() > 0).then(|| (total.corrected(usual), usual))
    }

    /// What must not have happened and has; nothing if all is well.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for (kind, tally) in self.kinds() {
            let lost = if kind.is_good() { tally.lost } else { 0 };
            for (count, what) in [(tally.wrong, "answered wrongly"), (lost, "lost")] {
                if count > 0 {
                    failures.push(format!("{}: {count} {what}", kind.name()));
                }
            }
            if kind.is_good() && tally.right == 0 && tally.refused > 0 {
                failures.push(format!("{}: no request was answered", kind.name()));
            }
        }
        let unmade = self.outcome.unmade;
        if unmade > 0 {
            failures
                .push(format!("{unmade} requests were due, but no client was free to send them"));
        }
        failures
    }
}

fn sums(part: Part, from: &Mark, to: &Mark) -> PartSums {
    let right = to.counts.right - from.counts.right;
    let cpu_ns = match (from.process, to.process) {
        (Some(from), Some(to)) => Some(to.cpu_ns.saturating_sub(from.cpu_ns)),
        (_, _) => None,
    };
    let cpu_ns_per_right = cpu_ns.filter(|_| right > 0).map(|cpu_ns| cpu_ns as f64 / right as f64);
    PartSums { part, took: to.at.since(from.at), right, cpu_ns_per_right }
}

fn course(mut numbers: impl Iterator<Item = u64>) -> Option<Course> {
    let start = numbers.next()?;
    Some(numbers.fold(Course { start, max: start, end: start }, |course, number| Course {
        max: course.max.max(number),
        end: number,
        ..course
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Reading;
    use crate::record::Counts;
    use oneloop::engine::Time;

    #[test]
    fn a_parts_cpu_time_is_divided_among_its_own_answers() {
        let mark = |seconds, right, cpu_ns| Mark {
            at: Time::after_start(Duration::from_secs(seconds)),
            counts: Counts { right, ..Counts::default() },
            process: Some(Reading { cpu_ns, resident_bytes: 1, descriptors: None }),
        };
        let (start, calm, end) = (mark(0, 0, 500), mark(5, 100, 1500), mark(10, 150, 2500));
        assert_eq!(sums(Part::Calm, &start, &calm).cpu_ns_per_right, Some(10.0));
        assert_eq!(sums(Part::Full, &calm, &end).cpu_ns_per_right, Some(20.0));
        assert_eq!(sums(Part::Full, &end, &end).cpu_ns_per_right, None);
    }

    #[test]
    fn a_course_is_where_it_began_its_top_and_where_it_ended() {
        let told = course([3, 9, 4].into_iter());
        assert_eq!(told, Some(Course { start: 3, max: 9, end: 4 }));
        assert_eq!(course(std::iter::empty()), None);
    }
}
