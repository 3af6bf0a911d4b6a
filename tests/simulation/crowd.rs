//! One run: a server's loop, a crowd of peers and a clock, all from one seed; and the judgement.
//!
//! The turn is the one of `server.rs`. After each turn the wires are looked at: whoever the server
//! could serve and will not be reminded of, or has waited for too long, is a failure at once,
//! instead of a mystery at the end.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use oneloop::engine::{ClientId, Clients, Readiness, Time};
use oneloop::{CloseReason, Config};

use crate::handler::{Echo, Life};
use crate::hub::{Hub, Stage, Trace};
use crate::peer::{Excuse, Peer};
use crate::random::Random;
use crate::script::Script;
use crate::setting::Setting;
use crate::stream::SimulatedStream;
use crate::wire::{ServerSide, Totals, Wire};

/// A run that takes more turns will never end: the longest takes a tenth of it.
const TURNS_MAX: usize = 200_000;

/// What a run came to: shows that the runs meet what they are there for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    pub turns: u64,
    pub peers: u64,
    pub answers: u64,
    pub faults: u64,
    pub evicted: u64,
    pub drained: u64,
    pub timeouts: u64,
    pub resets: u64,
}

impl Outcome {
    pub fn add(&mut self, other: &Outcome) {
        self.turns += other.turns;
        self.peers += other.peers;
        self.answers += other.answers;
        self.faults += other.faults;
        self.evicted += other.evicted;
        self.drained += other.drained;
        self.timeouts += other.timeouts;
        self.resets += other.resets;
    }

    /// Whether everything that can end a client has done so.
    pub fn is_varied(&self) -> bool {
        let Outcome { turns: _, peers: _, answers, faults, evicted, drained, timeouts, resets } =
            *self;
        [answers, faults, evicted, drained, timeouts, resets].iter().all(|count| *count > 0)
    }
}

struct Crowd {
    hub: Rc<Hub>,
    random: Random,
    setting: Setting,
    config: Config,
    clients: Clients<SimulatedStream>,
    handler: Echo,
    /// In the order in which they arrive.
    peers: Vec<Peer>,
    arrived: usize,
    backlog: VecDeque<usize>,
    accepted: u64,
    drained_by: Option<Time>,
    turn: usize,
}

/// Runs one seed. Panics if the server does anything wrong.
pub fn run(seed: u64, trace: Trace) -> Outcome {
    let mut crowd = Crowd::gather(seed, trace);
    loop {
        crowd.let_peers_act();
        if crowd.is_over() {
            break;
        }
        crowd.pass_time();
        crowd.take_turn();
        crowd.judge_turn();
        assert!(crowd.turn < TURNS_MAX, "the run does not come to an end");
    }
    crowd.judge_counters()
}

impl Crowd {
    fn gather(seed: u64, trace: Trace) -> Crowd {
        let mut random = Random::new(seed);
        let hub = Rc::new(Hub::new(trace));
        let setting = Setting::draw(&mut random);
        let config = setting.config(&mut random);
        hub.tell(|| format!("{setting:?}\n{config:?}"));
        let mut arrives = Time::START;
        let mut peers = Vec::new();
        for number in 0..setting.peers {
            arrives = arrives + Duration::from_millis(random.below(setting.gap_max) as u64);
            let script = Script::draw(number, &mut random, &config.timeouts);
            hub.tell(|| format!("peer {number} {:?} {:?}", script.kind, script.ending));
            let budget = config.limits.turn_bytes_max;
            let wire = Wire::new(number, hub.clone(), random.fork(), &script, budget);
            let wire = Rc::new(RefCell::new(wire));
            peers.push(Peer::new(number, script, wire, hub.clone(), random.fork(), arrives));
        }
        let clients =
            Clients::new(config.limits.clone(), config.timeouts.clone(), SystemTime::UNIX_EPOCH);
        Crowd {
            hub,
            random,
            setting,
            config,
            clients,
            handler: Echo::new(),
            peers,
            arrived: 0,
            backlog: VecDeque::new(),
            accepted: 0,
            drained_by: None,
            turn: 0,
        }
    }

    fn is_over(&self) -> bool {
        let all_done = self.peers.iter().all(Peer::is_done);
        all_done && self.clients.is_empty() && self.backlog.is_empty()
    }
}

/// Time.
impl Crowd {
    /// A little if somebody has something to do, else until somebody has.
    fn pass_time(&mut self) {
        let now = self.hub.now();
        if self.setting.leaps && self.random.once_in(200) {
            let leap = Duration::from_millis(self.random.below(40_000) as u64);
            self.hub.tell(|| format!("the clock leaps by {leap:?}"));
            for peer in &mut self.peers[..self.arrived] {
                peer.excuse = Excuse::Leapt;
            }
            return self.hub.pass(leap);
        }
        if self.is_busy() {
            return self.hub.pass(Duration::from_micros(self.random.below(1000) as u64));
        }
        let arrival = self.peers.get(self.arrived).map(|peer| peer.arrives);
        let acts = self.peers[..self.arrived].iter().filter_map(Peer::next);
        let drained_by = self.drained_by.filter(|by| *by > now);
        let dues = [arrival, self.clients.next_due(), drained_by];
        let next = dues.into_iter().flatten().chain(acts).min();
        let Some(next) = next else { self.fail_for_ever() };
        self.hub.pass(next.since(now));
    }

