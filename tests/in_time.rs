//! What came in time is answered, however late the server looks: after the whole process stood
//! still, and in a program that seldom calls `turn`.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use oneloop::engine::{ClientId, Clients, Engine, Readiness, Time};
use oneloop::handlers::FixedText;
use oneloop::testing::{Answer, Listener, Pipe};
use oneloop::{CloseReason, Limits, Reply, Request, Sent, Server, Timeouts};

#[path = "support/needed.rs"]
mod needed;
#[path = "support/sockets.rs"]
mod sockets;

use needed::may_have_descriptors;
use sockets::{Client, PATIENCE, config, get};

/// Each timeout is one second, so that any of them is over at [`LATE`].
const TIMEOUT: Duration = Duration::from_secs(1);

/// The server was held up for so long.
const LATE: Duration = Duration::from_secs(5);

fn timeouts(typing_grace: Option<Duration>) -> Timeouts {
    let mut timeouts = Timeouts::default();
    timeouts.first_byte = TIMEOUT;
    timeouts.head = TIMEOUT;
    timeouts.typing_grace = typing_grace;
    timeouts.body = TIMEOUT;
    timeouts.write = TIMEOUT;
    timeouts.idle = TIMEOUT;
    timeouts.linger = TIMEOUT;
    timeouts.drain = TIMEOUT;
    timeouts
}

/// One client, who has said `before` when the server is held up, and says `meanwhile` then.
struct Late {
    engine: Engine<Listener>,
    client: Pipe,
    id: ClientId,
    handler: FixedText,
}

impl Late {
    fn new(limits: Limits, timeouts: Timeouts, before: &[u8], meanwhile: &[u8]) -> Late {
        let mut clients = Clients::new(limits, timeouts, SystemTime::UNIX_EPOCH);
        let client = Pipe::new();
        client.say(before);
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let id = clients.admit(client.stream(), peer, Time::START);
        let mut late = Late {
            engine: Listener::absent(clients),
            client,
            id,
            handler: FixedText::new(*b"text").strict(),
        };
        late.turn(Time::START);
        late.client.say(meanwhile);
        late
    }

    /// A turn in which the poll reports nothing.
    fn turn(&mut self, now: Time) {
        let flow = self.engine.turn(now, &mut self.handler, &mut |_, _: &mut _, _, _| Ok(()));
        assert!(flow.is_continue(), "nobody stops it");
    }

    /// Turns until the client waits for its peer again, or has gone.
    fn go_on_after(&mut self, pause: Duration) {
        let now = Time::START + pause;
        self.turn(now);
        while self.engine.clients().has_runnable()
            || self.engine.clients().next_due().is_some_and(|due| due <= now)
        {
            self.turn(now);
        }
    }

    /// The statuses of the answers that it has been sent.
    fn statuses(&self) -> Vec<u16> {
        let sent = self.client.sent();
        let (answers, rest) = Answer::read_all(&sent, [""; 0]);
        assert!(rest.is_empty(), "{}", rest.escape_ascii());
        answers.iter().map(Answer::status).collect()
    }

