//! What a peer is going to send, and how: drawn once, from the seed, before it connects.
//!
//! A script is bytes, cut into pieces that belong together. What they mean is not said here but
//! by the model of framing, which reads them as a whole.

mod header;
mod manners;
mod requests;
mod strange;

use std::time::Duration;

use oneloop::{Config, TimeoutClass};

use self::manners::KINDS;
use crate::framing::{self, Message};
#[cfg(feature = "site")]
use crate::oracle::agreement;
use crate::proxied::Proxied;
use crate::random::Random;

pub use self::manners::{Ending, How, Kind, Merit, Pace, Reading, Stop, When};

#[derive(Debug)]
pub struct Script {
    pub kind: Kind,
    /// All that it will ever send.
    pub bytes: Vec<u8>,
    pub pieces: Vec<Piece>,
    /// What that is, by the model.
    pub messages: Vec<Message>,
    /// How many pieces are sent at once before their answers are waited for.
    pub pipelined_max: usize,
    /// The longest pause between two groups of pieces.
    pub think_max: Duration,
    pub ending: Ending,
    pub stop: Option<Stop>,
    pub reading: Reading,
    pub merit: Merit,
    /// What its proxy says first, if it comes through one.
    pub proxied: Option<Proxied>,
}

/// Bytes that are sent together; in most scripts a request.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// If it waits there for leave to send the rest.
    pub holds_at: Option<usize>,
    pub end: usize,
    pub pace: Pace,
}

/// How much the peers of a run have to say: in a large crowd each says little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Long,
    Brief,
}

impl Script {
    /// The script of the peer with this number.
    pub fn draw(peer: usize, length: Length, random: &mut Random, config: &Config) -> Script {
        let kind = random.pick(&KINDS);
        let ends = [Ending::HalfCloseAtOnce, Ending::HalfCloseAfter, Ending::Stay, Ending::Asked];
        let ending = match kind {
            Kind::TalksOn => Ending::Asked,
            Kind::DripsHead | Kind::DripsBlanks | Kind::Watcher => Ending::Stay,
            Kind::Garbage | Kind::Smuggler | Kind::SlowReader | Kind::SlowSender => {
                random.pick(&ends[..3])
            }
            Kind::Correct
            | Kind::Mutant
            | Kind::NeverReads
            | Kind::Vanishes
            | Kind::EndsEarly
            | Kind::Leaves
            | Kind::Silent
            | Kind::Stalls => random.pick(&ends),
        };
        let timeouts = &config.timeouts;
        let mut script = Script {
            kind,
            bytes: Vec::new(),
            pieces: Vec::new(),
            messages: Vec::new(),
            pipelined_max: random.pick(&[1, 1, 2, 5, 20]),
            think_max: random.pick(&[Duration::ZERO, timeouts.idle.min(timeouts.first_byte) / 2]),
            ending,
            stop: None,
            reading: Reading::Everything,
            merit: Merit::Prompt,
            proxied: None,
        };
        let pace = Pace::draw(length, random);
        script.ask(peer, length, pace, random);
        script.bend(peer, pace, random, config);
        script.messages = framing::messages(&script.bytes, &config.limits);
        #[cfg(feature = "site")]
        agreement::compare(&script.bytes, &script.messages, &config.limits);
        script
    }

    fn ask(&mut self, peer: usize, length: Length, pace: Pace, random: &mut Random) {
        let many = random.once_in(3);
        let count = match length {
            Length::Brief => random.between(1, 2),
            Length::Long if pace.is_drip() => random.between(1, 3),
            Length::Long => random.between(1, if many { 30 } else { 4 }),
        };
        for number in 0..count {
            let is_last = number + 1 == count && self.ending == Ending::Asked;
            let request = requests::draw(&requests::Wanted { peer, number, is_last, pace }, random);
            self.push(request);
        }
    }

    fn push(&mut self, exchange: requests::Exchange) {
        self.bytes.extend_from_slice(&exchange.head);
        let holds_at = exchange.expects.then_some(self.bytes.len());
        self.bytes.extend_from_slice(&exchange.content);
        self.pieces.push(Piece { holds_at, end: self.bytes.len(), pace: exchange.pace });
    }

    /// Sends `bytes` behind everything else.
    fn push_bytes(&mut self, bytes: &[u8], pace: Pace) {
        self.bytes.extend_from_slice(bytes);
        self.pieces.push(Piece { holds_at: None, end: self.bytes.len(), pace });
    }

    /// What it is, in one line of a trace.
    pub fn describe(&self) -> String {
        let Script { kind, ending, stop, reading, .. } = self;
        let (bytes, pieces) = (self.bytes.len(), self.pieces.len());
        format!("{kind:?}, {bytes} bytes in {pieces} pieces, {ending:?}, {stop:?}, {reading:?}")
    }

    /// How many messages are to be answered once so many bytes have been sent.
    pub fn answers_to(&self, bytes: usize) -> usize {
        self.messages.iter().take_while(|message| message.end <= bytes).count()
    }

    /// Leaves out what is behind so many pieces.
    pub fn keep_pieces(&mut self, count: usize, config: &Config) {
        self.pieces.truncate(count);
        self.keep_bytes(self.pieces.last().map_or(0, |piece| piece.end));
        self.read_messages(config);
    }

    /// Leaves out all but the first pieces, fewer than `most`, and says how many are left.
    fn keep_some(&mut self, most: usize, random: &mut Random) -> usize {
        let some = random.below(most).min(self.pieces.len());
        self.keep_bytes(some.checked_sub(1).map_or(0, |last| self.pieces[last].end));
        some
    }

