//! What is logged: about the server, on standard error; and of each request, in the access log.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Args};
use oneloop::Outlet;
use oneloop::journal::{BYTES_MAX, Format, Journal, Notice};
use oneloop::watch::AccessLog;

use super::values::switch;
use crate::arguments::Refusal;
use crate::arguments::values::Size;

/// The options under the heading "Logging".
#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
pub struct LoggingOptions {
    #[command(flatten)]
    pub access_log: AccessLogOptions,

    /// Log more: -v also limits, clients and answers, -vv each step [default: info] [env: RUST_LOG=]
    ///
    /// RUST_LOG, if set, overrides -v and -q. It takes levels and modules, such as debug or
    /// oneloop::server=trace.
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    /// Log less: -q only warnings and errors, -qq only errors, -qqq nothing
    #[arg(short, long, action = ArgAction::Count)]
    pub quiet: u8,
}

/// A line for each request.
#[derive(Debug, Args)]
pub struct AccessLogOptions {
    /// Write a line for each answer to standard output (-) or to a file, or none (off)
    ///
    /// Without this option a directory has its lines on standard output, and a text has none. A line
    /// is written when its answer's last byte is taken, or its connection has ended. If the reader
    /// is slow, the server goes on, and drops lines; a line in their place says how many. A file is
    /// appended to: its disk, if it is slow, can hold up the server.
    #[arg(long, value_name = "PLACE", env = "ONELOOP_ACCESS_LOG")]
    access_log: Option<LogPlace>,

    /// Write them in this format: combined, json or logfmt
    ///
    /// combined is that of nginx and Apache. json and logfmt also tell the number of the connection
    /// and of the request, the times to the first byte and to the end, and why it ended.
    #[arg(
        long, value_name = "FORMAT", env = "ONELOOP_ACCESS_LOG_FORMAT", value_parser = format,
        default_value = "combined"
    )]
    access_log_format: Format,

    /// Write none for requests with this path, unless they fail; may be repeated
    #[arg(
        long, value_name = "PATH", env = "ONELOOP_ACCESS_LOG_EXCEPT", value_delimiter = ',',
        value_parser = path
    )]
    access_log_except: Vec<String>,

    /// Write those of one connection in N, and of the others only what fails, as in 1/100
    #[arg(long, value_name = "1/N", env = "ONELOOP_ACCESS_LOG_SAMPLE", default_value = "1/1")]
    access_log_sample: Sample,

    /// Write lines for connections that end without a request, too
    ///
    /// Such a line has no request and no status: 000 in combined, 0 in json and logfmt, which also
    /// tell why the connection ended.
    #[arg(long, env = "ONELOOP_ACCESS_LOG_CONNECTIONS", value_parser = switch)]
    access_log_connections: bool,

    /// Keep up to this much of lines that are not read in time
    #[arg(
        long, value_name = "SIZE", env = "ONELOOP_ACCESS_LOG_BYTES",
        default_value_t = Size(BYTES_MAX)
    )]
    access_log_bytes: Size,
}

/// Where the lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
enum LogPlace {
    Off,
    StandardOutput,
    File(PathBuf),
}

impl FromStr for LogPlace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<LogPlace, Self::Err> {
        match text {
            "" => Err("write '-', the name of a file, or off"),
            "off" => Ok(LogPlace::Off),
            "-" => Ok(LogPlace::StandardOutput),
            name => Ok(LogPlace::File(name.into())),
        }
    }
}

/// One connection in this many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample(u32);

impl FromStr for Sample {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Sample, Self::Err> {
        let number = text.trim().strip_prefix("1/").and_then(|number| number.parse().ok());
        number.filter(|number| *number > 0).map(Sample).ok_or("write 1/N, as in 1/100")
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1/{}", self.0)
    }
}

fn format(text: &str) -> Result<Format, &'static str> {
    match text.trim().to_ascii_lowercase().as_str() {
        "combined" => Ok(Format::Combined),
        "json" => Ok(Format::Json),
        "logfmt" => Ok(Format::Logfmt),
        _ => Err("write combined, json or logfmt"),
    }
}

fn path(text: &str) -> Result<String, &'static str> {
    match text.starts_with('/') {
        true => Ok(text.to_owned()),
        false => Err("write a path that begins with a slash, as in /healthz"),
    }
}

impl AccessLogOptions {
    /// Whether lines are written, where they are or are not by default.
    pub fn is_wanted(&self, by_default: bool) -> bool {
        self.access_log.as_ref().map_or(by_default, |place| *place != LogPlace::Off)
    }

    /// What writes the lines, and where they go. `log` has the lines for standard error: if standard
    /// output is the same file, they go there, so that no write tears a line of the other.
    pub fn open(&self, log: &Journal) -> Result<(AccessLog, Option<Outlet>), Refusal> {
        let notice = match self.access_log_format {
            Format::Json => Notice::Json,
            Format::Logfmt => Notice::Logfmt,
            Format::Combined | _ => Notice::Text,
        };
        let journal = Journal::new(self.access_log_bytes.0, notice);
        let outlet = match &self.access_log {
            Some(LogPlace::File(path)) => {
                let opened = Outlet::file(journal.clone(), path);
                let refused = |reason: io::Error| {
                    let path = path.display();
                    Refusal::System(format!(
                        "cannot open the access log '{path}': {reason}; name a file that can be \
                         written, or take standard output (--access-log -)"
                    ))
                };
                Some(opened.map_err(refused)?)
            }
            Some(LogPlace::StandardOutput | LogPlace::Off) | None => {
                let outlet = Outlet::standard_output(journal.clone());
                let is_shared = outlet.is_same_file(&Outlet::standard_error(log.clone()));
                (!is_shared).then_some(outlet)
            }
        };
        let journal = if outlet.is_some() { journal } else { log.clone() };
        let mut access_log = AccessLog::new(self.access_log_format, journal);
        for path in &self.access_log_except {
            access_log = access_log.except(path.clone());
        }
        if self.access_log_connections {
            access_log = access_log.unanswered();
        }
        Ok((access_log.sample(self.access_log_sample.0), outlet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_samples_and_formats_are_read_as_they_are_written() {
        assert_eq!("-".parse(), Ok(LogPlace::StandardOutput));
        assert_eq!("off".parse(), Ok(LogPlace::Off));
        assert_eq!("./off".parse(), Ok(LogPlace::File("./off".into())));
        assert!("".parse::<LogPlace>().is_err());
        assert_eq!("1/100".parse(), Ok(Sample(100)));
        for wrong in ["", "1", "100", "1/0", "2/3", "1/-1", "1/x"] {
            assert!(wrong.parse::<Sample>().is_err(), "{wrong}");
        }
        assert_eq!(format("JSON"), Ok(Format::Json));
        assert!(format("apache").is_err() && path("healthz").is_err());
    }
}
