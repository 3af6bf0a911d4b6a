//! The program: from the arguments to the exit code.
//!
//! | exit code | why |
//! |---|---|
//! | 0 | every request of a good client was answered correctly |
//! | 1 | one was not; or the system refused something |
//! | 2 | the run did not begin: the command line is invalid, asks for more clients than the descriptor limit allows, or names a server that does not answer |

use std::io;
use std::process::ExitCode;

use crate::arguments::Refusal;
use crate::event_loop::EventLoop;
use crate::files::{ForPrograms, create};
use crate::options::Options;
use crate::plan::Plan;
use crate::plot::{self, Caption};
use crate::probe;
use crate::process::{self, Process};
use crate::report::Report;
use crate::signals::Signals;
use crate::{compare, csv, descriptors, exam, hdr, json, table};

/// Begins every error message.
const PROGRAM: &str = "herd";

/// Runs what the process's arguments ask for, and reports on standard output.
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    match arguments.nth(1).as_ref().and_then(|first| first.to_str()) {
        Some("compare") => return compare::main(arguments),
        Some("exam") => return exam::main(arguments),
        Some(_) | None => {}
    }
    let plan = Options::from_arguments(std::env::args_os()).and_then(Options::plan);
    match plan.and_then(|plan| run(&plan)) {
        Ok(code) => code,
        Err(refusal) => refusal.tell(PROGRAM),
    }
}

fn run(plan: &Plan) -> Result<ExitCode, Refusal> {
    descriptors::allow(plan.clients())?;
    let process = plan.pid.map(watched).transpose()?;
    let for_programs = ForPrograms::open(plan.json.as_ref())?;
    let csv_file = plan.csv.as_deref().map(create).transpose()?;
    let hdr_file = plan.hdr.as_deref().map(create).transpose()?;
    let plot_file = plan.plot.as_deref().map(create).transpose()?;

    let expectations = probe::learn(plan)?;
    let system = |reason: io::Error| Refusal::System(format!("cannot go on: {reason}"));
    let mut signals = Signals::catch().map_err(system)?;
    let outcome = EventLoop::new(plan, &expectations, process, &mut signals)
        .and_then(EventLoop::run)
        .map_err(system)?;
    let report = Report { plan, learned: &expectations.said, outcome: &outcome };

    for_programs.print_beside(&table::text(&report));
    for_programs.fill(|| json::text(&report))?;
    if let Some(file) = csv_file {
        file.fill(&csv::text(&report))?;
    }
    if let Some(file) = hdr_file {
        file.fill(&hdr::text(&report).map_err(system)?)?;
    }
    if let Some(file) = plot_file {
        file.fill(&plot::svg(&report, &Caption::here()))?;
    }
    match report.failures().is_empty() {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::FAILURE),
    }
}

fn watched(pid: u32) -> Result<Process, Refusal> {
    let process = Process::new(pid);
    match process.look() {
        Ok(_) => Ok(process),
        Err(_) => Err(process::refused(pid)),
    }
}
