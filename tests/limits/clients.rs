//! How much is done for one client before another, and how many clients there may be.

use super::*;

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
