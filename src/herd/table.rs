//! The report for people: a table by kind, how connections ended, and what follows.

use std::fmt::Write;
use std::time::Duration;

use crate::event_loop::Stopped;
use crate::kind::Kind;
use crate::plan::Crossings;
use crate::report::{Course, PartSums, Report};
use crate::speed;
use crate::tally::Part;
use crate::units::{bytes, count, escaped, time};

/// What is not counted of a kind.
pub const NOT_COUNTED: &str = "–";

/// Our own lateness is worth a word when it is so much of the latency that was seen.
const LATE_SHARE: f64 = 0.1;

/// How many first answers are told, and how many resources: JSON has the others.
const LEARNED_TOLD_MAX: usize = 3;
const RESOURCES_TOLD_MAX: usize = 30;

/// A longer method and path are cut.
const RESOURCE_CHARS_MAX: usize = 60;

/// All of it.
pub fn text(report: &Report<'_>) -> String {
    let mut text = String::new();
    let early = match report.outcome.stopped {
        Stopped::ByItself => "",
        Stopped::BySignal => ", ended by a signal",
    };
    line(
        &mut text,
        &format!(
            "herd at {}, {}{early}; {}",
            report.plan.server,
            time(report.outcome.took),
            learned(report),
        ),
    );
    text.push('\n');
    text.push_str(&aligned(&by_kind(report), 1));
    let tables = [
        (speed::by_kind(report), 2),
        (by_resource(report), 1),
        (speed::spread(report), 0),
        (by_ending(report), 2),
        (by_part(report), 1),
    ];
    for (table, words) in tables {
        // One row is only its head.
        if table.len() > 1 {
            text.push('\n');
            text.push_str(&aligned(&table, words));
        }
    }
    text.push('\n');
    for sentence in sentences(report) {
        line(&mut text, &sentence);
    }
    text
}

/// What was learned, as far as there is room.
fn learned(report: &Report<'_>) -> String {
    let told = report.learned.iter().take(LEARNED_TOLD_MAX).cloned();
    let more = report.learned.len().saturating_sub(LEARNED_TOLD_MAX);
    let more = (more > 0).then(|| format!("and {more} more"));
    told.chain(more).collect::<Vec<_>>().join("; ")
}

