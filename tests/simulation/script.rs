//! What a peer is going to send, and how: drawn once, from the seed, before it connects.

use std::time::Duration;

use oneloop::Timeouts;

use crate::model::{self, Asked, Expected, Persistence};
use crate::random::Random;
use crate::watch::Bound;

/// Bytes that are no acceptable request, however they are cut, and the status that says so.
const GARBAGE: [(&[u8], &str); 10] = [
    (b"hello\r\n\r\n", "400"),
    (b"GET /\n", "400"),
    (b"GET / HTTP/1.1\r\n\r\n", "400"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nBad Field: x\r\n\r\n", "400"),
    (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", "413"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "400"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: teapot\r\n\r\n", "417"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400"),
];

/// One message, as bytes and as meaning.
#[derive(Debug)]
pub struct Exchange {
    pub blank: &'static [u8],
    pub head: Vec<u8>,
    pub content: Vec<u8>,
    /// Whether the content waits for a 100.
    pub expects: bool,
    pub expected: Expected,
    pub pace: Pace,
}

/// How fast a peer sends.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub bytes_max: usize,
    pub pause_max: Duration,
}

/// What a peer does when it has nothing more to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The last request says `close`, or is HTTP/1.0: the server ends it.
    Asked,
    /// It closes its side right behind its last request, and reads on.
    HalfCloseAtOnce,
    /// It closes its side behind the last answer.
    HalfCloseAfter,
    /// It stays until the server has had enough.
    Stay,
}

/// What kind of peer it is: decides what it deserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Deserves every answer.
    Correct,
    /// Ends in garbage, and deserves to be told so.
    Garbage,
    /// Never reads, or only the beginning.
    NeverReads,
    /// Resets the connection somewhere.
    Vanishes,
    /// Connects and says nothing.
    Silent,
    /// Sends a head that never ends, a byte at a time.
    DripsHead,
    /// Sends empty lines for ever behind an answered request.
    DripsBlanks,
    /// Stops in the middle of a message.
    Stalls,
    /// Goes on talking behind the request that it called its last.
    TalksOn,
}

#[derive(Debug)]
pub struct Script {
    pub kind: Kind,
    pub exchanges: Vec<Exchange>,
    /// How many exchanges are sent at once before their answers are waited for.
    pub pipelined_max: usize,
    /// The longest pause between two groups of requests.
    pub think_max: Duration,
    pub ending: Ending,
    /// How many bytes of answers it takes.
    pub window: usize,
    /// Vanishes after so many bytes, or stops sending.
    pub bytes_max: usize,
}

impl Script {
    /// The script of the peer with this number.
    pub fn draw(peer: usize, random: &mut Random, timeouts: &Timeouts) -> Script {
        let kind = match random.below(16) {
            0 => Kind::Garbage,
            1 => Kind::NeverReads,
            2 => Kind::Vanishes,
            3 => Kind::Silent,
            4 => Kind::DripsHead,
            5 => Kind::DripsBlanks,
            6 => Kind::Stalls,
            7 => Kind::TalksOn,
            _ => Kind::Correct,
        };
        let pace = match random.below(4) {
            0 => Pace { bytes_max: 1, pause_max: Duration::from_millis(5) },
            1 => Pace { bytes_max: 100, pause_max: Duration::from_millis(10) },
            2 => Pace { bytes_max: 1000, pause_max: Duration::from_millis(10) },
            _ => Pace { bytes_max: 100_000, pause_max: Duration::from_millis(1) },
        };
        let endings =
            [Ending::HalfCloseAtOnce, Ending::HalfCloseAfter, Ending::Stay, Ending::Asked];
        let ending = match kind {
            Kind::Garbage => random.pick(&endings[..3]),
            Kind::DripsHead | Kind::DripsBlanks => Ending::Stay,
            Kind::TalksOn => Ending::Asked,
            Kind::Correct | Kind::NeverReads | Kind::Vanishes | Kind::Silent | Kind::Stalls => {
                random.pick(&endings)
            }
        };
        let mut script = Script {
            kind,
            exchanges: Vec::new(),
            pipelined_max: random.pick(&[1, 1, 2, 5, 20]),
            think_max: random.pick(&[Duration::ZERO, timeouts.idle.min(timeouts.first_byte) / 2]),
            ending,
            window: usize::MAX,
            bytes_max: usize::MAX,
        };
        script.fill(peer, pace, random);
        script.bend(pace, random, timeouts);
        script
    }

    fn fill(&mut self, peer: usize, pace: Pace, random: &mut Random) {
        let count = if random.once_in(3) { random.between(1, 20) } else { random.between(1, 4) };
        for number in 0..count {
            let last = number + 1 == count && self.ending == Ending::Asked;
            self.exchanges.push(request(peer, number, last, pace, random));
        }
    }

    /// Makes the peer as strange as its kind.
    fn bend(&mut self, pace: Pace, random: &mut Random, timeouts: &Timeouts) {
        let (script_bytes, _) = self.bytes();
        match self.kind {
            Kind::Correct => {}
            Kind::Garbage => self.exchanges.push(garbage(pace, random)),
            Kind::NeverReads => self.window = random.pick(&[0, 100, 5000]),
            Kind::Vanishes | Kind::Stalls => self.bytes_max = random.below(script_bytes),
            Kind::Silent => self.exchanges.clear(),
            Kind::TalksOn => {
                let most = if pace.bytes_max == 1 { 50 } else { 100_000 };
                let talk = vec![b't'; random.between(1, most)];
                self.exchanges.push(Exchange { pace, ..drip(b"", talk, Duration::ZERO) });
                self.pipelined_max = usize::MAX;
            }
            Kind::DripsHead => {
                let field = format!("X: {}", "x".repeat(2000));
                let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{field}").into_bytes();
                self.exchanges.truncate(random.below(3));
                self.exchanges.push(drip(b"", head, timeouts.head / 3));
            }
            Kind::DripsBlanks => {
                let pause = timeouts.head.min(timeouts.idle) / 2;
                self.exchanges.truncate(1);
                self.exchanges.extend((0..500).map(|_| drip(b"\r\n", Vec::new(), pause)));
                self.pipelined_max = usize::MAX;
            }
        }
    }

