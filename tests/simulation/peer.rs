//! A peer: sends what its script says, reads what comes, and compares it with the model.
//!
//! A peer acts when it is asked to, and says when it wants to be asked again. It must never look
//! at the server, only at its end of the wire and, to know what a stopping server had to say, at
//! the handler's record.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use oneloop::engine::Time;

use crate::handler::{Echo, Life};
use crate::hub::Hub;
use crate::model::{self, Expected, Persistence};
use crate::random::Random;
use crate::script::{Ending, Kind, Script};
use crate::wire::{Read, Segment, ServerSide, Wire};

/// How long a client waits for a 100 before it sends its content all the same.
const CONTINUE_PATIENCE_MAX: usize = 200;

/// Why a peer need not get what it otherwise deserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excuse {
    None,
    /// It was the longest idle, and another wanted in.
    Evicted,
    /// The clock leapt over deadlines.
    Leapt,
    /// The server is stopping: what was handled is answered, the rest is not.
    Stopping,
    /// It was turned away, or cut off, or the system failed on it.
    CutOff,
}

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
    pub script: Script,
    pub wire: Rc<RefCell<Wire>>,
    pub excuse: Excuse,
    pub arrives: Time,
    pub answered: usize,
    pub continues: u64,
    /// The exchange for which a 100 has come, or has been passed over: it is not to come again.
    continued: Option<usize>,
    hub: Rc<Hub>,
    random: Random,
    doing: Doing,
    outbox: Vec<u8>,
    held: Vec<u8>,
    /// Exchanges that are sent, or are being sent.
    begun: usize,
    sent_bytes: usize,
    ended_own_side: bool,
    got: Vec<u8>,
    /// The answer that is arriving, as it should be.
    expected: Vec<u8>,
    /// An answer has said that it is the last.
    told_close: bool,
    /// It has got something else than it asked for, and has an excuse.
    broken_off: bool,
}

impl Peer {
    pub fn new(
        number: usize,
        script: Script,
        wire: Rc<RefCell<Wire>>,
        hub: Rc<Hub>,
        random: Random,
        arrives: Time,
    ) -> Peer {
        Peer {
            number,
            script,
            wire,
            excuse: Excuse::None,
            arrives,
            answered: 0,
            continues: 0,
            continued: None,
            hub,
            random,
            doing: Doing::Waiting,
            outbox: Vec::new(),
            held: Vec::new(),
            begun: 0,
            sent_bytes: 0,
            ended_own_side: false,
            got: Vec::new(),
            expected: Vec::new(),
            told_close: false,
            broken_off: false,
        }
    }

    pub fn is_done(&self) -> bool {
        self.doing == Doing::Done
    }

    /// When it wants to act without anything having come.
    pub fn next(&self) -> Option<Time> {
        match self.doing {
            Doing::Thinking { until } | Doing::Holding { until } => Some(until),
            Doing::Sending { next } => Some(next),
            Doing::Waiting | Doing::Done => None,
        }
    }

    pub fn act(&mut self, handler: &Echo) {
        if self.is_done() {
            return;
        }
        self.read(handler);
        let now = self.hub.now();
        match self.doing {
            Doing::Done => {}
            Doing::Thinking { until } if now >= until => self.begin_group(),
            Doing::Sending { next } if now >= next => self.send(),
            Doing::Holding { until } if now >= until => self.release(),
            Doing::Thinking { .. } | Doing::Sending { .. } | Doing::Holding { .. } => {}
            Doing::Waiting => self.go_on(),
        }
    }

    fn pause(&mut self, max: Duration) -> Time {
        let micros = self.random.between(0, max.as_micros() as usize);
        self.hub.now() + Duration::from_micros(micros as u64)
    }

    /// Nothing is left to send of what was begun.
    fn go_on(&mut self) {
        let all_begun = self.begun == self.script.exchanges.len();
        if all_begun && self.script.ending == Ending::HalfCloseAtOnce {
            self.end_own_side();
        }
        if self.answered < self.begun || self.told_close {
            return;
        }
        if !all_begun {
            let until = self.pause(self.script.think_max);
            self.doing = Doing::Thinking { until };
        } else if self.script.ending == Ending::HalfCloseAfter {
            self.end_own_side();
        }
    }

