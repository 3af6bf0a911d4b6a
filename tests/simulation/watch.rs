//! Watches one connection for deadlines that pass without the server acting.
//!
//! It sees only what crosses the system-call boundary, and when: bytes consumed, bytes taken, our
//! side ended. From the peer's script it knows what each byte belongs to. `since` is never earlier
//! than what the server may count from, so whoever is still there at the bound is late.

use std::time::Duration;

use oneloop::Timeouts;
use oneloop::engine::Time;

/// Where one message of the script lies among the bytes that the peer sends.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    pub blank_end: usize,
    pub head_end: usize,
    pub end: usize,
}

/// What the server has to be waiting for, by what it has consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    FirstByte,
    Between,
    /// In the empty lines that may stand before a request.
    Blank,
    Head,
    Body,
    Write,
    Linger,
}

#[derive(Debug)]
pub struct Watch {
    bounds: Vec<Bound>,
    message: usize,
    pub consumed: usize,
    part: Part,
    part_since: Time,
    last_read: Time,
    last_write: Time,
    shut: Option<Time>,
}

impl Watch {
    pub fn new(bounds: Vec<Bound>) -> Watch {
        let start = Time::START;
        Watch {
            bounds,
            message: 0,
            consumed: 0,
            part: Part::FirstByte,
            part_since: start,
            last_read: start,
            last_write: start,
            shut: None,
        }
    }

    pub fn on_accept(&mut self, now: Time) {
        (self.part_since, self.last_write, self.last_read) = (now, now, now);
    }

    pub fn on_read(&mut self, bytes: usize, now: Time) {
        self.consumed += bytes;
        self.last_read = now;
        let before = (self.message, self.part);
        while self.bounds.get(self.message).is_some_and(|bound| bound.end <= self.consumed) {
            self.message += 1;
        }
        let start = self.message.checked_sub(1).map_or(0, |last| self.bounds[last].end);
        self.part = match self.bounds.get(self.message) {
            None => Part::Between,
            Some(_) if self.consumed == start => Part::Between,
            Some(bound) if self.consumed < bound.blank_end => Part::Blank,
            Some(bound) if self.consumed == bound.blank_end && bound.blank_end > start => {
                Part::Blank
            }
            Some(bound) if self.consumed < bound.head_end => Part::Head,
            Some(_) => Part::Body,
        };
        if (self.message, self.part) != before {
            self.part_since = now;
        }
    }

    pub fn on_write(&mut self, now: Time) {
        self.last_write = now;
    }

    pub fn on_shutdown(&mut self, now: Time) {
        self.shut = Some(now);
    }

    /// What it waits for; `blocked` if its last write found no room.
    pub fn part(&self, blocked: bool) -> Part {
        match self.shut {
            _ if blocked => Part::Write,
            Some(_) => Part::Linger,
            None => self.part,
        }
    }

    /// When the server last had a byte taken; at first, when it accepted.
    pub fn last_write(&self) -> Time {
        self.last_write
    }

    /// When the last byte went one way or the other.
    fn last_moved(&self) -> Time {
        self.last_read.max(self.last_write)
    }

    /// When the server must have acted at the latest.
    pub fn bound(&self, blocked: bool, timeouts: &Timeouts) -> Time {
        let late = |timeout: Duration| timeout + timeout / 64;
        let head = late(timeouts.head.max(timeouts.typing_grace.unwrap_or_default()));
        match self.part(blocked) {
            Part::FirstByte => self.part_since + late(timeouts.first_byte),
            Part::Between => self.last_write + late(timeouts.idle),
            // Empty lines do not make a client any less idle, but the last may be half a head.
            Part::Blank => self.last_write + late(timeouts.idle) + head,
            Part::Head => self.part_since.max(self.last_write) + head,
            Part::Body => self.last_moved() + late(timeouts.body),
            Part::Write => self.last_moved() + late(timeouts.write),
            Part::Linger => self.shut.unwrap_or(self.last_write) + late(timeouts.linger),
        }
    }
}
