//! Measures servers round by round and reports what each spends on a request.
//!
//! The servers take turns, slice by slice, so that whatever the machine does meanwhile meets them
//! all; a ratio is taken between neighbouring slices, never across.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use peers::failure::Failure;
use peers::machine::Machine;
use peers::measure::SLICE;
use peers::placement::{self, Placement};
use peers::report::{Report, ScenarioReport};
use peers::round::round;
use peers::scenario::{SCENARIOS, Scenario};
use peers::servers::{Paths, SERVERS, Server};

/// Measures servers' CPU time per request, beside a floor that parses nothing.
#[derive(Parser)]
struct Options {
    /// About a minute for everything, at the price of more noise.
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    quick: bool,
    /// How often each server is measured in each scenario.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// How long, each time, in slices of 50 ms.
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    seconds: f64,
    /// Only these servers; a ratio needs `floor` among them.
    #[arg(long, value_delimiter = ',', value_parser = server_names())]
    only: Vec<String>,
    /// Only these scenarios.
    #[arg(long, value_delimiter = ',', value_parser = scenario_names())]
    scenario: Vec<String>,
    /// The server of this project; by default its release build.
    #[arg(long, value_name = "PATH", default_value = ONELOOP)]
    oneloop: PathBuf,
    /// Write everything, every round's numbers too, to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The core that runs the servers.
    #[arg(long, value_name = "N", default_value_t = 0)]
    server_cpu: usize,
    /// The core that runs the clients.
    #[arg(long, value_name = "N", default_value_t = 1)]
    load_cpu: usize,
}

/// From this package's folder, wherever the program is started.
const ONELOOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/release/oneloop");

/// With all servers and scenarios: 3 × 32 × (0.4 s and what starting takes), about a minute.
const QUICK: (u32, f64) = (3, 0.4);

fn main() -> ExitCode {
    let options = Options::parse();
    let report = match run(&options) {
        Ok(report) => report,
        Err(failure) => {
            eprintln!("peers: {failure}");
            return ExitCode::FAILURE;
        }
    };
    print!("{report}");
    match options.json.map(|file| (fs::write(&file, json(&report)), file)) {
        None | Some((Ok(()), _)) => ExitCode::SUCCESS,
        Some((Err(error), file)) => {
            eprintln!("peers: cannot write {}: {error}", file.display());
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<Report, Failure> {
    let machine = Machine::look();
    let placement = Placement { server_cpu: options.server_cpu, load_cpu: options.load_cpu };
    placement::pin(placement.load_cpu)?;
    placement::raise_descriptor_limit();

    let paths = Paths { oneloop: options.oneloop.clone() };
    let mut present = Vec::new();
    let mut absent = Vec::new();
    for server in SERVERS.iter().filter(|server| chosen(&options.only, server.name)) {
        match server.program(&paths) {
            Some(program) => present.push((server, program)),
            None => absent.push(server.name.to_owned()),
        }
    }
    let scenarios: Vec<&Scenario> =
        SCENARIOS.iter().filter(|scenario| chosen(&options.scenario, scenario.name)).collect();
    let (rounds, seconds) = if options.quick { QUICK } else { (options.rounds, options.seconds) };

    let slices = (seconds / SLICE.as_secs_f64()).ceil() as usize;
    let mut report = Report {
        machine,
        rounds: rounds as usize,
        slices,
        slice_seconds: SLICE.as_secs_f64(),
        absent,
        scenarios: scenarios
            .iter()
            .map(|scenario| ScenarioReport::new(scenario, present.iter().map(|it| it.0.name)))
            .collect(),
    };
    let servers: Vec<(&Server, &Path)> =
        present.iter().map(|(server, program)| (*server, program.as_path())).collect();
    for number in 1..=report.rounds {
        for (scenario, found) in scenarios.iter().zip(&mut report.scenarios) {
            show_progress(&format!("round {number} of {rounds}: {}", scenario.name));
            found.add(round(&servers, scenario, number, slices, placement));
        }
    }
    show_progress("");
    report.scenarios.iter_mut().for_each(ScenarioReport::compare);
    Ok(report)
}

/// One line that replaces itself; a file or a pipe gets none.
fn show_progress(text: &str) {
    let mut stderr = io::stderr();
    if stderr.is_terminal() {
        // Nothing depends on whether it is seen.
        let _ = write!(stderr, "\r\x1b[K{text}");
    }
}

fn server_names() -> PossibleValuesParser {
    PossibleValuesParser::new(SERVERS.map(|server| server.name))
}

fn scenario_names() -> PossibleValuesParser {
    PossibleValuesParser::new(SCENARIOS.map(|scenario| scenario.name))
}

/// An empty list means everything.
fn chosen(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|chosen| chosen == name)
}

fn json(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report)
        .expect("a report holds strings and finite numbers only");
    text.push('\n');
    text
}

/// Long enough to measure, short enough to bound: 10 ms to 10 minutes.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.01..=600.0).contains(&seconds) => Ok(seconds),
        Ok(_) | Err(_) => Err("give a number of seconds from 0.01 to 600".to_owned()),
    }
}
