//! How many clients the descriptor limit allows.

use crate::arguments::Refusal;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not clients': standard streams, the poll twice, the signals' pipe, the
/// report's files, the probe, and what reading from `/proc` opens for a moment. That is a dozen; the
/// rest is for what libraries open.
const RESERVE: u64 = 32;

/// Raises the soft limit to the hard one, and returns how many clients fit. Where the system refuses
/// to raise it, those that fit the soft one.
pub fn clients_max() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let is_raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let limit = if is_raised { maximum } else { current };
    // No limit at all is more than the keys of clients can tell apart.
    let clients = limit.unwrap_or(u32::MAX.into()).saturating_sub(RESERVE);
    usize::try_from(clients).unwrap_or(usize::MAX)
}

/// Raises the limit as far as it can be.
///
/// # Errors
/// In a sentence, if that many clients do not fit.
pub fn allow(clients: usize) -> Result<(), Refusal> {
    let clients_max = clients_max();
    match clients <= clients_max {
        true => Ok(()),
        false => Err(Refusal::Mistake(format!(
            "{clients} clients are too many: the descriptor limit allows {clients_max}; ask for \
             fewer, or raise the limit (ulimit -Hn)"
        ))),
    }
}
