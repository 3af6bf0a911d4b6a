//! What the log says first: where the server listens, and what its limits come to.

use log::{debug, warn};

use super::admin_side::AdminSide;
use super::{Server, worst};
use crate::answer::handler::Handler;
use crate::config::Timeouts;
use crate::watch::LoopEvent;

impl<H: Handler> Server<H> {
    /// Says in the log where it listens and what its limits are.
    pub(super) fn announce(&mut self) {
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
        let files = match self.needs.files {
            0 => String::new(),
            files => format!(", files {files}"),
        };
        let admin = self.admin_side.as_ref().map_or(0, AdminSide::clients_max);
        let clients = worst::Clients { public: clients_max, admin };
        let worst =
            worst::memory_bytes(&self.limits, &self.needs, clients, self.answers) / (1024 * 1024);
        debug!(
            "limits: descriptors {} -> {}, clients {clients_max}{files}, \
             first byte {first_byte:?}, head {head:?}{grace}, body {body:?}, write {write:?}, \
             idle {idle:?}, linger {linger:?}, drain announce {drain_announce:?}, \
             drain idle {drain_idle:?}, drain {drain:?}, memory at worst {worst} MiB",
            self.descriptors.before, self.descriptors.now
        );
        if self.limits.clients_max.is_some_and(|wanted| wanted > clients_max) {
            warn!("the descriptor limit allows only {clients_max} clients; raise it (ulimit -Hn)");
        }
    }
}
