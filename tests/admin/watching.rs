//! Frame after frame: what those see who watch, and what they cost.

use std::time::Duration;

use oneloop::Stopped;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::sockets::{Background, Client};
use super::watcher::Watcher;
use super::{ask, say, shown};

/// The sum of a figure over frames.
fn sum(frames: &[Value], figure: &str) -> u64 {
    frames.iter().map(|frame| frame["turn"][figure].as_u64().unwrap()).sum()
}

#[test]
fn a_client_is_seen_to_come_to_type_and_to_go() {
    let server = shown(|_| ());
    let mut watcher = Watcher::of(&server, "");
    let alone = watcher.frame();
    assert_eq!((&alone["grid"], &alone["admin"]["grid"]), (&"".into(), &"P".into()));
    let mut typist = server.connect();
    watcher.frame_with(|frame| frame["grid"] == "F");
    typist.send("GET / HTTP");
    let typed = watcher.frame_with(|frame| frame["states"]["ReadingHead"] == 1);
    assert!(typed["grid"].as_str().unwrap().contains('H'));
    drop(typist);
    let gone = watcher.frame_with(|frame| frame["states"]["ReadingHead"] == 0);
    assert_eq!((&gone["grid"], &gone["admin"]["grid"]), (&"".into(), &"P".into()));
    assert_eq!(gone["totals"]["closed"]["Reset"], 0);
}

#[test]
fn arrows_and_turns_count_what_happens_while_somebody_watches() {
    let server = shown(|_| ());
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), "hello");
    let mut watcher = Watcher::of(&server, "");
    let first = watcher.frame();
    for _ in 0..10 {
        assert_eq!(client.get("/").text(), "hello");
    }
    let mut frames = vec![watcher.frame_with(|frame| frame["totals"]["requests"] == 11)];
    frames.extend(watcher.frames_for(Duration::from_millis(350)));
    let last = frames.last().unwrap();
    let walked = |number: usize| {
        let count = |frame: &Value| frame["arrows"][number].as_u64().unwrap();
        count(last) - count(&first)
    };
    let state: Value = serde_json::from_str(ask(&server, "GET /state.json", &[]).text()).unwrap();
    let way = |from: &str, to: &str| {
        let mut ways = state["diagram"].as_array().unwrap().iter();
        ways.position(|way| way["from"] == from && way["to"] == to).unwrap()
    };
    assert_eq!((walked(way("Idle", "Writing")), walked(way("Writing", "Idle"))), (10, 10));
    let all: u64 = (0..first["arrows"].as_array().unwrap().len()).map(walked).sum();
    assert_eq!(all, 20, "those of whoever watches are not counted");
    assert!(sum(&frames, "turns") >= 10 && sum(&frames, "events") >= 4);
    assert!(sum(&frames, "sends") <= 10 && sum(&frames, "receives") <= 20);
    assert!(sum(&frames, "waited_us") > 100_000, "it slept most of the time");
    assert!(sum(&frames, "worked_us") > 0);
    let ats: Vec<f64> = frames.iter().map(|frame| frame["at"].as_f64().unwrap()).collect();
    assert!(ats.windows(2).all(|two| two[1] - two[0] >= 0.0995), "{ats:?}");
}

