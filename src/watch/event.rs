//! Every kind of step that can be told.
//!
//! Plain values, copied and compared: an observer may keep the last thousand of them. Of what a peer
//! has sent, only an answer holds the beginning of its request.

use std::time::Duration;

use crate::config::LocalAddress;
use crate::engine::{ClientEvent, ClientId, StopStep};
use crate::time::Time;

/// One step, and the turn in which it was taken.
///
/// Its [`Display`](std::fmt::Display) is who did it, what it is called, and a sentence, in columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// When the turn began: the loop looks at the clock once a turn, so all steps of a turn are
    /// told with the same time.
    pub at: Time,
    /// What has happened, and to whom.
    pub what: What,
}

/// What has happened, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// Something that concerns no single client.
    Loop(LoopEvent),
    /// A step of this client.
    Client(ClientId, ClientEvent),
    /// A step of this client of the admin listener. These are counted and numbered apart.
    Admin(ClientId, ClientEvent),
}

/// What happens to the loop as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoopEvent {
    /// It listens here.
    #[non_exhaustive]
    Listening {
        /// Where.
        address: LocalAddress,
    },
    /// The poll has returned, and a turn begins. Only told of a turn in which something else is
    /// told, too.
    #[non_exhaustive]
    Polled {
        /// How many events the poll returned, those for the loop itself included.
        events: usize,
        /// Whether it was to wait for them.
        patience: Patience,
        /// Since the last turn began that was told of, asleep but for its work.
        since_last: Duration,
    },
    /// The poll says that a client wants to connect here.
    #[non_exhaustive]
    ListenerReady {
        /// Where.
        address: LocalAddress,
    },
    /// It was told to stop.
    #[non_exhaustive]
    Stopping {
        /// A signal's name, or what else told it.
        by: &'static str,
        /// How many clients may still finish.
        clients: usize,
    },
    /// It has come to this step of its end.
    #[non_exhaustive]
    StopStep {
        /// Which step.
        step: StopStep,
    },
    /// It has stopped.
    Stopped,
}

/// Whether the poll was to wait for events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Patience {
    /// It was to return with what is there: there is something to do without an event.
    Looked,
    /// It was to wait for the first.
    Waited,
}

impl Event {
    /// This happened in the turn that began at `at`.
    pub fn new(at: Time, what: What) -> Event {
        Event { at, what }
    }

    /// What this kind of step is called, in at most eight letters.
    pub fn verb(&self) -> &'static str {
        match self.what {
            What::Loop(event) => match event {
                LoopEvent::Listening { .. } => "listen",
                LoopEvent::Polled { .. } => "poll",
                LoopEvent::ListenerReady { .. } => "told",
                LoopEvent::Stopping { .. } | LoopEvent::StopStep { .. } => "stop",
                LoopEvent::Stopped => "stopped",
            },
            What::Client(_, event) | What::Admin(_, event) => match event {
                ClientEvent::Accepted { .. } => "accept",
                ClientEvent::Told { .. } => "told",
                ClientEvent::Received { .. } => "recv",
                ClientEvent::Introduced { .. } => "proxy",
                ClientEvent::Unintroduced { .. } => "proxy",
                ClientEvent::Resumed { .. } => "resume",
                ClientEvent::Answered(_) => "answer",
                ClientEvent::Changed(_) => "state",
                ClientEvent::Sent { .. } => "send",
                ClientEvent::Yields => "yield",
                ClientEvent::Held => "held",
                ClientEvent::Waits { .. } => "wait",
                ClientEvent::Registered { .. } => "register",
                ClientEvent::TimedOut { .. } => "timeout",
                ClientEvent::Due => "due",
                ClientEvent::Closed { .. } => "close",
                ClientEvent::Freed => "free",
            },
        }
    }

    /// Whose step it is; `None` if it is the loop's.
    pub fn client(&self) -> Option<ClientId> {
        match self.what {
            What::Loop(_) => None,
            What::Client(client, _) | What::Admin(client, _) => Some(client),
        }
    }
}
