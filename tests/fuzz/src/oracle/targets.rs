//! The fuzz targets: each makes peers of the fuzzer's bytes and has them play.

use oneloop::Limits;
use oneloop::engine::Opening;

use super::harness::play::play;
use super::harness::player::{Peer, Room};
use super::model::End;
use super::site::site;

/// A fuzz target: its name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const ALL: [Target; 6] = [
    ("head", head),
    ("framing", framing),
    ("target", target),
    ("connection", connection),
    ("proxied", proxied),
    ("site", site),
];

/// How many bytes of a framing come one by one. If all do, an input takes the time of three others.
const DRIPPED: usize = 32;

/// Small, so that short inputs reach every limit.
fn small_limits() -> Limits {
    let mut limits = Limits::default();
    limits.head_bytes_max = 200;
    limits.target_bytes_max = 40;
    limits.fields_max = 5;
    limits.body_bytes_max = 120;
    limits.output_bytes_high_water = 1024;
    limits.linger_bytes_max = 100;
    limits.turn_bytes_max = 1024;
    limits
}

/// The input is what a client says: whole, and cut at one place, wherever its bytes' sum says.
pub fn head(input: &[u8]) {
    let sum: usize = input.iter().copied().map(usize::from).sum();
    let (first, second) = input.split_at(sum % (input.len() + 1));
    let peers = [
        Peer::at_once(input, End::HalfClose),
        Peer::in_pieces(vec![first, second], End::HalfClose),
    ];
    play(&small_limits(), &peers);
}

/// The input is what decides where a request ends: its last field lines, the empty line, and the
/// content. Another request follows, which is seen at its place or not at all. Whole, and in pieces of
/// seven, but byte by byte where the bytes' sum says.
pub fn framing(input: &[u8]) {
    let start = b"POST /framing HTTP/1.1\r\nHost: a\r\n";
    let next = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    let all = [start, input, next].concat();
    let sum: usize = input.iter().copied().map(usize::from).sum();
    let (before, rest) = all.split_at(sum % (all.len() - DRIPPED));
    let (dripped, behind) = rest.split_at(DRIPPED);
    let pieces = before.chunks(7).chain(dripped.chunks(1)).chain(behind.chunks(7));
    let peers =
        [Peer::in_pieces(pieces.collect(), End::HalfClose), Peer::at_once(&all, End::HalfClose)];
    // Extensions may be as long together as a head, and a line of them shall be able to be too
    // long before they are.
    let mut limits = small_limits();
    limits.head_bytes_max = 300;
    play(&limits, &peers);
}

/// The input is a target and, behind the first line feed, the value of `Host`. With each method
/// that has forms of its own, and one that nobody knows.
pub fn target(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let target = parts.next().unwrap_or_default();
    let host = parts.next().unwrap_or(b"a");
    let requests = ["GET", "OPTIONS", "CONNECT", "FETCH"].map(|method| {
        [method.as_bytes(), b" ", target, b" HTTP/1.1\r\nHost: ", host, b"\r\n\r\n"].concat()
    });
    let peers = requests.each_ref().map(|request| Peer::at_once(request, End::HalfClose));
    let mut limits = small_limits();
    limits.head_bytes_max = 400;
    limits.target_bytes_max = 200;
    play(&limits, &peers);
}

/// The input is a script and, behind it, what a client says: all at once, and as the script says.
/// Both must be told the same.
///
/// The script's first byte says, from its lowest bit on: how the client ends (2 bits), whether
/// the limits are small, whether calls are interrupted, how much it listens (2 bits), and how
/// many more bytes the script has (2 bits). These are the sizes of the pieces, in turn; if there
/// are none, it is a byte at a time.
pub fn connection(input: &[u8]) {
    let Some((script, rest)) = input.split_first() else { return };
    let (sizes, said) = rest.split_at(usize::from(script >> 6).min(rest.len()));
    let (end, ends_at_once) = end(*script);
    let limits = match script & 4 {
        0 => Limits::default(),
        _ => small_limits(),
    };
    let room = [Room::Enough, Room::Each(0), Room::Each(1), Room::Each(300)];
    let cut = Peer {
        pieces: pieces(said, sizes),
        opening: Opening::Request,
        end,
        ends_at_once,
        room: room[usize::from(script >> 4 & 3)],
        interrupts: script & 8 != 0,
    };
    let peers = [Peer::at_once(said, end), cut];
    let answers = play(&limits, &peers);
    if !has_expect(said) {
        assert!(answers[0] == answers[1], "how the input was cut has changed the answers");
    }
}

/// The input is a script and, behind it, what a proxy and its client say: all at once, and as the
/// script says. Both must be told the same.
///
/// The script's first byte says, from its lowest bit on: how the peer ends (2 bits), whether the
/// limits are small, what stands before the input (2 bits), whether a request stands behind it, and
/// how many more bytes the script has (2 bits). These are the sizes of the pieces, as above.
pub fn proxied(input: &[u8]) {
    let Some((script, rest)) = input.split_first() else { return };
    let (sizes, chosen) = rest.split_at(usize::from(script >> 6).min(rest.len()));
    let starts: [&[u8]; 4] =
        [b"", b"PROXY TCP4 ", b"\r\n\r\n\0\r\nQUIT\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0"];
    let request: &[u8] = match script & 0x20 {
        0 => b"",
        _ => b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    let said = [starts[usize::from(script >> 3 & 3)], chosen, request].concat();
    let (end, ends_at_once) = end(*script);
    let limits = match script & 4 {
        0 => Limits::default(),
        _ => small_limits(),
    };
    let whole = Peer { opening: Opening::ProxyHeader, ..Peer::at_once(&said, end) };
    let cut = Peer { pieces: pieces(&said, sizes), ends_at_once, ..whole.clone() };
    let answers = play(&limits, &[whole, cut]);
    if !has_expect(&said) {
        assert!(answers[0] == answers[1], "how the input was cut has changed the answers");
    }
}

/// How a peer ends by its script, and whether with its last piece.
fn end(script: u8) -> (End, bool) {
    match script & 3 {
        0 => (End::HalfClose, false),
        1 => (End::HalfClose, true),
        2 => (End::Silence, false),
        _ => (End::Reset, false),
    }
}

/// Cuts `said` into pieces whose sizes are told by bytes: one to 128, then in steps of 32.
fn pieces<'s>(said: &'s [u8], sizes: &[u8]) -> Vec<&'s [u8]> {
    let sizes = if sizes.is_empty() { &[0] } else { sizes };
    let mut left = said;
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        let bytes = match usize::from(*size) {
            small @ ..128 => small + 1,
            large => (large - 123) * 32,
        };
        let (piece, rest) = left.split_at(bytes.min(left.len()));
        pieces.push(piece);
        left = rest;
        if left.is_empty() {
            break;
        }
    }
    pieces
}

/// Whether a client may be waiting for leave to send: then the answers depend on the cuts.
fn has_expect(said: &[u8]) -> bool {
    said.to_ascii_lowercase().windows(7).any(|seven| seven == b"expect:")
}
