//! Watches one connection for deadlines: that none passes without the server acting, and that
//! none is acted on before it has passed.
//!
//! It sees only what crosses the system-call boundary, and when: bytes consumed, bytes taken, our
//! side ended. From the model of framing it knows what each byte belongs to.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use oneloop::config::LINGER_SPANS_MAX;
use oneloop::engine::Time;
use oneloop::{Config, TimeoutClass, Timeouts};

use crate::plan::{Goes, Step};
use crate::script::Script;

/// What the server has to be waiting for, by what it has consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    FirstByte,
    Between,
    /// In the empty lines that may stand before a request.
    Blank,
    Head,
    Body,
    Write,
    /// In an answer of which there will be more when its source's time has come.
    Pause,
    Linger,
}

/// What keeps a connection from going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The peer, which has something to say.
    Peer,
    /// The last write, which found no room.
    Room,
    /// The source of the answer.
    Source,
}

/// A source that had nothing to give is left alone for so long at least.
const EMPTY_PAUSE_MIN: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub struct Watch {
    script: Rc<Script>,
    timeouts: Timeouts,
    message: usize,
    consumed: usize,
    part: Part,
    part_since: Time,
    /// When the server began with the part. It may have had no turn left for the first bytes, and then
    /// it began when it went on; what comes behind them begins nothing.
    part_begun: Time,
    /// How often bytes of the part were read.
    part_reads: usize,
    /// Since when the typing grace runs: renewed by typing, unless that would outlast the head.
    grace_since: Time,
    last_write: Time,
    blocked_since: Option<Time>,
    /// When the server last went on with what it had read before.
    resumed: Time,
    /// When the source of the present answer is to be asked.
    source_due: Time,
    /// If it waits to be woken: from when on it may be asked for that.
    wakes_from: Option<Time>,
    shut: Option<Time>,
    span: Span,
    /// Bytes read since then.
    lingered_bytes: usize,
    /// The clock's last leap, during which nobody could act.
    leapt: Time,
    /// When a span of the server's may have begun that follows no other at once. That is when bytes were
    /// last moved in the look before its time is declared over, later than the one before has ended: by
    /// as much as the turn came late. And it is when all was taken that the server offered: what it
    /// offers next has a time of its own.
    span_may_begin: Time,
    body: Progress,
    write: Progress,
    linger: Progress,
}

/// The present span of lingering, and what was read in it and in the one before. Each begins in the
/// turn that acts on the end of the one before, however late that is.
#[derive(Debug)]
struct Span {
    began: Time,
    bytes: usize,
    bytes_before: usize,
}

/// Bytes that have moved, and when: the rule is that in each timeout enough of them do.
#[derive(Debug)]
struct Progress {
    timeout: Duration,
    bytes_min: usize,
    moves: VecDeque<(Time, usize)>,
    /// How many those are.
    bytes: usize,
}

/// The server acts within 1/64 of a timeout after it.
fn late(timeout: Duration) -> Duration {
    timeout + timeout / 64
}

impl Watch {
    pub fn new(script: Rc<Script>, config: &Config) -> Watch {
        let start = Time::START;
        let progress = |class| {
            let timeout = config.timeouts.of(class);
            let bytes_min = (config.limits.progress_bytes(timeout) as usize).max(1);
            Progress { timeout, bytes_min, moves: VecDeque::new(), bytes: 0 }
        };
        Watch {
            script,
            timeouts: config.timeouts.clone(),
            message: 0,
            consumed: 0,
            part: Part::FirstByte,
            part_since: start,
            part_begun: start,
            part_reads: 0,
            grace_since: start,
            last_write: start,
            blocked_since: None,
            resumed: start,
            source_due: start,
            wakes_from: None,
            shut: None,
            span: Span { began: start, bytes: 0, bytes_before: 0 },
            lingered_bytes: 0,
            leapt: start,
            span_may_begin: start,
            body: progress(TimeoutClass::Body),
            write: progress(TimeoutClass::Write),
            linger: progress(TimeoutClass::Linger),
        }
    }

    pub fn on_admitted(&mut self, now: Time) {
        (self.part_since, self.last_write) = (now, now);
    }

    fn note_thrown_away(&mut self, bytes: usize, now: Time) {
        self.lingered_bytes += bytes;
        self.linger.note(bytes, now);
        self.span.bytes += bytes;
    }

