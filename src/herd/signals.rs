//! SIGHUP, SIGINT and SIGTERM, as events of the same poll.
//!
//! A signal handler may do next to nothing: each writes a byte to a pipe, which wakes the poll. The
//! number of bytes says how many signals came. A signal that was ignored when the process started
//! (`nohup`, a shell's background job) stays ignored.

use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream as Pipe;

use mio::net::UnixStream;
use mio::{Interest, Registry, Token};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level;

/// The signals that end a run. They are never given back: runs take as long as the process.
const ENDING: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// How many signals count between two turns of the loop. A second one ends the run at once.
const COUNTED_MAX: usize = 16;

/// The signals that end a run.
#[derive(Debug)]
pub struct Signals {
    pipe: UnixStream,
}

impl Signals {
    /// Catches the signals. One that comes before a poll is to report it is reported by that at once.
    ///
    /// # Errors
    /// If the system refuses the pipe or a handler.
    pub fn catch() -> io::Result<Signals> {
        let (pipe, end) = Pipe::pair()?;
        pipe.set_nonblocking(true)?;
        let pipe = UnixStream::from_std(pipe);
        let ignored = ignored();
        for signal in ENDING.into_iter().filter(|signal| ignored & (1 << (signal - 1)) == 0) {
            low_level::pipe::register(signal, end.try_clone()?)?;
        }
        Ok(Signals { pipe })
    }

    /// Makes a poll report them by `token`.
    ///
    /// # Errors
    /// If the system refuses that.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.pipe, token, Interest::READABLE)
    }

    /// Makes it report them no more.
    ///
    /// # Errors
    /// If the system refuses that.
    pub fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.pipe)
    }

    /// How many have come since the last call.
    pub fn take(&mut self) -> usize {
        // Fails only if none has come.
        self.pipe.read(&mut [0; COUNTED_MAX]).unwrap_or_default()
    }
}

/// For a program without a registry: it is readable once a signal has come.
impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

/// The signals that this process was started with ignored, a bit each; none where the system does
/// not say.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0)
}
