//! The report as a picture: latency by percentile, and over time.
//!
//! An SVG by hand: lines, words and two scales.

use std::fmt::Write;
use std::time::Duration;

use crate::report::Report;
use crate::svg::{self, Look, text};
use crate::tally::Part;
use crate::times::Times;
use crate::units::time;

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 620.0;
/// Where both panels begin and end from left to right; what is to the left names the lines' heights.
const LEFT: f64 = 70.0;
const RIGHT: f64 = WIDTH - 40.0;
/// From top to bottom, each panel.
const UPPER: (f64, f64) = (60.0, 280.0);
const LOWER: (f64, f64) = (350.0, 570.0);

/// The percentiles that have a line up: each is ten times as rare as the one before.
const RARITIES: [(f64, &str); 6] = [
    (0.0, "0 %"),
    (1.0, "90 %"),
    (2.0, "99 %"),
    (3.0, "99.9 %"),
    (4.0, "99.99 %"),
    (5.0, "99.999 %"),
];
const RARITY_MAX: f64 = 5.0;
/// Points of a line, for each tenfold rarity.
const STEPS: u32 = 20;

/// A line: its name, and where it runs in its panel's own measures.
struct Line {
    name: String,
    points: Vec<(f64, Duration)>,
}

/// The whole picture.
pub fn svg(report: &Report<'_>) -> String {
    let mut svg = svg::page(&Look {
        width: WIDTH,
        height: HEIGHT,
        font_size: 12,
        faint: ["#d0d7de", "#30363d"],
        style: ".scale { stroke: var(--faint); } .line { fill: none; stroke-width: 2; }",
    });
    let took = time(report.outcome.took);
    text(&mut svg, (LEFT, 24.0), "start", &format!("herd at {}, {took}", report.plan.server));
    panel(&mut svg, UPPER, "latency by percentile", &by_percentile(report), RARITY_MAX);
    for (rarity, name) in RARITIES {
        text(&mut svg, (across(rarity, RARITY_MAX), UPPER.1 + 16.0), "middle", name);
    }
    let seconds = report.outcome.took.as_secs_f64().max(1.0);
    let kind = report.plan.main_kind().map_or("", |kind| kind.name());
    panel(&mut svg, LOWER, &format!("latency of {kind} over time"), &over_time(report), seconds);
    for quarter in 0..=4 {
        let at = seconds * f64::from(quarter) / 4.0;
        let name = time(Duration::from_secs_f64(at));
        text(&mut svg, (across(at, seconds), LOWER.1 + 16.0), "middle", &name);
    }
    svg.push_str("</svg>\n");
    svg
}

/// A line for each good kind; two, if the run began calmly.
fn by_percentile(report: &Report<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    for (kind, tally) in report.kinds() {
        for (parts, what) in [(&Part::ALL[..1], " calm"), (&Part::ALL[1..], "")] {
            let times = tally.latency.sum(parts);
            if times.count() > 0 {
                let name = format!("{}{what}", kind.name());
                lines.push(Line { name, points: percentiles(&times) });
            }
        }
    }
    lines
}

/// As rare as there are answers to tell.
fn percentiles(times: &Times) -> Vec<(f64, Duration)> {
    let rarity_max = (times.count() as f64).log10().min(RARITY_MAX);
    (0..=STEPS * RARITY_MAX as u32)
        .map(|step| f64::from(step) / f64::from(STEPS))
        .take_while(|rarity| *rarity <= rarity_max)
        .map(|rarity| (rarity, times.quantile(1.0 - 10_f64.powf(-rarity))))
        .collect()
}

fn over_time(report: &Report<'_>) -> Vec<Line> {
    let points = &report.outcome.record.points;
    // Where nothing was answered there is nothing to show.
    let answered = points.iter().filter(|point| !point.max.is_zero());
    let mut lines = ["p50", "p99", "max"].map(|name| Line { name: name.into(), points: vec![] });
    for point in answered {
        let at = point.mark.at.since(Default::default()).as_secs_f64();
        for (line, height) in lines.iter_mut().zip([point.p50, point.p99, point.max]) {
            line.points.push((at, height));
        }
    }
    lines.into()
}

/// One panel: its title, its scale up, its lines and their names.
fn panel(svg: &mut String, (top, bottom): (f64, f64), title: &str, lines: &[Line], width: f64) {
    text(svg, (LEFT, top - 10.0), "start", title);
    let heights = || lines.iter().flat_map(|line| &line.points).map(|point| decade(point.1));
    let low = heights().fold(f64::INFINITY, f64::min).floor();
    let high = heights().fold(f64::NEG_INFINITY, f64::max).ceil();
    // Without any points, or with equal ones, the scale is still one.
    let (low, high) = match low < high {
        true => (low, high),
        false => (low.clamp(0.0, 9.0), low.clamp(0.0, 9.0) + 1.0),
    };
    let up = |decade: f64| bottom - (decade - low) / (high - low) * (bottom - top);
    for mark in low as i32..=high as i32 {
        let y = up(f64::from(mark));
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<line class=\"scale\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" y2=\"{y:.1}\"/>"
        );
        let name = time(Duration::from_nanos(10_u64.pow(mark.unsigned_abs())));
        text(svg, (LEFT - 6.0, y + 4.0), "end", &name);
    }
    for (index, line) in lines.iter().enumerate() {
        let colour = svg::colour(index);
        let points: Vec<String> = line
            .points
            .iter()
            .map(|(x, height)| format!("{:.1},{:.1}", across(*x, width), up(decade(*height))))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline class=\"line\" stroke=\"{colour}\" points=\"{}\"/>",
            points.join(" ")
        );
        let x = RIGHT - 105.0 * (lines.len() - index) as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{:.1}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>",
            top - 16.0
        );
        text(svg, (x + 20.0, top - 10.0), "start", &line.name);
    }
}

fn across(x: f64, width: f64) -> f64 {
    LEFT + x / width * (RIGHT - LEFT)
}

/// The power of ten of a time in nanoseconds.
fn decade(time: Duration) -> f64 {
    (time.as_nanos().max(1) as f64).log10()
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
        let points = percentiles(&times);
        assert_eq!(points.last().map(|(rarity, _)| *rarity), Some(3.0));
        assert!(points.is_sorted_by_key(|(_, height)| *height));
    }

    #[test]
    fn a_panel_without_points_or_with_one_is_still_drawn() {
        for points in [vec![], vec![(0.0, Duration::from_millis(1))]] {
            let mut svg = String::new();
            let lines = [Line { name: "a < b".into(), points }];
            panel(&mut svg, UPPER, "t", &lines, 1.0);
            assert!(svg.contains("a &lt; b") && !svg.contains("NaN") && !svg.contains("inf"));
        }
    }
}
