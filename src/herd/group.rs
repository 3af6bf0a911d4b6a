//! All clients of one kind: how many there are, how many there should be, and when the next acts.

use std::collections::VecDeque;
use std::time::Duration;

use oneloop::engine::{ClientId, Time};

use crate::kind::{Connections, Kind};
use crate::load::schedule::Schedule;
use crate::plan::{Afterwards, Plan, Wanted};
use crate::tally::Tally;

/// One kind's clients.
#[derive(Debug)]
pub struct Group {
    kind: Kind,
    wanted: usize,
    /// How many requests are due at a time.
    at_a_time: usize,
    afterwards: Afterwards,
    /// Connections that are established or under way.
    pub live: usize,
    /// Connections that were ever opened.
    begun: u64,
    /// When requests, or connections made for one each, are due; without it, at once.
    pub schedule: Option<Schedule<Time>>,
    /// Clients that can make a request, the longest free first, where a schedule says when. Clients
    /// that are gone are passed over.
    pub free: VecDeque<ClientId>,
    pub tally: Tally,
}

impl Group {
    /// The clients of `kind` that `plan` asks for.
    pub fn new(kind: Kind, plan: &Plan) -> Group {
        let Wanted { clients, rate } = plan.wanted(kind);
        let begins = match kind.connections() {
            Connections::Kept => Time::START,
            Connections::PerRequest | Connections::Held => Time::after_start(plan.calm),
        };
        // A get client's requests are due a batch at a time.
        let at_a_time = if kind == Kind::Get { plan.depth } else { 1 };
        // Each kind has times of its own.
        let seed = plan.seed.wrapping_add(kind as u64);
        let end = Time::after_start(plan.length);
        let schedule = rate.map(|rate| Schedule::new(begins, end, rate / at_a_time as f64, seed));
        Group {
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
        match (self.kind.connections(), self.afterwards) {
            (Connections::Held, Afterwards::Leave) => self.begun < self.wanted as u64,
            (Connections::Held, Afterwards::Replace)
            | (Connections::Kept | Connections::PerRequest, _) => self.live < self.wanted,
        }
    }

    /// When its next connection was due, if that is by `now`.
    pub fn take_connection_due(&mut self, now: Time) -> Option<Time> {
        if !self.has_room() {
            return None;
        }
        match (self.kind.connections(), &mut self.schedule) {
            (Connections::PerRequest, Some(schedule)) => schedule.take_due(now),
            (Connections::PerRequest, None) | (Connections::Kept | Connections::Held, _) => {
                Some(now)
            }
        }
    }

    /// When its schedule next has something due that it could do.
    pub fn next_due(&self) -> Option<Time> {
        let can_act = match self.kind.connections() {
            Connections::Kept => !self.free.is_empty(),
            Connections::PerRequest => self.has_room(),
            Connections::Held => false,
        };
        self.schedule.as_ref().filter(|_| can_act)?.next()
    }

    /// Counts a connection that is under way.
    pub fn on_begun(&mut self) {
        self.live += 1;
        self.begun += 1;
    }

    /// How many requests were due and never sent. After this none is due.
    pub fn unmade(&mut self) -> u64 {
        let Some(schedule) = &mut self.schedule else { return 0 };
        let forever = Time::after_start(Duration::MAX);
        let moments = std::iter::from_fn(|| schedule.take_due(forever)).count();
        (moments * self.at_a_time) as u64
    }
}
