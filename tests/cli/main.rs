//! The program from outside: arguments, environment and signals in; standard output, standard
//! error, exit codes and HTTP answers out.
#![cfg(all(feature = "cli", unix))]

use std::env;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use oneloop::testing::Answer;
use oneloop::{Limits, Timeouts};

mod access_log;
mod answers;
mod asking;
mod directories;
#[cfg(feature = "routes")]
mod faults;
mod fields;
mod help;
#[path = "../support/interrupted.rs"]
mod interrupted;
mod mistakes;
mod places;
mod proxied;
mod reloading;
mod replaying;
mod rotation;
mod routes;
mod starting;
mod telling;
mod typing;

use interrupted::read_some;

/// Long enough for a loaded machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// The program, without what the environment of the test run would tell it.
fn oneloop() -> Command {
    oneloop_at(Path::new(env!("CARGO_BIN_EXE_oneloop")))
}

fn oneloop_at(path: &Path) -> Command {
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ONELOOP_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Copies the program, so that every user may run it. Another program writes the copy: were the file
/// open here while another test starts a child, that child would hold it, and it could not be run.
fn copy_program(to: &Path) {
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_oneloop")).arg(to).status();
    assert!(copied.expect("a cp command").success());
}

/// A started program. Dropping it ends it.
struct Running {
    child: Child,
    log: Receiver<String>,
    address: SocketAddr,
}

impl Running {
    /// Starts the program on a port of the system's choice and waits until it listens.
    fn start(command: &mut Command) -> Running {
        let mut running = Running::launch(command.args(["-l", "127.0.0.1:0"]));
        running.wait_for_address();
        running
    }

    fn launch(command: &mut Command) -> Running {
        let mut child = command.spawn().expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().expect("a piped standard error"));
        let (sender, log) = mpsc::channel();
        // Ends with the child, whose end of the pipe it reads.
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Running { child, log, address: SocketAddr::from(([127, 0, 0, 1], 0)) }
    }

    fn wait_for_address(&mut self) {
        let line = self.wait_for_line("listening on http://127.0.0.1:");
        self.address = addresses(&line)[0];
    }

    /// The first line from here on that contains `part`.
    fn wait_for_line(&self, part: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => seen.push(line),
                Err(reason) => panic!("no line with {part:?} ({reason}) among {seen:#?}"),
            }
        }
    }

    /// The head and the body of the answer to a plain GET on a connection of its own.
    fn answer(&self) -> (String, Vec<u8>) {
        self.answer_to("/")
    }

    /// As [`Running::answer`], for another path.
    fn answer_to(&self, path: &str) -> (String, Vec<u8>) {
        let answer = self.get(path);
        let head = String::from_utf8(answer.head().to_vec()).expect("a head in ASCII");
        (head, answer.body().to_vec())
    }

    /// The status of that answer.
    fn status_of(&self, path: &str) -> u16 {
        self.get(path).status()
    }

    fn get(&self, path: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream
            .write_all(
                format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
                    .as_bytes(),
            )
            .expect("a request sent");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer and the end of it");
        let (mut answers, rest) = Answer::read_all(&bytes, ["GET"]);
        let mut answer = answers.pop().expect("a whole head");
        answer.end();
        assert!(answers.is_empty() && rest.is_empty() && answer.is_whole(), "{answer:?}");
        answer
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args([name, &pid]).status().expect("a kill command");
        assert!(kill.success());
    }

    /// How it ended, once its end of the log is closed: that is what is waited for.
    fn end(mut self) -> ExitStatus {
        while self.log.recv_timeout(PATIENCE).is_ok() {}
        self.child.wait().expect("an exit status")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The addresses of the URLs in a line of the log.
fn addresses(line: &str) -> Vec<SocketAddr> {
    let urls = line.split("http://").skip(1).map(|rest| rest.split('/').next());
    urls.map(|address| address.and_then(|it| it.parse().ok()).expect(line)).collect()
}

/// What a program that is expected to end by itself says.
fn output(command: &mut Command) -> Output {
    let mut running = Running::launch(command);
    let mut stderr = Vec::new();
    let mut stdout = Vec::new();
    let mut pipe = running.child.stdout.take().expect("a piped standard output");
    pipe.read_to_end(&mut stdout).expect("its standard output");
    while let Ok(line) = running.log.recv_timeout(PATIENCE) {
        stderr.extend_from_slice(line.as_bytes());
        stderr.push(b'\n');
    }
    let status = running.child.wait().expect("an exit status");
    Output { status, stdout, stderr }
}

/// The one line on standard error of a program that refuses to run with this exit code.
fn refusal(command: &mut Command, code: i32) -> String {
    let output = output(command);
    let stderr = String::from_utf8(output.stderr).expect("a message in UTF-8");
    assert_eq!(output.status.code(), Some(code), "{command:?} said {stderr}");
    assert_eq!(output.stdout, b"", "{command:?}");
    assert_eq!(stderr.lines().count(), 1, "{command:?} said {stderr}");
    assert!(stderr.starts_with("oneloop: ") && stderr.ends_with('\n'), "{command:?} said {stderr}");
    stderr.trim_end().to_owned()
}

fn mistake<S: AsRef<OsStr>>(arguments: &[S]) -> String {
    refusal(oneloop().args(arguments), 2)
}

fn page(argument: &str) -> String {
    let output = output(oneloop().arg(argument));
    assert_eq!(output.status.code(), Some(0), "{argument}");
    assert_eq!(output.stderr, b"", "{argument}");
    String::from_utf8(output.stdout).expect("a page in UTF-8")
}

/// A file of this test run's own.
fn file(name: &str, content: &[u8]) -> String {
    let path = format!("{}/{name}", env!("CARGO_TARGET_TMPDIR"));
    fs::write(&path, content).expect("a written file");
    path
}

/// Every option with a value, the variable that stands for it, and its default as help shows it.
fn options() -> Vec<(&'static str, &'static str, Option<String>)> {
    let limits = Limits::default();
    let timeouts = Timeouts::default();
    let kib = |bytes: usize| Some(format!("{}KiB", bytes / 1024));
    let mib = |bytes: usize| Some(format!("{}MiB", bytes / 1024 / 1024));
    let time = |span| Some(humantime::format_duration(span).to_string());
    let count = |number: usize| Some(number.to_string());
    vec![
        ("--listen", "ONELOOP_LISTEN", Some("8888".into())),
        ("--proxied-by", "ONELOOP_PROXIED_BY", None),
        ("--port", "ONELOOP_PORT", None),
        ("--text", "ONELOOP_TEXT", Some("\"This is the server respose! :)\"".into())),
        ("--file", "ONELOOP_FILE", None),
        ("--status", "ONELOOP_STATUS", Some("200".into())),
        ("--header", "ONELOOP_HEADER", None),
        ("--strict", "ONELOOP_STRICT", None),
        ("--list", "ONELOOP_LIST", None),
        ("--spa", "ONELOOP_SPA", None),
        ("--hidden", "ONELOOP_HIDDEN", None),
        ("--cache-control", "ONELOOP_CACHE_CONTROL", Some("no-cache".into())),
        ("--type", "ONELOOP_TYPE", None),
        ("--cache-bytes", "ONELOOP_CACHE_BYTES", mib(64 << 20)),
        ("--route", "ONELOOP_ROUTE", None),
        ("--routes", "ONELOOP_ROUTES", None),
        ("--seed", "ONELOOP_SEED", Some("1".into())),
        ("--typing-grace", "ONELOOP_TYPING_GRACE", Some("1s".into())),
        ("--head-max", "ONELOOP_HEAD_MAX", kib(limits.head_bytes_max)),
        ("--target-max", "ONELOOP_TARGET_MAX", kib(limits.target_bytes_max)),
        ("--fields-max", "ONELOOP_FIELDS_MAX", Some(limits.fields_max.to_string())),
        ("--body-max", "ONELOOP_BODY_MAX", mib(limits.body_bytes_max)),
        ("--output-high-water", "ONELOOP_OUTPUT_HIGH_WATER", kib(limits.output_bytes_high_water)),
        ("--linger-max", "ONELOOP_LINGER_MAX", mib(limits.linger_bytes_max)),
        ("--turn-max", "ONELOOP_TURN_MAX", mib(limits.turn_bytes_max)),
        ("--accepts-max", "ONELOOP_ACCEPTS_MAX", count(limits.accepts_per_turn_max)),
        ("--deadlines-max", "ONELOOP_DEADLINES_MAX", count(limits.deadlines_per_turn_max)),
        ("--clients-max", "ONELOOP_CLIENTS_MAX", Some("what the descriptor limit allows".into())),
        (
            "--progress-min",
            "ONELOOP_PROGRESS_MIN",
            Some(limits.progress_bytes_per_second_min.to_string()),
        ),
        ("--backlog", "ONELOOP_BACKLOG", Some(limits.backlog.to_string())),
        ("--first-byte-timeout", "ONELOOP_FIRST_BYTE_TIMEOUT", time(timeouts.first_byte)),
        ("--head-timeout", "ONELOOP_HEAD_TIMEOUT", time(timeouts.head)),
        ("--body-timeout", "ONELOOP_BODY_TIMEOUT", time(timeouts.body)),
        ("--write-timeout", "ONELOOP_WRITE_TIMEOUT", time(timeouts.write)),
        ("--idle-timeout", "ONELOOP_IDLE_TIMEOUT", time(timeouts.idle)),
        ("--linger-timeout", "ONELOOP_LINGER_TIMEOUT", time(timeouts.linger)),
        ("--drain-announce", "ONELOOP_DRAIN_ANNOUNCE", time(timeouts.drain_announce)),
        ("--drain-idle", "ONELOOP_DRAIN_IDLE", time(timeouts.drain_idle)),
        ("--drain-timeout", "ONELOOP_DRAIN_TIMEOUT", time(timeouts.drain)),
        ("--explain", "ONELOOP_EXPLAIN", None),
        ("--record", "ONELOOP_RECORD", None),
        ("--slow-motion", "ONELOOP_SLOW_MOTION", None),
        ("--admin", "ONELOOP_ADMIN", None),
        ("--admin-anyone-can-reach-it", "ONELOOP_ADMIN_ANYONE_CAN_REACH_IT", None),
        ("--reuse-port", "ONELOOP_REUSE_PORT", None),
        ("--takeover", "ONELOOP_TAKEOVER", None),
        ("--health", "ONELOOP_HEALTH", None),
        ("--health-path", "ONELOOP_HEALTH_PATH", None),
        ("--admin-host", "ONELOOP_ADMIN_HOST", None),
        ("--access-log", "ONELOOP_ACCESS_LOG", None),
        ("--access-log-format", "ONELOOP_ACCESS_LOG_FORMAT", Some("combined".into())),
        ("--access-log-except", "ONELOOP_ACCESS_LOG_EXCEPT", None),
        ("--access-log-sample", "ONELOOP_ACCESS_LOG_SAMPLE", Some("1/1".into())),
        ("--access-log-connections", "ONELOOP_ACCESS_LOG_CONNECTIONS", None),
        ("--access-log-bytes", "ONELOOP_ACCESS_LOG_BYTES", Some("256KiB".into())),
        ("--verbose", "RUST_LOG", Some("info".into())),
    ]
}

/// One option's entry in a help page: from its name to the next option's, in one line.
fn entry(page: &str, option: &str) -> String {
    // `-t, --text <TEXT>` or `--file <FILE>`: the name is among the first words, or it is prose.
    let names = |line: &str| line.trim_start().starts_with('-');
    let named =
        |line: &str| line.trim_start().split([' ', ',', '.', '[']).take(3).any(|it| it == option);
    let mut lines = page.lines().skip_while(|line| !(names(line) && named(line)));
    let first = lines.next().expect(option);
    let rest = lines.take_while(|line| !names(line));
    let words = std::iter::once(first).chain(rest).flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn being_told_to_stop_is_exit_code_0() {
    for signal in ["-TERM", "-INT"] {
        let running = Running::start(&mut oneloop());
        // What answers is in its loop, so it heeds signals by now.
        running.answer();
        running.signal(signal);
        assert_eq!(running.end().code(), Some(0), "{signal}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once_with_its_number() {
    let running = Running::start(oneloop().args(["--drain-timeout", "1h", "--body-timeout", "1h"]));
    let mut stream = TcpStream::connect(running.address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // `100 Continue` proves that the body is being waited for, so that draining takes an hour.
    let head =
        b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head).expect("a head sent");
    let mut interim = [0; 12];
    stream.read_exact(&mut interim).expect("an interim response");
    assert_eq!(&interim, b"HTTP/1.1 100");
    running.signal("-TERM");
    // It refuses connections once it has begun to drain; two signals at once would be one.
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(running.address).is_ok() {
        assert!(Instant::now() < deadline, "it goes on listening");
        thread::yield_now();
    }
    running.signal("-INT");
    assert_eq!(running.end().code(), Some(130));
}
