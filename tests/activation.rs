//! Sockets that the program is started with, as systemd hands them over; and a service manager that is
//! told how it is.
#![cfg(all(feature = "cli", target_os = "linux"))]

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::Command;

use needed::{Folder, Needed};
use rustix::process::{Signal, kill_process};
use sockets::Client;
use support::Program;

#[path = "support/needed.rs"]
mod needed;
#[path = "support/sockets.rs"]
mod sockets;
mod support;

const ANALYZE: Needed = Needed { names: &["systemd-analyze"], package: "systemd" };
const ACTIVATE: Needed = Needed { names: &["systemd-socket-activate"], package: "systemd" };

/// The program, which is started as soon as a client comes to one of these sockets.
fn activated(tool: &Path, activation: &[&str], arguments: &[&str]) -> Program {
    let mut command = Command::new(tool);
    command.args(activation).arg(env!("CARGO_BIN_EXE_oneloop")).args(arguments);
    let mut program = Program::start(&mut command);
    program.hear_error(" as 3.");
    program
}

fn unix_client(path: &Path) -> Client {
    let stream = UnixStream::connect(path).expect("it is listened at");
    Client::new(TcpStream::from(OwnedFd::from(stream)))
}

/// A port that was free a moment ago: the tool must be given one.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    listener.local_addr().expect("it is bound").port()
}

#[test]
fn listeners_are_taken_by_their_names_whatever_their_order() {
    let test = listeners_are_taken_by_their_names_whatever_their_order;
    let Some(tool) = ACTIVATE.find(test) else { return };
    let folder = Folder::new("activation");
    let path = folder.path().join("s");
    let (unix, port) = (path.to_str().expect("a path of ours"), free_port());
    let tcp = format!("127.0.0.1:{port}");
    let mut program = activated(
        &tool,
        &["-l", unix, "-l", &tcp, "--fdname=web:api"],
        &["-l", "fd:api", "-l", "fd:web", "-t", "hello"],
    );
    program.hear_error(" as 4.");
    // This one came before the program was there, and waits in the queue.
    let mut first = unix_client(&path);
    assert_eq!(first.get("/").text(), "hello\n");
    let mut second = Client::connect((Ipv4Addr::LOCALHOST, port).into());
    assert_eq!(second.get("/").text(), "hello\n");
    program.hear_error(&format!("listening on http://{tcp}/ and unix:{unix}"));
    drop((first, second));
    kill_process(program.pid(), Signal::TERM).expect("it runs");
    assert_eq!(program.finish().status.code(), Some(0));
    assert!(path.exists(), "it belongs to the service manager");
}

#[test]
fn what_is_no_listener_of_that_name_is_refused_in_words() {
    let test = what_is_no_listener_of_that_name_is_refused_in_words;
    let Some(tool) = ACTIVATE.find(test) else { return };
    let folder = Folder::new("refused");
    for (name, activation, arguments, says) in [
        ("missing", &["--fdname=web"][..], &["-l", "fd:api"][..], "no socket of that name (there"),
        ("twice", &["--fdname=web"], &["-l", "fd:web", "-l", "fd:web"], "none that is left"),
        ("datagram", &["-d", "--fdname=web"], &["-l", "fd:web"], "is no stream socket; use"),
        ("accepted", &["-a", "--fdname=web"], &["-l", "fd:web"], "is a connection; use"),
    ] {
        let path = folder.path().join(name);
        let listens = [&["-l", path.to_str().expect("a path of ours")], activation].concat();
        let mut program = activated(&tool, &listens, arguments);
        let _client: OwnedFd = match name {
            "datagram" => {
                let client = UnixDatagram::unbound().expect("a socket");
                client.send_to(b"hello", &path).expect("it is there");
                client.into()
            }
            _ => UnixStream::connect(&path).expect("it is listened at").into(),
        };
        program.hear_error(says);
        // With `-a` the tool goes on, and waits for the next connection.
        if name != "accepted" {
            assert_eq!(program.finish().status.code(), Some(2), "{name}");
        }
    }
}

#[test]
fn without_a_service_manager_no_name_is_known() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    let ended = Program::start(command.args(["-l", "fd:web"])).finish();
    assert_eq!(ended.status.code(), Some(2));
    assert!(ended.errors.contains("FileDescriptorName=web"), "{}", ended.errors);
}

/// What a service manager hears, up to the message that has this line.
fn heard(manager: &UnixDatagram, line: &str) -> String {
    let mut room = [0; 1024];
    loop {
        let bytes = manager.recv(&mut room).expect("a message in time");
        let message = String::from_utf8(room[..bytes].to_vec()).expect("text");
        if message.lines().any(|it| it.starts_with(line)) {
            return message;
        }
    }
}

