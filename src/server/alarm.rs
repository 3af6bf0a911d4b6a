//! When the poll has to wake up though nothing has happened.
//!
//! A timeout for the poll would do. But then the kernel sets up a timer each time the loop goes to
//! sleep, and takes it down when the loop wakes: with a single busy client that is a twentieth of a
//! request's cost. So the poll sleeps without a timeout. One timer, which it polls like everything
//! else, is set for the next deadline. Deadlines move on as clients are served, but the timer
//! stays: when it goes off early, it is set again. It is set for a moment, not for a span from now
//! on: the loop has read its clock at the beginning of the turn, and the turn has taken time since.
//!
//! Where there is no such timer, the poll gets a timeout, which ends late by what the turn took.

use std::time::{Duration, Instant};

use mio::{Registry, Token};

use super::timer::Timer;
use crate::system_calls::{Call, note};
use crate::time::Time;

/// The one timer, and what it is set for.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: Option<Timer>,
    /// When it goes off. Never later than it must, and often earlier.
    set_for: Option<Time>,
}

impl Alarm {
    /// An alarm that wakes this poll by an event with `token`. The loop begins `now`.
    pub(crate) fn new(registry: &Registry, token: Token, now: Instant) -> Alarm {
        let timer = Timer::new(registry, token, now);
        // Without one, for want of descriptors for example, sleeping costs more. That is all.
        let timer = timer.inspect_err(|it| note(Call::SetTimer, it)).ok();
        Alarm { timer, set_for: None }
    }

    /// Sees to it that the poll wakes up at `due`, and says what timeout it still has to be given
    /// for that. `now` is the turn's time, and `began` when it was [`Time::START`].
    pub(crate) fn set(&mut self, due: Option<Time>, now: Time, began: Instant) -> Option<Duration> {
        let due = due?;
        let rest = due.since(now);
        if rest.is_zero() {
            return Some(rest);
        }
        if self.set_for.is_some_and(|set_for| set_for <= due) {
            return None;
        }
        match self.timer.as_ref().map(|timer| timer.set(began + due.since(Time::START))) {
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
        let mut alarm = Alarm::new(poll.registry(), ALARM, Instant::now());
        // Twice: an alarm that was never read goes off again.
        for _ in 0..2 {
            let began = Instant::now();
            let timeout = alarm.set(Some(after_millis(20)), Time::START, began);
            assert_eq!(timeout.is_none(), cfg!(target_os = "linux"));
            poll.poll(&mut events, timeout).expect("a poll polls");
            assert!(began.elapsed() >= Duration::from_millis(20));
            alarm.on_ready();
        }
    }

    #[test]
    fn an_alarm_is_set_again_only_for_something_earlier() {
        let poll = Poll::new().expect("a poll");
        let mut alarm = Alarm::new(poll.registry(), ALARM, Instant::now());
        let began = Instant::now();
        for (due, set_for) in [(900, 900), (1000, 900), (800, 800), (900, 800)] {
            alarm.set(Some(after_millis(due)), Time::START, began);
            assert_eq!(alarm.set_for, Some(after_millis(set_for)));
        }
        alarm.on_ready();
        alarm.set(Some(after_millis(1000)), Time::START, began);
        assert_eq!(alarm.set_for, Some(after_millis(1000)));
    }

    #[test]
    fn what_is_due_already_is_not_waited_for() {
        let poll = Poll::new().expect("a poll");
        let began = Instant::now();
        let mut alarm = Alarm::new(poll.registry(), ALARM, Instant::now());
        assert_eq!(alarm.set(Some(Time::START), after_millis(1), began), Some(Duration::ZERO));
        assert_eq!(alarm.set(None, after_millis(1), began), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_has_become_due_since_the_clock_was_read_is_not_waited_for() {
        let mut poll = Poll::new().expect("a poll");
        let mut events = Events::with_capacity(8);
        let began = Instant::now();
        let mut alarm = Alarm::new(poll.registry(), ALARM, began);
        // By the turn's clock it is due in a second, and the turn has taken a minute.
        let long_ago = began.checked_sub(Duration::from_secs(60)).expect("a clock's moment");
        assert_eq!(alarm.set(Some(after_millis(1000)), Time::START, long_ago), None);
        poll.poll(&mut events, Some(Duration::from_millis(500))).expect("a poll polls");
        assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [ALARM]);
    }

    #[test]
    fn without_a_timer_the_poll_is_given_the_timeout() {
        let mut alarm = Alarm { timer: None, set_for: None };
        let timeout = alarm.set(Some(after_millis(20)), Time::START, Instant::now());
        assert_eq!(timeout, Some(Duration::from_millis(20)));
        assert_eq!(alarm.set_for, None);
    }
}
