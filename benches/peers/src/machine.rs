//! Where a report comes from: without this its numbers say nothing.

use std::fs;
use std::thread;
use std::time::SystemTime;

use serde::Serialize;

/// What a reader must know of the machine.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// When the measuring began, UTC.
    pub date: String,
    /// Release and build of the kernel.
    pub kernel: String,
    /// What the processor calls itself.
    pub cpu: String,
    /// How many cores we may use.
    pub cores: usize,
    /// The load averages at the start: what else was going on.
    pub load_average: String,
}

impl Machine {
    /// Looks around; what cannot be found out is said to be unknown. Call it before pinning, which
    /// hides cores.
    pub fn look() -> Machine {
        let uname = rustix::system::uname();
        let (release, version) =
            (uname.release().to_string_lossy(), uname.version().to_string_lossy());
        Machine {
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            kernel: format!("{release} {version}"),
            cpu: cpu_model().unwrap_or_else(unknown),
            cores: thread::available_parallelism().map_or(0, usize::from),
            load_average: load_average().unwrap_or_else(unknown),
        }
    }
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn load_average() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    Some(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}

fn unknown() -> String {
    "unknown".to_owned()
}
