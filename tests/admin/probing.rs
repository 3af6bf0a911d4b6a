//! The health listener: what it answers, to whom, and what it says while the server is paused or stops.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use oneloop::{Listen, Reply, Request, StopStep, Stopped};

use super::sockets::{self, Background, Client};
use super::{ask, shown};

fn place() -> Option<Listen> {
    Some(Listen::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))
}

/// Status and text of the answer to this request, which may name any host or none.
fn probe(server: &Background, request: &str) -> (u16, String) {
    let mut client = Client::connect(server.health());
    client.send(format!("{request}\r\n\r\n"));
    let answer = client.answer();
    (answer.status, answer.text().to_owned())
}

fn get(server: &Background, path: &str) -> (u16, String) {
    probe(server, &format!("GET {path} HTTP/1.0"))
}

fn says(status: u16, text: &str) -> (u16, String) {
    (status, format!("{text}\n"))
}

fn probed() -> Background {
    shown(|config| config.health = place())
}

#[test]
fn health_needs_no_admin_listener_and_no_host() {
    let mut config = sockets::config();
    config.health = place();
    let server =
        Background::start(&config, |_: &Request<'_>, reply: Reply<'_>| reply.send("hello"));
    assert_eq!(get(&server, "/healthz"), says(200, "ok"));
    assert_eq!(get(&server, "/readyz"), says(200, "ready"));
    let (status, metrics) = get(&server, "/metrics");
    assert!(status == 200 && metrics.contains("\noneloop_paused 0\n"), "{metrics}");
    assert!(metrics.contains("oneloop_stop_step{step=\"Draining\"} 0\n"), "{metrics}");
    let host = "GET /readyz HTTP/1.1\r\nHost: any.example";
    assert_eq!(probe(&server, host), says(200, "ready"));
    let head = "HEAD /readyz HTTP/1.0";
    let mut client = Client::connect(server.health());
    client.send(format!("{head}\r\n\r\n"));
    assert_eq!(client.answer_head().status, 200);
    assert_eq!(server.connect().get("/healthz").text(), "hello", "the public's is another one");
}

#[test]
fn nothing_can_be_controlled_or_watched_at_the_health_listener() {
    let server = probed();
    for path in ["/", "/page.js", "/events", "/state.json", "/nothing"] {
        assert_eq!(get(&server, path).0, 404, "{path}");
    }
    for path in ["/pause", "/resume", "/step", "/slow?interval_ms=9", "/healthz", "/metrics"] {
        let request = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0");
        let expected = if path == "/healthz" || path == "/metrics" { 405 } else { 404 };
        assert_eq!(probe(&server, &request).0, expected, "{path}");
    }
    assert_eq!(server.connect().get("/").text(), "hello", "the public is not paused");
}

#[test]
fn a_paused_server_is_well_and_not_ready() {
    let server = probed();
    for order in ["POST /pause", "POST /step", "POST /slow?interval_ms=60000"] {
        assert_eq!(ask(&server, order, &[]).status, 204);
        assert_eq!(get(&server, "/healthz"), says(200, "ok"), "{order}");
        assert_eq!(get(&server, "/readyz"), says(503, "paused"), "{order}");
        assert_eq!(ask(&server, "GET /readyz", &[]).status, 503, "{order}");
        assert_eq!(ask(&server, "POST /resume", &[]).status, 204);
        assert_eq!(get(&server, "/readyz"), says(200, "ready"), "{order}");
    }
}

#[test]
fn a_server_that_stops_is_well_and_not_ready_from_the_announcement_to_its_end() {
    let server = shown(|config| {
        config.health = place();
        config.timeouts.drain_announce = Duration::from_millis(300);
    });
    let mut half = server.connect();
    half.send("GET / HTTP/1.1\r\n");
    server.wait_until(|seen| seen.metrics.received_bytes > 0);
    server.stop_handle().stop();
    for step in [StopStep::Announcing, StopStep::Draining] {
        server.wait_until(|seen| seen.stop_step == Some(step));
        assert_eq!(get(&server, "/readyz"), says(503, "stopping"), "{step:?}");
        assert_eq!(get(&server, "/healthz"), says(200, "ok"), "{step:?}");
        let (_, metrics) = get(&server, "/metrics");
        assert!(
            metrics.contains(&format!("oneloop_stop_step{{step=\"{step:?}\"}} 1\n")),
            "{metrics}"
        );
    }
    half.send("Host: x\r\n\r\n");
    assert!(half.answer().closes());
    half.end();
    assert_eq!(server.stopped(), Stopped::Drained);
}

/// Each listener has clients of its own.
#[test]
fn a_crowd_at_the_health_listener_keeps_nobody_from_it_or_from_the_admin_page() {
    let server = probed();
    let crowd: Vec<Client> = (0..70).map(|_| Client::connect(server.health())).collect();
    let mut half = Client::connect(server.health());
    half.send("GET /healthz HT");
    assert_eq!(get(&server, "/healthz"), says(200, "ok"));
    assert_eq!(ask(&server, "GET /healthz", &[]).status, 200);
    assert_eq!(server.seen().clients, 0, "the public's are counted alone");
    drop(crowd);
}
