//! How much was answered in a second, and how long answers took: what the report says of that, for
//! people and for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::kind::Kind;
use crate::report::Report;
use crate::table::NOT_COUNTED;
use crate::tally::Tally;
use crate::times::Times;
use crate::units::{bytes, count, time};

/// The percentiles that are told, by their names.
pub const PERCENTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];

/// How many lines the picture of a distribution has.
const SPREAD_LINES: i32 = 10;

/// The longest bar in it, in characters.
const BAR_MAX: u64 = 40;

/// Times that differ by less than this factor are told apart by nothing: a thousandth is lost in keeping
/// them.
const ONE_TIME: f64 = 1.003;

/// How much longer each bucket of the JSON ends than the one before: a fourth root of 2, which is 19 %.
const BUCKET_RATIO: f64 = 1.189_207_115;

/// What a kind's clients got in a second, on average.
pub struct Rates {
    pub right: f64,
    pub bytes: f64,
}

impl Rates {
    pub fn of(report: &Report<'_>, tally: &Tally) -> Rates {
        let seconds = report.outcome.took.as_secs_f64().max(1e-9);
        Rates { right: tally.right as f64 / seconds, bytes: tally.received_bytes as f64 / seconds }
    }
}

/// A row for each kind of good clients: its statuses, its rates, and how long its answers took.
pub fn by_kind(report: &Report<'_>) -> Vec<Vec<String>> {
    let mut head: Vec<&str> = vec!["", "statuses", "right/s", "received/s", "mean"];
    head.extend(PERCENTILES.map(|(name, _)| name));
    head.push("max");
    let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    for (kind, tally) in report.kinds().filter(|(kind, _)| kind.is_good()) {
        let rates = Rates::of(report, tally);
        let mut row = vec![
            kind.name().to_owned(),
            statuses(&tally.statuses),
            count(rates.right.round() as u64),
            bytes(rates.bytes as u64),
        ];
        row.extend(percentiles(&tally.latency.total()));
        rows.push(row);
        if let Some((corrected, _)) = report.corrected(kind) {
            let mut row =
                vec!["  corrected".to_owned(), String::new(), String::new(), String::new()];
            row.extend(percentiles(&corrected));
            rows.push(row);
        }
    }
    rows
}

/// How often each status came.
pub fn statuses(counts: &BTreeMap<u16, u64>) -> String {
    let told = counts.iter().map(|(status, times)| format!("{status}: {}", count(*times)));
    let told = told.collect::<Vec<_>>().join(", ");
    if told.is_empty() { NOT_COUNTED.to_owned() } else { told }
}

/// The mean, the percentiles and the longest.
fn percentiles(times: &Times) -> Vec<String> {
    let quantiles = PERCENTILES.map(|(_, share)| times.quantile(share));
    let all = [times.mean()].into_iter().chain(quantiles).chain([times.max()]);
    let told = all.map(|it| match times.count() {
        0 => NOT_COUNTED.to_owned(),
        _ => time(it),
    });
    told.collect()
}

/// The distribution of the main kind's times, drawn: each line is for times that are longer by the same
/// factor than those of the line before.
pub fn spread(report: &Report<'_>) -> Vec<Vec<String>> {
    let Some(kind) = report.plan.main_kind() else { return Vec::new() };
    drawn(kind, &report.tally(kind).latency.total())
}

fn drawn(kind: Kind, times: &Times) -> Vec<Vec<String>> {
    let (min, max) = (times.min(), times.max());
    // Then they are one time, as far as is known.
    if max <= min.mul_f64(ONE_TIME) {
        return Vec::new();
    }
    let ratio = max.as_secs_f64() / min.as_secs_f64();
    let bound = |line| match line == SPREAD_LINES {
        true => max,
        false => min.mul_f64(ratio.powf(f64::from(line) / f64::from(SPREAD_LINES))),
    };
    let bounds: Vec<Duration> = (1..=SPREAD_LINES).map(bound).collect();
    let counts = times.counts_up_to(&bounds);
    let most = counts.iter().copied().max().unwrap_or_default().max(1);
    let head = [format!("{} up to", kind.name()), "answers".to_owned(), String::new()];
    let lines = bounds.iter().zip(&counts).map(|(bound, answers)| {
        // A single answer among millions is seen, too.
        let bar = (answers * BAR_MAX).div_ceil(most) as usize;
        [
            time(*bound),
            count(*answers),
            format!("{:<width$}", "#".repeat(bar), width = BAR_MAX as usize),
        ]
    });
    [head].into_iter().chain(lines).map(Vec::from).collect()
}

/// Bounds and how many times lie up to each and above the one before, from the first that has any to
/// the last.
pub fn buckets(times: &Times) -> Vec<(Duration, u64)> {
    let (min, max) = (times.min(), times.max());
    if times.count() == 0 {
        return Vec::new();
    }
    let mut bounds = vec![min];
    while bounds.last().is_some_and(|last| *last < max) {
        bounds.extend(
            bounds
                .last()
                .map(|last| last.mul_f64(BUCKET_RATIO).max(*last + Duration::from_nanos(1))),
        );
    }
    let counts = times.counts_up_to(&bounds);
    bounds.into_iter().zip(counts).filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(micros: impl IntoIterator<Item = u64>) -> Times {
        let mut times = Times::new();
        micros.into_iter().for_each(|micros| times.record(Duration::from_micros(micros)));
        times
    }

    #[test]
    fn a_distribution_is_drawn_in_ten_lines_that_hold_every_answer() {
        let lines = drawn(Kind::Get, &times((0..1000).map(|n| 100 + n * n / 100)));
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[0][0], "get up to");
        let answers: u64 = lines[1..].iter().map(|line| line[1].parse::<u64>().unwrap_or(0)).sum();
        assert_eq!(answers, 1000, "{lines:?}");
        let longest = lines[1..].iter().map(|line| line[2].trim_end().len()).max();
        assert_eq!(longest, Some(BAR_MAX as usize));
    }

    #[test]
    fn one_answer_among_many_has_a_bar() {
        let lines =
            drawn(Kind::Get, &times([7_000_000].into_iter().chain((0..100_000).map(|_| 10))));
        assert_eq!(lines[10][1], "1");
        assert!(lines[10][2].starts_with("# "), "{lines:?}");
        assert_eq!(lines[5][2].trim_end(), "");
    }

    #[test]
    fn nothing_is_drawn_of_none_or_of_one() {
        assert!(drawn(Kind::Get, &times([])).is_empty());
        assert!(drawn(Kind::Get, &times([5])).is_empty());
        assert!(buckets(&times([])).is_empty());
    }

    #[test]
    fn buckets_hold_all_times_in_order() {
        let all = times((1..=5000).chain([3_600_000_000]));
        let buckets = buckets(&all);
        assert_eq!(buckets.iter().map(|(_, count)| count).sum::<u64>(), 5001);
        assert!(buckets.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(buckets.iter().all(|(_, count)| *count > 0));
        assert_eq!(super::buckets(&times([4])).len(), 1);
    }
}
