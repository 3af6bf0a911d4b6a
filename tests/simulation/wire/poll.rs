//! The poll: what it is asked to report, and what it reports.

use oneloop::engine::{ClientId, Interest, Readiness};

use super::{PeerSide, ServerSide, Wire};
use crate::marks::Mark;
use crate::random::Random;

impl Wire {
    /// Something has come: an edge, if the poll knows this connection.
    pub(super) fn raise_edge(&mut self) {
        self.edge |= self.interest.is_some();
    }

    /// Bytes have left the send queue. An edge is due if somebody was refused, and a third of the
    /// queue is free.
    pub(super) fn look_for_room(&mut self) {
        if self.lacks_room && self.has_room() {
            self.lacks_room = false;
            self.edge |= self.interest == Some(Interest::ReadableAndWritable);
        }
    }

    fn has_room(&self) -> bool {
        (self.send_max - self.unsent) * 3 >= self.send_max
    }

    pub(super) fn is_lost(&self) -> bool {
        matches!(self.peer, PeerSide::Reset | PeerSide::ResetTold)
    }

    /// The server has accepted it, and may have no room for it yet.
    pub fn on_accepted(&mut self) {
        self.server = ServerSide::Held;
        self.hub.open_descriptor();
        self.tell(|| "accepted".into());
    }

    /// The server has taken it in, and calls it so.
    pub fn on_admitted(&mut self, id: ClientId) {
        (self.id, self.server) = (Some(id), ServerSide::Open);
        self.hub.note_admitted();
        (self.is_new, self.touched) = (true, true);
        self.watch.on_admitted(self.hub.now());
        self.tell(|| "taken in".into());
    }

    /// The poll is asked to report this from now on. What is so already makes an edge.
    pub fn register(&mut self, id: ClientId, interest: Interest) {
        self.tell(|| format!("the poll is asked to report {interest:?}"));
        if self.id != Some(id) {
            self.fail("the poll is asked for another client");
        }
        (self.interest, self.touched) = (Some(interest), true);
        let has_room = interest == Interest::ReadableAndWritable && !self.lacks_room;
        self.edge |= has_room || self.unread() > 0 || self.peer != PeerSide::Open;
    }

    /// By which name the poll has known it, if it has.
    pub fn known_as(&self) -> Option<ClientId> {
        self.id.filter(|_| self.interest.is_some())
    }

    pub fn interest(&self) -> Option<Interest> {
        self.interest
    }

    pub fn has_event(&self) -> bool {
        self.edge && self.is_here()
    }

    /// The poll reports something that is not so, as polls may.
    pub fn mislead(&mut self, random: &mut Random) -> Option<(ClientId, Readiness)> {
        let id = self.known_as()?;
        let readable = random.once_in(2);
        self.may_write |= !readable;
        self.touched = true;
        self.hub.mark(if readable { Mark::SpuriousReadable } else { Mark::SpuriousWritable });
        let hint = if readable { Readiness::READABLE } else { Readiness::WRITABLE };
        self.tell(|| format!("the poll reports {hint:?}, which is not so"));
        Some((id, hint))
    }

    /// What the poll reports now.
    pub fn take_event(&mut self) -> (ClientId, Readiness) {
        (self.edge, self.touched) = (false, true);
        let asked = self.interest == Some(Interest::ReadableAndWritable);
        let is_lost = self.is_lost();
        let has_room = is_lost || asked && !self.lacks_room && self.has_room();
        let readiness = Readiness::READABLE.when(self.unread() > 0)
            | Readiness::READ_CLOSED.when(self.peer != PeerSide::Open)
            | Readiness::WRITABLE.when(has_room)
            | Readiness::LOST.when(is_lost);
        self.may_write |= has_room;
        self.tell(|| format!("the poll reports {readiness:?}"));
        self.loss_reported |= is_lost;
        // Whoever waits for its source makes no call that could tell.
        if is_lost && self.witness.is_pausing() {
            self.hub.mark(Mark::LostPausing);
            self.lost_told = true;
        }
        (self.id.expect("only who is registered has events"), readiness)
    }
}
