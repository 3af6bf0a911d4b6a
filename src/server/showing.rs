//! The server's side of the admin door: its listener, and what a turn does for those who watch.
//!
//! Without an admin door all of this comes to a look at an `Option`, once or twice a turn.

use std::net::SocketAddr;

use super::Server;
use crate::admin::{self, Desk, Routes};
use crate::answer::handler::Handler;
use crate::config::AdminPlace;
use crate::door::Door;
use crate::engine::admission::Admission;
use crate::server::listener::Listener;
use crate::time::Time;

/// What the server shows of itself: where, and to whom.
pub(super) struct Showing {
    pub(super) admission: Admission<Listener>,
    pub(super) desk: Desk,
}

impl Showing {
    /// Shows it to clients of `listener`, which is at `place` and may also be asked by the names in
    /// `hosts`. The public comes in at `listeners`.
    pub(super) fn new(
        listener: Listener,
        place: AdminPlace,
        hosts: &[String],
        listeners: Vec<SocketAddr>,
    ) -> (Showing, Routes) {
        let (desk, routes) = Desk::new(listener.address, place, hosts, listeners);
        let admission = Admission::new(vec![listener], admin::CLIENTS_MAX, admin::CLIENTS_MAX);
        (Showing { admission: admission.by(Door::Admin), desk }, routes)
    }

    pub(super) fn address(&self) -> SocketAddr {
        let mut listeners = self.admission.listeners();
        listeners.next().expect("it stays open to the end").address
    }
}

impl<H: Handler> Server<H> {
    /// Does what was asked for by the admin door, and looks at everybody for those who watch.
    pub(super) fn attend(&mut self) {
        if let Some(Showing { desk, .. }) = &mut self.admin {
            desk.attend(
                &mut self.clients,
                &self.tracer,
                &mut self.admission,
                &mut self.handler,
                self.now,
            );
        }
    }

    /// Does what was asked for since then, behind an answer whose source was due: the next turn may
    /// be long in coming, and whoever asked may be gone by then.
    pub(super) fn obey(&mut self) {
        if self.clients.len_of(Door::Admin) > 0
            && let Some(Showing { desk, .. }) = &mut self.admin
        {
            desk.obey_all(&mut self.clients, &mut self.admission, &mut self.handler, self.now);
        }
    }

    /// Frees who has ended, and lets in who has come; nobody of the public while it is held.
    pub(super) fn accept(&mut self) {
        if self.clients.free() > 0 {
            self.admission.on_freed();
            if let Some(Showing { admission, .. }) = &mut self.admin {
                admission.on_freed();
            }
        }
        // A server that is stopping has accepted in this turn already.
        if !self.clients.is_held() && !self.is_to_close() {
            self.admission.accept(&mut self.clients, &mut self.handler, self.now);
        }
        if let Some(Showing { admission, .. }) = &mut self.admin {
            admission.share_episodes(&mut self.admission);
            admission.accept(&mut self.clients, &mut self.handler, self.now);
            admission.share_episodes(&mut self.admission);
        }
    }

    /// Who may let somebody in at present.
    pub(super) fn open_admissions(&self) -> impl Iterator<Item = &Admission<Listener>> {
        let public = (!self.clients.is_held()).then_some(&self.admission);
        public.into_iter().chain(self.admin.as_ref().map(|showing| &showing.admission))
    }

    /// The loop goes to sleep. While somebody watches, notes for how long it has worked: a second
    /// look at the clock.
    pub(super) fn on_rest(&mut self) -> Option<Time> {
        let Some(Showing { desk, .. }) = &mut self.admin else { return None };
        if !self.tracer.is_watched() {
            return None;
        }
        let now = Time::after_start(self.began.elapsed());
        desk.on_worked(now.since(self.now));
        Some(now)
    }

    /// The loop has been woken; if somebody watches, it went to sleep at `rests_from`.
    pub(super) fn on_rested(&mut self, rests_from: Option<Time>) {
        if let (Some(from), Some(Showing { desk, .. })) = (rests_from, &mut self.admin) {
            desk.on_waited(self.now.since(from), self.events.iter().count());
        }
    }
}
