//! What the bytes at the beginning of a connection are where a PROXY header has to come first, written
//! from HAProxy's `proxy-protocol.txt` without the server's reader.
//!
//! It reads whole texts and compares them with what they would be if it wrote them, where the server
//! takes them apart.

use std::net::{IpAddr, Ipv4Addr};

/// What such bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// A header of this many bytes, and the client that it tells of.
    Whole { bytes: usize, client: Option<IpAddr> },
    /// They may become one.
    Part,
    /// They are none, which is known by the first `at` bytes of them.
    Wrong { at: usize },
}

const LINE_START: &[u8] = b"PROXY ";
const SIGNATURE: [u8; 12] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10];

/// The longest line, and the longest block.
const LINE_BYTES_MAX: usize = 107;
const BLOCK_BYTES_MAX: usize = 4096;

/// Reads the beginning of `bytes`.
pub fn read(bytes: &[u8]) -> Header {
    let agreed =
        |start: &[u8]| bytes.iter().zip(start).take_while(|(one, other)| one == other).count();
    let (line, block) = (agreed(LINE_START), agreed(&SIGNATURE));
    match line.max(block) {
        _ if line == LINE_START.len() => read_line(bytes),
        _ if block == SIGNATURE.len() => read_block(bytes),
        all if all == bytes.len() => Header::Part,
        some => Header::Wrong { at: some + 1 },
    }
}

fn read_line(bytes: &[u8]) -> Header {
    let looked_at = bytes.len().min(LINE_BYTES_MAX);
    let Some(end) = (1..=looked_at).find(|end| bytes[..*end].ends_with(b"\r\n")) else {
        return match looked_at == LINE_BYTES_MAX {
            true => Header::Wrong { at: LINE_BYTES_MAX },
            false => Header::Part,
        };
    };
    let text = String::from_utf8_lossy(&bytes[LINE_START.len()..end - 2]);
    if text == "UNKNOWN" || text.starts_with("UNKNOWN ") {
        return Header::Whole { bytes: end, client: None };
    }
    let words: Vec<&str> = text.split(' ').collect();
    let [family, from, to, from_port, to_port] = words[..] else {
        return Header::Wrong { at: end };
    };
    let address = match family {
        "TCP4" => v4,
        "TCP6" => v6,
        _ => return Header::Wrong { at: end },
    };
    match (address(from), address(to), is_port(from_port), is_port(to_port)) {
        (Some(client), Some(_), true, true) => {
            Header::Whole { bytes: end, client: Some(client.to_canonical()) }
        }
        _ => Header::Wrong { at: end },
    }
}

fn is_port(word: &str) -> bool {
    word.parse().is_ok_and(|port: u16| port.to_string() == word)
}

/// Only what is written as an address is written.
fn v4(word: &str) -> Option<IpAddr> {
    let parts: Vec<u8> = word.split('.').filter_map(|part| part.parse().ok()).collect();
    let octets: [u8; 4] = parts.try_into().ok()?;
    let address = Ipv4Addr::from(octets);
    (address.to_string() == word).then_some(IpAddr::V4(address))
}

fn v6(word: &str) -> Option<IpAddr> {
    // The last two groups may be written as an IPv4 address.
    let word = match word.rsplit_once(':') {
        Some((before, last)) if last.contains('.') => {
            let IpAddr::V4(last) = v4(last)? else { return None };
            let [a, b, c, d] = last.octets();
            format!("{before}:{a:x}{b:02x}:{c:x}{d:02x}")
        }
        _ => word.to_owned(),
    };
    let all = match word.split_once("::") {
        None => groups(&word)?,
        Some((before, behind)) => {
            let (before, behind) = (groups(before)?, groups(behind)?);
            let left_out = 8_usize.checked_sub(before.len() + behind.len()).filter(|it| *it > 0)?;
            [before, vec![0; left_out], behind].concat()
        }
    };
    let all: [u16; 8] = all.try_into().ok()?;
    Some(IpAddr::from(all))
}

fn groups(text: &str) -> Option<Vec<u16>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let is_group = |it: &str| (1..=4).contains(&it.len()) && !it.contains('+');
    text.split(':').map(|it| u16::from_str_radix(it, 16).ok().filter(|_| is_group(it))).collect()
}

fn read_block(bytes: &[u8]) -> Header {
    let byte = |at: usize| bytes.get(at).copied();
    let Some(command) = byte(12) else { return Header::Part };
    if ![0x20, 0x21].contains(&command) {
        return Header::Wrong { at: 13 };
    }
    let is_local = command == 0x20;
    let Some(kind) = byte(13) else { return Header::Part };
    if !is_local && (kind / 16 > 3 || kind % 16 > 2) {
        return Header::Wrong { at: 14 };
    }
    let (Some(high), Some(low)) = (byte(14), byte(15)) else { return Header::Part };
    let end = 16 + usize::from(u16::from_be_bytes([high, low]));
    let needed = if is_local { 0 } else { [0, 12, 36, 216][usize::from(kind / 16)] };
    if end > BLOCK_BYTES_MAX || end < 16 + needed {
        return Header::Wrong { at: 16 };
    }
    if bytes.len() < end {
        return Header::Part;
    }
    let mut rest = &bytes[16 + needed..end];
    while !is_local && kind / 16 != 0 && !rest.is_empty() {
        match rest {
            [_, high, low, values @ ..]
                if values.len() >= usize::from(u16::from_be_bytes([*high, *low])) =>
            {
                rest = &values[usize::from(u16::from_be_bytes([*high, *low]))..];
            }
            _ => return Header::Wrong { at: end },
        }
    }
    let client = match kind {
        0x11 if !is_local => <[u8; 4]>::try_from(&bytes[16..20]).map(IpAddr::from).ok(),
        0x21 if !is_local => <[u8; 16]>::try_from(&bytes[16..32]).map(IpAddr::from).ok(),
        _ => None,
    };
    Header::Whole { bytes: end, client: client.map(|client| client.to_canonical()) }
}
