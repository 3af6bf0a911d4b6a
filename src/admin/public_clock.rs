//! The public's clock, which stands still while its clients are held.

use std::time::Duration;

use crate::time::Time;

/// Turns the loop's time into the public's.
#[derive(Debug, Default)]
pub(super) struct PublicClock {
    /// For how long it has stood still in all, but for the present pause.
    behind: Duration,
    /// The loop's time at which the present pause began.
    stopped: Option<Time>,
}

impl PublicClock {
    /// What time it is for the public when it is `now` for the loop.
    pub(super) fn at(&self, now: Time) -> Time {
        Time::after_start(self.stopped.unwrap_or(now).since(Time::START + self.behind))
    }

    /// When it is for the loop that it is `due` for the public; never if this stands still.
    pub(super) fn when(&self, due: Time) -> Option<Time> {
        self.stopped.is_none().then(|| due + self.behind)
    }

    /// It stands still from `now` on, if it does not yet.
    pub(super) fn stop(&mut self, now: Time) {
        self.stopped.get_or_insert(now);
    }

    /// It goes on from where it stopped.
    pub(super) fn go_on(&mut self, now: Time) {
        self.behind += self.stopped.take().map_or(Duration::ZERO, |stopped| now.since(stopped));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::after_start(Duration::from_secs(seconds))
    }

    #[test]
    fn no_time_passes_while_it_stands_still() {
        let mut clock = PublicClock::default();
        assert_eq!((clock.at(at(5)), clock.when(at(6))), (at(5), Some(at(6))));
        clock.stop(at(5));
        clock.stop(at(7));
        assert_eq!((clock.at(at(9)), clock.when(at(6))), (at(5), None));
        clock.go_on(at(15));
        clock.go_on(at(16));
        assert_eq!((clock.at(at(15)), clock.when(at(6))), (at(5), Some(at(16))));
        clock.stop(at(16));
        clock.go_on(at(17));
        assert_eq!(clock.at(at(18)), at(7));
    }
}
