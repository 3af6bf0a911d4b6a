//! The herd at Unix sockets: every kind that there can be is served and judged as by TCP.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use rustix::net::listen;

use super::*;

/// A free path for one test.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> Place {
        Place(std::env::temp_dir().join(format!("herd-{}-{test}", std::process::id())))
    }

    fn text(&self) -> String {
        format!("unix:{}", self.0.display())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The server has removed it, unless the test has failed.
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn every_good_kind_is_answered_at_a_path_and_by_an_abstract_name() {
    let place = Place::new("good");
    let mut places = vec![place.text()];
    if cfg!(target_os = "linux") {
        places.push(format!("unix:@herd-{}-good", std::process::id()));
    }
    for place in places {
        let _server = Server::start(&["-l", &place]);
        for kind in ["get", "post", "connect-close", "half-close"] {
            let told = herd_at(&place, &[&format!("--{kind}"), "3", "--requests", "200"]);
            assert_all_right(&told);
            assert_eq!(told.count(kind, "right"), 200, "{told:?}");
            let connected = if kind == "get" || kind == "post" { 3 } else { 200 };
            assert_eq!(told.count(kind, "connected"), connected, "{told:?}");
            assert_eq!(told.json["server"], *place, "{told:?}");
        }
        let told = herd_at(&place, &["--get", "4", "--pipeline", "16", "--requests", "1600"]);
        assert_all_right(&told);
        assert_eq!(told.count("get", "right"), 1600, "{told:?}");
    }
}

#[test]
fn strange_kinds_are_ended_as_by_tcp_but_for_a_reset() {
    let place = Place::new("strange");
    let text = "x".repeat(100 * 1024);
    let timeouts = ["--strict", "--head-timeout", "500ms", "--first-byte-timeout", "500ms"];
    let place_and_text = ["-l", &place.text(), "--text", &text, "--write-timeout", "500ms"];
    let _server = Server::start(&[&place_and_text[..], &timeouts].concat());
    let told = herd_at(
        &place.text(),
        &[
            "--idle",
            "5",
            "--drip",
            "5",
            "--drip-every",
            "50ms",
            "--never-read",
            "5",
            "--garbage",
            "5@50",
            "--for",
            "3s",
        ],
    );
    assert_all_right(&told);
    assert_eq!(told.ended("idle", "EOF"), 5, "{told:?}");
    assert_eq!(told.ended("drip", "408"), 5, "{told:?}");
    // Nobody can reset it: its peer sees an end, behind what it does not read.
    assert_eq!(told.ended("never-read", "EOF"), 5, "{told:?}");
    let (min, max) = told.ended_after("never-read");
    assert!(min >= Duration::from_millis(490) && max < Duration::from_secs(10), "{told:?}");
    assert!(told.count("garbage", "right") > 50, "{told:?}");
}

#[test]
fn who_reads_slowly_reads_what_is_right() {
    let place = Place::new("slow");
    let _server = Server::start(&["-l", &place.text(), "--progress-min", "100"]);
    let arguments =
        ["--slow-read", "5", "--drip-every", "50ms", "--slow-read-bytes", "1KiB", "--for", "2s"];
    let told = herd_at(&place.text(), &arguments);
    assert_all_right(&told);
    assert!(told.count("slow-read", "right") > 100, "{told:?}");
    assert_eq!(told.count("slow-read", "open_at_end"), 5, "{told:?}");
}

#[test]
fn proxy_headers_are_sent_there_too() {
    let place = Place::new("proxied");
    let _server = Server::start(&["-l", &format!("{},proxy", place.text())]);
    for version in ["v1", "v2"] {
        let arguments = ["--connect-close", "3", "--requests", "60", "--proxy-protocol", version];
        assert_all_right(&herd_at(&place.text(), &arguments));
    }
}

/// The kernel refuses a connection at once that finds the queue full, where one by TCP waits.
#[test]
fn who_finds_the_queue_full_waits_and_is_served() {
    let place = Place::new("full");
    let listener = UnixListener::bind(&place.0).unwrap();
    // Two wait at the most; the next one is refused.
    listen(&listener, 1).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::sleep(Duration::from_millis(3));
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            if lines.any(|line| line.is_empty()) {
                let answer = RIGHT.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
                let _ = (&stream).write_all(answer.as_bytes());
            }
        }
    });
    let arguments = ["--connect-close", "20", "--requests", "200", "--expect", "abc"];
    let told = herd_at(&place.text(), &arguments);
    assert_all_right(&told);
    let counted = ["right", "refused", "lost"].map(|what| told.count("connect-close", what));
    assert_eq!(counted, [200, 0, 0], "{told:?}");
}

#[test]
fn nobody_listening_is_told_by_its_path() {
    let place = Place::new("nobody");
    let ended = ended(&[&place.text(), "--get", "1"]);
    assert_eq!(ended.status.code(), Some(2), "{}", ended.errors);
    assert!(ended.errors.contains(&format!("cannot connect to {}", place.text())));
}
