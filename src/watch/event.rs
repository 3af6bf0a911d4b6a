//! Every kind of step there is to tell of.
//!
//! Plain values, copied and compared: an observer may keep the last thousand of them. None holds a
//! byte that a peer has sent, so telling them gives nothing away.

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::TimeoutClass;
use crate::connection::state::Name;
use crate::connection::{Demand, Unread};
use crate::engine::ClientId;
use crate::engine::socket::{Interest, Readiness, Received, Taken};
use crate::metrics::CloseReason;
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
    /// Something that concerns nobody in particular.
    Loop(LoopEvent),
    /// A step of this client.
    Client(ClientId, ClientEvent),
}

/// What happens to the loop as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoopEvent {
    /// It listens here.
    #[non_exhaustive]
    Listening {
        /// Where.
        address: SocketAddr,
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
    /// The poll says that somebody wants to connect here.
    #[non_exhaustive]
    ListenerReady {
        /// Where.
        address: SocketAddr,
    },
    /// It was told to stop, and accepts nobody any more.
    #[non_exhaustive]
    Stopping {
        /// A signal's name, or what else told it.
        by: &'static str,
        /// How many clients may still finish.
        clients: usize,
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

/// One step of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// It was accepted, and stands on the run queue.
    #[non_exhaustive]
    Accepted {
        /// Who it is.
        peer: SocketAddr,
        /// How many clients there are now.
        clients: usize,
    },
    /// The poll says this of its socket, by the token that the socket was registered with.
    #[non_exhaustive]
    Told {
        /// What the poll says.
        readiness: Readiness,
    },
    /// It was received from.
    #[non_exhaustive]
    Received {
        /// What the system call returned, or why there was none.
        received: Received,
        /// What is known of the socket after that.
        unread: Unread,
    },
    /// It goes on with what it received in an earlier turn.
    #[non_exhaustive]
    Resumed {
        /// How much of it is left, in bytes.
        kept: usize,
    },
    /// Its connection has taken what was received, or what became of its answers.
    Changed(Change),
    /// It was sent to.
    #[non_exhaustive]
    Sent {
        /// What the system call returned, or why there was none.
        taken: Taken,
        /// How much was offered, in bytes.
        offered: usize,
    },
    /// It has done so much that the others go first. It goes on in its next turn.
    Yields,
    /// It is held, and has taken the one step that it may. It could take another.
    Held,
    /// It can do nothing more, and waits for its peer.
    #[non_exhaustive]
    Waits {
        /// What it will do once it can.
        demand: Demand,
        /// How long it may wait.
        rest: Option<Rest>,
    },
    /// The poll is asked to report this of its socket from now on.
    #[non_exhaustive]
    Registered {
        /// What the poll is to report.
        interest: Interest,
    },
    /// Its time has run out.
    #[non_exhaustive]
    TimedOut {
        /// The time for what.
        class: TimeoutClass,
        /// How long that was.
        timeout: Duration,
    },
    /// The time of its source or its disk has come: it is asked for more of the answer's body.
    Due,
    /// Its connection has ended.
    #[non_exhaustive]
    Closed {
        /// Why.
        reason: CloseReason,
        /// Answers given, to requests and to faults.
        answers: u32,
        /// Who it was.
        peer: SocketAddr,
    },
    /// Its descriptor is closed, and its slot can be given to another.
    Freed,
}

/// A connection's state before and after a step, and how full its buffers are then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The state before.
    pub before: Name,
    /// The state after.
    pub after: Name,
    /// Answers given in this step, to requests and to faults.
    pub answers: u32,
    /// Input that is kept until more of it comes, or until it can be looked at, in bytes.
    pub kept: usize,
    /// Output that has not been sent, in bytes.
    pub owed: usize,
}

/// How long a client may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rest {
    /// For what; `None`: it lets its peer wait, until its source or its disk has more to give.
    pub class: Option<TimeoutClass>,
    /// From now on. A timeout is acted on up to 1/64 of it later, a source's time at once.
    pub rest: Duration,
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
                LoopEvent::Stopping { .. } => "stop",
                LoopEvent::Stopped => "stopped",
            },
            What::Client(_, event) => match event {
                ClientEvent::Accepted { .. } => "accept",
                ClientEvent::Told { .. } => "told",
                ClientEvent::Received { .. } => "recv",
                ClientEvent::Resumed { .. } => "resume",
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
            What::Client(client, _) => Some(client),
        }
    }
}
