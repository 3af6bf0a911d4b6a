//! One client in the slab: a socket, a connection, and the steps that join them.
//!
//! A step is at most one call of the socket, and its consequence. Which call comes next is the
//! connection's demand; when to stop is decided in [`Clients`](crate::engine::Clients).

use std::ops::ControlFlow::{self, Break, Continue};

use super::arrival::Arrival;
use super::event::ClientEvent;
use super::id::ClientId;
use super::steps::Steps;
use crate::answer::handler::Handler;
use crate::config::RECEIVE_BYTES;
use crate::connection::state::StateName;
use crate::connection::{Common, Connection, Context, Demand, Unread};
use crate::engine::readiness::{Interest, Readiness};
use crate::engine::socket::{Received, Socket, Taken};
use crate::engine::stream::Stream;
use crate::engine::timers::{Link, Timed};
use crate::metrics::{CloseReason, Metrics};
use crate::peer::Caller;
use crate::time::Time;
use crate::work;

/// A receive gets room for at least this many bytes, however little is left of its client's budget.
/// [`Limits::turn_bytes_max`](crate::Limits::turn_bytes_max) is never less.
pub(super) const RECEIVE_BYTES_MIN: usize = 1024;

/// Everything that an idle client costs: held to 104 bytes by a test.
#[derive(Debug)]
pub(super) struct Client<S> {
    pub(super) socket: Socket<S>,
    pub(super) connection: Connection,
    link: Link,
    /// Counts connections: tells this client from earlier ones with the same slab key, and names
    /// it in the log.
    pub(super) generation: u32,
    pub(super) queued: bool,
    /// What the poll has been asked to report.
    pub(super) interest: Option<Interest>,
}

/// Why a client stops running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// Nothing can be done until the poll reports something, or a time has come.
    Waits,
    /// Its budget is used up.
    Spent,
    /// The last answer is out. What the peer has sent besides is thrown away in a stage for that.
    Lingers,
    /// It is held, and has taken the one step that it may.
    Stepped,
    /// The connection has ended.
    Ended(CloseReason),
}

/// What a step came to: unless it breaks, something was done, and there may be more to do.
pub(super) type Step = ControlFlow<Run>;

impl<S: Stream> Client<S> {
    /// The `generation`th client, who came so at `now`.
    pub(super) fn new(stream: S, arrival: Arrival, generation: u32, now: Time) -> Client<S> {
        let Arrival { peer, opening } = arrival;
        let mut socket = Socket::new(stream);
        socket.note(Readiness::DESCRIPTORS.when(peer.address().is_none()));
        Client {
            socket,
            connection: Connection::new(Caller::new(peer.into()), opening, now),
            link: Link::new(),
            generation,
            queued: false,
            interest: None,
        }
    }

    /// What the poll has to report for this client to wait for it. Never less than it has been
    /// asked for: with edges, an interest that finds nothing to report costs nothing.
    pub(super) fn wanted_interest(&self) -> Option<Interest> {
        match self.connection.demand() {
            Demand::Send | Demand::SendFile => Some(Interest::ReadableAndWritable),
            // A client that pauses is registered, so that the poll reports its loss.
            Demand::Receive | Demand::Resume | Demand::Discard | Demand::Pause => {
                self.interest.or(Some(Interest::Readable))
            }
            Demand::Close(_) => self.interest,
        }
    }

    /// Its name: `key` is its slot's.
    pub(super) fn id(&self, key: usize) -> ClientId {
        ClientId::new(key, self.generation)
    }

    /// Does what the connection demands next.
    pub(super) fn step<H: Handler>(
        &mut self,
        buffer: &mut [u8],
        context: &mut StepContext<'_, H>,
    ) -> Step {
        let before = context.steps.before(&self.connection);
        let step = match self.connection.demand() {
            // The usual end of a client's turn, right behind its answers.
            Demand::Receive if self.socket.unread() == Unread::Nothing => {
                let (received, unread) = (Received::Nothing, Unread::Nothing);
                context.tell(self, || ClientEvent::Received { received, unread });
                Break(Run::Waits)
            }
            Demand::Receive => {
                let common = &mut *context.common;
                let left = common.budget.left().max(RECEIVE_BYTES_MIN);
                let bytes_max = self.connection.receive_bytes_max(&common.limits);
                let buffer = &mut buffer[..bytes_max.min(RECEIVE_BYTES).min(left)];
                let received = self.socket.receive(buffer, &mut common.metrics);
                let unread = self.socket.unread();
                context.tell(self, || ClientEvent::Received { received, unread });
                self.on_received(received, buffer, context)
            }
            Demand::Discard => self.throw_away(buffer, context),
            Demand::Resume => self.resume(context),
            Demand::Send => self.send(context),
            Demand::SendFile => self.send_file(context),
            // Nothing is received, so whether the peer is still there is known from the poll alone.
            Demand::Pause if self.socket.is_lost() => self.lost(),
            Demand::Pause => Break(Run::Waits),
            Demand::Close(reason) => Break(Run::Ended(reason)),
        };
        context.tell_change(before, &step, self);
        step
    }

