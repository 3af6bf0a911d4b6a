//! The source of this client's answer, if it has one: when it may be asked, for how much, and how
//! long the server may keep it.

use super::Wire;
use crate::hub::Stage;
use crate::marks::Mark;
use crate::plan::{Goes, Step};

/// What a write in the middle of such an answer takes from the budget beside its bytes.
const PIECE_COST_BYTES: usize = 1024;

impl Wire {
    /// The handler has answered with a source.
    pub fn source_comes(&mut self) {
        self.hub.add_source();
    }

    /// The server has dropped it.
    pub fn source_goes(&mut self) {
        self.hub.remove_source();
    }

    /// It was asked, with so much room, and gives this.
    pub fn source_gives(&mut self, room: usize, step: Step) {
        let now = self.hub.now();
        self.tell(|| format!("its source has room for {room} bytes, and gives {step:?}"));
        // What is asked for when its time has come is asked for behind an earlier run's last call.
        if self.turns.epoch != self.hub.epoch() {
            self.charge_piece();
        }
        (self.touched, self.asked, self.overdue_turns) = (true, true, 0);
        if self.hub.stage() == Stage::Expire {
            self.hub.note_appointment();
            self.hub.mark(Mark::PauseKept);
        }
        if now < self.watch.source_due() {
            self.fail("its source is asked before its time");
        }
        let owed = self.witness.owed_bytes();
        if owed + room > self.high_water {
            self.fail(&format!("{owed} bytes are owed, and its source has room for {room}"));
        }
        if room * 2 < self.high_water {
            self.fail(&format!("its source has hardly any room: {room} bytes"));
        }
        if step.bytes > room {
            self.hub.mark(Mark::PieceTooLarge);
        }
        self.watch.on_asked(step, now);
        match self.witness.on_piece(step.bytes, step.goes == Goes::Done) {
            Ok(()) if self.witness.is_hushed() => self.hub.mark(Mark::EndOfNothing),
            Ok(()) => {}
            Err(wrong) => self.fail(&wrong),
        }
    }

    /// Counts what the last write has cost beside its bytes, if a source was still there then.
    pub(super) fn charge_piece(&mut self) {
        if std::mem::take(&mut self.wrote) && self.witness.is_streaming() {
            self.turns.moved += PIECE_COST_BYTES;
        }
    }

    /// Fails if the connection is known to be lost, and is still kept for what its source will say.
    pub(super) fn judge_pause(&self) {
        if self.is_lost() {
            self.fail("the connection is lost, and its source goes on pausing");
        }
    }

    /// Deadlines have to wait for the next turn. That of its source may, too, for no more turns
    /// than `most`: others are acted on meanwhile.
    pub fn judge_overdue_source(&mut self, most: usize) {
        let is_due = self.is_here()
            && self.witness.is_pausing()
            && self.watch.source_due() <= self.hub.now();
        self.overdue_turns += usize::from(is_due);
        if self.overdue_turns > most {
            self.fail("its source's time has come, and others are asked again and again");
        }
    }

    /// Whether the server holds a source for it.
    pub(super) fn has_source(&self) -> bool {
        self.is_here() && self.witness.is_streaming()
    }
}
