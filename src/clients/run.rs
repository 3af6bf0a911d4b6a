//! Has clients take their steps: in batches, within budgets, and when a deadline has passed.

use super::crowd::Clients;
use crate::buffer::Output;
use crate::client::Step;
use crate::connection::Phase;
use crate::connection::state::Name;
use crate::handler::Handler;
use crate::metrics::CloseReason;
use crate::socket::{Readiness, Stream};
use crate::time::Time;

/// How many clients are received from before they are sent to. Their answers are waiting in the
/// processor's cache meanwhile.
const BATCH_CLIENTS_MAX: usize = 64;

/// A client that has stopped before sending, with what it is about to send.
#[derive(Debug)]
pub(super) struct Owing {
    key: usize,
    output: Output,
    budget: usize,
}

/// How far a client is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// Until it has answers to send.
    Owing,
    /// Until it can do nothing more.
    Waiting,
}

/// Why a client has stopped running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    /// It has answers to send.
    Owes,
    /// It waits for its peer.
    Waits,
    /// Its budget is used up.
    Spent,
    /// It has ended.
    Ended(CloseReason),
}

impl<S: Stream> Clients<S> {
    /// Lets everybody on the run queue run once, each within its budget. Whoever could do more
    /// stands at its end afterwards.
    ///
    /// A batch of clients is received from and answered first, and then sent to: the kernel's
    /// code for receiving stays in the processor's cache for all of them, and so does that for
    /// sending.
    pub fn drive<H: Handler>(&mut self, now: Time, handler: &mut H) {
        let mut runnable = self.run_queue.len();
        while runnable > 0 {
            let batch = runnable.min(BATCH_CLIENTS_MAX);
            let until = if batch == 1 { Until::Waiting } else { Until::Owing };
            for _ in 0..batch {
                self.drive_next(until, now, handler);
            }
            self.send_owed(now, handler);
            runnable -= batch;
        }
    }

    /// Drives the first client on the run queue.
    fn drive_next<H: Handler>(&mut self, until: Until, now: Time, handler: &mut H) {
        let Some(key) = self.run_queue.pop_front() else { return };
        let Some(client) = self.slab.get_mut(key).filter(|client| client.queued) else { return };
        client.queued = false;
        let mut budget = self.common.limits.turn_bytes_max;
        match self.run(key, until, &mut budget, now, handler) {
            Run::Owes => {
                let spare = self.spare_outputs.pop().unwrap_or_default();
                let output = std::mem::replace(&mut self.common.output, spare);
                self.owing.push(Owing { key, output, budget });
            }
            run @ (Run::Waits | Run::Spent | Run::Ended(_)) => self.settle(key, run),
        }
    }

    /// Drives on those who stopped before sending.
    fn send_owed<H: Handler>(&mut self, now: Time, handler: &mut H) {
        let mut owing = std::mem::take(&mut self.owing);
        for Owing { key, output, mut budget } in owing.drain(..) {
            self.spare_outputs.push(std::mem::replace(&mut self.common.output, output));
            let run = self.run(key, Until::Waiting, &mut budget, now, handler);
            self.settle(key, run);
        }
        self.owing = owing;
    }

    pub(super) fn drive_client<H: Handler>(&mut self, key: usize, now: Time, handler: &mut H) {
        let mut budget = self.common.limits.turn_bytes_max;
        let run = self.run(key, Until::Waiting, &mut budget, now, handler);
        self.settle(key, run);
    }

    /// Has a client take its steps, as long as it can and its budget lasts.
    fn run<H: Handler>(
        &mut self,
        key: usize,
        until: Until,
        budget: &mut usize,
        now: Time,
        handler: &mut H,
    ) -> Run {
        let client = &mut self.slab[key];
        let mut turn = self.common.turn(now, handler);
        loop {
            let bytes = match client.step(&mut self.receive_buffer, &mut turn) {
                Step::Moved(bytes) => bytes,
                Step::AwaitsPeer => return Run::Waits,
                Step::Ended(reason) => return Run::Ended(reason),
            };
            // Whoever has ended by this very step still has to be seen off.
            if bytes >= *budget && client.connection.state() != Name::Closed {
                return Run::Spent;
            }
            *budget = budget.saturating_sub(bytes);
            if until == Until::Owing && !turn.output.is_empty() {
                return Run::Owes;
            }
        }
    }

    /// A client's turn is over: what it leaves behind is put away, and what it waits for noted.
    fn settle(&mut self, key: usize, run: Run) {
        match run {
            Run::Ended(_) => self.common.output.clear(),
            Run::Waits | Run::Spent | Run::Owes => {
                self.slab[key].connection.park(&mut self.common.output);
            }
        }
        match run {
            Run::Ended(reason) => self.end(key, reason),
            Run::Waits if self.drained(key) => self.close(key, CloseReason::Drained),
            Run::Waits => self.await_peer(key),
            Run::Spent | Run::Owes => {
                self.await_peer(key);
                self.enqueue(key);
            }
        }
    }

    /// Whether this client is done with because the server is stopping.
    fn drained(&self, key: usize) -> bool {
        self.common.phase == Phase::Draining && self.slab[key].connection.state() == Name::Idle
    }

    /// A client waits: renews its deadline, and notes whether the poll knows what for.
    fn await_peer(&mut self, key: usize) {
        let client = &self.slab[key];
        if client.wanted_interest() > client.interest {
            self.unregistered.push(key);
        }
        let deadline = client.connection.deadline(&self.common.timeouts);
        self.timers.set(&mut self.slab, key, deadline);
    }

    /// Acts on deadlines that have passed, a bounded number of them.
    pub fn expire<H: Handler>(&mut self, now: Time, handler: &mut H) {
        for _ in 0..self.common.limits.deadlines_per_turn_max {
            let Some(key) = self.timers.expired(&self.slab, now) else { break };
            if self.slab[key].connection.state() == Name::Writing {
                // The poll reports room only once a third of the send buffer is free, which can
                // be far more than the progress that is asked for. A send finds out.
                self.slab[key].socket.note(Readiness { writable: true, ..Readiness::default() });
                self.drive_client(key, now, handler);
                if self.timers.expired(&self.slab, now) != Some(key) {
                    continue;
                }
            }
            self.slab[key].connection.on_deadline(&mut self.common.turn(now, handler));
            self.timers.set(&mut self.slab, key, None);
            self.drive_client(key, now, handler);
        }
    }
}
