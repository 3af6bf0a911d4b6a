//! Holds the public's clients still, for a person to look at them, and lets them go on step by
//! step.
//!
//! A held client takes no step: what the poll reports of it is noted, and what it has sent waits in
//! the kernel. Its clock stands still, so that it does not time out: a step is taken at the time at
//! which they were held, and once they are released every moment that they remember is moved by as
//! long as they were. A disk does not stand still: to look whether it has given what an answer
//! waits for is a step like others. Clients of the admin door go on meanwhile, by the real clock.

use std::collections::VecDeque;
use std::time::Duration;

use super::clients::Clients;
use super::id::ClientId;
use crate::answer::handler::Handler;
use crate::connection::Phase;
use crate::connection::state::Name;
use crate::door::Door;
use crate::engine::socket::Stream;
use crate::time::Time;

/// Clients of the public who are held.
#[derive(Debug)]
pub(super) struct Hold {
    since: Time,
    /// Those that can run, as on the run queue.
    queue: VecDeque<ClientId>,
    /// How many of them have still to take a step before another client is let in.
    lap: usize,
}

/// A step that a client has taken while it was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StepTaken {
    pub(crate) client: ClientId,
    /// Its connection's state before the step.
    pub(crate) before: Name,
    /// And after it.
    pub(crate) after: Name,
}

impl<S: Stream> Clients<S> {
    /// Holds the public's clients from now on, unless the server is stopping.
    pub(crate) fn hold(&mut self, now: Time) {
        if self.hold.is_none() && self.common.phase == Phase::Running {
            self.hold = Some(Hold { since: now, queue: VecDeque::new(), lap: 0 });
            let await_disk = self.slab.iter().filter(|(_, client)| client.connection.awaits_disk());
            let await_disk: Vec<usize> = await_disk.map(|(key, _)| key).collect();
            await_disk.into_iter().for_each(|key| self.enqueue(key));
            self.set_public_aside();
        }
    }

    /// Whether they are held.
    pub(crate) fn is_held(&self) -> bool {
        self.hold.is_some()
    }

    /// What time it is for those who came in by this door.
    pub(crate) fn time_of(&self, door: Door, now: Time) -> Time {
        match (&self.hold, door) {
            (Some(hold), Door::Public) => hold.since,
            (Some(_) | None, _) => now,
        }
    }

    /// Takes those who are held off the run queue.
    pub(super) fn set_public_aside(&mut self) {
        let Some(hold) = &mut self.hold else { return };
        for _ in 0..self.run_queue.len() {
            let Some(id) = self.run_queue.pop_front() else { break };
            match self.slab.get(id.slot()) {
                Some(client) if client.connection.door() == Door::Public => {
                    hold.queue.push_back(id);
                }
                Some(_) => self.run_queue.push_back(id),
                None => {}
            }
        }
    }

    /// Whether all clients that could have taken a step since another one could last be let in;
    /// begins the next lap if so.
    pub(crate) fn begins_lap(&mut self) -> bool {
        let Some(hold) = self.hold.as_mut().filter(|hold| hold.lap == 0) else { return false };
        hold.lap = hold.queue.len();
        true
    }

    /// Lets one held client take a step: of those that can, the one that has waited longest.
    /// `None`: no client can.
    pub(crate) fn step<H: Handler>(&mut self, handler: &mut H) -> Option<StepTaken> {
        let now = self.hold.as_ref()?.since;
        self.guard(handler, |clients, handler| clients.step_at(now, handler))
    }

    fn step_at<H: Handler>(&mut self, now: Time, handler: &mut H) -> Option<StepTaken> {
        self.common.budget.begin_stage(1, self.common.limits.turn_bytes_max);
        let hold = self.hold.as_mut()?;
        while let Some(id) = hold.queue.pop_front() {
            hold.lap = hold.lap.saturating_sub(1);
            let key = id.slot();
            let client = self.slab.get_mut(key).filter(|client| client.generation == id.number());
            // As on the run queue, an id may be left over from a client that has ended.
            if let Some(client) = client.filter(|client| client.queued) {
                client.queued = false;
                let before = client.connection.state();
                if client.connection.awaits_disk() {
                    self.expire_client(key, now, handler);
                }
                self.drive_one_step(key, now, handler);
                if self.slab[key].connection.awaits_disk() {
                    self.enqueue(key);
                }
                let client = &self.slab[key];
                let after = client.connection.state();
                let client = ClientId::new(key, client.generation);
                self.set_public_aside();
                return Some(StepTaken { client, before, after });
            }
        }
        hold.lap = 0;
        None
    }

    /// Lets them go on. For them no time has passed.
    pub(crate) fn release(&mut self, now: Time) {
        let Some(hold) = self.hold.take() else { return };
        for id in hold.queue.into_iter().rev() {
            self.run_queue.push_front(id);
        }
        self.move_public_by(now.since(hold.since));
    }

    fn move_public_by(&mut self, time: Duration) {
        for (_, client) in &mut self.slab {
            if client.connection.door() == Door::Public {
                client.connection.move_by(time);
            }
        }
        self.timers[Door::Public as usize].move_by(&mut self.slab, time);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{self, ErrorKind, Read, Write};
    use std::net::{Ipv4Addr, SocketAddr};
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::*;
    use crate::answer::file::{FileRange, pretence};
    use crate::answer::handler::{Reply, Sent};
    use crate::config::{Limits, Timeouts};
    use crate::engine::socket::Interest;
    use crate::http::request::Request;
    use crate::metrics::CloseReason;

    /// A peer that says this once, and takes whatever it is sent.
    struct Asking(&'static [u8]);

    impl Read for Asking {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(ErrorKind::WouldBlock.into()),
                bytes => Ok(bytes),
            }
        }
    }

    impl Write for Asking {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Stream for Asking {
        fn shutdown_write(&self) -> io::Result<()> {
            Ok(())
        }

        fn reset_on_drop(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn clients() -> Clients<Asking> {
        Clients::new(Limits::default(), Timeouts::default(), SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn a_step_says_which_client_took_it_and_asks_the_poll_nothing() {
        let mut handler = |_: &Request<'_>, reply: Reply<'_>| -> Sent { reply.send("hello") };
        let mut clients = clients();
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let client = clients.admit(Asking(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), peer, Time::START);
        clients.hold(Time::START);
        for (before, after) in [(Name::Fresh, Name::Writing), (Name::Writing, Name::Idle)] {
            let taken = Some(StepTaken { client, before, after });
            assert_eq!(clients.step(&mut handler), taken);
            clients.register(|_, _, _, interest| panic!("asked for {interest:?}"));
        }
        let waits = Some(StepTaken { client, before: Name::Idle, after: Name::Idle });
        assert_eq!(clients.step(&mut handler), waits);
        let mut asked = Vec::new();
        clients.register(|_, _, _, interest| {
            asked.push(interest);
            Ok(())
        });
        assert_eq!(asked, [Interest::Readable], "as in a loop that is not held");
        assert_eq!(clients.step(&mut handler), None);
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
        let mut clients = clients();
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        clients.admit(Asking(b"GET / HTTP/1.0\r\n\r\n"), peer, Time::START);
        clients.hold(Time::START);
        while clients.step(&mut handler).is_some() {}
        assert!(clients.metrics().sent_bytes > 1 << 20, "{:?}", clients.metrics());
        assert_eq!(clients.metrics().closed(CloseReason::Answered), 1);
    }
}
