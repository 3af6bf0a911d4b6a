//! The judgement of a run: at the end of each turn, and at its end.

use oneloop::config::RECEIVE_BYTES;
use oneloop::engine::Time;
use oneloop::{CloseReason, Stopped};

use super::{BATCH_CLIENTS, Crowd, STOP_AGAIN};
use crate::hub::Life;
use crate::marks::{Mark, Outcome};
use crate::memory::PAGE_BYTES;
use crate::wire::Totals;

/// What the engine needs beside its clients and its outputs, in bytes: lists of who is where.
const LISTS_BYTES: usize = 32 * 1024;

/// What one of many clients that linger may do in a turn, in bytes, its last step included.
const LINGERING_BYTES_MAX: usize = 64 * 1024 + 8192;

/// How many turns a connection may wait although there is room: the next turn takes it in.
const UNACCEPTED_TURNS_MAX: usize = 1;

/// A deadline may be late by this part of its timeout.
const LATE_DIVISOR: u32 = 64;

/// What earlier turns have to do with the judgement of this one.
#[derive(Debug, Default)]
pub(super) struct SoFar {
    overdue_turns: usize,
    unaccepted_turns: usize,
    looks: u64,
    idle_turns: usize,
    timeouts_before: u64,
    gone: u64,
    closing_turns: usize,
    late_turns: usize,
    crowd_max: usize,
    answer_max: usize,
}

/// How many turns may go by without a pause and without a call: one finds out that there is
/// nothing to do, and one may pass over clients that have just become idle.
const IDLE_TURNS_MAX: usize = 2;

impl Crowd {
    pub(super) fn judge_turn(&mut self) {
        let now = self.hub.now();
        if self.is_one_held() {
            self.hub.mark(Mark::Held);
        }
        let is_overdue = self.engine.clients().next_due().is_some_and(|due| due <= now);
        let (mut ran, mut memory_max, mut answer_max, mut sources) = (0, 0, 0, 0);
        let overdue_turns_max = self.overdue_turns_max();
        // A dear answer can be all that a turn comes to.
        let runs_per_turn = if self.setting.has_dear_answers { 1 } else { BATCH_CLIENTS };
        let waited_turns_max = self.peers.len().div_ceil(runs_per_turn) + 1;
        // The end of an idle client can be, too.
        let ending = if self.hub.closes_idle() { self.peers.len() } else { 0 };
        let waited_turns_max = waited_turns_max + ending;
        // Who lingers may have to wait in both queues.
        let client_max = self.setting.config.limits.turn_bytes_max;
        let lingering_per_turn = (client_max / LINGERING_BYTES_MAX).max(1);
        let lingering_turns_max = waited_turns_max + self.peers.len().div_ceil(lingering_per_turn);
        for index in &self.active {
            let mut wire = self.wires[*index].borrow_mut();
            let is_runnable = wire.id.is_some_and(|id| self.engine.clients().is_runnable(id));
            wire.end_turn(is_runnable, waited_turns_max, lingering_turns_max);
            if wire.take_touched() {
                wire.judge_turn();
            }
            // Deadlines are acted on in bounded numbers: the rest has its turn in the next.
            match is_overdue {
                true => wire.judge_overdue_source(overdue_turns_max),
                false => wire.judge_deadline(),
            }
            ran += usize::from(wire.ran());
            let burden = wire.burden();
            sources += burden.sources;
            memory_max += burden.memory_max;
            answer_max = answer_max.max(burden.answer_max);
        }
        if ran > BATCH_CLIENTS {
            self.hub.mark(Mark::ManyRan);
        }
        assert_eq!(self.hub.sources(), sources, "whose answer has ended keeps no source");
        self.judge_overdue(is_overdue);
        self.judge_idling(ran, is_overdue);
        self.judge_doors();
        self.judge_ends();
        self.judge_log();
        self.judge_stopping();
        self.judge_memory(memory_max, answer_max);
    }

    /// For how many turns deadlines may wait: each client is looked at first, and a head that has come
    /// in time is read to its end, a turn's share at a time.
    fn overdue_turns_max(&self) -> usize {
        let limits = &self.setting.config.limits;
        let head_turns = limits.head_bytes_max / limits.turn_bytes_max;
        (2 + head_turns) * self.peers.len() + 2
    }

    /// Deadlines that wait for the next turn are worked off.
    fn judge_overdue(&mut self, is_overdue: bool) {
        let appointments = self.hub.take_appointments();
        // Sources may be due again and again; each has its turn, which is looked at elsewhere.
        self.so_far.overdue_turns = match is_overdue {
            true if appointments == 0 => self.so_far.overdue_turns + 1,
            true => self.so_far.overdue_turns,
            false => 0,
        };
        if is_overdue {
            self.hub.mark(Mark::DeadlinesLeft);
        }
        let most = self.overdue_turns_max();
        assert!(self.so_far.overdue_turns <= most, "deadlines wait for more and more turns");
    }

