//! The simulated listeners: queues of connections, and a system that runs out of descriptors.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use oneloop::Peer;
use oneloop::engine::{Accept, Accepted, Arrival, Shortage};

use crate::handler::Wires;
use crate::hub::{Hub, Stage};
use crate::marks::Mark;
use crate::memory::aside;
use crate::proxied::Proxied;
use crate::random::Random;
use crate::stream::SimulatedStream;
use crate::trouble::Trouble;

/// What a process gets to hear when its descriptors have run out, and when the system's have.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

/// A queue of connections that wait to be accepted.
#[derive(Debug)]
pub struct Door {
    queue: RefCell<VecDeque<usize>>,
    is_closed: Cell<bool>,
    /// How often the server has looked.
    looks: Cell<u64>,
    /// Somebody has come since the poll reported the last.
    edge: Cell<bool>,
    random: RefCell<Random>,
    descriptors_max: usize,
    hub: Rc<Hub>,
    wires: Wires,
}

/// The server's end of it.
#[derive(Debug)]
pub struct SimulatedListener {
    pub door: Rc<Door>,
}

impl Door {
    pub fn new(random: Random, descriptors_max: usize, hub: Rc<Hub>, wires: Wires) -> Door {
        Door {
            queue: RefCell::default(),
            is_closed: Cell::new(false),
            looks: Cell::new(0),
            edge: Cell::new(false),
            random: RefCell::new(random),
            descriptors_max,
            hub,
            wires,
        }
    }

    /// Somebody connects. At a closed door that fails.
    pub fn connect(&self, index: usize) {
        match self.is_closed.get() {
            true => self.turn_away(index),
            false => {
                self.queue.borrow_mut().push_back(index);
                self.edge.set(true);
            }
        }
    }

    pub fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    pub fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty()
    }

    pub fn has_event(&self) -> bool {
        self.edge.get()
    }

    pub fn take_event(&self) -> bool {
        self.edge.take()
    }

    pub fn looks(&self) -> u64 {
        self.looks.get()
    }

    /// Whether there is a descriptor for another connection.
    pub fn has_descriptor(&self) -> bool {
        self.hub.descriptors() < self.descriptors_max
    }

    /// It is closed: whoever waits is turned away.
    fn close(&self) {
        self.is_closed.set(true);
        self.edge.set(false);
        self.queue.take().into_iter().for_each(|index| self.turn_away(index));
    }

    fn turn_away(&self, index: usize) {
        drop(SimulatedStream { wire: self.wires[index].clone() });
    }

    fn accept(&self) -> Accepted<SimulatedStream> {
        assert_eq!(self.hub.stage(), Stage::Accept, "accepting has its place in the turn");
        self.looks.set(self.looks() + 1);
        let random = &mut *self.random.borrow_mut();
        if self.is_empty() {
            return Accepted::Nothing;
        }
        self.hub.set_short(true);
        if !self.has_descriptor() {
            self.hub.mark(Mark::ShortageOurs);
            return Accepted::Exhausted(Shortage::Ours, io::Error::from_raw_os_error(EMFILE));
        }
        if self.hub.strikes(Trouble::Shortage, 40, random) {
            self.hub.mark(Mark::ShortageSystems);
            return Accepted::Exhausted(Shortage::Systems, io::Error::from_raw_os_error(ENFILE));
        }
        self.hub.set_short(false);
        let index = self.queue.borrow_mut().pop_front().expect("somebody waits");
        let stream = SimulatedStream { wire: self.wires[index].clone() };
        if self.hub.strikes(Trouble::Lost, 60, random) {
            self.hub.mark(Mark::ConnectionLost);
            return Accepted::Lost;
        }
        self.wires[index].borrow_mut().on_accepted();
        let opening = Proxied::opening(self.wires[index].borrow().script.proxied.as_ref());
        Accepted::Client(stream, Arrival::new(peer_of(index), opening))
    }
}

/// Who comes by the wire with this number.
fn peer_of(index: usize) -> Peer {
    SocketAddr::from(([192, 0, 2, 1], index as u16)).into()
}

/// By which wire this peer came.
pub fn index_of(peer: Peer) -> usize {
    usize::from(peer.address().expect("each has one").port())
}

impl Accept for SimulatedListener {
    type Stream = SimulatedStream;

    fn accept(&mut self) -> Accepted<SimulatedStream> {
        aside(|| self.door.accept())
    }

    fn has_waiting(&self) -> bool {
        !self.door.is_empty()
    }
}

impl Drop for SimulatedListener {
    fn drop(&mut self) {
        // While a failure unwinds, a wire may be borrowed by whoever failed.
        if !std::thread::panicking() {
            aside(|| self.door.close());
        }
    }
}
