//! Urgent data, by which the kernel makes a read stop short: a byte that is marked at its place in
//! the stream, and left out of it.

use super::*;
use socket2::SockRef;

/// Where a request is interrupted by an urgent byte: behind each of its bytes but the last.
const REQUEST: &str = "POST /urgent HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";

fn send_interrupted(client: &mut Client, at: usize) {
    client.send(&REQUEST[..at]);
    let sent = SockRef::from(&client.writer()).send_out_of_band(b"!");
    assert_eq!(sent.expect("the server is there"), 1);
    client.send(&REQUEST[at..]);
}

/// The server is driven here, so all that is sent has come before it looks. Whatever it leaves in
/// the kernel stays there until a timeout of an hour.
fn answer(server: &mut Server<impl Handler>, client: &mut Client) -> sockets::Answer {
    let began = Instant::now();
    while !client.hears_now() {
        assert!(began.elapsed() < PATIENCE / 2, "there is no answer");
        let flow = server.turn(Some(Duration::from_millis(20))).expect("a healthy poll");
        assert!(flow.is_continue());
    }
    client.answer()
}

fn bound() -> Server<impl Handler> {
    Server::bind(&config(), echo).expect("loopback has free ports")
}

#[test]
fn urgent_data_in_a_kept_connections_request_does_not_hold_up_the_rest() {
    let mut server = bound();
    let mut client = Client::connect(server.local_addrs()[0]);
    client.ask("/before");
    assert_eq!(answer(&mut server, &mut client).status, 200);
    for at in 1..REQUEST.len() {
        send_interrupted(&mut client, at);
        assert_eq!(answer(&mut server, &mut client).text(), "body", "interrupted at {at}");
    }
}

#[test]
fn urgent_data_in_a_first_request_does_not_hold_up_the_rest() {
    let mut server = bound();
    for at in 1..REQUEST.len() {
        let mut client = Client::connect(server.local_addrs()[0]);
        send_interrupted(&mut client, at);
        assert_eq!(answer(&mut server, &mut client).text(), "body", "interrupted at {at}");
    }
}
