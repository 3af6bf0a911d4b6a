//! The access log: a line for each answer, when its last byte is taken or its connection has ended.
//!
//! An answer that is sent in the turn in which it is given leaves nothing behind, and its line
//! allocates nothing: what is known of it lies on a stack, as the clients of a batch do. What has to
//! wait for its peer is put away by the client's name at the turn's end. So an idle client owns
//! nothing here.
//!
//! Invariant: the entries of a client, in order, are what it is owed, but for the part of it that a
//! source has still to give.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use super::access_lines::Writer;
use crate::answer::planned_fault::PlannedFault;
use crate::connection::{Answered, Beginning, Note, Progress, Whole};
use crate::engine::{AnswerWatcher, ClientId, Clients, Ended, Stream};
use crate::journal::access::{Asked, Course, DATE_BYTES};
use crate::journal::parts::are_plain;
use crate::journal::{Format, Journal};
use crate::metrics::CloseReason;
use crate::peer::PackedPeer;
use crate::time::Time;

/// What an answer has ended by, if all of it was taken.
const WHOLE: &str = "whole";

/// How much room for the parts of requests is kept, in bytes: those of a batch.
const TEXT_BYTES_KEPT: usize = 64 * 1024;

/// Writes a line into a [`Journal`] for each answer, in this [`Format`].
///
/// A line stands where its answer has ended, so the lines of one connection come in the order of its
/// requests. Each has the client, its number and that of the request, the method, the target as it
/// came, the status, how many bytes of the body the kernel has taken, and why it ended: `whole`, or a
/// [reason](CloseReason::word). Times are those of turns: zero is "in the same turn".
///
/// A request whose handler panicked has a line as well, if the program goes on: it ended by
/// `handler-panicked`, and its status is `0`, or `000` in [`Format::Combined`], as no answer was sent.
pub struct AccessLog {
    lines: Writer,
    /// Paths without a line.
    excepted: Vec<String>,
    /// One connection in this many has lines; of the others only faults and failures have.
    sample: u32,
    /// Connections that ended without an answer have lines.
    has_unanswered: bool,
    /// What is owed to the clients of the present batch: a stack, as their answers are. Those of one
    /// client stand together, and those of the client that is driven are the last.
    hot: Vec<Entry>,
    /// The parts of their requests.
    text: Vec<u8>,
    /// What is owed to others.
    parked: HashMap<ClientId, Parked, BuildHasherDefault<SlotHasher>>,
}

/// Something that a client is owed.
#[derive(Debug)]
struct Entry {
    client: ClientId,
    /// `None` if it has no line: an interim answer, or a path that is excepted.
    told: Option<Told>,
    given: Time,
    first_byte: Option<Time>,
    /// How much of its head is owed, in bytes.
    head: usize,
    /// How much of it is owed in all, as far as it has been made.
    owed: usize,
    /// How much of its body has been taken.
    sent: u64,
    /// More of it comes over time.
    streams: bool,
    /// Why it will not be whole.
    broken: Option<CloseReason>,
}

/// What its line tells beside that.
#[derive(Debug)]
struct Told {
    peer: PackedPeer,
    note: Note,
    /// Where the parts of the request are, one behind the other.
    text: Range<usize>,
    /// The answer begins later, and has a line only if it is a failure.
    only_if_failed: bool,
}

/// What a client is owed that waits for it.
#[derive(Debug, Default)]
struct Parked {
    entries: Vec<Entry>,
    text: Vec<u8>,
}

impl AccessLog {
    /// What it keeps of an answer that waits for its client, beside the parts of its request, in bytes.
    pub(crate) const ANSWER_BYTES: usize = size_of::<Entry>();

    /// Lines in this format go into `journal`.
    pub fn new(format: Format, journal: Journal) -> AccessLog {
        AccessLog {
            lines: Writer::new(format, journal),
            excepted: Vec::new(),
            sample: 1,
            has_unanswered: false,
            hot: Vec::new(),
            text: Vec::new(),
            parked: HashMap::default(),
        }
    }

