//! What the loop counts. Plain numbers: one thread needs no atomics.
//!
//! Counting is all that happens here; nothing reads a clock, logs, or allocates.

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
            /// Connections closed, by reason: see [`Metrics::closed`].
            closed: [u64; CloseReason::ALL.len()],
        }

        impl Metrics {
            /// Every counter but those of [`Metrics::closed`], for a page of them.
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

impl Metrics {
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
    /// Not a byte came in time.
    FirstByteTimeout,
    /// No further request came in time.
    IdleTimeout,
    /// A head did not arrive whole in time; it has been answered.
    HeadTimeout,
    /// A body stopped arriving; it has been answered.
    BodyTimeout,
    /// The peer stopped reading our answer.
    WriteTimeout,
    /// The source of its answer gave more or fewer bytes than the handler had said.
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
            CloseReason::FirstByteTimeout => "it never sent a byte",
            CloseReason::IdleTimeout => "no further request came",
            CloseReason::HeadTimeout => "its request did not arrive whole in time",
            CloseReason::BodyTimeout => "its body stopped arriving",
            CloseReason::WriteTimeout => "it stopped reading our answer",
            CloseReason::SourceBroken => {
                "the source of its answer did not keep to the announced length"
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
