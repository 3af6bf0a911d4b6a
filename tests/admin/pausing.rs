//! Pause, step, slow motion: the public stands still, and nothing is lost.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use oneloop::config::{AdminListener, Reach};
use oneloop::{Next, Piece, Reply, Request, Stopped};

use super::figures::state;
use super::sockets::{self, Background, Client};
use super::watcher::Watcher;
use super::{ask, shown};

/// What the server does with this order.
fn order(server: &Background, path: &str) {
    let answer = ask(server, &format!("POST {path}"), &[]);
    assert_eq!(answer.status, 204, "{path}");
}

/// Whether this client hears nothing for as long as several turns take.
fn is_left_alone(client: &mut Client) -> bool {
    !client.hears_within(Duration::from_millis(150))
}

#[test]
fn orders_need_a_post_of_our_own_page_or_of_no_page() {
    let server = shown(|_| ());
    for path in ["/pause", "/resume", "/step", "/slow?interval_ms=300"] {
        let get = ask(&server, &format!("GET {path}"), &[]);
        assert_eq!((get.status, get.field("Allow")), (405, Some("POST")), "{path}");
        for field in [
            "Origin: http://evil.example",
            "Origin: null",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Site: none",
            "Referer: http://evil.example/",
        ] {
            let refused = ask(&server, &format!("POST {path}"), &[field]);
            assert_eq!(refused.status, 403, "{path}, {field}");
        }
    }
    for path in ["/slow", "/slow?interval_ms=0", "/slow?interval_ms=60001", "/slow?interval_ms=x"] {
        assert_eq!(ask(&server, &format!("POST {path}"), &[]).status, 400, "{path}");
    }
    assert_eq!(state(&server, "")["pace"], "running", "none of them did anything");
    let origin = format!("Origin: http://{}", server.admin());
    let own = [origin.as_str(), "Sec-Fetch-Site: same-origin", "Content-Length: 0"];
    assert_eq!(ask(&server, "POST /pause", &own).status, 204);
    assert_eq!(state(&server, "")["pace"], "paused");
    assert_eq!(ask(&server, "POST /resume", &own).status, 204);
    assert_eq!(state(&server, "")["pace"], "running");
}

#[test]
fn an_order_behind_another_request_is_obeyed_although_its_client_has_gone() {
    let server = shown(|_| ());
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), "hello");
    let mut asking = Client::connect(server.admin());
    let host = format!("Host: {}", server.admin());
    asking.send(format!(
        "GET /state.json HTTP/1.1\r\n{host}\r\n\r\n\
         POST /pause HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n"
    ));
    assert_eq!(asking.answer().status, 200);
    assert_eq!(asking.answer().status, 204);
    asking.end();
    client.ask("/");
    assert!(is_left_alone(&mut client), "the public is held");
    order(&server, "/resume");
    assert_eq!(client.answer().text(), "hello");
}

#[test]
fn a_pause_holds_the_public_and_loses_nothing() {
    let server = shown(|_| ());
    let mut before = server.connect();
    assert_eq!(before.get("/").text(), "hello");
    let mut half = server.connect();
    half.send("GET / HTTP/1.1\r\n");
    server.wait_until(|seen| seen.metrics.received_bytes == 30 + 16);
    order(&server, "/pause");
    before.ask("/");
    half.send("Host: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut late = server.connect();
    late.ask("/");
    let mut left = server.connect();
    left.send("GET / HTTP/1.0\r\n\r\n");
    left.finish();
    assert!(is_left_alone(&mut before) && !half.hears_now() && !late.hears_now());
    let paused = state(&server, "");
    assert_eq!(paused["states"]["ReadingHead"], 1, "half a request, as before");
    assert_eq!(paused["totals"]["connections_accepted"].as_u64(), Some(2), "no more are let in");
    order(&server, "/resume");
    for client in [&mut before, &mut half, &mut late, &mut left] {
        assert_eq!(client.answer().text(), "hello");
    }
    assert_eq!(half.answer().text(), "hello");
}

#[test]
fn a_step_is_one_step_of_one_client() {
    let server = shown(|_| ());
    order(&server, "/pause");
    let mut client = server.connect();
    client.ask("/");
    let figures = |server: &Background| {
        let totals = state(server, "");
        let state =
            ["Fresh", "Idle", "Writing"].map(|state| totals["states"][state].as_u64().unwrap());
        (totals["clients"].as_u64().unwrap(), totals["totals"]["requests"].as_u64().unwrap(), state)
    };
    let (clients, asked, _) = figures(&server);
    assert_eq!(clients, 0, "nobody of the public is let in");
    order(&server, "/step");
    let (clients, _, states) = figures(&server);
    assert_eq!((clients, states), (1, [1, 0, 0]), "let in");
    assert!(!client.hears_now());
    order(&server, "/step");
    let (_, requests, states) = figures(&server);
    assert_eq!(states, [0, 0, 1], "received and answered, but not sent");
    assert_eq!(requests - asked, 1, "orders and looks are not the public's");
    assert!(!client.hears_now());
    order(&server, "/step");
    assert_eq!(client.answer().text(), "hello");
    let (_, _, states) = figures(&server);
    assert_eq!(states, [0, 1, 0], "sent");
    for _ in 0..5 {
        order(&server, "/step");
    }
    assert_eq!(state(&server, "")["pace"], "paused", "steps of nobody change nothing");
    order(&server, "/resume");
    assert_eq!(client.get("/").text(), "hello");
}

#[test]
fn two_clients_take_turns_at_stepping() {
    let server = shown(|_| ());
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        assert_eq!(client.get("/").text(), "hello");
    }
    order(&server, "/step");
    assert_eq!(state(&server, "")["pace"], "paused", "a step pauses whoever runs");
    for client in &mut clients {
        client.ask("/");
    }
    order(&server, "/step");
    order(&server, "/step");
    assert_eq!(state(&server, "")["states"]["Writing"], 2, "each has been received from");
    order(&server, "/step");
    order(&server, "/step");
    for client in &mut clients {
        assert_eq!(client.answer().text(), "hello");
    }
}

