//! Reading a directory, slice by slice.

use std::time::Duration;

use super::super::directory::{Directory, Served};
use super::super::failure::Failure;
use super::super::path::{DotFiles, is_shown};
use super::list::{List, Remaining};
use super::page;
use crate::time::Time;

/// What is looked at in one slice, in entries that are no links: 0.5 ms of work while everything is
/// in memory. As slices are read for half of the time, larger ones would end hardly sooner; and a turn
/// would be longer, above all the first, for which nothing is in the processor's caches.
pub(super) const SLICE_COST: usize = 160;

/// How long looking at an entry takes that is no link, with what its list costs.
const ENTRY: Duration = Duration::from_micros(3);

/// How many entries can be put into all orders while one is looked at.
const SORTED_PER_COST: usize = 20;

/// How many entries of one directory are looked at: a second's work, in slices. Of a larger one the
/// page says that there are more, and shows the first of these.
const LOOKED_AT_MAX: usize = 500_000;

/// A directory that is being read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) directory: Directory,
    dot_files: DotFiles,
    pub(super) list: List,
    pub(super) looked_at: usize,
    /// What has been done since this was last taken, in entries that are no links.
    cost: usize,
    /// When the last slice was read.
    pub(super) at: Time,
}

impl Reading {
    pub(super) fn new(directory: Directory, dot_files: DotFiles, now: Time) -> Reading {
        Reading { directory, dot_files, list: List::default(), looked_at: 0, cost: 0, at: now }
    }

    /// How long what was done since the last call takes, while everything is in memory.
    pub(super) fn take_effort(&mut self) -> Duration {
        let cost = std::mem::take(&mut self.cost);
        ENTRY * u32::try_from(cost).unwrap_or(u32::MAX)
    }

    /// Reads one slice, or makes room for the next ones.
    pub(super) fn read_slice(&mut self, now: Time) -> Remaining {
        self.at = now;
        if self.list.is_full() {
            self.cost += self.list.len() / SORTED_PER_COST;
            self.list.leave_out(page::row_bytes_min, page::ROWS_BYTES_MAX);
            return Remaining::More;
        }
        let mut found = Vec::new();
        let remaining = self.look(&mut found);
        self.list.merge(found);
        remaining
    }

    /// Looks at one slice, and puts what can be served into `found`.
    fn look(&mut self, found: &mut Vec<(Box<[u8]>, Served)>) -> Remaining {
        let in_root = self.directory.name().is_empty();
        let dot_files = self.dot_files;
        let mut left = SLICE_COST;
        while left > 0 {
            if self.looked_at == LOOKED_AT_MAX {
                return Remaining::TooMuch;
            }
            match self.directory.next(|name| is_shown(name, in_root, dot_files)) {
                None => return Remaining::Nothing,
                Some(Err(failure)) => {
                    return if failure == Failure::Missing {
                        Remaining::Nothing
                    } else {
                        Remaining::Unreadable
                    };
                }
                Some(Ok(look)) => {
                    left = left.saturating_sub(look.cost);
                    self.cost += look.cost;
                    self.looked_at += 1;
                    if let Some(served) = look.served {
                        found.push((look.name, served));
                    }
                }
            }
        }
        Remaining::More
    }
}
