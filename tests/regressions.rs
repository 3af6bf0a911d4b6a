//! One test for each defect that was found, numbered in the order in which they were.

#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use oneloop::config::LINGER_SPANS_MAX;
use oneloop::engine::{
    Accepted, Admission, ClientId, Clients, Engine, Evictable, Interest, Shortage, Time,
};
use oneloop::handlers::FixedText;
use oneloop::testing::{Listener, Pipe, PipeStream};
use oneloop::{CloseReason, Limits, Next, Piece, Reply, Request, Stopped, Timeouts};

/// One client that says `words`, by way of these limits.
fn clients_of(words: &'static [&'static [u8]], limits: Limits) -> Clients<PipeStream> {
    let mut clients = Clients::new(limits, Timeouts::default(), SystemTime::UNIX_EPOCH);
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    clients.admit(Pipe::saying(words).stream(), peer, Time::START);
    clients
}

/// A deadline that ends a connection at once took it out of the timers without freeing it.
#[test]
fn r1_a_client_whose_deadline_closes_it_is_freed() {
    let mut clients = clients_of(&[], Limits::default());
    let late = Time::START + Timeouts::default().first_byte * 2;
    clients.expire(late, &mut FixedText::new(*b"text"));
    clients.free();
    assert_eq!(clients.len(), 0);
    assert_eq!(clients.metrics().closed(CloseReason::FirstByteTimeout), 1);
}

/// A last answer that used up the client's budget for the turn left it closed and not freed.
#[test]
fn r2_a_client_whose_last_answer_uses_up_its_budget_is_freed() {
    let mut limits = Limits::default();
    limits.turn_bytes_max = 4096;
    let mut clients = clients_of(&[b"GET / HTTP/1.0\r\n\r\n"], limits);
    let mut handler = FixedText::new(vec![b'x'; 5000]);
    while clients.has_runnable() {
        clients.drive(Time::START, &mut handler);
    }
    clients.free();
    assert_eq!(clients.len(), 0);
    assert_eq!(clients.metrics().closed(CloseReason::Answered), 1);
}

