//! One look: `/state.json` and `/metrics`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, SystemTime};

use oneloop::config::{AdminListener, Reach};
use oneloop::{Reply, Request, Server};

use serde_json::Value;

use super::sockets::{self, Background, Client, PATIENCE};
use super::{ask, say, shown};

/// What `/state.json` says, asked with this query.
pub fn state(server: &Background, query: &str) -> Value {
    let mut client = Client::connect(server.admin());
    say(&mut client, server, &format!("GET /state.json{query}"), &[]);
    let head = client.answer_head();
    assert_eq!((head.status, head.field("Content-Type")), (200, Some("application/json")));
    serde_json::from_str(client.rest_of(head).text()).expect("it is JSON")
}

/// What `/metrics` says, by name and labels.
fn metrics(server: &Background) -> BTreeMap<String, f64> {
    let mut client = Client::connect(server.admin());
    say(&mut client, server, "GET /metrics", &[]);
    let head = client.answer_head();
    assert_eq!(head.field("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    checked(client.rest_of(head).text())
}

/// Reads the text format as its specification says, and insists on what it and the conventions
/// demand: a HELP and a TYPE before the samples of each metric, samples together, counters that end
/// in `_total`, no sample twice.
fn checked(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut metric = (String::new(), String::new());
    let mut helped = String::new();
    let mut seen = Vec::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').expect(line);
            assert!(!text.is_empty(), "{line}");
            helped = name.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect(line);
            assert_eq!(name, helped, "{line}");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            assert!(!seen.contains(&name.to_owned()), "{name} is there twice");
            seen.push(name.to_owned());
            metric = (name.to_owned(), kind.to_owned());
        } else {
            let (sample, value) = line.rsplit_once(' ').expect(line);
            let name = sample.split('{').next().unwrap();
            let base = match metric.1.as_str() {
                "histogram" => ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|part| name.strip_suffix(part))
                    .expect(line),
                _ => name,
            };
            assert_eq!(base, metric.0, "{line}");
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
            assert!(name.chars().all(is_name), "{line}");
            if let Some(labels) = sample.strip_prefix(name).filter(|labels| !labels.is_empty()) {
                let label = labels.strip_prefix('{').and_then(|it| it.strip_suffix("\"}"));
                let (label, value) = label.and_then(|it| it.split_once("=\"")).expect(line);
                assert!(label.chars().all(is_name) && !value.contains(['"', '\\']), "{line}");
            }
            let value: f64 = value.parse().expect(line);
            assert!(samples.insert(sample.to_owned(), value).is_none(), "{sample} twice");
        }
    }
    samples
}

