//! What all stages share: where the server is, what it answers, and how much time is left.

use std::cell::RefCell;
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

use super::connecting;
use super::interrupt::Interrupt;
use super::peer::{Peer, TimeLimits};
use super::settings::Settings;
use super::transcript::Transcript;
use super::verdict::{Problem, not_tried};
use super::watched::Watched;
use crate::clock::Clock;
use crate::load::answer::{Checker, Expected};
use crate::load::sources::{Buffers, Sources};
use crate::payloads::{self, UNREAD_BYTES_MIN};

/// Pages that show the time mostly do so in seconds.
const CHANGE: Duration = Duration::from_millis(1100);

/// The examiner, for one server.
pub struct Examiner {
    pub settings: Settings,
    sources: RefCell<Sources>,
    limits: TimeLimits,
    /// What the path is answered by.
    usual: Result<Learned, Problem>,
    /// What the big path is answered by, if there is one of its own.
    big: Option<Result<Learned, Problem>>,
    /// When that was learned.
    learned: Clock,
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
    pub fn new(settings: Settings, interrupt: Rc<Interrupt>) -> Examiner {
        let patience = settings.patience;
        Examiner {
            sources: RefCell::new(Sources::new(settings.server.target())),
            limits: TimeLimits { began: Clock::start(), limit: patience, patience, interrupt },
            usual: not_tried("nothing was asked"),
            big: None,
            learned: Clock::start(),
            watched: settings.pid.map(Watched::new),
            shown: Rc::default(),
            settings,
        }
    }

    /// A stage begins, which may take this long.
    pub fn begin(&mut self, limit: Duration) {
        self.limits.began = Clock::start();
        self.limits.limit = limit;
        *self.shown.borrow_mut() = Transcript::default();
    }

    /// How long the present stage has taken.
    pub fn took(&self) -> Duration {
        self.limits.began.spent()
    }

    /// What is left of the stage's time.
    pub fn left(&self) -> Duration {
        self.limits.left()
    }

    pub fn patience(&self) -> Duration {
        self.limits.patience
    }

    /// Whether a signal has come that ends the exam.
    pub fn is_interrupted(&self) -> bool {
        self.limits.interrupt.has_come()
    }

    /// What the client that decided was sent and has received.
    pub fn shown(&self) -> Transcript {
        self.shown.borrow().clone()
    }

    /// Whether something listens there.
    pub fn reach(&mut self) -> Result<(), Problem> {
        self.begin(self.limits.patience);
        self.connected(Buffers::Usual, self.limits.patience).map(drop)
    }

    /// Learns what a GET for the path is answered by, and for the big path.
    pub fn learn(&mut self) {
        self.begin(2 * self.limits.patience);
        self.usual = self.learned(&self.settings.path);
        self.begin(2 * self.limits.patience);
        self.big = self.settings.big_path.as_ref().map(|path| self.learned(path));
        self.learned = Clock::start();
    }

    /// Whether the path is answered, when a client alone asks.
    pub fn is_answered(&self) -> Result<(), Problem> {
        self.usual.as_ref().map(|_| ()).map_err(Problem::clone)
    }

    /// How each path is answered, in words.
    pub fn told(&self) -> Vec<String> {
        let usual = told(&self.settings.path, &self.usual);
        let big = self.settings.big_path.as_ref().zip(self.big.as_ref());
        std::iter::once(usual).chain(big.map(|(path, learned)| told(path, learned))).collect()
    }

    /// If two answers have the same content, all must have it.
    fn learned(&self, path: &str) -> Result<Learned, Problem> {
        let first = self.ask_alone(path)?;
        let (status, body, bytes) = self.ask_alone(path)?;
        let is_same = first.0 == status && first.1 == body;
        let exactly = Expected::Exactly { status, body: body.into() };
        Ok(Learned { expected: if is_same { exactly } else { Expected::Any }, bytes })
    }

    /// The status, the content, and how many bytes came.
    fn ask_alone(&self, path: &str) -> Result<(u16, Vec<u8>, usize), Problem> {
        let mut peer = self.connect_with(Checker::learning(), Buffers::Usual)?;
        peer.send(&payloads::get(path, &self.settings.fields));
        let status = peer.answer()?.status;
        let bytes = peer.transcript().came.bytes as usize;
        Ok((status, peer.into_learned(), bytes))
    }

    /// Asks alone once more. If a body has changed since it was learned, the path's bodies are not
    /// compared any more. Says whether that is so of any.
    pub fn bodies_change(&mut self) -> bool {
        self.begin(2 * self.limits.patience);
        let usual = self.changed(&self.settings.path, self.usual.as_ref());
        let big = self.settings.big_path.as_ref().zip(self.big.as_ref());
        let big = big.and_then(|(path, learned)| self.changed(path, learned.as_ref()));
        let is_any = usual.is_some() || big.is_some();
        if let Some(usual) = usual {
            self.usual = Ok(usual);
        }
        if let Some(big) = big {
            self.big = Some(Ok(big));
        }
        is_any
    }

