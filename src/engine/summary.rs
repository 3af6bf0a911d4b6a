//! Looks at all clients at once, for the watchers. It is done only while there are watchers, and looks
//! at a bounded number of slots each time: at those that a picture shows, and at a part of the others.

use std::net::SocketAddr;
use std::time::Duration;

use super::clients::Clients;
use super::excerpt::Excerpt;
use super::id::ClientId;
use crate::config::{TimeoutClass, Timeouts};
use crate::connection::state::StateName;
use crate::connection::{Connection, Deadline};
use crate::engine::stream::Stream;
use crate::peer::Peer;
use crate::time::Time;

/// How many slots a picture shows at the most. Clients above are counted, and not shown: a picture
/// stays below 64 KiB, however many clients there are.
pub(crate) const PICTURE_SLOTS_MAX: usize = 64 * 1024;

/// At how many of the slots above one summary looks: a look takes some 15 ns.
const FURTHER_SLOTS_MAX: usize = 16 * 1024;

/// How many of the run queue's clients a summary names: as many as a page has room for.
const QUEUE_SHOWN_MAX: usize = 48;

/// How many kinds of deadlines there are: the timeouts, and the time of a source.
pub(crate) const DEADLINE_KINDS: usize = TimeoutClass::ALL.len() + 1;

/// What all clients are doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientsSummary {
    /// A character for each slot: a full stop if it is free, else the letter of its client's state.
    pub(crate) picture: String,
    /// A character for each slot that changes whenever its client is answered: of most requests no
    /// picture shows more than that. See [`served_letter`].
    pub(crate) served: String,
    /// How many clients are in each state, in the order of their numbers.
    pub(crate) states: [usize; StateName::ALL.len()],
    /// How many clients have each kind of deadline, in the order of their numbers; those of sources
    /// come last.
    pub(crate) deadlines: [usize; DEADLINE_KINDS],
    /// How long it is until the next of them.
    pub(crate) next_due: Option<Duration>,
    /// How many clients can run without a further event.
    pub(crate) queued: usize,
    /// The first of them, in their order.
    pub(crate) queue: Vec<ClientId>,
}

/// The clients in slots that no picture shows, as the last summaries have found them. Each looks at the
/// next of these slots, so the counts are of some summaries before: of a hundred, for a million clients.
#[derive(Debug, Default)]
pub(crate) struct FurtherClients {
    /// How many there were when all had been looked at.
    counts: Counts,
    /// How many there are among those that are looked at since.
    counting: Counts,
    /// The first of these slots that has still to be looked at is this many behind the picture's.
    next: usize,
}

/// How many clients do what.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    states: [usize; StateName::ALL.len()],
    deadlines: [usize; DEADLINE_KINDS],
}

impl Counts {
    fn add(&mut self, connection: &Connection, timeouts: &Timeouts) {
        self.states[connection.state() as usize] += 1;
        match connection.deadline(timeouts) {
            Some(Deadline::Timeout(class, _)) => self.deadlines[class as usize] += 1,
            Some(Deadline::At(_)) => self.deadlines[DEADLINE_KINDS - 1] += 1,
            None => {}
        }
    }

    fn sum(mut self, other: Counts) -> Counts {
        for (count, more) in self.states.iter_mut().zip(other.states) {
            *count += more;
        }
        for (count, more) in self.deadlines.iter_mut().zip(other.deadlines) {
            *count += more;
        }
        self
    }
}

/// How many answers are told apart: as many characters as there are from 0 on that JSON takes as
/// they are. A client that is given a multiple of this number between two pictures seems to be
/// given none.
const SERVED_LETTERS: u32 = 36;

/// Of a count of answers the rest that tells it from the next counts.
fn served_letter(served: u32) -> char {
    char::from(b'0' + (served % SERVED_LETTERS) as u8)
}

/// One client, as it is between two of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) slot: usize,
    pub(crate) generation: u32,
    pub(crate) peer: Peer,
    /// For whom its proxy has said that it connects.
    pub(crate) client: Option<SocketAddr>,
    pub(crate) state: StateName,
    pub(crate) kept_bytes: usize,
    pub(crate) owed_bytes: usize,
    /// How these begin.
    pub(crate) kept: Excerpt,
    pub(crate) owed: Excerpt,
    pub(crate) served: u32,
    /// For what it may wait, and how long. `None` for what: until its source gives more.
    pub(crate) deadline: Option<(Option<TimeoutClass>, Duration)>,
}

