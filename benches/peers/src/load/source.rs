//! Opens client sockets from many source addresses.
//!
//! One address has about 28,000 ports towards one server, and a closed connection keeps its pair of
//! ports for a minute. All of 127.0.0.0/8 is ours on the loopback, so connections take turns among
//! 256 of its addresses.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;

use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt::set_tcp_nodelay,
};

use crate::failure::Failure;

/// 256 × 28,000 ports: more than a minute of connections at a rate that no server reaches.
const ADDRESSES: u32 = 256;
/// Away from 127.0.0.1, where everything else on the machine lives.
const FIRST: u32 = Ipv4Addr::new(127, 1, 0, 0).to_bits();

/// Hands out connecting sockets.
#[derive(Debug, Default)]
pub struct Sources {
    opened: u32,
}

impl Sources {
    /// A non-blocking socket whose connection to `server` is under way.
    ///
    /// # Errors
    /// When descriptors or ports run out, or the kernel knows at once that nobody listens.
    pub fn connect(&mut self, server: SocketAddrV4) -> Result<OwnedFd, Failure> {
        let address = Ipv4Addr::from_bits(FIRST + self.opened % ADDRESSES);
        self.opened = self.opened.wrapping_add(1);

        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let stream = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)
            .map_err(Failure::machine("open a socket"))?;
        // A pipelined batch must not wait for the acknowledgement of the one before.
        set_tcp_nodelay(&stream, true).map_err(Failure::machine("set TCP_NODELAY"))?;
        // The port is chosen by `connect`, which knows the other end and so may use one port for
        // several servers.
        setsockopt(&stream, IpBindAddressNoPort, &true)
            .map_err(Failure::machine("set IP_BIND_ADDRESS_NO_PORT"))?;
        bind(&stream, &SocketAddrV4::new(address, 0))
            .map_err(Failure::machine(format!("bind to {address}")))?;
        match connect(&stream, &server) {
            Ok(()) | Err(Errno::INPROGRESS) => Ok(stream),
            Err(error) => Err(Failure::machine(format!("connect to {server}"))(error)),
        }
    }
}
