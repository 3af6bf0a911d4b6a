//! The wait for events, and what is done if the system refuses it.

use std::io::{self, ErrorKind};
use std::time::Duration;

use log::warn;

use super::Server;
use crate::answer::handler::Handler;
use crate::server::signals::Signals;
use crate::system_calls::{self, Call, TRIES_MAX};
use crate::time::sooner;

/// How long the loop rests before it polls again, if the poll has failed.
const REST: Duration = Duration::from_millis(100);

/// After this many failures in a row, five seconds, the loop ends: it serves no client.
const FAILURES_MAX: usize = 50;

/// How often in a row the poll has failed, or a signal has interrupted it.
#[derive(Debug, Default)]
pub(super) struct PollFailures(usize);

impl<H: Handler> Server<H> {
    /// How long to wait: not at all if the next turn is due, else until it is.
    pub(super) fn poll_timeout(&mut self, wanted: Option<Duration>) -> Option<Duration> {
        let stops = (!self.stops.is_empty()).then_some(self.now);
        let due = sooner(sooner(self.public_due(), self.admin_due()), stops);
        let due = sooner(due, self.reports_due());
        sooner(self.alarm.set(due, self.now, self.began), wanted)
    }

    /// Waits for events, at most for `timeout`. If the system refuses that, there are none, after a
    /// short rest. If it goes on refusing, the loop cannot go on.
    pub(super) fn poll_events(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = sooner(timeout, self.sleep_max());
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => {
                self.poll_failures = PollFailures::default();
                Ok(())
            }
            Err(reason) => self.rest(reason, timeout),
        }
    }

    #[cold]
    fn rest(&mut self, reason: io::Error, timeout: Option<Duration>) -> io::Result<()> {
        let PollFailures(failures) = &mut self.poll_failures;
        *failures += 1;
        let is_interrupted = reason.kind() == ErrorKind::Interrupted;
        // A signal interrupted the call, ours or another: the turn has no events.
        if is_interrupted && *failures < TRIES_MAX {
            return Ok(());
        }
        system_calls::note(Call::Poll, &reason);
        // A process that gets a thousand signals a second is no reason to end.
        if !is_interrupted && *failures > FAILURES_MAX {
            return Err(reason);
        }
        Signals::wait(self.signals.as_ref(), timeout.map_or(REST, |it| it.min(REST)))
    }

    /// Tells the log of system calls that have failed in this turn, each once while it lasts.
    pub(super) fn tell_of_failures(&mut self) {
        if system_calls::has_noted() {
            for failing in self.reported.take_news(self.now) {
                warn!("{failing}");
            }
        }
    }
}
