//! Answers whose body comes over time, over real sockets: who gets what and when, who is noticed to
//! be gone, and who else is served meanwhile.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use oneloop::{
    CloseReason, Handler, Next, Piece, Reply, Request, Sent, Server, Source, Status, Stopped,
};
use socket2::SockRef;

#[path = "../support/sockets.rs"]
mod sockets;

mod others;

use sockets::{Background, Client, End, PATIENCE, SLACK, config, get};

const HOUR: Duration = Duration::from_secs(3600);

/// The pause between two pieces of `/drip`.
const DRIP: Duration = Duration::from_millis(100);

/// What a test says to the source of `/gate`, and how it learns that this has been dropped.
struct Gate {
    pieces: Sender<Option<&'static str>>,
    alive: Receiver<()>,
}

impl Gate {
    fn gives(&self, piece: &'static str) {
        self.pieces.send(Some(piece)).expect("the source is there");
    }

    fn ends(&self) {
        self.pieces.send(None).expect("the source is there");
    }

    fn assert_dropped(&self) {
        let heard = self.alive.recv_timeout(PATIENCE);
        assert_eq!(heard, Err(RecvTimeoutError::Disconnected), "the source is still there");
    }
}

/// Gives what the test says, and looks for it every millisecond, or once an hour if it is idle.
struct Gated {
    pieces: Receiver<Option<&'static str>>,
    _alive: Sender<()>,
    pause: Duration,
}

impl Source for Gated {
    fn next(&mut self, piece: &mut Piece<'_>) -> Next {
        match self.pieces.try_recv() {
            Ok(Some(bytes)) => piece.append(bytes),
            Ok(None) => return Next::Done,
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => panic!("the test ends before its stream"),
        }
        Next::After(self.pause)
    }
}

/// Numbers, a line each: the bytes of a generated download.
struct Lines {
    next: u32,
    end: u32,
}

impl Source for Lines {
    fn next(&mut self, piece: &mut Piece<'_>) -> Next {
        while self.next < self.end && piece.room() >= 8 {
            piece.append(format!("{:07}\n", self.next));
            self.next += 1;
        }
        if self.next < self.end { Next::More } else { Next::Done }
    }
}

/// 8 MiB of lines: more than the buffers of a loopback connection take.
const LINES: u32 = 1024 * 1024;

fn drip() -> impl Source + Send + 'static {
    let mut pieces = ["one\n", "two\n", "three\n"].into_iter();
    move |piece: &mut Piece<'_>| {
        piece.append(pieces.next().unwrap_or_default());
        if pieces.len() == 0 { Next::Done } else { Next::After(DRIP) }
    }
}

fn answer(path: &str, reply: Reply<'_>) -> Sent {
    match path {
        "/drip" => reply.stream(drip()),
        "/drip/sized" => reply.status(Status::OK).stream_sized(14, drip()),
        "/drip/too-short" => reply.status(Status::OK).stream_sized(10, drip()),
        "/drip/too-long" => reply.status(Status::OK).stream_sized(20, drip()),
        "/drip/204" => reply.status(Status::try_from(204).unwrap()).stream(drip()),
        "/lines" => reply.stream(Lines { next: 0, end: LINES }),
        "/lines/sized" => reply
            .status(Status::OK)
            .stream_sized(u64::from(LINES) * 8, Lines { next: 0, end: LINES }),
        "/lines/endless" => reply.stream(Lines { next: 0, end: u32::MAX }),
        "/bytes/endless" => reply.stream(|piece: &mut Piece<'_>| {
            piece.append("b");
            Next::More
        }),
        "/nothing/endless" => reply.stream(|_: &mut Piece<'_>| Next::More),
        path => reply.send(path),
    }
}

fn server() -> Background {
    Background::start(&config(), |request: &Request<'_>, reply: Reply<'_>| {
        answer(request.path(), reply)
    })
}

