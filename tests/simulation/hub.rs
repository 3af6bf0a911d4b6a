//! What all parts of a run look at: the virtual clock and calendar, the part of the turn that is
//! running, and the trace of a replay.

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime};

use oneloop::engine::Time;
use oneloop::{CloseReason, Waker};

use crate::marks::{Mark, Outcome};
use crate::random::Random;
use crate::trouble::{Trouble, Troubles};

/// How soon the server asks the poll again that has refused to report a client.
const REGISTRATION_REST: Duration = Duration::from_millis(100);

/// Which part of a turn is running: decides what a call on a stream is allowed to mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Between turns: only peers and the network act.
    Outside,
    Drive,
    /// What clients send behind their last answer is thrown away.
    Linger,
    Expire,
    /// Idle clients are ended, because the server stops.
    EndIdle,
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
    /// It was, and only says so.
    Announcing,
    Draining,
}

/// A source is to be woken.
#[derive(Debug)]
pub struct Wake {
    /// By the world's clock.
    pub at: Time,
    /// The place of its client's wire, and its number among the sources of that.
    pub index: usize,
    pub source: u64,
    pub waker: Waker,
}

/// Shared by everything in a run.
#[derive(Debug)]
pub struct Hub {
    /// The server's clock.
    now: Cell<Time>,
    /// How far it is behind the world's: it stands still while the server is held.
    behind: Cell<Duration>,
    is_holding: Cell<bool>,
    date: Cell<SystemTime>,
    stage: Cell<Stage>,
    /// How many stages there have been: tells one expiry from the next.
    epoch: Cell<u64>,
    life: Cell<Life>,
    closes_idle: Cell<bool>,
    calls: Cell<u64>,
    admitted: Cell<u64>,
    is_short: Cell<bool>,
    /// Until when the server need not ask the poll again, which has refused to report a client.
    refused_until: Cell<Time>,
    descriptors: Cell<usize>,
    sources: Cell<usize>,
    appointments: Cell<usize>,
    wakes: RefCell<Vec<Wake>>,
    /// What was done in the present stage, counted in bytes, and how much that may be.
    work: Cell<usize>,
    work_max: Cell<usize>,
    /// How much of that may be for clients that linger.
    lingering_max: Cell<usize>,
    /// How much it is when the last batch has to have begun.
    last_batch: Cell<usize>,
    /// Whose connection was received from last, while a batch is.
    receiver: Cell<Option<usize>>,
    has_failed: Cell<bool>,
    without: Troubles,
    trace: Trace,
    outcome: RefCell<Outcome>,
}

impl Hub {
    pub fn new(without: Troubles, trace: Trace) -> Hub {
        Hub {
            now: Cell::new(Time::START),
            behind: Cell::new(Duration::ZERO),
            is_holding: Cell::new(false),
            date: Cell::new(SystemTime::UNIX_EPOCH),
            stage: Cell::new(Stage::Outside),
            lingering_max: Cell::new(usize::MAX),
            last_batch: Cell::new(usize::MAX),
            receiver: Cell::new(None),
            epoch: Cell::new(0),
            life: Cell::new(Life::Running),
            closes_idle: Cell::new(false),
            calls: Cell::new(0),
            admitted: Cell::new(0),
            is_short: Cell::new(false),
            refused_until: Cell::new(Time::START),
            descriptors: Cell::new(0),
            sources: Cell::new(0),
            appointments: Cell::new(0),
            wakes: RefCell::default(),
            work: Cell::new(0),
            work_max: Cell::new(usize::MAX),
            has_failed: Cell::new(false),
            without,
            trace,
            outcome: RefCell::new(Outcome { runs: 1, ..Outcome::default() }),
        }
    }

    /// What time it is for the server.
    pub fn now(&self) -> Time {
        self.now.get()
    }

    /// What time it is for the peers.
    pub fn world(&self) -> Time {
        self.now() + self.behind.get()
    }

    pub fn pass(&self, time: Duration) {
        match self.is_holding.get() {
            true => self.behind.set(self.behind.get() + time),
            false => self.now.set(self.now() + time),
        }
    }

