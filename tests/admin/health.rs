//! `/healthz` is answered whatever other clients of the admin listener are in the middle of, and
//! however many there are. No timeout helps here: none is over before its test is.

use std::io::{ErrorKind, Write};

use super::sockets::{Background, Client};
use super::{ask, say, shown};

/// More clients than may be connected at once.
const CROWD: usize = 70;

/// What a client is in the middle of.
#[derive(Clone, Copy, Debug)]
enum State {
    /// It has connected, and says nothing.
    Silent,
    /// It was answered, and says nothing more.
    Kept,
    HalfHead,
    HalfBody,
    HalfChunk,
    /// It was told that this was no request, and does not close its side.
    Lingering,
    /// It asks for much, and reads nothing.
    Pipelining,
    /// It asks for what is made while it is sent, and reads nothing.
    Snapshot,
    /// It watches, and reads nothing.
    Watching,
}

const ALL: [State; 9] = [
    State::Silent,
    State::Kept,
    State::HalfHead,
    State::HalfBody,
    State::HalfChunk,
    State::Lingering,
    State::Pipelining,
    State::Snapshot,
    State::Watching,
];

impl State {
    fn client(self, server: &Background) -> Client {
        let mut client = Client::connect(server.admin());
        let host = server.admin();
        match self {
            State::Silent => {}
            State::Kept => {
                say(&mut client, server, "GET /healthz", &[]);
                assert_eq!(client.answer().text(), "ok\n");
            }
            State::HalfHead => client.send("GET /healthz HTTP/1.1\r\nHo"),
            State::HalfBody => say(&mut client, server, "POST /step", &["Content-Length: 9"]),
            State::HalfChunk => {
                say(&mut client, server, "POST /step", &["Transfer-Encoding: chunked"]);
                client.send("5\r\nab");
            }
            State::Lingering => client.send("noise\r\n"),
            State::Pipelining => {
                fill(&client, &format!("GET /page.js HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            }
            State::Snapshot => {
                fill(&client, &format!("GET /state.json HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            }
            State::Watching => say(&mut client, server, "GET /events", &[]),
        }
        client
    }
}

/// Asks again and again, until the server does not receive any more.
fn fill(client: &Client, request: &str) {
    let mut writer = client.writer();
    writer.set_nonblocking(true).unwrap();
    let requests = request.repeat(1000);
    for _ in 0..100 {
        match writer.write(requests.as_bytes()) {
            Ok(_) => {}
            // It may have been closed to make room.
            Err(reason) if reason.kind() != ErrorKind::Interrupted => break,
            Err(_) => {}
        }
    }
    writer.set_nonblocking(false).unwrap();
}

#[track_caller]
fn assert_healthy(server: &Background, what: &str) {
    assert_eq!(ask(server, "GET /healthz", &[]).text(), "ok\n", "{what}");
}

#[test]
fn health_is_told_however_many_clients_are_in_any_one_state() {
    for state in ALL {
        let server = shown(|_| ());
        let crowd: Vec<Client> = (0..CROWD).map(|_| state.client(&server)).collect();
        assert_healthy(&server, &format!("{CROWD} clients are {state:?}"));
        drop(crowd);
    }
}

#[test]
fn health_is_told_however_many_clients_are_in_different_states() {
    let server = shown(|_| ());
    let mut crowd = Vec::new();
    for number in 0..4 * CROWD {
        crowd.push(ALL[(number * 7 + number / 9) % ALL.len()].client(&server));
        if number % 20 == 0 {
            assert_healthy(&server, &format!("{number} clients are in different states"));
        }
    }
    assert_healthy(&server, "at last");
}

#[test]
fn health_is_told_while_the_public_is_paused_and_fills_the_server() {
    let server = shown(|config| config.limits.clients_max = Some(2));
    let _public: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    assert_eq!(ask(&server, "POST /pause", &[]).status, 204);
    for state in ALL {
        let crowd: Vec<Client> = (0..CROWD).map(|_| state.client(&server)).collect();
        assert_healthy(&server, &format!("{state:?}, and the public is paused"));
        drop(crowd);
    }
}

/// Those who never stop asking, and take their answers, are no reason to wait either.
#[test]
fn health_is_told_while_others_ask_without_an_end() {
    let server = shown(|_| ());
    let request = format!("GET /page.js HTTP/1.1\r\nHost: {}\r\n\r\n", server.admin());
    std::thread::scope(|scope| {
        for _ in 0..CROWD / 2 {
            let (client, request) = (Client::connect(server.admin()), request.repeat(50));
            scope.spawn(move || {
                let (mut writer, mut reader) = (client.writer(), client.writer());
                // Until the server closes, or the test has seen enough.
                for _ in 0..20 {
                    if writer.write_all(request.as_bytes()).is_err() {
                        break;
                    }
                    let mut bytes = vec![0; 64 * 1024];
                    if !matches!(std::io::Read::read(&mut reader, &mut bytes), Ok(1..)) {
                        break;
                    }
                }
            });
        }
        for _ in 0..10 {
            assert_healthy(&server, "others ask without an end");
        }
    });
}

/// A client that watches and reads what it is sent keeps its place as long as others wait longer.
#[test]
fn whoever_watches_and_reads_is_not_closed_for_those_who_stall() {
    let server = shown(|_| ());
    let mut watcher = super::watcher::Watcher::of(&server, "");
    watcher.frame();
    let crowd: Vec<Client> = (0..CROWD).map(|_| State::HalfHead.client(&server)).collect();
    assert_healthy(&server, "a page is open");
    watcher.frame();
    watcher.frame();
    drop(crowd);
}