    pub fn on_read(&mut self, bytes: usize, now: Time) {
        let header_was_whole = self.consumed >= self.script.header_whole_at();
        self.consumed += bytes;
        let is_begun = !header_was_whole && self.consumed >= self.script.header_whole_at();
        let before = (self.message, self.part);
        self.part = self.part_at_consumed();
        // A head that came behind a request begins when that has its answer.
        let began = self.part_begun.max(self.last_write);
        self.part_reads += 1;
        // Behind its header a client has all the time for its first byte; within it, no more of that.
        if (self.message, self.part) != before || is_begun {
            (self.part_since, self.part_begun, self.part_reads) = (now, now, 1);
            self.grace_since = now;
        } else if let Some(grace) = self.grace()
            && now + grace <= began + self.timeouts.head
        {
            self.grace_since = now;
        }
        if self.shut.is_some() {
            self.note_thrown_away(bytes, now);
        } else if self.part == Part::Body {
            self.body.note(bytes, now);
        }
    }

    fn part_at_consumed(&mut self) -> Part {
        let (script, consumed) = (self.script.clone(), self.consumed);
        if self.part == Part::FirstByte && consumed <= script.header_whole_at() {
            return Part::FirstByte;
        }
        while script.messages.get(self.message).is_some_and(|message| message.end <= consumed) {
            self.message += 1;
        }
        let Some(message) = script.messages.get(self.message) else { return Part::Between };
        let half_blank = consumed == message.start + 1 && script.bytes[message.start] == b'\r';
        let is_blank = consumed <= message.start || half_blank;
        match self.message {
            _ if consumed == message.from => Part::Between,
            // Before the first request, empty lines may be all that a person has typed so far.
            1.. if is_blank => Part::Blank,
            _ if consumed < message.head_end => Part::Head,
            _ => Part::Body,
        }
    }

    /// The server goes on with what it has read before: what has begun to arrive begins now for it.
    pub fn on_resumed(&mut self, now: Time) {
        self.resumed = now;
        if self.part_reads == 1 {
            self.part_begun = now;
        }
    }

    pub fn on_write(&mut self, bytes: usize, now: Time) {
        self.last_write = now;
        self.write.note(bytes, now);
    }

    /// Everything that was owed is written: whatever is owed next has a time of its own.
    pub fn on_all_written(&mut self) {
        self.blocked_since = None;
    }

    /// An answer is given. If its body comes from a source, that is asked at once.
    pub fn on_answer(&mut self) {
        (self.source_due, self.wakes_from) = (Time::START, None);
    }

    /// The present answer begins when this time has passed.
    pub fn on_pause(&mut self, pause: Duration, now: Time) {
        self.source_due = now + pause;
    }

    /// The source of the present answer has given this.
    pub fn on_asked(&mut self, step: Step, now: Time) {
        let pause = match step.goes {
            Goes::After(pause) | Goes::Wait(pause) => pause,
            Goes::More | Goes::Done => Duration::ZERO,
        };
        let least = if step.bytes == 0 { EMPTY_PAUSE_MIN } else { Duration::ZERO };
        self.source_due = now + pause.max(least);
        self.wakes_from = matches!(step.goes, Goes::Wait(_)).then_some(now + least);
    }

    /// The source of the present answer was woken, and the loop has come to see that. Whether it
    /// waited for it: otherwise nothing changes.
    pub fn on_woken(&mut self) -> bool {
        let from = self.wakes_from.take();
        self.source_due = from.unwrap_or(self.source_due);
        from.is_some()
    }

    /// Whether the source waits to be woken, and was not yet.
    pub fn waits_for_wake(&self) -> bool {
        self.wakes_from.is_some()
    }

    /// When the source of the present answer is to be asked: not before, and not much later.
    pub fn source_due(&self) -> Time {
        self.source_due
    }

    pub fn on_shutdown(&mut self, now: Time) {
        self.shut = Some(now);
        self.span = Span { began: now, bytes: 0, bytes_before: 0 };
    }

    /// How many bytes have been read since our side was shut down.
    pub fn lingered_bytes(&self) -> usize {
        self.lingered_bytes
    }

    /// Bytes have been moved in the look before its time is declared over.
    pub fn on_look(&mut self, now: Time) {
        self.span_may_begin = now;
    }

    /// All was taken of what the server offered.
    pub fn on_offer_taken(&mut self, now: Time) {
        self.span_may_begin = now;
    }

    /// The clock has leapt to `now`.
    pub fn on_leap(&mut self, now: Time) {
        self.leapt = now;
        // Many deadlines may have passed by it, and those are acted on in the turns that follow: so
        // the server's span may begin before ours. Another is granted.
        self.span.bytes = self.span.bytes.max(self.linger.bytes_min);
    }

    /// What it waits for.
    pub fn part(&self, hold: Hold) -> Part {
        match (hold, self.shut) {
            (Hold::Room, _) => Part::Write,
            (Hold::Source, _) => Part::Pause,
            (Hold::Peer, Some(_)) => Part::Linger,
            (Hold::Peer, None) => self.part,
        }
    }

    /// When the server last had a byte taken; at first, when it took the client in.
    pub fn last_write(&self) -> Time {
        self.last_write
    }

