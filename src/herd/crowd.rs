//! The crowd itself: every client, what becomes of it at an event, and what is counted of it.
//!
//! [`arrivals`](crate::arrivals) brings clients, [`asking`](crate::asking) has them act when their
//! time has come, [`phases`](crate::phases) knows how far the run is.

use std::collections::VecDeque;

use mio::Registry;
use oneloop::Metrics;
use oneloop::engine::{ClientId, Readiness, Time};
use slab::Slab;

use crate::carousel::Carousel;
use crate::client::{Client, Ending, Heard, RECEIVES_MAX, Stage, Then};
use crate::clock::Clock;
use crate::flock::Flock;
use crate::kind::Kind;
use crate::load::answer::{Checker, Expected};
use crate::load::random::Random;
use crate::load::sources::Sources;
use crate::pace::Pace;
use crate::phases::Phase;
use crate::plan::Plan;
use crate::probe::Lessons;
use crate::tally::Why;
use crate::times::Times;
use crate::words::{Wording, Words};

/// Holds many pipelined answers; one for all clients.
const INPUT_BYTES: usize = 64 * 1024;

/// Too many requests at once: the server says so, and is not wrong.
const OVERLOADED: u16 = 503;

/// Every client, and what they share.
pub struct Crowd<'p> {
    pub plan: &'p Plan,
    pub clock: Clock,
    pub registry: Registry,
    pub clients: Slab<Client>,
    pub next_generation: u32,
    /// By [`Kind`]'s order.
    pub flocks: Vec<Flock>,
    pub voice: Voice,
    pub sources: Sources,
    pub pace: Pace,
    /// Whose kind is next to be asked for an arrival.
    pub turnstile: usize,
    pub drippers: Carousel<ClientId>,
    pub sippers: Carousel<ClientId>,
    /// Garbage clients, and when they hang up; in order.
    pub impatient: VecDeque<(Time, ClientId)>,
    /// Who was not done with reading, though there will be no event.
    pub again: Vec<ClientId>,
    pub phase: Phase,
    /// Requests that good clients have made.
    pub asked: u64,
    /// By how much requests were sent after they were due, though a client was free: our own fault.
    pub lateness: Times,
}

/// What clients need to speak and to listen, lent to each in turn.
pub struct Voice {
    pub words: Words,
    pub random: Random,
    pub metrics: Metrics,
    slow_read_bytes: usize,
    input: Box<[u8]>,
    get: Checker,
    post: Checker,
    big: Checker,
    any: Checker,
}

