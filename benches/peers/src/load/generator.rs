//! The clients' loop: an answer is followed by the next request.
//!
//! Its invariant: between two calls of [`Load`]'s functions no request is outstanding on any
//! connection.

use std::net::SocketAddrV4;
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use super::client::{Client, Reading, Requests};
use super::opening::Greeting;
use super::progress::{Outcome, Progress, Until};
use crate::failure::Failure;
use crate::herd::answer::{Checker, Expected};
use crate::herd::sources::{Buffers, Sources};

/// The servers' batch size as well.
const EVENTS_MAX: usize = 1024;
/// Holds many pipelined answers; one for all clients.
const INPUT_BYTES: usize = 64 * 1024;
/// Nothing at all from the server for so long, while answers are outstanding: it will not come any
/// more.
pub(super) const STALL: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// Kept, for all runs.
    Kept,
    /// A new one for every request; the server must close it.
    PerRequest,
}

/// What an event has made of a client.
#[derive(Clone, Copy)]
pub(super) enum Turn {
    /// All that it asked for was answered, at this time.
    Free(Instant),
    /// It still waits.
    Waits,
}

/// What the clients do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whom they connect to.
    pub server: SocketAddrV4,
    /// How many there are.
    pub clients: usize,
    /// How many requests each sends in one batch; the next follows when all are answered.
    pub depth: usize,
    /// The requests that are sent in turn, all of the same length.
    pub requests: Vec<Vec<u8>>,
    /// What answers each.
    pub expected: Expected,
    /// What becomes of their connections.
    pub connections: Connections,
    /// So many of those who keep them connect at once and are answered before the next.
    pub at_once: usize,
}

/// All clients.
pub struct Load {
    pub(super) plan: Plan,
    pub(super) epoll: OwnedFd,
    pub(super) events: Vec<Event>,
    /// None: between two connections.
    pub(super) clients: Vec<Option<Client>>,
    requests: Requests,
    checker: Checker,
    sources: Sources,
    input: Vec<u8>,
}

impl Load {
    /// Connects every client that keeps its connection, and has each answered once: the server has
    /// accepted them all.
    ///
    /// # Errors
    /// When sockets run out, or the server does not answer correctly.
    pub fn open(plan: Plan) -> Result<Load, Failure> {
        let (clients, connections) = (plan.clients, plan.connections);
        let mut load = Load::new(plan)?;
        match connections {
            Connections::Kept => load.grow(clients, Greeting::Request)?,
            Connections::PerRequest => load.clients.resize_with(clients, || None),
        }
        Ok(load)
    }

    /// Nobody is connected yet; [`Load::grow`] follows.
    ///
    /// # Errors
    /// When the kernel has no descriptor for an epoll.
    pub fn new(plan: Plan) -> Result<Load, Failure> {
        assert!(plan.connections == Connections::Kept || plan.depth == 1);
        Ok(Load {
            epoll: epoll::create(CreateFlags::CLOEXEC)
                .map_err(Failure::machine("make an epoll"))?,
            events: Vec::with_capacity(EVENTS_MAX),
            clients: Vec::new(),
            requests: Requests::new(&plan.requests, plan.depth),
            checker: Checker::new(plan.expected.clone()),
            sources: Sources::new(plan.server.into()),
            input: vec![0; INPUT_BYTES],
            plan,
        })
    }

    /// Sends until the bound, then waits for every answer that is still outstanding.
    ///
    /// # Errors
    /// When the server does not answer correctly, closes what it should keep, keeps what it should
    /// close, or is silent for five seconds.
    pub fn run(&mut self, until: Until) -> Result<Outcome, Failure> {
        let mut progress = Progress::start(until);
        let now = Instant::now();
        for index in 0..self.clients.len() {
            self.go_on(index, &mut progress, now)?;
        }
        self.finish(progress)
    }

