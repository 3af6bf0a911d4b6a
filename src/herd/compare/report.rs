//! What the rounds come to, before it is written as a table, as JSON or as a picture.

use std::time::Duration;

use super::contender::Contender;
use super::ratio::Spread;
use super::rounds::{Rounds, Sample};

/// How many failures of a server are told one by one.
const FAILURES_TOLD_MAX: usize = 5;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    Rate,
    P50,
    P99,
    Cpu,
}

impl Measure {
    pub const ALL: [Measure; 4] = [Measure::Rate, Measure::P50, Measure::P99, Measure::Cpu];

    /// Its name in a table.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Rate => "right/s",
            Measure::P50 => "p50",
            Measure::P99 => "p99",
            Measure::Cpu => "CPU/answer",
        }
    }

    /// Its name for programs, with its unit.
    pub fn key(self) -> &'static str {
        match self {
            Measure::Rate => "right_per_second",
            Measure::P50 => "p50_us",
            Measure::P99 => "p99_us",
            Measure::Cpu => "cpu_us_per_right",
        }
    }

    /// Its value in one slice: a number, or microseconds. `None` if nothing is known of it.
    pub fn of(self, sample: &Sample) -> Option<f64> {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        // Where nothing was answered, the rate is 0, and there is no time.
        let value = match self {
            Measure::Rate => return Some(sample.rate),
            Measure::P50 => Some(micros(sample.p50)),
            Measure::P99 => Some(micros(sample.p99)),
            Measure::Cpu => sample.cpu.map(micros),
        };
        value.filter(|value| *value > 0.0)
    }
}

/// All that is told.
pub struct Report<'a> {
    pub contenders: &'a [Contender],
    pub rounds: &'a Rounds,
    /// The crowd, as the user has written it.
    pub crowd: &'a str,
}

impl Report<'_> {
    /// The values of a server's slices.
    pub fn values(&self, index: usize, measure: Measure) -> Option<Spread> {
        Spread::of(self.rounds.samples[index].iter().filter_map(|sample| measure.of(sample)))
    }

    /// The same over those of the first server, each over that of its round.
    pub fn ratios(&self, index: usize, measure: Measure) -> Option<Spread> {
        let pairs = self.rounds.samples[index].iter().zip(&self.rounds.samples[0]);
        let ratio = |(own, first)| Some(measure.of(own)? / measure.of(first)?);
        // Over nothing there is no ratio.
        Spread::of(pairs.filter_map(ratio).filter(|ratio: &f64| ratio.is_finite()))
    }

    /// What must not have happened and has, of each round; nothing if all is well.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for (index, contender) in self.contenders.iter().enumerate() {
            let name = contender.letter;
            let slices = &self.rounds.samples[index];
            let silent = slices.iter().filter(|sample| sample.right == 0).count();
            if silent > 0 {
                failures.push(format!(
                    "{name}: no right answer in {silent} of {} slices; its times are those of the \
                     others",
                    slices.len()
                ));
            }
            let all = &self.rounds.failures[index];
            let told = all.iter().take(FAILURES_TOLD_MAX);
            failures.extend(told.map(|(round, what)| format!("{name}, round {round}: {what}")));
            if let Some(more) = all.len().checked_sub(FAILURES_TOLD_MAX).filter(|more| *more > 0) {
                failures.push(format!("{name}: {more} more failures"));
            }
        }
        failures
    }
}
