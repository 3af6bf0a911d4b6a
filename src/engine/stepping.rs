//! Lets one client take one step at a time, for a person to look at each.
//!
//! A loop holds its clients by calling [`Engine::step`] in place of [`Engine::turn`], or neither, and
//! by giving it the same time again and again. What the poll reports of them is noted meanwhile, what
//! they have sent waits in the kernel, and no deadline passes. When the loop goes on, its clock has to
//! go on from that same time: then no time has passed for its clients.
//!
//! A disk does not stand still: to look whether it has given what an answer waits for is a step like
//! others.

use super::admission::Accept;
use super::clients::Clients;
use super::host::{Host, Stage};
use super::id::ClientId;
use super::run::StepsAllowed;
use super::turn::Engine;
use crate::answer::handler::Handler;
use crate::connection::state::StateName;
use crate::engine::stream::Stream;
use crate::time::Time;

/// What [`Engine::step`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepped {
    /// No client could take one.
    Nothing,
    /// A connection was accepted.
    Accepted,
    /// A client has taken it.
    Taken(StepTaken),
}

/// A step that a client has taken while all others stood still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepTaken {
    /// Who has taken it.
    pub client: ClientId,
    /// Its connection's state before the step.
    pub before: StateName,
    /// And after it.
    pub after: StateName,
}

impl<L: Accept> Engine<L> {
    /// Lets one client take one step: the one that has waited longest of those that can. After each
    /// lap of them one connection is accepted, if one waits and there is room for it.
    pub fn step<H: Handler>(
        &mut self,
        now: Time,
        handler: &mut H,
        host: &mut impl Host<L::Stream>,
    ) -> Stepped {
        // While all are held, those that linger take their steps among the others.
        self.clients.run_queue.append(&mut self.clients.linger_queue);
        let stepped = self.accept_or_step(now, handler, host);
        host.begin(Stage::Free);
        if self.clients.free() > 0 {
            self.admission.on_freed();
        }
        host.begin(Stage::Register);
        self.clients
            .register(now, |id, stream, before, wanted| host.register(id, stream, before, wanted));
        stepped
    }

    fn accept_or_step<H: Handler>(
        &mut self,
        now: Time,
        handler: &mut H,
        host: &mut impl Host<L::Stream>,
    ) -> Stepped {
        if self.lap == 0 {
            self.lap = self.clients.begin_lap();
            host.begin(Stage::Accept);
            if self.admission.accept_one(&mut self.clients, now) {
                return Stepped::Accepted;
            }
        }
        self.lap = self.lap.saturating_sub(1);
        host.begin(Stage::Drive);
        self.clients.step(now, handler).map_or(Stepped::Nothing, Stepped::Taken)
    }
}

impl<S: Stream> Clients<S> {
    /// Puts clients that wait for the disk on the run queue, and says how many stand there.
    fn begin_lap(&mut self) -> usize {
        let await_disk = self.slab.iter().filter(|(_, client)| client.connection.awaits_disk());
        let await_disk: Vec<usize> = await_disk.map(|(key, _)| key).collect();
        await_disk.into_iter().for_each(|key| self.enqueue(key));
        self.run_queue.iter().filter(|id| self.is_queued(*id)).count()
    }

    fn step<H: Handler>(&mut self, now: Time, handler: &mut H) -> Option<StepTaken> {
        self.on_polled(now);
        self.guard(handler, |clients, handler| clients.step_guarded(now, handler))
    }

    fn step_guarded<H: Handler>(&mut self, now: Time, handler: &mut H) -> Option<StepTaken> {
        self.common.budget.begin_stage(1, self.common.limits.turn_bytes_max);
        loop {
            let id = self.run_queue.pop()?;
            // It may be left over from a client that has ended.
            if !self.is_queued(id) {
                continue;
            }
            let client = &mut self.slab[id.slot()];
            client.queued = false;
            let before = client.connection.state();
            if client.connection.awaits_disk() {
                self.expire_client(id.slot(), now, handler);
            }
            let budget = self.common.limits.turn_bytes_max;
            self.take_steps(id.slot(), budget, StepsAllowed::One, now, handler);
            let after = self.slab[id.slot()].connection.state();
            return Some(StepTaken { client: id, before, after });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::*;
    use crate::answer::file::{FileRange, pretence};
    use crate::answer::handler::{Reply, Sent};
    use crate::config::{Limits, Timeouts};
    use crate::engine::readiness::Interest;
    use crate::http::request::Request;
    use crate::metrics::CloseReason;
    use crate::testing::{Listener, Pipe, PipeStream};

    /// An engine with one client, which asks this.
    fn engine(asks: &[u8]) -> (Engine<Listener>, ClientId) {
        let now = SystemTime::UNIX_EPOCH;
        let mut clients = Clients::new(Limits::default(), Timeouts::default(), now);
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let client = clients.admit(Pipe::saying(&[asks]).stream(), peer, Time::START);
        (Listener::absent(clients), client)
    }

    #[test]
    fn a_step_says_which_client_took_it_and_asks_the_poll_nothing() {
        let mut handler = |_: &Request<'_>, reply: Reply<'_>| -> Sent { reply.send("hello") };
        let (mut engine, client) = engine(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut asked = Vec::new();
        let mut step = |asked: &mut Vec<Interest>| {
            let mut host =
                |_: ClientId, _: &mut PipeStream, _: Option<Interest>, wanted: Interest| {
                    asked.push(wanted);
                    Ok(())
                };
            engine.step(Time::START, &mut handler, &mut host)
        };
        for (before, after) in
            [(StateName::Fresh, StateName::Writing), (StateName::Writing, StateName::Idle)]
        {
            let taken = Stepped::Taken(StepTaken { client, before, after });
            assert_eq!((step(&mut asked), asked.len()), (taken, 0));
        }
        let waits = StepTaken { client, before: StateName::Idle, after: StateName::Idle };
        assert_eq!(step(&mut asked), Stepped::Taken(waits));
        assert_eq!(asked, [Interest::Readable], "as in a loop that is not held");
        assert_eq!(step(&mut asked), Stepped::Nothing);
    }

    #[test]
    fn a_disk_does_not_stand_still() {
        // Each piece is read where reading may wait, and each but the first in a turn of its own.
        pretence::miss(None);
        pretence::with(|cache| cache.is_unknown = true);
        let path = std::env::temp_dir().join(format!("oneloop-held-{}", std::process::id()));
        std::fs::write(&path, vec![b'x'; 1 << 20]).expect("there is room");
        let file = Arc::new(File::open(&path).expect("it was just written"));
        std::fs::remove_file(path).expect("it was just written");
        let mut handler = move |_: &Request<'_>, reply: Reply<'_>| -> Sent {
            reply.send_file(FileRange::new(Arc::clone(&file), 0, 1 << 20))
        };
        let (mut engine, _) = engine(b"GET / HTTP/1.0\r\n\r\n");
        let mut host = |_: ClientId, _: &mut PipeStream, _: Option<Interest>, _: Interest| Ok(());
        while engine.step(Time::START, &mut handler, &mut host) != Stepped::Nothing {}
        let clients = engine.clients();
        assert!(clients.metrics().sent_bytes > 1 << 20, "{:?}", clients.metrics());
        assert_eq!(clients.metrics().closed(CloseReason::Answered), 1);
    }
}
