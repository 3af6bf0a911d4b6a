//! The faults of routes on the wire, byte by byte, and in the log.

use std::io::ErrorKind;

use super::*;

/// What came of one request: its bytes, and how the connection ended; `None` by a plain end.
fn got(running: &Running, path: &str) -> (Vec<u8>, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(running.address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).err().map(|reason| reason.kind());
    (bytes, end)
}

fn running(routes: &[&str]) -> Running {
    let mut command = oneloop();
    routes.iter().for_each(|route| _ = command.args(["--route", route]));
    Running::start(&mut command)
}

/// The head, and what comes behind it.
fn parts(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    (String::from_utf8(bytes[..end].to_vec()).expect("text"), &bytes[end..])
}

#[test]
fn what_stands_instead_of_an_answer_is_seen_as_itself() {
    let routes = ["/r reset", "/c close", "/g garbage=100", "/s silence=200ms", "/n never-read=1s"];
    let running = running(&routes);
    let (nothing, reset) = (Vec::new(), Some(ErrorKind::ConnectionReset));
    assert_eq!(got(&running, "/r"), (nothing.clone(), reset));
    assert_eq!(got(&running, "/c"), (nothing.clone(), None));
    let began = Instant::now();
    assert_eq!(got(&running, "/s"), (nothing.clone(), None));
    assert!(began.elapsed() >= Duration::from_millis(200));
    let (garbage, end) = got(&running, "/g");
    assert_eq!((garbage.len(), garbage[0] >= 0x80, end), (100, true, None));
    let began = Instant::now();
    assert_eq!(got(&running, "/n"), (nothing, reset));
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[test]
fn an_upload_stalls_that_is_not_read() {
    let running = running(&["/n never-read=10s"]);
    let mut stream = TcpStream::connect(running.address).expect("a connection");
    stream.set_write_timeout(Some(Duration::from_millis(300))).expect("a socket");
    let head = "PUT /n HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("sent");
    let mut sent = 0;
    let stalled = loop {
        match stream.write(&[0; 65_536]) {
            Ok(bytes) => sent += bytes,
            Err(reason) => break reason.kind(),
        }
        assert!(sent < 64 << 20, "it is read");
    };
    assert_eq!(stalled, ErrorKind::WouldBlock);
}

#[test]
fn an_answer_that_is_wrong_in_one_place_is_right_before_it() {
    let running = running(&[
        "/b bytes=1MiB break-at=50%",
        "/d bytes=1MiB break-at=1000 by=reset",
        "/e bytes=64 chunked break-at=25%",
        "/l text=hello length=+5 field=\"X: y\"",
        "/m text=hello length=-2",
        "/t text=hello two-lengths",
        "/k text=hello bad-chunk",
    ]);
    let (bytes, end) = got(&running, "/b");
    let (head, half) = parts(&bytes);
    assert!(head.contains("\r\nContent-Length: 1048576\r\n"), "{head}");
    assert_eq!((half.len(), end), (524_288, None));
    assert!(half.ends_with(b"000000000524272\n"), "the bytes are those of the pattern");
    let (bytes, end) = got(&running, "/d");
    assert_eq!((parts(&bytes).1.len(), end), (1000, Some(ErrorKind::ConnectionReset)));
    let (bytes, end) = got(&running, "/e");
    assert_eq!((parts(&bytes).1, end), (&b"10\r\n000000000000000\n\r\n"[..], None));
    for (path, fields, wanted) in [
        ("/l", vec!["X: y", "Content-Length: 10"], "hello"),
        ("/m", vec!["Content-Length: 3"], "hello"),
        ("/t", vec!["Content-Length: 5", "Content-Length: 6"], "hello"),
        ("/k", vec!["Transfer-Encoding: chunked"], "5\r\nhello\r\nno size\r\n"),
    ] {
        let (bytes, end) = got(&running, path);
        let (head, rest) = parts(&bytes);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        for field in fields {
            assert!(head.contains(&format!("\r\n{field}\r\n")), "{path}: {head}");
        }
        assert_eq!((rest, end), (wanted.as_bytes(), None), "{path}");
    }
}

#[test]
fn a_dripped_head_and_interim_answers_leave_the_connection_as_it_is() {
    let running = running(&["/h text=hello head-over=300ms", "/i text=hello chunked interim=3"]);
    let mut stream = TcpStream::connect(running.address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let began = Instant::now();
    for path in ["/h", "/i", "/h"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let (mut bytes, mut reads) = (Vec::new(), 0);
        while !bytes.ends_with(b"hello") && !bytes.ends_with(b"0\r\n\r\n") {
            let mut some = [0; 4096];
            let count = stream.read(&mut some).expect("more of it");
            assert!(count > 0, "{}", bytes.escape_ascii());
            bytes.extend_from_slice(&some[..count]);
            reads += 1;
        }
        let text = String::from_utf8(bytes).expect("text");
        if path == "/h" {
            assert!(reads > 5 && text.starts_with("HTTP/1.1 200 OK\r\n"), "{reads}: {text}");
        } else {
            let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(3);
            assert!(text.starts_with(&format!("{interim}HTTP/1.1 200 OK\r\n")), "{text}");
            assert!(text.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), "{text}");
        }
    }
    assert!(began.elapsed() >= Duration::from_millis(600));
}

/// Everything but times, ports and how long it took.
fn masked(line: &str) -> String {
    let words = line.split(' ').filter(|word| {
        !["time=", "client=", "first_byte=", "end="].iter().any(|name| word.starts_with(name))
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The log of forty requests, one after the other, each on a connection of its own.
fn log_of_a_run(seed: &str) -> Vec<String> {
    let routes = [
        "/dice p=0.3 reset | p=0.3 status=500 | p=0.2 after=1ms..5ms close | text=ok",
        "/flaky fail=garbage first=2 then text=abc break-at=1",
        "/t text=hello two-lengths",
    ];
    let mut command = oneloop();
    command.args(["--access-log", "-", "--access-log-format", "logfmt", "--seed", seed]);
    routes.iter().for_each(|route| _ = command.args(["--route", route]));
    let running = Running::start(&mut command);
    for path in ["/dice", "/flaky", "/dice", "/t"].into_iter().cycle().take(40) {
        got(&running, path);
    }
    access_log::output_of(running).lines().map(masked).collect()
}

#[test]
fn the_same_seed_and_the_same_requests_give_the_same_log() {
    let first = log_of_a_run("7");
    assert_eq!(first.len(), 40, "{first:#?}");
    assert_eq!(first, log_of_a_run("7"));
    assert_ne!(first, log_of_a_run("8"));
    for (path, status, fault) in [
        ("/flaky", 0, "garbage"),
        ("/flaky", 200, "break-at"),
        ("/t", 200, "two-lengths"),
        ("/dice", 0, "reset"),
    ] {
        let told = first.iter().any(|line| {
            line.contains(&format!("target=\"{path}\""))
                && line.contains(&format!(" status={status} "))
                && line.ends_with(&format!(" fault=\"{fault}\""))
        });
        assert!(told, "{path} {status} {fault}: {first:#?}");
    }
}
