//! Who is let in, and who has to go for it.
//!
//! Owns the listeners and everything that decides whether to accept from them: the most clients
//! there may be, and what happens when descriptors run out. A listener that is ready and may not
//! be accepted from stays ready, and is asked again in every turn: nothing is ever stranded, and
//! as long as nothing has changed the loop sleeps.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use log::warn;
use mio::net::TcpStream;

use crate::clients::Clients;
use crate::handler::Handler;
use crate::listener::{self, Accepted, Listener};
use crate::time::Time;

/// How long accepting rests when descriptors have run out and nobody idle can be closed: others
/// in this process, or in this system, may free some without our being told.
const EXHAUSTION_PAUSE: Duration = Duration::from_millis(100);

/// After so long without it, a shortage is over; the next one is news again.
const EPISODE_QUIET: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Admission {
    listeners: Vec<Listener>,
    clients_max: usize,
    accepts_per_turn_max: usize,
    /// A connection that was accepted when there turned out to be no room for it.
    waiting: Option<(TcpStream, SocketAddr)>,
    /// Accepting rests until then, or until a descriptor becomes free.
    exhausted_until: Option<Time>,
    crowd: Episode,
    exhaustion: Episode,
}

/// Something that goes on for a while, and of which the log is told once.
#[derive(Clone, Copy, Debug, Default)]
struct Episode {
    last: Option<Time>,
}

impl Episode {
    /// Notes that it is so at `now`. Says whether it has only just begun.
    fn begins(&mut self, now: Time) -> bool {
        let begins = self.is_over(now);
        self.last = Some(now);
        begins
    }

    /// Whether it has not been so for a while.
    fn is_over(&self, now: Time) -> bool {
        self.last.is_none_or(|last| now.since(last) >= EPISODE_QUIET)
    }
}

impl Admission {
    pub(crate) fn new(
        listeners: Vec<Listener>,
        clients_max: usize,
        accepts_per_turn_max: usize,
    ) -> Admission {
        Admission {
            listeners,
            clients_max,
            accepts_per_turn_max,
            waiting: None,
            exhausted_until: None,
            crowd: Episode::default(),
            exhaustion: Episode::default(),
        }
    }

    /// Where connections come in.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().map(|listener| listener.address)
    }

    pub(crate) fn clients_max(&self) -> usize {
        self.clients_max
    }

    /// The poll has reported this listener.
    pub(crate) fn on_ready(&mut self, index: usize) {
        if let Some(listener) = self.listeners.get_mut(index) {
            listener.ready = true;
        }
    }

    /// Connections may have come that the poll has not reported yet.
    pub(crate) fn on_ready_all(&mut self) {
        for listener in &mut self.listeners {
            listener.ready = true;
        }
    }

    /// A client has gone, and its descriptor is free.
    pub(crate) fn on_freed(&mut self) {
        self.exhausted_until = None;
    }

    /// When accepting is to be tried again although nothing has happened.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.exhausted_until.filter(|_| self.may_be_waited_for())
    }

    /// Whether connections may be waiting for us.
    fn may_be_waited_for(&self) -> bool {
        self.waiting.is_some() || self.listeners.iter().any(|listener| listener.ready)
    }

    /// Whether connections may be waiting for us, and there is or can be made room for one.
    pub(crate) fn is_possible(&self, clients: &Clients<TcpStream>, now: Time) -> bool {
        self.may_be_waited_for()
            && self.exhausted_until.is_none_or(|until| now >= until)
            && (clients.len() < self.clients_max || clients.has_evictable(now))
    }

    /// Accepts from every ready listener, a bounded number of connections.
    pub(crate) fn accept<H: Handler>(
        &mut self,
        clients: &mut Clients<TcpStream>,
        handler: &mut H,
        now: Time,
    ) {
        if !self.is_possible(clients, now) {
            self.tell_of_waiting(clients, now);
            return;
        }
        self.exhausted_until = None;
        if let Some((stream, peer)) = self.waiting.take() {
            self.admit(stream, peer, clients, handler, now);
        }
        for index in 0..self.listeners.len() {
            for _ in 0..self.accepts_per_turn_max {
                let has_place = self.waiting.is_none() && self.is_possible(clients, now);
                if !self.listeners[index].ready || !has_place {
                    break;
                }
                match self.listeners[index].accept() {
                    Accepted::Client(stream, peer) => {
                        self.admit(stream, peer, clients, handler, now);
                    }
                    Accepted::Nothing => break,
                    Accepted::Lost => {}
                    Accepted::Exhausted(reason) => self.make_room(&reason, clients, handler, now),
                }
            }
        }
    }

    fn admit<H: Handler>(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        clients: &mut Clients<TcpStream>,
        handler: &mut H,
        now: Time,
    ) {
        if clients.len() >= self.clients_max {
            if self.crowd.begins(now) {
                let max = self.clients_max;
                warn!("{max} clients are all there may be: the longest idle make room");
            }
            if !clients.evict(now, handler) {
                self.waiting = Some((stream, peer));
                return;
            }
        }
        clients.admit(stream, peer, now);
    }

    /// The system is out of descriptors or memory: an idle client goes. If there is none, or what
    /// is missing is not ours to free, accepting rests.
    fn make_room<H: Handler>(
        &mut self,
        reason: &io::Error,
        clients: &mut Clients<TcpStream>,
        handler: &mut H,
        now: Time,
    ) {
        clients.metrics_mut().accepts_exhausted += 1;
        if self.exhaustion.begins(now) {
            let count = clients.len();
            warn!(
                "cannot accept with {count} clients ({reason}): the idle make room or others wait"
            );
        }
        let evicted = clients.evict(now, handler);
        if !evicted || !listener::is_ours(reason) {
            self.exhausted_until = Some(now + EXHAUSTION_PAUSE);
        }
    }

    /// Tells the log, once an episode, that connections wait because nobody is idle.
    fn tell_of_waiting(&mut self, clients: &Clients<TcpStream>, now: Time) {
        let full = clients.len() >= self.clients_max;
        // A listener that has not been accepted from to the end is ready even if nobody waits.
        if full
            && self.crowd.is_over(now)
            && self.listeners.iter().any(|listener| listener.ready && listener.has_waiting())
        {
            self.crowd.begins(now);
            let max = self.clients_max;
            warn!("{max} clients are all there may be, and none is idle: new ones wait");
        }
    }

    /// Accepts nothing more, for ever.
    pub(crate) fn close(&mut self) {
        self.listeners.clear();
        self.waiting = None;
        self.exhausted_until = None;
    }
}
