//! How long turns take.

use std::fmt;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long some turns took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turns {
    /// How many.
    pub count: u64,
    /// How long all of them took.
    pub total: Duration,
    /// How long the longest of them took, if the clock was looked at behind every one.
    pub longest: Duration,
}

/// When the clock is looked at.
#[derive(Clone, Copy, Debug)]
pub enum Looks {
    /// Behind every turn, to find the longest. The look is part of the turn.
    EveryTurn,
    /// Behind the last one, so that looking costs the turns nothing.
    Once,
}

/// Times turns by the processor time of this thread, the kernel's work for it included. That
/// clock stands still while something else has the core; looking at it takes half a microsecond.
pub struct Clock {
    looks: Looks,
    looked: Duration,
    turns: Turns,
}

impl Clock {
    /// The first turn begins.
    pub fn start(looks: Looks) -> Clock {
        Clock { looks, looked: processor_time(), turns: Turns::default() }
    }

    /// A turn ends, and the next begins.
    pub fn end_turn(&mut self) {
        self.turns.count += 1;
        match self.looks {
            Looks::EveryTurn => self.look(),
            Looks::Once => {}
        }
    }

    /// The turns that have ended.
    pub fn stop(mut self) -> Turns {
        match self.looks {
            Looks::EveryTurn => {}
            Looks::Once => self.look(),
        }
        self.turns
    }

    fn look(&mut self) {
        let now = processor_time();
        let lasted = now - self.looked;
        self.looked = now;
        self.turns.total += lasted;
        self.turns.longest = self.turns.longest.max(lasted);
    }
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.try_into().expect("this clock begins at zero")
}

/// What several rounds came to: their median, and how far the others are from it.
pub struct Spread(Vec<f64>);

impl Spread {
    /// Of one number a round.
    pub fn of(rounds: impl IntoIterator<Item = f64>) -> Spread {
        let mut sorted: Vec<f64> = rounds.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        assert!(!sorted.is_empty(), "there is a round");
        Spread(sorted)
    }

    /// The middle one; of two, the lower.
    pub fn median(&self) -> f64 {
        self.0[(self.0.len() - 1) / 2]
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(0);
        let (least, most) = (self.0[0], self.0[self.0.len() - 1]);
        write!(f, "{:.digits$} ({least:.digits$}–{most:.digits$})", self.median())
    }
}
