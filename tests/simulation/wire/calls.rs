//! What the server does with its end, and what it may rely on there.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice};
use std::os::unix::fs::FileExt;

use oneloop::CloseReason;

use super::{Cause, PeerSide, ServerSide, Wire};
use crate::hub::{Call, Stage};
use crate::marks::Mark;
use crate::trouble::Trouble;

/// Whoever makes more calls for one client in one turn will never stop: a budget of one byte a
/// call allows for a tenth.
const CALLS_MAX: usize = 100_000;

/// What a call, or a byte, counts as at most.
const CALL_COST_BYTES_MAX: usize = 8192;
const BYTE_COST_BYTES_MAX: usize = 16;

/// A client whose time has come may do at least this part of what one may do in a turn.
const EXPIRING_SHARES: usize = 4;

/// What a write counts as at least, beside its bytes.
const WRITE_COST_BYTES: usize = 4096;

/// What an answer counts as at least, beside its bytes.
const ANSWER_COST_BYTES: usize = 512;

/// The most that one call takes of a file, in bytes. The kernel, too, takes less than it is offered
/// although there is room: it has few pages between a file and a socket.
const FILE_BYTES_MAX: usize = 16 * 1024;

/// What a call sends, and so what it means that less is taken than was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offer {
    /// Bytes in memory: there is no more room.
    Memory,
    /// Part of a file: nothing. The file can have become shorter.
    File,
}

/// The ways in which a connection can be lost.
const LOSSES: [ErrorKind; 4] = [
    ErrorKind::ConnectionReset,
    ErrorKind::TimedOut,
    ErrorKind::HostUnreachable,
    ErrorKind::BrokenPipe,
];

/// The turn, as far as it concerns one client.
impl Wire {
    pub fn begin_turn(&mut self) {
        self.charge_piece();
        self.is_new &= !self.ran();
        self.touched |= self.is_runnable || self.is_new;
        self.cause = match self.is_runnable || self.is_new {
            true => Cause::Given,
            false => Cause::None,
        };
        (self.turns.moved, self.turns.answered) = (0, 0);
        self.calls = 0;
        self.asked = false;
    }

    /// The server has a reason to make calls: an event, or an order to all.
    pub fn give_cause(&mut self) {
        self.cause = Cause::Given;
    }

    /// A panic has ended a turn, and the next one begins without new events.
    pub fn go_on(&mut self, is_runnable: bool) {
        if is_runnable || self.is_new {
            self.give_cause();
        }
    }

    /// The server is told to stop. What has come by now is answered.
    pub fn on_stop(&mut self) {
        self.arrived_by_stop = Some(self.arrived);
    }

    /// The server is about to close its listeners. Whoever waits in a queue is let in before, if there
    /// is room for all.
    pub fn on_closing(&mut self, has_room: bool) {
        self.is_owed_its_turn = has_room && self.server == ServerSide::Queued;
        self.wake_to_stop();
    }

    /// The listeners are closed. If it is idle it may ask once more.
    pub fn on_closed(&mut self) {
        self.may_ask_once_more = self.is_here() && self.is_at_rest() && self.unread() == 0;
    }

    /// It is told to stop at once.
    pub fn on_stop_again(&mut self) {
        self.is_owed_its_turn = false;
    }

    /// The time to drain is over: it is looked at once more before it is cut off.
    pub fn on_drain_over(&mut self) {
        self.arrived_in_time = self.is_here().then_some(self.arrived);
    }

    /// The turn has ended, and the server says whether this client can run in the next without an
    /// event. Fails if it waits for more turns than `most`, or than `lingering_most` if it lingers:
    /// each lets the first run who wait.
    pub fn end_turn(&mut self, is_runnable: bool, most: usize, lingering_most: usize) {
        let most = if self.server == ServerSide::Shut { lingering_most } else { most };
        self.is_runnable = is_runnable;
        self.arrived_by_turns_end = self.arrived;
        let waits = self.is_here() && self.has_turn_to_come() && !self.ran();
        self.turns.waited = if waits { self.turns.waited + 1 } else { 0 };
        self.turns.steps_waited = 0;
        if self.turns.waited > most {
            self.fail("it could run, and others run again and again");
        }
    }

