//! All clients: the slab they live in, the run queue, the timers, and the loop's two buffers.
//!
//! No mio and no clock: everything with state in it is here, generic over the stream, so that a
//! simulation drives the very code that runs in production. One turn is, in this order: [`note`]
//! what the poll reported, [`drive`] whoever can run, [`expire`] deadlines, [`free`] what ended,
//! [`admit`] who has come, [`register`] who waits.
//!
//! Invariants: whoever can do something without a new event stands on the run queue; whoever
//! waits stands in one timer list; a key that is freed has no event left in this turn.
//!
//! [`note`]: Clients::note
//! [`drive`]: Clients::drive
//! [`expire`]: Clients::expire
//! [`free`]: Clients::free
//! [`admit`]: Clients::admit
//! [`register`]: Clients::register

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::SystemTime;

use log::{debug, trace};
use slab::Slab;

use crate::buffer::Output;
use crate::client::{Client, Step};
use crate::config::{Limits, RECEIVE_BYTES, TimeoutClass, Timeouts};
use crate::connection::state::Name;
use crate::connection::{Phase, Turn};
use crate::handler::Handler;
use crate::http::date::Date;
use crate::metrics::{CloseReason, Metrics};
use crate::socket::{Interest, Readiness, Stream};
use crate::time::Time;
use crate::timers::Timers;

/// How far down the list of idle clients the one to evict is looked for. Whoever is passed over
/// has input waiting and will be driven in this turn or the next.
const EVICTION_LOOKS_MAX: usize = 16;

/// Names one connection: a slab key, and the generation that tells it from the key's earlier
/// owners. An event for a connection that is gone finds a different generation and is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientId(u64);

impl ClientId {
    fn new(key: usize, generation: u32) -> ClientId {
        let key = u32::try_from(key).expect("fewer than 4 billion clients");
        ClientId(u64::from(generation) << 32 | u64::from(key))
    }

    /// The id as a number, for a poll's token.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// The id that was once made into `bits`.
    pub fn from_bits(bits: u64) -> ClientId {
        ClientId(bits)
    }

    fn key(self) -> usize {
        (self.0 & u64::from(u32::MAX)) as usize
    }

    fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// All clients of one loop.
#[derive(Debug)]
pub struct Clients<S> {
    slab: Slab<Client<S>>,
    /// Keys of clients that can do something now. A key whose client is not marked as queued is
    /// left over from a client that has ended since, and is skipped.
    run_queue: VecDeque<usize>,
    timers: Timers,
    /// Keys of clients that have ended in this turn and are not freed yet.
    ended: Vec<usize>,
    /// Keys of clients that wait for more than the poll has been asked to report.
    unregistered: Vec<usize>,
    /// The one receive buffer: hot in the cache, and idle clients own none.
    receive_buffer: Box<[u8]>,
    common: Common,
    next_generation: u32,
}

/// What every client is lent when it runs.
#[derive(Debug)]
struct Common {
    output: Output,
    date: Date,
    limits: Limits,
    timeouts: Timeouts,
    phase: Phase,
    metrics: Metrics,
}

impl Common {
    fn turn<'t, H>(&'t mut self, now: Time, handler: &'t mut H) -> Turn<'t, H> {
        Turn {
            now,
            phase: self.phase,
            handler,
            limits: &self.limits,
            timeouts: &self.timeouts,
            date: &self.date,
            output: &mut self.output,
            metrics: &mut self.metrics,
        }
    }
}

impl<S: Stream> Clients<S> {
    /// No clients yet. The limits and timeouts are those of a checked
    /// [`Config`](crate::Config).
    pub fn new(limits: Limits, timeouts: Timeouts, now: SystemTime) -> Clients<S> {
        Clients {
            slab: Slab::new(),
            run_queue: VecDeque::new(),
            timers: Timers::new(&timeouts),
            ended: Vec::new(),
            unregistered: Vec::new(),
            receive_buffer: vec![0; RECEIVE_BYTES].into_boxed_slice(),
            common: Common {
                output: Output::default(),
                date: Date::new(now),
                limits,
                timeouts,
                phase: Phase::Running,
                metrics: Metrics::default(),
            },
            next_generation: 0,
        }
    }

    /// How many clients there are.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    /// What has been counted.
    pub fn metrics(&self) -> &Metrics {
        &self.common.metrics
    }

    /// As [`Clients::metrics`], for whoever counts what happens outside of here.
    pub fn metrics_mut(&mut self) -> &mut Metrics {
        &mut self.common.metrics
    }

    /// Sets what answers say in `Date`. To be called once a second.
    pub fn set_date(&mut self, now: SystemTime) {
        self.common.date = Date::new(now);
    }

