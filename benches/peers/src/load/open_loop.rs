//! The open loop: a schedule says when each request is due, whether the server keeps up or not.
//!
//! A closed loop waits with its next request for a server that is slow, and so never asks when it
//! hurts. Here a latency counts from the moment the request was due.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll;
use rustix::io::Errno;

use super::generator::{Connections, Load, STALL, Turn};
use super::progress::{Outcome, Progress, Until};
use crate::failure::Failure;
use crate::herd::schedule::Schedule;

/// Looks without waiting: an open loop must not oversleep the next request.
const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

impl Load {
    /// Sends `rate` requests a second for `length`, each when it is due, over whichever connection
    /// is free; if none is, the request waits, and the waiting counts. Then waits for the answers.
    ///
    /// It never sleeps: waking up would cost more than what is measured.
    ///
    /// # Errors
    /// As [`Load::run`].
    pub fn run_open(&mut self, length: Duration, rate: f64, seed: u64) -> Result<Outcome, Failure> {
        assert!(self.plan.connections == Connections::Kept, "an open loop keeps its connections");
        let start = Instant::now();
        let mut schedule = Schedule::new(start, start + length, rate, seed);
        let mut progress = Progress::start(Until::Elapsed(length));
        let mut free: VecDeque<usize> = (0..self.clients.len()).collect();
        let mut due = VecDeque::new();
        let mut events = std::mem::take(&mut self.events);
        let stall = Duration::from_secs(STALL.tv_sec as u64);
        let mut heard_at = start;
        while !(schedule.next().is_none() && due.is_empty() && progress.outstanding() == 0) {
            let now = Instant::now();
            due.extend(std::iter::from_fn(|| schedule.take_due(now)));
            while let (Some(at), Some(index)) = (due.front().copied(), free.front().copied()) {
                due.pop_front();
                free.pop_front();
                progress.send_due();
                self.send(index, 1, at)?;
            }
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&NOW)) {
                Ok(0) if progress.outstanding() > 0 && now - heard_at > stall => {
                    return Err(self.stalled(&progress));
                }
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => heard_at = now,
                Err(error) => return Err(Failure::machine("wait for answers")(error)),
            }
            for event in events.drain(..) {
                let index = event.data.u64() as usize;
                if let Turn::Free(_) = self.drive(index, event.flags, &mut progress)? {
                    free.push_back(index);
                }
            }
        }
        self.events = events;
        Ok(progress.finish())
    }
}
