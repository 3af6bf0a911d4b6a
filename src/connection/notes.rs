//! Notes of the answers that were given in a client's step, for what tells of them.
//!
//! A request's bytes vanish when it has been answered. Where answers are told of, the connection notes
//! what will be asked for, and the engine hands it on when the step is over. Answers that are taken
//! whole in the next one, as nearly all are, it hands on together, for all clients of a batch. It notes
//! the request before the handler is called, so a request whose handler panics is told of as well. No
//! note outlives its client's turn, and the room for notes is used again: an answer allocates nothing.
//!
//! Invariant: notes are a stack, as the answers of a batch are. Those of the client that is driven are
//! the last. What was taken whole is no more on it.

use std::net::SocketAddr;

use super::note::{Answered, Beginning, Note, Progress, Whole};
use crate::answer::planned_fault::Planned;
use crate::buffer::Output;
use crate::http::chars::is;
use crate::http::forwarded;
use crate::http::method::Version;
use crate::http::parse::{Fields, Head};
use crate::journal::access::{
    DATE_BYTES, FIELD_BYTES_MAX, PARTS, REFERER_BYTES_MAX, Seen, TARGET_BYTES_MAX,
};
use crate::journal::parts::address;
use crate::network::Network;
use crate::peer::PackedPeer;

/// What was noted, and is not told of yet.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    notes: Vec<Note>,
    /// Of answers that were taken whole, until they are told of together.
    whole: Vec<Whole>,
    /// The parts of all requests, in the order in which they came.
    text: Vec<u8>,
    /// Where the last answer ends among all that is encoded.
    end: usize,
    /// The bytes of an interim answer that was made in the present step.
    interim: usize,
}

impl Notes {
    /// Notes a request that the handler is about to see.
    #[cold]
    #[inline(never)]
    pub(super) fn on_request(
        &mut self,
        head: &Head<'_>,
        number: u32,
        driven: usize,
        (peer, client): (PackedPeer, Option<SocketAddr>),
        proxied_by: &[Network],
    ) {
        let mut is_passed_on = client.is_some();
        let [mut referer, mut user_agent, mut trace_parent, mut request_id] = [&b""[..]; 4];
        for (name, value) in head.fields.iter() {
            match name.len() {
                7 if is(name, b"referer") => referer = value,
                9 if is(name, b"forwarded") => is_passed_on = true,
                15 if is(name, b"x-forwarded-for") => is_passed_on = true,
                10 if is(name, b"user-agent") => user_agent = value,
                11 if is(name, b"traceparent") && is_trace_parent(value) => trace_parent = value,
                12 if is(name, b"x-request-id") => request_id = value,
                _ => {}
            }
        }
        let is_http_10 = head.version == Version::Http10;
        let text = self.text.len();
        if is_passed_on {
            self.put_client(peer, client, &head.fields, proxied_by);
        }
        let mut seen = Seen { is_http_10, is_cut: false };
        let parts = [
            (self.text.len() - text) as u16,
            self.put(head.method.as_bytes(), FIELD_BYTES_MAX, &mut seen),
            self.put(head.target.as_bytes(), TARGET_BYTES_MAX, &mut seen),
            self.put(referer, REFERER_BYTES_MAX, &mut seen),
            self.put(user_agent, FIELD_BYTES_MAX, &mut seen),
            self.put(trace_parent, FIELD_BYTES_MAX, &mut seen),
            self.put(request_id, FIELD_BYTES_MAX, &mut seen),
        ];
        let text = text..self.text.len();
        self.notes.push(Note::of_request(driven, number, text, (parts, seen)));
    }

    /// Notes what is no acceptable request, which the handler is about to see.
    #[cold]
    pub(super) fn on_fault(
        &mut self,
        received: &[u8],
        number: u32,
        driven: usize,
        client: Option<SocketAddr>,
    ) {
        let line_end = received.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let line = &received[..line_end.unwrap_or(received.len())];
        let text = self.text.len();
        if let Some(client) = client {
            address(&mut self.text, client.ip());
        }
        let client = (self.text.len() - text) as u16;
        let mut seen = Seen::default();
        let parts = [client, 0, self.put(line, TARGET_BYTES_MAX, &mut seen), 0, 0, 0, 0];
        let text = text..self.text.len();
        self.notes.push(Note::of_request(driven, number, text, (parts, seen)));
    }

