//! From the arguments to the exit code.
//!
//! | exit code | why |
//! |---|---|
//! | 0 | no stage failed |
//! | 1 | one did; or the report could not be written |
//! | 2 | the exam did not begin: the command line is invalid, or no server is there |

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use super::examiner::Examiner;
use super::options::{Options, Task};
use super::report::Marked;
use super::settings::{Form, Settings};
use super::stages::{STAGES, Stage};
use super::verdict::Problem;
use super::{json, text};
use crate::arguments::Refusal;
use crate::descriptors;

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
    let mut examiner = Examiner::new(settings.clone());
    if let Some(pid) = settings.pid {
        examiner.watched().ok().filter(|watched| watched.is_alive()).ok_or_else(|| {
            Refusal::Mistake(format!(
                "cannot read --pid {pid}; give the number of a running process that you own (Linux \
                 only)"
            ))
        })?;
    }
    if let Err(reason) = examiner.reach() {
        return Err(Refusal::Mistake(format!(
            "cannot connect to {}: {reason}; start the server, or name the place where it listens",
            settings.server
        )));
    }
    let learned = examiner.learn();
    if settings.form != Form::Json {
        print(&text::heading(settings, &examiner, &learned));
    }
    let mut all = Vec::new();
    for number in &settings.stages {
        let stage = &STAGES[number - 1];
        let marked = mark(*number, stage, &mut examiner, &learned);
        if settings.form != Form::Json {
            print(&text::stage(&marked, settings.detail));
        }
        all.push(marked);
    }
    match &settings.form {
        Form::Text => print(&text::sum(&all)),
        Form::Json => print(&json::text(settings, &all)),
        Form::Both(path) => {
            print(&text::sum(&all));
            fs::write(path, json::text(settings, &all)).map_err(|reason| {
                Refusal::System(format!("cannot write '{}': {reason}", path.display()))
            })?;
        }
    }
    Ok(ExitCode::from(u8::from(all.iter().any(Marked::has_failed))))
}

/// One stage. What the server says alone has to be known for all but the first.
fn mark(
    number: usize,
    stage: &'static Stage,
    examiner: &mut Examiner,
    learned: &Result<(), String>,
) -> Marked {
    let added = if stage.name == "silence" { examiner.settings.let_go } else { Default::default() };
    // Three answers, each as late as is allowed, and what is around them.
    let limit = stage.limit.max(4 * examiner.patience());
    examiner.begin(limit + added);
    let verdict = match learned {
        Err(why) if number > 1 => {
            Err(Problem::NotTried(format!("a client alone is not answered: {why}")))
        }
        Ok(()) | Err(_) => (stage.examine)(examiner),
    };
    let (transcript, took) = (examiner.shown(), examiner.took());
    Marked { number, stage, verdict, transcript, took }
}

/// If standard output is closed, the exit code still tells.
fn print(text: &str) {
    let mut output = io::stdout();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}
