//! A panic of the program's own code: whatever happens, no bytes of one client reach another, and
//! every other client gets its own answer.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant, SystemTime};

use oneloop::engine::{Clients, Engine, Readiness, Time};
use oneloop::testing::{Answer, Listener, Pipe};
use oneloop::watch::Tracer;
use oneloop::{
    CloseReason, ContentPlan, Event, Fault, Handler, Limits, Next, Piece, Reply, Request, Sent,
    Server, Timeouts,
};

mod logged;
#[path = "../support/sockets.rs"]
mod sockets;
mod stopping;

use sockets::{Client, End, PATIENCE, config};

/// Panics without a word on standard error.
fn break_down() -> ! {
    panic::resume_unwind(Box::new("planned"))
}

/// Answers with the path, some of them with a lot more, and panics where the path says so.
struct Fragile;

impl Handler for Fragile {
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        let path = request.path().to_owned();
        match path.split('/').next_back() {
            Some("panic") => break_down(),
            Some("half") => {
                let _half = reply.field("X", "what must never be sent");
                break_down()
            }
            Some("whole") => {
                let _sent = reply.send("what must never be sent");
                break_down()
            }
            Some("source") => {
                let mut pieces = 0;
                reply.stream(move |piece: &mut Piece<'_>| {
                    pieces += 1;
                    piece.append("part");
                    if pieces == 2 { break_down() } else { Next::After(SECOND) }
                })
            }
            Some("source-at-once") => reply.stream(|piece: &mut Piece<'_>| -> Next {
                piece.append("what must never be sent");
                break_down()
            }),
            Some("large") => reply.send(format!("{path:>60000}")),
            Some(_) | None => reply.send(&path),
        }
    }

    fn content_plan(&mut self, request: &Request<'_>) -> ContentPlan {
        match request.path() {
            "/panic-early" => break_down(),
            _ => ContentPlan::Hold,
        }
    }

    fn handle_fault(&mut self, fault: &Fault<'_>, reply: Reply<'_>) -> Sent {
        match fault.received().starts_with(b"panic") {
            true => break_down(),
            false => fault.explain(reply),
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// A crowd of clients in memory.
struct Crowd {
    engine: Engine<Listener>,
    tracer: Tracer,
    peers: Vec<Pipe>,
    panics: usize,
}

impl Crowd {
    /// Each client has sent one of these.
    fn of(said: &[String]) -> Crowd {
        let (limits, timeouts) = (Limits::default(), Timeouts::default());
        let mut clients = Clients::new(limits, timeouts, SystemTime::UNIX_EPOCH);
        let tracer = Tracer::default();
        clients.watch(tracer.watcher());
        let mut crowd =
            Crowd { engine: Listener::absent(clients), tracer, peers: Vec::new(), panics: 0 };
        for (port, said) in (1..).zip(said) {
            let peer = Pipe::new();
            peer.say(said);
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            crowd.engine.clients_mut().admit(peer.stream(), address, Time::START);
            crowd.peers.push(peer);
        }
        crowd
    }

    /// Turns at this time until nobody can go on, and catches what the handler panics with.
    fn run(&mut self, now: Time) {
        let is_due = |clients: &Clients<_>| clients.next_due().is_some_and(|due| due <= now);
        while self.engine.clients().has_runnable() || is_due(self.engine.clients()) {
            let turn = AssertUnwindSafe(|| {
                self.engine.clients_mut().on_polled(now);
                let flow = self.engine.turn(now, &mut Fragile, &mut |_, _: &mut _, _, _| Ok(()));
                assert!(flow.is_continue(), "nobody stops it");
                self.tracer.resume_panic();
            });
            self.panics += usize::from(panic::catch_unwind(turn).is_err());
            assert!(self.panics < 1000, "the same panic again and again");
        }
    }

    fn panicked(&self) -> u64 {
        self.engine.clients().metrics().closed(CloseReason::HandlerPanicked)
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// What this client was sent, as text.
fn sent(peer: &Pipe) -> String {
    String::from_utf8(peer.sent()).expect("text")
}

/// Of what this client was sent, the paths: `None` if it is not exactly their answers.
fn answered(peer: &Pipe) -> Option<Vec<String>> {
    let sent = peer.sent();
    let (answers, rest) = Answer::read_all(&sent, [""; 0]);
    let is_right = |answer: &Answer| {
        answer.head().starts_with(b"HTTP/1.1 200 OK\r\n")
            && answer.field("Content-Length").is_some()
            && answer.is_whole()
    };
    let are_right = rest.is_empty() && answers.iter().all(is_right);
    are_right.then(|| answers.iter().map(|answer| answer.text().trim_start().to_owned()).collect())
}

/// Nine clients with two requests each, of whom the one at `place` asks for `guilty` in between.
fn assert_nobody_else_suffers(guilty: &str, place: usize, size: &str) {
    let path = |client: usize, part: usize| format!("/{client}/{part}/{size}");
    let said: Vec<String> = (0..9)
        .map(|client| match client == place {
            true => get(&path(client, 0)) + &get(guilty) + &get(&path(client, 1)),
            false => get(&path(client, 0)) + &get(&path(client, 1)),
        })
        .collect();
    let mut crowd = Crowd::of(&said);
    crowd.run(Time::START);
    crowd.run(Time::START + SECOND * 2);
    let case = format!("{guilty}, asked by the one at {place} of nine, {size}");
    assert_eq!((crowd.panics, crowd.panicked()), (1, 1), "{case}");
    assert_eq!(crowd.engine.clients().len(), 8, "{case}");
    for (client, peer) in crowd.peers.iter().enumerate() {
        assert!(!sent(peer).contains("what must never be sent"), "{case}");
        assert_eq!(peer.is_reset(), client == place, "{case}");
        if client != place {
            let own = [path(client, 0), path(client, 1)];
            assert_eq!(answered(peer).unwrap(), own, "{case}");
        }
    }
    // They are served on, and so is whoever comes next.
    for peer in &crowd.peers {
        peer.say(get("/again"));
    }
    let newcomer = Pipe::new();
    newcomer.say(get("/new"));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let id = crowd.engine.clients_mut().admit(newcomer.stream(), address, Time::START + SECOND * 2);
    crowd.engine.clients_mut().note(id, Readiness::READABLE);
    crowd.run(Time::START + SECOND * 100);
    assert_eq!(answered(&newcomer).unwrap(), ["/new"], "{case}");
    for (client, peer) in crowd.peers.iter().enumerate().filter(|(client, _)| *client != place) {
        let own = [path(client, 0), path(client, 1), "/again".to_owned()];
        assert_eq!(answered(peer).unwrap(), own, "{case}");
    }
}

#[test]
fn whoever_panics_for_one_client_of_a_batch_harms_nobody_else() {
    for guilty in ["/panic", "/half", "/whole", "/source", "/source-at-once"] {
        for place in 0..9 {
            assert_nobody_else_suffers(guilty, place, "small");
        }
        assert_nobody_else_suffers(guilty, 4, "large");
    }
}

#[test]
fn a_batch_in_which_every_answer_panics_resets_each_client() {
    let mut crowd = Crowd::of(&vec![get("/panic"); 100]);
    crowd.run(Time::START);
    assert_eq!((crowd.panics, crowd.panicked(), crowd.engine.clients().len()), (100, 100, 0));
    assert!(crowd.peers.iter().all(|peer| peer.is_reset() && peer.sent().is_empty()));
}

#[test]
fn a_panic_over_a_fault_resets_its_client() {
    let said = [get("/a"), "panic\r\n".to_owned(), get("/b"), "panic".to_owned()];
    let mut crowd = Crowd::of(&said);
    crowd.run(Time::START);
    assert_eq!((crowd.panics, crowd.engine.clients().len()), (1, 3));
    // The last one's head stalls: its deadline asks the handler.
    crowd.run(Time::START + Timeouts::default().head * 2);
    assert_eq!((crowd.panics, crowd.panicked()), (2, 2));
    assert_eq!(answered(&crowd.peers[0]).unwrap(), ["/a"]);
    assert_eq!(answered(&crowd.peers[2]).unwrap(), ["/b"]);
    assert_eq!((sent(&crowd.peers[1]), sent(&crowd.peers[3])), (String::new(), String::new()));
}

/// Wherever in a session an observer panics, the session goes on as if it had not.
#[test]
fn an_observer_that_panics_keeps_nobody_from_being_served() {
    for nth in 0..60 {
        let said: Vec<String> = (0..4).map(|client| get(&format!("/{client}"))).collect();
        let mut crowd = Crowd::of(&said);
        let mut events = 0;
        crowd.tracer.observe(Box::new(move |_: &Event| {
            events += 1;
            if events == nth {
                break_down()
            }
        }));
        crowd.run(Time::START);
        assert_eq!(crowd.panicked(), 0);
        for (client, peer) in crowd.peers.iter().enumerate() {
            assert_eq!(answered(peer).unwrap(), [format!("/{client}")], "event {nth}");
        }
        crowd.run(Time::START + Timeouts::default().idle * 2);
        assert_eq!(crowd.engine.clients().len(), 0, "event {nth}");
        assert!(crowd.panics <= 1, "event {nth}");
    }
}

/// Streams without end, in chunks or up to the end of the connection, or is large, or small.
fn unfinished(request: &Request<'_>, reply: Reply<'_>) -> Sent {
    match request.path() {
        "/stream" => reply.stream(|piece: &mut Piece<'_>| {
            piece.append("part");
            Next::After(PATIENCE * 10)
        }),
        "/large" => reply.send(vec![b'x'; 50 << 20]),
        _ => reply.send("small"),
    }
}

#[test]
fn dropping_a_server_resets_answers_that_are_not_whole() {
    let mut server = Server::bind(&config(), unfinished).unwrap();
    let address = server.local_addrs()[0];
    let says = [
        get("/stream"),
        "GET /stream HTTP/1.0\r\n\r\n".to_owned(),
        get("/large"),
        get("/small"),
        get("/small")[..10].to_owned(),
    ];
    let mut clients = says.map(|says| {
        let mut client = Client::connect(address);
        client.send(says);
        client
    });
    let deadline = Instant::now() + PATIENCE;
    let waits = |server: &Server<_>| server.metrics().receives < 5 || server.metrics().sends < 4;
    while waits(&server) && Instant::now() < deadline {
        assert!(server.turn(Some(Duration::from_millis(10))).unwrap().is_continue());
    }
    drop(server);
    let ends = clients.each_mut().map(Client::end_after_anything);
    assert_eq!(ends, [End::Reset, End::Reset, End::Reset, End::Closed, End::Closed]);
}

/// The panic leaves `run`. Whether the program calls it again or not, the answer does not look whole.
#[test]
fn a_panic_that_leaves_the_loop_resets_its_client() {
    let mut server = Server::bind(&config(), Fragile).unwrap();
    let address = server.local_addrs()[0];
    let mut clients = ["/half", "/a"].map(|path| {
        let mut client = Client::connect(address);
        client.send(get(path));
        client
    });
    assert!(panic::catch_unwind(AssertUnwindSafe(|| server.run())).is_err());
    assert_eq!(clients[0].end(), End::Reset);
    let deadline = Instant::now() + PATIENCE;
    while !clients[1].hears_now() && Instant::now() < deadline {
        assert!(server.turn(Some(Duration::from_millis(10))).unwrap().is_continue());
    }
    assert_eq!(clients[1].answer().text(), "/a");
    assert_eq!(server.metrics().closed(CloseReason::HandlerPanicked), 1);
}
