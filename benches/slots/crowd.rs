//! A crowd of clients with nothing but memory under them, and what may happen to all of it.
//!
//! The slots, the timers, the limits and the handler are those of the program. Simulated are the
//! kernel, the peers and the time of day: the engine is told what time it is.

use std::time::{Duration, SystemTime};

use oneloop::engine::{ClientId, Clients, Engine, Readiness, Time};
use oneloop::handlers::FixedText;
use oneloop::testing::{Listener, Pipe, PipeStream};
use oneloop::{CloseReason, Config, Limits, Timeouts};

use crate::clock::{Clock, Looks, Turns};
use crate::random::Random;
use crate::support::{self, PEER};

/// What curl would send, and `benches/peers` does.
const GET: &[u8] =
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: peers/0.1\r\nAccept: */*\r\n\r\n";
const _: () = assert!(GET.len() == 71);

/// What the program answers.
const TEXT: [u8; 31] = *b"This is the server respose! :)\n";

/// The most events that one poll of the server returns: as `EVENTS_PER_TURN_MAX` in `src/server/mod.rs`.
pub const EVENTS_PER_TURN_MAX: usize = 256;

/// How much of a slot is the stream, in bytes.
pub const STREAM_BYTES: usize = size_of::<PipeStream>();

/// So many clients, or room for them.
pub struct Crowd {
    engine: Engine<Listener>,
    handler: FixedText,
    /// What every client does: the same, so that none takes more room than a socket's number.
    peer: Pipe,
    /// Everybody, in the order in which things happen to them.
    ids: Vec<ClientId>,
    limits: Limits,
    timeouts: Timeouts,
    now: Time,
    /// How its turns are timed.
    pub looks: Looks,
}

/// The room for the names of a crowd: the bench's own memory, all of it touched.
pub fn names(count: usize) -> Vec<ClientId> {
    vec![ClientId::from_bits(u64::MAX); count]
}

impl Crowd {
    /// An engine without clients, and a crowd of as many as there are names.
    pub fn new(ids: Vec<ClientId>) -> Crowd {
        let mut config = Config::default();
        config.limits.clients_max = Some(ids.len());
        config.timeouts.typing_grace = Some(Duration::from_secs(1));
        config.check().expect("the program's configuration, for more clients");
        let Config { limits, timeouts, .. } = config;
        let clients = Clients::new(limits.clone(), timeouts.clone(), SystemTime::UNIX_EPOCH);
        let handler = FixedText::new(TEXT);
        let (engine, peer) = (Listener::absent(clients), Pipe::repeating(b""));
        let (now, looks) = (Time::START, Looks::EveryTurn);
        Crowd { engine, handler, peer, ids, limits, timeouts, now, looks }
    }

    /// A crowd of so many, who have come and said nothing.
    pub fn connected(count: usize) -> Crowd {
        let mut crowd = Crowd::new(names(count));
        crowd.connect();
        crowd
    }

    /// How many clients there are.
    pub fn len(&self) -> usize {
        self.engine.clients().len()
    }

    /// How many requests have been answered.
    pub fn requests(&self) -> u64 {
        self.engine.clients().metrics().requests
    }

    /// Everybody comes, as many a turn as the server accepts, and is looked at once in vain.
    pub fn connect(&mut self) -> Turns {
        self.peer.repeat(b"");
        let mut clock = Clock::start(self.looks);
        for newcomers in self.ids.chunks_mut(self.limits.accepts_per_turn_max) {
            support::turn(&mut self.engine, self.now, &mut self.handler);
            for id in newcomers {
                *id = self.engine.clients_mut().admit(self.peer.stream(), PEER, self.now);
            }
            clock.end_turn();
        }
        support::turn(&mut self.engine, self.now, &mut self.handler);
        clock.end_turn();
        assert_eq!(self.engine.clients().len(), self.ids.len());
        clock.stop()
    }

    /// Everybody asks once and is answered, so many a turn, while so much time goes by.
    pub fn ask(&mut self, events_per_turn: usize, within: Duration) -> Turns {
        self.peer.repeat(GET);
        let readable = Readiness::READABLE;
        let before = self.requests();
        let turns = self.hear(events_per_turn, readable, within);
        assert_eq!(self.requests(), before + self.ids.len() as u64);
        turns
    }

    /// Everybody leaves, as many a turn as the poll reports.
    pub fn leave(&mut self) -> Turns {
        self.peer.repeat(b"");
        self.peer.end();
        let ended = Readiness::READ_CLOSED;
        let turns = self.hear(EVENTS_PER_TURN_MAX, ended, Duration::ZERO);
        self.all_gone(CloseReason::PeerClosed);
        turns
    }

    /// Everybody has been silent for too long, and nothing was done about it yet.
    pub fn expire(&mut self) -> Turns {
        self.peer.repeat(b"");
        self.now = self.now + self.timeouts.first_byte * 2;
        let mut clock = Clock::start(self.looks);
        self.turn_until_empty(&mut clock);
        self.all_gone(CloseReason::FirstByteTimeout);
        clock.stop()
    }

    /// The server is told to stop while everybody is idle.
    pub fn stop(&mut self) -> Turns {
        self.peer.repeat(b"");
        let mut clock = Clock::start(self.looks);
        self.engine.clients_mut().drain();
        self.turn_until_empty(&mut clock);
        self.all_gone(CloseReason::Drained);
        clock.stop()
    }

    /// The server is told to end at once.
    pub fn cut_off(&mut self) -> Turns {
        let mut clock = Clock::start(self.looks);
        self.engine.clients_mut().cut_off();
        clock.end_turn();
        self.all_gone(CloseReason::CutOff);
        clock.stop()
    }

    /// Has things happen to the latest comer first.
    pub fn reverse(&mut self) {
        self.ids.reverse();
    }

    /// Has things happen to everybody in an order that no cache can guess.
    pub fn shuffle(&mut self, random: &mut Random) {
        for last in (1..self.ids.len()).rev() {
            self.ids.swap(last, random.below(last + 1));
        }
    }

    fn hear(&mut self, events_per_turn: usize, told: Readiness, within: Duration) -> Turns {
        let pause = within / u32::try_from(self.ids.len()).expect("fewer than 4 billion clients");
        let mut clock = Clock::start(self.looks);
        for heard in self.ids.chunks(events_per_turn) {
            self.now = self.now + pause * heard.len() as u32;
            for id in heard {
                self.engine.clients_mut().note(*id, told);
            }
            support::turn(&mut self.engine, self.now, &mut self.handler);
            clock.end_turn();
        }
        // Those whom the budget of the last turns has not reached.
        while self.engine.clients().has_runnable() {
            support::turn(&mut self.engine, self.now, &mut self.handler);
            clock.end_turn();
        }
        clock.stop()
    }

    fn turn_until_empty(&mut self, clock: &mut Clock) {
        while !self.engine.clients().is_empty() {
            support::turn(&mut self.engine, self.now, &mut self.handler);
            clock.end_turn();
        }
    }

    fn all_gone(&self, reason: CloseReason) {
        assert!(self.engine.clients().is_empty());
        assert_eq!(self.engine.clients().metrics().closed(reason), self.ids.len() as u64);
    }
}
