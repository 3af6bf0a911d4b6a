//! The life of a server from bind to exit: stopping, signals, running out of descriptors, loops
//! and handlers of an embedder's own, many clients.
//!
//! The first part holds the library in a thread, the second, `program`, the real binary.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use oneloop::{
    CloseReason, Handler, Listen, Method, Reply, Request, Sent, Server, Status, Stopped,
};
use socket2::{Domain, Socket, Type};

#[path = "support/chunks.rs"]
mod chunks;
#[path = "support/sockets.rs"]
mod sockets;

use sockets::{Background, Client, End, PATIENCE, assert_punctual, config, get};

/// Answers with the request's path.
fn path(request: &Request<'_>, reply: Reply<'_>) -> Sent {
    reply.send(request.path())
}

/// Answers with the request's content.
fn echo(request: &Request<'_>, reply: Reply<'_>) -> Sent {
    reply.send(request.body())
}

/// A handler that the test holds back: it tells when it has been given `/wait`, and answers once
/// it is let go.
struct Held {
    reached: Receiver<()>,
    go: Sender<()>,
}

impl Held {
    fn handler() -> (Held, impl Handler + Send + 'static) {
        let (reach, reached) = mpsc::channel();
        let (go, going) = mpsc::channel();
        let handler = move |request: &Request<'_>, reply: Reply<'_>| {
            if request.path() == "/wait" {
                reach.send(()).expect("the test is still there");
                going.recv_timeout(PATIENCE).expect("the test lets it go");
            }
            reply.send(request.path())
        };
        (Held { reached, go }, handler)
    }

    fn wait(&self) {
        self.reached.recv_timeout(PATIENCE).expect("the request arrives");
    }

    fn let_go(&self) {
        self.go.send(()).expect("the handler waits");
    }
}

fn refuses(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_err()
}

#[test]
fn stopping_closes_the_idle_at_once_and_lets_a_request_in_flight_finish() {
    let server = Background::start(&config(), echo);
    let mut silent = server.connect();
    let mut idle = server.connect();
    assert_eq!(idle.get("/").status, 200);
    let mut in_head = server.connect();
    in_head.send("GET / HTTP/1.1\r\nHos");
    let mut in_body = server.connect();
    in_body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
    server.wait_until(|seen| seen.clients == 4 && seen.metrics.receives >= 3);

    server.handle().stop();
    // The timeouts and the time to drain are an hour each.
    assert_eq!(idle.end(), End::Closed);
    assert_eq!(silent.end(), End::Closed);
    assert!(refuses(server.address()), "nobody new is let in");
    assert_eq!(server.seen().stopped, None, "two are not done");

    in_head.send("t: a\r\n\r\n");
    let answer = in_head.answer();
    assert!(answer.status == 200 && answer.closes(), "{}", answer.head);
    assert_eq!(in_head.end(), End::Closed);
    in_body.send("dy");
    let answer = in_body.answer();
    assert!(answer.text() == "body" && answer.closes(), "{}", answer.head);
    assert_eq!(in_body.end(), End::Closed);
    assert_eq!(server.stopped(), Stopped::Drained);
    assert_eq!(server.seen().metrics.closed(CloseReason::Drained), 2);
}

#[test]
fn an_answer_that_is_being_taken_is_taken_whole_while_the_server_stops() {
    let body: Arc<[u8]> = vec![b'x'; 16 * 1024 * 1024].into();
    let server =
        Background::start(&config(), move |_: &Request<'_>, reply: Reply<'_>| reply.send(&body));
    let mut client = server.connect();
    client.ask("/");
    server.wait_until(|seen| seen.metrics.requests == 1);
    server.handle().stop();
    server.wait_until(|seen| seen.is_closed);
    assert_eq!(client.answer().body.len(), 16 * 1024 * 1024);
    assert_eq!(client.end(), End::Closed);
    assert_eq!(server.stopped(), Stopped::Drained);
}

#[test]
fn pipelined_requests_behind_a_stop_are_answered_and_the_last_of_them_closes() {
    let (held, handler) = Held::handler();
    let server = Background::start(&config(), handler);
    let mut client = server.connect();
    client.ask("/wait");
    held.wait();
    client.send(get("/a") + &get("/b"));
    server.handle().stop();
    held.let_go();
    let answer = client.answer();
    assert!(answer.text() == "/wait" && !answer.closes(), "it was given before the stop");
    let answer = client.answer();
    assert!(answer.text() == "/a" && !answer.closes(), "{}", answer.head);
    let answer = client.answer();
    assert!(answer.text() == "/b" && answer.closes(), "{}", answer.head);
    client.finish();
    assert_eq!(client.end(), End::Closed);
    assert_eq!(server.stopped(), Stopped::Drained);
}

