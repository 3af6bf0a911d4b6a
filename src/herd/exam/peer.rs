//! One connection of the examiner: what it sends, and which answers come.
//!
//! No call waits but [`Peer::until`], and that for a time that its caller says and never beyond the
//! stage's own. A stage can let several peers take [steps](Peer::step) in turn.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::net::{SendFlags, send};
use socket2::SockRef;

use super::interrupt::Interrupt;
use super::transcript::{End, Transcript};
use crate::clock::Clock;
use crate::load::answer::{Answer, Checked, Checker, Partial, Wrong};
use crate::units;

/// Holds many short answers, and a long one takes few calls.
const INPUT_BYTES: usize = 64 * 1024;

/// How often a peer sends and receives in one step: others have their turn after a mebibyte.
const CALLS_PER_STEP_MAX: usize = 16;

/// How long a stage may take, and how long one answer.
#[derive(Clone, Debug)]
pub struct TimeLimits {
    pub began: Clock,
    pub limit: Duration,
    pub patience: Duration,
    /// No time is left once a signal has come.
    pub interrupt: Rc<Interrupt>,
}

impl TimeLimits {
    /// What is left of the stage's time.
    pub fn left(&self) -> Duration {
        match self.interrupt.has_come() {
            true => Duration::ZERO,
            false => self.began.left(self.limit),
        }
    }
}

/// A connection.
pub struct Peer {
    stream: TcpStream,
    limits: TimeLimits,
    unsent: Vec<u8>,
    sent: usize,
    ends_when_sent: bool,
    /// The server's kernel has refused bytes: the connection is closed or was reset.
    pub is_refused: bool,
    checker: Checker,
    partial: Partial,
    /// Answers that have come and that no stage has looked at.
    answers: VecDeque<Answer>,
    wrong: Option<Wrong>,
    transcript: Transcript,
    /// Where the transcript goes that belongs to the verdict.
    shown: Rc<RefCell<Transcript>>,
}

impl Peer {
    /// A connection that is established. Its answers have to be as `checker` says.
    pub fn new(
        stream: TcpStream,
        checker: Checker,
        limits: TimeLimits,
        shown: Rc<RefCell<Transcript>>,
    ) -> Result<Peer, String> {
        stream.set_nonblocking(true).map_err(|reason| reason.to_string())?;
        Ok(Peer {
            stream,
            limits,
            unsent: Vec::new(),
            sent: 0,
            ends_when_sent: false,
            is_refused: false,
            checker,
            partial: Partial::Nothing,
            answers: VecDeque::new(),
            wrong: None,
            transcript: Transcript::default(),
            shown,
        })
    }

