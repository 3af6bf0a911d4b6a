//! What the engine costs without a kernel under it: `cargo bench --bench micro`.
//!
//! Everything is measured through [`Clients`], over streams that are bytes in memory. What it is
//! made of, parsing and encoding and timers, is not public, and should not become so to be timed:
//! a request's way through all of it is what somebody pays, and the lines here differ from each
//! other in one thing, so that what one thing costs is the difference of two lines.
//!
//! What a system call costs, and how this compares with other servers, is measured by
//! `benches/peers/`. Here a change of a few nanoseconds can be seen, there it cannot.

mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use oneloop::engine::{ClientId, Clients, Engine, Readiness, Time};
use oneloop::testing::{Listener, Pipe};
use oneloop::{CloseReason, Limits, Reply, Request, Timeouts};
use support::PEER;

/// How many clients a loop has that is large, and how many of them are busy in one turn.
const CROWD: usize = 100_000;
const BUSY: usize = 64;

/// How much later each turn of the large loop is. With [`BUSY`] clients a turn and [`CROWD`] in
/// all, a client comes round every 23 s: too late for its deadline's renewal to be skipped, and
/// soon enough for it not to pass.
const TURN: Duration = Duration::from_millis(15);

/// Walks through [`CROWD`] slots so that no cache guesses the next one: it is prime to their
/// number, so it comes to every one of them before it comes to any again.
const STRIDE: usize = 61_803;

/// What a stream has in it whenever it is said to be readable.
#[derive(Clone, Copy, Debug)]
enum Input {
    Silence,
    ShortGet,
    BrowserGet,
    PipelinedGets,
    PostWithLength,
    PostInChunks,
}

const SHORT_GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";

const PIPELINED: usize = 16;
const PIPELINED_GETS: [u8; PIPELINED * SHORT_GET.len()] = repeat(SHORT_GET);

/// About 700 bytes, as a browser sends them to a site that it knows.
const BROWSER_GET: &[u8] = b"GET /articles/2026/non-blocking-sockets?from=index HTTP/1.1\r\n\
    Host: www.example.org\r\n\
    Connection: keep-alive\r\n\
    sec-ch-ua: \"Chromium\";v=\"148\", \"Not=A?Brand\";v=\"24\"\r\n\
    sec-ch-ua-mobile: ?0\r\n\
    sec-ch-ua-platform: \"Linux\"\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/148.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,\
    */*;q=0.8\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Referer: http://www.example.org/\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef\r\n\r\n";

const _: () = assert!(BROWSER_GET.len() > 650 && BROWSER_GET.len() < 750);

const KIB: usize = 1024;

const LENGTH_HEAD: &[u8] =
    b"POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1024\r\n\r\n";
const POST_WITH_LENGTH: [u8; LENGTH_HEAD.len() + KIB] = join(&[LENGTH_HEAD, &[b'x'; KIB]]);

/// In four chunks, so that the decoding moves bytes together.
const CHUNKED_HEAD: &[u8] =
    b"POST /form HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
const CHUNK: [u8; 5 + KIB / 4 + 2] = join(&[b"100\r\n", &[b'x'; KIB / 4], b"\r\n"]);
const POST_IN_CHUNKS: [u8; CHUNKED_HEAD.len() + 4 * CHUNK.len() + 5] =
    join(&[CHUNKED_HEAD, &CHUNK, &CHUNK, &CHUNK, &CHUNK, b"0\r\n\r\n"]);

const fn repeat<const N: usize>(piece: &[u8]) -> [u8; N] {
    let mut whole = [0; N];
    let mut at = 0;
    while at < N {
        whole[at] = piece[at % piece.len()];
        at += 1;
    }
    whole
}

const fn join<const N: usize>(pieces: &[&[u8]]) -> [u8; N] {
    let mut whole = [0; N];
    let (mut piece, mut at, mut to) = (0, 0, 0);
    while to < N {
        if at == pieces[piece].len() {
            (piece, at) = (piece + 1, 0);
        }
        whole[to] = pieces[piece][at];
        (at, to) = (at + 1, to + 1);
    }
    whole
}

impl Input {
    fn requests(self) -> usize {
        match self {
            Input::PipelinedGets => PIPELINED,
            Input::ShortGet | Input::BrowserGet => 1,
            Input::PostWithLength | Input::PostInChunks => 1,
            Input::Silence => 0,
        }
    }

    fn bytes(self) -> &'static [u8] {
        match self {
            Input::Silence => b"",
            Input::ShortGet => SHORT_GET,
            Input::BrowserGet => BROWSER_GET,
            Input::PipelinedGets => &PIPELINED_GETS,
            Input::PostWithLength => &POST_WITH_LENGTH,
            Input::PostInChunks => &POST_IN_CHUNKS,
        }
    }
}

/// A loop of so many clients that all have the same input.
struct Loop {
    engine: Engine<Listener>,
    ids: Vec<ClientId>,
    body: Arc<[u8]>,
    now: Time,
}