    /// A turn that was none has ended: the server was held.
    pub fn end_held_turn(&mut self, is_runnable: bool) {
        self.is_runnable = is_runnable;
    }

    /// A step was taken, by this client or by none or another one although it could. Each is for the
    /// client that has waited longest. So this one fails if it waits for more steps than `most` was when
    /// it began to wait: clients that end meanwhile have taken theirs before.
    pub fn end_step(&mut self, waited: bool, most: usize) {
        self.turns.steps_waited = if waited { self.turns.steps_waited + 1 } else { 0 };
        if self.turns.steps_waited <= 1 {
            self.turns.steps_waited_max = most;
        }
        if self.turns.steps_waited > self.turns.steps_waited_max {
            self.fail("it could take a step, and others take one again and again");
        }
    }

    /// Whether what it has done in this turn may have used up its budget: a byte can count as many,
    /// and a call as thousands.
    pub(super) fn may_have_used_budget(&self) -> bool {
        let most = self.calls * CALL_COST_BYTES_MAX + self.turns.moved * BYTE_COST_BYTES_MAX;
        most >= self.turn_bytes_max / EXPIRING_SHARES
    }

    /// Whether it will run without an event.
    pub(super) fn has_turn_to_come(&self) -> bool {
        self.is_runnable || self.is_new && !self.ran()
    }

    /// Whether it ran in this turn.
    pub fn ran(&self) -> bool {
        self.calls > 0 || self.asked
    }

    /// What every call begins with.
    fn on_call(&mut self, call: Call) {
        self.charge_piece();
        self.touched = true;
        self.calls += 1;
        self.hub.note_call();
        if !self.is_here() {
            self.fail("a call on a stream that is not open");
        }
        match self.hub.stage() {
            Stage::Drive if self.cause == Cause::None => {
                self.fail("a call for a client that nothing was reported of")
            }
            Stage::Drive if self.server == ServerSide::Shut && !self.hub.is_holding() => {
                self.fail("it lingers, and is driven among those that do not")
            }
            Stage::Linger if self.server != ServerSide::Shut => {
                self.fail("driven among those that linger, and it does not")
            }
            Stage::EndIdle if !self.hub.closes_idle() => {
                self.fail("it is looked at as an idle one to be ended, before the time for that")
            }
            Stage::Drive | Stage::Linger | Stage::Expire | Stage::EndIdle | Stage::Accept => {}
            Stage::Outside | Stage::Register | Stage::Free | Stage::CutOff => {
                self.fail("a call outside of driving")
            }
        }
        let is_first = self.turns.epoch != self.hub.epoch();
        if self.hub.begins_batch_too_late(self.index, call, is_first) {
            self.fail("a batch begins, and the budget of the turn is used up");
        }
        // A client that runs because of its deadline, or of another's coming, has a budget of its
        // own.
        if is_first {
            self.turns.epoch = self.hub.epoch();
            (self.turns.moved, self.turns.answered) = (0, 0);
        }
        // Somebody may be looked at more than once for others that come in the same turn.
        if self.turns.moved >= self.turn_bytes_max && self.hub.stage() != Stage::Accept {
            self.fail("more was moved in one turn than the budget allows");
        }
        if self.has_panicked {
            self.fail("a call for a client over whose request the handler has panicked");
        }
        if self.calls > CALLS_MAX {
            self.fail("the server does not stop making calls");
        }
        if self.random.once_in(8) {
            self.jostle();
        }
    }

    fn is_interrupted(&mut self) -> bool {
        self.hub.strikes(Trouble::Interrupts, 20, &mut self.random)
    }

    /// A call has to say that the connection is lost.
    fn lose(&mut self) -> io::Error {
        let kind = match self.peer == PeerSide::ResetTold {
            true => ErrorKind::BrokenPipe,
            false => self.random.pick(&LOSSES),
        };
        self.peer = PeerSide::ResetTold;
        self.lost_told = true;
        kind.into()
    }

