//! Slow motion: after each step that is told, the loop rests, so that a person can follow.
//!
//! The only place that sleeps, and it is meant to keep all clients waiting. Nothing is lost
//! meanwhile: what comes waits in the kernel. The server takes this time out of its clock, so no
//! client times out either.

use std::time::Duration;

use crate::server::signals::StopRequests;
use crate::watch::{Event, Observer};

/// The longest that a server rests after it was told to stop. Too short to be noticed.
const SLICE: Duration = Duration::from_millis(20);

/// An observer, and a rest after each step that it is told.
pub(crate) struct Paced<O> {
    pub(crate) observer: O,
    pub(crate) pause: Duration,
    pub(crate) stop_requests: StopRequests,
}

impl<O: Observer> Observer for Paced<O> {
    fn observe(&mut self, event: &Event) {
        self.observer.observe(event);
        let mut rest = self.pause;
        while !rest.is_zero() && !self.stop_requests.any() {
            let slice = rest.min(SLICE);
            std::thread::sleep(slice);
            rest -= slice;
        }
    }
}

/// What the server's clock does while a turn is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    Runs,
    /// It stands still: in slow motion time passes only while the loop sleeps.
    Stands,
}
