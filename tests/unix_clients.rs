//! The program at a Unix socket, with other programs as its clients: ten thousand of one process, curl,
//! `oneloop health`, and another server that wants the same path.
#![cfg(all(feature = "cli", target_os = "linux"))]

use std::fs;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Instant;

use needed::{Folder, Needed, may_have_descriptors};
use rustix::process::{Pid, Signal, kill_process};
use sockets::{Client, PATIENCE};
use support::Program;

#[path = "support/needed.rs"]
mod needed;
#[path = "support/sockets.rs"]
mod sockets;
mod support;

const CURL: Needed = Needed { names: &["curl"], package: "curl" };

/// What a place in this folder is called on the command line.
fn place(folder: &Folder, name: &str) -> String {
    format!("unix:{}", folder.path().join(name).display())
}

/// The program, without what the environment of the test run would tell it.
fn oneloop() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ONELOOP_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

/// The program at these places, as soon as it listens.
fn serving(arguments: &[&str]) -> Program {
    let mut program = Program::start(oneloop().args(arguments));
    program.hear_error("listening on unix:");
    program
}

fn connect(path: &Path) -> Client {
    let stream = UnixStream::connect(path).expect("it is listened at");
    Client::new(TcpStream::from(OwnedFd::from(stream)))
}

fn descriptors(pid: Pid) -> usize {
    fs::read_dir(format!("/proc/{}/fd", pid.as_raw_pid())).expect("it runs").count()
}

/// Waits until the process has fewer descriptors than this.
fn wait_for_fewer(pid: Pid, most: usize) {
    let began = Instant::now();
    while descriptors(pid) >= most {
        assert!(began.elapsed() < PATIENCE, "it keeps what its clients have left");
        thread::yield_now();
    }
}

/// Client and server have a descriptor for each, which are as many as one process may have.
#[test]
fn ten_thousand_clients_are_connected_at_once_and_each_is_answered() {
    const CLIENTS: usize = 10_000;
    let test = ten_thousand_clients_are_connected_at_once_and_each_is_answered;
    if !may_have_descriptors(test, CLIENTS as u64 + 200) {
        return;
    }
    let folder = Folder::new("ten-thousand");
    let mut program = serving(&["-l", &place(&folder, "s"), "-t", "hello", "--idle-timeout", "1h"]);
    let path = folder.path().join("s");
    let before = descriptors(program.pid());
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| connect(&path)).collect();
    for round in ["/first", "/second"] {
        clients.iter_mut().for_each(|client| client.ask(round));
        for client in &mut clients {
            assert_eq!(client.answer().text(), "hello\n");
        }
        assert!(descriptors(program.pid()) >= before + CLIENTS, "all are connected");
    }
    drop(clients);
    wait_for_fewer(program.pid(), before + 1);
    assert_eq!(connect(&path).get("/").text(), "hello\n");
    kill_process(program.pid(), Signal::TERM).expect("it runs");
    program.hear_error("stopping by SIGTERM");
    assert_eq!(program.finish().status.code(), Some(0));
    assert!(!path.exists(), "its file goes with it");
}

#[test]
fn curl_fetches_pages_and_large_files_over_one_connection() {
    let test = curl_fetches_pages_and_large_files_over_one_connection;
    let Some(curl) = CURL.find(test) else { return };
    let folder = Folder::new("curl");
    let root = folder.path().join("root");
    fs::create_dir(&root).expect("a folder");
    fs::write(root.join("index.html"), "hello\n").expect("a page");
    let large: Vec<u8> = (0..8 << 20).map(|at: u32| (at / 7 % 251) as u8).collect();
    fs::write(root.join("large"), &large).expect("a file");
    let at = place(&folder, "s");
    let _program = serving(&["-l", &at, "--access-log", "off", root.to_str().expect("ours")]);
    let fetched = folder.path().join("fetched");
    let mut command = Command::new(curl);
    command.args(["-sS", "--max-time", "20", "--unix-socket"]).arg(folder.path().join("s"));
    command.args(["-w", "%{http_code} %{num_connects}\n", "http://localhost/"]);
    command.args(["-o", "-", "http://localhost/large", "-o"]).arg(&fetched);
    let Output { status, stdout, stderr } = command.output().expect("it was found");
    let printed = String::from_utf8_lossy(&stdout);
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    assert_eq!(printed, "hello\n200 1\n200 0\n");
    assert!(fs::read(fetched).expect("what it has fetched") == large);
}

#[test]
fn oneloop_health_asks_at_a_unix_socket() {
    let folder = Folder::new("health");
    let (public, health) = (place(&folder, "public"), place(&folder, "health"));
    let mut program = serving(&["-l", &public, "--health", &health, "--health-path", "/healthz"]);
    program.hear_error("health at unix:");
    let ask = |at: &str| {
        let output = oneloop().args(["health", at]).output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    assert_eq!(ask(&health), (Some(0), "ok\n".into(), String::new()));
    assert_eq!(ask(&public), (Some(0), "ready\n".into(), String::new()));
    let missing = place(&folder, "missing");
    let (code, _, why) = ask(&missing);
    assert!(code == Some(1) && why.contains(&missing) && why.contains("No such file"), "{why}");
    kill_process(program.pid(), Signal::KILL).expect("it runs");
    program.finish();
    let (code, _, why) = ask(&health);
    assert!(code == Some(1) && why.contains("refused"), "{why}");
}

/// Both find a socket that a killed process has left.
#[test]
fn of_two_programs_that_start_at_once_at_a_stale_socket_one_serves_and_one_says_why_not() {
    let folder = Folder::new("at-once");
    let (path, at) = (folder.path().join("s"), place(&folder, "s"));
    for _ in 0..10 {
        drop(UnixListener::bind(&path).expect("a free path"));
        let start = || {
            let mut command = oneloop();
            command.args(["-l", &at]).stdin(Stdio::null()).stdout(Stdio::null());
            Program::start(&mut command)
        };
        let mut programs = [start(), start()];
        // The one that cannot serve ends by itself.
        let began = Instant::now();
        let refused = loop {
            let ended = programs.iter_mut().position(|it| it.has_ended());
            if let Some(refused) = ended {
                break refused;
            }
            assert!(began.elapsed() < PATIENCE, "both serve");
            thread::yield_now();
        };
        let [first, second] = programs;
        let (ended, mut serving) = if refused == 0 { (first, second) } else { (second, first) };
        let ended = ended.finish();
        assert_eq!(ended.status.code(), Some(1));
        assert!(ended.errors.contains("already listening"), "{}", ended.errors);
        serving.hear_error("listening on unix:");
        assert_eq!(connect(&path).get("/").status, 200);
        kill_process(serving.pid(), Signal::TERM).expect("it runs");
        assert_eq!(serving.finish().status.code(), Some(0));
        assert!(!path.exists());
    }
}
