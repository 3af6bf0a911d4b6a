//! One connection as the kernel and the network see it.
//!
//! The peer's bytes travel to the server's receive queue, the server's from its send queue to the
//! peer; both queues are bounded. Which bytes they are is known beforehand, or compared when they
//! are written, so only how far they have come is kept. Edges are raised as epoll raises them:
//! for input when something *arrives*, for room when a write was refused or shortened, a good
//! part of the queue is free again, and somebody asked. What an event then says is what is true
//! at that moment, and registering reports at once what is true already.
//!
//! Everything the server relies on is checked here, at the call that breaks it. [`network`] moves
//! bytes, [`poll`] makes events of that, [`calls`] is what the server does, [`handled`] what its
//! handler is asked, [`source`] when a source is, [`judge`] looks at what a turn leaves behind and
//! at how the connection ends.

mod calls;
mod handled;
mod judge;
mod network;
mod poll;
mod source;

use std::collections::VecDeque;
use std::rc::Rc;

use oneloop::Config;
use oneloop::engine::{ClientId, Interest, Time};

use self::judge::Burden;
use crate::answers::Manner;
use crate::framing::Meaning;
use crate::hub::Hub;
use crate::random::Random;
use crate::script::{Merit, Reading, Script};
use crate::watch::{Hold, Part, Watch};
use crate::witness::Witness;

pub use self::network::Seen;

/// How often a queue may have to be filled at the most, if each time is to its brim.
const QUEUE_FILLS_MAX: usize = 60;

/// How far the server has closed its side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerSide {
    /// Not accepted yet.
    Queued,
    /// Accepted, and there is no room for it yet.
    Held,
    Open,
    /// Its write side is shut down.
    Shut,
    /// Dropped.
    Gone,
}

/// How far the peer has closed its side, as the server's kernel knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PeerSide {
    Open,
    Ended,
    /// Ended, and the server has read so.
    EndRead,
    Reset,
    /// Reset, and a call has said so.
    ResetTold,
}

/// What the peer says behind its last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goodbye {
    End,
    Reset,
}

/// Whether the server has a reason to make calls for this client in this turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    None,
    /// An event was reported, it was told to stop, or its turn has still to come.
    Given,
}

/// Why the server need not get everything to this peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excuse {
    None,
    /// The clock leapt over deadlines.
    Leapt,
    /// The server stopped before it was done.
    CutOff,
}

/// What the streams' own counters come to: to be compared with the server's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub received_bytes: u64,
    pub sent_bytes: u64,
    pub receives: u64,
    pub sends: u64,
}

#[derive(Debug)]
pub struct Wire {
    /// Its place among the peers of this run.
    index: usize,
    /// The number of its peer in the seed.
    pub name: usize,
    pub id: Option<ClientId>,
    pub script: Rc<Script>,
    pub witness: Witness,
    pub watch: Watch,
    pub totals: Totals,
    pub excuse: Excuse,
    hub: Rc<Hub>,
    random: Random,

    /// Bytes that the peer has sent.
    sent: usize,
    /// Bytes of them that have come into the receive queue, or gone through it.
    arrived: usize,
    goodbyes: VecDeque<Goodbye>,
    receive_max: usize,
    peer: PeerSide,
    /// The server has read the end of what the peer sends; a reset may have come since.
    end_is_read: bool,
    /// Whether the peer's socket is there to take bytes.
    peer_listens: Listens,

    /// Bytes in the send queue.
    unsent: usize,
    send_max: usize,
    /// Bytes that have come to the peer's side, and how many it has taken of them.
    flown: usize,
    received: usize,
    /// How many bytes the peer's side takes in at the most.
    window: usize,
    server: ServerSide,
    reset_on_drop: bool,

    interest: Option<Interest>,
    /// Taken in, and not run yet.
    is_new: bool,
    /// The server says that it can run without an event.
    is_runnable: bool,
    /// The server has reason to believe that a write will find room.
    may_write: bool,
    /// A write was refused or shortened, and no room has been reported since.
    lacks_room: bool,
    /// An event waits to be reported by the poll.
    edge: bool,
    cause: Cause,
    turns: Turns,
    /// Calls made in this turn.
    calls: usize,
    /// Its source was asked in this turn.
    asked: bool,
    sources: Sources,
    /// Requests handled since the last read.
    burst: usize,
    /// The most that a call may find moved before it in one stage.
    turn_bytes_max: usize,
    /// The most that may be owed behind the last answer but one.
    high_water: usize,
    linger_bytes_max: usize,
    burden: Burden,
    /// Something has happened to it in this turn, so that its end is worth a look.
    touched: bool,
    /// Something has happened that the peer can see.
    news: bool,
    /// Before that time no deadline can be overdue, unless something happens.
    late_after: Time,
    /// A call has failed, and said that the connection is lost.
    lost_told: bool,
    /// The poll has said that the connection is lost.
    loss_reported: bool,
    write_timed_out: bool,
    /// How many bytes had arrived when the time to drain was over.
    arrived_in_time: Option<usize>,
    /// How many bytes had arrived when the server was told to stop.
    arrived_by_stop: Option<usize>,
    /// It was idle when the listeners were closed.
    may_ask_once_more: bool,
    /// How many calls there had been on all connections when a read last found nothing.
    silent_at: Option<u64>,
    /// How many bytes had arrived when the last turn ended.
    arrived_by_turns_end: usize,
    /// It waited in the queue of a listener then, and was not told again since.
    is_owed_its_turn: bool,
    /// The handler has panicked over its request.
    pub(super) has_panicked: bool,
}

