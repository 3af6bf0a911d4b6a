//! Which client has to go before its peer wants to: to make room for another one, or because the
//! server stops.

use super::checks::readiness_to_check;
use super::client::Client;
use super::clients::Clients;
use crate::answer::handler::Handler;
use crate::config::TimeoutClass;
use crate::connection::Demand;
use crate::connection::state::StateName;
use crate::engine::readiness::Readiness;
use crate::engine::stream::Stream;
use crate::metrics::CloseReason;
use crate::time::Time;

/// How far down the list of idle clients the search for one to evict goes. A client that is passed
/// over has input waiting and will be driven in this turn or the next.
const EVICTION_LOOKS_MAX: usize = 16;

/// Which clients may be closed to make room for new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evictable {
    /// Those that owe and are owed nothing, as far as is known, and did so already before.
    Idle,
    /// Those; and if there is none, the one that has waited the longest for its peer. For few clients
    /// that ask whether the server is well: none of them may keep the next one out, idle or not.
    Waiting,
}

impl<S: Stream> Clients<S> {
    /// Whether there is a client that might be evicted.
    pub fn has_evictable(&self, evictable: Evictable, now: Time) -> bool {
        match evictable {
            Evictable::Idle => self.longest_idle(now).is_some(),
            Evictable::Waiting => self.longest_idle(now).or(self.longest_waiting()).is_some(),
        }
    }

    /// Closes the client that has been idle the longest, at once, and says whether there was one.
    /// To be called only when no event of this turn is left to be noted.
    ///
    /// A request may have come from it that no event has told us of yet, because the poll returns
    /// a bounded number of them. So each candidate is read from first; one that turns out to be
    /// busy stays.
    pub fn evict<H: Handler>(&mut self, evictable: Evictable, now: Time, handler: &mut H) -> bool {
        for _ in 0..EVICTION_LOOKS_MAX {
            let Some(key) = self.longest_idle(now) else { break };
            self.drive_before_end(key, now, handler);
            if self.is_evictable(key, now) {
                self.close(key, CloseReason::Evicted);
            }
            if self.free() > 0 {
                return true;
            }
            // What it had asked for may have been dear. The next is checked in the next turn.
            if !self.common.budget.has_stage_left() {
                return false;
            }
        }
        evictable == Evictable::Waiting && self.evict_waiting(now, handler)
    }

    /// Closes the client that has waited the longest, whatever for. What it has asked for by now is
    /// answered before, as far as the kernel takes the answer.
    fn evict_waiting<H: Handler>(&mut self, now: Time, handler: &mut H) -> bool {
        let Some(key) = self.longest_waiting() else { return false };
        self.drive_before_end(key, now, handler);
        if self.slab.get(key).is_some_and(|it| it.connection.state() == StateName::Lingering) {
            // What it still sends would make its end a reset, which destroys the answer.
            self.drive_before_end(key, now, handler);
        }
        self.close(key, CloseReason::Evicted);
        self.free() > 0
    }

    /// Drives a client that is to be closed: it may have sent a request that no event has reported
    /// yet.
    fn drive_before_end<H: Handler>(&mut self, key: usize, now: Time, handler: &mut H) {
        self.guard(handler, |clients, handler| {
            let client = &mut clients.slab[key];
            client.socket.note(Readiness::READABLE);
            if client.connection.state() != StateName::Closed {
                clients.drive_client(key, now, handler);
            }
        });
    }

    /// The client that has waited longest for its peer; the one that came first, of several. Costs a
    /// look at each client. A client whose source pauses does not wait for its peer.
    fn longest_waiting(&self) -> Option<usize> {
        let timers = &self.timers;
        let keys = TimeoutClass::ALL.iter().copied().flat_map(|class| {
            std::iter::successors(timers.first(class), |key| timers.behind(&self.slab, *key))
        });
        keys.min_by_key(|key| (self.slab[*key].connection.since(), self.slab[*key].generation))
    }

    fn longest_idle(&self, now: Time) -> Option<usize> {
        let fresh = self.idle_in(TimeoutClass::FirstByte, now);
        let kept = self.idle_in(TimeoutClass::Idle, now);
        fresh.into_iter().chain(kept).min_by_key(|key| self.slab[*key].connection.since())
    }

    /// Whether it has been idle since before `now`. The connection knows, not the timers: a busy
    /// client's place in their lists is renewed late.
    fn is_evictable(&self, key: usize, now: Time) -> bool {
        let client = &self.slab[key];
        let idle = client.connection.state().is_idle() && client.connection.since() < now;
        idle && !client.queued
    }

    fn idle_in(&self, class: TimeoutClass, now: Time) -> Option<usize> {
        let timers = &self.timers;
        let mut next = timers.first(class);
        for _ in 0..EVICTION_LOOKS_MAX {
            if self.is_evictable(next?, now) {
                return next;
            }
            next = timers.behind(&self.slab, next?);
        }
        None
    }

    /// Ends one client from outside, for this reason unless it has one already: a client that
    /// lingers does.
    pub(super) fn close(&mut self, key: usize, reason: CloseReason) {
        let connection = &mut self.slab[key].connection;
        let before = connection.state();
        if before == StateName::Closed {
            return;
        }
        connection.on_close(reason);
        self.steps.on_closed(before);
        if let Demand::Close(reason) = connection.demand() {
            self.end(key, reason);
        }
        let is_answering = matches!(before, StateName::Writing | StateName::Pausing);
        if is_answering {
            self.slab[key].reset_on_drop();
        }
    }

    /// The time to drain is over: each client that is left is checked once more, in the next turns
    /// of [`drive`](Clients::drive). What has come in time is answered, although no event has told of
    /// it yet: the poll returns a bounded number of them, and the whole process may have been stopped.
    pub fn check_last(&mut self) {
        let keys: Vec<usize> = self.slab.iter().map(|(key, _)| key).collect();
        for key in keys {
            let client = &mut self.slab[key];
            // One that waits for room, or for its source, may have what it waits for in these turns. Then
            // it is received from as well.
            client.socket.note(Readiness::READABLE);
            if let Some(told) = readiness_to_check(client.connection.state()) {
                client.socket.note(told);
                self.enqueue(key);
            }
        }
        self.checks.begin_last(self.run_queue.len(), self.linger_queue.len());
    }

    /// Whether each of them has been checked since. Then some may still have work left, and be on
    /// the run queue again.
    pub fn has_checked_last(&self) -> bool {
        !self.checks.has_last() || !self.has_runnable()
    }

    /// Ends all remaining clients.
    pub fn cut_off(&mut self) {
        let keys: Vec<usize> = self.slab.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.close(key, CloseReason::CutOff);
        }
        self.free();
    }
}

impl<S: Stream> Client<S> {
    /// Makes the end of its connection a reset: the end alone could be taken for that of an answer.
    pub(super) fn reset_on_drop(&self) {
        // If this fails the connection is gone already.
        let _ = self.socket.stream().reset_on_drop();
    }
}
