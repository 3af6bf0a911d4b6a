//! The names of the states, as observers, tests and diagrams speak of them.

/// The names of the states: what traces, tests and diagrams speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateName {
    /// Accepted, and nothing has come yet.
    Fresh,
    /// A PROXY header has to come first, and is not whole yet.
    ReadingProxyHeader,
    /// Between requests.
    Idle,
    /// A head has begun to arrive.
    ReadingHead,
    /// The head is there, the content is not.
    ReadingBody,
    /// Bytes are owed to the peer.
    Writing,
    /// Everything owed is out, and the source of the answer gives more when its time has come.
    Pausing,
    /// The last answer is out, and what the peer still says is thrown away.
    Lingering,
    /// It is over.
    Closed,
}

impl StateName {
    /// All of them, in the order of their numbers.
    pub const ALL: &'static [StateName] = &[
        StateName::Fresh,
        StateName::ReadingProxyHeader,
        StateName::Idle,
        StateName::ReadingHead,
        StateName::ReadingBody,
        StateName::Writing,
        StateName::Pausing,
        StateName::Lingering,
        StateName::Closed,
    ];

    /// Whether the client owes nothing and is owed nothing.
    pub(crate) fn is_idle(self) -> bool {
        matches!(self, StateName::Fresh | StateName::ReadingProxyHeader | StateName::Idle)
    }

    /// The letter that stands for it where there is room for one.
    pub(crate) fn letter(self) -> char {
        match self {
            StateName::Fresh => 'F',
            StateName::ReadingProxyHeader => 'R',
            StateName::Idle => 'I',
            StateName::ReadingHead => 'H',
            StateName::ReadingBody => 'B',
            StateName::Writing => 'W',
            StateName::Pausing => 'P',
            StateName::Lingering => 'L',
            StateName::Closed => 'C',
        }
    }
}
