//! Conversations that are right by construction: what was put into them is what the handler must
//! have been shown. The model that judges fuzzed inputs is held to that, too.

use std::collections::BTreeMap;
use std::fmt;

use oneloop::{FieldBlock, InvalidField, Limits, Version, testing};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::chunks;
use crate::instrumented::handler::Shown;
use crate::instrumented::server::PEER;
use crate::oracle::answers;
use crate::oracle::harness::play::play;
use crate::oracle::harness::player::{Peer, Room};
use crate::oracle::model::End;
use crate::oracle::model::control::Persistence;
use crate::oracle::model::conversation::Answer;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// What may stand behind a chunk's size.
const EXTENSIONS: [&str; 5] = ["", ";a", ";a=b", " ; a = \"b\\\"\" ;c", "\t;a"];

const TRAILERS: [&str; 3] = ["", "A: b\r\n", "A:\r\nContent-Length: 9\r\n"];

/// With more, and a chunk for each byte, the extensions would be longer together than a head may
/// be, which is refused.
const BODY_BYTES_MAX: usize = 700;

/// How a body is written.
#[derive(Clone, Debug)]
enum Coding {
    Length,
    /// Chunks of these sizes, over and over; what stands behind a size; the trailers.
    Chunked {
        sizes: Vec<usize>,
        extension: &'static str,
        trailers: &'static str,
    },
}

/// A request, as bytes and as what a handler must be shown of it.
#[derive(Clone)]
struct Asked {
    bytes: Vec<u8>,
    shown: Shown,
    persistence: Persistence,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bytes.escape_ascii())
    }
}

impl Asked {
    fn new(method: &str, path: &str, query: Option<&str>, body: Vec<u8>, coding: &Coding) -> Asked {
        let target = match query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let (framing, content) = match coding {
            Coding::Length => (("Content-Length", body.len().to_string()), body.clone()),
            Coding::Chunked { sizes, extension, trailers } => {
                let content = chunks::chunked(&body, sizes, extension, trailers);
                (("Transfer-Encoding", "chunked".to_owned()), content)
            }
        };
        let fields = [("Host", "a".to_owned()), framing];
        let mut bytes = format!("{method} {target} HTTP/1.1\r\n").into_bytes();
        for (name, value) in &fields {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&content);
        let shown = Shown {
            method: method.to_owned(),
            target,
            path: path.to_owned(),
            query: query.map(str::to_owned),
            version: Version::Http11,
            fields: fields.map(|(name, value)| (name.to_owned(), value.into_bytes())).to_vec(),
            body,
            client: Some(PEER.into()),
        };
        Asked { bytes, shown, persistence: Persistence::Keep }
    }

    fn answer(&self) -> Answer {
        Answer::Request { shown: self.shown.clone(), persistence: self.persistence }
    }
}

fn coding() -> impl Strategy<Value = Coding> {
    let sizes = prop_oneof![vec(1..4_usize, 1..3), vec(1..2000_usize, 1..5)];
    let chunked = (sizes, prop::sample::select(&EXTENSIONS), prop::sample::select(&TRAILERS))
        .prop_map(|(sizes, extension, trailers)| Coding::Chunked { sizes, extension, trailers });
    prop_oneof![Just(Coding::Length), chunked]
}

/// A path: whatever is no white space, no control and no mark with a meaning.
fn words() -> impl Strategy<Value = String> {
    "([a-z0-9/.~:@!$&'()*+,;=_-]|[\"<>{}|^`\\\\]|%[0-9A-Fa-f]{2}|é|日){0,20}"
}

/// A query: the same, more question marks, and percent signs that encode nothing.
fn queries() -> impl Strategy<Value = String> {
    "([a-z0-9/.~:@!$&'()*+,;=_-]|[\"<>{}|^`\\\\?%]|%[0-9A-Fa-f]{2}|é|日){0,20}"
}

fn asked() -> impl Strategy<Value = Asked> {
    let body = vec(any::<u8>(), 0..BODY_BYTES_MAX);
    (prop::sample::select(&METHODS), words(), prop::option::of(queries()), body, coding()).prop_map(
        |(method, path, query, body, coding)| {
            Asked::new(method, &format!("/x{path}"), query.as_deref(), body, &coding)
        },
    )
}

fn room() -> impl Strategy<Value = Room> {
    prop_oneof![Just(Room::Enough), (0..500_usize).prop_map(Room::Each)]
}

/// In pieces of these sizes, over and over.
fn pieces<'b>(bytes: &'b [u8], sizes: &[usize]) -> Vec<&'b [u8]> {
    let mut left = bytes;
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        let (piece, rest) = left.split_at((*size).min(left.len()));
        pieces.push(piece);
        left = rest;
        if left.is_empty() {
            break;
        }
    }
    pieces
}

