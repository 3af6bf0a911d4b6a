//! The program's clock: the only place that asks what time it is.
//!
//! Once a turn, and once more for each client whose answer came: a turn with hundreds of events is
//! longer than many a latency.

use std::time::{Duration, Instant};

use oneloop::engine::Time;

/// Counts from the start of the run.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// Begins now.
    pub fn start() -> Clock {
        Clock { began: Instant::now() }
    }

    /// The present moment.
    pub fn now(self) -> Time {
        Time::after_start(self.began.elapsed())
    }

    /// How long it has run.
    pub fn spent(self) -> Duration {
        self.began.elapsed()
    }

    /// How long a wait may be by `until`; nothing if that has passed.
    pub fn left(self, until: Duration) -> Duration {
        until.saturating_sub(self.began.elapsed())
    }
}
