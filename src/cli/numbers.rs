//! The options that are numbers: one for each limit and each timeout.
//!
//! The defaults are the library's own values, asked for, never written again; what happens at a
//! limit is described in full in [`Limits`] and [`Timeouts`], here in half a line.

use clap::Args;
use humantime::Duration;
use oneloop::{Limits, Timeouts};

use crate::arguments::values::{Size, count, duration};

/// An option for each field of [`Limits`].
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitOptions {
    /// The longest request head; a longer one gets 431
    #[arg(
        long, value_name = "SIZE", env = "ONELOOP_HEAD_MAX",
        default_value_t = Size(Limits::default().head_bytes_max)
    )]
    head_max: Size,

    /// The longest request target; a longer one gets 414
    #[arg(
        long, value_name = "SIZE", env = "ONELOOP_TARGET_MAX",
        default_value_t = Size(Limits::default().target_bytes_max)
    )]
    target_max: Size,

    /// The most header fields in a request, and the most trailers; more get 431
    #[arg(
        long, value_name = "N", env = "ONELOOP_FIELDS_MAX", value_parser = count::<usize>,
        default_value_t = Limits::default().fields_max
    )]
    fields_max: usize,

    /// The longest request body; a longer one gets 413
    #[arg(
        long, value_name = "SIZE", env = "ONELOOP_BODY_MAX",
        default_value_t = Size(Limits::default().body_bytes_max)
    )]
    body_max: Size,

    /// When waiting answers reach this size, send them before the next pipelined request
    #[arg(
        long, value_name = "SIZE", env = "ONELOOP_OUTPUT_HIGH_WATER",
        default_value_t = Size(Limits::default().output_bytes_high_water)
    )]
    output_high_water: Size,

    /// After the last answer, read and drop at most this much; then close
    #[arg(
        long, value_name = "SIZE", env = "ONELOOP_LINGER_MAX",
        default_value_t = Size(Limits::default().linger_bytes_max)
    )]
    linger_max: Size,

    /// One client does at most this much in a turn of the loop, in bytes or work that takes as long
    #[arg(
        long, value_name = "SIZE", env = "ONELOOP_TURN_MAX",
        default_value_t = Size(Limits::default().turn_bytes_max)
    )]
    turn_max: Size,

    /// A listener accepts at most this many connections in a turn
    #[arg(
        long, value_name = "N", env = "ONELOOP_ACCEPTS_MAX", value_parser = count::<usize>,
        default_value_t = Limits::default().accepts_per_turn_max
    )]
    accepts_max: usize,

    /// The server handles at most this many timeouts in a turn
    #[arg(
        long, value_name = "N", env = "ONELOOP_DEADLINES_MAX", value_parser = count::<usize>,
        default_value_t = Limits::default().deadlines_per_turn_max
    )]
    deadlines_max: usize,

    /// The most clients at once [default: what the descriptor limit allows]
    ///
    /// Above it, the client that has been idle longest is closed to admit the next.
    #[arg(long, value_name = "N", env = "ONELOOP_CLIENTS_MAX", value_parser = count::<usize>)]
    clients_max: Option<usize>,

    /// Minimum average bytes/s; slower uploads get 408, slower downloads are reset
    #[arg(
        long, value_name = "BYTES", env = "ONELOOP_PROGRESS_MIN", value_parser = count::<u32>,
        default_value_t = Limits::default().progress_bytes_per_second_min
    )]
    progress_min: u32,

    /// The kernel keeps at most this many connections that are not accepted yet
    #[arg(
        long, value_name = "N", env = "ONELOOP_BACKLOG", value_parser = count::<i32>,
        default_value_t = Limits::default().backlog
    )]
    backlog: i32,
}

impl LimitOptions {
    /// The limits that were asked for: each field from its own option, so none can be forgotten.
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.head_bytes_max = self.head_max.0;
        limits.target_bytes_max = self.target_max.0;
        limits.fields_max = self.fields_max;
        limits.body_bytes_max = self.body_max.0;
        limits.output_bytes_high_water = self.output_high_water.0;
        limits.linger_bytes_max = self.linger_max.0;
        limits.turn_bytes_max = self.turn_max.0;
        limits.accepts_per_turn_max = self.accepts_max;
        limits.deadlines_per_turn_max = self.deadlines_max;
        limits.clients_max = self.clients_max;
        limits.progress_bytes_per_second_min = self.progress_min;
        limits.backlog = self.backlog;
        limits
    }
}

