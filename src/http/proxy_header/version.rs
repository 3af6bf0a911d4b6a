//! Which version a header has.
//!
//! A pure function of the first bytes of a connection. It never guesses (§2): either these bytes
//! are a header, or can still become one, or they are refused. It says so at the first byte that
//! decides.

use super::header::{Missing, ProxyHeader, ProxyHeaderFault};
use super::{block, line};

/// Reads the header at the start of `input`.
pub(crate) fn read(input: &[u8]) -> Result<ProxyHeader, Missing> {
    match input.first() {
        Some(b'P') => line::read(input),
        Some(b'\r') => block::read(input),
        Some(_) => Err(Missing::Fault(ProxyHeaderFault::NoHeader)),
        None => Err(Missing::More),
    }
}