    /// Whether the server is held, and its clients take single steps.
    pub fn is_holding(&self) -> bool {
        self.is_holding.get()
    }

    /// From now on time passes for the peers only, or for all.
    pub fn set_holding(&self, is_holding: bool) {
        self.is_holding.set(is_holding);
    }

    /// The poll refuses to report a client.
    pub fn refuse_registration(&self) {
        self.mark(Mark::RegistrationFailed);
        self.refused_until.set(self.now() + REGISTRATION_REST);
    }

    /// Whether it has done so a moment ago, so that the server rests from asking.
    pub fn rests_from_registering(&self) -> bool {
        self.now() < self.refused_until.get()
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

    pub fn set_life(&self, life: Life) {
        self.life.set(life);
    }

    /// How many calls the server has made on all connections.
    pub fn calls(&self) -> u64 {
        self.calls.get()
    }

    pub fn note_call(&self) {
        self.calls.set(self.calls() + 1);
    }

    /// Whether the server closes clients because they are idle.
    pub fn closes_idle(&self) -> bool {
        self.closes_idle.get()
    }

    pub fn close_idle(&self) {
        self.closes_idle.set(true);
    }

    pub fn stage(&self) -> Stage {
        self.stage.get()
    }

    pub fn epoch(&self) -> u64 {
        self.epoch.get()
    }

    pub fn enter(&self, stage: Stage) {
        self.end_work();
        self.stage.set(stage);
        self.epoch.set(self.epoch() + 1);
    }

    /// When so much is done in a stage from now on no batch may begin any more, and so much is the
    /// most that may be done with the last of them, both counted in bytes.
    pub fn allow_work(&self, last_batch: usize, most: usize) {
        self.last_batch.set(last_batch);
        self.work_max.set(most);
    }

    /// Clients that linger may be given this much in a stage, all of them together.
    pub fn allow_lingering(&self, most: usize) {
        self.lingering_max.set(most);
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
        let work = self.work.take();
        let most = match self.stage() {
            Stage::Linger => self.lingering_max.get(),
            Stage::Outside
            | Stage::Drive
            | Stage::Expire
            | Stage::EndIdle
            | Stage::Free
            | Stage::Accept
            | Stage::Register
            | Stage::CutOff => self.work_max.get(),
        };
        assert!(work <= most, "{work} bytes' worth was done in a stage, and {most} are the most");
    }

    /// Whether there was no descriptor for the connection that waited last.
    pub fn is_short(&self) -> bool {
        self.is_short.get()
    }

    pub fn set_short(&self, is_short: bool) {
        self.is_short.set(is_short);
    }

    /// How many connections the server has taken in.
    pub fn admitted(&self) -> u64 {
        self.admitted.get()
    }

    pub fn note_admitted(&self) {
        self.admitted.set(self.admitted() + 1);
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

    /// Another part of the program is going to do this.
    pub fn plan_wake(&self, wake: Wake) {
        self.wakes.borrow_mut().push(wake);
    }

    /// When it does the next of that, by the world's clock.
    pub fn next_wake(&self) -> Option<Time> {
        self.wakes.borrow().iter().map(|wake| wake.at).min()
    }

    /// What it does now.
    pub fn take_wakes(&self) -> Vec<Wake> {
        let world = self.world();
        self.wakes.borrow_mut().extract_if(.., |wake| wake.at <= world).collect()
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

    /// Something is wrong with the server. Its own code meets the panic that tells so, and resets the
    /// client by that: what it does from now on is not judged.
    pub fn note_failure(&self) {
        self.has_failed.set(true);
    }

    pub fn has_failed(&self) -> bool {
        self.has_failed.get()
    }

    /// Prints a line of the trace, if there is one.
    pub fn tell(&self, line: impl FnOnce() -> String) {
        if self.trace == Trace::Told {
            let millis = self.now().since(Time::START).as_micros() as f64 / 1000.0;
            println!("{millis:>12.3} ms {:<8} {}", format!("{:?}", self.stage()), line());
        }
    }
}
