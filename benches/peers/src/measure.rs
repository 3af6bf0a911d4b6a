//! One server in one scenario, in slices.
//!
//! A machine that is shared, and a virtual one always is, changes its pace by several per cent from
//! one second to the next. So the servers of a round all run, and take turns in slices short enough
//! that neighbours in time meet the same pace; [`crate::round`] pairs them. A server that is not
//! being measured sleeps.

use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::accounting::{self, Account};
use crate::failure::Failure;
use crate::load::{Load, Outcome, Plan, Until};
use crate::placement::Placement;
use crate::running::Running;
use crate::scenario::{Compared, Pace, Scenario};
use crate::servers::Server;
use crate::statistics::Spread;

/// Thousands of requests, yet shorter than most of what disturbs.
pub const SLICE: Duration = Duration::from_millis(50);

/// Goes before every slice, unmeasured: the caches that the previous server has filled become this
/// one's.
const PRELUDE: Duration = Duration::from_millis(5);

/// How long a server's capacity is measured for the open loop: steadier than one slice.
const CAPACITY: Duration = Duration::from_millis(200);

/// A server with its clients connected. Fields end in this order: the clients leave before the
/// server is killed.
pub struct Measurement {
    load: Load,
    /// Clients that were answered once, and only stay.
    _idle: Option<Load>,
    running: Running,
    /// Requests a second in an open loop; none in a closed one.
    rate: Option<f64>,
    slices: Vec<Slice>,
}

/// What one slice has cost.
struct Slice {
    used: Account,
    switches: u64,
    outcome: Outcome,
}

/// What one round has found of one server.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// The server's CPU time per request, all its threads, in nanoseconds.
    pub cpu_nanoseconds: f64,
    /// The same, slice by slice.
    pub slices_cpu_nanoseconds: Vec<f64>,
    /// The latency that 999 in 1000 stay below, slice by slice.
    pub slices_p999_microseconds: Vec<f64>,
    /// How often the server's threads were taken off a CPU, per request.
    pub switches_per_request: f64,
    /// Answers per second.
    pub requests_per_second: f64,
    /// In an open loop, how many were meant to be sent each second.
    pub offered_per_second: Option<f64>,
    /// Half of the requests were faster, in microseconds.
    pub p50_microseconds: f64,
    /// 99 in 100 were faster.
    pub p99_microseconds: f64,
    /// 999 in 1000 were faster.
    pub p999_microseconds: f64,
    /// The server's resident memory with all its clients connected.
    pub resident_bytes: u64,
    /// The server's threads.
    pub threads: usize,
    /// How much of the time the server was on a CPU; above 1 with several threads.
    pub server_busy: f64,
    /// How much of the time the server was kept waiting for a CPU by others.
    pub server_waiting: f64,
    /// How much of the time the clients were on their CPU.
    pub load_busy: f64,
    /// How many answers these numbers rest on.
    pub answered: u64,
}

impl Measurement {
    /// Starts `server` afresh, connects its clients, and warms both up.
    ///
    /// # Errors
    /// When the server cannot be started or does not answer correctly.
    pub fn open(
        server: &Server,
        program: &Path,
        scenario: &Scenario,
        placement: Placement,
    ) -> Result<Measurement, Failure> {
        let running = Running::start_server(server, program, scenario, placement)?;
        let plan = |clients, depth| Plan {
            server: running.address(),
            clients,
            depth,
            requests: scenario.requests(),
            expected: scenario.expected(),
            connections: scenario.connections,
            at_once: server.crowd.at_once,
        };
        let idle = match server.idle_clients {
            0 => None,
            clients => Some(Load::open(plan(clients, 1))?),
        };
        let mut load = Load::open(plan(scenario.clients, scenario.depth))?;
        load.run(Until::Elapsed(SLICE))?;
        let rate = match scenario.pace {
            Pace::Closed => None,
            Pace::Open { percent } => {
                let full = load.run(Until::Elapsed(CAPACITY))?;
                let capacity = full.answered as f64 / full.elapsed.as_secs_f64();
                Some(capacity * f64::from(percent) / 100.0)
            }
        };
        Ok(Measurement { load, _idle: idle, running, rate, slices: Vec::new() })
    }

