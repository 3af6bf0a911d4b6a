//! The kinds of client.

/// One kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// GETs over a kept connection.
    Get,
    /// POSTs of 1 KiB over a kept connection, in turn with a length and chunked.
    Post,
    /// A connection for every GET, with `Connection: close`.
    ConnectClose,
    /// A connection for every GET; it closes its sending side and reads the answer.
    HalfClose,
    /// A connection for each person at a telnet, who types slowly.
    Telnet,
    /// Connects and sends nothing.
    Idle,
    /// Sends a head that never ends, a byte at a time.
    Drip,
    /// Sends requests and never reads.
    NeverRead,
    /// Sends requests and reads a few bytes at a time.
    SlowRead,
    /// A connection for some random bytes.
    Garbage,
    /// A connection for every GET, reset as soon as that was sent.
    Reset,
}

/// How a kind of client uses its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// For many requests; if one ends, another takes its place.
    Kept,
    /// For one request each; when it ends, the next is opened.
    PerRequest,
    /// Open until the server ends it.
    Held,
}

impl Kind {
    /// Every kind, in the order of reports.
    pub const ALL: [Kind; 11] = [
        Kind::Get,
        Kind::Post,
        Kind::ConnectClose,
        Kind::HalfClose,
        Kind::Telnet,
        Kind::Idle,
        Kind::Drip,
        Kind::NeverRead,
        Kind::SlowRead,
        Kind::Garbage,
        Kind::Reset,
    ];

    /// The name of its option.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Get => "get",
            Kind::Post => "post",
            Kind::ConnectClose => "connect-close",
            Kind::HalfClose => "half-close",
            Kind::Telnet => "telnet",
            Kind::Idle => "idle",
            Kind::Drip => "drip",
            Kind::NeverRead => "never-read",
            Kind::SlowRead => "slow-read",
            Kind::Garbage => "garbage",
            Kind::Reset => "reset",
        }
    }

    /// How it uses its connections.
    pub fn connections(self) -> Connections {
        match self {
            Kind::Get | Kind::Post => Connections::Kept,
            Kind::ConnectClose | Kind::HalfClose | Kind::Telnet | Kind::Garbage | Kind::Reset => {
                Connections::PerRequest
            }
            Kind::Idle | Kind::Drip | Kind::NeverRead | Kind::SlowRead => Connections::Held,
        }
    }

    /// Whether it does nothing wrong, so that each of its requests must be answered correctly.
    pub fn is_good(self) -> bool {
        match self {
            Kind::Get | Kind::Post | Kind::ConnectClose | Kind::HalfClose | Kind::Telnet => true,
            Kind::Idle
            | Kind::Drip
            | Kind::NeverRead
            | Kind::SlowRead
            | Kind::Garbage
            | Kind::Reset => false,
        }
    }

    /// Whether it requests each time one of the resources that there are, and with their methods.
    pub fn has_choice(self) -> bool {
        matches!(self, Kind::Get | Kind::ConnectClose | Kind::HalfClose)
    }

    /// Whether its socket buffers as little as it can, so that the server has to wait.
    pub fn has_small_buffers(self) -> bool {
        matches!(self, Kind::NeverRead | Kind::SlowRead)
    }
}
