//! How clients come: each kind until it is complete, in turn with the others, at a bounded pace.

use mio::net::TcpStream;
use mio::{Interest, Token};
use oneloop::engine::{ClientId, Time};

use crate::client::{Client, Ending};
use crate::crowd::Crowd;
use crate::kind::{Kind, Manner};
use crate::load::sources::Width;
use crate::phases::Phase;
use crate::tally::Why;

/// So many connections are begun before events are looked at again. Each takes some twenty
/// microseconds, and meanwhile nobody's answer is read.
const CONNECTS_PER_TURN_MAX: usize = 16;

impl Crowd<'_> {
    /// Begins connections that are to begin by `now`.
    pub fn bring(&mut self, now: Time) {
        for _ in 0..CONNECTS_PER_TURN_MAX {
            let Some((kind, begun)) = self.next_arrival(now) else { return };
            self.connect(kind, begun, now);
        }
    }

    /// The kind whose turn it is to have another connection, and when that was to begin. Kinds take
    /// turns, so that none that is never complete keeps out the others.
    fn next_arrival(&mut self, now: Time) -> Option<(Kind, Time)> {
        let kinds = Kind::ALL.len();
        for offset in 0..kinds {
            let kind = Kind::ALL[(self.turnstile + offset) % kinds];
            if self.may_come(kind)
                && self.opens(kind) <= now
                && let Some(begun) = self.flock(kind).arrival(now)
            {
                self.turnstile = (kind as usize + 1) % kinds;
                return Some((kind, begun));
            }
        }
        None
    }

    /// Whether further clients of a kind are wanted in this part of the run.
    pub fn may_come(&self, kind: Kind) -> bool {
        // Who makes a connection for each request makes none when there are to be no more.
        let is_good_cycle = kind.manner() == Manner::Cycles && kind.is_good();
        let is_wanted = !is_good_cycle || self.may_ask();
        is_wanted
            && match self.phase {
                Phase::Calm => kind.manner() == Manner::Keeps,
                Phase::Arriving | Phase::Full => true,
                // What was due before the end is still done.
                Phase::Ending { .. } => {
                    is_good_cycle && self.flocks[kind as usize].schedule.is_some()
                }
                Phase::Over => false,
            }
    }

    /// From when on the pace allows another connection of a kind.
    fn opens(&self, kind: Kind) -> Time {
        match kind.manner() {
            Manner::Keeps | Manner::Holds => self.pace.next(),
            Manner::Cycles => self.pace.held_until(),
        }
    }

    /// When the next connection may be begun that no schedule decides about.
    pub fn next_arrival_due(&self) -> Option<Time> {
        let missing = self.flocks.iter().filter(|flock| {
            let is_scheduled = flock.kind().manner() == Manner::Cycles && flock.schedule.is_some();
            !is_scheduled && flock.has_room() && self.may_come(flock.kind())
        });
        missing.map(|flock| self.opens(flock.kind())).min()
    }

    fn connect(&mut self, kind: Kind, begun: Time, now: Time) {
        if kind.manner() != Manner::Cycles {
            self.pace.on_begun(now);
        }
        let width = match kind.is_narrow() {
            true => Width::Narrow,
            false => Width::Usual,
        };
        if kind.manner() == Manner::Cycles && kind.is_good() {
            self.asked += 1;
        }
        let flock = &mut self.flocks[kind as usize];
        flock.on_begun();
        let key = self.clients.vacant_key();
        let id = ClientId::new(key, self.next_generation);
        let under_way = self.sources.connect(width).and_then(|stream| {
            let stream = TcpStream::from_std(stream);
            let mut client = Client::new(kind, self.next_generation, stream, (begun, now));
            // Both directions at once and for good: the first event says that the connection
            // stands, and no second call is needed when a send does not take everything.
            self.registry.register(
                client.stream_mut(),
                Token(id.to_bits() as usize),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            Ok(client)
        });
        match under_way {
            Ok(client) => {
                self.clients.insert(client);
                // A token's upper half is never all ones: that is left for what is no client.
                self.next_generation = (self.next_generation + 1) % u32::MAX;
            }
            Err(error) => {
                flock.live -= 1;
                flock.tally.refused += 1;
                *flock.tally.ended.entry(Why::NotConnected(error.kind())).or_default() += 1;
                self.pace.on_failed(now);
            }
        }
    }

    /// A connection stands: its client does what it came for.
    pub fn on_connected(&mut self, id: ClientId) {
        let Some(client) = self.client(id) else { return };
        let (kind, begun, now) = (client.kind, client.begun, client.free_since);
        self.flock(kind).tally.connected += 1;
        match kind {
            Kind::Idle => {}
            Kind::Get | Kind::Post => self.on_free(id, now),
            Kind::Drip => {
                self.put_into_words(id, begun);
                self.drip(id, now);
            }
            Kind::SlowRead => {
                self.ask(id, begun);
                self.sippers.join(id, now);
            }
            Kind::Garbage => {
                self.ask(id, begun);
                self.be_impatient(id, now);
            }
            Kind::ConnectClose | Kind::HalfClose | Kind::NeverRead => self.ask(id, begun),
            Kind::Reset => {
                self.ask(id, begun);
                // If the kernel has not taken all of it, the rest would not have been read either.
                if let Some(client) = self.client(id) {
                    client.reset_on_drop();
                    self.end(id, Ending::HungUp);
                }
            }
        }
    }
}
