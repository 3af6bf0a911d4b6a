//! The command line of `herd exam`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser};

use super::settings::{Detail, Settings};
use super::stages::{STAGES, Stage};
use crate::arguments::Refusal;
use crate::arguments::reading::{self, Exceptions};
use crate::arguments::values::{count, duration};
use crate::plan::Destination;
use crate::request;
use crate::server::{Asked, Vouched};

/// Examines an HTTP/1.1 server, in whatever language, stage by stage.
///
/// Each stage is passed, failed, or could not be tried; --list says what each does. A failed stage tells
/// what was sent, what came, and why it matters. The exit code is 0 if none failed, 1 if one did, and 2
/// if the exam did not begin.
#[derive(Debug, Parser)]
#[command(name = "herd exam", version, after_long_help = EXAMPLES)]
pub struct Options {
    /// The server: a URL (http://localhost:8888/path), an address and port, a port, or unix:/PATH
    #[arg(value_name = "SERVER", required_unless_present = "list")]
    server: Option<Asked>,

    /// Only these stages, by number or name, such as 3 or 1,2,slow-reader
    #[arg(long, short, value_name = "STAGE", value_delimiter = ',', value_parser = stage)]
    stage: Vec<usize>,

    /// Say what each stage does and why it matters, and examine nothing
    #[arg(long)]
    list: bool,

    /// Write the report to this file as JSON, too; '-' prints JSON instead of text
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Tell what was sent and what came of every stage, not only of those that failed
    #[arg(long, short)]
    verbose: bool,

    /// The server's process, for the stages that need it: one limits its descriptors for a moment, and
    /// the last ends it by SIGTERM (Linux)
    #[arg(long, value_name = "PID", value_parser = count::<u32>)]
    pid: Option<u32>,

    /// The path that is requested [default: the URL's, or /]
    #[arg(long, value_name = "PATH", value_parser = request::path)]
    path: Option<String>,

    /// The path of an answer of at least 256 KiB, better 1 MiB, for a slow reader [default: --path]
    ///
    /// Without it, a slow reader asks for --path as often as it takes, if the server keeps connections.
    #[arg(long, value_name = "PATH", value_parser = request::path)]
    big_path: Option<String>,

    /// Add this field to every request; repeat it for several
    #[arg(long, short = 'H', value_name = "NAME: VALUE", value_parser = request::field)]
    header: Vec<String>,

    /// How long an answer may take
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "5s")]
    patience: humantime::Duration,

    /// How long a client that says nothing, or half a request, may stay connected
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "70s")]
    idle_limit: humantime::Duration,

    /// How many clients connect and say nothing, as far as descriptors allow
    #[arg(long, value_name = "N", value_parser = crowd, default_value = "10000")]
    silent: usize,

    /// Allow a server on another host, which you confirm that you may load
    #[arg(long)]
    i_may_load_this_host: bool,
}

const EXAMPLES: &str = "\
Examples:
  herd exam 8888
  herd exam http://localhost:8888/ --pid \"$(pidof oneloop)\"   also what its process does
  herd exam 8888 --stage slow-reader -v                       one stage, and all that is told of it
  herd exam --list";

/// What the command line asks for.
#[derive(Clone, Debug)]
pub enum Task {
    List,
    Examine(Box<Settings>),
}

