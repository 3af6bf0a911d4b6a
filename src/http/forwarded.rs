//! Whose request a proxy passes on: `Forwarded` (RFC 7239), or `X-Forwarded-For`.
//!
//! Each proxy appends the address that it was asked from. So the last address is what the proxy that
//! asks us says, and what stands before it is worth as much as the one who said it: the list is read
//! from its end, for as long as the addresses are those of proxies that are trusted. A client can
//! write whatever it likes at the beginning.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::chars::is_token;
use super::parse::Fields;
use crate::network::Network;

/// The address of the client for which `peer` says that it asks: the last one in the fields that is not
/// a trusted proxy's, or the first if all are. What is no address ends the list. None: `peer` is not
/// trusted, or says nothing. A peer without an address came by a Unix socket. `Forwarded` counts before
/// `X-Forwarded-For`.
pub(crate) fn client(
    peer: Option<IpAddr>,
    fields: &Fields<'_>,
    trusted: &[Network],
) -> Option<IpAddr> {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(ip));
    let is_peer_trusted = match peer {
        Some(ip) => is_trusted(ip),
        None => trusted.contains(&Network::UNIX_SOCKETS),
    };
    if !is_peer_trusted {
        return None;
    }
    // The lists are read forwards, so what has been found is given up for what stands nearer to us.
    let mut found = None;
    let mut on_hop = |hop: Option<IpAddr>| {
        found = match hop {
            Some(ip) if is_trusted(ip) => found.or(hop),
            Some(_) | None => hop,
        }
    };
    let mut has_forwarded = false;
    for line in lines(fields, "Forwarded") {
        has_forwarded = true;
        elements_outside_quotes(line, |element| on_hop(forwarded_for(element)));
    }
    if !has_forwarded {
        for line in lines(fields, "X-Forwarded-For") {
            let elements = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            let said = elements.filter(|element| !element.is_empty());
            said.for_each(|element| on_hop(node(element, Colons::OfAnAddress)));
        }
    }
    found
}

/// The values of the lines of this field.
fn lines<'b>(fields: &Fields<'b>, name: &'static str) -> impl Iterator<Item = &'b [u8]> {
    let lines = fields.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
    lines.map(|(_, value)| value)
}

