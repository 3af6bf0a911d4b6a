//! The server's side of the admin page: its listener, and what a turn does for watchers.
//!
//! Without an admin page all of this costs a look at an `Option`, once or twice a turn.

use std::net::SocketAddr;

use super::Server;
use crate::admin::{self, Desk, Routes};
use crate::answer::handler::Handler;
use crate::config::AdminPlace;
use crate::door::Door;
use crate::engine::Admission;
use crate::server::listener::Listener;
use crate::time::Time;

/// Shows the server to clients of `listener`, which is at `place` and may also be asked by the names
/// in `hosts`. The public comes in at `listeners`.
pub(super) fn open(
    listener: Listener,
    place: AdminPlace,
    hosts: &[String],
    listeners: Vec<SocketAddr>,
) -> (Admission<Listener>, Desk, Routes) {
    let (desk, routes) = Desk::new(listener.address, place, hosts, listeners);
    let admission = Admission::new(vec![listener], admin::CLIENTS_MAX, admin::CLIENTS_MAX);
    (admission.by(Door::Admin), desk, routes)
}

/// Where it is shown.
pub(super) fn address(admission: &Admission<Listener>) -> SocketAddr {
    admission.listeners().next().expect("it stays open to the end").address
}

impl<H: Handler> Server<H> {
    /// Does what was asked for at the admin page, and looks at all clients for the watchers.
    pub(super) fn attend(&mut self) {
        if let Some(desk) = &mut self.admin {
            desk.attend(&mut self.engine, &self.tracer, &mut self.handler, self.now);
        }
    }

    /// The loop goes to sleep. While there are watchers, notes for how long it has worked: a second
    /// look at the clock.
    pub(super) fn on_rest(&mut self) -> Option<Time> {
        let Some(desk) = &mut self.admin else { return None };
        if !self.tracer.is_watched() {
            return None;
        }
        let now = Time::after_start(self.began.elapsed());
        desk.on_worked(now.since(self.now));
        Some(now)
    }

    /// The loop has been woken; if there are watchers, it went to sleep at `rests_from`.
    pub(super) fn on_rested(&mut self, rests_from: Option<Time>) {
        if let (Some(from), Some(desk)) = (rests_from, &mut self.admin) {
            desk.on_waited(self.now.since(from), self.events.iter().count());
        }
    }
}