    /// A loop that does not sleep has something to do.
    fn judge_idling(&mut self, ran: usize, is_overdue: bool) {
        let now = self.hub.now();
        let looks: u64 = self.doors.iter().map(|door| door.looks()).sum();
        let gone = self.engine.clients().metrics().closed_total();
        // A client that lingers, and has earned more time, is given that without a call. How long
        // deadlines may stay overdue is judged elsewhere.
        let works = ran > 0 || looks != self.so_far.looks || gone != self.so_far.gone || is_overdue;
        let sleeps = || self.engine.due(now).is_none_or(|due| due > now);
        self.so_far.idle_turns = if works || sleeps() { 0 } else { self.so_far.idle_turns + 1 };
        let most = IDLE_TURNS_MAX;
        assert!(self.so_far.idle_turns <= most, "the loop turns without a pause, for nothing");
    }

    /// A loop does not sleep when a source was woken that it has not asked.
    pub(super) fn judge_sleep(&self, due: Option<Time>) {
        if due.is_none_or(|due| due > self.hub.now()) {
            let mut wires = self.active.iter().map(|index| self.wires[*index].borrow());
            if let Some(wire) = wires.find(|wire| wire.is_woken()) {
                wire.fail("its source is woken, and the loop sleeps");
            }
        }
    }

    /// Whether a connection waits that could be accepted.
    fn could_accept(&self) -> bool {
        let has_room =
            self.engine.clients().len() < self.setting.clients_max && !self.is_one_held();
        let waits = self
            .doors
            .iter()
            .any(|door| !door.is_empty() && !door.has_event() && door.has_descriptor());
        let rests = self.engine.admission().next_due().is_some();
        waits && has_room && !rests
    }

    /// Whoever waits at a door, and may come in, does.
    fn judge_doors(&mut self) {
        let looks = self.doors.iter().map(|door| door.looks()).sum();
        let is_kept_out = self.could_accept() && looks == self.so_far.looks;
        self.so_far.unaccepted_turns =
            if is_kept_out { self.so_far.unaccepted_turns + 1 } else { 0 };
        self.so_far.looks = looks;
        let most = UNACCEPTED_TURNS_MAX;
        assert!(self.so_far.unaccepted_turns <= most, "there is room, and nobody is let in");
    }

    /// A server that was told to stop closes its doors, looks at everybody once the time to drain is
    /// over, and then ends: each in a few turns.
    fn judge_stopping(&mut self) {
        if self.is_told_again {
            assert!(self.engine.stopped().is_some(), "told to stop twice, and it goes on");
        }
        if self.engine.stopped().is_some() {
            let is_left = |index: &&usize| self.wires[**index].borrow().is_held_or_here();
            let left = self.active.iter().find(is_left);
            if let Some(index) = left {
                self.wires[*index].borrow().fail("the server has ended, and it is still here");
            }
        }
        let Some(by) = self.end.drained_by.filter(|_| self.engine.stopped().is_none()) else {
            return;
        };
        let (now, most) = (self.hub.now(), self.peers.len() + 2);
        if self.doors.iter().any(|door| !door.is_closed()) {
            self.so_far.closing_turns += 1;
            // Short of descriptors it may have to evict somebody for each, which takes another turn.
            assert!(self.so_far.closing_turns <= 2 * most, "the doors stay open for more turns");
            return;
        }
        assert!(
            now < by || self.checks_last.is_some(),
            "the time to drain is over, and nobody looks"
        );
        // However late the look begins, it has this time.
        let time = self.setting.config.timeouts.drain / LATE_DIVISOR;
        let is_late = self.checks_last.is_some_and(|began| now > began + time);
        self.so_far.late_turns += usize::from(is_late);
        assert!(self.so_far.late_turns <= most, "the time to drain is over, and nothing ends");
    }

    /// It has ended as it says.
    fn judge_end(&self) {
        let cut_off = self.engine.clients().metrics().closed(CloseReason::CutOff);
        match self.engine.stopped() {
            None => assert_eq!(self.hub.life(), Life::Running, "told to stop, and did not"),
            Some(Stopped::Drained) => assert_eq!(cut_off, 0, "drained, and cut somebody off"),
            Some(Stopped::CutOff) => {
                assert!(self.checks_last.is_some(), "cut off without a last look")
            }
            Some(Stopped::Signalled(signal)) => {
                assert_eq!((signal, self.stops_again_at), (STOP_AGAIN, None));
            }
            Some(other) => panic!("ended in a new way: {other:?}"),
        }
    }

