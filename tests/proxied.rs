//! Whose request it is, behind a proxy: what a handler is told by a server on a socket. What counts as
//! an address, and which of them, is a table beside the code.

use oneloop::{CloseReason, Config, Network, Reply, Request, Sent};
use sockets::{Background, Seen};

#[path = "support/sockets.rs"]
mod sockets;

fn say_client(request: &Request<'_>, reply: Reply<'_>) -> Sent {
    reply.send(request.client().expect("an address").to_string())
}

/// What a client of this machine is told by a server with this configuration.
fn told(change: impl FnOnce(&mut Config), fields: &str) -> String {
    let mut config = sockets::config();
    change(&mut config);
    let server = Background::start(&config, say_client);
    let mut client = server.connect();
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    client.answer().text().to_owned()
}

#[test]
fn a_proxy_on_this_machine_is_believed_unless_the_configuration_says_otherwise() {
    let fields = "X-Forwarded-For: 198.51.100.7, 192.0.2.1\r\n";
    assert_eq!(told(|_| (), ""), "127.0.0.1");
    assert_eq!(told(|_| (), fields), "192.0.2.1");
    assert_eq!(told(|config| config.proxied_by.clear(), fields), "127.0.0.1");
    let elsewhere: Network = "10.0.0.0/8".parse().expect("a network");
    assert_eq!(told(|config| config.proxied_by = vec![elsewhere], fields), "127.0.0.1");
    let two: Network = "192.0.2.0/24".parse().expect("a network");
    assert_eq!(told(|config| config.proxied_by.push(two), fields), "198.51.100.7");
}

/// A server on a socket that asks for PROXY headers.
fn behind_a_proxy() -> Background {
    let mut config = sockets::config();
    config.listen[0].proxy = true;
    Background::start(&config, say_client)
}

#[test]
fn a_place_that_asks_for_proxy_headers_is_told_the_client_by_them() {
    let server = behind_a_proxy();
    let mut client = server.connect();
    client.send("PROXY TCP6 2001:db8::1 ::1 4711 80\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().text(), "2001:db8::1");
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
    assert_eq!(client.answer().text(), "2001:db8::1", "it is no proxy that is believed");
}

#[test]
fn a_request_without_the_header_is_closed_unanswered_and_counted() {
    let server = behind_a_proxy();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.servers_end();
    let is_counted = |seen: &Seen| seen.metrics.closed(CloseReason::NoProxyHeader) == 1;
    server.wait_until(is_counted);
    assert_eq!(server.seen().metrics.faults, 0);
}
