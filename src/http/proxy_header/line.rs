//! Version 1: a line of text (§2.1).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::header::{Missing, ProxyHeader, ProxyHeaderFault, behind};

const START: &[u8] = b"PROXY ";

/// The longest line that the specification has, with its end.
const LINE_BYTES_MAX: usize = 107;

pub(super) fn read(input: &[u8]) -> Result<ProxyHeader, Missing> {
    behind(input, START)?;
    let looked_at = &input[..input.len().min(LINE_BYTES_MAX)];
    let Some(end) = end(looked_at) else {
        return Err(match input.len() < LINE_BYTES_MAX {
            true => Missing::More,
            false => Missing::Fault(ProxyHeaderFault::LineTooLong),
        });
    };
    let client =
        client(&input[START.len()..end]).ok_or(Missing::Fault(ProxyHeaderFault::LineInvalid))?;
    Ok(ProxyHeader { bytes: end + 2, client })
}

/// Where the line ends.
fn end(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text[from..].iter().position(|byte| *byte == b'\r')?;
        if text.get(at + 1) == Some(&b'\n') {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The client that the rest of a line tells of. `None`: it is not as the grammar says.
fn client(line: &[u8]) -> Option<Option<SocketAddr>> {
    if let Some(rest) = line.strip_prefix(b"TCP4 ") {
        return source(rest, ipv4).map(Some);
    }
    if let Some(rest) = line.strip_prefix(b"TCP6 ") {
        return source(rest, ipv6).map(Some);
    }
    // What follows this word counts nothing, and need not be text.
    (line == b"UNKNOWN" || line.starts_with(b"UNKNOWN ")).then_some(None)
}

/// Something at the start of these bytes, and what follows it.
type Read<'b, T> = Option<(T, &'b [u8])>;

/// The source of two addresses and two ports, with one space between each of them and nothing behind.
/// Read byte by byte, a header costs half of what splitting the line as text and parsing its words did.
fn source(line: &[u8], read_ip: fn(&[u8]) -> Read<'_, IpAddr>) -> Option<SocketAddr> {
    let (ip, rest) = read_ip(line)?;
    let (_destination, rest) = read_ip(rest.strip_prefix(b" ")?)?;
    let (port, rest) = number(rest.strip_prefix(b" ")?)?;
    let (_port, rest) = number::<u16>(rest.strip_prefix(b" ")?)?;
    rest.is_empty().then_some(SocketAddr::new(ip, port))
}

fn ipv4(text: &[u8]) -> Read<'_, IpAddr> {
    let mut octets = [0; 4];
    let (first, mut rest) = number(text)?;
    octets[0] = first;
    for octet in &mut octets[1..] {
        (*octet, rest) = number(rest.strip_prefix(b".")?)?;
    }
    Some((octets.into(), rest))
}

fn ipv6(text: &[u8]) -> Read<'_, IpAddr> {
    let end = text.iter().position(|byte| *byte == b' ')?;
    let (word, rest) = text.split_at(end);
    let ip: Ipv6Addr = str::from_utf8(word).ok()?.parse().ok()?;
    Some((ip.into(), rest))
}

/// A decimal number that fits into `T`, without a sign and without zeros before it.
fn number<T: TryFrom<u32>>(text: &[u8]) -> Read<'_, T> {
    let (mut value, mut digits) = (0, 0);
    while let Some(digit @ b'0'..=b'9') = text.get(digits) {
        value = value * 10 + u32::from(digit - b'0');
        digits += 1;
        // A sixth digit cannot belong to one that fits, nor any behind a zero.
        if digits > 5 || (digits > 1 && value < 10) {
            return None;
        }
    }
    let value = T::try_from(value).ok().filter(|_| digits > 0)?;
    Some((value, &text[digits..]))
}
