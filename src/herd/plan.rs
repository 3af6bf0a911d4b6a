//! What a herd is to do: everything that was asked for, checked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use crate::kind::Kind;

/// The clients of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Group {
    /// So many at once.
    pub clients: usize,
    /// So many requests, or connections of those who make one for each, a second in total. Without
    /// it each goes on as soon as it can.
    pub rate: Option<f64>,
}

/// What becomes of a held connection's place when the server has ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// It stays empty.
    Leave,
    /// Another takes it.
    Replace,
}

/// Where a report goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To standard output.
    Output,
    /// To a file.
    File(PathBuf),
}

/// Everything that was asked for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whom the clients connect to.
    pub server: SocketAddr,
    /// Who they are, by [`Kind`]'s order.
    pub groups: [Group; Kind::ALL.len()],
    /// How many GETs each get client sends at a time.
    pub depth: usize,
    /// What good clients ask for.
    pub path: String,
    /// What never-read and slow-read clients ask for.
    pub big_path: String,
    /// The body that answers a good client, if it is not learned.
    pub expected: Option<Rc<[u8]>>,
    /// How often each drip client sends a byte, and each slow-read client reads.
    pub drip_every: Duration,
    /// How much a slow-read client reads at a time.
    pub slow_read_bytes: usize,
    /// What follows a held connection's end.
    pub afterwards: Afterwards,
    /// How long requests are made.
    pub length: Duration,
    /// After so many requests of good clients none is made.
    pub requests: Option<u64>,
    /// So long only those act who keep their connections and do nothing wrong.
    pub calm: Duration,
    /// So many of the kept and held connections are made a second, at most.
    pub connect_rate: f64,
    /// How long answers are waited for after the last request.
    pub patience: Duration,
    /// The beginning of all that is random.
    pub seed: u64,
    /// The server's process, to be watched.
    pub pid: Option<u32>,
    /// Where the report goes as JSON.
    pub json: Option<Destination>,
    /// Where the plot goes.
    pub plot: Option<PathBuf>,
}

impl Plan {
    /// The clients of a kind.
    pub fn group(&self, kind: Kind) -> Group {
        self.groups[kind as usize]
    }

    /// How many clients there are at once.
    pub fn clients(&self) -> usize {
        self.groups.iter().map(|group| group.clients).sum()
    }

    /// The kind whose latency is shown where there is room for one: the first of the good ones.
    pub fn main_kind(&self) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.is_good() && self.group(*kind).clients > 0)
    }
}
