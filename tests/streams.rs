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

#[path = "support/sockets.rs"]
mod sockets;

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

/// The content of a chunked answer that has to be the last thing sent, and how often a chunk ended.
fn unchunked(mut rest: &str) -> (String, usize) {
    let (mut content, mut chunks) = (String::new(), 0);
    loop {
        let (size, behind) = rest.split_once("\r\n").expect("a chunk's size");
        let size = usize::from_str_radix(size, 16).expect("a hexadecimal size");
        content += &behind[..size];
        rest = behind[size..].strip_prefix("\r\n").expect("a line end behind a chunk");
        if size == 0 {
            assert_eq!(rest, "");
            return (content, chunks);
        }
        chunks += 1;
    }
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
        client.send(request);
        assert_eq!(client.end_after_anything(), End::Closed);
        let said = String::from_utf8(client.take_exactly(client.received_bytes())).unwrap();
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    };
    let (head, body) = whole(close("/drip"));
    assert!(head.contains("Transfer-Encoding: chunked\r\nConnection: close"), "{head}");
    assert_eq!(unchunked(&body), ("one\ntwo\nthree\n".to_owned(), 3));
    let (head, body) = whole(old("/drip"));
    assert!(!head.contains("Transfer-Encoding") && head.ends_with("Connection: close"), "{head}");
    assert_eq!(body, "one\ntwo\nthree\n");
    let (head, body) = whole(old("/drip/sized"));
    assert!(head.contains("Content-Length: 14\r\n"), "{head}");
    assert_eq!(body, "one\ntwo\nthree\n");
    let (head, body) = whole(close("/drip").replace("GET", "HEAD"));
    assert!(head.contains("Transfer-Encoding: chunked") && body.is_empty(), "{head}");
    let (head, body) = whole(close("/drip/204"));
    assert!(!head.contains("Transfer-Encoding") && body.is_empty(), "{head}");
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
    assert_eq!(server.seen().metrics.requests, 2);
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
    client.answer_head();
    assert_eq!(client.end_after_anything(), End::Closed);
    let body = String::from_utf8(client.take_exactly(client.received_bytes())).unwrap();
    assert!(unchunked(&body).0.as_bytes() == expected);
}

/// A client's budget for a turn is 1 MiB, and a piece counts for 1 KiB beside its bytes.
#[test]
fn endless_streams_do_not_keep_others_from_being_served() {
    let pieces_per_turn_max = 1024 * 1024 / (PIECE_BYTES + 1024) + 1;
    for (path, pieces_per_turn_max) in
        [("/lines/endless", pieces_per_turn_max), ("/bytes/endless", 1024)]
    {
        let server = server();
        let mut watcher = server.connect();
        watcher.ask(path);
        watcher.answer_head();
        let reader = thread::spawn(move || {
            while let Ok(1..) = watcher.receive(256 * 1024) {
                let _ = watcher.take_exactly(watcher.received_bytes());
            }
        });
        for _ in 0..20 {
            assert_eq!(server.connect().get("/other").status, 200);
        }
        let metrics = server.wait_until(|seen| seen.metrics.pieces > 1000).metrics;
        let most = metrics.turns * pieces_per_turn_max;
        assert!(metrics.pieces <= most, "{path}: {} in {} turns", metrics.pieces, metrics.turns);
        drop(server);
        reader.join().unwrap();
    }
}

#[test]
fn a_source_with_nothing_to_give_does_not_keep_the_loop_awake() {
    let server = server();
    let began = Instant::now();
    let mut watcher = server.connect();
    watcher.ask("/nothing/endless");
    watcher.answer_head();
    for _ in 0..20 {
        assert_eq!(server.connect().get("/other").status, 200);
    }
    let metrics = server.wait_until(|seen| seen.metrics.pieces >= 20).metrics;
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(18), "asked 20 times within {took:?}");
    let most = 2 + began.elapsed().as_millis() as u64;
    assert!(metrics.pieces <= most, "{} times within {took:?}", metrics.pieces);
    assert!(!watcher.hears_now());
}

#[test]
fn a_watcher_that_is_lost_while_its_source_pauses_is_let_go_at_once() {
    let (server, gate) = gated(&config(), HOUR);
    let mut client = server.connect();
    gate.gives("hello");
    client.ask("/gate");
    client.answer_head();
    assert_eq!(client.take_exactly(10), b"5\r\nhello\r\n");
    // What it sends meanwhile is left unread, and no reason to end.
    client.send(get("/more"));
    assert_eq!(server.connect().get("/other").status, 200);
    assert_eq!(server.wait_until(|seen| seen.clients == 1).metrics.closed_total(), 1);
    SockRef::from(&client.writer()).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    let seen = server.wait_until(|seen| seen.clients == 0);
    assert_eq!(seen.metrics.closed(CloseReason::Reset), 1);
    gate.assert_dropped();
}

#[test]
fn a_watcher_that_closed_is_let_go_with_the_next_pieces() {
    let (server, gate) = gated(&config(), Duration::from_millis(1));
    let mut client = server.connect();
    client.ask("/gate");
    client.answer_head();
    drop(client);
    // The first piece makes the peer's system answer with a reset.
    gate.gives("hello");
    let seen = server.wait_until(|seen| seen.clients == 0);
    assert_eq!(seen.metrics.closed(CloseReason::Reset), 1);
    gate.assert_dropped();
}

