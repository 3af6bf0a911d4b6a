//! How a client has come: from where, and what it has to begin with.

use crate::connection::Opening;
use crate::peer::Peer;

/// What is known of a client when it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrival {
    /// The other end of its connection.
    pub peer: Peer,
    /// What has to come first.
    pub opening: Opening,
}

impl Arrival {
    /// From `peer`, which has to begin with what `opening` says.
    pub fn new(peer: Peer, opening: Opening) -> Arrival {
        Arrival { peer, opening }
    }
}

/// With a request.
impl<P: Into<Peer>> From<P> for Arrival {
    fn from(peer: P) -> Arrival {
        Arrival::new(peer.into(), Opening::Request)
    }
}
