//! Holds what the server may cost, in what can be counted: system calls, bytes, threads, crates.
//! Time is measured in `benches/`, heap allocations per request in `tests/allocations.rs`.
//!
//! A budget is a bound on what is measured now, with little to spare: whoever makes something
//! cheaper lowers it, and whoever makes something dearer says why in the commit that raises it.
//! One test at a time: some count every byte that this process allocates.
#![cfg(all(feature = "cli", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "../support/needed.rs"]
mod needed;
#[path = "../support/shipped.rs"]
mod shipped;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/trace.rs"]
mod trace;

mod bodies;
mod calls;
#[cfg(feature = "routes")]
mod late;
mod size;

use std::alloc::System;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use needed::may_have_descriptors;
use oneloop::engine::{Clients, Engine, Time};
use oneloop::handlers::FixedText;
use oneloop::testing::{Listener, Pipe};
use oneloop::{Limits, Timeouts};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use trace::{CallRates, Watched, can_trace};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What one idle client may take of the server's own memory, in bytes: a slot. In builds with debug
/// assertions mio's stream makes it 16 bytes larger.
const IDLE_CLIENT_BYTES_MAX: f64 = if cfg!(debug_assertions) { 120.0 } else { 104.0 };

/// What memory is counted in.
const PAGE_BYTES: f64 = 4096.0;

/// How many clients stand for a busy server.
const BUSY: usize = 64;

/// How many clients are a crowd, and how many the beginning of one.
const CROWD: usize = 15_000;
const CROWD_BEGUN: usize = 5_000;

/// How many clients the engine of the exact count is given in a turn: what the server accepts.
const PER_TURN: usize = 256;

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";
const LAST_GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Slots are reserved when the server starts, and their size is held where they are defined: a
/// client that comes, and one that was answered, asks the allocator for nothing more. What the
/// test runner allocates meanwhile is far less than a byte for each of so many.
#[test]
fn an_idle_client_asks_the_allocator_for_nothing() {
    let _alone = alone();
    for (asks, name) in [(Asks::Nothing, "before"), (Asks::Once, "after")] {
        let bytes = allocated_for(16_384, asks) as f64 - allocated_for(4096, asks) as f64;
        let bytes = bytes / (16_384 - 4096) as f64;
        assert!(bytes.abs() < 1.0, "{bytes:.2} bytes for a client {name} its first request");
    }
}

#[test]
fn an_idle_client_takes_at_most_120_bytes_before_its_first_request() {
    let _alone = alone();
    if may_have_descriptors(
        an_idle_client_takes_at_most_120_bytes_before_its_first_request,
        CROWD as u64 + 200,
    ) {
        assert_idle_clients_are_cheap(&Watched::start(), Asks::Nothing);
    }
}

#[test]
fn an_idle_client_takes_at_most_120_bytes_after_its_first_request() {
    let _alone = alone();
    if may_have_descriptors(
        an_idle_client_takes_at_most_120_bytes_after_its_first_request,
        CROWD as u64 + 200,
    ) {
        assert_idle_clients_are_cheap(&Watched::start(), Asks::Once);
    }
}

/// Memory that was freed can be left lying between what is in use: a server's second crowd must
/// not cost more than its first, even if what the first left behind does not suit it.
#[test]
fn an_idle_client_takes_at_most_120_bytes_in_a_second_crowd_too() {
    let _alone = alone();
    if may_have_descriptors(
        an_idle_client_takes_at_most_120_bytes_in_a_second_crowd_too,
        CROWD as u64 + 200,
    ) {
        let server = Watched::start();
        come_and_go(&server, Asks::Nothing);
        assert_idle_clients_are_cheap(&server, Asks::Once);
    }
}

#[test]
fn memory_is_back_when_a_crowd_has_gone() {
    let _alone = alone();
    if may_have_descriptors(memory_is_back_when_a_crowd_has_gone, CROWD as u64 + 200) {
        assert_memory_is_back(&Watched::start(), 1);
    }
}

#[test]
fn memory_is_back_when_one_crowd_after_another_has_gone() {
    let _alone = alone();
    if may_have_descriptors(
        memory_is_back_when_one_crowd_after_another_has_gone,
        CROWD as u64 + 200,
    ) {
        assert_memory_is_back(&Watched::start(), 3);
    }
}

/// A server is seldom empty: somebody who was here before the crowd stays, and must not keep the
/// crowd's memory from being given back.
#[test]
fn memory_is_back_when_a_crowd_has_gone_and_a_few_stay() {
    let _alone = alone();
    if may_have_descriptors(memory_is_back_when_a_crowd_has_gone_and_a_few_stay, CROWD as u64 + 200)
    {
        let server = Watched::start();
        let _staying = connect(&server, BUSY, Asks::Once);
        assert_memory_is_back(&server, 1);
    }
}

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that has failed leaves nothing behind that would matter to the next.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What clients do before they are idle.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Nothing,
    Once,
}

/// So many more clients of a server. Returns once it has accepted, and perhaps answered, them all.
fn connect(server: &Watched, count: usize, asks: Asks) -> Vec<TcpStream> {
    let answer_bytes = answer_bytes(server);
    let before = settled_descriptors(server);
    let mut clients: Vec<TcpStream> = (0..count).map(|_| server.connect()).collect();
    if asks == Asks::Once {
        for client in &mut clients {
            client.write_all(GET.as_bytes()).unwrap();
        }
        read_answers(&mut clients, answer_bytes);
    }
    server.await_descriptors(before + count);
    clients
}

