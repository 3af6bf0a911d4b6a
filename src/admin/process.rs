//! What the system says of this process.
//!
//! Three short files that the kernel writes from memory, and a call: some tens of microseconds. It
//! is asked only when a watcher wants to know.

use std::fs;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, DynamicClockId, clock_gettime_dynamic};

/// What it says at one moment; `None` is what it does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// Time on a processor, of all its threads.
    pub(crate) processor_time: Duration,
    pub(crate) resident_bytes: Option<u64>,
    pub(crate) descriptors: Option<u64>,
    pub(crate) descriptors_max: Option<u64>,
}

/// Asks.
pub(crate) fn look() -> Process {
    // The call that cannot fail panics where a sandbox refuses it.
    let time = clock_gettime_dynamic(DynamicClockId::Known(ClockId::ProcessCPUTime));
    let processor_time = time.ok().and_then(|time| Duration::try_from(time).ok());
    Process {
        processor_time: processor_time.unwrap_or_default(),
        resident_bytes: resident_bytes(),
        // Linux says since 6.2 by the folder's size how many entries it has.
        descriptors: fs::metadata("/proc/self/fd")
            .map(|folder| folder.len())
            .ok()
            .filter(|descriptors| *descriptors > 0),
        descriptors_max: getrlimit(Resource::Nofile).current,
    }
}

fn resident_bytes() -> Option<u64> {
    let status = read_status()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// What the kernel writes of this process, by three calls. The standard library makes calls again
/// that a signal interrupts, however often that is.
fn read_status() -> Option<String> {
    /// The lines up to the one that is looked for take a fifth of this.
    const BYTES_MAX: usize = 8192;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open("/proc/self/status", flags, Mode::empty()).ok()?;
    let mut bytes = vec![0; BYTES_MAX];
    let read = rustix::io::read(&file, &mut bytes).ok()?;
    bytes.truncate(read);
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn it_has_used_time_and_memory() {
        let process = super::look();
        assert!(process.processor_time > std::time::Duration::ZERO);
        assert!(process.resident_bytes.is_some_and(|bytes| bytes > 100_000));
        assert!(process.descriptors_max.is_none_or(|max| max > 2));
    }
}