/// An option for each field of [`Timeouts`], but `typing_grace`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Timeouts")]
pub struct TimeoutOptions {
    /// A client has this long to send its first byte; then it is closed
    #[arg(
        long, value_name = "TIME", env = "ONELOOP_FIRST_BYTE_TIMEOUT", value_parser = duration,
        default_value_t = Timeouts::default().first_byte.into()
    )]
    first_byte_timeout: Duration,

    /// A request head must be complete within this time; then 408
    #[arg(
        long, value_name = "TIME", env = "ONELOOP_HEAD_TIMEOUT", value_parser = duration,
        default_value_t = Timeouts::default().head.into()
    )]
    head_timeout: Duration,

    /// A request body must make progress (--progress-min) within this time; else 408
    #[arg(
        long, value_name = "TIME", env = "ONELOOP_BODY_TIMEOUT", value_parser = duration,
        default_value_t = Timeouts::default().body.into()
    )]
    body_timeout: Duration,

    /// A client must read (--progress-min) from its answer within this time; else reset
    #[arg(
        long, value_name = "TIME", env = "ONELOOP_WRITE_TIMEOUT", value_parser = duration,
        default_value_t = Timeouts::default().write.into()
    )]
    write_timeout: Duration,

    /// A kept connection without another request is closed after this time
    #[arg(
        long, value_name = "TIME", env = "ONELOOP_IDLE_TIMEOUT", value_parser = duration,
        default_value_t = Timeouts::default().idle.into()
    )]
    idle_timeout: Duration,

    /// After the last answer, close a client that sends nothing for this long; at most 30 times
    /// this in all
    #[arg(
        long, value_name = "TIME", env = "ONELOOP_LINGER_TIMEOUT", value_parser = duration,
        default_value_t = Timeouts::default().linger.into()
    )]
    linger_timeout: Duration,

    /// When told to stop, first only say so for this long: answers close, readiness is 503
    ///
    /// The server accepts and serves as before. A balancer needs this time to notice.
    #[arg(
        long, value_name = "TIME", env = "ONELOOP_DRAIN_ANNOUNCE", value_parser = duration,
        default_value_t = Timeouts::default().drain_announce.into()
    )]
    drain_announce: Duration,

    /// When told to stop, let idle connections ask once more for this long; then close them
    ///
    /// At most half of --drain-timeout.
    #[arg(
        long, value_name = "TIME", env = "ONELOOP_DRAIN_IDLE", value_parser = duration,
        default_value_t = Timeouts::default().drain_idle.into()
    )]
    drain_idle: Duration,

    /// When told to stop, wait this long for clients to finish; then cut them off
    ///
    /// The time counts from the end of --drain-announce.
    #[arg(
        long, value_name = "TIME", env = "ONELOOP_DRAIN_TIMEOUT", value_parser = duration,
        default_value_t = Timeouts::default().drain.into()
    )]
    drain_timeout: Duration,
}

impl TimeoutOptions {
    /// The timeouts that were asked for. `typing_grace` is an option of the answer.
    pub fn timeouts(&self, typing_grace: Option<std::time::Duration>) -> Timeouts {
        let mut timeouts = Timeouts::default();
        timeouts.first_byte = *self.first_byte_timeout;
        timeouts.head = *self.head_timeout;
        timeouts.typing_grace = typing_grace;
        timeouts.body = *self.body_timeout;
        timeouts.write = *self.write_timeout;
        timeouts.idle = *self.idle_timeout;
        timeouts.linger = *self.linger_timeout;
        timeouts.drain_announce = *self.drain_announce;
        timeouts.drain_idle = *self.drain_idle;
        timeouts.drain = *self.drain_timeout;
        timeouts
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Cli;
    use super::*;

    type SetLimit = (&'static str, &'static str, fn(&mut Limits));
    type SetTimeout = (&'static str, fn(&mut Timeouts));

    fn cli(arguments: &[&str]) -> Cli {
        Cli::from_arguments(["oneloop"].iter().chain(arguments)).expect("good arguments")
    }

    #[test]
    fn each_limit_option_sets_its_limit_and_no_other() {
        let options: [SetLimit; 12] = [
            ("--head-max", "10KiB", |limits| limits.head_bytes_max = 10 << 10),
            ("--target-max", "1KiB", |limits| limits.target_bytes_max = 1024),
            ("--fields-max", "7", |limits| limits.fields_max = 7),
            ("--body-max", "0", |limits| limits.body_bytes_max = 0),
            ("--output-high-water", "4096", |limits| limits.output_bytes_high_water = 4096),
            ("--linger-max", "1KB", |limits| limits.linger_bytes_max = 1000),
            ("--turn-max", "2MiB", |limits| limits.turn_bytes_max = 2 << 20),
            ("--accepts-max", "1", |limits| limits.accepts_per_turn_max = 1),
            ("--deadlines-max", "2", |limits| limits.deadlines_per_turn_max = 2),
            ("--clients-max", "3", |limits| limits.clients_max = Some(3)),
            ("--progress-min", "4", |limits| limits.progress_bytes_per_second_min = 4),
            ("--backlog", "5", |limits| limits.backlog = 5),
        ];
        for (option, value, set) in options {
            let mut expected = Limits::default();
            set(&mut expected);
            assert_eq!(
                cli(&[option, value]).config().expect("good values").limits,
                expected,
                "{option}"
            );
        }
    }

    #[test]
    fn each_timeout_option_sets_its_timeout_and_no_other() {
        const ODD: Duration = Duration::from_millis(1234);
        let options: [SetTimeout; 10] = [
            ("--first-byte-timeout", |timeouts| timeouts.first_byte = ODD),
            ("--head-timeout", |timeouts| timeouts.head = ODD),
            ("--body-timeout", |timeouts| timeouts.body = ODD),
            ("--write-timeout", |timeouts| timeouts.write = ODD),
            ("--idle-timeout", |timeouts| timeouts.idle = ODD),
            ("--linger-timeout", |timeouts| timeouts.linger = ODD),
            ("--drain-announce", |timeouts| timeouts.drain_announce = ODD),
            ("--drain-idle", |timeouts| timeouts.drain_idle = ODD),
            ("--drain-timeout", |timeouts| timeouts.drain = ODD),
            ("--typing-grace", |timeouts| timeouts.typing_grace = Some(ODD)),
        ];
        for (option, set) in options {
            let mut expected = cli(&[]).config().expect("good values").timeouts;
            set(&mut expected);
            assert_eq!(
                cli(&[option, "1s 234ms"]).config().expect("good values").timeouts,
                expected,
                "{option}"
            );
        }
    }
}
