//! The stage of a turn in which the poll is asked to report what clients have come to wait for.
//!
//! The system may be short of memory, or may have reached the number of registrations that it
//! allows. No client is to blame for that, and it passes. So the loop asks again after a while, and
//! a client waits meanwhile for as long as its deadline allows. What it has sent by then is still
//! answered: it is looked at once more before it is closed.
//!
//! Invariants: a client that waits for more than the poll knows stands in `registrations`, and then
//! this stage either asks in this turn, or [`Clients::next_due`] says when it asks again. After one
//! refusal nothing more is asked before that.

use std::io;

use super::clients::Clients;
use super::event::ClientEvent;
use super::id::ClientId;
use crate::engine::readiness::Interest;
use crate::engine::stream::Stream;
use crate::metrics::CloseReason;
use crate::system_calls;
use crate::time::Time;

impl<S: Stream> Clients<S> {
    /// Calls `ask` for each client that has come to wait for more than the poll has been asked to
    /// report, with what that was and what it is to be from now on. To be called last in a turn: a
    /// client that is left out here sleeps until its deadline.
    ///
    /// If `ask` fails because the system is short of memory or of registrations
    /// ([`ErrorKind::OutOfMemory`](io::ErrorKind), [`ErrorKind::StorageFull`](io::ErrorKind)), it is
    /// called again after a while. If it fails otherwise, the client is closed at once.
    pub fn register(
        &mut self,
        now: Time,
        mut ask: impl FnMut(ClientId, &mut S, Option<Interest>, Interest) -> io::Result<()>,
    ) {
        let count = self.registrations.count(now);
        if count > 0 {
            self.registrations.begin(now);
            let refused = (0..count)
                .find(|index| !self.register_one(self.registrations.key(*index), &mut ask));
            self.registrations.end(refused.unwrap_or(count), refused.is_some(), now);
        }
        self.free();
    }

    /// Asks for one client, if it still waits for more. Says whether the system had room for that.
    fn register_one(
        &mut self,
        key: usize,
        ask: &mut impl FnMut(ClientId, &mut S, Option<Interest>, Interest) -> io::Result<()>,
    ) -> bool {
        let Some(client) = self.slab.get_mut(key) else { return true };
        let before = client.interest;
        let Some(wanted) = client.wanted_interest().filter(|it| Some(*it) != before) else {
            return true;
        };
        let id = client.id(key);
        match ask(id, client.socket.stream_mut(), before, wanted) {
            Ok(()) => {
                client.interest = Some(wanted);
                self.tell(key, |_, _| ClientEvent::Registered { interest: wanted });
            }
            Err(reason) if system_calls::is_shortage(&reason) => return false,
            Err(_) => self.close(key, CloseReason::Reset),
        }
        true
    }
}
