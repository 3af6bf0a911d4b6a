//! One client in the slab: a socket, a connection, and the steps that join them.
//!
//! A step is one system call and its consequence. Which call comes next is the connection's
//! demand; when to stop is decided in [`Clients`](crate::engine::Clients).

use std::io;
use std::net::SocketAddr;

use super::event::ClientEvent;
use super::id::ClientId;
use super::steps::{Before, Steps};
use crate::answer::handler::Handler;
use crate::config::RECEIVE_BYTES;
use crate::connection::state::Name;
use crate::connection::{Common, Connection, Context, Deadline, Demand};
use crate::engine::socket::{Interest, Readiness, Received, Socket, Stream, Taken};
use crate::engine::timers::{Link, Timed};
use crate::http::peer::Peer;
use crate::metrics::{CloseReason, Metrics};
use crate::system_calls::{self, Call};
use crate::time::Time;
use crate::work;

/// A receive gets room for at least this many bytes, however little is left of its client's budget,
/// which is never less to begin with.
const RECEIVE_BYTES_MIN: usize = 1024;

/// Everything that an idle client costs: held to 112 bytes by a test.
#[derive(Debug)]
pub(crate) struct Client<S> {
    pub(crate) socket: Socket<S>,
    pub(crate) connection: Connection,
    link: Link,
    /// Counts connections: tells this client from earlier ones with the same slab key, and names
    /// it in the log.
    pub(crate) generation: u32,
    pub(crate) queued: bool,
    /// The server is stopping, and checks it once more before it is closed as idle, or has done so.
    pub(crate) checked: bool,
    /// What the poll has been asked to report.
    pub(crate) interest: Interest,
}

/// What a step came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Something was done, and there may be more to do.
    Moved,
    /// Nothing can be done until the poll reports something, or a time has come.
    AwaitsPeer,
    /// The connection has ended.
    Ended(CloseReason),
}

impl<S: Stream> Client<S> {
    /// The `generation`th client, who came from `peer` at `now`.
    pub(crate) fn new(stream: S, peer: SocketAddr, generation: u32, now: Time) -> Client<S> {
        Client {
            socket: Socket::new(stream),
            connection: Connection::new(Peer::from(peer), now),
            link: Link::new(),
            generation,
            queued: false,
            checked: false,
            interest: Interest::Nothing,
        }
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.connection.address()
    }

    /// What the poll has to report for this client to wait for it. Never less than it has been
    /// asked for: with edges, an interest that finds nothing to report costs nothing.
    pub(crate) fn wanted_interest(&self) -> Interest {
        match self.connection.demand() {
            Demand::Send | Demand::SendFile => Interest::ReadableAndWritable,
            // A client that pauses is registered, so that the poll reports its loss.
            Demand::Receive | Demand::Resume | Demand::Drain | Demand::Pause => {
                self.interest.max(Interest::Readable)
            }
            Demand::Close(_) => self.interest,
        }
    }

    /// Its name: `key` is its slot's.
    pub(crate) fn id(&self, key: usize) -> ClientId {
        ClientId::new(key, self.generation)
    }

    /// Does what the connection demands next.
    pub(crate) fn step<H: Handler>(
        &mut self,
        buffer: &mut [u8],
        context: &mut StepContext<'_, H>,
    ) -> Step {
        let before = context.steps.before(&self.connection);
        let step = match self.connection.demand() {
            Demand::Receive | Demand::Drain => {
                let common = &mut context.turn.common;
                let left = common.budget.left().max(RECEIVE_BYTES_MIN);
                let bytes_max = self.connection.receive_bytes_max(&common.limits);
                let buffer = &mut buffer[..bytes_max.min(RECEIVE_BYTES).min(left)];
                let received = self.socket.receive(buffer, &mut common.metrics);
                let unread = self.socket.unread();
                context.tell(self, || ClientEvent::Received { received, unread });
                self.on_received(received, buffer, &mut context.turn)
            }
            Demand::Resume => self.resume(context),
            Demand::Send => self.send(context),
            Demand::SendFile => self.send_file(context),
            Demand::Pause => self.pause(),
            Demand::Close(reason) => Step::Ended(reason),
        };
        context.tell_change(before, &step, self);
        step
    }

