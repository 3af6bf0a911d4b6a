//! The production `Engine`, driven turn by turn.
//!
//! A server is used again for the next input: to make one takes longer than most inputs do, and
//! what one input leaves behind would be seen by the next. So an input that fails only behind
//! others is a finding as well: something was left behind.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, SystemTime};

use oneloop::engine::{Arrival, ClientId, Clients, Engine, Interest, Opening, Time};
use oneloop::handlers::Site;
use oneloop::testing::{Listener, Pipe, PipeStream};
use oneloop::{CloseReason, Handler, Limits, Metrics, Peer as Address, Timeouts};

use super::handler::Echo;

/// More turns than anything can take: beyond, the loop goes round for nothing.
const TURNS_MAX: usize = 100_000;

/// A server that is used again may have allocated this much more than a new one, in bytes: lists of
/// keys that have grown. It bounds what a leak can come to as well.
const KEPT_BYTES_MAX: i64 = 1024;

/// Where every peer comes from.
pub const PEER: Ipv4Addr = Ipv4Addr::LOCALHOST;

thread_local! {
    /// Servers without clients, and for which limits each was made.
    static SPARE: RefCell<Vec<(Limits, Server)>> = const { RefCell::new(Vec::new()) };
}

/// A server, and the peers of its clients.
pub struct Server {
    engine: Engine<Listener>,
    peers: Vec<Peer>,
    now: Time,
    /// What the server has allocated and not freed since it began.
    live_bytes: i64,
    /// What had been counted before these clients came, and what was allocated.
    before: Metrics,
    bytes_before: i64,
}

/// The other side of a client, and what the poll was asked to tell of it.
struct Peer {
    id: ClientId,
    pipe: Pipe,
    interest: Option<Interest>,
}

/// What has been counted since these clients came.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub received_bytes: u64,
    pub sent_bytes: u64,
    pub requests: u64,
    pub faults: u64,
    pub continues: u64,
    /// For each reason in the order of [`CloseReason::ALL`].
    pub closed: Vec<u64>,
}

impl Server {
    /// One without clients, by these limits.
    pub fn of(limits: &Limits) -> Server {
        let spare = SPARE.with_borrow_mut(|spare| {
            let place = spare.iter().position(|(others, _)| others == limits)?;
            Some(spare.swap_remove(place).1)
        });
        spare.unwrap_or_else(|| Server::begun_at(SystemTime::UNIX_EPOCH, limits))
    }

    /// A new one, whose answers say this date.
    pub fn begun_at(date: SystemTime, limits: &Limits) -> Server {
        let mut clients = Clients::new(limits.clone(), Timeouts::default(), date);
        // What fields say of a client has tests of its own.
        clients.set_proxies(Vec::new());
        let before = clients.metrics().clone();
        Server {
            engine: Listener::absent(clients),
            peers: Vec::new(),
            now: Time::START,
            live_bytes: 0,
            before,
            bytes_before: 0,
        }
    }

    /// Keeps it for other inputs, without its clients' peers. Every input begins at the same time
    /// and with hardly any memory that the server keeps for later, so another one is dropped.
    pub fn give_back(mut self, limits: &Limits) {
        assert!(self.engine.clients().is_empty(), "everybody has gone");
        if self.now == Time::START && self.live_bytes <= KEPT_BYTES_MAX {
            self.forget();
            SPARE.with_borrow_mut(|spare| spare.push((limits.clone(), self)));
        }
    }

    /// Forgets the clients that were there, and what they have cost.
    pub fn forget(&mut self) {
        self.peers.clear();
        self.before.clone_from(self.engine.clients().metrics());
        self.bytes_before = self.live_bytes;
    }

    /// A client comes, which is this peer's and begins with what `opening` says.
    pub fn admit(&mut self, pipe: &Pipe, opening: Opening) {
        let address = Address::from(SocketAddr::from((PEER, 1)));
        let arrival = Arrival::new(address, opening);
        let id = self.engine.clients_mut().admit(pipe.stream(), arrival, self.now);
        self.peers.push(Peer { id, pipe: pipe.clone(), interest: None });
    }

    /// Turns until nobody can do anything more, with the echo.
    pub fn echo(&mut self) {
        self.turns(&mut Echo);
    }

    /// The same, with a directory.
    pub fn serve(&mut self, site: &mut Site) {
        self.turns(site);
    }

    fn turns(&mut self, handler: &mut impl Handler) {
        for _ in 0..TURNS_MAX {
            for Peer { id, pipe, interest } in &self.peers {
                let told = interest.and_then(|interest| pipe.take_readiness(interest));
                if let Some(readiness) = told {
                    self.engine.clients_mut().note(*id, readiness);
                }
            }
            if !self.engine.clients().has_runnable() {
                return;
            }
            self.turn(handler);
        }
        panic!("the loop goes round for nothing");
    }

    fn turn(&mut self, handler: &mut impl Handler) {
        let Server { engine, peers, now, live_bytes, .. } = self;
        let mut register =
            |id: ClientId, _: &mut PipeStream, before: Option<Interest>, wanted: Interest| {
                let mut found = peers.iter_mut().filter(|peer| peer.id == id);
                let peer = found.next().expect("only a client that is here waits");
                assert!(peer.interest == before && before < Some(wanted), "it wants more");
                peer.interest = Some(wanted);
                Ok(())
            };
        *live_bytes += measured(|| {
            let flow = engine.turn(*now, handler, &mut register);
            assert!(flow.is_continue(), "nobody stops it");
        });
    }

    /// Goes to the next deadline, if there is one, and acts on it.
    pub fn expire(&mut self) -> bool {
        let Some(due) = self.engine.clients().next_due() else { return false };
        self.now = self.now.max(due);
        self.turn(&mut Echo);
        self.echo();
        true
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    /// Whether it has no clients.
    pub fn is_empty(&self) -> bool {
        self.engine.clients().is_empty()
    }

    /// What it has allocated for these clients and not freed, in bytes.
    pub fn live_bytes(&self) -> i64 {
        self.live_bytes - self.bytes_before
    }

    /// What it has counted.
    pub fn counted(&self) -> Counted {
        let (now, before) = (self.engine.clients().metrics(), &self.before);
        let closed = CloseReason::ALL.iter();
        let closed = closed.map(|reason| now.closed(*reason) - before.closed(*reason));
        Counted {
            received_bytes: now.received_bytes - before.received_bytes,
            sent_bytes: now.sent_bytes - before.sent_bytes,
            requests: now.requests - before.requests,
            faults: now.faults - before.faults,
            continues: now.continues - before.continues,
            closed: closed.collect(),
        }
    }
}

/// Does `work` and says how many bytes more are allocated than before.
fn measured(work: impl FnOnce()) -> i64 {
    let mut failure = None;
    let info = allocation_counter::measure(|| {
        // So that the counter is left in order when a check fails.
        failure = panic::catch_unwind(AssertUnwindSafe(work)).err();
    });
    if let Some(failure) = failure {
        panic::resume_unwind(failure);
    }
    info.bytes_current
}
