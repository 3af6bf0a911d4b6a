//! The steps in which a server stops, and the judgement that it takes each when its time has come, and not
//! before.

use std::time::Duration;

use oneloop::engine::{StopStep, Time};

use super::Crowd;
use crate::hub::Life;
use crate::marks::Mark;
use crate::random::Random;
use crate::streams::Stream;

/// How far from the moment in which idle clients are ended peers ask once more, in microseconds.
const CROSSING_MICROS: usize = 3000;

/// How far it has come.
#[derive(Debug)]
pub(super) struct End {
    random: Random,
    told_at: Option<Time>,
    /// In which turn it was told.
    pub(super) told_in: Option<usize>,
    /// By when it has to be done.
    pub(super) drained_by: Option<Time>,
    /// From when on idle clients are ended.
    idle_until: Option<Time>,
    /// In which turn that began.
    pub(super) idle_in: Option<usize>,
}

impl End {
    pub(super) fn of_seed(seed: u64) -> End {
        End {
            random: Stream::Crossing.of_seed(seed),
            told_at: None,
            told_in: None,
            drained_by: None,
            idle_until: None,
            idle_in: None,
        }
    }

    pub(super) fn told(&mut self, now: Time, turn: usize) {
        (self.told_at, self.told_in) = (Some(now), Some(turn));
    }
}

impl Crowd {
    /// Looks how far the server has come: when it was just told to stop, and behind each turn.
    pub(super) fn follow_end(&mut self) {
        let Some(step) = self.engine.stop_step() else { return };
        let (now, timeouts) = (self.hub.now(), &self.setting.config.timeouts);
        let told_at = self.end.told_at.expect("it was told to stop");
        // To whom its listeners go need not be told that it goes.
        let announce = match self.setting.hands_over {
            Some(_) => Duration::ZERO,
            None => timeouts.drain_announce,
        };
        let announced_until = told_at + announce;
        if step == StopStep::Announcing {
            assert!(now < announced_until || now == told_at, "it announces its end for longer");
            return;
        }
        if self.hub.life() == Life::Announcing && step != StopStep::Ended {
            assert!(now >= announced_until, "it closes its listeners, and has not announced that");
            self.begin_to_close();
            if now > told_at {
                self.hub.mark(Mark::Announced);
            }
        }
        if self.end.idle_until.is_none() && self.doors.iter().all(|door| door.is_closed()) {
            let timeouts = &self.setting.config.timeouts;
            // The rest of the time to drain is for the end of those.
            let idle = timeouts.drain_idle.min(timeouts.drain / 2);
            self.end.idle_until = self.end.drained_by.map(|by| by.min(now + idle));
            self.active.iter().for_each(|index| self.wires[*index].borrow_mut().on_closed());
            if self.setting.crosses {
                self.aim(idle);
            }
        }
    }

    fn begin_to_close(&mut self) {
        let now = self.hub.now();
        self.hub.set_life(Life::Draining);
        self.end.drained_by = Some(now + self.setting.config.timeouts.drain);
        let has_room = self.setting.clients_max == usize::MAX;
        for index in &self.active {
            self.wires[*index].borrow_mut().on_closing(has_room);
        }
    }

    /// A turn is over: if the time of idle clients is, too, they are ended from the next on.
    pub(super) fn end_idle(&mut self) {
        let is_over = self.end.idle_until.is_some_and(|until| self.hub.now() >= until);
        if is_over && !self.hub.closes_idle() {
            self.hub.close_idle();
            self.end.idle_in = Some(self.turn);
        }
    }

    /// Peers that think ask about when idle clients are ended.
    fn aim(&mut self, idle: Duration) {
        for index in &self.active {
            let late = Duration::from_micros(self.end.random.below(2 * CROSSING_MICROS) as u64);
            let wait = (idle + late).saturating_sub(Duration::from_micros(CROSSING_MICROS as u64));
            self.peers[*index].think_until(self.hub.world() + wait);
        }
    }
}
