//! Opens client sockets, from many source addresses where that can be done.
//!
//! One address has about 28,000 ports towards one server, and a closed connection keeps its pair of
//! ports for a minute. All of 127.0.0.0/8 is ours on Linux, so towards a server there connections
//! take turns among 256 of its addresses. A Unix socket's clients have no addresses.

use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use socket2::{Protocol, Socket, Type};

/// Where a server is, as the system names it.
pub use socket2::SockAddr as Target;

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

/// The Unix socket at this path, which is not too long.
pub fn unix_path(path: &Path) -> Target {
    Target::unix(path).expect("a path that the kernel has room for")
}

/// The Unix socket with this abstract name, which is not too long.
pub fn unix_abstract(name: &[u8]) -> Target {
    unix_path(Path::new(OsStr::from_bytes(&[&[0], name].concat())))
}

/// A blocking socket that is connected within this time.
///
/// # Errors
/// When that cannot be done.
pub fn connect_within(server: &Target, buffers: Buffers, time: Duration) -> io::Result<TcpStream> {
    let socket = new_socket(server)?;
    if !server.is_unix() {
        prepare(&socket, buffers)?;
    }
    socket.connect_timeout(server, time)?;
    Ok(socket.into())
}

/// The calls that read, write and close are the same for either kind of socket, so that both are one
/// kind of stream.
fn new_socket(server: &Target) -> io::Result<Socket> {
    let protocol = if server.is_unix() { None } else { Some(Protocol::TCP) };
    Socket::new(server.domain(), Type::STREAM, protocol)
}

/// What a TCP socket needs before it connects.
fn prepare(socket: &Socket, buffers: Buffers) -> io::Result<()> {
    // A batch must not wait for the acknowledgement of the one before.
    socket.set_tcp_nodelay(true)?;
    if buffers == Buffers::Small {
        socket.set_tcp_mss(SMALL_SEGMENT_BYTES)?;
        socket.set_recv_buffer_size(SMALL_BUFFER_BYTES)?;
    }
    Ok(())
}

/// Hands out connecting sockets.
#[derive(Debug)]
pub struct Sources {
    server: Target,
    /// The next one's address, if we may choose.
    next: Option<u32>,
}

impl Sources {
    /// Clients of `server`.
    pub fn new(server: Target) -> Sources {
        // Elsewhere than on Linux only 127.0.0.1 itself is an address of the machine.
        let spread = cfg!(target_os = "linux")
            && server.as_socket().is_some_and(|server| match server.ip() {
                IpAddr::V4(address) => address.is_loopback(),
                IpAddr::V6(_) => false,
            });
        Sources { server, next: spread.then_some(0) }
    }

    /// A non-blocking socket whose connection is under way.
    ///
    /// # Errors
    /// When descriptors or ports run out, or the system knows at once that nothing listens there.
    /// `WouldBlock`: the queue of a Unix socket is full. The system reports no room in it.
    pub fn connect(&mut self, buffers: Buffers) -> io::Result<TcpStream> {
        let socket = new_socket(&self.server)?;
        socket.set_nonblocking(true)?;
        if self.server.is_unix() {
            // It is connected at once or not at all, and its peer's buffer is the one that counts.
            socket.connect(&self.server)?;
            return Ok(socket.into());
        }
        prepare(&socket, buffers)?;
        if let Some(next) = &mut self.next {
            let address = Ipv4Addr::from_bits(FIRST + *next % ADDRESSES);
            *next = next.wrapping_add(1);
            // The system picks the port now, not in `connect`, which could give one port to
            // connections with several servers: there is one server.
            socket.bind(&SocketAddr::from((address, 0)).into())?;
        }
        match socket.connect(&self.server) {
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
        let mut sources = Sources::new(listener.local_addr().expect("an address").into());
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
        let mut sources = Sources::new(listener.local_addr().expect("an address").into());
        let _client = sources.connect(Buffers::Small).expect("a connection under way");
        let (mut served, _) = listener.accept().expect("a connection");
        served.set_nonblocking(true).expect("an option of every socket");
        let taken = taken(&mut served);
        assert!(taken < 200_000, "{taken} bytes were taken");
    }

    /// How much it takes until there is no room.
    fn taken(served: &mut impl io::Write) -> usize {
        let mut taken = 0;
        while let Ok(bytes) = served.write(&[0; 4096]) {
            taken += bytes;
        }
        taken
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_unix_socket_takes_in_little_and_says_when_its_queue_is_full() {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::net::{SocketAddr, UnixListener};

        let name = format!("herd-sources-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a short name");
        let listener = UnixListener::bind_addr(&address).expect("a free name");
        let mut sources = Sources::new(unix_abstract(name.as_bytes()));
        let _client = sources.connect(Buffers::Small).expect("a connection");
        let (mut served, _) = listener.accept().expect("it has come");
        served.set_nonblocking(true).expect("an option of every socket");
        let taken = taken(&mut served);
        assert!(taken < 256 * 1024, "{taken} bytes were taken");

        let mut waiting = Vec::new();
        let reason = loop {
            match sources.connect(Buffers::Usual) {
                Ok(stream) => waiting.push(stream),
                Err(reason) => break reason,
            }
        };
        assert_eq!(reason.kind(), io::ErrorKind::WouldBlock, "behind {} others", waiting.len());
    }
}
