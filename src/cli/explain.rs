//! `--explain`, `--slow-motion` and `--admin`: what is shown of each step, how it looks, and where
//! it can be watched.
//!
//! The sentences are the library's ([`oneloop::watch`]); here they get the time, the colours of a
//! terminal, and a place among the lines for standard error. If that is no longer read, the server
//! serves all the same.

use std::fmt::{self, Write as _};
use std::io;
use std::path::PathBuf;
use std::time::{self, Instant};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::Args;
use humantime::Duration;
use oneloop::Time;
use oneloop::config::{AdminListener, Reach};
use oneloop::journal::{Journal, Notice};
use oneloop::watch::TraceEvents;
use oneloop::{Event, Listen, Observer, Outlet};

use super::listening::local_place;
use super::option_sources::OptionSources;
use super::record::Recorder;
use super::values::switch;
use crate::arguments::Refusal;
use crate::arguments::values::duration;

/// The options under the heading "Watching".
#[derive(Debug, Args)]
#[command(next_help_heading = "Watching")]
pub struct WatchingOptions {
    /// Print each step of the loop on standard error: text, or =json (lines), or =trace (a file)
    ///
    /// A step is what the poll reports, what a system call returns, how a state changes, how full the
    /// buffers are, which deadline applies, why a connection closes. Text has colours on a terminal
    /// unless NO_COLOR is set. A trace is for ui.perfetto.dev or chrome://tracing: write it to a file by
    /// 2> FILE. Beside text the log shows only warnings, beside JSON and a trace nothing, unless
    /// RUST_LOG, -v or -q ask for something else.
    #[arg(
        long, value_name = "FORMAT", env = "ONELOOP_EXPLAIN", value_parser = explain,
        num_args = 0..=1, require_equals = true, default_missing_value = "text",
        default_value = "off", hide_default_value = true
    )]
    explain: Explain,

    /// Write each step to this file, for 'oneloop replay FILE', which plays it in a browser
    ///
    /// The file is made anew, and has lines as --explain=json prints them, without those of the admin
    /// address. It ends at 16 MiB, which are some 80,000 steps.
    #[arg(long, value_name = "FILE", env = "ONELOOP_RECORD")]
    record: Option<PathBuf>,

    /// Print each step, and pause this long after it, so that a person can follow
    ///
    /// The server's clock stands still during a pause, so no timeout passes. Once the server is
    /// told to stop, it no longer pauses.
    #[arg(
        long, value_name = "TIME", env = "ONELOOP_SLOW_MOTION", value_parser = duration
    )]
    slow_motion: Option<Duration>,

    /// Open an admin address: a live page at /, /metrics for Prometheus, /healthz, /readyz
    ///
    /// A port alone means 127.0.0.1; a Unix socket is unix:/PATH. The page shows every client as it
    /// changes, and can pause the loop or let it take single steps. The page has a slow motion of
    /// its own, which leaves the page itself fast, so this option excludes --slow-motion.
    #[arg(long, value_name = "PLACE", env = "ONELOOP_ADMIN", value_parser = admin_place)]
    admin: Option<Listen>,

    /// Allow an admin address that other machines can reach
    ///
    /// Everyone who can connect to it sees which clients are connected, and can pause the server.
    /// There is no password and no encryption.
    #[arg(long, env = "ONELOOP_ADMIN_ANYONE_CAN_REACH_IT", value_parser = switch)]
    admin_anyone_can_reach_it: bool,

    /// Open a health address: /healthz, /readyz, /metrics, and no control
    ///
    /// A port alone means 127.0.0.1; *:9001 is every address. /healthz says 200 as long as the loop
    /// turns, /readyz says 503 while the server stops or is paused. Nothing here can change anything,
    /// so the network may reach it. Any host name is accepted.
    #[arg(long, value_name = "PLACE", env = "ONELOOP_HEALTH", value_parser = health_place)]
    health: Option<Listen>,

    /// Answer this path with 200, and with 503 once told to stop; not in the access log
    ///
    /// For a balancer that can ask at the port of the clients only. A --health address says more.
    #[arg(long, value_name = "PATH", env = "ONELOOP_HEALTH_PATH", value_parser = health_path)]
    health_path: Option<String>,

    /// Accept this host name on the admin address, too; may be repeated
    ///
    /// This is the name in the browser's address bar: that of a container, a machine or a proxy.
    /// The address itself and localhost are always accepted. Other names are refused, because any
    /// web page could use them; /metrics, /healthz and /readyz accept all names where other machines can
    /// reach the address.
    #[arg(long, value_name = "NAME", env = "ONELOOP_ADMIN_HOST", value_delimiter = ',')]
    admin_host: Vec<String>,
}

