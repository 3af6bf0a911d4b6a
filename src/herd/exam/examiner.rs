//! What all stages share: where the server is, what it answers, and how much time is left.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::peer::{Peer, TimeLimits};
use super::settings::Settings;
use super::transcript::Transcript;
use super::verdict::{Problem, not_tried};
use super::watched::Watched;
use crate::clock::Clock;
use crate::load::answer::{Checker, Expected};
use crate::load::sources::{self, Buffers, Target};
use crate::payloads;

/// A client with small buffers has to be owed more than the kernels hold for it: less than 110,000 bytes
/// by TCP, and less than 213,000 by a Unix socket.
const OWED_BYTES_MIN: usize = 256 * 1024;

/// The examiner, for one server.
pub struct Examiner {
    pub settings: Settings,
    target: Target,
    limits: TimeLimits,
    /// What the path is answered by.
    usual: Learned,
    /// What the big path is answered by.
    big: Learned,
    watched: Option<Watched>,
    shown: Rc<RefCell<Transcript>>,
}

/// An answer, after the first ones.
#[derive(Clone, Debug)]
pub struct Learned {
    pub expected: Expected,
    pub bytes: usize,
}

/// A client that is owed more than the kernels hold for it.
pub struct Owed {
    pub peer: Peer,
    /// How many answers it is owed.
    pub answers: usize,
}

impl Examiner {
    pub fn new(settings: Settings) -> Examiner {
        let patience = settings.patience;
        let unknown = Learned { expected: Expected::Any, bytes: 0 };
        Examiner {
            target: settings.server.target(),
            limits: TimeLimits { began: Clock::start(), limit: patience, patience },
            usual: unknown.clone(),
            big: unknown,
            watched: settings.pid.map(Watched::new),
            shown: Rc::default(),
            settings,
        }
    }

    /// A stage begins, which may take this long.
    pub fn begin(&mut self, limit: Duration) {
        self.limits = TimeLimits { began: Clock::start(), limit, ..self.limits };
        *self.shown.borrow_mut() = Transcript::default();
    }

    /// How long the present stage has taken.
    pub fn took(&self) -> Duration {
        self.limits.limit - self.limits.left()
    }

    /// What is left of the stage's time.
    pub fn left(&self) -> Duration {
        self.limits.left()
    }

    pub fn patience(&self) -> Duration {
        self.limits.patience
    }

    /// What the client that decided was sent and has received.
    pub fn shown(&self) -> Transcript {
        self.shown.borrow().clone()
    }

    /// Whether something listens there.
    pub fn reach(&mut self) -> Result<(), String> {
        self.begin(self.limits.patience);
        let target = &self.target;
        let reached = sources::connect_within(target, Buffers::Usual, self.limits.patience);
        reached.map(drop).map_err(|reason| reason.to_string())
    }

    /// Learns what a GET for the path is answered by, and for the big path.
    pub fn learn(&mut self) -> Result<(), String> {
        self.begin(4 * self.limits.patience);
        self.usual = self.learned(&self.settings.path)?;
        if let Some(big_path) = &self.settings.big_path {
            self.big = self.learned(big_path)?;
        } else {
            self.big = self.usual.clone();
        }
        Ok(())
    }

    /// How the path is answered, in words.
    pub fn usual(&self) -> String {
        match &self.usual.expected {
            Expected::Exactly { status, body } => {
                format!("status {status} and a body of {} bytes", body.len())
            }
            Expected::Any => "bodies that differ, so they are not compared".to_owned(),
        }
    }

    /// If two answers have the same content, all must have it.
    fn learned(&self, path: &str) -> Result<Learned, String> {
        let mut seen = Vec::new();
        for _ in 0..2 {
            let mut peer = self.connect_with(Checker::learning(), Buffers::Usual)?;
            peer.send(&payloads::get(path, &self.settings.fields));
            let status = peer.answer()?.status;
            let bytes = peer.transcript().came.bytes as usize;
            seen.push((status, bytes, peer.into_learned()));
        }
        let (status, bytes, body) = seen.pop().unwrap_or_default();
        let is_same = seen.iter().all(|(other, _, first)| *other == status && *first == body);
        let exactly = Expected::Exactly { status, body: body.into() };
        Ok(Learned { expected: if is_same { exactly } else { Expected::Any }, bytes })
    }

    /// A client whose answers have to be those of the path.
    pub fn connect(&self) -> Result<Peer, String> {
        self.connect_with(Checker::new(self.usual.expected.clone()), Buffers::Usual)
    }

    /// A client whose answers only have to be well-formed.
    pub fn connect_freely(&self) -> Result<Peer, String> {
        self.connect_with(Checker::new(Expected::Any), Buffers::Usual)
    }

    fn connect_with(&self, checker: Checker, buffers: Buffers) -> Result<Peer, String> {
        let time = self.limits.patience.min(self.limits.left());
        let stream = sources::connect_within(&self.target, buffers, time)
            .map_err(|reason| format!("cannot connect: {reason}"))?;
        Peer::new(stream, checker, self.limits, Rc::clone(&self.shown))
    }

    /// A client that connects within this time, or not.
    pub fn connect_within(&self, time: Duration) -> Option<Peer> {
        let time = time.min(self.limits.left()).max(Duration::from_millis(1));
        let stream = sources::connect_within(&self.target, Buffers::Usual, time).ok()?;
        let checker = Checker::new(Expected::Any);
        Peer::new(stream, checker, self.limits, Rc::clone(&self.shown)).ok()
    }

    /// A GET for the path.
    pub fn get(&self) -> Vec<u8> {
        payloads::get(&self.settings.path, &self.settings.fields)
    }

    /// A new client asks, and must be answered.
    pub fn ask(&self) -> Result<Peer, String> {
        let mut peer = self.connect()?;
        peer.send(&self.get());
        peer.answer()?;
        Ok(peer)
    }

    /// Three new clients ask, one after the other, while `what` goes on.
    pub fn ask_beside(&self, what: &str) -> Result<(), String> {
        for _ in 0..3 {
            self.ask().map_err(|why| format!("beside {what} another client asks: {why}"))?;
        }
        Ok(())
    }

    /// A client with small buffers that has asked for more than the kernels hold for it, and not read.
    pub fn owed(&self) -> Result<Owed, Problem> {
        let path = self.settings.big_path.as_ref().unwrap_or(&self.settings.path);
        let answers = OWED_BYTES_MIN.div_ceil(self.big.bytes.max(1));
        let checker = Checker::new(self.big.expected.clone());
        let mut peer = self.connect_with(checker, Buffers::Small)?;
        if answers > 1 && self.keeps_connections()?.is_none() {
            return not_tried(format!(
                "an answer has {} bytes, and the server closes behind each; give a longer one: \
                 --big-path /PATH",
                self.big.bytes
            ));
        }
        peer.send(&payloads::get(path, &self.settings.fields).repeat(answers));
        Ok(Owed { peer, answers })
    }

    /// A client that has asked and whose connection stays open, as the server's answer says.
    pub fn keeps_connections(&self) -> Result<Option<Peer>, String> {
        let mut peer = self.connect()?;
        peer.send(&self.get());
        let answer = peer.answer()?;
        Ok((!answer.last).then_some(peer))
    }

    /// The server's process, if the user has named it.
    pub fn watched(&self) -> Result<&Watched, Problem> {
        match &self.watched {
            Some(watched) => Ok(watched),
            None => not_tried("it needs the server's process: --pid PID"),
        }
    }
}
