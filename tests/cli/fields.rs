//! `-H`: fields that are added to each answer.

use std::io::{Read, Write};
use std::net::TcpStream;

use oneloop::testing::Answer;

use super::{PATIENCE, Running, mistake, oneloop};

/// The first answer to these bytes.
fn answer_to(running: &Running, request: &str) -> Answer {
    let mut stream = TcpStream::connect(running.address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("a request sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer and the end of it");
    let (answers, _) = Answer::read_all(&bytes, ["GET"]);
    answers.into_iter().next().expect("a whole head")
}

/// The values of every line of this field.
fn lines<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    answer.values(name).collect()
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
        let answer = answer_to(&running, request);
        assert_eq!((answer.version(), answer.status()), ("HTTP/1.1", 426), "{answer:?}");
        assert_eq!(lines(&answer, "Upgrade"), ["TLS/1.2, HTTP/3.0"], "{answer:?}");
        assert_eq!(lines(&answer, "Connection"), [connection], "{answer:?}");
    }
}

#[test]
fn a_list_that_is_given_is_one_line_and_stands_for_the_servers_own() {
    let arguments = ["-H", "Allow: GET, PROPFIND", "-H", "Vary: Origin", "-H", "Vary: Cookie"];
    let running = Running::start(oneloop().args(arguments));
    let get = answer_to(&running, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(lines(&get, "Allow"), ["GET, PROPFIND"]);
    assert_eq!(lines(&get, "Vary"), ["Origin, Cookie"]);
    let trace = answer_to(&running, "TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!((trace.version(), trace.status()), ("HTTP/1.1", 405), "{trace:?}");
    assert_eq!(lines(&trace, "Allow"), ["GET, PROPFIND"]);
}

#[test]
fn fields_that_frame_the_answer_are_refused() {
    for name in ["Connection", "Content-Length", "Date", "Transfer-Encoding"] {
        let sentence = mistake(&["-H", &format!("{name}: x")]);
        assert!(sentence.contains(name) && sentence.contains("the server writes"), "{sentence}");
    }
}
