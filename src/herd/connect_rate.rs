//! How quickly connections are made: evenly, and none for a while after one has failed.

use std::time::Duration;

use oneloop::engine::Time;

/// A delay of the loop up to this long is made up for. A longer one is not: the burst behind it would be
/// caused by this program.
const SLACK: Duration = Duration::from_millis(10);

/// How long no connection is opened after one has failed, so that a server that is gone does not keep
/// the loop busy.
const RESPITE: Duration = Duration::from_millis(100);

/// How long no connection is opened after a Unix socket's queue was full, which nothing reports to have
/// room again.
const FULL_PAUSE: Duration = Duration::from_millis(1);

/// The moments at which a connection may be begun.
#[derive(Debug)]
pub struct ConnectRate {
    pause: Duration,
    /// Since the start: in nanoseconds, as a pause may be no whole number of microseconds.
    next: Duration,
    held_until: Time,
}

impl ConnectRate {
    /// At most `rate` a second, which is above 0.
    pub fn new(rate: f64) -> ConnectRate {
        let pause = Duration::from_secs_f64(1.0 / rate);
        ConnectRate { pause, next: Duration::ZERO, held_until: Time::START }
    }

    /// When connections to keep or to hold may next be begun.
    pub fn next(&self) -> Time {
        Time::after_start(self.next).max(self.held_until)
    }

    /// When any may.
    pub fn held_until(&self) -> Time {
        self.held_until
    }

    /// Counts one that is to be kept or held.
    pub fn on_begun(&mut self, now: Time) {
        let now = now.since(Time::START);
        if now.saturating_sub(self.next) > SLACK {
            self.next = now;
        }
        self.next += self.pause;
    }

    /// There was no room for one.
    pub fn on_full(&mut self, now: Time) {
        self.held_until = now + FULL_PAUSE;
    }

    /// One has failed.
    pub fn on_failed(&mut self, now: Time) {
        self.held_until = now + RESPITE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::after_start(Duration::from_millis(millis))
    }

    /// How many are begun in these milliseconds, by a caller that begins all that are allowed.
    fn begun(pace: &mut ConnectRate, millis: impl Iterator<Item = u64>) -> usize {
        let mut count = 0;
        for now in millis.map(at) {
            while pace.next() <= now {
                pace.on_begun(now);
                count += 1;
            }
        }
        count
    }

    #[test]
    fn as_many_are_begun_as_the_rate_says() {
        assert_eq!(begun(&mut ConnectRate::new(15_000.0), 1..=1000), 15_000);
        let rarely_looked = begun(&mut ConnectRate::new(1000.0), (1..=1000).step_by(9));
        assert!((990..=1001).contains(&rarely_looked), "{rarely_looked}");
    }

    #[test]
    fn a_pause_is_not_made_up_for_by_a_burst() {
        let mut pace = ConnectRate::new(1000.0);
        begun(&mut pace, 1..=100);
        assert_eq!(begun(&mut pace, 5000..=5000), 1);
    }

    #[test]
    fn a_failure_is_followed_by_a_respite() {
        let mut pace = ConnectRate::new(1000.0);
        pace.on_failed(at(50));
        assert_eq!((pace.next(), pace.held_until()), (at(150), at(150)));
    }
}
