//! Which clients are let in, and which have to go for that.
//!
//! Owns the listeners and everything that decides whether to accept from them: the client limit,
//! and what happens when descriptors run out. A listener that is ready while nothing may be
//! accepted stays ready, and is asked again in every turn. So no connection is ever stranded, and
//! while nothing changes the loop sleeps.
//!
//! It knows no socket, only what an accept can come to ([`Accepted`]), so that in a simulation
//! descriptors can run out.

use std::fmt::Display;
use std::io;
use std::time::Duration;

use log::warn;

use crate::answer::handler::Handler;
use crate::engine::Clients;
use crate::engine::arrival::Arrival;
use crate::engine::closing::Evictable;
use crate::engine::stream::Stream;
use crate::system_calls::log_once::LogOnce;
use crate::time::Time;

/// Among how many clients the budget for accepting is shared: an idle client that is looked at
/// before it makes room for another may turn out to be busy, and take its turn.
const ACCEPTING_CLIENTS: usize = 64;

/// Where connections come in: what a listening socket must be able to do.
///
/// It must be non-blocking, and its poll must give edges as epoll does.
pub trait Accept {
    /// A connection's stream.
    type Stream: Stream;

    /// Accepts one connection.
    fn accept(&mut self) -> Accepted<Self::Stream>;

    /// Whether a connection waits to be accepted.
    fn has_waiting(&self) -> bool;
}

/// What came of an accept.
#[derive(Debug)]
#[non_exhaustive]
pub enum Accepted<S> {
    /// A connection, and how its client has come.
    Client(S, Arrival),
    /// None waits; the poll will report the next.
    Nothing,
    /// This one connection was lost before we got to it; the next may be fine.
    Lost,
    /// Descriptors or memory have run out, whose and by what error. The connection stays queued.
    Exhausted(Shortage, io::Error),
    /// The system does not accept, for another reason. The connection stays queued.
    Refused(io::Error),
}

/// Whose descriptors or memory have run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shortage {
    /// The process's own descriptors: closing one of them helps.
    Ours,
    /// The system's.
    Systems,
}

/// How many connections in a row may be lost before accepting rests: a system that loses all of
/// them is not asked on and on.
const LOST_MAX: usize = 16;

/// How long accepting rests when descriptors have run out and there is no idle client to close:
/// this process, or another one, may free some without the server's being told. The same when the
/// system refuses for another reason.
const EXHAUSTION_PAUSE: Duration = Duration::from_millis(100);

/// After this long without it, a shortage is over; the next one is logged again.
const LOG_QUIET: Duration = Duration::from_secs(10);

/// The listeners, and what is decided about accepting from them.
#[derive(Debug)]
pub struct Admission<L: Accept> {
    entrances: Vec<Entrance<L>>,
    evictable: Evictable,
    clients_max: usize,
    accepts_per_turn_max: usize,
    /// A connection that was accepted when there turned out to be no room for it.
    waiting: Option<(L::Stream, Arrival)>,
    /// Accepting rests until then, or until a descriptor becomes free.
    exhausted_until: Option<Time>,
    /// An idle client was closed for the next connection, which has not come yet.
    has_made_room: bool,
    /// Connections lost since the last one that was not.
    lost: usize,
    crowd: LogOnce,
    exhaustion: LogOnce,
    refusal: LogOnce,
}

/// A listener with its readiness.
#[derive(Debug)]
struct Entrance<L> {
    listener: L,
    /// An edge was reported, and accepting has not yet found the queue empty.
    ready: bool,
}

impl<L: Accept> Admission<L> {
    /// Lets in at most `clients_max` clients at once, and at most `accepts_per_turn_max`
    /// connections from each listener in one turn.
    pub fn new(listeners: Vec<L>, clients_max: usize, accepts_per_turn_max: usize) -> Admission<L> {
        let entrances = listeners.into_iter().map(|listener| Entrance { listener, ready: false });
        Admission {
            entrances: entrances.collect(),
            evictable: Evictable::Idle,
            clients_max,
            accepts_per_turn_max,
            waiting: None,
            exhausted_until: None,
            has_made_room: false,
            lost: 0,
            crowd: LogOnce::default(),
            exhaustion: LogOnce::default(),
            refusal: LogOnce::default(),
        }
    }

    /// Lets these clients make room for new ones, instead of idle ones only.
    pub fn evicting(self, evictable: Evictable) -> Admission<L> {
        Admission { evictable, ..self }
    }

    /// Where connections come in; nowhere once it is closed.
    pub fn listeners(&self) -> impl Iterator<Item = &L> {
        self.entrances.iter().map(|entrance| &entrance.listener)
    }