#[test]
fn a_service_manager_hears_when_it_is_ready_how_it_is_and_that_it_stops() {
    let folder = Folder::new("notify");
    let path = folder.path().join("n");
    let manager = UnixDatagram::bind(&path).expect("a free path");
    manager.set_read_timeout(Some(sockets::PATIENCE)).expect("an option");
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    command.args(["-l", "127.0.0.1:0", "--drain-idle", "0s", "--drain-timeout", "7s"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    let mut program = Program::start(&mut command);
    let ready = heard(&manager, "READY=1");
    let (_, address) = ready.split_once("listening on http://").expect("where it listens");
    let address = address.split('/').next().and_then(|it| it.parse().ok()).expect("an address");
    let mut client = Client::connect(address);
    assert_eq!(client.get("/").status, 200);
    assert!(heard(&manager, "STATUS=").ends_with("; 1 clients"));
    for _ in 0..3 {
        heard(&manager, "WATCHDOG=1");
    }
    program.hear_error("listening on");
    kill_process(program.pid(), Signal::TERM).expect("it runs");
    assert!(heard(&manager, "STOPPING=1").contains("\nEXTEND_TIMEOUT_USEC=12000000\n"));
    drop(client);
    assert_eq!(program.finish().status.code(), Some(0));
}

/// As `systemctl reload` asks a unit with `Type=notify-reload`, which fails unless it hears both.
#[test]
fn a_service_manager_hears_that_a_reload_began_after_its_signal_and_has_ended() {
    let folder = Folder::new("reload");
    let path = folder.path().join("n");
    let manager = UnixDatagram::bind(&path).expect("a free path");
    manager.set_read_timeout(Some(sockets::PATIENCE)).expect("an option");
    let root = folder.path().join("root");
    std::fs::create_dir(&root).expect("a free name");
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    command.args(["-l", "127.0.0.1:0"]).arg(&root).env("NOTIFY_SOCKET", &path);
    let program = Program::start(&mut command);
    heard(&manager, "READY=1");
    for has_root in [true, false] {
        if !has_root {
            std::fs::remove_dir(&root).expect("it is empty");
        }
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let asked = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
        kill_process(program.pid(), Signal::HUP).expect("it runs");
        let told = heard(&manager, "RELOADING=1");
        let (_, usec) = told.split_once("\nMONOTONIC_USEC=").expect("in the same message");
        assert!(usec.parse::<i64>().is_ok_and(|usec| usec >= asked), "{told} after {asked}");
        let ready = heard(&manager, "READY=1");
        assert_eq!(ready.contains("the last reload failed"), !has_root, "{ready}");
    }
}

/// Where the units stand that users copy.
const OPERATIONS: &str = include_str!("../src/server/README.md");

/// The units of the documentation, each with the last name in `/etc` that stands before it. Those that
/// can be installed together stand together.
fn units() -> Vec<Vec<(&'static str, &'static str)>> {
    let mut together: Vec<Vec<(&str, &str)>> = vec![Vec::new()];
    for (at, begin) in OPERATIONS.match_indices("```ini\n") {
        let (_, name) = OPERATIONS[..at].rsplit_once("`/etc/systemd/system/").expect("its place");
        let name = name.split('`').next().expect("a name");
        let (text, _) = OPERATIONS[at + begin.len()..].split_once("```").expect("its end");
        match together.last_mut().filter(|units| units.iter().all(|(it, _)| *it != name)) {
            Some(units) => units.push((name, text)),
            None => together.push(vec![(name, text)]),
        }
    }
    together
}

/// What systemd has to say against these units.
fn complaints(tool: &Path, folder: &Path, units: &[(&str, String)]) -> String {
    let mut command = Command::new(tool);
    command.args(["verify", "--man=no"]);
    for (name, text) in units {
        std::fs::write(folder.join(name), text).expect("a file");
        command.arg(folder.join(name));
    }
    let output = command.output().expect("it was found");
    let told = String::from_utf8_lossy(&output.stderr);
    // It reads the units of this system as well.
    let ours = told.lines().filter(|line| line.contains("oneloop"));
    ours.collect::<Vec<_>>().join("\n")
}

#[test]
fn systemd_has_nothing_to_say_against_the_units_of_the_documentation() {
    let test = systemd_has_nothing_to_say_against_the_units_of_the_documentation;
    let Some(tool) = ANALYZE.find(test) else { return };
    let folder = Folder::new("units");
    let here = env!("CARGO_BIN_EXE_oneloop");
    let all = units();
    assert!(all.len() > 1, "a second oneloop.service is the one for takeovers");
    for units in all {
        let installed = |(name, text): (_, &str)| (name, text.replace("/usr/bin/oneloop", here));
        let units: Vec<_> = units.into_iter().map(installed).collect();
        assert!(units.iter().any(|(name, _)| *name == "oneloop.service"));
        assert_eq!(complaints(&tool, folder.path(), &units), "");
        // A mistake would be told.
        for (word, wrong) in [("WatchdogSec", "WachdogSec"), (here, "/no/such/oneloop")] {
            let broken = units.iter().map(|(name, text)| (*name, text.replace(word, wrong)));
            let told = complaints(&tool, folder.path(), &broken.collect::<Vec<_>>());
            assert!(told.contains(wrong), "{wrong}: {told}");
        }
    }
}

/// The watchdog of another process is not for this one.
#[test]
fn a_watchdog_of_another_process_hears_nothing() {
    let folder = Folder::new("watchdog");
    let path = folder.path().join("n");
    let manager = UnixDatagram::bind(&path).expect("a free path");
    manager.set_read_timeout(Some(sockets::PATIENCE)).expect("an option");
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    command.args(["-l", "127.0.0.1:0"]).env("NOTIFY_SOCKET", &path);
    command.env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    let program = Program::start(&mut command);
    heard(&manager, "READY=1");
    kill_process(program.pid(), Signal::TERM).expect("it runs");
    let mut room = [0; 1024];
    let bytes = manager.recv(&mut room).expect("a message in time");
    assert!(room[..bytes].starts_with(b"STOPPING=1\n"), "the next is the last");
    assert_eq!(program.finish().status.code(), Some(0));
}
