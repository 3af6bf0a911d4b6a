//! A condition that lasts for a while, and that the log mentions once.

use std::time::Duration;

use crate::time::Time;

/// When it was last so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogOnce {
    last: Option<Time>,
}

impl LogOnce {
    /// Notes that it is so at `now`. Says whether it has only just begun: it was not so, or not for
    /// as long as `quiet`.
    pub(crate) fn note(&mut self, now: Time, quiet: Duration) -> bool {
        let begins = self.is_over(now, quiet);
        self.last = Some(now);
        begins
    }

    /// Whether it has not been so for as long as `quiet`.
    pub(crate) fn is_over(&self, now: Time, quiet: Duration) -> bool {
        self.last.is_none_or(|last| now.since(last) >= quiet)
    }
}
