//! A listener in memory: the connections that wait are those that a test has put there.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::rc::Rc;

use crate::engine::{Accept, Accepted, Admission, Clients, Engine, Stream};

/// Where all connections of a [`Listener`] come from.
const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 49_152));

/// A queue of connections that wait to be accepted. A clone is the same queue.
#[derive(Debug)]
pub struct Listener<S>(Rc<RefCell<VecDeque<S>>>);

impl<S: Stream> Listener<S> {
    /// A listener at which no connection waits.
    pub fn new() -> Listener<S> {
        Listener(Rc::default())
    }

    /// A connection comes and waits. The loop still has to be told, as by a poll, that the listener
    /// is ready: see [`Engine::on_listener_ready`].
    pub fn connect(&self, stream: S) {
        self.0.borrow_mut().push_back(stream);
    }

    /// An engine without a listener: its clients come by [`Clients::admit`] alone.
    pub fn absent(clients: Clients<S>) -> Engine<Listener<S>> {
        Engine::new(clients, Admission::new(Vec::new(), usize::MAX, usize::MAX))
    }
}

impl<S: Stream> Default for Listener<S> {
    fn default() -> Listener<S> {
        Listener::new()
    }
}

impl<S> Clone for Listener<S> {
    fn clone(&self) -> Listener<S> {
        Listener(Rc::clone(&self.0))
    }
}

impl<S: Stream> Accept for Listener<S> {
    type Stream = S;

    fn accept(&mut self) -> Accepted<S> {
        match self.0.borrow_mut().pop_front() {
            Some(stream) => Accepted::Client(stream, PEER),
            None => Accepted::Nothing,
        }
    }

    fn has_waiting(&self) -> bool {
        !self.0.borrow().is_empty()
    }
}