    fn begin_group(&mut self) {
        let most = self.script.pipelined_max.min(self.script.exchanges.len() - self.begun);
        for _ in 0..self.random.between(1, most) {
            let exchange = &self.script.exchanges[self.begun];
            self.outbox.extend_from_slice(exchange.blank);
            self.outbox.extend_from_slice(&exchange.head);
            self.begun += 1;
            if exchange.expects {
                self.held.extend_from_slice(&exchange.content);
                break;
            }
            self.outbox.extend_from_slice(&exchange.content);
            // What comes at another pace is another group.
            let next = self.script.exchanges.get(self.begun);
            if next.is_some_and(|next| next.pace.pause_max != exchange.pace.pause_max) {
                break;
            }
        }
        self.doing = Doing::Sending { next: self.hub.now() };
    }

    fn send(&mut self) {
        let pace = self.script.exchanges[self.begun - 1].pace;
        let bytes = self.random.between(1, pace.bytes_max).min(self.outbox.len());
        let bytes = bytes.min(self.script.bytes_max - self.sent_bytes);
        if bytes > 0 {
            let segment = self.outbox.drain(..bytes).collect();
            self.sent_bytes += bytes;
            self.wire.borrow_mut().peer_sends(Segment::Bytes(segment));
        }
        if self.sent_bytes == self.script.bytes_max {
            self.stop_sending();
        } else if !self.outbox.is_empty() {
            self.doing = Doing::Sending { next: self.pause(pace.pause_max) };
        } else if !self.held.is_empty() {
            let patience = self.random.below(CONTINUE_PATIENCE_MAX);
            let until = self.hub.now() + Duration::from_millis(patience as u64);
            self.doing = Doing::Holding { until };
        } else {
            self.doing = Doing::Waiting;
        }
    }

    fn stop_sending(&mut self) {
        self.outbox.clear();
        self.held.clear();
        self.script.exchanges.truncate(self.begun);
        self.doing = Doing::Waiting;
        if self.script.kind == Kind::Vanishes {
            self.hub.tell(|| format!("peer {}: vanishes", self.number));
            self.wire.borrow_mut().peer_sends(Segment::Reset);
            self.doing = Doing::Done;
        }
    }

    fn release(&mut self) {
        self.outbox = std::mem::take(&mut self.held);
        self.doing = Doing::Sending { next: self.hub.now() };
    }

    fn end_own_side(&mut self) {
        if !self.ended_own_side {
            self.ended_own_side = true;
            self.wire.borrow_mut().peer_sends(Segment::End);
        }
    }

    fn read(&mut self, handler: &Echo) {
        loop {
            let most = self.random.pick(&[1, 50, 1000, 100_000]);
            let read = self.wire.borrow_mut().peer_reads(most);
            match read {
                Read::Bytes(bytes) => {
                    self.got.extend_from_slice(&bytes);
                    self.compare(handler);
                }
                Read::Nothing => break,
                Read::End => return self.on_end(handler),
                Read::Reset => return self.on_reset(handler),
            }
        }
        let cannot_read = self.script.window != usize::MAX;
        if cannot_read && self.wire.borrow().server() == ServerSide::Gone {
            self.doing = Doing::Done;
        }
    }

