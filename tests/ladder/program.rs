//! One step of the ladder, as a process of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How many steps there are.
pub const STEPS: usize = 11;

/// A program that runs until it is dropped.
pub struct Program {
    process: Child,
    address: SocketAddr,
}

impl Program {
    /// Starts a step, on a free port.
    pub fn start(step: usize) -> Program {
        let mut command = Command::new(path_of(step));
        let command = command.arg("0").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("built by cargo test, or: cargo build --examples");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
        Program { process, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) }
    }

    /// A client, which waits for at most two seconds.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        stream
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("Threads:"));
        line.unwrap().trim().parse().unwrap()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where cargo has built this step: beside the folder of this test.
fn path_of(step: usize) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let profile = this.parent().and_then(Path::parent).unwrap();
    profile.join("examples").join(format!("ladder_{step}"))
}

/// The text of a step.
pub fn source(step: usize) -> String {
    fs::read_to_string(file_of(step)).unwrap()
}

/// Where the text of a step is.
pub fn file_of(step: usize) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ladder");
    let is_it = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(&format!("{step:02}_"))
    };
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find(is_it).unwrap()
}
