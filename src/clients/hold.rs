//! Holds the public's clients still, for a person to look at them, and has them go on step by step.
//!
//! Whoever is held takes no step: what the poll tells of them is noted, and what they have sent
//! waits in the kernel. Their clock stands still, so that nobody's time runs out: a step is taken at
//! the time at which they were held, and once they are released every moment that they remember is
//! moved by as long as they were. Clients of the admin door go on meanwhile, by the real clock.

use std::collections::VecDeque;
use std::time::Duration;

use super::crowd::Clients;
use crate::connection::Phase;
use crate::door::Door;
use crate::handler::Handler;
use crate::socket::Stream;
use crate::time::Time;

/// Clients of the public who are held.
#[derive(Debug)]
pub(super) struct Hold {
    since: Time,
    /// Keys of those who can do something, as on the run queue.
    queue: VecDeque<usize>,
    /// How many of them have still to take a step before somebody is let in.
    lap: usize,
}

impl<S: Stream> Clients<S> {
    /// Holds the public's clients from now on, unless the server is stopping.
    pub(crate) fn hold(&mut self, now: Time) {
        if self.hold.is_none() && self.common.phase == Phase::Running {
            self.hold = Some(Hold { since: now, queue: VecDeque::new(), lap: 0 });
            self.set_public_aside();
        }
    }

    /// Whether they are held.
    pub(crate) fn is_held(&self) -> bool {
        self.hold.is_some()
    }

    /// What time it is for those who came in by this door.
    pub(crate) fn time_of(&self, door: Door, now: Time) -> Time {
        match (&self.hold, door) {
            (Some(hold), Door::Public) => hold.since,
            (Some(_) | None, _) => now,
        }
    }

    /// Takes those who are held off the run queue.
    pub(super) fn set_public_aside(&mut self) {
        let Some(hold) = &mut self.hold else { return };
        for _ in 0..self.run_queue.len() {
            let Some(key) = self.run_queue.pop_front() else { break };
            match self.slab.get(key) {
                Some(client) if client.connection.door() == Door::Public => {
                    hold.queue.push_back(key);
                }
                Some(_) => self.run_queue.push_back(key),
                None => {}
            }
        }
    }

    /// Whether everybody who could has taken a step since somebody could last be let in; begins the
    /// next lap if so.
    pub(crate) fn begins_lap(&mut self) -> bool {
        let Some(hold) = self.hold.as_mut().filter(|hold| hold.lap == 0) else { return false };
        hold.lap = hold.queue.len();
        true
    }

    /// Has the one take a step who has waited longest of those who are held and can, and says
    /// whether there was one.
    pub(crate) fn step<H: Handler>(&mut self, handler: &mut H) -> bool {
        let Some(hold) = &mut self.hold else { return false };
        let now = hold.since;
        while let Some(key) = hold.queue.pop_front() {
            hold.lap = hold.lap.saturating_sub(1);
            // As on the run queue, a key may be left over from a client that has ended.
            if let Some(client) = self.slab.get_mut(key).filter(|client| client.queued) {
                client.queued = false;
                self.drive_one_step(key, now, handler);
                self.set_public_aside();
                return true;
            }
        }
        hold.lap = 0;
        false
    }

    /// Lets them go on. For them no time has passed.
    pub(crate) fn release(&mut self, now: Time) {
        let Some(hold) = self.hold.take() else { return };
        for key in hold.queue.into_iter().rev() {
            self.run_queue.push_front(key);
        }
        self.move_public_by(now.since(hold.since));
    }

    fn move_public_by(&mut self, time: Duration) {
        for (_, client) in &mut self.slab {
            if client.connection.door() == Door::Public {
                client.connection.move_by(time);
            }
        }
        self.timers[Door::Public as usize].move_by(&mut self.slab, time);
    }
}
