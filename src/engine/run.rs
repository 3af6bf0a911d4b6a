//! Drives clients: in batches, and within budgets.

use std::ops::ControlFlow::{Break, Continue};

use super::batch::{Receipt, Unfinished};
use super::client::{Client, Run, Step, StepContext};
use super::clients::Clients;
use super::event::ClientEvent;
use crate::answer::handler::Handler;
use crate::config::REQUESTS_BYTES;
use crate::connection::Demand;
use crate::connection::state::StateName;
use crate::engine::socket::Received;
use crate::engine::stream::Stream;
use crate::metrics::CloseReason;
use crate::time::Time;
use crate::work::{BATCH_CLIENTS_MAX, Budget};

/// What is received from one client of a batch at most, in bytes. A client that sends more goes on
/// with the other buffer, once the batch has been answered.
const BATCH_SHARE_BYTES: usize = REQUESTS_BYTES;

/// Once a batch has this many bytes of answers, they are sent: they are still in the processor's
/// cache.
const BATCH_ANSWERS_BYTES: usize = 64 * 1024;

/// How many steps a client takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepsAllowed {
    /// As many as it can, and its budget allows.
    All,
    /// One; and if the connection has ended by it, what that takes.
    One,
}

impl<S: Stream> Clients<S> {
    /// Lets the clients on the run queue run once, each within its share of the turn's budget.
    /// A client that could do more stands at the queue's end afterwards; once the budget is used
    /// up, the clients that have not run yet are the first in the next turn.
    ///
    /// A batch of clients is received from first, then answered, and then sent to: so the kernel's
    /// code for receiving stays in the processor's cache for all of them, and so do ours for
    /// answering and the kernel's for sending.
    pub fn drive<H: Handler>(&mut self, now: Time, handler: &mut H) {
        let runnable = self.run_queue.len();
        self.common.budget.begin_stage(runnable, self.common.limits.turn_bytes_max);
        let driven = self
            .guard(handler, |clients, handler| clients.drive_in_batches(runnable, now, handler));
        self.checks.on_driven(driven);
    }

    /// Says how many of the clients `at_first` on the run queue it took off.
    fn drive_in_batches<H: Handler>(
        &mut self,
        at_first: usize,
        now: Time,
        handler: &mut H,
    ) -> usize {
        let mut runnable = at_first;
        while runnable > 0 && self.common.budget.has_stage_left() {
            runnable -= self.receive_batch(runnable.min(BATCH_CLIENTS_MAX));
            runnable += self.answer_batch(now, handler);
            self.finish_batch(now, handler);
        }
        at_first - runnable
    }

    /// Receives once from the first clients on the run queue, and says how many it took off.
    // Two kinds of handlers are driven, so it would not be inlined: 20 instructions per kept GET.
    #[inline(always)]
    fn receive_batch(&mut self, clients_max: usize) -> usize {
        let share_bytes = BATCH_SHARE_BYTES.min(self.common.budget.share());
        let mut start = 0;
        for taken in 0..clients_max {
            let Some(share) = self.batch.room(start, share_bytes) else { return taken };
            let id = self.run_queue.pop().expect("`clients_max` clients stand there");
            let key = id.slot();
            let client = self.slab.get_mut(key).filter(|client| client.generation == id.number());
            let Some(client) = client.filter(|client| client.queued) else { continue };
            client.queued = false;
            let received = client.receive(share, &mut self.common.metrics);
            if let Some(received) = received {
                let unread = client.socket.unread();
                self.tell(key, |_, _| ClientEvent::Received { received, unread });
            }
            self.batch.receipts.push(Receipt { key, received, start });
            start += received.map_or(0, Received::bytes);
        }
        clients_max
    }

    /// Has those who were received from take what came, in their order, and others go on. If an
    /// answer was so dear that nothing is left for the rest of the batch, these are put off: says how
    /// many they are.
    fn answer_batch<H: Handler>(&mut self, now: Time, handler: &mut H) -> usize {
        for at in 0..self.batch.receipts.len() {
            if !self.common.budget.has_batch_left() {
                return self.put_off_rest();
            }
            let Receipt { key, received, start } = self.batch.receipts[at];
            (self.common.driven, self.batch.answered) = (key, at + 1);
            let Some(received) = received else {
                match self.slab[key].connection.state() == StateName::Lingering {
                    true => self.queue_lingering(key),
                    false => _ = self.drive_client(key, now, handler),
                }
                continue;
            };
            let client = &mut self.slab[key];
            self.common.surroundings.connection = client.generation;
            let came = &mut self.batch.buffer[start..];
            self.common.budget.begin_client(self.common.budget.share());
            let (common, steps) = (&mut self.common, &mut self.steps);
            let mut context = StepContext { now, handler, common, steps, key };
            let step = client.take(received, came, &mut context);
            match client.outcome(step, &self.common.budget) {
                Some(run) => self.settle(key, run),
                None => {
                    let (budget, answers) =
                        (self.common.budget.left(), self.common.output.suspend());
                    self.batch.unfinished.push(Unfinished { key, budget, answers });
                }
            }
            if self.common.output.bytes_stacked() >= BATCH_ANSWERS_BYTES {
                self.finish_batch(now, handler);
            }
        }
        self.batch.receipts.clear();
        self.batch.answered = 0;
        0
    }

