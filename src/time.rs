//! The loop's own reading of the clock, as a value that is passed around.
//!
//! Only [`Server`](crate::Server) asks what time it is: once a turn, and once more in slow motion or
//! with an admin listener. Everything below gets the time as an argument, so a simulation can run an
//! hour in a millisecond.

use std::ops::Add;
use std::time::Duration;

/// A moment, in whole microseconds since the loop began: no poll wakes more exactly.
///
/// Eight bytes where an `Instant` takes sixteen. What is kept of each client takes seven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(u64);

/// The last moment: seven bytes, 2,283 years after the loop began. Later ones are taken for it.
const LAST: u64 = u64::MAX >> 8;

impl Time {
    /// The moment at which the loop began.
    pub const START: Time = Time(0);

    /// The moment that lies `elapsed` after the loop began, or less than a microsecond before that.
    pub fn after_start(elapsed: Duration) -> Time {
        Time(u64::try_from(elapsed.as_micros()).unwrap_or(LAST).min(LAST))
    }

    /// In whole milliseconds, for what is kept of each client: they begin anew after 49 days.
    #[inline]
    pub(crate) fn millis(self) -> u32 {
        (self.0 / 1000) as u32
    }

    /// How long after `earlier` this moment lies; zero if it does not.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.micros_since(earlier))
    }

    /// The same in microseconds. A `Duration` takes a division more.
    #[inline]
    pub(crate) fn micros_since(self, earlier: Time) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment this many microseconds after this one.
    #[inline]
    pub(crate) fn after_micros(self, micros: u64) -> Time {
        Time(self.0.saturating_add(micros).min(LAST))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    /// Rounded up to a microsecond: what waits for this moment never ends early.
    fn add(self, later: Duration) -> Time {
        self.after_micros(micros(later))
    }
}

/// A length in seconds, with no more digits than it has. Floating-point numbers would say the same, and
/// writing those takes 16 KiB of the program.
pub(crate) fn seconds(length: Duration) -> String {
    let text = format!("{}.{:09}", length.as_secs(), length.subsec_nanos());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The same with three digits behind the point, rounded.
pub(crate) fn seconds_and_millis(length: Duration) -> String {
    let rounded = length.saturating_add(Duration::from_micros(500));
    format!("{}.{:03}", rounded.as_secs(), rounded.subsec_millis())
}

/// A length of time in microseconds. A part of one counts as one.
pub(crate) fn micros(length: Duration) -> u64 {
    let micros = u64::from(length.subsec_nanos().div_ceil(1000));
    length.as_secs().saturating_mul(1_000_000).saturating_add(micros)
}

/// A [`Time`] in seven bytes, of a client: beside it there is room for a byte more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PackedTime([u8; 7]);

impl From<Time> for PackedTime {
    #[inline(always)]
    fn from(time: Time) -> PackedTime {
        let [bytes @ .., _] = time.0.to_le_bytes();
        PackedTime(bytes)
    }
}

impl From<PackedTime> for Time {
    #[inline(always)]
    fn from(PackedTime([a, b, c, d, e, f, g]): PackedTime) -> Time {
        Time(u64::from_le_bytes([a, b, c, d, e, f, g, 0]))
    }
}

/// The smaller of what is there. Plainer for the compiler than an iterator: there are several a turn.
#[inline]
pub(crate) fn sooner<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_packed_without_loss_up_to_the_last() {
        for micros in [0, 1, 255, 256, 0x0001_0203_0405_0607, LAST] {
            assert_eq!(Time::from(PackedTime::from(Time(micros))), Time(micros));
        }
        for last in [Time::after_start(Duration::MAX), Time::START + Duration::MAX] {
            assert_eq!(Time::from(PackedTime::from(last)), last);
            assert_eq!(last + Duration::from_nanos(1), last);
        }
    }

    #[test]
    fn a_part_of_a_microsecond_that_has_passed_does_not_count_and_one_to_be_waited_for_does() {
        let part = Duration::from_nanos(1);
        assert_eq!(Time::after_start(part), Time::START);
        assert_eq!(Time::START + part, Time(1));
        assert_eq!(Time(5) + Duration::new(2, 999_999_001), Time(3_000_005));
    }

    #[test]
    fn seconds_have_the_digits_that_they_need() {
        let told = |nanos: u64| {
            let length = Duration::from_nanos(nanos);
            (seconds(length), seconds_and_millis(length))
        };
        for (nanos, exact, rounded) in [
            (0, "0", "0.000"),
            (1, "0.000000001", "0.000"),
            (499_999, "0.000499999", "0.000"),
            (500_000, "0.0005", "0.001"),
            (1_024_000_000, "1.024", "1.024"),
            (10_000_000_000, "10", "10.000"),
            (1_999_500_000, "1.9995", "2.000"),
        ] {
            assert_eq!(told(nanos), (exact.to_owned(), rounded.to_owned()));
        }
        let longest = seconds_and_millis(Duration::MAX);
        assert!(longest.starts_with("18446744073709551615."), "{longest}");
    }
}
