//! A command that is a server: it is started, on a core of its own if that is asked for, and ended.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::arguments::Refusal;
use crate::clock::Clock;
use crate::load::sources::{self, Buffers};
use crate::server::Server;
use crate::signals::Signals;

/// How long a server may take until it accepts a connection.
const START_MAX: Duration = Duration::from_secs(10);

/// How long it may take to end once it is asked to.
const END_MAX: Duration = Duration::from_secs(5);

/// How often is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A server that was started here. It ends when this is dropped.
#[derive(Debug)]
pub struct Started {
    child: Child,
}

impl Started {
    /// Starts `command`, and waits until `server` accepts a connection.
    ///
    /// # Errors
    /// In a sentence: it does not listen there, something else does, or a signal has come meanwhile.
    pub fn launch(
        command: &str,
        server: Server,
        core: Option<usize>,
        signals: &mut Signals,
    ) -> Result<Started, Refusal> {
        if listens(server) {
            return Err(Refusal::Mistake(format!(
                "'{command}' is not started: something listens at {server} already; end it, or \
                 leave --start out for it"
            )));
        }
        let mut shell = Command::new("sh");
        // In a group of its own, so that all that it starts can be ended with it.
        shell.args(["-c", command]).process_group(0);
        shell.stdin(Stdio::null()).stdout(Stdio::null());
        // A process begins where the one is that starts it.
        if let Some(core) = core {
            stay_on(core)?;
        }
        let child = shell
            .spawn()
            .map_err(|reason| Refusal::System(format!("cannot start '{command}': {reason}")))?;
        let mut started = Started { child };
        started.wait_until_it_listens(command, server, signals)?;
        Ok(started)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait_until_it_listens(
        &mut self,
        command: &str,
        server: Server,
        signals: &mut Signals,
    ) -> Result<(), Refusal> {
        let clock = Clock::start();
        loop {
            if signals.take() > 0 {
                return Err(Refusal::System("a signal ended it before the first round".into()));
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                if listens(server) {
                    return Err(Refusal::Mistake(format!(
                        "'{command}' has gone to the background, and goes on: end it, and let it \
                         stay in the foreground, as in nginx -g 'daemon off;'"
                    )));
                }
                return Err(Refusal::Mistake(format!(
                    "'{command}' has ended ({status}) without listening at {server}; run it alone \
                     to see why, and let it stay in the foreground"
                )));
            }
            if listens(server) {
                return Ok(());
            }
            if clock.left(START_MAX).is_zero() {
                return Err(Refusal::Mistake(format!(
                    "'{command}' does not listen at {server} after {} s",
                    START_MAX.as_secs()
                )));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group() {
            // It fails if all of them have ended.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Whether any process of the group has not ended.
    fn is_any_left(&mut self) -> bool {
        // Its number is free for others only when it has been waited for.
        let is_shell_left = matches!(self.child.try_wait(), Ok(None));
        is_shell_left || self.group().is_some_and(|group| test_kill_process_group(group).is_ok())
    }

    fn group(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        let clock = Clock::start();
        while self.is_any_left() {
            if clock.left(END_MAX).is_zero() {
                self.signal(Signal::KILL);
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// Whether a connection to this server is accepted.
fn listens(server: Server) -> bool {
    sources::connect_within(&server.target(), Buffers::Usual, LOOK_EVERY).is_ok()
}

/// Makes this process, and all that it starts from now on, run on this core only.
#[cfg(target_os = "linux")]
pub fn stay_on(core: usize) -> Result<(), Refusal> {
    use rustix::thread::{CpuSet, sched_setaffinity};

    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).map_err(|reason| {
        Refusal::Mistake(format!(
            "cannot run on core {core}: {reason}; nproc says how many there are"
        ))
    })
}

/// Only Linux lets a process choose.
#[cfg(not(target_os = "linux"))]
pub fn stay_on(_core: usize) -> Result<(), Refusal> {
    Err(Refusal::Mistake("--cores needs Linux; leave it out".to_owned()))
}