    /// Makes the unfinished clients go on until they can do nothing more, the last one first: its
    /// answers are on top. If nothing is left for the batch, answers are sent all the same, and
    /// nothing more is done.
    fn finish_batch<H: Handler>(&mut self, now: Time, handler: &mut H) {
        while let Some(Unfinished { key, budget, answers }) = self.batch.unfinished.pop() {
            self.common.output.resume(answers);
            match self.common.budget.has_batch_left() || self.is_soon_done(key) {
                true => _ = self.take_steps(key, budget, StepsAllowed::All, now, handler),
                false => self.settle(key, Run::Spent),
            }
        }
    }

    /// Whether nothing has to be done for this client but to send, or to close its connection.
    #[cold]
    fn is_soon_done(&self, key: usize) -> bool {
        matches!(self.slab[key].connection.demand(), Demand::Send | Demand::Close(_))
    }

    /// Has one client take its steps, apart from any batch, and says why it has stopped.
    pub(super) fn drive_client<H: Handler>(
        &mut self,
        key: usize,
        now: Time,
        handler: &mut H,
    ) -> Run {
        self.take_steps(key, self.common.budget.share(), StepsAllowed::All, now, handler)
    }

    /// Drives a client as long as it can run and this much budget lasts.
    pub(super) fn take_steps<H: Handler>(
        &mut self,
        key: usize,
        budget: usize,
        allowed: StepsAllowed,
        now: Time,
        handler: &mut H,
    ) -> Run {
        let client = &mut self.slab[key];
        let (common, steps) = (&mut self.common, &mut self.steps);
        (common.driven, common.surroundings.connection) = (key, client.generation);
        common.budget.begin_client(budget);
        let mut context = StepContext { now, handler, common, steps, key };
        let run = loop {
            let step = client.step(&mut self.receive_buffer, &mut context);
            if let Some(run) = client.outcome(step, &context.common.budget) {
                break run;
            }
            if allowed == StepsAllowed::One && client.connection.state() != StateName::Closed {
                break Run::Stepped;
            }
        };
        self.settle(key, run);
        run
    }

    /// A client's turn is over: what it leaves behind is put away, and what it waits for noted.
    pub(super) fn settle(&mut self, key: usize, run: Run) {
        if let Run::Ended(_) = run {
            self.common.output.clear();
        } else {
            self.slab[key].connection.park(&mut self.common.output);
            self.tell_turn(key);
        }
        match run {
            Run::Ended(reason) => {
                if reason == CloseReason::Reset {
                    // The system has failed on it, perhaps in the middle of an answer.
                    self.slab[key].reset_on_drop();
                }
                self.end(key, reason);
            }
            Run::Waits if self.is_to_leave(key) => self.leave(key),
            Run::Waits => {
                self.await_peer(key);
                self.tell(key, Clients::waits);
            }
            Run::Spent => {
                self.tell(key, |_, _| ClientEvent::Yields);
                self.await_peer(key);
                self.enqueue(key);
            }
            Run::Lingers => {
                self.await_peer(key);
                self.queue_lingering(key);
            }
            Run::Stepped => {
                // It goes on with its next step, whatever the poll says: so that is asked nothing.
                self.tell(key, |_, _| ClientEvent::Held);
                self.renew_deadline(key);
                self.enqueue(key);
            }
        }
    }

    /// A client waits: renews its deadline, and notes whether the poll knows what for.
    #[inline(always)]
    pub(super) fn await_peer(&mut self, key: usize) {
        let client = &self.slab[key];
        let deadline = client.connection.deadline(&self.common.timeouts);
        if client.wanted_interest() != client.interest {
            self.registrations.push(key);
        }
        self.set_deadline(key, deadline);
    }

    /// A client waits for as long as its state allows.
    #[inline]
    pub(super) fn renew_deadline(&mut self, key: usize) {
        let deadline = self.slab[key].connection.deadline(&self.common.timeouts);
        self.set_deadline(key, deadline);
    }
}

impl<S: Stream> Client<S> {
    /// Whether, and why, a client stops running after this step.
    fn outcome(&self, step: Step, budget: &Budget) -> Option<Run> {
        match step {
            Break(run) => Some(run),
            // A client that has ended by this very step must still be taken out.
            Continue(()) => (budget.is_used_up() && self.connection.state() != StateName::Closed)
                .then_some(Run::Spent),
        }
    }
}
