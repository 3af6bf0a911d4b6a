//! The sources of answers that come over time: each gives what its plan says, and tells the wire
//! of its client that it was asked.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use oneloop::engine::{Attention, ClientEvent, ClientId, Time, Watcher};
use oneloop::watch::StateName;
use oneloop::{Next, Piece, Source};

use crate::door;
use crate::handler::Wires;
use crate::memory::aside;
use crate::plan::{Goes, Plan};
use crate::script::Script;
use crate::wire::Wire;

thread_local! {
    /// The wires of the run on this thread. A source has to be `Send`, and a wire is not.
    static WIRES: RefCell<Option<Wires>> = const { RefCell::new(None) };
}

/// From now on the sources of this thread are those of a run with these wires.
pub fn begin_run(wires: &Wires) {
    WIRES.set(Some(wires.clone()));
}

/// Owns no memory, so that it does not matter to the account who frees it.
#[derive(Debug)]
pub struct SimulatedSource {
    /// The place of the wire that it gives for.
    index: usize,
    plan: Plan,
    given: usize,
}

impl SimulatedSource {
    pub fn new(index: usize, plan: Plan) -> SimulatedSource {
        with_wire(index, Wire::source_comes);
        SimulatedSource { index, plan, given: 0 }
    }
}

impl Source for SimulatedSource {
    fn next(&mut self, piece: &mut Piece<'_>) -> Next {
        let (room, is_stopping) = (piece.room(), piece.is_stopping());
        with_wire(self.index, |wire| wire.source_is_told(is_stopping));
        let step = self.plan.step(room);
        let mut left = self.plan.text(self.given);
        self.given += step.bytes;
        let mut bytes = step.bytes;
        let mut some = [0; 256];
        while bytes > 0 {
            let count = bytes.min(some.len());
            some[..count].fill_with(|| left.next().expect("it has no end"));
            piece.append(&some[..count]);
            bytes -= count;
        }
        let waker = self.plan.waits.then(|| piece.waker());
        with_wire(self.index, |wire| wire.source_gives(room, step, waker));
        match step.goes {
            Goes::More => Next::More,
            Goes::After(pause) => Next::After(pause),
            Goes::Wait(pause) => Next::Wait(pause),
            Goes::Done => Next::Done,
        }
    }
}

impl Drop for SimulatedSource {
    fn drop(&mut self) {
        // While a failure unwinds, the wire may be borrowed by whoever failed.
        if !std::thread::panicking() {
            with_wire(self.index, Wire::source_goes);
        }
    }
}

/// An answer that has not begun. Owns no memory either.
#[derive(Debug)]
pub struct Waiting {
    index: usize,
}

impl Waiting {
    pub fn new(index: usize, pause: Duration) -> Waiting {
        with_wire(index, |wire| wire.late_comes(pause));
        Waiting { index }
    }

    /// The answer begins: which message of the script it is the answer to.
    pub fn begin(self) -> (Rc<Script>, usize) {
        let mut asked = None;
        with_wire(self.index, |wire| asked = Some(wire.late_begins()));
        asked.expect("the wire knows")
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            with_wire(self.index, Wire::source_goes);
        }
    }
}

/// Watches for what no wire sees: clients that go on with what they have sent before, and those that
/// are taken in, perhaps some time after their connection was accepted.
pub struct Unseen;

impl Watcher for Unseen {
    fn attention(&self) -> Attention {
        Attention::Steps
    }

    fn on_transition(&mut self, _: StateName, _: StateName, _: u32) {}

    fn on_step(&mut self, _: Time, client: ClientId, step: ClientEvent) {
        if let ClientEvent::Resumed { .. } = step {
            on_resumed(client);
        }
        if let ClientEvent::Accepted { peer, .. } = step {
            with_wire(door::index_of(peer), |wire| wire.on_admitted(client));
        }
    }
}

/// The server goes on with what it has read before from this client.
fn on_resumed(id: ClientId) {
    let place = WIRES.with_borrow(|wires| {
        let mut wires = wires.as_ref().expect("a client has a run").iter();
        wires.position(|wire| wire.borrow().id == Some(id))
    });
    with_wire(place.expect("a client that resumes was registered"), Wire::server_looks);
}

fn with_wire(index: usize, tell: impl FnOnce(&mut Wire)) {
    aside(|| {
        WIRES.with_borrow(|wires| {
            let wires = wires.as_ref().expect("a source has a run");
            tell(&mut wires[index].borrow_mut());
        });
    });
}
