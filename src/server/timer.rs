//! The kernel's timer that the alarm is made of, where there is one.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::Timer;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) use other::Timer;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use super::*;
    use mio::Interest;
    use mio::unix::SourceFd;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use std::os::fd::{AsRawFd, OwnedFd};

    /// A timer of the kernel that is ready when it goes off. With edges, it need not be read.
    #[derive(Debug)]
    pub(crate) struct Timer(OwnedFd);

    impl Timer {
        pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Timer> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
            Ok(Timer(timer))
        }

        /// Sets it to go off once, this long from now, and not before.
        pub(crate) fn set(&self, rest: Duration) -> io::Result<()> {
            let never = Timespec { tv_sec: 0, tv_nsec: 0 };
            let rest = Timespec::try_from(rest).map_err(io::Error::other)?;
            let once = Itimerspec { it_interval: never, it_value: rest };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
            Ok(())
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod other {
    use super::*;

    /// There is none.
    #[derive(Debug)]
    pub(crate) enum Timer {}

    impl Timer {
        pub(crate) fn new(_: &Registry, _: Token) -> io::Result<Timer> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn set(&self, _: Duration) -> io::Result<()> {
            match *self {}
        }
    }
}
