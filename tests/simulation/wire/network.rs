//! The peer's end of it, and the network between.

use super::{Excuse, Goodbye, Listens, PeerSide, ServerSide, Wire};
use crate::trouble::Trouble;

/// What the peer sees when it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The connection is there.
    Open,
    /// The server has ended its side, and all of its bytes have come.
    End,
    /// The connection is lost.
    Reset,
}

/// The peer.
impl Wire {
    /// How many bytes it has sent.
    pub fn sent(&self) -> usize {
        self.sent
    }

    pub fn peer_sends(&mut self, bytes: usize) {
        self.sent += bytes;
    }

    pub fn peer_ends(&mut self) {
        self.goodbyes.push_back(Goodbye::End);
    }

    pub fn peer_resets(&mut self) {
        self.goodbyes.push_back(Goodbye::Reset);
        self.peer_listens = Listens::Lost;
    }

    pub fn peer_leaves(&mut self) {
        self.peer_ends();
        self.peer_listens = Listens::Closed;
        self.window = usize::MAX;
    }

    /// It takes so many bytes more into its hands than it has room for now.
    pub fn peer_sips(&mut self, bytes: usize) {
        self.window = self.received + bytes;
    }

    /// Whether something has happened since it last looked.
    pub fn has_news(&self) -> bool {
        self.news
    }

    /// It takes what has come, and looks at how the connection is.
    pub fn peer_reads(&mut self) -> Seen {
        self.news = false;
        self.received = self.flown;
        match self.server {
            _ if self.peer_listens == Listens::Lost => Seen::Reset,
            ServerSide::Shut | ServerSide::Gone if self.unsent == 0 => Seen::End,
            ServerSide::Queued
            | ServerSide::Held
            | ServerSide::Open
            | ServerSide::Shut
            | ServerSide::Gone => Seen::Open,
        }
    }

    pub fn received(&self) -> usize {
        self.received
    }

    /// The peer is told that the connection is reset: what the server had not sent is lost, and
    /// with some systems also what the peer had not read.
    pub(super) fn reset_peer(&mut self) {
        self.news = true;
        self.peer_listens = Listens::Lost;
        self.unsent = 0;
        self.goodbyes.clear();
        self.sent = self.arrived;
        if self.random.once_in(2) {
            self.flown = self.received;
        }
        self.judge_loss();
    }
}

/// The network.
impl Wire {
    /// The clock has leapt.
    pub fn on_leap(&mut self) {
        (self.excuse, self.touched) = (Excuse::Leapt, true);
        self.watch.on_leap(self.hub.now());
    }

    /// Whether the network can go on without anybody else.
    pub fn is_moving(&self) -> bool {
        let input = match self.arrived < self.sent {
            true => self.unread() < self.receive_max || self.server == ServerSide::Gone,
            false => !self.goodbyes.is_empty(),
        };
        input || self.unsent > 0 && self.flown < self.window
    }

    /// Moves some of what can be moved.
    pub fn jostle(&mut self) {
        if !self.is_moving() {
            return;
        }
        let in_pieces = self.hub.has(Trouble::Pieces);
        if self.random.once_in(2) || !in_pieces {
            self.deliver_to_server();
        }
        if (self.random.once_in(2) || !in_pieces) && self.unsent > 0 {
            let most = self.random.pick(&[1, 30, 500, 100_000, 100_000]);
            let most = if in_pieces { most } else { usize::MAX };
            let bytes = self.unsent.min(most).min(self.window - self.flown);
            self.deliver_to_peer(bytes);
        }
    }

    fn deliver_to_peer(&mut self, bytes: usize) {
        (self.touched, self.news) = (true, true);
        self.unsent -= bytes;
        if self.peer_listens == Listens::Yes {
            self.flown += bytes;
        } else if self.peer_listens == Listens::Closed && bytes > 0 {
            self.tell(|| "what comes to its closed socket is answered by a reset".into());
            self.peer_resets();
        }
        self.look_for_room();
    }

    fn deliver_to_server(&mut self) {
        self.touched = true;
        if self.server == ServerSide::Gone {
            self.deliver_to_nobody();
        } else if self.arrived < self.sent {
            self.deliver_bytes();
        } else if let Some(goodbye) = self.goodbyes.pop_front() {
            self.tell(|| format!("its {goodbye:?} arrives"));
            match goodbye {
                Goodbye::End => self.peer = PeerSide::Ended,
                Goodbye::Reset => {
                    self.peer = PeerSide::Reset;
                    self.unsent = 0;
                    if self.random.once_in(2) {
                        // What it had sent before is lost with it.
                        self.arrived = self.witness.consumed;
                        self.sent = self.arrived;
                    }
                }
            }
            self.raise_edge();
        }
    }

    fn deliver_bytes(&mut self) {
        let room = (self.receive_max - self.unread()).min(self.sent - self.arrived);
        let piece = self.random.between(1, room.max(1));
        let bytes = match self.random.below(4) {
            _ if !self.hub.has(Trouble::Pieces) => room,
            0 => room.min(1),
            1 => room.min(piece),
            _ => room,
        };
        if bytes > 0 {
            self.tell(|| format!("{bytes} bytes arrive"));
            self.arrived += bytes;
            self.raise_edge();
        }
    }

    /// To a socket that is closed.
    fn deliver_to_nobody(&mut self) {
        if self.arrived < self.sent && self.peer_listens != Listens::Lost {
            self.tell(|| "what it sent to a closed socket is answered by a reset".into());
            self.reset_peer();
        }
        self.goodbyes.clear();
        self.sent = self.arrived;
    }
}
