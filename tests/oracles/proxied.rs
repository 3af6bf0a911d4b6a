//! PROXY headers, and bytes that are nearly some: the engine against a second reader, which was written
//! from the specification without the server's. It reads whole texts and compares them with what they
//! would be if it wrote them, where the server's takes them apart.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::SystemTime;

use oneloop::engine::{Arrival, Clients, Opening, Readiness, Time};
use oneloop::testing::Pipe;
use oneloop::{CloseReason, Limits, Peer, Reply, Request, Sent, Timeouts};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Where the proxy itself comes from.
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

/// What the bytes at the beginning of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// A header of this many bytes, and the client that it tells of.
    Whole(usize, Option<IpAddr>),
    /// They may become one.
    Part,
    Wrong,
}

fn read(bytes: &[u8]) -> Read {
    const SIGNATURE: [u8; 12] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10];
    let agree = |start: &[u8]| bytes.iter().zip(start).all(|(one, other)| one == other);
    match bytes {
        [] => Read::Part,
        _ if agree(b"PROXY ") => read_text(bytes),
        _ if agree(&SIGNATURE) => read_block(bytes),
        _ => Read::Wrong,
    }
}

fn read_text(bytes: &[u8]) -> Read {
    let ends = (6..bytes.len().min(107)).find(|at| bytes[..=*at].ends_with(b"\r\n"));
    let Some(end) = ends else {
        return if bytes.len() >= 107 { Read::Wrong } else { Read::Part };
    };
    let text = String::from_utf8_lossy(&bytes[6..end - 1]);
    if text == "UNKNOWN" || text.starts_with("UNKNOWN ") {
        return Read::Whole(end + 1, None);
    }
    let words: Vec<&str> = text.split(' ').collect();
    let [family, from, to, from_port, to_port] = words[..] else { return Read::Wrong };
    let address = match family {
        "TCP4" => v4,
        "TCP6" => v6,
        _ => return Read::Wrong,
    };
    match (address(from), address(to), port(from_port), port(to_port)) {
        (Some(client), Some(_), true, true) => Read::Whole(end + 1, Some(client.to_canonical())),
        _ => Read::Wrong,
    }
}

