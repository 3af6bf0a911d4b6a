//! Answers whose body comes over time: when their sources are asked, and what follows from it.
//!
//! A source is asked when its answer's head is encoded, and from then on whenever what it gave is
//! out and its time has come. So a connection never holds more than one piece. All of this is rare
//! beside other answers, and kept off their way: hence `cold`.

use super::machine::{Common, Connection, Turn};
use super::state::{After, State};
use crate::source::{Asked, FRAMING_BYTES_MAX};

impl Connection {
    /// Whether a source gives the rest of the present answer.
    #[cold]
    pub(crate) fn is_streaming(&self) -> bool {
        matches!(self.state, State::Pausing(..) | State::Writing(After::Source(..)))
    }

    /// What the source gave is out: if its time has come meanwhile, it is asked for more.
    #[cold]
    pub(super) fn on_piece_sent<H>(&mut self, turn: &mut Turn<'_, H>) {
        if self.state.source().is_some_and(|body| body.due() <= turn.now) {
            self.ask_source(turn);
        }
    }

    /// Asks the source of the present answer for its next piece. If too much is owed for that, it
    /// is asked once that is out.
    #[cold]
    pub(super) fn ask_source<H>(&mut self, turn: &mut Turn<'_, H>) {
        let Common { output, limits, metrics, .. } = &mut *turn.common;
        let high_water = limits.output_bytes_high_water;
        let room = high_water.saturating_sub(output.len() + FRAMING_BYTES_MAX);
        let Some(body) = self.state.source().filter(|_| room >= high_water / 2) else { return };
        metrics.pieces += 1;
        match body.ask(output.encoded(), room, turn.now) {
            Asked::GoesOn if output.is_empty() => {}
            Asked::GoesOn => self.state.on_piece(),
            Asked::Complete => self.state.on_last_piece(),
            Asked::Broken => self.state.on_source_broken(),
        }
    }
}
