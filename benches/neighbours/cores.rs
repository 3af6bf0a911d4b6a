//! Where threads run.

use std::thread;

use rustix::thread::{CpuSet, sched_setaffinity};

/// The core of the server's thread, and that of the clients'.
pub const SERVER: usize = 0;
pub const CLIENTS: usize = 1;

/// Keeps the calling thread on this core, if there are two. Where the system refuses that, threads
/// run wherever they do.
pub fn stay_on(core: usize) {
    if thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
        let mut cores = CpuSet::new();
        cores.set(core);
        let _ = sched_setaffinity(None, &cores);
    }
}
