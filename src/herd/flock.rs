//! All clients of one kind: how many there are, how many there should be, and when the next acts.

use std::collections::VecDeque;
use std::time::Duration;

use oneloop::engine::{ClientId, Time};

use crate::kind::{Kind, Manner};
use crate::load::schedule::Schedule;
use crate::plan::{Afterwards, Group, Plan};
use crate::tally::Tally;

/// One kind's clients.
#[derive(Debug)]
pub struct Flock {
    kind: Kind,
    wanted: usize,
    /// How many requests are due at a time.
    at_a_time: usize,
    afterwards: Afterwards,
    /// Connections that stand or are under way.
    pub live: usize,
    /// Connections that were ever begun.
    begun: u64,
    /// When requests, or connections made for one each, are due; without it, at once.
    pub schedule: Option<Schedule<Time>>,
    /// Who can make a request, longest first, where a schedule says when. One who has gone since
    /// is passed over.
    pub free: VecDeque<ClientId>,
    pub tally: Tally,
}

impl Flock {
    /// The clients of `kind` that `plan` asks for.
    pub fn new(kind: Kind, plan: &Plan) -> Flock {
        let Group { clients, rate } = plan.group(kind);
        let begins = match kind.manner() {
            Manner::Keeps => Time::START,
            Manner::Cycles | Manner::Holds => Time::after_start(plan.calm),
        };
        // A get client's requests are due a batch at a time.
        let at_a_time = if kind == Kind::Get { plan.depth } else { 1 };
        // Each kind has moments of its own.
        let seed = plan.seed.wrapping_add(kind as u64);
        let end = Time::after_start(plan.length);
        let schedule = rate.map(|rate| Schedule::new(begins, end, rate / at_a_time as f64, seed));
        Flock {
            kind,
            wanted: clients,
            at_a_time,
            afterwards: plan.afterwards,
            live: 0,
            begun: 0,
            schedule,
            free: VecDeque::new(),
            tally: Tally::new(),
        }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it is to have another connection, apart from its schedule.
    pub fn has_room(&self) -> bool {
        match (self.kind.manner(), self.afterwards) {
            (Manner::Holds, Afterwards::Leave) => self.begun < self.wanted as u64,
            (Manner::Holds, Afterwards::Replace) | (Manner::Keeps | Manner::Cycles, _) => {
                self.live < self.wanted
            }
        }
    }

    /// When its next connection was to begin, if that is by `now`.
    pub fn arrival(&mut self, now: Time) -> Option<Time> {
        if !self.has_room() {
            return None;
        }
        match (self.kind.manner(), &mut self.schedule) {
            (Manner::Cycles, Some(schedule)) => schedule.take_due(now),
            (Manner::Cycles, None) | (Manner::Keeps | Manner::Holds, _) => Some(now),
        }
    }

    /// When its schedule next wants something that it could do.
    pub fn next_due(&self) -> Option<Time> {
        let can_act = match self.kind.manner() {
            Manner::Keeps => !self.free.is_empty(),
            Manner::Cycles => self.has_room(),
            Manner::Holds => false,
        };
        self.schedule.as_ref().filter(|_| can_act)?.next()
    }

    /// Counts a connection that is under way.
    pub fn on_begun(&mut self) {
        self.live += 1;
        self.begun += 1;
    }

    /// How many requests were due and never made. None is due any more then.
    pub fn unmade(&mut self) -> u64 {
        let Some(schedule) = &mut self.schedule else { return 0 };
        let forever = Time::after_start(Duration::MAX);
        let moments = std::iter::from_fn(|| schedule.take_due(forever)).count();
        (moments * self.at_a_time) as u64
    }
}
