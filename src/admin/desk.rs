//! Where the loop acts on what was asked for by the admin door, once in each turn.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};

use super::board::{Order, Shared};
use super::events::FRAME_PERIOD;
use super::frame::Unchanging;
use super::guard::Names;
use super::routes::Routes;
use super::snapshot::{LastStep, Pace, Snapshot, Stepped, Turns};
use crate::answer::handler::Handler;
use crate::config::AdminPlace;
use crate::door::Door;
use crate::engine::{Accept, Engine};
use crate::time::Time;
use crate::watch::Tracer;

/// How many clients there may be by the admin door: as many watchers as there may be, and some who
/// ask once. Their descriptors are set apart, so that they get in when the public has all the rest.
/// Above: the longest idle of them makes room, or else the one that has waited longest for anything.
pub(crate) const CLIENTS_MAX: usize = 32;

/// The loop's side of the admin door.
#[derive(Debug)]
pub(crate) struct Desk {
    board: Shared,
    pace: Pace,
    last_step: Option<LastStep>,
    turns: Turns,
    /// When the clients were last looked at.
    looked: Option<Time>,
}

impl Desk {
    /// A desk, and what answers clients that come in at `address`; the public comes in at
    /// `listeners`. `place` and `hosts` are what the configuration says of the first.
    pub(crate) fn new(
        address: SocketAddr,
        place: AdminPlace,
        hosts: &[String],
        listeners: Vec<SocketAddr>,
    ) -> (Desk, Routes) {
        let board = Shared::default();
        let unchanging = Arc::new(Unchanging { listeners });
        let routes = Routes::new(Names::new(address, place, hosts), board.clone(), unchanging);
        let turns = Turns::default();
        (Desk { board, pace: Pace::Running, last_step: None, turns, looked: None }, routes)
    }

    /// The loop has worked, and goes to sleep.
    pub(crate) fn on_worked(&mut self, time: Duration) {
        self.turns.worked += time;
    }

    /// The loop has waited, and was told of this many `events`.
    pub(crate) fn on_waited(&mut self, time: Duration, events: usize) {
        self.turns.waited += time;
        self.turns.events += events as u64;
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
        !self.board.look().orders.is_empty()
    }

    /// Does what was asked for in the last turn, and looks at all clients if a watcher wants to know.
    pub(crate) fn attend<L: Accept, H: Handler>(
        &mut self,
        engine: &mut Engine<L>,
        tracer: &Tracer,
        handler: &mut H,
        now: Time,
    ) {
        let is_unwatched = engine.clients().len_of(Door::Admin) == 0 && !tracer.is_watched();
        if is_unwatched && self.pace == Pace::Running && !self.has_orders() {
            return;
        }
        if engine.is_stopping() {
            self.on_stopping(engine.is_ending());
        }
        let orders = std::mem::take(&mut self.board.look().orders);
        for order in orders {
            self.obey(order, engine, handler, now);
        }
        if let Pace::Slow { interval, due } = self.pace
            && due <= now
        {
            self.pace = Pace::Slow { interval, due: now + interval };
            self.step(engine, handler, now);
        }
        self.look_around(engine, tracer, now);
    }

    fn obey<L: Accept, H: Handler>(
        &mut self,
        order: Order,
        engine: &mut Engine<L>,
        handler: &mut H,
        now: Time,
    ) {
        if engine.is_stopping() {
            return;
        }
        if self.pace == Pace::Running && order != Order::Resume {
            warn!("paused from the admin page: public clients are on hold");
        }
        match order {
            Order::Pause | Order::Step => self.pace = Pace::Paused,
            Order::Slow(interval) => self.pace = Pace::Slow { interval, due: now + interval },
            Order::Resume => {
                self.resume();
                return engine.clients_mut().release(now);
            }
        }
        engine.clients_mut().hold(now);
        if order == Order::Step {
            self.step(engine, handler, now);
        }
    }

    /// One held client takes one step; or one more is let in, after each lap of those that are
    /// here. If no client can, the page says so.
    fn step<L: Accept, H: Handler>(&mut self, engine: &mut Engine<L>, handler: &mut H, now: Time) {
        let Engine { clients, admission, .. } = engine;
        let now = clients.time_of(Door::Public, now);
        let came_to = if clients.begins_lap() && admission.accept_one(clients, handler, now) {
            Stepped::Accepted
        } else {
            clients.step(handler).map_or(Stepped::Nothing, Stepped::Taken)
        };
        let number = self.last_step.map_or(1, |last| last.number + 1);
        self.last_step = Some(LastStep { number, came_to });
    }

    fn resume(&mut self) {
        if self.pace != Pace::Running {
            info!("resumed from the admin page");
        }
        self.pace = Pace::Running;
        self.last_step = None;
    }

    /// The server was told to stop, and lets its clients finish: no client is held any more.
    fn on_stopping(&mut self, is_ending: bool) {
        self.resume();
        let mut board = self.board.look();
        (board.is_draining, board.is_ending) = (true, is_ending);
    }

    /// Looks at all clients if a watcher wants to know, and not too often.
    fn look_around<L: Accept>(&mut self, engine: &Engine<L>, tracer: &Tracer, now: Time) {
        let Engine { clients, admission, .. } = engine;
        let mut board = self.board.look();
        let watchers = board.watchers();
        let is_due = self.looked.is_none_or(|looked| now.since(looked) >= FRAME_PERIOD);
        if watchers == 0 && tracer.is_watched() {
            tracer.watch(None);
        }
        if !(board.is_wanted || watchers > 0 && is_due) {
            return;
        }
        let mut slots = board.chosen();
        if watchers > 0 {
            tracer.watch(Some(&slots));
        }
        slots.append(&mut board.wanted_slots);
        slots.sort_unstable();
        slots.dedup();
        let chosen = slots.into_iter().filter_map(|slot| clients.view(slot, now));
        board.snapshot = Arc::new(Snapshot {
            at: now,
            pace: self.pace,
            last_step: self.last_step,
            is_draining: board.is_draining,
            watchers,
            clients: clients.len(),
            clients_max: admission.clients_max(),
            survey: clients.survey(now),
            arrows: tracer.arrows(),
            turns: self.turns,
            metrics: clients.metrics().clone(),
            chosen: chosen.map(|view| (view, tracer.steps(view.slot))).collect(),
        });
        board.edition += 1;
        board.is_wanted = false;
        self.looked = Some(now);
    }
}
