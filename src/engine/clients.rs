//! All clients of an engine: which are here, come and have gone, and what each waits for.

use std::time::SystemTime;

use log::{Level, max_level};
use slab::Slab;

use super::arrival::Arrival;
use super::batch::Batch;
use super::checks::Checks;
use super::client::Client;
use super::event::ClientEvent;
use super::id::ClientId;
use super::leaving::Leaving;
use super::readiness::Readiness;
use super::registrations::Registrations;
use super::run_queue::RunQueue;
use super::slots::{KEYS_RESERVED, SlabMemory};
use super::steps::Steps;
use crate::config::{Limits, RECEIVE_BYTES, Timeouts};
use crate::connection::state::StateName;
use crate::connection::{Common, Deadline};
use crate::engine::stream::Stream;
use crate::engine::timers::Timers;
use crate::http::date::Date;
use crate::metrics::{CloseReason, Metrics};
use crate::network::Network;
use crate::time::{Time, sooner};
use crate::work;

/// All clients of one engine.
#[derive(Debug)]
pub struct Clients<S> {
    pub(super) slab: Slab<Client<S>>,
    slab_memory: SlabMemory,
    pub(super) run_queue: RunQueue,
    /// Clients that linger can do something, too, in a stage of their own.
    pub(super) linger_queue: RunQueue,
    pub(super) leaving: Leaving,
    pub(super) timers: Timers,
    pub(super) checks: Checks,
    /// Keys of clients that have ended in this turn and are not freed yet.
    pub(super) ended: Vec<usize>,
    pub(super) registrations: Registrations,
    /// Where a client that is on its own is received into. Hot in the cache; idle clients own none.
    pub(super) receive_buffer: Box<[u8]>,
    pub(super) common: Common,
    pub(super) batch: Batch,
    pub(super) steps: Steps,
    next_generation: u32,
}

impl<S: Stream> Clients<S> {
    /// No clients yet. The limits and timeouts are those of a checked
    /// [`Config`](crate::Config).
    pub fn new(limits: Limits, timeouts: Timeouts, now: SystemTime) -> Clients<S> {
        let (slab, slab_memory) = SlabMemory::reserve();
        Clients {
            slab,
            slab_memory,
            run_queue: RunQueue::new(KEYS_RESERVED),
            linger_queue: RunQueue::new(KEYS_RESERVED),
            leaving: Leaving::new(),
            timers: Timers::new(&timeouts),
            checks: Checks::default(),
            ended: Vec::with_capacity(KEYS_RESERVED),
            registrations: Registrations::new(),
            receive_buffer: vec![0; RECEIVE_BYTES].into_boxed_slice(),
            common: Common::new(limits, timeouts, now),
            batch: Batch::new(),
            steps: Steps::default(),
            next_generation: 0,
        }
    }

