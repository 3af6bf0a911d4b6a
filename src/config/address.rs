//! Where a listener is.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;

use super::unix::UnixName;

/// Where a listener is, once it is bound.
///
/// Its [`Display`] is that of the address or of the name: `127.0.0.1:8888`, `unix:/run/oneloop.sock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LocalAddress {
    /// It has this address, with the port that the system chose if it was to.
    Internet(SocketAddr),
    /// It is a Unix socket with this name.
    Unix(UnixName),
}

impl LocalAddress {
    /// By what it is reached: `http://127.0.0.1:8888/`, or the name of a Unix socket.
    pub fn url(&self) -> String {
        match self {
            LocalAddress::Internet(address) => format!("http://{address}/"),
            LocalAddress::Unix(name) => name.to_string(),
        }
    }

    /// Its address and port; a Unix socket has none.
    pub fn internet(&self) -> Option<SocketAddr> {
        match self {
            LocalAddress::Internet(address) => Some(*address),
            LocalAddress::Unix(_) => None,
        }
    }
}

impl Display for LocalAddress {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            LocalAddress::Internet(address) => address.fmt(f),
            LocalAddress::Unix(name) => name.fmt(f),
        }
    }
}
