//! What all parts of a run look at: the virtual clock and calendar, the part of the turn that is
//! running, the connection that is being served, and the trace of a replay.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use oneloop::CloseReason;
use oneloop::engine::Time;

use crate::marks::{Mark, Outcome};
use crate::random::Random;
use crate::shown::Shown;
use crate::trouble::{Trouble, Troubles};

/// Which part of a turn is running: decides what a call on a stream is allowed to mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Between turns: only peers and the network act.
    Outside,
    Drive,
    Expire,
    Free,
    /// Accepting, and evicting for that.
    Accept,
    Register,
    CutOff,
}

/// What the server calls a stream for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Read,
    Write,
    /// None: it goes on with what it has read before.
    Look,
}

/// Whether every event is printed: only when one seed is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    Silent,
    Told,
}

/// Whether the server was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Running,
    Draining,
}

/// Shared by everything in a run.
#[derive(Debug)]
pub struct Hub {
    now: Cell<Time>,
    date: Cell<SystemTime>,
    stage: Cell<Stage>,
    /// How many stages there have been: tells one expiry from the next.
    epoch: Cell<u64>,
    life: Cell<Life>,
    serving: RefCell<VecDeque<usize>>,
    /// The last call was one of a client that is apart from a batch, or has left it.
    is_alone: Cell<bool>,
    stalled: RefCell<Option<Shown>>,
    descriptors: Cell<usize>,
    sources: Cell<usize>,
    appointments: Cell<usize>,
    /// What was done in the present stage, counted in bytes, and how much that may be.
    work: Cell<usize>,
    work_max: Cell<usize>,
    /// How much it is when the last batch has to have begun.
    last_batch: Cell<usize>,
    /// Whose connection was received from last, while a batch is.
    receiver: Cell<Option<usize>>,
    without: Troubles,
    trace: Trace,
    outcome: RefCell<Outcome>,
}

impl Hub {
    pub fn new(without: Troubles, trace: Trace) -> Hub {
        Hub {
            now: Cell::new(Time::START),
            date: Cell::new(SystemTime::UNIX_EPOCH),
            stage: Cell::new(Stage::Outside),
            last_batch: Cell::new(usize::MAX),
            receiver: Cell::new(None),
            epoch: Cell::new(0),
            life: Cell::new(Life::Running),
            serving: RefCell::default(),
            is_alone: Cell::new(false),
            stalled: RefCell::new(None),
            descriptors: Cell::new(0),
            sources: Cell::new(0),
            appointments: Cell::new(0),
            work: Cell::new(0),
            work_max: Cell::new(usize::MAX),
            without,
            trace,
            outcome: RefCell::new(Outcome { runs: 1, ..Outcome::default() }),
        }
    }

    pub fn now(&self) -> Time {
        self.now.get()
    }

    pub fn pass(&self, time: Duration) {
        self.now.set(self.now() + time);
    }

    /// What answers say in `Date`.
    pub fn date(&self) -> String {
        httpdate::fmt_http_date(self.date.get())
    }

    pub fn set_date(&self, date: SystemTime) {
        self.date.set(date);
    }

    pub fn life(&self) -> Life {
        self.life.get()
    }

    pub fn stop(&self) {
        self.life.set(Life::Draining);
    }

    pub fn stage(&self) -> Stage {
        self.stage.get()
    }

    pub fn epoch(&self) -> u64 {
        self.epoch.get()
    }

    pub fn enter(&self, stage: Stage) {
        assert!(self.stalled.borrow().is_none(), "a deadline was acted on, and nothing was sent");
        self.end_work();
        self.stage.set(stage);
        self.epoch.set(self.epoch() + 1);
        self.serving.borrow_mut().clear();
    }

    /// When so much is done in a stage from now on no batch may begin any more, and so much is the
    /// most that may be done with the last of them, both counted in bytes.
    pub fn allow_work(&self, last_batch: usize, most: usize) {
        self.last_batch.set(last_batch);
        self.work_max.set(most);
    }

    /// The server makes a call on this peer's connection, its first in this stage or not. Whether a
    /// batch begins by it that may not: several clients are received from, each perhaps more than
    /// once because a signal has come in between, before any of them is sent to.
    pub fn begins_batch_too_late(&self, index: usize, call: Call, is_first: bool) -> bool {
        let is_read = call == Call::Read && self.stage() == Stage::Drive;
        let last = self.receiver.get();
        let is_of_batch = is_read && (is_first || last == Some(index));
        self.receiver.set(is_of_batch.then_some(index));
        is_of_batch && last.is_none() && self.work.get() >= self.last_batch.get()
    }

