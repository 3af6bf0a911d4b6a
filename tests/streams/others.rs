//! Who else is served while answers come over time, and how those end.

use super::*;

/// A client's budget for a turn is 1 MiB, and a piece counts for 1 KiB beside its bytes.
#[test]
fn endless_streams_do_not_keep_others_from_being_served() {
    let pieces_per_turn_max = 1024 * 1024 / (PIECE_BYTES + 1024) + 1;
    for (path, pieces_per_turn_max) in
        [("/lines/endless", pieces_per_turn_max), ("/bytes/endless", 1024)]
    {
        let server = server();
        let mut watcher = server.connect();
        watcher.ask(path);
        watcher.answer_head();
        let reader = thread::spawn(move || {
            while let Ok(1..) = watcher.receive(256 * 1024) {
                let _ = watcher.take_exactly(watcher.received_bytes());
            }
        });
        for _ in 0..20 {
            assert_eq!(server.connect().get("/other").status, 200);
        }
        let metrics = server.wait_until(|seen| seen.metrics.pieces > 1000).metrics;
        let most = metrics.turns * pieces_per_turn_max;
        assert!(metrics.pieces <= most, "{path}: {} in {} turns", metrics.pieces, metrics.turns);
        drop(server);
        reader.join().unwrap();
    }
}

#[test]
fn a_source_with_nothing_to_give_does_not_keep_the_loop_awake() {
    let server = server();
    let began = Instant::now();
    let mut watcher = server.connect();
    watcher.ask("/nothing/endless");
    watcher.answer_head();
    for _ in 0..20 {
        assert_eq!(server.connect().get("/other").status, 200);
    }
    let metrics = server.wait_until(|seen| seen.metrics.pieces >= 20).metrics;
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(18), "asked 20 times within {took:?}");
    let most = 2 + began.elapsed().as_millis() as u64;
    assert!(metrics.pieces <= most, "{} times within {took:?}", metrics.pieces);
    assert!(!watcher.hears_now());
}

#[test]
fn a_watcher_that_is_lost_while_its_source_pauses_is_let_go_at_once() {
    let (server, gate) = gated(&config(), HOUR);
    let mut client = server.connect();
    gate.gives("hello");
    client.ask("/gate");
    client.answer_head();
    assert_eq!(client.take_exactly(10), b"5\r\nhello\r\n");
    // What it sends meanwhile is left unread, and no reason to end.
    client.send(get("/more"));
    assert_eq!(server.connect().get("/other").status, 200);
    assert_eq!(server.wait_until(|seen| seen.clients == 1).metrics.closed_total(), 1);
    SockRef::from(&client.writer()).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    let seen = server.wait_until(|seen| seen.clients == 0);
    assert_eq!(seen.metrics.closed(CloseReason::Reset), 1);
    gate.assert_dropped();
}

#[test]
fn a_watcher_that_closed_is_let_go_with_the_next_pieces() {
    let (server, gate) = gated(&config(), Duration::from_millis(1));
    let mut client = server.connect();
    client.ask("/gate");
    client.answer_head();
    drop(client);
    // The first piece makes the peer's system answer with a reset.
    gate.gives("hello");
    let seen = server.wait_until(|seen| seen.clients == 0);
    assert_eq!(seen.metrics.closed(CloseReason::Reset), 1);
    gate.assert_dropped();
}

#[test]
fn a_client_that_has_closed_its_side_gets_the_whole_answer() {
    let server = server();
    let mut client = server.connect();
    client.ask("/drip");
    client.finish();
    let head = client.answer_head();
    assert_eq!(client.rest_to_the_end(head).text(), "one\ntwo\nthree\n");
    let seen = server.wait_until(|seen| seen.clients == 0);
    assert_eq!(seen.metrics.closed(CloseReason::PeerClosed), 1);
}

#[test]
fn a_stream_may_end_while_the_server_stops() {
    let (server, gate) = gated(&config(), Duration::from_millis(1));
    let mut idle = server.connect();
    assert_eq!(idle.get("/").status, 200);
    let mut client = server.connect();
    client.ask("/gate");
    client.answer_head();
    gate.gives("before");
    assert_eq!(client.take_exactly(11), b"6\r\nbefore\r\n");
    server.stop_handle().stop();
    assert_eq!(idle.end(), End::Closed);
    gate.gives("behind");
    assert_eq!(client.take_exactly(11), b"6\r\nbehind\r\n");
    assert_eq!(server.seen().stopped, None);
    gate.ends();
    assert_eq!(client.take_exactly(5), b"0\r\n\r\n");
    assert_eq!(client.end(), End::Closed);
    assert_eq!(server.stopped(), Stopped::Drained);
}

