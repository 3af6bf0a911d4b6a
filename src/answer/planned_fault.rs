//! Which faults the program commits on purpose, and how a source breaks off.

/// A fault that is committed on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlannedFault {
    Reset,
    Close,
    Silence,
    Garbage,
    NeverRead,
    BreakAt,
    Length,
    TwoLengths,
    BadChunk,
    HeadOver,
    Interim,
}

impl PlannedFault {
    /// As the log and `--explain` say it, and as a route is written.
    pub(crate) fn word(self) -> &'static str {
        match self {
            PlannedFault::Reset => "reset",
            PlannedFault::Close => "close",
            PlannedFault::Silence => "silence",
            PlannedFault::Garbage => "garbage",
            PlannedFault::NeverRead => "never-read",
            PlannedFault::BreakAt => "break-at",
            PlannedFault::Length => "length",
            PlannedFault::TwoLengths => "two-lengths",
            PlannedFault::BadChunk => "bad-chunk",
            PlannedFault::HeadOver => "head-over",
            PlannedFault::Interim => "interim",
        }
    }
}

/// What is told of an answer that has such a fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    pub(crate) fault: PlannedFault,
    /// The status, where no head says it; zero if the client gets none.
    pub(crate) status: u16,
    /// How many of the bytes that the source gives are the head's.
    pub(crate) head_bytes: u16,
}

/// How a source ends its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BreakOff {
    /// What it has given is sent, and then our side is closed.
    End,
    /// At once, whatever is still to be sent.
    Reset,
}