    /// Somebody is not done, and nothing will ever happen.
    fn fail_for_ever(&self) -> ! {
        let here = |peer: &&Peer| {
            matches!(peer.wire.borrow().server(), ServerSide::Open | ServerSide::Shut)
        };
        match self.peers.iter().find(here) {
            Some(peer) => peer.wire.borrow().fail("nothing will ever happen to it"),
            None => panic!("a hang, and all sockets are closed"),
        }
    }

    fn is_busy(&self) -> bool {
        let wires = self.peers[..self.arrived].iter().map(|peer| peer.wire.borrow());
        self.clients.has_runnable()
            || self.may_accept(self.hub.now() + Duration::from_nanos(1))
            || wires.into_iter().any(|wire| wire.is_moving() || wire.has_event())
    }

    fn let_peers_act(&mut self) {
        self.hub.enter(Stage::Outside);
        while let Some(peer) = self.peers.get_mut(self.arrived)
            && peer.arrives <= self.hub.now()
        {
            self.hub.tell(|| format!("peer {}: connects", peer.number));
            self.backlog.push_back(self.arrived);
            self.arrived += 1;
            if self.drained_by.is_some() {
                self.turn_away();
            }
        }
        for peer in &mut self.peers[..self.arrived] {
            peer.wire.borrow_mut().jostle();
            peer.act(&self.handler);
        }
    }
}

/// The turn of the server, as in `server.rs`.
impl Crowd {
    fn take_turn(&mut self) {
        for peer in &self.peers[..self.arrived] {
            peer.wire.borrow_mut().begin_turn();
        }
        self.turn += 1;
        self.note_events();
        self.perhaps_stop();
        self.hub.enter(Stage::Outside);
        let now = self.hub.now();
        self.hub.enter(Stage::Drive);
        self.clients.drive(now, &mut self.handler);
        for peer in &self.peers[..self.arrived] {
            peer.wire.borrow_mut().begin_expiry();
        }
        self.hub.enter(Stage::Expire);
        self.clients.expire(now, &mut self.handler);
        self.hub.enter(Stage::Free);
        self.clients.free();
        self.accept();
        self.hub.enter(Stage::Register);
        self.register();
        self.end_if_drained();
    }

    fn note_events(&mut self) {
        let mut told: Vec<(ClientId, Readiness)> = Vec::new();
        for peer in &self.peers[..self.arrived] {
            let mut wire = peer.wire.borrow_mut();
            // An event not reported yet is reported by the next poll.
            if wire.has_event() && !self.random.once_in(8) {
                wire.give_cause();
                told.push(wire.take_event());
            } else if wire.server() == ServerSide::Open && self.random.once_in(100) {
                wire.give_cause();
                told.push(wire.mislead(&mut self.random));
            }
        }
        // Whoever has this one's key now has not had this reported of itself.
        let stale = &self.peers[self.random.below(self.arrived)..];
        if let Some(peer) = stale.first()
            && let wire = peer.wire.borrow()
            && wire.server() == ServerSide::Gone
            && let Some(id) = wire.id
        {
            told.push((id, Readiness { readable: true, writable: true, read_closed: true }));
        }
        self.random.shuffle(&mut told);
        for (id, readiness) in told {
            self.clients.note(id, readiness);
        }
    }

