//! What a herd is to do: everything that was asked for, checked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::kind::Kind;

/// The clients of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Group {
    /// So many at once.
    pub(crate) clients: usize,
    /// So many requests, or connections of those who make one for each, a second in total. Without
    /// it each goes on as soon as it can.
    pub(crate) rate: Option<f64>,
}

/// What becomes of a held connection's place when the server has ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It stays empty.
    Leave,
    /// Another takes it.
    Replace,
}

/// Where a report goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// To standard output.
    Output,
    /// To a file.
    File(PathBuf),
}

/// Everything that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Whom the clients connect to.
    pub(crate) server: SocketAddr,
    /// Who they are, by [`Kind`]'s order.
    pub(crate) groups: [Group; Kind::ALL.len()],
    /// How many GETs each get client sends at a time.
    pub(crate) depth: usize,
    /// What good clients ask for.
    pub(crate) path: String,
    /// What never-read and slow-read clients ask for.
    pub(crate) big_path: String,
    /// The body that answers a good client, if it is not learned.
    pub(crate) expected: Option<Rc<[u8]>>,
    /// How often each drip client sends a byte, and each slow-read client reads.
    pub(crate) drip_every: Duration,
    /// How much a slow-read client reads at a time.
    pub(crate) slow_read_bytes: usize,
    /// What follows a held connection's end.
    pub(crate) afterwards: Afterwards,
    /// How long requests are made.
    pub(crate) length: Duration,
    /// After so many requests of good clients none is made.
    pub(crate) requests: Option<u64>,
    /// So long only those act who keep their connections and do nothing wrong.
    pub(crate) calm: Duration,
    /// So many of the kept and held connections are made a second, at most.
    pub(crate) connect_rate: f64,
    /// How long answers are waited for after the last request.
    pub(crate) patience: Duration,
    /// The beginning of all that is random.
    pub(crate) seed: u64,
    /// The server's process, to be watched.
    pub(crate) pid: Option<u32>,
    /// Where the report goes as JSON.
    pub(crate) json: Option<Destination>,
    /// Where the plot goes.
    pub(crate) plot: Option<PathBuf>,
}

impl Plan {
    /// The clients of a kind.
    pub(crate) fn group(&self, kind: Kind) -> Group {
        self.groups[kind as usize]
    }

    /// How many clients there are at once.
    pub(crate) fn clients(&self) -> usize {
        self.groups.iter().map(|group| group.clients).sum()
    }

    /// The kind whose latency is shown where there is room for one: the first of the good ones.
    pub(crate) fn main_kind(&self) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.is_good() && self.group(*kind).clients > 0)
    }
}
