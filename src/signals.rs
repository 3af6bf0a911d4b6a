//! SIGINT, SIGTERM and SIGHUP as events of the same poll, and a handle for other threads.
//!
//! A signal handler may do next to nothing, so it writes to a pipe, and the pipe is polled like
//! every other descriptor.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::Waker;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;

/// The signals that stop a server. A hang-up is one of them: there is nothing to read in again.
const STOPPING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Catches the signals that stop a server; not a hang-up that `nohup` has us ignore. As soon as one
/// comes, `told` is set.
pub(crate) fn catch(told: &Told) -> std::io::Result<Signals> {
    let caught = STOPPING.iter().filter(|signal| **signal != SIGHUP || !is_ignored(SIGHUP));
    for signal in caught.clone() {
        signal_hook::flag::register(*signal, Arc::clone(&told.0))?;
    }
    Signals::new(caught)
}

/// Whether anybody has told the server to stop, known before the poll says so.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told(Arc<AtomicBool>);

impl Told {
    /// Whether it has been told.
    pub(crate) fn to_stop(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether the process was started with this signal ignored. Where the system does not say, not.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

/// A signal's name.
pub(crate) fn name(signal: i32) -> &'static str {
    match signal {
        SIGHUP => "SIGHUP",
        SIGINT => "SIGINT",
        SIGTERM => "SIGTERM",
        _ => "a signal",
    }
}

/// Stops a server from another thread: see [`Server::handle`](crate::Server::handle).
#[derive(Clone)]
pub struct StopHandle {
    pub(crate) waker: Arc<Waker>,
    pub(crate) told: Told,
}

impl StopHandle {
    /// Has the server drain, as a first SIGTERM does; a later call, once that has begun, has it
    /// stop at once. Returns without waiting for either. Does nothing if the server is gone.
    pub fn stop(&self) {
        self.told.0.store(true, Ordering::Relaxed);
        // It fails only if the poll is gone, and then so is the server.
        let _ = self.waker.wake();
    }
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StopHandle")
    }
}
