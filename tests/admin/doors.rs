//! Who is answered by the admin door, and who is not.

use std::net::{Ipv4Addr, SocketAddr};

use oneloop::config::{AdminListener, Reach};
use oneloop::handlers::FixedText;
use oneloop::{CloseReason, Stopped};

use super::figures::state;
use super::sockets::{self, Background, Client, End};
use super::{ask, say, shown};

#[test]
fn each_door_has_its_own_answers() {
    let server = shown(|_| ());
    let page = ask(&server, "GET /", &[]);
    assert_eq!(page.status, 200);
    assert!(page.text().starts_with("<!doctype html>"));
    assert_eq!(server.connect().get("/healthz").text(), "hello");
    assert_eq!(ask(&server, "GET /healthz", &[]).text(), "ok\n");
    assert_eq!(ask(&server, "GET /hello", &[]).status, 404);
    for (path, content_type) in [("/page.css", "text/css"), ("/page.js", "text/javascript")] {
        let part = ask(&server, &format!("GET {path}"), &[]);
        assert!(part.field("Content-Type").unwrap().starts_with(content_type));
    }
}

#[test]
fn without_an_admin_place_there_is_none() {
    let server = Background::start(&sockets::config(), FixedText::new(*b"hello"));
    assert_eq!(server.connect().get("/").text(), "hello");
}

#[test]
fn the_admin_door_is_strict_although_the_public_one_is_not() {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut config = sockets::config();
    config.admin = Some(AdminListener::new(address, Reach::ThisMachine));
    let server = Background::start(&config, FixedText::new(*b"hello"));
    let mut typist = server.connect();
    typist.send("noise\r\n");
    assert_eq!(typist.answer().text(), "hello");
    let mut typist = Client::connect(server.admin());
    typist.send("noise\r\n");
    let refused = typist.answer();
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("noise") && refused.closes());
}

