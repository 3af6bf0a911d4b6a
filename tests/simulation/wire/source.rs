//! The source of this client's answer, if it has one: when it may be asked, for how much, and how
//! long the server may keep it.

use std::rc::Rc;
use std::time::Duration;

use oneloop::Waker;

use super::Wire;
use crate::hub::{Life, Stage, Wake};
use crate::marks::Mark;
use crate::plan::{Goes, Step};
use crate::script::Script;

/// What a write in the middle of such an answer takes from the budget beside its bytes.
const PIECE_COST_BYTES: usize = 1024;

/// How late a source may be woken whose answer is over, in microseconds.
const LATE_WAKE_MICROS: usize = 5_000_000;

impl Wire {
    /// The handler has answered with a source.
    pub fn source_comes(&mut self) {
        self.hub.add_source();
        self.sources.count += 1;
    }

    /// The server has dropped it.
    pub fn source_goes(&mut self) {
        self.hub.remove_source();
    }

    /// The handler is going to answer when this time has passed.
    pub fn late_comes(&mut self, pause: Duration) {
        self.source_comes();
        self.watch.on_pause(pause, self.hub.now());
        // What the poll has said before is looked at now: no call that could tell comes first.
        self.lost_told |= self.loss_reported;
        self.tell(|| format!("its answer begins in {pause:?}"));
    }

    /// The answer begins that was to begin later. Says what it is the answer to.
    pub fn late_begins(&mut self) -> (Rc<Script>, usize) {
        self.tell(|| "its answer begins".into());
        (self.touched, self.asked, self.sources.overdue_turns) = (true, true, 0);
        if self.hub.stage() == Stage::Expire {
            self.hub.note_appointment();
        }
        self.hub.mark(Mark::BegunLate);
        if self.hub.now() < self.watch.source_due() {
            self.fail("its answer begins before its time");
        }
        self.watch.on_answer();
        match self.witness.on_late(self.hub.life(), &self.hub.date()) {
            Ok(message) => (Rc::clone(&self.script), message),
            Err(wrong) => self.fail(&wrong),
        }
    }

    /// It was asked, with so much room, and gives this. If it has a waker, it will be woken by that,
    /// or not.
    pub fn source_gives(&mut self, room: usize, step: Step, waker: Option<Waker>) {
        let now = self.hub.now();
        self.tell(|| format!("its source has room for {room} bytes, and gives {step:?}"));
        // What is asked for when its time has come is asked for behind an earlier run's last call.
        if self.turns.epoch != self.hub.epoch() {
            self.charge_piece();
        }
        (self.touched, self.asked, self.sources.overdue_turns) = (true, true, 0);
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
        if self.watch.waits_for_wake() {
            self.hub.mark(Mark::NeverWoken);
        }
        self.watch.on_asked(step, now);
        if let Some(waker) = waker {
            self.plan_wakes(step, waker);
        }
        match self.witness.on_piece(step.bytes, step.goes == Goes::Done) {
            Ok(()) if self.witness.is_hushed() => self.hub.mark(Mark::EndOfNothing),
            Ok(()) => {}
            Err(wrong) => self.fail(&wrong),
        }
    }

    /// Another part of the program is going to wake it: before its time is over or behind that, once,
    /// twice or never; and perhaps although it does not wait, or when it is over.
    fn plan_wakes(&mut self, step: Step, waker: Waker) {
        let random = &mut self.random;
        let after = match step.goes {
            Goes::Wait(pause) => {
                let micros = pause.as_micros() as usize;
                match random.below(8) {
                    0 => vec![],
                    1 | 2 => vec![0],
                    3 => vec![random.below(micros + 1); 2],
                    4 => vec![micros + random.below(micros + 1000)],
                    _ => vec![random.below(micros + 1)],
                }
            }
            Goes::More | Goes::After(_) if random.once_in(4) => vec![random.below(1000)],
            Goes::More | Goes::After(_) => vec![],
            // Another source may have its place by then.
            Goes::Done => vec![1000, random.below(100_000), random.below(LATE_WAKE_MICROS)],
        };
        for after in after {
            let at = self.hub.world() + Duration::from_micros(after as u64);
            let (index, source) = (self.index, self.sources.count);
            self.hub.plan_wake(Wake { at, index, source, waker: waker.clone() });
        }
    }

    /// Its source with this number is woken, which the loop sees when its poll returns.
    pub fn on_wake(&mut self, source: u64) {
        self.tell(|| format!("source {source} is woken"));
        if source != self.sources.count || !self.has_source() {
            return self.hub.mark(Mark::WokenLate);
        }
        if self.sources.is_woken {
            self.hub.mark(Mark::WokenTwice);
        }
        self.sources.is_woken = true;
    }

    /// The loop's poll returns. Before that time it must not sleep if a source was woken.
    pub fn on_polled(&mut self) {
        if !std::mem::take(&mut self.sources.is_woken) || !self.has_source() {
            return;
        }
        self.touched = true;
        self.hub.mark(if self.watch.on_woken() { Mark::Woken } else { Mark::WokenEarly });
    }

    /// The server stops: its source is asked once more if it waits.
    pub(super) fn wake_to_stop(&mut self) {
        if self.has_source() && self.watch.on_woken() {
            self.touched = true;
            self.hub.mark(Mark::WokenToStop);
        }
    }

    /// Its source is told whether the server stops.
    pub fn source_is_told(&self, is_stopping: bool) {
        if is_stopping != (self.hub.life() == Life::Draining) {
            self.fail("its source is not told whether the server stops");
        }
    }

    /// Whether its source was woken, and the loop has not seen that.
    pub fn is_woken(&self) -> bool {
        self.sources.is_woken && self.has_source()
    }

    /// Counts what the last write has cost beside its bytes, if a source was still there then.
    pub(super) fn charge_piece(&mut self) {
        if std::mem::take(&mut self.sources.wrote) && self.witness.is_streaming() {
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
        self.sources.overdue_turns += usize::from(is_due);
        if self.sources.overdue_turns > most {
            self.fail("its source's time has come, and others are asked again and again");
        }
    }

    /// Whether the server holds a source for it.
    pub(super) fn has_source(&self) -> bool {
        self.is_here() && (self.witness.is_streaming() || self.witness.is_late())
    }
}
