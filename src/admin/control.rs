//! Where the loop acts on what was asked for by the admin listener, once in each turn.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use log::{info, warn};

use super::events::FRAME_PERIOD;
use super::frame::StaticFacts;
use super::guard::{Audience, Names};
use super::longest_turn::LongestTurn;
use super::mailbox::{Order, Shared};
use super::minute::Minute;
use super::public_clock::PublicClock;
use super::routes::Routes;
use super::snapshot::{Admins, LastStep, Pace, Snapshot, Turns};
use crate::answer::handler::Handler;
use crate::config::{AdminListener, LocalAddress, Reach};
use crate::engine::{Accept, Engine, FurtherClients, Host};
use crate::metrics::{LogMetrics, Metrics};
use crate::time::Time;
use crate::watch::Tracer;

/// How many clients there may be by the admin listener: as many watchers as there may be, and some who
/// ask once. Their descriptors are set apart, so that they get in when the public has all the rest.
/// Above: the longest idle of them makes room, or else the one that has waited longest for anything.
pub(crate) const CLIENTS_MAX: usize = 32;

/// The loop's side of the admin listener.
#[derive(Debug)]
pub(crate) struct Control {
    mailbox: Shared,
    /// When the server began, since 1970. `None` until the date is known.
    began: Option<Duration>,
    pace: Pace,
    public_clock: PublicClock,
    last_step: Option<LastStep>,
    turns: Turns,
    /// How long the loop has worked in the last turn with watchers.
    worked: Duration,
    /// What had been counted of the public's system calls and answers before the last turn.
    done: u64,
    longest_turn: LongestTurn,
    minute: Minute,
    /// When the clients were last looked at.
    looked: Option<Time>,
    /// What the last looks have found of clients that no picture shows.
    further: FurtherClients,
}

/// The engines of the loop.
pub(crate) struct Engines<'e, L: Accept> {
    pub(crate) public: &'e mut Engine<L>,
    pub(crate) admin: Option<&'e Engine<L>>,
    pub(crate) health: Option<&'e Engine<L>>,
    /// What was written of all logs.
    pub(crate) logs: &'e dyn Fn() -> LogMetrics,
}

impl Control {
    pub(crate) fn new() -> Control {
        Control {
            mailbox: Shared::default(),
            began: None,
            pace: Pace::Running,
            public_clock: PublicClock::default(),
            last_step: None,
            turns: Turns::default(),
            worked: Duration::ZERO,
            done: 0,
            longest_turn: LongestTurn::default(),
            minute: Minute::default(),
            looked: None,
            further: FurtherClients::default(),
        }
    }

    /// What answers clients of the admin listener, which come in at `address`; the public comes in at
    /// `listeners`. `admin` and `hosts` are what the configuration says of the first.
    pub(crate) fn routes(
        &self,
        address: LocalAddress,
        admin: &AdminListener,
        hosts: &[String],
        listeners: Vec<LocalAddress>,
    ) -> Routes {
        let static_facts = Arc::new(StaticFacts { listeners });
        let names = Names::new(address, admin.reach, hosts);
        Routes::new(names, Audience::People, self.mailbox.clone(), static_facts)
    }

    /// What answers clients of the health listener, which come in at `address`.
    pub(crate) fn health_routes(&self, address: LocalAddress) -> Routes {
        let names = Names::new(address, Reach::Anyone, &[]);
        Routes::new(names, Audience::Programs, self.mailbox.clone(), Arc::default())
    }

    /// It is this date, and `now` on the loop's clock. The first date tells when the server began: later
    /// ones would tell another time after each correction of the world's clock.
    pub(crate) fn on_date(&mut self, date: SystemTime, now: Time) {
        let since_1970 = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.began.get_or_insert(since_1970.saturating_sub(now.since(Time::START)));
    }

    /// A turn has taken this `time`, and ended `at` that.
    pub(crate) fn on_turn(&mut self, time: Duration, at: Time) {
        self.longest_turn.note(time, at);
    }

    /// The loop has worked, and goes to sleep.
    pub(crate) fn on_worked(&mut self, time: Duration) {
        self.turns.worked += time;
        self.worked = time;
    }

    /// The loop has waited, and was told of this many `events`.
    pub(crate) fn on_waited(&mut self, time: Duration, events: usize) {
        self.turns.waited += time;
        self.turns.events += events as u64;
    }

    /// The public's last turn is over. It was a busy one if anything was done for the public.
    fn on_begun(&mut self, metrics: &Metrics, now: Time) {
        self.minute.on_turn(metrics, now);
        let calls = metrics.receives + metrics.sends + metrics.accepted;
        let done = calls + metrics.requests + metrics.faults;
        let worked = std::mem::take(&mut self.worked);
        if done != self.done && worked > Duration::ZERO {
            self.turns.busy += 1;
            self.turns.busy_worked += worked;
        }
        self.done = done;
    }

    /// When it is to be attended to although nothing has happened: at once if something was asked
    /// for, else for the next step of slow motion.
    pub(crate) fn next_due(&self, now: Time) -> Option<Time> {
        match self.pace {
            _ if self.has_orders() => Some(now),
            Pace::Slow { due, .. } => Some(due),
            Pace::Running | Pace::Paused => None,
        }
    }

    fn has_orders(&self) -> bool {
        !self.mailbox.lock().orders.is_empty()
    }

    /// What time it is for the public, which stands still while it is held.
    pub(crate) fn public_time(&self, now: Time) -> Time {
        self.public_clock.at(now)
    }

