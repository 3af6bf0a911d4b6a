//! A loop, addresses and handlers of an embedder's own.

use super::*;

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

    server.stop_handle().stop();
    let deadline = Instant::now() + PATIENCE;
    let stopped = loop {
        if let ControlFlow::Break(stopped) = server.turn(Some(wait)).expect("a healthy poll") {
            break stopped;
        }
        if client.hears_now() {
            assert_eq!(client.end(), End::Closed);
        }
        assert!(Instant::now() < deadline, "it never stops");
    };
    assert_eq!(stopped, Stopped::Drained);
    assert!(server.local_addrs().is_empty());
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
        Listen::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        Listen::at(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0))),
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
    server.stop_handle().stop();
    assert!(clients.iter_mut().all(|client| client.end() == End::Closed));
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

/// A handler that has as many files open as its list names, and reads the list again.
struct Listed {
    now: usize,
    list: Result<usize, &'static str>,
}

impl Handler for Listed {
    fn handle(&mut self, _: &Request<'_>, reply: Reply<'_>) -> Sent {
        reply.send("")
    }

    fn needs(&mut self, _: usize) -> Needs {
        let mut needs = Needs::default();
        needs.files = self.now;
        needs
    }

    fn reload(&mut self) -> Reloaded {
        match self.list {
            Ok(files) => {
                self.now = files;
                // The next time it cannot be read.
                self.list = Err("no list");
                Reloaded::Done("the list".into())
            }
            Err(reason) => Reloaded::Failed(reason.into()),
        }
    }
}

#[test]
fn a_handler_that_has_read_other_things_again_is_asked_anew_what_it_needs() {
    for (before, after) in [(0, 100), (100, 0)] {
        let mut config = config();
        let listed = |config: &Config| {
            let handler = Listed { now: before, list: Ok(after) };
            Server::bind(config, handler).expect("loopback has free ports")
        };
        let mut server = listed(&config);
        let clients_max = server.clients_max();
        assert_eq!(server.files_max(), before);
        assert!(matches!(server.reload(), Reloaded::Done(_)));
        assert_eq!(server.files_max(), after);
        assert_eq!(server.clients_max() + after, clients_max + before);
        assert!(matches!(server.reload(), Reloaded::Failed(_)));
        assert_eq!(server.files_max(), after);
        // A limit of the program's own still holds.
        config.limits.clients_max = Some(10);
        let mut server = listed(&config);
        assert!(matches!(server.reload(), Reloaded::Done(_)));
        assert_eq!((server.clients_max(), server.files_max()), (10, after));
    }
}
