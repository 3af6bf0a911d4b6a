//! The life of a server from bind to exit: stopping, signals, running out of descriptors, loops
//! and handlers of an embedder's own, many clients.
//!
//! The first part holds the library in a thread, the second, `program`, the real binary.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use oneloop::{
    CloseReason, Config, Handler, Listen, Method, Needs, Reloaded, Reply, Request, Sent, Server,
    Status, StopStep, Stopped, Timeouts,
};
use socket2::{Domain, Socket, Type};

#[path = "../support/chunks.rs"]
mod chunks;
#[path = "../support/sockets.rs"]
mod sockets;

mod answers;
mod embedding;
mod health_path;
#[cfg(all(feature = "cli", target_os = "linux"))]
mod program;
mod steps;
mod stopping;
#[cfg(target_os = "linux")]
mod urgent;

use sockets::{Background, Client, End, PATIENCE, assert_punctual, config, get};

/// Answers with the request's path.
fn path(request: &Request<'_>, reply: Reply<'_>) -> Sent {
    reply.send(request.path())
}

/// Answers with the request's content.
fn echo(request: &Request<'_>, reply: Reply<'_>) -> Sent {
    reply.send(request.body())
}

/// A handler that the test holds back: it tells when it has been given `/wait`, and answers once
/// it is let go.
struct Held {
    reached: Receiver<()>,
    go: Sender<()>,
}

impl Held {
    fn handler() -> (Held, impl Handler + Send + 'static) {
        let (reach, reached) = mpsc::channel();
        let (go, going) = mpsc::channel();
        let handler = move |request: &Request<'_>, reply: Reply<'_>| {
            if request.path() == "/wait" {
                reach.send(()).expect("the test is still there");
                going.recv_timeout(PATIENCE).expect("the test lets it go");
            }
            reply.send(request.path())
        };
        (Held { reached, go }, handler)
    }

    fn wait(&self) {
        self.reached.recv_timeout(PATIENCE).expect("the request arrives");
    }

    fn let_go(&self) {
        self.go.send(()).expect("the handler waits");
    }
}

fn refuses(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_err()
}
