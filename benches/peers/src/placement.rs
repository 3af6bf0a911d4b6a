//! Which core runs what, and how many descriptors it may hold.
//!
//! The server and its clients get a core each. Affinity and limits are inherited, so a child is
//! placed by placing ourselves for as long as spawning takes: no code runs between fork and exec.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::failure::Failure;

/// More than any scenario opens, so that the limit is never what is measured.
const DESCRIPTORS: u64 = 100_000;

/// The two cores.
#[derive(Clone, Copy, Debug)]
pub struct Placement {
    /// Runs whichever server is being measured.
    pub server_cpu: usize,
    /// Runs the clients and the runner itself.
    pub load_cpu: usize,
}

/// Binds this thread, and whatever it spawns from now on, to one core.
///
/// # Errors
/// When there is no such core, or it is not allowed to us.
pub fn pin(cpu: usize) -> Result<(), Failure> {
    let mut cpus = CpuSet::new();
    if cpu >= CpuSet::MAX_CPU {
        return Err(Failure::Machine {
            attempt: format!("run on CPU {cpu}"),
            error: rustix::io::Errno::INVAL.into(),
        });
    }
    cpus.set(cpu);
    sched_setaffinity(None, &cpus).map_err(Failure::machine(format!("run on CPU {cpu}")))
}

/// Raises the limit on open descriptors as far as the machine lets us, up to 100,000.
///
/// Never fails: a limit that is too low shows as a failed `socket` with its own message.
pub fn raise_descriptor_limit() {
    let raised = Rlimit { current: Some(DESCRIPTORS), maximum: Some(DESCRIPTORS) };
    if setrlimit(Resource::Nofile, raised).is_ok() {
        return;
    }
    // Without privilege the hard limit is the ceiling.
    let maximum = getrlimit(Resource::Nofile).maximum;
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