impl<'p> Crowd<'p> {
    /// Nobody yet; time begins.
    pub fn new(plan: &'p Plan, lessons: &Lessons, registry: Registry) -> Crowd<'p> {
        let host = plan.server.to_string();
        let words = Words::new(&Wording {
            host: &host,
            path: &plan.path,
            big_path: &plan.big_path,
            depth: plan.depth,
            big_answer_bytes: lessons.big_answer_bytes,
        });
        Crowd {
            plan,
            clock: Clock::start(),
            registry,
            clients: Slab::with_capacity(plan.clients()),
            next_generation: 0,
            flocks: Kind::ALL.map(|kind| Flock::new(kind, plan)).into(),
            voice: Voice {
                words,
                random: Random::new(plan.seed),
                metrics: Metrics::default(),
                slow_read_bytes: plan.slow_read_bytes,
                input: vec![0; INPUT_BYTES.max(plan.slow_read_bytes)].into(),
                get: Checker::new(lessons.get.clone()),
                post: Checker::new(lessons.post.clone()),
                big: Checker::new(lessons.big.clone()),
                any: Checker::new(Expected::Any),
            },
            sources: Sources::new(plan.server),
            pace: Pace::new(plan.connect_rate),
            turnstile: 0,
            drippers: Carousel::new(plan.drip_every),
            sippers: Carousel::new(plan.drip_every),
            impatient: VecDeque::new(),
            again: Vec::new(),
            phase: Phase::first(plan),
            asked: 0,
            lateness: Times::new(),
        }
    }

    /// The client that `id` names, if it is still here.
    pub fn client(&mut self, id: ClientId) -> Option<&mut Client> {
        find(&mut self.clients, id)
    }

    pub fn flock(&mut self, kind: Kind) -> &mut Flock {
        &mut self.flocks[kind as usize]
    }

    /// The poll has reported something of a client.
    pub fn on_event(&mut self, id: ClientId, told: Readiness) {
        let clock = self.clock;
        let Some(client) = self.client(id) else { return };
        client.note(told);
        if client.stage() == Stage::Connecting {
            match client.finish_connecting(told, clock.now()) {
                Ok(()) => self.on_connected(id),
                Err(reason) => self.end(id, Ending::NotConnected(reason)),
            }
            if !told.readable {
                return;
            }
        }
        self.go_on(id, told);
    }

    /// Has those read on who stopped so that others had their turn.
    pub fn go_on_again(&mut self) {
        for id in std::mem::take(&mut self.again) {
            self.listen(id);
        }
    }

    /// A connection that stands can do something.
    fn go_on(&mut self, id: ClientId, told: Readiness) {
        self.speak(id);
        let Some(client) = self.client(id) else { return };
        match client.kind {
            Kind::NeverRead => match client.look(told) {
                Then::Ends(ending) => self.end(id, ending),
                Then::Waits | Then::GoesOn => {}
            },
            // The end that lies behind what is unread comes when that has been read.
            Kind::SlowRead => match client.look(Readiness { read_closed: false, ..told }) {
                Then::Ends(ending) => self.end(id, ending),
                Then::Waits | Then::GoesOn => {}
            },
            Kind::Get
            | Kind::Post
            | Kind::ConnectClose
            | Kind::HalfClose
            | Kind::Idle
            | Kind::Drip
            | Kind::Garbage
            | Kind::Reset => {
                if told.readable || told.read_closed {
                    self.listen(id);
                }
            }
        }
    }

    /// Has a client receive, and acts on what it has heard.
    pub fn listen(&mut self, id: ClientId) {
        let Some(client) = find(&mut self.clients, id) else { return };
        let Heard { right, then } = self.voice.hear(client);
        let (kind, begun) = (client.kind, client.begun);
        if right > 0 {
            self.on_right(kind, right, begun);
        }
        match then {
            Then::Ends(ending) => return self.end(id, ending),
            // Who reads slowly reads on when it is its turn.
            Then::GoesOn if kind != Kind::SlowRead => self.again.push(id),
            Then::GoesOn | Then::Waits => {}
        }
        if right > 0 {
            self.on_answered(id);
        }
    }

    fn on_right(&mut self, kind: Kind, count: u32, begun: Time) {
        let now = self.clock.now();
        let tally = &mut self.flock(kind).tally;
        tally.right += u64::from(count);
        if kind.is_good() {
            for _ in 0..count {
                tally.latency.record(now.since(begun));
            }
        }
    }

    /// The connection goes on after an answer.
    fn on_answered(&mut self, id: ClientId) {
        let now = self.clock.now();
        let Some(client) = self.client(id) else { return };
        match client.kind {
            Kind::Get | Kind::Post if client.is_free() => {
                client.free_since = now;
                self.on_free(id, now);
            }
            // It has been answered and would have to wait to be forgotten.
            Kind::Garbage if !client.last => self.end(id, Ending::HungUp),
            Kind::Get
            | Kind::Post
            | Kind::ConnectClose
            | Kind::HalfClose
            | Kind::Idle
            | Kind::Drip
            | Kind::NeverRead
            | Kind::SlowRead
            | Kind::Garbage
            | Kind::Reset => {}
        }
    }

    /// Takes a client out and counts how it ended. Dropping the stream has the poll forget it.
    pub fn end(&mut self, id: ClientId, ending: Ending) {
        let now = self.clock.now();
        let client = self.clients.remove(id.slot());
        let expects_overload = self.voice.expects_overload();
        let flock = &mut self.flocks[client.kind as usize];
        flock.live -= 1;
        let tally = &mut flock.tally;
        let due = match client.kind.is_good() {
            true => u64::from(client.due),
            false => 0,
        };
        let is_over = matches!(ending, Ending::Closed | Ending::Reset);
        let due = match is_over && due > 0 && client.has_crossed() {
            true => {
                tally.crossed += due;
                0
            }
            false => due,
        };
        let stood = now.since(client.came);
        // A good client's own requests are why it was answered; others are answered as they go.
        let answered = client.status.filter(|_| !client.kind.is_good()).map(Why::Status);
        match ending {
            Ending::NotConnected(reason) => {
                tally.refused += 1;
                *tally.ended.entry(Why::NotConnected(reason)).or_default() += 1;
                self.pace.on_failed(now);
            }
            Ending::Closed => {
                tally.lost += due;
                tally.on_ended(answered.unwrap_or(Why::End), stood);
            }
            Ending::Reset => {
                tally.lost += due;
                tally.on_ended(answered.unwrap_or(Why::Reset), stood);
            }
            Ending::Wrong(wrong) if wrong.status == Some(OVERLOADED) && !expects_overload => {
                tally.refused += due;
                tally.on_ended(Why::Status(OVERLOADED), stood);
            }
            Ending::Wrong(wrong) => {
                tally.on_wrong(*wrong);
                tally.lost += due.saturating_sub(1);
                tally.hung_up += 1;
            }
            Ending::HungUp => tally.hung_up += 1,
        }
    }
}

/// The client that `id` names: an event for one that has gone finds another generation.
pub fn find(clients: &mut Slab<Client>, id: ClientId) -> Option<&mut Client> {
    clients.get_mut(id.slot()).filter(|client| client.generation == id.number())
}

impl Voice {
    fn hear(&mut self, client: &mut Client) -> Heard {
        let (checker, receives, room) = match client.kind {
            Kind::Get | Kind::ConnectClose | Kind::HalfClose => {
                (&mut self.get, RECEIVES_MAX, self.input.len())
            }
            Kind::Post => (&mut self.post, RECEIVES_MAX, self.input.len()),
            Kind::SlowRead => (&mut self.big, 1, self.slow_read_bytes),
            Kind::Idle | Kind::Drip | Kind::NeverRead | Kind::Garbage | Kind::Reset => {
                (&mut self.any, RECEIVES_MAX, self.input.len())
            }
        };
        client.hear(receives, &mut self.input[..room], checker, &mut self.metrics)
    }

    /// Whether overload is what was learned to be right.
    fn expects_overload(&self) -> bool {
        self.get.expects(OVERLOADED)
    }
}