    /// Puts bytes behind those that are still to be sent, and sends what the kernel takes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.unsent.drain(..std::mem::take(&mut self.sent));
        self.unsent.extend_from_slice(bytes);
        self.push();
    }

    /// Sends a byte beside the stream, which TCP calls urgent. Where that cannot be done, as a part of
    /// it.
    pub fn send_urgently(&mut self, byte: u8) {
        match send(&self.stream, &[byte], SendFlags::OOB) {
            Ok(_) => self.transcript.sent.add(&[byte]),
            Err(_) => self.send(&[byte]),
        }
    }

    /// Closes the sending side behind what is still to be sent.
    pub fn half_close(&mut self) {
        self.ends_when_sent = true;
        self.push();
    }

    /// Ends the connection by a reset.
    pub fn reset(self) {
        // If it fails, the connection is lost already.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// Whether the kernel has everything.
    pub fn has_sent_all(&self) -> bool {
        self.sent == self.unsent.len()
    }

    pub fn end(&self) -> Option<End> {
        self.transcript.end
    }

    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// How many answers have come that no stage has looked at.
    pub fn answered(&self) -> usize {
        self.answers.len()
    }

    /// Takes the next of the answers that have come.
    pub fn take_answer(&mut self) -> Option<Answer> {
        self.answers.pop_front()
    }

    /// Why the last thing that came is no right answer.
    pub fn wrong(&self) -> Option<&str> {
        self.wrong.as_ref().map(|wrong| wrong.reason.as_str())
    }

    /// Whether nothing more can come: it has ended, or what comes could not be understood.
    pub fn is_over(&self) -> bool {
        self.transcript.end.is_some() || self.wrong.is_some()
    }

    /// The content of the first answer, if its checker learns.
    pub fn into_learned(self) -> Vec<u8> {
        self.checker.into_learned()
    }

    /// Sends what the kernel takes, and receives nothing.
    pub fn push(&mut self) {
        for _ in 0..CALLS_PER_STEP_MAX {
            if self.has_sent_all() {
                break;
            }
            match self.stream.write(&self.unsent[self.sent..]) {
                Ok(len) => {
                    self.transcript.sent.add(&self.unsent[self.sent..self.sent + len]);
                    self.sent += len;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.is_refused = true;
                    self.sent = self.unsent.len();
                }
            }
        }
        if self.ends_when_sent && self.has_sent_all() {
            self.ends_when_sent = false;
            // If it fails, the connection is lost, and receiving tells.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }

    /// Sends and receives what is possible now.
    pub fn step(&mut self) {
        self.push();
        let mut input = [0; INPUT_BYTES];
        for _ in 0..CALLS_PER_STEP_MAX {
            if self.receive(&mut input) == Came::NothingNow {
                return;
            }
        }
    }

    /// Receives at most this many bytes.
    pub fn sip(&mut self, len: usize) {
        self.receive(&mut vec![0; len]);
    }

    fn receive(&mut self, input: &mut [u8]) -> Came {
        if self.end().is_some() {
            return Came::NothingNow;
        }
        match self.stream.read(input) {
            Ok(0) => {
                self.transcript.end = Some(End::Closed);
                // What comes behind something wrong is not looked at, but the end is.
                if self.wrong.is_some() {
                    return Came::NothingNow;
                }
                match self.checker.end(&mut self.partial) {
                    Ok(answer) => self.answers.extend(answer),
                    Err(wrong) => self.wrong = Some(wrong),
                }
            }
            Ok(len) => {
                self.transcript.came.add(&input[..len]);
                self.check(&input[..len]);
                return Came::Some;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => return Came::Some,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => {
                self.transcript.end = Some(End::Reset);
                if self.wrong.is_none() && !matches!(self.partial, Partial::Nothing) {
                    let reason = "the connection is reset in the middle of an answer".to_owned();
                    self.wrong = Some(Wrong { reason, status: None, shown: Vec::new() });
                }
            }
        }
        Came::NothingNow
    }

    fn check(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.wrong.is_none() {
            match self.checker.take(&mut self.partial, bytes) {
                Ok(Checked::Part(len)) => bytes = &bytes[len..],
                Ok(Checked::Whole(len, answer)) => {
                    self.answers.push_back(answer);
                    bytes = &bytes[len..];
                }
                Err(wrong) => {
                    self.wrong = Some(wrong);
                    return;
                }
            }
        }
    }

    /// Sends and receives until there is enough, nothing more can come, or the time is over. Says
    /// whether there is enough.
    pub fn until(&mut self, time: Duration, is_enough: impl Fn(&Peer) -> bool) -> bool {
        self.go_on(time, Going::BothWays, |peer| is_enough(peer) || peer.is_over());
        is_enough(self)
    }

    /// Lets this time pass, even if the connection ends; sends and receives meanwhile.
    pub fn pause(&mut self, time: Duration) {
        self.go_on(time, Going::BothWays, |_| false);
    }

    /// Sends for this time, and receives nothing.
    pub fn push_for(&mut self, time: Duration) {
        self.go_on(time, Going::Out, |_| false);
    }

    /// Waits until the kernel has everything, or refuses it, or takes no byte for as long as an answer
    /// may take.
    pub fn push_all(&mut self) {
        loop {
            let before = self.sent;
            let has_moved = |peer: &Peer| peer.has_sent_all() || peer.sent > before;
            self.go_on(self.limits.patience, Going::Out, has_moved);
            if self.has_sent_all() || self.sent == before || self.limits.left().is_zero() {
                return;
            }
        }
    }

    /// Does what is possible, again and again, until it is enough or the time is over.
    fn go_on(&mut self, time: Duration, going: Going, is_enough: impl Fn(&Peer) -> bool) {
        let wait = Clock::start();
        loop {
            let wanted = match going {
                Going::BothWays => {
                    self.step();
                    PollFlags::IN
                }
                Going::Out => {
                    self.push();
                    PollFlags::empty()
                }
            };
            self.show();
            let left = wait.left(time).min(self.limits.left());
            if is_enough(self) || left.is_zero() {
                return;
            }
            self.await_socket(left, wanted);
        }
    }

    /// Waits for the next answer.
    pub fn answer(&mut self) -> Result<Answer, String> {
        self.answer_within(self.limits.patience)
    }

    /// Waits for the next answer, which may take this long.
    pub fn answer_within(&mut self, time: Duration) -> Result<Answer, String> {
        self.until(time, |peer| !peer.answers.is_empty());
        match self.answers.pop_front() {
            Some(answer) => Ok(answer),
            None => Err(self.silence()),
        }
    }

    /// Waits for the server's end of the connection, whatever comes before it.
    pub fn await_end(&mut self, time: Duration) -> Option<End> {
        self.go_on(time, Going::BothWays, |peer| peer.end().is_some());
        self.end()
    }

    /// Why there is no answer.
    pub fn silence(&self) -> String {
        match (&self.wrong, self.transcript.end) {
            (Some(wrong), _) => wrong.reason.clone(),
            (None, Some(End::Closed)) => "the connection ends without an answer".to_owned(),
            (None, Some(End::Reset)) => "the connection is reset without an answer".to_owned(),
            (None, None) => format!("no answer within {}", units::time(self.limits.patience)),
        }
    }

    /// What was sent and received here belongs to the verdict.
    pub fn show(&self) {
        self.shown.borrow_mut().clone_from(&self.transcript);
    }

    /// Waits until there is room for what is still to be sent, what `wanted` says has come, or the time
    /// is over.
    fn await_socket(&self, time: Duration, mut wanted: PollFlags) {
        if !self.has_sent_all() {
            wanted |= PollFlags::OUT;
        }
        let interrupt = &self.limits.interrupt;
        if wanted.is_empty() || self.end().is_some() {
            // An end is reported whatever is asked for: without a socket there is nothing to report.
            interrupt.pause(time);
        } else {
            interrupt.await_socket(self.stream.as_fd(), wanted, time);
        }
    }
}

/// Which ways bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Going {
    BothWays,
    Out,
}

/// Whether receiving may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Some,
    NothingNow,
}
