//! A turn is bounded in work: however dear the answers are that clients ask for, and however many of
//! them ask at the same time, each turn does about a stage's worth, and one answer more at the most.
//! Those that are not reached come first in the next turn, in the order in which they came.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, SystemTime};

use oneloop::engine::{ClientId, Clients, Engine, Evictable, Readiness, Time};
use oneloop::testing::{Answer, Listener, Pipe};
use oneloop::{ContentPlan, Handler, Limits, Next, Piece, Reply, Request, Sent, Timeouts};

/// As long as this the handler says that an answer took, or a source a piece: twice what a stage is
/// by the usual limits.
const DEAR: Duration = Duration::from_millis(2);

/// How many dear answers one stage may come to: the one that uses it up, and one more, because a
/// batch of clients may overrun its stage by as much again.
const DEAR_PER_STAGE: usize = 2;

/// How many clients run together.
const BATCH: u64 = 64;

/// How many clients there are: two batches and a half.
const CROWD: usize = 160;

/// Answers with the path, and says how dear that was. Keeps the paths in the order of the answers.
#[derive(Default)]
struct Dear {
    answered: Vec<String>,
    content_plan: ContentPlan,
    panics: usize,
}

impl Handler for Dear {
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        let path = request.path();
        self.answered.push(path.to_owned());
        match path.split('/').nth(1) {
            Some("cheap") => reply.send(path),
            Some("pieces") => {
                let mut left = 3;
                reply.stream(move |piece: &mut Piece<'_>| {
                    piece.took(DEAR);
                    piece.append("piece");
                    left -= 1;
                    if left == 0 { Next::Done } else { Next::More }
                })
            }
            Some("panic") => {
                self.panics += 1;
                panic::resume_unwind(Box::new("planned"))
            }
            Some(_) | None => reply.send(path).took(DEAR),
        }
    }

    fn content_plan(&mut self, _: &Request<'_>) -> ContentPlan {
        self.content_plan
    }
}

/// A crowd of clients in memory.
struct Crowd {
    engine: Engine<Listener>,
    ids: Vec<ClientId>,
    peers: Vec<Pipe>,
    handler: Dear,
    now: Time,
}

impl Crowd {
    /// So many clients that are here, and have said nothing yet.
    fn of(count: usize) -> Crowd {
        let (limits, timeouts) = (Limits::default(), Timeouts::default());
        let clients = Clients::new(limits, timeouts, SystemTime::UNIX_EPOCH);
        let handler = Dear::default();
        let engine = Listener::absent(clients);
        let (ids, peers, now) = (Vec::new(), Vec::new(), Time::START);
        let mut crowd = Crowd { engine, ids, peers, handler, now };
        for _ in 0..count {
            let peer = Pipe::new();
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
            let id = crowd.engine.clients_mut().admit(peer.stream(), address, Time::START);
            crowd.ids.push(id);
            crowd.peers.push(peer);
        }
        crowd.turn();
        assert!(!crowd.engine.clients().has_runnable());
        crowd
    }

    /// This client says this, and the poll reports it.
    fn say(&mut self, client: usize, said: &str) {
        self.peers[client].say(said);
        let told = Readiness::READABLE;
        self.engine.clients_mut().note(self.ids[client], told);
    }

    /// A turn. Says how many answers it came to.
    fn turn(&mut self) -> usize {
        let before = self.handler.answered.len();
        let mut register = |_, _: &mut _, _, _| Ok(());
        let flow = self.engine.turn(self.now, &mut self.handler, &mut register);
        assert!(flow.is_continue(), "no stop was asked for");
        self.handler.answered.len() - before
    }

    /// Turns until no client can go on, each of which may come to so many answers at the most.
    #[track_caller]
    fn run(&mut self, answers_max: usize) -> usize {
        let mut turns = 0;
        while self.engine.clients().has_runnable() {
            let answers = self.turn();
            assert!(answers <= answers_max, "{answers} dear answers in turn {turns}");
            turns += 1;
            assert!(turns <= 10 * CROWD, "it does not come to an end");
        }
        turns
    }
}

/// What this client was sent, as text.
fn sent(peer: &Pipe) -> String {
    String::from_utf8(peer.sent()).unwrap()
}

