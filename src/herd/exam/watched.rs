//! The server's process: what it uses, how many descriptors it may have, and its end.

use std::fs;
use std::io;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::process::Process;

/// A process that the user has named.
#[derive(Debug)]
pub struct Watched {
    pid: u32,
    process: Process,
}

impl Watched {
    pub fn new(pid: u32) -> Watched {
        Watched { pid, process: Process::new(pid) }
    }

    /// How long it has been on a core.
    pub fn cpu(&self) -> Result<Duration, String> {
        let look = self.process.look().map(|reading| Duration::from_nanos(reading.cpu_ns));
        look.map_err(|reason| self.unreadable(&reason))
    }

    /// Whether it has not ended.
    pub fn is_alive(&self) -> bool {
        self.process.look().is_ok()
    }

    /// How many descriptors it has.
    pub fn descriptors(&self) -> Result<u64, String> {
        let listed = fs::read_dir(format!("/proc/{}/fd", self.pid));
        listed.map(|listed| listed.count() as u64).map_err(|reason| self.unreadable(&reason))
    }

    fn unreadable(&self, reason: &io::Error) -> String {
        match self.is_alive() {
            true => format!("cannot read the process {}: {reason}", self.pid),
            false => format!("the process {} has ended", self.pid),
        }
    }

    /// Asks it to stop.
    pub fn terminate(&self) -> Result<(), String> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or("there is no such process")?;
        kill_process(pid, Signal::TERM).map_err(|reason| format!("cannot signal it: {reason}"))
    }

    /// Leaves it this many free descriptors, until the value is dropped.
    #[cfg(target_os = "linux")]
    pub fn leave(&self, free: u64) -> Result<Shortage, String> {
        use rustix::process::{Resource, Rlimit, prlimit};

        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let current = Some(self.descriptors()? + free);
        let set = |rlimit| {
            prlimit(pid, Resource::Nofile, rlimit)
                .map_err(|reason| format!("cannot limit its descriptors: {reason}"))
        };
        // The call tells the old limits, and may raise the hard one only as root: so that stays.
        let hard = limit_of(self.pid)?;
        let before = set(Rlimit { current, maximum: hard })?;
        Ok(Shortage { pid, before })
    }

    /// Only Linux lets one process limit another.
    #[cfg(not(target_os = "linux"))]
    pub fn leave(&self, _free: u64) -> Result<Shortage, String> {
        Err("only Linux lets one process limit another".to_owned())
    }
}

/// The hard limit of a process's descriptors; none if it is unlimited.
#[cfg(target_os = "linux")]
fn limit_of(pid: u32) -> Result<Option<u64>, String> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits"));
    let limits = limits.map_err(|reason| format!("cannot read its limits: {reason}"))?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    Ok(line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()))
}

/// A process that has few descriptors, until this is dropped.
#[derive(Debug)]
pub struct Shortage {
    #[cfg(target_os = "linux")]
    pid: Option<Pid>,
    #[cfg(target_os = "linux")]
    before: rustix::process::Rlimit,
}

#[cfg(target_os = "linux")]
impl Drop for Shortage {
    fn drop(&mut self) {
        let limit =
            rustix::process::Rlimit { current: self.before.current, maximum: self.before.maximum };
        // It fails if the process has ended, which no longer needs any.
        let _ = rustix::process::prlimit(self.pid, rustix::process::Resource::Nofile, limit);
    }
}