#[test]
fn a_request_that_waits_in_the_kernel_is_answered_before_the_server_stops() {
    let (held, handler) = Held::handler();
    let server = Background::start(&config(), handler);
    let mut kept = server.connect();
    assert_eq!(kept.get("/kept").text(), "/kept");
    let mut holder = server.connect();
    holder.ask("/wait");
    held.wait();
    // The loop is in the handler: it cannot have heard of any of this.
    kept.ask("/waiting");
    server.handle().stop();
    held.let_go();
    assert_eq!(holder.answer().text(), "/wait");
    let answer = kept.answer();
    assert!(answer.text() == "/waiting" && answer.closes(), "{}", answer.head);
    assert_eq!(kept.end(), End::Closed);
    assert_eq!(server.stopped(), Stopped::Drained);
}

/// Has `waiting` clients connect and ask while the loop is busy, then stops the server.
fn stop_with_a_queue(waiting: usize, accepts_per_turn_max: usize) {
    let (held, handler) = Held::handler();
    let mut config = config();
    config.limits.accepts_per_turn_max = accepts_per_turn_max;
    let server = Background::start(&config, handler);
    let mut holder = server.connect();
    holder.ask("/wait");
    held.wait();
    let mut queued: Vec<Client> = (0..waiting).map(|_| server.connect()).collect();
    for (number, client) in queued.iter_mut().enumerate() {
        client.ask(&format!("/{number}"));
    }
    server.handle().stop();
    held.let_go();
    assert_eq!(holder.answer().text(), "/wait");
    for (number, client) in queued.iter_mut().enumerate() {
        let answer = client.answer();
        assert!(answer.text() == format!("/{number}") && answer.closes(), "{}", answer.head);
        assert_eq!(client.end(), End::Closed);
    }
    assert_eq!(server.stopped(), Stopped::Drained);
}

#[test]
fn connections_that_wait_in_the_listen_queue_are_served_before_the_server_stops() {
    stop_with_a_queue(20, 256);
}

#[test]
fn more_waiting_connections_than_one_turn_accepts_are_served_before_the_server_stops() {
    stop_with_a_queue(20, 4);
}

/// A server that accepts four connections a turn, is told to stop, and has accepted nobody of the
/// `queued` clients that have connected and asked.
fn stopping_with_a_queue(queued: usize, backlog: i32) -> (Server<impl Handler>, Vec<Client>) {
    let mut config = config();
    (config.limits.accepts_per_turn_max, config.limits.backlog) = (4, backlog);
    let server = Server::bind(&config, path).unwrap();
    let mut clients: Vec<Client> =
        (0..queued).map(|_| Client::connect(server.local_addrs()[0])).collect();
    clients.iter_mut().for_each(|client| client.ask("/queued"));
    server.handle().stop();
    (server, clients)
}

/// A turn of it, which must not accept more than any other turn.
fn turn_of_a_stop(server: &mut Server<impl Handler>) -> ControlFlow<Stopped> {
    let before = server.metrics().accepted;
    let flow = server.turn(Some(Duration::from_millis(10))).unwrap();
    let accepted = server.metrics().accepted - before;
    assert!(accepted <= 4, "{accepted} in one turn");
    flow
}

#[test]
fn a_stop_accepts_whom_it_finds_waiting_in_as_many_turns_as_that_takes() {
    let (mut server, mut clients) = stopping_with_a_queue(18, 64);
    for turn in 1..=5 {
        assert!(!server.local_addrs().is_empty(), "it still listens before turn {turn}");
        assert!(turn_of_a_stop(&mut server).is_continue());
    }
    assert!(server.local_addrs().is_empty());
    // A client is driven in the turn after it was accepted.
    let _ = turn_of_a_stop(&mut server);
    for client in &mut clients {
        let answer = client.answer();
        assert!(answer.text() == "/queued" && answer.closes(), "{}", answer.head);
        assert_eq!(client.end(), End::Closed);
    }
    let deadline = Instant::now() + PATIENCE;
    while turn_of_a_stop(&mut server) != ControlFlow::Break(Stopped::Drained) {
        assert!(Instant::now() < deadline, "it never stops");
    }
}

#[test]
fn clients_that_go_on_coming_do_not_keep_a_stop_from_closing_the_listener() {
    // The kernel keeps one connection more than it is asked to.
    let (mut server, mut clients) = stopping_with_a_queue(4, 11);
    for _ in 0..3 {
        let address = server.local_addrs()[0];
        clients.extend((0..4).map(|_| Client::connect(address)));
        assert!(turn_of_a_stop(&mut server).is_continue());
    }
    assert!(server.local_addrs().is_empty());
    assert_eq!(server.metrics().accepted, 12);
}

#[test]
fn a_second_stop_cuts_off_those_that_the_first_has_not_accepted_yet() {
    let (mut server, clients) = stopping_with_a_queue(18, 64);
    let address = server.local_addrs()[0];
    assert!(turn_of_a_stop(&mut server).is_continue());
    server.handle().stop();
    assert_eq!(turn_of_a_stop(&mut server), ControlFlow::Break(Stopped::CutOff));
    assert!(refuses(address), "although the server is still there");
    drop(clients);
}

#[test]
fn a_second_stop_cuts_off_whoever_is_left() {
    let server = Background::start(&config(), echo);
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
    server.wait_until(|seen| seen.metrics.received_bytes > 0);
    server.handle().stop();
    // Two stops before the first is acted on would be one.
    server.wait_until(|seen| seen.is_closed);
    server.handle().stop();
    assert_eq!(server.stopped(), Stopped::CutOff);
    client.end();
    assert_eq!(server.seen().metrics.closed(CloseReason::CutOff), 1);
}