/// The status of the first of `sent`.
fn status(sent: &[u8]) -> u16 {
    testing::Answer::begin(sent, "GET").unwrap().status()
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn pipelined_requests_are_answered_whole_and_in_order(
        asked in vec(asked(), 1..6),
        sizes in vec(1..700_usize, 1..4),
        room in room(),
        interrupts: bool,
        ends_at_once: bool,
    ) {
        let bytes: Vec<u8> = asked.iter().flat_map(|asked| asked.bytes.clone()).collect();
        let mut slow = Peer::in_pieces(pieces(&bytes, &sizes), End::HalfClose);
        (slow.room, slow.interrupts, slow.ends_at_once) = (room, interrupts, ends_at_once);
        let peers = [Peer::at_once(&bytes, End::HalfClose), slow];
        for sent in play(&Limits::default(), &peers) {
            let mut left = &sent[..];
            for asked in &asked {
                left = &left[answers::check(left, &asked.answer())..];
            }
            prop_assert!(left.is_empty());
        }
    }

    #[test]
    fn a_body_limit_holds_wherever_it_is_set(
        limit in 0..400_usize,
        above in -3..4_isize,
        coding in coding(),
    ) {
        let len = limit.saturating_add_signed(above);
        let asked = Asked::new("POST", "/", None, vec![b'x'; len], &coding);
        let mut limits = Limits::default();
        limits.body_bytes_max = limit;
        let peers = [1, 3, asked.bytes.len()].map(|bytes| {
            Peer::in_pieces(asked.bytes.chunks(bytes).collect(), End::HalfClose)
        });
        for sent in play(&limits, &peers) {
            prop_assert_eq!(status(&sent), if len <= limit { 200 } else { 413 });
        }
    }

    #[test]
    fn a_head_limit_holds_wherever_it_is_set(
        head_bytes_max in 64..300_usize,
        target_bytes_max in 1..60_usize,
        fields_max in 1..8_usize,
        target_len in 1..70_usize,
        fields in 0..9_usize,
        padding in 0..300_usize,
    ) {
        let mut limits = Limits::default();
        limits.head_bytes_max = head_bytes_max;
        limits.target_bytes_max = target_bytes_max;
        limits.fields_max = fields_max;
        let target = format!("/{}", "t".repeat(target_len - 1));
        let more = "A:b\r\n".repeat(fields);
        let padding = "p".repeat(padding);
        let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{more}P:{padding}\r\n\r\n");
        // Whatever is found first, byte by byte.
        let target_end = "GET ".len() + target_bytes_max + 1;
        let line = format!("GET {target} HTTP/1.1\r\n");
        let too_many = line + "Host: a\r\n" + &"A:b\r\n".repeat(fields_max);
        let mut ends = BTreeMap::from([(head.len(), 200)]);
        if target_len > target_bytes_max {
            ends.insert(target_end, 414);
        }
        if fields + 2 > fields_max {
            let last = if fields >= fields_max { too_many.len() } else { head.len() - 2 };
            ends.insert(last, 431);
        }
        let (end, wanted) = ends.pop_first().unwrap();
        let wanted = if end > head_bytes_max { 431 } else { wanted };
        let said = head.as_bytes();
        let peers = [1, said.len()]
            .map(|bytes| Peer::in_pieces(said.chunks(bytes).collect(), End::HalfClose));
        for sent in play(&limits, &peers) {
            prop_assert_eq!(status(&sent), wanted);
        }
    }

    #[test]
    fn the_forms_of_a_target_give_the_same_path_and_query(
        path in words(),
        query in prop::option::of(queries()),
        scheme in "[hH][tT][tT][pP][sS]?",
        authority in "([a-z0-9._~-]{1,9}|%4[0-9a-fA-F]|\\[::1\\])(:[0-9]{0,5})?",
    ) {
        let path = format!("/_{path}");
        let origin = Asked::new("GET", &path, query.as_deref(), Vec::new(), &Coding::Length);
        let mut absolute = origin.clone();
        absolute.shown.target = format!("{scheme}://{authority}{}", origin.shown.target);
        let start = format!("GET {} ", absolute.shown.target);
        let rest = &origin.bytes[format!("GET {} ", origin.shown.target).len()..];
        absolute.bytes = [start.as_bytes(), rest].concat();
        for asked in [origin, absolute] {
            let sent = play(&Limits::default(), &[Peer::at_once(&asked.bytes, End::HalfClose)]);
            prop_assert_eq!(answers::check(&sent[0], &asked.answer()), sent[0].len());
        }
    }

    #[test]
    fn a_field_is_taken_if_it_cannot_break_an_answer(
        name in "[!-~]{0,3}|[A-Za-z0-9-]{1,12}|.{0,3}",
        value in ".{0,8}|[\\x00-\\xff]{0,8}|[ -~\t]{0,8}",
    ) {
        const MARKS: &str = "!#$%&'*+-.^_`|~";
        let is_name = |char: char| char.is_ascii_alphanumeric() || MARKS.contains(char);
        let wanted = if name.is_empty() || !name.chars().all(is_name) {
            Err(InvalidField::Name)
        } else if value.chars().any(|char| char.is_ascii_control() && char != '\t') {
            Err(InvalidField::Value)
        } else {
            Ok(())
        };
        prop_assert_eq!(FieldBlock::new().with(&name, &value).map(|_| ()), wanted);
    }
}