    /// Requests for this path have no line, unless they fail: those of health checks, say. The path is
    /// compared as the client wrote it, without its query.
    pub fn except(mut self, path: impl Into<String>) -> AccessLog {
        self.excepted.push(path.into());
        self
    }

    /// Of each `n` connections one has lines. Faults, answers with a status of 500 or above, and
    /// requests whose handler panicked have lines whatever their connection is. Zero means the same as one.
    pub fn sample(mut self, n: u32) -> AccessLog {
        self.sample = n.max(1);
        self
    }

    /// Connections that ended before they were answered have lines as well: port scans, health checks
    /// that only connect, clients that give up. Such a line has no method, target or status, and its
    /// request's number is zero. Its `end` is the time since the connection, or the first byte of what
    /// was no whole request, has come. [`AccessLog::sample`] holds for them, too.
    pub fn unanswered(mut self) -> AccessLog {
        self.has_unanswered = true;
        self
    }

    /// Writes a line for each answer to these clients, from now on.
    #[cfg_attr(not(feature = "engine"), doc(hidden))]
    pub fn watch<S: Stream>(self, clients: &mut Clients<S>) {
        clients.watch_answers(Box::new(self));
    }

    /// Whether this answer by the connection of this number has a line.
    #[inline(always)]
    fn has_line(&self, connection: u32, note: &Note, asked: &Asked<'_>) -> bool {
        (self.sample == 1 && self.excepted.is_empty()) || self.is_chosen(connection, note, asked)
    }

    #[inline(never)]
    fn is_chosen(&self, connection: u32, note: &Note, asked: &Asked<'_>) -> bool {
        note.is_failure() || self.is_of_sample(connection, asked)
    }

    fn is_of_sample(&self, connection: u32, asked: &Asked<'_>) -> bool {
        connection.is_multiple_of(self.sample) && !self.is_excepted(asked.parts().target)
    }

    fn is_excepted(&self, target: &[u8]) -> bool {
        let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
        self.excepted.iter().any(|excepted| excepted.as_bytes() == path)
    }

    fn push(&mut self, at: Time, client: ClientId, answer: &Answered<'_>) {
        let asked = answer.note.asked(answer.text);
        let told = self.has_line(client.number(), answer.note, &asked).then(|| {
            let start = self.text.len();
            self.text.extend_from_slice(answer.text);
            let only_if_failed = answer.note.beginning == Beginning::Awaited
                && !self.is_of_sample(client.number(), &asked);
            let text = start..self.text.len();
            Told { peer: *answer.peer, note: *answer.note, text, only_if_failed }
        });
        self.hot.push(Entry {
            client,
            told,
            given: at,
            first_byte: None,
            head: answer.note.head_bytes(),
            owed: answer.note.bytes,
            sent: 0,
            streams: answer.note.streams,
            broken: None,
        });
    }

    /// Calls `work` with what this client is owed, and writes the lines of the answers that it takes
    /// off, which are the first.
    fn with_entries(
        &mut self,
        client: ClientId,
        at: Time,
        work: impl FnOnce(&mut [Entry]) -> Finished,
    ) {
        let start = self.own_start(client);
        if start < self.hot.len() {
            let finished = work(&mut self.hot[start..]);
            let end = start + finished.count;
            for entry in &self.hot[start..end] {
                entry.append_line(&self.lines, &self.text, finished.reason, at);
            }
            match end == self.hot.len() {
                true => self.hot.truncate(start),
                false => _ = self.hot.drain(start..end),
            }
            self.forget_text();
        } else if let Some(parked) = self.parked.get_mut(&client) {
            let finished = work(&mut parked.entries);
            for entry in parked.entries.drain(..finished.count) {
                entry.append_line(&self.lines, &parked.text, finished.reason, at);
            }
            if parked.entries.is_empty() {
                self.parked.remove(&client);
            }
        }
    }

