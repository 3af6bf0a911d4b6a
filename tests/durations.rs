//! What is counted of answers: the class of their status, and how long their requests took.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use oneloop::engine::{ClientId, Clients, Engine, Interest, Time};
use oneloop::testing::{Listener, Pipe, PipeStream};
use oneloop::{Limits, Metrics, Next, Piece, Reply, Request, Timeouts};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// How long a source waits before it ends its body.
const PAUSE: Duration = Duration::from_millis(3000);

/// A loop in memory, and the time that it is told.
struct Loop {
    engine: Engine<Listener>,
    now: Time,
}

impl Loop {
    fn new() -> Loop {
        let clients = Clients::new(Limits::default(), Timeouts::default(), SystemTime::UNIX_EPOCH);
        Loop { engine: Listener::absent(clients), now: Time::START }
    }

    fn come(&mut self, says: &str) -> (Pipe, ClientId) {
        let pipe = Pipe::saying(&[says.as_bytes()]);
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let id = self.engine.clients_mut().admit(pipe.stream(), peer, self.now);
        (pipe, id)
    }

    /// This long after the last turn, with what the poll tells of these clients.
    fn turn(&mut self, later: Duration, told: &[&(Pipe, ClientId)]) {
        self.now = self.now + later;
        let clients = self.engine.clients_mut();
        clients.on_polled(self.now);
        for (pipe, id) in told {
            if let Some(readiness) = pipe.take_readiness(Interest::ReadableAndWritable) {
                clients.note(*id, readiness);
            }
        }
        let handler = &mut |request: &Request<'_>, reply: Reply<'_>| match request.path() {
            "/source" => reply.stream(|piece: &mut Piece<'_>| match piece.is_first() {
                true => Next::Wait(PAUSE),
                false => Next::Done,
            }),
            "/missing" => reply.status(404).send(""),
            "/moved" => reply.status(301).send(""),
            "/broken" => reply.status(599).send(""),
            _ => reply.send("hello"),
        };
        let _ = self.engine.turn(self.now, handler, &mut |_, _: &mut PipeStream, _, _| Ok(()));
    }

    fn metrics(&self) -> &Metrics {
        self.engine.clients().metrics()
    }

    /// How many requests there are in each bucket that has any, and its bound.
    fn took(&self) -> Vec<(Option<Duration>, u64)> {
        let mut before = 0;
        let buckets = self.metrics().durations.cumulative().map(|(bound, requests)| {
            let own = requests - before;
            before = requests;
            (bound, own)
        });
        buckets.filter(|(_, requests)| *requests > 0).collect()
    }
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn requests_that_are_answered_in_their_turn_take_no_time() {
    let mut it = Loop::new();
    let clients: Vec<_> = (1..=5).map(|requests| it.come(&GET.repeat(requests))).collect();
    it.turn(millis(7), &[]);
    assert_eq!(clients[4].0.take_sent().windows(5).filter(|it| it == b"hello").count(), 5);
    assert_eq!(it.took(), [(Some(millis(1)), 15)]);
    assert_eq!((it.metrics().durations.requests(), it.metrics().requests), (15, 15));
    assert_eq!(it.metrics().durations.sum(), Duration::ZERO);
    // The time between requests is nobody's.
    clients[0].0.say(GET);
    it.turn(millis(500), &[&clients[0]]);
    assert_eq!(it.took(), [(Some(millis(1)), 16)]);
}

#[test]
fn the_time_runs_from_the_first_byte() {
    let mut it = Loop::new();
    let client = it.come("GET / HT");
    // It came a second ago, and said nothing meanwhile that was read.
    it.turn(millis(1000), &[]);
    client.0.say("TP/1.1\r\nHost: a\r\n");
    it.turn(millis(30), &[&client]);
    client.0.say(format!("\r\n{GET}"));
    it.turn(millis(10), &[&client]);
    assert_eq!(it.took(), [(Some(millis(64)), 2)], "40 ms, and one that was answered with it");
    assert_eq!(it.metrics().durations.sum(), millis(80));
    client.0.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
    it.turn(millis(1000), &[&client]);
    client.0.say("b");
    it.turn(millis(3), &[&client]);
    assert_eq!(it.took(), [(Some(millis(4)), 1), (Some(millis(64)), 2)]);
}

#[test]
fn it_runs_to_the_last_byte_that_the_kernel_takes() {
    let mut it = Loop::new();
    let client = it.come(&GET.repeat(3));
    client.0.give_room(50);
    it.turn(millis(1), &[]);
    assert_eq!(it.took(), []);
    client.0.give_room(50);
    it.turn(millis(100), &[&client]);
    assert_eq!(it.took(), []);
    client.0.give_room(usize::MAX);
    it.turn(millis(100), &[&client]);
    assert_eq!(it.took(), [(Some(millis(256)), 3)]);
    assert_eq!(it.metrics().durations.sum(), millis(600));
}

#[test]
fn a_body_that_comes_over_time_ends_once() {
    let mut it = Loop::new();
    let client = it.come(&format!("{GET}GET /source HTTP/1.1\r\nHost: a\r\n\r\n{GET}"));
    it.turn(millis(1), &[]);
    assert_eq!(it.took(), [(Some(millis(1)), 1)], "the first is out");
    it.turn(PAUSE, &[]);
    it.turn(Duration::ZERO, &[&client]);
    let sent = String::from_utf8(client.0.take_sent()).unwrap();
    assert!(sent.contains("0\r\n\r\nHTTP/1.1 200") && sent.ends_with("hello"), "{sent}");
    assert_eq!(it.took(), [(Some(millis(1)), 1), (Some(millis(4096)), 2)]);
}

#[test]
fn an_answer_that_is_not_taken_whole_is_given_and_has_no_time() {
    let mut it = Loop::new();
    let client = it.come(GET);
    client.0.give_room(10);
    it.turn(millis(1), &[]);
    client.0.reset();
    client.0.give_room(10);
    it.turn(millis(1), &[&client]);
    it.turn(millis(120_000), &[&client]);
    assert!(client.0.is_closed());
    // The next client has a count of its own.
    it.come(GET);
    it.turn(millis(1), &[]);
    assert_eq!(it.took(), [(Some(millis(1)), 1)]);
    assert_eq!(it.metrics().answers().next(), Some(("2xx", 2)));
}

#[test]
fn answers_are_counted_by_the_class_of_their_status() {
    let mut it = Loop::new();
    let paths = ["/", "/missing", "/moved", "/broken", "/source", "/missing"];
    let asked: String =
        paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    let client = it.come(&format!("{asked}noise\r\n"));
    it.turn(millis(1), &[]);
    it.turn(PAUSE, &[]);
    it.turn(millis(1), &[&client]);
    let answers: Vec<_> = it.metrics().answers().collect();
    assert_eq!(answers, [("2xx", 2), ("3xx", 1), ("4xx", 3), ("5xx", 1)]);
    assert_eq!((it.metrics().requests, it.metrics().faults), (6, 1));
}

#[test]
fn an_interim_answer_is_no_answer() {
    let mut it = Loop::new();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n";
    let client = it.come(head);
    it.turn(millis(1), &[]);
    assert!(client.0.take_sent().starts_with(b"HTTP/1.1 100 "));
    assert_eq!((it.took(), it.metrics().answers().map(|(_, count)| count).sum()), (vec![], 0));
    client.0.say("b");
    it.turn(millis(16), &[&client]);
    assert_eq!(it.took(), [(Some(millis(32)), 1)]);
}
