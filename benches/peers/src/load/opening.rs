//! How clients arrive: batch by batch, with a request or in silence.

use std::time::Instant;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventFlags};
use rustix::io::Errno;

use super::generator::{Load, STALL};
use super::progress::{Progress, Until};
use crate::failure::Failure;

/// How a client begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// With a request; it is answered before the next batch of clients connects.
    Request,
    /// It says nothing.
    Silence,
}

impl Load {
    /// Connects until there are `clients`, in batches that no accept queue refuses.
    ///
    /// # Errors
    /// When sockets run out, or the server does not take or answer them.
    pub fn grow(&mut self, clients: usize, greeting: Greeting) -> Result<(), Failure> {
        while self.clients.len() < clients {
            let first = self.clients.len();
            let batch = self.plan.at_once.min(clients - first);
            self.clients.resize_with(first + batch, || None);
            match greeting {
                Greeting::Request => {
                    self.one_each(first, batch, |load, index, now| load.connect(index, now))?;
                }
                Greeting::Silence => self.connect_silently(first, batch)?,
            }
        }
        Ok(())
    }

    /// Has every client send one request, and waits for all answers.
    ///
    /// # Errors
    /// When the server does not answer correctly.
    pub fn ask_all(&mut self) -> Result<(), Failure> {
        for first in (0..self.clients.len()).step_by(self.plan.at_once) {
            let batch = self.plan.at_once.min(self.clients.len() - first);
            self.one_each(first, batch, |load, index, now| load.send(index, 1, now))?;
        }
        Ok(())
    }

    /// The bound is used up by this very batch, so that no answer is followed by another request.
    fn one_each(
        &mut self,
        first: usize,
        count: usize,
        ask: impl Fn(&mut Load, usize, Instant) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut progress = Progress::start(Until::Answered(count as u64));
        let now = Instant::now();
        progress.admit(count, now);
        for index in first..first + count {
            ask(self, index, now)?;
        }
        self.finish(progress).map(drop)
    }

    /// A connection that stands is writable; until then there is no event.
    fn connect_silently(&mut self, first: usize, count: usize) -> Result<(), Failure> {
        for index in first..first + count {
            self.register(index)?;
        }
        let mut missing = count;
        let mut events = std::mem::take(&mut self.events);
        while missing > 0 {
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&STALL)) {
                Err(Errno::INTR) => continue,
                Err(error) => return Err(Failure::machine("wait for connections")(error)),
                Ok(0) => return Err(Failure::server(format!("did not take {missing} clients"))),
                Ok(_) => {}
            }
            for event in events.drain(..) {
                let (flags, end) =
                    (event.flags, EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
                if flags.intersects(end) {
                    return Err(Failure::server("closed a client that had said nothing"));
                }
                missing -= 1;
            }
        }
        self.events = events;
        Ok(())
    }
}
