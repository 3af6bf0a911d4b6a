//! What the tests that start the real binary share: the server as a child process, other
//! programs as its clients, and the answers of a connection.
//!
//! Nothing here outlives its test: every process is killed when its guard is dropped, and the
//! programs also when they live too long.
#![allow(dead_code, reason = "each test crate uses its own part of this")]

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use oneloop::testing::Answer;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

#[path = "interrupted.rs"]
mod interrupted;

pub use interrupted::read_some;

/// The text that the server gives to whoever asks, as it has always been spelled.
pub const TEXT: &str = "This is the server respose! :)\n";

/// How long anything that ought to happen at once may take before a test gives up on it. Only a
/// broken server makes a test wait so long, so it is generous to a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// No program that a test starts needs longer; one that does is killed by a watchdog.
const LIFETIME_MAX: Duration = Duration::from_secs(90);

/// The real binary, listening on a loopback port that the system chose.
pub struct Server {
    child: Child,
    address: SocketAddr,
    log: Receiver<Vec<u8>>,
    logged: Vec<u8>,
}

impl Server {
    /// Starts it with `arguments` after the listening address; returns once it listens.
    pub fn start(arguments: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
        command.args(["-l", "127.0.0.1:0"]).args(arguments);
        Server::launch(command)
    }

    /// Starts it by a command that has all its arguments; returns once it listens.
    pub fn launch(mut command: Command) -> Server {
        // What the caller's shell says about logging or options must not change what is tested.
        for (name, _) in std::env::vars_os() {
            if name == "RUST_LOG" || name.to_string_lossy().starts_with("ONELOOP_") {
                command.env_remove(name);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary was built by cargo, so it starts");
        let stderr = child.stderr.take().expect("it was asked for as a pipe");
        let (sender, log) = mpsc::channel();
        thread::spawn(move || pass_on(stderr, |bytes| sender.send(bytes).is_ok()));
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Server { child, address: nowhere, log, logged: Vec::new() };
        server.address = server.await_address_behind("listening on http://");
        server
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it shows what it does, if it was started with `--admin`.
    pub fn admin(&mut self) -> SocketAddr {
        self.await_address_behind("admin page at http://")
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The URL of `path`, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks it to stop, as a service manager does.
    pub fn tell_to_stop(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it has not been reaped");
    }

    /// Asks it to stop, and returns how it ended.
    pub fn stop(self) -> ExitStatus {
        self.tell_to_stop();
        self.await_end()
    }

    /// Waits until it has ended, and returns how.
    pub fn await_end(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        // Its end of the log closes when it exits.
        while self.read_log(deadline) {}
        self.child.wait().expect("a child can be waited for")
    }

    fn await_address_behind(&mut self, words: &str) -> SocketAddr {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = String::from_utf8_lossy(&self.logged);
            let address = log.split_once(words).and_then(|(_, rest)| {
                let (address, _) = rest.split_once('/')?;
                // It is a URL, which writes the percent sign of a zone so.
                address.replace("%25", "%").parse().ok()
            });
            if let Some(address) = address {
                return address;
            }
            assert!(self.read_log(deadline), "the server ended before it listened");
        }
    }

    /// Waits for more log; false when there will be none.
    fn read_log(&mut self, deadline: Instant) -> bool {
        match self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(bytes) => self.logged.extend(bytes),
            Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => panic!("the server is silent"),
        }
        true
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if `stop` has been here before.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            self.logged.extend(self.log.try_iter().flatten());
            eprintln!("the server's log:\n{}", String::from_utf8_lossy(&self.logged));
        }
    }
}

/// A program at work, with what it has printed so far.
pub struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    prints: Receiver<(Print, Vec<u8>)>,
    output: Vec<u8>,
    errors: Vec<u8>,
    /// Dropping it tells the watchdog that there is nothing left to watch.
    _watchdog: Sender<()>,
}

/// How a program ended.
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it printed to standard output.
    pub output: String,
    /// What it printed to standard error.
    pub errors: String,
}

#[derive(Clone, Copy)]
enum Print {
    Output,
    Error,
}

