//! Lets peers have their say, all in one loop, and holds the server to the model at every step.

use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::time::SystemTime;

use oneloop::engine::{ClientId, Clients, Time};
use oneloop::{CloseReason, Limits, Timeouts};

use super::handler::Echo;
use super::player::{Peer, Player, Room};
use super::wire::WireStream;
use crate::oracle::model::conversation::{Answer, End};

/// More turns than anything can take: beyond, the loop goes round for nothing.
const TURNS_MAX: usize = 100_000;

/// How many deadlines a client that has fallen silent can meet: that of its request, and that of
/// lingering, each of which may turn out to have been renewed.
const DEADLINES_MAX: usize = 4;

/// What a slow peer takes at a time in the end, in bytes.
const LATE_ROOM: usize = 61;

/// Memory that the loop has for everybody and grows at will, in bytes: lists of keys.
const COMMON_BYTES: usize = 4096;

/// Has all of `peers` say what they have to say to one server, and gives what each was sent. All
/// end in the same turn, after the last of them has said everything.
///
/// # Panics
/// If the server does anything else than what the model demands.
pub fn play(limits: &Limits, peers: &[Peer<'_>]) -> Vec<Vec<u8>> {
    let clients = Clients::new(limits.clone(), Timeouts::default(), SystemTime::UNIX_EPOCH);
    let (ids, players) = (Vec::new(), Vec::new());
    let mut game = Game { clients, ids, players, now: Time::START, live_bytes: 0 };
    for peer in peers {
        game.admit(peer, limits);
    }
    let rounds = peers.iter().map(|peer| peer.pieces.len()).max().unwrap_or(0);
    for round in 0..rounds {
        for player in &mut game.players {
            player.say(round);
        }
        game.turns();
        game.judge();
    }
    game.finish();
    let sent = |player: Player<'_>| std::mem::take(&mut player.wire.borrow_mut().sent);
    game.players.into_iter().map(sent).collect()
}

struct Game<'p> {
    clients: Clients<WireStream>,
    /// Whose id is whose: as many as there are players, in the same order.
    ids: Vec<ClientId>,
    players: Vec<Player<'p>>,
    now: Time,
    /// What the server has allocated and not freed since it began.
    live_bytes: i64,
}

impl Game<'_> {
    fn turns(&mut self) {
        for _ in 0..TURNS_MAX {
            for (id, player) in self.ids.iter().zip(&self.players) {
                let news = player.wire.borrow_mut().take_news();
                if let Some(news) = news {
                    self.clients.note(*id, news);
                }
            }
            if !self.clients.has_runnable() {
                return;
            }
            let Game { clients, ids, players, now, live_bytes } = self;
            *live_bytes += measured(|| {
                clients.drive(*now, &mut Echo);
                clients.free();
                clients.register(|id, _, before, wanted| {
                    let place = ids.iter().position(|other| *other == id);
                    let place = place.expect("only who is here waits");
                    let mut wire = players[place].wire.borrow_mut();
                    assert!(wire.interest == before && before < wanted, "it wants more");
                    wire.interest = wanted;
                    Ok(())
                });
            });
        }
        panic!("the loop goes round for nothing");
    }

    /// Everything that can be known by now must have been answered, and nothing else.
    fn judge(&mut self) {
        for player in &mut self.players {
            let is_neglected = player.wire.borrow().is_neglected();
            assert!(!is_neglected, "something has come, and nobody looks");
            if player.room == Room::Enough {
                player.judge();
            }
        }
        if self.players.iter().all(|player| player.room == Room::Enough) {
            self.judge_memory();
        }
    }

    /// Nobody's half request takes more than twice its size, and whoever is idle takes nothing.
    fn judge_memory(&self) {
        let parked: usize = self.players.iter().map(|player| player.bytes_max).sum();
        let sent: usize = self.players.iter().map(|player| player.wire.borrow().sent.len()).sum();
        let bytes_max = parked + 2 * sent + COMMON_BYTES;
        let live_bytes = self.live_bytes;
        assert!(live_bytes <= bytes_max as i64, "{live_bytes} bytes are held, not {bytes_max}");
    }

    /// Everybody takes what is left, then ends; then nobody is left.
    fn finish(&mut self) {
        for _ in 0..TURNS_MAX {
            let mut blocked = self.players.iter().filter(|player| player.wire.borrow().is_blocked);
            if blocked.next().is_none() {
                break;
            }
            for player in &self.players {
                player.wire.borrow_mut().give_room(LATE_ROOM);
            }
            self.turns();
        }
        for player in &mut self.players {
            player.wire.borrow_mut().give_room(usize::MAX);
            player.end();
        }
        self.turns();
        self.wait_for_deadlines();
        assert!(self.clients.is_empty(), "everybody has gone");
        let mut reasons = Vec::new();
        for player in &mut self.players {
            player.judge();
            reasons.push(player.reason());
            player.bytes_max = 0;
        }
        self.judge_memory();
        self.judge_metrics(&reasons);
    }

    /// Peers that have fallen silent stay until their time is over: that of their request, then
    /// that of lingering.
    fn wait_for_deadlines(&mut self) {
        let is_silent = |player: &Player<'_>| player.peer.end == End::Silence;
        if !self.players.iter().any(is_silent) {
            return;
        }
        for _ in 0..DEADLINES_MAX * self.players.len() {
            let Some(due) = self.clients.next_due() else { break };
            self.now = self.now.max(due);
            let Game { clients, now, live_bytes, .. } = self;
            *live_bytes += measured(|| {
                clients.expire(*now, &mut Echo);
                clients.free();
            });
            self.turns();
        }
    }

    fn judge_metrics(&self, reasons: &[CloseReason]) {
        let metrics = self.clients.metrics();
        let sum = |count: &dyn Fn(&Player<'_>) -> usize| {
            self.players.iter().map(count).sum::<usize>() as u64
        };
        assert_eq!(metrics.received_bytes, sum(&|player| player.wire.borrow().received));
        assert_eq!(metrics.sent_bytes, sum(&|player| player.wire.borrow().sent.len()));
        let requests = |answer: &Answer| matches!(answer, Answer::Request { .. });
        let faults = |answer: &Answer| matches!(answer, Answer::Fault { .. });
        let continues = |answer: &Answer| matches!(answer, Answer::Continue);
        assert_eq!(metrics.requests, sum(&|player| player.count(requests)));
        assert_eq!(metrics.faults, sum(&|player| player.count(faults)));
        assert_eq!(metrics.continues, sum(&|player| player.count(continues)));
        for reason in CloseReason::ALL.iter().copied() {
            let closed = reasons.iter().filter(|other| **other == reason).count() as u64;
            assert_eq!(metrics.closed(reason), closed, "ended by {reason:?} of {reasons:?}");
        }
    }
}

impl<'p> Game<'p> {
    fn admit(&mut self, peer: &'p Peer<'p>, limits: &Limits) {
        let player = Player::new(peer, limits);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let stream = WireStream(Rc::clone(&player.wire));
        self.ids.push(self.clients.admit(stream, address, self.now));
        self.players.push(player);
    }
}

/// Does `work` and says how many bytes more are allocated than before.
fn measured(work: impl FnOnce()) -> i64 {
    let mut failure = None;
    let info = allocation_counter::measure(|| {
        // So that the counter is left in order when a check fails.
        failure = panic::catch_unwind(AssertUnwindSafe(work)).err();
    });
    if let Some(failure) = failure {
        panic::resume_unwind(failure);
    }
    info.bytes_current
}
