//! How a server stops: what it was told, how often, and when it is done.

use std::time::Duration;

use log::{info, warn};

use super::{Progress, Server, Showing, Stopped};
use crate::admin;
use crate::answer::handler::Handler;
use crate::door::Door;
use crate::server::signals::{self, Signals};
use crate::watch::LoopEvent;

/// A deadline may be late by this part of its timeout.
const LATE_DIVISOR: u32 = 64;

impl<H: Handler> Server<H> {
    /// How long the loop may sleep so that it learns in time of what it is told, whatever fails.
    pub(super) fn sleep_max(&self) -> Option<Duration> {
        if !self.told.to_stop() {
            return None;
        }
        if self.told.by_handle() {
            return Some(Duration::ZERO);
        }
        self.signals.as_ref().and_then(Signals::sleep_max)
    }

    /// Looks whether the server was told to stop since the last turn, and how often. Every stop is
    /// written down before the first is acted on: that may run the handler or an observer, and if
    /// they panic the next turn goes on with what is left.
    pub(super) fn note_stops(&mut self) {
        if !self.told.to_stop() {
            return;
        }
        if self.told.take_by_handle() {
            self.stops.push_back(None);
        }
        let signals = self.signals.as_mut().map(Signals::take).unwrap_or_default();
        self.stops.extend(signals.into_iter().map(Some));
        loop {
            if self.is_to_close() {
                self.close_listeners();
            }
            let Some(signal) = self.stops.pop_front() else { break };
            self.stop(signal);
        }
    }

    /// Whether stops were written down, or begun, and a panic kept them from being acted on.
    pub(super) fn has_stops_left(&self) -> bool {
        !self.stops.is_empty() || self.is_to_close()
    }

    /// The first time: lets everybody finish. The second time: ends at once.
    fn stop(&mut self, signal: Option<i32>) {
        let by = signal.map_or("a handle", signals::name);
        match self.progress {
            Progress::Running => {
                self.progress = Progress::Draining { until: self.now + self.timeouts.drain };
                let queued_max = self.limits.backlog.unsigned_abs() as u64 + 1;
                let listeners = self.admission.listeners().count() as u64;
                self.accepted_max = self.clients.metrics().accepted + queued_max * listeners;
                let clients = self.clients.len();
                info!("stopping by {by}: {clients} clients may finish");
                self.tracer.tell_of_loop(self.now, LoopEvent::Stopping { by, clients });
            }
            // Nobody is left to be cut off.
            Progress::Draining { .. } | Progress::LookingLast { .. }
                if self.clients.is_empty() && !self.is_to_close() => {}
            Progress::Draining { .. } | Progress::LookingLast { .. } => {
                self.progress =
                    Progress::Stopped(signal.map_or(Stopped::CutOff, Stopped::Signalled));
                warn!("stopping at once by {by}: {} clients are cut off", self.clients.len());
                self.admission.close();
                self.clients.cut_off();
            }
            Progress::Stopped(_) => {}
        }
    }

    /// Whether a server that is stopping has still to stop accepting.
    pub(super) fn is_to_close(&self) -> bool {
        matches!(self.progress, Progress::Draining { .. })
            && (!self.clients.is_draining() || self.admission.listeners().next().is_some())
    }

    /// Stops accepting, in as many turns as that takes. A client that has connected by the time of the
    /// stop is still served, as far as there is room: closing a listener resets the connections that
    /// wait in its queue. So the queues are emptied first, within the budget for accepting of each
    /// turn. New clients may go on coming meanwhile: no more are accepted than the queues could hold.
    fn close_listeners(&mut self) {
        if !self.clients.is_draining() {
            if let Some(Showing { desk, .. }) = &mut self.admin {
                desk.on_drain(&mut self.clients, self.now);
            }
            self.admission.on_ready_all();
            self.clients.drain();
        }
        if self.admission.is_possible(&self.clients, self.now) {
            self.admission.accept(&mut self.clients, &mut self.handler, self.now);
        }
        let are_all_in = self.clients.metrics().accepted >= self.accepted_max;
        if are_all_in || !self.admission.is_possible(&self.clients, self.now) {
            self.admission.close();
        }
    }

    /// Ends the server once nobody is left, or once the time for that is over. Those who are left
    /// then are looked at once more, and what has come in time is answered: that takes no longer
    /// than a deadline may be late.
    pub(super) fn end_if_drained(&mut self) {
        if self.is_to_close() {
            return;
        }
        let (mut until, looks) = match self.progress {
            Progress::Draining { until } => (until, false),
            Progress::LookingLast { until } => (until, true),
            Progress::Running | Progress::Stopped(_) => return,
        };
        let left = self.clients.len_of(Door::Public);
        // Whoever watches does not keep the server from ending, but gets to see the end.
        if let Some(Showing { desk, .. }) = &mut self.admin
            && left == 0
            && desk.on_ending()
        {
            until = until.min(self.now + admin::LAST_FRAME);
            self.progress = Progress::Draining { until };
        }
        let is_over = self.now >= until;
        if self.clients.is_empty() || left == 0 && is_over {
            info!("stopped");
            self.clients.cut_off();
            self.progress = Progress::Stopped(Stopped::Drained);
        } else if is_over && !looks {
            self.clients.look_last();
            let until = self.now + self.timeouts.drain / LATE_DIVISOR;
            self.progress = Progress::LookingLast { until };
        } else if looks
            && self.clients.has_looked_last()
            && (is_over || !self.clients.has_runnable())
        {
            warn!("stopped: {left} clients were not done in time");
            self.clients.cut_off();
            self.progress = Progress::Stopped(Stopped::CutOff);
        }
    }
}