    /// Takes whole answers off what has come. The last one may still be arriving.
    fn compare(&mut self, handler: &Echo) {
        while !self.got.is_empty() && !self.broken_off {
            if self.told_close {
                // Nothing may follow the last answer.
                self.fail("something follows the last answer");
            }
            let Some(exchange) = self.script.exchanges.get(self.answered) else {
                // A request cut short may be answered as such.
                return self.break_off("an answer, and nothing is asked");
            };
            let Expected::Echo(asked) = &exchange.expected else { return };
            if exchange.expects && self.continued != Some(self.answered) {
                if model::CONTINUE.starts_with(&self.got) && self.got.len() < model::CONTINUE.len()
                {
                    return;
                }
                self.continued = Some(self.answered);
                let Some(rest) = self.got.strip_prefix(model::CONTINUE) else { continue };
                self.got = rest.to_vec();
                self.continues += 1;
                if matches!(self.doing, Doing::Holding { .. }) {
                    self.release();
                }
                continue;
            }
            let persistence = match handler.handled_in(self.number, self.answered) {
                Some(Life::Running) => asked.persistence,
                Some(Life::Draining) => Persistence::Close,
                None => return self.break_off("an answer to what was not handled"),
            };
            if self.expected.is_empty() {
                self.expected = model::echo(asked, persistence);
            }
            let Some(agreed) = model::agreed(&self.got, &self.expected) else {
                let (got, expected) = (self.got.escape_ascii(), self.expected.escape_ascii());
                self.fail(&format!("got {got}\n instead of {expected}"));
            };
            if agreed < self.expected.len() {
                return;
            }
            self.got.drain(..agreed);
            self.expected.clear();
            self.answered += 1;
            self.told_close = persistence == Persistence::Close;
            self.hub.tell(|| format!("peer {}: has {} answers", self.number, self.answered));
        }
    }

    /// It gets what it has not asked for: not if it was correct and in time.
    fn break_off(&mut self, what: &str) {
        let odd = match self.script.kind {
            Kind::Correct | Kind::Garbage | Kind::Silent => false,
            Kind::NeverReads
            | Kind::Vanishes
            | Kind::DripsHead
            | Kind::DripsBlanks
            | Kind::Stalls
            | Kind::TalksOn => true,
        };
        if !odd && self.excuse == Excuse::None {
            self.fail(what);
        }
        self.broken_off = true;
    }

    fn on_end(&mut self, handler: &Echo) {
        self.hub.tell(|| format!("peer {}: reads the end", self.number));
        let exchange = self.script.exchanges.get(self.answered);
        if let Some(Expected::Fault(status)) = exchange.map(|exchange| &exchange.expected)
            && model::is_last_answer(&self.got, status)
        {
            self.answered += 1;
            self.got.clear();
        }
        // Some peers leave it to the server to notice that they have gone.
        if self.random.once_in(4) {
            self.ended_own_side = true;
        }
        self.end_own_side();
        self.doing = Doing::Done;
        self.judge_answers(handler);
    }

    fn on_reset(&mut self, handler: &Echo) {
        self.hub.tell(|| format!("peer {}: reads a reset", self.number));
        self.doing = Doing::Done;
        if self.deserves_answers() && self.excuse == Excuse::None {
            self.fail("reset, and had done nothing wrong");
        }
        let stopping = self.deserves_answers() && self.excuse == Excuse::Stopping;
        if stopping && !self.broken_off && self.answered < handler.handled(self.number) {
            self.fail("reset, and the reset has destroyed an answer");
        }
    }

    fn deserves_answers(&self) -> bool {
        matches!(self.script.kind, Kind::Correct | Kind::Garbage)
    }

    fn judge_answers(&self, handler: &Echo) {
        if !self.deserves_answers() {
            return;
        }
        match self.excuse {
            Excuse::None => {
                if self.answered < self.script.exchanges.len() || !self.got.is_empty() {
                    self.fail("the end, and not everything is answered");
                }
            }
            Excuse::Stopping if !self.broken_off => {
                if self.answered < handler.handled(self.number) {
                    self.fail("the end, and not everything that was handled is answered");
                }
            }
            Excuse::Stopping | Excuse::Evicted | Excuse::Leapt | Excuse::CutOff => {}
        }
    }

    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        let (kind, ending) = (self.script.kind, self.script.ending);
        let (answered, all) = (self.answered, self.script.exchanges.len());
        self.wire.borrow().fail(&format!("{kind:?} {ending:?}, {answered} of {all}: {what}"))
    }
}
