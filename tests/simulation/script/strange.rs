//! Bytes that are no acceptable request, or not the one they seem to be.

use oneloop::Limits;

use super::Pace;
use crate::random::Random;

/// Beginnings that are no acceptable request, however they are cut.
const GARBAGE: [&str; 22] = [
    "hello\r\n\r\n",
    "GET /\n",
    "\u{16}\u{3}\u{1}",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nBad Field: x\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
    "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "GET /# HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /%x HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n",
    "FLY / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nExpect: teapot\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "TRACE / HTTP/1.1\r\nHost: a\r\n\r\nTRACE / HTTP/1.1\r\nHost: a\r\n\r\nx\r\n\r\n",
    "FLY / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nfly\r\nx\r\n\r\n",
];

/// What the framing of a request can say that two readers may take differently. `{}` is the
/// length of a request behind it.
const SMUGGLING: [&str; 26] = [
    "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: {}\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Content-Length: {}\r\n\r\n",
    "Content-Length: 0{}\r\n\r\n",
    "Content-Length: +{}\r\n\r\n",
    "Content-Length: 0\r\nContent-Length: {}\r\n\r\n",
    "Content-Length: 0, {}\r\n\r\n",
    "Content-Length: 0\r\n\r\n",
    "Content-Length: 18446744073709551616\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n00;a=\"\r\n\"\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0;a\n\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: {}\r\n\r\n",
];

/// What is put in the place of bytes: what separates, and what looks like it. No byte above ASCII:
/// whether those are UTF-8 is not framing.
const MUTATIONS: &[u8] = b"\r\n\r\n\r\n \t:,;=-+0159afAZ\"\\/?#%*@\0\x7f";

/// Garbage, and perhaps more bytes behind it that nobody will look at.
pub fn garbage(limits: &Limits, pace: Pace, random: &mut Random) -> Vec<u8> {
    let drips = pace.is_drip();
    let mut bytes = match random.below(GARBAGE.len() + 6) {
        0 if !drips => format!("GET /{} HTTP", "x".repeat(limits.target_bytes_max)),
        1 if !drips => format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(limits.head_bytes_max)),
        2 if !drips => format!("GET / HTTP/1.1\r\n{}", "A: b\r\n".repeat(limits.fields_max + 1)),
        3 | 4 if !drips => {
            let trailers = "A: b\r\n".repeat(limits.fields_max + 1);
            let fields = "Host: a\r\nTransfer-Encoding: chunked\r\n";
            format!("POST / HTTP/1.1\r\n{fields}\r\n1\r\nx\r\n0\r\n{trailers}\r\n")
        }
        5 => "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        number => GARBAGE[number % GARBAGE.len()].to_owned(),
    }
    .into_bytes();
    let junk = if drips { 50 } else { 3000 };
    let junk = if random.once_in(2) { random.below(junk) } else { 0 };
    bytes.resize(bytes.len() + junk, b'j');
    bytes
}

/// A request of doubtful length, and another that some reader might find in it.
pub fn smuggled(peer: usize, random: &mut Random) -> Vec<u8> {
    let hidden = format!("GET /{peer}/0/echo/0?smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    let method = random.pick(&["POST", "GET", "HEAD", "PUT"]);
    let version = if random.once_in(6) { "1.0\r\nConnection: keep-alive" } else { "1.1" };
    let framing = random.pick(&SMUGGLING).replace("{}", &hidden.len().to_string());
    let start = format!("{method} /{peer}/0/echo/0?open HTTP/{version}\r\nHost: a\r\n");
    format!("{start}{framing}{hidden}").into_bytes()
}

/// Changes a few bytes.
pub fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..random.between(1, 3) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => _ = bytes.remove(at),
            1 => bytes[at] = random.pick(MUTATIONS),
            2 => bytes.insert(at, random.pick(MUTATIONS)),
            3 => {
                let end = (at + random.below(30)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => {
                let end = (at + random.below(30)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
        if bytes.is_empty() {
            bytes.push(b'x');
        }
    }
}
