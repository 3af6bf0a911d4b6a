//! What becomes of a batch that is not answered to its end: an answer was dear, or has panicked.

use std::ops::ControlFlow::Continue;

use super::batch::Receipt;
use super::client::{Client, Step, StepContext};
use super::clients::Clients;
use super::event::ClientEvent;
use super::readiness::Readiness;
use super::socket::Received;
use super::stream::Stream;
use crate::answer::handler::Handler;
use crate::connection::Common;
use crate::work;

impl<S: Stream> Clients<S> {
    /// The clients of the batch that have not been answered are the first of the next, in the same
    /// order. What was received from them is kept until then, and not looked at. Says how many.
    #[cold]
    pub(super) fn put_off_rest(&mut self) -> usize {
        let answered = std::mem::take(&mut self.batch.answered);
        let receipts = std::mem::take(&mut self.batch.receipts);
        let rest = &receipts[answered..];
        for Receipt { key, received, start } in rest.iter().rev().copied() {
            let client = &mut self.slab[key];
            if let Some(received) = received {
                let before = self.steps.before(&client.connection);
                let came = &self.batch.buffer[start..start + received.bytes()];
                client.put_off(received, came, &mut self.common);
                let id = client.id(key);
                self.steps.tell_change(before, id, &client.connection, &mut self.common);
            }
            self.tell(key, |_, _| ClientEvent::Yields);
            self.await_peer(key);
            let client = &mut self.slab[key];
            self.run_queue.push_first(key, client);
        }
        rest.len()
    }
}

impl<S: Stream> Client<S> {
    /// Keeps what came for the client's next turn, in which it is looked at.
    #[cold]
    fn put_off(&mut self, received: Received, came: &[u8], common: &mut Common) {
        match received {
            Received::Bytes(_) => self.connection.put_off(came, common),
            Received::Lost => _ = self.lost(),
            Received::End => self.connection.put_off_end(),
            // It is looked at again, before anything follows from that: something may come by then.
            Received::WouldBlock => self.socket.note(Readiness::READABLE),
            Received::Nothing => {}
        }
        common.budget.spend(work::RECEIVE + received.bytes());
    }

    /// Goes on with input that was received in an earlier turn.
    #[cold]
    pub(super) fn resume<H: Handler>(&mut self, context: &mut StepContext<'_, H>) -> Step {
        let kept = self.connection.kept_bytes();
        context.tell(self, || ClientEvent::Resumed { kept });
        self.connection.on_resume(&mut context.of_connection());
        Continue(())
    }
}