    /// Each client ends once, for the one reason that its calls tell.
    pub(super) fn judge_ends(&mut self) {
        let metrics = self.engine.clients().metrics();
        assert_eq!(metrics.requests, self.handler.requests);
        assert_eq!(metrics.faults, self.handler.faults);
        assert_eq!(metrics.accepted, self.hub.admitted());
        let gone = metrics.closed_total();
        assert_eq!(
            self.hub.admitted(),
            gone + self.engine.clients().len() as u64,
            "each client ends once"
        );
        if gone == self.so_far.gone {
            return;
        }
        self.so_far.gone = gone;
        let counted = std::array::from_fn(|reason| metrics.closed(CloseReason::ALL[reason]));
        let seen = self.hub.ends();
        if counted != seen {
            let all = CloseReason::ALL.iter().zip(counted.into_iter().zip(seen));
            let off = all.filter(|(_, (counted, seen))| counted != seen);
            let off: Vec<_> = off.collect();
            panic!("connections ended otherwise than is counted, (counted, seen): {off:?}");
        }
        let idle = [CloseReason::FirstByteTimeout, CloseReason::IdleTimeout];
        let timeouts = idle.into_iter().map(|reason| metrics.closed(reason)).sum();
        if timeouts >= self.so_far.timeouts_before + 5 {
            self.hub.mark(Mark::ManyDeadlines);
        }
        self.so_far.timeouts_before = timeouts;
    }

    /// The clients hold what they are in the middle of, and never more than the limits say.
    pub(super) fn judge_memory(&mut self, clients_bytes: usize, answer_bytes: usize) {
        let limits = &self.setting.config.limits;
        self.so_far.crowd_max = self.so_far.crowd_max.max(self.engine.clients().len());
        self.so_far.answer_max = self.so_far.answer_max.max(answer_bytes);
        // The outputs of a batch are kept, emptied, for the next. They have grown by doubling.
        let output = 2 * (limits.output_bytes_high_water + self.so_far.answer_max);
        let outputs = (1 + self.so_far.crowd_max.min(BATCH_CLIENTS)) * output;
        let client = limits.client_bytes_max() + self.so_far.answer_max + 2 * PAGE_BYTES;
        let by_limits = self.engine.clients().len() * client;
        // Chunks that came whole by one receive are joined, and the room for that is kept, too.
        let most = LISTS_BYTES + RECEIVE_BYTES + outputs;
        let most = most + clients_bytes.min(by_limits) + self.log_bytes_max();
        // Only clients have pages, for what they are in the middle of.
        let mapped = self.engine.clients().mapped_bytes();
        assert!(
            mapped <= clients_bytes,
            "{mapped} bytes are in pages, and {clients_bytes} are enough"
        );
        let held = self.memory.held() + mapped;
        assert!(held <= most, "{held} bytes are held, and {most} are enough");
    }

    pub(super) fn judge_counters(&self) -> Outcome {
        let metrics = self.engine.clients().metrics();
        let mut totals = Totals::default();
        let (mut continues, mut files, mut streams, mut pieces) = (0, 0, 0, 0);
        for wire in self.wires.iter() {
            let wire = wire.borrow();
            totals.received_bytes += wire.totals.received_bytes;
            totals.sent_bytes += wire.totals.sent_bytes;
            totals.receives += wire.totals.receives;
            totals.sends += wire.totals.sends;
            continues += wire.witness.continues() as u64;
            files += wire.witness.files;
            streams += wire.witness.streams;
            pieces += wire.witness.pieces;
        }
        let counted = Totals {
            received_bytes: metrics.received_bytes,
            sent_bytes: metrics.sent_bytes,
            receives: metrics.receives,
            sends: metrics.sends,
        };
        assert_eq!(counted, totals, "calls and bytes are counted as they happen");
        assert_eq!(metrics.closed_total(), self.hub.admitted());
        self.judge_end();
        let counted = (metrics.files, metrics.streams);
        assert_eq!(counted, (files, streams), "files and sources are counted");
        // A file is looked at with its head, before a call that sends of it in a later turn, and behind
        // that.
        let looks_max = if files > 0 { files + 2 * metrics.sends } else { 0 };
        let pieces_max = pieces + looks_max;
        assert!((pieces..=pieces_max).contains(&metrics.pieces), "their pieces are counted");
        // One that was never sent, to a client that has gone, is counted all the same.
        let most = continues + self.peers.len() as u64;
        assert!((continues..=most).contains(&metrics.continues), "the 100s are counted");
        assert_eq!(self.hub.descriptors(), 0, "every descriptor is closed");
        self.hub.with_outcome(|outcome| {
            outcome.turns = self.turn as u64;
            outcome.peers = self.peers.len() as u64;
            outcome.requests = metrics.requests;
            outcome.faults = metrics.faults;
            outcome.files = files;
            outcome.streams = streams;
            outcome.pieces = pieces;
            outcome.clone()
        })
    }
}
