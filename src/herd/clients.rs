//! All clients: what an event does to one, and what is counted of it.
//!
//! [`connecting`](crate::connecting) opens connections, [`requests`](crate::requests) sends what is
//! due, [`phases`](crate::phases) knows how far the run is.

use std::collections::VecDeque;

use mio::Registry;
use oneloop::Metrics;
use oneloop::engine::{ClientId, Readiness, Time};
use slab::Slab;

use crate::client::{Answers, Client, Ending, RECEIVES_MAX, Stage, Then};
use crate::clock::Clock;
use crate::connect_rate::ConnectRate;
use crate::group::Group;
use crate::kind::Kind;
use crate::load::answer::{Checker, Content, Expected};
use crate::load::random::Random;
use crate::load::sources::Sources;
use crate::payloads::{PayloadSettings, Payloads};
use crate::phase::Phase;
use crate::plan::Plan;
use crate::probe::Expectations;
use crate::resources::Choices;
use crate::rotation::Rotation;
use crate::tally::{ResourceTally, Why};
use crate::times::Times;

/// Holds many pipelined answers; one for all clients.
const INPUT_BYTES: usize = 64 * 1024;

/// A server that has too many requests may say so: this status is not a wrong answer.
const OVERLOADED: u16 = 503;

/// Every client, and what they share.
pub struct Clients<'p> {
    pub plan: &'p Plan,
    pub clock: Clock,
    pub registry: Registry,
    pub slab: Slab<Client>,
    pub next_generation: u32,
    /// By [`Kind`]'s order.
    pub groups: Vec<Group>,
    /// For each resource, if there are several.
    pub resources: Vec<ResourceTally>,
    pub shared: Shared,
    pub sources: Sources,
    pub connect_rate: ConnectRate,
    /// A connection for which a Unix socket's queue had no room, and when it was due.
    pub put_back: Option<(Kind, Time)>,
    /// The kind that is first to open a connection, if it lacks one.
    pub next_kind: usize,
    pub drip_turns: Rotation<ClientId>,
    pub slow_read_turns: Rotation<ClientId>,
    pub typing_turns: Rotation<ClientId>,
    /// Garbage clients, and when they close their connections; in order.
    pub impatient: VecDeque<(Time, ClientId)>,
    /// People who have typed everything, and until when they wait for an answer; in order.
    pub typed: VecDeque<(Time, ClientId)>,
    /// Clients that stopped receiving before the socket was empty: no event will come for them.
    pub again: Vec<ClientId>,
    /// When it is next looked whether answers are late.
    pub next_look: Time,
    pub phase: Phase,
    /// Requests that good clients have made.
    pub asked: u64,
    /// By how much requests were sent after they were due although a client was free: the fault of this
    /// program.
    pub lateness: Times,
}

/// What each client needs for sending and receiving, lent to one after another.
pub struct Shared {
    pub payloads: Payloads,
    pub random: Random,
    pub choices: Choices,
    pub metrics: Metrics,
    slow_read_bytes: usize,
    input: Box<[u8]>,
    /// For each resource.
    gets: Vec<Checker>,
    post: Checker,
    big: Checker,
    any: Checker,
}

