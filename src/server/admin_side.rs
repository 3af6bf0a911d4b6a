//! The server's own listeners, for the admin page and for health: what they have in common.
//!
//! The clients of each take their turns on the same loop, with an engine of their own ([`Side`]). So they
//! go on while the public's are held, and are never mixed up with them. Without such a listener all of
//! this costs a look at an `Option`, a few times a turn.

use std::time::SystemTime;

use log::{info, warn};
use mio::event::Event;
use mio::{Poll, Token};

use super::handing_over::Takeover;
use super::side::Side;
use super::takeover::Role;
use super::{ADMIN, ADMIN_CLIENT, HEALTH, HEALTH_CLIENT, Registrar, Server, note_event};
use crate::admin::{Control, Engines};
use crate::answer::handler::Handler;
use crate::config::{AdminListener, Config, Endpoint, Listen, LocalAddress};
use crate::engine::Stopped;
use crate::error::Error;
use crate::metrics::{CloseReason, LogMetrics};
use crate::server::listener::Listener;
use crate::server::outlet::Outlet;
use crate::time::{Time, sooner};
use crate::watch::Tracer;

/// What the token of a client of the server's own has, and the public's have not.
pub(super) const OWN_CLIENT: usize = ADMIN_CLIENT | HEALTH_CLIENT;

/// What the server shows of itself, and to whom.
pub(super) struct AdminSide {
    admin: Option<Side>,
    health: Option<Side>,
    control: Control,
}

impl AdminSide {
    /// Opens the listeners that `config` names, if any. The public comes in at `listeners`.
    pub(super) fn open(
        config: &Config,
        poll: &Poll,
        takeover: &mut Takeover,
        listeners: Vec<LocalAddress>,
        tracer: &Tracer,
    ) -> Result<Option<AdminSide>, Error> {
        if config.admin.is_none() && config.health.is_none() {
            return Ok(None);
        }
        let control = Control::new();
        let registry = poll.registry();
        let open_admin = |admin: &AdminListener| {
            let listener = takeover.listener(Role::Admin, &admin.listen, registry, ADMIN)?;
            // Of one that is inherited, this is not known before.
            admin.check_reach(listener.address.internet().map(Endpoint::At).as_ref())?;
            let routes = control.routes(listener.address, admin, &config.admin_hosts, listeners);
            let mut side = Side::new(listener, routes, ADMIN_CLIENT, config);
            side.engine.clients_mut().watch(tracer.admin_watcher());
            Ok::<Side, Error>(side)
        };
        let admin = config.admin.as_ref().map(open_admin).transpose()?;
        let open_health = |health: &Listen| {
            let listener = takeover.listener(Role::Health, health, registry, HEALTH)?;
            let routes = control.health_routes(listener.address);
            Ok::<Side, Error>(Side::new(listener, routes, HEALTH_CLIENT, config))
        };
        let health = config.health.as_ref().map(open_health).transpose()?;
        Ok(Some(AdminSide { admin, health, control }))
    }

    /// The listeners, each with what it is for.
    pub(super) fn listeners_mut(&mut self) -> impl Iterator<Item = (Role, &mut Listener)> {
        let admin = self.admin.iter_mut().map(|side| (Role::Admin, side));
        let all = admin.chain(self.health.iter_mut().map(|side| (Role::Health, side)));
        all.flat_map(|(role, side)| {
            side.engine.admission.listeners_mut().map(move |listener| (role, listener))
        })
    }

    /// Another process accepts from those listeners of which `is_taken` says so, in their order.
    pub(super) fn hand_over(&mut self, mut is_taken: impl FnMut(&mut Listener) -> bool) {
        self.sides_mut().for_each(|side| side.engine.admission.hand_over(&mut is_taken));
    }

    fn sides(&self) -> impl Iterator<Item = &Side> {
        self.admin.iter().chain(&self.health)
    }

    fn sides_mut(&mut self) -> impl Iterator<Item = &mut Side> {
        self.admin.iter_mut().chain(&mut self.health)
    }

