//! The server's process: what it uses, how many descriptors it may have, and its end.

use std::fs;
use std::io;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use super::listeners;
use super::verdict::Problem;
#[cfg(not(target_os = "linux"))]
use super::verdict::not_tried;
use crate::process::Process;
use crate::server::Server;

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
    pub fn cpu(&self) -> Result<Duration, Problem> {
        let look = self.process.look().map(|reading| Duration::from_nanos(reading.cpu_ns));
        look.map_err(|reason| self.unreadable(&reason))
    }

    /// Whether it has not ended. If it cannot be looked at, it is there all the same.
    pub fn is_alive(&self) -> bool {
        self.process.look().map_or_else(|reason| !is_end(&reason), |_| true)
    }

    /// How many descriptors it has.
    pub fn descriptors(&self) -> Result<u64, Problem> {
        let listed = fs::read_dir(format!("/proc/{}/fd", self.pid));
        listed.map(|listed| listed.count() as u64).map_err(|reason| self.unreadable(&reason))
    }

    /// Whether one of its descriptors is a socket that listens at the server's place.
    pub fn is_listening(&self, server: Server) -> Result<bool, Problem> {
        let listeners = listeners::of(self.pid, server);
        let folder = format!("/proc/{}/fd", self.pid);
        let listed = fs::read_dir(folder).map_err(|reason| self.unreadable(&reason))?;
        let mut links = listed.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
        Ok(links.any(|link| listeners.contains(link.to_string_lossy().as_ref())))
    }

    /// The server's failure only if the process has ended: what it may read is the examiner's matter.
    fn unreadable(&self, reason: &io::Error) -> Problem {
        match self.is_alive() {
            true => Problem::NotTried(format!(
                "cannot read the process {}: {reason}; examine as its user",
                self.pid
            )),
            false => Problem::Failed(format!("the process {} has ended", self.pid)),
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
    pub fn leave(&self, free: u64) -> Result<Shortage, Problem> {
        use rustix::process::{Resource, Rlimit, prlimit};

        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let current = Some(self.descriptors()? + free);
        let set = |rlimit| {
            prlimit(pid, Resource::Nofile, rlimit).map_err(|reason| {
                Problem::NotTried(format!("cannot limit its descriptors: {reason}"))
            })
        };
        // The call tells the old limits, and may raise the hard one only as root: so that stays.
        let hard = limit_of(self.pid).map_err(Problem::NotTried)?;
        let before = set(Rlimit { current, maximum: hard })?;
        Ok(Shortage { pid, before })
    }

    /// Only Linux lets one process limit another.
    #[cfg(not(target_os = "linux"))]
    pub fn leave(&self, _free: u64) -> Result<Shortage, Problem> {
        not_tried("only Linux lets one process limit another")
    }
}

/// Whether a process cannot be looked at because it has ended: it is not there, or was not reaped.
fn is_end(reason: &io::Error) -> bool {
    let is_gone = Errno::from_io_error(reason) == Some(Errno::SRCH);
    is_gone || matches!(reason.kind(), io::ErrorKind::NotFound | io::ErrorKind::Other)
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