impl<'p> Clients<'p> {
    /// No client yet. The clock starts.
    pub fn new(plan: &'p Plan, expectations: &Expectations, registry: Registry) -> Clients<'p> {
        let payloads = Payloads::new(&PayloadSettings {
            resources: &plan.resources,
            big_path: &plan.big_path,
            depth: plan.depth,
            big_answer_bytes: expectations.big_answer_bytes,
        });
        Clients {
            plan,
            clock: Clock::start(),
            registry,
            slab: Slab::with_capacity(plan.clients()),
            next_generation: 0,
            groups: Kind::ALL.map(|kind| Group::new(kind, plan)).into(),
            resources: match plan.resources.len() {
                1 => Vec::new(),
                several => vec![ResourceTally::default(); several],
            },
            shared: Shared {
                payloads,
                random: Random::new(plan.seed),
                choices: Choices::new(&plan.resources, plan.seed),
                metrics: Metrics::default(),
                slow_read_bytes: plan.slow_read_bytes,
                input: vec![0; INPUT_BYTES.max(plan.slow_read_bytes)].into(),
                gets: checkers(plan, expectations),
                post: Checker::new(expectations.post.clone()),
                big: Checker::new(expectations.big.clone()),
                any: Checker::new(Expected::Any),
            },
            sources: Sources::new(plan.server.target()),
            connect_rate: ConnectRate::new(plan.connect_rate),
            put_back: None,
            next_kind: 0,
            drip_turns: Rotation::new(plan.drip_every),
            slow_read_turns: Rotation::new(plan.drip_every),
            typing_turns: Rotation::new(plan.type_every),
            impatient: VecDeque::new(),
            typed: VecDeque::new(),
            again: Vec::new(),
            next_look: Time::START,
            phase: Phase::first(plan),
            asked: 0,
            lateness: Times::new(),
        }
    }

    /// The client that `id` names, if it is still here.
    pub fn client(&mut self, id: ClientId) -> Option<&mut Client> {
        find(&mut self.slab, id)
    }

    pub fn group(&mut self, kind: Kind) -> &mut Group {
        &mut self.groups[kind as usize]
    }

    /// The poll has reported something of a client.
    pub fn on_event(&mut self, id: ClientId, readiness: Readiness) {
        let clock = self.clock;
        let Some(client) = self.client(id) else { return };
        client.note(readiness);
        if client.stage() == Stage::Connecting {
            match client.finish_connecting(readiness, clock.now()) {
                Ok(()) => self.on_connected(id),
                Err(reason) => self.end(id, Ending::NotConnected(reason)),
            }
            if !readiness.is(Readiness::READABLE) {
                return;
            }
        }
        self.on_ready(id, readiness);
    }

    /// Receives on for the clients that stopped so that others had their turn.
    pub fn receive_again(&mut self) {
        for id in std::mem::take(&mut self.again) {
            self.receive(id);
        }
    }

    /// An established connection can be read or written.
    fn on_ready(&mut self, id: ClientId, readiness: Readiness) {
        self.send(id);
        let Some(client) = self.client(id) else { return };
        match client.kind {
            Kind::NeverRead => match client.look(readiness) {
                Then::Ends(ending) => self.end(id, ending),
                Then::Waits | Then::GoesOn => {}
            },
            // The server's end lies behind what is unread, and is received after it.
            Kind::SlowRead => match client.look(Readiness::default()) {
                Then::Ends(ending) => self.end(id, ending),
                Then::Waits | Then::GoesOn => {}
            },
            Kind::Get
            | Kind::Post
            | Kind::ConnectClose
            | Kind::HalfClose
            | Kind::Telnet
            | Kind::Idle
            | Kind::Drip
            | Kind::Garbage
            | Kind::Reset => {
                if readiness.is(Readiness::READABLE) {
                    self.receive(id);
                }
            }
        }
    }

    /// Receives for a client, and acts on what has come.
    pub fn receive(&mut self, id: ClientId) {
        let Some(client) = find(&mut self.slab, id) else { return };
        let Answers { right, bytes, then } = self.shared.receive(client);
        let (kind, begun, status) = (client.kind, client.begun, client.status);
        let resource = client.resource;
        self.group(kind).tally.received_bytes += bytes;
        if right > 0 {
            self.on_right(kind, right, status, begun);
            if kind.has_choice()
                && let Some(tally) = self.resources.get_mut(resource)
            {
                tally.on_right(status, right, self.clock.now().since(begun));
            }
        }
        match then {
            Then::Ends(ending) => return self.end(id, ending),
            // A slow-read client reads on when its turn comes.
            Then::GoesOn if kind != Kind::SlowRead => self.again.push(id),
            Then::GoesOn | Then::Waits => {}
        }
        if right > 0 {
            self.on_answered(id);
        }
    }

    fn on_right(&mut self, kind: Kind, count: u32, status: Option<u16>, begun: Time) {
        let now = self.clock.now();
        let tally = &mut self.group(kind).tally;
        tally.right += u64::from(count);
        if kind.is_good() {
            // All of these are right, and so have the one status that is expected.
            tally.on_status(status, u64::from(count));
            tally.end_silence(now);
            for _ in 0..count {
                tally.latency.record(now.since(begun));
            }
        }
    }

    /// The connection goes on after an answer.
    fn on_answered(&mut self, id: ClientId) {
        let now = self.clock.now();
        let Some(client) = self.client(id) else { return };
        match client.kind {
            Kind::Get | Kind::Post if client.is_free() => {
                client.free_since = now;
                self.on_free(id, now);
            }
            // It has its answer, and the server would keep the connection open.
            Kind::Garbage if !client.last => self.end(id, Ending::HungUp),
            Kind::Telnet => self.end(id, Ending::HungUp),
            Kind::Get
            | Kind::Post
            | Kind::ConnectClose
            | Kind::HalfClose
            | Kind::Idle
            | Kind::Drip
            | Kind::NeverRead
            | Kind::SlowRead
            | Kind::Garbage
            | Kind::Reset => {}
        }
    }

    /// Removes a client and counts how it ended. Dropping its stream makes the poll forget it.
    pub fn end(&mut self, id: ClientId, ending: Ending) {
        let now = self.clock.now();
        let client = self.slab.remove(id.slot());
        let expects_overload = self.shared.expects_overload(client.resource);
        let group = &mut self.groups[client.kind as usize];
        group.live -= 1;
        let tally = &mut group.tally;
        let before = tally.troubles();
        let due = match client.kind.is_good() {
            true => u64::from(client.due),
            false => 0,
        };
        // What people type is answered, or their connection closed.
        let may_close = client.kind == Kind::Telnet
            && !self.shared.payloads.script(client.generation).is_request
            && matches!(ending, Ending::Closed | Ending::Reset);
        let due = if may_close { 0 } else { due };
        let is_over = matches!(ending, Ending::Closed | Ending::Reset);
        let due = match is_over && due > 0 && client.has_crossed() {
            true => {
                tally.crossed += due;
                self.plan.crossings.lost(due)
            }
            false => due,
        };
        let stood = now.since(client.connecting_since);
        // A good client is answered because it asks; a strange one, because the server gives it up.
        let answered = client.status.filter(|_| !client.kind.is_good()).map(Why::Status);
        let mut status = None;
        match ending {
            Ending::NotConnected(reason) => {
                tally.refused += 1;
                *tally.ended.entry(Why::NotConnected(reason)).or_default() += 1;
                self.connect_rate.on_failed(now);
            }
            Ending::Closed => {
                tally.lost += due;
                tally.on_ended(answered.unwrap_or(Why::End), stood);
            }
            Ending::Reset => {
                tally.lost += due;
                tally.on_ended(answered.unwrap_or(Why::Reset), stood);
            }
            Ending::Wrong(wrong) if wrong.status == Some(OVERLOADED) && !expects_overload => {
                tally.refused += due;
                status = wrong.status;
                tally.on_ended(Why::Status(OVERLOADED), stood);
            }
            Ending::Wrong(wrong) => {
                status = wrong.status.filter(|_| client.kind.is_good());
                tally.on_wrong(*wrong);
                tally.lost += due.saturating_sub(1);
                tally.hung_up += 1;
            }
            Ending::HungUp => {
                tally.lost += due;
                tally.hung_up += 1;
            }
        }
        tally.on_status(status, 1);
        let after = tally.troubles();
        if let Some(tally) = tally_of(&mut self.resources, &client) {
            tally.on_troubles(before, after);
            tally.on_status(status, 1);
        }
    }
}

/// The counts of the resource that a client has requested, where there are several.
pub fn tally_of<'t>(
    resources: &'t mut [ResourceTally],
    client: &Client,
) -> Option<&'t mut ResourceTally> {
    resources.get_mut(client.resource).filter(|_| client.kind.has_choice())
}

