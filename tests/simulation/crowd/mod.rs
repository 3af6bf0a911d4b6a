//! One run: a server's loop, a crowd of peers and a clock, all from one seed; and the judgement.
//!
//! The turn is the engine's own. After each turn the wires are looked at: whoever the server
//! could serve and will not be reminded of, or has waited for too long, is a failure at once,
//! instead of a mystery at the end. [`time`] passes, [`hold`] lets it stand still, [`end`] follows the steps of a stop, [`log`] reads the access log, [`turn`] is what surrounds the server's, [`judge`] judges.

mod end;
mod hold;
mod judge;
mod log;
mod time;
mod turn;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use oneloop::engine::{Admission, ClientId, Clients, Engine, Time};
use oneloop::journal::Journal;

use crate::case::Case;
use crate::door::{Door, SimulatedListener};
use crate::handler::{Recorder, Wires};
use crate::hub::{Hub, Life, Stage, Trace, Wake};
use crate::marks::Outcome;
use crate::memory::Account;
use crate::peer::Peer;
use crate::proxied::Proxied;
use crate::random::Random;
use crate::script::Script;
use crate::setting::Setting;
use crate::source;
use crate::streams::Stream;
use crate::wire::{ServerSide, Wire};

/// A run that takes more turns will never end: the longest takes a tenth of it.
const TURNS_MAX: usize = 200_000;

/// The signal by which the server is told to stop, the second time.
const STOP_AGAIN: i32 = 15;

/// How many clients the engine has in one batch.
const BATCH_CLIENTS: usize = 64;

struct Crowd {
    hub: Rc<Hub>,
    random: Random,
    setting: Setting,
    engine: Engine<SimulatedListener>,
    handler: Recorder,
    memory: Account,
    /// What the access log writes, if there is one.
    log: Option<Journal>,
    doors: Vec<Rc<Door>>,
    wires: Wires,
    /// In the order in which they arrive; their places are those of their wires.
    peers: Vec<Peer>,
    arrived: usize,
    /// The places of those who have arrived and are not over.
    active: Vec<usize>,
    /// The names of some who are.
    gone: Vec<ClientId>,
    /// How far a server has come that was told to stop.
    end: end::End,
    /// That time is over, and the clients that are left are looked at once more.
    checks_last: Option<Time>,
    stops_again_at: Option<Time>,
    /// It was told to stop a second time.
    is_told_again: bool,
    date_due: Time,
    date_ahead: Duration,
    /// When somebody wants to act next, and whether the network can go on.
    next_act: Option<Time>,
    is_moving: bool,
    turn: usize,
    so_far: judge::SoFar,
    holds: hold::Holds,
}

/// Runs one case. Panics if the server does anything wrong.
pub fn run(case: &Case, trace: Trace) -> Outcome {
    let mut crowd = Crowd::gather(case, trace);
    loop {
        crowd.let_peers_act();
        crowd.wake_sources();
        if crowd.is_over() {
            break;
        }
        match crowd.is_holding() {
            true => crowd.hold(),
            false => {
                crowd.pass_time();
                crowd.take_turn();
                crowd.judge_turn();
            }
        }
        assert!(crowd.turn < TURNS_MAX, "the run does not come to an end");
    }
    crowd.judge_counters()
}

/// How many peers take part.
pub fn size(case: &Case) -> usize {
    let setting = Setting::draw(case.seed, &Hub::new(case.without, Trace::Silent));
    (0..setting.peers).filter(|number| case.guest(*number).is_some()).count()
}

impl Crowd {
    fn gather(case: &Case, trace: Trace) -> Crowd {
        let hub = Rc::new(Hub::new(case.without, trace));
        let setting = Setting::draw(case.seed, &hub);
        hub.tell(|| format!("{setting:?}"));
        let (wires, peers) = Crowd::invite(case, &setting, &hub);
        source::begin_run(&wires);
        let mut random = Stream::Crowd.of_seed(case.seed);
        let mut door = || {
            let (hub, wires) = (hub.clone(), wires.clone());
            Rc::new(Door::new(random.fork(), setting.descriptors_max, hub, wires))
        };
        let doors: Vec<Rc<Door>> = (0..setting.listeners).map(|_| door()).collect();
        let listeners = doors.iter().map(|door| SimulatedListener { door: door.clone() }).collect();
        let limits = &setting.config.limits;
        let admission = Admission::new(listeners, setting.clients_max, limits.accepts_per_turn_max);
        let timeouts = setting.config.timeouts.clone();
        let mut clients = Clients::new(limits.clone(), timeouts, SystemTime::UNIX_EPOCH);
        clients.watch(Box::new(source::Unseen));
        let log = log::begin(&setting, &mut clients);
        Crowd {
            handler: Recorder::new(
                &setting,
                &hub,
                wires.clone(),
                setting.panics.then(|| Stream::Handler.of_seed(case.seed)),
            ),
            hub,
            random,
            setting,
            engine: Engine::new(clients, admission),
            memory: Account::default(),
            log,
            doors,
            wires,
            peers,
            arrived: 0,
            active: Vec::new(),
            gone: Vec::new(),
            end: end::End::of_seed(case.seed),
            checks_last: None,
            stops_again_at: None,
            is_told_again: false,
            date_due: Time::START,
            date_ahead: Duration::from_secs(1_000_000_000),
            next_act: None,
            is_moving: false,
            turn: 0,
            so_far: judge::SoFar::default(),
            holds: hold::Holds::of_seed(case.seed),
        }
    }

