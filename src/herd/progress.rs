//! The line on standard error that says how it goes.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::plan::Shown;
use crate::record::Mark;
use crate::times::Times;
use crate::units::{bytes, count, time};

/// A longer line would be broken by an ordinary terminal, and could not be rewritten.
const COLUMNS: usize = 79;

/// A shorter span, at the end of a part of the run, says little by its rates.
const SPAN_MIN: Duration = Duration::from_millis(500);

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Each over the last.
    InPlace,
    /// One after the other.
    Lines,
    /// Not at all.
    None,
}

/// The progress line.
#[derive(Debug)]
pub struct Progress {
    style: Style,
}

impl Progress {
    /// In place on a terminal; elsewhere, a log for example, line by line; not at all if the user says so.
    pub fn start(shown: Shown) -> Progress {
        let style = match (shown, io::stderr().is_terminal()) {
            (Shown::Nothing, _) => Style::None,
            (Shown::Progress, true) => Style::InPlace,
            (Shown::Progress, false) => Style::Lines,
        };
        Progress { style }
    }

    /// Shows what has come between two marks.
    pub fn show(&self, before: &Mark, now: &Mark, recent: Option<&Times>) {
        if now.at.since(before.at) < SPAN_MIN {
            return;
        }
        let line: String = line(before, now, recent).chars().take(COLUMNS).collect();
        let text = match self.style {
            Style::None => return,
            Style::InPlace => format!("\r{line}\x1b[K"),
            Style::Lines => format!("{line}\n"),
        };
        // If standard error is closed, there is no reader.
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// Leaves the last line where it is.
    pub fn finish(&self) {
        if self.style == Style::InPlace {
            let _ = io::stderr().write_all(b"\n");
        }
    }
}

/// Says how far it has come, in a line of its own.
pub fn say(sentence: &str) {
    // If standard error is closed, there is no reader.
    let _ = writeln!(io::stderr(), "{sentence}");
}

fn line(before: &Mark, now: &Mark, recent: Option<&Times>) -> String {
    let seconds = now.at.since(before.at).as_secs_f64().max(1e-3);
    let per_second = |now: u64, before: u64| ((now - before) as f64 / seconds).round() as u64;
    let mut parts = vec![format!("{:.0} s", now.at.since(Default::default()).as_secs_f64())];
    if let Some(recent) = recent {
        let right = per_second(now.counts.right, before.counts.right);
        parts.push(format!("{}/s p99 {}", count(right), time(recent.quantile(0.99))));
    }
    parts.push(format!("open {}", count(now.counts.open)));
    let connected = per_second(now.counts.connected, before.counts.connected);
    if connected > 0 {
        parts.push(format!("+{}/s", count(connected)));
    }
    for (number, what) in [
        (now.counts.wrong, "wrong"),
        (now.counts.lost, "lost"),
        (now.counts.refused, "refused"),
        (now.counts.ended, "ended"),
    ] {
        if number > 0 {
            parts.push(format!("{what} {}", count(number)));
        }
    }
    if let (Some(process), Some(earlier)) = (now.process, before.process) {
        let cpu = process.cpu_ns.saturating_sub(earlier.cpu_ns) as f64 / 1e9 / seconds;
        parts.push(format!("cpu {:.0} % {}", cpu * 100.0, bytes(process.resident_bytes)));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Reading;
    use crate::record::Counts;
    use oneloop::engine::Time;

    #[test]
    fn a_line_tells_of_the_last_second_and_of_all_that_went_wrong() {
        let mark = |seconds, right, wrong, cpu_ns| Mark {
            at: Time::after_start(Duration::from_secs(seconds)),
            counts: Counts { right, wrong, open: 10_220, connected: 10_220, ..Counts::default() },
            process: Some(Reading { cpu_ns, resident_bytes: 12 << 20, descriptors: None }),
        };
        let mut recent = Times::new();
        recent.record(Duration::from_micros(310));
        assert_eq!(
            line(&mark(11, 55_000, 0, 0), &mark(12, 60_012, 1, 340_000_000), Some(&recent)),
            "12 s, 5,012/s p99 310 µs, open 10,220, wrong 1, cpu 34 % 12.0 MiB"
        );
    }
}
