//! What happened over time: right answers a second, how long they took, and which clients were connected.

use std::time::Duration;

use super::colours;
use super::panel::{self, LINE_HEIGHT, Panel, Place, RIGHT, TimeScale};
use super::scale;
use crate::kind::Kind;
use crate::record::{Mark, Point};
use crate::report::Report;
use crate::svg::text_as;
use crate::tally::Part;

/// All clients are there at once, if they arrive within this part of the picture.
const AT_ONCE_SHARE: f64 = 0.02;

/// Room above and below the lines of times.
const ROOM: f64 = 8.0;

/// A time between two points, in seconds, and what was noted at its ends.
struct Span<'r> {
    from: f64,
    to: f64,
    before: &'r Mark,
    now: &'r Point,
}

/// Seconds since the beginning.
fn seconds(mark: &Mark) -> f64 {
    mark.at.since(Default::default()).as_secs_f64()
}

/// From point to point.
fn spans<'r>(report: &'r Report<'_>) -> Vec<Span<'r>> {
    let record = &report.outcome.record;
    let befores = std::iter::once(&record.first).chain(record.points.iter().map(|it| &it.mark));
    let spans = befores.zip(&record.points).map(|(before, now)| Span {
        from: seconds(before),
        to: seconds(&now.mark),
        before,
        now,
    });
    spans.filter(|span| span.to > span.from).collect()
}

/// When something began that concerns all panels, and what it is.
pub fn moments(report: &Report<'_>) -> Vec<(f64, &'static str)> {
    let ends = report.outcome.record.part_ends.iter();
    let ends: Vec<(Part, f64)> = ends.map(|(part, mark)| (*part, seconds(mark))).collect();
    let of = |wanted| ends.iter().find(|(part, _)| *part == wanted).map(|(_, at)| *at);
    let reaches = |wanted| ends.iter().any(|(part, _)| *part == wanted);
    let calm = of(Part::Calm).filter(|_| reaches(Part::Arriving));
    let length = report.outcome.took.as_secs_f64();
    let arrived = of(Part::Arriving).filter(|at| {
        let from = calm.unwrap_or_default();
        reaches(Part::Full) && (calm.is_some() || at - from > length * AT_ONCE_SHARE)
    });
    let calm = calm.map(|at| (at, "calm ends"));
    calm.into_iter().chain(arrived.map(|at| (at, "all are connected"))).collect()
}

/// Right answers a second, a line for each good kind; and what failed, if anything did.
pub fn answers(svg: &mut String, report: &Report<'_>, panel: Panel) {
    let spans = spans(report);
    let rates = |number: &dyn Fn(&Mark) -> u64| -> Vec<(f64, f64, f64)> {
        let rate = |span: &Span<'_>| {
            let made = number(&span.now.mark) - number(span.before);
            (span.from, span.to, made as f64 / (span.to - span.from))
        };
        spans.iter().map(rate).collect()
    };
    let mut lines = Vec::new();
    for (kind, _) in report.kinds().filter(|(kind, _)| kind.is_good()) {
        let right = |mark: &Mark| mark.counts.by_kind[kind as usize].right;
        lines.push((colours::of(kind), rates(&right)));
    }
    let failed = |mark: &Mark| mark.counts.wrong + mark.counts.lost + mark.counts.refused;
    let has_failed = failed(&report.outcome.record.last) > 0;
    if has_failed {
        lines.push((colours::BAD_COLOUR.to_owned(), rates(&failed)));
    }
    let title =
        if has_failed { "right answers/s, and failures/s in red" } else { "right answers/s" };
    panel.frame(svg, title);
    let max = lines.iter().flat_map(|(_, rates)| rates).map(|(_, _, rate)| *rate);
    let top = numbers_from_zero(svg, panel, max.fold(0.0, f64::max));
    for (colour, rates) in lines.iter().rev() {
        let steps = rates.iter().flat_map(|(from, to, rate)| [(*from, *rate), (*to, *rate)]);
        let points = steps.map(|(at, rate)| (panel.across(at), panel.up(rate / top)));
        panel::polyline(svg, "line", colour, &points.collect::<Vec<Place>>());
    }
}

