//! What the body of an answer that comes over time is going to be: how long, how long it is said
//! to be, in which pieces, and with which pauses.
//!
//! All of it follows from a number in the target, `/peer/number/stream/plan`. So the source that
//! gives the body and the model that judges it know the same, and neither asks the other.

use std::time::Duration;

use crate::answers::PADDING;
use crate::random::Random;

/// With so many pieces it comes to its end, in one more if need be: some plans are to give bytes
/// one by one, and a run should not be all of that.
const STEPS_MAX: usize = 30;

#[derive(Clone, Debug)]
pub struct Plan {
    random: Random,
    /// What the text begins with, so that no two bodies are the same.
    from: usize,
    /// How many bytes it has.
    pub total: usize,
    /// How many the client is told that it has, if it is told: perhaps more or fewer.
    pub said: Option<usize>,
    pause_max: Duration,
    /// Whether it can be woken from its pauses.
    pub waits: bool,
    given: usize,
    steps: usize,
}

/// One piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub bytes: usize,
    pub goes: Goes,
}

/// How it goes on behind a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goes {
    More,
    After(Duration),
    Wait(Duration),
    Done,
}

/// The most that an answer may be late by, in milliseconds.
const LATE_MILLIS_MAX: u64 = 8000;

/// How late the answer to this target begins, if it does not begin at once; and what kind of answer it
/// is: `/peer/number/kind/…`, or `/peer/number/late/milliseconds/kind/…`.
pub fn pause_and_kind(target: &str) -> (Option<Duration>, impl Iterator<Item = &str>) {
    let mut parts = target.split('/').skip(3).peekable();
    let pause = parts.next_if_eq(&"late").map(|_| {
        // Chance may have made anything of the number.
        let millis = parts.next().and_then(|millis| millis.parse().ok()).unwrap_or(0);
        Duration::from_millis(millis.min(LATE_MILLIS_MAX))
    });
    (pause, parts)
}

impl Plan {
    /// The plan that this target asks for, if it asks for one.
    pub fn of(target: &str) -> Option<Plan> {
        let (_, mut parts) = pause_and_kind(target);
        if parts.next() != Some("stream") {
            return None;
        }
        // Chance may have made anything of the number, too.
        let number = parts.next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let mut random = Random::new(number);
        let total = random.pick(&[0, 1, 3, 40, 600, 600, 5000, 40_000]);
        let slip = random.between(1, total / 2 + 1);
        let said = match random.below(12) {
            0..4 => Some(total),
            4 => Some(total + slip),
            5 if total > 0 => Some(total - slip.min(total)),
            _ => None,
        };
        let millis = random.pick(&[0, 1, 50, 1000, 8000]);
        let (from, pause_max) = (random.below(PADDING.len()), Duration::from_millis(millis));
        let waits = random.once_in(3);
        Some(Plan { random, from, total, said, pause_max, waits, given: 0, steps: 0 })
    }

    /// Whether somebody who waits for its end has to wait for a while.
    pub fn is_long(&self) -> bool {
        self.total >= 600 && self.pause_max >= Duration::from_secs(1)
    }

    /// The next piece, for which there is so much room.
    pub fn step(&mut self, room: usize) -> Step {
        self.steps += 1;
        let must_end = self.steps >= STEPS_MAX;
        let bytes = match self.random.below(8) {
            _ if must_end => usize::MAX,
            0 => 0,
            1 => 1,
            2 | 3 => self.random.between(2, 20),
            4 => room / 2,
            5 | 6 => room,
            _ => room + self.random.between(1, 300),
        };
        let bytes = bytes.min(self.total - self.given);
        self.given += bytes;
        // The end comes with the last bytes, or behind them.
        let is_last = self.given == self.total && (must_end || self.random.once_in(2));
        let micros = self.random.below(self.pause_max.as_micros() as usize + 1);
        let goes = match self.random.once_in(2) {
            _ if is_last => Goes::Done,
            true => Goes::More,
            false if self.waits && self.random.below(4) > 0 => {
                Goes::Wait(Duration::from_micros(micros as u64))
            }
            false => Goes::After(Duration::from_micros(micros as u64)),
        };
        Step { bytes, goes }
    }

    /// The text from some place on, as slices that are not to be followed for ever.
    pub fn text(&self, at: usize) -> impl Iterator<Item = u8> + 'static {
        PADDING.iter().copied().cycle().skip((self.from + at) % PADDING.len())
    }
}