/// How many descriptors the server has open once whoever has gone is closed.
fn settled_descriptors(server: &Watched) -> usize {
    let mut client = server.connect();
    client.write_all(LAST_GET.as_bytes()).unwrap();
    // The server has closed it when this ends.
    client.read_to_end(&mut Vec::new()).unwrap();
    server.descriptors()
}

fn assert_idle_clients_are_cheap(server: &Watched, asks: Asks) {
    let _begun = connect(server, CROWD_BEGUN, asks);
    let fewer = server.anonymous_bytes();
    let _rest = connect(server, CROWD - CROWD_BEGUN, asks);
    let more = server.anonymous_bytes();
    let bytes = (more as f64 - fewer as f64) / (CROWD - CROWD_BEGUN) as f64;
    println!("{fewer} B with {CROWD_BEGUN} clients, {more} B with {CROWD}: {bytes:.1} B for each");
    // Memory comes in pages: one more or less is no client's.
    let page = PAGE_BYTES / (CROWD - CROWD_BEGUN) as f64;
    assert!(bytes <= IDLE_CLIENT_BYTES_MAX + page, "{bytes:.1} B for each idle client");
}

/// A crowd comes, perhaps asks, and goes. Returns when the server is done with all of it.
fn come_and_go(server: &Watched, asks: Asks) {
    let before = settled_descriptors(server);
    drop(connect(server, CROWD, asks));
    server.await_descriptors(before);
    // The turn that closed the last of them is over when somebody who has come since is answered.
    settled_descriptors(server);
}

/// More clients than slots are reserved for, whose time runs out in the order in which they came:
/// the last few are fewer than what counts as a crowd, and lie above everybody else's place.
#[test]
fn a_huge_crowd_that_times_out_gives_its_slots_back() {
    const HUGE: usize = 1250 * PER_TURN + 64;
    let _alone = alone();
    let timeouts = Timeouts::default();
    let late = Time::after_start(timeouts.first_byte * 2);
    let clients = Clients::new(Limits::default(), timeouts, SystemTime::UNIX_EPOCH);
    let mut engine = Listener::absent(clients);
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
    let silent = Pipe::repeating(b"");
    let before = allocated();
    while engine.clients().len() < HUGE {
        for _ in 0..PER_TURN.min(HUGE - engine.clients().len()) {
            engine.clients_mut().admit(silent.stream(), peer, Time::START);
        }
        turn(&mut engine, Time::START);
    }
    while !engine.clients().is_empty() {
        turn(&mut engine, late);
    }
    let left = allocated().saturating_sub(before);
    assert!(left < 1024 * 1024, "{left} B are left of a crowd of {HUGE}");
}

/// Resident memory, as `ps` shows it: this is what an operator sees come back or not.
fn assert_memory_is_back(server: &Watched, crowds: usize) {
    // What a first few clients make resident, code above all, is no crowd's memory.
    drop(connect(server, BUSY, Asks::Once));
    let before = server.resident_bytes();
    for crowd in 1..=crowds {
        come_and_go(server, Asks::Once);
        let after = server.resident_bytes();
        println!("{before} B before, {after} B after {crowd} crowds of {CROWD}");
        assert!(
            after as f64 <= before as f64 * 1.1,
            "{before} B before, {after} B after {crowd} crowds of {CROWD}"
        );
    }
}

/// One turn of the loop, in which the poll is asked for nothing.
fn turn(engine: &mut Engine<Listener>, now: Time) {
    let mut handler = FixedText::new(*b"hello\n").strict();
    let flow = engine.turn(now, &mut handler, &mut |_, _: &mut _, _, _| Ok(()));
    assert!(flow.is_continue(), "nobody stops it");
}

/// The bytes that the engine holds when it has so many idle clients.
fn allocated_for(count: usize, asks: Asks) -> usize {
    let before = allocated();
    let clients = Clients::new(Limits::default(), Timeouts::default(), SystemTime::UNIX_EPOCH);
    let mut engine = Listener::absent(clients);
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
    let asking = Pipe::repeating(match asks {
        Asks::Nothing => b"",
        Asks::Once => GET.as_bytes(),
    });
    for _ in 0..count / PER_TURN {
        for _ in 0..PER_TURN {
            engine.clients_mut().admit(asking.stream(), peer, Time::START);
        }
        turn(&mut engine, Time::START);
    }
    let clients = engine.clients();
    let answered = if asks == Asks::Once { count } else { 0 };
    assert_eq!((clients.len(), clients.metrics().requests), (count, answered as u64));
    allocated() - before
}

/// The bytes that this process has of the allocator.
fn allocated() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// How long an answer is. All are equally long: only the time in `Date` differs.
fn answer_bytes(server: &Watched) -> usize {
    server.answer_bytes(GET.as_bytes())
}

/// Reads what each client is owed, and nothing but that.
fn read_answers(clients: &mut [TcpStream], answers_bytes: usize) {
    let mut answers = vec![0; answers_bytes];
    for client in clients {
        client.read_exact(&mut answers).unwrap();
        assert!(answers.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", answers.escape_ascii());
    }
}
