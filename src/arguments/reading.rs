//! From a command line and an environment to what clap makes of them.
//!
//! Two rules hold for every value, wherever it comes from: it is UTF-8 unless it is a path, and it
//! has no control characters. A line feed in a header field would begin another field, one in a name
//! would begin another line of the log. A program's [`Exceptions`] are the values that are meant to
//! have some.

use std::any::TypeId;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::refusal::{Refusal, sentence};

/// What is said of an argument that this program does not know, instead of what clap suggests.
pub type Advice = fn(&str) -> Option<String>;

/// Whose values may have control characters, by the names that clap has for them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exceptions<'a> {
    /// Options whose values are sent as they are, such as `--expect`.
    pub bodies: &'a [&'a str],
    /// Arguments that may be repeated: their environment variable, of which there is one, has one
    /// value a line.
    pub lists: &'a [&'a str],
}

/// Reads `arguments`, the program's name first, and the environment for what they leave out.
pub fn read(
    command: &Command,
    arguments: impl IntoIterator<Item = impl Into<OsString>>,
    advice: Advice,
    exceptions: Exceptions<'_>,
) -> Result<ArgMatches, Refusal> {
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    for (index, argument) in arguments.iter().enumerate().skip(1) {
        let option = option_at(&arguments, index);
        if !exceptions.bodies.contains(&option.as_str()) {
            check(&option, &argument.to_string_lossy(), "")?;
        }
    }
    let found = command.clone().try_get_matches_from(&arguments);
    let matches = found.map_err(|error| refusal(error, command, &arguments, advice))?;
    for (argument, variable) in variables(command) {
        let id = argument.get_id().as_str();
        if matches.value_source(id) == Some(ValueSource::EnvVariable)
            && let Some(value) = env::var_os(&variable)
        {
            let allowed = if exceptions.lists.contains(&id) { "\r\n" } else { "" };
            check(&variable.to_string_lossy(), &value.to_string_lossy(), allowed)?;
        }
    }
    Ok(matches)
}

/// Refuses a value of `origin` that has a control character other than those `allowed`.
fn check(origin: &str, value: &str, allowed: &str) -> Result<(), Refusal> {
    let found = value.chars().find(|c| c.is_control() && !allowed.contains(*c));
    let Some(found) = found else { return Ok(()) };
    let what = match found {
        '\n' => "a line feed".to_owned(),
        '\r' => "a carriage return".to_owned(),
        '\t' => "a tab".to_owned(),
        other => format!("a control character ({})", other.escape_default()),
    };
    Err(Refusal::Mistake(format!(
        "{origin}: there is {what} in the value; write it without control characters"
    )))
}

/// What clap found wrong, in our words where its own would not help.
fn refusal(
    error: clap::Error,
    command: &Command,
    arguments: &[OsString],
    advice: Advice,
) -> Refusal {
    if !error.use_stderr() {
        return Refusal::Page(error);
    }
    if let (ErrorKind::UnknownArgument, Some(ContextValue::String(unknown))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
        && let Some(sentence) = advice(unknown)
    {
        return Refusal::Mistake(sentence);
    }
    if error.kind() == ErrorKind::InvalidUtf8
        && let Some(origin) = not_utf_8(command, arguments)
    {
        return Refusal::Mistake(format!(
            "{origin}: the value is not UTF-8; write UTF-8 (a file may hold any bytes)"
        ));
    }
    let variable = variable(&error, command).map(|name| format!("{name}: ")).unwrap_or_default();
    Refusal::Mistake(format!("{variable}{}", sentence(&error, command)))
}

/// The option that the argument at `index` is, or is the value of.
fn option_at(arguments: &[OsString], index: usize) -> String {
    let is_option = |text: &str| text.len() > 1 && text.starts_with('-');
    let named = |argument: &OsStr| {
        let text = argument.to_string_lossy();
        match text.starts_with("--") {
            true => text.split('=').next().unwrap_or_default().to_owned(),
            false => text.chars().take(2).collect(),
        }
    };
    let before = &arguments[index - 1];
    if is_option(&arguments[index].to_string_lossy()) {
        named(&arguments[index])
    } else if index > 1 && is_option(&before.to_string_lossy()) {
        named(before)
    } else {
        "the argument".to_owned()
    }
}

/// The option or the variable whose value is not UTF-8 although it is no path.
fn not_utf_8(command: &Command, arguments: &[OsString]) -> Option<String> {
    let on_line = (1..arguments.len())
        .filter(|index| arguments[*index].to_str().is_none())
        .map(|index| option_at(arguments, index))
        .find(|option| !option_named(command, option).is_some_and(is_of::<PathBuf>));
    on_line.or_else(|| {
        let mut texts = variables(command).filter(|(argument, _)| !is_of::<PathBuf>(argument));
        let found =
            texts.find(|(_, name)| env::var_os(name).is_some_and(|it| it.to_str().is_none()));
        found.map(|(_, name)| name.to_string_lossy().into_owned())
    })
}

/// The environment variable that holds the refused value: clap names the option only.
fn variable(error: &clap::Error, command: &Command) -> Option<String> {
    let (Some(ContextValue::String(option)), Some(ContextValue::String(refused))) =
        (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
    else {
        return None;
    };
    let (_, name) = variables(command).find(|(argument, _)| names(option, argument))?;
    let value = env::var(&name).ok()?;
    let holds = value == *refused || value.split(',').any(|part| part == refused);
    holds.then(|| name.to_string_lossy().into_owned())
}

/// Whether `text`, as `--listen <ADDR>` or `[DIR]`, names this argument.
fn names(text: &str, argument: &Arg) -> bool {
    match text.strip_prefix("--") {
        Some(long) => argument.get_long() == long.split([' ', '[', '=']).next(),
        None => argument.to_string() == text,
    }
}

/// The argument that this option gives a value to.
fn option_named<'c>(command: &'c Command, option: &str) -> Option<&'c Arg> {
    command.get_arguments().find(|argument| match option.strip_prefix("--") {
        Some(long) => argument.get_long() == Some(long),
        None => argument.get_short().is_some() && argument.get_short() == option.chars().nth(1),
    })
}

/// Every argument that the environment can give, and its variable.
fn variables(command: &Command) -> impl Iterator<Item = (&Arg, OsString)> {
    let arguments = command.get_arguments();
    arguments.filter_map(|argument| Some((argument, argument.get_env()?.to_owned())))
}

/// Whether the argument's value becomes a `T`.
fn is_of<T: 'static>(argument: &Arg) -> bool {
    argument.get_value_parser().type_id() == TypeId::of::<T>()
}
