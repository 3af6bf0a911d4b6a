//! One connection as the kernel and the network see it.
//!
//! Bytes of the peer travel `in_flight`, in segments, to the server's receive queue; bytes of the
//! server go from its send queue to the peer. Both queues are bounded. Edges are raised as epoll
//! raises them: for input when something *arrives*, for room when a write was refused or
//! shortened, a good part of the queue is free again, and somebody asked. What an event then says
//! is what is true at that moment, and registering reports at once what is true already.
//!
//! Everything the server relies on is checked here, at the call that breaks it.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::rc::Rc;

use oneloop::engine::{ClientId, Interest, Readiness};

use crate::hub::{Hub, Stage};
use crate::random::Random;
use crate::script::Script;
use crate::watch::{Part, Watch};

/// How often a queue may have to be filled at the most, if each time is to its brim.
const QUEUE_FILLS_MAX: usize = 200;

/// What the peer has sent and the network not delivered.
#[derive(Debug)]
pub enum Segment {
    Bytes(Vec<u8>),
    End,
    Reset,
}

/// How far the server has closed its side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerSide {
    /// Not accepted yet.
    Queued,
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

/// What became of the room for the server's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// Nobody was refused.
    Enough,
    /// A write was refused or shortened, and there is no room yet.
    Lacking,
    /// There is room again, and the server has not been told.
    Back,
}

/// Whether the server has a reason to make calls for this client in this turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    None,
    /// An event was reported, it was told to stop, or its last turn ended with its budget.
    Given,
    /// Its budget ended in this turn, so it has a reason to go on in the next.
    BudgetUsed,
}

/// What the peer gets when it reads.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    Bytes(Vec<u8>),
    Nothing,
    End,
    Reset,
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
    pub name: usize,
    pub id: Option<ClientId>,
    pub watch: Watch,
    pub totals: Totals,
    hub: Rc<Hub>,
    random: Random,
    in_flight: VecDeque<Segment>,
    receive_queue: Vec<u8>,
    receive_max: usize,
    send_queue: Vec<u8>,
    send_max: usize,
    delivered: Vec<u8>,
    /// How many more bytes the peer's side takes in: without a bound, unless it does not read.
    window: usize,
    server: ServerSide,
    peer: PeerSide,
    peer_told_reset: bool,
    reset_on_drop: bool,
    interest: Interest,
    /// Accepted in this turn.
    is_new: bool,
    room: Room,
    /// An event waits to be reported by the poll.
    edge: bool,
    cause: Cause,
    /// Bytes moved in the present drive or expiry.
    moved: usize,
    /// The most that a call may find moved before it in one drive.
    turn_bytes_max: usize,
}

impl Wire {
    pub fn new(
        name: usize,
        hub: Rc<Hub>,
        mut random: Random,
        script: &Script,
        turn_bytes_max: usize,
    ) -> Wire {
        // The smallest queues are for short scripts: a run should not be all drips.
        let (sent, answered) = script.bytes();
        let receive_max = random.pick(&[1, 16, 200, 4000, 200_000]).max(sent / QUEUE_FILLS_MAX);
        let send_max = random.pick(&[16, 200, 1000, 4000, 200_000]).max(answered / QUEUE_FILLS_MAX);
        Wire {
            name,
            id: None,
            watch: Watch::new(script.bounds()),
            totals: Totals::default(),
            hub,
            receive_max,
            send_max,
            random,
            in_flight: VecDeque::new(),
            receive_queue: Vec::new(),
            send_queue: Vec::new(),
            delivered: Vec::new(),
            window: script.window,
            server: ServerSide::Queued,
            peer: PeerSide::Open,
            peer_told_reset: false,
            reset_on_drop: false,
            interest: Interest::Nothing,
            is_new: false,
            room: Room::Enough,
            edge: false,
            cause: Cause::None,
            moved: 0,
            turn_bytes_max,
        }
    }

    fn tell(&self, what: impl FnOnce() -> String) {
        self.hub.tell(|| format!("peer {}: {}", self.name, what()));
    }

    /// Something is wrong with the server.
    #[track_caller]
    pub fn fail(&self, what: &str) -> ! {
        let (server, peer, room) = (self.server, self.peer, self.room);
        let (unread, unsent) = (self.receive_queue.len(), self.send_queue.len());
        panic!(
            "peer {}: {what} (server {server:?}, peer {peer:?}, room {room:?}, unread {unread}, \
             unsent {unsent}, waiting: {:?})",
            self.name,
            self.part()
        )
    }

    pub fn server(&self) -> ServerSide {
        self.server
    }

