//! What every peer's program has in common: its options, its answer, and how it says where it is.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};

use clap::Parser;

use crate::text;

/// What a peer is told.
#[derive(Debug, Parser)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(short, long, default_value_t = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))]
    pub listen: SocketAddrV4,
    /// Answer with a body of N bytes.
    #[arg(long, value_name = "N")]
    pub body_bytes: Option<usize>,
}

impl Options {
    /// The answer's body. It lives as long as the program: no peer shall pay for a copy that it
    /// could avoid.
    pub fn body(&self) -> &'static str {
        text::body(self.body_bytes).leak()
    }
}

/// Says where a peer listens, as `peers` expects it.
pub fn announce(address: SocketAddr) {
    eprintln!("listening on http://{address}/");
}

/// A port that was free a moment ago; for servers that cannot say which one they took.
///
/// # Errors
/// When no port is free.
pub fn free_address() -> io::Result<SocketAddrV4> {
    let listener = TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    Ok(SocketAddrV4::new(Ipv4Addr::LOCALHOST, listener.local_addr()?.port()))
}
