//! What the text server says to requests that few clients send.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "support/sockets.rs"]
mod sockets;

use oneloop::handlers::FixedText;

use sockets::{Answer, Background, config};

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

fn lenient() -> Background {
    Background::start(&config(), FixedText::new(*b"hello\n"))
}

fn strict() -> Background {
    Background::start(&config(), FixedText::new(*b"hello\n").strict())
}

/// The answer to a request with these lines, sent as a whole and byte by byte.
#[track_caller]
fn answer(server: &Background, lines: &str) -> Answer {
    let request = format!("{lines}\r\n\r\n");
    let mut whole = server.connect();
    whole.send(&request);
    let mut dripping = server.connect();
    for byte in request.bytes() {
        // A fault may be answered before the end.
        if dripping.try_send([byte]).is_err() {
            break;
        }
    }
    let (whole, dripping) = (whole.answer(), dripping.answer());
    assert_eq!((whole.status, &whole.body), (dripping.status, &dripping.body), "{lines}");
    whole
}

#[test]
fn a_method_that_is_no_methods_name_is_501_however_long_it_is() {
    let (lenient, strict) = (lenient(), strict());
    let longest = 16 * 1024 - " / HTTP/1.1\r\nHost: a\r\n\r\n".len();
    let long = ["A".repeat(8), "A".repeat(9000), "!#$%&'*+-.^_`|~09z".into(), "A".repeat(longest)];
    let names = ["get", "Get", "OPTIONSX", "OPTION", "G", "CONNECTED", "traCE"].map(str::to_owned);
    for method in long.into_iter().chain(names) {
        for server in [&lenient, &strict] {
            let mut client = server.connect();
            // The connection goes on behind it, also behind its content.
            let head = format!("{method} / HTTP/1.1\r\nHost: a\r\n");
            client.send(format!("{head}\r\n"));
            assert_eq!(client.answer().status, 501, "{}: {method}", method.len());
            if method.len() < 9000 {
                client.send(format!("{head}Content-Length: 5\r\n\r\nhello"));
                assert_eq!(client.answer().status, 501, "{method}");
            }
            assert_eq!(client.get("/").status, 200, "{}: {method}", method.len());
        }
    }
    let too_long = "A".repeat(longest + 1);
    let mut client = strict.connect();
    client.send(format!("{too_long} / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_eq!(client.answer().status, 431);
}

#[test]
fn options_is_told_what_there_is() {
    for server in [lenient(), strict()] {
        for target in ["/", "*", "/any", "http://a.example/"] {
            let options = answer(&server, &format!("OPTIONS {target} HTTP/1.1\r\nHost: a"));
            assert_eq!((options.status, options.text()), (200, "hello\n"), "{target}");
            assert_eq!(options.field("Allow"), Some(METHODS), "{target}");
        }
        assert_eq!(answer(&server, "GET / HTTP/1.1\r\nHost: a").field("Allow"), None);
        let trace = answer(&server, "TRACE / HTTP/1.1\r\nHost: a");
        assert_eq!((trace.status, trace.field("Allow")), (405, Some(METHODS)));
    }
}

#[test]
fn an_allow_of_the_users_own_is_the_only_one() {
    let handler = FixedText::new(*b"hello\n").header("ALLOW", "GET, HEAD").unwrap();
    let server = Background::start(&config(), handler);
    for (method, status) in [("GET", 200), ("OPTIONS", 200), ("TRACE", 405), ("FETCH", 501)] {
        let answer = answer(&server, &format!("{method} / HTTP/1.1\r\nHost: a"));
        assert_eq!((answer.status, answer.field("ALLOW")), (status, Some("GET, HEAD")));
        assert_eq!(answer.head.to_ascii_lowercase().matches("allow:").count(), 1, "{method}");
    }
}

#[test]
fn fields_that_could_be_read_in_two_ways_are_refused() {
    let server = strict();
    for (fields, status) in [
        ("Content-Length: 0", 200),
        ("Content-Length: 00", 400),
        ("Content-Length: 01", 400),
        ("Content-Length: +0", 400),
        ("Content-Length: 0, 0", 400),
        ("Content-Length: 0\r\nContent-Length: 0", 400),
        ("Content-Type: text/plain", 200),
        ("Content-Type: text/plain\r\nContent-Type: text/plain", 400),
        ("Content-Type: text/plain\r\nX: y\r\ncontent-TYPE: a/b", 400),
        ("Content-Types: text/plain\r\nContent-Type: a/b", 200),
    ] {
        let answer = answer(&server, &format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}"));
        assert_eq!(answer.status, status, "{fields}");
        assert_eq!(answer.field("Connection"), (status == 400).then_some("close"), "{fields}");
    }
}

#[test]
fn a_host_is_whatever_rfc_3986_says_it_is() {
    let server = strict();
    for (host, status) in [
        ("[v1.fe80::a+en1]", 200),
        ("[v1F.a:b]:8080", 200),
        ("[::ffff:192.0.2.1]:80", 200),
        ("a.example:00080", 200),
        ("a.example:", 200),
        ("a,b", 200),
        ("[v1.]", 400),
        ("[v.a]", 400),
        // No zone belongs here: clients take it out (RFC 6874 §4), as curl does.
        ("[fe80::1]:8888", 200),
        ("[fe80::1%lo]:8888", 400),
        ("[fe80::1%25lo]", 400),
        ("[::1", 400),
        ("a:+80", 400),
        ("a b", 400),
    ] {
        let named = answer(&server, &format!("GET / HTTP/1.1\r\nHost: {host}"));
        assert_eq!(named.status, status, "Host: {host}");
        let absolute = answer(&server, &format!("GET http://{host}/ HTTP/1.1\r\nHost: a"));
        assert_eq!(absolute.status, status, "http://{host}/");
    }
}