    /// The first half of a step that receives; `None` if the next step is another one.
    pub(crate) fn receive(&mut self, buffer: &mut [u8], metrics: &mut Metrics) -> Option<Received> {
        match self.connection.demand() {
            Demand::Receive | Demand::Drain => Some(self.socket.receive(buffer, metrics)),
            Demand::Resume | Demand::Send | Demand::SendFile | Demand::Pause | Demand::Close(_) => {
                None
            }
        }
    }

    /// The second half: the connection takes what lies at the start of `buffer`, to read it or to
    /// throw it away.
    pub(crate) fn take<H: Handler>(
        &mut self,
        received: Received,
        buffer: &mut [u8],
        context: &mut StepContext<'_, H>,
    ) -> Step {
        let before = context.steps.before(&self.connection);
        let step = self.on_received(received, buffer, &mut context.turn);
        context.tell_change(before, &step, self);
        step
    }

    #[inline]
    fn on_received<H: Handler>(
        &mut self,
        received: Received,
        buffer: &mut [u8],
        context: &mut Context<'_, H>,
    ) -> Step {
        let step = match received {
            Received::Bytes(bytes) if self.connection.state() == Name::Lingering => {
                self.connection.on_drained(bytes, context.common);
                Step::Moved
            }
            Received::Bytes(bytes) => {
                self.connection.on_bytes(&mut buffer[..bytes], context);
                Step::Moved
            }
            Received::WouldBlock | Received::Nothing => return Step::AwaitsPeer,
            Received::End => {
                self.connection.on_eof(context);
                Step::Moved
            }
            Received::Lost => self.lost(),
        };
        // Counted when at least one request has been looked at, however small the budget is.
        context.common.budget.spend(work::RECEIVE + received.bytes());
        step
    }

    /// Keeps what came for the client's next turn, in which it is looked at.
    #[cold]
    pub(crate) fn put_off(&mut self, received: Received, came: &[u8], common: &mut Common) {
        match received {
            Received::Bytes(_) => self.connection.put_off(came, common),
            Received::Lost => _ = self.lost(),
            Received::End => self.connection.put_off_end(),
            Received::WouldBlock | Received::Nothing => {}
        }
        common.budget.spend(work::RECEIVE + received.bytes());
    }

    /// Goes on with input that was received in an earlier turn.
    #[cold]
    fn resume<H: Handler>(&mut self, context: &mut StepContext<'_, H>) -> Step {
        let kept = self.connection.kept_bytes();
        context.tell(self, || ClientEvent::Resumed { kept });
        self.connection.on_resume(&mut context.turn);
        Step::Moved
    }

    /// Offers the kernel no more than what is left of the client's budget: it may take all of it.
    fn send<H: Handler>(&mut self, context: &mut StepContext<'_, H>) -> Step {
        let common = &mut context.turn.common;
        let owed = self.connection.owed(&common.output, common.budget.left());
        let offered = owed[0].len() + owed[1].len();
        let taken = self.socket.send(owed, &mut common.metrics);
        context.tell(self, || ClientEvent::Sent { taken, offered });
        match self.sent(taken, &mut context.turn) {
            Ok(bytes) => {
                self.connection.on_sent(bytes, self.socket.unread(), &mut context.turn);
                self.after_sending()
            }
            Err(step) => step,
        }
    }

    /// Sends what lies before a piece of a file, and in the next step that piece.
    #[cold]
    #[inline(never)]
    fn send_file<H: Handler>(&mut self, context: &mut StepContext<'_, H>) -> Step {
        if !self.socket.has_room() {
            return Step::AwaitsPeer;
        }
        let left = context.turn.common.budget.left();
        let owed = self.connection.owed(&context.turn.common.output, left);
        let offered = owed[0].len();
        if offered > 0 {
            let taken = self.socket.send_more(&owed[0], &mut context.turn.common.metrics);
            context.tell(self, || ClientEvent::Sent { taken, offered });
            let bytes = match self.sent(taken, &mut context.turn) {
                Ok(bytes) => bytes,
                Err(step) => return step,
            };
            let unread = self.socket.unread();
            self.connection.on_sent_before_file(bytes, unread, &mut context.turn);
        } else if let Some(mut piece) = self.connection.file_piece(&mut context.turn) {
            piece.bytes = piece.bytes.min(left);
            let offered = piece.bytes;
            let taken = self.socket.send_file(piece, &mut context.turn.common.metrics);
            context.tell(self, || ClientEvent::Sent { taken, offered });
            let bytes = match self.sent(taken, &mut context.turn) {
                Ok(bytes) => bytes,
                Err(step) => return step,
            };
            self.connection.on_file_sent(bytes, self.socket.unread(), &mut context.turn);
        } else {
            return Step::Moved;
        }
        self.after_sending()
    }