    /// The server has done something that counts as so many bytes.
    pub fn work(&self, bytes: usize) {
        self.work.set(self.work.get() + bytes);
    }

    /// The handler has panicked, and the program goes on with the same part of the turn. Each call
    /// may do as much as a stage.
    pub fn go_on(&self) {
        self.end_work();
        self.epoch.set(self.epoch() + 1);
    }

    fn end_work(&self) {
        let (work, most) = (self.work.take(), self.work_max.get());
        assert!(work <= most, "{work} bytes' worth was done in a stage, and {most} are the most");
    }

    /// The server has made a call on this peer's connection; what the handler is asked soon may be
    /// asked for it. Soon, because several are received from before the first is answered. No more
    /// are received from in between two calls for the same client, or behind a write.
    pub fn serve(&self, index: usize, call: Call) {
        let mut serving = self.serving.borrow_mut();
        let is_same = serving.back() == Some(&index);
        self.is_alone.set(is_same || call != Call::Read);
        if !is_same {
            serving.push_back(index);
        }
    }

    /// Whom the handler is asked for: the first in the order of the calls whom it `fits`, or the
    /// last, if it fits nobody. Whoever was called before has had its turn, unless it `awaits`
    /// that: a batch may be sent to before all of it is answered. Who is sent to meanwhile may have
    /// more to be answered, and comes first.
    pub fn served(
        &self,
        fits: impl Fn(usize) -> bool,
        awaits: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut serving = self.serving.borrow_mut();
        let last = serving.back().copied()?;
        let is_last = serving.len() == 1 || self.is_alone.get() && awaits(last) && fits(last);
        if !is_last && let Some(place) = serving.iter().position(|index| fits(*index)) {
            let found = serving[place];
            let mut from = 0;
            serving.retain(|index| {
                from += 1;
                from > place || awaits(*index)
            });
            return Some(found);
        }
        Some(last)
    }

    /// A deadline has been acted on by an answer. Whose it was shows in the next call.
    pub fn stall(&self, shown: Shown) {
        let before = self.stalled.replace(Some(shown));
        assert!(before.is_none(), "a deadline was acted on, and nothing was sent");
    }

    pub fn take_stalled(&self) -> Option<Shown> {
        self.stalled.take()
    }

    /// How many connections the server has a descriptor for.
    pub fn descriptors(&self) -> usize {
        self.descriptors.get()
    }

    pub fn open_descriptor(&self) {
        self.descriptors.set(self.descriptors() + 1);
    }

    pub fn close_descriptor(&self) {
        self.descriptors.set(self.descriptors() - 1);
    }

    /// How many sources there are.
    pub fn sources(&self) -> usize {
        self.sources.get()
    }

    pub fn add_source(&self) {
        self.sources.set(self.sources() + 1);
    }

    pub fn remove_source(&self) {
        self.sources.set(self.sources() - 1);
    }

    /// A source was asked because its time had come.
    pub fn note_appointment(&self) {
        self.appointments.set(self.appointments.get() + 1);
    }

    /// How often that was so since this was last asked.
    pub fn take_appointments(&self) -> usize {
        self.appointments.take()
    }

    pub fn has(&self, trouble: Trouble) -> bool {
        !self.without.contain(trouble)
    }

    /// Whether this trouble comes now, as it does once in `times`. The draw is made in any case,
    /// so that a run without a trouble is otherwise the same.
    pub fn strikes(&self, trouble: Trouble, times: usize, random: &mut Random) -> bool {
        random.once_in(times) && self.has(trouble)
    }

    pub fn mark(&self, mark: Mark) {
        self.outcome.borrow_mut().mark(mark);
    }

    pub fn note_end(&self, reason: CloseReason) {
        self.outcome.borrow_mut().closed[reason as usize] += 1;
    }

    /// How many connections have ended for each reason, by what crossed the system calls.
    pub fn ends(&self) -> [u64; CloseReason::ALL.len()] {
        self.outcome.borrow().closed
    }

    pub fn with_outcome<T>(&self, look: impl FnOnce(&mut Outcome) -> T) -> T {
        look(&mut self.outcome.borrow_mut())
    }

    /// Prints a line of the trace, if there is one.
    pub fn tell(&self, line: impl FnOnce() -> String) {
        if self.trace == Trace::Told {
            let millis = self.now().since(Time::START).as_micros() as f64 / 1000.0;
            println!("{millis:>12.3} ms {:<8} {}", format!("{:?}", self.stage()), line());
        }
    }
}
