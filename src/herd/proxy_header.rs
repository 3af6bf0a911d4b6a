//! The PROXY header that each connection begins with, if that is asked for: as a balancer sends it
//! that passes on a client.

use std::net::{Ipv4Addr, SocketAddrV4};

/// Whom the headers tell the server that they come for: 192.0.2.1 to .254, which are for documentation.
const CLIENTS: u32 = 254;

/// Which version of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ProxyProtocol {
    /// A line of text
    V1,
    /// A binary block
    V2,
}

impl ProxyProtocol {
    /// The header of the `number`th connection, whose client is one of its own.
    pub fn header(self, number: u32) -> Vec<u8> {
        let client = source(number);
        let server = SocketAddrV4::new(Ipv4Addr::new(198, 51, 100, 1), 80);
        let (from, to) = ((client.ip(), client.port()), (server.ip(), server.port()));
        match self {
            ProxyProtocol::V1 => {
                format!("PROXY TCP4 {} {} {} {}\r\n", from.0, to.0, from.1, to.1).into_bytes()
            }
            ProxyProtocol::V2 => {
                let ports = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
                let start = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C";
                [&start[..], &from.0.octets(), &to.0.octets(), &ports].concat()
            }
        }
    }
}

fn source(number: u32) -> SocketAddrV4 {
    let last = (number % CLIENTS) as u8 + 1;
    let port = 1024 + (number / CLIENTS % 60_000) as u16;
    SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, last), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_as_the_specification_writes_them() {
        let line = ProxyProtocol::V1.header(255);
        assert_eq!(line, b"PROXY TCP4 192.0.2.2 198.51.100.1 1025 80\r\n");
        let block = ProxyProtocol::V2.header(255);
        let start = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C";
        assert_eq!(block, [&start[..], b"\xC0\0\x02\x02\xC6\x33\x64\x01\x04\x01\0\x50"].concat());
    }
}
