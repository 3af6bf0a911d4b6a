//! What came over time, as comma-separated values: a line a point, for spreadsheets.

use std::fmt::Write;
use std::time::Duration;

use crate::record::{Counts, Point};
use crate::report::Report;

/// The columns. Counts are since the line before, but for `open`; times are in microseconds and those of
/// the first kind of good clients.
const HEAD: &str = "seconds,connected,open,right,wrong,lost,refused,ended_by_server,\
     p50_us,p99_us,p99.9_us,max_us";

/// All points.
pub fn text(report: &Report<'_>) -> String {
    let points = report.outcome.record.points.iter();
    let mut text = format!("{HEAD}\n");
    let mut before = Counts::default();
    for point in points {
        let now = point.mark.counts;
        text += &line(point, before);
        before = now;
    }
    text
}

fn line(Point { mark, p50, p99, p999, max }: &Point, before: Counts) -> String {
    let mut line = format!("{:.3}", mark.at.since(Default::default()).as_secs_f64());
    let now = mark.counts;
    for count in [
        now.connected - before.connected,
        now.open,
        now.right - before.right,
        now.wrong - before.wrong,
        now.lost - before.lost,
        now.refused - before.refused,
        now.ended - before.ended,
    ] {
        let _ = write!(line, ",{count}");
    }
    for time in [p50, p99, p999, max] {
        let _ = write!(line, ",{:.1}", microseconds(*time));
    }
    line + "\n"
}

fn microseconds(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}
