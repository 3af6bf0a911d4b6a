//! The ways of a peer: how fast it sends and reads, what it does at the end, and in the middle.

use std::time::Duration;

use super::Length;
use crate::random::Random;

/// How fast a peer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Any number of bytes up to this one, then a pause of any length up to that one.
    Any { bytes_max: usize, pause_max: Duration },
    /// Always so many bytes, and so long a pause.
    Steady { bytes: usize, pause: Duration },
}

/// What a peer does when it has nothing more to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The last request says `close`, or is HTTP/1.0: the server ends it.
    Asked,
    /// It closes its side right behind its last request, and reads on.
    HalfCloseAtOnce,
    /// It closes its side behind the last answer.
    HalfCloseAfter,
    /// It stays until the server has had enough.
    Stay,
}

/// Something that a peer does in the middle of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    pub when: When,
    pub how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once it has sent all its bytes: there are no more than these.
    AllSent,
    /// Once it has so many bytes of answers.
    Received(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It sends nothing more.
    Silence,
    /// It closes its side, and reads on.
    End,
    /// It resets the connection.
    Reset,
    /// It closes everything: what comes then is answered by a reset.
    Leave,
}

/// How a peer takes its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    Everything,
    /// So many bytes and no more.
    UpTo(usize),
    /// So many bytes at a time.
    Sips {
        bytes: usize,
        every: Duration,
    },
}

/// Whether a peer is as fast as the server asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merit {
    /// No deadline may ever end it, but for that between requests.
    Prompt,
    Slow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Correct,
    /// Ends in bytes that are no acceptable request.
    Garbage,
    /// Sends requests in which a few bytes are changed.
    Mutant,
    /// Sends a request that may hide another.
    Smuggler,
    /// Never reads, or only the beginning.
    NeverReads,
    /// Reads a large answer at some steady speed.
    SlowReader,
    /// Sends a body at some steady speed.
    SlowSender,
    /// Resets the connection somewhere.
    Vanishes,
    /// Closes its side somewhere.
    EndsEarly,
    /// Closes everything somewhere.
    Leaves,
    /// Asks for what comes over time, and is gone in the middle.
    Watcher,
    /// Connects and says nothing.
    Silent,
    /// Sends a head that never ends, a byte at a time.
    DripsHead,
    /// Sends empty lines for ever behind an answered request.
    DripsBlanks,
    /// Stops in the middle of a message.
    Stalls,
    /// Goes on talking behind the request that it called its last.
    TalksOn,
}

/// Half of all peers are correct: it is they who must not notice the others.
pub(super) const KINDS: [Kind; 32] = {
    let mut kinds = [Kind::Correct; 32];
    let strange = [
        Kind::Garbage,
        Kind::Garbage,
        Kind::Mutant,
        Kind::Mutant,
        Kind::Smuggler,
        Kind::NeverReads,
        Kind::SlowReader,
        Kind::SlowSender,
        Kind::Vanishes,
        Kind::EndsEarly,
        Kind::Leaves,
        Kind::Watcher,
        Kind::Silent,
        Kind::DripsHead,
        Kind::DripsBlanks,
        Kind::Stalls,
        Kind::TalksOn,
    ];
    let mut place = 0;
    while place < strange.len() {
        kinds[place] = strange[place];
        place += 1;
    }
    kinds
};

impl Pace {
    pub(super) fn draw(length: Length, random: &mut Random) -> Pace {
        let (bytes_max, pause_millis_max) = match random.below(4) {
            _ if length == Length::Brief => (100_000, 1),
            0 => (1, 5),
            1 => (100, 10),
            2 => (1000, 10),
            _ => (100_000, 1),
        };
        Pace::Any { bytes_max, pause_max: Duration::from_millis(pause_millis_max) }
    }

    /// Whether it sends so little at a time that it must not have much to say.
    pub(super) fn is_drip(self) -> bool {
        matches!(self, Pace::Any { bytes_max: 1, .. })
    }

    /// How many bytes of a body do not make a run all drips.
    pub(super) fn bytes_worth_sending(self) -> usize {
        match self {
            Pace::Any { bytes_max, .. } => bytes_max.saturating_mul(50),
            Pace::Steady { .. } => usize::MAX,
        }
    }

    pub(super) fn without_pauses(self) -> Pace {
        match self {
            Pace::Any { bytes_max, .. } => Pace::Any { bytes_max, pause_max: Duration::ZERO },
            Pace::Steady { bytes, .. } => Pace::Steady { bytes, pause: Duration::ZERO },
        }
    }

    /// How many bytes are sent next, and how long a pause follows.
    pub fn step(self, random: &mut Random) -> (usize, Duration) {
        match self {
            Pace::Steady { bytes, pause } => (bytes, pause),
            Pace::Any { bytes_max, pause_max } => {
                let micros = random.below(pause_max.as_micros() as usize + 1);
                (random.between(1, bytes_max), Duration::from_micros(micros as u64))
            }
        }
    }
}