    /// Takes in a new client. It runs in the next turn, before the poll knows it: its request may
    /// have come already.
    pub fn admit(&mut self, stream: S, peer: SocketAddr, now: Time) -> ClientId {
        let generation = self.next_generation;
        // The last generation is never given out: its tokens are the server's own.
        self.next_generation = (generation + 1) % u32::MAX;
        let key = self.slab.insert(Client::new(stream, peer, generation, now));
        self.timers.set(&mut self.slab, key, Some((TimeoutClass::FirstByte, now)));
        self.enqueue(key);
        self.common.metrics.accepted += 1;
        trace!("client {generation} from {peer}: accepted");
        ClientId::new(key, generation)
    }

    /// Notes what the poll reported of `id`, and lets it run in this turn.
    pub fn note(&mut self, id: ClientId, told: Readiness) {
        let Some(client) = self.slab.get_mut(id.key()) else { return };
        if client.generation == id.generation() {
            client.socket.note(told);
            self.enqueue(id.key());
        }
    }

    fn enqueue(&mut self, key: usize) {
        let client = &mut self.slab[key];
        if !client.queued {
            client.queued = true;
            self.run_queue.push_back(key);
        }
    }

    /// Whether somebody can run without a new event.
    pub fn has_runnable(&self) -> bool {
        !self.run_queue.is_empty()
    }

    /// When the next deadline is to be acted on.
    pub fn next_due(&self) -> Option<Time> {
        self.timers.next_due(&self.slab)
    }

    /// Lets everybody on the run queue run once, each within its budget. Whoever could do more
    /// stands at its end afterwards.
    pub fn drive<H: Handler>(&mut self, now: Time, handler: &mut H) {
        for _ in 0..self.run_queue.len() {
            let Some(key) = self.run_queue.pop_front() else { break };
            let Some(client) = self.slab.get_mut(key).filter(|client| client.queued) else {
                continue;
            };
            client.queued = false;
            self.drive_client(key, now, handler);
        }
    }

    fn drive_client<H: Handler>(&mut self, key: usize, now: Time, handler: &mut H) {
        let client = &mut self.slab[key];
        let mut budget = self.common.limits.turn_bytes_max;
        let mut turn = self.common.turn(now, handler);
        let last = loop {
            let step = client.step(&mut self.receive_buffer, &mut turn);
            let Step::Moved(bytes) = step else { break step };
            // Whoever has ended by this very step still has to be seen off.
            if bytes >= budget && client.connection.state() != Name::Closed {
                break step;
            }
            budget = budget.saturating_sub(bytes);
        };
        match last {
            Step::Ended(_) => self.common.output.clear(),
            Step::Moved(_) | Step::AwaitsPeer => client.connection.park(&mut self.common.output),
        }
        match last {
            Step::Ended(reason) => self.end(key, reason),
            Step::AwaitsPeer if self.drained(key) => self.close(key, CloseReason::Drained),
            Step::AwaitsPeer => self.await_peer(key),
            Step::Moved(_) => {
                self.await_peer(key);
                self.enqueue(key);
            }
        }
    }

    /// Whether this client is done with because the server is stopping.
    fn drained(&self, key: usize) -> bool {
        self.common.phase == Phase::Draining && self.slab[key].connection.state() == Name::Idle
    }

    /// A client waits: renews its deadline, and notes whether the poll knows what for.
    fn await_peer(&mut self, key: usize) {
        let client = &self.slab[key];
        if client.wanted_interest() > client.interest {
            self.unregistered.push(key);
        }
        let deadline = client.connection.deadline(&self.common.timeouts);
        self.timers.set(&mut self.slab, key, deadline);
    }

    /// Calls `ask` for each client that has come to wait for more than the poll has been asked to
    /// report, with what that was and what it is to be from now on. To be called last in a turn:
    /// whoever is left out here sleeps for ever.
    ///
    /// A client for which `ask` fails is closed, at once.
    pub fn register(
        &mut self,
        mut ask: impl FnMut(ClientId, &mut S, Interest, Interest) -> io::Result<()>,
    ) {
        let mut waiting = std::mem::take(&mut self.unregistered);
        for key in waiting.drain(..) {
            let Some(client) = self.slab.get_mut(key) else { continue };
            let (before, wanted) = (client.interest, client.wanted_interest());
            if wanted == before {
                continue;
            }
            client.interest = wanted;
            let id = ClientId::new(key, client.generation);
            if ask(id, client.socket.stream_mut(), before, wanted).is_err() {
                self.close(key, CloseReason::Reset);
            }
        }
        self.unregistered = waiting;
        self.free();
    }

    /// Acts on deadlines that have passed, a bounded number of them.
    pub fn expire<H: Handler>(&mut self, now: Time, handler: &mut H) {
        for _ in 0..self.common.limits.deadlines_per_turn_max {
            let Some(key) = self.timers.expired(&self.slab, now) else { break };
            if self.slab[key].connection.state() == Name::Writing {
                // The poll reports room only once a third of the send buffer is free, which can
                // be far more than the progress that is asked for. A send finds out.
                self.slab[key].socket.note(Readiness { writable: true, ..Readiness::default() });
                self.drive_client(key, now, handler);
                if self.timers.expired(&self.slab, now) != Some(key) {
                    continue;
                }
            }
            self.slab[key].connection.on_deadline(&mut self.common.turn(now, handler));
            self.timers.set(&mut self.slab, key, None);
            self.drive_client(key, now, handler);
        }
    }