impl Options {
    /// Reads arguments, the program's name first.
    pub fn task<T: Into<OsString> + Clone>(
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<Task, Refusal> {
        let command = Options::command();
        let matches = reading::read(&command, arguments, advice, Exceptions::default())?;
        let options = Options::from_arg_matches(&matches)
            .map_err(|error| Refusal::Mistake(error.to_string()))?;
        match options.server {
            Some(ref asked) if !options.list => {
                options.settings(asked).map(Box::new).map(Task::Examine)
            }
            Some(_) | None => Ok(Task::List),
        }
    }

    fn settings(&self, asked: &Asked) -> Result<Settings, Refusal> {
        let vouched = Vouched::from_flag(self.i_may_load_this_host);
        let mut stages: Vec<usize> = match self.stage.is_empty() {
            true => (1..=STAGES.len()).collect(),
            false => self.stage.clone(),
        };
        stages.sort_unstable();
        stages.dedup();
        Ok(Settings {
            server: asked.server.loadable(vouched).map_err(Refusal::Mistake)?,
            path: request::path_of(asked, self.path.as_deref())?,
            big_path: self.big_path.clone(),
            fields: request::fields_of(asked, &self.header),
            stages,
            pid: self.pid,
            patience: *self.patience,
            idle_limit: *self.idle_limit,
            silent: self.silent,
            detail: if self.verbose { Detail::Everything } else { Detail::Failures },
            json: self.json.clone().map(|file| match file.as_os_str() == "-" {
                true => Destination::Output,
                false => Destination::File(file),
            }),
        })
    }
}

/// No wait of the exam is longer: sums of a few such times are no overflow.
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How long something may take.
fn span(text: &str) -> Result<humantime::Duration, String> {
    let time = duration(text)?;
    match *time {
        Duration::ZERO => Err("write a time above zero, such as 500ms".to_owned()),
        time if time > TIME_MAX => Err("write a time of at most 24h".to_owned()),
        _ => Ok(time),
    }
}

/// How many clients are silent.
fn crowd(text: &str) -> Result<usize, &'static str> {
    match count(text)? {
        0 => Err("write at least 1; leave the stage out by --stage"),
        silent => Ok(silent),
    }
}

/// The number of a stage, from its number or its name.
fn stage(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let by_name = STAGES.iter().position(|Stage { name, .. }| *name == text).map(|at| at + 1);
    let by_number = text.parse().ok().filter(|number| (1..=STAGES.len()).contains(number));
    by_name.or(by_number).ok_or_else(|| {
        format!("write a number from 1 to {}, or a name that --list shows", STAGES.len())
    })
}

fn advice(argument: &str) -> Option<String> {
    let is_value = !argument.starts_with('-');
    is_value.then(|| format!("'{argument}' is one argument too many; name one server"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(arguments: &[&str]) -> Settings {
        match Options::task(["herd exam"].iter().chain(arguments)) {
            Ok(Task::Examine(settings)) => *settings,
            other => panic!("{arguments:?}: {other:?}"),
        }
    }

    #[test]
    fn the_definition_contradicts_nothing() {
        Options::command().debug_assert();
    }

    #[test]
    fn stages_have_numbers_and_names() {
        assert_eq!(settings(&["8888"]).stages, (1..=STAGES.len()).collect::<Vec<_>>());
        assert_eq!(settings(&["8888", "--stage", "3,answer", "--stage", "3"]).stages, [1, 3]);
    }

    #[test]
    fn the_report_is_for_people_or_programs() {
        let file = Destination::File("a.json".into());
        assert_eq!(settings(&["8888"]).json, None);
        assert_eq!(settings(&["8888", "--json", "-"]).json, Some(Destination::Output));
        assert_eq!(settings(&["--json", "a.json", "8888"]).json, Some(file));
    }

    #[test]
    fn what_cannot_be_meant_is_told_how_to_mend_it() {
        for (arguments, remedy) in [
            (&["8888", "--stage", "0"][..], "from 1 to"),
            (&["8888", "--stage", "x"], "--list"),
            (&["192.0.2.1:80"], "--i-may-load-this-host"),
            (&["8888", "8889"], "one server"),
            (&["8888", "--patience", "0s"], "above zero"),
            (&["8888", "--patience", "500000000000years"], "at most 24h"),
            (&["8888", "--idle-limit", "25h"], "at most 24h"),
            (&["8888", "--silent", "0"], "at least 1"),
            (&["8888", "--json"], "--json"),
            (&["0"], "listens at"),
            (&[], "--help"),
        ] {
            match Options::task(["herd exam"].iter().chain(arguments)) {
                Err(Refusal::Mistake(told)) => assert!(told.contains(remedy), "{told}"),
                other => panic!("{arguments:?}: {other:?}"),
            }
        }
        let list = Options::task(["herd exam", "--list"]);
        assert!(matches!(list, Ok(Task::List)), "{list:?}");
    }
}
