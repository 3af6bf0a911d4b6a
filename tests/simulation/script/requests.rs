//! Correct requests, of all shapes.
//!
//! A request names itself in its target, `/peer/number/kind/bytes`, and an echoing handler repeats
//! the target. So an answer that is lost, doubled, swapped or given to the wrong peer cannot look
//! right.

use super::Pace;
use crate::chunks::Chunks;
use crate::plan::Plan;
use crate::random::Random;

/// What bodies are made of: no two neighbours are the same.
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// How many bodies there are that come over time: more than any run will meet.
const PLANS: usize = 1_000_000;

/// How late answers begin, in milliseconds.
const LATE: [u64; 6] = [0, 1, 50, 700, 3000, 8000];

/// One request.
#[derive(Debug)]
pub struct Exchange {
    pub head: Vec<u8>,
    pub content: Vec<u8>,
    /// Whether the content waits for a 100.
    pub expects: bool,
    pub pace: Pace,
}

/// Which request is wanted.
pub struct Wanted {
    pub peer: usize,
    pub number: usize,
    /// Whether it asks for the end of the connection.
    pub is_last: bool,
    pub pace: Pace,
}

pub fn draw(wanted: &Wanted, random: &mut Random) -> Exchange {
    let Wanted { peer, number, is_last, pace } = *wanted;
    let drips = pace.is_drip();
    let method = random.pick(&["GET", "GET", "GET", "HEAD", "POST", "POST", "POST", "PUT"]);
    let (kind, padding) = match random.below(12) {
        0 if !drips => match random.between(8000, 20_000) {
            padding if padding % 2 == 0 => ("file", padding),
            padding => ("shared", padding),
        },
        1 if !drips => match random.between(1000, 20_000) {
            padding if padding % 2 == 0 => ("file", padding),
            padding => ("copied", padding),
        },
        2 | 3 => ("stream", random.below(PLANS)),
        _ => ("echo", 0),
    };
    let old = random.once_in(8);
    let posts = matches!(method, "POST" | "PUT");
    let body_bytes_max = random.pick(&[1, 1, 100, 100, 3000, 3000, 30_000, 60_000]);
    let body_bytes_max = body_bytes_max.min(pace.bytes_worth_sending());
    let body_bytes = if posts { random.below(body_bytes_max) } else { 0 };
    let from = random.below(ALPHABET.len());
    // One answer in four begins later.
    let late = LATE.get(from).map(|millis| format!("late/{millis}/")).unwrap_or_default();
    let target = format!("/{peer}/{number}/{late}{kind}/{padding}");
    let body = ALPHABET.repeat(body_bytes / ALPHABET.len() + 2)[from..from + body_bytes].to_vec();
    let is_chunked = posts && !old && random.once_in(2);
    let expects = !body.is_empty() && !old && random.once_in(6);
    let (version, connection) = match (old, is_last) {
        (false, false) => ("1.1", ""),
        (false, true) => ("1.1", "Connection: close\r\n"),
        (true, false) => ("1.0", "Connection: keep-alive\r\n"),
        (true, true) => ("1.0", ""),
    };
    let framing = match is_chunked {
        true => "Transfer-Encoding: chunked\r\n".to_string(),
        false if posts => format!("Content-Length: {}\r\n", body.len()),
        false => String::new(),
    };
    let expect = if expects { "Expect: 100-continue\r\n" } else { "" };
    // RFC 9112 §2.2: an empty line before a request is none.
    let blank = if number > 0 && random.once_in(10) { "\r\n" } else { "" };
    let head = format!(
        "{blank}{method} {target} HTTP/{version}\r\nHost: a\r\n{framing}{expect}{connection}\r\n"
    );
    let content = if is_chunked { chunked(&body, random) } else { body };
    Exchange { head: head.into_bytes(), content, expects, pace }
}

/// Asks for a large answer.
pub fn large(peer: usize, number: usize, bytes: usize) -> String {
    let kind = if number.is_multiple_of(2) { "file" } else { "copied" };
    format!("GET /{peer}/{number}/{kind}/{bytes} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// Asks for what comes over time, and takes its time.
pub fn watching(peer: usize, number: usize, random: &mut Random) -> String {
    let mut target = || format!("/{peer}/{number}/stream/{}", random.below(PLANS));
    let is_long = |target: &String| Plan::of(target).is_some_and(|plan| plan.is_long());
    let target = std::iter::repeat_with(&mut target).find(is_long).expect("most are not short");
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// Is about to send a body of so many bytes.
pub fn posting_head(peer: usize, number: usize, bytes: usize) -> String {
    let fields = format!("Host: a\r\nContent-Length: {bytes}\r\n");
    format!("POST /{peer}/{number}/echo/0 HTTP/1.1\r\n{fields}\r\n")
}

/// `body` in chunks of any size, with or without extensions and trailers.
fn chunked(body: &[u8], random: &mut Random) -> Vec<u8> {
    let mut chunks = Chunks::new();
    let mut left = body;
    while !left.is_empty() {
        let most = random.pick(&[1, 10, 1000, 100_000]);
        let (chunk, rest) =
            left.split_at(random.between(1, most).min(left.len()).max(left.len() / 30));
        let extension = if random.once_in(4) { ";a=\"b\"" } else { "" };
        chunks.push(chunk, extension);
        left = rest;
    }
    let trailers = if random.once_in(4) { "Trailer: x\r\n" } else { "" };
    chunks.end("", trailers)
}
