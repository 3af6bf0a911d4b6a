//! A new process takes over from an old one: listeners of all kinds, everything that can go wrong before
//! the new one is ready, and clients that notice nothing.
#![cfg(all(feature = "cli", target_os = "linux"))]

mod crossing;
mod giving;
mod kinds;
mod manager;
#[path = "../support/needed.rs"]
mod needed;
#[path = "../support/sockets.rs"]
mod sockets;
mod stopping;
#[path = "../support/mod.rs"]
mod support;
mod taking;

use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use needed::Folder;
use rustix::process::{Signal, kill_process};
use sockets::Client;
use support::{Ended, Program};

/// The program, and where the next one takes over from it.
struct Instance {
    program: Program,
}

/// A command that is told nothing by the caller's shell.
fn oneloop(path: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    for (name, _) in std::env::vars_os() {
        if name == "RUST_LOG" || name.to_string_lossy().starts_with("ONELOOP_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).arg("--takeover").arg(path);
    command
}

impl Instance {
    /// Starts it; it listens already when this returns.
    fn start(path: &Path, arguments: &[&str]) -> Instance {
        Instance::launch(&mut oneloop(path, arguments))
    }

    fn launch(command: &mut Command) -> Instance {
        let mut program = Program::start(command);
        program.hear_error("Ctrl-C stops it\n");
        Instance { program }
    }

    /// Where it listens by TCP, the first of these places.
    fn address(&self) -> SocketAddr {
        self.address_behind("listening on http://")
    }

    fn address_behind(&self, words: &str) -> SocketAddr {
        let log = self.program.errors();
        let (_, rest) = log.split_once(words).expect("it was told");
        let (address, _) = rest.split_once('/').expect("a URL");
        address.parse().expect("an address")
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.program.pid(), signal).expect("it has not been reaped");
    }

    /// Its number, as the other process names it.
    fn named(&self) -> String {
        format!("process {}", self.program.pid().as_raw_pid())
    }

    /// Waits until it has ended by itself.
    fn end(self) -> Ended {
        self.program.finish()
    }

    /// Tells it to stop, and waits until it has.
    fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.end()
    }
}

/// How it ended that was not to start.
fn refused(mut command: Command) -> Ended {
    Program::start(&mut command).finish()
}

fn unix_client(path: &Path) -> Client {
    Client::new(TcpStream::from(OwnedFd::from(UnixStream::connect(path).expect("a listener"))))
}

/// A folder with a path in it for the takeover.
fn meeting(test: &str) -> (Folder, PathBuf) {
    let folder = Folder::new(test);
    let path = folder.path().join("t");
    (folder, path)
}

const PLACE: &[&str] = &["-l", "127.0.0.1:0"];
