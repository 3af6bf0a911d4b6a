//! The kernel's own account of a process.
//!
//! `/proc/PID/task/*/schedstat` counts nanoseconds, where `stat` counts hundredths of a second. The
//! kernel brings a thread's number up to date when the thread goes to sleep and at ticks, so it is
//! exact only for sleepers: [`settled`] waits for that.

use std::fs;
use std::ops::Sub;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::failure::Failure;

/// A server that sleeps at all does so between two requests' time; this is hundreds of them.
const PAUSE: Duration = Duration::from_millis(1);
/// A server that never sleeps is measured to within a tick of the scheduler.
const PAUSES_MAX: usize = 50;
/// Longer than any batch of clients keeps a server busy.
const QUIET: Duration = Duration::from_millis(50);
/// A server with a clock that ticks more often is never quiet.
const QUIET_LOOKS_MAX: usize = 200;

/// What a process has used since it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Time on a CPU, all threads, in nanoseconds.
    pub on_cpu: u64,
    /// Time spent ready but waiting for a CPU, all threads, in nanoseconds: somebody else's doing.
    pub waiting: u64,
    /// How many threads there were.
    pub threads: usize,
}

impl Sub for Account {
    type Output = Account;

    /// What was used between two readings; as many threads as at the later one.
    fn sub(self, earlier: Account) -> Account {
        Account {
            on_cpu: self.on_cpu - earlier.on_cpu,
            waiting: self.waiting - earlier.waiting,
            threads: self.threads,
        }
    }
}

/// The account once it stands still, that is when every thread sleeps.
///
/// # Errors
/// When the process is gone.
pub fn settled(pid: u32) -> Result<Account, Failure> {
    let mut account = read(pid)?;
    for _ in 0..PAUSES_MAX {
        thread::sleep(PAUSE);
        let later = read(pid)?;
        if later == account {
            break;
        }
        account = later;
    }
    Ok(account)
}

/// Waits until the process has done nothing for 50 ms, ten seconds at most.
///
/// # Errors
/// When the process is gone.
pub fn quiet(pid: u32) -> Result<(), Failure> {
    let mut account = read(pid)?;
    for _ in 0..QUIET_LOOKS_MAX {
        thread::sleep(QUIET);
        let later = read(pid)?;
        if later == account {
            break;
        }
        account = later;
    }
    Ok(())
}

/// How often its threads have been taken off a CPU so far, of their own accord (they slept) or
/// not. Of the threads that there are.
///
/// # Errors
/// When the process is gone.
pub fn context_switches(pid: u32) -> Result<u64, Failure> {
    let path = format!("/proc/{pid}/task");
    let tasks = fs::read_dir(&path).map_err(Failure::machine(format!("read {path}")))?;
    let statuses =
        tasks.flatten().filter_map(|it| fs::read_to_string(it.path().join("status")).ok());
    Ok(statuses.map(|status| switches_in(&status)).sum())
}

fn switches_in(status: &str) -> u64 {
    let counts = status.lines().filter_map(|line| line.split_once("voluntary_ctxt_switches:"));
    counts.filter_map(|(_, count)| count.trim().parse::<u64>().ok()).sum()
}

/// Resident memory, in bytes.
///
/// # Errors
/// When the process is gone.
pub fn resident_bytes(pid: u32) -> Result<u64, Failure> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(Failure::machine(format!("read {path}")))?;
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    kibibytes
        .map(|kibibytes: u64| kibibytes * 1024)
        .ok_or_else(|| Failure::server("has ended".to_owned()))
}

fn read(pid: u32) -> Result<Account, Failure> {
    let path = format!("/proc/{pid}/task");
    let tasks = fs::read_dir(&path).map_err(Failure::machine(format!("read {path}")))?;
    let mut account = Account { on_cpu: 0, waiting: 0, threads: 0 };
    for task in tasks.flatten() {
        // A thread may end between the listing and this line.
        let Some((on_cpu, waiting)) = schedstat(&task.path()) else { continue };
        account.on_cpu += on_cpu;
        account.waiting += waiting;
        account.threads += 1;
    }
    if account.threads == 0 {
        return Err(Failure::server("has ended"));
    }
    Ok(account)
}

/// Nanoseconds on a CPU and waiting for one.
fn schedstat(task: &Path) -> Option<(u64, u64)> {
    let text = fs::read_to_string(task.join("schedstat")).ok()?;
    let mut numbers = text.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}
