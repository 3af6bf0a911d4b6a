//! How far the run is: who acts, when something is next to be done, and what is left at the end.

use std::io::ErrorKind;

use oneloop::engine::Time;

use crate::client::{Client, Stage};
use crate::crowd::Crowd;
use crate::flock::Flock;
use crate::kind::Manner;
use crate::load::answer::Wrong;
use crate::plan::Plan;
use crate::record::Counts;
use crate::tally::{Part, Why};

/// The parts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Only those act who keep their connections and do nothing wrong.
    Calm,
    /// The others come.
    Arriving,
    /// All have come who keep or hold their connections.
    Full,
    /// Nobody makes a request; answers are waited for, at most until then.
    Ending { until: Time },
    /// There is nothing left to wait for.
    Over,
}

impl Phase {
    /// That with which the plan begins.
    pub fn first(plan: &Plan) -> Phase {
        match plan.calm.is_zero() {
            true => Phase::Arriving,
            false => Phase::Calm,
        }
    }

    /// To which part of the run it belongs; the end of a run to that which it ends.
    pub fn part(self) -> Option<Part> {
        match self {
            Phase::Calm => Some(Part::Calm),
            Phase::Arriving => Some(Part::Arriving),
            Phase::Full => Some(Part::Full),
            Phase::Ending { .. } | Phase::Over => None,
        }
    }

    /// Whether requests are still to be made.
    pub fn is_on(self) -> bool {
        self.part().is_some()
    }
}

impl Crowd<'_> {
    /// The phase that the run is in at `now`.
    pub fn next_phase(&self, now: Time) -> Phase {
        let is_over = !self.may_ask()
            || now >= Time::after_start(self.plan.length)
            || (self.phase == Phase::Full && self.is_deserted());
        match self.phase {
            Phase::Calm | Phase::Arriving | Phase::Full if is_over => {
                Phase::Ending { until: now + self.plan.patience }
            }
            Phase::Calm if now >= Time::after_start(self.plan.calm) => Phase::Arriving,
            Phase::Arriving if self.have_all_come() => Phase::Full,
            Phase::Ending { until } if now >= until || !self.is_waiting() => Phase::Over,
            Phase::Calm | Phase::Arriving | Phase::Full | Phase::Ending { .. } | Phase::Over => {
                self.phase
            }
        }
    }

    /// Goes on with this phase. At the end nothing further becomes due.
    pub fn enter(&mut self, phase: Phase, now: Time) {
        self.phase = phase;
        if matches!(phase, Phase::Ending { .. }) {
            for schedule in self.flocks.iter_mut().filter_map(|flock| flock.schedule.as_mut()) {
                schedule.end_at(now);
            }
        }
    }

    /// Whether nobody is left, and nobody is to come.
    fn is_deserted(&self) -> bool {
        self.clients.is_empty() && !self.flocks.iter().any(Flock::has_room)
    }

    /// Whether all are here who keep or hold their connections.
    fn have_all_come(&self) -> bool {
        let is_missing =
            |flock: &Flock| flock.kind().manner() != Manner::Cycles && flock.has_room();
        !self.flocks.iter().any(is_missing)
    }

    /// Whether a good client still waits, or something is due that none has done.
    fn is_waiting(&self) -> bool {
        let has_due = |flock: &Flock| {
            let schedule = flock.schedule.as_ref().filter(|_| flock.kind().is_good());
            schedule.is_some_and(|schedule| schedule.next().is_some())
        };
        let is_behind = self.may_ask() && self.flocks.iter().any(has_due);
        is_behind || self.clients.iter().any(|(_, client)| is_awaited(client))
    }

    /// When something is next to be done without an event: what must not be late, and what may be
    /// so by a millisecond.
    pub fn next_due(&self, now: Time) -> (Option<Time>, Option<Time>) {
        if !self.again.is_empty() {
            return (Some(now), None);
        }
        let may_act = |flock: &&Flock| match flock.kind().manner() {
            Manner::Keeps => self.may_ask(),
            Manner::Cycles | Manner::Holds => self.may_come(flock.kind()),
        };
        let exact = self.flocks.iter().filter(may_act).filter_map(Flock::next_due).min();
        let phase_ends = match self.phase {
            Phase::Calm => Some(Time::after_start(self.plan.calm.min(self.plan.length))),
            Phase::Arriving | Phase::Full => Some(Time::after_start(self.plan.length)),
            Phase::Ending { until } => Some(until),
            Phase::Over => Some(now),
        };
        let impatient = self.impatient.front().map(|(due, _)| *due);
        let lazy = [
            phase_ends,
            impatient,
            self.drippers.next_due(),
            self.sippers.next_due(),
            self.next_arrival_due(),
        ];
        (exact, lazy.into_iter().flatten().min())
    }

    /// The sums over all kinds.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { open: self.clients.len() as u64, ..Counts::default() };
        for flock in &self.flocks {
            counts.add(&flock.tally, flock.kind().is_good());
        }
        counts
    }

    /// Counts what has not come by the end. Gives the number of requests that were due and that
    /// nobody was free to make.
    pub fn settle(&mut self) -> u64 {
        for (_, client) in &self.clients {
            let tally = &mut self.flocks[client.kind as usize].tally;
            match client.stage() {
                _ if !is_awaited(client) => {}
                Stage::Connecting => {
                    tally.refused += 1;
                    let why = Why::NotConnected(ErrorKind::TimedOut);
                    *tally.ended.entry(why).or_default() += 1;
                }
                Stage::Open | Stage::HalfClosed if client.due > 0 => {
                    tally.lost += u64::from(client.due);
                }
                Stage::Open | Stage::HalfClosed => tally.on_wrong(Wrong {
                    reason: "answered, but the connection was not closed".to_owned(),
                    status: client.status,
                    shown: Vec::new(),
                }),
            }
        }
        let good = self.flocks.iter_mut().filter(|flock| flock.kind().is_good());
        good.map(Flock::unmade).sum()
    }
}

/// Whether there is still something to come for this client: an answer, or the end of a connection
/// that was made for one.
fn is_awaited(client: &Client) -> bool {
    client.kind.is_good() && (client.due > 0 || client.kind.manner() == Manner::Cycles)
}
