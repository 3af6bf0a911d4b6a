//! What a user hears when the command line gives nothing to run.
//!
//! A mistake is one line that says what is wrong and how to mend it. Clap explains over several
//! paragraphs; they are folded here.

use std::env;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Cli;

/// Why there is nothing to run.
#[derive(Debug)]
pub enum Refusal {
    /// Nothing is wrong: help or the version was asked for, and this prints it.
    Page(clap::Error),
    /// The command line cannot be meant. A sentence without the program's name.
    Mistake(String),
    /// The command line is fine, but the system refused what it asks for. A sentence, too.
    System(String),
}

impl From<clap::Error> for Refusal {
    fn from(error: clap::Error) -> Refusal {
        match error.use_stderr() {
            false => Refusal::Page(error),
            true => Refusal::Mistake(sentence(&error)),
        }
    }
}

impl From<oneloop::Error> for Refusal {
    fn from(error: oneloop::Error) -> Refusal {
        let sentence = error.to_string();
        match error {
            oneloop::Error::Config(_) => Refusal::Mistake(sentence),
            oneloop::Error::Bind(..) | oneloop::Error::System(..) => Refusal::System(sentence),
        }
    }
}

/// What clap says before it repeats the usage, in one line, and what to do about it.
fn sentence(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    let said: Vec<String> = rendered
        .split("\n\n")
        .take_while(|part| !part.starts_with("Usage:") && !part.starts_with("For more"))
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let said = said.join("; ");
    let said = said.strip_prefix("error: ").unwrap_or(&said).replace("; tip: ", "; ");
    let source = variable(error).map(|name| format!("{name}: ")).unwrap_or_default();
    let remedy = remedy(error.kind(), &said);
    format!("{source}{said}{remedy}")
}

/// What to do about it, where clap and the parsers of [`values`](super::values) do not say it.
fn remedy(kind: ErrorKind, said: &str) -> &'static str {
    if kind == ErrorKind::ArgumentConflict {
        return "; give only one";
    }
    if kind == ErrorKind::InvalidUtf8 {
        return "; write UTF-8 (--file takes any bytes)";
    }
    if kind == ErrorKind::ValueValidation || said.contains("; ") {
        return "";
    }
    "; see 'oneloop --help'"
}

/// The environment variable that holds the refused value: clap names the option only.
fn variable(error: &clap::Error) -> Option<String> {
    let (Some(ContextValue::String(option)), Some(ContextValue::String(refused))) =
        (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
    else {
        return None;
    };
    let long = option.strip_prefix("--")?.split(' ').next();
    let command = Cli::command();
    let argument = command.get_arguments().find(|argument| argument.get_long() == long)?;
    let name = argument.get_env()?;
    let value = env::var(name).ok()?;
    let holds = value == *refused || value.split(',').any(|part| part == refused);
    holds.then(|| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(arguments: &[&str]) -> String {
        match Cli::from_arguments(["oneloop"].iter().chain(arguments)) {
            Err(Refusal::Mistake(sentence)) => sentence,
            outcome => panic!("{arguments:?} gave {outcome:?}"),
        }
    }

    #[test]
    fn a_misspelt_option_gets_the_suggestion_in_the_same_line() {
        assert_eq!(
            mistake(&["--lisen", "8888"]),
            "unexpected argument '--lisen' found; a similar argument exists: '--listen'"
        );
    }

    #[test]
    fn an_unlike_option_gets_the_way_to_the_help() {
        assert_eq!(
            mistake(&["surprise"]),
            "unexpected argument 'surprise' found; see 'oneloop --help'"
        );
    }

    #[test]
    fn options_that_exclude_each_other_are_both_named() {
        assert_eq!(
            mistake(&["--text", "a", "--file", "b"]),
            "'--text' cannot be used with '--file'; give only one of them"
        );
    }

    #[test]
    fn an_option_given_twice_is_one_line() {
        assert_eq!(
            mistake(&["--status", "200", "--status", "404"]),
            "the argument '--status <CODE>' cannot be used multiple times; give only one"
        );
    }

    #[test]
    fn a_missing_value_is_one_line() {
        assert_eq!(
            mistake(&["--status"]),
            "a value is required for '--status <CODE>' but none was supplied; see 'oneloop --help'"
        );
    }

    #[test]
    fn line_feeds_in_an_argument_do_not_break_the_line() {
        let sentence = mistake(&["--listen", "a\nb\n\nc"]);
        assert!(!sentence.contains('\n'), "{sentence}");
    }

    #[test]
    fn help_and_version_are_no_mistakes() {
        for argument in ["-h", "--help", "-V", "--version"] {
            let outcome = Cli::from_arguments(["oneloop", argument]);
            assert!(matches!(outcome, Err(Refusal::Page(_))), "{argument}");
        }
    }
}
