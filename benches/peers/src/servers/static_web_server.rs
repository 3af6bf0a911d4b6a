//! static-web-server, which is built on tokio and hyper: one worker thread, on the one core.

use std::io;
use std::path::Path;
use std::process::Command;

use super::Prepared;
use crate::peer::free_address;
use crate::running::Announcement;
use crate::scenario::Scenario;
use crate::site::FOLDER;

/// Without its compression, which the clients do not ask for.
pub fn prepare(program: &Path, scenario: &Scenario, at: &Path) -> io::Result<Prepared> {
    let address = free_address()?;
    if let Some(site) = scenario.answer.site() {
        site.write(at)?;
    }
    let mut command = Command::new(program);
    command.arg("--host").arg(address.ip().to_string());
    command.arg("--port").arg(address.port().to_string());
    command.arg("--root").arg(at.join(FOLDER));
    command.args(["--threads-multiplier", "1", "--log-level", "error", "--compression", "false"]);
    // It takes the number of cores for a number of threads, and would use both.
    command.env("TOKIO_WORKER_THREADS", "1");
    Ok((command, Announcement::Told(address)))
}
