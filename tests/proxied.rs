//! Whose request it is, behind a proxy: what a handler is told by a server on a socket. What counts as
//! an address, and which of them, is a table beside the code.

use oneloop::{Config, Network, Reply, Request, Sent};
use sockets::Background;

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