#[test]
fn metrics_tell_what_has_just_happened() {
    let server = shown(|_| ());
    let mut client = server.connect();
    for _ in 0..5 {
        assert_eq!(client.get("/").text(), "hello");
    }
    let mut noise = server.connect();
    noise.send("noise\r\n");
    assert_eq!(noise.answer().status, 400);
    noise.end();
    server.wait_until(|seen| seen.metrics.closed_total() == 1);
    let metrics = metrics(&server);
    let says = |name: &str| *metrics.get(name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(says("oneloop_requests_total"), 5.0, "the one for metrics is not the public's");
    assert_eq!(says("oneloop_faults_total"), 1.0);
    assert_eq!(says("oneloop_connections_accepted_total"), 2.0);
    assert_eq!(says("oneloop_connections_closed_total{reason=\"Fault\"}"), 1.0);
    assert_eq!(says("oneloop_connections_closed_total{reason=\"Drained\"}"), 0.0);
    assert_eq!(says("oneloop_connections{state=\"Idle\"}"), 1.0);
    assert_eq!(
        says("oneloop_connections{state=\"Pausing\"}"),
        0.0,
        "the one that asks for this waits"
    );
    assert_eq!(says("oneloop_paused"), 0.0);
    assert_eq!(says("oneloop_draining"), 0.0);
    assert_eq!(says("oneloop_received_bytes_total"), 7.0 + 5.0 * 30.0);
    assert!(says("oneloop_sent_bytes_total") > 5.0 * 80.0);
    assert!(says("oneloop_turns_total") > 1.0);
    assert!(says("process_cpu_seconds_total") > 0.0);
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a date");
    let age = since_1970.as_secs_f64() - says("process_start_time_seconds");
    assert!((0.0..60.0).contains(&age), "it began {age} seconds ago");
    assert_eq!(says("oneloop_log_lines_dropped_total"), 0.0);
    assert_eq!(says("oneloop_answers_total{class=\"2xx\"}"), 5.0);
    assert_eq!(says("oneloop_answers_total{class=\"4xx\"}"), 1.0);
    assert_eq!(says("oneloop_answers_total{class=\"5xx\"}"), 0.0);
    assert_eq!(says("oneloop_request_duration_seconds_count"), 6.0);
    assert!(says("oneloop_request_duration_seconds_sum") < 60.0);
}

#[test]
fn a_turn_that_a_handler_has_held_up_is_the_longest() {
    const HELD_UP: Duration = Duration::from_millis(50);
    let mut config = sockets::config();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.admin = Some(AdminListener::new(address, Reach::ThisMachine));
    let server = Background::start(&config, |_: &Request<'_>, reply: Reply<'_>| {
        thread::sleep(HELD_UP);
        reply.send("at last")
    });
    let longest = |server: &Background| {
        let metrics = metrics(server);
        ["oneloop_turn_longest_seconds", "oneloop_turn_longest_recent_seconds"]
            .map(|name| Duration::from_secs_f64(metrics[name]))
    };
    server.connect().get("/");
    let after = longest(&server);
    assert!(after.iter().all(|after| (HELD_UP..PATIENCE).contains(after)), "{after:?}");
}

#[test]
fn what_a_program_does_before_the_loop_runs_is_no_turn() {
    const BEFORE: Duration = Duration::from_secs(2);
    let mut config = sockets::config();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.admin = Some(AdminListener::new(address, Reach::ThisMachine));
    let handler = |_: &Request<'_>, reply: Reply<'_>| reply.send("hello");
    let mut server = Server::bind(&config, handler).expect("loopback has free ports");
    let (admin, handle) = (server.admin_addr().expect("it listens there"), server.stop_handle());
    let asking = thread::spawn(move || {
        let mut client = Client::connect(admin);
        client.send(format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\n\r\n"));
        let head = client.answer_head();
        let metrics = checked(client.rest_of(head).text());
        handle.stop();
        metrics["oneloop_turn_longest_seconds"]
    });
    thread::sleep(BEFORE);
    server.run().expect("the poll of a healthy system");
    assert!(asking.join().unwrap() < BEFORE.as_secs_f64());
}

#[test]
fn the_buckets_of_a_histogram_grow_to_its_count() {
    let server = shown(|_| ());
    let mut client = server.connect();
    client.get("/");
    let metrics = metrics(&server);
    let name = "oneloop_request_duration_seconds";
    let mut buckets: Vec<(f64, f64)> = metrics
        .iter()
        .filter_map(|(sample, value)| {
            let bound = sample.strip_prefix(name)?.strip_prefix("_bucket{le=\"")?;
            Some((bound.strip_suffix("\"}")?.parse().expect("a number"), *value))
        })
        .collect();
    buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
    assert_eq!((buckets[0].0, buckets.last().unwrap().0), (0.001, f64::INFINITY));
    assert!(buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
    assert_eq!(buckets.last().unwrap().1, metrics[&format!("{name}_count")]);
    assert_eq!(metrics[&format!("{name}_count")], 1.0);
}

#[test]
fn the_state_shows_who_is_where() {
    let server = shown(|config| config.limits.clients_max = Some(100));
    let mut idle = server.connect();
    assert_eq!(idle.get("/").text(), "hello");
    let mut half = server.connect();
    half.send("GET / HT");
    server.wait_until(|seen| seen.clients == 2 && seen.metrics.received_bytes == 30 + 8);
    let shown = state(&server, "");
    assert_eq!(shown["grid"], "IH");
    assert_eq!((&shown["admin"]["grid"], &shown["admin"]["clients"]), (&"P".into(), &1.into()));
    assert!(shown["served"].as_str().unwrap().starts_with("1"), "{}", shown["served"]);
    assert_eq!((&shown["clients"], &shown["clients_max"]), (&Value::from(2), &Value::from(100)));
    assert_eq!((&shown["pace"], &shown["stop_step"]), (&Value::from("running"), &Value::Null));
    for (state, clients) in [("Idle", 1), ("ReadingHead", 1), ("Pausing", 0), ("Writing", 0)] {
        assert_eq!(shown["states"][state], clients, "{state}");
    }
    for (class, clients) in [("idle", 1), ("head", 1), ("source", 0), ("first byte", 0)] {
        assert_eq!(shown["timers"][class], clients, "{class}");
    }
    assert_eq!(shown["totals"]["requests"], 1);
    assert_eq!(shown["admin"]["requests"], 1);
    assert_eq!(shown["totals"]["connections_accepted"], 2);
    assert_eq!(shown["totals"]["closed"]["PeerClosed"], 0);
    assert_eq!(shown["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(shown["listeners"][0], server.address().to_string());
    assert_eq!(
        shown["diagram"].as_array().unwrap().len(),
        shown["arrows"].as_array().unwrap().len()
    );
    assert!(shown["diagram"].as_array().unwrap().iter().any(|way| way["from"] == "Fresh"));
    assert_eq!(shown["client"], Value::Null);

    let chosen = &state(&server, "?slot=1")["client"];
    assert_eq!(chosen["slot"], 1);
    assert_eq!((&chosen["state"], &chosen["kept_bytes"]), (&"ReadingHead".into(), &Value::from(8)));
    assert_eq!((&chosen["kept"], &chosen["owed"]), (&"GET / HT".into(), &"".into()));
    assert_eq!(chosen["deadline"]["class"], "head");
    assert!(chosen["deadline"]["rest_ms"].as_u64().unwrap() > 3_000_000);
    assert_eq!(chosen["served"], 0);
    assert_eq!(state(&server, "?slot=7")["client"], Value::Null);
}

#[test]
fn what_is_no_number_is_refused_and_head_gets_no_body() {
    let server = shown(|_| ());
    for path in ["/events?slot=x", "/state.json?slot=-1", "/state.json?slot="] {
        assert_eq!(ask(&server, &format!("GET {path}"), &[]).status, 400, "{path}");
    }
    for path in ["/events", "/state.json", "/metrics", "/healthz", "/"] {
        let mut client = Client::connect(server.admin());
        say(&mut client, &server, &format!("HEAD {path}"), &[]);
        assert_eq!(client.answer_head().status, 200, "{path}");
        say(&mut client, &server, "GET /healthz", &[]);
        assert_eq!(client.answer().text(), "ok\n", "{path}");
    }
}
