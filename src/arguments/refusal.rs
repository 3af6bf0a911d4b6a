//! What a user is told when the command line gives nothing to run.
//!
//! A mistake is one line that says what is wrong and how to mend it. Clap explains over several
//! paragraphs; they are folded here. Each program tests its own refusals.

use std::fmt::{self, Display, Formatter};
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Command;
use clap::error::ErrorKind;

/// Why there is nothing to run.
#[derive(Debug)]
pub enum Refusal {
    /// Nothing is wrong: help or the version was asked for, and this prints it.
    Page(clap::Error),
    /// The command line is invalid. A sentence without the program's name.
    Mistake(String),
    /// The command line is fine, but the system refused what it asks for. A sentence, too.
    System(String),
}

impl Refusal {
    /// Tells the user, in `program`'s name. The exit code is 0 for a page, 2 for a mistake, 1 for
    /// what the system refused.
    pub fn tell(&self, program: &str) -> ExitCode {
        match self {
            Refusal::Page(page) => {
                // `--help | head -1` closes our standard output, which is no mistake.
                let _ = page.print();
                ExitCode::SUCCESS
            }
            Refusal::Mistake(sentence) => complain(program, sentence, 2),
            Refusal::System(sentence) => complain(program, sentence, 1),
        }
    }
}

/// What is wrong, without the program's name.
impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Page(page) => page.fmt(f),
            Refusal::Mistake(sentence) | Refusal::System(sentence) => f.write_str(sentence),
        }
    }
}

/// Says why nothing runs, in one line whatever the arguments contained.
fn complain(program: &str, sentence: &str, code: u8) -> ExitCode {
    let mut line = format!("{program}: ");
    for character in sentence.chars() {
        match character.is_control() {
            true => line.extend(character.escape_default()),
            false => line.push(character),
        }
    }
    line.push('\n');
    // If standard error is closed, the exit code still tells; `eprintln!` would panic.
    let _ = io::stderr().write_all(line.as_bytes());
    ExitCode::from(code)
}

/// What clap says before it repeats the usage, in one line, and what to do about it.
pub(super) fn sentence(error: &clap::Error, command: &Command) -> String {
    let rendered = error.render().to_string();
    let said: Vec<String> = rendered
        .split("\n\n")
        .take_while(|part| !part.starts_with("Usage:") && !part.starts_with("For more"))
        // A misspelt option is no value, least of all a directory's name.
        .filter(|part| !part.trim_start().starts_with("tip: to pass"))
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let said = said.join("; ");
    let said = said.strip_prefix("error: ").unwrap_or(&said).replace("; tip: ", "; ");
    let remedy = remedy(error.kind(), &said, command);
    format!("{said}{remedy}")
}

/// What to do about it, where clap and the parsers of [`values`](super::values) do not say it.
fn remedy(kind: ErrorKind, said: &str, command: &Command) -> String {
    if kind == ErrorKind::ArgumentConflict {
        return "; give only one".into();
    }
    if kind == ErrorKind::ValueValidation || said.contains("; ") {
        return String::new();
    }
    format!("; see '{} --help'", command.get_name())
}
