//! Signals: how many there were, which are left alone, and what they do when the server is gone.
//!
//! What a program that embeds the library sees of them needs a process of its own. This program
//! starts itself again for that, with the name of a case in [`CASE`].
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::env;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use oneloop::{Config, Handler, Listen, Reloaded, Reply, Request, Sent, Server, Stopped};
use rustix::process::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::raise;

mod support;

use support::PATIENCE;

/// Names the case to the embedding program.
const CASE: &str = "ONELOOP_SIGNALS_CASE";

/// A body that never comes whole: its client keeps a server from having drained.
const UNFINISHED: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell";

const CASES: [(&str, fn()); 7] = [
    ("one signal twice in a turn", one_signal_twice_in_a_turn),
    ("a handle beside a signal", a_handle_beside_a_signal),
    ("a handle twice in a turn", a_handle_twice_in_a_turn),
    ("a signal to each server in turn", a_signal_to_each_server_in_turn),
    ("a signal after the server", a_signal_after_the_server),
    ("a handler of the program's own", a_handler_of_the_programs_own),
    ("hang-ups", hang_ups),
];

/// The embedding program. Does nothing when it is run as a test.
#[test]
fn program() {
    let Ok(name) = env::var(CASE) else { return };
    let (_, run) = CASES.iter().find(|(case, _)| *case == name).unwrap();
    run();
}

/// How a program ends that runs this case.
fn end_of(case: &str) -> ExitStatus {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "program", "--nocapture"]).env(CASE, case);
    command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap()
}

fn server(handler: impl Handler) -> Server<impl Handler> {
    let mut config = Config::default();
    config.listen = vec![Listen::at("127.0.0.1:0".parse().unwrap())];
    let mut server = Server::bind(&config, handler).unwrap();
    server.handle_signals().unwrap();
    server
}

/// How a server stops that does this while it answers a request, with another client waiting.
fn stopped_after(act: impl Fn() + Send + 'static) -> Stopped {
    let handler = move |_: &Request<'_>, reply: Reply<'_>| {
        act();
        reply.send("")
    };
    run_with_clients(&mut server(handler))
}

fn run_with_clients(server: &mut Server<impl Handler>) -> Stopped {
    let address = server.local_addrs()[0];
    let mut waiting = TcpStream::connect(address).unwrap();
    waiting.write_all(UNFINISHED.as_bytes()).unwrap();
    let asking = thread::spawn(move || {
        let mut asking = TcpStream::connect(address).unwrap();
        asking.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        // Until the server is done with it.
        let _ = asking.read_to_end(&mut Vec::new());
    });
    let began = Instant::now();
    let stopped = server.run().unwrap();
    assert!(began.elapsed() < PATIENCE);
    asking.join().unwrap();
    stopped
}

fn send(signal: i32) {
    // To this very thread: its handler has run when this returns.
    raise(signal).unwrap();
}

fn one_signal_twice_in_a_turn() {
    let stopped = stopped_after(|| {
        send(SIGTERM);
        send(SIGTERM);
    });
    assert_eq!(stopped, Stopped::Signalled(SIGTERM));
}

fn a_handle_beside_a_signal() {
    let handle = Arc::new(std::sync::OnceLock::<oneloop::StopHandle>::new());
    let given = Arc::clone(&handle);
    let mut server = server(move |_: &Request<'_>, reply: Reply<'_>| {
        send(SIGINT);
        given.get().unwrap().stop();
        reply.send("")
    });
    handle.set(server.stop_handle()).unwrap();
    assert_eq!(run_with_clients(&mut server), Stopped::Signalled(SIGINT));
}

/// Which is once, as it is documented: the unfinished request may still be finished.
fn a_handle_twice_in_a_turn() {
    let mut server = server(|_: &Request<'_>, reply: Reply<'_>| reply.send(""));
    let mut waiting = TcpStream::connect(server.local_addrs()[0]).unwrap();
    waiting.write_all(UNFINISHED.as_bytes()).unwrap();
    let handle = server.stop_handle();
    handle.stop();
    handle.stop();
    waiting.write_all(b"o").unwrap();
    assert_eq!(server.run().unwrap(), Stopped::Drained);
}