#[test]
fn stopping_a_server_without_clients_ends_it_and_frees_its_port() {
    let server = Background::start(&config(), path);
    let address = server.address();
    server.handle().stop();
    assert_eq!(server.stopped(), Stopped::Drained);
    let mut again = config();
    again.listen = vec![Listen::At(address)];
    let second = Background::start(&again, path);
    assert_eq!(second.connect().get("/again").text(), "/again");
}

#[test]
fn a_handle_that_outlives_its_server_does_nothing() {
    let server = Background::start(&config(), path);
    let handle = server.handle().clone();
    drop(server);
    handle.stop();
}

#[test]
fn a_loop_of_the_embedders_own_serves_turn_by_turn() {
    let mut server = Server::bind(&config(), path).expect("loopback has free ports");
    let wait = Duration::from_millis(50);
    let began = Instant::now();
    assert!(server.turn(Some(wait)).expect("a healthy poll").is_continue());
    assert_punctual(began.elapsed(), wait);
    assert!(server.turn(Some(Duration::ZERO)).expect("a healthy poll").is_continue());

    let mut client = Client::connect(server.local_addrs()[0]);
    for target in ["/a", "/b"] {
        client.ask(target);
        let deadline = Instant::now() + PATIENCE;
        while !client.hears_now() {
            assert!(server.turn(Some(wait)).expect("a healthy poll").is_continue());
            assert!(Instant::now() < deadline, "it never answers");
        }
        assert_eq!(client.answer().text(), target);
    }
    assert_eq!((server.clients(), server.metrics().requests), (1, 2));

    server.handle().stop();
    let deadline = Instant::now() + PATIENCE;
    let stopped = loop {
        if let ControlFlow::Break(stopped) = server.turn(Some(wait)).expect("a healthy poll") {
            break stopped;
        }
        assert!(Instant::now() < deadline, "it never stops");
    };
    assert_eq!(stopped, Stopped::Drained);
    assert!(server.local_addrs().is_empty());
    assert_eq!(client.end(), End::Closed);
    let again = server.turn(Some(Duration::ZERO)).expect("a healthy poll");
    assert_eq!(again, ControlFlow::Break(Stopped::Drained), "it stays stopped");
}

#[test]
fn a_turn_that_may_wait_long_still_ends_for_a_deadline() {
    let mut config = config();
    config.timeouts.first_byte = Duration::from_millis(200);
    let mut server = Server::bind(&config, path).expect("loopback has free ports");
    let began = Instant::now();
    let mut client = Client::connect(server.local_addrs()[0]);
    while server.metrics().closed_total() == 0 {
        let flow = server.turn(Some(PATIENCE)).expect("a healthy poll");
        assert!(flow.is_continue());
    }
    assert_punctual(began.elapsed(), config.timeouts.first_byte);
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn dropping_a_server_closes_everything_it_had() {
    let mut server = Server::bind(&config(), path).expect("loopback has free ports");
    let address = server.local_addrs()[0];
    let mut client = Client::connect(address);
    while server.clients() == 0 {
        let _ = server.turn(Some(PATIENCE)).expect("a healthy poll");
    }
    drop(server);
    assert_eq!(client.end(), End::Closed);
    assert!(refuses(address));
}

#[test]
fn one_server_listens_at_two_addresses() {
    let mut config = config();
    config.listen = vec![
        Listen::At(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        Listen::At(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0))),
    ];
    let server = Background::start(&config, path);
    assert_eq!(server.addresses().len(), 2);
    let mut clients: Vec<Client> =
        server.addresses().iter().map(|address| Client::connect(*address)).collect();
    for round in ["/first", "/second"] {
        for client in &mut clients {
            assert_eq!(client.get(round).text(), round);
        }
    }
    assert_eq!(server.wait_until(|seen| seen.metrics.requests == 4).clients, 2);
    server.handle().stop();
    assert_eq!(server.stopped(), Stopped::Drained);
    assert!(server.addresses().iter().all(|address| refuses(*address)));
}

#[test]
fn a_closure_that_owns_state_is_a_handler() {
    let mut asked = 0;
    let server = Background::start(&config(), move |request: &Request<'_>, reply: Reply<'_>| {
        asked += 1;
        let text = format!("{asked} {}", request.query().unwrap_or("-"));
        reply.field("X-Asked", asked.to_string()).send(&text)
    });
    let (mut one, mut other) = (server.connect(), server.connect());
    assert_eq!(one.get("/?a=b").text(), "1 a=b");
    assert_eq!(other.get("/").text(), "2 -");
    let answer = one.get("/");
    assert_eq!((answer.text(), answer.field("X-Asked")), ("3 -", Some("3")));
}

