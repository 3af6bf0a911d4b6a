//! What standard error shows while a run goes on.
//!
//! On a terminal some lines are drawn over the last ones, and cleared at the end: the report says it all.
//! Elsewhere, a log for example, there is a line a second. Nothing is shown if the user says so.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use oneloop::engine::Time;

use crate::kind::Kind;
use crate::plan::{Plan, Shown};
use crate::record::Mark;
use crate::screen::{self, Screen, Size};
use crate::times::Times;
use crate::units::{bytes, count, time};

/// How often something is shown.
const EVERY: Duration = Duration::from_secs(1);

/// A shorter span says little by its rates.
const SPAN_MIN: Duration = Duration::from_millis(500);

/// How long the bar is, in characters: on a narrow terminal and on a wide one.
const BAR_MIN: usize = 10;
const BAR_MAX: usize = 40;

/// What the bar's line needs beside the bar and the server's name.
const BAR_WORDS: usize = 27;

/// How it is shown.
#[derive(Debug)]
enum Style {
    /// On a terminal, over what was there.
    InPlace(Screen),
    /// One line after the other.
    Lines,
    /// Not at all.
    None,
}

/// The progress of a run.
#[derive(Debug)]
pub struct Progress<'p> {
    plan: &'p Plan,
    style: Style,
    /// What was noted when something was shown last.
    before: Mark,
    /// How long answers took since then.
    recent: Times,
    next: Time,
}

impl<'p> Progress<'p> {
    /// Nothing is shown yet. The run begins with `first`.
    pub fn start(plan: &'p Plan, first: Mark) -> Progress<'p> {
        let style = match (plan.shown, io::stderr().is_terminal()) {
            (Shown::Nothing, _) => Style::None,
            (Shown::Progress, true) => Style::InPlace(Screen::new()),
            (Shown::Progress, false) => Style::Lines,
        };
        let next = Time::START + EVERY;
        Progress { plan, style, before: first, recent: Times::new(), next }
    }

    /// When it next shows something.
    pub fn next(&self) -> Time {
        self.next
    }

    /// Takes note of how things stand, and of how long answers took since the last call. Shows it once a
    /// second.
    pub fn note(&mut self, now: &Mark, recent: Option<&Times>) {
        if let (Some(recent), true) = (recent, !matches!(self.style, Style::None)) {
            self.recent.add(recent);
        }
        if now.at < self.next {
            return;
        }
        while self.next <= now.at {
            self.next = self.next + EVERY;
        }
        if now.at.since(self.before.at) < SPAN_MIN {
            return;
        }
        let recent = self.plan.main_kind().map(|_| &self.recent);
        let text = match &mut self.style {
            Style::None => String::new(),
            Style::Lines => line(&self.before, now, recent) + "\n",
            Style::InPlace(drawn) => {
                let size = screen::size();
                drawn.draw(&lines(self.plan, &self.before, now, recent, size), size)
            }
        };
        write(&text);
        self.before = *now;
        self.recent.clear();
    }

    /// Leaves the terminal as it was.
    pub fn finish(self) {
        if let Style::InPlace(mut drawn) = self.style {
            write(&drawn.clear(screen::size()));
        }
    }
}

fn write(text: &str) {
    // If standard error is closed, there is no reader.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Says how far it has come, in a line of its own.
pub fn say(sentence: &str) {
    write(&format!("{sentence}\n"));
}

/// A number a second between two marks.
fn per_second(before: &Mark, now: &Mark, number: impl Fn(&Mark) -> u64) -> u64 {
    let seconds = now.at.since(before.at).as_secs_f64().max(1e-3);
    ((number(now) - number(before)) as f64 / seconds).round() as u64
}

/// What must not happen, and how the server ended connections; as far as there was any.
fn troubles(now: &Mark) -> Vec<String> {
    let counts = [
        (now.counts.wrong, "wrong"),
        (now.counts.lost, "lost"),
        (now.counts.refused, "refused"),
        (now.counts.ended, "ended"),
    ];
    let counts = counts.into_iter().filter(|(number, _)| *number > 0);
    counts.map(|(number, what)| format!("{what} {}", count(number))).collect()
}

/// The server's share of a core, and its memory.
fn of_process(before: &Mark, now: &Mark) -> Option<String> {
    let (earlier, process) = (before.process?, now.process?);
    let spent = process.cpu_ns.saturating_sub(earlier.cpu_ns) as f64 / 1e9;
    let share = spent / now.at.since(before.at).as_secs_f64().max(1e-3) * 100.0;
    Some(format!("cpu {share:.0} % {}", bytes(process.resident_bytes)))
}

fn line(before: &Mark, now: &Mark, recent: Option<&Times>) -> String {
    let mut parts = vec![format!("{:.0} s", now.at.since(Default::default()).as_secs_f64())];
    if let Some(recent) = recent {
        let right = per_second(before, now, |mark| mark.counts.right);
        parts.push(format!("{}/s p99 {}", count(right), time(recent.quantile(0.99))));
    }
    parts.push(format!("open {}", count(now.counts.open)));
    let connected = per_second(before, now, |mark| mark.counts.connected);
    if connected > 0 {
        parts.push(format!("+{}/s", count(connected)));
    }
    parts.extend(troubles(now));
    parts.extend(of_process(before, now));
    parts.join(", ")
}

/// The same for a terminal, with more of it.
fn lines(
    plan: &Plan,
    before: &Mark,
    now: &Mark,
    recent: Option<&Times>,
    size: Size,
) -> Vec<String> {
    let mut lines = vec![bar(plan, now, size)];
    if let (Some(recent), Some(kind)) = (recent, plan.main_kind()) {
        let right = per_second(before, now, |mark| mark.counts.right);
        let times = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)]
            .map(|(name, share)| format!("{name} {}", time(recent.quantile(share))));
        let rate = format!("answers  {}/s", count(right));
        lines.push(match recent.count() {
            0 => format!("{rate}; none to {} clients in the last second", kind.name()),
            _ => format!("{rate}; {} {}", kind.name(), times.join(", ")),
        });
    }
    let open = Kind::ALL.into_iter().filter(|kind| plan.wanted(*kind).clients > 0);
    let open = open
        .map(|kind| format!("{} {}", kind.name(), count(now.counts.by_kind[kind as usize].open)));
    let connected = per_second(before, now, |mark| mark.counts.connected);
    let open: Vec<String> = open.chain([format!("{}/s connect", count(connected))]).collect();
    lines.push(format!("open     {}", open.join(", ")));
    let troubles = troubles(now);
    lines.push(match troubles.is_empty() {
        true => "errors   none".to_owned(),
        false => format!("so far   {}", troubles.join(", ")),
    });
    lines.extend(of_process(before, now).map(|told| format!("server   {told}")));
    lines
}

