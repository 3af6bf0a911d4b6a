//! Lets peers have their say, all in one loop, and holds the server to the model at every step.

use oneloop::{CloseReason, Limits};

use super::player::{Peer, Player, Room};
use crate::instrumented::server::{Counted, Server};
use crate::oracle::model::End;
use crate::oracle::model::conversation::Answer;

/// More turns than anything can take: beyond, the loop goes round for nothing.
const TURNS_MAX: usize = 100_000;

/// How many deadlines a client that has fallen silent can meet: that of its request, and that of
/// lingering, each of which may turn out to have been renewed.
const DEADLINES_MAX: usize = 4;

/// What a slow peer takes at a time in the end, in bytes.
const LATE_ROOM: usize = 61;

/// Memory that the loop has for everybody and grows at will, in bytes: lists of keys.
const COMMON_BYTES: usize = 4096;

/// Makes all of `peers` say what they have to say to one server, and gives what each was sent. All
/// end in the same turn, after the last of them has said everything.
///
/// # Panics
/// If the server does anything else than what the model demands.
pub fn play(limits: &Limits, peers: &[Peer<'_>]) -> Vec<Vec<u8>> {
    let mut game = Game { server: Server::of(limits), players: Vec::with_capacity(peers.len()) };
    for peer in peers {
        let player = Player::new(peer, limits, game.players.last());
        game.server.admit(&player.pipe, peer.opening);
        game.players.push(player);
    }
    let rounds = peers.iter().map(|peer| peer.pieces.len()).max().unwrap_or(0);
    for round in 0..rounds {
        for player in &mut game.players {
            player.say(round);
        }
        game.server.echo();
        game.judge();
    }
    game.finish();
    game.server.give_back(limits);
    game.players.iter().map(|player| player.pipe.take_sent()).collect()
}

struct Game<'p> {
    server: Server,
    players: Vec<Player<'p>>,
}

impl Game<'_> {
    /// Everything that can be known by now must have been answered, and nothing else.
    fn judge(&mut self) {
        let mut all_have_room = true;
        for player in &mut self.players {
            assert!(!player.is_neglected(), "something has come, and the server does not look");
            match player.room {
                Room::Enough => player.judge(),
                Room::Each(_) => all_have_room = false,
            }
        }
        if all_have_room {
            self.judge_memory();
        }
    }

    /// Nobody's half request takes more than twice its size, and an idle client takes nothing. Chunks
    /// are joined in room of the loop's, which stays as large as the longest request needed it.
    fn judge_memory(&self) {
        let joined = self.players.iter().map(Player::received).max().unwrap_or(0);
        let parked: usize = self.players.iter().map(|player| player.bytes_max).sum();
        let sent: usize = self.players.iter().map(|player| player.pipe.sent_bytes()).sum();
        let bytes_max = parked + 2 * sent + joined + COMMON_BYTES;
        let live_bytes = self.server.live_bytes();
        assert!(live_bytes <= bytes_max as i64, "{live_bytes} bytes are held, not {bytes_max}");
    }

    /// Everybody takes what is left, then ends; then nobody is left.
    fn finish(&mut self) {
        for _ in 0..TURNS_MAX {
            if !self.players.iter().any(|player| player.pipe.is_blocked()) {
                break;
            }
            for player in &self.players {
                player.pipe.give_room(LATE_ROOM);
            }
            self.server.echo();
        }
        for player in &mut self.players {
            player.pipe.give_room(usize::MAX);
            player.end();
        }
        self.server.echo();
        self.wait_for_deadlines();
        assert!(self.server.is_empty(), "everybody has gone");
        for player in &mut self.players {
            player.judge();
            player.bytes_max = 0;
        }
        self.judge_memory();
        assert_eq!(self.server.counted(), self.owed());
    }

    /// Peers that have fallen silent stay until their time is over: that of their request, then
    /// that of lingering.
    fn wait_for_deadlines(&mut self) {
        let is_silent = |player: &Player<'_>| player.peer.end == End::Silence;
        if self.players.iter().any(is_silent) {
            for _ in 0..DEADLINES_MAX * self.players.len() {
                if !self.server.expire() {
                    break;
                }
            }
        }
    }

    /// What the server must have counted.
    fn owed(&self) -> Counted {
        let mut owed = Counted { closed: vec![0; CloseReason::ALL.len()], ..Counted::default() };
        for player in &self.players {
            owed.received_bytes += player.received() as u64;
            owed.sent_bytes += player.pipe.sent_bytes() as u64;
            for answer in player.answers() {
                match answer {
                    Answer::Request { .. } => owed.requests += 1,
                    Answer::Fault { .. } => owed.faults += 1,
                    Answer::Continue => owed.continues += 1,
                }
            }
            let reason = player.reason();
            let place = CloseReason::ALL.iter().position(|other| *other == reason);
            owed.closed[place.expect("all reasons are there")] += 1;
        }
        owed
    }
}
