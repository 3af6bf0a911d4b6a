//! What becomes of the clients when the program's own code panics in the middle of a batch: its
//! handler, or the source of an answer.
//!
//! The panic goes on to the caller of the loop. A program that catches it may call the loop again.
//! So before the panic leaves, the batch is taken apart: the client that was being answered is
//! reset, unsent answers of other clients are parked, and what was received from others is put
//! back, to be taken before anything else.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::client::StepContext;
use super::clients::Clients;
use super::id::ClientId;
use super::run::{Arrival, Run, Underway};
use crate::answer::handler::Handler;
use crate::connection::{Context, Demand};
use crate::engine::socket::{Received, Stream};
use crate::metrics::CloseReason;
use crate::time::Time;

/// No client is driven: slab keys stay far below this.
pub(super) const NOBODY: usize = usize::MAX;

/// What came of receiving from a client that was not answered before a panic ended its batch.
#[derive(Debug)]
pub(super) struct PutBack {
    id: ClientId,
    received: Received,
    bytes: Vec<u8>,
}

impl<S: Stream> Clients<S> {
    /// Does `work`, which may run the handler. Everything that does so goes through here.
    pub(super) fn guard<H: Handler, T>(
        &mut self,
        now: Time,
        handler: &mut H,
        work: impl FnOnce(&mut Self, &mut H) -> T,
    ) -> T {
        self.common.driven = NOBODY;
        let guarded = AssertUnwindSafe(|| {
            if !self.put_back.is_empty() {
                self.take_put_back(now, handler);
            }
            work(self, handler)
        });
        match catch_unwind(guarded) {
            Ok(done) => done,
            Err(panic) => {
                self.end_batch();
                resume_unwind(panic)
            }
        }
    }

    /// Answers those of whom something was put back.
    #[cold]
    fn take_put_back<H: Handler>(&mut self, now: Time, handler: &mut H) {
        while let Some(PutBack { id, received, mut bytes }) = self.put_back.pop_front() {
            let key = id.slot();
            let client = self.slab.get_mut(key);
            let client = client.filter(|client| client.generation == id.number() && client.queued);
            let Some(client) = client else { continue };
            client.queued = false;
            self.common.driven = key;
            self.common.budget.begin_client(self.common.budget.share());
            let turn = Context { now, handler: &mut *handler, common: &mut self.common };
            let mut context = StepContext { turn, steps: &mut self.steps, key };
            let step = client.take(received, &mut bytes, &mut context);
            match client.outcome(step, &self.common.budget) {
                Some(run) => self.settle(key, run),
                None => _ = self.carry_on(key, self.common.budget.left(), now, handler),
            }
        }
    }

    /// No client can be in the middle of a batch after this. All events of this turn have been
    /// noted.
    #[cold]
    fn end_batch(&mut self) {
        // What the client that was driven has been answered lies on top.
        self.common.output.clear();
        while let Some(Underway { key, answers, .. }) = self.underway.pop() {
            self.common.output.take_up(answers);
            self.settle(key, Run::Spent);
        }
        let arrivals = std::mem::take(&mut self.arrivals);
        for Arrival { key, received, start } in arrivals.into_iter().skip(self.answered) {
            let bytes = self.batch_buffer[start..start + received.bytes()].to_vec();
            let id = ClientId::new(key, self.slab[key].generation);
            self.put_back.push_back(PutBack { id, received, bytes });
            // So it is not taken for idle. What was put back is what it has to run for.
            self.slab[key].queued = true;
        }
        self.end_driven();
    }

    /// Resets the client whose answer it was: part of that may have been sent.
    fn end_driven(&mut self) {
        let key = std::mem::replace(&mut self.common.driven, NOBODY);
        let Some(client) = self.slab.get_mut(key).filter(|_| !self.ended.contains(&key)) else {
            return;
        };
        self.steps.on_closed(client.connection.state());
        client.connection.on_close(CloseReason::HandlerPanicked);
        // If it fails the connection is gone already.
        let _ = client.socket.stream().reset_on_drop();
        if let Demand::Close(reason) = client.connection.demand() {
            self.end(key, reason);
        }
        self.free();
    }
}
