//! The real binary where its costs can be counted: its system calls by strace, its memory,
//! threads and descriptors in `/proc`.
//!
//! What this machine lacks is no failure: the tests that need it say `NOT RUN` as those with
//! telnet and curl do, and pass. With `ONELOOP_REQUIRE_PROGRAMS=1` they fail.
#![allow(dead_code, reason = "each test crate uses its own part of this")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpid};

use crate::needed::report_not_run;
use crate::support::{Answers, PATIENCE, pass_on, read_some};

/// No test here waits for a timeout: whoever has nothing to say may stay.
const PATIENT: [&str; 4] = ["--first-byte-timeout", "1h", "--idle-timeout", "1h"];

/// The real binary, perhaps with strace in front of it.
pub struct Watched {
    child: Child,
    address: SocketAddr,
    /// What it has logged up to its limits.
    announced: String,
    /// Where strace will write what it has counted.
    calls: Option<PathBuf>,
}

/// How often a process has made each system call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls(BTreeMap<String, u64>);

/// What a program is to log: nothing for each client.
struct Logging {
    /// As in `RUST_LOG`.
    levels: &'static str,
    /// Words of its last line before it serves.
    last: &'static str,
}

/// How often each system call was made for one request, or one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRates(BTreeMap<String, f64>);

impl Watched {
    /// Starts it; it listens when this returns.
    pub fn start() -> Watched {
        Watched::spawn(Command::new(env!("CARGO_BIN_EXE_oneloop")), None)
    }

    /// Starts it with these arguments, too.
    pub fn start_with(arguments: &[&str]) -> Watched {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
        command.args(arguments);
        Watched::spawn(command, None)
    }

    /// Starts it with these arguments, and at most so many descriptors.
    pub fn start_limited(descriptors: u64, arguments: &[&str]) -> Watched {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_oneloop")]).args(arguments);
        Watched::spawn(command, None)
    }

    /// Starts it by a command that ends where its arguments begin, with another program in front of
    /// it perhaps, and with these arguments. Its log is the usual one: telling more takes
    /// instructions.
    pub fn start_as(mut command: Command, arguments: &[&str]) -> Watched {
        command.args(arguments);
        Watched::spawn_logging(command, None, &Logging { levels: "info", last: "stops it" })
    }

    /// Starts it under strace, which counts what it and all its threads call.
    pub fn start_traced() -> Watched {
        Watched::start_traced_with(&[])
    }

    /// As [`Watched::start_traced`], with these arguments.
    pub fn start_traced_with(arguments: &[&str]) -> Watched {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = format!("calls-{}-{number}", process::id());
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(file);
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-o"]).arg(&file).arg(env!("CARGO_BIN_EXE_oneloop"));
        command.args(arguments);
        Watched::spawn(command, Some(file))
    }

    fn spawn(command: Command, calls: Option<PathBuf>) -> Watched {
        let levels = "info,oneloop::server::announcing=debug";
        Watched::spawn_logging(command, calls, &Logging { levels, last: "memory at worst" })
    }

    fn spawn_logging(mut command: Command, calls: Option<PathBuf>, logging: &Logging) -> Watched {
        command.args(["-l", "127.0.0.1:0"]).args(PATIENT);
        // What the caller's shell says about logging or options must not change what is counted.
        for (name, _) in env::vars_os() {
            if name == "RUST_LOG" || name.to_string_lossy().starts_with("ONELOOP_") {
                command.env_remove(name);
            }
        }
        command.env("RUST_LOG", logging.levels);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // A group of its own, so that what stands behind strace can be stopped with it.
        let mut child = command.process_group(0).spawn().expect("cargo has built the binary");
        let mut stderr = child.stderr.take().expect("it was asked for as a pipe");
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut watched = Watched { child, address: nowhere, announced: String::new(), calls };
        let (sender, log) = mpsc::channel();
        thread::spawn(move || {
            let mut is_heard = true;
            // Nobody may be there to hear it any more; it is read all the same, lest the pipe
            // fills and the server waits.
            pass_on(&mut stderr, |bytes| {
                is_heard = is_heard && sender.send(bytes).is_ok();
                true
            });
        });
        let mut logged = Vec::new();
        while !watched.announced.contains(logging.last) || !watched.announced.ends_with('\n') {
            logged.extend(log.recv_timeout(PATIENCE).expect("it soon says where it listens"));
            watched.announced = String::from_utf8_lossy(&logged).into_owned();
        }
        watched.address = listening_address(&logged).expect("it says where it listens first");
        watched
    }

    /// The number that stands behind this word in what it has announced of its limits.
    pub fn announced(&self, word: &str) -> u64 {
        let (_, limits) = self.announced.split_once("limits: ").expect("it says its limits");
        let (_, rest) = limits.split_once(word).expect("it says this");
        let digits = rest.trim_start().split(|c: char| !c.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok()).expect("a number")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its admin page is, if it was started with `--admin`.
    pub fn admin(&self) -> SocketAddr {
        let (_, rest) = self.announced.split_once("admin page at http://").expect("it says where");
        rest.split('/').next().and_then(|address| address.parse().ok()).expect("an address")
    }

    /// A new, blocking client of it.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("somebody listens");
        stream.set_nodelay(true).expect("an option of every TCP socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time that is not zero");
        stream
    }

    /// How long the answer to this request is. All are equally long: only the time in `Date` differs.
    pub fn answer_bytes(&self, request: &[u8]) -> usize {
        let mut client = self.connect();
        client.write_all(request).expect("the server reads it");
        let mut received = Vec::new();
        loop {
            let mut buf = [0; 4096];
            let bytes = read_some(&mut client, &mut buf).expect("the server answers");
            assert_ne!(bytes, 0, "it ends after {}", received.escape_ascii());
            received.extend_from_slice(&buf[..bytes]);
            let answers = Answers::read(&received, false, &[]);
            if let ([answer], true) = (&answers.list[..], answers.are_whole()) {
                assert_eq!(answer.status(), 200);
                return received.len();
            }
        }
    }