    /// Puts the address of the client for which this peer asks, unless the peer is the client.
    #[inline(never)]
    fn put_client(
        &mut self,
        peer: PackedPeer,
        told: Option<SocketAddr>,
        fields: &Fields<'_>,
        proxied_by: &[Network],
    ) {
        let peer = peer.ip();
        let came_from = told.map(|told| told.ip()).or(peer);
        if let Some(client) = forwarded::client(came_from, fields, proxied_by).or(came_from)
            && peer != Some(client)
        {
            address(&mut self.text, client);
        }
    }

    /// Puts a part behind the others, and says how long it is. Most requests have two or three.
    #[inline(always)]
    fn put(&mut self, mut part: &[u8], bytes_max: usize, seen: &mut Seen) -> u16 {
        if part.is_empty() {
            return 0;
        }
        if part.len() > bytes_max {
            // One byte more than is shown: so it is known which part was cut.
            part = &part[..bytes_max + 1];
            seen.is_cut = true;
        }
        self.text.extend_from_slice(part);
        part.len() as u16
    }

    /// Notes the answer to what was noted last: it has just been encoded, from `start` on.
    #[cold]
    #[inline(never)]
    pub(super) fn on_answer(&mut self, start: usize, streams: bool, output: &Output) {
        self.end = output.bytes_stacked();
        if let [others @ .., note] = &mut self.notes[..] {
            let from_status = output.encoded_bytes().get(start + "HTTP/1.1 ".len()..);
            note.status = from_status.and_then(<[u8]>::first_chunk).map_or(0, |it| status(*it));
            // Of an answer that begins later there is no head yet.
            note.head = output.head_end().saturating_sub(start) as u32;
            note.bytes = self.end - start + output.uncopied_bytes();
            note.bytes_up_to = note.bytes + bytes_up_to(others, note.owner);
            note.streams = streams;
        }
    }

    /// What was noted last is answered later: only the answer is noted then.
    pub(super) fn on_pause(&mut self) {
        if let Some(note) = self.notes.last_mut()
            && note.beginning == Beginning::AtOnce
        {
            note.beginning = Beginning::Awaited;
        }
    }

    /// What was noted last has a fault on purpose. Where no head says a status, it is told here.
    pub(super) fn on_planned(&mut self, planned: Planned) {
        if let Some(note) = self.notes.last_mut() {
            note.fault = Some(planned.fault);
            if note.status == 0 {
                note.status = planned.status;
                note.head = planned.head_bytes.into();
            }
        }
    }

    /// The answer to the client in this slot begins, whose request was noted before it.
    pub(super) fn on_late(&mut self, driven: usize) {
        let text = self.text.len()..self.text.len();
        let mut note = Note::of_request(driven, 0, text, ([0; PARTS], Seen::default()));
        note.beginning = Beginning::Late;
        self.notes.push(note);
    }

    /// Notes an interim answer, of this many bytes.
    #[cold]
    pub(super) fn on_interim(&mut self, bytes: usize) {
        self.interim = bytes;
    }

    /// The bytes of the interim answer that was made in the step that is over.
    pub(crate) fn take_interim(&mut self) -> usize {
        std::mem::take(&mut self.interim)
    }

    /// The request that was noted last is not answered yet: it is noted again when it is.
    #[cold]
    pub(super) fn withdraw(&mut self) {
        if self.notes.pop().is_some() {
            self.forget_text();
        }
    }

    /// The last answer's source has been asked for its first piece, and perhaps that was all.
    #[cold]
    pub(super) fn on_first_piece(&mut self, streams: bool, output: &Output) {
        if let Some(note) = self.notes.last_mut() {
            let end = output.bytes_stacked();
            note.bytes += end - self.end;
            note.bytes_up_to += end - self.end;
            note.streams = streams;
            self.end = end;
        }
    }

