//! How much a client may send ahead: requests that wait for the client's next turn because its
//! budget, or that of all clients together, was used up before the server came to them.
//!
//! They are kept like half a request, with a mark that they have not been looked at. Until then the
//! server receives nothing more from this client, so it never keeps more than one receive of them.

use super::context::{Common, Context};
use super::machine::{Backlog, Connection};
use super::state::State;
use crate::answer::handler::Handler;
use crate::buffer::kept::Kept;
use crate::config::{Limits, REQUESTS_BYTES};

impl Connection {
    /// How many bytes to receive at once at the most: what cannot be answered yet is kept.
    pub(crate) fn receive_bytes_max(&self, limits: &Limits) -> usize {
        match &self.state {
            State::ReadingBody(content) => content.receive_bytes_max(),
            State::Fresh
            | State::ReadingProxyHeader
            | State::Idle
            | State::ReadingHead(_)
            | State::Writing(_)
            | State::Pausing(..)
            | State::Lingering { .. }
            | State::Closed(_) => limits.head_bytes_max.max(REQUESTS_BYTES),
        }
    }

    /// Keeps what was received, without a look at it: nothing of it is answered before `on_resume`.
    #[cold]
    pub(crate) fn put_off(&mut self, received: &[u8], common: &mut Common) {
        self.note_first_byte(common);
        match &self.state {
            State::Fresh
            | State::ReadingProxyHeader
            | State::Idle
            | State::ReadingHead(_)
            | State::ReadingBody(_) => {
                common.metrics.received_bytes += received.len() as u64;
                // Content has made progress by it, which is noted as it is looked at.
                self.count_progress(received.len());
                let parked = self.parked.get_or_insert_default();
                parked.input.append(received, common.limits.client_bytes_max());
                self.backlog = Backlog::Input;
            }
            State::Writing(_) | State::Pausing(..) | State::Lingering { .. } | State::Closed(_) => {
                unreachable!("nothing is received there")
            }
        }
    }

    /// Keeps in mind that the peer has ended its side: nothing follows from it before `on_resume`.
    #[cold]
    pub(crate) fn put_off_end(&mut self) {
        self.backlog = Backlog::End;
    }

    /// The client has a budget again, for what has come and was not looked at.
    pub(crate) fn on_resume<H: Handler>(&mut self, context: &mut Context<'_, H>) {
        let before = self.state.name();
        if std::mem::replace(&mut self.backlog, Backlog::Nothing) == Backlog::End {
            return self.on_eof(context);
        }
        self.advance_parked(context);
        self.note_waiting(before, 0, context);
    }

    /// Goes on with input that was kept. Most clients keep none, which is found out in place.
    #[inline(always)]
    pub(super) fn advance_parked<H: Handler>(&mut self, context: &mut Context<'_, H>) {
        if self.parked.is_some() {
            self.advance_kept(context);
        }
    }

    #[inline(never)]
    fn advance_kept<H: Handler>(&mut self, context: &mut Context<'_, H>) {
        let Some(parked) = self.parked.as_mut().filter(|parked| !parked.input.is_empty()) else {
            return;
        };
        if !context.common.budget.has_batch_left() {
            self.backlog = Backlog::Input;
            return;
        }
        let mut input = std::mem::take(&mut parked.input);
        let left = self.advance(&mut input, context);
        input.keep(left);
        if let Some(parked) = self.parked.as_mut() {
            parked.input = input;
        }
        self.release_parked();
    }

    /// Gives back what is kept of input: it will not be looked at any more.
    pub(super) fn forget_input(&mut self) {
        if let Some(parked) = self.parked.as_mut() {
            parked.input = Kept::default();
        }
        self.release_parked();
    }
}
