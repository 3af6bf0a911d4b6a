//! From the arguments to the exit code.
//!
//! | exit code | why |
//! |---|---|
//! | 0 | no stage failed |
//! | 1 | one did; or the path is not answered at all; or a signal ended the exam; or the report could not be written |
//! | 2 | the exam did not begin: the command line is invalid, or no server is there |

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use super::examiner::Examiner;
use super::interrupt::Interrupt;
use super::options::{Options, Task};
use super::report::Marked;
use super::settings::Settings;
use super::stages::{STAGES, Stage};
use super::verdict::{Problem, Verdict, not_tried};
use super::{json, text};
use crate::arguments::Refusal;
use crate::descriptors;
use crate::files::{self, ForPrograms};
use crate::process;

/// Begins every error message.
const PROGRAM: &str = "herd exam";

/// Runs what the arguments behind `exam` ask for, and reports on standard output.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = std::iter::once(OsString::from(PROGRAM)).chain(arguments);
    let done = Options::task(arguments).and_then(|task| match task {
        Task::List => {
            print(&text::list());
            Ok(ExitCode::SUCCESS)
        }
        Task::Examine(settings) => examine(&settings),
    });
    done.unwrap_or_else(|refusal| refusal.tell(PROGRAM))
}

fn examine(settings: &Settings) -> Result<ExitCode, Refusal> {
    // The crowd needs more than the soft limit of most shells.
    descriptors::clients_max();
    let interrupt = Interrupt::catch()
        .map_err(|reason| Refusal::System(format!("cannot catch signals: {reason}")))?;
    let mut examiner = Examiner::new(settings.clone(), interrupt);
    if let Some(pid) = settings.pid {
        let watched = examiner.watched().ok().filter(|watched| watched.is_alive());
        watched.ok_or_else(|| process::refused(pid))?;
    }
    let for_programs = ForPrograms::open(settings.json.as_ref())?;
    if let Err(problem) = examiner.reach() {
        return Err(Refusal::Mistake(format!(
            "cannot connect to {}: {}; start the server, or name the place where it listens",
            settings.server,
            problem.told().trim_start_matches("cannot connect: ")
        )));
    }
    examiner.learn();
    let tell = |told: &str| match for_programs {
        ForPrograms::Output => {}
        ForPrograms::Nowhere | ForPrograms::File(_) => print(told),
    };
    tell(&text::heading(settings, &examiner));
    let mut all = Vec::new();
    for number in &settings.stages {
        if examiner.is_interrupted() {
            break;
        }
        let stage = &STAGES[number - 1];
        tell(&text::beginning(*number, stage));
        let marked = mark(*number, stage, &mut examiner);
        tell(&text::stage(&marked, settings.detail));
        all.push(marked);
    }
    tell(&text::sum(&all));
    for_programs.fill(|| json::text(settings, &examiner, &all))?;
    let is_wrong = all.iter().any(Marked::has_failed)
        || examiner.is_answered().is_err()
        || examiner.is_interrupted();
    Ok(ExitCode::from(u8::from(is_wrong)))
}

/// One stage. A body that differs is no failure if it differs for a client alone, too.
fn mark(number: usize, stage: &'static Stage, examiner: &mut Examiner) -> Marked {
    let (mut verdict, mut transcript, mut took);
    let mut is_changed = false;
    if stage.name == "stop" && examiner.watched().is_ok() {
        // Afterwards there is no server to ask.
        examiner.await_change();
        is_changed = examiner.bodies_change();
    }
    loop {
        verdict = examined(number, stage, examiner);
        (transcript, took) = (examiner.shown(), examiner.took());
        let has_failed = matches!(verdict, Err(Problem::Failed(_)));
        if !has_failed || is_changed || stage.name == "stop" || !examiner.bodies_change() {
            break;
        }
        is_changed = true;
    }
    if examiner.is_interrupted() {
        verdict = not_tried("a signal has ended the exam");
    }
    if let (Ok(told), true) = (&mut verdict, is_changed) {
        let between = if told.is_empty() { "" } else { "; " };
        *told = format!("{told}{between}bodies change with time, so they are not compared");
    }
    Marked { number, stage, verdict, transcript, took }
}

/// What the server says alone has to be known for all stages but the first.
fn examined(number: usize, stage: &Stage, examiner: &mut Examiner) -> Verdict {
    let settings = &examiner.settings;
    let added = if stage.name == "silence" { settings.idle_limit } else { Default::default() };
    // Three answers, each as late as is allowed, and what is around them.
    let limit = stage.limit.max(4 * examiner.patience());
    let path = settings.path.clone();
    examiner.begin(limit + added);
    match examiner.is_answered() {
        Err(why) if number > 1 => not_tried(format!(
            "a GET for {path} is not answered when one client alone asks: {}",
            why.told()
        )),
        Ok(()) | Err(_) => (stage.examine)(examiner),
    }
}

/// To standard output.
fn print(text: &str) {
    files::print(&mut io::stdout(), text);
}
