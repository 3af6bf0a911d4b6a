//! Every kind of step that a client can take, as values.
//!
//! Plain values, copied and compared: an observer may keep the last thousand of them. Of what a peer
//! has sent, only an answer holds the beginning of its request.

use std::net::SocketAddr;
use std::time::Duration;

use super::excerpt::Excerpt;
use super::readiness::{Interest, Readiness};
use super::socket::{Received, Taken};
use crate::config::TimeoutClass;
use crate::connection::state::StateName;
use crate::connection::{Demand, Unread};
use crate::http::proxy_header::ProxyHeaderFault;
use crate::metrics::CloseReason;
use crate::peer::Peer;

/// One step of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// It was accepted, and stands on the run queue.
    #[non_exhaustive]
    Accepted {
        /// Who it is.
        peer: Peer,
        /// How many clients there are now.
        clients: usize,
        /// What its connection begins with.
        state: StateName,
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
    /// Its PROXY header is whole.
    #[non_exhaustive]
    Introduced {
        /// For whom its proxy has connected. `None`: for itself, or it cannot say.
        client: Option<SocketAddr>,
    },
    /// What came where a PROXY header has to come first is none.
    #[non_exhaustive]
    Unintroduced {
        /// What is wrong with it.
        fault: ProxyHeaderFault,
    },
    /// It goes on with what it received in an earlier turn.
    #[non_exhaustive]
    Resumed {
        /// How much of it is left, in bytes.
        kept: usize,
    },
    /// It was given an answer.
    Answered(Given),
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
        time_left: Option<TimeLeft>,
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
    /// The time of its source or its disk has come, or its source was woken: it is asked for more
    /// of the answer's body.
    Due,
    /// Its connection has ended.
    #[non_exhaustive]
    Closed {
        /// Why.
        reason: CloseReason,
        /// Answers given, to requests and to faults.
        answers: u32,
        /// Who it was.
        peer: Peer,
    },
    /// Its descriptor is closed, and its slot can be given to another.
    Freed,
}

/// An answer, when it was given. One that begins later is told of twice: first by its request, and then
/// by its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Given {
    /// The beginning of the request: its method and target; or of what was no request. Empty if it was
    /// told before.
    pub request: Excerpt,
    /// The status. Zero: the answer begins later.
    pub status: u16,
    /// How long its body is, in bytes. `None`: more of it comes over time.
    pub body: Option<usize>,
    /// The fault that the program commits by it on purpose, in a word.
    pub fault: Option<&'static str>,
}

/// A connection's state before and after a step, and how full its buffers are then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The state before.
    pub before: StateName,
    /// The state after.
    pub after: StateName,
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
pub struct TimeLeft {
    /// For what; `None`: it lets its peer wait, until its source or its disk has more to give.
    pub class: Option<TimeoutClass>,
    /// From now on. A timeout is acted on up to 1/64 of it later, a source's time at once.
    pub left: Duration,
}
