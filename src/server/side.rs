//! Clients of the server's own, beside the public's: those of the admin listener, and of the health
//! listener. Each has an engine of its own, so that none of them can keep another out.

use std::time::{Duration, SystemTime};

use super::Registrar;
use crate::admin::{self, Routes};
use crate::config::{Config, LocalAddress, TURN_BYTES_MIN};
use crate::engine::{Admission, Clients, Engine, Evictable, Stopped};
use crate::server::listener::Listener;
use crate::time::Time;

/// How long these clients have to finish once all others have gone: watchers are to be sent the last
/// frame.
const DRAIN: Duration = Duration::from_millis(250);

/// They may do this part of what the public's may do in a turn: each engine has a budget of its own, and
/// all take their turns one after the other.
const TURN_DIVISOR: usize = 4;

/// A listener with its clients, and what answers them.
pub(super) struct Side {
    pub(super) engine: Engine<Listener>,
    /// Where it listens, or has listened until another process took over.
    address: LocalAddress,
    routes: Routes,
    /// The bit of its clients' tokens.
    pub(super) mark: usize,
}

impl Side {
    pub(super) fn new(listener: Listener, routes: Routes, mark: usize, config: &Config) -> Side {
        let address = listener.address;
        let admission = Admission::new(vec![listener], admin::CLIENTS_MAX, admin::CLIENTS_MAX);
        let mut timeouts = config.timeouts.clone();
        timeouts.drain_announce = Duration::ZERO;
        timeouts.drain_idle = Duration::ZERO;
        timeouts.drain = DRAIN;
        let mut limits = config.limits.clone();
        limits.turn_bytes_max = (limits.turn_bytes_max / TURN_DIVISOR).max(TURN_BYTES_MIN);
        let clients = Clients::new(limits, timeouts, SystemTime::UNIX_EPOCH);
        let engine = Engine::new(clients, admission.evicting(Evictable::Waiting));
        Side { engine, address, routes, mark }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> LocalAddress {
        self.address
    }

    /// Its clients take their turn. The log mentions once what both these and the public's are refused.
    pub(super) fn turn(
        &mut self,
        now: Time,
        host: &mut Registrar<'_>,
        public: &mut Engine<Listener>,
    ) {
        public.admission.share_log_once(&mut self.engine.admission);
        let _ = self.engine.turn(now, &mut self.routes, host);
        self.engine.admission.share_log_once(&mut public.admission);
    }

    /// The public's part of the server has ended.
    pub(super) fn end(&mut self, stopped: Stopped, now: Time) {
        if stopped != Stopped::Drained {
            self.engine.clients_mut().cut_off();
        } else if !self.engine.is_stopping() {
            self.engine.stop(Stopped::CutOff, now);
        }
    }
}
