//! Holds "no allocation per request": every allocation of this thread is counted while requests go
//! through a real server over real sockets.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use allocation_counter::measure;
use oneloop::handlers::FixedText;
use oneloop::{Config, Listen, Server};

const GET: &str = "GET /a?b=c HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";

/// Turns the loop until all the bytes of all answers have come back to the client.
fn exchange(
    server: &mut Server<FixedText>,
    client: &mut TcpStream,
    request: &[u8],
    answers: usize,
) {
    let mut answer = [0; 16 * 1024];
    client.write_all(request).unwrap();
    let mut bodies = 0;
    while bodies < answers {
        let _ = server.turn(Some(Duration::from_millis(100))).unwrap();
        match client.read(&mut answer) {
            Ok(bytes) => {
                bodies += answer[..bytes].windows(4).filter(|four| four == b"\r\n\r\n").count();
            }
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
    }
}

#[test]
fn no_request_allocates_once_the_loop_is_warm() {
    let localhost = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = Config { listen: vec![Listen::At(localhost)], ..Config::default() };
    let mut server = Server::bind(&config, FixedText::new(*b"hello\n").strict()).unwrap();
    let mut clients: Vec<TcpStream> =
        (0..8).map(|_| TcpStream::connect(server.local_addrs()[0]).unwrap()).collect();
    for client in &clients {
        client.set_nonblocking(true).unwrap();
    }
    let post = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1024\r\n\r\n{}",
        "x".repeat(1024)
    );
    let chunked = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\nhello\r\n0\r\n\r\n";
    let pipelined = GET.repeat(16);
    let kinds = [(GET, 1), (pipelined.as_str(), 16), (post.as_str(), 1), (chunked, 1)];
    for (request, answers) in kinds {
        for client in &mut clients {
            exchange(&mut server, client, request.as_bytes(), answers);
        }
    }
    for (request, answers) in kinds {
        let counted = measure(|| {
            for _ in 0..100 {
                for client in &mut clients {
                    exchange(&mut server, client, request.as_bytes(), answers);
                }
            }
        });
        let counts = (counted.count_total, counted.bytes_current);
        assert_eq!(counts, (0, 0), "for {} at a time of: {:.40}", answers, request);
    }
    assert_eq!(server.metrics().requests, 808 * 19);

    let counted = measure(|| drop(std::hint::black_box(vec![0_u8; 100])));
    assert_eq!(counted.count_total, 1, "the counter counts");
}
