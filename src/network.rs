//! Blocks of addresses, by which a configuration says whom it trusts.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The addresses that begin with the same bits: `10.0.0.0/8`, `2001:db8::/32`, or one address alone;
/// or `unix`, which is Unix sockets.
///
/// An IPv4 address that is mapped into IPv6 counts as the IPv4 address that it is.
///
/// ```
/// use oneloop::Network;
///
/// let network: Network = "10.1.0.0/16".parse()?;
/// assert!(network.contains("10.1.2.3".parse()?));
/// assert!(network.contains("::ffff:10.1.2.3".parse()?));
/// assert!(!network.contains("10.2.0.0".parse()?));
/// assert!("10.1.2.3/16".parse::<Network>().is_err(), "it has bits behind its prefix");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(Block);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    /// The first address, and how many bits are the same.
    Addresses(IpAddr, u8),
    UnixSockets,
}

impl Network {
    /// No address, but who comes by a Unix socket. It is written `unix`.
    pub const UNIX_SOCKETS: Network = Network(Block::UnixSockets);

    /// What only programs of this machine send from: 127.0.0.0/8, `::1`, and Unix sockets.
    pub const THIS_MACHINE: [Network; 3] = [
        Network(Block::Addresses(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8)),
        Network(Block::Addresses(IpAddr::V6(Ipv6Addr::LOCALHOST), 128)),
        Network::UNIX_SOCKETS,
    ];

    /// Whether `address` is one of its addresses.
    pub fn contains(&self, address: IpAddr) -> bool {
        let Block::Addresses(first, prefix) = self.0 else { return false };
        match (first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(ip)) => {
                (u32::from(first) ^ u32::from(ip)).leading_zeros() >= u32::from(prefix)
            }
            (IpAddr::V6(first), IpAddr::V6(ip)) => {
                (u128::from(first) ^ u128::from(ip)).leading_zeros() >= u32::from(prefix)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Network, InvalidNetwork> {
        if text == "unix" {
            return Ok(Network::UNIX_SOCKETS);
        }
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| InvalidNetwork::Address)?;
        let first = first.to_canonical();
        let (bits_max, bits) = match first {
            IpAddr::V4(ip) => (32, u128::from(u32::from(ip)) << 96),
            IpAddr::V6(ip) => (128, u128::from(ip)),
        };
        let is_number = |prefix: &&str| prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = match prefix {
            None => bits_max,
            Some(prefix) => Some(prefix)
                .filter(is_number)
                .and_then(|prefix| prefix.parse().ok())
                .filter(|prefix| *prefix <= bits_max)
                .ok_or(InvalidNetwork::Prefix { bits_max })?,
        };
        match bits.checked_shl(u32::from(prefix)).unwrap_or(0) {
            0 => Ok(Network(Block::Addresses(first, prefix))),
            _ => Err(InvalidNetwork::BitsBehind { prefix }),
        }
    }
}

impl Display for Network {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Block::Addresses(first, prefix) => write!(f, "{first}/{prefix}"),
            Block::UnixSockets => f.write_str("unix"),
        }
    }
}

/// Why a text is no [`Network`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidNetwork {
    /// What should be its first address is none.
    Address,
    /// What follows the slash is no number of bits that such an address has.
    Prefix {
        /// How many it has.
        bits_max: u8,
    },
    /// The address is not the first one that begins with these bits.
    BitsBehind {
        /// How many bits were said to be the same.
        prefix: u8,
    },
}

impl Display for InvalidNetwork {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            InvalidNetwork::Address => f.write_str(
                "write an address, the first of a block (10.0.0.0/8, 2001:db8::/32), or unix",
            ),
            InvalidNetwork::Prefix { bits_max } => {
                write!(f, "write a number of bits from 0 to {bits_max} behind the slash")
            }
            InvalidNetwork::BitsBehind { prefix } => {
                write!(
                    f,
                    "the address has bits behind the first {prefix}; write the first of the block"
                )
            }
        }
    }
}

impl std::error::Error for InvalidNetwork {}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap_or_else(|reason| panic!("{text}: {reason}"))
    }

    #[test]
    fn a_block_has_the_addresses_that_begin_as_its_first_one() {
        for (block, inside, outside) in [
            ("10.0.0.0/8", &["10.0.0.0", "10.255.255.255"][..], &["9.255.255.255", "11.0.0.0"][..]),
            ("192.0.2.7", &["192.0.2.7", "::ffff:192.0.2.7"], &["192.0.2.6", "::192.0.2.7"]),
            ("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::", "::1"]),
            ("::/0", &["::", "2001:db8::1"], &["192.0.2.7", "::ffff:192.0.2.7"]),
            ("2001:db8::/33", &["2001:db8:7fff::1"], &["2001:db8:8000::"]),
            ("::ffff:127.0.0.1", &["127.0.0.1"], &["127.0.0.2"]),
        ] {
            let network = network(block);
            for (addresses, expected) in [(inside, true), (outside, false)] {
                for address in addresses {
                    let found = network.contains(address.parse().expect("an address"));
                    assert_eq!(found, expected, "{address} in {block}");
                }
            }
        }
        let is_ours = |text: &str| {
            let address = text.parse().expect("an address");
            Network::THIS_MACHINE.iter().any(|network| network.contains(address))
        };
        assert!(is_ours("127.9.9.9") && is_ours("::1") && is_ours("::ffff:127.0.0.1"));
        assert!(!is_ours("::2") && !is_ours("128.0.0.1") && !is_ours("0.0.0.0"));
    }

    #[test]
    fn what_is_no_block_is_told_why() {
        let prefix = |bits_max| Err(InvalidNetwork::Prefix { bits_max });
        for (text, expected) in [
            ("", Err(InvalidNetwork::Address)),
            ("localhost", Err(InvalidNetwork::Address)),
            ("10.0.0.0.0", Err(InvalidNetwork::Address)),
            ("[::1]", Err(InvalidNetwork::Address)),
            ("10.0.0.0:80", Err(InvalidNetwork::Address)),
            ("10.0.0.0/", prefix(32)),
            ("10.0.0.0/33", prefix(32)),
            ("10.0.0.0/+8", prefix(32)),
            ("10.0.0.0/255.0.0.0", prefix(32)),
            ("::/129", prefix(128)),
            ("10.0.0.1/8", Err(InvalidNetwork::BitsBehind { prefix: 8 })),
            ("::1/127", Err(InvalidNetwork::BitsBehind { prefix: 127 })),
            ("1.0.0.0/0", Err(InvalidNetwork::BitsBehind { prefix: 0 })),
        ] {
            assert_eq!(text.parse::<Network>(), expected, "{text}");
        }
        assert_eq!(network("10.0.0.0/8").to_string(), "10.0.0.0/8");
        assert_eq!(network("::1").to_string(), "::1/128");
        assert_eq!(network("unix").to_string(), "unix");
        assert!(!network("unix").contains(IpAddr::V6(Ipv6Addr::UNSPECIFIED)));
    }
}
