//! A panel: where it stands, its numbers, and the lines and areas in it.

use std::fmt::Write;
use std::time::Duration;

use super::scale;
use crate::svg::{text, text_as};

/// How wide a picture is.
pub const WIDTH: f64 = 880.0;

/// Where panels begin and end from left to right. The numbers of their scales stand on the left, the names
/// of lines on the right.
pub const LEFT: f64 = 76.0;
pub const RIGHT: f64 = WIDTH - 56.0;

/// How far texts are apart that stand below each other.
pub const LINE_HEIGHT: f64 = 14.0;

/// A point of the picture.
pub type Place = (f64, f64);

/// A panel.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
    pub top: f64,
    pub bottom: f64,
    /// How much lies between its left and its right side.
    pub length: f64,
}

impl Panel {
    /// Where something is from left to right.
    pub fn across(self, x: f64) -> f64 {
        LEFT + (x / self.length).clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    /// Where a share of the way from the bottom to the top is.
    pub fn up(self, share: f64) -> f64 {
        self.bottom - share * (self.bottom - self.top)
    }

    /// Its title, and its lines from top to bottom.
    pub fn frame(self, svg: &mut String, title: &str) {
        text(svg, (LEFT, self.top - 8.0), "start", title);
        for x in [LEFT, RIGHT] {
            line(svg, "scale", [(x, self.top), (x, self.bottom)]);
        }
    }

    /// A number of the scale on the left.
    pub fn number(self, svg: &mut String, y: f64, name: &str) {
        line(svg, "scale", [(LEFT, y), (RIGHT, y)]);
        text_as(svg, "small", (LEFT - 6.0, y + 4.0), "end", name);
    }

    /// A number of the scale at the bottom.
    pub fn number_below(self, svg: &mut String, x: f64, name: &str) {
        text_as(svg, "small", (x, self.bottom + 16.0), "middle", name);
    }
}

/// A straight line.
pub fn line(svg: &mut String, class: &str, [from, to]: [Place; 2]) {
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        from.0, from.1, to.0, to.1
    );
}

/// A line of many points.
pub fn polyline(svg: &mut String, class: &str, colour: &str, points: &[Place]) {
    if !points.is_empty() {
        let points = listed(points);
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<polyline class=\"{class}\" style=\"stroke: {colour}\" points=\"{points}\"/>"
        );
    }
}

/// What lies between two lines that run from left to right.
pub fn area(svg: &mut String, class: &str, colour: &str, [upper, lower]: [&[Place]; 2]) {
    let back = lower.iter().rev().copied();
    let points: Vec<Place> = upper.iter().copied().chain(back).collect();
    if !points.is_empty() {
        let points = listed(&points);
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<polygon class=\"{class}\" style=\"fill: {colour}\" points=\"{points}\"/>"
        );
    }
}

/// The colour of something, beside its name.
pub fn swatch(svg: &mut String, (x, y): Place, colour: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"12\" height=\"10\" style=\"fill: {colour}\"/>"
    );
}

/// A dot on a line.
pub fn dot(svg: &mut String, colour: &str, (x, y): Place) {
    // Writing to a string cannot fail.
    let _ =
        writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" style=\"fill: {colour}\"/>");
}

fn listed(points: &[Place]) -> String {
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    points.join(" ")
}

/// The scale of times that runs by powers of ten, with some room at both ends.
#[derive(Clone, Copy, Debug)]
pub struct TimeScale {
    panel: Panel,
    /// The logarithms of nanoseconds at both ends.
    low: f64,
    high: f64,
}

impl TimeScale {
    /// For what lies between these two, with `room` pixels above and below. `None` if there is nothing.
    pub fn new(
        panel: Panel,
        times: impl Iterator<Item = Duration>,
        room: f64,
    ) -> Option<TimeScale> {
        let logs = times.map(log);
        let (low, high) = logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), log| {
            (low.min(log), high.max(log))
        });
        if low > high {
            return None;
        }
        // Times that hardly differ would fill the panel with noise.
        let middle = f64::midpoint(low, high);
        let half = ((high - low) / 2.0).max(0.25);
        let (low, high) = (middle - half, middle + half);
        let height = panel.bottom - panel.top;
        let more = (high - low) * room / (height - 2.0 * room);
        Some(TimeScale { panel, low: low - more, high: high + more })
    }

    /// Where a time stands.
    pub fn up(self, time: Duration) -> f64 {
        self.panel.up((log(time) - self.low) / (self.high - self.low))
    }

    /// Its numbers on the left.
    pub fn numbers(self, svg: &mut String) {
        let end = |log: f64| Duration::from_nanos(10_f64.powf(log) as u64);
        for time in scale::times(end(self.low), end(self.high)) {
            self.panel.number(svg, self.up(time), &scale::time(time));
        }
    }
}

fn log(time: Duration) -> f64 {
    (time.as_nanos().max(1) as f64).log10()
}
