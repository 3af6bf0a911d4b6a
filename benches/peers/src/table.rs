//! A report as text, for people.

use std::fmt::{self, Display, Formatter};

use crate::idle::{IdleReport, Series};
use crate::report::{Report, ScenarioReport, ServerReport};
use crate::scenario::Compared;
use crate::statistics::Spread;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        writeln!(f, "{} · {} cores · Linux {}", machine.cpu, machine.cores, machine.kernel)?;
        writeln!(
            f,
            "{} · load averages before {} · took {} s",
            machine.date, machine.load_average, self.elapsed_seconds
        )?;
        writeln!(
            f,
            "{} rounds of {} slices of {} s in turn; medians over rounds; ratio: over the \
             floor's, in neighbouring slices, with its quartiles; of ours: over oneloop's",
            self.rounds, self.slices, self.slice_seconds
        )?;
        if !self.absent.is_empty() {
            writeln!(f, "not on this machine: {}", self.absent.join(", "))?;
        }
        let (costs, tails): (Vec<_>, Vec<_>) =
            self.scenarios.iter().partition(|scenario| scenario.compared == Compared::Cpu);
        costs.iter().try_for_each(|scenario| write!(f, "\n{scenario}"))?;
        write_idle(f, &self.idle)?;
        tails.iter().try_for_each(|scenario| write!(f, "\n{scenario}"))
    }
}

fn write_idle(f: &mut Formatter<'_>, idle: &[IdleReport]) -> fmt::Result {
    if idle.is_empty() {
        return Ok(());
    }
    writeln!(f, "\nidle: resident bytes a connection, from 1000 clients to most; MiB altogether")?;
    writeln!(
        f,
        "  {:<17} {:>9} {:>9} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "server", "silent", "after one", "most", "at start", "silent", "after one", "all gone"
    )?;
    idle.iter().try_for_each(|idle| write!(f, "{idle}"))
}

impl Display for ScenarioReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.name, self.description)?;
        writeln!(
            f,
            "  {:<17} {:>11} {:>7} {:>15} {:>7} {:>10} {:>9} {:>9} {:>9} {:>9} {:>5} {:>7} {:>8}",
            "server",
            "CPU ns/req",
            "ratio",
            "quartiles",
            "of ours",
            "req/s",
            "p50 µs",
            "p99 µs",
            "p99.9 µs",
            "resident",
            "busy",
            "clients",
            "switches"
        )?;
        self.servers.iter().try_for_each(|server| write!(f, "{server}"))?;
        self.warnings().iter().try_for_each(|warning| writeln!(f, "  ! {warning}"))
    }
}

impl Display for ServerReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let median = |ratio: Option<Spread>| {
            ratio.map_or(String::new(), |ratio| format!("{:.3}", ratio.median))
        };
        let quartiles = self
            .ratio
            .map_or(String::new(), |ratio| format!("{:.3}..{:.3}", ratio.lower, ratio.upper));
        let number = |digits: usize, of: fn(&crate::measure::Sample) -> f64| {
            self.median(of).map_or("-".to_owned(), |median| format!("{median:.digits$}"))
        };
        writeln!(
            f,
            "  {:<17} {:>11} {:>7} {:>15} {:>7} {:>10} {:>9} {:>9} {:>9} {:>5} MiB {:>3} % {:>5} % \
             {:>8}",
            self.name,
            number(0, |sample| sample.cpu_nanoseconds),
            median(self.ratio),
            quartiles,
            median(self.ratio_to_oneloop),
            number(0, |sample| sample.requests_per_second),
            number(1, |sample| sample.p50_microseconds),
            number(1, |sample| sample.p99_microseconds),
            number(1, |sample| sample.p999_microseconds),
            number(1, |sample| sample.resident_bytes as f64 / (1 << 20) as f64),
            number(0, |sample| sample.server_busy * 100.0),
            number(0, |sample| sample.load_busy * 100.0),
            number(3, |sample| sample.switches_per_request),
        )
    }
}

impl Display for IdleReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let bytes =
            |slope: Option<f64>| slope.map_or("-".to_owned(), |slope| format!("{slope:.0}"));
        let most = |series: &Series| series.largest().map(|point| point.resident_bytes);
        let clients = self.answered.largest().map_or(0, |point| point.clients);
        let mebibytes = |bytes: Option<u64>| {
            bytes.map_or("-".to_owned(), |bytes| format!("{:.1}", bytes as f64 / (1 << 20) as f64))
        };
        writeln!(
            f,
            "  {:<17} {:>9} {:>9} {:>10} {:>10} {:>10} {:>10} {:>10}",
            self.name,
            bytes(self.silent.slope()),
            bytes(self.answered.slope()),
            clients,
            mebibytes(Some(self.silent.base_bytes)),
            mebibytes(most(&self.silent)),
            mebibytes(most(&self.answered)),
            mebibytes(self.answered.left_bytes),
        )?;
        self.failures.iter().try_for_each(|why| writeln!(f, "  ! {}: {why}", self.name))
    }
}