    /// How many clients there may be at once.
    pub fn clients_max(&self) -> usize {
        self.clients_max
    }

    /// From now on there may be this many at once. Those that are there may stay.
    pub(crate) fn set_clients_max(&mut self, clients_max: usize) {
        self.clients_max = clients_max;
    }

    /// The poll has reported the listener at this place among [`listeners`](Self::listeners).
    pub fn on_ready(&mut self, index: usize) {
        if let Some(entrance) = self.entrances.get_mut(index) {
            entrance.ready = true;
        }
    }

    /// Connections may have come that the poll has not reported yet.
    pub fn on_ready_all(&mut self) {
        for entrance in &mut self.entrances {
            entrance.ready = true;
        }
    }

    /// A client has gone, and its descriptor is free.
    pub fn on_freed(&mut self) {
        self.exhausted_until = None;
    }

    /// When accepting is to be tried again although nothing has happened.
    pub fn next_due(&self) -> Option<Time> {
        self.exhausted_until.filter(|_| self.may_be_waited_for())
    }

    /// Whether connections may be waiting for us.
    fn may_be_waited_for(&self) -> bool {
        self.waiting.is_some() || self.entrances.iter().any(|entrance| entrance.ready)
    }

    /// Whether connections may be waiting for us, and there is or can be made room for one.
    pub fn is_possible(&self, clients: &Clients<L::Stream>, now: Time) -> bool {
        self.may_be_waited_for()
            && self.exhausted_until.is_none_or(|until| now >= until)
            && (clients.len() < self.clients_max || clients.has_evictable(self.evictable, now))
    }

    /// Whether a connection waits to be accepted.
    #[cold]
    pub(crate) fn has_waiting(&self) -> bool {
        let mut ready = self.entrances.iter().filter(|entrance| entrance.ready);
        self.waiting.is_some() || ready.any(|entrance| entrance.listener.has_waiting())
    }

    /// Accepts from every ready listener, a bounded number of connections, and no more than the
    /// turn's budget allows.
    pub fn accept<H: Handler>(
        &mut self,
        clients: &mut Clients<L::Stream>,
        handler: &mut H,
        now: Time,
    ) {
        // A rest that is over is forgotten even if there is no room: it would stay due.
        self.exhausted_until = self.exhausted_until.filter(|until| now < *until);
        if !self.is_possible(clients, now) {
            self.tell_of_waiting(clients, now);
            return;
        }
        // This stage has a budget of its own.
        let bytes_max = clients.common.limits.turn_bytes_max;
        clients.common.budget.begin_stage(ACCEPTING_CLIENTS, bytes_max);
        if let Some((stream, arrival)) = self.waiting.take() {
            self.admit(stream, arrival, clients, handler, now);
        }
        for index in 0..self.entrances.len() {
            self.accept_at(index, self.accepts_per_turn_max, clients, handler, now);
        }
    }

    /// Accepts one connection, if one waits and there is room for it, and says whether it did. No
    /// client is evicted for it.
    pub(crate) fn accept_one(&mut self, clients: &mut Clients<L::Stream>, now: Time) -> bool {
        if clients.len() >= self.clients_max || self.exhausted_until.is_some_and(|it| now < it) {
            return false;
        }
        if let Some((stream, arrival)) = self.waiting.take() {
            clients.admit(stream, arrival, now);
            return true;
        }
        for entrance in self.entrances.iter_mut().filter(|entrance| entrance.ready) {
            match entrance.listener.accept() {
                Accepted::Client(stream, arrival) => {
                    clients.admit(stream, arrival, now);
                    return true;
                }
                Accepted::Nothing => entrance.ready = false,
                // It stays ready, and is asked again for the next.
                Accepted::Lost | Accepted::Exhausted(..) | Accepted::Refused(_) => {}
            }
        }
        false
    }

    /// Accepts at most `connections_max` connections from one listener.
    fn accept_at<H: Handler>(
        &mut self,
        index: usize,
        connections_max: usize,
        clients: &mut Clients<L::Stream>,
        handler: &mut H,
        now: Time,
    ) {
        for _ in 0..connections_max {
            let has_place = self.waiting.is_none() && self.is_possible(clients, now);
            let entrance = &mut self.entrances[index];
            if !entrance.ready || !has_place || !clients.common.budget.has_stage_left() {
                break;
            }
            match entrance.listener.accept() {
                Accepted::Client(stream, arrival) => {
                    (self.lost, self.has_made_room) = (0, false);
                    self.admit(stream, arrival, clients, handler, now);
                }
                Accepted::Nothing => (entrance.ready, self.lost) = (false, 0),
                Accepted::Lost => {
                    self.lost += 1;
                    if self.lost >= LOST_MAX {
                        self.rest(&"each is lost before it is accepted", now);
                    }
                }
                Accepted::Refused(reason) => self.rest(&reason, now),
                Accepted::Exhausted(shortage, reason) => {
                    self.make_room(shortage, &reason, clients, handler, now);
                }
            }
        }
    }