#[test]
fn a_chosen_clients_steps_are_told() {
    let server = shown(|_| ());
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), "hello");
    let mut watcher = Watcher::of(&server, "?slot=0");
    let before = watcher.frame();
    assert_eq!(before["client"]["served"], 1);
    assert_eq!(before["client"]["generation"], 0);
    client.send("GET / HTTP/1.1\r\n");
    let typed = watcher.frame_with(|frame| frame["client"]["state"] == "ReadingHead");
    let texts = |frame: &Value| -> Vec<String> {
        let steps = frame["client"]["steps"].as_array().unwrap().iter();
        steps.map(|step| step["text"].as_str().unwrap().to_owned()).collect()
    };
    let steps = texts(&typed);
    assert!(steps.iter().any(|step| step.starts_with("recv      16 bytes")), "{steps:?}");
    assert!(steps.iter().any(|step| step.contains("Idle -> ReadingHead")), "{steps:?}");
    for _ in 0..8 {
        client.send("Host: x\r\n\r\nGET / HTTP/1.1\r\n");
        assert_eq!(client.answer().text(), "hello");
    }
    let many = watcher.frame_with(|frame| frame["client"]["served"] == 9);
    assert_eq!(texts(&many).len(), 16, "the last sixteen");
    drop(client);
    watcher.frame_with(|frame| frame["client"] == Value::Null);
    let _next = server.connect();
    let next = watcher.frame_with(|frame| frame["client"] != Value::Null);
    assert_eq!((&next["client"]["slot"], &next["client"]["served"]), (&0.into(), &0.into()));
    assert!(texts(&next)[0].starts_with("accept "), "nothing of whoever was there before");
}

#[test]
fn the_ninth_watcher_waits_until_one_has_left() {
    let server = shown(|_| ());
    let mut watchers: Vec<Watcher> = (0..8).map(|_| Watcher::of(&server, "")).collect();
    assert_eq!(ask(&server, "GET /events", &[]).status, 503);
    for watcher in &mut watchers {
        assert!(watcher.frame()["admin"]["grid"].as_str().unwrap().contains('P'));
    }
    drop(watchers.pop());
    watchers[0].frame_with(|frame| frame["admin"]["clients"] == 7);
    Watcher::of(&server, "").frame();
}

/// A client for whom the kernel takes little: some hundred kilobytes.
fn hard_of_hearing(server: &Background) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    // What the other side's kernel takes for it grows with the size of segments.
    socket.set_tcp_mss(536).unwrap();
    socket.connect(&server.admin().into()).unwrap();
    Client::new(socket.into())
}

#[test]
fn a_watcher_that_never_reads_loses_frames_and_is_reset_in_the_end() {
    let server = shown(|config| config.timeouts.write = Duration::from_secs(2));
    // Frames of some size, so that the kernel's buffers are full within seconds.
    let crowd: Vec<Client> = (0..3000).map(|_| server.connect()).collect();
    let mut stalled = hard_of_hearing(&server);
    say(&mut stalled, &server, "GET /events", &[]);
    let mut watcher = Watcher::of(&server, "");
    let owed = |frame: &Value| frame["admin"]["owed_bytes"].as_u64().unwrap();
    let full = watcher.frame_with(|frame| frame["admin"]["grid"].as_str().unwrap().contains('W'));
    let (first, frame_bytes) = (owed(&full), full.to_string().len() as u64);
    assert!(first > 0 && first <= frame_bytes + 64, "{first} bytes of frames of {frame_bytes}");
    for frame in watcher.frames_for(Duration::from_millis(500)) {
        assert!(owed(&frame) <= first, "nothing is added to what waits");
    }
    watcher.frame_with(|frame| frame["admin"]["closed"]["WriteTimeout"] == 1);
    drop(crowd);
}

#[test]
fn the_stream_ends_in_order_when_the_server_does() {
    let server = shown(|_| ());
    let mut half = server.connect();
    half.send("GET / HTTP/1.1\r\n");
    let mut watcher = Watcher::of(&server, "");
    watcher.frame_with(|frame| frame["states"]["ReadingHead"] == 1);
    server.stop_handle().stop();
    let draining = watcher.frame_with(|frame| frame["stop_step"] == "draining");
    assert_eq!(draining["states"]["ReadingHead"], 1);
    half.send("Host: x\r\n\r\n");
    assert_eq!(half.answer().text(), "hello");
    half.end();
    while let Some(frame) = watcher.try_frame() {
        assert_eq!(frame["stop_step"], "ended");
    }
    assert_eq!(server.stopped(), Stopped::Drained);
}