/// How much of the run is over, by its time or its requests.
fn bar(plan: &Plan, now: &Mark, size: Size) -> String {
    let passed = now.at.since(Default::default());
    let by_time = passed.as_secs_f64() / plan.length.as_secs_f64().max(1e-3);
    let made = now.counts.right + now.counts.wrong + now.counts.lost;
    let by_requests = plan.requests.map(|requests| made as f64 / requests as f64);
    let (share, told) = match by_requests.filter(|share| *share > by_time) {
        Some(share) => {
            (share, format!("{} of {}", count(made), count(plan.requests.unwrap_or_default())))
        }
        None => (by_time, format!("{:.0} of {}", passed.as_secs_f64(), time(plan.length))),
    };
    let name = plan.server.to_string();
    let width = size.columns.saturating_sub(name.len() + BAR_WORDS).clamp(BAR_MIN, BAR_MAX);
    let full = (share.clamp(0.0, 1.0) * width as f64).round() as usize;
    format!("[{}{}] {told}  herd at {name}", "#".repeat(full), ".".repeat(width - full))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use crate::process::Reading;
    use crate::record::{Counts, KindCounts};

    fn mark(seconds: u64, right: u64, wrong: u64, cpu_ns: u64) -> Mark {
        let mut counts =
            Counts { right, wrong, open: 10_220, connected: 10_220, ..Counts::default() };
        counts.by_kind[Kind::Idle as usize] = KindCounts { open: 10_000, right: 0 };
        Mark {
            at: Time::after_start(Duration::from_secs(seconds)),
            counts,
            process: Some(Reading { cpu_ns, resident_bytes: 12 << 20, descriptors: None }),
        }
    }

    fn plan(options: &[&str]) -> Plan {
        let words = [&["herd", "8888"], options].concat();
        Options::from_arguments(words).and_then(Options::plan).expect("good arguments")
    }

    fn recent() -> Times {
        let mut recent = Times::new();
        recent.record(Duration::from_micros(310));
        recent
    }

    #[test]
    fn a_line_tells_of_the_last_second_and_of_all_that_went_wrong() {
        assert_eq!(
            line(&mark(11, 55_000, 0, 0), &mark(12, 60_012, 1, 340_000_000), Some(&recent())),
            "12 s, 5,012/s p99 310 µs, open 10,220, wrong 1, cpu 34 % 12.0 MiB"
        );
    }

    #[test]
    fn a_terminal_is_told_rate_percentiles_clients_and_errors_beside_a_bar() {
        let plan = plan(&["--get", "220", "--idle", "10000", "--for", "24s"]);
        let size = Size { columns: 100, rows: 24 };
        let marks = (&mark(11, 55_000, 1, 0), &mark(12, 60_012, 1, 340_000_000));
        assert_eq!(
            lines(&plan, marks.0, marks.1, Some(&recent()), size),
            [
                "[####################....................] 12 of 24.0 s  herd at 127.0.0.1:8888",
                "answers  5,012/s; get p50 310 µs, p99 310 µs, p99.9 310 µs",
                "open     get 0, idle 10,000, 0/s connect",
                "so far   wrong 1",
                "server   cpu 34 % 12.0 MiB",
            ]
        );
        let calm = mark(11, 55_000, 0, 0);
        let told = lines(&plan, &calm, &mark(12, 55_000, 0, 0), Some(&Times::new()), size);
        assert_eq!(told[1], "answers  0/s; none to get clients in the last second");
        assert_eq!(told[3], "errors   none");
    }

    #[test]
    fn a_bar_shows_the_requests_if_they_are_over_before_the_time() {
        let plan = plan(&["--requests", "80000"]);
        let told = bar(&plan, &mark(12, 60_000, 0, 0), Size { columns: 40, rows: 24 });
        assert_eq!(told, "[########..] 60,000 of 80,000  herd at 127.0.0.1:8888");
    }
}