#[test]
fn a_handler_that_closes_ends_the_connection_behind_its_answer() {
    let server = Background::start(&config(), |request: &Request<'_>, reply: Reply<'_>| {
        match request.path() {
            "/close" => reply.status(Status::OK).close().send("bye"),
            path => reply.send(path),
        }
    });
    let mut client = server.connect();
    assert!(!client.get("/stay").closes());
    let answer = client.get("/close");
    assert!(answer.text() == "bye" && answer.closes(), "{}", answer.head);
    assert_eq!(client.end(), End::Closed);
    // What is pipelined behind it is neither answered nor lets a reset destroy the answer.
    let mut client = server.connect();
    client.send(get("/close") + &get("/never").repeat(1000));
    assert_eq!(client.answer().text(), "bye");
    client.finish();
    assert_eq!(client.end(), End::Closed);
    let seen = server.wait_until(|seen| seen.clients == 0);
    assert_eq!(seen.metrics.requests, 3);
}

/// A server that answers with a shared body in which no two places are alike, and that body.
fn sharing(bytes: usize) -> (Background, Arc<[u8]>) {
    let words = (0..bytes / 8).map(|number| format!("{number:07x}\n"));
    let body: Arc<[u8]> = words.collect::<String>().into_bytes().into();
    let shared = Arc::clone(&body);
    let server =
        Background::start(&config(), move |_: &Request<'_>, reply: Reply<'_>| reply.send(&shared));
    (server, body)
}

const MEBIBYTE: usize = 1024 * 1024;

#[test]
fn a_shared_body_that_is_read_slowly_arrives_whole() {
    for bytes in [MEBIBYTE, 8 * MEBIBYTE] {
        let (server, body) = sharing(bytes);
        // A small receive buffer, so that the kernel has to ask us for room again and again.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        socket.connect(&server.address().into()).unwrap();
        let mut client = Client::new(socket.into());
        for _ in 0..2 {
            let before = server.seen().metrics.sent_bytes;
            client.ask("/");
            // While nobody reads, the kernel cannot take all of the larger one.
            server.wait_until(|seen| seen.metrics.sent_bytes > before);
            while client.received_bytes() < MEBIBYTE / 2 {
                client.receive(3000).expect("the server goes on");
                thread::yield_now();
            }
            let answer = client.answer();
            assert!(answer.body == *body, "some of {} bytes are not ours", answer.body.len());
        }
        let seen = server.wait_until(|seen| seen.metrics.requests == 2);
        assert!(bytes == MEBIBYTE || seen.metrics.sends >= 4, "the kernel took it all at once");
    }
}

#[test]
fn a_shared_mebibyte_that_is_pipelined_arrives_as_often_as_it_was_asked_for() {
    let (server, body) = sharing(MEBIBYTE);
    let mut client = server.connect();
    client.send(get("/").repeat(8));
    for _ in 0..8 {
        assert!(client.answer().body == *body);
    }
}

#[test]
fn the_answer_to_head_has_the_length_of_a_mebibyte_and_not_a_byte_of_it() {
    let (server, body) = sharing(MEBIBYTE);
    let mut client = server.connect();
    for _ in 0..2 {
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = client.answer_head();
        let length = answer.field("Content-Length").map(str::to_owned);
        assert_eq!((answer.status, length), (200, Some(body.len().to_string())));
    }
    // Whatever else had come would stand in front of this answer.
    assert!(client.get("/").body == *body);
}

/// What a handler was given: method, path, and content.
type Given = (Method, String, Vec<u8>);

#[test]
fn a_posted_body_reaches_the_handler_whole_however_it_is_split() {
    let given: Arc<Mutex<Vec<Given>>> = Arc::default();
    let notes = Arc::clone(&given);
    let server = Background::start(&config(), move |request: &Request<'_>, reply: Reply<'_>| {
        let (path, body) = (request.path().to_owned(), request.body().to_vec());
        notes.lock().unwrap().push((request.method(), path, body));
        reply.send(request.body())
    });
    let body: Vec<u8> = (0..=255).cycle().take(700).collect();
    let head = "POST /post HTTP/1.1\r\nHost: a\r\n";
    let mut by_length = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    by_length.extend_from_slice(&body);
    let mut by_chunks = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    by_chunks.extend(chunks::chunked(&body, &[97], ";note=\"a;b\"", "X-Trailer: t\r\n"));

    let mut sent = 0;
    for request in [by_length, by_chunks] {
        for piece_bytes in [1, 2, 3, 7, 50, 301, request.len()] {
            let mut client = server.connect();
            for piece in request.chunks(piece_bytes) {
                client.send(piece);
                sent += piece.len() as u64;
                // So that each piece is received by itself.
                server.wait_until(|seen| seen.metrics.received_bytes == sent);
            }
            assert_eq!(client.answer().body, body, "in pieces of {piece_bytes}");
            let noted = given.lock().unwrap().pop();
            assert_eq!(noted, Some((Method::Post, "/post".to_owned(), body.clone())));
        }
    }
    assert!(given.lock().unwrap().is_empty(), "each was given once");
}

