//! Standard error that nobody reads: the server serves, stops when told, and tears no line.

use std::fs::{self, File};
use std::io::{PipeReader, Read, pipe};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::client::{Answer, ask};
use crate::support::{PATIENCE, read_some};

/// Far more lines than wait and a pipe holds: each request makes ten of them.
const REQUESTS: usize = 1000;

/// What the kernel's table of connections says of a socket that listens.
const LISTENS: &str = "0A";

/// Begins each line of the server that says what was left out.
const LEFT_OUT: &str = "oneloop: ";

/// A server that tells each step on this standard error, and is killed in the end.
struct Telling(Child, u16);

impl Telling {
    fn start(stderr: impl Into<Stdio>) -> Telling {
        Telling::start_by(Command::new(env!("CARGO_BIN_EXE_oneloop")), stderr)
    }

    /// Starts it by this command, to which its arguments are added.
    fn start_by(mut command: Command, stderr: impl Into<Stdio>) -> Telling {
        command.arg("--explain");
        Telling::start_as(command, Stdio::null(), stderr)
    }

    /// Starts it by this command, with these standard streams.
    fn start_as(
        mut command: Command,
        stdout: impl Into<Stdio>,
        stderr: impl Into<Stdio>,
    ) -> Telling {
        let child = command
            .args(["-l", "127.0.0.1:0"])
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn();
        // It holds the other ends of pipes.
        drop(command);
        let mut telling = Telling(child.unwrap(), 0);
        let began = Instant::now();
        while telling.1 == 0 {
            assert!(began.elapsed() < PATIENCE, "it does not listen");
            telling.1 = listening_port(telling.0.id()).unwrap_or(0);
            std::thread::yield_now();
        }
        telling
    }

    fn assert_serves(&self) {
        for _ in 0..REQUESTS {
            assert_eq!(ask(self.1, "/"), Answer::Whole(200));
        }
    }

    fn assert_ends_when_told(mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        let began = Instant::now();
        while self.0.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "it goes on");
            std::thread::yield_now();
        }
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
    }
}

/// The port at which this process listens: its log may be what nobody reads, so the kernel is asked.
///
/// A test must not choose one. Between its choice and the server's start another program may get
/// it; and a client that tries a port of its own choice again and again can be connected to itself,
/// as long as the server does not listen.
fn listening_port(process: u32) -> Option<u16> {
    let sockets: Vec<String> = fs::read_dir(format!("/proc/{process}/fd"))
        .ok()?
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| {
            link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_owned)
        })
        .collect();
    let table = fs::read_to_string(format!("/proc/{process}/net/tcp")).ok()?;
    table.lines().find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [_, local, _, state, ..] = columns[..] else { return None };
        let is_ours = sockets.iter().any(|inode| columns.get(9) == Some(&inode.as_str()));
        let port = u16::from_str_radix(local.split_once(':')?.1, 16).ok()?;
        (state == LISTENS && is_ours).then_some(port)
    })
}

impl Drop for Telling {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_pipe_that_nobody_reads_holds_up_nobody() {
    let (reader, writer) = pipe().unwrap();
    let server = Telling::start(writer);
    server.assert_serves();
    server.assert_ends_when_told();
    assert_lines_are_whole(reader);
}

#[test]
fn a_socket_that_nobody_reads_holds_up_nobody() {
    let (reader, writer) = UnixStream::pair().unwrap();
    let server = Telling::start(std::os::fd::OwnedFd::from(writer));
    server.assert_serves();
    server.assert_ends_when_told();
    assert_lines_are_whole(reader);
}

#[test]
fn a_reader_that_goes_on_gets_what_waited_and_is_told_what_was_left_out() {
    let (mut reader, writer) = pipe().unwrap();
    let server = Telling::start(writer);
    server.assert_serves();
    let (mut log, mut piece) = (Vec::new(), [0; 4096]);
    // No further step is needed for that: the server is idle.
    let is_told = |log: &[u8]| {
        let log = String::from_utf8_lossy(log);
        log.split_once(LEFT_OUT).is_some_and(|(_, behind)| behind.contains('\n'))
    };
    while !is_told(&log) {
        let bytes = read_some(&mut reader, &mut piece).unwrap();
        log.extend_from_slice(&piece[..bytes]);
    }
    let log = String::from_utf8(log).unwrap();
    let told = log.lines().find_map(|line| line.strip_prefix(LEFT_OUT)).unwrap();
    let lines: usize = told.split(' ').next().unwrap().parse().unwrap();
    assert!(lines > 0, "{told}");
    // What stood before it was not torn.
    assert!(log.lines().take_while(|line| !line.starts_with(LEFT_OUT)).all(is_step), "{log}");
    server.assert_ends_when_told();
}

/// A server with an access log on standard output, that logs each step on standard error.
fn verbose() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    command.args(["-vv", "--access-log", "-"]);
    command
}

