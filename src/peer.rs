//! The other end of a connection.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The other end of a connection.
///
/// Its [`Display`] is an address with its port, or `unix:pid=1234,uid=33`: in any case one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// It has this address.
    Internet(SocketAddr),
    /// It came by a Unix socket, so it is a process of this machine.
    Unix(UnixPeer),
}

impl Peer {
    /// Its address and port; a Unix socket's peer has none.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Peer::Internet(address) => Some(*address),
            Peer::Unix(_) => None,
        }
    }

    /// Its address without the port; a Unix socket's peer has none.
    pub fn ip(&self) -> Option<IpAddr> {
        self.address().map(|address| address.ip())
    }

    /// Whether it is known to be on this machine: by a Unix socket, or from a loopback address.
    pub fn is_of_this_machine(&self) -> bool {
        self.ip().is_none_or(|ip| ip.to_canonical().is_loopback())
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Peer {
        Peer::Internet(address)
    }
}

impl From<UnixPeer> for Peer {
    fn from(peer: UnixPeer) -> Peer {
        Peer::Unix(peer)
    }
}

impl Display for Peer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Internet(address) => address.fmt(f),
            Peer::Unix(UnixPeer { pid, uid }) => {
                f.write_str("unix:")?;
                if let Some(pid) = pid {
                    write!(f, "pid={pid}")?;
                }
                let comma = if pid.is_some() { "," } else { "" };
                uid.map_or(Ok(()), |uid| write!(f, "{comma}uid={uid}"))
            }
        }
    }
}

/// Who had connected to a Unix socket, as the kernel noted it then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnixPeer {
    /// Its process. `None` if the system does not say, as for a process of another container.
    pub pid: Option<u32>,
    /// Its user. `None` if the system does not say.
    pub uid: Option<u32>,
}

impl UnixPeer {
    /// A process with this number, of this user.
    pub fn new(pid: Option<u32>, uid: Option<u32>) -> UnixPeer {
        UnixPeer { pid: pid.filter(|pid| *pid != 0), uid: uid.filter(|uid| *uid != u32::MAX) }
    }
}

/// Whose request it is, and which: in a connection, and in what a handler sees of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) peer: PackedPeer,
    /// Answers that the connection has been given, to requests and to faults. As bytes, so that no
    /// room is lost before them.
    served: [u8; 4],
}

impl Caller {
    /// A client that has had no answer yet.
    pub(crate) fn new(peer: PackedPeer) -> Caller {
        Caller { peer, served: [0; 4] }
    }

    /// Answers that the connection has been given, to requests and to faults.
    #[inline(always)]
    pub(crate) fn served(&self) -> u32 {
        u32::from_ne_bytes(self.served)
    }

    /// One more has been given.
    #[inline(always)]
    pub(crate) fn count_served(&mut self) {
        self.served = self.next_number().to_ne_bytes();
    }

    /// Which request of its connection comes next: the first is 1.
    #[inline(always)]
    pub(crate) fn next_number(&self) -> u32 {
        self.served().wrapping_add(1)
    }
}

/// A peer in 18 bytes instead of the 32 of a [`Peer`]: IPv4 is mapped into IPv6, flow label and
/// scope are left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedPeer {
    ip: [u8; 16],
    port: u16,
}

/// How an IPv4 address begins that is mapped into IPv6 (RFC 4291 §2.5.5.2).
const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];

/// Where a Unix socket's peer is kept, its pid and uid stand behind this: among the multicast
/// addresses of a reserved scope (RFC 4291 §2.7), from which nothing can be sent.
const UNIX: [u8; 8] = [0xFF, 0xFF, b'u', b'n', b'i', b'x', 0, 0];

impl From<Peer> for PackedPeer {
    fn from(peer: Peer) -> PackedPeer {
        let ip = match peer {
            Peer::Internet(address) => match address.ip() {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                // Whatever is said of addresses, none makes its peer one of a Unix socket.
                IpAddr::V6(ip) if ip.octets().starts_with(&UNIX) => Ipv6Addr::UNSPECIFIED,
                IpAddr::V6(ip) => ip,
            },
            Peer::Unix(UnixPeer { pid, uid }) => {
                let (pid, uid) = (pid.unwrap_or(0), uid.unwrap_or(u32::MAX));
                let unix = u128::from(u64::from_be_bytes(UNIX)) << 64;
                (unix | u128::from(pid) << 32 | u128::from(uid)).into()
            }
        };
        PackedPeer { ip: ip.octets(), port: peer.address().map_or(0, |it| it.port()) }
    }
}

impl PackedPeer {
    /// Its IPv4 address, if it has one, as most have.
    #[inline(always)]
    pub(crate) fn ipv4(&self) -> Option<[u8; 4]> {
        match self.ip.split_last_chunk::<4>() {
            // All bytes are compared at once, as `Ipv6Addr::to_canonical` does not.
            Some((begin, own)) if begin == MAPPED => Some(*own),
            Some(_) | None => None,
        }
    }

    /// Its address; a Unix socket's peer has none.
    #[inline(always)]
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        match self.ipv4() {
            Some(ip) => Some(IpAddr::from(ip)),
            None => (!self.ip.starts_with(&UNIX)).then(|| IpAddr::from(self.ip)),
        }
    }

    /// Its port; a Unix socket's peer has none.
    pub(crate) fn port(&self) -> Option<u16> {
        (!self.ip.starts_with(&UNIX)).then_some(self.port)
    }
}

impl From<PackedPeer> for Peer {
    fn from(peer: PackedPeer) -> Peer {
        match peer.ip() {
            Some(ip) => SocketAddr::new(ip, peer.port).into(),
            None => unix(peer.ip).into(),
        }
    }
}

#[cold]
fn unix(ip: [u8; 16]) -> UnixPeer {
    let bits = u128::from_be_bytes(ip);
    UnixPeer::new(Some((bits >> 32) as u32), Some(bits as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_keeps_its_address() {
        for text in ["127.0.0.1:80", "[::1]:8888", "[2001:db8::1]:1", "[::7f00:1]:2"] {
            let peer = Peer::from(text.parse::<SocketAddr>().expect("an address"));
            assert_eq!(Peer::from(PackedPeer::from(peer)), peer);
            assert_eq!(peer.to_string(), text);
        }
    }

    #[test]
    fn a_peer_of_a_unix_socket_keeps_what_is_known_of_it() {
        for (pid, uid, text) in [
            (Some(1234), Some(33), "unix:pid=1234,uid=33"),
            (Some(u32::MAX), Some(0), "unix:pid=4294967295,uid=0"),
            (None, Some(33), "unix:uid=33"),
            (Some(1), None, "unix:pid=1"),
            (None, None, "unix:"),
        ] {
            let peer = Peer::from(UnixPeer::new(pid, uid));
            assert_eq!(Peer::from(PackedPeer::from(peer)), peer);
            assert_eq!((peer.ip(), peer.to_string().as_str()), (None, text));
        }
        assert_eq!(UnixPeer::new(Some(0), Some(u32::MAX)), UnixPeer::default());
    }

    /// A proxy may say any address.
    #[test]
    fn no_address_is_taken_for_a_unix_socket() {
        let forged = PackedPeer::from(Peer::from(UnixPeer::new(Some(1), Some(0)))).ip;
        let said = Peer::from(SocketAddr::from((forged, 1)));
        assert_eq!(Peer::from(PackedPeer::from(said)).to_string(), "[::]:1");
    }
}
