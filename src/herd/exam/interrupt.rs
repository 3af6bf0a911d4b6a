//! A signal that ends the exam.
//!
//! Once one has come, every wait ends at once and no stage has time left. So the present stage returns,
//! and gives back what it has changed in the server's process.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::signals::Signals;

/// SIGHUP, SIGINT and SIGTERM, for all connections of the exam.
#[derive(Debug)]
pub struct Interrupt {
    signals: RefCell<Signals>,
    has_come: Cell<bool>,
}

impl Interrupt {
    /// Catches the signals, from now on.
    ///
    /// # Errors
    /// If the system refuses that.
    pub fn catch() -> io::Result<Rc<Interrupt>> {
        let signals = RefCell::new(Signals::catch()?);
        Ok(Rc::new(Interrupt { signals, has_come: Cell::new(false) }))
    }

    /// Whether a signal has come.
    pub fn has_come(&self) -> bool {
        if !self.has_come.get() && self.signals.borrow_mut().take() > 0 {
            self.has_come.set(true);
        }
        self.has_come.get()
    }

    /// Waits for what is wanted of a socket, for this time at most. Says whether the kernel reports
    /// anything of the socket. Callers look at the clock: a signal ends the wait early.
    pub fn await_socket(&self, socket: BorrowedFd<'_>, wanted: PollFlags, time: Duration) -> bool {
        self.wait(Some(PollFd::from_borrowed_fd(socket, wanted)), time)
    }

    /// Waits for this time, or until a signal comes.
    pub fn pause(&self, time: Duration) {
        self.wait(None, time);
    }

    fn wait(&self, socket: Option<PollFd<'_>>, time: Duration) -> bool {
        if self.has_come() {
            return false;
        }
        let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: time.subsec_nanos().into() };
        let signals = self.signals.borrow();
        let mut all = vec![PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN)];
        all.extend(socket);
        // It fails if a signal interrupts it.
        let _ = poll(&mut all, Some(&time));
        all.get(1).is_some_and(|socket| !socket.revents().is_empty())
    }
}
