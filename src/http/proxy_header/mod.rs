//! The PROXY header: what a proxy sends before the first request of a connection that it passes on.
//!
//! [`version`] reads either version: [`mod@line`] is 1, a line of text, and [`block`] is 2, which is
//! binary. [`header`] has what comes of it. The specification is HAProxy's `proxy-protocol.txt`,
//! "The PROXY protocol, versions 1 & 2"; its sections are the ones that are named here.

mod block;
mod header;
mod line;
#[cfg(test)]
mod tests;
mod version;

pub(crate) use header::Missing;
pub use header::ProxyHeaderFault;
pub(crate) use version::read;
