//! Sources that wait until another part of the program wakes them: from another thread over real
//! sockets, and from a handler of the same loop.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use oneloop::engine::{ClientId, Clients, Engine, Interest, Readiness, Time};
use oneloop::testing::{Listener, Pipe, PipeStream};
use oneloop::{Limits, Next, Piece, Reply, Request, Timeouts, Waker};

#[path = "support/sockets.rs"]
mod sockets;

use sockets::{Background, SLACK, config};

const HOUR: Duration = Duration::from_secs(3600);

/// Longer than an empty piece keeps a source from being asked again.
const REST: Duration = Duration::from_millis(1);

#[test]
fn another_thread_wakes_a_loop_that_sleeps() {
    let (tell_waker, told) = mpsc::channel::<Waker>();
    let (say, said) = mpsc::channel::<&'static str>();
    let mut said = Some(said);
    let server = Background::start(&config(), move |request: &Request<'_>, reply: Reply<'_>| {
        let Some(said) = said.take_if(|_| request.path() == "/wait") else {
            return reply.send(request.path());
        };
        let tell_waker = tell_waker.clone();
        reply.stream(move |piece: &mut Piece<'_>| {
            if piece.is_first() {
                tell_waker.send(piece.waker()).unwrap();
            }
            match said.try_recv() {
                Ok("end") => return Next::Done,
                Ok(bytes) => piece.append(bytes),
                Err(_) => {}
            }
            Next::Wait(HOUR)
        })
    });
    let mut client = server.connect();
    client.ask("/wait");
    let waker = told.recv().unwrap();
    client.answer_head();
    // By now the loop sleeps, and would for an hour.
    server.wait_until(|seen| seen.metrics.pieces == 1);
    for (bytes, sent) in [("one", "3\r\none\r\n"), ("two", "3\r\ntwo\r\n"), ("end", "0\r\n\r\n")] {
        let began = Instant::now();
        say.send(bytes).unwrap();
        waker.wake();
        assert_eq!(client.take_exactly(sent.len()), sent.as_bytes());
        assert!(began.elapsed() < SLACK, "{bytes} took {:?}", began.elapsed());
    }
    let asked = server.wait_until(|seen| seen.metrics.pieces >= 4).metrics.pieces;
    assert_eq!(asked, 4, "nothing polls");
    // Its answer is over, and so is what it wakes.
    waker.wake();
    assert_eq!(client.get("/after").text(), "/after");
    assert_eq!(server.seen().metrics.pieces, asked);
}

/// What is published, and who is to be woken for it. Neither could be sent to another thread.
#[derive(Default)]
struct Board {
    events: Vec<String>,
    wakers: Vec<Waker>,
    asked: usize,
}

/// A loop in memory whose clients read the board, or write on it.
struct Loop {
    engine: Engine<Listener>,
    board: Rc<RefCell<Board>>,
    now: Time,
}

impl Loop {
    fn new() -> Loop {
        let timeouts = Timeouts::default();
        let clients = Clients::new(Limits::default(), timeouts, SystemTime::UNIX_EPOCH);
        Loop { engine: Listener::absent(clients), board: Rc::default(), now: Time::START }
    }

    fn come(&mut self, says: &[u8]) -> (Pipe, ClientId) {
        let pipe = Pipe::saying(&[says]);
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let id = self.engine.clients_mut().admit(pipe.stream(), peer, self.now);
        self.turn();
        (pipe, id)
    }

    fn turn(&mut self) {
        let board = &self.board;
        let handler = &mut |request: &Request<'_>, reply: Reply<'_>| {
            if request.path() == "/publish" {
                let mut board = board.borrow_mut();
                board.events.push(String::from_utf8_lossy(request.body()).into_owned());
                board.wakers.iter().for_each(Waker::wake);
                return reply.send("published");
            }
            let (board, mut seen) = (Rc::clone(board), 0);
            reply.stream(move |piece: &mut Piece<'_>| {
                let mut board = board.borrow_mut();
                board.asked += 1;
                if piece.is_first() {
                    board.wakers.push(piece.waker());
                }
                board.events[seen..].iter().for_each(|event| piece.append(event));
                seen = board.events.len();
                Next::Wait(HOUR)
            })
        };
        self.engine.clients_mut().on_polled(self.now);
        let _ = self.engine.turn(self.now, handler, &mut |_, _: &mut PipeStream, _, _| Ok(()));
    }

    fn asked(&self) -> usize {
        self.board.borrow().asked
    }
}