#[test]
fn a_log_of_each_step_that_nobody_reads_holds_up_nobody() {
    let (reader, writer) = pipe().unwrap();
    let server = Telling::start_as(verbose(), Stdio::null(), writer);
    server.assert_serves();
    server.assert_ends_when_told();
    let text = read_all(reader);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() > 100, "{text}");
    // The last line may be cut: the pipe is full.
    let is_whole = |line: &str| line.starts_with("[20") || line.starts_with(LEFT_OUT);
    assert_eq!(lines[..lines.len() - 1].iter().find(|line| !is_whole(line)), None);
    assert!(text.contains(" TRACE "), "{text}");
}

#[test]
fn two_pipes_that_nobody_reads_hold_up_nobody() {
    let (out_reader, out) = pipe().unwrap();
    let (err_reader, err) = pipe().unwrap();
    let server = Telling::start_as(verbose(), out, err);
    server.assert_serves();
    server.assert_ends_when_told();
    let text = read_all(out_reader);
    let is_whole = |line: &str| line.starts_with("127.0.0.1 - - [") && line.ends_with('"');
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() > 500 && lines[..lines.len() - 1].iter().all(|line| is_whole(line)));
    drop(err_reader);
}

#[test]
fn a_device_that_is_full_holds_up_nobody() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for (out, err) in [
        (Stdio::from(full()), Stdio::null()),
        (Stdio::null(), Stdio::from(full())),
        (Stdio::from(full()), Stdio::from(full())),
    ] {
        let server = Telling::start_as(verbose(), out, err);
        server.assert_serves();
        server.assert_ends_when_told();
    }
}

#[test]
fn streams_that_are_closed_from_the_start_are_no_matter() {
    for closed in [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!(r#"exec "$0" "$@" {closed}"#)]);
        shell.arg(verbose().get_program()).args(verbose().get_args());
        let server = Telling::start_as(shell, Stdio::null(), Stdio::null());
        server.assert_serves();
        server.assert_ends_when_told();
    }
}

/// What is left in this pipe.
fn read_all(mut log: impl Read) -> String {
    let mut text = String::new();
    log.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_pipe_that_is_closed_is_no_matter() {
    let (reader, writer): (PipeReader, _) = pipe().unwrap();
    let server = Telling::start(writer);
    drop(reader);
    server.assert_serves();
    server.assert_ends_when_told();
}

#[test]
fn a_file_that_is_as_long_as_it_may_be_ends_nobody() {
    let name = format!("system-calls-limited-log-{}", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut shell = Command::new("sh");
    let server = env!("CARGO_BIN_EXE_oneloop");
    shell.args(["-c", r#"ulimit -f 16 && exec "$0" "$@""#, server]);
    let server = Telling::start_by(shell, File::create(&path).unwrap());
    server.assert_serves();
    server.assert_ends_when_told();
    let log = fs::read(&path).unwrap();
    fs::remove_file(path).unwrap();
    // Shells count in units of 512 or 1,024 bytes.
    assert!([16 * 512, 16 * 1024].contains(&log.len()), "{} bytes", log.len());
    assert_lines_are_whole_of(&String::from_utf8(log).unwrap(), 50);
}

/// Each line but the last, of which there may have been no room for the rest.
fn assert_lines_are_whole(log: impl Read) {
    assert_lines_are_whole_of(&read_all(log), 100);
}

/// The same, of a log of more lines than this.
fn assert_lines_are_whole_of(text: &str, lines_min: usize) {
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() > lines_min, "{text}");
    let torn = lines[..lines.len() - 1].iter().find(|line| !is_step(line));
    assert_eq!(torn, None);
}

/// Whether this line has the columns of a step: the time first.
fn is_step(line: &str) -> bool {
    line.len() > 40 && line[..12].trim().trim_end_matches('s').trim().parse::<f64>().is_ok()
}
