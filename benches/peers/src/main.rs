//! Measures servers round by round and reports what each spends on a request.
//!
//! The servers take turns, slice by slice, so that whatever the machine does meanwhile meets them
//! all; a ratio is taken between neighbouring slices, never across.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use clap::builder::PossibleValuesParser;

use peers::bars;
use peers::chart;
use peers::failure::Failure;
use peers::idle::idle;
use peers::machine::Machine;
use peers::measure::SLICE;
use peers::placement::{self, Placement};
use peers::report::{Report, ScenarioReport};
use peers::round::{self, Extent};
use peers::scenario::{SCENARIOS, Scenario};
use peers::servers::{FLOOR, ONELOOP, Paths, SERVERS, Server};
use peers::summary;

/// Measures servers' CPU time per request, beside a floor that parses nothing.
#[derive(Parser)]
struct Options {
    /// About two minutes, at the price of more noise; without `--only` with the floor, oneloop,
    /// hyper and nginx alone.
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    quick: bool,
    /// How often each server is measured in each scenario.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// How long, each time, in slices of 50 ms.
    #[arg(long, default_value_t = 0.4, value_parser = seconds)]
    seconds: f64,
    /// Begin no round that would probably end later than this; a busy machine does fewer.
    #[arg(long, default_value_t = 28, value_parser = clap::value_parser!(u64).range(1..=1440))]
    minutes_max: u64,
    /// Only these servers; a ratio needs `floor` among them. Those that write an access log or
    /// have a crowd are measured only if they are named here.
    #[arg(long, value_delimiter = ',', value_parser = server_names())]
    only: Vec<String>,
    /// Only these scenarios; `idle` is one.
    #[arg(long, value_delimiter = ',', value_parser = scenario_names())]
    scenario: Vec<String>,
    /// The server of this project; by default its release build.
    #[arg(long, value_name = "PATH", default_value = ONELOOP_PATH)]
    oneloop: PathBuf,
    /// Write everything, every round's numbers too, to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the ratios into this file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// The core that runs the servers.
    #[arg(long, value_name = "N", default_value_t = 0)]
    server_cpu: usize,
    /// The core that runs the clients.
    #[arg(long, value_name = "N", default_value_t = 1)]
    load_cpu: usize,
}

/// From this package's folder, wherever the program is started.
const ONELOOP_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/release/oneloop");

/// Rounds, and seconds each time.
const QUICK: (u32, f64) = (2, 0.2);
/// Whom a quick run measures.
const QUICK_SERVERS: [&str; 5] = [FLOOR, "floor-again", ONELOOP, "hyper", "nginx"];
/// The scenario that is not of the table: it measures memory, not requests.
const IDLE: &str = "idle";

/// Servers with their programs.
type Present = Vec<(&'static Server, PathBuf)>;

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options).and_then(|report| publish(&report, &options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("peers: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn publish(report: &Report, options: &Options) -> Result<(), Failure> {
    let groups = bars::groups(report);
    print!("{report}\n{}\n{}", summary::markdown(report), bars::text(&groups));
    if let Some(file) = &options.json {
        write(file, &json(report))?;
    }
    if let Some(file) = &options.svg {
        let machine = &report.machine;
        let caption = format!("{} · {} · Linux {}", machine.date, machine.cpu, machine.kernel);
        write(file, &chart::svg(&groups, &caption))?;
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    fs::write(file, text).map_err(Failure::machine(format!("write {}", file.display())))
}

fn run(options: &Options) -> Result<Report, Failure> {
    let started_at = Instant::now();
    let end_at = started_at + Duration::from_secs(options.minutes_max * 60);
    let machine = Machine::look();
    let placement = Placement { server_cpu: options.server_cpu, load_cpu: options.load_cpu };
    placement::pin(placement.load_cpu)?;
    placement::raise_descriptor_limit();

    let (present, absent) = look_for_servers(options);
    let servers: Vec<(&Server, &Path)> =
        present.iter().map(|(server, program)| (*server, program.as_path())).collect();
    let scenarios: Vec<&Scenario> =
        SCENARIOS.iter().filter(|scenario| chosen(&options.scenario, scenario.name)).collect();
    let (rounds, seconds) = if options.quick { QUICK } else { (options.rounds, options.seconds) };

    let slices = (seconds / SLICE.as_secs_f64()).ceil() as usize;
    let mut report = Report {
        machine,
        rounds: rounds as usize,
        slices,
        slice_seconds: SLICE.as_secs_f64(),
        elapsed_seconds: 0,
        absent,
        scenarios: scenarios
            .iter()
            .map(|scenario| ScenarioReport::new(scenario, present.iter().map(|it| it.0)))
            .collect(),
        idle: Vec::new(),
    };
    if chosen(&options.scenario, IDLE) {
        for (server, program) in &servers {
            show_progress(&format!("idle connections: {}", server.name));
            report.idle.push(idle(server, program, &SCENARIOS[0], placement));
        }
    }
    report.rounds = measure_rounds(end_at, &servers, &scenarios, placement, &mut report);
    show_progress("");
    report.scenarios.iter_mut().for_each(ScenarioReport::compare);
    report.elapsed_seconds = started_at.elapsed().as_secs();
    Ok(report)
}

/// Round after round, until there were enough or the time is up; returns how many.
fn measure_rounds(
    end_at: Instant,
    servers: &[(&Server, &Path)],
    scenarios: &[&Scenario],
    placement: Placement,
    report: &mut Report,
) -> usize {
    let (rounds, slices) = (report.rounds, report.slices);
    let mut round_time_max = Duration::ZERO;
    let mut rounds_done = 0;
    for number in 1..=rounds {
        // The first one always: a report without it would be empty.
        if number > 1 && Instant::now() + round_time_max > end_at {
            break;
        }
        let round_at = Instant::now();
        let extent = Extent { number, slices, placement };
        for (scenario, found) in scenarios.iter().zip(&mut report.scenarios) {
            show_progress(&format!("round {number} of {rounds}: {}", scenario.name));
            measure(servers, scenario, extent, found);
        }
        round_time_max = round_time_max.max(round_at.elapsed());
        rounds_done = number;
    }
    rounds_done
}

/// The chosen servers that are on this machine, and the names of those that are not.
fn look_for_servers(options: &Options) -> (Present, Vec<String>) {
    let quick = options.quick && options.only.is_empty();
    let only = if quick { QUICK_SERVERS.map(str::to_owned).to_vec() } else { options.only.clone() };
    let paths = Paths { oneloop: options.oneloop.clone() };
    let (mut present, mut absent) = (Vec::new(), Vec::new());
    let is_meant = |server: &&Server| match server.is_extra {
        true => only.iter().any(|name| name == server.name),
        false => chosen(&only, server.name),
    };
    for server in SERVERS.iter().filter(is_meant) {
        match server.program(&paths) {
            Some(program) => present.push((server, program)),
            None => absent.push(server.name.to_owned()),
        }
    }
    (present, absent)
}

/// One round of one scenario, group by group.
fn measure(
    servers: &[(&Server, &Path)],
    scenario: &Scenario,
    extent: Extent,
    found: &mut ScenarioReport,
) {
    let able: Vec<_> =
        servers.iter().copied().filter(|it| it.0.unable(scenario).is_none()).collect();
    for group in round::groups(&able) {
        let results = round::round(&group, scenario, extent);
        found.add(group.iter().map(|(server, _)| server.name).zip(results).collect());
    }
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
    PossibleValuesParser::new(SCENARIOS.iter().map(|scenario| scenario.name).chain([IDLE]))
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