/// One for each resource.
fn checkers(plan: &Plan, expectations: &Expectations) -> Vec<Checker> {
    let checkers = plan.resources.iter().zip(&expectations.gets).map(|(resource, expected)| {
        let content = if resource.is_head() { Content::Never } else { Content::Framed };
        Checker::new(expected.clone()).with(content)
    });
    checkers.collect()
}

/// The client that `id` names. An event for a client that is gone finds another generation.
pub fn find(clients: &mut Slab<Client>, id: ClientId) -> Option<&mut Client> {
    clients.get_mut(id.slot()).filter(|client| client.generation == id.number())
}

impl Shared {
    fn receive(&mut self, client: &mut Client) -> Answers {
        let (checker, receives, room) = match client.kind {
            Kind::Get | Kind::ConnectClose | Kind::HalfClose => {
                (&mut self.gets[client.resource], RECEIVES_MAX, self.input.len())
            }
            Kind::Post => (&mut self.post, RECEIVES_MAX, self.input.len()),
            Kind::Telnet if self.payloads.script(client.generation).is_request => {
                (&mut self.gets[0], RECEIVES_MAX, self.input.len())
            }
            Kind::SlowRead => (&mut self.big, 1, self.slow_read_bytes),
            Kind::Telnet
            | Kind::Idle
            | Kind::Drip
            | Kind::NeverRead
            | Kind::Garbage
            | Kind::Reset => (&mut self.any, RECEIVES_MAX, self.input.len()),
        };
        client.receive(receives, &mut self.input[..room], checker, &mut self.metrics)
    }

    /// Whether overload is the expected answer.
    fn expects_overload(&self, resource: usize) -> bool {
        self.gets[resource].expects(OVERLOADED)
    }
}
