//! Peers that come through a proxy: their connections begin with a PROXY header, which comes in front of
//! the first bytes of their scripts, whoever has written these.
//!
//! A header that is cut, wrong or missing is judged elsewhere: `oracles/proxied.rs` plays these. Here
//! it has to hold that who the client is stays with its connection, whatever becomes of it.

use std::net::{IpAddr, Ipv4Addr};

use oneloop::engine::Opening;

/// One peer in this many comes through a proxy.
const PROXIED_ONCE_IN: usize = 4;

/// What a proxy says of the peer with this number: its header, and its client.
#[derive(Debug)]
pub struct Proxied {
    /// What the server has not read of it.
    header: Vec<u8>,
    pub client: Ipv4Addr,
}

impl Proxied {
    pub fn draw(name: usize) -> Option<Proxied> {
        if !name.is_multiple_of(PROXIED_ONCE_IN) {
            return None;
        }
        let number = name / PROXIED_ONCE_IN;
        let client = Ipv4Addr::new(198, 51, (number / 200 % 200) as u8, (number % 200) as u8);
        let header = match number.is_multiple_of(2) {
            true => format!("PROXY TCP4 {client} 192.0.2.1 4711 80\r\n").into_bytes(),
            false => {
                let start = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0F";
                // Behind the addresses and ports stands an empty addition.
                let behind = b"\xC0\0\x02\x01\x12\x67\0\x50\x04\0\0";
                [&start[..], &client.octets(), behind].concat()
            }
        };
        Some(Proxied { header, client })
    }

    /// What the connection of such a peer has to begin with.
    pub fn opening(proxied: Option<&Proxied>) -> Opening {
        match proxied {
            Some(_) => Opening::ProxyHeader,
            None => Opening::Request,
        }
    }

    /// How much of the header comes in front of what is read next.
    pub fn header_bytes(&self) -> usize {
        self.header.len()
    }

    /// The header, which is read now.
    pub fn take_header(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.header)
    }

    /// Whose request it is, if the connection is this peer's.
    pub fn expected(proxied: Option<&Proxied>, peer: IpAddr) -> IpAddr {
        proxied.map_or(peer, |proxied| proxied.client.into())
    }
}
