//! How far the life of a server has come, and how it has ended.

use crate::time::Time;

/// How a server that was told to stop has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// It was told to stop, and all clients were done in time.
    Drained,
    /// It was told to stop, and cut off the clients that were not done after
    /// [`Timeouts::drain`](crate::Timeouts::drain), or when it was told again.
    CutOff,
    /// It was told to stop a second time, by this signal, and cut off the remaining clients.
    Signalled(i32),
}

/// A step of the end of a server that was told to stop. They follow each other in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopStep {
    /// It says that it stops, and accepts and serves as before: for
    /// [`Timeouts::drain_announce`](crate::Timeouts::drain_announce).
    Announcing,
    /// It accepts the connections that wait in its listeners' queues, and then no more.
    Closing,
    /// Its clients may finish. Idle ones may ask once more, for
    /// [`Timeouts::drain_idle`](crate::Timeouts::drain_idle).
    Draining,
    /// It has ended.
    Ended,
}

/// How far the server's life has come. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Running,
    /// It was told to stop, and says so to those who ask, until then.
    Announcing {
        until: Time,
    },
    /// It accepts what waits in its listeners' queues: closing a listener resets the connections in its
    /// queue. New clients may go on coming meanwhile, so no more are accepted than the queues could
    /// hold: until this many have been since the start.
    Closing {
        until: Time,
        accepted_max: u64,
    },
    /// Its clients may finish, until then; and those that are idle may ask once more, but for less.
    KeepingIdle {
        idle_until: Time,
        until: Time,
    },
    /// Its clients may finish, until then. Those that are idle are ended.
    Draining {
        until: Time,
    },
    /// That time is over, and each client is looked at once more, which has to end.
    CheckingLast {
        until: Time,
    },
    Stopped(Stopped),
}

impl Life {
    /// When it goes on although nothing happens.
    pub(super) fn due(self) -> Option<Time> {
        match self {
            Life::Running | Life::Stopped(_) => None,
            Life::Announcing { until }
            | Life::Closing { until, .. }
            | Life::KeepingIdle { idle_until: until, .. }
            | Life::Draining { until }
            | Life::CheckingLast { until } => Some(until),
        }
    }

    pub(super) fn stop_step(self) -> Option<StopStep> {
        match self {
            Life::Running => None,
            Life::Announcing { .. } => Some(StopStep::Announcing),
            Life::Closing { .. } => Some(StopStep::Closing),
            Life::KeepingIdle { .. } | Life::Draining { .. } | Life::CheckingLast { .. } => {
                Some(StopStep::Draining)
            }
            Life::Stopped(_) => Some(StopStep::Ended),
        }
    }
}
