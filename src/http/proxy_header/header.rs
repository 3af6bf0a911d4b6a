//! What a header tells, and what is wrong with bytes that are none.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;

/// The longest header that is accepted, in bytes. Above: refused.
///
/// Addresses take 232 bytes at the most. The rest is room for what a proxy adds about TLS; nginx reads
/// as much. A version that has a longer header than that says so in its first 16 bytes.
pub(super) const HEADER_BYTES_MAX: usize = 4096;

/// A whole header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProxyHeader {
    /// How long it is. What follows is the client's.
    pub(crate) bytes: usize,
    /// The client for which the proxy asks. `None`: the proxy itself, as for a check of health, or it
    /// cannot say. The connection's own addresses count then.
    pub(crate) client: Option<SocketAddr>,
}

/// Why there is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// What has come can be the beginning of one.
    More,
    /// It never becomes one.
    Fault(ProxyHeaderFault),
}

/// What is wrong with bytes that should be a PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyHeaderFault {
    /// They begin as no header does.
    NoHeader,
    /// A line of version 1 that does not end within 107 bytes.
    LineTooLong,
    /// A line of version 1 that is not as the specification writes it.
    LineInvalid,
    /// Another version than 1 and 2.
    VersionUnknown,
    /// A command that version 2 does not have.
    CommandUnknown,
    /// A family of addresses or a transport that version 2 does not have.
    FamilyUnknown,
    /// A header of version 2 that is too short for its addresses.
    AddressesMissing,
    /// A header of version 2 whose last addition goes beyond its end.
    AdditionCut,
    /// A header of version 2 of more than 4,096 bytes.
    HeaderTooLong,
    /// The connection ended in the middle of it.
    Unfinished,
}

impl Display for ProxyHeaderFault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProxyHeaderFault::NoHeader => "what came first is no PROXY header",
            ProxyHeaderFault::LineTooLong => "its PROXY line does not end within 107 bytes",
            ProxyHeaderFault::LineInvalid => {
                "its PROXY line is not \"PROXY TCP4|TCP6 source destination port port\""
            }
            ProxyHeaderFault::VersionUnknown => "its PROXY header has another version than 1 and 2",
            ProxyHeaderFault::CommandUnknown => "its PROXY header has an unknown command",
            ProxyHeaderFault::FamilyUnknown => {
                "its PROXY header has an unknown family of addresses or transport"
            }
            ProxyHeaderFault::AddressesMissing => "its PROXY header is too short for its addresses",
            ProxyHeaderFault::AdditionCut => {
                "its PROXY header ends in the middle of what is added to the addresses"
            }
            ProxyHeaderFault::HeaderTooLong => "its PROXY header is longer than 4096 bytes",
            ProxyHeaderFault::Unfinished => "it ended in the middle of its PROXY header",
        })
    }
}

/// What follows `start`, which all of `input` must begin with.
pub(super) fn behind<'b>(input: &'b [u8], start: &[u8]) -> Result<&'b [u8], Missing> {
    match input.strip_prefix(start) {
        Some(behind) => Ok(behind),
        None if start.starts_with(input) => Err(Missing::More),
        None => Err(Missing::Fault(ProxyHeaderFault::NoHeader)),
    }
}