    /// Ends one client from outside.
    fn close(&mut self, key: usize, reason: CloseReason) {
        let client = &mut self.slab[key];
        if client.connection.state() != Name::Closed {
            client.connection.on_close(reason);
            self.end(key, reason);
        }
    }

    /// A client's connection has ended: it is out of the timers, and freed at the turn's end.
    fn end(&mut self, key: usize, reason: CloseReason) {
        self.timers.set(&mut self.slab, key, None);
        self.ended.push(key);
        self.common.metrics.count_close(reason);
        let client = &mut self.slab[key];
        client.queued = false;
        debug!(
            "client {} from {}: closed after {} answers: {}",
            client.generation,
            client.peer(),
            client.connection.served(),
            reason.describe()
        );
        if reason == CloseReason::WriteTimeout {
            // If it fails the connection is gone already, which is what was wanted.
            let _ = client.socket.stream().reset_on_drop();
        }
    }

    /// Frees clients that have ended, and says how many. No event of this turn may be noted after
    /// that.
    pub fn free(&mut self) -> usize {
        let freed = self.ended.len();
        for key in self.ended.drain(..) {
            drop(self.slab.remove(key));
        }
        // A crowd has gone: give its slots back. Only an empty slab can be shrunk to nothing,
        // because keys do not move.
        if self.slab.is_empty() && self.slab.capacity() > self.common.limits.accepts_per_turn_max {
            self.slab.shrink_to_fit();
            self.run_queue.shrink_to_fit();
            self.ended.shrink_to_fit();
            self.unregistered.shrink_to_fit();
        }
        freed
    }

    /// Whether there is a client that might be evicted: one that owes and is owed nothing, as far
    /// as is known, and did so already before `now`.
    pub fn has_evictable(&self, now: Time) -> bool {
        self.longest_idle(now).is_some()
    }

    /// Closes the client that has been idle the longest, at once, and says whether there was one.
    /// To be called only when no event of this turn is left to be noted.
    ///
    /// A request may have come from it that no event has told us of yet, because the poll returns
    /// a bounded number of them. So each candidate is read from first; one that turns out to be
    /// busy stays.
    pub fn evict<H: Handler>(&mut self, now: Time, handler: &mut H) -> bool {
        for _ in 0..EVICTION_LOOKS_MAX {
            let Some(key) = self.longest_idle(now) else { break };
            let client = &mut self.slab[key];
            client.socket.note(Readiness { readable: true, ..Readiness::default() });
            self.drive_client(key, now, handler);
            if self.is_evictable(key, now) {
                self.close(key, CloseReason::Evicted);
            }
            if self.free() > 0 {
                return true;
            }
        }
        false
    }

    fn longest_idle(&self, now: Time) -> Option<usize> {
        let fresh = self.idle_in(TimeoutClass::FirstByte, now);
        let kept = self.idle_in(TimeoutClass::Idle, now);
        fresh.into_iter().chain(kept).min_by_key(|key| self.slab[*key].connection.since())
    }

    /// Whether it has been idle since before `now`. The connection knows, not the timers: a busy
    /// client's place in their lists is renewed late.
    fn is_evictable(&self, key: usize, now: Time) -> bool {
        let client = &self.slab[key];
        let idle = client.connection.state() == Name::Idle && client.connection.since() < now;
        idle && !client.queued
    }

    fn idle_in(&self, class: TimeoutClass, now: Time) -> Option<usize> {
        let mut next = self.timers.first(class);
        for _ in 0..EVICTION_LOOKS_MAX {
            if self.is_evictable(next?, now) {
                return next;
            }
            next = self.timers.behind(&self.slab, next?);
        }
        None
    }

    /// The server is stopping: every answer is its connection's last from now on, and whoever is
    /// idle is closed in the next [`drive`](Clients::drive), unless its next request has come.
    pub fn drain(&mut self) {
        self.common.phase = Phase::Draining;
        let idle: Vec<usize> = self
            .slab
            .iter()
            .filter(|(_, client)| client.connection.state() == Name::Idle)
            .map(|(key, _)| key)
            .collect();
        for key in idle {
            // It may have sent a request that no event has told us of yet. Reading tells.
            self.slab[key].socket.note(Readiness { readable: true, ..Readiness::default() });
            self.enqueue(key);
        }
    }

    /// Ends everybody who is left.
    pub fn cut_off(&mut self) {
        let keys: Vec<usize> = self.slab.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.close(key, CloseReason::CutOff);
        }
        self.free();
    }
}