impl Loop {
    fn new(count: usize, input: Input, body: impl Into<Arc<[u8]>>) -> Loop {
        let (limits, timeouts) = (Limits::default(), Timeouts::default());
        let mut clients = Clients::new(limits, timeouts, SystemTime::UNIX_EPOCH);
        let peer = Pipe::repeating(input.bytes());
        let admit = |_| clients.admit(peer.stream(), PEER, Time::START);
        let ids = (0..count).map(admit).collect();
        let mut engine =
            Loop { engine: Listener::absent(clients), ids, body: body.into(), now: Time::START };
        // Whoever is new runs once before anything is heard of it.
        engine.turn(0..0);
        engine
    }

    /// One turn in which these clients have been heard of.
    fn turn(&mut self, heard: impl Iterator<Item = usize>) {
        for index in heard {
            let readable = Readiness::READABLE;
            self.engine.clients_mut().note(self.ids[index], readable);
        }
        let body = &self.body;
        let mut handler = |_: &Request<'_>, reply: Reply<'_>| reply.send(body);
        support::turn(&mut self.engine, self.now, &mut handler);
    }

    /// Answers what the only client sends.
    fn answer(&mut self) {
        self.turn(0..1);
        self.finish();
    }

    /// Turns until all answers are out: one turn sends no more than its budget.
    fn finish(&mut self) {
        while self.engine.clients().has_runnable() {
            self.turn(0..0);
        }
    }
}

/// One client, which sends one request or one batch of them, and waits for all of the answer.
fn requests(criterion: &mut Criterion) {
    let text = b"This is the server respose! :)\n";
    let mib = vec![b'x'; 1024 * KIB];
    let lines: [(&str, Input, &[u8]); 6] = [
        ("get, short head", Input::ShortGet, text),
        ("get, browser's head", Input::BrowserGet, text),
        ("16 gets, pipelined", Input::PipelinedGets, text),
        ("post of 1 KiB, length", Input::PostWithLength, text),
        ("post of 1 KiB, 4 chunks", Input::PostInChunks, text),
        ("get, shared body of 1 MiB", Input::ShortGet, &mib),
    ];
    let mut group = criterion.benchmark_group("request");
    for (name, input, body) in lines {
        let mut engine = Loop::new(1, input, body);
        engine.finish();
        let metrics = engine.engine.clients().metrics();
        assert_eq!(metrics.requests, input.requests() as u64, "{name} is answered once");
        assert!(metrics.sent_bytes > body.len() as u64 && metrics.faults == 0, "{name}");
        group.throughput(Throughput::Elements(input.requests() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| engine.answer()));
    }
    group.finish();
}

/// A turn with 64 requests: among few clients, among very many of whom they are always the same,
/// and among very many of whom they are always others. What the last costs more than the first
/// is what the slab and the timers cost at scale: the cache misses of slots long untouched, and of
/// their neighbours in the list of deadlines.
fn turns(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("turn of 64 requests");
    group.throughput(Throughput::Elements(BUSY as u64));
    let text = b"This is the server respose! :)\n".as_slice();

    let mut engine = Loop::new(BUSY, Input::ShortGet, text);
    group.bench_function("64 clients", |bencher| {
        bencher.iter(|| {
            engine.now = engine.now + TURN;
            engine.turn(0..BUSY);
        });
    });

    let mut engine = Loop::new(CROWD, Input::ShortGet, text);
    group.bench_function("100k clients, the same 64", |bencher| {
        // Time stands still, or the others would run out of it.
        bencher.iter(|| engine.turn((0..BUSY).map(|client| client * STRIDE % CROWD)));
    });

    let mut next = 0;
    group.bench_function("100k clients, another 64", |bencher| {
        bencher.iter(|| {
            let heard = next..next + BUSY;
            next += BUSY;
            engine.now = engine.now + TURN;
            engine.turn(heard.map(|client| client % CROWD * STRIDE % CROWD));
        });
    });
    assert_eq!(engine.engine.clients().len(), CROWD, "nobody's time has run out");
    group.finish();
}

/// A crowd whose time runs out at the same moment: how long one turn takes that closes as many as
/// it may, and how long it takes until all of them are gone.
fn deadlines(criterion: &mut Criterion) {
    let per_turn = Limits::default().deadlines_per_turn_max;
    let late = Time::after_start(Timeouts::default().first_byte * 2);
    let silent = |count| {
        let mut engine = Loop::new(count, Input::Silence, b"".as_slice());
        engine.now = late;
        engine
    };
    let mut group = criterion.benchmark_group("deadlines");
    group.throughput(Throughput::Elements(per_turn as u64));
    group.bench_function("one turn's 256 of 10,000", |bencher| {
        let ready = || silent(10_000);
        bencher.iter_batched_ref(ready, |engine| engine.turn(0..0), BatchSize::PerIteration);
    });
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("all 10,000, turn after turn", |bencher| {
        let clear = |engine: &mut Loop| {
            while !engine.engine.clients().is_empty() {
                engine.turn(0..0);
            }
            let closed = engine.engine.clients().metrics().closed(CloseReason::FirstByteTimeout);
            assert_eq!(closed, 10_000);
        };
        bencher.iter_batched_ref(|| silent(10_000), clear, BatchSize::PerIteration);
    });
    group.finish();
}

/// Short, because the noise of a shared machine is larger than what more samples would bring.
fn settings() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50)
}

criterion_group! {
    name = benches;
    config = settings();
    targets = requests, turns, deadlines
}
criterion_main!(benches);
