//! How long answers took, by percentile: from left to right each is ten times as rare.

use std::time::Duration;

use super::colours;
use super::panel::{self, Panel, Place, TimeScale};
use crate::kind::Kind;
use crate::report::Report;
use crate::svg::text_as;
use crate::tally::Part;
use crate::times::Times;
use crate::units::time;

/// Percentiles that have a number below the panel, by their rarity: 2 is one of a hundred.
const NUMBERS: [(f64, &str); 7] = [
    (0.0, "0 %"),
    (std::f64::consts::LOG10_2, "50 %"),
    (1.0, "90 %"),
    (2.0, "99 %"),
    (3.0, "99.9 %"),
    (4.0, "99.99 %"),
    (5.0, "99.999 %"),
];

/// Those of them that have the main kind's times written at them.
const TOLD: std::ops::RangeInclusive<usize> = 1..=4;

/// The panel reaches from this rarity to that, as far as there are answers to tell.
const RARITY_MIN: f64 = 3.0;
const RARITY_MAX: f64 = 5.0;

/// Points of a line, for each tenfold rarity.
const STEPS: u32 = 20;

/// Room for the times above and below the lines.
const ROOM: f64 = 26.0;

/// How long answers to one kind of clients took, in one part of the run.
struct Curve {
    kind: Kind,
    is_calm: bool,
    times: Times,
}

/// How far the panel reaches from left to right.
pub fn length(report: &Report<'_>) -> f64 {
    curves(report).iter().map(|curve| rarity(&curve.times)).fold(RARITY_MIN, f64::max)
}

/// The whole panel.
pub fn percentiles(svg: &mut String, report: &Report<'_>, panel: Panel) {
    panel.frame(svg, "how long answers took, by percentile");
    let curves = curves(report);
    for (rarity, name) in NUMBERS.into_iter().filter(|(rarity, _)| *rarity <= panel.length) {
        let x = panel.across(rarity);
        panel::line(svg, "scale", [(x, panel.top), (x, panel.bottom)]);
        panel.number_below(svg, x, name);
    }
    let seen = curves.iter().flat_map(|curve| {
        let last = 1.0 - 10_f64.powf(-rarity(&curve.times));
        [curve.times.min(), curve.times.quantile(last)]
    });
    let Some(scale) = TimeScale::new(panel, seen, ROOM) else { return };
    scale.numbers(svg);
    // The main kind stands first, and is drawn above the others.
    for curve in curves.iter().rev() {
        let class = if curve.is_calm { "line calm" } else { "line" };
        let points = points(&curve.times).into_iter();
        let points = points.map(|(rarity, time)| (panel.across(rarity), scale.up(time)));
        panel::polyline(svg, class, &colours::of(curve.kind), &points.collect::<Vec<Place>>());
    }
    let main = curves.iter().filter(|curve| Some(curve.kind) == report.plan.main_kind());
    let main: Vec<&Curve> = main.collect();
    for (rarity, _) in &NUMBERS[TOLD] {
        told_at(svg, (panel, scale), &main, *rarity);
    }
}

/// Writes the times of these curves, of which there are one or two, at a rarity: the upper one's above it.
fn told_at(svg: &mut String, (panel, scale): (Panel, TimeScale), curves: &[&Curve], at: f64) {
    let known = curves.iter().filter(|curve| at <= rarity(&curve.times));
    let mut known: Vec<_> =
        known.map(|curve| (quantile(&curve.times, at), colours::of(curve.kind))).collect();
    known.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    let x = panel.across(at);
    for (index, (found, colour)) in known.iter().enumerate() {
        let y = scale.up(*found);
        panel::dot(svg, colour, (x, y));
        let y = if index == 0 { y - 10.0 } else { y + 19.0 };
        text_as(svg, "", (x, y), "middle", &time(*found));
    }
}

/// One for each good kind; two, if the run began calmly.
fn curves(report: &Report<'_>) -> Vec<Curve> {
    let mut curves = Vec::new();
    for (kind, tally) in report.kinds() {
        for (parts, is_calm) in [(&Part::ALL[..1], true), (&Part::ALL[1..], false)] {
            let times = tally.latency.sum(parts);
            if times.count() > 0 {
                curves.push(Curve { kind, is_calm, times });
            }
        }
    }
    curves
}

/// As rare as there are answers to tell.
fn points(times: &Times) -> Vec<(f64, Duration)> {
    let last = rarity(times);
    let steps = (0..=STEPS * RARITY_MAX as u32).map(|step| f64::from(step) / f64::from(STEPS));
    let rarities = steps.take_while(|rarity| *rarity < last).chain([last]);
    rarities.map(|rarity| (rarity, quantile(times, rarity))).collect()
}

fn rarity(times: &Times) -> f64 {
    (times.count().max(1) as f64).log10().min(RARITY_MAX)
}

fn quantile(times: &Times, rarity: f64) -> Duration {
    times.quantile(1.0 - 10_f64.powf(-rarity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_long_as_there_are_answers_to_tell() {
        let mut times = Times::new();
        for millis in 1..=1000 {
            times.record(Duration::from_millis(millis));
        }
        let points = points(&times);
        assert_eq!(points.last().map(|(rarity, _)| *rarity), Some(3.0));
        assert!(points.is_sorted_by_key(|(_, height)| *height));
    }
}
