//! The command line of `herd compare`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser};

use crate::arguments::Refusal;
use crate::arguments::reading::{self, Exceptions};
use crate::arguments::values::{count, duration};
use crate::kind::Kind;
use crate::options::Options as Crowd;
use crate::plan::{Destination, Plan, Shown};

/// Sends the same crowd to several servers in turn, and says how they differ.
///
/// Each server has a slice of time in every round, and the slices of a round are compared: as ratios to the
/// first server, with their median and their range. Name a server twice to see how much of a difference
/// is chance. The crowd's options come behind the servers: all of herd's, but for how long it runs and what
/// is reported.
#[derive(Debug, Parser)]
#[command(name = "herd compare", version, after_long_help = EXAMPLES)]
pub struct Options {
    /// The servers, as herd takes them; and behind them the options of the crowd, such as --get 64
    #[arg(value_name = "SERVER", required = true, num_args = 1.., trailing_var_arg = true)]
    #[arg(allow_hyphen_values = true)]
    servers: Vec<String>,

    /// How many rounds there are; each server has one slice in each
    #[arg(long, value_name = "N", value_parser = count::<usize>, default_value = "7")]
    rounds: usize,

    /// How long a slice is
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1s")]
    slice: humantime::Duration,

    /// Start a server by this command; once for each server, in their order
    ///
    /// A shell runs it. It has to stay in the foreground, and ends with herd, by SIGTERM. Write '' for a
    /// server that runs already.
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    start: Vec<String>,

    /// A server's process, whose CPU time is reported; once for each server, in their order (Linux)
    ///
    /// That of its child processes is counted as well. Write 0 for a server without. One that herd
    /// starts has its own.
    #[arg(long, value_name = "PID", value_parser = count::<u32>)]
    pid: Vec<u32>,

    /// The cores of the servers that herd starts, and of herd itself, such as 1,0 (Linux)
    #[arg(long, value_name = "SERVERS,HERD", value_parser = cores)]
    cores: Option<Cores>,

    /// Also write the report as JSON; with -, to standard output, and the table to standard error
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Also write a picture of the ratios
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  herd compare 8888 8889                     64 get clients at each, seven slices of a second
  herd compare 8888 8889 8888 --get 200      with the first once more, to see what is chance
  herd compare --rounds 21 --slice 300ms --cores 1,0 \\
      --start 'oneloop --port 8888 --access-log off' --start \"nginx -g 'daemon off;'\" \\
      8888 http://localhost/ --get 64";

/// Who runs where, by the system's numbers of its cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    pub servers: usize,
    pub herd: usize,
}

/// The highest number of a core that can be asked for.
const CORE_MAX: usize = 1023;

fn cores(text: &str) -> Result<Cores, &'static str> {
    let core = |text: &str| text.trim().parse().ok().filter(|core| *core <= CORE_MAX);
    let both = text.split_once(',').and_then(|(servers, herd)| Some((core(servers)?, core(herd)?)));
    let (servers, herd) = both.ok_or("write two numbers of cores, such as 1,0")?;
    Ok(Cores { servers, herd })
}

/// What is to be done.
#[derive(Debug)]
pub struct Task {
    pub entries: Vec<Entry>,
    pub rounds: usize,
    pub cores: Option<Cores>,
    pub json: Option<Destination>,
    pub plot: Option<PathBuf>,
    /// The crowd, as the user has written it.
    pub crowd: String,
}

/// A server that is to take part.
#[derive(Debug)]
pub struct Entry {
    /// As the user calls it.
    pub name: String,
    pub plan: Plan,
    pub start: Option<String>,
    pub pid: Option<u32>,
}

/// What may have any characters: commands, and what the crowd sends and expects.
const BODIES: Exceptions<'_> =
    Exceptions { bodies: &["--start", "--expect", "--body", "-b"], lists: &[] };

/// More rounds take longer than a day.
const ROUNDS_MAX: usize = 10_000;

/// Clients that stay connected are to be there for at least this part of a slice.
const COMPLETE_SHARE: f64 = 0.5;