    fn keep_bytes(&mut self, count: usize) {
        self.bytes.truncate(count);
        let mut begin = 0;
        self.pieces.retain_mut(|piece| {
            let begins_before = begin < count;
            begin = piece.end;
            piece.end = piece.end.min(count);
            piece.holds_at = piece.holds_at.filter(|at| *at < count);
            begins_before
        });
    }

    /// Makes the peer as strange as its kind.
    fn bend(&mut self, peer: usize, pace: Pace, random: &mut Random, config: &Config) {
        let (limits, timeouts) = (&config.limits, &config.timeouts);
        match self.kind {
            Kind::Correct => {}
            Kind::Garbage => self.push_bytes(&strange::garbage(limits, pace, random), pace),
            Kind::Smuggler => self.push_bytes(&strange::smuggled(peer, random), pace),
            Kind::Mutant => {
                strange::mutate(&mut self.bytes, random);
                self.pieces.clear();
                self.push_bytes(&[], pace);
            }
            Kind::NeverReads => {
                self.merit = Merit::Slow;
                self.reading = Reading::UpTo(random.pick(&[0, 100, 5000]));
            }
            Kind::SlowReader => {
                let (step, pause) = self.steady(config, TimeoutClass::Write, random);
                self.reading = Reading::Sips { bytes: step, every: pause };
                // Nobody wants to see it take a megabyte at a byte a second.
                let enough = Stop { when: When::Received(step * 40), how: How::Leave };
                self.stop = Some(enough);
                let head = requests::large(peer, self.pieces.len(), step * 24);
                self.push_bytes(head.as_bytes(), pace);
            }
            Kind::SlowSender => {
                let (bytes, pause) = self.steady(config, TimeoutClass::Body, random);
                let body_bytes = (bytes * 24).min(limits.body_bytes_max);
                let head = requests::posting_head(peer, self.pieces.len(), body_bytes);
                self.push_bytes(head.as_bytes(), pace.without_pauses());
                self.push_bytes(&vec![b's'; body_bytes], Pace::Steady { bytes, pause });
                self.pipelined_max = usize::MAX;
            }
            Kind::Vanishes if random.once_in(2) => {
                self.push_bytes(&strange::garbage(limits, pace, random), pace);
                self.stop = Some(Stop { when: When::AllSent, how: How::Reset });
                (self.merit, self.ending) = (Merit::Slow, Ending::Stay);
            }
            Kind::Vanishes | Kind::EndsEarly | Kind::Leaves | Kind::Stalls => {
                self.interrupt(random);
            }
            Kind::Watcher => {
                let begun = self.keep_some(2, random);
                self.push_bytes(requests::watching(peer, begun, random).as_bytes(), pace);
                let (received, how) =
                    (random.between(1, 1500), random.pick(&[How::Reset, How::Leave]));
                self.stop = Some(Stop { when: When::Received(received), how });
                self.merit = Merit::Slow;
            }
            Kind::Silent => self.keep_bytes(0),
            Kind::TalksOn => {
                let most = if pace.is_drip() { 50 } else { 100_000 };
                let talk = vec![b't'; random.between(1, most)];
                self.push_bytes(&talk, pace.without_pauses());
                self.pipelined_max = usize::MAX;
            }
            Kind::DripsHead => {
                let pause = timeouts.head / random.between(3, 30) as u32;
                self.keep_some(3, random);
                let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(150));
                self.push_bytes(head.as_bytes(), Pace::Any { bytes_max: 1, pause_max: pause });
                self.merit = Merit::Slow;
            }
            Kind::DripsBlanks => {
                let pause = timeouts.head.min(timeouts.idle) / 2;
                self.keep_bytes(self.pieces[0].end);
                self.push_bytes(&b"\r\n".repeat(100), Pace::Any { bytes_max: 3, pause_max: pause });
                self.merit = Merit::Slow;
                self.pipelined_max = usize::MAX;
            }
        }
    }

    /// Stops somewhere, by how much was sent or how much has come.
    fn interrupt(&mut self, random: &mut Random) {
        let hows =
            [(Kind::Vanishes, How::Reset), (Kind::EndsEarly, How::End), (Kind::Leaves, How::Leave)];
        let how = hows.into_iter().find(|(kind, _)| *kind == self.kind);
        let how = how.map_or(How::Silence, |(_, how)| how);
        let when = match random.once_in(3) && how != How::Silence && how != How::End {
            true => When::Received(random.below(2000)),
            false => {
                self.keep_bytes(random.below(self.bytes.len()) + 1);
                When::AllSent
            }
        };
        self.stop = Some(Stop { when, how });
        self.merit = if how == How::End { Merit::Prompt } else { Merit::Slow };
        self.ending = Ending::Stay;
    }

    /// A steady speed that is well above what is asked for, or well below: so many bytes, and the
    /// pause behind them.
    fn steady(
        &mut self,
        config: &Config,
        class: TimeoutClass,
        random: &mut Random,
    ) -> (usize, Duration) {
        let timeout = config.timeouts.of(class);
        let needed = config.limits.progress_bytes(timeout).max(1);
        let step = (needed / 8).max(1);
        // Against speeds of exactly the minimum, chance decides; nobody should rely on those.
        let speed = if random.once_in(2) { 2.2 } else { 0.4 };
        self.merit = if speed > 1.0 { Merit::Prompt } else { Merit::Slow };
        let second_bytes = f64::from(config.limits.progress_bytes_per_second_min) * speed;
        (step as usize, Duration::from_secs_f64(step as f64 / second_bytes))
    }
}
