//! The stage of a turn in which the clients that linger are received from: what they still send
//! behind their last answer is thrown away.
//!
//! Such a client may have megabytes on the way, and hundreds of them can linger at a time. All of that
//! work serves no request. So these clients have a queue of their own and, all of them together, a part
//! of what the others may do in a turn: other clients then wait no longer, however many linger.
//! A client that is not reached keeps its place in the queue.
//!
//! How one client begins to linger, and what becomes of what it sends then, is at the end.

use std::ops::ControlFlow::{Break, Continue};

use super::client::{Client, RECEIVE_BYTES_MIN, Run, Step, StepContext};
use super::clients::Clients;
use super::event::ClientEvent;
use super::socket::Received;
use super::stream::Stream;
use crate::answer::handler::Handler;
use crate::config::RECEIVE_BYTES;
use crate::connection::Unread;
use crate::system_calls::{self, Call};
use crate::time::Time;
use crate::work;

/// All clients that linger may do this part of what the others may do in a stage: as much as one of
/// these. By the usual limits this takes a quarter of a millisecond.
const STAGE_DIVISOR: usize = 4;

impl<S: Stream> Clients<S> {
    /// Lets clients that linger run once, each within its share: those that have waited longest, until
    /// the budget of all of them is used up.
    pub fn linger<H: Handler>(&mut self, now: Time, handler: &mut H) {
        if !self.linger_queue.is_empty() {
            self.guard(handler, |clients, handler| clients.linger_some(now, handler));
        }
    }

    // Apart from the turns in which no client lingers.
    #[cold]
    fn linger_some<H: Handler>(&mut self, now: Time, handler: &mut H) {
        let queued = self.linger_queue.len();
        let client_max = self.common.limits.turn_bytes_max / STAGE_DIVISOR;
        self.common.budget.begin_stage(queued, client_max);
        for _ in 0..queued {
            if !self.common.budget.has_stage_left() {
                break;
            }
            let Some(id) = self.linger_queue.pop() else { break };
            self.checks.on_lingered();
            if self.is_queued(id) {
                self.slab[id.slot()].queued = false;
                self.drive_client(id.slot(), now, handler);
            }
        }
    }

    /// A client that lingers stands on the run queue, because the poll has reported it, or has just
    /// begun to linger: it goes on in the stage of those that linger.
    #[cold]
    pub(super) fn queue_lingering(&mut self, key: usize) {
        self.enqueue(key);
        self.checks.on_queued_lingering(self.linger_queue.len());
    }
}

impl<S: Stream> Client<S> {
    /// The last answer is out: tells the peer so.
    #[cold]
    pub(super) fn begin_to_linger(&mut self) -> Step {
        if let Err(reason) = self.socket.stream().shutdown_write() {
            system_calls::note(Call::Shutdown, &reason);
            return self.lost();
        }
        match self.socket.unread() {
            Unread::Perhaps => Break(Run::Lingers),
            // Nothing has to be thrown away, so it waits.
            Unread::Nothing => Continue(()),
        }
    }

    /// Receives from a client that lingers, and throws that away.
    #[cold]
    #[inline(never)]
    pub(super) fn throw_away<H: Handler>(
        &mut self,
        buffer: &mut [u8],
        context: &mut StepContext<'_, H>,
    ) -> Step {
        let common = &mut *context.common;
        let left = common.budget.left().max(RECEIVE_BYTES_MIN);
        let buffer = &mut buffer[..RECEIVE_BYTES.min(left)];
        let received = self.socket.receive(buffer, &mut common.metrics);
        let unread = self.socket.unread();
        context.tell(self, || ClientEvent::Received { received, unread });
        let Received::Bytes(bytes) = received else {
            return self.on_received(received, buffer, context);
        };
        self.connection.on_discarded(bytes, context.common);
        context.common.budget.spend(work::RECEIVE + bytes);
        Continue(())
    }
}