/// What was requested, where that was several things.
fn by_resource(report: &Report<'_>) -> Vec<Vec<String>> {
    let head = ["", "weight", "right", "wrong", "lost", "refused", "statuses", "mean", "max"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let all = report.plan.resources.iter().zip(&report.outcome.resources);
    for (resource, tally) in all.clone().take(RESOURCES_TOLD_MAX) {
        let name: String = resource.name().chars().take(RESOURCE_CHARS_MAX).collect();
        let troubles = tally.troubles;
        let told = |latency: Option<Duration>| latency.map_or(NOT_COUNTED.to_owned(), time);
        let mean = tally.latency_mean();
        rows.push(vec![
            name,
            count(resource.weight.into()),
            count(tally.right),
            count(troubles.wrong),
            count(troubles.lost),
            count(troubles.refused),
            speed::statuses(&tally.statuses),
            told(mean),
            told(mean.map(|_| tally.latency_max)),
        ]);
    }
    let more = all.count().saturating_sub(RESOURCES_TOLD_MAX);
    if more > 0 {
        let mut row = vec![String::new(); head.len()];
        row[0] = format!("and {more} more");
        rows.push(row);
    }
    rows
}

fn line(text: &mut String, line: &str) {
    text.push_str(line.trim_end_matches("; "));
    text.push('\n');
}

fn by_kind(report: &Report<'_>) -> Vec<Vec<String>> {
    let head = ["", "clients", "connected", "right", "wrong", "lost", "refused", "open"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (kind, tally) in report.kinds() {
        let group = report.plan.wanted(kind);
        let rate = group.rate.map(|rate| format!(" @{rate}")).unwrap_or_default();
        rows.push(vec![
            kind.name().to_owned(),
            format!("{}{rate}", count(group.clients as u64)),
            count(tally.connected),
            count(tally.right),
            count(tally.wrong),
            if kind.is_good() { count(tally.lost) } else { NOT_COUNTED.to_owned() },
            count(tally.refused),
            count(report.outcome.open[kind as usize] as u64),
        ]);
    }
    rows
}

fn by_ending(report: &Report<'_>) -> Vec<Vec<String>> {
    let head = ["", "ended by the server", "after (min)", "p50", "max"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (kind, tally) in report.kinds().filter(|(_, tally)| !tally.ended.is_empty()) {
        let ways = tally.ended.iter().map(|(why, number)| format!("{why} {}", count(*number)));
        let stood = &tally.lifetimes;
        let spans =
            [stood.min(), stood.quantile(0.5), stood.max()].map(|span| match stood.count() {
                0 => NOT_COUNTED.to_owned(),
                _ => time(span),
            });
        let ways = ways.collect::<Vec<_>>().join(", ");
        rows.push([vec![kind.name().to_owned(), ways], spans.to_vec()].concat());
    }
    rows
}

/// What good clients and the server's process saw in each part of the run, where that was asked
/// for; and the last over a calm first.
fn by_part(report: &Report<'_>) -> Vec<Vec<String>> {
    let parts = report.parts();
    if report.plan.calm.is_zero() && report.plan.pid.is_none() {
        return Vec::new();
    }
    let Some(tally) = report.plan.main_kind().map(|kind| report.tally(kind)) else {
        return Vec::new();
    };
    let [Some(first), Some(last)] = [parts.first(), parts.last()] else { return Vec::new() };
    let kind = report.plan.main_kind().map_or("", Kind::name);
    let mut head = vec![String::new(), "for".into(), "right".into()];
    head.extend(["p50", "p99", "p99.9"].map(|name| format!("{kind} {name}")));
    head.push("server CPU per right".to_owned());
    let mut rows = vec![head];
    let quantiles = |part: &PartSums| {
        let times = tally.latency.of(part.part);
        [0.5, 0.99, 0.999].map(|share| times.quantile(share))
    };
    for part in &parts {
        let mut row = vec![part.part.name().to_owned(), time(part.took), count(part.right)];
        row.extend(quantiles(part).map(|quantile| match quantile.is_zero() {
            true => NOT_COUNTED.to_owned(),
            false => time(quantile),
        }));
        row.push(part.cpu_ns_per_right.map_or(NOT_COUNTED.to_owned(), |nanoseconds| {
            time(Duration::from_nanos(nanoseconds as u64))
        }));
        rows.push(row);
    }
    if first.part == Part::Calm && last.part == Part::Full {
        let mut row = vec![format!("{}/{}", last.part.name(), first.part.name())];
        row.extend([String::new(), String::new()]);
        for (last, first) in quantiles(last).iter().zip(quantiles(first)) {
            row.push(format!("{:.2}", last.as_secs_f64() / first.as_secs_f64().max(1e-9)));
        }
        row.push(match (last.cpu_ns_per_right, first.cpu_ns_per_right) {
            (Some(last), Some(first)) => format!("{:.2}", last / first.max(1.0)),
            (_, _) => NOT_COUNTED.to_owned(),
        });
        rows.push(row);
    }
    rows
}

/// What the numbers come to.
fn sentences(report: &Report<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    if report.plan.depth > 1 {
        sentences.push(format!("Each get client sent {} requests at once.", report.plan.depth));
    }
    sentences.extend(server(report));
    sentences.extend(own_lateness(report));
    for (kind, tally) in report.kinds() {
        if let Some(wrong) = &tally.first_wrong {
            let shown = match wrong.shown.is_empty() {
                true => String::new(),
                false => format!(": \"{}\"", escaped(&wrong.shown)),
            };
            sentences.push(format!("First wrong for {}: {}{shown}", kind.name(), wrong.reason));
        }
    }
    sentences.extend(of_closed_loops(report));
    let timed_out: u64 = report.kinds().map(|(_, tally)| tally.timed_out).sum();
    if let Some(timeout) = report.plan.timeout.filter(|_| timed_out > 0) {
        sentences.push(format!(
            "{} of the lost requests were not answered within {}.",
            count(timed_out),
            time(timeout)
        ));
    }
    let crossed: u64 = report.kinds().map(|(_, tally)| tally.crossed).sum();
    if crossed > 0 {
        sentences.push(format!(
            "{} requests were sent while the server was closing the connection, and did not \
             reach it. They count as {}.",
            count(crossed),
            match report.plan.crossings {
                Crossings::Lost => "lost",
                Crossings::Excused => "excused",
            }
        ));
    }
    let refused: u64 = report.kinds().map(|(_, tally)| tally.refused).sum();
    if refused > 0 {
        sentences.push(format!("{} connections or requests were refused.", count(refused)));
    }
    let failures = report.failures();
    let is_good = |kind: Kind| kind.is_good() && report.plan.wanted(kind).clients > 0;
    sentences.push(match (failures.is_empty(), Kind::ALL.into_iter().any(is_good)) {
        (true, true) => "Every request of a good client was answered correctly.".to_owned(),
        (true, false) => "No answer was wrong.".to_owned(),
        (false, _) => format!("FAILED: {}.", failures.join("; ")),
    });
    sentences
}

/// What the percentiles of closed loops hide, and what has corrected them.
fn of_closed_loops(report: &Report<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    for (kind, silence) in report.standstills() {
        sentences.push(format!(
            "No answer came to {} clients for {}, and meanwhile they asked for none: the \
             percentiles hide that. {}",
            kind.name(),
            time(silence),
            match report.plan.corrected {
                Some(_) => "The corrected ones do not.",
                None => "With --rate they do not, and --corrected adds what they hide.",
            }
        ));
    }
    for (kind, _) in report.kinds() {
        if let Some((_, usual)) = report.corrected(kind) {
            sentences.push(format!(
                "The corrected latency of {} clients is that of a request each {}, also while they \
                 waited.",
                kind.name(),
                time(usual)
            ));
        }
    }
    sentences
}

/// What the server's process has used.
fn server(report: &Report<'_>) -> Option<String> {
    let pid = report.plan.pid?;
    let mut told = Vec::new();
    let course = |what: &str, course: Course, shown: fn(u64) -> String| {
        let [start, max, end] = [course.start, course.max, course.end].map(shown);
        format!("{what} {start} at the start, {max} at most, {end} at the end")
    };
    told.extend(report.resident_bytes().map(|bytes_of| course("memory", bytes_of, bytes)));
    told.extend(report.descriptors().map(|descriptors| course("descriptors", descriptors, count)));
    if report.outcome.record.last.process.is_none() {
        told.push("at the end it could not be read".to_owned());
    }
    Some(format!("Server process {pid}: {}.", told.join("; ")))
}

/// Whether part of the latency is our own.
fn own_lateness(report: &Report<'_>) -> Option<String> {
    let lateness = &report.outcome.lateness;
    let seen = report.plan.main_kind().map(|kind| report.tally(kind).latency.total())?;
    let (late, total) = (lateness.quantile(0.99), seen.quantile(0.99));
    (lateness.count() > 0 && late.as_secs_f64() > LATE_SHARE * total.as_secs_f64()).then(|| {
        format!(
            "herd itself was late: it sent 1 % of requests {} or more after they were due.",
            time(late)
        )
    })
}

/// Columns under their heads. The first `words` of them hold words and begin at the left.
pub fn aligned(rows: &[Vec<String>], words: usize) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Writing to a string cannot fail.
            let _ = match column < words {
                true => write!(line, "{cell:<width$}  "),
                false => write!(line, "{cell:>width$}  "),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows =
            [["", "how", "number"], ["get", "EOF 1, reset 2", "7"], ["idle", "EOF", "1,000"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            aligned(&rows, 2),
            "      how             number\n\
             get   EOF 1, reset 2       7\n\
             idle  EOF              1,000\n"
        );
    }
}
