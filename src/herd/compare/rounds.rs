//! Which server runs when, and what a slice comes to.

use std::io;
use std::time::Duration;

use super::contender::Contender;
use crate::arguments::Refusal;
use crate::event_loop::{EventLoop, Outcome, Stopped};
use crate::kind::Kind;
use crate::progress;
use crate::report::Report;
use crate::signals::Signals;

/// What a server did in one slice.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Right answers to good clients.
    pub right: u64,
    /// The same, in a second.
    pub rate: f64,
    /// How long its answers to the first kind of good clients took.
    pub p50: Duration,
    pub p99: Duration,
    /// The server's CPU time for a right answer, if it is known.
    pub cpu: Option<Duration>,
}

/// The samples of each server, in order.
pub struct Rounds {
    pub samples: Vec<Vec<Sample>>,
    /// What went wrong with each server: in which round, and what.
    pub failures: Vec<Vec<(usize, String)>>,
    pub stopped: Stopped,
}

/// Gives each of `contenders` a slice in every round. A first slice of each is not counted: it finds caches
/// empty. Each round begins with another server, so none is always behind the same one.
pub fn run(
    contenders: &[Contender],
    rounds: usize,
    signals: &mut Signals,
) -> Result<Rounds, Refusal> {
    let mut samples = vec![Vec::new(); contenders.len()];
    let mut failures = vec![Vec::new(); contenders.len()];
    for round in 0..=rounds {
        let mut of_round = vec![Sample::default(); contenders.len()];
        for place in 0..contenders.len() {
            let index = (round + place) % contenders.len();
            let contender = &contenders[index];
            let slice = slice(contender, signals)
                .map_err(|reason| Refusal::System(format!("cannot go on: {reason}")))?;
            if slice.stopped == Stopped::BySignal {
                // Only whole rounds can be compared.
                return Ok(Rounds { samples, failures, stopped: slice.stopped });
            }
            failures[index].extend(slice.failures.into_iter().map(|what| (round, what)));
            of_round[index] = slice.sample;
        }
        if round > 0 {
            for (samples, sample) in samples.iter_mut().zip(of_round) {
                samples.push(sample);
            }
            say(contenders, round, rounds, &samples);
        }
    }
    Ok(Rounds { samples, failures, stopped: Stopped::ByItself })
}

/// What has come of one slice.
struct Slice {
    sample: Sample,
    /// As a report of herd tells them.
    failures: Vec<String>,
    stopped: Stopped,
}

/// One slice of one server.
fn slice(contender: &Contender, signals: &mut Signals) -> io::Result<Slice> {
    let before = contender.cpu_time();
    let run = EventLoop::new(&contender.plan, &contender.expectations, None, signals)?;
    let outcome = run.run()?;
    let cpu = before.and_then(|before| contender.cpu_time()?.checked_sub(before));
    let plan = &contender.plan;
    let failures = Report { plan, learned: &[], outcome: &outcome }.failures();
    Ok(Slice { sample: sample(contender, &outcome, cpu), failures, stopped: outcome.stopped })
}

fn sample(contender: &Contender, outcome: &Outcome, cpu: Option<Duration>) -> Sample {
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_good());
    let right: u64 = kinds.map(|kind| outcome.tallies[kind as usize].right).sum();
    let times =
        contender.plan.main_kind().map(|kind| outcome.tallies[kind as usize].latency.total());
    let quantile = |share| times.as_ref().map_or(Duration::ZERO, |times| times.quantile(share));
    Sample {
        right,
        rate: right as f64 / outcome.took.as_secs_f64().max(1e-9),
        p50: quantile(0.5),
        p99: quantile(0.99),
        cpu: cpu.filter(|_| right > 0).map(|cpu| cpu.div_f64(right as f64)),
    }
}

/// Says on standard error how a round went.
fn say(contenders: &[Contender], round: usize, rounds: usize, samples: &[Vec<Sample>]) {
    let rates = contenders.iter().zip(samples).map(|(contender, samples)| {
        let rate = samples.last().map_or(0.0, |sample| sample.rate);
        format!("{} {rate:.0}/s", contender.letter)
    });
    let rates: Vec<String> = rates.collect();
    progress::say(&format!("round {round} of {rounds}: {}", rates.join(", ")));
}