    /// Measures for one slice's time.
    ///
    /// # Errors
    /// When the server does not answer correctly.
    pub fn slice(&mut self) -> Result<(), Failure> {
        self.load.run(Until::Elapsed(PRELUDE))?;
        let pid = self.running.pid();
        let before = accounting::settled(pid)?;
        let switches_before = accounting::context_switches(pid)?;
        let outcome = match self.rate {
            None => self.load.run(Until::Elapsed(SLICE))?,
            // Everyone's n-th slice has the same bursts.
            Some(rate) => self.load.run_open(SLICE, rate, self.slices.len() as u64)?,
        };
        let used = accounting::settled(pid)? - before;
        let switches = accounting::context_switches(pid)?.saturating_sub(switches_before);
        self.slices.push(Slice { used, switches, outcome });
        Ok(())
    }

    /// Sums up the slices, at least one, and ends the server.
    ///
    /// # Errors
    /// When the server has ended by itself.
    pub fn finish(self) -> Result<Sample, Failure> {
        let resident_bytes = accounting::resident_bytes(self.running.pid())?;
        let sum = |number: fn(&Slice) -> f64| self.slices.iter().map(number).sum::<f64>();
        let answered = sum(|slice| slice.outcome.answered as f64);
        let seconds = sum(|slice| slice.outcome.elapsed.as_secs_f64());
        let on_cpu = sum(|slice| slice.used.on_cpu as f64);
        let latency = self.latency();
        let microseconds = |quantile| latency.value_at_quantile(quantile) as f64 / 1e3;
        Ok(Sample {
            cpu_nanoseconds: on_cpu / answered,
            slices_cpu_nanoseconds: self.slices.iter().map(Slice::cpu_nanoseconds).collect(),
            slices_p999_microseconds: self.slices.iter().map(Slice::p999_microseconds).collect(),
            switches_per_request: sum(|slice| slice.switches as f64) / answered,
            requests_per_second: answered / seconds,
            offered_per_second: self.rate,
            p50_microseconds: microseconds(0.5),
            p99_microseconds: microseconds(0.99),
            p999_microseconds: microseconds(0.999),
            resident_bytes,
            threads: self.slices.iter().map(|slice| slice.used.threads).max().unwrap_or_default(),
            server_busy: on_cpu / 1e9 / seconds,
            server_waiting: sum(|slice| slice.used.waiting as f64) / 1e9 / seconds,
            load_busy: sum(|slice| slice.outcome.load_cpu.as_secs_f64()) / seconds,
            answered: answered as u64,
        })
    }

    fn latency(&self) -> Histogram<u64> {
        let (first, rest) = self.slices.split_first().expect("a round has at least one slice");
        rest.iter().fold(first.outcome.latency.clone(), |mut sum, slice| {
            sum += &slice.outcome.latency;
            sum
        })
    }
}

impl Slice {
    fn cpu_nanoseconds(&self) -> f64 {
        self.used.on_cpu as f64 / self.outcome.answered as f64
    }

    fn p999_microseconds(&self) -> f64 {
        self.outcome.latency.value_at_quantile(0.999) as f64 / 1e3
    }
}

impl Sample {
    /// The tail of the middle slice, which is what ratios of tails are taken from.
    pub fn slice_p999_microseconds(&self) -> f64 {
        Spread::of(self.slices_p999_microseconds.iter().copied())
            .map_or(0.0, |spread| spread.median)
    }

    /// This sample over another of the same group of turns: the median over pairs of slices that
    /// were neighbours in time. Of tails as well: a machine that stops for some milliseconds now
    /// and then owns the tail of the sum of all slices, but not that of most slices.
    pub fn ratio_to(&self, other: &Sample, compared: Compared) -> Option<f64> {
        let slices = match compared {
            Compared::Cpu => |sample: &Sample| sample.slices_cpu_nanoseconds.clone(),
            Compared::Tail => |sample: &Sample| sample.slices_p999_microseconds.clone(),
        };
        let pairs = slices(self).into_iter().zip(slices(other));
        Spread::of(pairs.map(|(own, other)| own / other)).map(|spread| spread.median)
    }
}