    /// It is this date, and `now` on the loop's clock.
    pub(super) fn set_date(&mut self, date: SystemTime, now: Time) {
        self.sides_mut().for_each(|side| side.engine.clients_mut().set_date(date));
        self.control.on_date(date, now);
    }

    /// A turn begins.
    pub(super) fn on_polled(&mut self, now: Time) {
        self.sides_mut().for_each(|side| side.engine.clients_mut().on_polled(now));
    }

    /// The poll has reported this, which is not the public's.
    pub(super) fn note(&mut self, token: Token, event: &Event) {
        let side = match token {
            ADMIN => self.admin.as_mut(),
            HEALTH => self.health.as_mut(),
            Token(client) if client & ADMIN_CLIENT != 0 => self.admin.as_mut(),
            Token(_) => self.health.as_mut(),
        };
        match (side, token) {
            (Some(side), ADMIN | HEALTH) => side.engine.on_listener_ready(0),
            (Some(side), Token(client)) => {
                note_event(side.engine.clients_mut(), client ^ side.mark, event);
            }
            (None, _) => {}
        }
    }

    pub(super) fn admin_place(&self) -> Option<LocalAddress> {
        self.admin.as_ref().map(Side::address)
    }

    pub(super) fn health_place(&self) -> Option<LocalAddress> {
        self.health.as_ref().map(Side::address)
    }

    /// How many clients there may be by these listeners.
    pub(super) fn clients_max(&self) -> usize {
        self.sides().map(|side| side.engine.admission().clients_max()).sum()
    }

    /// Ends all of these clients at once.
    pub(super) fn cut_off(&mut self) {
        self.sides_mut().for_each(|side| side.engine.clients_mut().cut_off());
    }
}

/// What was written of all logs together.
fn log_metrics(outlets: &[Outlet]) -> LogMetrics {
    let mut logs = LogMetrics::default();
    outlets.iter().for_each(|outlet| logs.add(outlet.metrics()));
    logs
}

impl<H: Handler> Server<H> {
    /// Clients of the server's own listeners take their turn, and what they ask for is done.
    pub(super) fn serve_admin(&mut self) {
        let Server { poll, engine: public, admin_side, tracer, handler, now, outlets, .. } = self;
        let Some(admin_side) = admin_side else { return };
        for side in admin_side.sides_mut() {
            let mut host = Registrar { registry: poll.registry(), mark: side.mark };
            side.turn(*now, &mut host, public);
        }
        let AdminSide { admin, health, control } = admin_side;
        let mut host = Registrar { registry: poll.registry(), mark: 0 };
        let engines = Engines {
            public,
            admin: admin.as_ref().map(|side| &side.engine),
            health: health.as_ref().map(|side| &side.engine),
            logs: &|| log_metrics(outlets),
        };
        control.serve(engines, tracer, handler, &mut host, *now);
    }

    /// Once the public's part of the server has ended, the other ends, too.
    pub(super) fn end_admin(&mut self) {
        let now = self.now;
        let (Some(stopped), Some(admin_side)) = (self.engine.stopped(), &mut self.admin_side)
        else {
            return;
        };
        admin_side.control.on_ending();
        admin_side.sides_mut().for_each(|side| side.end(stopped, now));
    }

    /// Ends all clients of the server's own listeners at once.
    pub(super) fn cut_off_admin(&mut self) {
        if let Some(admin_side) = &mut self.admin_side {
            admin_side.cut_off();
        }
    }

    /// How all of it has ended, if it has.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        let has_left = |it: &AdminSide| it.sides().any(|side| !side.engine.clients().is_empty());
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

    /// When clients of the server's own listeners, or what they have asked for, are to be attended to.
    pub(super) fn admin_due(&self) -> Option<Time> {
        let admin_side = self.admin_side.as_ref()?;
        let dues = admin_side.sides().map(|side| side.engine.due(self.now));
        dues.fold(admin_side.control.next_due(self.now), sooner)
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
