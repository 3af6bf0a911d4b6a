//! The CPU time of a process and of all that it has started: some servers answer in child processes.

use std::fs;
use std::time::Duration;

use crate::process::Process;

/// How many processes are looked at, at most.
const PROCESSES_MAX: usize = 1000;

/// How long a process and those below it have been on a core by now; `None` if it has ended or the system
/// does not say. The time of a child that has ended is missing.
pub fn cpu_time(pid: u32) -> Option<Duration> {
    let mut cpu_ns = Process::new(pid).look().ok()?.cpu_ns;
    let mut waiting = children(pid);
    let mut looked_at = 1;
    while let Some(child) = waiting.pop() {
        looked_at += 1;
        if looked_at > PROCESSES_MAX {
            return None;
        }
        // It may have ended meanwhile.
        cpu_ns += Process::new(child).look().map_or(0, |reading| reading.cpu_ns);
        waiting.extend(children(child));
    }
    Some(Duration::from_nanos(cpu_ns))
}

/// The processes that this one has started and that have not ended.
fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let listed = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let listed: Vec<String> = listed.collect();
    listed.iter().flat_map(|list| list.split_whitespace()).flat_map(str::parse).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process::{Child, Command};

    /// Kills it at the end.
    struct Shell(Child);

    impl Drop for Shell {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn the_time_of_children_counts() {
        // The shell sleeps, and its child works until it is a second old or the shell is gone.
        let work = "(end=$(($(date +%s) + 2)); while [ $(date +%s) -lt $end ]; do :; done) & wait";
        let shell = Shell(Command::new("sh").args(["-c", work]).spawn().expect("a shell"));
        let own = || Process::new(shell.0.id()).look().map_or(0, |reading| reading.cpu_ns);
        let mut seen = Duration::ZERO;
        // A look takes some microseconds, and starts a program: that is time for the child to work.
        for _ in 0..2000 {
            seen = seen.max(cpu_time(shell.0.id()).unwrap_or_default());
            if seen > Duration::from_millis(20) {
                break;
            }
            let looked = Command::new("true").status().expect("a program");
            assert!(looked.success());
        }
        let own = Duration::from_nanos(own());
        assert!(seen > Duration::from_millis(20) && seen > 2 * own, "{seen:?}, of it {own:?}");
    }
}