    fn is_here(&self) -> bool {
        matches!(self.server, ServerSide::Open | ServerSide::Shut)
    }
}

/// The peer's end of it.
impl Wire {
    pub fn peer_sends(&mut self, segment: Segment) {
        self.in_flight.push_back(segment);
    }

    pub fn peer_reads(&mut self, most: usize) -> Read {
        if !self.delivered.is_empty() {
            let bytes = most.min(self.delivered.len());
            return Read::Bytes(self.delivered.drain(..bytes).collect());
        }
        match self.server {
            _ if self.peer_told_reset => Read::Reset,
            ServerSide::Shut | ServerSide::Gone if self.send_queue.is_empty() => Read::End,
            ServerSide::Queued | ServerSide::Open | ServerSide::Shut | ServerSide::Gone => {
                Read::Nothing
            }
        }
    }

    /// The peer is told that the connection is reset: what the server had not sent is lost, and
    /// with some systems also what the peer had not read.
    fn reset_peer(&mut self) {
        self.peer_told_reset = true;
        self.send_queue.clear();
        self.in_flight.clear();
        if self.random.once_in(2) {
            self.delivered.clear();
        }
    }
}

/// The network.
impl Wire {
    /// Whether the network can go on without anybody else.
    pub fn is_moving(&self) -> bool {
        let input = match self.in_flight.front() {
            None => false,
            Some(Segment::Bytes(_)) => {
                self.receive_queue.len() < self.receive_max || self.server == ServerSide::Gone
            }
            Some(Segment::End | Segment::Reset) => true,
        };
        input || !self.send_queue.is_empty() && self.window > 0
    }

    /// Moves some of what can be moved.
    pub fn jostle(&mut self) {
        if self.in_flight.is_empty() && self.send_queue.is_empty() {
            return;
        }
        if self.random.once_in(2) {
            self.deliver_to_server();
        }
        if self.random.once_in(2) && !self.send_queue.is_empty() {
            let most = self.random.pick(&[1, 30, 500, 100_000]);
            let bytes = self.send_queue.len().min(most).min(self.window);
            self.delivered.extend(self.send_queue.drain(..bytes));
            self.window -= bytes;
            self.look_for_room();
        }
    }

    fn deliver_to_server(&mut self) {
        let Some(segment) = self.in_flight.pop_front() else { return };
        if self.server == ServerSide::Gone {
            if !matches!(segment, Segment::End) {
                self.tell(|| "what it sent to a closed socket is answered by a reset".into());
                self.reset_peer();
            }
            return;
        }
        if matches!(self.peer, PeerSide::Reset | PeerSide::ResetTold) {
            return;
        }
        match segment {
            Segment::Bytes(mut bytes) => {
                let room = self.receive_max - self.receive_queue.len();
                let most = if self.random.once_in(3) { 1 } else { room };
                let rest = bytes.split_off(bytes.len().min(room).min(most));
                if !rest.is_empty() {
                    self.in_flight.push_front(Segment::Bytes(rest));
                }
                if bytes.is_empty() {
                    return;
                }
                self.tell(|| format!("{} bytes arrive", bytes.len()));
                self.receive_queue.extend(bytes);
            }
            Segment::End => {
                self.tell(|| "its end arrives".into());
                self.peer = PeerSide::Ended;
            }
            Segment::Reset => {
                self.tell(|| "its reset arrives".into());
                self.peer = PeerSide::Reset;
                self.send_queue.clear();
                if self.random.once_in(2) {
                    self.receive_queue.clear();
                }
            }
        }
        self.edge |= self.interest != Interest::Nothing;
    }

    fn look_for_room(&mut self) {
        let free = self.send_max - self.send_queue.len();
        if self.room == Room::Lacking && free * 3 >= self.send_max {
            self.room = Room::Back;
            self.edge |= self.interest == Interest::ReadableAndWritable;
        }
    }
}

/// The poll.
impl Wire {
    /// The server has accepted it, and the poll does not know it yet.
    pub fn on_admitted(&mut self, id: ClientId) {
        self.id = Some(id);
        self.server = ServerSide::Open;
        self.is_new = true;
        self.tell(|| "accepted".into());
        self.watch.on_accept(self.hub.now());
    }

    /// The poll is asked to report this from now on. What is so already makes an edge.
    pub fn register(&mut self, interest: Interest) {
        self.tell(|| format!("the poll is asked to report {interest:?}"));
        self.interest = interest;
        let has_room = interest == Interest::ReadableAndWritable && self.room != Room::Lacking;
        self.edge |= has_room || !self.receive_queue.is_empty() || self.peer != PeerSide::Open;
    }

