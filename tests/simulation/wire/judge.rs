//! What a turn may leave behind, and how a connection may end.

use oneloop::CloseReason;
use oneloop::engine::Interest;
use serde_json::Value;

use super::{Excuse, PeerSide, ServerSide, Wire};
use crate::framing::Meaning;
use crate::hub::Stage;
use crate::marks::Mark;
use crate::script::{Kind, Reading};
use crate::watch::{Hold, Part};

/// A client's address in a box that stays, and a header that is kept with half a request.
const PROXIED_BYTES: usize = 512;

/// What the server has for one connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Burden {
    /// The most memory that it may take, in bytes.
    pub memory_max: usize,
    /// The largest answer so far, or part of one, in bytes.
    pub answer_max: usize,
    /// Sources that are there for it.
    pub sources: usize,
}

/// What is looked at when a turn has ended.
impl Wire {
    /// Whether anything has happened in this turn.
    pub fn take_touched(&mut self) -> bool {
        std::mem::take(&mut self.touched)
    }

    /// Fails if the server has something to do here and nothing will make it do that.
    ///
    /// Only a turn that has still to come is a reason to have anything left to do: because a budget
    /// was used up, its own or that of all, or because it has come in this turn.
    pub fn judge_turn(&mut self) {
        self.charge_piece();
        self.weigh();
        // What happens now can only put off the next deadline, or be the end of it.
        self.late_after = self.watch.late_after(self.hold(), self.hub.now());
        if self.is_runnable && self.ran() {
            self.hub.mark(Mark::BudgetUsed);
        }
        if !self.is_here() || self.edge || self.has_turn_to_come() {
            return;
        }
        let lacks_interest = self.interest.is_none()
            || !self.may_write && self.interest != Some(Interest::ReadableAndWritable);
        if lacks_interest && self.hub.rests_from_registering() {
            // Until it is asked, no event can come.
            self.touched = true;
            return;
        }
        match (self.may_write, self.interest) {
            (_, None) => self.fail("it waits, and the poll does not know it"),
            (false, Some(Interest::ReadableAndWritable)) => return,
            (false, Some(Interest::Readable)) => {
                self.fail("it waits for room, and the poll was not asked to report any")
            }
            (true, _) => {}
            (false, other) => unreachable!("no poll is asked for {other:?}"),
        }
        if self.is_refused() && self.witness.last.is_none() {
            self.fail("what it begins with is no header, and it is still here");
        }
        if self.witness.is_pausing() {
            return self.judge_pause();
        }
        if let Some(neglected) = self.witness.neglected() {
            self.fail(neglected);
        }
        if self.unread() > 0 {
            self.fail("input lies unread, and nothing will report it again");
        }
        if matches!(self.peer, PeerSide::Ended | PeerSide::Reset) {
            self.fail("an end lies unread, and nothing will report it again");
        }
        if self.peer == PeerSide::EndRead || self.lost_told {
            self.fail("the connection is over, and the client is still here");
        }
        if self.hub.closes_idle() && self.is_at_rest() {
            self.fail("it is idle in a stopping server");
        }
    }

    /// Fails if the server still waits here though the time for that is over.
    pub fn judge_deadline(&mut self) {
        let now = self.hub.now();
        // Whoever has used its budget has not yet done what its input asks for.
        if now < self.late_after || !self.is_here() || self.has_turn_to_come() {
            return;
        }
        if self.watch.is_late(self.hold(), now) {
            self.fail("late: it still waits behind its deadline");
        }
    }

    /// The access log tells this of it.
    pub fn on_line(&mut self, line: &Value) {
        let number = self.id.map(|id| u64::from(id.number()));
        if line["connection"].as_u64() != number {
            self.fail(&format!("the log tells of it by another number than {number:?}: {line}"));
        }
        if let Err(wrong) = self.witness.logged.on_line(line) {
            self.fail(&wrong);
        }
    }

    /// What the server may hold so that it knows whose connection it is, and of the header, in bytes.
    fn proxied_bytes_max(&self) -> usize {
        if self.script.proxied.is_some() { PROXIED_BYTES } else { 0 }
    }

    /// Fails if the access log has told anything else of it in this turn than what has become of its
    /// answers.
    pub fn judge_log(&mut self) {
        if let Err(wrong) = self.witness.logged.compare() {
            self.fail(&wrong);
        }
    }

    /// How much memory the log may hold for it, in bytes.
    pub fn log_bytes_max(&self) -> usize {
        self.witness.logged.memory_max(self.script.bytes.len())
    }