    /// Has it stand still, and returns once it does.
    pub fn pause(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::STOP).expect("it has not been reaped");
        let stopped = waitpid(Some(pid), WaitOptions::UNTRACED).expect("it is a child");
        assert!(stopped.is_some_and(|(_, status)| status.stopped()), "it stands still");
    }

    /// Has it go on.
    pub fn go_on(&self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).expect("it has not been reaped");
    }

    /// How many threads it has. Not to be asked of strace.
    pub fn threads(&self) -> usize {
        self.entries("task")
    }

    /// How many descriptors it has open. Not to be asked of strace.
    pub fn descriptors(&self) -> usize {
        self.entries("fd")
    }

    /// Waits until it has so many descriptors open: until it has accepted whoever has connected,
    /// or closed whoever has gone.
    pub fn await_descriptors(&self, count: usize) {
        let began = Instant::now();
        while self.descriptors() != count {
            let open = self.descriptors();
            assert!(began.elapsed() < PATIENCE, "{open} descriptors are open instead of {count}");
            thread::yield_now();
        }
    }

    fn entries(&self, folder: &str) -> usize {
        assert_eq!(self.calls, None, "this would be counted in strace");
        let folder = format!("/proc/{}/{folder}", self.child.id());
        fs::read_dir(folder).expect("it has not been reaped").count()
    }

    /// The memory that it has from the system rather than from files, in bytes: stack, heap and
    /// what it has written of its data, but no code.
    pub fn anonymous_bytes(&self) -> u64 {
        self.memory("Anonymous:")
    }

    /// How much time of the processor it has taken, in ticks of the kernel's: hundredths of a second.
    pub fn processor_ticks(&self) -> u64 {
        assert_eq!(self.calls, None, "this would be strace's time");
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))
            .expect("it is not reaped");
        // Behind the name, which may have spaces, these are the 12th and the 13th (proc(5)).
        let (_, behind) = stat.rsplit_once(')').expect("a name");
        let ticks = behind.split_whitespace().skip(11).take(2);
        ticks.map(|ticks| ticks.parse::<u64>().expect("a number of ticks")).sum()
    }

    /// The memory that it has resident, in bytes, its code included: what `ps` shows.
    pub fn resident_bytes(&self) -> u64 {
        self.memory("Rss:")
    }

    fn memory(&self, name: &str) -> u64 {
        assert_eq!(self.calls, None, "this would be strace's memory");
        let file = format!("/proc/{}/smaps_rollup", self.child.id());
        let rollup = fs::read_to_string(file).expect("Linux has this file since 4.14");
        let value = rollup.lines().find_map(|line| line.strip_prefix(name)).expect("such a line");
        let kib = value.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of KiB");
        kib * 1024
    }

    /// Stops it, and returns once it has ended.
    pub fn stop(&mut self) {
        // What stands in front of the server leaves this signal to it, and ends after it.
        kill_process_group(Pid::from_child(&self.child), Signal::TERM).expect("it is not reaped");
        let status = self.child.wait().expect("a child can be waited for");
        assert!(status.success(), "the server, or what stands in front of it, has ended: {status}");
    }

    /// Stops it, and says what strace has counted from its start to its end.
    pub fn stop_and_count(mut self) -> Calls {
        self.stop();
        let file = self.calls.clone().expect("it was started under strace");
        let table = fs::read_to_string(&file).expect("strace has written its table");
        fs::remove_file(file).expect("it was there a moment ago");
        Calls::read(&table)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Both fail only if `stop` has been here before.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

fn listening_address(log: &[u8]) -> Option<SocketAddr> {
    let log = String::from_utf8_lossy(log);
    let (_, rest) = log.split_once("listening on http://")?;
    rest.split_once('/')?.0.parse().ok()
}

impl Calls {
    /// Reads the table of `strace -c`. A line is a share, seconds, microseconds a call, calls,
    /// errors if there were any, and the name; what is above and below has no such number.
    fn read(table: &str) -> Calls {
        let mut calls = BTreeMap::new();
        for line in table.lines() {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let [_, _, _, count, .., name] = columns[..] else { continue };
            if let (Ok(count), false) = (count.parse(), name == "total") {
                calls.insert(name.to_owned(), count);
            }
        }
        assert!(calls.contains_key("epoll_wait"), "no table of a server's calls:\n{table}");
        Calls(calls)
    }

    /// How often this one was made.
    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// What was made more often than in `fewer`, where `count` requests less had been answered.
    /// Starting and stopping cost the same in both, so they are not in the difference.
    pub fn rates_beyond(&self, fewer: &Calls, count: usize) -> CallRates {
        let names = self.0.keys().chain(fewer.0.keys());
        let rates = names.map(|name| {
            let more = self.of(name) as f64 - fewer.of(name) as f64;
            (name.clone(), more / count as f64)
        });
        CallRates(rates.filter(|(_, rate)| *rate != 0.0).collect())
    }
}

impl CallRates {
    /// How often this one was made.
    pub fn of(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// How many calls that is, whatever they are.
    pub fn total(&self) -> f64 {
        self.0.values().sum()
    }
}

/// Whether strace is here and may trace. If not, says so in the name of `test`.
pub fn can_trace(test: impl Fn()) -> bool {
    let probe = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match probe {
        Ok(status) if status.success() => return true,
        Ok(_) => report_not_run(test, "strace may not trace here (it needs ptrace)"),
        Err(_) => report_not_run(test, "strace is missing (Debian package strace)"),
    }
    false
}