const READ: &[u8] = b"GET /read HTTP/1.1\r\nHost: a\r\n\r\n";
const PUBLISH: &[u8] = b"POST /publish HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn a_handler_wakes_the_sources_of_other_clients() {
    let mut it = Loop::new();
    let readers: Vec<_> = (0..3).map(|_| it.come(READ)).collect();
    readers.iter().for_each(|(pipe, _)| assert!(!pipe.take_sent().ends_with(b"hello\r\n")));
    assert_eq!(it.asked(), 3);
    assert_eq!(it.engine.due(it.now), Some(it.now + HOUR));
    it.now = it.now + REST;
    let (writer, _) = it.come(PUBLISH);
    assert!(writer.take_sent().ends_with(b"published"));
    assert_eq!(it.engine.due(it.now), Some(it.now), "somebody is woken");
    it.turn();
    for (pipe, _) in &readers {
        assert!(pipe.take_sent().ends_with(b"5\r\nhello\r\n"));
    }
    assert_eq!(it.asked(), 6, "each is asked once");
    assert!(it.engine.due(it.now).is_some_and(|due| due > it.now), "the loop can sleep again");
}

#[test]
fn a_source_that_has_just_given_nothing_is_woken_after_a_millisecond() {
    let mut it = Loop::new();
    let (reader, _) = it.come(READ);
    it.board.borrow().wakers[0].wake();
    it.turn();
    assert_eq!((it.asked(), it.engine.due(it.now)), (1, Some(it.now + REST)));
    it.now = it.now + REST;
    it.turn();
    assert_eq!((it.asked(), it.engine.due(it.now)), (2, Some(it.now + HOUR)));
    assert!(!reader.is_closed());
}

#[test]
fn a_wake_is_not_lost_while_the_piece_before_is_being_sent() {
    let mut it = Loop::new();
    let (reader, id) = it.come(READ);
    reader.take_sent();
    reader.give_room(3);
    it.now = it.now + REST;
    it.come(PUBLISH);
    it.turn();
    assert_eq!(reader.sent_bytes(), 3, "it is in the middle of its piece");
    it.come(PUBLISH);
    it.turn();
    reader.give_room(usize::MAX);
    it.engine.clients_mut().note(id, reader.take_readiness(Interest::ReadableAndWritable).unwrap());
    it.turn();
    assert!(reader.take_sent().ends_with(b"5\r\nhello\r\n5\r\nhello\r\n"));
}

#[test]
fn a_waker_whose_client_has_gone_wakes_nothing_else() {
    let mut it = Loop::new();
    let (reader, id) = it.come(READ);
    let stale = it.board.borrow_mut().wakers.remove(0);
    reader.reset();
    let told = reader.take_readiness(Interest::ReadableAndWritable).unwrap();
    it.engine.clients_mut().note(id, told | Readiness::LOST);
    it.turn();
    assert!(reader.is_closed());
    let (next, next_id) = it.come(READ);
    assert_eq!(next_id.slot(), id.slot(), "the slot is used again");
    let asked = it.asked();
    it.now = it.now + REST;
    stale.wake();
    it.turn();
    it.turn();
    assert_eq!(it.asked(), asked);
    drop((next, it));
    stale.wake();
}

/// A stream of events has no end of its own: a server that is told to stop asks it once more.
#[test]
fn a_source_that_waits_can_end_its_body_when_the_server_stops() {
    let server = Background::start(&config(), |_: &Request<'_>, reply: Reply<'_>| {
        reply.stream(|piece: &mut Piece<'_>| {
            if piece.is_stopping() {
                piece.append("bye");
                return Next::Done;
            }
            piece.append("hi");
            Next::Wait(HOUR)
        })
    });
    let mut client = server.connect();
    client.ask("/");
    client.answer_head();
    let first = b"2\r\nhi\r\n";
    assert_eq!(client.take_exactly(first.len()), first);
    let began = Instant::now();
    server.stop_handle().stop();
    let last = b"3\r\nbye\r\n0\r\n\r\n";
    assert_eq!(client.take_exactly(last.len()), last);
    assert_eq!(client.end(), sockets::End::Closed);
    assert_eq!(server.stopped(), oneloop::Stopped::Drained);
    assert!(began.elapsed() < SLACK, "it took {:?}", began.elapsed());
}
