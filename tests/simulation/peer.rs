//! A peer: sends what its script says, and takes what comes.
//!
//! A peer acts when it is asked to, and says when it wants to be asked again. It looks only at
//! its end of the wire. Whether what it gets is right has been judged where it was written.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use oneloop::engine::Time;

use crate::hub::Hub;
use crate::marks::Mark;
use crate::random::Random;
use crate::script::{Ending, How, Kind, Merit, Reading, Script, Stop, When};
use crate::wire::{Seen, ServerSide, Wire};

/// How long a client waits for a 100 before it sends its content all the same, in milliseconds.
const CONTINUE_PATIENCE_MAX: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Thinking {
        until: Time,
    },
    Sending {
        next: Time,
    },
    /// The head is out, the content waits for a 100.
    Holding {
        until: Time,
    },
    /// For answers, or for the end.
    Waiting,
    Done,
}

#[derive(Debug)]
pub struct Peer {
    pub number: usize,
    pub wire: Rc<RefCell<Wire>>,
    pub arrives: Time,
    script: Rc<Script>,
    hub: Rc<Hub>,
    random: Random,
    doing: Doing,
    /// Pieces that are sent, or are being sent.
    begun: usize,
    /// Up to where it is sending.
    end: usize,
    ended_own_side: bool,
    stop: Option<Stop>,
    next_sip: Time,
    next: Option<Time>,
}

impl Peer {
    pub fn new(wire: Rc<RefCell<Wire>>, hub: Rc<Hub>, random: Random, arrives: Time) -> Peer {
        let (number, script) = (wire.borrow().name, wire.borrow().script.clone());
        Peer {
            number,
            wire,
            arrives,
            stop: script.stop,
            script,
            hub,
            random,
            doing: Doing::Waiting,
            begun: 0,
            end: 0,
            ended_own_side: false,
            next_sip: Time::START,
            next: Some(Time::START),
        }
    }

    pub fn is_done(&self) -> bool {
        self.doing == Doing::Done
    }

    /// Does what it can, and says when it wants to act again without anything having come.
    pub fn act(&mut self) -> Option<Time> {
        let now = self.hub.world();
        if !self.wire.borrow().has_news() && self.next.is_none_or(|next| now < next) {
            return self.next;
        }
        let before = self.doing;
        if !self.is_done() {
            self.read();
            self.write();
        }
        // Whoever has done something may have more to do.
        self.next = if self.doing == before { self.next_act() } else { Some(now) };
        self.next
    }

    /// If it thinks for longer before it goes on, it does so until then.
    pub fn think_until(&mut self, until: Time) {
        if let Doing::Thinking { until: thinks } = self.doing
            && until < thinks
        {
            (self.doing, self.next) = (Doing::Thinking { until }, Some(until));
        }
    }

    fn next_act(&self) -> Option<Time> {
        let sip = match self.script.reading {
            Reading::Sips { .. } if !self.is_done() => Some(self.next_sip),
            Reading::Sips { .. } | Reading::Everything | Reading::UpTo(_) => None,
        };
        let act = match self.doing {
            Doing::Thinking { until } | Doing::Holding { until } => Some(until),
            Doing::Sending { next } => Some(next),
            Doing::Waiting | Doing::Done => None,
        };
        sip.into_iter().chain(act).min()
    }

    fn read(&mut self) {
        let now = self.hub.world();
        if let Reading::Sips { bytes, every } = self.script.reading
            && now >= self.next_sip
        {
            self.wire.borrow_mut().peer_sips(bytes);
            self.next_sip = now + every;
        }
        let seen = self.wire.borrow_mut().peer_reads();
        let (received, server) = (self.wire.borrow().received(), self.wire.borrow().server());
        match seen {
            Seen::Open if self.script.reading != Reading::Everything => {
                if server == ServerSide::Gone {
                    self.doing = Doing::Done;
                }
            }
            Seen::Open => {}
            Seen::End => self.on_end(),
            Seen::Reset => {
                self.hub.tell(|| format!("peer {}: reads a reset", self.number));
                self.doing = Doing::Done;
            }
        }
        if let Some(Stop { when: When::Received(bytes), .. }) = self.stop
            && received >= bytes
            && !self.is_done()
        {
            self.halt();
        }
    }

    fn write(&mut self) {
        let now = self.hub.world();
        match self.doing {
            Doing::Thinking { until } if now >= until => self.begin_group(),
            Doing::Sending { next } if now >= next => self.send(),
            Doing::Holding { until } if now >= until || self.has_leave() => self.release(),
            Doing::Thinking { .. } | Doing::Sending { .. } | Doing::Holding { .. } => {}
            Doing::Waiting => self.go_on(),
            Doing::Done => {}
        }
    }

