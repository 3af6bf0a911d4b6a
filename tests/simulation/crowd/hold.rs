//! A server that is held, as from the admin page: it takes no turns, and its clock stands still, while
//! the peers and the network go on. Single steps are taken now and then. The judgement: without a
//! step no client is served, accepted or ended; a step is one step of one client; and deadlines are
//! judged by the server's clock, for which a hold is no time at all.

use std::time::Duration;

use oneloop::CloseReason;
use oneloop::engine::{Stepped, Time};

use super::Crowd;
use super::turn::SimulatedPoll;
use crate::handler::survives;
use crate::hub::{Life, Stage};
use crate::marks::Mark;
use crate::random::Random;
use crate::streams::Stream;

/// In a run with holds, one begins once in this many turns.
const BEGINS_ONCE_IN: usize = 30;

/// When the server is held.
#[derive(Debug)]
pub(super) struct Holds {
    random: Random,
    /// Until when by the world's clock, if it is held now.
    until: Option<Time>,
    /// Whether a hold is all quiet, or steps are taken.
    steps: bool,
    /// The last step accepted a connection, although a client could have taken it.
    passed_over: bool,
}

/// More steps than this a client does not wait while each of the others takes one: at both ends of a
/// lap a connection may be accepted.
const ACCEPTS_PER_LAP: usize = 2;

/// What a step may change.
#[derive(Debug, PartialEq, Eq)]
struct Before {
    closed: u64,
    accepted: u64,
    receives: u64,
    sends: u64,
}

impl Holds {
    pub(super) fn of_seed(seed: u64) -> Holds {
        Holds { random: Stream::Hold.of_seed(seed), until: None, steps: false, passed_over: false }
    }
}

impl Crowd {
    /// Whether the server is held now. It is so from now on at times, and not once it is to stop.
    pub(super) fn is_holding(&mut self) -> bool {
        if !self.setting.holds {
            return false;
        }
        let world = self.hub.world();
        match self.holds.until {
            Some(until) if world >= until => self.go_on("the server goes on"),
            Some(_) if self.is_to_stop() => {
                self.hub.mark(Mark::StoppedHolding);
                self.go_on("the server goes on, to stop");
            }
            Some(_) => {}
            None if self.hub.life() != Life::Running || self.is_to_stop() => {}
            None if self.holds.random.once_in(BEGINS_ONCE_IN) => {
                let random = &mut self.holds.random;
                let millis = random.pick(&[5, 500, 30_000]);
                let length = Duration::from_millis(random.between(1, millis) as u64);
                (self.holds.until, self.holds.steps) = (Some(world + length), random.once_in(2));
                self.hub.tell(|| format!("the server is held for {length:?}"));
                self.hub.set_holding(true);
            }
            None => {}
        }
        self.holds.until.is_some()
    }

    fn go_on(&mut self, words: &str) {
        self.holds.until = None;
        self.hub.set_holding(false);
        self.hub.mark(Mark::WentOn);
        self.hub.tell(|| words.to_owned());
    }

    /// What is done in place of a turn.
    pub(super) fn hold(&mut self) {
        self.turn += 1;
        self.pass_held_time();
        self.return_from_poll();
        self.note_events();
        let before = self.before();
        let could_run = self.runnable();
        let takes_step = self.holds.steps && self.holds.random.once_in(2);
        let stepped = takes_step.then(|| self.take_step()).flatten();
        self.hub.enter(Stage::Outside);
        let (mut memory_max, mut answer_max) = (0, 0);
        for index in &self.active {
            let mut wire = self.wires[*index].borrow_mut();
            let is_runnable = wire.id.is_some_and(|id| self.engine.clients().is_runnable(id));
            wire.end_held_turn(is_runnable);
            wire.weigh();
            memory_max += wire.burden().memory_max;
            answer_max = answer_max.max(wire.burden().answer_max);
        }
        if takes_step {
            self.judge_step(stepped, &before);
            self.judge_order(stepped, &could_run);
        } else {
            assert_eq!(self.before(), before, "the server is held, and does something");
        }
        self.judge_ends();
        self.judge_log();
        self.judge_memory(memory_max, answer_max);
    }

