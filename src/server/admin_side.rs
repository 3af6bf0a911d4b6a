//! The server's side of the admin page: clients, a listener and a handler of its own.
//!
//! Its clients take their turns on the same loop, with an engine of their own. So they go on while
//! the public's are held, and are never mixed up with them. Without an admin page all of this costs
//! a look at an `Option`, a few times a turn.

use std::time::{Duration, SystemTime};

use log::{info, warn};

use super::{ADMIN_CLIENT, Registrar, Server};
use crate::admin::{self, Control, Engines, Routes};
use crate::answer::handler::Handler;
use crate::config::{AdminListener, Config, LocalAddress, TURN_BYTES_MIN};
use crate::engine::{Admission, Clients, Engine, Evictable, Stopped};
use crate::metrics::{CloseReason, LogMetrics};
use crate::server::listener::Listener;
use crate::server::outlet::Outlet;
use crate::time::{Time, sooner};
use crate::watch::Tracer;

/// How long clients of the admin listener have to finish once all others have gone: watchers are to
/// be sent the last frame.
const DRAIN: Duration = Duration::from_millis(250);

/// Clients of the admin listener may do this part of what the public's may do in a turn: each engine
/// has a budget of its own, and both take their turns one after the other.
const TURN_DIVISOR: usize = 4;

/// What the server shows of itself, and to whom.
pub(super) struct AdminSide {
    pub(super) engine: Engine<Listener>,
    routes: Routes,
    control: Control,
}

impl AdminSide {
    /// Shows it to clients of `listener`, which `admin` describes. The public comes in at
    /// `listeners`.
    pub(super) fn new(
        listener: Listener,
        admin: &AdminListener,
        config: &Config,
        listeners: Vec<LocalAddress>,
        tracer: &Tracer,
    ) -> AdminSide {
        let (control, routes) =
            Control::new(listener.address, admin, &config.admin_hosts, listeners);
        let admission = Admission::new(vec![listener], admin::CLIENTS_MAX, admin::CLIENTS_MAX);
        let mut timeouts = config.timeouts.clone();
        timeouts.drain_announce = Duration::ZERO;
        timeouts.drain_idle = Duration::ZERO;
        timeouts.drain = DRAIN;
        let mut limits = config.limits.clone();
        limits.turn_bytes_max = (limits.turn_bytes_max / TURN_DIVISOR).max(TURN_BYTES_MIN);
        let mut clients = Clients::new(limits, timeouts, SystemTime::UNIX_EPOCH);
        clients.watch(tracer.admin_watcher());
        let engine = Engine::new(clients, admission.evicting(Evictable::Waiting));
        AdminSide { engine, routes, control }
    }

    /// It is this date, and `now` on the loop's clock.
    pub(super) fn set_date(&mut self, date: SystemTime, now: Time) {
        self.engine.clients_mut().set_date(date);
        self.control.on_date(date, now);
    }

    pub(super) fn address(&self) -> LocalAddress {
        let mut listeners = self.engine.admission().listeners();
        listeners.next().expect("it stays open to the end").address
    }
}

/// What was written of all logs together.
fn log_metrics(outlets: &[Outlet]) -> LogMetrics {
    let mut logs = LogMetrics::default();
    outlets.iter().for_each(|outlet| logs.add(outlet.metrics()));
    logs
}

impl<H: Handler> Server<H> {
    /// Clients of the admin listener take their turn, and what they ask for is done.
    pub(super) fn serve_admin(&mut self) {
        let Server { poll, engine: public, admin_side, tracer, handler, now, outlets, .. } = self;
        let Some(AdminSide { engine, routes, control }) = admin_side else { return };
        public.admission.share_log_once(&mut engine.admission);
        let mut host = Registrar { registry: poll.registry(), mark: ADMIN_CLIENT };
        let _ = engine.turn(*now, routes, &mut host);
        engine.admission.share_log_once(&mut public.admission);
        let mut host = Registrar { registry: poll.registry(), mark: 0 };
        let engines = Engines { public, admin: engine, logs: &|| log_metrics(outlets) };
        control.serve(engines, tracer, handler, &mut host, *now);
    }

