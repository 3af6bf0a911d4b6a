//! `oneloop health`: whom it asks, how long it waits, and its exit code.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::*;

fn asks(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = oneloop();
    command.arg("health").args(arguments).envs(environment.iter().copied());
    let output = command.output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A server that answers once.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback works");
    let address = listener.local_addr().expect("it is bound").to_string();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().expect("loopback works");
        let mut request = Vec::new();
        let mut some = [0; 512];
        while !request.ends_with(b"\r\n\r\n") {
            let bytes = stream.read(&mut some).expect("loopback works");
            request.extend_from_slice(&some[..bytes]);
        }
        stream.write_all(answer.as_bytes()).expect("loopback works");
    });
    address
}

#[test]
fn a_server_that_is_well_is_0_and_one_that_is_not_is_1() {
    let well = answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n");
    assert_eq!(asks(&[&well], &[]), (Some(0), "ok\n".into(), String::new()));
    let stopping = answering("HTTP/1.1 503 X\r\nContent-Length: 9\r\n\r\nstopping\n");
    let url = format!("http://{stopping}/readyz");
    let (code, said, why) = asks(&[&url], &[]);
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert!(why.contains(&url) && why.trim_end().ends_with("503, stopping"), "{why}");
}

#[test]
fn the_environment_says_whom_to_ask() {
    let place = answering("HTTP/1.1 200 OK\r\n\r\nok\n");
    assert_eq!(asks(&[], &[("ONELOOP_HEALTH", &place)]).0, Some(0));
    let place = answering("HTTP/1.1 200 OK\r\n\r\nok\n");
    assert_eq!(asks(&[], &[("ONELOOP_LISTEN", &place)]).0, Some(0));
}

#[test]
fn a_server_that_is_not_there_or_says_nothing_is_1_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback works");
    let silent = listener.local_addr().expect("it is bound").to_string();
    let began = Instant::now();
    assert_eq!(asks(&[&silent, "--timeout", "200ms"], &[]).0, Some(1));
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
    drop(listener);
    assert_eq!(asks(&[&silent], &[]).0, Some(1));
}

#[test]
fn a_mistake_is_2_and_help_is_0() {
    for arguments in [&["--surprise"][..], &["example.org"], &["1", "2"]] {
        let (code, said, why) = asks(arguments, &[]);
        assert_eq!((code, said.as_str(), why.lines().count()), (Some(2), "", 1), "{why}");
    }
    let (code, said, _) = asks(&["--help"], &[]);
    assert!(code == Some(0) && said.contains("--timeout"), "{said}");
}
