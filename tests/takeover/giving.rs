//! The old process, and new ones that never become ready: nothing changes.

use std::io::{BufRead, BufReader, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::*;

/// A new process that this test plays.
fn connected(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).expect("it is listened at");
    stream.set_read_timeout(Some(sockets::PATIENCE)).expect("an option");
    stream
}

/// The same, when it has been offered the listeners.
pub(super) fn offered(path: &Path) -> (UnixStream, String, Vec<OwnedFd>) {
    let mut stream = connected(path);
    stream.write_all(b"oneloop takeover 1\n").expect("room for it");
    let mut bytes = [0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut room = [IoSliceMut::new(&mut bytes)];
    let got = recvmsg(&stream, &mut room, &mut control, RecvFlags::CMSG_CLOEXEC).expect("an offer");
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(passed) = message {
            descriptors.extend(passed);
        }
    }
    let text = String::from_utf8(bytes[..got.bytes].to_vec()).expect("text");
    (stream, text, descriptors)
}

#[test]
fn an_offer_describes_each_listener_and_one_that_is_not_accepted_changes_nothing() {
    let (folder, path) = meeting("offer");
    let web = folder.path().join("web");
    let unix = format!("unix:{}", web.display());
    let arguments = ["-l", "127.0.0.1:0", "-l", &unix, "--health", "127.0.0.1:0", "-t", "old"];
    let mut old = Instance::start(&path, &arguments);
    for ending in 0..4 {
        let (mut stream, text, descriptors) = offered(&path);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert_eq!((lines[0], lines[4]), ("oneloop takeover 1", "end"));
        assert_eq!(lines[1], "place public - 127.0.0.1:0");
        assert!(lines[2].starts_with("place public ") && lines[2].ends_with(&unix), "{text}");
        assert_eq!(lines[3], "place health - 127.0.0.1:0");
        assert_eq!(descriptors.len(), 3);
        // It serves while the new one starts.
        assert_eq!(Client::connect(old.address()).get("/").text(), "old\n");
        let lie: &[u8] = match ending {
            0 => b"",
            1 => b"ready 3\n",
            2 => b"rea",
            _ => b"GET / HTTP/1.1\r\n\r\n",
        };
        stream.write_all(lie).expect("room for it");
        if lie.ends_with(b"\n") {
            let mut told = String::new();
            BufReader::new(&stream).read_line(&mut told).expect("an answer");
            assert!(told.starts_with("refused 'ready 3' is no") || ending == 3, "{told}");
        }
        drop((stream, descriptors));
        old.program.hear_error("has not taken over");
        assert_eq!(Client::connect(old.address()).get("/").text(), "old\n");
        assert_eq!(unix_client(&web).get("/").text(), "old\n");
    }
    let ended = old.stop();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(ended.errors.matches("has not taken over").count(), 4, "{}", ended.errors);
    assert!(!web.exists() && !path.exists());
}

#[test]
fn garbage_and_other_versions_are_told_so() {
    let (_folder, path) = meeting("garbage");
    let old = Instance::start(&path, PLACE);
    for (said, told) in [
        ("GET / HTTP/1.1\r\n", "refused 'GET / HTTP/1.1?' is no part of a takeover; "),
        ("oneloop takeover 2\n", "refused 'oneloop takeover 2' is of another version; "),
        ("\n", "refused '' is no part of a takeover; "),
    ] {
        let mut stream = connected(&path);
        stream.write_all(said.as_bytes()).expect("room for it");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer, and the end");
        assert!(answer.starts_with(told), "{answer}");
    }
    // One that goes on and on.
    let mut stream = connected(&path);
    let _ = stream.write_all(&vec![b'x'; 100_000]);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.starts_with(b"refused 'xxx") && answer.len() < 1000);
    assert_eq!(Client::connect(old.address()).get("/").status, 200);
    assert_eq!(old.stop().status.code(), Some(0));
}

