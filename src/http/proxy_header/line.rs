//! Version 1: a line of text (§2.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::header::{Missing, ProxyHeader, ProxyHeaderFault, behind};

const START: &[u8] = b"PROXY ";

/// The longest line that the specification has, with its end.
const LINE_BYTES_MAX: usize = 107;

pub(super) fn read(input: &[u8]) -> Result<ProxyHeader, Missing> {
    behind(input, START)?;
    let looked_at = &input[..input.len().min(LINE_BYTES_MAX)];
    let Some(end) = looked_at.windows(2).position(|pair| pair == b"\r\n") else {
        return Err(match input.len() < LINE_BYTES_MAX {
            true => Missing::More,
            false => Missing::Fault(ProxyHeaderFault::LineTooLong),
        });
    };
    let client =
        client(&input[START.len()..end]).ok_or(Missing::Fault(ProxyHeaderFault::LineInvalid))?;
    Ok(ProxyHeader { bytes: end + 2, client })
}

/// The client that the rest of a line tells of. `None`: it is not as the grammar says.
fn client(line: &[u8]) -> Option<Option<SocketAddr>> {
    // What follows this word counts nothing, and need not be text.
    if line == b"UNKNOWN" || line.starts_with(b"UNKNOWN ") {
        return Some(None);
    }
    let mut words = str::from_utf8(line).ok()?.split(' ');
    let read_ip = match words.next()? {
        "TCP4" => |word: &str| Some(IpAddr::V4(word.parse::<Ipv4Addr>().ok()?)),
        "TCP6" => |word: &str| Some(IpAddr::V6(word.parse::<Ipv6Addr>().ok()?)),
        _ => return None,
    };
    let (source, _destination) = (read_ip(words.next()?)?, read_ip(words.next()?)?);
    let (source_port, _port) = (port(words.next()?)?, port(words.next()?)?);
    let is_over = words.next().is_none();
    is_over.then_some(Some(SocketAddr::new(source, source_port)))
}

/// A port, which has no zeros before it and no sign.
fn port(word: &str) -> Option<u16> {
    let is_written_so = word == "0" || word.starts_with(|first| matches!(first, '1'..='9'));
    is_written_so.then(|| word.parse().ok())?
}
