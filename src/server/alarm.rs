//! When the poll has to wake up though nothing has happened.
//!
//! A timeout for the poll would do. But then the kernel sets up a timer each time the loop goes to
//! sleep, and takes it down when the loop wakes: with a single busy client that is a twentieth of a
//! request's cost. So the poll sleeps without a timeout. One timer, which it polls like everything
//! else, is set for the next deadline. Deadlines move on as clients are served, but the timer
//! stays: when it goes off early, it is set again.
//!
//! Where there is no such timer, the poll gets a timeout.

use std::time::Duration;

use mio::{Registry, Token};

use super::timer::Timer;
use crate::system_calls::{Call, note};
use crate::time::Time;

/// The one timer, and what it is set for.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: Option<Timer>,
    /// When it goes off. Never later than it must, but often earlier.
    set_for: Option<Time>,
}

impl Alarm {
    /// An alarm that wakes this poll by an event with `token`.
    pub(crate) fn new(registry: &Registry, token: Token) -> Alarm {
        // Without one, for want of descriptors for example, sleeping costs more. That is all.
        let timer = Timer::new(registry, token).inspect_err(|it| note(Call::SetTimer, it)).ok();
        Alarm { timer, set_for: None }
    }

    /// Sees to it that the poll wakes up at `due`, and says what timeout it still has to be given
    /// for that.
    pub(crate) fn set(&mut self, due: Option<Time>, now: Time) -> Option<Duration> {
        let due = due?;
        let rest = due.since(now);
        if rest.is_zero() {
            return Some(rest);
        }
        if self.set_for.is_some_and(|set_for| set_for <= due) {
            return None;
        }
        match self.timer.as_ref().map(|timer| timer.set(rest)) {
            Some(Ok(())) => {
                self.set_for = Some(due);
                None
            }
            Some(Err(reason)) => {
                note(Call::SetTimer, &reason);
                Some(rest)
            }
            None => Some(rest),
        }
    }

    /// It has gone off.
    pub(crate) fn on_ready(&mut self) {
        self.set_for = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};

    const ALARM: Token = Token(7);

    fn after_millis(millis: u64) -> Time {
        Time::START + Duration::from_millis(millis)
    }

    #[test]
    fn the_poll_wakes_up_without_a_timeout_and_not_before_the_time() {
        let mut poll = Poll::new().expect("a poll");
        let mut events = Events::with_capacity(8);
        let mut alarm = Alarm::new(poll.registry(), ALARM);
        // Twice: an alarm that was never read goes off again.
        for _ in 0..2 {
            let began = std::time::Instant::now();
            let timeout = alarm.set(Some(after_millis(20)), Time::START);
            assert_eq!(timeout.is_none(), cfg!(target_os = "linux"));
            poll.poll(&mut events, timeout).expect("a poll polls");
            assert!(began.elapsed() >= Duration::from_millis(20));
            alarm.on_ready();
        }
    }

    #[test]
    fn an_alarm_is_set_again_only_for_something_earlier() {
        let poll = Poll::new().expect("a poll");
        let mut alarm = Alarm::new(poll.registry(), ALARM);
        for (due, set_for) in [(900, 900), (1000, 900), (800, 800), (900, 800)] {
            alarm.set(Some(after_millis(due)), Time::START);
            assert_eq!(alarm.set_for, Some(after_millis(set_for)));
        }
        alarm.on_ready();
        alarm.set(Some(after_millis(1000)), Time::START);
        assert_eq!(alarm.set_for, Some(after_millis(1000)));
    }

    #[test]
    fn what_is_due_already_is_not_waited_for() {
        let poll = Poll::new().expect("a poll");
        let mut alarm = Alarm::new(poll.registry(), ALARM);
        assert_eq!(alarm.set(Some(Time::START), after_millis(1)), Some(Duration::ZERO));
        assert_eq!(alarm.set(None, after_millis(1)), None);
    }

    #[test]
    fn without_a_timer_the_poll_is_given_the_timeout() {
        let mut alarm = Alarm { timer: None, set_for: None };
        let timeout = alarm.set(Some(after_millis(20)), Time::START);
        assert_eq!(timeout, Some(Duration::from_millis(20)));
        assert_eq!(alarm.set_for, None);
    }
}