    fn closed(&self, reason: CloseReason) -> u64 {
        self.engine.clients().metrics().closed(reason)
    }
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HALF_GET: &[u8] = b"GET / HTTP/1.1\r\nHo";
const OTHER_HALF: &[u8] = b"st: a\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe";

#[track_caller]
fn assert_answered(
    typing_grace: Option<Duration>,
    before: &[u8],
    meanwhile: &[u8],
    answers: usize,
) {
    let mut late = Late::new(Limits::default(), timeouts(typing_grace), before, meanwhile);
    late.go_on_after(LATE);
    assert_eq!(late.statuses(), vec![200; answers]);
    assert_eq!(late.engine.clients().len(), 1, "the connection is kept");
}

#[test]
fn in_every_state_a_request_that_came_in_time_is_answered() {
    assert_answered(None, b"", GET, 1);
    assert_answered(None, GET, GET, 2);
    assert_answered(None, HALF_GET, OTHER_HALF, 1);
    assert_answered(Some(TIMEOUT / 10), HALF_GET, OTHER_HALF, 1);
    assert_answered(None, POST, b"llo", 1);
    assert_answered(None, b"\r\n", GET, 1);
}

#[test]
fn whoever_sent_nothing_meanwhile_is_closed_as_ever() {
    for (before, reason, statuses) in [
        (&b""[..], CloseReason::FirstByteTimeout, &[][..]),
        (GET, CloseReason::IdleTimeout, &[200]),
        (HALF_GET, CloseReason::HeadTimeout, &[408]),
        (POST, CloseReason::BodyTimeout, &[408]),
    ] {
        let mut late = Late::new(Limits::default(), timeouts(None), before, b"");
        late.go_on_after(LATE);
        late.go_on_after(LATE * 2);
        assert_eq!(late.statuses(), statuses, "{reason:?}");
        assert_eq!(late.closed(reason), 1, "{reason:?}");
    }
}

#[test]
fn part_of_a_head_that_came_in_time_is_no_reason_to_wait_for_the_rest() {
    let mut late = Late::new(Limits::default(), timeouts(None), HALF_GET, b"st: a\r\n");
    late.go_on_after(LATE);
    assert_eq!(late.statuses(), [408]);
}

#[test]
fn enough_of_a_body_that_came_in_time_is_progress() {
    for (bytes, statuses) in [(500, &[200][..]), (499, &[408])] {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
        let mut late =
            Late::new(Limits::default(), timeouts(None), head.as_bytes(), &vec![b'x'; bytes]);
        late.go_on_after(LATE);
        late.client.say(vec![b'x'; 1000 - bytes]);
        late.go_on_after(LATE + TIMEOUT * 2);
        assert_eq!(late.statuses(), statuses, "{bytes} bytes");
    }
}

/// A body of which a turn's budget takes only a part is looked at to its end in further turns.
#[test]
fn a_long_body_that_came_in_time_is_received_to_its_end() {
    let mut limits = Limits::default();
    limits.turn_bytes_max = 1024;
    limits.progress_bytes_per_second_min = 200_000;
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 150000\r\n\r\n";
    let mut late = Late::new(limits, timeouts(None), head.as_bytes(), &[b'x'; 150_000]);
    late.go_on_after(LATE);
    assert_eq!(late.statuses(), [200]);
}

/// Their empty lines make no client any less idle, and do not keep the others' deadlines waiting.
#[test]
fn empty_lines_without_end_are_looked_at_once() {
    // Enough for the request before them, and for 1,024 of a million lines.
    let mut limits = Limits::default();
    limits.turn_bytes_max = 16 * 1024;
    let mut late = Late::new(limits, timeouts(None), GET, &b"\r\n".repeat(1_000_000));
    late.turn(Time::START + LATE);
    assert_eq!(late.closed(CloseReason::IdleTimeout), 1);
}

#[test]
fn what_came_while_lingering_is_drained_before_the_end() {
    let mut late = Late::new(Limits::default(), timeouts(None), b"hello\r\n", b"");
    assert_eq!(late.statuses(), [400]);
    late.client.say(b"more of it");
    late.go_on_after(LATE);
    assert_eq!(late.closed(CloseReason::Fault), 1);
    assert_eq!(late.client.unread_bytes(), 0, "closing on it would reset the connection");
}

#[test]
fn room_that_was_made_in_time_is_used() {
    let mut late = Late::new(Limits::default(), timeouts(None), GET, GET);
    late.client.give_room(10);
    late.engine.clients_mut().note(late.id, Readiness::READABLE);
    late.turn(Time::START);
    late.client.give_room(usize::MAX);
    late.go_on_after(LATE);
    assert_eq!(late.statuses(), [200, 200]);
    assert!(late.client.sent().ends_with(b"text"));
    assert_eq!(late.engine.clients().len(), 1);
}

/// How many clients there are, of which a poll returns 1,024 at the most.
const CROWD: u64 = 1500;

/// A server in whose turns the test decides.
struct Seldom {
    server: Server<fn(&Request<'_>, Reply<'_>) -> Sent>,
    clients: Vec<Client>,
}

impl Seldom {
    /// All clients have been answered once and are idle; `None` if this machine is too busy for
    /// that within `idle`.
    fn begin(idle: Duration) -> Option<Seldom> {
        let mut config = config();
        config.timeouts.idle = idle;
        let answer: fn(&Request<'_>, Reply<'_>) -> Sent = |_, reply| reply.send("text");
        let server = Server::bind(&config, answer).unwrap();
        let address = server.local_addrs()[0];
        let clients = (0..CROWD).map(|_| Client::connect(address)).collect();
        let mut seldom = Seldom { server, clients };
        seldom.all_ask();
        seldom.turn_until_answered(CROWD);
        (seldom.server.metrics().closed_total() == 0).then_some(seldom)
    }

