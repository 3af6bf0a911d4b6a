//! A report as text, for people.

use std::fmt::{self, Display, Formatter};

use crate::report::{Report, ScenarioReport, ServerReport};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        writeln!(f, "{} · {} cores · Linux {}", machine.cpu, machine.cores, machine.kernel)?;
        writeln!(f, "{} · load averages before {}", machine.date, machine.load_average)?;
        writeln!(
            f,
            "{} rounds of {} slices of {} s in turn; medians over rounds; \
             ratio: CPU per request over the floor's, in neighbouring slices",
            self.rounds, self.slices, self.slice_seconds
        )?;
        if !self.absent.is_empty() {
            writeln!(f, "not on this machine: {}", self.absent.join(", "))?;
        }
        self.scenarios.iter().try_for_each(|scenario| write!(f, "\n{scenario}"))
    }
}

impl Display for ScenarioReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.name, self.description)?;
        writeln!(
            f,
            "  {:<12} {:>11} {:>7} {:>15} {:>10} {:>9} {:>9} {:>9} {:>9} {:>5} {:>7}",
            "server",
            "CPU ns/req",
            "ratio",
            "min..max",
            "req/s",
            "p50 µs",
            "p99 µs",
            "p99.9 µs",
            "resident",
            "busy",
            "clients"
        )?;
        self.servers.iter().try_for_each(|server| write!(f, "{server}"))?;
        self.warnings().iter().try_for_each(|warning| writeln!(f, "  ! {warning}"))
    }
}

impl Display for ServerReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ratio = self.ratio.map_or(String::new(), |ratio| format!("{:.3}", ratio.median));
        let range =
            self.ratio.map_or(String::new(), |ratio| format!("{:.3}..{:.3}", ratio.min, ratio.max));
        let number = |digits: usize, of: fn(&crate::measure::Sample) -> f64| {
            self.median(of).map_or("-".to_owned(), |median| format!("{median:.digits$}"))
        };
        writeln!(
            f,
            "  {:<12} {:>11} {:>7} {:>15} {:>10} {:>9} {:>9} {:>9} {:>5} MiB {:>3} % {:>5} %",
            self.name,
            number(0, |sample| sample.cpu_nanoseconds),
            ratio,
            range,
            number(0, |sample| sample.requests_per_second),
            number(1, |sample| sample.p50_microseconds),
            number(1, |sample| sample.p99_microseconds),
            number(1, |sample| sample.p999_microseconds),
            number(1, |sample| sample.resident_bytes as f64 / (1 << 20) as f64),
            number(0, |sample| sample.server_busy * 100.0),
            number(0, |sample| sample.load_busy * 100.0),
        )
    }
}
