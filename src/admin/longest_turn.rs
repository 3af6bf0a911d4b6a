//! How long the loop has worked at the longest between two polls: no client is served meanwhile.

use std::time::Duration;

use crate::time::Time;

/// How long the longest turn stays one of late, at least. A program that asks more seldom than this
/// misses some.
const SPAN: Duration = Duration::from_secs(60);

/// How long the longest turn took, since the start and of late.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LongestTurn {
    since_start: Duration,
    /// In the present span, and in the one before.
    spans: [Duration; 2],
    span_began: Time,
}

impl LongestTurn {
    /// A turn that has ended `at` this time took this long.
    #[inline]
    pub(super) fn note(&mut self, took: Duration, at: Time) {
        self.go_on(at);
        self.since_start = self.since_start.max(took);
        self.spans[0] = self.spans[0].max(took);
    }

    /// Of all turns since the start.
    pub(super) fn since_start(self) -> Duration {
        self.since_start
    }

    /// Of those that have ended in the last minute before `now`; perhaps of the last two.
    pub(super) fn of_late(mut self, now: Time) -> Duration {
        self.go_on(now);
        self.spans[0].max(self.spans[1])
    }

    /// Begins another span if the present one is over.
    #[inline]
    fn go_on(&mut self, now: Time) {
        let passed = now.since(self.span_began);
        if passed >= SPAN {
            let before = if passed < SPAN * 2 { self.spans[0] } else { Duration::ZERO };
            self.spans = [Duration::ZERO, before];
            self.span_began = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_of_late_for_one_or_two_minutes_and_the_longest_for_ever() {
        let second = |seconds| Time::START + Duration::from_secs(seconds);
        let millis = Duration::from_millis;
        let mut longest = LongestTurn::default();
        assert_eq!(longest.of_late(second(1)), millis(0));
        longest.note(millis(50), second(1));
        longest.note(millis(7), second(30));
        for (at, of_late) in [(30, 50), (59, 50), (60, 50), (119, 50), (120, 0), (500, 0)] {
            assert_eq!(longest.of_late(second(at)), millis(of_late), "after {at} s");
        }
        longest.note(millis(9), second(70));
        assert_eq!(longest.of_late(second(129)), millis(50));
        assert_eq!(longest.of_late(second(130)), millis(9));
        longest.note(millis(3), second(135));
        assert_eq!(longest.of_late(second(194)), millis(9));
        assert_eq!(longest.of_late(second(195)), millis(3));
        assert_eq!(longest.since_start(), millis(50));
    }
}
