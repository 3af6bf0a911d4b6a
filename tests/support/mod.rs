//! What the tests that start the real binary share: the server as a child process, other
//! programs as its clients, and a reader of HTTP/1 answers.
//!
//! Nothing here outlives its test: every process is killed when its guard is dropped, and the
//! programs also when they live too long. The reader of answers is written from RFC 9112 alone,
//! so that it cannot share a mistake with the server it judges.
#![allow(dead_code, reason = "each test crate uses its own part of this")]

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

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

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
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
    while let Ok(len @ 1..) = source.read(&mut buf) {
        if !wanted(buf[..len].to_vec()) {
            return;
        }
    }
}

/// One answer as it came.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The version, such as `HTTP/1.1`.
    pub version: String,
    /// Field names in lower case, and their values without the space around them.
    pub fields: Vec<(String, String)>,
    /// The content, without its framing.
    pub body: Vec<u8>,
    /// Whether its end has come.
    pub whole: bool,
}

impl Answer {
    /// Whether it is what was asked for, rather than an interim response. After a 101 there is
    /// no other HTTP response.
    pub fn is_final(&self) -> bool {
        self.status >= 200 || self.status == 101
    }

    /// The values of a field, named in lower case.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let of_name = self.fields.iter().filter(|(field, _)| field == name);
        of_name.map(|(_, value)| value.as_str()).collect()
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
    pub fn read(mut bytes: &[u8], ended: bool, methods: &[String]) -> Answers {
        let mut answers = Answers::default();
        let mut methods = methods.iter();
        while !bytes.is_empty() {
            let Some((mut answer, body)) = read_head(bytes) else {
                answers.rest = bytes.to_vec();
                break;
            };
            let rest = if answer.status < 200 {
                Some(body)
            } else {
                let bodyless = methods.next().is_some_and(|method| method == "HEAD")
                    || matches!(answer.status, 204 | 304);
                if bodyless { Some(body) } else { read_body(&mut answer, body, ended) }
            };
            answer.whole = rest.is_some();
            answers.list.push(answer);
            bytes = rest.unwrap_or_default();
        }
        answers
    }

    /// Those that are final.
    pub fn finals(&self) -> Vec<&Answer> {
        self.list.iter().filter(|answer| answer.is_final()).collect()
    }

    /// Whether nothing has been begun that has not ended.
    pub fn are_whole(&self) -> bool {
        self.rest.is_empty() && self.list.last().is_none_or(|answer| answer.whole)
    }
}

/// Reads a head; returns it with the bytes after it, or `None` if there is no whole head.
fn read_head(bytes: &[u8]) -> Option<(Answer, &[u8])> {
    let (head, body) = split_at(bytes, b"\r\n\r\n")?;
    let head: String = head.iter().copied().map(char::from).collect();
    let mut lines = head.split("\r\n");
    let line = lines.next()?;
    let (version, rest) = (line.get(..8)?, line.get(8..)?);
    let digits: Vec<char> = version.strip_prefix("HTTP/")?.chars().collect();
    let ['0'..='9', '.', '0'..='9'] = digits[..] else { return None };
    let status = rest.strip_prefix(' ')?.get(..3)?;
    let is_number = status.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || !matches!(rest.as_bytes().get(4), None | Some(b' ')) {
        return None;
    }
    let fields = lines.filter_map(|line| line.split_once(':'));
    let fields = fields.map(|(name, value)| (name.to_lowercase(), value.trim().to_string()));
    let answer = Answer {
        status: status.parse().ok()?,
        version: version.to_string(),
        fields: fields.collect(),
        body: Vec::new(),
        whole: false,
    };
    Some((answer, body))
}

/// Reads the content by RFC 9112 §6.3; returns the bytes after it, or `None` before its end.
fn read_body<'a>(answer: &mut Answer, bytes: &'a [u8], ended: bool) -> Option<&'a [u8]> {
    if !answer.values("transfer-encoding").is_empty() {
        return read_chunks(answer, bytes);
    }
    let Some(len) = answer.values("content-length").first().copied().map(str::to_string) else {
        answer.body = bytes.to_vec();
        return ended.then_some(&[]);
    };
    let len: usize = len.parse().ok()?;
    answer.body = bytes[..len.min(bytes.len())].to_vec();
    bytes.get(len..)
}

fn read_chunks<'a>(answer: &mut Answer, mut bytes: &'a [u8]) -> Option<&'a [u8]> {
    loop {
        let (line, rest) = split_at(bytes, b"\r\n")?;
        let size = line.split(|byte| *byte == b';').next()?;
        let size = usize::from_str_radix(str::from_utf8(size).ok()?.trim(), 16).ok()?;
        bytes = rest;
        if size == 0 {
            break;
        }
        answer.body.extend(bytes.get(..size)?);
        bytes = bytes.get(size..)?.strip_prefix(b"\r\n")?;
    }
    loop {
        let (trailer, rest) = split_at(bytes, b"\r\n")?;
        bytes = rest;
        if trailer.is_empty() {
            return Some(bytes);
        }
    }
}

/// What stands before the first `mark`, and what stands after it.
fn split_at<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}
