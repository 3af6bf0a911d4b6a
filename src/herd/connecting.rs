//! Opens connections: for each kind until it is complete, in turn with the others, at a bounded rate.

use std::io::{self, ErrorKind};
use std::net::TcpStream as Opened;

use mio::net::TcpStream;
use mio::{Interest, Token};
use oneloop::engine::{ClientId, Readiness, Time};

use crate::client::{Client, Ending};
use crate::clients::Clients;
use crate::kind::{Connections, Kind};
use crate::load::sources::Buffers;
use crate::phase::Phase;
use crate::tally::Why;

/// How many connections are opened before events are looked at again. Each takes about twenty
/// microseconds, and meanwhile no answer is read.
const CONNECTS_PER_TURN_MAX: usize = 16;

impl Clients<'_> {
    /// Opens the connections that are due by `now`.
    pub fn open_due(&mut self, now: Time) {
        for _ in 0..CONNECTS_PER_TURN_MAX {
            let Some((kind, begun)) = self.next_connection(now) else { return };
            self.connect(kind, begun, now);
        }
    }

    /// The kind whose turn it is to open a connection, and when that was due. Kinds take turns, so that
    /// one that is never complete does not keep out the others.
    fn next_connection(&mut self, now: Time) -> Option<(Kind, Time)> {
        if self.put_back.is_some_and(|(kind, _)| self.may_connect(kind)) {
            return self.put_back.take_if(|_| self.connect_rate.held_until() <= now);
        }
        let kinds = Kind::ALL.len();
        for offset in 0..kinds {
            let kind = Kind::ALL[(self.next_kind + offset) % kinds];
            if self.may_connect(kind)
                && self.earliest(kind) <= now
                && let Some(begun) = self.group(kind).take_connection_due(now)
            {
                self.next_kind = (kind as usize + 1) % kinds;
                return Some((kind, begun));
            }
        }
        None
    }

    /// Whether further clients of a kind are wanted in this part of the run.
    pub fn may_connect(&self, kind: Kind) -> bool {
        // A client that connects for each request needs no connection when no request may follow.
        let is_good_cycle = kind.connections() == Connections::PerRequest && kind.is_good();
        let is_wanted = !is_good_cycle || self.may_ask();
        is_wanted
            && match self.phase {
                Phase::Calm => kind.connections() == Connections::Kept,
                Phase::Arriving | Phase::Full => true,
                // What was due before the end is still sent.
                Phase::Ending { .. } => {
                    is_good_cycle && self.groups[kind as usize].schedule.is_some()
                }
                Phase::Over => false,
            }
    }

    /// From when on the rate allows another connection of a kind.
    fn earliest(&self, kind: Kind) -> Time {
        match kind.connections() {
            Connections::Kept | Connections::Held => self.connect_rate.next(),
            Connections::PerRequest => self.connect_rate.held_until(),
        }
    }

    /// When the next connection may be opened, of the kinds without a schedule.
    pub fn next_connection_due(&self) -> Option<Time> {
        let missing = self.groups.iter().filter(|group| {
            let is_scheduled =
                group.kind().connections() == Connections::PerRequest && group.schedule.is_some();
            !is_scheduled && group.has_room() && self.may_connect(group.kind())
        });
        let put_back = self.put_back.filter(|(kind, _)| self.may_connect(*kind));
        let put_back = put_back.map(|_| self.connect_rate.held_until());
        missing.map(|group| self.earliest(group.kind())).chain(put_back).min()
    }

    fn connect(&mut self, kind: Kind, begun: Time, now: Time) {
        let buffers = match kind.has_small_buffers() {
            true => Buffers::Small,
            false => Buffers::Usual,
        };
        let opened = self.sources.connect(buffers);
        if self.plan.server.is_unix() && has_no_room(&opened) {
            self.connect_rate.on_full(now);
            self.put_back = Some((kind, begun));
            return;
        }
        if kind.connections() != Connections::PerRequest {
            self.connect_rate.on_begun(now);
        }
        if kind.connections() == Connections::PerRequest && kind.is_good() {
            self.asked += 1;
        }
        let group = &mut self.groups[kind as usize];
        group.on_begun();
        let key = self.slab.vacant_key();
        let id = ClientId::new(key, self.next_generation);
        let may_carry_descriptors = Readiness::DESCRIPTORS.when(self.plan.server.is_unix());
        let under_way = opened.and_then(|stream| {
            let stream = TcpStream::from_std(stream);
            let mut client = Client::new(kind, self.next_generation, stream, (begun, now));
            client.note(may_carry_descriptors);
            // Both directions at once and for good: the first event says that the connection is
            // established, and no second call is needed when a send does not take everything.
            self.registry.register(
                client.stream_mut(),
                Token(id.to_bits() as usize),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            Ok(client)
        });
        match under_way {
            Ok(client) => {
                self.slab.insert(client);
                // A token's upper half is never all ones: that token is the signals'.
                self.next_generation = (self.next_generation + 1) % u32::MAX;
            }
            Err(error) => {
                group.live -= 1;
                group.tally.refused += 1;
                *group.tally.ended.entry(Why::NotConnected(error.kind())).or_default() += 1;
                self.connect_rate.on_failed(now);
            }
        }
    }

    /// A connection is established: its client does what its kind does first.
    pub fn on_connected(&mut self, id: ClientId) {
        let Some(client) = self.client(id) else { return };
        let (kind, begun, now) = (client.kind, client.begun, client.free_since);
        self.group(kind).tally.connected += 1;
        match kind {
            Kind::Idle => {}
            Kind::Get | Kind::Post => self.on_free(id, now),
            Kind::Drip => {
                self.prepare(id, begun);
                self.drip(id, now);
            }
            Kind::SlowRead => {
                self.request(id, begun);
                self.slow_read_turns.join(id, now);
            }
            Kind::Garbage => {
                self.request(id, begun);
                self.be_impatient(id, now);
            }
            Kind::Telnet => {
                self.prepare(id, begun);
                self.typing_turns.join(id, now);
            }
            Kind::ConnectClose | Kind::HalfClose | Kind::NeverRead => self.request(id, begun),
            Kind::Reset => {
                self.request(id, begun);
                // If the kernel has not taken all of it, the rest would not have been read either.
                if let Some(client) = self.client(id) {
                    client.reset_on_drop();
                    self.end(id, Ending::HungUp);
                }
            }
        }
    }
}

/// Whether the server's queue of connections is full, which is no failure: the client waits.
fn has_no_room(opened: &io::Result<Opened>) -> bool {
    opened.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}