    /// Nothing is left to send of what was begun.
    fn go_on(&mut self) {
        let all_begun = self.begun == self.script.pieces.len();
        if all_begun && matches!(self.stop, Some(Stop { when: When::AllSent, .. })) {
            return self.halt();
        }
        if all_begun && self.script.ending == Ending::HalfCloseAtOnce {
            self.end_own_side();
        }
        if !self.has_all_answers() || self.is_told_to_close() {
            return;
        }
        if !all_begun {
            let think_micros = self.script.think_max.as_micros() as usize;
            let pause = Duration::from_micros(self.random.below(think_micros + 1) as u64);
            // Nobody thinks in the middle of a message.
            let sent = self.wire.borrow().sent();
            let is_between = self.script.messages.iter().any(|message| message.from == sent);
            let pause = if is_between { pause } else { Duration::ZERO };
            self.doing = Doing::Thinking { until: self.hub.world() + pause };
        } else if self.script.ending == Ending::HalfCloseAfter {
            self.end_own_side();
        }
    }

    fn has_all_answers(&self) -> bool {
        let wire = self.wire.borrow();
        wire.witness.answers_in(wire.received()) >= self.script.answers_to(wire.sent())
    }

    /// Whether an answer that has come says that it is the last.
    fn is_told_to_close(&self) -> bool {
        let wire = self.wire.borrow();
        let all = wire.witness.answers_in(wire.received()) == wire.witness.handled;
        wire.witness.last.is_some() && all
    }

    fn begin_group(&mut self) {
        let pieces = &self.script.pieces[self.begun..];
        let most = self.script.pipelined_max.min(pieces.len());
        for piece in &pieces[..self.random.between(1, most)] {
            self.begun += 1;
            self.end = piece.holds_at.unwrap_or(piece.end);
            // What waits for leave, or comes at another pace, is another group.
            let next = self.script.pieces.get(self.begun);
            if piece.holds_at.is_some() || next.is_some_and(|next| next.pace != piece.pace) {
                break;
            }
        }
        self.doing = Doing::Sending { next: self.hub.world() };
    }

    fn send(&mut self) {
        let piece = self.script.pieces[self.begun - 1];
        let (bytes, pause) = piece.pace.step(&mut self.random);
        let sent = self.wire.borrow().sent();
        let bytes = bytes.min(self.end - sent);
        self.wire.borrow_mut().peer_sends(bytes);
        let now = self.hub.world();
        self.doing = if sent + bytes < self.end {
            Doing::Sending { next: now + pause }
        } else if self.end < piece.end {
            let patience = self.random.below(CONTINUE_PATIENCE_MAX) as u64;
            Doing::Holding { until: now + Duration::from_millis(patience) }
        } else {
            Doing::Waiting
        };
    }

    fn has_leave(&self) -> bool {
        let wire = self.wire.borrow();
        wire.witness.has_leave(self.end, wire.received())
    }

    fn release(&mut self) {
        if self.is_told_to_close() {
            self.doing = Doing::Waiting;
            return;
        }
        self.end = self.script.pieces[self.begun - 1].end;
        self.doing = Doing::Sending { next: self.hub.world() };
    }

    /// What it does in the middle of everything.
    fn halt(&mut self) {
        let Some(Stop { how, .. }) = self.stop.take() else { return };
        self.hub.tell(|| format!("peer {}: halts: {how:?}", self.number));
        self.begun = self.script.pieces.len();
        self.doing = Doing::Waiting;
        match how {
            How::Silence => {}
            How::End => self.end_own_side(),
            How::Reset => {
                self.wire.borrow_mut().peer_resets();
                self.doing = Doing::Done;
            }
            How::Leave => {
                self.wire.borrow_mut().peer_leaves();
                self.doing = Doing::Done;
            }
        }
    }

    fn end_own_side(&mut self) {
        if !self.ended_own_side {
            self.ended_own_side = true;
            self.wire.borrow_mut().peer_ends();
        }
    }

    fn on_end(&mut self) {
        self.hub.tell(|| format!("peer {}: reads the end", self.number));
        // Some peers leave it to the server to notice that they have gone.
        if !self.random.once_in(4) {
            self.end_own_side();
        }
        let is_slow = matches!(self.script.kind, Kind::SlowReader | Kind::SlowSender);
        if is_slow && self.script.merit == Merit::Prompt && self.has_all_answers() {
            self.hub.mark(Mark::SlowServed);
        }
        self.doing = Doing::Done;
    }
}