#[test]
fn a_second_new_process_is_told_which_one_it_has_to_wait_for() {
    let (_folder, path) = meeting("second");
    let old = Instance::start(&path, PLACE);
    let first = offered(&path);
    let ended = refused(oneloop(&path, PLACE));
    assert_eq!(ended.status.code(), Some(1));
    let own = format!("process {} is taking over already", std::process::id());
    assert!(ended.errors.contains(&own), "{}", ended.errors);
    assert!(ended.errors.contains(&format!("cannot take over at {}", path.display())));
    drop(first);
    let new = Instance::start(&path, PLACE);
    assert_eq!(new.address(), old.address());
    assert_eq!(old.end().status.code(), Some(0));
    assert_eq!(new.stop().status.code(), Some(0));
}

#[test]
fn a_new_process_that_is_killed_before_it_is_ready_changes_nothing() {
    let (_folder, path) = meeting("killed");
    let mut old = Instance::start(&path, PLACE);
    // It asks, and gets no answer.
    old.signal(Signal::STOP);
    let mut new = Program::start(&mut oneloop(&path, PLACE));
    let waits = || {
        let stack = format!("/proc/{}/wchan", new.pid().as_raw_pid());
        let wchan = std::fs::read_to_string(stack).unwrap_or_default();
        wchan.contains("unix_stream") || wchan.contains("recv")
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(1);
    while !waits() && std::time::Instant::now() < deadline {
        std::thread::yield_now();
    }
    kill_process(new.pid(), Signal::KILL).expect("it runs");
    new.hang_up();
    assert_eq!(new.finish().status.code(), None);
    old.signal(Signal::CONT);
    assert_eq!(Client::connect(old.address()).get("/").status, 200);
    let next = Instance::start(&path, PLACE);
    assert_eq!(next.address(), old.address());
    old.program.hear_error("has taken over: ");
    assert_eq!(old.end().status.code(), Some(0));
    assert_eq!(next.stop().status.code(), Some(0));
}

/// A script may start the new process and stop the old one at once.
#[test]
fn an_old_process_that_is_stopped_meanwhile_leaves_all_to_the_new_one() {
    let (folder, path) = meeting("stopped");
    let web = folder.path().join("web");
    let unix = format!("unix:{}", web.display());
    let old = Instance::start(&path, &["-l", "127.0.0.1:0", "-l", &unix]);
    let (mut stream, _, descriptors) = offered(&path);
    let address = old.address();
    assert_eq!(old.stop().status.code(), Some(0));
    stream.write_all(b"ready 0 1\n").expect_err("the old one has ended");
    assert!(web.exists(), "it is the new one's");
    let [tcp, unix]: [OwnedFd; 2] = descriptors.try_into().expect("two listeners");
    let _first = TcpStream::connect(address).expect("it is listened at");
    let _second = UnixStream::connect(&web).expect("it is listened at");
    for listener in [tcp, unix] {
        let listener = TcpListener::from(listener);
        assert!(rustix::net::accept(&listener).is_ok());
    }
}

#[test]
fn the_first_signal_after_a_takeover_lets_clients_finish_and_the_second_does_not() {
    let (_folder, path) = meeting("signals");
    let mut old = Instance::start(&path, PLACE);
    let mut client = Client::connect(old.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(Client::connect(old.address()).get("/").status, 200);
    let new = Instance::start(&path, PLACE);
    old.program.hear_error("has taken over: ");
    old.signal(Signal::TERM);
    old.program.hear_error("SIGTERM: another process has taken over; ");
    client.send("body");
    assert_eq!(client.answer().status, 200);
    let mut late = Instance::start(&path, PLACE);
    let mut client = Client::connect(late.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    drop(new);
    assert_eq!(old.end().status.code(), Some(0));
    late.signal(Signal::TERM);
    late.program.hear_error("stopping by SIGTERM");
    late.signal(Signal::TERM);
    assert_eq!(late.end().status.code(), Some(143));
}
