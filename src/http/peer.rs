//! The address of the other end of a connection.

use std::net::{IpAddr, SocketAddr};

/// A peer's address in 18 bytes instead of the 32 of a `SocketAddr`: IPv4 is mapped into IPv6,
/// flow label and scope are left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    ip: [u8; 16],
    port: u16,
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Peer {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        Peer { ip: ip.octets(), port: address.port() }
    }
}

/// How an IPv4 address begins that is mapped into IPv6 (RFC 4291 §2.5.5.2).
const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];

impl From<Peer> for SocketAddr {
    fn from(peer: Peer) -> SocketAddr {
        let ip = match peer.ip.split_last_chunk::<4>() {
            // All bytes are compared at once, as `Ipv6Addr::to_canonical` does not.
            Some((begin, own)) if begin == MAPPED => IpAddr::from(*own),
            Some(_) | None => IpAddr::from(peer.ip),
        };
        SocketAddr::new(ip, peer.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_keeps_its_address() {
        for text in ["127.0.0.1:80", "[::1]:8888", "[2001:db8::1]:1", "[::7f00:1]:2"] {
            let address: SocketAddr = text.parse().expect("an address");
            assert_eq!(SocketAddr::from(Peer::from(address)), address);
        }
    }
}
