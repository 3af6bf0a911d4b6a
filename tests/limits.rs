//! Every limit and every timeout that a client can meet, over real connections.
//!
//! Each limit is met at max−1, max and max+1; each timeout must come neither before its time nor
//! much later. Every other timeout is an hour long then, so that only the one in question can be
//! what is seen.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use oneloop::config::FIELDS_CAPACITY;
use oneloop::handlers::FixedText;
use oneloop::{CloseReason, Config, Limits, Reply, Request, Stopped};

#[path = "support/chunks.rs"]
mod chunks;
#[path = "support/sockets.rs"]
mod sockets;

use sockets::{Background, Client, End, assert_punctual, config, drip, get};

/// Short enough to wait for, long enough to tell from "at once".
const SHORT: Duration = Duration::from_millis(300);

/// Between two bytes of a client that drips.
const DRIP: Duration = Duration::from_millis(20);

/// More than the kernel's buffers on both sides hold.
const LARGE: usize = 16 * 1024 * 1024;

/// A server that answers every request with a text, and everything else with an error.
fn strict(config: &Config) -> Background {
    Background::start(config, FixedText::new(*b"hello\n").strict())
}

/// A server that answers with the length of the request's content.
fn measuring(config: &Config) -> Background {
    Background::start(config, |request: &Request<'_>, reply: Reply<'_>| {
        reply.send(&request.body().len().to_string())
    })
}

/// A server that answers with [`LARGE`] bytes to `/large`, and with the path to everything else.
fn large(config: &Config) -> Background {
    let body: Arc<[u8]> = vec![b'x'; LARGE].into();
    Background::start(config, move |request: &Request<'_>, reply: Reply<'_>| match request.path() {
        "/large" => reply.send(&body),
        path => reply.send(path),
    })
}

fn limited(change: impl FnOnce(&mut Limits)) -> Config {
    let mut config = config();
    change(&mut config.limits);
    config
}

/// The status that `request` is answered with on a connection of its own. After 200 the
/// connection goes on; after anything else it ends in order, once we end our side.
fn status_of(server: &Background, request: &str) -> u16 {
    let mut client = server.connect();
    client.send(request);
    let answer = client.answer();
    if answer.status == 200 {
        assert!(!answer.closes(), "{}", answer.head);
        assert_eq!(client.get("/").status, 200, "the connection goes on");
    } else {
        assert!(answer.closes(), "{}", answer.head);
        client.finish();
        assert_eq!(client.end(), End::Closed);
    }
    answer.status
}

fn with_head_of(bytes: usize) -> String {
    let around = "GET / HTTP/1.1\r\nHost: test\r\nX: \r\n\r\n".len();
    format!("GET / HTTP/1.1\r\nHost: test\r\nX: {}\r\n\r\n", "x".repeat(bytes - around))
}

fn posted(fields: &str, content: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: test\r\n{fields}\r\n{content}")
}

fn chunked(content: &str) -> String {
    posted("Transfer-Encoding: chunked\r\n", content)
}

#[test]
fn a_head_of_the_limit_is_answered_and_one_byte_more_is_431() {
    for max in [128, 1000, 16 * 1024, 64 * 1024] {
        let server = strict(&limited(|limits| {
            limits.head_bytes_max = max;
            limits.target_bytes_max = max / 2;
        }));
        for (bytes, status) in [(max - 1, 200), (max, 200), (max + 1, 431)] {
            assert_eq!(status_of(&server, &with_head_of(bytes)), status, "{bytes} of {max}");
        }
    }
}

#[test]
fn a_head_that_reaches_the_limit_without_ending_is_431_without_waiting_for_more() {
    let server = strict(&limited(|limits| {
        limits.head_bytes_max = 128;
        limits.target_bytes_max = 64;
    }));
    let request = with_head_of(200);
    let mut client = server.connect();
    client.send(&request[..127]);
    server.wait_until(|seen| seen.metrics.received_bytes == 127);
    assert!(!client.hears_now(), "127 bytes may still become a head");
    client.send(&request[127..128]);
    assert_eq!(client.answer().status, 431);
}

