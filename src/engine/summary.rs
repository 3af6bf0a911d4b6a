//! Looks at all clients at once, for the watchers. It costs a look at each slot, and is done only
//! while there are watchers.

use std::net::SocketAddr;
use std::time::Duration;

use super::clients::Clients;
use crate::config::TimeoutClass;
use crate::connection::Deadline;
use crate::connection::state::Name;
use crate::engine::stream::Stream;
use crate::time::Time;

/// How many slots a picture shows at the most. Clients above are counted, and not shown: a picture
/// stays below 64 KiB, however many clients there are.
pub(crate) const PICTURE_SLOTS_MAX: usize = 64 * 1024;

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
    pub(crate) states: [usize; Name::ALL.len()],
    /// How many clients have each kind of deadline, in the order of their numbers; those of sources
    /// come last.
    pub(crate) deadlines: [usize; DEADLINE_KINDS],
    /// How long it is until the next of them.
    pub(crate) next_due: Option<Duration>,
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
    pub(crate) peer: SocketAddr,
    pub(crate) state: Name,
    pub(crate) kept_bytes: usize,
    pub(crate) owed_bytes: usize,
    pub(crate) served: u32,
    /// For what it may wait, and how long. `None` for what: until its source gives more.
    pub(crate) deadline: Option<(Option<TimeoutClass>, Duration)>,
}

impl<S: Stream> Clients<S> {
    /// Looks at all clients. To be called while no client is being driven.
    pub(crate) fn summarize(&self, now: Time) -> ClientsSummary {
        let mut summary = ClientsSummary::default();
        for (slot, client) in &self.slab {
            let connection = &client.connection;
            let state = connection.state();
            summary.states[state as usize] += 1;
            match connection.deadline(&self.common.timeouts) {
                Some(Deadline::Timeout(class, _)) => summary.deadlines[class as usize] += 1,
                Some(Deadline::At(_)) => summary.deadlines[DEADLINE_KINDS - 1] += 1,
                None => {}
            }
            if slot < PICTURE_SLOTS_MAX {
                while summary.picture.len() < slot {
                    summary.picture.push('.');
                    summary.served.push('.');
                }
                summary.served.push(served_letter(connection.served()));
                summary.picture.push(state.letter());
            }
        }
        summary.next_due = self.next_due().map(|due| due.since(now));
        summary
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
        let timeouts = &self.common.timeouts;
        let deadline = connection.deadline(timeouts).map(|deadline| {
            let (class, due) = deadline.due(timeouts);
            (class, due.since(now))
        });
        Some(View {
            slot,
            generation: client.generation,
            peer: client.peer(),
            state: connection.state(),
            kept_bytes: connection.kept_bytes(),
            owed_bytes: connection.owed_bytes(&self.common.output),
            served: connection.served(),
            deadline,
        })
    }
}