    fn pass_held_time(&mut self) {
        let until = self.holds.until.expect("it is held");
        let left = until.since(self.hub.world());
        let moment = Duration::from_micros(self.holds.random.below(1000) as u64);
        let is_slow = !self.is_moving && self.holds.random.once_in(2);
        let wait = if is_slow { self.next_world().unwrap_or(left) } else { moment };
        self.hub.pass(wait.min(left));
    }

    /// `None`: the handler has panicked in it.
    fn take_step(&mut self) -> Option<Stepped> {
        self.allow_work();
        let now = self.hub.now();
        let Crowd { hub, engine, handler, memory, random, wires, active, .. } = self;
        let mut poll =
            SimulatedPoll { hub, random, wires, active, drained_by: None, checks_last: false };
        let mut stepped = None;
        memory.of(|| survives(|| stepped = Some(engine.step(now, handler, &mut poll))));
        stepped
    }

    fn before(&self) -> Before {
        let metrics = self.engine.clients().metrics();
        Before {
            closed: metrics.closed_total(),
            accepted: metrics.accepted,
            receives: metrics.receives,
            sends: metrics.sends,
        }
    }

    /// The places of the clients that can take a step.
    fn runnable(&self) -> Vec<usize> {
        let is_runnable = |index: &usize| {
            let id = self.wires[*index].borrow().id;
            id.is_some_and(|id| self.engine.clients().is_runnable(id))
        };
        self.active.iter().copied().filter(is_runnable).collect()
    }

    /// Each step is for the client that has waited longest, and once a lap for a connection that waits
    /// to be accepted.
    fn judge_order(&mut self, stepped: Option<Stepped>, could_run: &[usize]) {
        let accepted = matches!(stepped, Some(Stepped::Accepted));
        assert!(!(accepted && self.holds.passed_over), "accepted twice, and a client could run");
        self.holds.passed_over = accepted && !could_run.is_empty();
        let most = self.active.len() + ACCEPTS_PER_LAP;
        let taker = match stepped {
            Some(Stepped::Taken(step)) => Some(step.client),
            // Its client has gone by a panic.
            None => return,
            Some(_) => None,
        };
        for index in &self.active {
            let mut wire = self.wires[*index].borrow_mut();
            let waited = could_run.contains(index) && wire.id != taker;
            wire.end_step(waited, most);
        }
    }

    fn judge_step(&mut self, stepped: Option<Stepped>, before: &Before) {
        let after = self.before();
        let (wires, active) = (&self.wires, &self.active);
        let mut ran = active.iter().filter(|index| wires[**index].borrow().ran());
        let (first, second) = (ran.next(), ran.next());
        assert!(second.is_none(), "one step, and two clients have run");
        let is_double = after.receives > before.receives && after.sends > before.sends;
        assert!(!is_double, "one step, and the client has received and sent");
        assert!(after.closed <= before.closed + 1, "one step, and two clients have ended");
        match stepped {
            Some(Stepped::Nothing) => {
                assert_eq!(&after, before, "a step of no client has done something");
                let mut runs = active.iter().filter_map(|index| wires[*index].borrow().id);
                let runs = runs.any(|id| self.engine.clients().is_runnable(id));
                assert!(!runs, "a client could run, and no step was taken");
            }
            Some(Stepped::Accepted) => {
                self.hub.mark(Mark::StepAccepted);
                assert_eq!(after.accepted, before.accepted + 1, "one connection is accepted");
                assert!(first.is_none(), "a connection is accepted, and a client has run");
            }
            Some(Stepped::Taken(step)) => {
                self.hub.mark(Mark::StepTaken);
                assert_eq!(after.accepted, before.accepted, "it was said to be a client's step");
                if let Some(index) = first {
                    let id = wires[*index].borrow().id;
                    assert_eq!(id, Some(step.client), "another client has run than is said");
                }
                if after.closed > before.closed {
                    self.hub.mark(Mark::StepEnded);
                }
            }
            None => {}
        }
        let metrics = self.engine.clients().metrics();
        let stopping = [CloseReason::Drained, CloseReason::CutOff];
        let stopped: u64 = stopping.into_iter().map(|reason| metrics.closed(reason)).sum();
        assert_eq!(stopped, 0, "a held server is not told to stop");
    }
}