/// What is told of each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explain {
    /// Nothing.
    Off,
    /// A sentence.
    Text,
    /// An object of JSON.
    Json,
    /// Events of a trace.
    Trace,
}

/// `text`, `json` and `trace`, and what an environment says of options without a value.
fn explain(text: &str) -> Result<Explain, &'static str> {
    match text.trim().to_ascii_lowercase().as_str() {
        "text" => Ok(Explain::Text),
        "json" => Ok(Explain::Json),
        "trace" => Ok(Explain::Trace),
        other => match switch(other) {
            Ok(true) => Ok(Explain::Text),
            Ok(false) => Ok(Explain::Off),
            Err(_) => Err("write --explain, --explain=text, --explain=json or --explain=trace"),
        },
    }
}

/// A place, or a port of the loopback address.
fn health_path(text: &str) -> Result<String, &'static str> {
    match text.starts_with('/') && !text.contains(|c: char| c == '?' || !c.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err("write a path without a query, such as /healthz"),
    }
}

fn health_place(text: &str) -> Result<Listen, String> {
    local_place(text, 9001)
}

fn admin_place(text: &str) -> Result<Listen, String> {
    local_place(text, 9000)
}

impl WatchingOptions {
    /// What is to be told.
    pub fn explain(&self) -> Explain {
        match (self.explain, self.slow_motion) {
            (Explain::Off, Some(_)) => Explain::Text,
            (explain, _) => explain,
        }
    }

    /// Where to show what the server does.
    pub fn admin(&self) -> Option<AdminListener> {
        let reach = match self.admin_anyone_can_reach_it {
            true => Reach::Anyone,
            false => Reach::ThisMachine,
        };
        self.admin.clone().map(|listen| AdminListener::new(listen, reach))
    }

    /// Where to say whether the server is well.
    pub fn health(&self) -> Option<Listen> {
        self.health.clone()
    }

    /// The path that says to clients whether the server is ready.
    pub fn health_path(&self) -> Option<&str> {
        self.health_path.as_deref()
    }

    /// By which further names it may be asked there.
    pub fn admin_hosts(&self) -> &[String] {
        &self.admin_host
    }

    /// Whether these options contradict each other, and how to mend it.
    pub fn check(&self, given: &OptionSources) -> Result<(), Refusal> {
        let mistake = |sentence: String| Err(Refusal::Mistake(sentence));
        let admin = given.name("admin");
        match (self.admin(), self.slow_motion) {
            (None, _) if !self.admin_host.is_empty() => mistake(format!(
                "{} is for an admin address; give one, as in '--admin 9000'",
                given.name("admin_host")
            )),
            (Some(_), Some(_)) => mistake(format!(
                "{} cannot be used with {admin}; use the slow motion of its page",
                given.name("slow_motion")
            )),
            (Some(AdminListener { listen, reach: Reach::ThisMachine, .. }), None) => {
                match listen.endpoint.port_for_others() {
                    Some(port) => mistake(format!(
                        "{admin}: other machines can reach {listen}; use 127.0.0.1:{port}, or add \
                         --admin-anyone-can-reach-it"
                    )),
                    None => Ok(()),
                }
            }
            (Some(_) | None, _) => Ok(()),
        }
    }

    /// What records the steps, and where they are written, if they are to be.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn recorder(&self) -> Result<Option<(Recorder, Outlet)>, Refusal> {
        self.record.as_deref().map(Recorder::open).transpose()
    }

    /// How long to rest after each step.
    pub fn slow_motion(&self) -> Option<std::time::Duration> {
        self.slow_motion.map(|pause| *pause)
    }
}