#[test]
fn every_answer_says_what_browsers_must_not_do() {
    let server = shown(|_| ());
    for line in ["GET /", "GET /page.js", "GET /healthz", "GET /nothing", "POST /", "noise"] {
        let answer = ask(&server, line, &[]);
        let policy = answer.field("Content-Security-Policy").expect(line);
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert_eq!(answer.field("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(answer.field("Cache-Control"), Some("no-store"));
    }
}

#[test]
fn only_its_own_names_are_answered() {
    let server = shown(|_| ());
    let port = server.admin().port();
    let status = |head: &str| {
        let mut client = Client::connect(server.admin());
        client.send(format!("{head}\r\n\r\n"));
        client.answer().status
    };
    let own = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let tunnel = [format!("127.0.0.1:{}", port ^ 1), "localhost".to_owned(), "[::1]:1".to_owned()];
    for name in own.iter().chain(&tunnel) {
        assert_eq!(status(&format!("GET / HTTP/1.1\r\nHost: {name}")), 200, "{name}");
        let whole = format!("GET http://{name}/ HTTP/1.1\r\nHost: x");
        assert_eq!(status(&whole), 200, "{whole}");
    }
    let own = &own[0];
    for head in [
        "GET / HTTP/1.1\r\nHost: evil.example".to_owned(),
        format!("GET / HTTP/1.1\r\nHost: evil.example:{port}"),
        format!("GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example:{port}"),
        "GET / HTTP/1.0".to_owned(),
        format!("GET http://evil.example:{port}/ HTTP/1.1\r\nHost: {own}"),
        format!("GET /healthz HTTP/1.1\r\nHost: evil.example:{port}"),
    ] {
        assert_eq!(status(&head), 421, "{head}");
    }
}

/// As a load balancer asks that speaks HTTP/1.0 and knows no name.
#[test]
fn programs_need_no_name_in_http_1_0() {
    let server = shown(|_| ());
    let status = |head: &str| {
        let mut client = Client::connect(server.admin());
        client.send(format!("{head}\r\n\r\n"));
        client.answer().status
    };
    for (head, expected) in [
        ("GET /healthz HTTP/1.0", 200),
        ("GET /metrics HTTP/1.0", 200),
        ("GET /state.json HTTP/1.0", 421),
        ("POST /pause HTTP/1.0", 421),
        ("GET /healthz HTTP/1.0\r\nOrigin: http://evil.example", 403),
        ("GET /healthz HTTP/1.1", 400),
    ] {
        assert_eq!(status(head), expected, "{head}");
    }
}

#[test]
fn further_names_are_answered_once_they_are_allowed() {
    let anywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let server = shown(|config| {
        config.admin = Some(AdminListener::new(anywhere, Reach::Anyone));
        config.admin_hosts = vec!["oneloop".to_owned(), "box.example".to_owned()];
    });
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.admin().port()));
    let status = |line: &str, host: &str| {
        let mut client = Client::connect(address);
        client.send(format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        client.answer().status
    };
    for host in ["oneloop:9000", "BOX.example", "localhost:1"] {
        assert_eq!(status("GET /", host), 200, "{host}");
        assert_eq!(status("POST /resume", host), 204, "{host}");
    }
    for host in ["evil.example:9000", "oneloop.evil.example"] {
        assert_eq!(status("GET /", host), 421, "{host}");
        assert_eq!(status("POST /resume", host), 421, "{host}");
        assert_eq!(status("GET /metrics", host), 200, "anyone may read this: {host}");
        assert_eq!(status("GET /healthz", host), 200, "anyone may read this: {host}");
    }
}

#[test]
fn pages_of_other_sites_get_nothing_but_the_page() {
    let server = shown(|_| ());
    let own = format!("Origin: http://{}", server.admin());
    let own_referer = format!("Referer: http://{}/", server.admin());
    let foreign = [
        "Origin: http://evil.example",
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Referer: http://evil.example/",
        "Referer: http://127.0.0.1:1/",
    ];
    for field in foreign {
        assert_eq!(ask(&server, "GET /healthz", &[field]).status, 403, "{field}");
        assert_eq!(ask(&server, "GET /healthz", &[&own, field]).status, 403, "{field}");
    }
    for fields in [
        &[][..],
        &[own.as_str()],
        &[&own, "Sec-Fetch-Site: same-origin", &own_referer],
        &["Sec-Fetch-Site: none"],
    ] {
        assert_eq!(ask(&server, "GET /healthz", fields).status, 200, "{fields:?}");
    }
    let link = ["Sec-Fetch-Site: cross-site", "Referer: http://evil.example/"];
    assert_eq!(ask(&server, "GET /", &link).status, 200, "a link may lead here");
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let server = shown(|_| ());
    for line in ["POST /", "PUT /page.js", "DELETE /healthz", "OPTIONS /"] {
        let answer = ask(&server, line, &[]);
        assert_eq!((answer.status, answer.field("Allow")), (405, Some("GET, HEAD")), "{line}");
    }
    assert_eq!(ask(&server, "BREW /", &[]).status, 501);
}

#[test]
fn health_is_told_until_the_very_end() {
    let server = shown(|_| ());
    let mut kept = server.connect();
    kept.send("GET / HTTP/1.1\r\n");
    let mut early = Client::connect(server.admin());
    server.wait_until(|seen| seen.clients == 1);
    assert_eq!(ask(&server, "GET /readyz", &[]).status, 200);
    server.stop_handle().stop();
    // Its connection came before the stop, and its request after it.
    say(&mut early, &server, "GET /readyz", &[]);
    let mut statuses = vec![early.answer().status];
    statuses.push(ask(&server, "GET /readyz", &[]).status);
    // The admin listener goes on as before until the public has ended.
    say(&mut early, &server, "GET /readyz", &[]);
    statuses.push(early.answer().status);
    assert_eq!(statuses, [503, 503, 503], "it accepts whoever wants to know");
    kept.send("Host: x\r\n\r\n");
    assert_eq!(kept.answer().text(), "hello");
    assert_eq!(kept.end(), End::Closed);
    assert_eq!(early.end(), End::Closed);
    assert_eq!(server.stopped(), Stopped::Drained);
}

#[test]
fn whoever_watches_gets_in_although_the_public_fills_the_server() {
    let server = shown(|config| config.limits.clients_max = Some(3));
    let mut busy: Vec<Client> = (0..3)
        .map(|_| {
            let mut client = server.connect();
            client.send("GET / HT");
            client
        })
        .collect();
    server.wait_until(|seen| seen.clients == 3 && seen.metrics.received_bytes == 24);
    let _waiting = server.connect();
    assert_eq!(ask(&server, "GET /healthz", &[]).text(), "ok\n");
    let idle: Vec<Client> = (0..40).map(|_| Client::connect(server.admin())).collect();
    assert_eq!(ask(&server, "GET /healthz", &[]).text(), "ok\n", "the longest idle made room");
    let evicted = state(&server, "")["admin"]["closed"]["Evicted"].as_u64().unwrap();
    // The connections of two questions may have ended before, or been evicted.
    assert!((40 - 31..=40 - 31 + 2).contains(&evicted), "{evicted} were evicted");
    assert_eq!(server.seen().metrics.closed(CloseReason::Evicted), 0);
    for client in &mut busy {
        client.send("TP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(client.answer().text(), "hello", "nobody of the public had to go");
    }
    drop(idle);
}
