//! The bugs to be found, from the easiest on. Each is a plant of `tests/simulation/plants`.

use crate::plant::{Plant, root};

pub const BUGS: [&str; 12] = [
    "half-close-is-the-end",
    "dripping-refreshes-the-deadline",
    "run-queue-dropped",
    "writable-not-asked-for",
    "pipeline-without-budget",
    "rest-never-over",
    "generation-check-removed",
    "short-read-at-the-end",
    "expired-unseen",
    "drained-unseen",
    "wake-lost",
    "any-byte-is-progress",
];

/// The bug of this number, from 1 on.
pub fn bug(number: usize) -> Option<Plant> {
    let name = BUGS.get(number.checked_sub(1)?)?;
    Some(Plant::read(&root().join(format!("tests/simulation/plants/{name}.plant"))))
}
