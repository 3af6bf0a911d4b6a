//! Which version a header has.
//!
//! A pure function of the first bytes of a connection. It never guesses (§2): either these bytes
//! are a header, or can still become one, or they are refused. It says so at the first byte that
//! decides.

use super::header::{Missing, ProxyHeader, ProxyHeaderFault};
use super::{block, line};

/// Reads the header at the start of `input`.
pub(crate) fn read(input: &[u8]) -> Result<ProxyHeader, Missing> {
    let mut header = match input.first() {
        Some(b'P') => line::read(input),
        Some(b'\r') => block::read(input),
        Some(_) => Err(Missing::Fault(ProxyHeaderFault::NoHeader)),
        None => Err(Missing::More),
    }?;
    // A proxy that listens for IPv6 and IPv4 at once tells of IPv4 clients like that.
    if let Some(client) = &mut header.client {
        client.set_ip(client.ip().to_canonical());
    }
    Ok(header)
}
