//! When the requests of an open loop are due: as many independent people would send them, at
//! random, however busy the server is.

use std::time::{Duration, Instant};

/// A Poisson process: the next request does not know when the last one was. The same seed makes
/// the same schedule, so that every server meets the same bursts.
#[derive(Debug)]
pub struct Schedule {
    next_at: Instant,
    end_at: Instant,
    mean_pause: Duration,
    random: u64,
}

impl Schedule {
    /// On average `rate` requests a second, from `start` on, for so long.
    pub fn new(start: Instant, length: Duration, rate: f64, seed: u64) -> Schedule {
        assert!(rate > 0.0, "a schedule without requests has no pauses between them");
        let mean_pause = Duration::from_secs_f64(1.0 / rate);
        let mut schedule =
            Schedule { next_at: start, end_at: start + length, mean_pause, random: seed };
        schedule.advance();
        schedule
    }

    /// The next request that is due by `now`; call it until there is none.
    pub fn next_due(&mut self, now: Instant) -> Option<Instant> {
        let due = self.next_at;
        if due > now || self.is_over() {
            return None;
        }
        self.advance();
        Some(due)
    }

    /// Whether every request was handed out.
    pub fn is_over(&self) -> bool {
        self.next_at >= self.end_at
    }

    /// Pauses of a Poisson process are exponentially distributed.
    fn advance(&mut self) {
        let pause = -(1.0 - self.uniform()).ln();
        self.next_at += self.mean_pause.mul_f64(pause);
    }

    /// From 0 up to, not including, 1. SplitMix64: one addition and three multiplications a number.
    fn uniform(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        // The upper 53 bits: as many as a double keeps.
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_requests_are_due_as_the_rate_says_and_none_after_the_end() {
        let start = Instant::now();
        let end = start + Duration::from_secs(10);
        let mut schedule = Schedule::new(start, Duration::from_secs(10), 1000.0, 7);
        let mut last = start;
        let mut count = 0;
        while let Some(due) = schedule.next_due(end + Duration::from_secs(1)) {
            assert!(last <= due && due < end);
            last = due;
            count += 1;
        }
        assert!(schedule.is_over());
        // Three standard deviations of a Poisson count of 10,000.
        assert!((9_700..=10_300).contains(&count), "{count}");
    }
}