    /// The first half of a step that receives; `None` if the next step is another one.
    #[inline(always)]
    pub(super) fn receive(&mut self, buffer: &mut [u8], metrics: &mut Metrics) -> Option<Received> {
        match self.connection.demand() {
            Demand::Receive => Some(self.socket.receive(buffer, metrics)),
            Demand::Resume
            | Demand::Send
            | Demand::SendFile
            | Demand::Pause
            | Demand::Discard
            | Demand::Close(_) => None,
        }
    }

    /// The second half: the connection takes what lies at the start of `buffer`.
    #[inline(always)]
    pub(super) fn take<H: Handler>(
        &mut self,
        received: Received,
        buffer: &mut [u8],
        context: &mut StepContext<'_, H>,
    ) -> Step {
        let before = context.steps.before(&self.connection);
        let step = self.on_received(received, buffer, context);
        context.tell_change(before, &step, self);
        step
    }

    #[inline(always)]
    pub(super) fn on_received<H: Handler>(
        &mut self,
        received: Received,
        buffer: &mut [u8],
        context: &mut StepContext<'_, H>,
    ) -> Step {
        match received {
            Received::Bytes(bytes) => {
                self.connection.on_bytes(&mut buffer[..bytes], &mut context.of_connection());
            }
            Received::WouldBlock | Received::Nothing => return Break(Run::Waits),
            Received::End => self.connection.on_eof(&mut context.of_connection()),
            Received::Lost => _ = self.lost(),
        }
        // Counted when at least one request has been looked at, however small the budget is.
        context.common.budget.spend(work::RECEIVE + received.bytes());
        Continue(())
    }

    /// Offers the kernel no more than what is left of the client's budget: it may take all of it.
    fn send<H: Handler>(&mut self, context: &mut StepContext<'_, H>) -> Step {
        let common = &mut *context.common;
        let owed = self.connection.owed(&common.output, common.budget.left());
        let offered = owed[0].len() + owed[1].len();
        let taken = self.socket.send(owed, &mut common.metrics);
        self.on_taken(taken, offered, context, Connection::on_sent)
    }

    /// Sends what lies before a piece of a file, and in the next step that piece.
    #[cold]
    #[inline(never)]
    fn send_file<H: Handler>(&mut self, context: &mut StepContext<'_, H>) -> Step {
        if !self.socket.has_room() {
            return Break(Run::Waits);
        }
        let left = context.common.budget.left();
        let owed = &self.connection.owed(&context.common.output, left)[0];
        let offered = owed.len();
        if offered > 0 {
            let taken = self.socket.send_more(owed, &mut context.common.metrics);
            return self.on_taken(taken, offered, context, Connection::on_sent_before_file);
        }
        let Some(mut piece) = self.connection.file_piece(&mut context.of_connection()) else {
            return Continue(());
        };
        piece.bytes = piece.bytes.min(left);
        let offered = piece.bytes;
        let taken = self.socket.send_file(piece, &mut context.common.metrics);
        self.on_taken(taken, offered, context, Connection::on_file_sent)
    }

    /// The kernel was offered this many bytes: `on_sent` is told how many it has taken.
    #[inline(always)]
    fn on_taken<H>(
        &mut self,
        taken: Taken,
        offered: usize,
        context: &mut StepContext<'_, H>,
        on_sent: impl FnOnce(&mut Connection, usize, Unread, &mut Context<'_, H>),
    ) -> Step {
        context.tell_sent(self, taken, offered);
        let bytes = match taken {
            Taken::Bytes(bytes) => bytes,
            Taken::WouldBlock | Taken::Nothing => return Break(Run::Waits),
            Taken::Lost => return self.lost(),
        };
        context.common.budget.spend(work::SEND + bytes);
        on_sent(&mut self.connection, bytes, self.socket.unread(), &mut context.of_connection());
        if self.connection.state() == StateName::Lingering {
            return self.begin_to_linger();
        }
        Continue(())
    }

    pub(super) fn lost(&mut self) -> Step {
        self.connection.on_close(CloseReason::Reset);
        Continue(())
    }
}

/// What a client takes a step with: what its connection is given, and what tells of the step.
pub(super) struct StepContext<'t, H> {
    pub(super) now: Time,
    pub(super) handler: &'t mut H,
    pub(super) common: &'t mut Common,
    pub(super) steps: &'t mut Steps,
    /// The client's key.
    pub(super) key: usize,
}

impl<H> StepContext<'_, H> {
    #[inline(always)]
    pub(super) fn of_connection(&mut self) -> Context<'_, H> {
        Context { now: self.now, handler: self.handler, common: self.common }
    }
}

impl<S> Timed for Client<S> {
    fn link(&self) -> &Link {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link {
        &mut self.link
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_takes_at_most_104_bytes() {
        // A production stream is one file descriptor.
        let slot = size_of::<Client<std::os::fd::OwnedFd>>();
        assert!(slot <= 104, "a client takes {slot} bytes, and the slab's tag has room in them");
    }
}
