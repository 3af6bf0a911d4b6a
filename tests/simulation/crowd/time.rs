//! How time passes: a little while somebody has something to do, else until somebody has.

use std::time::{Duration, SystemTime};

use oneloop::engine::Time;

use super::Crowd;
use crate::marks::Mark;
use crate::trouble::Trouble;

impl Crowd {
    pub(super) fn pass_time(&mut self) {
        let now = self.hub.now();
        if self.setting.leaps && self.random.once_in(200) {
            let leap = Duration::from_millis(self.random.below(40_000) as u64);
            self.hub.tell(|| format!("the clock leaps by {leap:?}"));
            self.hub.mark(Mark::ClockLeapt);
            self.hub.pass(leap);
            for index in &self.active {
                self.wires[*index].borrow_mut().on_leap();
            }
            return;
        }
        let due = self.engine.due(now);
        self.judge_sleep(due);
        let is_busy = self.is_moving
            || due.is_some_and(|due| due <= now)
            || self.doors.iter().any(|door| door.has_event());
        if is_busy {
            return self.hub.pass(Duration::from_micros(self.random.below(1000) as u64));
        }
        let acts = self.next_world();
        let stop = self.stops_again_at.filter(|_| self.engine.stopped().is_none());
        let dues = [due, stop].into_iter().flatten().map(|due| due.since(now));
        let Some(wait) = dues.chain(acts).min() else { self.fail_for_ever() };
        self.hub.pass(wait);
    }

    /// After how long a peer acts or arrives next, or a source is woken.
    pub(super) fn next_world(&self) -> Option<Duration> {
        let arrival = self.peers.get(self.arrived).map(|peer| peer.arrives);
        let next = self.next_act.into_iter().chain(arrival).chain(self.hub.next_wake()).min();
        next.map(|next| next.since(self.hub.world()))
    }

    /// Somebody is not done, and nothing will ever happen.
    fn fail_for_ever(&self) -> ! {
        let mut wires = self.active.iter().map(|index| self.wires[*index].borrow());
        match wires.find(|wire| wire.is_here()) {
            Some(wire) => wire.fail("nothing will ever happen to it"),
            None => panic!("a hang, and all sockets are closed"),
        }
    }

    /// Formats `Date` once a second, as the server does; the calendar may have leapt.
    pub(super) fn keep_date(&mut self) {
        let now = self.hub.now();
        if now < self.date_due {
            return;
        }
        if self.hub.strikes(Trouble::Dates, 30, &mut self.random) {
            let ahead = Duration::from_secs(self.random.between(900_000_000, 1_100_000_000) as u64);
            if ahead < self.date_ahead {
                self.hub.mark(Mark::DateLeaptBack);
            }
            self.date_ahead = ahead;
        }
        let passed = now.since(Time::START);
        let date = SystemTime::UNIX_EPOCH + self.date_ahead + passed;
        let rest = 1_000_000_000 - u64::from(passed.subsec_nanos());
        self.date_due = now + Duration::from_nanos(rest);
        self.hub.set_date(date);
        let Crowd { engine, memory, .. } = self;
        memory.of(|| engine.clients_mut().set_date(date));
    }
}
