//! A peer that plays: what it has said so far, and what it has been answered.

use std::rc::Rc;

use oneloop::engine::Opening;
use oneloop::testing::Pipe;
use oneloop::{CloseReason, Limits};

use crate::oracle::agreement;
use crate::oracle::answers::{self, excerpt};
use crate::oracle::model::End;
use crate::oracle::model::conversation::{Answer, Conversation};

/// One peer: what it says, in which pieces, and how it listens.
#[derive(Clone, Debug)]
pub struct Peer<'p> {
    pub pieces: Vec<&'p [u8]>,
    /// What comes first of all that.
    pub opening: Opening,
    pub end: End,
    /// Whether the end comes together with the last piece.
    pub ends_at_once: bool,
    pub room: Room,
    /// Whether every other call of the server's is interrupted.
    pub interrupts: bool,
}

/// How many bytes of answers a peer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// All that there are, at once.
    Enough,
    /// So many with each piece that it sends; the rest when it has said everything.
    Each(usize),
}

/// The answers to most inputs are shorter than this.
const RESERVED_BYTES: usize = 16 * 1024;

/// The smallest block for half a request, and the box around it, in bytes.
const PARKED_BYTES_MIN: usize = 128;
const BOXES_BYTES: usize = 256;

impl<'p> Peer<'p> {
    /// One that says everything at once, then ends.
    pub fn at_once(input: &'p [u8], end: End) -> Peer<'p> {
        Peer::in_pieces(vec![input], end)
    }

    /// One that says this piece by piece, then ends.
    pub fn in_pieces(pieces: Vec<&'p [u8]>, end: End) -> Peer<'p> {
        let (opening, room) = (Opening::Request, Room::Enough);
        Peer { pieces, opening, end, ends_at_once: false, room, interrupts: false }
    }
}

/// A peer, and how far it and the server have come.
pub struct Player<'p> {
    pub peer: &'p Peer<'p>,
    pub room: Room,
    pub pipe: Pipe,
    conversation: Rc<Conversation>,
    /// What is owed at the end, and why it is the end; known from the end on.
    last: Option<(Option<Answer>, CloseReason)>,
    /// How many bytes of the input have arrived.
    said: usize,
    /// How many of the answers, and of their bytes, have been judged.
    answers_judged: usize,
    bytes_judged: usize,
    /// What the server may hold for it.
    pub bytes_max: usize,
}

impl<'p> Player<'p> {
    /// A player of `peer`. `other` may be one that says the same in other pieces.
    pub fn new(peer: &'p Peer<'p>, limits: &Limits, other: Option<&Player<'_>>) -> Player<'p> {
        // Where no client can wait for leave to send, the cuts decide nothing.
        let shared = other.filter(|other| {
            !other.conversation.depends_on_cuts
                && other.peer.opening == peer.opening
                && is_same(&other.peer.pieces, &peer.pieces)
        });
        let conversation = match shared {
            Some(other) => Rc::clone(&other.conversation),
            None => Rc::new(read(peer, limits)),
        };
        // If it is blocked, its pieces run together, and who waits for a 100 is hard to know.
        let room = if conversation.depends_on_cuts { Room::Enough } else { peer.room };
        let pipe = Pipe::new();
        pipe.reserve(RESERVED_BYTES);
        pipe.give_room(if room == Room::Enough { usize::MAX } else { 0 });
        pipe.interrupt(usize::from(peer.interrupts));
        Player {
            peer,
            room,
            pipe,
            conversation,
            last: None,
            said: 0,
            answers_judged: 0,
            bytes_judged: 0,
            bytes_max: 0,
        }
    }

    /// Says the piece of this round, if it has one.
    pub fn say(&mut self, round: usize) {
        let Some(piece) = self.peer.pieces.get(round) else { return };
        let held_before = self.conversation.held[self.said];
        self.said += piece.len();
        let needed = 2 * (held_before + piece.len()).max(PARKED_BYTES_MIN);
        self.bytes_max = match self.conversation.held[self.said] {
            0 if self.conversation.is_told(self.said) => BOXES_BYTES,
            0 => 0,
            _ => self.bytes_max.max(needed + BOXES_BYTES),
        };
        self.pipe.say(piece);
        if let Room::Each(bytes) = self.room {
            // The poll may tell of room that is not there any more.
            self.pipe.give_room(bytes.max(1));
            self.pipe.give_room(bytes);
        }
        let is_last = round + 1 == self.peer.pieces.len();
        if is_last && self.peer.ends_at_once && self.peer.end != End::Silence {
            self.end();
        }
    }

    /// Ends as it is to, unless it has.
    pub fn end(&mut self) {
        if self.last.is_none() {
            self.last = Some(self.conversation.on_end(self.peer.end));
            match self.peer.end {
                End::HalfClose => self.pipe.end(),
                End::Reset => self.pipe.reset(),
                End::Silence => {}
            }
        }
    }

    /// Whether the server has sent all that it has to by now, and nothing more.
    pub fn judge(&mut self) {
        if let Some(at) = self.conversation.closed_at {
            assert_eq!(self.pipe.is_closed(), self.said >= at, "no header after {at} bytes");
        }
        if self.next_answer().is_none() && self.pipe.sent_bytes() == self.bytes_judged {
            return;
        }
        let pipe = self.pipe.clone();
        pipe.with_sent(|sent| {
            while let Some(answer) = self.next_answer() {
                self.bytes_judged += answers::check(&sent[self.bytes_judged..], answer);
                self.answers_judged += 1;
            }
            let rest = &sent[self.bytes_judged..];
            assert!(rest.is_empty(), "it has not asked for {}", excerpt(rest));
        });
    }

    /// The next answer that it must have by now, and that is not judged yet.
    fn next_answer(&self) -> Option<&Answer> {
        let (events, judged) = (&self.conversation.events, self.answers_judged);
        match events.get(judged) {
            Some(event) => (event.at <= self.said).then_some(&event.answer),
            None if judged == events.len() => self.last.as_ref()?.0.as_ref(),
            None => None,
        }
    }

    /// How many bytes the server has read of what it has said.
    pub fn received(&self) -> usize {
        self.said - self.pipe.unread_bytes()
    }

    /// Whether the server has left something lying about that it could take.
    pub fn is_neglected(&self) -> bool {
        let has_ended = self.last.is_some() && self.peer.end != End::Silence;
        let has_input = has_ended || self.pipe.unread_bytes() > 0;
        has_input && !self.pipe.is_closed() && !self.pipe.is_blocked()
    }

    /// Why its connection is over in the end.
    pub fn reason(&self) -> CloseReason {
        self.last.as_ref().expect("it has ended").1
    }

    /// All the answers that it is owed.
    pub fn answers(&self) -> impl Iterator<Item = &Answer> {
        let last = self.last.iter().filter_map(|(answer, _)| answer.as_ref());
        self.conversation.events.iter().map(|event| &event.answer).chain(last)
    }
}

/// What the model makes of all that `peer` says.
fn read(peer: &Peer<'_>, limits: &Limits) -> Conversation {
    let input = peer.pieces.concat();
    let mut end = 0;
    let ends: Vec<usize> = peer
        .pieces
        .iter()
        .map(|piece| {
            end += piece.len();
            end
        })
        .collect();
    let is_alone = |at: usize| ends.binary_search(&at).is_ok();
    let conversation = match peer.opening {
        Opening::ProxyHeader => Conversation::read_proxied(&input, limits, &is_alone),
        Opening::Request | _ => Conversation::read(&input, limits, &is_alone),
    };
    agreement::assert_agree(&input[conversation.requests_at..], limits);
    conversation
}

/// Whether these are pieces of the same bytes.
fn is_same(some: &[&[u8]], others: &[&[u8]]) -> bool {
    some.iter().copied().flatten().eq(others.iter().copied().flatten())
}