    /// Whether more of an answer of this client may come over time: the client is driven, or parked.
    fn may_stream(&self, client: ClientId) -> bool {
        match self.hot.last() {
            Some(last) if last.client == client => last.streams,
            Some(_) | None => !self.parked.is_empty(),
        }
    }

    /// What this client, which is driven, is owed of answers that are given in this turn, in bytes.
    fn owed(&self, client: ClientId) -> usize {
        let own = self.hot.iter().rev().take_while(|entry| entry.client == client);
        own.map(|entry| entry.owed).sum()
    }

    /// Where this client's entries begin in `hot`, if it is the client that is driven.
    fn own_start(&self, client: ClientId) -> usize {
        let others = self.hot.iter().rposition(|entry| entry.client != client);
        others.map_or(0, |at| at + 1)
    }

    fn forget_text(&mut self) {
        if self.hot.is_empty() {
            self.text.clear();
            self.text.shrink_to(TEXT_BYTES_KEPT);
        }
    }

    /// Puts this client's entries, the last ones, behind what is parked for it already.
    fn park(&mut self, entry: Entry) {
        let Entry { client, mut told, .. } = entry;
        let parked = self.parked.entry(client).or_default();
        if let Some(told) = &mut told {
            let start = parked.text.len();
            parked.text.extend_from_slice(&self.text[told.text.clone()]);
            told.text = start..parked.text.len();
        }
        if parked.entries.is_empty() {
            // Most clients are owed one answer, and a vector would begin with room for four.
            parked.entries.reserve_exact(1);
        }
        parked.entries.push(Entry { told, ..entry });
    }
}

/// How many answers have ended, and why those that are not whole did.
struct Finished {
    count: usize,
    reason: Option<CloseReason>,
}

impl AnswerWatcher for AccessLog {
    fn on_turn(&mut self, client: ClientId) -> bool {
        let start = self.own_start(client);
        if start < self.hot.len() {
            let mut hot = std::mem::take(&mut self.hot);
            for entry in hot.drain(start..) {
                self.park(entry);
            }
            self.hot = hot;
            self.forget_text();
        }
        !self.hot.is_empty()
    }

    fn knows_any(&self) -> bool {
        !self.hot.is_empty() || !self.parked.is_empty()
    }

    fn knows_any_of(&self, client: ClientId) -> bool {
        self.hot.last().is_some_and(|last| last.client == client)
            || self.parked.contains_key(&client)
    }

    fn on_whole(&mut self, answers: &[Whole], text: &[u8], date: &[u8; DATE_BYTES]) {
        self.lines.stamp.renew(date);
        let mut batch = self.lines.begin();
        // One look at all of it costs less than one for each answer.
        let is_plain = are_plain(text);
        for answer in answers {
            let asked = answer.asked(text).known_plain(is_plain);
            if self.has_line(answer.connection, &answer.note, &asked) {
                self.lines.append_whole(&mut batch, answer, asked);
            }
        }
    }

    fn on_answer(&mut self, at: Time, client: ClientId, answer: &Answered<'_>) {
        self.lines.stamp.renew(answer.date);
        if answer.note.beginning == Beginning::Late {
            return self.with_entries(client, at, |entries| {
                if let Some(last) = entries.last_mut() {
                    last.begin(answer.note);
                }
                Finished { count: 0, reason: None }
            });
        }
        if self.may_stream(client) {
            // An answer is begun when all of the one before is there, and sent if it came over time.
            self.with_entries(client, at, |entries| {
                let is_over =
                    entries.last_mut().is_some_and(|last| std::mem::take(&mut last.streams));
                Finished { count: if is_over { entries.len() } else { 0 }, reason: None }
            });
        }
        self.push(at, client, answer);
    }

    fn on_sent(&mut self, at: Time, client: ClientId, bytes: usize) {
        self.with_entries(client, at, |entries| {
            let mut left = bytes;
            let mut count = 0;
            for entry in entries {
                left = entry.take(left, at);
                if entry.owed > 0 || entry.streams {
                    break;
                }
                count += 1;
            }
            Finished { count, reason: None }
        });
    }

