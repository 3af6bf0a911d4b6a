//! The loop's own reading of the clock, as a value that is passed around.
//!
//! Only [`Server`](crate::Server) asks what time it is: once a turn, and once more in slow motion or
//! with an admin listener. Everything below gets the time as an argument, so a simulation can run an
//! hour in a millisecond.

use std::ops::Add;
use std::time::Duration;

/// A moment, in nanoseconds since the loop began (584 years fit).
///
/// Eight bytes where an `Instant` takes sixteen: each client keeps two of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(u64);

impl Time {
    /// The moment at which the loop began.
    pub const START: Time = Time(0);

    /// The moment that lies `elapsed` after the loop began.
    pub fn after_start(elapsed: Duration) -> Time {
        Time(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
    }

    /// In whole milliseconds, for what is kept of each client: they begin anew after 49 days.
    #[inline]
    pub(crate) fn millis(self) -> u32 {
        (self.0 / 1_000_000) as u32
    }

    /// How long after `earlier` this moment lies; zero if it does not.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// The smaller of what is there. Plainer for the compiler than an iterator: there are several a turn.
#[inline]
pub(crate) fn sooner<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, later: Duration) -> Time {
        let nanos = u64::try_from(later.as_nanos()).unwrap_or(u64::MAX);
        Time(self.0.saturating_add(nanos))
    }
}
