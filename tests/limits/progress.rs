//! The time for content and for answers, and the progress that renews it.

use super::*;

#[test]
fn a_body_that_stops_arriving_is_answered_408_after_the_body_timeout() {
    let mut config = config();
    config.timeouts.body = SHORT;
    let server = measuring(&config);
    for content in [posted("Content-Length: 9\r\n", ""), chunked("3\r\nab")] {
        let mut client = server.connect();
        let began = Instant::now();
        client.send(content);
        let answer = client.answer();
        assert_punctual(began.elapsed(), SHORT);
        assert!(answer.status == 408 && answer.closes(), "{}", answer.head);
        assert_eq!(client.end(), End::Closed);
    }
}

#[test]
fn a_body_that_makes_steady_progress_is_never_cut() {
    let mut config = config();
    config.timeouts.body = 2 * SHORT;
    let server = measuring(&config);
    let mut client = begin_body(&server);
    let began = Instant::now();
    // Five times the minimum of 500 bytes a second.
    for _ in 0..99 {
        client.send([b'b'; 50]);
        assert!(!client.hears_within(DRIP), "it was cut after {:?}", began.elapsed());
    }
    client.send([b'b'; 49]);
    assert_eq!(client.answer().text(), "5000");
    assert!(began.elapsed() > 3 * config.timeouts.body);
}

#[test]
fn a_body_below_the_minimal_progress_is_cut_after_the_body_timeout() {
    let mut config = config();
    config.timeouts.body = SHORT;
    let server = measuring(&config);
    let began = Instant::now();
    let mut client = begin_body(&server);
    // A tenth of the minimum of 500 bytes a second.
    drip(&mut client, b"b", DRIP);
    assert_punctual(began.elapsed(), SHORT);
    assert_eq!(client.answer().status, 408);
}

#[test]
fn the_minimal_progress_renews_a_bodys_deadline_and_one_byte_less_does_not() {
    let mut config = config();
    let timeout = Duration::from_secs(1);
    config.timeouts.body = timeout;
    config.limits.progress_bytes_per_second_min = 500;
    for (bytes, renewed) in [(499, false), (500, true), (501, true)] {
        let server = measuring(&config);
        let mut client = begin_body(&server);
        let began = Instant::now();
        assert!(!client.hears_within(timeout / 2));
        let progressed = Instant::now();
        client.send(vec![b'b'; bytes]);
        assert_eq!(client.answer().status, 408);
        match renewed {
            true => assert_punctual(progressed.elapsed(), timeout),
            false => assert!(progressed.elapsed() < timeout, "after {:?}", began.elapsed()),
        }
    }
}

#[test]
fn a_client_that_never_reads_a_large_answer_is_reset_after_the_write_timeout() {
    let mut config = config();
    config.timeouts.write = SHORT;
    let server = large(&config);
    let mut client = server.connect();
    let began = Instant::now();
    client.ask("/large");
    let seen = server.wait_until(|seen| seen.metrics.closed_total() == 1);
    assert_punctual(began.elapsed(), SHORT);
    assert_eq!(seen.metrics.closed(CloseReason::WriteTimeout), 1);
    assert_eq!(client.end_after_anything(), End::Reset);
    assert!(client.received_bytes() < LARGE);
}

/// Whether the kernel still has the server's side of the connection to `client`.
fn is_held(server: &Background, client: &Client) -> bool {
    let [ours, theirs] =
        [server.address(), client.writer().local_addr().unwrap()].map(|end| end.port());
    let (ours, theirs) = (format!(":{ours:04X}"), format!(":{theirs:04X}"));
    let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
    connections.lines().any(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let mut ends_with = |port: &str| columns.next().is_some_and(|end| end.ends_with(port));
        ends_with(&ours) && ends_with(&theirs)
    })
}

#[test]
fn an_answer_that_the_kernel_has_taken_and_nobody_reads_is_given_up() {
    let mut config = config();
    (config.timeouts.write, config.timeouts.idle) = (SHORT, SHORT);
    let body: Arc<[u8]> = vec![b'x'; 1024 * 1024].into();
    let server =
        Background::start(&config, move |_: &Request<'_>, reply: Reply<'_>| reply.send(&body));
    let mut client = server.connect();
    client.ask("/");
    // The send buffer takes all of it, so that to us the client is one that asks no more.
    let seen = server.wait_until(|seen| seen.metrics.closed_total() == 1);
    assert_eq!(seen.metrics.closed(CloseReason::IdleTimeout), 1);
    let closed = Instant::now();
    while is_held(&server, &client) {
        assert!(closed.elapsed() < sockets::PATIENCE, "the kernel keeps what nobody reads");
        thread::sleep(DRIP);
    }
    assert_eq!(client.end_after_anything(), End::Reset);
    assert!(client.received_bytes() < 1024 * 1024);
}

#[test]
fn a_client_that_reads_an_answer_steadily_above_the_minimum_is_never_reset() {
    let mut config = config();
    config.timeouts.write = Duration::from_secs(1);
    let server = large(&config);
    let mut client = server.connect();
    client.ask("/large");
    assert!(client.hears_within(sockets::PATIENCE));
    let began = Instant::now();
    // Two thousand times the minimum of 500 bytes a second, for four times the timeout.
    while began.elapsed() < 4 * config.timeouts.write {
        let received = client.receive(20 * 1024);
        let pace = began.elapsed();
        assert!(matches!(received, Ok(1..)), "{received:?} after {pace:?}");
        thread::sleep(DRIP);
    }
    assert_eq!(client.answer().body.len(), LARGE);
}
