//! How a server that stops ends the clients that are idle.
//!
//! A request may be on its way. So such a client is received from once more. If nothing has come, the
//! very next call ends the server's side of the connection: all that arrives before the client is told the
//! end is answered. What arrives later cannot be. The server then lingers, so that this is not
//! answered by a reset: the client reads the end, and knows that its request was not looked at.
//!
//! These clients have a queue of their own. On the run queue a whole batch would be answered between the
//! receive and the end.

use super::client::Run;
use super::clients::Clients;
use super::readiness::Readiness;
use super::stream::Stream;
use crate::answer::handler::Handler;
use crate::connection::Phase;
use crate::connection::state::StateName;
use crate::metrics::CloseReason;
use crate::time::Time;
use crate::work;

/// How many idle clients are ended in one turn. Ending one takes the kernel 20 µs, and meanwhile the
/// others wait for what they are still owed.
const ENDS_PER_TURN_MAX: usize = 256;

/// How many slots are looked at for that in one turn: most of them may be free.
const SLOTS_PER_TURN_MAX: usize = 16 * 1024;

impl<S: Stream> Clients<S> {
    /// The server is stopping: an answer behind whose request nothing has come is its connection's
    /// last from now on.
    pub(super) fn answer_last(&mut self) {
        self.common.phase = self.common.phase.max(Phase::Announcing);
    }

    /// The same; and sources that wait are woken, so that they can end their bodies.
    pub(super) fn wake_to_stop(&mut self) {
        if self.common.phase == Phase::Stopping {
            return;
        }
        self.common.phase = Phase::Stopping;
        let clients = self.slab.iter_mut();
        let woken = clients.filter_map(|(key, it)| it.connection.wake_to_stop().then_some(key));
        for key in woken.collect::<Vec<usize>>() {
            let deadline = self.slab[key].connection.deadline(&self.common.timeouts);
            self.set_deadline(key, deadline);
        }
    }

    /// The same; and idle clients are ended in the next turns, a bounded number in each, unless their
    /// next request has come.
    pub fn drain(&mut self) {
        self.wake_to_stop();
        let last = self.slab.iter().next_back().map(|(key, _)| key);
        self.leaving.begin(0..last.map_or(0, |last| last + 1));
    }

    /// Whether this client has to leave because the server is stopping.
    #[inline(always)]
    pub(super) fn is_to_leave(&self, key: usize) -> bool {
        self.leaving.has_begun() && self.slab[key].connection.state().is_idle()
    }

    /// An idle client waits. If it was just looked at, and nothing has come, it is ended; else it is
    /// looked at in the next turn.
    #[cold]
    pub(super) fn leave(&mut self, key: usize) {
        match self.leaving.take_look(key, self.common.metrics.received_bytes) {
            Some(now) => self.end_our_side(key, now),
            None => {
                self.await_peer(key);
                self.leaving.push(key, &mut self.slab[key]);
            }
        }
    }

    /// The last call has shown that nothing has come from this client.
    fn end_our_side(&mut self, key: usize, now: Time) {
        let client = &mut self.slab[key];
        let before = self.steps.before(&client.connection);
        client.connection.on_drained(now);
        // Nothing has to be thrown away yet.
        let _ = client.begin_to_linger();
        self.common.budget.spend(work::CLOSE);
        let id = client.id(key);
        self.steps.tell_change(before, id, &client.connection, &mut self.common);
        let run = match client.connection.state() == StateName::Lingering {
            true => Run::Waits,
            // It turned out to be lost.
            false => Run::Ended(CloseReason::Drained),
        };
        self.settle(key, run);
    }

    /// Ends idle clients from which nothing has come, if the server is to.
    #[inline]
    pub fn end_idle<H: Handler>(&mut self, now: Time, handler: &mut H) {
        if self.leaving.is_any_left() {
            self.guard(handler, |clients, handler| clients.end_some(now, handler));
        }
    }

    #[cold]
    fn end_some<H: Handler>(&mut self, now: Time, handler: &mut H) {
        self.common.budget.begin_stage(ENDS_PER_TURN_MAX, self.common.limits.turn_bytes_max);
        let mut slots_left = SLOTS_PER_TURN_MAX;
        // Those that become idle by this have their turn in the next.
        let mut queued = self.leaving.queued();
        for _ in 0..ENDS_PER_TURN_MAX {
            if !self.common.budget.has_stage_left() {
                break;
            }
            let Some(key) = self.next_leaving(&mut queued, &mut slots_left) else { break };
            // No event may have told of what has come. Receiving tells.
            self.slab[key].socket.note(Readiness::READABLE);
            self.leaving.look(key, self.common.metrics.received_bytes, now);
            self.drive_client(key, now, handler);
            self.leaving.forget_look();
        }
    }

    /// The next that is idle, and takes it off the queue.
    fn next_leaving(&mut self, queued: &mut usize, slots_left: &mut usize) -> Option<usize> {
        while *queued > 0 {
            *queued -= 1;
            let id = self.leaving.pop()?;
            if self.is_queued(id) {
                self.slab[id.slot()].queued = false;
                return Some(id.slot());
            }
        }
        while *slots_left > 0 {
            *slots_left -= 1;
            let key = self.leaving.next_slot()?;
            // One that stands on a queue is looked at when its turn has left it idle.
            if self.slab.get(key).is_some_and(|it| !it.queued) && self.is_to_leave(key) {
                return Some(key);
            }
        }
        None
    }
}
