//! The real binary, in which a system call fails: for ever, or the next time.
//!
//! For ever, and if the program does not need the call to start, it fails by a filter that this
//! program installs before it becomes the server: see [`launcher`]. Otherwise strace has it fail from
//! the moment on at which the server listens.

use std::env;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule};

use crate::support::PATIENCE;

/// Tells the launcher which call is to fail, and with which number.
const REFUSED: &str = "ONELOOP_REFUSED";

/// Tells the launcher which file's text is to be answered with, instead of a directory.
const TEXT: &str = "ONELOOP_TEXT_FILE";

/// How long the processor time is looked at.
const LOOK: Duration = Duration::from_millis(300);

/// How often a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    Once,
    ForEver,
}

/// The binary at work. Killed when it is dropped.
pub struct Server {
    child: Child,
    tracer: Option<Child>,
    log: PathBuf,
    pub port: u16,
}

/// The calls that a filter can refuse, by their numbers: none of them is needed to start.
#[cfg(target_arch = "x86_64")]
const FILTERED: [(&str, i64); 12] = [
    ("accept4", 288),
    ("fadvise64", 221),
    ("getdents64", 217),
    ("memfd_create", 319),
    ("openat2", 437),
    ("preadv2", 327),
    ("readlinkat", 267),
    ("recvfrom", 45),
    ("sendfile", 40),
    ("shutdown", 48),
    ("timerfd_settime", 286),
    ("writev", 20),
];
#[cfg(not(target_arch = "x86_64"))]
const FILTERED: [(&str, i64); 0] = [];

impl Server {
    /// Starts it, with this folder to serve.
    pub fn start(folder: &Path, call: &str, error: Errno, times: Times) -> Server {
        let filtered = FILTERED.iter().find(|(name, _)| *name == call);
        match (filtered, times) {
            (Some((_, number)), Times::ForEver) => {
                Server::spawn(launch(*number, error).env("ONELOOP_DIRECTORY", folder))
            }
            (Some(_) | None, _) => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
                let mut server = Server::spawn(command.args(ARGUMENTS).arg(folder));
                server.trace(call, error, times);
                server
            }
        }
    }

    /// Starts it, with the text of this file to answer with. The call fails for ever, from before
    /// the start. `None` where there is no filter for that.
    pub fn start_with_text(file: &Path, call: &str, error: Errno) -> Option<Server> {
        let (_, number) = FILTERED.iter().find(|(name, _)| *name == call)?;
        Some(Server::spawn(launch(*number, error).env(TEXT, file)))
    }

    fn spawn(command: &mut Command) -> Server {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let log = format!("system-calls-{}-{number}", std::process::id());
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(log);
        command.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut server = Server { child, tracer: None, log, port: 0 };
        server.wait_until("it listens", |server| {
            server.port = server.port_behind("listening on ");
            server.port != 0 && server.admin_port() != 0
        });
        server
    }

    /// Has strace let this call fail from now on.
    fn trace(&mut self, call: &str, error: Errno, times: Times) {
        let when = if times == Times::Once { "1" } else { "1+" };
        let inject = format!("inject={call}:error={}:when={when}", error.raw_os_error());
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
        strace.args(["-p", &self.child.id().to_string()]);
        strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.tracer = Some(strace.spawn().unwrap());
        self.wait_until("it is traced", |server| {
            server
                .proc("status")
                .lines()
                .any(|line| line.strip_prefix("TracerPid:").is_some_and(|pid| pid.trim() != "0"))
        });
    }

    fn wait_until(&mut self, what: &str, is_so: impl Fn(&mut Server) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(began.elapsed() < PATIENCE, "not before {PATIENCE:?}: {what}; {}", self.log());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// The port of its admin page.
    pub fn admin_port(&self) -> u16 {
        self.port_behind("admin page at ")
    }

    /// The port in the URL behind these words of its log, or zero.
    fn port_behind(&self, words: &str) -> u16 {
        let log = self.log();
        let url = log.split_once(words).and_then(|(_, rest)| rest.split_once("127.0.0.1:"));
        let digits = url.and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next());
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }

    /// What it has logged up to now.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap_or_default()
    }

    /// Which share of a processor it takes, in percent.
    pub fn load(&self) -> u64 {
        let nanos = || -> u64 {
            let text = self.proc("schedstat");
            text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
        };
        let (before, began) = (nanos(), Instant::now());
        // The span that is measured over.
        thread::sleep(LOOK);
        nanos().saturating_sub(before) * 100 / began.elapsed().as_nanos() as u64
    }

    /// Sends it SIGTERM.
    pub fn tell_to_stop(&self) {
        // It fails if the server has ended.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
    }

    /// How it has ended, if it does so within this time.
    pub fn end_within(&mut self, longest: Duration) -> Option<ExitStatus> {
        self.end_unless(longest, |_| false)
    }

    /// As [`Server::end_within`], but waits no longer than until this is so.
    pub fn end_unless(
        &mut self,
        longest: Duration,
        is_so: impl Fn(&Server) -> bool,
    ) -> Option<ExitStatus> {
        let began = Instant::now();
        loop {
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || is_so(self) || began.elapsed() > longest {
                return ended;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for child in [Some(&mut self.child), self.tracer.as_mut()].into_iter().flatten() {
            // Both fail only if it has ended.
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_file(&self.log);
    }
}

const ARGUMENTS: [&str; 7] =
    ["-l", "127.0.0.1:0", "--admin", "0", "--list", "--drain-timeout", "1h"];

/// Without a directory.
const TEXT_ARGUMENTS: [&str; 5] = ["-l", "127.0.0.1:0", "--admin", "0", "--file"];

/// This program as a [`launcher`] that refuses the call with this number.
fn launch(number: i64, error: Errno) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "server::launcher", "--nocapture"]);
    command.env(REFUSED, format!("{number} {}", error.raw_os_error()));
    command
}

/// Becomes the server, in which a call fails for ever. Does nothing when it is run as a test.
#[test]
fn launcher() {
    let Ok(refused) = env::var(REFUSED) else { return };
    let (number, error) = refused.split_once(' ').unwrap();
    let rules = [(number.parse().unwrap(), Vec::<SeccompRule>::new())].into();
    let refuse = SeccompAction::Errno(error.parse().unwrap());
    let target = env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, target).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    match env::var_os(TEXT) {
        Some(file) => command.args(TEXT_ARGUMENTS).arg(file),
        None => command.args(ARGUMENTS).arg(env::var_os("ONELOOP_DIRECTORY").unwrap()),
    };
    command.env_remove("ONELOOP_DIRECTORY").env_remove(REFUSED).env_remove(TEXT);
    panic!("{}", command.exec());
}