    fn on_progress(&mut self, at: Time, client: ClientId, progress: Progress) {
        let Progress { owed, streams, broken, interim } = progress;
        if !streams && broken.is_none() && !self.may_stream(client) && owed == self.owed(client) {
            return;
        }
        let mut gap = progress.owed;
        self.with_entries(client, at, |entries| {
            let known: usize = entries.iter().map(|entry| entry.owed).sum();
            gap = progress.owed.saturating_sub(known);
            match entries.last_mut() {
                Some(last) => {
                    last.broken = progress.broken;
                    if last.streams {
                        last.owed += gap.saturating_sub(interim);
                        gap = gap.min(interim);
                        last.streams = progress.streams;
                    }
                    let over = last.owed == 0 && !last.streams;
                    Finished { count: if over { entries.len() } else { 0 }, reason: None }
                }
                None => Finished { count: 0, reason: None },
            }
        });
        if gap > 0 {
            self.hot.push(Entry::without_line(client, at, gap));
        }
    }

    fn on_closed(&mut self, at: Time, client: ClientId, ended: &Ended<'_>) {
        self.with_entries(client, at, |entries| Finished {
            count: entries.len(),
            reason: Some(ended.reason),
        });
        // A request whose handler has panicked has its line already.
        let is_unanswered = ended.answers == 0 && ended.reason != CloseReason::HandlerPanicked;
        if self.has_unanswered && is_unanswered && client.number().is_multiple_of(self.sample) {
            self.lines.append_unanswered(client, ended);
        }
    }
}

impl Entry {
    /// Appends its line, if it has one: `text` has its request's parts, and its connection was `closed`
    /// for this reason.
    fn append_line(&self, lines: &Writer, text: &[u8], closed: Option<CloseReason>, at: Time) {
        let Some(Told { peer, note, text: own, only_if_failed }) = &self.told else { return };
        if *only_if_failed && !note.is_failure() {
            return;
        }
        let course = Course::InTime {
            first_byte: self.first_byte.map(|first| first.since(self.given)),
            end: at.since(self.given),
            ended: self.broken.or(closed).map_or(WHOLE, CloseReason::word),
            fault: note.fault.map(PlannedFault::word),
        };
        let asked = note.asked(&text[own.clone()]);
        lines.append((peer, self.client.number()), (note, asked), self.sent, course);
    }

    /// Bytes that belong to no answer that has a line: an interim one.
    fn without_line(client: ClientId, at: Time, owed: usize) -> Entry {
        Entry {
            client,
            told: None,
            given: at,
            first_byte: None,
            head: 0,
            owed,
            sent: 0,
            streams: false,
            broken: None,
        }
    }

    /// The answer that was awaited begins: this is what was noted of it.
    fn begin(&mut self, answer: &Note) {
        if let Some(told) = &mut self.told {
            told.note.status = answer.status;
            told.note.fault = answer.fault;
        }
        self.head = answer.head_bytes();
        (self.owed, self.streams) = (answer.bytes, answer.streams);
    }

    /// The kernel has taken this many bytes of it, or of what lies behind it: says how many those are.
    fn take(&mut self, bytes: usize, at: Time) -> usize {
        let own = if self.streams { bytes } else { bytes.min(self.owed) };
        if own > 0 {
            self.first_byte.get_or_insert(at);
        }
        self.owed = self.owed.saturating_sub(own);
        let of_head = own.min(self.head);
        self.head -= of_head;
        self.sent += (own - of_head) as u64;
        bytes - own
    }
}

/// Hashes the names of clients: slots are numbered from zero, so their lowest bits differ already,
/// and a multiplication spreads them over the highest, by which the map tells entries apart.
/// Clients do not choose their names, so none can choose names that collide.
#[derive(Debug, Default)]
struct SlotHasher(u64);

impl Hasher for SlotHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, name: u64) {
        // Odd, so that no two names become the same; its bits are those of the golden ratio.
        self.0 = (self.0 ^ name).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").field("format", &self.lines.format).finish_non_exhaustive()
    }
}