    /// How many slots may have clients in them: no key in use is as high.
    pub(super) fn slots_touched(&self) -> usize {
        self.slab_memory.end()
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

    /// As [`Clients::metrics`], to count what happens outside of here.
    pub fn metrics_mut(&mut self) -> &mut Metrics {
        &mut self.common.metrics
    }

    /// A turn begins at `now`. To be called first in it: sources that were [woken](crate::Waker) are
    /// due then, and a [`Watcher`](crate::engine::Watcher) is told the time.
    pub fn on_polled(&mut self, now: Time) {
        self.set_time(now);
        if self.common.wakers.is_any_woken() {
            self.wake_sources();
        }
    }

    /// Says which proxies are believed on whose request it is that they pass on. From the beginning it
    /// is [those of this machine](Network::THIS_MACHINE).
    pub fn set_proxies(&mut self, proxied_by: Vec<Network>) {
        self.common.surroundings.proxied_by = proxied_by;
    }

    /// Sets what answers say in `Date`. To be called once a second.
    pub fn set_date(&mut self, now: SystemTime) {
        self.common.date = Date::new(now);
    }

    /// Takes in a new client. It runs in the next turn, before the poll knows it: its request may
    /// have come already.
    pub fn admit(&mut self, stream: S, arrival: impl Into<Arrival>, now: Time) -> ClientId {
        let arrival @ Arrival { peer, .. } = arrival.into();
        let generation = self.next_generation;
        // The last generation is never given out: its tokens are the server's own.
        self.next_generation = (generation + 1) % u32::MAX;
        let key = self.slab.insert(Client::new(stream, arrival, generation, now));
        self.slab_memory.on_taken(key);
        self.renew_deadline(key);
        self.enqueue(key);
        self.common.metrics.accepted += 1;
        self.common.budget.spend(work::ACCEPT);
        self.tell(key, |clients, key| clients.accepted(key, peer));
        ClientId::new(key, generation)
    }

    /// Notes what the poll reported of `id`, and lets it run in this turn. It goes onto the run queue
    /// even if it lingers: `queue_lingering` then moves it on.
    #[inline(always)]
    pub fn note(&mut self, id: ClientId, told: Readiness) {
        let Some(client) = self.slab.get_mut(id.slot()) else { return };
        if client.generation == id.number() {
            client.socket.note(told);
            self.run_queue.push(id.slot(), client);
            self.tell(id.slot(), |_, _| ClientEvent::Told { readiness: told });
        }
    }

    /// Sets what one client's time is.
    pub(super) fn set_deadline(&mut self, key: usize, deadline: Option<Deadline>) {
        self.timers.set(&mut self.slab, key, deadline);
    }

    /// The client can go on: it is put on the queue of its stage.
    pub(super) fn enqueue(&mut self, key: usize) {
        let client = &mut self.slab[key];
        let queue = match client.connection.state() == StateName::Lingering {
            true => &mut self.linger_queue,
            false => &mut self.run_queue,
        };
        queue.push(key, client);
    }

    /// Whether a client can run without a new event.
    pub fn has_runnable(&self) -> bool {
        if !self.linger_queue.is_empty() {
            return true;
        }
        !self.run_queue.is_empty()
            || self.leaving.is_any_left()
            || self.common.wakers.is_any_woken()
    }

    /// Whether this client can run without a new event: it has work left, or an event of it was
    /// noted, or it is to be ended; and its turn has still to come.
    pub fn is_runnable(&self, id: ClientId) -> bool {
        let is_to_leave = |client: &Client<S>| {
            self.leaving.has_slot(id.slot()) && client.connection.state().is_idle()
        };
        self.get(id).is_some_and(|client| client.queued || is_to_leave(client))
    }

    /// Whether this client stands on a queue.
    pub(super) fn is_queued(&self, id: ClientId) -> bool {
        self.get(id).is_some_and(|client| client.queued)
    }

    /// This client, if it has not gone.
    pub(super) fn get(&self, id: ClientId) -> Option<&Client<S>> {
        self.slab.get(id.slot()).filter(|client| client.generation == id.number())
    }

    /// When the next deadline is to be acted on, or the poll is to be asked again what it refused.
    #[inline]
    pub fn next_due(&self) -> Option<Time> {
        sooner(self.timers.next_due(&self.slab), self.registrations.next_due())
    }

    /// A client's connection has ended: it is out of the timers, and freed at the turn's end.
    pub(super) fn end(&mut self, key: usize, reason: CloseReason) {
        self.set_deadline(key, None);
        self.ended.push(key);
        self.common.budget.spend(work::CLOSE);
        self.common.metrics.count_close(reason);
        let client = &mut self.slab[key];
        client.queued = false;
        if reason == CloseReason::WriteTimeout {
            client.reset_on_drop();
        }
        if self.steps.are_any_told() || max_level() >= Level::Debug {
            self.steps.tell_end(client.id(key), &client.connection, reason, &mut self.common);
        }
        if reason == CloseReason::NoProxyHeader {
            self.log_no_proxy_header(key);
        }
    }

    /// Frees clients that have ended, and says how many. No event of this turn may be noted after
    /// that.
    // It is asked twice a turn: 46 instructions fewer per kept GET.
    #[inline]
    pub fn free(&mut self) -> usize {
        match self.ended.is_empty() {
            true => 0,
            false => self.free_ended(),
        }
    }

    /// The same, apart from the turns in which no client has ended.
    #[inline(never)]
    fn free_ended(&mut self) -> usize {
        let freed = self.ended.len();
        for key in self.ended.drain(..) {
            let client = self.slab.remove(key);
            let id = client.id(key);
            drop(client);
            if self.steps.are_told() {
                self.steps.tell(id, ClientEvent::Freed);
            }
        }
        self.slab_memory.on_freed(&mut self.slab);
        freed
    }
}
