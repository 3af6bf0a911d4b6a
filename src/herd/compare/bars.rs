//! The ratios as a picture: a bar for each server and measure, and a line over its range.
//!
//! An SVG by hand.

use std::fmt::Write;

use super::ratio::Spread;
use super::report::{Measure, Report};
use super::text::ratio;
use crate::svg::{self, Look, text};

const WIDTH: f64 = 880.0;
/// Where bars begin and may end, from left to right.
const LEFT: f64 = 230.0;
const RIGHT: f64 = 690.0;
const TOP: f64 = 70.0;
const BAR_HEIGHT: f64 = 18.0;
const STEP: f64 = 26.0;
/// What a measure's name takes.
const HEADING: f64 = 34.0;

/// A longer name is cut.
const NAME_CHARS_MAX: usize = 28;

/// The whole picture.
pub fn svg(report: &Report<'_>) -> String {
    let known = Measure::ALL.map(|measure| (measure, ratios(report, measure)));
    let known: Vec<_> = known.into_iter().filter(|(_, ratios)| ratios.len() > 1).collect();
    let bars: usize = known.iter().map(|(_, ratios)| ratios.len()).sum();
    let height = TOP + known.len() as f64 * HEADING + bars as f64 * STEP + 40.0;
    let most = known.iter().flat_map(|(_, ratios)| ratios).map(|(_, it)| it.most);
    let scale = (RIGHT - LEFT) / most.fold(1.0, f64::max);
    let mut svg = svg::page(&Look {
        width: WIDTH,
        height,
        font_size: 13,
        light: "--faint: #8c959f;",
        dark: "--faint: #6e7681;",
        style: ".range { stroke: var(--ink); stroke-width: 2; }\n\
                .one { stroke: var(--faint); stroke-dasharray: 4 4; }",
    });
    let rounds = report.rounds.samples.first().map_or(0, Vec::len);
    let first = &report.contenders[0].name;
    text(&mut svg, (20.0, 26.0), "start", &format!("Each server over A, {first}: {rounds} rounds"));
    text(&mut svg, (20.0, 46.0), "start", "bar: median; line: least to most");
    let mut y = TOP;
    for (measure, ratios) in &known {
        let better = if *measure == Measure::Rate { "more" } else { "less" };
        text(
            &mut svg,
            (20.0, y + 18.0),
            "start",
            &format!("{} ({better} is better)", measure.name()),
        );
        y += HEADING;
        for (index, spread) in ratios {
            bar(&mut svg, report, *index, *spread, (y, scale));
            y += STEP;
        }
    }
    let one = LEFT + scale;
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<line class=\"one\" x1=\"{one:.1}\" x2=\"{one:.1}\" y1=\"{TOP}\" y2=\"{y}\"/>\n</svg>"
    );
    svg
}

/// The servers of which a measure is known, and their ratios.
fn ratios(report: &Report<'_>, measure: Measure) -> Vec<(usize, Spread)> {
    let all = 0..report.contenders.len();
    all.filter_map(|index| Some((index, report.ratios(index, measure)?))).collect()
}

fn bar(svg: &mut String, report: &Report<'_>, index: usize, it: Spread, (y, scale): (f64, f64)) {
    let contender = &report.contenders[index];
    let name: String = contender.name.chars().take(NAME_CHARS_MAX).collect();
    text(svg, (20.0, y + 14.0), "start", &format!("{}  {name}", contender.letter));
    // The same colour in each measure.
    let (width, colour) = (it.median * scale, svg::colour(index));
    let middle = y + BAR_HEIGHT / 2.0;
    let (from, to) = (LEFT + it.least * scale, LEFT + it.most * scale);
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<rect fill=\"{colour}\" x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{BAR_HEIGHT}\"/>\n\
         <line class=\"range\" x1=\"{from:.1}\" x2=\"{to:.1}\" \
         y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>"
    );
    let told = if index == 0 { "1".to_owned() } else { ratio(it) };
    text(svg, (RIGHT + 12.0, y + 14.0), "start", &told);
}