/// How long the main kind's answers took: a line for the median, and bands up to rarer ones.
pub fn times(svg: &mut String, report: &Report<'_>, panel: Panel, kind: Kind) {
    panel.frame(svg, &format!("how long answers to {} clients took", kind.name()));
    let spans = spans(report);
    let answered = |span: &&Span<'_>| !span.now.max.is_zero();
    let seen = spans.iter().filter(answered).flat_map(|span| [span.now.p50, span.now.p999]);
    let Some(scale) = TimeScale::new(panel, seen, ROOM) else { return };
    scale.numbers(svg);
    let colour = colours::of(kind);
    // Where nothing was answered there is nothing to draw.
    for answered in spans.split(|span| span.now.max.is_zero()) {
        let steps = |time: fn(&Point) -> Duration| -> Vec<Place> {
            let ends =
                answered.iter().flat_map(|span| [(span.from, span.now), (span.to, span.now)]);
            ends.map(|(at, point)| (panel.across(at), scale.up(time(point)))).collect()
        };
        let [p50, p99, p999] =
            [steps(|point| point.p50), steps(|point| point.p99), steps(|point| point.p999)];
        panel::area(svg, "rarest", &colour, [&p999, &p99]);
        panel::area(svg, "rare", &colour, [&p99, &p50]);
        panel::polyline(svg, "thin", &colour, &p999);
        panel::polyline(svg, "thin", &colour, &p99);
        panel::polyline(svg, "line", &colour, &p50);
    }
    let Some(last) = spans.iter().rfind(answered).map(|span| span.now) else { return };
    let names = [("p99.9", last.p999), ("p99", last.p99), ("p50", last.p50)];
    let mut lowest = panel.top;
    for (name, time) in names {
        // They stand at the ends of their lines, if these are not too near to each other.
        let y = (scale.up(time) + 4.0).max(lowest);
        text_as(svg, "small", (RIGHT + 6.0, y), "start", name);
        lowest = y + LINE_HEIGHT;
    }
}

/// How many clients were connected, one kind above the other.
pub fn open(svg: &mut String, report: &Report<'_>, panel: Panel) {
    panel.frame(svg, "open connections, one kind above the other");
    let record = &report.outcome.record;
    let points = record.points.iter().map(|point| &point.mark);
    let part_ends = record.part_ends.iter().map(|(_, mark)| mark);
    let mut marks: Vec<&Mark> =
        std::iter::once(&record.first).chain(points).chain(part_ends).collect();
    marks.sort_by_key(|mark| mark.at);
    let most = marks.iter().map(|mark| mark.counts.open).max().unwrap_or_default();
    let top = numbers_from_zero(svg, panel, most as f64);
    let mut below = vec![0; marks.len()];
    for (kind, _) in report.kinds() {
        let above: Vec<u64> = marks
            .iter()
            .zip(&below)
            .map(|(mark, below)| below + mark.counts.by_kind[kind as usize].open)
            .collect();
        let line = |heights: &[u64]| -> Vec<Place> {
            let points = marks.iter().zip(heights);
            let place = |(mark, height): (&&Mark, &u64)| {
                (panel.across(seconds(mark)), panel.up(*height as f64 / top))
            };
            points.map(place).collect()
        };
        panel::area(svg, "open", &colours::of(kind), [&line(&above), &line(&below)]);
        below = above;
    }
}

/// The numbers on the left, from 0. Returns the highest.
fn numbers_from_zero(svg: &mut String, panel: Panel, max: f64) -> f64 {
    let (numbers, top) = scale::from_zero(max);
    for number in numbers {
        panel.number(svg, panel.up(number / top), &scale::number(number));
    }
    top
}
