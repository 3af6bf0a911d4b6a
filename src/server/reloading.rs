//! How the server learns that its handler is to read things again, and what is told of it.
//!
//! The handler reads between two polls, before any client of that turn is served. Listeners, limits
//! and the server's own pages are not part of it: for those a new process takes over.

use std::iter;

use log::{error, info};

use super::Server;
use crate::answer::handler::{Handler, Reloaded};
use crate::server::signals::HangUp;

impl<H: Handler> Server<H> {
    /// Has the handler read again what it can: what SIGHUP does once signals are handled, for
    /// programs that learn of it in another way. The log says what has come of it, and so does the
    /// service manager's status.
    pub fn reload(&mut self) -> Reloaded {
        let reloaded = self.handler.reload();
        match &reloaded {
            Reloaded::Nothing => info!("nothing to reload: the answers depend on no file"),
            Reloaded::Done(what) => {
                info!("reloaded {what}");
                if self.ask_needs_again() {
                    self.announce_needs();
                }
            }
            Reloaded::Failed(why) => {
                error!("cannot reload, so what was served before is served on: {why}");
            }
        }
        if let Some(manager) = self.manager.as_mut().filter(|_| !self.engine.is_stopping()) {
            manager.on_reloaded(&reloaded);
        }
        reloaded
    }

    /// Looks whether SIGHUP has come since the last turn, and what it means.
    pub(super) fn note_hang_ups(&mut self) {
        let now = self.now;
        match self.signals.as_mut().and_then(|signals| signals.take_hang_ups(now)) {
            None => {}
            Some(HangUp::Asked) => _ = self.reload(),
            Some(HangUp::TerminalClosed { signal, times }) => {
                self.stops.extend(iter::repeat_n(Some(signal), times));
                self.stop_requests.note();
            }
        }
    }
}
