//! The report in short, as a Markdown table: a row for each scenario, a column for each server.

use crate::idle::{IdleReport, Series};
use crate::measure::Sample;
use crate::report::{Report, ScenarioReport};
use crate::scenario::Compared;
use crate::servers::FLOOR;

/// Ratios to the floor, and the idle connections' bytes between the costs and the tails.
pub fn markdown(report: &Report) -> String {
    let names: Vec<&str> = match (report.scenarios.first(), &report.idle) {
        (Some(scenario), _) => scenario.servers.iter().map(|server| server.name).collect(),
        (None, idle) => idle.iter().map(|idle| idle.name).collect(),
    };
    let mut table = row("over the floor", names.iter().map(|name| (*name).to_owned()));
    table += &row("---", names.iter().map(|_| "---:".to_owned()));
    let of = |compared| report.scenarios.iter().filter(move |it| it.compared == compared);
    of(Compared::Cpu).for_each(|scenario| table += &ratios(scenario, "CPU"));
    if !report.idle.is_empty() {
        table += &slopes("idle, silent: bytes", &report.idle, |idle| &idle.silent);
        table += &slopes("idle, answered once: bytes", &report.idle, |idle| &idle.answered);
    }
    of(Compared::Tail).for_each(|scenario| table += &ratios(scenario, "p99.9"));
    table
}

/// The floor's own cell holds what the others are compared with.
fn ratios(scenario: &ScenarioReport, what: &str) -> String {
    let cells = scenario.servers.iter().map(|server| match (scenario.compared, server.ratio) {
        (_, None) => "–".to_owned(),
        (Compared::Cpu, Some(_)) if server.name == FLOOR => {
            microseconds(server.median(|sample| sample.cpu_nanoseconds / 1e3))
        }
        (Compared::Tail, Some(_)) if server.name == FLOOR => {
            microseconds(server.median(Sample::slice_p999_microseconds))
        }
        (Compared::Cpu | Compared::Tail, Some(ratio)) => format!("{:.2}", ratio.median),
    });
    row(&format!("{}: {what}", scenario.name), cells)
}

fn slopes(title: &str, idle: &[IdleReport], series: fn(&IdleReport) -> &Series) -> String {
    let cell = |slope: Option<f64>| slope.map_or("–".to_owned(), |slope| format!("{slope:.0}"));
    row(title, idle.iter().map(|idle| cell(series(idle).slope())))
}

fn microseconds(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.1} µs"))
}

fn row(title: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.collect();
    format!("| {title} | {} |\n", cells.join(" | "))
}
