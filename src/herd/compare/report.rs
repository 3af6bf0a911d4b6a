//! What the rounds come to, before it is written as a table, as JSON or as a picture.

use std::time::Duration;

use super::contender::Contender;
use super::ratio::Spread;
use super::rounds::{Rounds, Sample};

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
        let value = match self {
            Measure::Rate => Some(sample.rate),
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
        Spread::of(pairs.filter_map(|(own, first)| Some(measure.of(own)? / measure.of(first)?)))
    }

    /// What must not have happened and has; nothing if all is well.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for (contender, samples) in self.contenders.iter().zip(&self.rounds.samples) {
            let wrong: u64 = samples.iter().map(|sample| sample.wrong).sum();
            let silent = samples.iter().filter(|sample| sample.right == 0).count();
            for (count, what) in [(wrong, "requests"), (silent as u64, "slices")] {
                if count > 0 {
                    let how = match what {
                        "requests" => "were answered wrongly or lost",
                        _ => "had no right answer",
                    };
                    failures.push(format!("{}: {count} {what} {how}", contender.letter));
                }
            }
        }
        failures
    }
}