/// The signals of the one are not the next one's, and it catches its own.
fn a_signal_to_each_server_in_turn() {
    for signal in [SIGTERM, SIGINT, SIGTERM] {
        let mut server = server(|_: &Request<'_>, reply: Reply<'_>| reply.send(""));
        send(signal);
        assert_eq!(server.run().unwrap(), Stopped::Drained);
    }
}

fn a_signal_after_the_server() {
    let both = (server(nothing), server(nothing));
    drop(both.0);
    send(SIGHUP);
    drop(both.1);
    send(SIGHUP);
    unreachable!("a hang-up ends a process that does not catch it");
}

/// A handler that counts how often it was to reload, and stops its server at the second time.
struct Reloading {
    times: u32,
    stop: Arc<std::sync::OnceLock<oneloop::StopHandle>>,
}

impl Handler for Reloading {
    fn handle(&mut self, _: &Request<'_>, reply: Reply<'_>) -> Sent {
        reply.send("")
    }

    fn reload(&mut self) -> Reloaded {
        self.times += 1;
        match self.times {
            1 => {
                // While it reloads: this one is not lost.
                send(SIGHUP);
                Reloaded::Failed("the first time".into())
            }
            _ => {
                self.stop.get().unwrap().stop();
                Reloaded::Done("it".into())
            }
        }
    }
}

/// Several that come between two turns are one, since all of them want what is there now.
fn hang_ups() {
    let stop = Arc::default();
    let mut server = server(Reloading { times: 0, stop: Arc::clone(&stop) });
    stop.set(server.stop_handle()).unwrap();
    send(SIGHUP);
    send(SIGHUP);
    assert_eq!(server.run().unwrap(), Stopped::Drained);
    assert_eq!(server.reload(), Reloaded::Done("it".into()), "the third");
}

fn nothing(_: &Request<'_>, reply: Reply<'_>) -> Sent {
    reply.send("")
}

fn a_handler_of_the_programs_own() {
    let came = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGTERM, Arc::clone(&came)).unwrap();
    drop(server(nothing));
    send(SIGTERM);
    assert!(came.load(Ordering::SeqCst));
}

#[test]
fn signals_between_two_polls_count_each_and_a_handles_stops_count_as_one() {
    for case in
        ["one signal twice in a turn", "a handle beside a signal", "a handle twice in a turn"]
    {
        assert_eq!(end_of(case).code(), Some(0), "{case}");
    }
}

#[test]
fn a_hang_up_has_the_handler_reload_and_one_during_that_does_so_again() {
    assert_eq!(end_of("hang-ups").code(), Some(0));
}

#[test]
fn a_signal_does_again_what_it_did_when_the_last_server_is_gone() {
    assert_eq!(end_of("a signal to each server in turn").code(), Some(0));
    assert_eq!(end_of("a handler of the program's own").code(), Some(0));
    assert_eq!(end_of("a signal after the server").signal(), Some(SIGHUP));
}

#[test]
fn two_signals_that_come_while_the_program_stands_still_end_it_at_once() {
    let server = support::Server::start(&["--drain-timeout", "1h", "--body-timeout", "1h"]);
    let mut waiting = TcpStream::connect(server.address()).unwrap();
    waiting.write_all(UNFINISHED.as_bytes()).unwrap();
    server.signal(Signal::STOP);
    server.signal(Signal::TERM);
    server.signal(Signal::INT);
    server.signal(Signal::CONT);
    let code = server.await_end().code();
    assert!(code == Some(128 + SIGTERM) || code == Some(128 + SIGINT), "{code:?}");
}

#[test]
fn a_signal_that_was_ignored_when_the_program_began_stays_ignored() {
    // As a shell does for a job in the background, and `nohup` for a hang-up.
    let script = "trap '' INT HUP; exec \"$0\" -l 127.0.0.1:0";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_oneloop")]);
    let server = support::Server::launch(command);
    for signal in [Signal::INT, Signal::HUP] {
        server.signal(signal);
        let mut client = TcpStream::connect(server.address()).unwrap();
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert_eq!(server.stop().code(), Some(0));
}
