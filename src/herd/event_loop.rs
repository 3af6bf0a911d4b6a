//! The loop: one `mio::Poll`, one slab, one thread.
//!
//! [`EventLoop::turn`] is all of it on one screen.

use std::io::{self, ErrorKind};
use std::time::Duration;

use mio::{Events, Poll, Token};
use oneloop::engine::{ClientId, Time};

use crate::clients::Clients;
use crate::phase::Phase;
use crate::plan::Plan;
use crate::probe::Expectations;
use crate::process::Process;
use crate::progress::Progress;
use crate::record::Record;
use crate::signals::Signals;
use crate::tally::{Part, ResourceTally, Tally};
use crate::times::Times;

/// More events wait in the kernel for the next turn. Each takes some microseconds, and meanwhile no
/// request is sent that has become due.
const EVENTS_PER_TURN_MAX: usize = 256;

/// No client has the generation `u32::MAX`.
const SIGNALS: Token = Token(usize::MAX);

/// How long a poll sleeps at most.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// How long answers are waited for after a signal, which asks for a quick end.
const PATIENCE_WHEN_TOLD: Duration = Duration::from_millis(500);

/// The loop of one run.
pub struct EventLoop<'p> {
    poll: Poll,
    events: Events,
    signals: &'p mut Signals,
    clients: Clients<'p>,
    now: Time,
    /// To which part of the run present latencies belong.
    part: Part,
    next_tick: Time,
    record: Record,
    progress: Progress<'p>,
    /// How many signals have come.
    signalled: usize,
}

/// Why a run has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was over.
    ByItself,
    /// A signal ended it early.
    BySignal,
}

/// What has come of a run.
pub struct Outcome {
    /// What was counted of each kind, in [`Kind`](crate::kind::Kind)'s order.
    pub tallies: Vec<Tally>,
    /// What was counted of each resource, if there are several.
    pub resources: Vec<ResourceTally>,
    /// Connections that still stood at the end, likewise.
    pub open: Vec<usize>,
    /// Requests of good clients that were due and that no client was free to send.
    pub unmade: u64,
    /// By how much requests were late through the fault of this program.
    pub lateness: Times,
    /// How it went over time.
    pub record: Record,
    /// From beginning to end.
    pub took: Duration,
    pub stopped: Stopped,
}

impl<'p> EventLoop<'p> {
    /// No client is connected yet.
    ///
    /// # Errors
    /// When the system has no poll for us, or does not report signals by it.
    pub fn new(
        plan: &'p Plan,
        expectations: &Expectations,
        process: Option<Process>,
        signals: &'p mut Signals,
    ) -> io::Result<EventLoop<'p>> {
        let poll = Poll::new()?;
        signals.register(poll.registry(), SIGNALS)?;
        let registry = poll.registry().try_clone()?;
        let record = Record::start(plan, process);
        let progress = Progress::start(plan, record.first);
        Ok(EventLoop {
            poll,
            events: Events::with_capacity(EVENTS_PER_TURN_MAX),
            signals,
            clients: Clients::new(plan, expectations, registry),
            now: Time::START,
            part: Phase::first(plan).part().unwrap_or(Part::Full),
            next_tick: record.next().min(progress.next()),
            record,
            progress,
            signalled: 0,
        })
    }

    /// Goes on until it is over.
    ///
    /// # Errors
    /// Those of the poll itself, which do not happen on a healthy system.
    pub fn run(mut self) -> io::Result<Outcome> {
        while self.clients.phase != Phase::Over {
            self.turn()?;
        }
        let unmade = self.clients.settle();
        self.now = self.clients.clock.now();
        self.tick();
        self.record.end_part(self.part);
        self.record.end();
        self.progress.finish();
        self.signals.deregister(self.poll.registry())?;
        let open = self.clients.groups.iter().map(|group| group.live).collect();
        Ok(Outcome {
            open,
            unmade,
            tallies: self.clients.groups.into_iter().map(|group| group.tally).collect(),
            resources: self.clients.resources,
            lateness: self.clients.lateness,
            record: self.record,
            took: self.now.since(Time::START),
            stopped: match self.signalled {
                0 => Stopped::ByItself,
                _ => Stopped::BySignal,
            },
        })
    }

    fn turn(&mut self) -> io::Result<()> {
        let timeout = self.poll_timeout();
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Ok(()) => {}
            // A signal has come in between: the turn has no events.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        self.note_events();
        self.clients.receive_again();
        self.now = self.clients.clock.now();
        self.clients.request_due(self.now);
        self.clients.open_due(self.now);
        self.clients.drip_due(self.now);
        self.clients.hang_up_due(self.now);
        if self.now >= self.next_tick {
            self.tick();
        }
        self.change_phase();
        Ok(())
    }

    /// Until something is due. A poll sleeps for whole milliseconds, and rather longer than shorter:
    /// what must not be late is waited for without sleep at the end.
    fn poll_timeout(&self) -> Duration {
        let now = self.clients.clock.now();
        let (exact, lazy) = self.clients.next_due(now);
        let lazy = lazy.map_or(SLEEP_MAX, |due| due.since(now)).min(self.next_tick.since(now));
        match exact {
            Some(due) => lazy.min(Duration::from_millis(due.since(now).as_millis() as u64)),
            None => lazy,
        }
    }

    fn note_events(&mut self) {
        for event in &self.events {
            match event.token() {
                SIGNALS => self.signalled += self.signals.take(),
                Token(token) => {
                    self.clients.on_event(ClientId::from_bits(token as u64), event.into());
                }
            }
        }
    }

    fn change_phase(&mut self) {
        loop {
            let next = self.next_phase();
            if next == self.clients.phase {
                return;
            }
            if let Some(part) = next.part() {
                // What was seen up to here belongs to the part that ends.
                self.tick();
                self.record.end_part(self.part);
                self.part = part;
            }
            self.clients.enter(next, self.now);
        }
    }

    fn next_phase(&self) -> Phase {
        match (self.signalled, self.clients.phase) {
            (1.., phase) if phase.is_on() => Phase::Ending { until: self.now + PATIENCE_WHEN_TOLD },
            (2.., _) => Phase::Over,
            (_, _) => self.clients.next_phase(self.now),
        }
    }

    /// Notes where everything stands, shows it, and adds recent latencies to those of their part.
    fn tick(&mut self) {
        let counts = self.clients.counts();
        let kind = self.clients.plan.main_kind();
        let recent = kind.map(|kind| self.clients.groups[kind as usize].tally.latency.recent());
        self.record.note(self.now, counts, recent);
        self.progress.note(&self.record.last, recent);
        for group in &mut self.clients.groups {
            group.tally.latency.fold(self.part);
        }
        self.next_tick = self.record.next().min(self.progress.next());
    }
}
