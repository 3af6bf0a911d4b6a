//! A snapshot in Prometheus' text format, version 0.0.4, named by its conventions.

use std::fmt::{self, Display, Write};
use std::time::Duration;

use super::snapshot::{Pace, Snapshot};
use crate::admin::process;
use crate::engine::StopStep;
use crate::metrics::{CloseReason, Counter, LogMetrics, Metrics};
use crate::time::{Time, seconds};
use crate::watch::StateName;

/// What the answer says that it is.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// All metrics.
pub(super) fn text(snapshot: &Snapshot) -> String {
    let mut text = Exposition(String::with_capacity(8 * 1024));
    // Writing to a string cannot fail.
    let _ = text.loop_counters(snapshot);
    let _ = text.answers(&snapshot.metrics);
    let _ = text.connections(snapshot);
    let _ = text.server(snapshot);
    let _ = text.logs(snapshot.logs);
    let _ = text.process(snapshot.began);
    text.0
}

struct Exposition(String);

impl Exposition {
    fn loop_counters(&mut self, snapshot: &Snapshot) -> fmt::Result {
        for Counter { name, help, value } in snapshot.metrics.counters() {
            self.single(&format!("oneloop_{name}_total"), help, Kind::Counter, value)?;
        }
        Ok(())
    }

    fn answers(&mut self, metrics: &Metrics) -> fmt::Result {
        let name = "oneloop_answers_total";
        self.head(name, "Answers given, by the class of their status.", Kind::Counter)?;
        for (class, answers) in metrics.answers() {
            writeln!(self.0, "{name}{{class=\"{class}\"}} {answers}")?;
        }
        let name = "oneloop_request_duration_seconds";
        let help = "From the first byte of a request to the last one of its answer that the kernel \
            took. A time within one turn of the loop is 0.";
        self.head(name, help, Kind::Histogram)?;
        for (bound, requests) in metrics.durations.cumulative() {
            match bound {
                Some(bound) => {
                    let bound = seconds(bound);
                    writeln!(self.0, "{name}_bucket{{le=\"{bound}\"}} {requests}")?;
                }
                None => writeln!(self.0, "{name}_bucket{{le=\"+Inf\"}} {requests}")?,
            }
        }
        writeln!(self.0, "{name}_sum {}", seconds(metrics.durations.sum()))?;
        writeln!(self.0, "{name}_count {}", metrics.durations.requests())
    }

    fn logs(&mut self, logs: LogMetrics) -> fmt::Result {
        let LogMetrics { lines, bytes, dropped, longest_write } = logs;
        for (name, help, value) in [
            ("oneloop_log_lines_total", "Lines of all logs that were written.", lines),
            ("oneloop_log_written_bytes_total", "Bytes of all logs that were written.", bytes),
            (
                "oneloop_log_lines_dropped_total",
                "Lines of logs that were dropped because they could not be written in time.",
                dropped,
            ),
        ] {
            self.single(name, help, Kind::Counter, value)?;
        }
        let help = "The longest that a write of lines to a file has held up the loop.";
        let longest = seconds(longest_write);
        self.single("oneloop_log_write_longest_seconds", help, Kind::Gauge, longest)
    }

    fn connections(&mut self, snapshot: &Snapshot) -> fmt::Result {
        let name = "oneloop_connections_closed_total";
        self.head(name, "Connections closed, by the reason that was first.", Kind::Counter)?;
        for reason in CloseReason::ALL.iter().copied() {
            let closed = snapshot.metrics.closed(reason);
            writeln!(self.0, "{name}{{reason=\"{reason:?}\"}} {closed}")?;
        }
        let name = "oneloop_connections";
        self.head(name, "Connections at present, by the state that they wait in.", Kind::Gauge)?;
        for state in StateName::ALL.iter().copied() {
            let clients = snapshot.summary.states[state as usize];
            writeln!(self.0, "{name}{{state=\"{state:?}\"}} {clients}")?;
        }
        let help = "The most connections at once, watchers not counted.";
        self.single("oneloop_connections_limit", help, Kind::Gauge, snapshot.clients_max)
    }

    fn server(&mut self, snapshot: &Snapshot) -> fmt::Result {
        let name = "oneloop_build_info";
        self.head(name, "Always 1; which version this is.", Kind::Gauge)?;
        writeln!(self.0, "{name}{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"))?;
        let uptime = seconds(snapshot.at.since(Time::START));
        self.single("oneloop_uptime_seconds", "Time since the start.", Kind::Gauge, uptime)?;
        let Snapshot { longest_turn, at, .. } = snapshot;
        let help = "The longest that the loop has worked between two polls, since the start.";
        let longest = seconds(longest_turn.since_start());
        self.single("oneloop_turn_longest_seconds", help, Kind::Gauge, longest)?;
        let help =
            "The longest that the loop has worked between two polls in the last minute or two.";
        let longest = seconds(longest_turn.of_late(*at));
        self.single("oneloop_turn_longest_recent_seconds", help, Kind::Gauge, longest)?;
        let watchers = snapshot.watchers;
        self.single("oneloop_watchers", "Pages that are watching.", Kind::Gauge, watchers)?;
        let held = u8::from(snapshot.pace != Pace::Running);
        let help = "1 while the public's clients are paused or in slow motion, else 0.";
        self.single("oneloop_paused", help, Kind::Gauge, held)?;
        let name = "oneloop_stop_step";
        self.head(name, "1 in the step of its end in which the server is, else 0.", Kind::Gauge)?;
        for step in [StopStep::Announcing, StopStep::Closing, StopStep::Draining] {
            let is_in = u8::from(snapshot.stop_step == Some(step));
            writeln!(self.0, "{name}{{step=\"{step:?}\"}} {is_in}")?;
        }
        let draining = u8::from(snapshot.stop_step.is_some());
        let help = "1 while the server is stopping and lets its clients finish, else 0.";
        self.single("oneloop_draining", help, Kind::Gauge, draining)
    }

    /// What the system says of the process, by the names that every exporter uses. What it does not
    /// say is left out.
    fn process(&mut self, began: Duration) -> fmt::Result {
        let help = "When the server began, in seconds since 1970.";
        self.single("process_start_time_seconds", help, Kind::Gauge, seconds(began))?;
        let process = process::look();
        let cpu = seconds(process.processor_time);
        let help = "User and system CPU time spent, in seconds.";
        self.single("process_cpu_seconds_total", help, Kind::Counter, cpu)?;
        for (name, help, value) in [
            ("process_resident_memory_bytes", "Resident memory.", process.resident_bytes),
            ("process_open_fds", "Open descriptors.", process.descriptors),
            ("process_max_fds", "Descriptors that may be open.", process.descriptors_max),
        ] {
            if let Some(value) = value {
                self.single(name, help, Kind::Gauge, value)?;
            }
        }
        Ok(())
    }

    fn single(&mut self, name: &str, help: &str, kind: Kind, value: impl Display) -> fmt::Result {
        self.head(name, help, kind)?;
        writeln!(self.0, "{name} {value}")
    }

    fn head(&mut self, name: &str, help: &str, kind: Kind) -> fmt::Result {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}")
    }
}
