//! How the server learns that it is to stop, and how often it was told; and that files are to be opened
//! again.

use std::time::Duration;

use log::{info, warn};

use super::Server;
use crate::answer::handler::Handler;
use crate::engine::{StopStep, Stopped};
use crate::server::outlet::Outlet;
use crate::server::signals::{self, Signals};
use crate::watch::{Count, LoopEvent};

impl<H: Handler> Server<H> {
    /// How long the loop may sleep so that it learns in time of what it is told, whatever fails.
    pub(super) fn sleep_max(&self) -> Option<Duration> {
        if !self.stop_requests.heard() {
            return None;
        }
        if self.stop_requests.by_handle() {
            return Some(Duration::ZERO);
        }
        self.signals.as_ref().and_then(Signals::sleep_max)
    }

    /// Looks at what has come since the last turn: signals, and stops by a handle.
    #[inline]
    pub(super) fn note_signals(&mut self) {
        if self.stop_requests.heard() {
            self.note_hang_ups();
            self.note_stops();
            self.note_reopening();
        }
    }

    /// Looks whether the server was told to stop since the last turn, and how often. Every stop is
    /// written down before the first is acted on: that may run code of the program, and if it panics
    /// the next turn goes on with what is left.
    fn note_stops(&mut self) {
        if !self.stop_requests.any() {
            return;
        }
        if self.stop_requests.take_by_handle() {
            self.stops.push_back(None);
        }
        let signals = self.signals.as_mut().map(Signals::take).unwrap_or_default();
        self.stops.extend(signals.into_iter().map(Some));
        while let Some(signal) = self.stops.pop_front() {
            self.stop(signal);
        }
    }

    /// Opens log files again if that was asked for since the last turn.
    fn note_reopening(&mut self) {
        if self.signals.as_mut().is_some_and(Signals::take_reopening) {
            self.outlets.iter_mut().for_each(Outlet::reopen);
        }
    }

    fn stop(&mut self, signal: Option<i32>) {
        let by = signal.map_or("a handle", signals::name);
        let at_once = signal.map_or(Stopped::CutOff, Stopped::Signalled);
        let clients = self.engine.clients().len();
        if self.engine.stopped().is_some() {
            // Only clients of the server's own listeners are left.
            self.cut_off_admin();
            return;
        }
        if self.takeover.take_first_stop() {
            info!("{by}: another process has taken over; {} may finish", Count(clients, "client"));
            return;
        }
        let is_first = !self.engine.is_stopping();
        self.leave_to_starting();
        if is_first {
            let announce = self.timeouts.drain_announce;
            match announce.is_zero() {
                true => info!("stopping by {by}: {} may finish", Count(clients, "client")),
                false => info!("stopping by {by}: announcing that for {announce:?}"),
            }
            self.tracer.tell_of_loop(self.now, LoopEvent::Stopping { by, clients });
            self.release_public();
        }
        self.engine.stop(at_once, self.public_time());
        self.tell_of_stop_step();
        if is_first {
            self.handler.on_stopping();
        }
        if self.engine.stopped().is_some() {
            warn!("stopping at once by {by}: cutting off {}", Count(clients, "client"));
        }
    }
}

impl<H> Server<H> {
    /// Tells which step of its end the server has come to.
    #[inline]
    pub(super) fn tell_of_stop_step(&mut self) {
        let step = self.engine.stop_step();
        if step != self.told_step {
            self.tell_of_new_step(step);
        }
    }

    #[cold]
    fn tell_of_new_step(&mut self, step: Option<StopStep>) {
        self.told_step = step;
        if matches!(step, Some(StopStep::Closing | StopStep::Ended)) {
            self.leave_to_starting();
        }
        let Some(step) = step.filter(|step| *step != StopStep::Ended) else { return };
        self.tracer.tell_of_loop(self.now, LoopEvent::StopStep { step });
        if step == StopStep::Draining && !self.timeouts.drain_announce.is_zero() {
            let clients = self.engine.clients().len();
            info!("no more clients are accepted: {clients} may finish");
        }
    }
}

/// The end of a connection can be taken for the end of its answer, so answers that are not whole end
/// by a reset.
impl<H> Drop for Server<H> {
    fn drop(&mut self) {
        self.leave_to_starting();
        self.engine.clients_mut().cut_off();
        if let Some(admin_side) = &mut self.admin_side {
            admin_side.cut_off();
        }
    }
}
