//! Peers that come through a proxy: their connections begin with a PROXY header, whoever has written the
//! scripts behind it. It comes at once with them, or in pieces; it is whole, cut or wrong.
//!
//! What else can be wrong with one is judged elsewhere: `oracles/proxied.rs` and the fuzzer play these.
//! Here it has to hold that a header has the time of a first byte and not more, however it drips, that
//! what is none ends the connection unanswered at the byte that decides, and that who the client is
//! stays with its connection, whatever becomes of it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use oneloop::Timeouts;
use oneloop::engine::Opening;

use crate::random::Random;
use crate::script::Pace;

/// One peer in this many comes through a proxy.
const PROXIED_ONCE_IN: usize = 4;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What a proxy says of a peer, at the beginning of its script.
#[derive(Clone, Debug)]
pub struct Proxied {
    pub header: Vec<u8>,
    pub client: Ipv4Addr,
    pub fate: HeaderFate,
    /// How it is sent, if it does not come with what stands behind it.
    pub pace: Option<Pace>,
}

/// What becomes of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFate {
    Whole,
    /// Its rest never comes.
    Cut,
    /// After so many bytes it is none.
    Wrong {
        at: usize,
    },
}

impl Proxied {
    /// What is said of the peer with this number, if it comes through a proxy.
    pub fn draw(peer: usize, random: &mut Random, timeouts: &Timeouts) -> Option<Proxied> {
        if !peer.is_multiple_of(PROXIED_ONCE_IN) {
            return None;
        }
        let number = peer / PROXIED_ONCE_IN;
        let client = Ipv4Addr::new(198, 51, (number / 200 % 200) as u8, (number % 200) as u8);
        let mut header = match random.once_in(2) {
            true => line(client),
            false => block(client),
        };
        let fate = match random.below(8) {
            0 => {
                header.truncate(random.between(1, header.len() - 1));
                HeaderFate::Cut
            }
            1 => HeaderFate::Wrong { at: spoil(&mut header, random) },
            _ => HeaderFate::Whole,
        };
        let longest = [Duration::ZERO, timeouts.first_byte / 100, timeouts.first_byte / 5];
        let pace = Pace::Any { bytes_max: random.pick(&[1, 5]), pause_max: random.pick(&longest) };
        let pace = (fate == HeaderFate::Cut || random.once_in(2)).then_some(pace);
        Some(Proxied { header, client, fate, pace })
    }

    /// What the connection of such a peer has to begin with.
    pub fn opening(proxied: Option<&Proxied>) -> Opening {
        match proxied {
            Some(_) => Opening::ProxyHeader,
            None => Opening::Request,
        }
    }

    /// Whose request it is, if the connection is this peer's.
    pub fn expected(proxied: Option<&Proxied>, peer: IpAddr) -> IpAddr {
        proxied.map_or(peer, |proxied| proxied.client.into())
    }

    /// Whether these first bytes of the connection are no header, and cannot become one.
    pub fn is_refused(&self, consumed: usize) -> bool {
        match self.fate {
            HeaderFate::Wrong { at } => consumed >= at,
            HeaderFate::Whole | HeaderFate::Cut => false,
        }
    }

    /// Whether the server is in the middle of the header once it has read so much.
    pub fn is_unfinished(&self, consumed: usize) -> bool {
        match self.fate {
            HeaderFate::Whole => consumed < self.header.len(),
            HeaderFate::Cut => true,
            HeaderFate::Wrong { at } => consumed < at,
        }
    }
}

fn line(client: Ipv4Addr) -> Vec<u8> {
    format!("PROXY TCP4 {client} 192.0.2.1 4711 80\r\n").into_bytes()
}

fn block(client: Ipv4Addr) -> Vec<u8> {
    // Behind the addresses and ports stands an empty addition.
    let behind = b"\xC0\0\x02\x01\x12\x67\0\x50\x04\0\0";
    [SIGNATURE, b"\x21\x11\0\x0F", &client.octets(), behind].concat()
}

/// Makes it wrong, and says after how many bytes that is known.
fn spoil(header: &mut [u8], random: &mut Random) -> usize {
    let all = header.len();
    // Places whose bytes decide by themselves, and places that count when all has come.
    let is_line = header[0] == b'P';
    let (at, byte, known_at) = match (is_line, random.below(4)) {
        // In the start that every header of its kind has.
        (true, 0) => (random.below(6), b'#', None),
        (false, 0) => (random.below(12), b'#', None),
        (true, 1) => (6, b'X', Some(all)),
        (true, 2) => (11, b'x', Some(all)),
        (true, _) => (all - 3, b' ', Some(all)),
        (false, 1) => (12, 0x31, None),
        (false, 2) => (13, 0x13, None),
        // The addition says that it is longer than the header.
        (false, _) => (all - 1, 1, Some(all)),
    };
    header[at] = byte;
    known_at.unwrap_or(at + 1)
}