    /// Once the public's part of the server has ended, the other ends, too.
    pub(super) fn end_admin(&mut self) {
        let (Some(stopped), Some(admin_side)) = (self.engine.stopped(), &mut self.admin_side)
        else {
            return;
        };
        if stopped != Stopped::Drained {
            admin_side.engine.clients_mut().cut_off();
        } else if !admin_side.engine.is_stopping() {
            admin_side.control.on_ending();
            admin_side.engine.stop(Stopped::CutOff, self.now);
        }
    }

    /// Ends all clients of the admin listener at once.
    pub(super) fn cut_off_admin(&mut self) {
        if let Some(admin_side) = &mut self.admin_side {
            admin_side.engine.clients_mut().cut_off();
        }
    }

    /// How all of it has ended, if it has.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        let has_left = |it: &AdminSide| !it.engine.clients().is_empty();
        self.engine.stopped().filter(|_| !self.admin_side.as_ref().is_some_and(has_left))
    }

    /// Tells the log how the public's part has ended by itself.
    pub(super) fn tell_of_end(&self, stopped: Stopped) {
        match stopped {
            Stopped::Drained => info!("stopped"),
            Stopped::CutOff | Stopped::Signalled(_) => {
                let left = self.engine.clients().metrics().closed(CloseReason::CutOff);
                warn!("stopped: cut off {left} clients that were not done in time");
            }
        }
    }

    /// The public goes on, if it is held, since the server was told to stop.
    pub(super) fn release_public(&mut self) {
        if let Some(admin_side) = &mut self.admin_side {
            admin_side.control.on_stopping(self.now);
        }
    }

    pub(super) fn holds_public(&self) -> bool {
        self.admin_side.as_ref().is_some_and(|it| it.control.holds_public())
    }

    /// What time it is for the public.
    pub(super) fn public_time(&self) -> Time {
        self.admin_side.as_ref().map_or(self.now, |it| it.control.public_time(self.now))
    }

    /// When the public's next turn is due.
    pub(super) fn public_due(&self) -> Option<Time> {
        if self.engine.stopped().is_some() {
            return None;
        }
        match &self.admin_side {
            None => self.engine.due(self.now),
            Some(_) if self.holds_public() => None,
            Some(admin_side) => {
                let due = self.engine.due(admin_side.control.public_time(self.now))?;
                admin_side.control.public_due(due)
            }
        }
    }

    /// When clients of the admin listener, or what they have asked for, are to be attended to.
    pub(super) fn admin_due(&self) -> Option<Time> {
        let AdminSide { engine, control, .. } = self.admin_side.as_ref()?;
        sooner(engine.due(self.now), control.next_due(self.now))
    }

    /// The loop goes to sleep. With an admin listener, notes for how long it has worked: a second look
    /// at the clock. Says when it was if there are watchers, who are also told for how long it waits.
    pub(super) fn on_rest(&mut self) -> Option<Time> {
        let Some(admin_side) = &mut self.admin_side else { return None };
        if self.now == Time::START {
            // No turn has begun: what the program did before is none.
            return None;
        }
        let now = Time::after_start(self.began.elapsed());
        let worked = now.since(self.now);
        admin_side.control.on_turn(worked, now);
        self.tracer.is_watched().then(|| {
            admin_side.control.on_worked(worked);
            now
        })
    }

    /// The loop has been woken; if there are watchers, it went to sleep at `rests_from`.
    pub(super) fn on_rested(&mut self, rests_from: Option<Time>) {
        if let (Some(from), Some(admin_side)) = (rests_from, &mut self.admin_side) {
            admin_side.control.on_waited(self.now.since(from), self.events.iter().count());
        }
    }
}
