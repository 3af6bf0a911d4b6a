//! Holds "no allocation per request": every allocation of this thread is counted while requests go
//! through a real server over real sockets.

#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use allocation_counter::measure;
use oneloop::handlers::FixedText;
use oneloop::journal::{Format, Journal};
use oneloop::watch::AccessLog;
use oneloop::{Config, FileRange, Handler, Listen, Outlet, Reply, Request, Server};

const GET: &str = "GET /a?b=c HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";

/// Turns the loop until all the bytes of all answers have come back to the client.
fn exchange<H: Handler>(
    server: &mut Server<H>,
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

fn config() -> Config {
    let mut config = Config::default();
    config.listen = vec![Listen::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))];
    config
}

/// Eight clients that never wait.
fn clients<H: Handler>(server: &Server<H>) -> Vec<TcpStream> {
    let connect = |_| {
        let client = TcpStream::connect(server.local_addrs()[0]).unwrap();
        client.set_nonblocking(true).unwrap();
        client
    };
    (0..8).map(connect).collect()
}

#[test]
fn no_request_allocates_once_the_loop_is_warm() {
    assert_no_request_allocates(Server::bind(&config(), text()).unwrap());
}

/// Each line is written to a file that takes all of them.
#[test]
fn no_request_allocates_with_an_access_log() {
    for format in [Format::Combined, Format::Json, Format::Logfmt] {
        let mut server = Server::bind(&config(), text()).unwrap();
        let journal = Journal::default();
        server.log_answers(AccessLog::new(format, journal.clone()));
        server.write_to(Outlet::file(journal.clone(), "/dev/null".as_ref()).unwrap());
        assert_no_request_allocates(server);
        assert_eq!(journal.dropped(), 0);
    }
}

fn text() -> FixedText {
    FixedText::new(*b"hello\n").strict()
}

/// Whole seconds of the clock on the wall: a server writes each once, in answers and in lines.
fn wall_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn assert_no_request_allocates(mut server: Server<FixedText>) {
    let mut clients = clients(&server);
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

    let before = wall_seconds();
    let counted = measure(|| {
        // The last exchange is the first one of a second that has not been written yet.
        let mut is_new = false;
        while !is_new {
            is_new = wall_seconds() != before;
            exchange(&mut server, &mut clients[0], GET.as_bytes(), 1);
        }
    });
    assert_eq!((counted.count_total, counted.bytes_current), (0, 0), "as a second begins");

    let counted = measure(|| drop(std::hint::black_box(vec![0_u8; 100])));
    assert_eq!(counted.count_total, 1, "the counter counts");
}

/// A file that is sent by `sendfile` takes one allocation: where it has got to, for as long as it
/// is sent. One that is copied beside its head takes none.
#[test]
fn a_file_allocates_no_more_than_what_it_is_sent_with() {
    const LARGE: usize = 100_000;
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("allocations");
    std::fs::write(&path, vec![b'f'; LARGE]).unwrap();
    let file = Arc::new(File::open(path).unwrap());
    let handler = move |request: &Request<'_>, reply: Reply<'_>| {
        let length = request.path()[1..].parse().unwrap();
        reply.send_file(FileRange::new(Arc::clone(&file), 0, length))
    };
    let mut server = Server::bind(&config(), handler).unwrap();
    let mut client = TcpStream::connect(server.local_addrs()[0]).unwrap();
    client.set_nonblocking(true).unwrap();
    let mut answer = vec![0; 64 * 1024];
    let mut get = |length: usize| {
        let head =
            4 + "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 22:00:00 GMT\r\nContent-Length: ".len();
        let request = format!("GET /{length} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let whole = head + length.to_string().len() + length;
        let mut turns = || {
            client.write_all(request.as_bytes()).unwrap();
            let mut bytes = 0;
            while bytes < whole {
                let _ = server.turn(Some(Duration::from_millis(100))).unwrap();
                while let Ok(some) = client.read(&mut answer) {
                    bytes += some;
                }
            }
            assert_eq!(bytes, whole);
        };
        for _ in 0..10 {
            turns();
        }
        let counted = measure(|| (0..100).for_each(|_| turns()));
        (counted.count_total, counted.bytes_current)
    };
    assert_eq!(get(1024), (0, 0));
    assert_eq!(get(LARGE), (100, 0));
}

/// This package's own files are served: they have not been changed in the last seconds, so what is
/// known of them is only looked at again, not read again.
#[cfg(feature = "site")]
#[test]
fn no_request_for_a_file_in_memory_allocates() {
    let site = oneloop::handlers::Site::open(env!("CARGO_MANIFEST_DIR")).unwrap();
    let mut server = Server::bind(&config(), site).unwrap();
    let mut clients = clients(&server);
    let request = |path: &str, fields: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
    };
    let kinds = [
        request("/LICENSE-MIT", ""),
        request("/%4cICENSE-MIT?a=b", ""),
        request("/LICENSE-MIT", "Accept-Encoding: gzip, deflate, br, zstd\r\n"),
        request("/LICENSE-MIT", "If-None-Match: \"x\", *\r\n"),
        request("/LICENSE-MIT", "If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT\r\n"),
        request("/LICENSE-MIT", "Range: bytes=100-199\r\n"),
        request("/LICENSE-MIT", "Range: bytes=9999999-\r\n"),
    ];
    for request in &kinds {
        for client in &mut clients {
            exchange(&mut server, client, request.as_bytes(), 1);
        }
    }
    for request in &kinds {
        let counted = measure(|| {
            for _ in 0..100 {
                for client in &mut clients {
                    exchange(&mut server, client, request.as_bytes(), 1);
                }
            }
        });
        let counts = (counted.count_total, counted.bytes_current);
        assert_eq!(counts, (0, 0), "for: {request}");
    }
}
