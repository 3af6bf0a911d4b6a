//! What a connection is given with everything that happens to it.

use std::time::SystemTime;

use super::notes::Notes;
use crate::answer::planned_fault::Planned;
use crate::answer::waker::Wakers;
use crate::buffer::{Output, Parked};
use crate::config::{Limits, Timeouts};
use crate::http::date::Date;
use crate::http::parse::Head;
use crate::http::proxy_header::ProxyHeaderFault;
use crate::http::request::Surroundings;
use crate::http::target::KnownHost;
use crate::metrics::Metrics;
use crate::network::Network;
use crate::peer::Caller;
use crate::time::Time;
use crate::work::Budget;

/// No client is driven: slab keys stay far below this.
pub(crate) const NOBODY: usize = usize::MAX;

/// The surroundings of everything that happens to a connection in one turn of the loop.
pub(crate) struct Context<'t, H> {
    pub(crate) now: Time,
    pub(crate) handler: &'t mut H,
    pub(crate) common: &'t mut Common,
}

/// What all connections of an engine share.
#[derive(Debug)]
pub(crate) struct Common {
    /// Empty whenever a client's turn begins and ends, but for the suspended answers of others.
    pub(crate) output: Output,
    pub(crate) date: Date,
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) surroundings: Surroundings,
    /// What may still be done in this stage of the turn.
    pub(crate) budget: Budget,
    pub(crate) phase: Phase,
    /// What time it is in this turn, in milliseconds: see [`Time::millis`].
    pub(crate) millis: u32,
    pub(crate) metrics: Metrics,
    /// The slot of the client that is just being driven. If the handler panics, it is for this one;
    /// a waker is for its source.
    pub(crate) driven: usize,
    pub(crate) wakers: Wakers,
    pub(crate) known_host: KnownHost,
    /// Where the chunks of one request are joined. What is in it is of the last one.
    pub(crate) joined: Vec<u8>,
    /// Why the client that is just being driven sent no PROXY header.
    pub(crate) proxy_header_fault: Option<ProxyHeaderFault>,
    /// Where answers are noted in a client's step, while they are told of.
    pub(crate) notes: Option<Box<Notes>>,
}

impl Common {
    /// What is shared by no connections yet.
    pub(crate) fn new(limits: Limits, timeouts: Timeouts, now: SystemTime) -> Common {
        Common {
            output: Output::default(),
            date: Date::new(now),
            limits,
            timeouts,
            surroundings: Surroundings {
                proxied_by: Network::THIS_MACHINE.to_vec(),
                connection: 0,
            },
            budget: Budget::default(),
            phase: Phase::Running,
            millis: 0,
            metrics: Metrics::default(),
            driven: NOBODY,
            wakers: Wakers::default(),
            known_host: KnownHost::default(),
            joined: Vec::new(),
            proxy_header_fault: None,
            notes: None,
        }
    }

    /// The handler is about to see this request, whose answer is the next one.
    #[inline(always)]
    pub(super) fn note_request(
        &mut self,
        head: &Head<'_>,
        caller: &Caller,
        parked: &Option<Box<Parked>>,
    ) {
        if let Some(notes) = &mut self.notes {
            notes.on_request(
                head,
                caller.next_number(),
                self.driven,
                (caller.peer, Parked::client(parked)),
                &self.surroundings.proxied_by,
            );
        }
    }

    /// The handler is about to see bytes that are no request.
    #[inline(always)]
    pub(super) fn note_fault(
        &mut self,
        received: &[u8],
        number: u32,
        parked: &Option<Box<Parked>>,
    ) {
        if let Some(notes) = &mut self.notes {
            notes.on_fault(received, number, self.driven, Parked::client(parked));
        }
    }

    /// The answer that was given last has a fault on purpose.
    #[cold]
    pub(super) fn on_planned(&mut self, planned: Planned) {
        if planned.status > 0 {
            self.metrics.count_answer(Some(b'0' + (planned.status / 100) as u8));
        }
        if let Some(notes) = &mut self.notes {
            notes.on_planned(planned);
        }
    }

    /// An answer has been encoded from `start` on, and perhaps more of it `streams`. Counts it by the
    /// first digit of its status: so what is counted is what the client reads.
    #[inline(always)]
    pub(super) fn on_answer(&mut self, start: usize, streams: bool) {
        let digit = self.output.encoded_bytes().get(start + "HTTP/1.1 ".len());
        self.metrics.count_answer(digit.copied());
        if let Some(notes) = &mut self.notes {
            notes.on_answer(start, streams, &self.output);
        }
    }
}

/// Whether the server goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    /// It is going to stop: an answer is its connection's last, unless more requests have come already.
    Announcing,
    /// It is stopping. The same, and sources are told.
    Stopping,
}