/// A server whose `/gate` gives what the test says. Between two looks it waits for `pause`.
fn gated(config: &oneloop::Config, pause: Duration) -> (Background, Gate) {
    let ((pieces, told), (alive, dropped)) = (mpsc::channel(), mpsc::channel());
    let mut source = Some(Gated { pieces: told, _alive: alive, pause });
    let handler = move |request: &Request<'_>, reply: Reply<'_>| match request.path() {
        "/gate" => reply.stream(source.take().expect("asked for once")),
        path => answer(path, reply),
    };
    (Background::start(config, handler), Gate { pieces, alive: dropped })
}

fn close(path: &str) -> String {
    get(path).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
}

fn old(path: &str) -> String {
    get(path).replace("HTTP/1.1", "HTTP/1.0")
}

#[test]
fn a_drip_comes_piece_by_piece_and_the_connection_goes_on() {
    let server = server();
    let mut client = server.connect();
    let began = Instant::now();
    client.ask("/drip");
    let head = client.answer_head();
    assert_eq!(head.field("Transfer-Encoding"), Some("chunked"));
    for chunk in ["4\r\none\n\r\n", "4\r\ntwo\n\r\n", "6\r\nthree\n\r\n0\r\n\r\n"] {
        assert_eq!(client.take_exactly(chunk.len()), chunk.as_bytes());
    }
    let took = began.elapsed();
    // A pause counts from when its turn began, which may be a little before that.
    assert!(took >= DRIP * 2 - DRIP / 4 && took <= DRIP * 2 + SLACK, "it took {took:?}");
    assert_eq!(client.get("/next").text(), "/next");
    let metrics = server.seen().metrics;
    assert_eq!((metrics.accepted, metrics.streams, metrics.pieces), (1, 1, 3));
    assert!(metrics.turns < 100, "it sleeps in between: {} turns", metrics.turns);
}

#[test]
fn every_kind_of_client_gets_the_framing_it_understands() {
    let server = server();
    let whole = |request: String| {
        let mut client = server.connect();
        client.send(&request);
        let head = client.answer_head_to(request.split(' ').next().unwrap());
        let answer = client.rest_to_the_end(head);
        (answer.head.clone(), answer)
    };
    let (head, answer) = whole(close("/drip"));
    assert!(head.contains("Transfer-Encoding: chunked\r\nConnection: close"), "{head}");
    assert_eq!((answer.text(), answer.chunks()), ("one\ntwo\nthree\n", 3));
    let (head, answer) = whole(old("/drip"));
    assert!(!head.contains("Transfer-Encoding"), "{head}");
    assert!(head.ends_with("Connection: close\r\n\r\n"), "{head}");
    assert_eq!(answer.text(), "one\ntwo\nthree\n");
    let (head, answer) = whole(old("/drip/sized"));
    assert!(head.contains("Content-Length: 14\r\n"), "{head}");
    assert_eq!(answer.text(), "one\ntwo\nthree\n");
    let (head, answer) = whole(close("/drip").replace("GET", "HEAD"));
    assert!(head.contains("Transfer-Encoding: chunked") && answer.body.is_empty(), "{head}");
    let (head, answer) = whole(close("/drip/204"));
    assert!(!head.contains("Transfer-Encoding") && answer.body.is_empty(), "{head}");
    assert_eq!(server.seen().metrics.streams, 3, "nobody asked the other two");
}

#[test]
fn a_source_that_breaks_its_word_is_cut_where_the_client_can_tell() {
    let server = server();
    for (path, given) in
        [("/drip/too-short", "one\ntwo\n"), ("/drip/too-long", "one\ntwo\nthree\n")]
    {
        let mut client = server.connect();
        client.send(format!("{}{}", get(path), get("/next")));
        let length: usize = client.answer_head().field("Content-Length").unwrap().parse().unwrap();
        assert_eq!(client.end_after_anything(), End::Closed);
        client.finish();
        assert_eq!(client.take_exactly(client.received_bytes()), given.as_bytes());
        assert!(given.len() < length, "it is not whole, and nothing follows");
    }
    let seen = server.wait_until(|seen| seen.clients == 0);
    assert_eq!(seen.metrics.closed(CloseReason::SourceBroken), 2);
    assert_eq!(seen.metrics.requests, 2);
}

