//! A program that embeds the library, and whose handler is given content, has its memory back after
//! crowds with half bodies of mixed sizes. The server runs in this process, so this is its only test.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "support/needed.rs"]
mod needed;
#[path = "support/sockets.rs"]
mod sockets;

use std::fs;
use std::io::Write;
use std::net::TcpStream;

use needed::may_have_descriptors;
use oneloop::{Reply, Request};
use sockets::Background;

/// How many clients there are in a crowd.
const CROWD: usize = 3000;

/// What crowds may leave beside a tenth of what was resident before them, in bytes.
const LEFT_BYTES_MAX: u64 = 1024 * 1024;

/// How much of a body each client sends, in bytes: one in four of each.
const SIZES: [usize; 4] = [200, 3_000, 20_000, 100_000];

/// The memory of this process that is resident, in bytes.
fn resident_bytes() -> u64 {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let kib = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
    kib.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// A crowd that has come, with half a body from each.
fn crowd(server: &Background, clients: usize, content: &[u8]) -> Vec<TcpStream> {
    let before = server.seen().metrics.received_bytes;
    let mut said = 0;
    let mut crowd = Vec::with_capacity(CROWD);
    for number in 0..clients {
        let mut client = TcpStream::connect(server.address()).unwrap();
        let bytes = SIZES[number % SIZES.len()];
        let framing = match number % 8 {
            ..4 => format!("Content-Length: {}\r\n\r\n", bytes + 1),
            _ => format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", bytes + 1),
        };
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}");
        client.write_all(head.as_bytes()).unwrap();
        client.write_all(&content[..bytes]).unwrap();
        said += (head.len() + bytes) as u64;
        crowd.push(client);
    }
    server.wait_until(|seen| seen.metrics.received_bytes - before == said);
    crowd
}

#[test]
fn memory_is_back_after_crowds_of_half_bodies_that_were_held() {
    let test = memory_is_back_after_crowds_of_half_bodies_that_were_held;
    if !may_have_descriptors(test, 2 * CROWD as u64 + 200) {
        return;
    }
    let handler =
        |request: &Request<'_>, reply: Reply<'_>| reply.send(request.body().len().to_string());
    let server = Background::start(&sockets::config(), handler);
    let content = vec![b'c'; SIZES[3]];
    drop(crowd(&server, 64, &content));
    server.wait_until(|seen| seen.clients == 0);
    let before = resident_bytes();
    for _ in 0..3 {
        let mut crowd = crowd(&server, CROWD, &content);
        let with = resident_bytes() - before;
        let held = CROWD / SIZES.len() * SIZES.iter().sum::<usize>();
        assert!(with as usize >= held, "{with} B more with a crowd that sent {held} B");
        // In an order that is none: every 7th of those who are left.
        let mut next = 0;
        while !crowd.is_empty() {
            next = (next + 7) % crowd.len();
            crowd.swap_remove(next);
        }
        server.wait_until(|seen| seen.clients == 0);
        let left = resident_bytes().saturating_sub(before);
        println!("{before} B before, {with} B more with a crowd, {left} B after it");
        assert!(left <= before / 10 + LEFT_BYTES_MAX, "{left} B more after a crowd");
    }
}