impl Program {
    /// Starts `command` with all three standard streams as pipes.
    pub fn start(command: &mut Command) -> Program {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that its children can be killed with it.
        let mut child = command.process_group(0).spawn().expect("the program was found in PATH");
        let stdout = child.stdout.take().expect("it was asked for as a pipe");
        let stderr = child.stderr.take().expect("it was asked for as a pipe");
        let stdin = child.stdin.take();
        let (sender, prints) = mpsc::channel();
        let errors_sender = sender.clone();
        thread::spawn(move || pass_on(stdout, |it| sender.send((Print::Output, it)).is_ok()));
        thread::spawn(move || pass_on(stderr, |it| errors_sender.send((Print::Error, it)).is_ok()));
        let (watchdog, released) = mpsc::channel::<()>();
        let group = Pid::from_child(&child);
        thread::spawn(move || {
            if released.recv_timeout(LIFETIME_MAX) == Err(RecvTimeoutError::Timeout) {
                // Fails if the whole group is gone, which is what we want.
                let _ = kill_process_group(group, Signal::KILL);
            }
        });
        let (output, errors) = (Vec::new(), Vec::new());
        Program { child, stdin, prints, output, errors, _watchdog: watchdog }
    }

    /// Types `text` at it; its standard input stays open.
    pub fn say(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("nothing is said after hanging up");
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).expect("it is listening");
    }

    /// Closes its standard input.
    pub fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// Waits until its standard output contains `text`.
    pub fn hear(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !String::from_utf8_lossy(&self.output).contains(text) {
            assert!(self.listen(deadline), "it ended without {text:?}; {}", self.printed());
        }
    }

    /// Waits until its standard error contains `text`.
    pub fn hear_error(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !String::from_utf8_lossy(&self.errors).contains(text) {
            assert!(self.listen(deadline), "it ended without {text:?}; {}", self.printed());
        }
    }

    /// What it has printed to standard error, as far as it was waited for.
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.errors).into_owned()
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Whether it has ended by now.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked for").is_some()
    }

    /// Forgets what it has printed to standard output, so that [`Program::hear`] waits for more.
    pub fn forget(&mut self) {
        self.output.clear();
    }

    /// Waits until it ends by itself; its standard input stays as it is until then.
    pub fn finish(mut self) -> Ended {
        let deadline = Instant::now() + LIFETIME_MAX;
        while self.listen(deadline) {}
        // It has closed its outputs, so it is exiting; if it does not, the watchdog helps.
        let status = self.child.wait().expect("a child can be waited for");
        let output = String::from_utf8_lossy(&self.output).into_owned();
        let errors = String::from_utf8_lossy(&self.errors).into_owned();
        Ended { status, output, errors }
    }

    /// Waits for more to be printed; false when there will be nothing more.
    fn listen(&mut self, deadline: Instant) -> bool {
        match self.prints.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((Print::Output, bytes)) => self.output.extend(bytes),
            Ok((Print::Error, bytes)) => self.errors.extend(bytes),
            Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => panic!("it goes on too long; {}", self.printed()),
        }
        true
    }

    fn printed(&self) -> String {
        let [output, errors] = [&self.output, &self.errors].map(|it| String::from_utf8_lossy(it));
        format!("it printed {output:?} and, as errors, {errors:?}")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only if it has ended and `finish` has been here before.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Reads `source` to its end and hands on what comes, for as long as somebody wants it.
pub fn pass_on(mut source: impl Read, mut wanted: impl FnMut(Vec<u8>) -> bool) {
    let mut buf = vec![0; 64 * 1024];
    // A reset ends a source just as its end does.
    while let Ok(len @ 1..) = read_some(&mut source, &mut buf) {
        if !wanted(buf[..len].to_vec()) {
            return;
        }
    }
}

/// What a connection has brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// All answers in order; only the last one can be less than whole.
    pub list: Vec<Answer>,
    /// Bytes after them that are no answer, or not yet.
    pub rest: Vec<u8>,
}

impl Answers {
    /// Reads what came in answer to `methods`, all GET beyond its end; `ended` tells whether the
    /// connection has.
    pub fn read(bytes: &[u8], ended: bool, methods: &[String]) -> Answers {
        let (mut list, rest) = Answer::read_all(bytes, methods);
        if let (Some(last), true) = (list.last_mut(), ended) {
            last.end();
        }
        Answers { list, rest: rest.to_vec() }
    }

    /// Those that answer a request. After a 101 there is no other HTTP response.
    pub fn finals(&self) -> Vec<&Answer> {
        self.list.iter().filter(|answer| answer.is_final() || answer.status() == 101).collect()
    }

    /// Whether nothing has been begun that has not ended.
    pub fn are_whole(&self) -> bool {
        self.rest.is_empty() && self.list.last().is_none_or(Answer::is_whole)
    }
}
