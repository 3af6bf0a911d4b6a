//! The turn of the server, as in `server.rs`.

use std::io;

use oneloop::engine::{ClientId, Readiness, Time};

use super::{BATCH_CLIENTS, Crowd};
use crate::handler::survives;
use crate::hub::{Life, Stage};
use crate::marks::Mark;
use crate::trouble::Trouble;
use crate::wire::Excuse;

/// How many clients may use up their budgets in one stage of a turn.
const STAGE_SHARES: usize = 4;

/// What each client may do in a turn in any case, unless the setting says less.
const SHARE_BYTES_MIN: usize = 64 * 1024;

/// What one step of a client comes to that begins with its budget nearly used up.
const STEP_BYTES_MAX: usize = 8192;

impl Crowd {
    pub(super) fn take_turn(&mut self) {
        self.turn += 1;
        self.allow_work();
        self.keep_date();
        self.note_events();
        self.perhaps_stop();
        let now = self.hub.now();
        let Crowd { hub, clients, handler, admission, memory, .. } = self;
        hub.enter(Stage::Drive);
        while !memory.of(|| survives(|| clients.drive(now, handler))) {
            hub.go_on();
        }
        hub.enter(Stage::Expire);
        while !memory.of(|| survives(|| clients.expire(now, handler))) {
            hub.go_on();
        }
        hub.enter(Stage::Free);
        if memory.of(|| clients.free()) > 0 {
            admission.on_freed();
        }
        self.accept();
        self.register();
        self.end_if_drained();
        self.hub.enter(Stage::Outside);
    }

    /// Four clients may use up the whole of their budgets in one stage, or more of them a part of
    /// it. The last batch may begin when hardly anything is left, and then all of it has its share;
    /// and the last step of each client is taken whole.
    fn allow_work(&self) {
        let client_max = self.setting.config.limits.turn_bytes_max;
        let stage_max = client_max * STAGE_SHARES;
        let share = stage_max / self.clients.len().max(1);
        let share = share.clamp(SHARE_BYTES_MIN.min(client_max), client_max);
        self.hub.allow_work(stage_max, stage_max + BATCH_CLIENTS * (share + STEP_BYTES_MAX));
    }

    fn note_events(&mut self) {
        let mut told: Vec<(ClientId, Readiness, bool)> = Vec::new();
        let late_once_in = self.setting.late_events_once_in;
        for index in &self.active {
            let mut wire = self.wires[*index].borrow_mut();
            wire.begin_turn();
            if wire.has_event() {
                // An event not reported yet is reported by the next poll.
                if self.hub.strikes(Trouble::LateEvents, late_once_in, &mut self.random) {
                    self.hub.mark(Mark::LateEvent);
                    continue;
                }
                wire.give_cause();
                told.push(wire.take_event());
            }
        }
        if !self.active.is_empty()
            && self.hub.strikes(Trouble::SpuriousEvents, 25, &mut self.random)
        {
            let index = self.random.pick(&self.active);
            let mut wire = self.wires[index].borrow_mut();
            if wire.is_here() && !wire.has_event() {
                wire.give_cause();
                let misled = wire.mislead(&mut self.random);
                told.extend(misled.map(|(id, readiness)| (id, readiness, false)));
            }
        }
        if !self.gone.is_empty() && self.hub.strikes(Trouble::StaleEvents, 3, &mut self.random) {
            told.push(self.stale_event());
        }
        self.random.shuffle(&mut told);
        for (id, readiness, is_lost) in told {
            self.clients.note(id, readiness);
            if is_lost {
                self.clients.note_lost(id);
            }
        }
        for (index, door) in self.doors.iter().enumerate() {
            let is_late = self.hub.strikes(Trouble::LateEvents, late_once_in, &mut self.random);
            let is_spurious = self.hub.strikes(Trouble::SpuriousEvents, 100, &mut self.random);
            if is_spurious || !is_late && door.take_event() {
                self.admission.on_ready(index);
            }
        }
    }

    /// Whoever has this one's key now has not had this reported of itself.
    fn stale_event(&mut self) -> (ClientId, Readiness, bool) {
        let stale = self.random.pick(&self.gone);
        let key = |id: ClientId| id.to_bits() as u32;
        let is_reused = self.active.iter().any(|index| {
            let wire = self.wires[*index].borrow();
            wire.is_here() && wire.id.is_some_and(|id| key(id) == key(stale))
        });
        if is_reused {
            self.hub.mark(Mark::StaleKeyReused);
        }
        (stale, Readiness { readable: true, writable: true, read_closed: true }, true)
    }

