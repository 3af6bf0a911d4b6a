//! The herd from outside: against the real server for each kind of client, and against servers that
//! are wrong, to see that it tells.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "../support/fake.rs"]
mod fake;
#[path = "../support/needed.rs"]
mod needed;
#[path = "../support/mod.rs"]
mod support;

mod beginning;
mod compare;
#[cfg(feature = "routes")]
mod faults;
mod plot;
mod reports;
mod requests;
mod telnet;
mod terminal;
mod unix;
mod urls;
mod wrong;

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use fake::{After, Fake, Script};
use rustix::process::{Signal, kill_process};
use serde_json::Value;
use support::{Ended, PATIENCE, Program, Server, TEXT};

/// The answer that the servers of these tests give while they are right.
const RIGHT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";

/// What a herd has told.
struct Told {
    code: Option<i32>,
    table: String,
    json: Value,
}

impl Told {
    /// What it tells of a kind.
    fn kind(&self, name: &str) -> &Value {
        let mut kinds = self.json["kinds"].as_array().unwrap().iter();
        kinds.find(|kind| kind["kind"] == name).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    fn count(&self, kind: &str, what: &str) -> u64 {
        self.kind(kind)[what].as_u64().unwrap_or_else(|| panic!("no {what} of {kind}: {self:?}"))
    }

    /// How many of a kind's connections the server ended in this way.
    fn ended(&self, kind: &str, how: &str) -> u64 {
        self.kind(kind)["ended_by_server"][how].as_u64().unwrap_or_default()
    }

    /// The shortest and the longest time after which the server ended a connection.
    fn ended_after(&self, kind: &str) -> (Duration, Duration) {
        let span = |what: &str| {
            let milliseconds = self.kind(kind)["ended_after_ms"][what].as_f64().unwrap();
            Duration::from_secs_f64(milliseconds / 1e3)
        };
        (span("min"), span("max"))
    }
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {:?}\n{}\n{:#}", self.code, self.table, self.json)
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_herd"));
    command.args(arguments);
    command
}

fn ended(arguments: &[&str]) -> Ended {
    Program::start(&mut command(arguments)).finish()
}

/// Sends a herd to `server` and returns what it tells at its end.
fn herd(server: SocketAddr, arguments: &[&str]) -> Told {
    herd_at(&server.to_string(), arguments)
}

fn herd_at(server: &str, arguments: &[&str]) -> Told {
    let ended = ended(&[&[server, "--json", "-"], arguments].concat());
    let json = serde_json::from_str(&ended.output)
        .unwrap_or_else(|reason| panic!("no JSON, {reason}: {}{}", ended.output, ended.errors));
    Told { code: ended.status.code(), table: ended.errors, json }
}

#[track_caller]
fn assert_all_right(told: &Told) {
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(told.json["ok"], true, "{told:?}");
}

#[test]
fn every_good_kind_is_answered_and_all_is_right() {
    let server = Server::start(&[]);
    for kind in ["get", "post", "connect-close", "half-close"] {
        let told = herd(server.address(), &[&format!("--{kind}"), "3", "--requests", "200"]);
        assert_all_right(&told);
        assert_eq!(told.count(kind, "right"), 200, "{told:?}");
        assert_eq!(told.count(kind, "wrong") + told.count(kind, "lost"), 0);
        let connected = if kind == "get" || kind == "post" { 3 } else { 200 };
        assert_eq!(told.count(kind, "connected"), connected, "{told:?}");
        assert_eq!(told.kind(kind)["latency_us"]["count"], 200);
        assert!(told.kind(kind)["latency_us"]["p50"].as_f64().unwrap() > 0.0);
        assert!(told.table.contains("answered correctly"), "{told:?}");
        assert_speed_is_told(&told, kind);
    }
}

/// 200 answers of a kind are told by their status, by second and by how long they took.
fn assert_speed_is_told(told: &Told, kind: &str) {
    let number = |what: &str| told.kind(kind)[what].as_f64().unwrap();
    let seconds = told.json["seconds"].as_f64().unwrap();
    assert!((number("right_per_second") * seconds - 200.0).abs() < 0.1, "{told:?}");
    // Whole answers: a head, and the text with its line feed.
    let answer_bytes = number("received_bytes") / 200.0;
    assert!((100.0..200.0).contains(&answer_bytes) && answer_bytes.fract() == 0.0, "{told:?}");
    assert_eq!(told.kind(kind)["statuses"], serde_json::json!({ "200": 200 }));
    let buckets = told.kind(kind)["latency_buckets_us"].as_array().unwrap();
    let counts = buckets.iter().map(|bucket| bucket["count"].as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), 200, "{told:?}");
    assert!(told.table.contains(&format!("{kind} up to")), "{told:?}");
    assert!(told.table.contains("200: 200 "), "{told:?}");
}

#[test]
fn pipelined_requests_are_made_and_answered_in_batches() {
    let server = Server::start(&[]);
    let told = herd(server.address(), &["--get", "4", "--pipeline", "16", "--requests", "1600"]);
    assert_all_right(&told);
    assert_eq!(told.count("get", "right"), 1600, "{told:?}");
}

#[test]
fn an_open_loop_makes_as_many_requests_as_its_rate_says() {
    let server = Server::start(&[]);
    let arguments = ["--get", "5", "--rate", "400", "--post", "2@100", "--for", "2s"];
    let told = herd(server.address(), &arguments);
    assert_all_right(&told);
    // Five standard deviations of Poisson counts of 800 and 200.
    let (gets, posts) = (told.count("get", "right"), told.count("post", "right"));
    assert!((660..=940).contains(&gets) && (130..=270).contains(&posts), "{told:?}");
    assert_eq!(told.json["lateness_us"]["count"], gets + posts);
    let again = herd(server.address(), &arguments);
    assert_eq!(again.count("get", "right"), gets, "a seed repeats its schedule");
}

#[test]
fn storms_keep_their_rates() {
    let server = Server::start(&[]);
    let told = herd(
        server.address(),
        &[
            "--get",
            "2",
            "--rate",
            "50",
            "--garbage",
            "50@100",
            "--reset",
            "20@100",
            "--connect-close",
            "20@100",
            "--half-close",
            "20@100",
            "--for",
            "2s",
        ],
    );
    assert_all_right(&told);
    for kind in ["garbage", "reset", "connect-close", "half-close"] {
        let connected = told.count(kind, "connected");
        assert!((130..=270).contains(&connected), "{kind}: {told:?}");
    }
    assert!(told.count("garbage", "right") > 50, "most garbage is answered: {told:?}");
    assert_eq!(told.count("reset", "right"), 0);
}

#[test]
fn silent_clients_are_closed_when_their_time_is_over_and_not_replaced() {
    let server = Server::start(&["--first-byte-timeout", "400ms"]);
    let told = herd(server.address(), &["--idle", "20", "--for", "20s"]);
    assert_all_right(&told);
    assert_eq!((told.count("idle", "connected"), told.ended("idle", "EOF")), (20, 20), "{told:?}");
    assert!(told.json["seconds"].as_f64().unwrap() < 15.0, "it ends when nobody is left: {told:?}");
    let (min, max) = told.ended_after("idle");
    assert!(min >= Duration::from_millis(390) && max < Duration::from_secs(10), "{told:?}");
}

#[test]
fn silent_clients_are_replaced_if_that_is_asked_for() {
    let server = Server::start(&["--first-byte-timeout", "200ms"]);
    let told = herd(server.address(), &["--idle", "10", "--replace", "--for", "1s"]);
    assert_all_right(&told);
    assert!(told.count("idle", "connected") >= 20, "{told:?}");
}

#[test]
fn a_dripped_head_is_answered_when_its_time_is_over_however_it_drips() {
    let server = Server::start(&["--strict", "--head-timeout", "600ms"]);
    let told = herd(server.address(), &["--drip", "20", "--drip-every", "50ms", "--for", "20s"]);
    assert_all_right(&told);
    assert_eq!((told.count("drip", "connected"), told.ended("drip", "408")), (20, 20), "{told:?}");
    let (min, max) = told.ended_after("drip");
    assert!(min >= Duration::from_millis(590) && max < Duration::from_secs(10), "{told:?}");
}

#[test]
fn who_never_reads_is_reset_when_the_time_to_write_is_over() {
    // For a text of 31 bytes they have to ask very often, for a long one three times.
    for text in [TEXT.trim_end(), &"x".repeat(100 * 1024)] {
        let server = Server::start(&["--text", text, "--write-timeout", "500ms"]);
        let told = herd(server.address(), &["--never-read", "5", "--for", "20s"]);
        assert_all_right(&told);
        assert_eq!(told.ended("never-read", "reset"), 5, "{told:?}");
        let (min, max) = told.ended_after("never-read");
        assert!(min >= Duration::from_millis(490) && max < Duration::from_secs(10), "{told:?}");
    }
}

#[test]
fn who_reads_slowly_falls_below_the_rule_of_progress_or_reads_what_is_right() {
    let server = Server::start(&["--write-timeout", "500ms", "--progress-min", "2000"]);
    let told = herd(
        server.address(),
        &["--slow-read", "5", "--drip-every", "100ms", "--slow-read-bytes", "50", "--for", "20s"],
    );
    assert_all_right(&told);
    assert_eq!(told.ended("slow-read", "200"), 5, "{told:?}");

    let server = Server::start(&["--write-timeout", "500ms", "--progress-min", "100"]);
    let told = herd(
        server.address(),
        &["--slow-read", "5", "--drip-every", "50ms", "--slow-read-bytes", "1KiB", "--for", "2s"],
    );
    assert_all_right(&told);
    assert!(told.count("slow-read", "right") > 100, "{told:?}");
    assert_eq!(told.count("slow-read", "open_at_end"), 5, "{told:?}");
}

#[test]
fn the_calm_part_is_compared_and_the_servers_process_watched() {
    let server = Server::start(&[]);
    let pid = server.pid().to_string();
    let told = herd(
        server.address(),
        &[
            "--get",
            "4",
            "--rate",
            "500",
            "--idle",
            "100",
            "--garbage",
            "5@50",
            "--calm",
            "1500ms",
            "--for",
            "4s",
            "--pid",
            &pid,
        ],
    );
    assert_all_right(&told);
    let parts = told.json["parts"].as_array().unwrap();
    let names: Vec<&str> = parts.iter().map(|part| part["part"].as_str().unwrap()).collect();
    assert_eq!(names, ["calm", "arriving", "full"], "{told:?}");
    for part in [&parts[0], &parts[2]] {
        assert!(part["right"].as_u64().unwrap() > 300, "{told:?}");
        if cfg!(target_os = "linux") {
            assert!(part["cpu_ns_per_right"].as_f64().unwrap() > 0.0, "{told:?}");
        }
    }
    let points = told.json["over_time"].as_array().unwrap();
    assert!((2..=5).contains(&points.len()), "{told:?}");
    assert!(points[0]["open"].as_u64().unwrap() <= 4, "nobody else has come yet: {told:?}");
    assert!(points[points.len() - 1]["open"].as_u64().unwrap() >= 104, "{told:?}");
    assert!(told.json["process"]["resident_bytes"]["max"].as_u64().unwrap() > 500_000);
    assert!(told.table.contains("full/calm"), "{told:?}");
}

#[test]
fn a_signal_ends_it_early_and_the_table_is_there() {
    let server = Server::start(&[]);
    let address = server.address().to_string();
    let began = Instant::now();
    let arguments = [&address, "--get", "2", "--idle", "5", "--for", "10min"];
    let mut program = Program::start(&mut command(&arguments));
    // It is under way once it shows progress.
    program.hear_error("open 7");
    kill_process(program.pid(), Signal::INT).unwrap();
    let ended = program.finish();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    assert!(ended.output.contains("ended by a signal"), "{}", ended.output);
    assert!(ended.output.lines().any(|line| line.starts_with("get ")), "{}", ended.output);
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn reports_are_written_to_files() {
    let server = Server::start(&[]);
    let folder = std::env::temp_dir().join(format!("herd-test-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let [json, svg, csv] = ["report.json", "plot.svg", "times.csv"].map(|name| folder.join(name));
    let address = server.address().to_string();
    let arguments = [
        &address,
        "--get",
        "2",
        "--rate",
        "200",
        "--connect-close",
        "1@20",
        "--for",
        "2s",
        "--json",
        json.to_str().unwrap(),
        "--plot",
        svg.to_str().unwrap(),
        "--csv",
        csv.to_str().unwrap(),
        "--quiet",
    ];
    let ended = ended(&arguments);
    let (json, svg) = (fs::read_to_string(json), fs::read_to_string(svg));
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    let json: Value = serde_json::from_str(&json.unwrap()).unwrap();
    assert_eq!(json["kinds"].as_array().unwrap().len(), 2);
    let svg = svg.unwrap();
    assert_is_well_formed(&svg);
    assert!(svg.contains("how long answers took"), "{svg}");
}

/// Elements are closed in the order in which they were opened, and text has no bare `<` or `&`.
fn assert_is_well_formed(xml: &str) {
    let mut open = Vec::new();
    for part in xml.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or_else(|| panic!("no end of <{part}"));
        let name = tag.split([' ', '/']).next().unwrap();
        match (tag.strip_prefix('/'), tag.ends_with('/')) {
            (Some(name), _) => assert_eq!(open.pop(), Some(name), "</{name}>"),
            (None, true) => assert!(!name.is_empty()),
            (None, false) => open.push(name),
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "<{tag}>");
        for entity in text.split('&').skip(1) {
            assert!(entity.contains(';'), "&{entity}");
        }
    }
    assert!(xml.starts_with("<svg ") && open.is_empty(), "left open: {open:?}");
}

#[test]
fn each_connection_begins_with_a_proxy_header_if_that_is_asked_for() {
    let mut behind_a_proxy = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    behind_a_proxy.args(["-l", "127.0.0.1:0,proxy"]);
    let server = Server::launch(behind_a_proxy);
    for version in ["v1", "v2"] {
        for kind in ["get", "post", "connect-close", "half-close"] {
            let kind = format!("--{kind}");
            let arguments = [&kind, "3", "--requests", "60", "--proxy-protocol", version];
            assert_all_right(&herd(server.address(), &arguments));
        }
    }
    let refused = ended(&[&server.address().to_string(), "--get", "1"]);
    assert!(refused.errors.contains("without an answer"), "{}", refused.errors);
}