/// The statuses of the answers in that.
fn statuses(peer: &Pipe) -> Vec<u16> {
    let sent = peer.sent();
    let (answers, rest) = Answer::read_all(&sent, [""; 0]);
    assert!(rest.is_empty(), "{}", rest.escape_ascii());
    answers.iter().map(Answer::status).collect()
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn clients_that_ask_at_once_for_what_is_dear_are_answered_in_order_a_few_in_each_turn() {
    let mut crowd = Crowd::of(CROWD);
    let paths: Vec<String> = (0..CROWD).map(|client| format!("/dear/{client}")).collect();
    for (client, path) in paths.iter().enumerate() {
        crowd.say(client, &get(path));
    }
    crowd.run(DEAR_PER_STAGE);
    assert_eq!(crowd.handler.answered, paths);
    for peer in &crowd.peers {
        assert_eq!(statuses(peer), [200]);
    }
}

#[test]
fn what_is_cheap_is_answered_in_one_turn_however_many_ask() {
    let mut crowd = Crowd::of(CROWD);
    (0..CROWD).for_each(|client| crowd.say(client, &get("/cheap")));
    assert_eq!(crowd.turn(), CROWD);
}

#[test]
fn clients_that_are_not_reached_come_before_those_that_come_later() {
    let mut crowd = Crowd::of(CROWD);
    (0..10).for_each(|client| crowd.say(client, &get(&format!("/dear/{client}"))));
    let mut expected: Vec<String> = (0..10).map(|client| format!("/dear/{client}")).collect();
    // In each turn one more asks, for what is cheap, as long as there are any that wait.
    for client in 10.. {
        if !crowd.engine.clients().has_runnable() {
            break;
        }
        crowd.say(client, &get(&format!("/cheap/{client}")));
        expected.push(format!("/cheap/{client}"));
        crowd.turn();
    }
    assert_eq!(crowd.handler.answered, expected);
}

#[test]
fn a_pipeline_that_is_not_reached_keeps_its_order_and_all_its_requests() {
    let mut crowd = Crowd::of(CROWD);
    for client in 0..CROWD {
        let whole = get(&format!("/dear/{client}/a")) + &get(&format!("/dear/{client}/b"));
        let (now, later) = whole.split_at(whole.len() - 7);
        crowd.say(client, now);
        // The rest comes while the beginning waits for its turn.
        if client == 0 {
            crowd.turn();
        }
        crowd.say(client, later);
    }
    crowd.run(DEAR_PER_STAGE);
    for (client, peer) in crowd.peers.iter().enumerate() {
        assert_eq!(statuses(peer), [200, 200], "client {client}");
        let of_client = |path: &&String| path.split('/').nth(2) == Some(&client.to_string());
        let answered: Vec<_> = crowd.handler.answered.iter().filter(of_client).collect();
        assert!(answered[0].ends_with("/a") && answered[1].ends_with("/b"), "{answered:?}");
    }
}

#[test]
fn content_that_is_not_reached_is_taken_all_the_same_held_or_dropped() {
    for plan in [ContentPlan::Hold, ContentPlan::Drop] {
        for (framing, content) in [
            ("Content-Length: 10", ["01234", "56789"]),
            ("Transfer-Encoding: chunked", ["5\r\n012", "34\r\n5\r\n56789\r\n0\r\n\r\n"]),
        ] {
            let mut crowd = Crowd::of(CROWD);
            crowd.handler.content_plan = plan;
            for client in 0..CROWD {
                let head = format!("POST /dear/{client} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
                crowd.say(client, &(head + content[0]));
            }
            while crowd.engine.clients().has_runnable() {
                assert_eq!(crowd.turn(), 0, "no request is whole");
            }
            let next = get("/dear/next");
            (0..CROWD).for_each(|client| crowd.say(client, &(content[1].to_owned() + &next)));
            crowd.run(DEAR_PER_STAGE);
            for peer in &crowd.peers {
                assert_eq!(statuses(peer), [200, 200], "{plan:?} {framing}");
            }
        }
    }
}

#[test]
fn sources_whose_pieces_are_dear_give_a_few_in_each_turn() {
    let mut crowd = Crowd::of(CROWD);
    (0..CROWD).for_each(|client| crowd.say(client, &get("/pieces")));
    let mut turns = 0;
    while crowd.engine.clients().has_runnable()
        || crowd.engine.clients().next_due() == Some(Time::START)
    {
        let before = crowd.engine.clients().metrics().pieces;
        crowd.turn();
        let pieces = crowd.engine.clients().metrics().pieces - before;
        // In each of the two stages in which a source may be asked.
        assert!(pieces <= 2 * DEAR_PER_STAGE as u64, "{pieces} in turn {turns}");
        turns += 1;
        assert!(turns <= 10 * CROWD, "it does not come to an end");
    }
    for peer in &crowd.peers {
        assert_eq!(sent(peer).matches("piece").count(), 3);
        assert!(sent(peer).ends_with("0\r\n\r\n"));
    }
}

/// What was received of a client before a panic is kept as what its turn has not reached.
#[test]
fn dear_answers_behind_a_panic_are_given_a_few_in_each_turn() {
    let mut crowd = Crowd::of(CROWD);
    crowd.say(0, &get("/panic"));
    (1..CROWD).for_each(|client| crowd.say(client, &get(&format!("/dear/{client}"))));
    let caught = panic::catch_unwind(AssertUnwindSafe(|| crowd.turn()));
    assert!(caught.is_err());
    crowd.run(DEAR_PER_STAGE);
    assert_eq!(crowd.handler.panics, 1);
    let expected: Vec<String> = (1..CROWD).map(|client| format!("/dear/{client}")).collect();
    assert_eq!(crowd.handler.answered[1..], expected);
}

/// Clients that seem idle are looked at before one is closed, and each may have asked for what is dear.
#[test]
fn what_clients_have_asked_for_that_seem_idle_is_answered_within_the_budget_of_a_turn() {
    let mut crowd = Crowd::of(CROWD);
    for (client, peer) in crowd.peers.iter().enumerate() {
        // No event tells of it.
        peer.say(get(&format!("/dear/{client}")));
    }
    let later = Time::START + Duration::from_secs(1);
    let (clients, handler) = (crowd.engine.clients_mut(), &mut crowd.handler);
    for answered in 1..10 {
        assert!(!clients.evict(Evictable::Idle, later, handler));
        assert_eq!(handler.answered.len(), answered);
    }
    assert_eq!(clients.len(), CROWD);
}

/// How many clients linger, and how many bytes of each lie unread: more than two shares.
const LINGERING: usize = 300;
const UNREAD: usize = 160 * 1024;

/// A crowd whose requests are refused, and which goes on sending behind the answer.
fn lingering_crowd() -> Crowd {
    let mut crowd = Crowd::of(LINGERING + 1);
    let refused = format!("GET /{}", "x".repeat(20_000));
    let unread = "x".repeat(UNREAD);
    for client in 0..LINGERING {
        crowd.say(client, &refused);
        crowd.say(client, &unread);
    }
    crowd
}

/// What all clients together send behind their last answers costs a turn no more than one client may,
/// and one share: another client is answered in the turn in which it asks.
#[test]
fn clients_that_linger_have_together_what_one_client_has_and_others_do_not_wait_for_them() {
    let mut crowd = lingering_crowd();
    let refused = |crowd: &Crowd| (0..LINGERING).all(|client| crowd.peers[client].sent_bytes() > 0);
    while !refused(&crowd) {
        crowd.turn();
    }
    let (stage, share) = (Limits::default().turn_bytes_max, 64 * 1024);
    let received = |crowd: &Crowd| crowd.engine.clients().metrics().received_bytes as usize;
    let mut turns = 0;
    while crowd.engine.clients().has_runnable() {
        let before = received(&crowd);
        if turns % 10 == 0 {
            crowd.say(LINGERING, &get("/cheap"));
            assert_eq!(crowd.turn(), 1, "the neighbour waits in turn {turns}");
        } else {
            crowd.turn();
        }
        let bytes = received(&crowd) - before;
        assert!(bytes <= stage + share, "{bytes} bytes are thrown away in turn {turns}");
        turns += 1;
        assert!(turns <= 2 * LINGERING * UNREAD / stage, "it does not come to an end");
    }
    assert!(crowd.peers.iter().all(|peer| peer.unread_bytes() == 0));
}

/// The same when the time of all of them is over: those that have made progress need no further look.
#[test]
fn clients_that_linger_are_given_another_span_together_without_a_longer_turn() {
    let mut crowd = lingering_crowd();
    let earned =
        |crowd: &Crowd| (0..LINGERING).all(|client| crowd.peers[client].unread_bytes() < UNREAD);
    while !earned(&crowd) {
        crowd.turn();
    }
    let (stage, share) = (Limits::default().turn_bytes_max, 64 * 1024);
    let linger = Timeouts::default().linger;
    crowd.now = Time::START + linger + linger / 32;
    for turn in 0..10 {
        let before = crowd.engine.clients().metrics().received_bytes as usize;
        crowd.turn();
        let bytes = crowd.engine.clients().metrics().received_bytes as usize - before;
        assert!(bytes <= stage + share, "{bytes} bytes are thrown away in turn {turn}");
    }
    assert_eq!(crowd.engine.clients().len(), LINGERING + 1);
}

/// A head that is wrong costs more than another: it is read again and again to find where.
#[test]
fn heads_that_are_refused_are_answered_a_bounded_number_in_each_turn() {
    let mut crowd = Crowd::of(CROWD);
    let wrong = "GET / HTTP/1.1\r\nHost: a\r\nX: ".to_owned() + &"x".repeat(15_000) + "\0";
    (0..CROWD).for_each(|client| crowd.say(client, &wrong));
    let faults = |crowd: &Crowd| crowd.engine.clients().metrics().faults;
    let mut turns = 0;
    while faults(&crowd) < CROWD as u64 {
        let before = faults(&crowd);
        crowd.turn();
        let answered = faults(&crowd) - before;
        assert!((1..=BATCH).contains(&answered), "{answered} in turn {turns}");
        turns += 1;
    }
}
