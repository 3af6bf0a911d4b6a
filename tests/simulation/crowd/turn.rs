//! The world around a turn: what the poll reports, when the server is told to stop, and what becomes
//! of the poll's interests. The turn itself is the engine's.

use std::io;

use oneloop::Stopped;
use oneloop::engine::{self, ClientId, Host, Interest, Readiness, Time};

use super::{BATCH_CLIENTS, Crowd, STOP_AGAIN};
use crate::door::SimulatedListener;
use crate::handler::{DEAR_BYTES, Wires, survives};
use crate::hub::{Hub, Life, Stage};
use crate::marks::Mark;
use crate::memory::aside;
use crate::random::Random;
use crate::stream::SimulatedStream;
use crate::trouble::Trouble;

/// How many clients may use up their budgets in one stage of a turn.
const STAGE_SHARES: usize = 4;

/// What each client may do in a turn in any case, unless the setting says less.
const SHARE_BYTES_MIN: usize = 64 * 1024;

/// What one step of a client comes to that begins with its budget nearly used up.
const STEP_BYTES_MAX: usize = 8192;

/// What a batch has room for beside its clients' shares, for each of them: the end of its connection.
/// So much may be done before a dear answer is the last.
const END_BYTES: usize = 32 * 1024;

/// What a client may receive in a call, however little is left of its budget.
const RECEIVE_BYTES_MIN: usize = 1024;

/// How long events may go unreported around a stop, in turns: until the listeners are closed, if that
/// takes one, and idle clients are looked at.
const UNSEEN_TURNS: usize = 3;

impl Crowd {
    pub(super) fn take_turn(&mut self) {
        self.turn += 1;
        if self.engine.stopped().is_some() {
            return;
        }
        self.allow_work();
        self.keep_date();
        self.return_from_poll();
        self.note_events();
        self.perhaps_stop();
        let now = self.hub.now();
        let Crowd { hub, engine, handler, memory, random, wires, active, .. } = self;
        let drained_by = self.end.drained_by;
        let mut poll = SimulatedPoll { hub, random, wires, active, drained_by, checks_last: false };
        while !memory.of(|| {
            survives(|| {
                let _ = engine.turn(now, handler, &mut poll);
            })
        }) {
            hub.go_on();
            for index in active.iter() {
                let mut wire = wires[*index].borrow_mut();
                let is_runnable = wire.id.is_some_and(|id| engine.clients().is_runnable(id));
                wire.go_on(is_runnable);
            }
        }
        if poll.checks_last {
            self.checks_last = Some(now);
        }
        self.follow_end();
        self.end_idle();
        self.hub.enter(Stage::Outside);
    }

    /// Four clients may use up the whole of their budgets in one stage, or more of them a part of
    /// it. The last batch may begin when hardly anything is left, and then all of it has its share;
    /// and the last step of each client is taken whole. A dear answer can come when hardly anything
    /// is left of what the batch has room for, also behind another one; then there is none.
    pub(super) fn allow_work(&self) {
        let client_max = self.setting.config.limits.turn_bytes_max;
        let stage_max = client_max * STAGE_SHARES;
        let shares_max = stage_max.max(BATCH_CLIENTS * SHARE_BYTES_MIN.min(client_max));
        let (step_max, dear) = match self.setting.has_dear_answers {
            true => (END_BYTES, DEAR_BYTES),
            false => (STEP_BYTES_MAX, 0),
        };
        let batch_max = shares_max + BATCH_CLIENTS * step_max + dear;
        self.hub.allow_work(stage_max, stage_max + batch_max);
        // One client may begin when hardly anything is left for all that linger.
        self.hub.allow_lingering(client_max + client_max / STAGE_SHARES + RECEIVE_BYTES_MIN);
    }

