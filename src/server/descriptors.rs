//! How many descriptors the process may have, and so how many clients.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not clients': the poll, signals, the waker, the alarm, standard streams, a log
/// file, a directory, a file or two that a handler opens for a moment, and one for the connection that
/// is accepted before another is evicted for it.
const RESERVE: u64 = 31;

/// The descriptor limit before and after raising it to what the system allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptors {
    pub(crate) before: u64,
    pub(crate) now: u64,
}

/// Raises the soft limit to the hard one. Where the system refuses, the soft one stays: fewer
/// clients are no reason not to serve any.
pub(crate) fn raise_limit() -> Descriptors {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // No limit at all is given out as the number that the slab's keys could reach at the most.
    let (before, wanted) = (current.unwrap_or(u32::MAX.into()), maximum.unwrap_or(u32::MAX.into()));
    let raised = before < wanted
        && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    Descriptors { before, now: if raised { wanted } else { before } }
}

impl Descriptors {
    /// How many clients these are enough for, with `set_apart` descriptors for others, such as
    /// listeners and files. Under a tiny limit, half of it, but at least one.
    pub(crate) fn clients_max(self, set_apart: usize) -> usize {
        let taken = RESERVE.saturating_add(set_apart as u64);
        let clients = self.now.saturating_sub(taken).max(self.now / 2).max(1);
        usize::try_from(clients).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_descriptors_are_for_clients() {
        let clients = |now, set_apart| Descriptors { before: now, now }.clients_max(set_apart);
        let clients_max = [clients(20_000, 1), clients(64, 1), clients(16, 1), clients(1, 1)];
        assert_eq!(clients_max, [19_968, 32, 8, 1]);
        assert_eq!([clients(20_000, 33), clients(64, 33)], [19_936, 32]);
    }

    #[test]
    fn the_limit_is_raised_to_its_maximum() {
        let raised = raise_limit();
        assert!(raised.now >= raised.before);
        let again = raise_limit();
        assert_eq!((again.before, again.now), (raised.now, raised.now));
    }
}