/// What is no option of the crowd here, and what there is instead.
const REPLACED: [(&str, &str); 19] = [
    ("--for", "--slice TIME before the servers"),
    ("-z", "--slice TIME before the servers"),
    ("-d", "--slice TIME before the servers"),
    ("--requests", "--slice TIME before the servers"),
    ("-n", "--slice TIME before the servers"),
    ("--calm", "herd with --calm, which compares two times of one server"),
    ("--json", "--json before the servers"),
    ("--csv", "herd with --csv, which writes what one server does"),
    ("--hdr", "herd with --hdr, which writes what one server does"),
    ("--quiet", "nothing: slices show no progress"),
    ("--plot", "--plot before the servers"),
    ("--pid", "--pid before the servers"),
    ("--rounds", "--rounds N before the servers"),
    ("--slice", "--slice TIME before the servers"),
    ("--start", "--start COMMAND before the servers"),
    ("--cores", "--cores SERVERS,HERD before the servers"),
    ("--help", "herd compare --help"),
    ("-h", "herd compare -h"),
    ("--version", "herd --version"),
];

impl Options {
    /// What the arguments ask for, the program's name first.
    pub fn task(arguments: impl Iterator<Item = OsString>) -> Result<Task, Refusal> {
        let command = Options::command();
        let matches = reading::read(&command, arguments, |_| None, BODIES)?;
        let options = Options::from_arg_matches(&matches)
            .map_err(|error| Refusal::Mistake(error.to_string()))?;
        options.checked()
    }

    fn checked(self) -> Result<Task, Refusal> {
        let mistake = |sentence: String| Err(Refusal::Mistake(sentence));
        let at = self.servers.iter().position(|word| word.starts_with('-'));
        let (servers, crowd) = self.servers.split_at(at.unwrap_or(self.servers.len()));
        if servers.len() < 2 {
            return mistake(
                "name at least two servers, and the crowd's options behind them".into(),
            );
        }
        if self.rounds == 0 || self.slice.is_zero() {
            return mistake("--rounds and --slice cannot be 0".into());
        }
        if self.rounds > ROUNDS_MAX {
            return mistake(format!("--rounds can be {ROUNDS_MAX} at most"));
        }
        for (option, given) in [("--start", self.start.len()), ("--pid", self.pid.len())] {
            if given > 0 && given != servers.len() {
                return mistake(format!(
                    "{option} is there {given} times, and there are {} servers; write one for each",
                    servers.len()
                ));
            }
        }
        if let Some((option, instead)) = replaced(crowd) {
            return mistake(format!("{option} is not the crowd's here; use {instead}"));
        }
        let mut entries = Vec::new();
        for (index, name) in servers.iter().enumerate() {
            let start = self.start.get(index).filter(|command| !command.trim().is_empty());
            let pid = self.pid.get(index).filter(|pid| **pid != 0);
            if let (Some(_), Some(pid)) = (start, pid) {
                return mistake(format!(
                    "{name} has --start and --pid {pid}; leave one of them out"
                ));
            }
            let plan = plan(name, crowd, *self.slice)?;
            let (name, start, pid) = (name.clone(), start.cloned(), pid.copied());
            entries.push(Entry { name, plan, start, pid });
        }
        let json = self.json.map(Destination::from);
        let (rounds, cores, plot) = (self.rounds, self.cores, self.plot);
        Ok(Task { entries, rounds, cores, json, plot, crowd: crowd.join(" ") })
    }
}

/// The crowd at one server, for one slice.
fn plan(server: &str, crowd: &[String], slice: Duration) -> Result<Plan, Refusal> {
    let words = ["herd", server].into_iter().chain(crowd.iter().map(String::as_str));
    let plan = Crowd::from_arguments(words)?.plan()?;
    if !Kind::ALL.into_iter().any(|kind| kind.is_good() && plan.wanted(kind).clients > 0) {
        let sentence = "only the answers to good clients are compared; add --get N, say";
        return Err(Refusal::Mistake(sentence.to_owned()));
    }
    let connecting = plan.clients() as f64 / plan.connect_rate;
    if connecting > slice.as_secs_f64() * COMPLETE_SHARE {
        return Err(Refusal::Mistake(format!(
            "{} clients take {connecting:.1} s to connect, and each slice begins with that; use a \
             longer --slice, or a higher --connect-rate",
            plan.clients()
        )));
    }
    Ok(Plan { length: slice, requests: None, shown: Shown::Nothing, ..plan })
}

