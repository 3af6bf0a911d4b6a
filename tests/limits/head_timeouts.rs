//! The time for the first byte and for a head, and the grace of a client that types.

use super::*;

#[test]
fn whoever_never_sends_a_byte_is_closed_after_the_first_byte_timeout() {
    let mut config = config();
    config.timeouts.first_byte = SHORT;
    let server = strict(&config);
    let began = Instant::now();
    let mut client = server.connect();
    assert_eq!(client.end(), End::Closed);
    assert_punctual(began.elapsed(), SHORT);
    let seen = server.wait_until(|seen| seen.clients == 0);
    assert_eq!(seen.metrics.closed(CloseReason::FirstByteTimeout), 1);
}

#[test]
fn the_first_byte_timeout_is_over_with_the_first_byte() {
    let mut config = config();
    config.timeouts.first_byte = SHORT;
    let server = strict(&config);
    let mut client = server.connect();
    client.send("G");
    assert!(!client.hears_within(SHORT * 2));
    client.send("ET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    assert!(!client.hears_within(SHORT * 2), "between requests it is not the first byte");
    assert_eq!(client.get("/").status, 200);
}

#[test]
fn a_head_that_stops_arriving_is_answered_408_after_the_head_timeout() {
    let mut config = config();
    config.timeouts.head = SHORT;
    let server = strict(&config);
    let mut client = server.connect();
    let began = Instant::now();
    client.send("GET / HTTP/1.1\r\nHo");
    let answer = client.answer();
    assert_punctual(began.elapsed(), SHORT);
    assert!(answer.status == 408 && answer.closes(), "{}", answer.head);
    assert_eq!(client.end(), End::Closed);
    server.wait_until(|seen| seen.metrics.faults == 1);
}

#[test]
fn dripping_does_not_extend_the_heads_deadline() {
    for (beginning, dripped) in
        [("", "GETGET"), ("GET / HTTP/1.1\r\nHost: a\r\nX: ", "x"), ("\r\n", "\r\n")]
    {
        let mut config = config();
        config.timeouts.head = SHORT;
        let server = strict(&config);
        let mut client = server.connect();
        let began = Instant::now();
        client.send(beginning);
        drip(&mut client, dripped.as_bytes(), DRIP);
        assert_punctual(began.elapsed(), SHORT);
        assert_eq!(client.answer().status, 408);
    }
}

#[test]
fn a_second_requests_head_has_a_deadline_of_its_own() {
    let mut config = config();
    config.timeouts.head = SHORT;
    let server = strict(&config);
    let mut client = server.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/").status, 200);
        assert!(!client.hears_within(SHORT * 2 / 3));
    }
    // Its beginning comes along with a whole request.
    let began = Instant::now();
    client.send(get("/") + "GET / H");
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.answer().status, 408);
    assert_punctual(began.elapsed(), SHORT);
}

/// A server that gives the text to everybody, also to those who only began to type.
fn lenient(head: Duration, typing_grace: Duration) -> Background {
    let mut config = config();
    config.timeouts.head = head;
    config.timeouts.typing_grace = Some(typing_grace);
    Background::start(&config, FixedText::new(*b"hello\n"))
}

#[test]
fn whoever_stops_typing_gets_the_text_after_the_typing_grace() {
    for typed in ["h", "hello", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX"] {
        let server = lenient(Duration::from_secs(60), SHORT);
        let mut client = server.connect();
        let began = Instant::now();
        client.send(typed);
        let answer = client.answer();
        assert_punctual(began.elapsed(), SHORT);
        assert_eq!((answer.status, answer.text()), (200, "hello\n"), "{typed}");
        assert!(answer.closes());
        assert_eq!(client.end(), End::Closed);
    }
}

#[test]
fn pauses_shorter_than_the_typing_grace_make_one_request() {
    let grace = Duration::from_secs(1);
    let server = lenient(Duration::from_secs(60), grace);
    let mut client = server.connect();
    let began = Instant::now();
    for piece in ["GE", "T / H", "TTP/1.", "1\r\nHos", "t: a\r\n", "Accept: *", "/*\r\n"] {
        client.send(piece);
        assert!(!client.hears_within(grace / 4), "it was answered before its end");
    }
    client.send("\r\n");
    let answer = client.answer();
    assert!(began.elapsed() > grace, "all pauses together are longer than the grace");
    assert!(answer.status == 200 && !answer.closes(), "{}", answer.head);
    assert_eq!(server.wait_until(|seen| seen.metrics.requests == 1).metrics.faults, 0);
}

#[test]
fn a_dripper_with_a_typing_grace_is_gone_by_the_heads_deadline() {
    let head = 3 * SHORT;
    let server = lenient(head, SHORT);
    let mut client = server.connect();
    let began = Instant::now();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
    drip(&mut client, b"x", DRIP);
    assert_punctual(began.elapsed(), head - SHORT);
    assert!(began.elapsed() <= head + head / 64 + sockets::SLACK);
    assert_eq!(client.answer().text(), "hello\n");
}
