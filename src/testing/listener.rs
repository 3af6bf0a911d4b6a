//! A listener in memory: the connections that wait are those that a test has put there.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::rc::Rc;

use super::pipe::PipeStream;
use crate::engine::{Accept, Accepted, Admission, Clients, Engine};

/// Where all connections of a [`Listener`] come from.
const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 49_152));

/// A queue of connections that wait to be accepted. A clone is the same queue.
#[derive(Clone, Debug, Default)]
pub struct Listener(Rc<RefCell<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    streams: VecDeque<PipeStream>,
    /// What accepting comes to instead.
    failure: Option<fn() -> Accepted<PipeStream>>,
}

impl Listener {
    /// A listener at which no connection waits.
    pub fn new() -> Listener {
        Listener::default()
    }

    /// A listener at which connections wait, and accepting one comes to this each time.
    pub fn failing(failure: fn() -> Accepted<PipeStream>) -> Listener {
        let waiting = Waiting { streams: VecDeque::new(), failure: Some(failure) };
        Listener(Rc::new(RefCell::new(waiting)))
    }

    /// A connection comes and waits. The loop still has to be told, as by a poll, that the listener
    /// is ready: see [`Engine::on_listener_ready`].
    pub fn connect(&self, stream: PipeStream) {
        self.0.borrow_mut().streams.push_back(stream);
    }

    /// An engine without a listener: its clients come by [`Clients::admit`] alone.
    pub fn absent(clients: Clients<PipeStream>) -> Engine<Listener> {
        Engine::new(clients, Admission::new(Vec::new(), usize::MAX, usize::MAX))
    }
}

impl Accept for Listener {
    type Stream = PipeStream;

    fn accept(&mut self) -> Accepted<PipeStream> {
        let mut waiting = self.0.borrow_mut();
        match (waiting.failure, waiting.streams.pop_front()) {
            (Some(failure), _) => failure(),
            (None, Some(stream)) => Accepted::Client(stream, PEER.into()),
            (None, None) => Accepted::Nothing,
        }
    }

    fn has_waiting(&self) -> bool {
        let waiting = self.0.borrow();
        waiting.failure.is_some() || !waiting.streams.is_empty()
    }
}
