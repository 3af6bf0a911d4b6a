//! How much a client may send ahead: requests that wait for the client's next turn because its
//! budget was used up among them.
//!
//! They are kept like half a request, with a mark that they have not been looked at. Until then the
//! server receives nothing more from this client, so it never keeps more than one receive of them.

use super::machine::{Backlog, Connection, Context};
use super::state::State;
use crate::answer::handler::Handler;
use crate::config::{Limits, RECEIVE_BYTES, REQUESTS_BYTES};

impl Connection {
    /// How many bytes to receive at once at the most: what cannot be answered yet is kept.
    pub(crate) fn receive_bytes_max(&self, limits: &Limits) -> usize {
        match &self.state {
            State::ReadingBody(content) => content.receive_bytes_max(),
            State::Lingering { .. } => RECEIVE_BYTES,
            State::Fresh
            | State::Idle
            | State::ReadingHead(_)
            | State::Writing(_)
            | State::Pausing(..)
            | State::Closed(_) => limits.head_bytes_max.max(REQUESTS_BYTES),
        }
    }

    /// The client has a budget again, for input that was kept without being looked at.
    pub(crate) fn on_resume<H: Handler>(&mut self, turn: &mut Context<'_, H>) {
        let before = self.state.name();
        self.backlog = Backlog::Nothing;
        self.advance_parked(turn);
        self.note_waiting(before, 0, turn);
    }
}
