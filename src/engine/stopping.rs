//! How a server stops, in three steps: it announces that, it closes its listeners, and its clients
//! finish. And what a second call to stop does.
//!
//! | step | until | what is done |
//! |---|---|---|
//! | announce | [`Timeouts::drain_announce`] is over | all are accepted and served. Each answer is its connection's last, and the server says that it is not ready |
//! | close | the listeners' queues are empty | what waits there is accepted. Sources hear that the server stops |
//! | drain | no client is left, or [`Timeouts::drain`] is over | what is in flight finishes. An idle client may ask once more until [`Timeouts::drain_idle`] is over; then it is ended ([`draining`](super::draining)) |
//!
//! A connection that has not asked anything yet is idle as well: its client may have been accepted from a
//! queue a moment ago, or a browser may keep it in reserve. Nothing tells one from the other, so both
//! have the same time.
//!
//! [`Timeouts::drain_announce`]: crate::Timeouts::drain_announce
//! [`Timeouts::drain_idle`]: crate::Timeouts::drain_idle
//! [`Timeouts::drain`]: crate::Timeouts::drain

use super::admission::Accept;
use super::host::{Host, Stage};
use super::life::{Life, StopStep, Stopped};
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
                let until = now + self.clients.common.timeouts.drain_announce;
                self.clients.answer_last();
                self.life = Life::Announcing { until };
                if now >= until {
                    self.begin_to_close(now);
                }
            }
            // No client is left to be cut off.
            Life::KeepingIdle { .. } | Life::Draining { .. } | Life::CheckingLast { .. }
                if self.clients.is_empty() => {}
            Life::Announcing { .. }
            | Life::Closing { .. }
            | Life::KeepingIdle { .. }
            | Life::Draining { .. }
            | Life::CheckingLast { .. } => {
                self.admission.close();
                self.end(at_once);
            }
            Life::Stopped(_) => {}
        }
    }

    /// Another process serves in its place from now on, and accepts from the listeners of which
    /// `is_taken` says so: those are dropped at once, with their queues. The others are closed as by a
    /// stop that is not announced, and then its clients may finish.
    pub fn hand_over(&mut self, is_taken: impl FnMut(&mut L) -> bool, now: Time) {
        self.admission.hand_over(is_taken);
        match self.life {
            Life::Running | Life::Announcing { .. } => self.begin_to_close(now),
            Life::Closing { .. }
            | Life::KeepingIdle { .. }
            | Life::Draining { .. }
            | Life::CheckingLast { .. }
            | Life::Stopped(_) => {}
        }
    }

    /// From now on no more are accepted than wait in the queues.
    fn begin_to_close(&mut self, now: Time) {
        let listeners = self.admission.listeners().count() as u64;
        // The kernel keeps one more than it is asked to.
        let queued_max = u64::from(self.clients.common.limits.backlog.unsigned_abs()) + 1;
        self.life = Life::Closing {
            until: now + self.clients.common.timeouts.drain,
            accepted_max: self.clients.metrics().accepted
                + self.admission.held()
                + queued_max * listeners,
        };
        self.clients.wake_to_stop();
        self.admission.on_ready_all();
    }

    /// How it has ended, if it has.
    pub fn stopped(&self) -> Option<Stopped> {
        match self.life {
            Life::Stopped(stopped) => Some(stopped),
            Life::Running
            | Life::Announcing { .. }
            | Life::Closing { .. }
            | Life::KeepingIdle { .. }
            | Life::Draining { .. }
            | Life::CheckingLast { .. } => None,
        }
    }

    /// In which step of its end it is, once it was told to stop.
    pub fn stop_step(&self) -> Option<StopStep> {
        self.life.stop_step()
    }

    /// Whether it was told to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.life != Life::Running
    }

    /// Goes on towards the end: a step that is over is followed by the next; and the server ends once
    /// no client is left, or once the time for that is over. It then checks the remaining clients once
    /// more, and answers what has come in time: that takes no longer than a deadline may be late.
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
            let timeouts = &self.clients.common.timeouts;
            // The loop may have been held up for all of that time.
            let idle_until = until.min(now + timeouts.idle_in_drain());
            self.life = Life::KeepingIdle { idle_until, until };
        }
        if let Life::KeepingIdle { idle_until, until } = self.life
            && now >= idle_until
        {
            // Not before the listeners are closed: a client that comes again because its connection was
            // closed is refused.
            self.clients.drain();
            self.life = Life::Draining { until };
        }
        match self.life {
            Life::Announcing { until } if now >= until => self.begin_to_close(now),
            Life::Running | Life::Announcing { .. } | Life::Closing { .. } | Life::Stopped(_) => {}
            Life::KeepingIdle { .. } | Life::Draining { .. } | Life::CheckingLast { .. }
                if self.clients.is_empty() =>
            {
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
            Life::KeepingIdle { .. } | Life::Draining { .. } | Life::CheckingLast { .. } => {}
        }
    }

    fn end(&mut self, stopped: Stopped) {
        self.life = Life::Stopped(stopped);
        self.clients.cut_off();
    }
}
