//! What happens when a deadline has passed: the client is checked once more, and then it has expired.

use std::ops::ControlFlow::Continue;

use super::checks::readiness_to_check;
use super::client::{Client, Run, StepContext};
use super::clients::Clients;
use super::event::ClientEvent;
use super::stream::Stream;
use crate::answer::handler::Handler;
use crate::connection::Deadline;
use crate::connection::state::StateName;
use crate::time::Time;

/// The expire stage's budget is shared as if this many clients were due: each may do a quarter of
/// [`Limits::turn_bytes_max`](crate::Limits::turn_bytes_max), which is a piece of a file.
const EXPIRING_CLIENTS: usize = 16;

/// How much of what the kernel holds of a client has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checked {
    /// As much as its budget allowed. There may be more, and by that it may be in time.
    InPart,
    /// As much as its budget allowed, and whatever there is more, its time is over.
    Enough,
    /// All of it.
    All,
    /// There is nothing to check.
    Nothing,
}

impl<S: Stream> Clients<S> {
    /// Acts on deadlines that have passed, a bounded number of them. What has come in time is
    /// answered all the same: each client is checked once more first.
    pub fn expire<H: Handler>(&mut self, now: Time, handler: &mut H) {
        if self.timers.expired(&self.slab, now).is_some() {
            self.guard(handler, |clients, handler| clients.expire_some(now, handler));
        }
    }

    // Apart from the turns in which no time is over: 56 instructions fewer per kept GET.
    #[cold]
    fn expire_some<H: Handler>(&mut self, now: Time, handler: &mut H) {
        self.common.budget.begin_stage(EXPIRING_CLIENTS, self.common.limits.turn_bytes_max);
        for _ in 0..self.common.limits.deadlines_per_turn_max {
            if !self.common.budget.has_stage_left() {
                break;
            }
            let Some(key) = self.timers.expired(&self.slab, now) else { break };
            let checked = self.check_before_expiry(key, now, handler);
            if self.timers.expired(&self.slab, now) != Some(key) {
                continue;
            }
            // The client's next turn continues the check. The other deadlines follow then.
            if checked == Checked::InPart {
                break;
            }
            self.expire_client(key, now, handler);
            let connection = &self.slab[key].connection;
            if checked == Checked::Enough && connection.state() != StateName::Closed {
                // If there is more of it, it is on the run queue.
                self.renew_deadline(key);
            } else {
                self.drive_client(key, now, handler);
            }
        }
    }

    /// Asks the kernel what the client has sent, or made room for, before its time is declared
    /// over. That may have happened in time although no event has told of it: the poll returns a
    /// bounded number of events, and the whole process may have been stopped.
    fn check_before_expiry<H: Handler>(
        &mut self,
        key: usize,
        now: Time,
        handler: &mut H,
    ) -> Checked {
        let Some(told) = readiness_to_check(self.slab[key].connection.state()) else {
            return Checked::Nothing;
        };
        // Hundreds of clients that linger may be due together, each with megabytes in the kernel.
        if self.slab[key].connection.lingers_on(&self.common) {
            return Checked::Enough;
        }
        let client = &mut self.slab[key];
        client.socket.note(told);
        // If it is on the run queue, it keeps its place there.
        let run = self.drive_client(key, now, handler);
        let Client { connection, socket, .. } = &self.slab[key];
        match connection.state() {
            _ if run != Run::Spent => Checked::All,
            // It used up its budget on the last of the room.
            StateName::Writing if !socket.has_room() => Checked::All,
            // It has sent nothing but empty lines, perhaps without end.
            StateName::Fresh | StateName::Idle => Checked::Enough,
            // What it has sent is thrown away, and may have no end either.
            StateName::Lingering if connection.has_earned_span(&self.common) => Checked::Enough,
            StateName::ReadingHead
            | StateName::ReadingProxyHeader
            | StateName::ReadingBody
            | StateName::Writing
            | StateName::Pausing
            | StateName::Lingering
            | StateName::Closed => Checked::InPart,
        }
    }

    /// Has one client learn that its time has come. It has to be driven next.
    pub(super) fn expire_client<H: Handler>(&mut self, key: usize, now: Time, handler: &mut H) {
        self.common.driven = key;
        let (common, steps) = (&mut self.common, &mut self.steps);
        self.slab[key].expire(&mut StepContext { now, handler, common, steps, key });
        self.set_deadline(key, None);
    }
}

impl<S: Stream> Client<S> {
    /// The time for what it waits for has run out, or that of its source has come.
    fn expire<H: Handler>(&mut self, context: &mut StepContext<'_, H>) {
        let before = context.steps.before(&self.connection);
        match self.connection.deadline(&context.common.timeouts) {
            Some(Deadline::Timeout(class, _)) => {
                let timeout = context.common.timeouts.of(class);
                context.tell(self, || ClientEvent::TimedOut { class, timeout });
            }
            Some(Deadline::At(_)) => context.tell(self, || ClientEvent::Due),
            None => {}
        }
        self.connection.on_deadline(&mut context.of_connection());
        context.tell_change(before, &Continue(()), self);
    }
}
