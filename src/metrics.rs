//! What the loop counts. Plain numbers: one thread needs no atomics.
//!
//! Counting is all that happens here; nothing reads a clock, logs, or allocates.

use std::time::Duration;

/// One counter of [`Metrics`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counter {
    /// What `/metrics` calls it, between `oneloop_` and `_total`.
    pub name: &'static str,
    /// What it counts, in a sentence.
    pub help: &'static str,
    /// How far it has come.
    pub value: u64,
}

/// Each counter once: its field, its name, and what it counts. Documentation, `/metrics` and the
/// admin page's frames are made of this list, so a new counter is in all of them.
macro_rules! counters {
    ($($field:ident, $name:literal, $help:literal;)*) => {
        /// Counters since the server began. Every one only grows.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Metrics {
            $(#[doc = $help] pub $field: u64,)*
            /// Answers given, by the first digit of their status: see [`Metrics::answers`].
            answers: [u64; STATUS_CLASSES.len()],
            /// How long requests took whose answers the kernel has taken whole.
            pub durations: Durations,
            /// Connections closed, by reason: see [`Metrics::closed`].
            closed: [u64; CloseReason::ALL.len()],
        }

        impl Metrics {
            /// Every counter but those of [`Metrics::answers`], [`Metrics::durations`] and
            /// [`Metrics::closed`], for a page of them.
            pub fn counters(&self) -> impl Iterator<Item = Counter> + use<> {
                [$(Counter { name: $name, help: $help, value: self.$field },)*].into_iter()
            }
        }
    };
}

counters! {
    accepted, "connections_accepted", "Connections accepted.";
    accepts_exhausted, "accepts_exhausted",
        "Accepts that failed for lack of descriptors or memory.";
    requests, "requests", "Requests answered by the handler, without those of the admin listener.";
    faults, "faults", "Faults answered: bytes that were no acceptable request.";
    continues, "continues", "Interim answers 100 Continue.";
    streams, "streams", "Answers whose body came from a source.";
    files, "files", "Answers whose body was part of a file, but for small ones that were copied.";
    pieces, "pieces", "Times that a source was asked, or a file looked at, for its next piece.";
    file_pauses, "file_pauses",
        "Times that a client waited for bytes of a file that were not cached.";
    received_bytes, "received_bytes", "Bytes received.";
    sent_bytes, "sent_bytes", "Bytes that the kernel took.";
    receives, "receive_calls", "Calls of recv, those that would have blocked included.";
    sends, "send_calls", "Calls of send and sendfile, those that would have blocked included.";
    turns, "turns", "Turns of the loop.";
}

/// The classes of final answers, by the first digit of their statuses.
const STATUS_CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

impl Metrics {
    /// Counts an answer whose status begins with this digit.
    #[inline(always)]
    pub(crate) fn count_answer(&mut self, digit: Option<u8>) {
        let class = digit.map_or(usize::MAX, |digit| usize::from(digit.wrapping_sub(b'2')));
        if let Some(answers) = self.answers.get_mut(class) {
            *answers += 1;
        }
    }

    /// How many answers were given of each class of statuses, from `2xx` to `5xx`. Interim answers are
    /// not among them.
    pub fn answers(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        STATUS_CLASSES.into_iter().zip(self.answers)
    }

    /// Counts one connection that has ended.
    pub(crate) fn count_close(&mut self, reason: CloseReason) {
        self.closed[reason as usize] += 1;
    }

    /// How many connections have ended for `reason`.
    pub fn closed(&self, reason: CloseReason) -> u64 {
        self.closed[reason as usize]
    }

    /// How many connections have ended.
    pub fn closed_total(&self) -> u64 {
        self.closed.iter().sum()
    }
}

/// How long requests took, from their first byte to the last byte of their answers that the kernel
/// took.
///
/// Times are those of the loop's turns, in whole milliseconds. A request that was answered in the turn
/// in which it came took none. Requests that were answered together count from the first byte of the
/// first of them. Answers that were not taken whole are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// One more than the power of two that a time in milliseconds stays below; the last has all
    /// longer ones.
    buckets: [u64; Durations::BUCKETS],
    millis: u64,
}

impl Durations {
    /// The last bound but infinity is that of a client who reads an answer for four minutes.
    const BUCKETS: usize = 20;

    /// This many requests took this many whole milliseconds.
    // Apart from those of the same turn, which are nearly all: 5 instructions fewer per kept GET.
    #[inline(always)]
    pub(crate) fn count(&mut self, millis: u32, requests: u32) {
        match millis {
            0 => self.buckets[0] += u64::from(requests),
            _ => self.count_long(millis, requests),
        }
    }

