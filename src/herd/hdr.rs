//! How long answers took, in the log format of HdrHistogram: a line for each kind of good clients in each
//! part of the run.

use std::io;
use std::time::Duration;

use crate::report::Report;
use crate::times::{self, Interval};

/// The whole log.
///
/// # Errors
/// When it cannot be written.
pub fn text(report: &Report<'_>) -> io::Result<String> {
    let mut intervals = Vec::new();
    for (kind, tally) in report.kinds().filter(|(kind, _)| kind.is_good()) {
        let mut start = Duration::ZERO;
        for part in report.parts() {
            let times = tally.latency.of(part.part);
            intervals.push(Interval { tag: kind.name(), start, length: part.took, times });
            start += part.took;
        }
    }
    let server = &report.plan.server;
    times::log(&format!("[herd at {server}; latencies in nanoseconds]"), &intervals)
}
