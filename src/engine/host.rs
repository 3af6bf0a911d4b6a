//! How an engine reaches the poll, which it does not know.

use std::io;

use super::id::ClientId;
use super::readiness::Interest;

/// What an engine needs of the loop around it.
///
/// A closure that does what [`Host::register`] says is one.
pub trait Host<S> {
    /// Asks the poll to report `wanted` of this client's stream from now on. Until now it was asked
    /// for `before`; if that is `None`, the poll does not know the stream yet.
    ///
    /// # Errors
    /// If the system refuses that, the client is closed; unless it is short of memory or of
    /// registrations ([`OutOfMemory`](io::ErrorKind), [`StorageFull`](io::ErrorKind)). Then it is
    /// asked again after 100 ms, for as long as the client's deadline allows.
    fn register(
        &mut self,
        id: ClientId,
        stream: &mut S,
        before: Option<Interest>,
        wanted: Interest,
    ) -> io::Result<()>;

    /// A stage begins. A simulation judges by it what is done to a stream; nothing else needs it.
    fn begin(&mut self, stage: Stage) {
        let _ = stage;
    }
}

impl<S, F> Host<S> for F
where
    F: FnMut(ClientId, &mut S, Option<Interest>, Interest) -> io::Result<()>,
{
    fn register(
        &mut self,
        id: ClientId,
        stream: &mut S,
        before: Option<Interest>,
        wanted: Interest,
    ) -> io::Result<()> {
        self(id, stream, before, wanted)
    }
}

/// A part of a turn: see the table in `turn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Clients do what they can.
    Drive,
    /// What clients that linger have sent is thrown away.
    Linger,
    /// Deadlines are acted on.
    Expire,
    /// A server that stops ends idle clients.
    EndIdle,
    /// Clients that have ended are freed.
    Free,
    /// Connections are accepted, and idle clients evicted.
    Accept,
    /// The poll is asked to report what clients wait for.
    Register,
    /// The listeners are closed.
    CloseListeners,
    /// The time to drain is over: each client is put on the run queue once more.
    CheckLast,
    /// The clients that are left are cut off.
    CutOff,
}