    pub fn interest(&self) -> Interest {
        self.interest
    }

    pub fn has_event(&self) -> bool {
        self.edge && self.is_here()
    }

    /// The poll reports something that is not so, as polls may.
    pub fn mislead(&mut self, random: &mut Random) -> (ClientId, Readiness) {
        let readable = random.once_in(2);
        if !readable {
            self.room = Room::Enough;
        }
        let hint = Readiness { readable, writable: !readable, read_closed: false };
        (self.id.expect("only who is registered has events"), hint)
    }

    /// What the poll reports now.
    pub fn take_event(&mut self) -> (ClientId, Readiness) {
        self.edge = false;
        let lost = matches!(self.peer, PeerSide::Reset | PeerSide::ResetTold);
        let asked = self.interest == Interest::ReadableAndWritable;
        let free = self.send_max - self.send_queue.len();
        let readiness = Readiness {
            readable: !self.receive_queue.is_empty() || self.peer != PeerSide::Open,
            writable: lost || asked && self.room != Room::Lacking && free * 3 >= self.send_max,
            read_closed: self.peer != PeerSide::Open,
        };
        if readiness.writable {
            self.room = Room::Enough;
        }
        self.tell(|| format!("the poll reports {readiness:?}"));
        (self.id.expect("only who is registered has events"), readiness)
    }
}

/// The server's calls.
impl Wire {
    pub fn begin_turn(&mut self) {
        self.cause = match self.has_used_budget() || self.is_new {
            true => Cause::Given,
            false => Cause::None,
        };
        self.is_new = false;
        self.moved = 0;
    }

    /// The server has a reason to make calls: an event, or an order to all.
    pub fn give_cause(&mut self) {
        self.cause = Cause::Given;
    }

    /// A client that runs because of its deadline has a budget of its own.
    pub fn begin_expiry(&mut self) {
        if self.has_used_budget() {
            self.cause = Cause::BudgetUsed;
        }
        self.moved = 0;
    }

    fn has_used_budget(&self) -> bool {
        self.cause == Cause::BudgetUsed || self.moved >= self.turn_bytes_max
    }

    /// What every call begins with.
    fn on_call(&mut self) -> io::Result<()> {
        if !self.is_here() {
            self.fail("a call on a stream that is not open");
        }
        match self.hub.stage() {
            Stage::Drive if self.cause == Cause::None => {
                self.fail("a call for a client that nothing was reported of")
            }
            Stage::Drive | Stage::Expire | Stage::Evict => {}
            Stage::Outside | Stage::Register | Stage::Free | Stage::Admit | Stage::CutOff => {
                self.fail("a call outside of driving")
            }
        }
        if self.moved >= self.turn_bytes_max {
            self.fail("more was moved in one turn than the budget allows");
        }
        if self.random.once_in(8) {
            self.jostle();
        }
        match self.random.once_in(20) {
            true => Err(ErrorKind::Interrupted.into()),
            false => Ok(()),
        }
    }

    pub fn server_reads(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.totals.receives += 1;
        self.on_call()?;
        if self.peer == PeerSide::EndRead {
            self.fail("read again behind the end");
        }
        if self.receive_queue.is_empty() {
            return match self.peer {
                PeerSide::Open => Err(ErrorKind::WouldBlock.into()),
                PeerSide::Ended | PeerSide::EndRead => {
                    self.peer = PeerSide::EndRead;
                    self.tell(|| "its end is read".into());
                    Ok(0)
                }
                PeerSide::Reset | PeerSide::ResetTold => {
                    self.peer = PeerSide::ResetTold;
                    Err(ErrorKind::ConnectionReset.into())
                }
            };
        }
        let bytes = buf.len().min(self.receive_queue.len());
        buf[..bytes].copy_from_slice(&self.receive_queue[..bytes]);
        self.receive_queue.drain(..bytes);
        self.tell(|| format!("{bytes} bytes are read: {}", buf[..bytes.min(80)].escape_ascii()));
        self.moved += bytes;
        self.totals.received_bytes += bytes as u64;
        self.watch.on_read(bytes, self.hub.now());
        Ok(bytes)
    }