    /// What is known of a path whose body has changed. Another status is no change: the server may be
    /// in trouble.
    fn changed(&self, path: &str, learned: Result<&Learned, &Problem>) -> Option<Learned> {
        let Ok(Learned { expected: Expected::Exactly { status, body }, .. }) = learned else {
            return None;
        };
        let (now, content, bytes) = self.ask_alone(path).ok()?;
        let is_changed = now == *status && content[..] != body[..];
        is_changed.then_some(Learned { expected: Expected::Any, bytes })
    }

    /// Lets so much time pass since the first answers that a page with the time in it has changed.
    pub fn await_change(&self) {
        self.pause(self.learned.left(CHANGE));
    }

    /// Lets this time pass, or less if a signal comes.
    pub fn pause(&self, time: Duration) {
        self.limits.interrupt.pause(time);
    }

    /// A client whose answers have to be those of the path.
    pub fn connect(&self) -> Result<Peer, Problem> {
        let usual = self.usual.as_ref().map(|usual| usual.expected.clone());
        self.connect_with(Checker::new(usual.unwrap_or(Expected::Any)), Buffers::Usual)
    }

    /// A client whose answers only have to be well-formed.
    pub fn connect_freely(&self) -> Result<Peer, Problem> {
        self.connect_with(Checker::new(Expected::Any), Buffers::Usual)
    }

    fn connect_with(&self, checker: Checker, buffers: Buffers) -> Result<Peer, Problem> {
        let stream = self.connected(buffers, self.limits.patience)?;
        self.peer(stream, checker)
    }

    /// A client that connects within this time.
    pub fn connect_within(&self, time: Duration) -> Result<Peer, Problem> {
        let stream = self.connected(Buffers::Usual, time)?;
        self.peer(stream, Checker::new(Expected::Any))
    }

    fn peer(&self, stream: TcpStream, checker: Checker) -> Result<Peer, Problem> {
        Peer::new(stream, checker, self.limits.clone(), Rc::clone(&self.shown))
            .map_err(Problem::NotTried)
    }

    /// A connection that is established.
    fn connected(&self, buffers: Buffers, time: Duration) -> Result<TcpStream, Problem> {
        connecting::connected(&mut self.sources.borrow_mut(), buffers, time, &self.limits)
    }

    /// A GET for the path.
    pub fn get(&self) -> Vec<u8> {
        payloads::get(&self.settings.path, &self.settings.fields)
    }

    /// A new client asks, and must be answered.
    pub fn ask(&self) -> Result<Peer, Problem> {
        let mut peer = self.connect()?;
        peer.send(&self.get());
        peer.answer()?;
        Ok(peer)
    }

    /// Three new clients ask, one after the other, while this is so.
    pub fn ask_while(&self, what: &str) -> Result<(), Problem> {
        for _ in 0..3 {
            self.ask().map_err(|why| why.of(&format!("while {what}, a new client gets")))?;
        }
        Ok(())
    }

    /// A client with small buffers that has asked for more than the kernels hold for it, and not read.
    pub fn owed(&self) -> Result<Owed, Problem> {
        let path = self.settings.big_path.as_ref().unwrap_or(&self.settings.path);
        let learned = match self.big.as_ref().unwrap_or(&self.usual) {
            Ok(learned) => learned,
            Err(problem) => {
                return not_tried(format!("a GET for {path} is not answered: {}", problem.told()));
            }
        };
        let answers = UNREAD_BYTES_MIN.div_ceil(learned.bytes.max(1));
        let checker = Checker::new(learned.expected.clone());
        let mut peer = self.connect_with(checker, Buffers::Small)?;
        if answers > 1 && self.keeps_connections()?.is_none() {
            return not_tried(format!(
                "an answer has {} bytes, and the server closes after each; give a longer one: \
                 --big-path /PATH",
                learned.bytes
            ));
        }
        peer.send(&payloads::get(path, &self.settings.fields).repeat(answers));
        Ok(Owed { peer, answers })
    }

    /// A client that has asked and whose connection stays open, as the server's answer says.
    pub fn keeps_connections(&self) -> Result<Option<Peer>, Problem> {
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

/// How a path is answered, in words.
fn told(path: &str, learned: &Result<Learned, Problem>) -> String {
    let by = match learned {
        Ok(Learned { expected: Expected::Exactly { status, body }, .. }) => {
            format!("status {status} and a body of {} bytes", body.len())
        }
        Ok(Learned { expected: Expected::Any, .. }) => {
            "bodies that differ, so they are not compared".to_owned()
        }
        Err(problem) => return format!("a GET for {path} is not answered: {}", problem.told()),
    };
    format!("a GET for {path} is answered by {by}")
}
