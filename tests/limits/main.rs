//! Every limit and every timeout that a client can meet, over real connections.
//!
//! Each limit is met at max−1, max and max+1; each timeout must come neither before its time nor
//! much later. Every other timeout is an hour long then, so that only the one in question can be
//! what is seen.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use oneloop::config::{FIELDS_CAPACITY, RECEIVE_BYTES};
use oneloop::handlers::FixedText;
use oneloop::{CloseReason, Config, Limits, Reply, Request, Stopped};

#[path = "../support/chunks.rs"]
mod chunks;
#[path = "../support/sockets.rs"]
mod sockets;

mod bodies;
mod clients;
mod ends;
mod extremes;
mod head_timeouts;
mod heads;
mod progress;

use sockets::{Background, Client, End, assert_punctual, config, drip, get};

/// Short enough to wait for, long enough to tell from "at once".
const SHORT: Duration = Duration::from_millis(300);

/// Between two bytes of a client that drips.
const DRIP: Duration = Duration::from_millis(20);

/// More than the kernel's buffers on both sides hold.
const LARGE: usize = 16 * 1024 * 1024;

/// A server that answers every request with a text, and everything else with an error.
fn strict(config: &Config) -> Background {
    Background::start(config, FixedText::new(*b"hello\n").strict())
}

/// A server that answers with the length of the request's content.
fn measuring(config: &Config) -> Background {
    Background::start(config, |request: &Request<'_>, reply: Reply<'_>| {
        reply.send(request.body().len().to_string())
    })
}

/// A server that answers with [`LARGE`] bytes to `/large`, and with the path to everything else.
fn large(config: &Config) -> Background {
    let body: Arc<[u8]> = vec![b'x'; LARGE].into();
    Background::start(config, move |request: &Request<'_>, reply: Reply<'_>| match request.path() {
        "/large" => reply.send(&body),
        path => reply.send(path),
    })
}

fn limited(change: impl FnOnce(&mut Limits)) -> Config {
    let mut config = config();
    change(&mut config.limits);
    config
}

/// The status that `request` is answered with on a connection of its own. After 200 the
/// connection goes on; after anything else it ends in order, once we end our side.
fn status_of(server: &Background, request: &str) -> u16 {
    let mut client = server.connect();
    client.send(request);
    let answer = client.answer();
    if answer.status == 200 {
        assert!(!answer.closes(), "{}", answer.head);
        assert_eq!(client.get("/").status, 200, "the connection goes on");
    } else {
        assert!(answer.closes(), "{}", answer.head);
        client.finish();
        assert_eq!(client.end(), End::Closed);
    }
    answer.status
}

fn with_head_of(bytes: usize) -> String {
    let around = "GET / HTTP/1.1\r\nHost: test\r\nX: \r\n\r\n".len();
    format!("GET / HTTP/1.1\r\nHost: test\r\nX: {}\r\n\r\n", "x".repeat(bytes - around))
}

fn posted(fields: &str, content: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: test\r\n{fields}\r\n{content}")
}

fn chunked(content: &str) -> String {
    posted("Transfer-Encoding: chunked\r\n", content)
}

/// Begins to post 5,000 bytes of content; the first of them has arrived.
fn begin_body(server: &Background) -> Client {
    let mut client = server.connect();
    client.send(posted("Content-Length: 5000\r\n", "b"));
    client
}
