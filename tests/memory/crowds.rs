//! Memory comes back after crowds that left the server in the middle of something.
//!
//! Clients leave in random order. What the server keeps for them is of mixed sizes, most of them
//! below the size from which the allocator maps memory by itself.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::needed::may_have_descriptors;
use crate::random::Random;
use crate::support::PATIENCE;
use crate::trace::Watched;

/// How many clients there are in a crowd.
const CROWD: usize = 3000;

/// How many crowds come, one after the other.
const CROWDS: usize = 3;

/// What a crowd may leave beside a tenth of what was resident before it, in bytes.
const LEFT_BYTES_MAX: u64 = 1024 * 1024;

/// How many descriptors a crowd and the test itself need.
const DESCRIPTORS: u64 = CROWD as u64 + 200;

/// What one client is in the middle of.
#[derive(Clone, Copy, Debug)]
enum Middle {
    /// A head.
    Head,
    /// A body whose length is known.
    Body,
    /// A body in chunks.
    Chunks,
    /// Answers that it does not take.
    Answers,
    /// Nothing any more: it is answered that this was no request.
    Fault,
}

/// From 200 bytes to this many, small ones as often as large ones.
fn size(random: &mut Random, bytes_max: usize) -> usize {
    let mut size = 200 + random.below(100);
    while size < bytes_max && random.below(4) > 0 {
        size = size * 5 / 2;
    }
    size.min(bytes_max)
}

impl Middle {
    fn begin(self, client: &mut TcpStream, random: &mut Random) {
        match self {
            Middle::Head => {
                let mut head = "GET / HTTP/1.1\r\nHost: a\r\n".to_owned();
                let bytes = size(random, 60_000);
                while head.len() < bytes {
                    head += &format!("X: {}\r\n", "y".repeat(700));
                }
                say(client, head.as_bytes());
            }
            Middle::Body => {
                let bytes = size(random, 100_000);
                let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}", bytes + 1);
                say(client, format!("{head}\r\n\r\n{}", "b".repeat(bytes)).as_bytes());
            }
            Middle::Chunks => {
                let bytes = size(random, 100_000);
                let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked";
                let chunk = format!("{:x}\r\n{}", bytes + 1, "c".repeat(bytes));
                say(client, format!("{head}\r\n\r\n{chunk}").as_bytes());
            }
            Middle::Answers => {
                say(
                    client,
                    "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1 + random.below(500)).as_bytes(),
                );
            }
            Middle::Fault => {
                let noise = "n".repeat(size(random, 5000));
                say(client, format!("{noise}\x01\r\n\r\n").as_bytes());
            }
        }
    }
}

/// Says what the kernel has room for: the server may not read all of it.
fn say(client: &mut TcpStream, bytes: &[u8]) {
    client.set_nonblocking(true).unwrap();
    let mut said = 0;
    while said < bytes.len() {
        match client.write(&bytes[said..]) {
            Ok(written) => said += written,
            Err(reason) if reason.kind() == ErrorKind::WouldBlock => break,
            // The server has answered, and closed its side.
            Err(_) => break,
        }
    }
}

/// What was sent before has been read once a later client is answered.
fn ask(server: &Watched) {
    let mut client = server.connect();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", answer.escape_ascii());
}

/// One crowd at a time: they all need many descriptors and much memory of the kernel.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has crowds come and go, each but for a few clients who stay, and says how much more is resident
/// than before them, in bytes.
fn left_after_crowds(server: &Watched, kinds: &[Middle], staying: usize) -> u64 {
    let mut random = Random::new(7);
    // What the first clients of each kind make resident, code above all, is no crowd's memory.
    let open = server.descriptors();
    for kind in kinds {
        kind.begin(&mut server.connect(), &mut random);
    }
    ask(server);
    server.await_descriptors(open);
    let before = server.resident_bytes();
    let mut stayed = Vec::new();
    for _ in 0..CROWDS {
        let mut crowd: Vec<TcpStream> = (0..CROWD)
            .map(|_| {
                let mut client = server.connect();
                kinds[random.below(kinds.len())].begin(&mut client, &mut random);
                client
            })
            .collect();
        ask(server);
        let with = server.resident_bytes().saturating_sub(before);
        while crowd.len() > staying {
            crowd.swap_remove(random.below(crowd.len()));
        }
        stayed.append(&mut crowd);
        ask(server);
        // Whoever was answered as a fault may have gone before.
        let began = Instant::now();
        while server.descriptors() > open + stayed.len() {
            assert!(began.elapsed() < PATIENCE, "clients that have gone are still open");
            ask(server);
        }
        let after = server.resident_bytes().saturating_sub(before);
        println!("{kinds:?}: {before} B before, {with} B more with a crowd, {after} B after it");
    }
    let allowed = before / 10 + LEFT_BYTES_MAX;
    let left = server.resident_bytes().saturating_sub(before);
    left.saturating_sub(allowed)
}

#[track_caller]
fn assert_memory_is_back(kinds: &[Middle], staying: usize, held_by_each: u64) {
    let _alone = alone();
    let server = Watched::start_with(&["--strict", "--head-max", "64KiB"]);
    let beyond = left_after_crowds(&server, kinds, staying);
    let held = (CROWDS * staying) as u64 * held_by_each;
    assert!(beyond <= held, "{beyond} B more are left than a tenth and a MiB");
}

#[test]
fn memory_is_back_after_crowds_of_half_heads() {
    if may_have_descriptors(memory_is_back_after_crowds_of_half_heads, DESCRIPTORS) {
        assert_memory_is_back(&[Middle::Head], 0, 0);
    }
}

#[test]
fn memory_is_back_after_crowds_of_half_bodies() {
    if may_have_descriptors(memory_is_back_after_crowds_of_half_bodies, DESCRIPTORS) {
        assert_memory_is_back(&[Middle::Body, Middle::Chunks], 0, 0);
    }
}

#[test]
fn memory_is_back_after_crowds_of_all_kinds() {
    if may_have_descriptors(memory_is_back_after_crowds_of_all_kinds, DESCRIPTORS) {
        let kinds = [Middle::Head, Middle::Body, Middle::Chunks, Middle::Answers, Middle::Fault];
        assert_memory_is_back(&kinds, 0, 0);
    }
}

/// Those who stay keep what is theirs, and nothing of the others'.
#[test]
fn memory_is_back_but_for_what_those_who_stay_are_in_the_middle_of() {
    let test = memory_is_back_but_for_what_those_who_stay_are_in_the_middle_of;
    if may_have_descriptors(test, DESCRIPTORS) {
        assert_memory_is_back(&[Middle::Head, Middle::Body], 20, 100 * 1024);
    }
}