    pub fn server_writes(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.totals.sends += 1;
        self.on_call()?;
        let offered: usize = pieces.iter().map(|piece| piece.len()).sum();
        if offered == 0 || self.server == ServerSide::Shut {
            self.fail("a write of nothing, or behind our own end");
        }
        // When time runs out, a write may ask whether the peer has made progress after all.
        if self.room != Room::Enough && self.hub.stage() != Stage::Expire {
            self.fail("a write without room, which the last write has told");
        }
        match self.peer {
            PeerSide::Reset => {
                self.peer = PeerSide::ResetTold;
                return Err(ErrorKind::ConnectionReset.into());
            }
            PeerSide::ResetTold => return Err(ErrorKind::BrokenPipe.into()),
            PeerSide::Open | PeerSide::Ended | PeerSide::EndRead => {}
        }
        let bytes = offered.min(self.send_max - self.send_queue.len());
        let mut left = bytes;
        for piece in pieces {
            let taken = piece.len().min(left);
            self.send_queue.extend_from_slice(&piece[..taken]);
            left -= taken;
        }
        self.room = if bytes < offered { Room::Lacking } else { Room::Enough };
        if bytes == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.tell(|| format!("{bytes} of {offered} bytes are taken"));
        self.moved += bytes;
        self.totals.sent_bytes += bytes as u64;
        self.watch.on_write(self.hub.now());
        Ok(bytes)
    }

    pub fn server_shuts(&mut self) -> io::Result<()> {
        if matches!(self.peer, PeerSide::Reset | PeerSide::ResetTold) {
            return Err(ErrorKind::NotConnected.into());
        }
        self.tell(|| "our side is shut down".into());
        self.server = ServerSide::Shut;
        self.watch.on_shutdown(self.hub.now());
        Ok(())
    }

    pub fn server_wants_reset(&mut self) {
        self.reset_on_drop = true;
    }

    pub fn server_drops(&mut self) {
        let lost = matches!(self.peer, PeerSide::Reset | PeerSide::ResetTold);
        let unread = self.receive_queue.len();
        let known = unread > 0 && !self.edge && !lost && !self.reset_on_drop;
        if known && self.hub.stage() == Stage::Free && self.server == ServerSide::Open {
            self.fail("closed without lingering on input that was reported");
        }
        self.server = ServerSide::Gone;
        self.tell(|| format!("closed, {unread} bytes unread, reset: {}", self.reset_on_drop));
        if self.reset_on_drop || unread > 0 {
            self.reset_peer();
        }
        if lost {
            self.in_flight.clear();
        }
    }

    /// Fails unless this was a client that owed and was owed nothing, and had for a while.
    pub fn judge_eviction(&self) {
        let quiet = matches!(self.part(), Part::FirstByte | Part::Between | Part::Blank);
        if !quiet || self.has_used_budget() {
            self.fail("evicted, and was not idle");
        }
        if !self.receive_queue.is_empty() {
            self.fail("evicted, and its next request had come");
        }
        // Empty lines do not make it busy. A new client counts as written to when it comes.
        let answered = self.moved > 0 || self.part() == Part::FirstByte;
        if answered && self.watch.last_write() >= self.hub.now() {
            self.fail("evicted in the very moment of its coming, or of being served");
        }
    }

    fn part(&self) -> Part {
        self.watch.part(self.room != Room::Enough)
    }
}

/// What is looked at when a turn has ended.
impl Wire {
    /// Fails if the server has something to do here and nothing will make it do that.
    pub fn judge_wakeups(&self) {
        // A new client runs in the next turn, before the poll knows it.
        if !self.is_here() || self.edge || self.has_used_budget() || self.is_new {
            return;
        }
        match (self.room, self.interest) {
            (_, Interest::Nothing) => self.fail("it waits, and the poll does not know it"),
            (Room::Enough, _) => {}
            (_, Interest::ReadableAndWritable) => return,
            (_, Interest::Readable) => {
                self.fail("it waits for room, and the poll was not asked to report any")
            }
        }
        if !self.receive_queue.is_empty() {
            self.fail("input lies unread, and nothing will report it again");
        }
        if matches!(self.peer, PeerSide::Ended | PeerSide::Reset) {
            self.fail("an end lies unread, and nothing will report it again");
        }
    }

    /// Fails if the server still waits here though the time for that is over.
    pub fn judge_deadline(&self, timeouts: &oneloop::Timeouts) {
        let blocked = self.room != Room::Enough;
        // Whoever has used its budget has not yet done what its input asks for.
        let waits = self.is_here() && !self.has_used_budget();
        if waits && self.watch.bound(blocked, timeouts) <= self.hub.now() {
            self.fail(&format!("late: it still waits ({:?}) behind its deadline", self.part()));
        }
    }

    /// Whether this client could be closed because the server is stopping.
    pub fn is_at_rest(&self) -> bool {
        self.is_here() && !self.edge && matches!(self.part(), Part::FirstByte | Part::Between)
    }
}
