//! Sends requests: after an answer, by a schedule, or a byte at a time.

use std::collections::VecDeque;
use std::time::Duration;

use oneloop::engine::{ClientId, Time};

use crate::client::{Client, Ending, Flushed};
use crate::clients::{Clients, find};
use crate::kind::Kind;

/// How long a garbage client waits for an answer or the end. Much of what it sends is the beginning
/// of a request, for whose rest a server waits far longer.
const GARBAGE_PATIENCE: Duration = Duration::from_secs(1);

/// How long a person waits for an answer to what was typed. A server that gives people time to type on
/// may wait for a second or two.
const TYPED_PATIENCE: Duration = Duration::from_secs(3);

impl Clients<'_> {
    /// Whether good clients may make another request.
    pub fn may_ask(&self) -> bool {
        self.plan.requests.is_none_or(|requests| self.asked < requests)
    }

    /// A client with a kept connection can make its next request. Without a schedule it does.
    pub fn on_free(&mut self, id: ClientId, now: Time) {
        let Some(kind) = self.client(id).map(|client| client.kind) else { return };
        let goes_on = self.phase.is_on() && self.may_ask();
        let group = self.group(kind);
        match group.schedule {
            Some(_) => group.free.push_back(id),
            None if goes_on => self.make_request(id, now),
            None => {}
        }
    }

    /// Makes free clients send the requests that are due. A request that is due while no client is free
    /// stays with the schedule, and keeps its time.
    pub fn request_due(&mut self, now: Time) {
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
            let id = *self.group(kind).free.front()?;
            if self.client(id).is_some_and(|client| client.is_free()) {
                break;
            }
            self.group(kind).free.pop_front();
        }
        let group = self.group(kind);
        let due = group.schedule.as_mut()?.take_due(now)?;
        group.free.pop_front().map(|id| (id, due))
    }

    fn make_request(&mut self, id: ClientId, begun: Time) {
        self.prepare(id, begun);
        let due = self.client(id).map_or(0, |client| client.due);
        self.asked += u64::from(due);
        self.send(id);
    }

    /// Sends a client's next payload.
    pub fn request(&mut self, id: ClientId, begun: Time) {
        self.prepare(id, begun);
        self.send(id);
    }

    /// Gives a client its next payload.
    pub fn prepare(&mut self, id: ClientId, begun: Time) {
        let shared = &mut self.shared;
        let Some(client) = find(&mut self.slab, id) else { return };
        // A person's script is that of the connection: each types one.
        let number = if client.kind == Kind::Telnet { client.generation } else { client.made };
        client.resource = if client.kind.has_choice() { shared.choices.next() } else { 0 };
        let random = &mut shared.random;
        let (payload, due) = shared.payloads.next(client.kind, number, client.resource, random);
        let payload = match self.plan.proxy_protocol {
            Some(protocol) if client.made == 0 => {
                [&protocol.header(client.generation)[..], &payload].concat().into()
            }
            Some(_) | None => payload,
        };
        client.begin((payload, due), begun);
        // Without a limit, the clock is not read.
        if self.plan.timeout.is_some() {
            client.asked_at = self.clock.now();
        }
    }

    /// Sends the rest of a client's payload, as far as the kernel takes it.
    pub fn send(&mut self, id: ClientId) {
        let Some(client) = find(&mut self.slab, id) else { return };
        // These send only when their turn comes.
        if matches!(client.kind, Kind::Drip | Kind::Telnet) {
            return;
        }
        match client.flush(&mut self.shared.metrics) {
            Flushed::All if client.kind == Kind::HalfClose => client.half_close(),
            // Clients that do not read learn of the end by an event.
            Flushed::Lost if !client.kind.has_small_buffers() => self.again.push(id),
            Flushed::All | Flushed::Part | Flushed::Lost => {}
        }
    }

    /// Sends a drip client's next byte, and puts it in line for the one after.
    pub fn drip(&mut self, id: ClientId, now: Time) {
        if let Some(client) = find(&mut self.slab, id) {
            client.drip(&mut self.shared.metrics);
            self.drip_turns.join(id, now);
        }
    }

    /// A person's turn: types what comes next, or thinks. At the end the wait for an answer begins.
    fn type_on(&mut self, id: ClientId, now: Time) {
        let Some(client) = find(&mut self.slab, id) else { return };
        let script = self.shared.payloads.script(client.generation);
        // A PROXY header is no part of the script.
        let before = client.payload_len() - script.bytes.len();
        let typed = script.turns.get(client.turns).copied().unwrap_or(script.bytes.len());
        client.turns += 1;
        // What was thought about does not count as the server's time.
        (client.begun, client.asked_at) = (now, now);
        if client.flush_until(before + typed, &mut self.shared.metrics) == Flushed::Lost {
            self.again.push(id);
        } else if client.turns < script.turns.len() || !client.has_sent_all() {
            self.typing_turns.join(id, now);
        } else {
            self.typed.push_back((now + TYPED_PATIENCE, id));
        }
    }

    /// Gives their turn to the drip, slow-read and telnet clients for which it is due.
    pub fn drip_due(&mut self, now: Time) {
        while let Some(id) = self.typing_turns.take_due(now) {
            self.type_on(id, now);
        }
        while let Some(id) = self.drip_turns.take_due(now) {
            self.drip(id, now);
        }
        while let Some(id) = self.slow_read_turns.take_due(now) {
            if self.client(id).is_some() {
                self.slow_read_turns.join(id, now);
                self.receive(id);
            }
        }
    }

    /// Makes a client close its connection in a while.
    pub fn be_impatient(&mut self, id: ClientId, now: Time) {
        self.impatient.push_back((now + GARBAGE_PATIENCE, id));
    }

    /// Ends the good clients whose answers take longer than the user allows.
    fn time_out(&mut self, timeout: Duration, now: Time) {
        if now < self.next_look {
            return;
        }
        self.next_look = now + look_every(timeout);
        let is_late = |client: &Client| {
            let is_typing = client.kind == Kind::Telnet && !client.has_sent_all();
            client.kind.is_good()
                && client.due > 0
                && !is_typing
                && now.since(client.asked_at) > timeout
        };
        let late = self.slab.iter().filter(|(_, client)| is_late(client));
        let late: Vec<ClientId> =
            late.map(|(key, client)| ClientId::new(key, client.generation)).collect();
        for id in late {
            if let Some(client) = self.client(id) {
                let (kind, due) = (client.kind, client.due);
                self.group(kind).tally.timed_out += u64::from(due);
                self.end(id, Ending::HungUp);
            }
        }
    }

    /// Ends the clients that have waited long enough.
    pub fn hang_up_due(&mut self, now: Time) {
        if let Some(timeout) = self.plan.timeout {
            self.time_out(timeout, now);
        }
        while let Some(id) =
            take_due(&mut self.impatient, now).or_else(|| take_due(&mut self.typed, now))
        {
            if self.client(id).is_some() {
                self.end(id, Ending::HungUp);
            }
        }
    }
}

/// How often clients are looked at: a limit is exact to a twentieth, and to 5 ms.
pub fn look_every(timeout: Duration) -> Duration {
    (timeout / 20).max(Duration::from_millis(5))
}

/// The first client, if its time is over.
fn take_due(waiting: &mut VecDeque<(Time, ClientId)>, now: Time) -> Option<ClientId> {
    let (due, id) = *waiting.front()?;
    (due <= now).then(|| {
        waiting.pop_front();
        id
    })
}