    /// Hands on what was noted of the client in this slot, and forgets it.
    #[inline(never)]
    pub(crate) fn take(
        &mut self,
        owner: usize,
        peer: &PackedPeer,
        date: &[u8; DATE_BYTES],
        mut tell: impl FnMut(&Answered<'_>),
    ) {
        let start = self.own_start(owner);
        for note in &self.notes[start..] {
            tell(&Answered { peer, note, text: note.text_in(&self.text), date });
        }
        self.notes.truncate(start);
        self.forget_text();
    }

    /// If the kernel has taken this many `bytes` of the client in this slot, and that is all that is noted of
    /// it, whole: says so, and keeps that until it is told of together with what others have taken.
    #[inline]
    pub(crate) fn take_whole(
        &mut self,
        (owner, bytes): (usize, usize),
        connection: u32,
        peer: &PackedPeer,
    ) -> bool {
        let Some(last) = self.notes.last() else { return false };
        if !last.is_of(owner) || !last.is_whole() || last.bytes_up_to != bytes {
            return false;
        }
        if last.bytes < bytes {
            self.take_many_whole(owner, connection, peer);
        } else {
            self.whole.push(Whole { note: *last, connection, peer: *peer });
            self.notes.pop();
        }
        true
    }

    #[inline(never)]
    fn take_many_whole(&mut self, owner: usize, connection: u32, peer: &PackedPeer) {
        let own = self.own_start(owner)..;
        let whole = self.notes.drain(own).map(|note| Whole { note, connection, peer: *peer });
        self.whole.extend(whole);
    }

    /// How many answers were taken whole that are still to be told of.
    #[inline]
    pub(crate) fn whole_count(&self) -> usize {
        self.whole.len()
    }

    /// Hands on the answers that were taken whole, in the order in which each client has taken its own,
    /// with all text, and forgets them.
    pub(crate) fn take_all_whole(&mut self, tell: impl FnOnce(&[Whole], &[u8])) {
        tell(&self.whole, &self.text);
        self.whole.clear();
        self.forget_text();
    }

    /// Forgets the text behind that of the last note, unless it is still to be told of.
    fn forget_text(&mut self) {
        if self.whole.is_empty() {
            self.text.truncate(self.notes.last().map_or(0, |last| last.text[1] as usize));
        }
    }

    /// Whether anything is noted of the client in this slot, which is driven.
    #[inline]
    pub(crate) fn has(&self, owner: usize) -> bool {
        self.notes.last().is_some_and(|note| note.is_of(owner))
    }

    /// How many bytes the answers have that are noted of this client, if each of them is whole.
    #[inline]
    pub(crate) fn whole_bytes(&self, owner: usize) -> Option<usize> {
        // Only the last one can be anything else.
        let last = self.notes.last().filter(|note| note.is_of(owner))?;
        last.is_whole().then_some(last.bytes_up_to)
    }

    /// Whether answers are noted of this client, each of them is whole, and nothing else was made for it
    /// or comes over time.
    #[inline]
    pub(crate) fn are_whole(&self, owner: usize, progress: &Progress) -> bool {
        self.whole_bytes(owner) == Some(progress.owed)
            && !progress.streams
            && progress.broken.is_none()
    }

    /// Shows the answers to the client in this slot to a watcher of steps, which is not told of them again.
    #[cold]
    pub(crate) fn show(
        &mut self,
        owner: usize,
        peer: &PackedPeer,
        date: &[u8; DATE_BYTES],
        mut tell: impl FnMut(&Answered<'_>),
    ) {
        let start = self.own_start(owner);
        for note in self.notes[start..].iter_mut().filter(|note| !note.is_seen) {
            note.is_seen = true;
            tell(&Answered { peer, note, text: note.text_in(&self.text), date });
        }
    }

    /// Where the notes of the client in this slot begin, which is driven.
    #[inline]
    fn own_start(&self, owner: usize) -> usize {
        let others = self.notes.iter().rposition(|note| !note.is_of(owner));
        others.map_or(0, |at| at + 1)
    }
}

/// How many bytes all answers have that were noted of this client, up to the last of these notes.
fn bytes_up_to(notes: &[Note], owner: u32) -> usize {
    notes.last().filter(|note| note.owner == owner).map_or(0, |note| note.bytes_up_to)
}

/// The status that these bytes of an answer's first line are; zero if they are none.
fn status(digits: [u8; 3]) -> u16 {
    let [hundreds, tens, ones] = digits.map(|digit| u16::from(digit.wrapping_sub(b'0')));
    match hundreds.max(tens).max(ones) <= 9 {
        true => hundreds * 100 + tens * 10 + ones,
        false => 0,
    }
}

/// Whether this is what the W3C's Trace Context calls a valid `traceparent` of version 00.
fn is_trace_parent(value: &[u8]) -> bool {
    let is_number = |part: &[u8]| part.iter().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    let is_id = |part: &[u8]| is_number(part) && part.iter().any(|digit| *digit != b'0');
    value.len() == 55
        && value.starts_with(b"00-")
        && value[35] == b'-'
        && value[52] == b'-'
        && is_id(&value[3..35])
        && is_id(&value[36..52])
        && is_number(&value[53..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_three_digits() {
        assert_eq!(status(*b"409"), 409);
        assert_eq!(status(*b"40 "), 0);
        assert_eq!(status(*b"4:9"), 0);
    }

    #[test]
    fn a_trace_parent_is_noted_if_it_is_valid() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_trace_parent(valid.as_bytes()));
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        ] {
            assert!(!is_trace_parent(wrong.as_bytes()), "{wrong}");
        }
    }
}
