//! The terminal at which the process was started, and whether it has been closed.
//!
//! Two senders use SIGHUP. The kernel, or a shell, sends it when the terminal is closed: then the server
//! is to stop. A person or a service manager sends it to have things read again. Only the state of the
//! terminal tells the two apart. It is asked when the signal has come, and never changed.

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, open};
use rustix::termios::tcgetsid;

/// Names to each process the terminal that controls it. A process without one cannot open it.
const OWN_TERMINAL: &str = "/dev/tty";

/// An open terminal.
#[derive(Debug)]
pub(crate) struct Terminal(OwnedFd);

impl Terminal {
    /// The one that controls this process, if there is one: standard input may be something else.
    pub(crate) fn of_process() -> Option<Terminal> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        open(OWN_TERMINAL, flags, Mode::empty()).ok().map(Terminal)
    }

    /// Whether it has been closed since, or its session has ended: it controls the process no more.
    pub(crate) fn is_closed(&self) -> bool {
        tcgetsid(&self.0).is_err()
    }
}