#[test]
fn time_stands_still_for_whoever_is_held() {
    let server = shown(|config| {
        config.timeouts.head = Duration::from_secs(1);
        config.timeouts.idle = Duration::from_secs(1);
    });
    let mut half = server.connect();
    half.send("GET / HTTP/1.1\r\n");
    let mut idle = server.connect();
    assert_eq!(idle.get("/").text(), "hello");
    server.wait_until(|seen| seen.metrics.received_bytes == 30 + 16);
    let mut watcher = Watcher::of(&server, "?slot=0");
    order(&server, "/pause");
    let rest = |watcher: &mut Watcher| {
        let frame = watcher.frame_with(|frame| frame["pace"] == "paused");
        frame["client"]["deadline"]["rest_ms"].as_u64().unwrap()
    };
    let before = rest(&mut watcher);
    watcher.frames_for(Duration::from_millis(1500));
    assert_eq!(rest(&mut watcher), before, "its clock stands");
    assert!(!half.hears_now() && !idle.hears_now());
    order(&server, "/resume");
    half.send("Host: x\r\n\r\n");
    assert_eq!(half.answer().text(), "hello");
    assert_eq!(idle.get("/").text(), "hello");
    // And it goes on afterwards.
    half.send("GET / HTTP/1.1\r\n");
    assert_eq!(half.answer().status, 408);
}

#[test]
fn a_source_stands_still_and_goes_on_where_it_was() {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut config = sockets::config();
    config.admin = Some(AdminListener::new(address, Reach::ThisMachine));
    let server = Background::start(&config, |_: &Request<'_>, reply: Reply<'_>| {
        let mut left = 10;
        reply.stream(move |piece: &mut Piece<'_>| {
            left -= 1;
            piece.append("tick\n");
            if left > 0 { Next::After(Duration::from_millis(20)) } else { Next::Done }
        })
    });
    let mut client = server.connect();
    client.ask("/");
    let head = client.answer_head();
    assert_eq!(head.status, 200);
    order(&server, "/pause");
    // What was on its way when the pause began may still come.
    while client.hears_now() {
        client.receive(1024).unwrap();
    }
    assert!(is_left_alone(&mut client), "no piece comes, although many times have passed");
    assert!(client.received_bytes() < 10 * "5\r\ntick\n\r\n".len());
    assert_eq!(state(&server, "?slot=0")["client"]["deadline"]["class"], "source");
    order(&server, "/step");
    assert!(is_left_alone(&mut client), "a step does not make its time come");
    order(&server, "/resume");
    assert_eq!(client.rest_of(head).text(), "tick\n".repeat(10));
}

#[test]
fn slow_motion_goes_on_by_itself() {
    let server = shown(|_| ());
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), "hello");
    order(&server, "/slow?interval_ms=40");
    assert_eq!(state(&server, "")["pace"], "slow");
    for _ in 0..3 {
        assert_eq!(client.get("/").text(), "hello");
    }
    let mut new = server.connect();
    assert_eq!(new.get("/").text(), "hello");
    order(&server, "/resume");
    assert_eq!(state(&server, "")["pace"], "running");
}

#[test]
fn a_stop_ends_a_pause() {
    let server = shown(|_| ());
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), "hello");
    order(&server, "/pause");
    client.ask("/");
    let mut late = server.connect();
    late.ask("/");
    server.stop_handle().stop();
    assert_eq!(client.answer().text(), "hello");
    assert_eq!(late.answer().text(), "hello");
    client.end();
    late.end();
    assert_eq!(server.stopped(), Stopped::Drained, "although nobody has resumed it");
}