    fn all_ask(&mut self) {
        self.clients.iter_mut().for_each(|client| client.send(get("/")));
    }

    fn turn_until_answered(&mut self, requests: u64) {
        let deadline = Instant::now() + PATIENCE;
        let is_done = |server: &Server<_>| {
            server.metrics().requests >= requests || server.metrics().closed_total() > 0
        };
        while !is_done(&self.server) {
            assert!(self.server.turn(Some(PATIENCE)).unwrap().is_continue());
            assert!(Instant::now() < deadline, "they are never answered");
        }
    }
}

#[test]
fn more_clients_than_a_poll_reports_are_answered_by_a_loop_that_seldom_turns() {
    let needed = 2 * CROWD + 100;
    if !may_have_descriptors(
        more_clients_than_a_poll_reports_are_answered_by_a_loop_that_seldom_turns,
        needed,
    ) {
        return;
    }
    let (idle, mut seldom) = [1, 4, 16]
        .into_iter()
        .map(Duration::from_secs)
        .find_map(|idle| Some((idle, Seldom::begin(idle)?)))
        .expect("1,500 requests are answered within 16 seconds");
    seldom.all_ask();
    thread::sleep(idle + idle / 10);
    seldom.turn_until_answered(2 * CROWD);
    let metrics = seldom.server.metrics();
    assert_eq!((metrics.requests, metrics.closed_total()), (2 * CROWD, 0));
}

/// The rest of each request comes while the server drains, and no turn is made until the time for
/// that is over.
#[test]
fn requests_that_came_in_time_are_answered_although_the_time_to_drain_is_over() {
    const CLIENTS: usize = 200;
    let mut config = config();
    config.timeouts.drain = Duration::from_millis(200);
    // One turn has time for a batch of 64.
    config.limits.turn_bytes_max = 4096;
    let answer: fn(&Request<'_>, Reply<'_>) -> Sent = |_, reply| reply.send("text");
    let mut server = Server::bind(&config, answer).unwrap();
    let (first, rest) = ("GET / HTTP/1.1\r\n", "Host: a\r\nConnection: close\r\n\r\n");
    let address = server.local_addrs()[0];
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::connect(address)).collect();
    clients.iter_mut().for_each(|client| client.send(first));
    let deadline = Instant::now() + PATIENCE;
    while server.metrics().received_bytes < (CLIENTS * first.len()) as u64 {
        assert!(server.turn(Some(PATIENCE)).unwrap().is_continue());
        assert!(Instant::now() < deadline, "they are never received from");
    }
    server.stop_handle().stop();
    assert!(server.turn(Some(PATIENCE)).unwrap().is_continue());
    for client in &mut clients {
        client.send(rest);
        client.finish();
    }
    thread::sleep(config.timeouts.drain * 2);
    while server.turn(Some(PATIENCE)).unwrap().is_continue() {
        assert!(Instant::now() < deadline, "it never stops");
    }
    let metrics = server.metrics();
    assert_eq!((metrics.requests, metrics.closed(CloseReason::CutOff)), (CLIENTS as u64, 0));
    for client in &mut clients {
        assert_eq!(client.answer().text(), "text");
    }
}
