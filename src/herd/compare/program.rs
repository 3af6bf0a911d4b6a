//! From the arguments to the exit code.
//!
//! | exit code | why |
//! |---|---|
//! | 0 | every request of a good client was answered correctly, by each server |
//! | 1 | one was not; or the system refused something |
//! | 2 | it did not begin: the command line is invalid, a server does not start or does not answer, or the descriptors are too few |

use std::ffi::OsString;
use std::process::ExitCode;

use super::contender::Contender;
use super::options::{Options, Task};
use super::report::Report;
use super::{bars, json, rounds, started, text};
use crate::arguments::Refusal;
use crate::descriptors;
use crate::files::{ForPrograms, create};
use crate::signals::Signals;

/// Begins every error message.
const PROGRAM: &str = "herd compare";

/// Runs what the arguments behind `compare` ask for, and reports on standard output.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = std::iter::once(OsString::from(PROGRAM)).chain(arguments);
    let done = Options::task(arguments).and_then(compare);
    done.unwrap_or_else(|refusal| refusal.tell(PROGRAM))
}

fn compare(task: Task) -> Result<ExitCode, Refusal> {
    for entry in &task.entries {
        descriptors::allow(entry.plan.clients())?;
    }
    let for_programs = ForPrograms::open(task.json.as_ref())?;
    let plot_file = task.plot.as_deref().map(create).transpose()?;
    // From now on a signal ends the servers that are started here.
    let mut signals = Signals::catch()
        .map_err(|reason| Refusal::System(format!("cannot catch signals: {reason}")))?;
    let mut contenders = Vec::new();
    for entry in task.entries {
        contenders.push(Contender::enter(&contenders, entry, task.cores, &mut signals)?);
    }
    if let Some(cores) = task.cores {
        started::stay_on(cores.herd)?;
    }
    let rounds = rounds::run(&contenders, task.rounds, &mut signals)?;
    let report = Report { contenders: &contenders, rounds: &rounds, crowd: &task.crowd };
    for_programs.print_beside(&text::text(&report));
    for_programs.fill(|| json::text(&report))?;
    if let Some(file) = plot_file {
        file.fill(&bars::svg(&report))?;
    }
    match report.failures().is_empty() && !rounds.samples[0].is_empty() {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::FAILURE),
    }
}
