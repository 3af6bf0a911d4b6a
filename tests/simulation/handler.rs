//! The handler under the simulated server: it echoes, and keeps a record of what it was asked.

use std::sync::Arc;

use oneloop::{Fault, Handler, Method, Reply, Request, Sent};

use crate::model;

/// One call of the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    pub peer: usize,
    pub number: usize,
    pub life: Life,
}

/// Whether the server was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Running,
    Draining,
}

#[derive(Debug)]
pub struct Echo {
    pub life: Life,
    pub calls: Vec<Call>,
    pub faults: u64,
}

impl Echo {
    pub fn new() -> Echo {
        Echo { life: Life::Running, calls: Vec::new(), faults: 0 }
    }

    /// How many requests of this peer were handled.
    pub fn handled(&self, peer: usize) -> usize {
        self.calls.iter().filter(|call| call.peer == peer).count()
    }

    /// Whether this request was handled when the server was stopping already.
    pub fn handled_in(&self, peer: usize, number: usize) -> Option<Life> {
        let call = self.calls.iter().find(|call| (call.peer, call.number) == (peer, number));
        call.map(|call| call.life)
    }
}

impl Handler for Echo {
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        let mut parts = request.path()[1..].split('/');
        let mut number = || parts.next().expect("a target of ours").parse().expect("a number");
        let (peer, number) = (number(), number());
        assert_eq!(number, self.handled(peer), "peer {peer}: handled out of order, or twice");
        self.calls.push(Call { peer, number, life: self.life });
        let is_head = request.method() == Method::Head;
        let method = if is_head { Method::Get } else { request.method() };
        let body = model::echo_body(method.as_str(), request.target(), request.body());
        match parts.next() {
            Some("shared") => reply.send(&Arc::<[u8]>::from(body)),
            _ => reply.send(&body),
        }
    }

    fn handle_fault(&mut self, fault: &Fault<'_>, reply: Reply<'_>) -> Sent {
        self.faults += 1;
        fault.explain(reply)
    }
}