    /// Makes known to the poll what clients wait for; the system fails at that once in a while.
    fn register(&mut self) {
        let (peers, random) = (&mut self.peers, &mut self.random);
        self.clients.register(|id, stream, before, wanted| {
            let mut wire = stream.wire.borrow_mut();
            assert_eq!(wire.id, Some(id), "the poll is asked for the client itself");
            assert_eq!(wire.interest(), before, "the poll was asked for that before");
            if random.once_in(200) {
                peers[wire.name].excuse = Excuse::CutOff;
                wire.server_wants_reset();
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            wire.register(wanted);
            Ok(())
        });
    }

    fn may_accept(&self, now: Time) -> bool {
        !self.backlog.is_empty()
            && (self.clients.len() < self.setting.clients_max || self.clients.has_evictable(now))
    }

    fn accept(&mut self) {
        for _ in 0..self.config.limits.accepts_per_turn_max {
            if !self.may_accept(self.hub.now()) {
                break;
            }
            if self.clients.len() >= self.setting.clients_max && !self.evict() {
                break;
            }
            if let Some(number) = self.backlog.pop_front() {
                self.admit(number);
            }
        }
    }

    /// Whether somebody has gone, evicted or not.
    fn evict(&mut self) -> bool {
        self.hub.enter(Stage::Evict);
        let here = |peer: &Peer| peer.wire.borrow().server();
        let before: Vec<ServerSide> = self.peers.iter().map(here).collect();
        let evicted = self.clients.metrics().closed(CloseReason::Evicted);
        for peer in &self.peers[..self.arrived] {
            peer.wire.borrow_mut().begin_expiry();
        }
        let room = self.clients.evict(self.hub.now(), &mut self.handler);
        let evicted = self.clients.metrics().closed(CloseReason::Evicted) - evicted;
        let mut gone = 0;
        for (peer, before) in self.peers.iter_mut().zip(before) {
            let wire = peer.wire.borrow();
            if wire.server() == before || wire.server() != ServerSide::Gone {
                continue;
            }
            gone += 1;
            if evicted > 0 {
                wire.judge_eviction();
                peer.excuse = Excuse::Evicted;
            }
        }
        assert_eq!(gone, usize::from(room), "one client makes room for one");
        room
    }

    fn admit(&mut self, number: usize) {
        self.hub.enter(Stage::Admit);
        let peer = &mut self.peers[number];
        let stream = SimulatedStream { wire: peer.wire.clone() };
        let address = SocketAddr::from(([192, 0, 2, 1], number as u16));
        let id = self.clients.admit(stream, address, self.hub.now());
        peer.wire.borrow_mut().on_admitted(id);
        self.accepted += 1;
    }
}

/// Stopping.
impl Crowd {
    fn perhaps_stop(&mut self) {
        if self.drained_by.is_some() || self.setting.drains_at.is_none_or(|at| self.turn < at) {
            return;
        }
        self.hub.tell(|| "the server is told to stop".into());
        self.accept();
        self.turn_away();
        self.clients.drain();
        self.handler.life = Life::Draining;
        self.drained_by = Some(self.hub.now() + self.config.timeouts.drain);
        for peer in &mut self.peers {
            peer.wire.borrow_mut().give_cause();
            if peer.excuse == Excuse::None {
                peer.excuse = Excuse::Stopping;
            }
        }
    }

    /// The listener is closed: nobody else is accepted.
    fn turn_away(&mut self) {
        self.hub.enter(Stage::CutOff);
        for number in self.backlog.drain(..) {
            let peer = &mut self.peers[number];
            peer.excuse = Excuse::CutOff;
            drop(SimulatedStream { wire: peer.wire.clone() });
        }
    }

    fn end_if_drained(&mut self) {
        if self.drained_by.is_none_or(|by| self.hub.now() < by) || self.clients.is_empty() {
            return;
        }
        self.hub.enter(Stage::CutOff);
        for peer in &mut self.peers {
            if matches!(peer.wire.borrow().server(), ServerSide::Open | ServerSide::Shut) {
                peer.excuse = Excuse::CutOff;
            }
        }
        self.clients.cut_off();
    }
}

/// The judgement.
impl Crowd {
    fn judge_turn(&mut self) {
        let late_by_backlog = self.clients.next_due().is_some_and(|due| due <= self.hub.now());
        for peer in &self.peers[..self.arrived] {
            let wire = peer.wire.borrow();
            wire.judge_wakeups();
            // Deadlines are acted on in bounded numbers: the rest has its turn in the next.
            if !late_by_backlog {
                wire.judge_deadline(&self.config.timeouts);
            }
            if self.drained_by.is_some() && !self.clients.has_runnable() {
                assert!(!wire.is_at_rest(), "peer {}: idle in a stopping server", wire.name);
            }
        }
        let gone: u64 = self.clients.metrics().closed_total();
        assert_eq!(self.accepted, gone + self.clients.len() as u64, "each client ends once");
    }

    fn judge_counters(&self) -> Outcome {
        let metrics = self.clients.metrics();
        let mut totals = Totals::default();
        for peer in &self.peers {
            let wire = peer.wire.borrow();
            totals.received_bytes += wire.totals.received_bytes;
            totals.sent_bytes += wire.totals.sent_bytes;
            totals.receives += wire.totals.receives;
            totals.sends += wire.totals.sends;
        }
        let counted = Totals {
            received_bytes: metrics.received_bytes,
            sent_bytes: metrics.sent_bytes,
            receives: metrics.receives,
            sends: metrics.sends,
        };
        assert_eq!(counted, totals, "calls and bytes are counted as they happen");
        assert_eq!(metrics.accepted, self.accepted);
        assert_eq!(metrics.closed_total(), self.accepted);
        assert_eq!(metrics.requests, self.handler.calls.len() as u64);
        assert_eq!(metrics.faults, self.handler.faults);
        let continues: u64 = self.peers.iter().map(|peer| peer.continues).sum();
        assert!(continues <= metrics.continues, "a 100 that was not counted");
        let closed = |reason| metrics.closed(reason);
        Outcome {
            turns: self.turn as u64,
            peers: self.peers.len() as u64,
            answers: metrics.requests,
            faults: metrics.faults,
            evicted: closed(CloseReason::Evicted),
            drained: closed(CloseReason::Drained),
            timeouts: closed(CloseReason::FirstByteTimeout)
                + closed(CloseReason::IdleTimeout)
                + closed(CloseReason::HeadTimeout)
                + closed(CloseReason::BodyTimeout)
                + closed(CloseReason::WriteTimeout),
            resets: closed(CloseReason::Reset),
        }
    }
}
