//! What the loop counts. Plain numbers: one thread needs no atomics.
//!
//! Counting is all that happens here; nothing reads a clock, logs, or allocates.

/// Counters since the server began. Every one only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Connections accepted.
    pub accepted: u64,
    /// Accepts that failed for lack of descriptors or memory.
    pub accepts_exhausted: u64,
    /// Requests answered by the handler.
    pub requests: u64,
    /// Faults answered: bytes that were no acceptable request.
    pub faults: u64,
    /// Interim `100 Continue` answers.
    pub continues: u64,
    /// Answers whose body came from a [`Source`](crate::Source).
    pub streams: u64,
    /// Answers whose body is a part of a file, but for small ones that went out with their head.
    pub files: u64,
    /// How often sources were asked for their next piece, and files looked at for theirs.
    pub pieces: u64,
    /// How often the next bytes of a file were not in the page cache, so that a client paused.
    pub file_pauses: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Bytes that the kernel took.
    pub sent_bytes: u64,
    /// `recv` calls, those that would have blocked included.
    pub receives: u64,
    /// `send` and `sendfile` calls, those that would have blocked included.
    pub sends: u64,
    /// Turns of the loop.
    pub turns: u64,
    /// Connections closed, by reason: see [`Metrics::closed`].
    closed: [u64; CloseReason::ALL.len()],
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
