//! What a connection says of itself: to the log, to those who are told its steps, and to tests.

use std::net::SocketAddr;

use super::machine::Connection;
use crate::buffer::Output;

impl Connection {
    /// Where it comes from.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address.into()
    }

    /// Answers given so far, to requests and to faults.
    pub(crate) fn served(&self) -> u32 {
        self.served
    }

    /// Input that is kept between turns, in bytes.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.parked.as_ref().map_or(0, |parked| parked.input.len())
    }

    /// The memory that is kept for it beside the allocator's, in bytes.
    pub(crate) fn mapped_bytes(&self) -> usize {
        self.parked.as_ref().map_or(0, |parked| parked.mapped_bytes())
    }

    /// Output that the peer has still to be sent, in bytes: `hot` is the loop's output.
    pub(crate) fn owed_bytes(&self, hot: &Output) -> usize {
        match &self.parked {
            Some(parked) if !parked.output.is_empty() => parked.output.len(),
            Some(_) | None => hot.len(),
        }
    }

    /// The memory that is kept for it beyond its slot, in bytes.
    #[cfg(test)]
    pub(super) fn parked_bytes(&self) -> usize {
        self.parked.as_ref().map_or(0, |parked| parked.capacity())
    }
}
