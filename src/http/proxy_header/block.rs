//! Version 2: a binary block, which says how long it is (§2.2).
//!
//! The checksum that a proxy may add is not computed: the specification leaves that to the receiver,
//! and TCP has one of its own.

use std::net::{IpAddr, SocketAddr};

use super::header::{HEADER_BYTES_MAX, Missing, ProxyHeader, ProxyHeaderFault, behind};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The signature, version and command, family and transport, and the length of what follows.
const FIXED_BYTES: usize = 16;

/// On whose behalf the proxy has connected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Command {
    /// Its own: what the header says of addresses counts nothing.
    Local,
    /// A client's.
    Proxy,
}

/// Which addresses the block has, by the sizes of an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Unspecified,
    Ipv4,
    Ipv6,
    Unix,
}

impl Family {
    /// How many bytes the addresses of both ends take, with their ports.
    fn bytes(self) -> usize {
        match self {
            Family::Unspecified => 0,
            Family::Ipv4 => 2 * 4 + 2 * 2,
            Family::Ipv6 => 2 * 16 + 2 * 2,
            Family::Unix => 2 * 108,
        }
    }
}

/// How the client's bytes are carried. What is not a stream has no client that we could answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Stream,
    Other,
}

pub(super) fn read(input: &[u8]) -> Result<ProxyHeader, Missing> {
    let fixed = behind(input, SIGNATURE)?;
    let (family, transport) = match command(*fixed.first().ok_or(Missing::More)?)? {
        // Its family is ignored, and so is all that follows.
        Command::Local => (Family::Unspecified, Transport::Other),
        Command::Proxy => kind(*fixed.get(1).ok_or(Missing::More)?)?,
    };
    let length = fixed.get(2..4).ok_or(Missing::More)?;
    let bytes = FIXED_BYTES + usize::from(length[0]) * 256 + usize::from(length[1]);
    if bytes > HEADER_BYTES_MAX {
        return Err(Missing::Fault(ProxyHeaderFault::HeaderTooLong));
    }
    if bytes < FIXED_BYTES + family.bytes() {
        return Err(Missing::Fault(ProxyHeaderFault::AddressesMissing));
    }
    let block = input.get(FIXED_BYTES..bytes).ok_or(Missing::More)?;
    let (addresses, additions) = block.split_at(family.bytes());
    // Of addresses that are not specified it is unknown where they end.
    if family != Family::Unspecified && !are_whole(additions) {
        return Err(Missing::Fault(ProxyHeaderFault::AdditionCut));
    }
    let client = match (family, transport) {
        (Family::Ipv4, Transport::Stream) => source::<4>(addresses),
        (Family::Ipv6, Transport::Stream) => source::<16>(addresses),
        (Family::Unix | Family::Unspecified, _) | (_, Transport::Other) => None,
    };
    Ok(ProxyHeader { bytes, client })
}

fn command(byte: u8) -> Result<Command, Missing> {
    match (byte >> 4, byte & 0xF) {
        (2, 0) => Ok(Command::Local),
        (2, 1) => Ok(Command::Proxy),
        (2, _) => Err(Missing::Fault(ProxyHeaderFault::CommandUnknown)),
        (_, _) => Err(Missing::Fault(ProxyHeaderFault::VersionUnknown)),
    }
}

fn kind(byte: u8) -> Result<(Family, Transport), Missing> {
    let unknown = Err(Missing::Fault(ProxyHeaderFault::FamilyUnknown));
    let family = match byte >> 4 {
        0 => Family::Unspecified,
        1 => Family::Ipv4,
        2 => Family::Ipv6,
        3 => Family::Unix,
        _ => return unknown,
    };
    match byte & 0xF {
        1 => Ok((family, Transport::Stream)),
        0 | 2 => Ok((family, Transport::Other)),
        _ => unknown,
    }
}

/// The source among these addresses: source and destination of `N` bytes each, and then their ports.
fn source<const N: usize>(addresses: &[u8]) -> Option<SocketAddr>
where
    IpAddr: From<[u8; N]>,
{
    let ip: [u8; N] = *addresses.first_chunk()?;
    let port = *addresses.get(2 * N..)?.first_chunk()?;
    Some(SocketAddr::new(IpAddr::from(ip), u16::from_be_bytes(port)))
}

/// Whether the last of what is added to the addresses ends where the header does. Each has a type, a
/// length of two bytes, and as many bytes as that says.
fn are_whole(mut additions: &[u8]) -> bool {
    while let [_, high, low, behind @ ..] = additions {
        let length = usize::from(*high) * 256 + usize::from(*low);
        let Some(next) = behind.get(length..) else { return false };
        additions = next;
    }
    additions.is_empty()
}
