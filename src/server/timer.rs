//! The kernel's timer that the alarm is made of, where there is one.

use std::io;
use std::time::Instant;

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
        timerfd_gettime, timerfd_settime,
    };
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::time::Duration;

    /// In seconds of a clock that began when the machine did: 136 years.
    const FAR: i64 = 1 << 32;

    /// A timer of the kernel that is ready when it goes off. With edges, it need not be read.
    #[derive(Debug)]
    pub(crate) struct Timer {
        descriptor: OwnedFd,
        /// A moment, and what the timer's clock showed at that moment or shortly after: so it never
        /// goes off early. `std` uses the same clock for an `Instant`, and does not say what it shows.
        began: (Instant, Duration),
    }

    impl Timer {
        /// A timer for moments from `now` on, as its caller has just read the clock.
        pub(crate) fn new(registry: &Registry, token: Token, now: Instant) -> io::Result<Timer> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let descriptor = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            let shown = clock_of(&descriptor)?;
            registry.register(&mut SourceFd(&descriptor.as_raw_fd()), token, Interest::READABLE)?;
            Ok(Timer { descriptor, began: (now, shown) })
        }

        /// Sets it to go off once, at this moment and not before: at once if that has passed.
        pub(crate) fn set(&self, moment: Instant) -> io::Result<()> {
            let never = Timespec { tv_sec: 0, tv_nsec: 0 };
            let (began, shown) = self.began;
            let shows = shown.saturating_add(moment.saturating_duration_since(began));
            let shows = Timespec::try_from(shows).map_err(io::Error::other)?;
            let once = Itimerspec { it_interval: never, it_value: shows };
            timerfd_settime(&self.descriptor, TimerfdTimerFlags::ABSTIME, &once)?;
            Ok(())
        }
    }

    /// What the timer's clock shows: a moment that is far away, less the time until then. `rustix`
    /// would read the clock in the kernel's own page of code, which valgrind takes away.
    fn clock_of(descriptor: &OwnedFd) -> io::Result<Duration> {
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let far = Itimerspec { it_interval: never, it_value: Timespec { tv_sec: FAR, tv_nsec: 0 } };
        timerfd_settime(descriptor, TimerfdTimerFlags::ABSTIME, &far)?;
        let left = Duration::try_from(timerfd_gettime(descriptor)?.it_value);
        let left = left.map_err(io::Error::other)?;
        Ok(Duration::from_secs(FAR.unsigned_abs()).saturating_sub(left))
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod other {
    use super::*;

    /// There is none.
    #[derive(Debug)]
    pub(crate) enum Timer {}

    impl Timer {
        pub(crate) fn new(_: &Registry, _: Token, _: Instant) -> io::Result<Timer> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn set(&self, _: Instant) -> io::Result<()> {
            match *self {}
        }
    }
}