    /// The peers of this case, each drawn from numbers of its own.
    fn invite(case: &Case, setting: &Setting, hub: &Rc<Hub>) -> (Wires, Vec<Peer>) {
        let manner = Rc::new(setting.manner.clone());
        let gap_micros = setting.gap_max.as_micros() as usize;
        let mut arrives = Time::START;
        let (mut wires, mut peers) = (Vec::new(), Vec::new());
        for number in 0..setting.peers {
            let mut random = Stream::Peer(number).of_seed(case.seed);
            arrives = arrives + Duration::from_micros(random.below(gap_micros) as u64);
            let Some(guest) = case.guest(number) else { continue };
            let mut script = Script::draw(number, setting.length, &mut random, &setting.config);
            let mut of_header = Stream::Header(number).of_seed(case.seed);
            let timeouts = &setting.config.timeouts;
            if let Some(proxied) = Proxied::draw(number, &mut of_header, timeouts) {
                script.begin_with(proxied, &setting.config);
            }
            if let Some(pieces) = guest.pieces_max {
                script.keep_pieces(pieces, &setting.config);
            }
            hub.tell(|| format!("peer {number}: {}", script.describe()));
            let script = Rc::new(script);
            let names = (wires.len(), number);
            let (wire_random, manner) = (random.fork(), manner.clone());
            let wire = Wire::new(names, hub.clone(), wire_random, script, manner, &setting.config);
            let wire = Rc::new(RefCell::new(wire));
            peers.push(Peer::new(wire.clone(), hub.clone(), random, arrives));
            wires.push(wire);
        }
        (wires.into(), peers)
    }

    fn is_over(&self) -> bool {
        let ends = self.hub.life() == Life::Running || self.engine.stopped().is_some();
        ends && self.arrived == self.peers.len()
            && self.active.is_empty()
            && self.engine.clients().is_empty()
    }

    fn let_peers_act(&mut self) {
        self.hub.enter(Stage::Outside);
        while let Some(peer) = self.peers.get(self.arrived)
            && peer.arrives <= self.hub.world()
        {
            self.hub.tell(|| format!("peer {}: connects", peer.number));
            self.active.push(self.arrived);
            let door = &self.doors[peer.number % self.doors.len()];
            door.connect(self.arrived);
            self.arrived += 1;
        }
        (self.next_act, self.is_moving) = (None, false);
        let (peers, gone) = (&mut self.peers, &mut self.gone);
        self.active.retain(|index| {
            let peer = &mut peers[*index];
            peer.wire.borrow_mut().jostle();
            if let Some(next) = peer.act() {
                self.next_act = Some(self.next_act.map_or(next, |first| first.min(next)));
            }
            let wire = peer.wire.borrow();
            self.is_moving |= wire.is_moving() || wire.has_event();
            let is_over = peer.is_done() && wire.server() == ServerSide::Gone && !wire.is_moving();
            if is_over {
                gone.extend(wire.known_as());
            }
            !is_over
        });
    }

    /// Another part of the program wakes the sources that it is to.
    fn wake_sources(&mut self) {
        let Crowd { hub, memory, wires, .. } = self;
        for Wake { index, source, waker, .. } in hub.take_wakes() {
            memory.of(|| waker.wake());
            wires[index].borrow_mut().on_wake(source);
        }
    }

    /// The poll returns, and the loop sees which sources were woken.
    fn return_from_poll(&mut self) {
        let now = self.hub.now();
        let Crowd { engine, memory, .. } = self;
        memory.of(|| engine.clients_mut().on_polled(now));
        self.active.iter().for_each(|index| self.wires[*index].borrow_mut().on_polled());
    }

    /// Whether a connection was accepted for which there was no room.
    fn is_one_held(&self) -> bool {
        let mut wires = self.active.iter().map(|index| self.wires[*index].borrow());
        wires.any(|wire| wire.server() == ServerSide::Held)
    }
}