/// What it has had of the server's turns.
#[derive(Debug, Default)]
struct Turns {
    /// The stage that the next two count for.
    epoch: u64,
    /// Bytes moved, and what calls count as beside their bytes.
    moved: usize,
    /// What answers count as that were given.
    answered: usize,
    /// How many turns in a row went by without it, though it could run.
    waited: usize,
    /// For how many steps of others it could have taken one.
    steps_waited: usize,
    /// For how many it may wait.
    steps_waited_max: usize,
}

/// The sources of its answers.
#[derive(Debug, Default)]
struct Sources {
    /// How many it has had.
    count: u64,
    /// The last one was woken, and the loop has not seen that.
    is_woken: bool,
    /// For how many turns others were asked, and the last one was due.
    overdue_turns: usize,
    /// Something was written, and whether that was in the middle of a source's answer is not
    /// looked at yet.
    wrote: bool,
}

/// What the peer's socket does with bytes that come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listens {
    Yes,
    /// It is closed, so they are answered by a reset.
    Closed,
    /// The peer has been told that the connection is lost.
    Lost,
}

/// How many bytes a peer takes that has read nothing yet.
fn first_window(reading: Reading) -> usize {
    match reading {
        Reading::Everything => usize::MAX,
        Reading::UpTo(bytes) => bytes,
        Reading::Sips { .. } => 0,
    }
}

/// How long the answers to all messages of this script are, in bytes, more or less.
fn answers_bytes(script: &Script, manner: &Manner) -> usize {
    let answers = script.messages.iter().map(|message| match &message.meaning {
        Meaning::Request(asked) => manner.bytes_about(asked),
        Meaning::Unsupported(..) | Meaning::Faulty(_) | Meaning::Unfinished => 200,
    });
    answers.sum()
}

impl Wire {
    pub fn new(
        (index, name): (usize, usize),
        hub: Rc<Hub>,
        mut random: Random,
        script: Rc<Script>,
        manner: Rc<Manner>,
        config: &Config,
    ) -> Wire {
        // The smallest queues are for short scripts: a run should not be all drips.
        let answered = answers_bytes(&script, &manner);
        let sizes = [1, 16, 200, 4000, 200_000, 200_000];
        let receive_max = random.pick(&sizes).max(script.bytes.len() / QUEUE_FILLS_MAX);
        let sizes = if script.reading == Reading::Everything { &sizes[1..5] } else { &sizes[1..4] };
        let send_max = random.pick(sizes).max(answered / QUEUE_FILLS_MAX);
        let window = first_window(script.reading);
        Wire {
            index,
            name,
            id: None,
            witness: Witness::new(script.clone(), manner),
            watch: Watch::new(script.clone(), config),
            script,
            totals: Totals::default(),
            excuse: Excuse::None,
            hub,
            random,
            sent: 0,
            arrived: 0,
            goodbyes: VecDeque::new(),
            receive_max,
            peer: PeerSide::Open,
            end_is_read: false,
            peer_listens: Listens::Yes,
            unsent: 0,
            send_max,
            flown: 0,
            received: 0,
            window,
            server: ServerSide::Queued,
            reset_on_drop: false,
            interest: None,
            is_new: false,
            is_runnable: false,
            may_write: true,
            lacks_room: false,
            edge: false,
            cause: Cause::None,
            turns: Turns::default(),
            calls: 0,
            asked: false,
            sources: Sources::default(),
            burst: 0,
            high_water: config.limits.output_bytes_high_water,
            turn_bytes_max: config.limits.turn_bytes_max,
            linger_bytes_max: config.limits.linger_bytes_max,
            burden: Burden::default(),
            touched: true,
            news: true,
            late_after: Time::START,
            lost_told: false,
            loss_reported: false,
            write_timed_out: false,
            arrived_in_time: None,
            arrived_by_stop: None,
            may_ask_once_more: false,
            silent_at: None,
            arrived_by_turns_end: 0,
            is_owed_its_turn: false,
            has_panicked: false,
        }
    }

    fn tell(&self, what: impl FnOnce() -> String) {
        self.hub.tell(|| format!("peer {}: {}", self.name, what()));
    }

    /// Something is wrong with the server.
    #[track_caller]
    pub fn fail(&self, what: &str) -> ! {
        self.hub.note_failure();
        let (kind, ending) = (self.script.kind, self.script.ending);
        let (server, peer, unread, unsent) = (self.server, self.peer, self.unread(), self.unsent);
        let (handled, all) = (self.witness.handled, self.script.messages.len());
        panic!(
            "peer {} ({kind:?}, {ending:?}): {what} (server {server:?}, peer {peer:?}, unread \
             {unread}, unsent {unsent}, waiting: {:?}, handled {handled} of {all})",
            self.name,
            self.part()
        )
    }

    pub fn server(&self) -> ServerSide {
        self.server
    }

    pub fn is_held_or_here(&self) -> bool {
        self.server == ServerSide::Held || self.is_here()
    }

    pub fn is_here(&self) -> bool {
        matches!(self.server, ServerSide::Open | ServerSide::Shut)
    }

    /// Bytes that lie in the receive queue.
    fn unread(&self) -> usize {
        self.arrived - self.witness.consumed
    }

    fn part(&self) -> Part {
        self.watch.part(self.hold())
    }

    fn hold(&self) -> Hold {
        match self.may_write {
            false => Hold::Room,
            true if self.witness.is_pausing() => Hold::Source,
            true => Hold::Peer,
        }
    }

    /// Whether it is between two requests, or before the first.
    fn is_at_rest(&self) -> bool {
        let quiet = matches!(self.part(), Part::FirstByte | Part::Between | Part::Blank);
        quiet && self.witness.last.is_none() && !self.witness.is_answering()
    }

    /// Whether nothing but the server's own slowness may keep it from its answers.
    fn is_prompt(&self) -> bool {
        self.script.merit == Merit::Prompt && self.excuse == Excuse::None
    }
}
