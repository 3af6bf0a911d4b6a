//! Stopping: whom it lets finish, whom it cuts off, and what becomes of the port.

use super::*;

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

    server.stop_handle().stop();
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
    server.stop_handle().stop();
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
    server.stop_handle().stop();
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
    server.stop_handle().stop();
    held.let_go();
    assert_eq!(holder.answer().text(), "/wait");
    let answer = kept.answer();
    assert!(answer.text() == "/waiting" && answer.closes(), "{}", answer.head);
    assert_eq!((kept.end(), holder.end()), (End::Closed, End::Closed));
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
    server.stop_handle().stop();
    held.let_go();
    assert_eq!(holder.answer().text(), "/wait");
    for (number, client) in queued.iter_mut().enumerate() {
        let answer = client.answer();
        assert!(answer.text() == format!("/{number}") && answer.closes(), "{}", answer.head);
        assert_eq!(client.end(), End::Closed);
    }
    assert_eq!(holder.end(), End::Closed);
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
    server.stop_handle().stop();
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
    server.stop_handle().stop();
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
    server.stop_handle().stop();
    // Two stops before the first is acted on would be one.
    server.wait_until(|seen| seen.is_closed);
    server.stop_handle().stop();
    assert_eq!(server.stopped(), Stopped::CutOff);
    client.end();
    assert_eq!(server.seen().metrics.closed(CloseReason::CutOff), 1);
}

#[test]
fn stopping_a_server_without_clients_ends_it_and_frees_its_port() {
    let server = Background::start(&config(), path);
    let address = server.address();
    server.stop_handle().stop();
    assert_eq!(server.stopped(), Stopped::Drained);
    let mut again = config();
    again.listen = vec![Listen::at(address)];
    let second = Background::start(&again, path);
    assert_eq!(second.connect().get("/again").text(), "/again");
}

#[test]
fn a_handle_that_outlives_its_server_does_nothing() {
    let server = Background::start(&config(), path);
    let handle = server.stop_handle().clone();
    drop(server);
    handle.stop();
}
