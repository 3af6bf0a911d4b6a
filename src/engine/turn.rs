//! One turn of the loop, and the life of a server from its first turn to its last.
//!
//! An [`Engine`] is a server without its poll and its clock. A loop may have several: each has its own
//! clients, listeners, deadlines and end. The loop around it waits for events,
//! looks at the clock, [notes](Clients::note) what the poll has reported, and calls
//! [`Engine::turn`]. A turn has these stages, and their order is decided here and nowhere else. In
//! italics is what is no [`Stage`]:
//!
//! | stage | what is done | why there |
//! |---|---|---|
//! | *note* | each event is noted: nothing is read yet | so that each client is served once, whatever was reported of it |
//! | drive | the clients that can do something do it | first, so that what has come in time counts as in time |
//! | linger | what clients send behind their last answer is thrown away, a bounded part of it | after drive, in which clients begin to linger; apart from it, so that the others do not wait for that |
//! | expire | deadlines that have passed are acted on | after drive, which has renewed those of busy clients |
//! | end idle | a server that stops ends clients that have nothing to say | after drive, which serves those that events have told of |
//! | free | sockets of clients that have ended are closed, their slots are free | when no event can name them any more, and before accepting, which needs descriptors. Also where a later stage closes more |
//! | accept | waiting connections are accepted, idle clients make room for them | after drive, which shows which clients are idle. A new client is driven in the next turn |
//! | register | the poll is asked to report what clients have come to wait for | last of all stages in which a client can begin to wait |
//! | *progress* | a server that was told to stop goes a step towards its end | when it is known which clients are left |
//!
//! A handler, a source or an observer may panic in any stage. Then the turn is over, the panic goes on
//! to the caller, and the next turn goes on with what is left.
//!
//! Invariants: a client that can do something without a new event stands on the run queue, and then
//! [`Engine::due`] says that the next turn is due at once; one that waits has a deadline, and the poll
//! knows what for.

use std::ops::ControlFlow;
use std::time::Duration;

use super::admission::{Accept, Admission};
use super::clients::Clients;
use super::host::{Host, Stage};
use super::life::{Life, Stopped};
use crate::answer::handler::Handler;
use crate::time::{Time, sooner};

/// The clients of some listeners, these listeners, and how far their life has come.
#[derive(Debug)]
pub struct Engine<L: Accept> {
    pub(crate) clients: Clients<L::Stream>,
    pub(crate) admission: Admission<L>,
    /// While clients take single steps: how many of them are still to do so before the next connection
    /// is accepted.
    pub(super) lap: usize,
    pub(super) life: Life,
}

impl<L: Accept> Engine<L> {
    /// A server that runs. No clients have come yet.
    pub fn new(clients: Clients<L::Stream>, admission: Admission<L>) -> Engine<L> {
        Engine { clients, admission, lap: 0, life: Life::Running }
    }

    /// Its clients.
    pub fn clients(&self) -> &Clients<L::Stream> {
        &self.clients
    }

    /// Its clients, for what comes before a turn: to note events, or to set the date.
    pub fn clients_mut(&mut self) -> &mut Clients<L::Stream> {
        &mut self.clients
    }

    /// Its listeners.
    pub fn admission(&self) -> &Admission<L> {
        &self.admission
    }

    /// Notes that the poll has reported the listener at this place among [`Admission::listeners`].
    pub fn on_listener_ready(&mut self, index: usize) {
        self.admission.on_ready(index);
    }

    /// One turn, at `now`. What the poll has reported by now has been noted.
    pub fn turn<H: Handler>(
        &mut self,
        now: Time,
        handler: &mut H,
        host: &mut impl Host<L::Stream>,
    ) -> ControlFlow<Stopped> {
        host.begin(Stage::Drive);
        self.clients.drive(now, handler);

        host.begin(Stage::Linger);
        self.clients.linger(now, handler);

        host.begin(Stage::Expire);
        self.clients.expire(now, handler);

        host.begin(Stage::EndIdle);
        self.clients.end_idle(now, handler);

        host.begin(Stage::Free);
        if self.clients.free() > 0 {
            self.admission.on_freed();
        }

        host.begin(Stage::Accept);
        self.admission.accept(&mut self.clients, handler, now);

        host.begin(Stage::Register);
        self.clients
            .register(now, |id, stream, before, wanted| host.register(id, stream, before, wanted));

        self.progress(now, host);
        self.clients.metrics_mut().turns += 1;
        match self.stopped() {
            Some(stopped) => ControlFlow::Break(stopped),
            None => ControlFlow::Continue(()),
        }
    }

    /// When the next turn is due, as far as is known at `now`, the time of the last one: at once if
    /// that is not later. `None`: when the poll has reported something, or never, once the engine has
    /// stopped.
    #[inline]
    pub fn due(&self, now: Time) -> Option<Time> {
        if self.stopped().is_some() {
            return None;
        }
        // A client that has become idle in the last turn can be evicted in the next one.
        let next_turn = now + Duration::from_micros(1);
        let is_busy = self.clients.has_runnable()
            || self.admission.is_possible(&self.clients, next_turn)
            || matches!(self.life, Life::Closing { .. });
        if is_busy {
            return Some(now);
        }
        let accepts = sooner(self.life.due(), self.admission.next_due());
        sooner(self.clients.next_due(), accepts)
    }
}