#[test]
fn a_client_that_has_closed_its_side_gets_the_whole_answer() {
    let server = server();
    let mut client = server.connect();
    client.ask("/drip");
    client.finish();
    client.answer_head();
    assert_eq!(client.end_after_anything(), End::Closed);
    let body = String::from_utf8(client.take_exactly(client.received_bytes())).unwrap();
    assert_eq!(unchunked(&body).0, "one\ntwo\nthree\n");
    let seen = server.wait_until(|seen| seen.clients == 0);
    assert_eq!(seen.metrics.closed(CloseReason::PeerClosed), 1);
}

#[test]
fn a_stream_may_end_while_the_server_stops() {
    let (server, gate) = gated(&config(), Duration::from_millis(1));
    let mut idle = server.connect();
    assert_eq!(idle.get("/").status, 200);
    let mut client = server.connect();
    client.ask("/gate");
    client.answer_head();
    gate.gives("before");
    assert_eq!(client.take_exactly(11), b"6\r\nbefore\r\n");
    server.handle().stop();
    assert_eq!(idle.end(), End::Closed);
    gate.gives("behind");
    assert_eq!(client.take_exactly(11), b"6\r\nbehind\r\n");
    assert_eq!(server.seen().stopped, None);
    gate.ends();
    assert_eq!(client.take_exactly(5), b"0\r\n\r\n");
    assert_eq!(client.end(), End::Closed);
    assert_eq!(server.stopped(), Stopped::Drained);
}

#[test]
fn a_stream_that_outlives_the_drain_is_cut_off_by_a_reset() {
    for pause in [Duration::from_millis(1), HOUR] {
        let mut config = config();
        config.timeouts.drain = DRIP;
        let (server, gate) = gated(&config, pause);
        let mut client = server.connect();
        // To HTTP/1.0 the end of the connection would be the end of the body.
        client.send(old("/gate"));
        client.answer_head();
        server.handle().stop();
        assert_eq!(server.stopped(), Stopped::CutOff);
        assert_eq!(client.end_after_anything(), End::Reset);
        assert_eq!(server.seen().metrics.closed(CloseReason::CutOff), 1);
        gate.assert_dropped();
    }
}

#[test]
fn whoever_pauses_is_not_idle_and_not_evicted() {
    let mut config = config();
    config.limits.clients_max = Some(2);
    let (server, gate) = gated(&config, Duration::from_millis(1));
    let mut watcher = server.connect();
    watcher.ask("/gate");
    watcher.answer_head();
    let mut idle = server.connect();
    assert_eq!(idle.get("/").status, 200);
    assert_eq!(server.connect().get("/").status, 200, "the idle one had to go");
    assert_eq!(idle.end(), End::Closed);
    gate.gives("still here");
    assert_eq!(watcher.take_exactly(15), b"a\r\nstill here\r\n");
    gate.ends();
    assert_eq!(watcher.take_exactly(5), b"0\r\n\r\n");
}

#[test]
fn more_sources_are_due_at_once_than_one_turn_asks_and_all_are_asked() {
    let mut config = config();
    config.limits.deadlines_per_turn_max = 3;
    let server = Background::start(&config, |request: &Request<'_>, reply: Reply<'_>| {
        answer(request.path(), reply)
    });
    let mut clients: Vec<Client> = (0..100).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.ask("/drip/sized");
    }
    for client in &mut clients {
        assert_eq!(client.answer().text(), "one\ntwo\nthree\n");
    }
    let seen = server.wait_until(|seen| seen.metrics.pieces >= 300);
    assert_eq!(seen.metrics.pieces, 300);
}

/// A panic is a bug of the handler's author, and nothing that a loop could go on from.
#[test]
fn a_panic_of_a_source_is_one_of_its_handler() {
    fn in_handler(_: &Request<'_>, _: Reply<'_>) -> Sent {
        panic!("on purpose")
    }
    fn in_source(_: &Request<'_>, reply: Reply<'_>) -> Sent {
        let mut asked = false;
        reply.stream(move |_: &mut Piece<'_>| {
            assert!(!asked, "on purpose");
            asked = true;
            Next::More
        })
    }
    fn panics(handler: impl Handler) -> bool {
        let mut server = Server::bind(&config(), handler).unwrap();
        let mut client = Client::connect(server.local_addrs()[0]);
        client.ask("/");
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let turn = || server.turn(Some(PATIENCE)).map(drop);
            if panic::catch_unwind(AssertUnwindSafe(turn)).is_err() {
                return true;
            }
        }
        false
    }
    assert!(panics(in_handler));
    assert!(panics(in_source));
}

/// What handlers and sources share needs a lock, because a server may be moved to another thread;
/// nobody ever waits for it.
#[test]
fn what_a_handler_learns_reaches_the_streams_that_are_open() {
    let news = Arc::new(Mutex::new(Vec::<String>::new()));
    let server = Background::start(&config(), move |request: &Request<'_>, reply: Reply<'_>| {
        if request.path() != "/watch" {
            news.lock().unwrap().push(request.path().to_owned());
            return reply.send("told");
        }
        let (news, mut told) = (Arc::clone(&news), 0);
        reply.stream(move |piece: &mut Piece<'_>| {
            for line in &news.lock().unwrap()[told..] {
                piece.append(line);
                told += 1;
            }
            Next::After(Duration::from_millis(1))
        })
    });
    let (mut client, mut other) = (server.connect(), server.connect());
    client.ask("/watch");
    client.answer_head();
    for path in ["/a", "/b"] {
        assert_eq!(other.get(path).text(), "told");
        assert_eq!(client.take_exactly(7), format!("2\r\n{path}\r\n").as_bytes());
    }
}
