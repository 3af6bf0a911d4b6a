//! Opens client sockets, from many source addresses where that can be done.
//!
//! One address has about 28,000 ports towards one server, and a closed connection keeps its pair of
//! ports for a minute. All of 127.0.0.0/8 is ours on Linux, so towards a server there connections
//! take turns among 256 of its addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

/// 256 × 28,000 ports: more than a minute of connections at a rate that no server reaches.
const ADDRESSES: u32 = 256;

/// Away from 127.0.0.1, where everything else on the machine lives.
const FIRST: u32 = Ipv4Addr::new(127, 1, 0, 0).to_bits();

/// A client that reads slowly looks like a peer on an Ethernet: with the loopback's segments of 64 KiB
/// kernels would take 4 MiB for a client that reads nothing, and no server would notice.
const SMALL_SEGMENT_BYTES: u32 = 1460;
const SMALL_BUFFER_BYTES: usize = 4096;

/// How much a socket buffers before its client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffers {
    /// The system's choice.
    Usual,
    /// As little as possible.
    Small,
}

/// Hands out connecting sockets.
#[derive(Debug)]
pub struct Sources {
    server: SocketAddr,
    /// The next one's address, if we may choose.
    next: Option<u32>,
}

impl Sources {
    /// Clients of `server`.
    pub fn new(server: SocketAddr) -> Sources {
        // Elsewhere than on Linux only 127.0.0.1 itself is an address of the machine.
        let spread = cfg!(target_os = "linux")
            && matches!(server.ip(), IpAddr::V4(address) if address.is_loopback());
        Sources { server, next: spread.then_some(0) }
    }

    /// A non-blocking socket whose connection is under way.
    ///
    /// # Errors
    /// When descriptors or ports run out, or the system knows at once that nothing listens there.
    pub fn connect(&mut self, buffers: Buffers) -> io::Result<TcpStream> {
        let domain = Domain::for_address(self.server);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // A batch must not wait for the acknowledgement of the one before.
        socket.set_tcp_nodelay(true)?;
        if buffers == Buffers::Small {
            socket.set_tcp_mss(SMALL_SEGMENT_BYTES)?;
            socket.set_recv_buffer_size(SMALL_BUFFER_BYTES)?;
        }
        if let Some(next) = &mut self.next {
            let address = Ipv4Addr::from_bits(FIRST + *next % ADDRESSES);
            *next = next.wrapping_add(1);
            // The system picks the port now, not in `connect`, which could give one port to
            // connections with several servers: there is one server.
            socket.bind(&SocketAddr::from((address, 0)).into())?;
        }
        match socket.connect(&self.server.into()) {
            Ok(()) => {}
            Err(error) if Errno::from_io_error(&error) == Some(Errno::INPROGRESS) => {}
            Err(error) => return Err(error),
        }
        Ok(socket.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_to_the_loopback_come_from_many_addresses() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let mut sources = Sources::new(listener.local_addr().expect("an address"));
        let peers: std::collections::BTreeSet<IpAddr> = (0..8)
            .map(|_| {
                let stream = sources.connect(Buffers::Usual).expect("a connection under way");
                let (_, peer) = listener.accept().expect("a connection");
                drop(stream);
                peer.ip()
            })
            .collect();
        let expected = if cfg!(target_os = "linux") { 8 } else { 1 };
        assert_eq!(peers.len(), expected, "{peers:?}");
    }

    #[test]
    fn a_socket_with_small_buffers_takes_in_little() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let mut sources = Sources::new(listener.local_addr().expect("an address"));
        let _client = sources.connect(Buffers::Small).expect("a connection under way");
        let (mut served, _) = listener.accept().expect("a connection");
        served.set_nonblocking(true).expect("an option of every socket");
        let mut taken = 0;
        while let Ok(bytes) = io::Write::write(&mut served, &[0; 4096]) {
            taken += bytes;
        }
        assert!(taken < 200_000, "{taken} bytes were taken");
    }
}