#[test]
fn a_posted_mebibyte_comes_back_whole_by_length_and_by_chunks() {
    let server = Background::start(&config(), echo);
    let body: Vec<u8> = (0..=255).cycle().take(1024 * 1024).collect();
    let chunks = chunks::chunked(&body, &[60_000], "", "");
    let mut client = server.connect();
    for (framing, content) in [
        (format!("Content-Length: {}", body.len()), &body),
        ("Transfer-Encoding: chunked".to_owned(), &chunks),
    ] {
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"));
        client.send(content);
        assert!(client.answer().body == body);
    }
}

#[test]
fn an_invalid_field_of_a_handler_becomes_500_and_the_connection_goes_on() {
    let server = Background::start(&config(), |request: &Request<'_>, reply: Reply<'_>| {
        match request.path() {
            "/split" => reply.field("X", "a\r\nSet-Cookie: b").send("secret"),
            "/name" => reply.field("a b", "c").send("secret"),
            "/reserved" => reply.field("Content-Length", "1").send("secret"),
            path => reply.send(path),
        }
    });
    let mut client = server.connect();
    client.send(["/before", "/split", "/name", "/reserved", "/after"].map(get).concat());
    assert_eq!(client.answer().text(), "/before");
    for _ in 0..3 {
        let answer = client.answer();
        assert_eq!(answer.status, 500, "{}", answer.head);
        assert!(!answer.head.contains("Set-Cookie") && !answer.text().contains("secret"));
    }
    assert_eq!(client.answer().text(), "/after");
}

#[test]
fn two_thousand_kept_connections_get_their_own_answers() {
    const CLIENTS: usize = 2000;
    let server = Background::start(&config(), path);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.connect()).collect();
    server.wait_until(|seen| seen.clients == CLIENTS);
    for round in 0..4 {
        for (number, client) in clients.iter_mut().enumerate() {
            let requests = (0..=round).map(|part| get(&format!("/{number}/{round}/{part}")));
            client.send(requests.collect::<String>());
        }
        for (number, client) in clients.iter_mut().enumerate() {
            for part in 0..=round {
                let answer = client.answer();
                assert_eq!(answer.text(), format!("/{number}/{round}/{part}"));
            }
        }
    }
    let seen = server.seen();
    assert_eq!((seen.clients, seen.metrics.closed_total()), (CLIENTS, 0));
    drop(clients);
    let seen = server.wait_until(|seen| seen.clients == 0);
    assert_eq!(seen.metrics.requests, 2000 * (1 + 2 + 3 + 4));
    assert_eq!(server.connect().get("/after").text(), "/after");
}