#[test]
fn what_is_pipelined_behind_a_stream_waits_for_its_end() {
    let (server, gate) = gated(&config(), Duration::from_millis(1));
    let mut client = server.connect();
    client.send(format!("{}{}{}", get("/first"), get("/gate"), get("/last")));
    assert_eq!(client.answer().text(), "/first");
    client.answer_head();
    gate.gives("open");
    assert_eq!(client.take_exactly(9), b"4\r\nopen\r\n");
    server.wait_until(|seen| seen.metrics.requests == 2);
    gate.ends();
    assert_eq!(client.take_exactly(5), b"0\r\n\r\n");
    assert_eq!(client.answer().text(), "/last");
    gate.assert_dropped();
}

/// What a source is asked to give at the most in one piece, unless it is configured, in bytes.
const PIECE_BYTES: u64 = 16 * 1024;

#[test]
fn a_download_arrives_whole_however_slowly_it_is_read() {
    let server = server();
    let expected: Vec<u8> = (0..LINES).flat_map(|n| format!("{n:07}\n").into_bytes()).collect();
    for path in ["/lines/sized", "/lines"] {
        let before = server.seen().metrics.pieces;
        let mut client = server.connect();
        client.send(old(path));
        client.answer_head();
        // It is not made faster than it is taken: others are served by now.
        for _ in 0..20 {
            assert_eq!(server.connect().get("/other").status, 200);
        }
        let made = (server.seen().metrics.pieces - before) * PIECE_BYTES;
        assert!(made < expected.len() as u64, "{made} bytes were made for nobody");
        let mut step = 1000;
        while client.receive(step).unwrap() > 0 {
            step = step % 30_011 + 1000;
        }
        assert!(client.take_exactly(client.received_bytes()) == expected, "{path}");
        server.wait_until(|seen| seen.clients == 0);
    }
    let mut client = server.connect();
    client.send(close("/lines"));
    let head = client.answer_head();
    assert!(client.rest_to_the_end(head).body == expected);
}

/// A handler that takes this long before it begins an answer, whose source then pauses.
const SLOW: Duration = Duration::from_millis(20);

/// Answers after [`SLOW`] with a source that pauses for `pause`, and tells how long after the
/// handler's beginning it was asked again.
fn slow(pause: Duration, tell: Sender<Duration>) -> impl Handler + Send + 'static {
    move |_: &Request<'_>, reply: Reply<'_>| {
        let (began, tell) = (Instant::now(), tell.clone());
        thread::sleep(SLOW);
        reply.stream(move |piece: &mut Piece<'_>| {
            if piece.is_first() {
                return Next::After(pause);
            }
            tell.send(began.elapsed()).expect("the test is there");
            Next::Done
        })
    }
}

#[test]
fn a_pause_counts_from_the_beginning_of_its_turn_however_long_that_takes() {
    let pause = SLOW + Duration::from_millis(5);
    let (tell, told) = mpsc::channel();
    let server = Background::start(&config(), slow(pause, tell));
    let mut client = server.connect();
    // A busy machine may hold up some of them, and not all.
    let took = (0..50).map(|_| {
        assert_eq!(client.get("/").status, 200);
        told.recv_timeout(PATIENCE).expect("the source is asked again")
    });
    let in_time = |took: &Duration| *took < pause + SLOW / 2;
    let mut took = took.inspect(|it| assert!(*it > SLOW, "the handler alone takes as long"));
    assert!(took.any(|it| in_time(&it)), "each pause was longer by what its turn took");
}