#[test]
fn a_target_of_the_limit_is_answered_and_one_byte_more_is_414() {
    for max in [10, 100, 8 * 1024] {
        let server = strict(&limited(|limits| limits.target_bytes_max = max));
        for (bytes, status) in [(max - 1, 200), (max, 200), (max + 1, 414)] {
            let request = get(&format!("/{}", "a".repeat(bytes - 1)));
            assert_eq!(status_of(&server, &request), status, "{bytes} of {max}");
        }
    }
}

#[test]
fn a_target_that_exceeds_the_limit_is_414_before_its_line_has_ended() {
    let server = strict(&limited(|limits| limits.target_bytes_max = 100));
    let mut client = server.connect();
    client.send(format!("GET /{}", "a".repeat(100)));
    assert_eq!(client.answer().status, 414);
}

#[test]
fn as_many_fields_as_the_limit_are_answered_and_one_more_is_431() {
    for max in [1, 8, 100, FIELDS_CAPACITY] {
        let server = strict(&limited(|limits| limits.fields_max = max));
        for (fields, status) in [(max - 1, 200), (max, 200), (max + 1, 431)] {
            // `Host` is one of them; HTTP/1.0 needs none.
            let request = match fields {
                0 => "GET / HTTP/1.0\r\n\r\n".to_owned(),
                _ => format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(fields - 1)),
            };
            let mut client = server.connect();
            client.send(request);
            assert_eq!(client.answer().status, status, "{fields} of {max}");
        }
    }
}

#[test]
fn a_declared_body_of_the_limit_is_answered_and_one_byte_more_is_413() {
    for max in [1, 1000, 1024 * 1024] {
        let server = measuring(&limited(|limits| limits.body_bytes_max = max));
        for bytes in [max - 1, max] {
            let mut client = server.connect();
            let fields = format!("Content-Length: {bytes}\r\n");
            client.send(posted(&fields, &"b".repeat(bytes)));
            assert_eq!(client.answer().text(), bytes.to_string());
            assert_eq!(client.get("/").text(), "0", "the connection goes on");
        }
        let too_long = posted(&format!("Content-Length: {}\r\n", max + 1), "");
        assert_eq!(status_of(&server, &too_long), 413);
    }
}

#[test]
fn a_body_limit_of_zero_takes_empty_bodies_only() {
    let server = measuring(&limited(|limits| limits.body_bytes_max = 0));
    assert_eq!(status_of(&server, &posted("Content-Length: 0\r\n", "")), 200);
    assert_eq!(status_of(&server, &chunked("0\r\n\r\n")), 200);
    assert_eq!(status_of(&server, &posted("Content-Length: 1\r\n", "")), 413);
    assert_eq!(status_of(&server, &chunked("1\r\n")), 413);
}

#[test]
fn a_length_that_no_integer_holds_is_refused() {
    let server = measuring(&config());
    for length in ["4294967296", "18446744073709551615"] {
        let request = posted(&format!("Content-Length: {length}\r\n"), "");
        assert_eq!(status_of(&server, &request), 413, "{length}");
    }
}