/// A client was evicted as idle although its next request had come, only no event for it yet.
#[test]
fn r3_a_client_whose_request_has_come_is_not_evicted() {
    let words: &[&[u8]] = &[b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"];
    let mut clients = clients_of(words, Limits::default());
    let mut handler = FixedText::new(*b"text");
    clients.drive(Time::START, &mut handler);
    assert_eq!(clients.metrics().requests, 0);
    let later = Time::START + Duration::from_secs(1);
    assert!(!clients.evict(Evictable::Idle, later, &mut handler));
    assert_eq!((clients.len(), clients.metrics().requests), (1, 1));
    assert!(clients.evict(Evictable::Idle, later + Duration::from_secs(5), &mut handler));
    assert_eq!(clients.metrics().closed(CloseReason::Evicted), 1);
}

/// The worst-case memory that is logged at the start was added up without regard to overflow.
#[cfg(feature = "cli")]
#[test]
fn r4_an_absurd_limit_is_no_panic() {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_oneloop"));
    let absurd = ["-l", "127.0.0.1:0", "--output-high-water", "18446744073709551615"];
    let program = program.args(absurd).env("RUST_LOG", "debug");
    let mut child = program.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut log = io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("memory at worst") {
        line.clear();
        let read = io::BufRead::read_line(&mut log, &mut line).unwrap();
        assert!(read > 0, "it has ended before it said its limits");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The logger's complaint about `RUST_LOG` panicked if nobody could read it.
#[cfg(all(feature = "cli", target_os = "linux"))]
#[test]
fn r5_a_wrong_rust_log_is_no_panic_even_if_standard_error_is_full() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_oneloop"));
    let program = program.args(["-l", "256.0.0.1:0"]).env("RUST_LOG", "a=b").stderr(full);
    assert_eq!(program.status().unwrap().code(), Some(2), "no panic at a mistake");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_oneloop"));
    let program = program.args(["-l", &address]).env("RUST_LOG", "a=b").stderr(full);
    assert_eq!(program.status().unwrap().code(), Some(1), "no panic behind the logger's start");
}

/// A client that lingered behind its last answer when the server stopped was counted as cut off,
/// although it had been answered: the reason that was first has to stay.
#[test]
fn r6_a_lingering_client_that_is_cut_off_keeps_the_reason_of_its_answer() {
    let mut clients = clients_of(&[b"hello\r\n"], Limits::default());
    clients.drive(Time::START, &mut FixedText::new(*b"text").strict());
    assert_eq!(clients.metrics().faults, 1);
    clients.cut_off();
    assert_eq!(clients.len(), 0);
    let closed = |reason| clients.metrics().closed(reason);
    assert_eq!((closed(CloseReason::Fault), closed(CloseReason::CutOff)), (1, 0));
}

/// When accepting had rested for want of descriptors and then there was no room either, the end
/// of that rest stayed due: the loop turned without a pause until somebody left.
#[test]
fn r7_a_rest_of_accepting_that_is_over_is_not_due_again() {
    let words: &[&[u8]] = &[b"", b"GET / HT"];
    let mut clients = clients_of(words, Limits::default());
    let mut handler = FixedText::new(*b"text");
    clients.drive(Time::START, &mut handler);
    let out_of_descriptors =
        || Accepted::Exhausted(Shortage::Systems, io::Error::from_raw_os_error(23));
    let mut admission = Admission::new(vec![Listener::failing(out_of_descriptors)], 1, 1);
    admission.on_ready(0);
    let begins = Time::START + Duration::from_secs(1);
    admission.accept(&mut clients, &mut handler, begins);
    assert_eq!(clients.len(), 1, "its request has begun, so it is not evicted");
    let over = admission.next_due().unwrap();
    assert!(over > begins);
    admission.accept(&mut clients, &mut handler, over);
    assert_eq!(admission.next_due(), None);
}

/// A percent sign that encodes nothing was taken for a part of a host's name (found by fuzzing).
/// RFC 9112 §3.2 demands a 400 for an invalid `Host`, and RFC 3986 §3.2.2 says which are.
#[test]
fn r8_a_host_with_a_percent_sign_that_encodes_nothing_is_refused() {
    let refused: [&[&[u8]]; 4] = [
        &[b"GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n"],
        &[b"GET / HTTP/1.1\r\nHost: a%4\r\n\r\n"],
        &[b"GET / HTTP/1.1\r\nHost: %:80\r\n\r\n"],
        &[b"GET / HTTP/1.0\r\nHost: %\r\n\r\n"],
    ];
    let mut handler = FixedText::new(*b"text").strict();
    for words in refused {
        let mut clients = clients_of(words, Limits::default());
        clients.drive(Time::START, &mut handler);
        let metrics = clients.metrics();
        assert_eq!((metrics.requests, metrics.faults), (0, 1), "{}", words[0].escape_ascii());
    }
    let mut clients =
        clients_of(&[b"GET / HTTP/1.1\r\nHost: a%4Cb%7e:80\r\n\r\n"], Limits::default());
    clients.drive(Time::START, &mut handler);
    assert_eq!(clients.metrics().requests, 1);
}

/// Told to stop, the server answered the first of the pipelined requests that it had received whole
/// and dropped the others.
#[test]
fn r9_pipelined_requests_that_are_whole_are_all_answered_when_the_server_stops() {
    let three: &[&[u8]] = &[b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\
                  GET / HTTP/1.1\r\nHost: a\r\n\r\n\
                  GET / HTTP/1.1\r\nHost: a\r\n\r\n"];
    let mut clients = clients_of(three, Limits::default());
    clients.drain();
    clients.drive(Time::START, &mut FixedText::new(*b"text").strict());
    assert_eq!(clients.metrics().requests, 3);
}

/// An error of accepting that was not known was taken for that of one connection. The loop asked for
/// the next in each turn, without a pause, and for ever when it was told to stop.
#[test]
fn r10_accepting_rests_whatever_error_goes_on() {
    type Failure = fn() -> Accepted<PipeStream>;
    let failures: [(Failure, usize); 4] = [
        (|| Accepted::Refused(io::Error::from_raw_os_error(1)), 1),
        (|| Accepted::Lost, 1),
        (|| Accepted::Exhausted(Shortage::Ours, io::Error::from_raw_os_error(24)), 0),
        (|| Accepted::Exhausted(Shortage::Systems, io::Error::from_raw_os_error(23)), 0),
    ];
    for (failure, idle_left) in failures {
        let mut clients = clients_of(&[], Limits::default());
        let mut handler = FixedText::new(*b"text");
        clients.drive(Time::START, &mut handler);
        let mut admission = Admission::new(vec![Listener::failing(failure)], 10, 1000);
        admission.on_ready(0);
        let now = Time::START + Duration::from_secs(1);
        admission.accept(&mut clients, &mut handler, now);
        assert!(!admission.is_possible(&clients, now), "it rests");
        let due = admission.next_due().unwrap();
        assert!(due >= now + Duration::from_millis(100) && admission.is_possible(&clients, due));
        assert_eq!(clients.len(), idle_left, "only for want of descriptors somebody has to go");
    }
}

/// Descriptors that stay used up although an idle client was closed for them made all the idle go,
/// in one turn.
#[test]
fn r11_one_idle_client_at_most_is_closed_in_vain() {
    let mut clients = clients_of(&[], Limits::default());
    let mut handler = FixedText::new(*b"text");
    for port in 2..10 {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        clients.admit(Pipe::new().stream(), peer, Time::START);
    }
    clients.drive(Time::START, &mut handler);
    let exhausted = || Accepted::Exhausted(Shortage::Ours, io::Error::from_raw_os_error(24));
    let mut admission = Admission::new(vec![Listener::failing(exhausted)], 1000, 1000);
    admission.on_ready(0);
    admission.accept(&mut clients, &mut handler, Time::START + Duration::from_secs(1));
    assert_eq!(clients.len(), 8);
}

/// A call that was interrupted was made again without a bound, so that the loop never came back to
/// look at the signal.
#[test]
fn r12_a_call_that_is_interrupted_for_ever_ends_its_client_and_not_the_loop() {
    let mut clients = Clients::new(Limits::default(), Timeouts::default(), SystemTime::UNIX_EPOCH);
    let pipe = Pipe::new();
    pipe.interrupt(usize::MAX);
    clients.admit(pipe.stream(), SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), Time::START);
    clients.drive(Time::START, &mut FixedText::new(*b"text"));
    assert_eq!(clients.metrics().closed(CloseReason::Reset), 1);
    assert!(clients.metrics().receives < 100);
    assert!(pipe.is_reset(), "an ordinary end could pass for the end of an answer");
}

/// Clients that each say one of these, and may do no more in a turn than `turn_bytes_max`.
fn clients_in_small_turns(words: &[Vec<u8>], turn_bytes_max: usize) -> Clients<PipeStream> {
    let mut limits = Limits::default();
    limits.turn_bytes_max = turn_bytes_max;
    let mut clients = Clients::new(limits, Timeouts::default(), SystemTime::UNIX_EPOCH);
    for (port, words) in (1..).zip(words) {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        clients.admit(Pipe::saying(&[words]).stream(), peer, Time::START);
    }
    clients
}

/// This, and then a letter for longer than is looked at here.
fn going_on(beginning: &[u8]) -> Vec<u8> {
    let mut words = beginning.to_vec();
    words.resize(1024 * 1024, b'x');
    words
}

/// Each look before a deadline that ended with its budget gave the client another place on the run
/// queue. With more clients than one batch takes, each place was a turn more for it, and a client
/// fewer in every batch.
#[test]
fn r13_a_client_that_is_looked_at_again_and_again_has_one_place_on_the_run_queue() {
    // A long head is looked at again with each piece, which is dear. These stay so short that no batch
    // has to put off a part of its clients, whose receives would be missing in the next turn.
    let words = vec![going_on(b"GET / HTTP/1.1\r\nA: "); 128];
    let mut clients = clients_in_small_turns(&words, 256);
    let mut handler = FixedText::new(*b"text");
    for _ in 0..2 {
        clients.drive(Time::START, &mut handler);
    }
    let late = Time::START + Duration::from_secs(3600);
    for turn in 0..8 {
        let receives = clients.metrics().receives;
        clients.drive(late, &mut handler);
        assert_eq!(clients.metrics().receives - receives, 64, "in turn {turn}");
        clients.expire(late, &mut handler);
    }
}

/// A client that went on sending behind its last answer was looked at again in each turn once its
/// time was over. Until it stopped, it stayed, and no source was asked for the next piece of its
/// answer.
#[test]
fn r14_a_client_that_sends_without_end_ends_by_its_deadline_and_keeps_none_from_theirs() {
    let words = [going_on(b"\0"), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()];
    let mut clients = clients_in_small_turns(&words, 1024);
    let mut handler = |_: &Request<'_>, reply: Reply<'_>| {
        reply.stream(|piece: &mut Piece<'_>| {
            piece.append("piece");
            Next::After(Duration::from_secs(1))
        })
    };
    let mut now = Time::START;
    for _ in 0..5 {
        clients.drive(now, &mut handler);
    }
    for span in 1..=LINGER_SPANS_MAX {
        assert_eq!(clients.metrics().closed_total(), 0, "in span {span}");
        now = now + Duration::from_secs(60);
        clients.drive(now, &mut handler);
        let pieces = clients.metrics().pieces;
        clients.expire(now, &mut handler);
        // Closing a connection takes all of a turn as small as these.
        let asked = u64::from(span < LINGER_SPANS_MAX);
        assert_eq!(clients.metrics().pieces - pieces, asked, "in span {span}");
    }
    assert_eq!(clients.metrics().closed(CloseReason::Fault), 1);
}

/// Clients in front of a poll that has room for some of them.
struct ShortPoll {
    engine: Engine<Listener>,
    pipes: Vec<Pipe>,
    room: Cell<usize>,
    asked: Cell<usize>,
    refusal: io::ErrorKind,
}

impl ShortPoll {
    fn new(count: u16, refusal: io::ErrorKind) -> ShortPoll {
        let mut clients =
            Clients::new(Limits::default(), Timeouts::default(), SystemTime::UNIX_EPOCH);
        let pipes: Vec<Pipe> = (0..count).map(|_| Pipe::new()).collect();
        for (port, pipe) in (1..).zip(&pipes) {
            clients.admit(
                pipe.stream(),
                SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
                Time::START,
            );
        }
        let (room, asked) = (Cell::new(0), Cell::new(0));
        ShortPoll { engine: Listener::absent(clients), pipes, room, asked, refusal }
    }

    /// Takes a turn so many milliseconds after the start, and says how often the poll was asked.
    fn turn(&mut self, millis: u64) -> usize {
        let (room, asked, refusal) = (&self.room, &self.asked, self.refusal);
        asked.set(0);
        let mut poll = |_: ClientId, _: &mut PipeStream, _: Option<Interest>, _: Interest| {
            asked.set(asked.get() + 1);
            room.set(room.get().checked_sub(1).ok_or(refusal)?);
            Ok(())
        };
        let now = Time::START + Duration::from_millis(millis);
        assert!(self.engine.turn(now, &mut FixedText::new(*b"text"), &mut poll).is_continue());
        asked.get()
    }

    /// When the next turn is due, in milliseconds after the start, if the last was then.
    fn due(&self, millis: u64) -> Option<u64> {
        let due = self.engine.due(Time::START + Duration::from_millis(millis))?;
        Some(due.since(Time::START).as_millis() as u64)
    }
}

/// A client that the system had no registration or no memory left for was closed at once.
#[test]
fn r15_a_client_waits_while_the_system_is_short_of_registrations() {
    for refusal in [io::ErrorKind::StorageFull, io::ErrorKind::OutOfMemory] {
        let mut poll = ShortPoll::new(3, refusal);
        poll.room.set(1);
        assert_eq!((poll.turn(0), poll.due(0)), (2, Some(100)), "one refusal stands for all");
        assert_eq!((poll.turn(99), poll.due(99)), (0, Some(100)));
        assert_eq!((poll.turn(100), poll.due(100)), (1, Some(200)));
        poll.room.set(2);
        assert_eq!(poll.turn(200), 2);
        let first_byte = Timeouts::default().first_byte.as_millis() as u64;
        assert!(poll.due(200) >= Some(first_byte), "all are known, and nothing is asked again");
        assert_eq!(poll.engine.clients().metrics().closed_total(), 0);
    }
}

/// The same: and at its deadline, what it had sent was not answered.
#[test]
fn r15_a_client_that_is_never_registered_is_answered_at_its_deadline() {
    let mut poll = ShortPoll::new(2, io::ErrorKind::StorageFull);
    poll.turn(0);
    poll.pipes[0].say(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let late = Timeouts::default().first_byte.as_millis() as u64 + 1000;
    poll.turn(late);
    assert!(poll.pipes[0].sent().starts_with(b"HTTP/1.1 200 "));
    let metrics = poll.engine.clients().metrics();
    assert_eq!((metrics.closed(CloseReason::FirstByteTimeout), metrics.closed_total()), (1, 1));
}

/// The same: they are many, and one turn does not ask for all of them when there is room again.
#[test]
fn r15_a_crowd_that_waited_is_registered_in_several_turns() {
    let mut poll = ShortPoll::new(3000, io::ErrorKind::StorageFull);
    let mut turns = 0;
    while poll.due(0) == Some(0) || turns == 0 {
        poll.turn(0);
        turns += 1;
    }
    assert_eq!(poll.due(0), Some(100), "after {turns} turns");
    poll.room.set(3000);
    for asked in [1024, 1024, 952] {
        assert_eq!(poll.due(0), Some(100));
        assert_eq!(poll.turn(100), asked);
    }
    assert_ne!(poll.due(100), Some(100));
}

/// A server that ended while the system was short of registrations said for ever that its next turn was
/// due, and a loop around it would not have slept.
#[test]
fn r16_a_stopped_engine_is_not_due_although_a_registration_was_refused() {
    let mut poll = ShortPoll::new(1, io::ErrorKind::StorageFull);
    assert_eq!((poll.turn(0), poll.due(0)), (1, Some(100)));
    // Told twice, it cuts the client off at once.
    for _ in 0..2 {
        poll.engine.stop(Stopped::CutOff, Time::START);
    }
    assert_eq!(poll.engine.stopped(), Some(Stopped::CutOff));
    assert_eq!(poll.due(200), None);
}