/// The real binary.
#[cfg(all(feature = "cli", target_os = "linux"))]
mod program {
    use std::collections::HashSet;
    use std::fs;
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, ExitStatus, Stdio};
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};

    use super::sockets::SLACK;
    use super::*;

    /// The program at work. Dropping it ends it.
    struct Program {
        child: Child,
        lines: Receiver<String>,
        /// What it has logged so far.
        log: Vec<String>,
        address: SocketAddr,
        /// The numbers of the descriptors it has without a client.
        own_descriptors: HashSet<u64>,
    }

    /// How much of a processor a server with nothing to do may take: two hundredths. The kernel
    /// counts in hundredths of a second.
    const IDLE_HUNDREDTHS_MAX: u64 = 2;

    /// How soon a server is itself again when a crowd has left.
    const RECOVERY: Duration = Duration::from_millis(100).saturating_add(BUSY);

    /// How long another process may keep the processor from a server that is ready to answer.
    const BUSY: Duration = Duration::from_millis(400);

    /// A request whose content is waited for, which its client is told.
    const EXPECTING: &str =
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";

    /// How much of its log a failing test prints.
    const LOG_LINES_MAX: usize = 20;

    impl Program {
        /// Starts it on a port of the system's choice.
        fn start(arguments: &[&str]) -> Program {
            Program::start_at("127.0.0.1:0", arguments)
        }

        fn start_at(address: &str, arguments: &[&str]) -> Program {
            let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
            Program::launch(command.args(["-l", address]).args(arguments))
        }

        /// Starts it with a descriptor limit that it cannot raise.
        fn start_with_descriptors(descriptors: u64, arguments: &[&str]) -> Program {
            let script = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
            let mut command = Command::new("sh");
            command.args(["-c", &script, env!("CARGO_BIN_EXE_oneloop"), "-l", "127.0.0.1:0"]);
            Program::launch(command.args(arguments))
        }

        /// Waits until it listens.
        fn launch(command: &mut Command) -> Program {
            // What the caller's shell says about options must not change what is tested.
            for (name, _) in std::env::vars_os() {
                if name == "RUST_LOG" || name.to_string_lossy().starts_with("ONELOOP_") {
                    command.env_remove(name);
                }
            }
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            let mut child = command.spawn().expect("the program was built by cargo");
            let stderr = BufReader::new(child.stderr.take().expect("it was asked for as a pipe"));
            let (sender, lines) = mpsc::channel();
            // Ends with the child, whose end of the pipe it reads.
            thread::spawn(move || {
                let mut lines = stderr.lines().map_while(Result::ok);
                lines.all(|line| sender.send(line).is_ok())
            });
            let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
            let mut program = Program {
                child,
                lines,
                log: Vec::new(),
                address: nowhere,
                own_descriptors: HashSet::new(),
            };
            let line = program.wait_for_line("listening on http://");
            let (_, url) = line.split_once("http://").unwrap();
            let (address, _) = url.split_once('/').unwrap();
            program.address = address.parse().expect("an address in the URL");
            program.own_descriptors = program.descriptors();
            // What answers is in its loop, so it heeds signals by now.
            program.connect().get("/");
            program.wait_for_clients(0);
            program
        }

        fn connect(&self) -> Client {
            Client::connect(self.address)
        }

        fn crowd(&self, clients: usize) -> Vec<Client> {
            (0..clients).map(|_| self.connect()).collect()
        }

        /// So many clients in the middle of a request, each of which has been heard.
        fn busy_crowd(&self, clients: usize) -> Vec<Client> {
            let begin = |_| {
                let mut client = self.connect();
                client.send(EXPECTING);
                assert_eq!(client.answer_head().status, 100);
                client
            };
            (0..clients).map(begin).collect()
        }

        fn pid(&self) -> Pid {
            Pid::from_child(&self.child)
        }

        /// Waits until its thread sleeps, which it does in its poll alone.
        fn wait_for_sleep(&self) {
            let deadline = Instant::now() + PATIENCE;
            let stat = format!("/proc/{}/stat", self.child.id());
            // The state stands behind the name, which is in parentheses.
            while !std::fs::read_to_string(&stat).unwrap().contains(") S ") {
                assert!(Instant::now() < deadline, "it does not sleep");
                thread::sleep(Duration::from_millis(1));
            }
        }

        fn signal(&self, signal: Signal) {
            kill_process(self.pid(), signal).expect("it has not been reaped");
        }

        /// The next line from here on that contains `part`.
        fn wait_for_line(&mut self, part: &str) -> String {
            loop {
                match self.lines.recv_timeout(PATIENCE) {
                    Ok(line) => self.log.push(line),
                    Err(reason) => panic!("no line with {part:?} ({reason}) in {:#?}", self.log),
                }
                let line = self.log.last().unwrap();
                if line.contains(part) {
                    return line.clone();
                }
            }
        }

        /// How many warnings and errors it has logged up to now.
        fn complaints(&mut self) -> usize {
            self.log.extend(self.lines.try_iter());
            let bad = |line: &&String| line.contains(" WARN ") || line.contains(" ERROR ");
            self.log.iter().filter(bad).count()
        }

        /// How it ended, once its end of the log is closed: that is what is waited for.
        fn end(&mut self) -> ExitStatus {
            while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
                self.log.push(line);
            }
            self.child.wait().expect("a child can be waited for")
        }

        fn proc(&self, file: &str) -> String {
            let path = format!("/proc/{}/{file}", self.child.id());
            fs::read_to_string(path).expect("it has not been reaped")
        }

        /// The processor time it has used, in hundredths of a second.
        fn hundredths(&self) -> u64 {
            let stat = self.proc("stat");
            // The program's name, in brackets, may contain anything; what follows is numbers.
            let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
            let fields: Vec<&str> = fields.split(' ').collect();
            fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum()
        }

        /// The processor time it uses in a second, in hundredths of it.
        fn load(&self) -> u64 {
            let before = self.hundredths();
            // The span that is measured over.
            thread::sleep(Duration::from_secs(1));
            self.hundredths() - before
        }

        /// The numbers of its descriptors.
        fn descriptors(&self) -> HashSet<u64> {
            let path = format!("/proc/{}/fd", self.child.id());
            let entries = fs::read_dir(path).expect("it has not been reaped");
            let names = entries.map(|entry| entry.expect("a name").file_name());
            names.map(|name| name.to_str().and_then(|it| it.parse().ok()).unwrap()).collect()
        }

        /// Waits until it has descriptors for exactly so many clients.
        fn wait_for_clients(&self, clients: usize) {
            let deadline = Instant::now() + PATIENCE;
            while self.descriptors().len() != self.own_descriptors.len() + clients {
                assert!(Instant::now() < deadline, "it stays at {:?}", self.descriptors());
                // A pause between two looks, not what is waited for.
                thread::sleep(Duration::from_millis(1));
            }
        }

        /// Leaves the running program descriptors for so many clients, though it was promised
        /// more.
        fn limit_to_clients(&self, clients: usize) {
            // It bounds numbers, and a descriptor that was inherited may have a high one.
            let own = &self.own_descriptors;
            let current = (0..).filter(|number| !own.contains(number)).nth(clients);
            // Its hard limit is ours; lowering that too would need a privilege to undo.
            let maximum = getrlimit(Resource::Nofile).maximum;
            prlimit(Some(self.pid()), Resource::Nofile, Rlimit { current, maximum })
                .expect("a child's limit can be lowered");
        }

        fn assert_idles(&self) {
            let load = self.load();
            assert!(load <= IDLE_HUNDREDTHS_MAX, "{load} hundredths of a processor for nothing");
        }

        /// Asserts that a new client is answered, and how soon.
        fn assert_answers_within(&self, time: Duration) {
            let began = Instant::now();
            assert_eq!(self.connect().get("/").status, 200);
            assert!(began.elapsed() <= time, "it took {:?}", began.elapsed());
        }
    }

    impl Drop for Program {
        fn drop(&mut self) {
            // Both fail only if it has ended already, which is what is wanted.
            let _ = self.child.kill();
            let _ = self.child.wait();
            if thread::panicking() {
                self.log.extend(self.lines.try_iter());
                let first = self.log.len().min(LOG_LINES_MAX);
                eprintln!("the program's log began:\n{}", self.log[..first].join("\n"));
            }
        }
    }

    #[test]
    fn a_signal_to_stop_ends_the_program_with_exit_code_0() {
        for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
            let mut program = Program::start(&[]);
            let mut idle = program.connect();
            assert_eq!(idle.get("/").status, 200);
            // It has to interrupt the poll.
            if cfg!(target_os = "linux") {
                program.wait_for_sleep();
            }
            program.signal(signal);
            assert_eq!(idle.end(), End::Closed);
            assert_eq!(program.end().code(), Some(0), "{signal:?}");
        }
    }

    #[test]
    fn a_signal_to_stop_lets_a_request_in_flight_finish() {
        let mut program = Program::start(&["--strict"]);
        let mut client = program.connect();
        client.send(EXPECTING);
        assert_eq!(client.answer_head().status, 100);
        program.signal(Signal::TERM);
        program.wait_for_line("stopping by SIGTERM");
        client.send("body");
        let answer = client.answer();
        assert!(answer.status == 200 && answer.closes(), "{}", answer.head);
        assert_eq!(program.end().code(), Some(0));
    }

    #[test]
    fn a_second_signal_ends_the_program_at_once_with_its_number() {
        for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
            let mut program =
                Program::start(&["--strict", "--drain-timeout", "1h", "--head-timeout", "1h"]);
            let mut client = program.connect();
            client.send(get("/") + "GET / HT");
            assert_eq!(client.answer().status, 200);
            program.signal(Signal::TERM);
            program.wait_for_line("stopping by SIGTERM");
            let began = Instant::now();
            program.signal(signal);
            assert_eq!(program.end().code(), Some(code));
            assert!(began.elapsed() < SLACK);
            client.end();
        }
    }

    #[test]
    fn a_killed_program_can_be_started_again_at_once_on_the_same_port() {
        let mut program = Program::start(&[]);
        let address = program.address.to_string();
        for _ in 0..5 {
            let mut clients = program.crowd(20);
            for client in &mut clients {
                assert_eq!(client.get("/").status, 200);
            }
            program.signal(Signal::KILL);
            program.end();
            let before = program.address;
            program = Program::start_at(&address, &[]);
            assert_eq!(program.address, before);
            // Only now do the killed program's connections lose their other ends.
            drop(clients);
        }
        program.signal(Signal::TERM);
        assert_eq!(program.end().code(), Some(0));
    }

    #[test]
    fn a_broken_pipe_is_harmless() {
        let mut program = Program::start(&[]);
        program.signal(Signal::PIPE);
        for _ in 0..100 {
            let mut client = program.connect();
            // Gone before most of the answers can be written.
            client.send(get("/").repeat(100));
        }
        program.assert_answers_within(PATIENCE);
        assert_eq!(program.complaints(), 0);
        program.signal(Signal::TERM);
        assert_eq!(program.end().code(), Some(0));
    }

    #[test]
    fn with_64_descriptors_200_silent_clients_cost_nothing_and_keep_nobody_out() {
        let mut program = Program::start_with_descriptors(64, &[]);
        let crowd = program.crowd(200);
        program.assert_answers_within(SLACK);
        program.assert_idles();
        program.assert_answers_within(SLACK);
        assert!(program.descriptors().len() < 64);
        drop(crowd);
        program.assert_answers_within(RECOVERY);
        program.wait_for_clients(0);
        program.assert_idles();
        assert_eq!(program.complaints(), 1);
    }

    #[test]
    fn files_that_are_kept_open_take_no_place_from_clients() {
        let folder = std::env::temp_dir().join(format!("oneloop-{}-kept", std::process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        for number in 0..60 {
            fs::write(folder.join(number.to_string()), [b'x'; 70_000]).expect("a file");
        }
        let directory = folder.to_str().expect("a name in UTF-8");
        let mut program = Program::start_with_descriptors(128, &[directory]);
        let mut first = program.connect();
        for number in 0..60 {
            assert_eq!(first.get(&format!("/{number}")).body.len(), 70_000);
        }
        // Together with the first, all the 80 that there may be beside 16 files.
        let mut crowd = program.crowd(79);
        for client in &mut crowd {
            assert_eq!(client.get("/0").status, 200);
        }
        for client in crowd.iter_mut().chain([&mut first]) {
            assert_eq!(client.get("/missing").status, 404);
        }
        assert_eq!(program.complaints(), 0);
        fs::remove_dir_all(&folder).expect("it was just made");
    }

    #[test]
    fn with_64_descriptors_200_unfinished_requests_cost_nothing_and_are_survived() {
        let program = Program::start_with_descriptors(64, &["--strict"]);
        // Half of the descriptors are for clients, and these keep their places.
        let mut crowd = program.busy_crowd(32);
        for mut client in program.crowd(168) {
            client.send(EXPECTING);
            crowd.push(client);
        }
        let mut late = program.connect();
        late.ask("/");
        program.assert_idles();
        assert!(!late.hears_now());
        drop(crowd);
        let began = Instant::now();
        assert_eq!(late.answer().status, 200);
        assert!(began.elapsed() <= RECOVERY, "it took {:?}", began.elapsed());
        drop(late);
        program.wait_for_clients(0);
        program.assert_idles();
    }

    #[test]
    fn running_out_of_descriptors_costs_the_idle_their_places_and_one_warning() {
        let mut program = Program::start(&[]);
        let mut old = program.connect();
        assert_eq!(old.get("/").status, 200);
        program.limit_to_clients(10);
        let crowd = program.crowd(100);
        assert_eq!(old.end(), End::Closed, "it was idle the longest");
        program.assert_answers_within(SLACK);
        program.assert_idles();
        program.assert_answers_within(SLACK);
        drop(crowd);
        program.assert_answers_within(RECOVERY);
        program.wait_for_clients(0);
        program.assert_idles();
        assert_eq!(program.complaints(), 1);
    }

    #[test]
    fn running_out_of_descriptors_while_nobody_is_idle_makes_the_next_wait() {
        let mut program = Program::start(&["--strict"]);
        program.limit_to_clients(10);
        let crowd = program.busy_crowd(10);
        let mut late = program.connect();
        late.ask("/");
        program.assert_idles();
        assert!(!late.hears_now());
        drop(crowd);
        let began = Instant::now();
        assert_eq!(late.answer().status, 200);
        assert!(began.elapsed() <= RECOVERY, "it took {:?}", began.elapsed());
        assert_eq!(program.complaints(), 1);
        drop(late);
        program.wait_for_clients(0);
        program.assert_idles();
        program.signal(Signal::TERM);
        assert_eq!(program.end().code(), Some(0));
    }

    #[test]
    fn running_out_of_descriptors_with_nobody_waiting_for_one_costs_nothing() {
        let program = Program::start(&["--strict"]);
        program.limit_to_clients(10);
        let crowd = program.busy_crowd(10);
        program.wait_for_clients(10);
        program.assert_idles();
        // Nobody comes into the places that become free.
        drop(crowd);
        program.wait_for_clients(0);
        program.assert_idles();
        program.assert_answers_within(RECOVERY);
    }

    #[test]
    fn whoever_takes_the_last_descriptor_costs_nobody_his_place() {
        let program = Program::start(&[]);
        program.limit_to_clients(10);
        let mut crowd = program.crowd(10);
        // An accept that finds no descriptor does not tell whether anybody waits.
        program.assert_idles();
        for client in &mut crowd {
            assert!(!client.hears_now(), "it was closed, and nobody else has come");
            assert_eq!(client.get("/").status, 200);
        }
        program.assert_idles();
    }

    #[test]
    fn descriptors_that_become_free_elsewhere_wake_nobody_for_long() {
        let program = Program::start(&["--strict"]);
        program.limit_to_clients(10);
        let crowd = program.busy_crowd(10);
        program.assert_idles();
        // All that changes is that the next accept could succeed; nobody waits for it.
        program.limit_to_clients(20);
        program.assert_idles();
        program.assert_answers_within(RECOVERY);
        drop(crowd);
    }

    #[test]
    fn a_shortage_of_descriptors_that_comes_in_waves_is_told_of_once() {
        let mut program = Program::start(&[]);
        program.limit_to_clients(10);
        for _ in 0..3 {
            let crowd = program.crowd(30);
            program.assert_answers_within(SLACK);
            drop(crowd);
            program.wait_for_clients(0);
        }
        program.assert_idles();
        assert_eq!(program.complaints(), 1);
    }

    #[test]
    fn one_thread_does_all_of_it() {
        let program = Program::start(&[]);
        let address = program.address;
        let stop = Arc::new(AtomicBool::new(false));
        let asking = [(); 3].map(|()| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let mut client = Client::connect(address);
                let mut answers = 0;
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(client.get("/").status, 200);
                    answers += 1;
                }
                answers
            })
        });
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(300) {
            let status = program.proc("status");
            let threads = status.lines().find_map(|line| line.strip_prefix("Threads:"));
            assert_eq!(threads.map(str::trim), Some("1"));
        }
        stop.store(true, Ordering::Relaxed);
        for thread in asking {
            assert_ne!(thread.join().expect("all answers were right"), 0);
        }
    }

    #[test]
    fn a_thousand_clients_that_come_and_go_leave_no_descriptor_behind() {
        let program = Program::start(&["--typing-grace", "1h"]);
        for number in 0..1000 {
            let mut client = program.connect();
            match number % 5 {
                0 => {}
                1 => client.send("GET / HT"),
                2 => assert_eq!(client.get("/").status, 200),
                3 => client.ask("/"),
                _ => {
                    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nbody");
                    client.finish();
                }
            }
        }
        program.wait_for_clients(0);
    }
}