    /// The loop's time at which it is `due` for the public; never while the public is held.
    pub(crate) fn public_due(&self, due: Time) -> Option<Time> {
        self.public_clock.when(due)
    }

    /// Whether the public is held: it takes no turns.
    pub(crate) fn holds_public(&self) -> bool {
        self.pace != Pace::Running
    }

    /// Does what was asked for at the admin page, and looks at all clients if a watcher wants to know.
    pub(crate) fn serve<L: Accept, H: Handler>(
        &mut self,
        engines: Engines<'_, L>,
        tracer: &Tracer,
        handler: &mut H,
        host: &mut impl Host<L::Stream>,
        now: Time,
    ) {
        self.on_begun(engines.public.clients().metrics(), now);
        let mut own = engines.admin.iter().chain(&engines.health);
        let is_unwatched = own.all(|it| it.clients().is_empty()) && !tracer.is_watched();
        if is_unwatched && self.pace == Pace::Running && !self.has_orders() {
            return;
        }
        let orders = std::mem::take(&mut self.mailbox.lock().orders);
        for order in orders {
            self.carry_out(order, engines.public, handler, host, now);
        }
        if let Pace::Slow { interval, due } = self.pace
            && due <= now
        {
            self.pace = Pace::Slow { interval, due: now + interval };
            self.step(engines.public, handler, host, now);
        }
        self.look_around(&engines, tracer, now);
    }

    fn carry_out<L: Accept, H: Handler>(
        &mut self,
        order: Order,
        public: &mut Engine<L>,
        handler: &mut H,
        host: &mut impl Host<L::Stream>,
        now: Time,
    ) {
        if public.is_stopping() {
            return;
        }
        if self.pace == Pace::Running && order != Order::Resume {
            warn!("paused from the admin page: public clients are on hold");
        }
        match order {
            Order::Pause | Order::Step => self.pace = Pace::Paused,
            Order::Slow(interval) => self.pace = Pace::Slow { interval, due: now + interval },
            Order::Resume => return self.resume(now),
        }
        self.mailbox.lock().is_held = true;
        self.public_clock.stop(now);
        if order == Order::Step {
            self.step(public, handler, host, now);
        }
    }

    /// One held client takes one step, or a connection is accepted. If neither can be, the page says so.
    fn step<L: Accept, H: Handler>(
        &mut self,
        public: &mut Engine<L>,
        handler: &mut H,
        host: &mut impl Host<L::Stream>,
        now: Time,
    ) {
        let came_to = public.step(self.public_clock.at(now), handler, host);
        let number = self.last_step.map_or(1, |last| last.number + 1);
        self.last_step = Some(LastStep { number, came_to });
    }

    fn resume(&mut self, now: Time) {
        if self.pace != Pace::Running {
            info!("resumed from the admin page");
        }
        self.pace = Pace::Running;
        self.mailbox.lock().is_held = false;
        self.last_step = None;
        self.public_clock.go_on(now);
    }

    /// The server was told to stop, and lets its clients finish: no client is held any more.
    pub(crate) fn on_stopping(&mut self, now: Time) {
        self.resume(now);
        self.mailbox.lock().is_stopping = true;
    }

    /// Only clients of the admin listener are left: each watcher's next frame is its last.
    pub(crate) fn on_ending(&mut self) {
        self.mailbox.lock().is_ending = true;
    }

    /// Looks at all clients if a watcher wants to know, and not too often.
    fn look_around<L: Accept>(&mut self, engines: &Engines<'_, L>, tracer: &Tracer, now: Time) {
        let clients = engines.public.clients();
        let public_now = self.public_clock.at(now);
        let mut mailbox = self.mailbox.lock();
        let watchers = mailbox.watchers();
        let is_due = self.looked.is_none_or(|looked| now.since(looked) >= FRAME_PERIOD);
        if watchers == 0 && tracer.is_watched() {
            tracer.watch(None);
        }
        if !(mailbox.is_wanted || watchers > 0 && is_due) {
            return;
        }
        let mut slots = mailbox.chosen();
        if watchers > 0 {
            tracer.watch(Some(&slots));
        }
        slots.append(&mut mailbox.wanted_slots);
        slots.sort_unstable();
        slots.dedup();
        let (last, answers) = tracer.last();
        let chosen = slots.into_iter().filter_map(|slot| clients.view(slot, public_now));
        mailbox.snapshot = Arc::new(Snapshot {
            at: now,
            began: self.began.unwrap_or_default(),
            logs: (engines.logs)(),
            pace: self.pace,
            public_at: public_now,
            has_waiting: self.holds_public() && engines.public.admission().has_waiting(),
            last,
            answers,
            minute: self.minute.notes(),
            last_step: self.last_step,
            stop_step: engines.public.stop_step(),
            watchers,
            clients: clients.len(),
            clients_max: engines.public.admission().clients_max(),
            summary: clients.summarize(public_now, &mut self.further),
            admins: engines.admin.map(|it| Admins::of(it.clients(), now)).unwrap_or_default(),
            arrows: tracer.arrows(),
            turns: self.turns,
            longest_turn: self.longest_turn,
            metrics: clients.metrics().clone(),
            chosen: chosen.map(|view| (view, tracer.steps(view.slot))).collect(),
        });
        mailbox.edition += 1;
        mailbox.is_wanted = false;
        self.looked = Some(now);
    }
}