fn port(word: &str) -> bool {
    (0..=65535).any(|port: u32| port.to_string() == word)
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
    let groups = |text: &str| -> Option<Vec<u16>> {
        if text.is_empty() {
            return Some(Vec::new());
        }
        let is_group = |it: &str| (1..=4).contains(&it.len()) && !it.contains('+');
        text.split(':')
            .map(|it| u16::from_str_radix(it, 16).ok().filter(|_| is_group(it)))
            .collect()
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

fn read_block(bytes: &[u8]) -> Read {
    let at = |at: usize| bytes.get(at).copied();
    let Some(command) = at(12) else { return Read::Part };
    if ![0x20, 0x21].contains(&command) {
        return Read::Wrong;
    }
    let is_local = command == 0x20;
    let Some(kind) = at(13) else { return Read::Part };
    if !is_local && (kind / 16 > 3 || kind % 16 > 2) {
        return Read::Wrong;
    }
    let (Some(high), Some(low)) = (at(14), at(15)) else { return Read::Part };
    let end = 16 + usize::from(u16::from_be_bytes([high, low]));
    let needed = if is_local { 0 } else { [0, 12, 36, 216][usize::from(kind / 16)] };
    if end > 4096 || end < 16 + needed {
        return Read::Wrong;
    }
    if bytes.len() < end {
        return Read::Part;
    }
    let mut rest = &bytes[16 + needed..end];
    while !is_local && kind / 16 != 0 && !rest.is_empty() {
        match rest {
            [_, high, low, values @ ..]
                if values.len() >= usize::from(u16::from_be_bytes([*high, *low])) =>
            {
                rest = &values[usize::from(u16::from_be_bytes([*high, *low]))..];
            }
            _ => return Read::Wrong,
        }
    }
    let client = match kind {
        0x11 if !is_local => Some(IpAddr::from(<[u8; 4]>::try_from(&bytes[16..20]).unwrap())),
        0x21 if !is_local => Some(IpAddr::from(<[u8; 16]>::try_from(&bytes[16..32]).unwrap())),
        _ => None,
    };
    Read::Whole(end, client.map(|client| client.to_canonical()))
}

/// What a proxy may write in a line.
const TEXTS: [&str; 7] = [
    "TCP4 192.0.2.1 10.0.0.1 4711 80",
    "TCP4 0.0.0.0 255.255.255.255 0 65535",
    "TCP6 2001:db8::1 ::1 4711 80",
    "TCP6 ::ffff:192.0.2.1 :: 1 2",
    "TCP6 1:2:3:4:5:6:7:8 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535",
    "UNKNOWN",
    "UNKNOWN and more",
];

/// A header as a proxy would send it.
fn header() -> impl Strategy<Value = Vec<u8>> {
    let text = select(&TEXTS[..]).prop_map(|text| format!("PROXY {text}\r\n").into_bytes());
    let kinds = select(&[0x00_u8, 0x01, 0x10, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32][..]);
    let additions = vec((any::<u8>(), vec(any::<u8>(), 0..20)), 0..3);
    let block = (select(&[0x20_u8, 0x21, 0x21, 0x21][..]), kinds, vec(any::<u8>(), 216), additions)
        .prop_map(|(command, kind, addresses, additions)| {
            let mut block = addresses[..[0, 12, 36, 216][usize::from(kind / 16)]].to_vec();
            for (kind, value) in additions {
                block.extend([kind, 0, value.len() as u8]);
                block.extend(value);
            }
            let fixed = [command, kind, (block.len() / 256) as u8, block.len() as u8];
            [&b"\r\n\r\n\0\r\nQUIT\n"[..], &fixed, &block].concat()
        });
    prop_oneof![text, block]
}

/// The same with some bytes replaced, left out or put in.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let likely = select(&b"\r\n 0123459:.,PTCfx\0\x11\x20\x21\xFF"[..]);
    let change = (any::<Index>(), 0..3, prop_oneof![likely, any::<u8>()]);
    (header(), vec(change, 0..3)).prop_map(|(mut bytes, changes)| {
        for (place, what, byte) in changes {
            let at = place.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 if bytes.len() > 1 => _ = bytes.remove(at),
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    })
}

/// What the server says to these pieces, whom it has taken for its clients, and how it has ended with
/// the input. The bytes of the last piece need not have been looked at if it ended before.
fn played(pieces: &[&[u8]]) -> (usize, Vec<Option<IpAddr>>, CloseReason) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let asked = Rc::clone(&seen);
    let mut handler = move |request: &Request<'_>, reply: Reply<'_>| -> Sent {
        asked.borrow_mut().push(request.client());
        reply.send("text")
    };
    let mut clients = Clients::new(Limits::default(), Timeouts::default(), SystemTime::UNIX_EPOCH);
    let pipe = Pipe::new();
    let peer = Peer::from(SocketAddr::from((PROXY, 1)));
    let id = clients.admit(pipe.stream(), Arrival::new(peer, Opening::ProxyHeader), Time::START);
    let mut told = || {
        clients.note(id, Readiness::READABLE);
        while clients.has_runnable() {
            clients.drive(Time::START, &mut handler);
            clients.linger(Time::START, &mut handler);
            clients.free();
        }
    };
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        pipe.say(piece);
        told();
    }
    pipe.end();
    told();
    let mut reasons = CloseReason::ALL.iter();
    let reason = reasons.find(|reason| clients.metrics().closed(**reason) > 0);
    let sent = pipe.sent_bytes();
    (sent, seen.take(), *reason.expect("the end of input ends it"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_engine_takes_for_a_header_what_the_other_reader_does(
        start in nearly(), cut in any::<Index>(),
    ) {
        let all = [&start, REQUEST].concat();
        let (first, rest) = all.split_at(cut.index(all.len()));
        let whole = played(&[&all]);
        prop_assert_eq!(&played(&[first, rest]), &whole);
        let dripped: Vec<&[u8]> = all.chunks(1).collect();
        prop_assert_eq!(&played(&dripped), &whole);
        let (sent, clients, reason) = whole;
        match read(&all) {
            Read::Whole(bytes, client) if all[bytes..] == *REQUEST => {
                let client = client.unwrap_or(PROXY.into());
                prop_assert_eq!((clients, reason), (vec![Some(client)], CloseReason::PeerClosed));
                prop_assert!(sent > 0);
            }
            // What is left of the header is no request.
            Read::Whole(..) => prop_assert_ne!(reason, CloseReason::NoProxyHeader),
            Read::Part | Read::Wrong => {
                prop_assert_eq!((sent, clients, reason), (0, vec![], CloseReason::NoProxyHeader));
            }
        }
    }
}