/// The first of these words that is an option, and no option of the crowd here.
fn replaced(crowd: &[String]) -> Option<(&'static str, &'static str)> {
    let command = Crowd::command();
    let takes_value = |word: &str| {
        command.get_arguments().filter(|option| option.get_action().takes_values()).any(|option| {
            let long = option.get_long().map(|long| format!("--{long}"));
            let short = option.get_short().map(|short| format!("-{short}"));
            long.as_deref() == Some(word) || short.as_deref() == Some(word)
        })
    };
    let mut words = crowd.iter();
    while let Some(word) = words.next() {
        let is_named = |option: &str| {
            word == option
                || word.starts_with(&format!("{option}="))
                || !option.starts_with("--") && word.starts_with(option)
        };
        if let Some(found) = REPLACED.into_iter().find(|(option, _)| is_named(option)) {
            return Some(found);
        }
        if takes_value(word) {
            words.next();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(words: &[&str]) -> Result<Task, String> {
        let words = ["herd compare"].iter().chain(words).map(OsString::from);
        Options::task(words).map_err(|refusal| match refusal {
            Refusal::Mistake(sentence) => sentence,
            other @ (Refusal::Page(_) | Refusal::System(_)) => panic!("{other:?}"),
        })
    }

    #[test]
    fn the_crowds_options_come_behind_the_servers_and_are_the_same_for_all() {
        let words = ["--slice", "300ms", "8888", ":8889/a", "8888", "--get", "9", "--rate", "5"];
        let task = task(&words).expect("right");
        assert_eq!(task.rounds, 7);
        assert_eq!(task.crowd, "--get 9 --rate 5");
        let names: Vec<&str> = task.entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["8888", ":8889/a", "8888"]);
        for entry in &task.entries {
            assert_eq!(entry.plan.wanted(Kind::Get).clients, 9);
            assert_eq!(entry.plan.wanted(Kind::Get).rate, Some(5.0));
            assert_eq!(entry.plan.length, Duration::from_millis(300));
        }
        assert_eq!(task.entries[1].plan.resource().path, "/a");
    }

    #[test]
    fn what_looks_like_an_option_can_be_a_value() {
        let task = task(&["8888", "8889", "--expect", "-none"]).expect("right");
        assert_eq!(task.entries[0].plan.expected.as_deref(), Some(&b"-none"[..]));
    }

    #[test]
    fn what_the_crowd_sends_and_expects_may_have_any_characters() {
        let words = ["8888", "8889", "--body", "a\nb", "--expect", "c\td\n"];
        let task = task(&words).expect("right");
        for entry in &task.entries {
            assert_eq!(entry.plan.expected.as_deref(), Some(&b"c\td\n"[..]));
            assert_eq!(entry.plan.resource().body.as_deref(), Some(&b"a\nb"[..]));
        }
        let words = ["8888", "8889", "-H", "a: b\nc: d"].map(OsString::from);
        let words = [OsString::from("herd compare")].into_iter().chain(words);
        assert!(Options::task(words).is_err(), "a field is one line");
    }

    #[test]
    fn what_belongs_to_each_server_is_there_as_often_as_servers_are() {
        let words =
            ["--start", "", "--start", "a -b", "--pid", "7", "--pid", "0", "--cores", "1,0"];
        let task = task(&[&words[..], &["1", "2"]].concat()).expect("right");
        assert_eq!(task.cores, Some(Cores { servers: 1, herd: 0 }));
        let own: Vec<_> =
            task.entries.iter().map(|entry| (entry.start.as_deref(), entry.pid)).collect();
        assert_eq!(own, [(None, Some(7)), (Some("a -b"), None)]);
    }

    #[test]
    fn what_cannot_be_meant_is_told_how_to_mend_it() {
        for (words, remedy) in [
            (&["8888"][..], "two servers"),
            (&["8888", "--get", "5"], "two servers"),
            (&["8888", "8889", "--for", "5s"], "--slice"),
            (&["8888", "8889", "-n5"], "--slice"),
            (&["8888", "8889", "--json=a"], "--json before"),
            (&["8888", "8889", "--rounds", "3"], "before the servers"),
            (&["8888", "8889", "--help"], "herd compare --help"),
            (&["8888", "8889", "--idle", "10"], "--get N"),
            (&["--slice", "300ms", "8888", "8889", "--get", "4", "--idle", "6000"], "--slice"),
            (&["--rounds", "0", "8888", "8889"], "cannot be 0"),
            (&["--rounds", "9999999999999", "8888", "8889"], "10000 at most"),
            (&["--cores", "1", "8888", "8889"], "such as 1,0"),
            (&["--pid", "7", "8888", "8889"], "one for each"),
            (&["--start", "a", "--start", "b", "--pid", "7", "--pid", "0", "1", "2"], "leave one"),
            (&["8888", "8889", "--gett", "5"], "--get"),
            (&["8888", "example.com:80"], "127.0.0.1"),
        ] {
            let told = task(words).expect_err("wrong");
            assert!(told.contains(remedy), "{words:?}: {told}");
        }
    }
}
