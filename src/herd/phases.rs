//! How far the run is: which clients act, when something is next due, and what is left at the end.

use std::io::ErrorKind;

use oneloop::engine::Time;

use crate::client::{Client, Stage};
use crate::clients::{Clients, tally_of};
use crate::group::Group;
use crate::kind::{Connections, Kind};
use crate::load::answer::Wrong;
use crate::phase::Phase;
use crate::record::Counts;
use crate::tally::Why;

impl Clients<'_> {
    /// The phase that the run is in at `now`.
    pub fn next_phase(&self, now: Time) -> Phase {
        let is_over = !self.may_ask()
            || now >= Time::after_start(self.plan.length)
            || (self.phase == Phase::Full && self.is_empty_for_good());
        match self.phase {
            Phase::Calm | Phase::Arriving | Phase::Full if is_over => {
                Phase::Ending { until: now + self.plan.patience }
            }
            Phase::Calm if now >= Time::after_start(self.plan.calm) => Phase::Arriving,
            Phase::Arriving if self.are_all_connected() => Phase::Full,
            Phase::Ending { until } if now >= until || !self.awaits_answers() => Phase::Over,
            Phase::Calm | Phase::Arriving | Phase::Full | Phase::Ending { .. } | Phase::Over => {
                self.phase
            }
        }
    }

    /// Goes on with this phase. At the end nothing further becomes due.
    pub fn enter(&mut self, phase: Phase, now: Time) {
        self.phase = phase;
        if matches!(phase, Phase::Ending { .. }) {
            for schedule in self.groups.iter_mut().filter_map(|group| group.schedule.as_mut()) {
                schedule.end_at(now);
            }
        }
    }

    /// Whether no client is left, and none is to connect.
    fn is_empty_for_good(&self) -> bool {
        self.slab.is_empty() && self.put_back.is_none() && !self.groups.iter().any(Group::has_room)
    }

    /// Whether all are connected that keep or hold their connections.
    fn are_all_connected(&self) -> bool {
        let is_missing = |group: &Group| {
            group.kind().connections() != Connections::PerRequest && group.has_room()
        };
        !self.groups.iter().any(is_missing)
    }

    /// Whether a good client still waits, or a request is due that none has sent.
    fn awaits_answers(&self) -> bool {
        let has_due = |group: &Group| {
            let schedule = group.schedule.as_ref().filter(|_| group.kind().is_good());
            schedule.is_some_and(|schedule| schedule.next().is_some())
        };
        let is_behind = self.may_ask() && self.groups.iter().any(has_due);
        is_behind
            || self.owes_connection()
            || self.slab.iter().any(|(_, client)| is_awaited(client))
    }

    /// When something is next due without an event: first what must not be late, then what may be late
    /// by a millisecond.
    pub fn next_due(&self, now: Time) -> (Option<Time>, Option<Time>) {
        if !self.again.is_empty() {
            return (Some(now), None);
        }
        let may_act = |group: &&Group| match group.kind().connections() {
            Connections::Kept => self.may_ask(),
            Connections::PerRequest | Connections::Held => self.may_connect(group.kind()),
        };
        let exact = self.groups.iter().filter(may_act).filter_map(Group::next_due).min();
        let phase_ends = match self.phase {
            Phase::Calm => Some(Time::after_start(self.plan.calm.min(self.plan.length))),
            Phase::Arriving | Phase::Full => Some(Time::after_start(self.plan.length)),
            Phase::Ending { until } => Some(until),
            Phase::Over => Some(now),
        };
        let impatient = self.impatient.front().map(|(due, _)| *due);
        let typed = self.typed.front().map(|(due, _)| *due);
        let lazy = [
            phase_ends,
            impatient,
            typed,
            self.plan.timeout.map(|_| self.next_look),
            self.typing_turns.next_due(),
            self.drip_turns.next_due(),
            self.slow_read_turns.next_due(),
            self.next_connection_due(),
        ];
        (exact, lazy.into_iter().flatten().min())
    }

    /// The sums over all kinds.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for group in &self.groups {
            counts.add(group.kind(), group.live, &group.tally);
        }
        counts
    }

    /// Counts the answers that have not come by the end. Returns the number of requests that were due
    /// and that no client was free to send.
    pub fn settle(&mut self) -> u64 {
        let now = self.clock.now();
        for (_, client) in &self.slab {
            let tally = &mut self.groups[client.kind as usize].tally;
            // Without a right answer there was no silence between two.
            if is_awaited(client) && tally.right > 0 {
                tally.end_silence(now);
            }
            let before = tally.troubles();
            match client.stage() {
                _ if !is_awaited(client) || is_typing(client) => {}
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
            let after = tally.troubles();
            if let Some(tally) = tally_of(&mut self.resources, client) {
                tally.on_troubles(before, after);
            }
        }
        let good = self.groups.iter_mut().filter(|group| group.kind().is_good());
        let unmade: u64 = good.map(Group::unmade).sum();
        unmade + u64::from(self.owes_connection())
    }

    /// Whether a good client still waits for room to connect.
    fn owes_connection(&self) -> bool {
        self.put_back.is_some_and(|(kind, _)| {
            kind.is_good() && kind.connections() == Connections::PerRequest
        })
    }
}

/// Whether there is still something to come for this client: an answer, or the end of a connection
/// that was made for one.
fn is_awaited(client: &Client) -> bool {
    client.kind.is_good()
        && (client.due > 0 || client.kind.connections() == Connections::PerRequest)
}

/// Whether a person has not asked for anything yet.
fn is_typing(client: &Client) -> bool {
    client.kind == Kind::Telnet && !client.has_sent_all()
}
