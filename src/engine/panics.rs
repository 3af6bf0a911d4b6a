//! What becomes of the clients when the program's own code panics in the middle of a batch: its
//! handler, or the source of an answer.
//!
//! The panic goes on to the caller of the loop. A program that catches it may call the loop again.
//! So before the panic leaves, the batch is taken apart: the client that was being answered is
//! reset, unsent answers of other clients are parked, and what was received from others is put
//! off to their next turn.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::batch::Unfinished;
use super::client::Run;
use super::clients::Clients;
use crate::answer::handler::Handler;
use crate::connection::NOBODY;
use crate::engine::stream::Stream;
use crate::metrics::CloseReason;

impl<S: Stream> Clients<S> {
    /// Does `work`, which may run the handler. Everything that does so goes through here.
    pub(super) fn guard<H: Handler, T>(
        &mut self,
        handler: &mut H,
        work: impl FnOnce(&mut Self, &mut H) -> T,
    ) -> T {
        self.common.driven = NOBODY;
        match catch_unwind(AssertUnwindSafe(|| work(self, handler))) {
            Ok(done) => done,
            Err(panic) => {
                self.end_batch();
                resume_unwind(panic)
            }
        }
    }

    /// No client can be in the middle of a batch after this. All events of this turn have been
    /// noted.
    #[cold]
    fn end_batch(&mut self) {
        // What the client that was driven has been answered lies on top.
        self.common.output.clear();
        self.tell_driven();
        self.steps.tell_whole(&mut self.common);
        while let Some(Unfinished { key, answers, .. }) = self.batch.unfinished.pop() {
            self.common.output.resume(answers);
            self.settle(key, Run::Spent);
        }
        self.put_off_rest();
        self.end_driven();
    }

    /// The notes of this step are those of the client that was driven. They are told before the steps
    /// of others, for which they would be taken.
    fn tell_driven(&mut self) {
        let key = self.common.driven;
        if let Some(client) = self.slab.get(key).filter(|_| !self.ended.contains(&key)) {
            self.steps.tell_turn(client.id(key), &client.connection, &mut self.common);
        }
    }

    /// Resets the client whose answer it was: part of that may have been sent.
    fn end_driven(&mut self) {
        let key = std::mem::replace(&mut self.common.driven, NOBODY);
        let Some(client) = self.slab.get(key).filter(|_| !self.ended.contains(&key)) else {
            return;
        };
        client.reset_on_drop();
        self.close(key, CloseReason::HandlerPanicked);
        self.free();
    }
}