    fn accept(&mut self) {
        let before = self.clients.metrics().accepted;
        let now = self.hub.now();
        let Crowd { hub, clients, handler, admission, memory, .. } = self;
        hub.enter(Stage::Accept);
        while !memory.of(|| survives(|| admission.accept(clients, handler, now))) {
            hub.go_on();
        }
        let taken_in = self.clients.metrics().accepted - before;
        self.note_accepted(taken_in as usize);
    }

    /// So many have been taken in: whoever waited for room first, then whoever was accepted. The
    /// last one that was accepted may have to wait.
    fn note_accepted(&mut self, taken_in: usize) {
        if taken_in == 0 && self.doors.iter().all(|door| !door.has_accepted()) {
            return;
        }
        let accepted = self.doors.iter().flat_map(|door| door.take_accepted());
        let mut all: Vec<usize> = self.held.take().into_iter().chain(accepted).collect();
        let waiting = all.split_off(taken_in);
        assert!(waiting.len() <= 1, "at most one connection waits for room");
        for index in all {
            self.wires[index].borrow_mut().on_admitted();
        }
        self.held = waiting.first().copied();
        if self.held.is_some() {
            self.hub.mark(Mark::Held);
        }
        self.accepted += taken_in as u64;
    }

    /// Makes known to the poll what clients wait for; the system fails at that once in a while.
    fn register(&mut self) {
        let Crowd { hub, clients, memory, random, .. } = self;
        hub.enter(Stage::Register);
        memory.of(|| {
            clients.register(|id, stream, before, wanted| {
                crate::memory::aside(|| {
                    let mut wire = stream.wire.borrow_mut();
                    assert!(wire.id.is_none_or(|known| known == id), "asked for the client itself");
                    assert_eq!(wire.interest(), before, "the poll was asked for that before");
                    if hub.strikes(Trouble::Registrations, 200, random) {
                        hub.mark(Mark::RegistrationFailed);
                        wire.excuse = Excuse::Failed;
                        return Err(io::ErrorKind::OutOfMemory.into());
                    }
                    wire.register(id, wanted);
                    Ok(())
                })
            });
        });
    }
}

/// Stopping.
impl Crowd {
    fn perhaps_stop(&mut self) {
        let now = self.hub.now();
        if self.stops_again_at.is_some_and(|at| now >= at) {
            self.stops_again_at = None;
            if !self.clients.is_empty() {
                self.hub.tell(|| "the server is told to stop once more".into());
                self.hub.mark(Mark::StoppedTwice);
                self.cut_off();
            }
            return;
        }
        let is_time = |at| now.since(Time::START) >= at;
        if self.hub.life() == Life::Running && self.setting.stops_at.is_some_and(is_time) {
            self.stop();
        }
    }

    fn stop(&mut self) {
        let now = self.hub.now();
        self.hub.tell(|| "the server is told to stop".into());
        self.hub.mark(Mark::Drained);
        self.admission.on_ready_all();
        while self.admission.is_possible(&self.clients, now) {
            self.accept();
        }
        self.hub.enter(Stage::CutOff);
        self.held = None;
        self.admission.close();
        for door in &self.doors {
            door.close();
        }
        self.clients.drain();
        self.hub.stop();
        self.drained_by = Some(now + self.setting.config.timeouts.drain);
        self.stops_again_at = self.setting.stops_again_after.map(|after| now + after);
        for index in &self.active {
            self.wires[*index].borrow_mut().give_cause();
        }
    }

    fn end_if_drained(&mut self) {
        let now = self.hub.now();
        let Some(by) = self.drained_by.filter(|_| !self.clients.is_empty()) else { return };
        if now >= by && !self.looks_last {
            self.hub.tell(|| "the time to drain is over".into());
            let drain = self.setting.config.timeouts.drain;
            (self.looks_last, self.drained_by) = (true, Some(now + drain / 64));
            self.clients.look_last();
            for index in &self.active {
                self.wires[*index].borrow_mut().on_drain_over();
            }
        } else if self.looks_last
            && self.clients.has_looked_last()
            && (now >= by || !self.clients.has_runnable())
        {
            self.hub.mark(Mark::DrainTimedOut);
            self.cut_off();
        }
    }

    fn cut_off(&mut self) {
        let Crowd { hub, clients, memory, .. } = self;
        hub.enter(Stage::CutOff);
        memory.of(|| clients.cut_off());
    }
}
