//! The report for people.

use super::ratio::Spread;
use super::report::{Measure, Report};
use crate::event_loop::Stopped;
use crate::table::{NOT_COUNTED, aligned};
use crate::units::{count, time};

/// All of it.
pub fn text(report: &Report<'_>) -> String {
    let rounds = report.rounds.samples.first().map_or(0, Vec::len);
    let slice = report.contenders.first().map(|first| time(first.plan.length)).unwrap_or_default();
    let crowd = match report.crowd {
        "" => "--get 64",
        crowd => crowd,
    };
    let s = if rounds == 1 { "" } else { "s" };
    let mut text =
        format!("herd compare: {rounds} round{s} of {slice} at each server; {crowd}\n\n");
    text.push_str(&aligned(&rows(report), 2));
    text.push_str(
        "\nEach ratio is over A in the same round: the median, and from the least to the most of \
         all rounds.\nOf right/s more is better, of the others less.\n",
    );
    if report.rounds.stopped == Stopped::BySignal {
        text.push_str("A signal ended it early: only whole rounds count.\n");
    }
    for failure in report.failures() {
        text.push_str(&format!("{failure}\n"));
    }
    text
}

fn rows(report: &Report<'_>) -> Vec<Vec<String>> {
    let mut head = vec![String::new(), "server".to_owned()];
    for measure in Measure::ALL {
        head.extend([measure.name().to_owned(), "over A".to_owned()]);
    }
    let mut rows = vec![head];
    for (index, contender) in report.contenders.iter().enumerate() {
        let mut row = vec![contender.letter.to_string(), contender.name.clone()];
        for measure in Measure::ALL {
            let values = report.values(index, measure);
            row.push(values.map_or(NOT_COUNTED.to_owned(), |it| value(measure, it.median)));
            let ratios = report.ratios(index, measure).filter(|_| index > 0);
            row.push(ratios.map_or(NOT_COUNTED.to_owned(), ratio));
        }
        rows.push(row);
    }
    rows
}

fn value(measure: Measure, value: f64) -> String {
    match measure {
        Measure::Rate => count(value.round() as u64),
        Measure::P50 | Measure::P99 | Measure::Cpu => {
            time(std::time::Duration::from_secs_f64(value / 1e6))
        }
    }
}

/// `0.93 (0.90 to 0.97)`.
pub fn ratio(ratio: Spread) -> String {
    let Spread { median, least, most } = ratio;
    format!("{median:.2} ({least:.2} to {most:.2})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_has_its_range() {
        let spread = Spread { median: 0.934, least: 0.9, most: 1.2345 };
        assert_eq!(ratio(spread), "0.93 (0.90 to 1.23)");
    }

    #[test]
    fn a_rate_is_a_number_and_all_else_a_time() {
        assert_eq!(value(Measure::Rate, 61_234.4), "61,234");
        assert_eq!(value(Measure::P99, 1240.0), "1.24 ms");
    }
}
