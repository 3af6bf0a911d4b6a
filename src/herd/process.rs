//! The kernel's account of the server's process: CPU time, memory, descriptors.
//!
//! Read from `/proc`, a few dozen microseconds a time, so some times a second at the most.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::arguments::Refusal;

/// What a process has used by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Time on a CPU since it began, of all threads that have not ended, in nanoseconds.
    ///
    /// The kernel brings it up to date when a thread sleeps and at ticks: it lags by some
    /// milliseconds.
    pub cpu_ns: u64,
    /// Resident memory.
    pub resident_bytes: u64,
    /// Open descriptors, where the kernel tells their number without listing them (Linux 6.2).
    pub descriptors: Option<u64>,
}

/// What the user is told if `--pid` names no process that can be watched.
pub fn refused(pid: u32) -> Refusal {
    Refusal::Mistake(format!(
        "cannot read process {pid}; give --pid the number of a running process that you own (Linux \
         only)"
    ))
}

/// A process that is watched.
#[derive(Debug)]
pub struct Process {
    folder: PathBuf,
}

impl Process {
    /// The process with this number.
    pub fn new(pid: u32) -> Process {
        Process { folder: Path::new("/proc").join(pid.to_string()) }
    }

    /// Looks at it.
    ///
    /// # Errors
    /// When there is no such process, or no `/proc`.
    pub fn look(&self) -> io::Result<Reading> {
        let cpu_ns = self.cpu_ns()?;
        let status = fs::read_to_string(self.folder.join("status"))?;
        let kibibytes: Option<u64> = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
        // A process that has ended and was not reaped has no memory.
        let kibibytes = kibibytes.ok_or_else(|| io::Error::other("it has ended"))?;
        let listed = fs::metadata(self.folder.join("fd"))?.len();
        Ok(Reading {
            cpu_ns,
            resident_bytes: kibibytes * 1024,
            descriptors: (listed > 0).then_some(listed),
        })
    }

    fn cpu_ns(&self) -> io::Result<u64> {
        let mut cpu_ns = 0;
        for task in fs::read_dir(self.folder.join("task"))?.flatten() {
            // A thread may end between the listing and this line.
            let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else { continue };
            let on_cpu = text.split_whitespace().next().and_then(|word| word.parse::<u64>().ok());
            cpu_ns += on_cpu.unwrap_or_default();
        }
        Ok(cpu_ns)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_can_be_looked_at() {
        let reading = Process::new(std::process::id()).look().expect("we are running");
        assert!(reading.resident_bytes > 100_000, "{reading:?}");
        // Threads of other tests come and go, and their account with them, but this one ran.
        assert!(reading.cpu_ns > 0, "{reading:?}");
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(Process::new(u32::MAX).look().is_err());
    }
}