    pub(super) fn note_events(&mut self) {
        let mut told: Vec<(ClientId, Readiness)> = Vec::new();
        let late_once_in = match self.is_unseen() {
            true => 1,
            false => self.setting.late_events_once_in,
        };
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
                told.extend(misled);
            }
        }
        if !self.gone.is_empty() && self.hub.strikes(Trouble::StaleEvents, 3, &mut self.random) {
            told.push(self.stale_event());
        }
        self.random.shuffle(&mut told);
        for (id, readiness) in told {
            self.engine.clients_mut().note(id, readiness);
        }
        for (index, door) in self.doors.iter().enumerate() {
            let is_late = self.hub.strikes(Trouble::LateEvents, late_once_in, &mut self.random);
            let is_spurious = self.hub.strikes(Trouble::SpuriousEvents, 100, &mut self.random);
            if is_spurious || !is_late && door.take_event() {
                self.engine.on_listener_ready(index);
            }
        }
    }

    /// Whoever has this one's key now has not had this reported of itself.
    fn stale_event(&mut self) -> (ClientId, Readiness) {
        let stale = self.random.pick(&self.gone);
        let key = |id: ClientId| id.to_bits() as u32;
        let is_reused = self.active.iter().any(|index| {
            let wire = self.wires[*index].borrow();
            wire.is_here() && wire.id.is_some_and(|id| key(id) == key(stale))
        });
        if is_reused {
            self.hub.mark(Mark::StaleKeyReused);
        }
        (stale, Readiness::READ_CLOSED | Readiness::WRITABLE | Readiness::LOST)
    }

    fn perhaps_stop(&mut self) {
        let now = self.hub.now();
        if self.is_to_stop() {
            self.stop_once();
            if self.setting.stops_twice_at_once {
                self.stop_again();
            }
        } else if self.stops_again_at.is_some_and(|at| now >= at)
            || self.checks_last.is_some() && self.setting.stops_in_last_check
        {
            self.stop_again();
        }
    }

    /// Whether no event is reported because the server is told to stop, or was just now, or ends idle
    /// clients from now on.
    fn is_unseen(&self) -> bool {
        let is_recent = |turn: Option<usize>| turn.is_some_and(|it| self.turn - it < UNSEEN_TURNS);
        let is_recent = is_recent(self.end.told_in) || is_recent(self.end.idle_in);
        self.setting.stops_unseen && (self.is_to_stop() || is_recent)
    }

    /// Whether the server is told to stop in this turn, for the first time.
    pub(super) fn is_to_stop(&self) -> bool {
        let passed = self.hub.world().since(Time::START);
        self.hub.life() == Life::Running && self.setting.stops_at.is_some_and(|at| passed >= at)
    }

    fn stop_once(&mut self) {
        let now = self.hub.now();
        self.hub.tell(|| "the server is told to stop".into());
        self.hub.mark(Mark::Drained);
        for index in &self.active {
            self.wires[*index].borrow_mut().on_stop();
        }
        match self.setting.hands_over {
            Some(listeners) => self.hand_over(listeners),
            None => self.stop(),
        }
        self.hub.set_life(Life::Announcing);
        self.end.told(now, self.turn);
        self.follow_end();
        self.stops_again_at = self.setting.stops_again_after.map(|after| now + after);
    }

    /// Another process gets the first of the listeners: who waits there is no longer this server's.
    fn hand_over(&mut self, listeners: usize) {
        let now = self.hub.now();
        self.hub.tell(|| format!("another process takes over {listeners} listeners"));
        self.hub.mark(Mark::HandedOver);
        let Crowd { hub, engine, memory, .. } = self;
        hub.enter(Stage::CutOff);
        let mut left = listeners;
        let mut is_taken = |_: &mut SimulatedListener| {
            let is_taken = left > 0;
            left = left.saturating_sub(1);
            is_taken
        };
        memory.of(|| engine.hand_over(&mut is_taken, now));
        let open = self.doors.iter().filter(|door| !door.is_closed()).count();
        assert_eq!(open, self.doors.len() - listeners, "the others are open still");
    }

    /// Every further time says nothing new.
    fn stop_again(&mut self) {
        self.stops_again_at = None;
        if self.is_told_again || self.engine.stopped().is_some() {
            return;
        }
        self.is_told_again = true;
        if !self.engine.clients().is_empty() {
            self.hub.tell(|| "the server is told to stop once more".into());
            self.hub.mark(Mark::StoppedTwice);
        }
        if self.hub.life() == Life::Announcing {
            self.hub.mark(Mark::StoppedAnnouncing);
        } else if self.doors.iter().any(|door| !door.is_closed()) {
            self.hub.mark(Mark::StoppedClosing);
        }
        if self.checks_last.is_some() {
            self.hub.mark(Mark::StoppedLooking);
        }
        for index in &self.active {
            self.wires[*index].borrow_mut().on_stop_again();
        }
        self.stop();
        self.stop();
    }

    fn stop(&mut self) {
        let now = self.hub.now();
        let Crowd { hub, engine, memory, .. } = self;
        hub.enter(Stage::CutOff);
        memory.of(|| engine.stop(Stopped::Signalled(STOP_AGAIN), now));
    }
}

/// The poll of the simulated server. It fails once in a while.
pub(super) struct SimulatedPoll<'c> {
    pub(super) hub: &'c Hub,
    pub(super) random: &'c mut Random,
    pub(super) wires: &'c Wires,
    pub(super) active: &'c [usize],
    pub(super) drained_by: Option<Time>,
    /// The clients that are left are looked at once more from this turn on.
    pub(super) checks_last: bool,
}

impl SimulatedPoll<'_> {
    fn begin_last_check(&mut self) {
        let by = self.drained_by.expect("the server was told to stop");
        assert!(self.hub.now() >= by, "clients have all the time to drain");
        self.hub.tell(|| "the time to drain is over".into());
        self.hub.mark(Mark::DrainTimedOut);
        self.checks_last = true;
        for index in self.active {
            self.wires[*index].borrow_mut().on_drain_over();
        }
    }
}

impl Host<SimulatedStream> for SimulatedPoll<'_> {
    fn register(
        &mut self,
        id: ClientId,
        stream: &mut SimulatedStream,
        before: Option<Interest>,
        wanted: Interest,
    ) -> io::Result<()> {
        aside(|| {
            let mut wire = stream.wire.borrow_mut();
            assert_eq!(wire.interest(), before, "the poll was asked for that before");
            if self.hub.strikes(Trouble::Registrations, 200, self.random) {
                self.hub.refuse_registration();
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            wire.register(id, wanted);
            Ok(())
        })
    }

    fn begin(&mut self, stage: engine::Stage) {
        aside(|| {
            let stage = match stage {
                engine::Stage::Drive => Stage::Drive,
                engine::Stage::Linger => Stage::Linger,
                engine::Stage::Expire => Stage::Expire,
                engine::Stage::EndIdle => Stage::EndIdle,
                engine::Stage::Free => Stage::Free,
                engine::Stage::Accept => Stage::Accept,
                engine::Stage::Register => Stage::Register,
                engine::Stage::CloseListeners | engine::Stage::CutOff => Stage::CutOff,
                engine::Stage::CheckLast => {
                    self.begin_last_check();
                    Stage::Outside
                }
            };
            self.hub.enter(stage);
        });
    }
}
