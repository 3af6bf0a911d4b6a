//! Clients of the admin listener have an engine and a budget of their own, beside the public's: they do
//! a part of what the public's clients may do in a turn.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use oneloop::config::{AdminListener, Reach};
use oneloop::{Reply, Request, Server};

use super::sockets;

/// How many clients ask for more than they take.
const ASKING: usize = 16;

/// One client's least share of a turn, in bytes: the last of them may begin when nothing is left.
const SHARE_BYTES: usize = 64 * 1024;

/// What has come to this client up to now, in bytes.
fn take_all(client: &mut TcpStream) -> usize {
    let (mut buffer, mut bytes) = ([0; 64 * 1024], 0);
    loop {
        match client.read(&mut buffer) {
            Ok(0) => panic!("the server has closed its side"),
            Ok(more) => bytes += more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return bytes,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn clients_of_the_admin_listener_have_a_quarter_of_a_turn() {
    let mut config = sockets::config();
    let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
    config.admin = Some(AdminListener::new(address, Reach::ThisMachine));
    let handler = |_: &Request<'_>, reply: Reply<'_>| reply.send("hello");
    let mut server = Server::bind(&config, handler).unwrap();
    let admin = server.admin_addr().unwrap();
    let asks = format!("GET /page.js HTTP/1.1\r\nHost: {admin}\r\n\r\n").repeat(200);
    let mut clients: Vec<TcpStream> = (0..ASKING)
        .map(|_| {
            let mut client = TcpStream::connect(admin).unwrap();
            client.write_all(asks.as_bytes()).unwrap();
            client.set_nonblocking(true).unwrap();
            client
        })
        .collect();
    // All clients of an engine may do four times what one may, and here one may do a quarter.
    let stage = config.limits.turn_bytes_max;
    let (mut all, mut most) = (0, 0);
    for _ in 0..40 {
        assert!(server.turn(Some(Duration::ZERO)).unwrap().is_continue());
        let bytes: usize = clients.iter_mut().map(take_all).sum();
        (all, most) = (all + bytes, most.max(bytes));
    }
    assert!(all > stage, "they were sent {all} bytes, too few to tell");
    let bound = stage + ASKING * SHARE_BYTES / 4;
    assert!(most <= bound, "{most} bytes in a turn, and {bound} are the most");
}