/// Splits at the commas that are in no quotation marks, and leaves out what is empty. If a quotation
/// mark has no other, everything behind it is one element, which is none.
fn elements_outside_quotes(line: &[u8], mut on_element: impl FnMut(&[u8])) {
    let mut rest = line;
    while !rest.is_empty() {
        let end = element_end(rest);
        let element = rest[..end].trim_ascii();
        if !element.is_empty() {
            on_element(element);
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
}

/// Where the first comma stands that is in no quotation marks; or the end.
fn element_end(list: &[u8]) -> usize {
    let mut at = 0;
    while let Some(mark) = list[at..].iter().position(|byte| matches!(byte, b',' | b'"')) {
        at += mark + 1;
        if list[at - 1] == b',' {
            return at - 1;
        }
        match quoted_end(&list[at..]) {
            Some(end) => at += end + 1,
            None => break,
        }
    }
    list.len()
}

/// The address that an element of `Forwarded` has in its parameter `for` (RFC 7239 §4). None: it
/// has none, or is not as the grammar says.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut rest = element;
    let mut found = None;
    while !rest.is_empty() {
        let equals = rest.iter().position(|byte| *byte == b'=')?;
        let (name, behind) = (rest[..equals].trim_ascii(), &rest[equals + 1..]);
        let (value, behind) = match behind {
            [b'"', quoted @ ..] => {
                // An address needs no backslashes, and no other value is asked for.
                let end = quoted_end(quoted)?;
                (&quoted[..end], quoted[end + 1..].trim_ascii_start())
            }
            plain => {
                let end = plain.iter().position(|byte| *byte == b';').unwrap_or(plain.len());
                let value = plain[..end].trim_ascii_end();
                is_token(value).then_some((value, &plain[end..]))?
            }
        };
        if !is_token(name) || !(behind.is_empty() || behind[0] == b';') {
            return None;
        }
        if name.eq_ignore_ascii_case(b"for") {
            let node = node(value, Colons::OfAPort)?;
            if found.replace(node).is_some() {
                return None;
            }
        }
        rest = behind.get(1..).unwrap_or_default().trim_ascii_start();
    }
    found
}

/// Where the string ends whose opening mark stands before `quoted`.
fn quoted_end(quoted: &[u8]) -> Option<usize> {
    let mut is_escaped = false;
    quoted.iter().position(|byte| match (std::mem::take(&mut is_escaped), byte) {
        (false, b'"') => true,
        (false, b'\\') => {
            is_escaped = true;
            false
        }
        _ => false,
    })
}

/// What colons outside square brackets mean.
#[derive(Clone, Copy)]
enum Colons {
    /// An IPv6 address needs no brackets if it has no port. So `X-Forwarded-For` is written.
    OfAnAddress,
    /// A port follows. So `Forwarded` is written.
    OfAPort,
}

/// The address of a node, which may have a port. None: it is unknown, hidden, or no address.
fn node(text: &[u8], colons: Colons) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    let (address, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (address, port) = bracketed.split_once(']')?;
            (IpAddr::V6(address.parse::<Ipv6Addr>().ok()?), port)
        }
        None => match (text.parse::<Ipv6Addr>(), colons) {
            (Ok(address), Colons::OfAnAddress) => (IpAddr::V6(address), ""),
            (Ok(_), Colons::OfAPort) => return None,
            (Err(_), _) => {
                let end = text.find(':').unwrap_or(text.len());
                (IpAddr::V4(text[..end].parse::<Ipv4Addr>().ok()?), &text[end..])
            }
        },
    };
    let is_port = |port: &str| {
        (1..=5).contains(&port.len()) && port.bytes().all(|digit| digit.is_ascii_digit())
    };
    match port.strip_prefix(':') {
        Some(port) => is_port(port).then_some(address),
        None => port.is_empty().then_some(address),
    }
    .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::http::parse::{FieldRoom, head};

    /// Whose request it is that this peer asks with these field lines, if 10.0.0.0/8 and
    /// 2001:db8:1::/48 are trusted.
    fn client_of(peer: &str, lines: &str) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8:1::/48"].map(|it| it.parse().expect("a network"));
        client_by(&trusted, peer, lines)
    }

    /// The same with these that are trusted. "unix" is a peer without an address.
    fn client_by(trusted: &[Network], peer: &str, lines: &str) -> String {
        let request = format!("GET / HTTP/1.1\r\n{lines}\r\n");
        let mut room = FieldRoom::new();
        let head = head(request.as_bytes(), &mut room, &Limits::default()).expect("a head");
        let peer = (peer != "unix").then(|| peer.parse().expect("an address"));
        let client = client(peer, &head.fields, trusted);
        client.or(peer).map_or("none".to_owned(), |client| client.to_string())
    }

    const PROXY: &str = "10.0.0.1";

    #[test]
    fn only_a_trusted_peer_is_believed() {
        for lines in ["", "X-Forwarded-For: 192.0.2.1\r\n", "Forwarded: for=192.0.2.1\r\n"] {
            for peer in ["203.0.113.9", "127.0.0.1", "::1", "2001:db8:2::1"] {
                assert_eq!(client_of(peer, lines), peer, "{lines}");
            }
        }
        let lines = "X-Forwarded-For: 192.0.2.1\r\n";
        for peer in [PROXY, "10.255.0.1", "::ffff:10.0.0.1", "2001:db8:1::7"] {
            assert_eq!(client_of(peer, lines), "192.0.2.1", "{peer}");
        }
    }

    #[test]
    fn who_comes_by_a_unix_socket_is_believed_if_these_are_trusted() {
        let lines = "X-Forwarded-For: 192.0.2.1\r\n";
        assert_eq!(client_of("unix", lines), "none");
        for (lines, expected) in [(lines, "192.0.2.1"), ("", "none")] {
            assert_eq!(client_by(&Network::THIS_MACHINE, "unix", lines), expected);
        }
    }

    /// None: what follows the field's name says nothing that counts.
    fn assert_said(name: &str, rows: &[(&str, Option<&str>)]) {
        for (value, expected) in rows {
            let lines: String =
                value.split('|').map(|line| format!("{name}: {line}\r\n")).collect();
            assert_eq!(client_of(PROXY, &lines), expected.unwrap_or(PROXY), "{lines}");
        }
    }

    #[test]
    fn the_last_address_that_is_no_trusted_proxys_counts() {
        assert_said(
            "X-Forwarded-For",
            &[
                ("192.0.2.1", Some("192.0.2.1")),
                ("  192.0.2.1\t", Some("192.0.2.1")),
                ("192.0.2.1, 198.51.100.2", Some("198.51.100.2")),
                ("192.0.2.1,198.51.100.2, 10.0.0.2,10.0.0.3", Some("198.51.100.2")),
                // Lines are one list.
                ("192.0.2.1|198.51.100.2", Some("198.51.100.2")),
                ("192.0.2.1, 198.51.100.2|10.0.0.2|10.0.0.3, 10.0.0.4", Some("198.51.100.2")),
                // All of them are proxies: the first one asked.
                ("10.0.0.7, 10.0.0.2", Some("10.0.0.7")),
                ("2001:db8:1::1, 10.0.0.2", Some("2001:db8:1::1")),
                // Empty elements are none (RFC 9110 §5.6.1.2).
                ("", None),
                (" , ,", None),
                ("192.0.2.1, ,", Some("192.0.2.1")),
                ("192.0.2.1|", Some("192.0.2.1")),
                // What is no address ends the list.
                ("unknown", None),
                ("192.0.2.1, unknown", None),
                ("192.0.2.1, unknown, 10.0.0.2", Some("10.0.0.2")),
                ("_hidden, 198.51.100.2", Some("198.51.100.2")),
                ("192.0.2.1, localhost", None),
                ("192.0.2.1 198.51.100.2", None),
                ("192.0.2.256", None),
                ("192.0.2", None),
                ("0300.0.2.1", None),
                // Ports are left out.
                ("192.0.2.1:4711", Some("192.0.2.1")),
                ("[2001:db8::1]:4711", Some("2001:db8::1")),
                ("[2001:db8::1]", Some("2001:db8::1")),
                ("2001:db8::1", Some("2001:db8::1")),
                ("::ffff:192.0.2.1", Some("192.0.2.1")),
                ("192.0.2.1, ::ffff:10.0.0.9", Some("192.0.2.1")),
                ("192.0.2.1:", None),
                ("192.0.2.1:port", None),
                ("192.0.2.1:123456", None),
                ("[2001:db8::1]4711", None),
                ("[2001:db8::1", None),
                ("[192.0.2.1]", None),
                ("fe80::1%eth0", None),
                // A quotation mark hides nothing here.
                ("\"192.0.2.1, 198.51.100.2", Some("198.51.100.2")),
            ],
        );
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        assert_said(
            "Forwarded",
            &[
                ("for=192.0.2.1", Some("192.0.2.1")),
                ("For=\"192.0.2.1\"", Some("192.0.2.1")),
                ("FOR=\"192.0.2.1:4711\"", Some("192.0.2.1")),
                ("for=\"[2001:db8::1]:4711\"", Some("2001:db8::1")),
                ("proto=https;for=192.0.2.1;by=203.0.113.43", Some("192.0.2.1")),
                ("for=192.0.2.1; proto=https", Some("192.0.2.1")),
                ("for=192.0.2.1;", Some("192.0.2.1")),
                ("for=192.0.2.1, for=198.51.100.2", Some("198.51.100.2")),
                ("for=192.0.2.1|for=198.51.100.2, for=10.0.0.2", Some("198.51.100.2")),
                // A comma in quotation marks is none.
                ("for=192.0.2.1;host=\"a,for=198.51.100.2\"", Some("192.0.2.1")),
                ("for=192.0.2.1;host=\"a\\\",for=198.51.100.2\"", Some("192.0.2.1")),
                // What is no address, or not as the grammar says, ends the list.
                ("for=unknown", None),
                ("for=_hidden", None),
                ("for=192.0.2.1, for=unknown, for=10.0.0.2", Some("10.0.0.2")),
                ("for=192.0.2.1, proto=https", None),
                ("192.0.2.1", None),
                ("for=", None),
                ("for=\"\"", None),
                ("for=192.0.2.1:4711", None),
                ("for=[2001:db8::1]", None),
                ("for=\"2001:db8::1\"", None),
                ("for=192.0.2.1;for=198.51.100.2", None),
                ("for=\"192.0.2.1", None),
                ("for=\"192.0.2.1\" x", None),
                ("for=192.0.2.1;host=\"open, for=198.51.100.2", None),
                ("for=192.0.2.1;x=\", for=198.51.100.2, for=\"[2001:db8:1::1]\"", None),
            ],
        );
    }

    #[test]
    fn forwarded_counts_before_the_other_field_also_if_it_says_nothing() {
        let both = "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=198.51.100.2\r\n";
        assert_eq!(client_of(PROXY, both), "198.51.100.2");
        let hidden = "X-Forwarded-For: 192.0.2.1\r\nforwarded: for=unknown\r\n";
        assert_eq!(client_of(PROXY, hidden), PROXY);
    }

    #[test]
    fn a_long_list_is_read_once() {
        let list = "10.0.0.2,".repeat(1500);
        let lines = format!("X-Forwarded-For: 192.0.2.1,{list}\r\n");
        assert_eq!(client_of(PROXY, &lines), "192.0.2.1");
    }
}
