//! `-H`: fields that are added to each answer.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::{PATIENCE, Running, mistake, oneloop};

/// The head of the answer to these bytes.
fn head_of(running: &Running, request: &str) -> String {
    let mut stream = TcpStream::connect(running.address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("a request sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer and the end of it");
    answer.split_once("\r\n\r\n").expect("a whole head").0.to_owned()
}

/// The values of every line of this field.
fn lines<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

/// RFC 9110 §15.5.22 and §7.8.
#[test]
fn an_answer_426_says_upgrade_and_names_it_in_connection() {
    let arguments = ["--status", "426", "-H", "Upgrade: TLS/1.2", "-H", "upgrade: HTTP/3.0"];
    let running = Running::start(oneloop().args(arguments));
    for (request, connection) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "close, upgrade"),
        ("GET / HTTP/1.0\r\n\r\n", "close, upgrade"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\nnoise\r\n", "upgrade"),
        (
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
            "keep-alive, upgrade",
        ),
    ] {
        let head = head_of(&running, request);
        assert!(head.starts_with("HTTP/1.1 426 "), "{head}");
        assert_eq!(lines(&head, "Upgrade"), ["TLS/1.2, HTTP/3.0"], "{head}");
        assert_eq!(lines(&head, "Connection"), [connection], "{head}");
    }
}

#[test]
fn a_list_that_is_given_is_one_line_and_stands_for_the_servers_own() {
    let arguments = ["-H", "Allow: GET, PROPFIND", "-H", "Vary: Origin", "-H", "Vary: Cookie"];
    let running = Running::start(oneloop().args(arguments));
    let get = head_of(&running, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(lines(&get, "Allow"), ["GET, PROPFIND"]);
    assert_eq!(lines(&get, "Vary"), ["Origin, Cookie"]);
    let trace = head_of(&running, "TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(trace.starts_with("HTTP/1.1 405 "), "{trace}");
    assert_eq!(lines(&trace, "Allow"), ["GET, PROPFIND"]);
}

#[test]
fn fields_that_frame_the_answer_are_refused() {
    for name in ["Connection", "Content-Length", "Date", "Transfer-Encoding"] {
        let sentence = mistake(&["-H", &format!("{name}: x")]);
        assert!(sentence.contains(name) && sentence.contains("the server writes"), "{sentence}");
    }
}