    /// Looks at what the server has for it.
    pub fn weigh(&mut self) {
        self.burden = Burden {
            memory_max: match self.is_here() {
                true => self.witness.memory_max(self.has_turn_to_come()) + self.proxied_bytes_max(),
                false => 0,
            },
            answer_max: self.witness.largest_answer,
            sources: usize::from(self.has_source()),
        };
    }

    /// What the server had for it when it was last looked at: nothing has happened since.
    pub fn burden(&self) -> Burden {
        self.burden
    }
}

/// The end.
impl Wire {
    pub fn server_drops(&mut self) {
        if self.hub.has_failed() {
            return;
        }
        if self.server != ServerSide::Queued {
            self.hub.close_descriptor();
        }
        if !self.is_here() {
            return self.drop_unserved();
        }
        let fate = self.fate();
        self.judge_fate(fate);
        self.witness.logged.on_end(fate);
        if self.hub.stage() == Stage::CutOff {
            self.excuse = Excuse::CutOff;
            if self.witness.is_pausing() {
                self.hub.mark(Mark::CutOffPausing);
            }
            match self.witness.is_answering() {
                true => self.hub.mark(Mark::CutOffAnswering),
                // Leave to send a body that is not out may go, taken in part or not at all.
                false if self.reset_on_drop && self.watch.part(Hold::Peer) != Part::Body => {
                    self.fail("reset, and its answers are out");
                }
                false => {}
            }
        }
        self.hub.note_end(fate);
        self.judge_linger();
        let lost = self.is_lost();
        // The end of the connection alone can be taken for the end of the answer.
        if self.witness.is_answering() && !lost && !self.reset_on_drop {
            self.fail("ended in the middle of an answer, as if that were its end");
        }
        let unread = self.unread();
        (self.server, self.news, self.touched) = (ServerSide::Gone, true, true);
        self.tell(|| format!("closed: {fate:?}, {unread} bytes unread"));
        if lost {
            self.unsent = 0;
        } else if self.reset_on_drop || unread > 0 {
            self.reset_peer();
        }
    }

    /// It was turned away: lost in the queue, or the server has stopped.
    fn drop_unserved(&mut self) {
        let is_turned_away = self.hub.stage() == Stage::CutOff && !self.hub.is_short();
        if self.is_owed_its_turn && is_turned_away {
            self.fail("turned away, and it had come before the server was told to stop");
        }
        self.server = ServerSide::Gone;
        self.tell(|| "closed without being served".into());
        self.reset_peer();
    }

    fn judge_fate(&self, fate: CloseReason) {
        let now = self.hub.now();
        let is_ripe = |part| self.watch.is_ripe(part, now);
        match fate {
            CloseReason::Answered | CloseReason::Fault => {}
            CloseReason::HeadTimeout | CloseReason::BodyTimeout => self.judge_promptness(fate),
            CloseReason::PeerClosed => {
                if !self.is_at_rest() || self.has_half_header() {
                    self.fail("closed by its end, in the middle of something");
                }
            }
            CloseReason::FirstByteTimeout | CloseReason::IdleTimeout => {
                if self.has_half_header() {
                    self.hub.mark(Mark::HeaderTimedOut);
                }
                let part = self.part();
                if !self.is_at_rest() || !is_ripe(part) {
                    self.fail("closed as idle, and it is not, or not for long enough");
                }
                self.judge_last_check("closed as idle, and something of it lies unread");
                let all_said = self.witness.consumed == self.script.bytes.len();
                // Whoever takes its answers slowly asks the next question late.
                if self.is_prompt() && !all_said && self.script.reading == Reading::Everything {
                    self.fail("closed as idle, and it had something to say, in time");
                }
            }
            CloseReason::WriteTimeout => {
                if !is_ripe(Part::Write) {
                    self.fail("reset for not reading, and it did read");
                }
                if self.unsent < self.send_max && !self.may_have_used_budget() {
                    self.fail("reset for not reading, and there is room for more");
                }
                self.judge_promptness(fate);
            }
            CloseReason::Evicted => self.judge_eviction(),
            // What had come was looked at when it was told the end.
            CloseReason::Drained => {
                if self.server == ServerSide::Open && !self.is_lost() {
                    self.fail("closed by the drain, and it was not told the end before");
                }
            }
            CloseReason::CutOff => self.judge_cut_off(),
            CloseReason::Reset | CloseReason::SourceBroken => {}
            CloseReason::FileBroken => self.fail("ended by its file, and that is whole"),
            CloseReason::HandlerPanicked if self.reset_on_drop || self.is_lost() => {}
            CloseReason::HandlerPanicked => self.fail("ended by a panic, as if that were an end"),
            CloseReason::NoProxyHeader => {
                if self.witness.written > 0 || self.reset_on_drop {
                    self.fail("it has begun with no header, and is told more than the end");
                }
                self.hub.mark(Mark::NoProxyHeader);
            }
            other => self.fail(&format!("nobody knows {other:?}")),
        }
        let handled = self.witness.handled;
        if self.script.kind == Kind::Smuggler && handled == self.script.messages.len().max(1) {
            self.hub.mark(Mark::Smuggled);
        }
        if self.witness.continues() > 0 {
            self.hub.mark(Mark::Continue);
        }
    }