    fn grace(&self) -> Option<Duration> {
        self.timeouts.typing_grace.map(|grace| grace.min(self.timeouts.head))
    }

    /// A turn has ended. Says when the server must have acted at the latest. Where a minimum of
    /// progress is asked for, it need not, if that is made.
    pub fn late_after(&mut self, hold: Hold, now: Time) -> Time {
        let part = self.part(hold);
        self.blocked_since = (part == Part::Write).then(|| self.blocked_since.unwrap_or(now));
        let answered = self.last_write.max(self.resumed);
        let part_began = self.part_since.max(answered);
        let timeouts = &self.timeouts;
        match part {
            Part::FirstByte => self.part_since + late(timeouts.first_byte),
            // Empty lines do not make a client any less idle.
            Part::Between | Part::Blank => self.last_write + late(timeouts.idle),
            Part::Head => {
                let typed = self.grace_since.max(answered);
                let by_grace = self.grace().map(|grace| typed + late(grace));
                let by_head = part_began + late(timeouts.head);
                by_grace.map_or(by_head, |by_grace| by_grace.min(by_head))
            }
            // Two spans hold any one of the server's own, wherever it began.
            Part::Body => {
                let spans_over = part_began.max(self.leapt) + late(timeouts.body) * 2;
                spans_over.max(self.span_may_begin + late(timeouts.body))
            }
            Part::Write => {
                let since = self.blocked_since.unwrap_or(now);
                let spans_over = since.max(self.leapt) + late(timeouts.write) * 2;
                spans_over.max(self.span_may_begin + late(timeouts.write))
            }
            Part::Pause => self.source_due,
            Part::Linger => self.span.began + late(timeouts.linger),
        }
    }

    /// Whether lingering must be over when a span is. Spans follow each other as long as enough is
    /// sent within each; if the present one has begun for us only when another had begun for the
    /// server, that one and the one before hold what was sent.
    fn lingers_too_long(&mut self, now: Time) -> bool {
        let end = self.shut.unwrap_or(now).max(self.leapt);
        let end = end + late(self.timeouts.linger) * u32::from(LINGER_SPANS_MAX);
        let Span { bytes, bytes_before, .. } = self.span;
        self.span = Span { began: now, bytes: 0, bytes_before: bytes };
        bytes + bytes_before < self.linger.bytes_min || now >= end
    }

    /// Whether the server must have acted by now, and has not.
    pub fn is_late(&mut self, hold: Hold, now: Time) -> bool {
        let is_over = now >= self.late_after(hold, now);
        match self.part(hold) {
            Part::Body => is_over && self.body.was_lacking(now),
            Part::Write => is_over && self.write.was_lacking(now),
            Part::Linger => is_over && self.lingers_too_long(now),
            Part::FirstByte | Part::Between | Part::Blank | Part::Head | Part::Pause => is_over,
        }
    }

    /// Whether the server may act now because of the deadline for `part`.
    pub fn is_ripe(&self, part: Part, now: Time) -> bool {
        let timeouts = &self.timeouts;
        match part {
            Part::FirstByte => now >= self.part_since + timeouts.first_byte,
            Part::Between | Part::Blank => now >= self.last_write + timeouts.idle,
            Part::Head => {
                now >= self.part_since + timeouts.head
                    || self.grace().is_some_and(|grace| now >= self.grace_since + grace)
            }
            Part::Body => now >= self.part_since + self.body.timeout && self.body.is_lacking(now),
            Part::Write => self.write.is_lacking(now),
            Part::Pause => now >= self.source_due,
            Part::Linger => {
                let shut = self.shut.unwrap_or(now);
                let end = shut + timeouts.linger * u32::from(LINGER_SPANS_MAX);
                now >= end || now >= shut + timeouts.linger && self.linger.is_lacking(now)
            }
        }
    }
}

impl Progress {
    fn note(&mut self, bytes: usize, now: Time) {
        self.moves.push_back((now, bytes));
        self.bytes += bytes;
        self.forget_before(now);
    }

    /// What is older than two whole spans of the server's does not matter any more.
    fn forget_before(&mut self, now: Time) {
        let span = late(self.timeout) * 2;
        while let Some((at, bytes)) = self.moves.front()
            && *at + span < now
        {
            self.bytes -= bytes;
            self.moves.pop_front();
        }
    }

    /// Whether less than enough has moved within the last two of the server's spans.
    fn was_lacking(&mut self, now: Time) -> bool {
        self.forget_before(now);
        self.bytes < self.bytes_min
    }

    /// Whether less than enough has moved within the last timeout.
    fn is_lacking(&self, now: Time) -> bool {
        let recent = self.moves.iter().rev().take_while(|(at, _)| *at + self.timeout > now);
        recent.map(|(_, bytes)| bytes).sum::<usize>() < self.bytes_min
    }
}
