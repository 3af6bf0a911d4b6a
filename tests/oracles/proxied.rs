//! PROXY headers, and bytes that are nearly some, by proptest: the engine against the
//! [model](proxy_header) that judges fuzzed ones.

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

use crate::oracle::model::proxy_header::{self, Header};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Where the proxy itself comes from.
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

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
        match proxy_header::read(&all) {
            Header::Whole { bytes, client } if all[bytes..] == *REQUEST => {
                let client = client.unwrap_or(PROXY.into());
                prop_assert_eq!((clients, reason), (vec![Some(client)], CloseReason::PeerClosed));
                prop_assert!(sent > 0);
            }
            // What is left of the header is no request.
            Header::Whole { .. } => prop_assert_ne!(reason, CloseReason::NoProxyHeader),
            Header::Part | Header::Wrong { .. } => {
                prop_assert_eq!((sent, clients, reason), (0, vec![], CloseReason::NoProxyHeader));
            }
        }
    }
}
