//! A started server.
//!
//! Its invariant: the process does not outlive the value, nor this program. Dropping kills it by
//! its id and reaps it; if we are killed ourselves, the kernel kills it (`setpriv --pdeathsig`,
//! which then becomes the server).

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddrV4, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::failure::Failure;
use crate::placement::{self, Placement};
use crate::scenario::Scenario;
use crate::servers::Server;

/// How a server's address becomes known.
#[derive(Clone, Copy, Debug)]
pub enum Announcement {
    /// It says `listening on http://ADDRESS/` on standard error.
    Line,
    /// It was told.
    Told(SocketAddrV4),
}

/// How to start a server.
#[derive(Debug)]
pub struct Start {
    /// The program with its arguments.
    pub command: Command,
    /// How its address becomes known.
    pub announcement: Announcement,
    /// Files that it needs; removed once it has ended.
    pub directory: TempDir,
}

/// A server that listens, on its own core.
#[derive(Debug)]
pub struct Running {
    child: Child,
    address: SocketAddrV4,
    /// Removed after the child has ended, since `drop` runs before the fields'.
    _directory: TempDir,
}

/// What the server says goes here: a pipe that nobody empties would stop it one day.
const LOG: &str = "stderr.log";
/// Ten seconds altogether: far more than any server needs, even on a busy machine.
const LOOKS_MAX: usize = 2000;
const LOOK_PAUSE: Duration = Duration::from_millis(5);

impl Running {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// When it cannot be started, ends at once, or does not listen within ten seconds.
    pub fn start(start: Start, placement: Placement) -> Result<Running, Failure> {
        let log = start.directory.path().join(LOG);
        let stderr = File::create(&log).map_err(Failure::machine("make a log file"))?;
        let mut command = bound_to_us(&start.command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);

        // The child inherits the core; see `placement`.
        placement::pin(placement.server_cpu)?;
        let spawned = command.spawn();
        placement::pin(placement.load_cpu)?;
        let mut child = spawned.map_err(Failure::machine(format!("start {:?}", start.command)))?;
        if let Some(mut log) = child.stdout.take() {
            // An access log, if it writes one. Read on the clients' core, until the server has gone.
            thread::spawn(move || io::copy(&mut log, &mut io::sink()));
        }

        let unknown = SocketAddrV4::new(std::net::Ipv4Addr::UNSPECIFIED, 0);
        let mut running = Running { child, address: unknown, _directory: start.directory };
        running.address = running.await_address(start.announcement, &log)?;
        Ok(running)
    }

    /// The same for a server of the table.
    ///
    /// # Errors
    /// As [`Running::start`], or when its files cannot be written.
    pub fn start_server(
        server: &Server,
        program: &Path,
        scenario: &Scenario,
        placement: Placement,
    ) -> Result<Running, Failure> {
        Running::start(server.start(program, scenario)?, placement)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn await_address(
        &mut self,
        announcement: Announcement,
        log: &Path,
    ) -> Result<SocketAddrV4, Failure> {
        for _ in 0..LOOKS_MAX {
            let address = match announcement {
                Announcement::Line => announced(&fs::read_to_string(log).unwrap_or_default()),
                Announcement::Told(address) => TcpStream::connect(address).ok().map(|_| address),
            };
            if let Some(address) = address {
                return Ok(address);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                let said = fs::read_to_string(log).unwrap_or_default();
                return Err(Failure::server(format!("ended at once ({status}): {}", said.trim())));
            }
            thread::sleep(LOOK_PAUSE);
        }
        Err(Failure::server("does not listen"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a child that has been reaped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same command, to be killed by the kernel when this thread, the only one, ends.
fn bound_to_us(command: &Command) -> Command {
    let mut bound = Command::new("setpriv");
    bound.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bound.env(name, value),
            None => bound.env_remove(name),
        };
    }
    bound
}

/// The address in the line that says so.
fn announced(log: &str) -> Option<SocketAddrV4> {
    let (_, rest) = log.split_once("listening on http://")?;
    let (address, _) = rest.split_once('/')?;
    address.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_a_log_line_once_it_is_whole() {
        let line = "[2026-11-22T15:00:00Z INFO  oneloop] listening on http://127.0.0.1:4711/\n";
        assert_eq!(announced(line), "127.0.0.1:4711".parse().ok());
        assert_eq!(announced(&line[..line.len() - 4]), None);
    }
}
