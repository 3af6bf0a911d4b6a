//! How a server stops: what the first and the second call to stop do, and when it is done.

use super::admission::Accept;
use super::host::{Host, Stage};
use super::life::{Life, Stopped};
use super::turn::Engine;
use crate::time::Time;

/// A deadline may be late by this part of its timeout.
const LATE_DIVISOR: u32 = 64;

impl<L: Accept> Engine<L> {
    /// Tells it to stop. The first time, its clients may finish. The second time, it cuts them off at
    /// once, and has ended as `at_once` says.
    pub fn stop(&mut self, at_once: Stopped, now: Time) {
        match self.life {
            Life::Running => {
                let listeners = self.admission.listeners().count() as u64;
                // The kernel keeps one more than it is asked to.
                let queued_max = u64::from(self.clients.common.limits.backlog.unsigned_abs()) + 1;
                self.life = Life::Closing {
                    until: now + self.clients.common.timeouts.drain,
                    accepted_max: self.clients.metrics().accepted + queued_max * listeners,
                };
                self.clients.answer_last();
                self.admission.on_ready_all();
            }
            // No client is left to be cut off.
            Life::Draining { .. } | Life::CheckingLast { .. } if self.clients.is_empty() => {}
            Life::Closing { .. } | Life::Draining { .. } | Life::CheckingLast { .. } => {
                self.admission.close();
                self.end(at_once);
            }
            Life::Stopped(_) => {}
        }
    }

    /// How it has ended, if it has.
    pub fn stopped(&self) -> Option<Stopped> {
        match self.life {
            Life::Stopped(stopped) => Some(stopped),
            Life::Running
            | Life::Closing { .. }
            | Life::Draining { .. }
            | Life::CheckingLast { .. } => None,
        }
    }

    /// Whether it was told to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.life != Life::Running
    }

    /// Goes on towards the end: the listeners are closed once their queues are empty; and the
    /// server ends once no client is left, or once the time for that is over. It then checks the
    /// remaining clients once more, and answers what has come in time: that takes no longer than
    /// a deadline may be late.
    #[inline]
    pub(super) fn progress(&mut self, now: Time, host: &mut impl Host<L::Stream>) {
        if self.is_stopping() {
            self.go_on_stopping(now, host);
        }
    }

    #[cold]
    fn go_on_stopping(&mut self, now: Time, host: &mut impl Host<L::Stream>) {
        if let Life::Closing { until, accepted_max } = self.life {
            let are_all_in = self.clients.metrics().accepted >= accepted_max;
            if !are_all_in && self.admission.is_possible(&self.clients, now) {
                return;
            }
            host.begin(Stage::CloseListeners);
            self.admission.close();
            // Not before: a client that comes again because its connection was closed is refused.
            self.clients.drain();
            self.life = Life::Draining { until };
        }
        match self.life {
            Life::Running | Life::Closing { .. } | Life::Stopped(_) => {}
            Life::Draining { .. } | Life::CheckingLast { .. } if self.clients.is_empty() => {
                self.end(Stopped::Drained);
            }
            Life::Draining { until } if now >= until => {
                host.begin(Stage::CheckLast);
                self.clients.check_last();
                let until = now + self.clients.common.timeouts.drain / LATE_DIVISOR;
                self.life = Life::CheckingLast { until };
            }
            Life::CheckingLast { until }
                if self.clients.has_checked_last()
                    && (now >= until || !self.clients.has_runnable()) =>
            {
                host.begin(Stage::CutOff);
                self.end(Stopped::CutOff);
            }
            Life::Draining { .. } | Life::CheckingLast { .. } => {}
        }
    }

    fn end(&mut self, stopped: Stopped) {
        self.life = Life::Stopped(stopped);
        self.clients.cut_off();
    }
}
