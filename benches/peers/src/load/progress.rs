//! How far a run has come: what is outstanding, what was answered and how long it took.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};

/// Beyond it every latency reads as this one; the stall limit ends a run long before.
const LATENCY_NANOSECONDS_MAX: u64 = 60_000_000_000;
/// Three significant digits: finer than any noise here.
const LATENCY_DIGITS: u8 = 3;

/// When a run stops to send.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After so many requests.
    Answered(u64),
    /// After so much time.
    Elapsed(Duration),
}

/// What a run has seen; everything that was sent has been answered.
#[derive(Debug)]
pub struct Outcome {
    /// Answers that came whole and correct.
    pub answered: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Per request, in nanoseconds: from its sending (with a connection per request: from its
    /// connecting; in an open loop: from when it was due) to its last byte (to the server's close).
    pub latency: Histogram<u64>,
    /// What the clients' own thread has used.
    pub load_cpu: Duration,
}

/// A run under way.
pub(super) struct Progress {
    until: Until,
    started_at: Instant,
    cpu_at_start: Duration,
    sent: u64,
    answered: u64,
    latency: Histogram<u64>,
}

impl Progress {
    pub(super) fn start(until: Until) -> Progress {
        let latency = Histogram::new_with_bounds(1, LATENCY_NANOSECONDS_MAX, LATENCY_DIGITS)
            .expect("the bounds are constants that the histogram accepts");
        let started_at = Instant::now();
        Progress { until, started_at, cpu_at_start: cpu(), sent: 0, answered: 0, latency }
    }

    /// How many of `wanted` requests may still be sent; they count as sent.
    pub(super) fn admit(&mut self, wanted: usize, now: Instant) -> usize {
        let admitted = match self.until {
            Until::Answered(bound) => (wanted as u64).min(bound - self.sent) as usize,
            Until::Elapsed(bound) if now - self.started_at < bound => wanted,
            Until::Elapsed(_) => 0,
        };
        self.sent += admitted as u64;
        admitted
    }

    /// A request that was due by a schedule counts as sent, whatever the time.
    pub(super) fn send_due(&mut self) {
        self.sent += 1;
    }

    pub(super) fn on_answer(&mut self, latency: Duration) {
        self.answered += 1;
        self.latency.saturating_record(latency.as_nanos() as u64);
    }

    pub(super) fn outstanding(&self) -> u64 {
        self.sent - self.answered
    }

    pub(super) fn finish(self) -> Outcome {
        Outcome {
            answered: self.answered,
            elapsed: self.started_at.elapsed(),
            latency: self.latency,
            load_cpu: cpu() - self.cpu_at_start,
        }
    }
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
