//! What the user says of requests is what the server receives.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::fake::{After, Fake, Script};
use super::{RIGHT, ended, herd};

/// A server that answers rightly and hands on each request that it received.
pub fn recording() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            thread::spawn(move || record(stream, &sender));
        }
    });
    (address, received)
}

fn record(mut stream: TcpStream, sender: &Sender<String>) {
    let (mut request, mut byte) = (Vec::new(), [0]);
    while stream.read_exact(&mut byte).is_ok() {
        request.extend(byte);
        if !request.ends_with(b"\r\n\r\n") {
            continue;
        }
        let head = String::from_utf8(std::mem::take(&mut request)).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let mut content = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut content).unwrap();
        let last = head.contains("Connection: close");
        let ending = if last { "\r\nConnection: close\r\n\r\n" } else { "\r\n\r\n" };
        let answer = RIGHT.replace("\r\n\r\n", ending);
        if sender.send(head + &String::from_utf8(content).unwrap()).is_err()
            || stream.write_all(answer.as_bytes()).is_err()
            || last
        {
            return;
        }
    }
}

#[test]
fn method_content_and_fields_are_those_that_the_user_says() {
    for kind in ["--get", "--connect-close", "--half-close"] {
        let (address, received) = recording();
        let told = herd(
            address,
            &[
                kind,
                "2",
                "--requests",
                "10",
                "-m",
                "PUT",
                "-b",
                "x\ny",
                "--host",
                "example.org",
                "--user",
                "me:secret",
                "--cookie",
                "a=b",
                "-H",
                "Accept: text/plain",
                "--path",
                "/p",
            ],
        );
        assert_eq!((told.code, told.count(&kind[2..], "right")), (Some(0), 10), "{told:?}");
        let requests: Vec<String> = received.try_iter().collect();
        // One more is the first, from which is learned what is right.
        assert_eq!(requests.len(), 11, "{requests:?}");
        for request in requests {
            let request = request.replace("Connection: close\r\n", "");
            assert_eq!(
                request,
                "PUT /p HTTP/1.1\r\nHost: example.org\r\nAuthorization: Basic bWU6c2VjcmV0\r\n\
                 Cookie: a=b\r\nAccept: text/plain\r\nContent-Length: 3\r\n\r\nx\ny"
            );
        }
    }
}

#[test]
fn content_alone_is_a_post_and_comes_from_a_file_too() {
    let file = std::env::temp_dir().join(format!("herd-body-{}", std::process::id()));
    std::fs::write(&file, "from a file").unwrap();
    let (address, received) = recording();
    let body = format!("@{}", file.display());
    let told = herd(address, &["--get", "1", "--requests", "3", "--body", &body]);
    let _ = std::fs::remove_file(&file);
    assert_eq!(told.code, Some(0), "{told:?}");
    for request in received.try_iter() {
        assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
        assert!(request.ends_with("\r\nContent-Length: 11\r\n\r\nfrom a file"), "{request}");
    }
}

#[test]
fn an_answer_that_takes_longer_than_the_limit_is_lost_and_the_client_connects_again() {
    for kind in ["get", "connect-close"] {
        // The first answer is the probe's.
        let fake = Fake::start(Script { first: (RIGHT, 1), rest: "", after: After::Keep });
        let arguments = [&format!("--{kind}"), "2", "--requests", "6", "--timeout", "200ms"];
        let told = herd(fake.address(), &arguments);
        assert_eq!(told.code, Some(1), "{told:?}");
        assert_eq!(told.count(kind, "timed_out"), 6, "{told:?}");
        assert_eq!((told.count(kind, "lost"), told.count(kind, "right")), (6, 0), "{told:?}");
        assert_eq!(told.count(kind, "connected"), 6, "{told:?}");
        assert!(told.table.contains("6 of the lost requests were not answered within 200 ms"));
    }
}

#[test]
fn a_limit_is_not_met_by_answers_that_come_in_time() {
    let fake = Fake::start(Script { first: ("", 0), rest: RIGHT, after: After::Keep });
    let told = herd(fake.address(), &["--get", "2", "--for", "1s", "-t", "300ms"]);
    assert_eq!((told.code, told.count("get", "timed_out")), (Some(0), 0), "{told:?}");
    let refused = ended(&["127.0.0.1:1", "-t", "4"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.errors.contains("with its unit"), "{}", refused.errors);
}