    pub(super) fn finish(&mut self, mut progress: Progress) -> Result<Outcome, Failure> {
        let mut events = std::mem::take(&mut self.events);
        while progress.outstanding() > 0 {
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&STALL)) {
                Err(Errno::INTR) => continue,
                Err(error) => return Err(Failure::machine("wait for answers")(error)),
                Ok(0) => return Err(self.stalled(&progress)),
                Ok(_) => {}
            }
            for event in events.drain(..) {
                let index = event.data.u64() as usize;
                if let Turn::Free(now) = self.drive(index, event.flags, &mut progress)? {
                    self.go_on(index, &mut progress, now)?;
                }
            }
        }
        self.events = events;
        Ok(progress.finish())
    }

    /// A client that has all its answers sends the next batch at once. Never sooner: were each
    /// answer followed by one request, a server that answers one by one would soon be sent its
    /// requests one by one.
    fn go_on(
        &mut self,
        index: usize,
        progress: &mut Progress,
        now: Instant,
    ) -> Result<(), Failure> {
        match (progress.admit(self.plan.depth, now), self.plan.connections) {
            (0, _) => Ok(()),
            (count, Connections::Kept) => self.send(index, count, now),
            (_, Connections::PerRequest) => self.connect(index, now),
        }
    }

    pub(super) fn drive(
        &mut self,
        index: usize,
        flags: EventFlags,
        progress: &mut Progress,
    ) -> Result<Turn, Failure> {
        let Some(client) = self.clients[index].as_mut() else { return Ok(Turn::Waits) };
        client.flush(&self.requests)?;
        if !flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR)
        {
            return Ok(Turn::Waits);
        }
        let reading = loop {
            match client.receive(&mut self.input, &mut self.checker)? {
                Reading::Received => {}
                // A close that came with the bytes makes no edge of its own.
                Reading::Drained if flags.contains(EventFlags::RDHUP) => {}
                reading @ (Reading::Drained | Reading::Closed) => break reading,
            }
        };
        match (self.plan.connections, reading) {
            (Connections::Kept, Reading::Closed) => {
                Err(Failure::server("closed a connection that it should keep"))
            }
            (Connections::Kept, _) => Ok(self.on_answers(index, progress)),
            (Connections::PerRequest, Reading::Closed) => Ok(self.on_close(index, progress)),
            (Connections::PerRequest, _) => Ok(Turn::Waits),
        }
    }

    fn on_answers(&mut self, index: usize, progress: &mut Progress) -> Turn {
        let Some(client) = self.clients[index].as_mut() else { return Turn::Waits };
        // Most wake-ups of a long answer bring no end of one.
        if !client.has_answered() {
            return Turn::Waits;
        }
        let now = Instant::now();
        client.take_answered(now, |latency| progress.on_answer(latency));
        if client.outstanding() > 0 { Turn::Waits } else { Turn::Free(now) }
    }

    /// A request is complete once the server has closed its connection.
    fn on_close(&mut self, index: usize, progress: &mut Progress) -> Turn {
        let Some(mut client) = self.clients[index].take() else { return Turn::Waits };
        let now = Instant::now();
        client.take_answered(now, |latency| progress.on_answer(latency));
        // A server that lingers waits for this.
        drop(client);
        Turn::Free(now)
    }

    /// Sends `count` requests, whose latency counts from `begun`.
    pub(super) fn send(
        &mut self,
        index: usize,
        count: usize,
        begun: Instant,
    ) -> Result<(), Failure> {
        let Some(client) = self.clients[index].as_mut() else { return Ok(()) };
        client.begin(count, &mut self.requests, begun);
        client.flush(&self.requests)
    }

    /// Connects and sends one request, as soon as the connection stands.
    pub(super) fn connect(&mut self, index: usize, now: Instant) -> Result<(), Failure> {
        self.register(index)?;
        self.send(index, 1, now)
    }

    pub(super) fn register(&mut self, index: usize) -> Result<(), Failure> {
        let stream = self.sources.connect(Buffers::Usual);
        let attempt = || format!("connect to {}", self.plan.server);
        let stream = stream.map_err(|error| Failure::machine(attempt())(error))?;
        let client = Client::new(stream.into());
        // Both directions at once and for good: no second call when a send does not take
        // everything.
        let both = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, client.stream(), EventData::new_u64(index as u64), both)
            .map_err(Failure::machine("watch a socket"))?;
        self.clients[index] = Some(client);
        Ok(())
    }

    pub(super) fn stalled(&self, progress: &Progress) -> Failure {
        let kept = match self.plan.connections {
            Connections::Kept => "",
            Connections::PerRequest => ", or did not close",
        };
        let outstanding = progress.outstanding();
        Failure::server(format!(
            "was silent for {} s with {outstanding} requests outstanding{kept}",
            STALL.tv_sec
        ))
    }
}