    /// The bytes that the kernel has taken, which cost budget; or what the step came to without any.
    #[inline]
    fn sent<H>(&mut self, taken: Taken, context: &mut Context<'_, H>) -> Result<usize, Step> {
        match taken {
            Taken::Bytes(bytes) => {
                context.common.budget.spend(work::SEND + bytes);
                Ok(bytes)
            }
            Taken::WouldBlock | Taken::Nothing => Err(Step::AwaitsPeer),
            Taken::Lost => Err(self.lost()),
        }
    }

    /// What a step came to that has sent.
    #[inline]
    fn after_sending(&mut self) -> Step {
        match self.connection.state() {
            Name::Lingering if self.shutdown_write().is_err() => self.lost(),
            Name::Fresh
            | Name::Idle
            | Name::ReadingHead
            | Name::ReadingBody
            | Name::Writing
            | Name::Pausing
            | Name::Lingering
            | Name::Closed => Step::Moved,
        }
    }

    fn shutdown_write(&self) -> io::Result<()> {
        let shutdown = self.socket.stream().shutdown_write();
        shutdown.inspect_err(|reason| system_calls::note(Call::Shutdown, reason))
    }

    /// The time for what it waits for has run out, or that of its source has come.
    pub(crate) fn expire<H: Handler>(&mut self, context: &mut StepContext<'_, H>) {
        let before = context.steps.before(&self.connection);
        match self.connection.deadline(&context.turn.common.timeouts) {
            Some(Deadline::Timeout(class, _)) => {
                let timeout = context.turn.common.timeouts.of(class);
                context.tell(self, || ClientEvent::TimedOut { class, timeout });
            }
            Some(Deadline::At(_)) => context.tell(self, || ClientEvent::Due),
            None => {}
        }
        self.connection.on_deadline(&mut context.turn);
        context.tell_change(before, &Step::Moved, self);
    }

    /// Nothing is received, so whether the peer is still there is known from the poll alone.
    #[cold]
    fn pause(&mut self) -> Step {
        match self.socket.is_lost() {
            true => self.lost(),
            false => Step::AwaitsPeer,
        }
    }

    fn lost(&mut self) -> Step {
        self.connection.on_close(CloseReason::Reset);
        Step::Moved
    }
}

/// The readiness to assume of a client in this state when it is checked although the poll has
/// reported nothing.
pub(super) fn readiness_to_check(state: Name) -> Option<Readiness> {
    match state {
        Name::Fresh | Name::Idle | Name::ReadingHead | Name::ReadingBody | Name::Lingering => {
            Some(Readiness { readable: true, ..Readiness::default() })
        }
        // The poll reports room only once a third of the send buffer is free, which can be far more
        // than the progress that is asked for. A send finds out.
        Name::Writing => Some(Readiness { writable: true, ..Readiness::default() }),
        // It waits for its source: nothing is asked of the client.
        Name::Pausing | Name::Closed => None,
    }
}

/// What a client takes a step with: what its connection is given, and what tells of the step.
pub(crate) struct StepContext<'t, H> {
    pub(crate) turn: Context<'t, H>,
    pub(super) steps: &'t mut Steps,
    /// The client's key.
    pub(super) key: usize,
}

impl<H> StepContext<'_, H> {
    #[inline]
    fn tell<S: Stream>(&mut self, client: &Client<S>, step: impl FnOnce() -> ClientEvent) {
        if self.steps.are_told() {
            self.steps.tell(client.id(self.key), step());
        }
    }

    /// Tells what a step has changed that did anything.
    #[inline]
    fn tell_change<S: Stream>(&mut self, before: Option<Before>, step: &Step, client: &Client<S>) {
        if let (Some(before), Step::Moved) = (before, step) {
            let id = client.id(self.key);
            self.steps.tell_change(before, id, &client.connection, &self.turn.common.output);
        }
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
    fn a_slot_takes_at_most_112_bytes() {
        // A production stream is one file descriptor.
        let slot = size_of::<Client<std::os::fd::OwnedFd>>();
        assert!(slot <= 112, "a client takes {slot} bytes, and the slab's tag has room in them");
    }
}