    fn admit<H: Handler>(
        &mut self,
        stream: L::Stream,
        arrival: Arrival,
        clients: &mut Clients<L::Stream>,
        handler: &mut H,
        now: Time,
    ) {
        if clients.len() >= self.clients_max {
            if self.crowd.note(now, LOG_QUIET) {
                let max = self.clients_max;
                warn!(
                    "client limit ({max}) reached: closing the longest-idle client for each new one"
                );
            }
            // Kept meanwhile: the handler, which may answer a client that is looked at, can panic.
            self.waiting = Some((stream, arrival));
            if !clients.evict(self.evictable, now, handler) {
                return;
            }
            let Some((stream, arrival)) = self.waiting.take() else { return };
            clients.admit(stream, arrival, now);
            return;
        }
        clients.admit(stream, arrival, now);
    }

    /// The system is out of descriptors or memory: the handler gives way, or an idle client goes. If
    /// there is none, or what is missing is not ours to free, accepting rests.
    fn make_room<H: Handler>(
        &mut self,
        shortage: Shortage,
        reason: &io::Error,
        clients: &mut Clients<L::Stream>,
        handler: &mut H,
        now: Time,
    ) {
        clients.metrics_mut().accepts_exhausted += 1;
        if handler.release_descriptors() {
            return;
        }
        if self.exhaustion.note(now, LOG_QUIET) {
            let count = clients.len();
            warn!("cannot accept with {count} clients ({reason}): closing idle clients or pausing");
        }
        // Room was made, and it did not help: closing more clients does not, either.
        if self.has_made_room {
            (self.has_made_room, self.exhausted_until) = (false, Some(now + EXHAUSTION_PAUSE));
            return;
        }
        self.has_made_room = clients.evict(self.evictable, now, handler);
        if !self.has_made_room || shortage == Shortage::Systems {
            self.exhausted_until = Some(now + EXHAUSTION_PAUSE);
        }
    }

    /// The system does not let us accept, and closing clients would not help: accepting rests.
    fn rest(&mut self, reason: &dyn Display, now: Time) {
        if self.refusal.note(now, LOG_QUIET) {
            warn!("cannot accept connections ({reason}): trying again ten times a second");
        }
        self.lost = 0;
        self.exhausted_until = Some(now + EXHAUSTION_PAUSE);
    }

    /// Makes the log mention only once what both these and another admission's listeners are
    /// refused: the system refuses both for the same reason.
    pub(crate) fn share_log_once(&mut self, other: &mut Admission<L>) {
        let exhaustion = self.exhaustion.max(other.exhaustion);
        (self.exhaustion, other.exhaustion) = (exhaustion, exhaustion);
        let refusal = self.refusal.max(other.refusal);
        (self.refusal, other.refusal) = (refusal, refusal);
    }

    /// Tells the log, once while it lasts, that connections wait because no client is idle.
    fn tell_of_waiting(&mut self, clients: &Clients<L::Stream>, now: Time) {
        let full = clients.len() >= self.clients_max;
        // A listener whose queue was not emptied counts as ready even if no connection waits.
        if full
            && self.crowd.is_over(now, LOG_QUIET)
            && self.entrances.iter().any(|it| it.ready && it.listener.has_waiting())
        {
            self.crowd.note(now, LOG_QUIET);
            let max = self.clients_max;
            warn!("client limit ({max}) reached, and no client is idle: new ones wait");
        }
    }

    /// Another process accepts from now on from the listeners of which `is_taken` says so. They are
    /// dropped, and what waits in their queues is left to that process.
    pub(crate) fn hand_over(&mut self, mut is_taken: impl FnMut(&mut L) -> bool) {
        self.entrances.retain_mut(|entrance| !is_taken(&mut entrance.listener));
    }

    /// Where connections come in, to be changed.
    pub(crate) fn listeners_mut(&mut self) -> impl Iterator<Item = &mut L> {
        self.entrances.iter_mut().map(|entrance| &mut entrance.listener)
    }

    /// How many connections were accepted that there was no room for yet: at most one.
    pub(super) fn held(&self) -> u64 {
        u64::from(self.waiting.is_some())
    }

    /// Accepts nothing more, for ever.
    pub fn close(&mut self) {
        self.entrances.clear();
        self.waiting = None;
        self.exhausted_until = None;
    }
}
