//! The whole picture: what stands where.

use super::caption::Caption;
use super::colours;
use super::panel::{LEFT, LINE_HEIGHT, Panel, RIGHT, WIDTH, line, swatch};
use super::{over_time, percentiles, scale};
use crate::kind::Kind;
use crate::plan::Plan;
use crate::report::Report;
use crate::svg::{self, Look, text, text_as};
use crate::units::time;

/// Where the caption and the legend begin.
const MARGIN: f64 = 24.0;

/// How many characters of the caption fit into a line.
const CAPTION_CHARS: usize = 136;

/// A longer command is cut.
const COMMAND_LINES_MAX: usize = 3;

/// How wide a character of the legend is at most.
const CHAR_WIDTH: f64 = 7.5;

/// How high the panels are: answers, times, connections, percentiles.
const ANSWERS: f64 = 130.0;
const TIMES: f64 = 150.0;
const OPEN: f64 = 100.0;
const PERCENTILES: f64 = 220.0;

/// Room for a panel's title above it, and for the numbers below it.
const TITLE: f64 = 32.0;
const NUMBERS: f64 = 26.0;

const STYLE: &str = "\
.scale { stroke: var(--faint); }
.moment { stroke: var(--ink); stroke-dasharray: 2 3; }
.line { fill: none; stroke-width: 2; }
.thin { fill: none; stroke-width: 0.75; }
.calm { stroke-dasharray: 5 3; }
.rare { fill-opacity: 0.35; } .rarest { fill-opacity: 0.15; } .open { fill-opacity: 0.75; }
.title { font-size: 15px; font-weight: bold; } .small { font-size: 11px; }
text { paint-order: stroke; stroke: var(--ground); stroke-width: 3px; }";

/// The whole picture.
pub fn svg(report: &Report<'_>, caption: &Caption) -> String {
    let mut body = String::new();
    let mut y = heading(&mut body, report, caption);
    y = legend(&mut body, report.plan, y);
    let moments = over_time::moments(report);
    let (highest, length) = (y, report.outcome.took.as_secs_f64().max(1e-3));
    y += LINE_HEIGHT * moments.len() as f64;
    let mut next = |height: f64, length: f64, below: f64| {
        let panel = Panel { top: y + TITLE, bottom: y + TITLE + height, length };
        y = panel.bottom + below;
        panel
    };
    let first = next(ANSWERS, length, 0.0);
    let main = report.plan.main_kind().map(|kind| (kind, next(TIMES, length, 0.0)));
    let last = next(OPEN, length, NUMBERS);
    // Below everything else, so that titles can be read.
    for (index, (at, name)) in moments.iter().enumerate() {
        let row = highest + LINE_HEIGHT * (index + 1) as f64;
        moment(&mut body, (first.across(*at), name), (row, last.bottom));
    }
    over_time::answers(&mut body, report, first);
    if let Some((kind, panel)) = main {
        over_time::times(&mut body, report, panel, kind);
    }
    over_time::open(&mut body, report, last);
    for at in scale::seconds(length) {
        last.number_below(&mut body, last.across(at), &scale::second(at));
    }
    if report.plan.main_kind().is_some() {
        let panel = next(PERCENTILES, percentiles::length(report), NUMBERS);
        percentiles::percentiles(&mut body, report, panel);
    }
    let mut svg = svg::page(&Look {
        width: WIDTH,
        height: y + 8.0,
        font_size: 12,
        light: &format!("--faint: #d0d7de; {}", colours::declared(0)),
        dark: &format!("--faint: #30363d; {}", colours::declared(1)),
        style: STYLE,
    });
    svg.push_str(&body);
    svg.push_str("</svg>\n");
    svg
}

/// The title and the caption. Returns where they end.
fn heading(svg: &mut String, report: &Report<'_>, caption: &Caption) -> f64 {
    let took = time(report.outcome.took);
    let title = format!("herd at {}, {took}", report.plan.server);
    text_as(svg, "title", (MARGIN, 28.0), "start", &title);
    let mut lines = wrapped(&caption.command);
    if lines.len() > COMMAND_LINES_MAX {
        lines.truncate(COMMAND_LINES_MAX);
        lines.push("…".to_owned());
    }
    lines.extend(wrapped(&caption.machine));
    let mut y = 34.0;
    for line in lines {
        y += LINE_HEIGHT;
        text_as(svg, "small", (MARGIN, y), "start", &line);
    }
    y
}

/// Lines of a text that fit.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        while !word.is_empty() {
            let line = lines.last_mut().expect("there is one from the beginning on");
            let used = line.chars().count();
            // A word that is too long for any line is cut.
            if used > 0 && used + 1 + word.len().min(CAPTION_CHARS) > CAPTION_CHARS {
                lines.push(String::new());
                continue;
            }
            if used > 0 {
                line.push(' ');
            }
            line.extend(word.drain(..word.len().min(CAPTION_CHARS)));
        }
    }
    lines
}

/// The colours of the kinds, and what is dashed. Returns where it ends.
fn legend(svg: &mut String, plan: &Plan, above: f64) -> f64 {
    let kinds = Kind::ALL.into_iter().filter(|kind| plan.wanted(*kind).clients > 0);
    let mut entries: Vec<(String, Option<Kind>)> =
        kinds.map(|kind| (kind.name().to_owned(), Some(kind))).collect();
    if !plan.calm.is_zero() {
        entries.push(("dashed: while it was calm".to_owned(), None));
    }
    let (mut x, mut y) = (MARGIN, above + 22.0);
    for (name, kind) in entries {
        let width = 18.0 + CHAR_WIDTH * name.len() as f64;
        if x + width > WIDTH - MARGIN {
            (x, y) = (MARGIN, y + 18.0);
        }
        match kind {
            Some(kind) => swatch(svg, (x, y - 9.0), &colours::of(kind)),
            None => line(svg, "moment calm", [(x, y - 4.0), (x + 14.0, y - 4.0)]),
        }
        text(svg, (x + 18.0, y), "start", &name);
        x += width + 12.0;
    }
    y
}

/// A line through all panels of time, and its name at the top.
fn moment(svg: &mut String, (x, name): (f64, &str), (top, bottom): (f64, f64)) {
    line(svg, "moment", [(x, top), (x, bottom)]);
    // The name does not reach beyond the panels.
    let (at, anchor) = match x > f64::midpoint(LEFT, RIGHT) {
        true => (x - 5.0, "end"),
        false => (x + 5.0, "start"),
    };
    text_as(svg, "small", (at, top + 8.0), anchor, name);
}
