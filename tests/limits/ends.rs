//! How long a connection stays that has nothing more to do: idle, lingering, draining.

use super::*;

#[test]
fn after_a_fault_so_many_bytes_are_listened_to_and_one_more_closes() {
    let max = 10_000;
    for (bytes, clients) in [(max - 1, 1), (max, 1), (max + 1, 0)] {
        let server = strict(&limited(|limits| limits.linger_bytes_max = max));
        let mut client = server.connect();
        client.send("nonsense\r\n");
        assert_eq!(client.answer().status, 400);
        assert_eq!(client.servers_end(), End::Closed, "our side's end follows the answer");
        let before = server.wait_until(|seen| seen.metrics.faults == 1).metrics.received_bytes;
        client.send(vec![b'n'; bytes]);
        let all = before + bytes as u64;
        let seen = server.wait_until(|seen| seen.metrics.received_bytes == all);
        assert_eq!(seen.clients, clients, "after {bytes} of {max}");
    }
}

#[test]
fn a_kept_connection_is_closed_after_the_idle_timeout() {
    let mut config = config();
    config.timeouts.idle = SHORT;
    let server = strict(&config);
    let mut client = server.connect();
    for _ in 0..3 {
        let began = Instant::now();
        assert_eq!(client.get("/").status, 200);
        let heard = client.hears_within(SHORT / 2);
        assert!(!heard || began.elapsed() >= SHORT, "closed after {:?}", began.elapsed());
    }
    let began = Instant::now();
    assert_eq!(client.get("/").status, 200);
    assert_eq!(client.end(), End::Closed);
    assert_punctual(began.elapsed(), SHORT);
    let seen = server.wait_until(|seen| seen.clients == 0);
    assert_eq!(seen.metrics.closed(CloseReason::IdleTimeout), 1);
}

#[test]
fn the_idle_timeout_does_not_run_during_a_request() {
    let mut config = config();
    config.timeouts.idle = SHORT;
    let server = large(&config);
    let mut client = server.connect();
    assert_eq!(client.get("/first").status, 200);
    client.send("GET /second HTTP/1.1\r\nHost:");
    assert!(!client.hears_within(SHORT * 2));
    client.send(" a\r\n\r\n");
    assert_eq!(client.answer().text(), "/second");
    client.ask("/large");
    server.wait_until(|seen| seen.metrics.requests == 3);
    assert!(client.hears_within(sockets::PATIENCE));
    thread::sleep(SHORT * 2);
    assert_eq!(client.answer().body.len(), LARGE, "an answer not yet taken is no idleness");
}

#[test]
fn empty_lines_between_requests_do_not_extend_the_idle_timeout() {
    let mut config = config();
    config.timeouts.idle = SHORT;
    let server = strict(&config);
    let mut client = server.connect();
    let began = Instant::now();
    assert_eq!(client.get("/").status, 200);
    while !client.hears_within(DRIP) {
        // The server may be gone before we have heard of it.
        let _ = client.try_send("\r\n");
        assert!(began.elapsed() < sockets::PATIENCE);
    }
    assert_punctual(began.elapsed(), SHORT);
}

#[test]
fn lingering_ends_after_its_timeout_whether_or_not_the_peer_goes_on_sending() {
    for dripping in [&b""[..], b"n"] {
        let mut config = config();
        config.timeouts.linger = SHORT;
        let server = strict(&config);
        let mut client = server.connect();
        let began = Instant::now();
        client.send("nonsense\r\n");
        let answer = client.answer();
        assert_eq!(answer.status, 400);
        assert_eq!(client.servers_end(), End::Closed, "our side's end follows the answer at once");
        assert!(server.seen().clients == 1 || began.elapsed() >= SHORT);
        while server.seen().clients == 1 && !dripping.is_empty() {
            // The server may be gone before we have heard of it.
            let _ = client.try_send(dripping);
            thread::sleep(DRIP);
            assert!(began.elapsed() < sockets::PATIENCE);
        }
        server.wait_until(|seen| seen.metrics.closed_total() == 1);
        assert_punctual(began.elapsed(), SHORT);
    }
}

#[test]
fn a_peer_that_has_said_all_it_will_is_not_lingered_for() {
    let server = strict(&config());
    let mut client = server.connect();
    client.send("nonsense\r\n");
    client.finish();
    assert_eq!(client.answer().status, 400);
    // The timeout is an hour.
    server.wait_until(|seen| seen.metrics.closed_total() == 1);
}

#[test]
fn draining_ends_after_its_timeout_and_cuts_off_whoever_is_left() {
    let mut config = config();
    config.timeouts.drain = SHORT;
    let server = measuring(&config);
    let mut client = begin_body(&server);
    server.wait_until(|seen| seen.metrics.received_bytes > 0);
    let began = Instant::now();
    server.stop_handle().stop();
    assert_eq!(server.stopped(), Stopped::CutOff);
    assert_punctual(began.elapsed(), SHORT);
    assert_ne!(server.seen().metrics.closed(CloseReason::CutOff), 0);
    client.end();
    assert!(TcpStream::connect(server.address()).is_err());
}
