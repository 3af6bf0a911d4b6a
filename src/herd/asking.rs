//! Who speaks when: after an answer, by a schedule, or a byte at a time.

use std::time::Duration;

use oneloop::engine::{ClientId, Time};

use crate::client::{Ending, Flushed};
use crate::crowd::{Crowd, find};
use crate::kind::Kind;

/// So long a garbage client waits to be answered or closed. Much of what it sends is the beginning
/// of something for which a server waits far longer.
const GARBAGE_PATIENCE: Duration = Duration::from_secs(1);

impl Crowd<'_> {
    /// Whether good clients may make another request.
    pub fn may_ask(&self) -> bool {
        self.plan.requests.is_none_or(|requests| self.asked < requests)
    }

    /// A client who keeps its connection can make its next request. In a closed loop it does.
    pub fn on_free(&mut self, id: ClientId, now: Time) {
        let Some(kind) = self.client(id).map(|client| client.kind) else { return };
        let goes_on = self.phase.is_on() && self.may_ask();
        let flock = self.flock(kind);
        match flock.schedule {
            Some(_) => flock.free.push_back(id),
            None if goes_on => self.make_request(id, now),
            None => {}
        }
    }

    /// Has clients who are free make the requests that are due. What is due while none is free
    /// stays with the schedule, and keeps its time.
    pub fn ask_due(&mut self, now: Time) {
        for kind in [Kind::Get, Kind::Post] {
            while let Some((id, due)) = self.next_request(kind, now) {
                let free_since = self.client(id).map_or(due, |client| client.free_since);
                self.lateness.record(self.clock.now().since(due.max(free_since)));
                self.make_request(id, due);
            }
        }
    }

    fn next_request(&mut self, kind: Kind, now: Time) -> Option<(ClientId, Time)> {
        if !self.may_ask() {
            return None;
        }
        loop {
            let id = *self.flock(kind).free.front()?;
            if self.client(id).is_some_and(|client| client.is_free()) {
                break;
            }
            self.flock(kind).free.pop_front();
        }
        let flock = self.flock(kind);
        let due = flock.schedule.as_mut()?.take_due(now)?;
        flock.free.pop_front().map(|id| (id, due))
    }

    fn make_request(&mut self, id: ClientId, begun: Time) {
        self.put_into_words(id, begun);
        let due = self.client(id).map_or(0, |client| client.due);
        self.asked += u64::from(due);
        self.speak(id);
    }

    /// Has a client say what its kind says, all of it at once.
    pub fn ask(&mut self, id: ClientId, begun: Time) {
        self.put_into_words(id, begun);
        self.speak(id);
    }

    /// Gives a client the words of its kind.
    pub fn put_into_words(&mut self, id: ClientId, begun: Time) {
        let voice = &mut self.voice;
        let Some(client) = find(&mut self.clients, id) else { return };
        client.ask(voice.words.next(client.kind, client.made, &mut voice.random), begun);
    }

    /// Has a client say on what it has begun to.
    pub fn speak(&mut self, id: ClientId) {
        let Some(client) = find(&mut self.clients, id) else { return };
        // Who drips speaks only when it is its turn.
        if client.kind == Kind::Drip {
            return;
        }
        match client.flush(&mut self.voice.metrics) {
            Flushed::All if client.kind == Kind::HalfClose => client.half_close(),
            // Those who do not read are told of the end by an event.
            Flushed::Lost if !client.kind.is_narrow() => self.again.push(id),
            Flushed::All | Flushed::Part | Flushed::Lost => {}
        }
    }

    /// Has a client send its next byte, and be in line for the one after.
    pub fn drip(&mut self, id: ClientId, now: Time) {
        if let Some(client) = find(&mut self.clients, id) {
            client.drip(&mut self.voice.metrics);
            self.drippers.join(id, now);
        }
    }

    /// Has those drip, and read a little, whose turn it is.
    pub fn drip_due(&mut self, now: Time) {
        while let Some(id) = self.drippers.take_due(now) {
            self.drip(id, now);
        }
        while let Some(id) = self.sippers.take_due(now) {
            if self.client(id).is_some() {
                self.sippers.join(id, now);
                self.listen(id);
            }
        }
    }

    /// Has a client hang up in a while.
    pub fn be_impatient(&mut self, id: ClientId, now: Time) {
        self.impatient.push_back((now + GARBAGE_PATIENCE, id));
    }

    /// Ends those who have waited long enough.
    pub fn hang_up_due(&mut self, now: Time) {
        while self.impatient.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, id)) = self.impatient.pop_front()
                && self.client(id).is_some()
            {
                self.end(id, Ending::HungUp);
            }
        }
    }
}
