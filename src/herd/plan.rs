//! What the run is to do: all options, checked.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use crate::kind::Kind;
use crate::proxy_header::ProxyProtocol;
use crate::resources::Resource;
use crate::server::Server;

/// The clients that are wanted of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wanted {
    /// How many at once.
    pub clients: usize,
    /// How many requests per second in total. Without it each client makes its next request as soon as
    /// it can.
    pub rate: Option<f64>,
}

/// What happens when the server has ended a held connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// Nothing.
    Leave,
    /// Another is opened.
    Replace,
}

/// What a request counts as that was sent while the server was closing the connection, and that it has
/// not received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Crossings {
    /// As lost: a client may not send a POST again
    Lost,
    /// As nothing: HTTP lets a client send it again on another connection
    Excused,
}

impl Crossings {
    /// How many of these requests count as lost.
    pub fn lost(self, crossed: u64) -> u64 {
        match self {
            Crossings::Lost => crossed,
            Crossings::Excused => 0,
        }
    }
}

/// By which time percentiles are corrected: the usual one between two requests of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corrected {
    /// The median of the kind.
    ByMedian,
    /// This one.
    By(Duration),
}

/// Where a report goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To standard output.
    Output,
    /// To a file.
    File(PathBuf),
}

/// What is shown while the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Progress,
    Nothing,
}

/// All options.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the clients connect to.
    pub server: Server,
    /// How many clients of each kind, in [`Kind`]'s order.
    pub wanted: [Wanted; Kind::ALL.len()],
    /// How many GETs each get client sends at a time.
    pub depth: usize,
    /// What get, connect-close and half-close clients request; at least one.
    pub resources: Vec<Resource>,
    /// How long a good client waits for an answer, if there is a limit.
    pub timeout: Option<Duration>,
    /// The path that never-read and slow-read clients request.
    pub big_path: String,
    /// The body that answers a good client, if it is not learned.
    pub expected: Option<Rc<[u8]>>,
    /// The status that answers must have, if the user says so.
    pub expected_status: Option<u16>,
    /// How often each drip client sends a byte, and each slow-read client reads.
    pub drip_every: Duration,
    /// How often each telnet client types a key or a line, or thinks.
    pub type_every: Duration,
    /// How much a slow-read client reads at a time.
    pub slow_read_bytes: usize,
    /// What a request counts as that crosses with the end of its connection.
    pub crossings: Crossings,
    /// What each connection begins with.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// What follows a held connection's end.
    pub afterwards: Afterwards,
    /// How long requests are made.
    pub length: Duration,
    /// After this many requests of good clients no further one is made.
    pub requests: Option<u64>,
    /// How long only the get and post clients act at first.
    pub calm: Duration,
    /// How many of the kept and held connections are opened per second, at most.
    pub connect_rate: f64,
    /// How long answers are waited for after the last request.
    pub patience: Duration,
    /// The seed of all that is random.
    pub seed: u64,
    /// Whether latency is also told as if clients had asked on while they waited.
    pub corrected: Option<Corrected>,
    /// The server's process, to be watched.
    pub pid: Option<u32>,
    /// What is shown while the run goes on.
    pub shown: Shown,
    /// Where the points over time go, as lines of values.
    pub csv: Option<PathBuf>,
    /// Where the histograms go, in the log format of HdrHistogram.
    pub hdr: Option<PathBuf>,
    /// Where the report goes as JSON.
    pub json: Option<Destination>,
    /// Where the plot goes.
    pub plot: Option<PathBuf>,
}

/// `-` is standard output.
impl From<PathBuf> for Destination {
    fn from(path: PathBuf) -> Destination {
        match path.as_os_str() == "-" {
            true => Destination::Output,
            false => Destination::File(path),
        }
    }
}

impl Plan {
    /// The first of what good clients request, which is the only one for kinds that have no choice.
    pub fn resource(&self) -> &Resource {
        self.resources.first().expect("there is one from the beginning on")
    }

    /// The clients of a kind.
    pub fn wanted(&self, kind: Kind) -> Wanted {
        self.wanted[kind as usize]
    }

    /// Whether the clients of a kind ask only once they have their answers: they ask for nothing while the
    /// server stands still. People at a telnet think instead.
    pub fn is_closed_loop(&self, kind: Kind) -> bool {
        let wanted = self.wanted(kind);
        kind.is_good() && kind != Kind::Telnet && wanted.clients > 0 && wanted.rate.is_none()
    }

    /// How many clients there are at once.
    pub fn clients(&self) -> usize {
        self.wanted.iter().map(|group| group.clients).sum()
    }

    /// The kind whose latency is shown where there is room for one: the first of the good ones.
    pub fn main_kind(&self) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.is_good() && self.wanted(*kind).clients > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_counts_as_lost_unless_it_is_excused() {
        assert_eq!(Crossings::Lost.lost(3), 3);
        assert_eq!(Crossings::Excused.lost(3), 0);
    }
}