    #[cold]
    fn count_long(&mut self, millis: u32, requests: u32) {
        // A time that was cut to whole milliseconds is less than one more of them.
        let bucket = u32::BITS - millis.leading_zeros();
        self.buckets[(bucket as usize).min(Durations::BUCKETS - 1)] += u64::from(requests);
        self.millis += u64::from(millis) * u64::from(requests);
    }

    /// How many requests took at most as long as each bound, and the bound; the last has none.
    pub fn cumulative(&self) -> impl Iterator<Item = (Option<Duration>, u64)> + use<> {
        let mut sum = 0;
        self.buckets.into_iter().enumerate().map(move |(bucket, requests)| {
            sum += requests;
            let is_bounded = bucket < Durations::BUCKETS - 1;
            (is_bounded.then(|| Duration::from_millis(1 << bucket)), sum)
        })
    }

    /// How many requests there were.
    pub fn requests(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// How long all of them took together.
    pub fn sum(&self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

/// What was written of all logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogMetrics {
    /// Lines that were written whole, those among them that tell of dropped ones.
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    /// Lines that were dropped.
    pub(crate) dropped: u64,
    /// How long a write to a file took at the longest. Other writes do not wait.
    pub(crate) longest_write: Duration,
}

impl LogMetrics {
    /// What was written of this log, too.
    pub(crate) fn add(&mut self, other: LogMetrics) {
        self.lines += other.lines;
        self.bytes += other.bytes;
        self.dropped += other.dropped;
        self.longest_write = self.longest_write.max(other.longest_write);
    }
}

/// Why a connection ended. Each ends for exactly one reason, the one that was first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer closed between requests: the normal end of a kept connection.
    PeerClosed,
    /// The last answer said `close`, as the request or its HTTP version asked.
    Answered,
    /// What came was no acceptable request; it has been answered.
    Fault,
    /// Where a PROXY header has to come first, something else came, or half of one.
    NoProxyHeader,
    /// Not a byte came in time, or no PROXY header where one has to come first.
    FirstByteTimeout,
    /// No further request came in time.
    IdleTimeout,
    /// A head did not arrive whole in time; it has been answered.
    HeadTimeout,
    /// A body stopped arriving; it has been answered.
    BodyTimeout,
    /// The peer stopped reading our answer.
    WriteTimeout,
    /// The source of its answer gave more or fewer bytes than the handler had said; or the program broke it
    /// off on purpose.
    SourceBroken,
    /// The file of its answer was shorter than the handler had said, or could not be read.
    FileBroken,
    /// The handler, or the source of its answer, panicked; it was reset.
    HandlerPanicked,
    /// It was the longest-idle client when another wanted in.
    Evicted,
    /// The server is stopping, and this client owed and was owed nothing.
    Drained,
    /// The server stopped before this client was done.
    CutOff,
    /// The peer reset the connection, or the system failed on it.
    Reset,
}

impl CloseReason {
    /// All of them, in the order of their numbers.
    pub const ALL: &'static [CloseReason] = &[
        CloseReason::PeerClosed,
        CloseReason::Answered,
        CloseReason::Fault,
        CloseReason::NoProxyHeader,
        CloseReason::FirstByteTimeout,
        CloseReason::IdleTimeout,
        CloseReason::HeadTimeout,
        CloseReason::BodyTimeout,
        CloseReason::WriteTimeout,
        CloseReason::SourceBroken,
        CloseReason::FileBroken,
        CloseReason::HandlerPanicked,
        CloseReason::Evicted,
        CloseReason::Drained,
        CloseReason::CutOff,
        CloseReason::Reset,
    ];

    /// Whether the connection ended although more was owed, or might have come.
    pub(crate) fn is_abrupt(self) -> bool {
        match self {
            CloseReason::FirstByteTimeout
            | CloseReason::IdleTimeout
            | CloseReason::WriteTimeout
            | CloseReason::HandlerPanicked
            | CloseReason::Evicted
            | CloseReason::Drained
            | CloseReason::CutOff
            | CloseReason::Reset => true,
            CloseReason::PeerClosed
            | CloseReason::Answered
            | CloseReason::Fault
            | CloseReason::NoProxyHeader
            | CloseReason::HeadTimeout
            | CloseReason::BodyTimeout
            | CloseReason::SourceBroken
            | CloseReason::FileBroken => false,
        }
    }

