//! What the log says first: where the server listens, and what its limits come to. And when lines are
//! due, and what a service manager is told.

use std::io;

use log::{debug, warn};

use super::admin_side::AdminSide;
use super::{Server, worst};
use crate::answer::handler::Handler;
use crate::config::{LocalAddress, Timeouts};
use crate::server::service_manager::{ServiceManager, Told};
use crate::time::{Time, sooner};
use crate::watch::LoopEvent;

impl<H: Handler> Server<H> {
    /// Its listeners are its own, and the log says where it listens and what its limits are.
    pub(super) fn announce(&mut self) -> io::Result<()> {
        self.take_over().map_err(io::Error::other)?;
        for address in self.local_places() {
            debug!("listening on {}", address.url());
            self.tracer.tell_of_loop(self.now, LoopEvent::Listening { address });
        }
        if let Some(address) = self.admin_place() {
            debug!("admin page at {}", address.url());
        }
        if let Some(address) = self.health_place() {
            debug!("health at {}", address.url());
        }
        let clients_max = self.clients_max();
        let Timeouts {
            first_byte,
            head,
            typing_grace: _,
            body,
            write,
            idle,
            linger,
            drain_announce,
            drain_idle,
            drain,
        } = &self.timeouts;
        let grace = self.timeouts.grace();
        let grace = grace.map_or(String::new(), |grace| format!(", typing grace {grace:?}"));
        let (allowed, worst) = (self.clients_and_files(), self.memory_at_worst());
        debug!(
            "limits: descriptors {} -> {}, {allowed}, \
             first byte {first_byte:?}, head {head:?}{grace}, body {body:?}, write {write:?}, \
             idle {idle:?}, linger {linger:?}, drain announce {drain_announce:?}, \
             drain idle {drain_idle:?}, drain {drain:?}, {worst}",
            self.descriptors.before, self.descriptors.now
        );
        if self.limits.clients_max.is_some_and(|wanted| wanted > clients_max) {
            warn!("the descriptor limit allows only {clients_max} clients; raise it (ulimit -Hn)");
        }
        Ok(())
    }
}

impl<H: Handler> Server<H> {
    /// The handler needs something else than before.
    pub(super) fn announce_needs(&self) {
        debug!("limits from now on: {}, {}", self.clients_and_files(), self.memory_at_worst());
    }

    fn clients_and_files(&self) -> String {
        let clients_max = self.clients_max();
        match self.needs.files {
            0 => format!("clients {clients_max}"),
            files => format!("clients {clients_max}, files {files}"),
        }
    }

    fn memory_at_worst(&self) -> String {
        let admin = self.admin_side.as_ref().map_or(0, AdminSide::clients_max);
        let clients = worst::Clients { public: self.clients_max(), admin };
        let bytes = worst::memory_bytes(&self.limits, &self.needs, clients, self.answers);
        format!("memory at worst {} MiB", bytes / (1024 * 1024))
    }

    /// Tells `manager` from now on that the server is ready, how many clients it has, and that it
    /// stops; and its watchdog, that the loop turns. A handler that blocks makes the watchdog act.
    pub fn tell_manager(&mut self, mut manager: ServiceManager) {
        let places: Vec<String> = self.local_places().iter().map(LocalAddress::url).collect();
        manager.places = places.join(" and ");
        if let Some(watchdog) = self.takeover.successor() {
            manager.succeed(watchdog);
        }
        self.manager = Some(manager);
    }
}

impl<H> Server<H> {
    /// When lines are to be written, or tried again, or the service manager is to be told something, or a
    /// new process is waited for no longer.
    #[inline]
    pub(super) fn reports_due(&self) -> Option<Time> {
        let lines = self.outlets.iter().fold(None, |due, outlet| sooner(due, outlet.due()));
        // Most have neither, and this is asked in every turn.
        match self.manager.is_none() && self.takeover.due().is_none() {
            true => lines,
            false => sooner(lines, self.processes_due()),
        }
    }

    /// The same of the service manager and of a new process.
    #[cold]
    fn processes_due(&self) -> Option<Time> {
        let manager = self.manager.as_ref().and_then(|manager| manager.due(self.state()));
        sooner(manager, self.takeover.due())
    }

    /// Tells the service manager, if there is one, what is due.
    pub(super) fn update_manager(&mut self) {
        if self.manager.is_some() {
            self.tell_manager_what_is_due();
        }
    }

    #[cold]
    fn tell_manager_what_is_due(&mut self) {
        let state = self.state();
        if let Some(manager) = &mut self.manager {
            let stop_max = self.timeouts.drain_announce + self.timeouts.drain;
            manager.tell(state, stop_max, self.now);
        }
    }

    fn state(&self) -> Told {
        Told { clients: self.engine.clients().len(), step: self.engine.stop_step() }
    }
}