    /// Whether bytes lie unread, and the server has been told. It has not if an edge is still to be
    /// reported, or if they have come since the last turn to a client that the poll does not report
    /// yet, because it goes on with what was put off.
    fn was_told_of_unread(&self) -> bool {
        let has_come_since = self.witness.consumed >= self.arrived_by_turns_end;
        let is_untold = self.edge || self.interest.is_none() && has_come_since;
        self.unread() > 0 && !is_untold
    }

    /// Fails if bytes of this client lie unread when its time is over: they may have come in time,
    /// whatever events have told. Only the budget of a turn may end the look at them.
    pub(super) fn judge_last_check(&self, wrong: &str) {
        if self.unread() > 0 && !self.may_have_used_budget() {
            self.fail(wrong);
        }
    }

    /// Fails if a client is cut off because the time to drain is over, and had said something by then
    /// that was not looked at. Only a whole budget, or another stop, may keep the server from that.
    fn judge_cut_off(&self) {
        let lies_unread = self.arrived_in_time.is_some_and(|bytes| self.witness.consumed < bytes);
        let could_be_read = self.hold() == Hold::Peer && !self.witness.is_answering();
        let had_its_turn = !self.is_runnable && !self.may_have_used_budget();
        if lies_unread && could_be_read && had_its_turn && !self.is_lost() {
            self.fail("cut off, and what had come in time lies unread");
        }
    }

    /// Whoever was fast enough is not ended by a deadline.
    fn judge_promptness(&self, fate: CloseReason) {
        let current = self.witness.handled.saturating_sub(1);
        let current = self.script.messages.get(current);
        let can_end = current.is_none_or(|message| message.meaning != Meaning::Unfinished);
        if self.is_prompt() && can_end {
            self.fail(&format!("ended by {fate:?}, and it was fast enough"));
        }
    }

    /// Fails unless this was a client that owed and was owed nothing, and had for a while.
    fn judge_eviction(&self) {
        if !self.is_at_rest() || self.witness.neglected().is_some() {
            self.fail("evicted, and was not idle");
        }
        if self.unread() > 0 {
            self.fail("evicted, and its next request had come");
        }
        // Empty lines do not make it busy. A new client counts as written to when it comes.
        let answered = self.turns.moved > 0 || self.part() == Part::FirstByte;
        if answered && self.watch.last_write() >= self.hub.now() {
            self.fail("evicted in the very moment of its coming, or of being served");
        }
    }

    /// Closing on input that is known to lie unread destroys the last answer.
    fn judge_linger(&self) {
        let known = self.was_told_of_unread() && !self.is_lost() && !self.reset_on_drop;
        // What is said behind something that is no header is not for this server.
        let known = known && !self.is_refused();
        if known && self.hub.stage() == Stage::Free && self.server == ServerSide::Open {
            self.fail("closed without lingering on input that was reported");
        }
        // Of those who linger, only their time can have run out.
        let timed_out = self.server == ServerSide::Shut && self.hub.stage() == Stage::Free;
        let all_said = self.watch.lingered_bytes() > self.linger_bytes_max;
        if timed_out && !all_said && !self.is_lost() {
            self.judge_last_check("closed while lingering, and something of it lies unread");
        }
    }

    /// Something that was written may never be read.
    pub(super) fn judge_loss(&self) {
        let is_lost = self.flown < self.witness.written;
        let served = self.witness.last.is_some() && !self.witness.is_answering();
        // The server does not listen for ever to what is said behind its last answer, nor at all
        // to whoever has said that this was its last request.
        let behind = self.script.bytes.len() - self.witness.answered_to();
        let talks = behind > self.linger_bytes_max || behind > 0 && self.witness.close_is_asked();
        let excused = self.reset_on_drop || talks;
        if is_lost && served && self.is_prompt() && !excused {
            self.fail("a reset destroys its last answer");
        }
    }
}
