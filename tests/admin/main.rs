//! What comes in by the admin listener, over real sockets: who is answered, what is shown, and how the
//! public is held still.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod doors;
mod figures;
mod health;
mod pausing;
mod probing;
mod share;
mod stepping;
mod watcher;
mod watching;

#[path = "../support/sockets.rs"]
mod sockets;

use std::net::{Ipv4Addr, SocketAddr};

use oneloop::config::{AdminListener, Reach};
use oneloop::{Config, Reply, Request};
use sockets::{Answer, Background, Client};

/// A server that says hello to the public, and shows what it does.
pub fn shown(change: impl FnOnce(&mut Config)) -> Background {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut config = sockets::config();
    config.admin = Some(AdminListener::new(address, Reach::ThisMachine));
    change(&mut config);
    Background::start(&config, |_: &Request<'_>, reply: Reply<'_>| reply.send("hello"))
}

/// The answer to this request line, asked by the admin listener's own name, with these fields.
pub fn ask(server: &Background, line: &str, fields: &[&str]) -> Answer {
    let mut client = Client::connect(server.admin());
    say(&mut client, server, line, fields);
    client.answer()
}

/// Sends such a request.
pub fn say(client: &mut Client, server: &Background, line: &str, fields: &[&str]) {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    client.send(format!("{line} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", server.admin()));
}
