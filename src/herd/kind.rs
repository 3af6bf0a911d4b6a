//! Who is in the crowd.

/// One kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// GETs over a kept connection.
    Get,
    /// POSTs of 1 KiB over a kept connection, in turn with a length and chunked.
    Post,
    /// A connection for every GET, which says so.
    ConnectClose,
    /// A connection for every GET; it ends its own side behind it and wants the answer.
    HalfClose,
    /// Connects and says nothing.
    Idle,
    /// A head without end, a byte at a time.
    Drip,
    /// Asks and never reads.
    NeverRead,
    /// Asks and reads a few bytes at a time.
    SlowRead,
    /// A connection for some random bytes.
    Garbage,
    /// A connection for every GET, reset as soon as that was sent.
    Reset,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It is kept for many requests; if it ends, another takes its place.
    Keeps,
    /// It is opened for one purpose and then ends; the next begins.
    Cycles,
    /// It is held until the server ends it.
    Holds,
}

impl Kind {
    /// Every kind, in the order of reports.
    pub const ALL: [Kind; 10] = [
        Kind::Get,
        Kind::Post,
        Kind::ConnectClose,
        Kind::HalfClose,
        Kind::Idle,
        Kind::Drip,
        Kind::NeverRead,
        Kind::SlowRead,
        Kind::Garbage,
        Kind::Reset,
    ];

    /// As its option is called.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Get => "get",
            Kind::Post => "post",
            Kind::ConnectClose => "connect-close",
            Kind::HalfClose => "half-close",
            Kind::Idle => "idle",
            Kind::Drip => "drip",
            Kind::NeverRead => "never-read",
            Kind::SlowRead => "slow-read",
            Kind::Garbage => "garbage",
            Kind::Reset => "reset",
        }
    }

    /// What becomes of its connections.
    pub fn manner(self) -> Manner {
        match self {
            Kind::Get | Kind::Post => Manner::Keeps,
            Kind::ConnectClose | Kind::HalfClose | Kind::Garbage | Kind::Reset => Manner::Cycles,
            Kind::Idle | Kind::Drip | Kind::NeverRead | Kind::SlowRead => Manner::Holds,
        }
    }

    /// Whether it does nothing wrong, so that each of its requests must be answered, and right.
    pub fn is_good(self) -> bool {
        match self {
            Kind::Get | Kind::Post | Kind::ConnectClose | Kind::HalfClose => true,
            Kind::Idle
            | Kind::Drip
            | Kind::NeverRead
            | Kind::SlowRead
            | Kind::Garbage
            | Kind::Reset => false,
        }
    }

    /// Whether its socket takes in as little as it can, so that the server is the one to wait.
    pub fn is_narrow(self) -> bool {
        matches!(self, Kind::NeverRead | Kind::SlowRead)
    }
}