    /// The server goes on with what it has read before.
    pub fn server_looks(&mut self) {
        self.on_call(Call::Look);
        self.hub.mark(Mark::Resumed);
        self.watch.on_resumed(self.hub.now());
        // Its end may be what has come and is not looked at yet, or the header of its proxy.
        let may_be_header = self.script.proxied.is_some() && self.witness.handled == 0;
        let is_all_answered = self.witness.consumed == self.witness.answered_to();
        if is_all_answered && !self.end_is_read && !may_be_header {
            self.fail("it looks again at what it has read, and all of it is looked at");
        }
    }

    /// An answer is given.
    pub(super) fn answer_costs(&mut self) {
        if self.turns.epoch == self.hub.epoch() && self.turns.answered >= self.turn_bytes_max {
            self.fail("a request is answered, and the budget for that is used up");
        }
        self.turns.answered += ANSWER_COST_BYTES;
        self.hub.work(ANSWER_COST_BYTES);
    }

    /// Bytes have been moved: by the last look at a client whose time is over?
    fn note_look(&mut self) {
        if self.hub.stage() == Stage::Expire {
            self.watch.on_look(self.hub.now());
        }
    }

    /// Counts bytes, or what counts as such.
    pub(super) fn work(&mut self, bytes: usize) {
        self.turns.moved += bytes;
        self.hub.work(bytes);
    }

    pub fn server_reads(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.totals.receives += 1;
        self.on_call(Call::Read);
        if self.is_interrupted() {
            self.hub.mark(Mark::ReadInterrupted);
            return Err(ErrorKind::Interrupted.into());
        }
        if self.peer == PeerSide::EndRead {
            self.fail("read again behind the end");
        }
        if self.unread() == 0 {
            return match self.peer {
                PeerSide::Open => {
                    self.hub.mark(Mark::ReadBlocked);
                    self.silent_at = Some(self.hub.calls());
                    Err(ErrorKind::WouldBlock.into())
                }
                PeerSide::Ended | PeerSide::EndRead => {
                    (self.peer, self.end_is_read) = (PeerSide::EndRead, true);
                    self.tell(|| "its end is read".into());
                    Ok(0)
                }
                PeerSide::Reset | PeerSide::ResetTold => {
                    self.hub.mark(Mark::ResetRead);
                    Err(self.lose())
                }
            };
        }
        let bytes = buf.len().min(self.unread());
        let from = self.witness.consumed;
        buf[..bytes].copy_from_slice(&self.script.bytes[from..from + bytes]);
        self.tell(|| format!("{bytes} bytes are read: {}", buf[..bytes.min(80)].escape_ascii()));
        self.burst = 0;
        self.witness.consumed += bytes;
        if self.witness.last == Some(CloseReason::Drained) {
            self.hub.mark(Mark::Crossed);
        }
        self.work(bytes);
        self.totals.received_bytes += bytes as u64;
        self.watch.on_read(bytes, self.hub.now());
        self.note_look();
        if bytes == buf.len() {
            self.hub.mark(Mark::FullRead);
        } else if self.peer != PeerSide::Open {
            self.hub.mark(Mark::ReadBeforeEnd);
        }
        Ok(bytes)
    }

    pub fn server_writes(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.server_offers(pieces, Offer::Memory)
    }

    /// The server sends of a file: all of it is there.
    pub fn server_sends_file(
        &mut self,
        file: &File,
        offset: u64,
        bytes_max: usize,
    ) -> io::Result<usize> {
        let mut bytes = vec![0; bytes_max.min(FILE_BYTES_MAX)];
        file.read_exact_at(&mut bytes, offset).expect("no more is offered than there is");
        self.server_offers(&[IoSlice::new(&bytes)], Offer::File)
    }