    /// The reason in one word, as access logs have it.
    pub fn word(self) -> &'static str {
        match self {
            CloseReason::PeerClosed => "peer-closed",
            CloseReason::Answered => "answered",
            CloseReason::Fault => "fault",
            CloseReason::NoProxyHeader => "no-proxy-header",
            CloseReason::FirstByteTimeout => "first-byte-timeout",
            CloseReason::IdleTimeout => "idle-timeout",
            CloseReason::HeadTimeout => "head-timeout",
            CloseReason::BodyTimeout => "body-timeout",
            CloseReason::WriteTimeout => "write-timeout",
            CloseReason::SourceBroken => "source-broken",
            CloseReason::FileBroken => "file-broken",
            CloseReason::HandlerPanicked => "handler-panicked",
            CloseReason::Evicted => "evicted",
            CloseReason::Drained => "drained",
            CloseReason::CutOff => "cut-off",
            CloseReason::Reset => "reset",
        }
    }

    /// The reason as an end of the sentence "closed: …".
    pub fn describe(self) -> &'static str {
        match self {
            CloseReason::PeerClosed => "the peer closed",
            CloseReason::Answered => "answered, and the connection was not to be kept",
            CloseReason::Fault => "it sent no acceptable request",
            CloseReason::NoProxyHeader => "it sent no PROXY header, which has to come first here",
            CloseReason::FirstByteTimeout => "it never sent a byte",
            CloseReason::IdleTimeout => "no further request came",
            CloseReason::HeadTimeout => "its request did not arrive whole in time",
            CloseReason::BodyTimeout => "its body stopped arriving",
            CloseReason::WriteTimeout => "it stopped reading our answer",
            CloseReason::SourceBroken => {
                "the source of its answer broke it off, or did not keep to the announced length"
            }
            CloseReason::FileBroken => {
                "the file of its answer became shorter, or could not be read"
            }
            CloseReason::HandlerPanicked => "the program panicked while it answered",
            CloseReason::Evicted => "it was idle longest when another client needed its place",
            CloseReason::Drained => "the server is stopping",
            CloseReason::CutOff => "the server stopped before it was done",
            CloseReason::Reset => "the connection was reset",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_its_own_name_and_value() {
        let metrics = Metrics { requests: 3, sends: 5, ..Metrics::default() };
        let mut names: Vec<_> = metrics.counters().map(|counter| counter.name).collect();
        let counted = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), counted);
        let met = metrics.counters().filter(|counter| counter.value > 0);
        let met: Vec<_> = met.map(|counter| (counter.name, counter.value)).collect();
        assert_eq!(met, [("requests", 3), ("send_calls", 5)]);
    }

    #[test]
    fn a_time_is_counted_below_the_next_bound() {
        let mut durations = Durations::default();
        let bucket_of = |durations: &mut Durations, millis| {
            let before = durations.buckets;
            durations.count(millis, 1);
            let now = durations.buckets;
            (0..now.len()).find(|at| now[*at] > before[*at]).expect("it is counted")
        };
        for (millis, bucket) in [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4)] {
            assert_eq!(bucket_of(&mut durations, millis), bucket, "{millis} ms");
        }
        let last = Durations::BUCKETS - 1;
        let longest = 1 << (last - 1);
        for (millis, bucket) in [(longest - 1, last - 1), (longest, last), (u32::MAX, last)] {
            assert_eq!(bucket_of(&mut durations, millis), bucket, "{millis} ms");
        }
        let bounds: Vec<_> = durations.cumulative().collect();
        assert_eq!(bounds[0], (Some(Duration::from_millis(1)), 1));
        assert_eq!(bounds[3], (Some(Duration::from_millis(8)), 6));
        assert_eq!(bounds[last - 1].0, Some(Duration::from_millis(u64::from(longest))));
        assert_eq!(bounds[last], (None, durations.requests()));
    }

    #[test]
    fn every_reason_has_its_own_number_and_sentence() {
        let mut metrics = Metrics::default();
        for (number, reason) in CloseReason::ALL.iter().copied().enumerate() {
            assert_eq!(reason as usize, number);
            metrics.count_close(reason);
            assert_eq!(metrics.closed(reason), 1);
        }
        assert_eq!(metrics.closed_total(), CloseReason::ALL.len() as u64);
        let mut sentences = Vec::from_iter(CloseReason::ALL.iter().map(|reason| reason.describe()));
        sentences.sort_unstable();
        sentences.dedup();
        assert_eq!(sentences.len(), CloseReason::ALL.len());
    }
}