impl<S: Stream> Clients<S> {
    /// Looks at all clients, or at the next of them if they are very many: `further` is of the last
    /// summary. To be called while no client is being driven.
    pub(crate) fn summarize(&self, now: Time, further: &mut FurtherClients) -> ClientsSummary {
        let mut summary = ClientsSummary::default();
        let mut counts = Counts::default();
        let slots = self.slots_touched();
        for slot in 0..slots.min(PICTURE_SLOTS_MAX) {
            let Some(client) = self.slab.get(slot) else { continue };
            let connection = &client.connection;
            counts.add(connection, &self.common.timeouts);
            while summary.picture.len() < slot {
                summary.picture.push('.');
                summary.served.push('.');
            }
            summary.served.push(served_letter(connection.served()));
            summary.picture.push(connection.state().letter());
        }
        self.look_further(slots.saturating_sub(PICTURE_SLOTS_MAX), further);
        Counts { states: summary.states, deadlines: summary.deadlines } =
            counts.sum(further.counts);
        summary.next_due = self.next_due().map(|due| due.since(now));
        let queued = self.run_queue.iter().chain(self.linger_queue.iter());
        let is_queued = |id: &ClientId| {
            let client = self.slab.get(id.slot());
            client.is_some_and(|client| client.generation == id.number() && client.queued)
        };
        for id in queued.filter(is_queued) {
            summary.queued += 1;
            if summary.queue.len() < QUEUE_SHOWN_MAX {
                summary.queue.push(id);
            }
        }
        summary
    }

    /// Looks at the next clients of those in the `slots` that no picture shows.
    fn look_further(&self, slots: usize, further: &mut FurtherClients) {
        let end = slots.min(further.next + FURTHER_SLOTS_MAX);
        for slot in further.next..end {
            if let Some(client) = self.slab.get(PICTURE_SLOTS_MAX + slot) {
                further.counting.add(&client.connection, &self.common.timeouts);
            }
        }
        further.next = end;
        if end == slots {
            *further = FurtherClients { counts: further.counting, ..FurtherClients::default() };
        }
    }

    /// The memory that clients take beside the allocator's, in bytes: pages in which half requests and
    /// answers that were not taken are kept.
    pub fn mapped_bytes(&self) -> usize {
        self.slab.iter().map(|(_, client)| client.connection.mapped_bytes()).sum()
    }

    /// What all of them are owed, in bytes.
    pub(crate) fn owed_bytes(&self) -> usize {
        let output = &self.common.output;
        self.slab.iter().map(|(_, client)| client.connection.owed_bytes(output)).sum()
    }

    /// Looks at the client in this slot, if there is one.
    pub(crate) fn view(&self, slot: usize, now: Time) -> Option<View> {
        let client = self.slab.get(slot)?;
        let connection = &client.connection;
        let output = &self.common.output;
        // One byte more than is shown: so it is seen that there is more.
        let [head, body] = connection.owed(output, Excerpt::BYTES_MAX + 1);
        Some(View {
            slot,
            generation: client.generation,
            peer: connection.address(),
            client: connection.client(),
            state: connection.state(),
            kept_bytes: connection.kept_bytes(),
            owed_bytes: connection.owed_bytes(output),
            kept: Excerpt::of(&[connection.kept()]),
            owed: Excerpt::of(&[&head, &body]),
            served: connection.served(),
            deadline: connection.time_left(&self.common.timeouts, now),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::SystemTime;

    use super::*;
    use crate::config::Limits;
    use crate::metrics::CloseReason;
    use crate::testing::{Pipe, PipeStream};

    fn clients(count: usize) -> Clients<PipeStream> {
        let now = SystemTime::UNIX_EPOCH;
        let mut clients = Clients::new(Limits::default(), Timeouts::default(), now);
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        // They say nothing.
        let pipe = Pipe::new();
        for _ in 0..count {
            clients.admit(pipe.stream(), peer, Time::START);
        }
        clients
    }

    #[test]
    fn clients_that_a_picture_shows_are_counted_at_once() {
        for count in [0, 1, 100, PICTURE_SLOTS_MAX] {
            let mut further = FurtherClients::default();
            let summary = clients(count).summarize(Time::START, &mut further);
            assert_eq!(summary.states[StateName::Fresh as usize], count);
            assert_eq!(summary.deadlines[TimeoutClass::FirstByte as usize], count);
            assert_eq!((summary.picture.len(), summary.served.len()), (count, count));
            assert_eq!(further.next, 0);
        }
    }

    #[test]
    fn of_more_clients_each_summary_looks_at_a_bounded_number() {
        let count = PICTURE_SLOTS_MAX + 2 * FURTHER_SLOTS_MAX + 1;
        let mut clients = clients(count);
        let mut further = FurtherClients::default();
        let mut counted = |clients: &Clients<PipeStream>, further_looks| {
            let summary = clients.summarize(Time::START, &mut further);
            assert_eq!(further.next, further_looks, "slots behind the picture's");
            assert_eq!(summary.picture.len(), PICTURE_SLOTS_MAX);
            summary.states[StateName::Fresh as usize]
        };
        assert_eq!(counted(&clients, FURTHER_SLOTS_MAX), PICTURE_SLOTS_MAX);
        assert_eq!(counted(&clients, 2 * FURTHER_SLOTS_MAX), PICTURE_SLOTS_MAX);
        assert_eq!(counted(&clients, 0), count, "all have been looked at");
        clients.close(PICTURE_SLOTS_MAX, CloseReason::CutOff);
        assert_eq!(clients.free(), 1);
        assert_eq!(counted(&clients, FURTHER_SLOTS_MAX), count, "as it was found last");
        counted(&clients, 2 * FURTHER_SLOTS_MAX);
        assert_eq!(counted(&clients, 0), count - 1);
    }
}