#[test]
fn a_refused_body_that_is_sent_all_the_same_does_not_destroy_the_answer() {
    let server = measuring(&config());
    let mut client = server.connect();
    let piece = vec![b'b'; 64 * 1024];
    let pieces = 500;
    assert!(pieces * piece.len() > 30 * Limits::default().body_bytes_max);
    client.send(posted(&format!("Content-Length: {}\r\n", pieces * piece.len()), ""));
    server.wait_until(|seen| seen.metrics.faults == 1);
    // The answer lies unread in our kernel; a reset would throw it away.
    for _ in 0..pieces {
        client.send(&piece);
    }
    client.finish();
    assert_eq!(client.answer().status, 413);
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_refused_body_that_comes_with_its_head_does_not_destroy_the_answer() {
    let server = measuring(&limited(|limits| limits.body_bytes_max = 1000));
    let mut client = server.connect();
    client.send(posted("Content-Length: 500000\r\n", &"b".repeat(500_000)));
    client.finish();
    assert_eq!(client.answer().status, 413);
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_chunked_body_of_the_limit_is_answered_and_one_byte_more_is_413() {
    for max in [1000, 1024 * 1024] {
        let server = measuring(&limited(|limits| limits.body_bytes_max = max));
        for bytes in [max - 1, max] {
            let content = chunks::chunked(&vec![b'c'; bytes], &[400, bytes - 400], "", "");
            let mut client = server.connect();
            client.send(chunked(str::from_utf8(&content).unwrap()));
            assert_eq!(client.answer().text(), bytes.to_string());
            assert_eq!(client.get("/").text(), "0", "the connection goes on");
        }
    }
}

#[test]
fn a_chunk_that_exceeds_the_body_limit_is_413_before_its_data_comes() {
    let server = measuring(&limited(|limits| limits.body_bytes_max = 1000));
    let first = format!("1f4\r\n{}\r\n", "c".repeat(500));
    assert_eq!(status_of(&server, &chunked(&format!("{first}1f5\r\n"))), 413);
    assert_eq!(status_of(&server, &chunked("3e9\r\n")), 413);
    assert_eq!(status_of(&server, &chunked("ffffffffffffffff\r\n")), 413);
}

#[test]
fn as_many_trailers_as_the_limit_are_taken_and_one_more_is_431() {
    let server = measuring(&limited(|limits| limits.fields_max = 8));
    for (trailers, status) in [(7, 200), (8, 200), (9, 431)] {
        let content = format!("1\r\nc\r\n0\r\n{}\r\n", "X: y\r\n".repeat(trailers));
        assert_eq!(status_of(&server, &chunked(&content)), status, "{trailers}");
    }
}

#[test]
fn trailers_as_long_as_a_head_may_be_are_taken_and_one_byte_more_is_431() {
    let server = measuring(&limited(|limits| {
        limits.head_bytes_max = 1000;
        limits.target_bytes_max = 100;
    }));
    for (bytes, status) in [(999, 200), (1000, 200), (1001, 431)] {
        let trailers = format!("X: {}\r\n\r\n", "y".repeat(bytes - "X: \r\n\r\n".len()));
        assert_eq!(trailers.len(), bytes);
        assert_eq!(status_of(&server, &chunked(&format!("0\r\n{trailers}"))), status, "{bytes}");
    }
}

#[test]
fn a_chunk_size_line_of_256_bytes_is_taken_and_one_more_is_400() {
    let server = measuring(&config());
    for (bytes, status) in [(255, 200), (256, 200), (257, 400)] {
        let line = format!("1;{}\r", "e".repeat(bytes - "1;\r".len()));
        let content = format!("{line}\nc\r\n0\r\n\r\n");
        assert_eq!(status_of(&server, &chunked(&content)), status, "{bytes}");
    }
}

#[test]
fn chunk_extensions_that_together_exceed_a_heads_limit_are_400() {
    let server = measuring(&limited(|limits| {
        limits.head_bytes_max = 1000;
        limits.target_bytes_max = 100;
    }));
    let chunk = format!("1;{}\r\nc\r\n", "e".repeat(99));
    assert_eq!(status_of(&server, &chunked(&format!("{}0\r\n\r\n", chunk.repeat(9)))), 200);
    assert_eq!(status_of(&server, &chunked(&format!("{}0\r\n\r\n", chunk.repeat(11)))), 400);
}

#[test]
fn ten_thousand_pipelined_requests_are_answered_in_order() {
    let server = large(&config());
    let mut client = server.connect();
    let requests: String = (0..10_000).map(|number| get(&format!("/{number}"))).collect();
    let mut writer = client.writer();
    let writing = thread::spawn(move || writer.write_all(requests.as_bytes()));
    for number in 0..10_000 {
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (200, format!("/{number}").as_str()));
    }
    writing.join().unwrap().expect("all requests were taken");
    assert_eq!(server.wait_until(|seen| seen.metrics.requests == 10_000).clients, 1);
}

#[test]
fn ten_thousand_pipelined_requests_whose_answers_wait_unread_are_answered_in_order() {
    let server = large(&limited(|limits| limits.output_bytes_high_water = 1024));
    let mut client = server.connect();
    let requests: String = (0..10_000).map(|number| get(&format!("/{number}"))).collect();
    let mut writer = client.writer();
    let writing = thread::spawn(move || writer.write_all(requests.as_bytes()));
    // The first answers are there, and nobody has read one.
    server.wait_until(|seen| seen.metrics.requests >= 100);
    for number in 0..10_000 {
        assert_eq!(client.answer().text(), format!("/{number}"));
    }
    writing.join().unwrap().expect("all requests were taken");
}

#[test]
fn answers_are_sent_before_the_next_request_once_they_reach_the_high_water_mark() {
    let body = "b".repeat(1000);
    let answer_bytes = {
        let server = Background::start(&config(), FixedText::new(body.clone().into_bytes()));
        let answer = server.connect().get("/");
        answer.head.len() + answer.body.len()
    };
    let two = 2 * answer_bytes;
    for (mark, sends) in [(two + 1, 2), (two, 3), (two - 1, 3)] {
        let config = limited(|limits| limits.output_bytes_high_water = mark);
        let server = Background::start(&config, FixedText::new(body.clone().into_bytes()));
        let mut client = server.connect();
        client.send(get("/").repeat(6));
        for _ in 0..6 {
            assert_eq!(client.answer().status, 200);
        }
        let metrics = server.wait_until(|seen| seen.metrics.requests == 6).metrics;
        assert_eq!(metrics.sends, sends, "with the mark at {mark} and answers of {answer_bytes}");
    }
}

#[test]
fn the_smallest_budgets_serve_everybody_all_the_same() {
    let mut config = limited(|limits| {
        limits.turn_bytes_max = 1024;
        limits.accepts_per_turn_max = 1;
        limits.deadlines_per_turn_max = 1;
    });
    config.timeouts.idle = SHORT;
    let server = large(&config);
    let mut clients: Vec<Client> = (0..50).map(|_| server.connect()).collect();
    let began = Instant::now();
    for (number, client) in clients.iter_mut().enumerate() {
        let path = format!("/{number}/{}", "p".repeat(4000));
        client.send(get(&path).repeat(3));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        for _ in 0..3 {
            assert!(client.answer().text().starts_with(&format!("/{number}/p")));
        }
    }
    for client in &mut clients {
        assert_eq!(client.end(), End::Closed);
    }
    assert_punctual(began.elapsed(), SHORT);
    server.wait_until(|seen| seen.metrics.closed(CloseReason::IdleTimeout) == 50);
}

#[test]
fn at_the_client_limit_the_longest_idle_is_closed_to_admit_the_next() {
    let server = large(&limited(|limits| limits.clients_max = Some(3)));
    let mut clients: Vec<Client> = Vec::new();
    for number in 0..3 {
        clients.push(server.connect());
        assert_eq!(clients[number].get("/in").text(), "/in");
    }
    let seen = server.wait_until(|seen| seen.metrics.requests == 3);
    assert_eq!((seen.clients, seen.metrics.closed_total()), (3, 0), "up to the limit all stay");
    for number in 3..6 {
        clients.push(server.connect());
        assert_eq!(clients[number].get("/in").text(), "/in");
        assert_eq!(clients[number - 3].end(), End::Closed, "number {} had to go", number - 3);
        for (other, client) in clients.iter().enumerate().skip(number - 2) {
            assert!(!client.hears_now(), "number {other} had not to go");
        }
    }
    let seen = server.wait_until(|seen| seen.metrics.requests == 6);
    assert_eq!((seen.clients, seen.metrics.closed(CloseReason::Evicted)), (3, 3));
}

#[test]
fn whoever_never_said_anything_is_evicted_like_the_idle() {
    let server = large(&limited(|limits| limits.clients_max = Some(2)));
    let mut silent = server.connect();
    server.wait_until(|seen| seen.clients == 1);
    let mut kept = server.connect();
    assert_eq!(kept.get("/a").text(), "/a");
    assert_eq!(server.connect().get("/b").text(), "/b");
    assert_eq!(silent.end(), End::Closed);
    assert_eq!(kept.get("/c").text(), "/c");
}

#[test]
fn a_client_that_goes_on_asking_is_not_the_longest_idle() {
    let mut config = limited(|limits| limits.clients_max = Some(2));
    config.timeouts.idle = Duration::from_secs(20);
    let server = large(&config);
    let mut busy = server.connect();
    assert_eq!(busy.get("/first").status, 200);
    let mut idle = server.connect();
    assert_eq!(idle.get("/second").status, 200);
    // A renewal within 1/64 of the timeout is not noted, so it has to ask for longer than that.
    let began = Instant::now();
    while began.elapsed() < 2 * config.timeouts.idle / 64 {
        assert_eq!(busy.get("/again").status, 200);
    }
    assert_eq!(server.connect().get("/third").status, 200);
    assert_eq!(idle.end(), End::Closed);
    assert_eq!(busy.get("/again").status, 200);
}

#[test]
fn whoever_is_in_the_middle_of_a_request_is_not_closed_for_another() {
    let server = large(&limited(|limits| limits.clients_max = Some(4)));
    let mut in_head = server.connect();
    in_head.send("GET /head HT");
    let mut in_body = server.connect();
    in_body.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
    let mut in_answer = server.connect();
    in_answer.ask("/large");
    server.wait_until(|seen| seen.metrics.accepted == 3 && seen.metrics.requests == 1);
    let mut idle = server.connect();
    assert_eq!(idle.get("/idle").text(), "/idle");

    let mut next = server.connect();
    assert_eq!(next.get("/next").text(), "/next");
    assert_eq!(idle.end(), End::Closed, "it alone had nothing to wait for");

    in_head.send("TP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(in_head.answer().text(), "/head");
    in_body.send("dy");
    assert_eq!(in_body.answer().text(), "/body");
    assert_eq!(in_answer.answer().body.len(), LARGE);
}

/// A server for two clients at the most, and the two, who have both sent `GET /a H`.
fn crowded() -> (Background, [Client; 2]) {
    let server = large(&limited(|limits| limits.clients_max = Some(2)));
    let clients = [(); 2].map(|()| {
        let mut client = server.connect();
        client.send("GET /a H");
        client
    });
    server.wait_until(|seen| seen.metrics.received_bytes == 16);
    (server, clients)
}

/// A third client's request has reached the server's kernel, and `poke` the server's loop.
fn assert_waits(server: &Background, third: &Client, poke: &mut Client) {
    // What the loop does with this happens in a turn that could also have accepted.
    let before = server.seen();
    poke.send("T");
    let seen = server.wait_until(|it| it.metrics.received_bytes > before.metrics.received_bytes);
    assert_eq!((seen.clients, seen.metrics.accepted), (2, 2));
    assert!(!third.hears_now());
}

#[test]
fn when_nobody_is_idle_the_next_client_waits_until_somebody_leaves() {
    let (server, [mut first, mut second]) = crowded();
    let mut third = server.connect();
    third.ask("/third");
    assert_waits(&server, &third, &mut first);
    drop(first);
    assert_eq!(third.answer().text(), "/third");
    second.send("TTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(second.answer().text(), "/a");
}

#[test]
fn when_nobody_is_idle_the_next_client_waits_until_somebody_is_done() {
    let (server, [mut first, mut second]) = crowded();
    let mut third = server.connect();
    third.ask("/third");
    assert_waits(&server, &third, &mut first);
    second.send("TTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(second.answer().text(), "/a");
    assert_eq!(third.answer().text(), "/third");
    assert_eq!(second.end(), End::Closed, "it had become idle, and made room");
}

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

/// Begins to post 5,000 bytes of content; the first of them has arrived.
fn begin_body(server: &Background) -> Client {
    let mut client = server.connect();
    client.send(posted("Content-Length: 5000\r\n", "b"));
    client
}

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
    server.handle().stop();
    assert_eq!(server.stopped(), Stopped::CutOff);
    assert_punctual(began.elapsed(), SHORT);
    assert_ne!(server.seen().metrics.closed(CloseReason::CutOff), 0);
    client.end();
    assert!(TcpStream::connect(server.address()).is_err());
}