#[test]
fn a_stream_that_outlives_the_drain_is_cut_off_by_a_reset() {
    for pause in [Duration::from_millis(1), HOUR] {
        let mut config = config();
        config.timeouts.drain = DRIP;
        let (server, gate) = gated(&config, pause);
        let mut client = server.connect();
        // To HTTP/1.0 the end of the connection would be the end of the body.
        client.send(old("/gate"));
        client.answer_head();
        server.stop_handle().stop();
        assert_eq!(server.stopped(), Stopped::CutOff);
        assert_eq!(client.end_after_anything(), End::Reset);
        assert_eq!(server.seen().metrics.closed(CloseReason::CutOff), 1);
        gate.assert_dropped();
    }
}

#[test]
fn whoever_pauses_is_not_idle_and_not_evicted() {
    let mut config = config();
    config.limits.clients_max = Some(2);
    let (server, gate) = gated(&config, Duration::from_millis(1));
    let mut watcher = server.connect();
    watcher.ask("/gate");
    watcher.answer_head();
    let mut idle = server.connect();
    assert_eq!(idle.get("/").status, 200);
    assert_eq!(server.connect().get("/").status, 200, "the idle one had to go");
    assert_eq!(idle.end(), End::Closed);
    gate.gives("still here");
    assert_eq!(watcher.take_exactly(15), b"a\r\nstill here\r\n");
    gate.ends();
    assert_eq!(watcher.take_exactly(5), b"0\r\n\r\n");
}

#[test]
fn more_sources_are_due_at_once_than_one_turn_asks_and_all_are_asked() {
    let mut config = config();
    config.limits.deadlines_per_turn_max = 3;
    let server = Background::start(&config, |request: &Request<'_>, reply: Reply<'_>| {
        answer(request.path(), reply)
    });
    let mut clients: Vec<Client> = (0..100).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.ask("/drip/sized");
    }
    for client in &mut clients {
        assert_eq!(client.answer().text(), "one\ntwo\nthree\n");
    }
    let seen = server.wait_until(|seen| seen.metrics.pieces >= 300);
    assert_eq!(seen.metrics.pieces, 300);
}

/// A panic is a bug of the handler's author, and nothing that a loop could go on from.
#[test]
fn a_panic_of_a_source_is_one_of_its_handler() {
    fn in_handler(_: &Request<'_>, _: Reply<'_>) -> Sent {
        panic!("on purpose")
    }
    fn in_source(_: &Request<'_>, reply: Reply<'_>) -> Sent {
        let mut asked = false;
        reply.stream(move |_: &mut Piece<'_>| {
            assert!(!asked, "on purpose");
            asked = true;
            Next::More
        })
    }
    fn panics(handler: impl Handler) -> bool {
        let mut server = Server::bind(&config(), handler).unwrap();
        let mut client = Client::connect(server.local_addrs()[0]);
        client.ask("/");
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let turn = || server.turn(Some(PATIENCE)).map(drop);
            if panic::catch_unwind(AssertUnwindSafe(turn)).is_err() {
                return true;
            }
        }
        false
    }
    assert!(panics(in_handler));
    assert!(panics(in_source));
}

/// What handlers and sources share needs a lock, because a server may be moved to another thread;
/// nobody ever waits for it.
#[test]
fn what_a_handler_learns_reaches_the_streams_that_are_open() {
    let news = Arc::new(Mutex::new(Vec::<String>::new()));
    let server = Background::start(&config(), move |request: &Request<'_>, reply: Reply<'_>| {
        if request.path() != "/watch" {
            news.lock().unwrap().push(request.path().to_owned());
            return reply.send("told");
        }
        let (news, mut told) = (Arc::clone(&news), 0);
        reply.stream(move |piece: &mut Piece<'_>| {
            for line in &news.lock().unwrap()[told..] {
                piece.append(line);
                told += 1;
            }
            Next::After(Duration::from_millis(1))
        })
    });
    let (mut client, mut other) = (server.connect(), server.connect());
    client.ask("/watch");
    client.answer_head();
    for path in ["/a", "/b"] {
        assert_eq!(other.get(path).text(), "told");
        assert_eq!(client.take_exactly(7), format!("2\r\n{path}\r\n").as_bytes());
    }
}