    /// How many bytes it sends, and about how many it is answered with.
    pub fn bytes(&self) -> (usize, usize) {
        let answer = |exchange: &Exchange| match &exchange.expected {
            Expected::Echo(asked) => 200 + asked.body.len() + model::padding(&asked.target),
            Expected::Fault(_) | Expected::Whatever => 0,
        };
        let sent = self.exchanges.iter().map(Exchange::len).sum();
        (sent, self.exchanges.iter().map(answer).sum())
    }

    /// Where each message lies among all bytes.
    pub fn bounds(&self) -> Vec<Bound> {
        let mut end = 0;
        let bound = |exchange: &Exchange| {
            let blank_end = end + exchange.blank.len();
            let head_end = blank_end + exchange.head.len();
            end = head_end + exchange.content.len();
            Bound { blank_end, head_end, end }
        };
        self.exchanges.iter().map(bound).collect()
    }
}

impl Exchange {
    pub fn len(&self) -> usize {
        self.blank.len() + self.head.len() + self.content.len()
    }
}

fn request(peer: usize, number: usize, last: bool, pace: Pace, random: &mut Random) -> Exchange {
    let slow = pace.bytes_max == 1;
    let method = random.pick(&["GET", "GET", "HEAD", "POST", "POST", "POST"]);
    let (kind, padding) = match random.below(12) {
        0 if !slow => ("shared", random.between(8000, 20_000)),
        1 if !slow => ("copied", random.between(1000, 20_000)),
        _ => ("echo", 0),
    };
    let target = format!("/{peer}/{number}/{kind}/{padding}");
    let old = random.once_in(8);
    let body_bytes = match method {
        "POST" if slow => random.below(60),
        "POST" => {
            let most = random.pick(&[1, 100, 3000, 30_000]);
            random.below(most)
        }
        _ => 0,
    };
    let body: Vec<u8> = (b'A'..=b'Z').cycle().skip(random.below(26)).take(body_bytes).collect();
    let chunked = method == "POST" && !old && random.once_in(2);
    let expects = !body.is_empty() && !old && random.once_in(6);
    let (version, persistence, connection) = match (old, last) {
        (false, false) => ("1.1", Persistence::Keep, ""),
        (false, true) => ("1.1", Persistence::Close, "Connection: close\r\n"),
        (true, false) => ("1.0", Persistence::KeepStated, "Connection: keep-alive\r\n"),
        (true, true) => ("1.0", Persistence::Close, ""),
    };
    let framing = match method {
        "POST" if chunked => "Transfer-Encoding: chunked\r\n".to_string(),
        "POST" => format!("Content-Length: {}\r\n", body.len()),
        _ => String::new(),
    };
    let expect = if expects { "Expect: 100-continue\r\n" } else { "" };
    let head =
        format!("{method} {target} HTTP/{version}\r\nHost: a\r\n{framing}{expect}{connection}\r\n");
    let content = if chunked { chunks(&body, random) } else { body.clone() };
    // RFC 9112 §2.2: an empty line before a request is none.
    let blank: &[u8] = if number > 0 && random.once_in(10) { b"\r\n" } else { b"" };
    let expected = Expected::Echo(Asked { method, target, body, persistence });
    Exchange { blank, head: head.into_bytes(), content, expects, expected, pace }
}

/// Bytes that come one at a time, each as late as it can to look alive.
fn drip(blank: &'static [u8], head: Vec<u8>, pause_max: Duration) -> Exchange {
    let pace = Pace { bytes_max: 1, pause_max };
    let expected = Expected::Whatever;
    Exchange { blank, head, content: Vec::new(), expects: false, expected, pace }
}

/// Garbage, and perhaps more bytes behind it that nobody will look at.
fn garbage(pace: Pace, random: &mut Random) -> Exchange {
    let (bytes, status) = random.pick(&GARBAGE);
    let junk = if pace.bytes_max == 1 { 50 } else { 3000 };
    let junk = if random.once_in(2) { random.below(junk) } else { 0 };
    let mut head = bytes.to_vec();
    head.resize(head.len() + junk, b'j');
    let expected = Expected::Fault(status);
    Exchange { blank: b"", head, content: Vec::new(), expects: false, expected, pace }
}

/// `body` in chunks of any size, with or without extensions and trailers.
fn chunks(body: &[u8], random: &mut Random) -> Vec<u8> {
    let mut coded = Vec::new();
    let mut left = body;
    while !left.is_empty() {
        let most = random.pick(&[1, 10, 1000, 100_000]);
        let (chunk, rest) =
            left.split_at(random.between(1, most).min(left.len()).max(left.len() / 30));
        let extension = if random.once_in(4) { ";a=\"b\"" } else { "" };
        coded.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
        coded.extend_from_slice(chunk);
        coded.extend_from_slice(b"\r\n");
        left = rest;
    }
    coded.extend_from_slice(b"0\r\n");
    if random.once_in(4) {
        coded.extend_from_slice(b"Trailer: x\r\n");
    }
    coded.extend_from_slice(b"\r\n");
    coded
}
