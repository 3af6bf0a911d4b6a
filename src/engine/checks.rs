//! Clients that are checked once more before they are closed: what is assumed of them, and how many are
//! still to be checked because the time to drain is over.

use super::readiness::Readiness;
use crate::connection::state::StateName;

/// The readiness to assume of a client in this state when it is checked although the poll has
/// reported nothing.
pub(super) fn readiness_to_check(state: StateName) -> Option<Readiness> {
    match state {
        StateName::Fresh
        | StateName::ReadingProxyHeader
        | StateName::Idle
        | StateName::ReadingHead
        | StateName::ReadingBody
        | StateName::Lingering => Some(Readiness::READABLE),
        // The poll reports room only once a third of the send buffer is free, which can be far more
        // than the progress that is asked for. A send finds out.
        StateName::Writing => Some(Readiness::WRITABLE),
        // It waits for its source: nothing is asked of the client.
        StateName::Pausing | StateName::Closed => None,
    }
}

/// How many clients have still to be checked because the server is stopping.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// How many on the run queue are to be checked for the last time, because the time to drain is
    /// over.
    last: usize,
    /// The same on the queue of clients that linger.
    last_lingering: usize,
}

impl Checks {
    /// This many clients from the run queue were driven.
    pub(super) fn on_driven(&mut self, clients: usize) {
        self.last = self.last.saturating_sub(clients);
    }

    /// This many clients, the first on the run queue and on that of clients that linger, are checked
    /// for the last time.
    pub(super) fn begin_last(&mut self, running: usize, lingering: usize) {
        (self.last, self.last_lingering) = (running, lingering);
    }

    /// A client from the queue of those that linger was driven.
    pub(super) fn on_lingered(&mut self) {
        self.last_lingering = self.last_lingering.saturating_sub(1);
    }

    /// A client was put on that queue, which has `clients` now.
    pub(super) fn on_queued_lingering(&mut self, clients: usize) {
        if self.last > 0 {
            self.last_lingering = clients;
        }
    }

    /// Whether one of them is left.
    pub(super) fn has_last(&self) -> bool {
        self.last > 0 || self.last_lingering > 0
    }
}