/// Tells each step on standard error, one line each, and records it.
pub struct Teller {
    lines: Journal,
    dress: Option<Dress>,
    recorder: Option<Recorder>,
    /// The present line.
    line: String,
    /// In slow motion each line is to be seen before the loop rests.
    at_once: Option<Outlet>,
}

/// What a line looks like.
#[derive(Debug)]
enum Dress {
    Plain,
    Coloured,
    Json,
    /// Since then.
    Trace(TraceEvents, Instant),
}

/// A client keeps its colour, and those who came one after the other have different ones.
const CLIENTS: [AnsiColor; 5] =
    [AnsiColor::Cyan, AnsiColor::Yellow, AnsiColor::Green, AnsiColor::Magenta, AnsiColor::Blue];

impl Teller {
    /// Tells in the form that is wanted, among the lines of `lines`, and records; nothing if neither is
    /// wanted.
    pub fn new(
        watching: &WatchingOptions,
        lines: &Journal,
        recorder: Option<Recorder>,
    ) -> Option<Teller> {
        let dress = match watching.explain() {
            Explain::Off => {
                let (lines, line) = (lines.clone(), String::new());
                let recorder = Some(recorder?);
                return Some(Teller { lines, dress: None, recorder, line, at_once: None });
            }
            Explain::Json => {
                lines.set_notice(Notice::Json);
                Dress::Json
            }
            Explain::Trace => {
                lines.set_notice(Notice::Trace);
                let events = TraceEvents::default();
                lines.push(events.start().as_bytes());
                Dress::Trace(events, Instant::now())
            }
            Explain::Text if is_coloured() => Dress::Coloured,
            Explain::Text => Dress::Plain,
        };
        let at_once = watching.slow_motion.map(|_| Outlet::standard_error(lines.clone()));
        let (lines, dress, line) = (lines.clone(), Some(dress), String::new());
        Some(Teller { lines, dress, recorder, line, at_once })
    }
}

/// Whether standard error is a terminal that shows colours, and its user wants them.
pub fn is_coloured() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

impl Observer for Teller {
    fn observe(&mut self, event: &Event) {
        if let Some(recorder) = &mut self.recorder {
            recorder.record(event);
        }
        let Some(dress) = &mut self.dress else { return };
        self.line.clear();
        // Writing to a string cannot fail.
        let _ = write_line(&mut self.line, event, dress);
        self.lines.push(self.line.as_bytes());
        if let Some(outlet) = &mut self.at_once {
            outlet.write_now();
        }
    }
}

/// Time, who, what, and the sentence.
fn write_line(line: &mut String, event: &Event, dress: &mut Dress) -> fmt::Result {
    let at = event.at.since(Time::START) + time::Duration::from_micros(500);
    let (seconds, millis) = (at.as_secs(), at.subsec_millis());
    match dress {
        Dress::Plain => writeln!(line, "{seconds:5}.{millis:03} s  {event}"),
        Dress::Json => writeln!(line, "{}", event.json()),
        Dress::Trace(events, began) => {
            events.put(line, began.elapsed(), event);
            Ok(())
        }
        Dress::Coloured => {
            let dim = Style::new().dimmed();
            let bold = Style::new().bold();
            let own = event.client().map_or(dim, |client| {
                CLIENTS[client.number() as usize % CLIENTS.len()].on_default()
            });
            let (who, verb, sentence) = (event.who(), event.padded_verb(), event.sentence());
            write!(line, "{dim}{seconds:5}.{millis:03} s{dim:#}  {own}{who}{own:#}")?;
            writeln!(line, "{bold}{verb}{bold:#}{sentence}")
        }
    }
}

#[cfg(test)]
mod tests {
    use oneloop::watch::{LoopEvent, What};

    use super::*;

    #[test]
    fn without_its_colours_a_line_is_the_plain_line() {
        let event = Event::new(Time::START, What::Loop(LoopEvent::Stopped));
        let shown = |mut dress| {
            let mut line = String::new();
            write_line(&mut line, &event, &mut dress).expect("a string takes it");
            line
        };
        let coloured = shown(Dress::Coloured);
        assert_ne!(coloured, shown(Dress::Plain));
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), shown(Dress::Plain));
    }
}