    fn server_offers(&mut self, pieces: &[IoSlice<'_>], offer: Offer) -> io::Result<usize> {
        self.totals.sends += 1;
        self.on_call(Call::Write);
        let offered: usize = pieces.iter().map(|piece| piece.len()).sum();
        if self.server == ServerSide::Shut {
            self.fail("a write behind our own end");
        }
        // When time runs out, a write may ask whether the peer has made progress after all.
        let is_last_check = self.hub.stage() == Stage::Expire || self.arrived_in_time.is_some();
        if !self.may_write && !is_last_check {
            self.fail("a write without room, which the last write has told");
        }
        if self.is_interrupted() {
            self.hub.mark(Mark::WriteInterrupted);
            return Err(ErrorKind::Interrupted.into());
        }
        if matches!(self.peer, PeerSide::Reset | PeerSide::ResetTold) {
            self.hub.mark(Mark::ResetWritten);
            return Err(self.lose());
        }
        if offered == 0 {
            return self.takes_nothing();
        }
        let room = offered.min(self.send_max - self.unsent);
        // Memory may be scarce for a moment. Not when a deadline hangs on what is taken: to the
        // peer that would be the server's fault.
        let is_short = self.hub.strikes(Trouble::ShortWrites, 10, &mut self.random);
        let bytes = match is_short && self.hub.stage() != Stage::Expire {
            true => self.random.below(room + 1),
            false => room,
        };
        let mut left = bytes;
        for piece in pieces {
            let taken = piece.len().min(left);
            left -= taken;
            if let Err(wrong) = self.witness.on_write(&piece[..taken]) {
                self.fail(&wrong);
            }
        }
        self.unsent += bytes;
        // Of a file less may be taken although there is room. So no room is told only by a call that
        // takes nothing, and before that no edge is promised.
        self.may_write = match offer {
            Offer::Memory => bytes == offered,
            Offer::File => bytes > 0,
        };
        self.lacks_room = !self.may_write;
        if bytes == 0 {
            self.hub.mark(Mark::WriteBlocked);
            self.look_for_room();
            return Err(ErrorKind::WouldBlock.into());
        }
        self.tell(|| format!("{bytes} of {offered} bytes are taken"));
        self.work(bytes + WRITE_COST_BYTES);
        self.sources.wrote = true;
        self.totals.sent_bytes += bytes as u64;
        self.watch.on_write(bytes, self.hub.now());
        self.note_look();
        if bytes == offered {
            self.watch.on_offer_taken(self.hub.now());
        }
        if !self.witness.owes() {
            self.watch.on_all_written();
        }
        match offer {
            Offer::Memory if bytes < offered => {
                self.hub.mark(Mark::ShortWrite);
                self.look_for_room();
            }
            Offer::File if bytes < offered => self.hub.mark(Mark::ShortFile),
            Offer::Memory | Offer::File => {}
        }
        Ok(bytes)
    }

    fn takes_nothing(&mut self) -> io::Result<usize> {
        if let Err(wrong) = self.witness.on_empty_write() {
            self.fail(&wrong);
        }
        self.tell(|| "nothing is written, for that is how its answer ends".into());
        self.watch.on_write(0, self.hub.now());
        self.sources.wrote = true;
        Ok(0)
    }

    /// Our side is ended because nothing has come. Every request whose first byte arrives before this
    /// is answered: so the call before this one has looked for it, and found nothing.
    fn end_idle(&mut self) {
        if !self.is_at_rest() || self.witness.neglected().is_some() {
            self.fail("ended as idle, and it is not");
        }
        if self.unread() > 0 {
            self.fail("ended as idle, and its next request has come");
        }
        if self.silent_at != Some(self.hub.calls()) {
            self.fail("ended as idle, and its next request may have come since the last look");
        }
        self.hub.mark(Mark::EndedIdle);
        self.witness.last = Some(CloseReason::Drained);
    }

    pub fn server_shuts(&mut self) -> io::Result<()> {
        if self.witness.last.is_none() && self.hub.closes_idle() {
            self.end_idle();
        }
        if self.witness.is_answering() || self.witness.last.is_none() {
            self.fail("our side is shut down before the last answer is out");
        }
        if self.random.once_in(2) {
            self.jostle();
        }
        if matches!(self.peer, PeerSide::Reset | PeerSide::ResetTold) {
            self.hub.mark(Mark::ShutFailed);
            return Err(ErrorKind::NotConnected.into());
        }
        self.tell(|| "our side is shut down".into());
        (self.server, self.news) = (ServerSide::Shut, true);
        self.watch.on_shutdown(self.hub.now());
        Ok(())
    }

    pub fn server_wants_reset(&mut self) {
        self.reset_on_drop = true;
        // Whoever is cut off in the middle of an answer is reset, too.
        self.write_timed_out = matches!(self.hub.stage(), Stage::Drive | Stage::Expire);
    }
}
