//! Answers whose body is a part of a file, over real sockets: which bytes arrive, what becomes of
//! files that change meanwhile, and who else is served.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use oneloop::{CloseReason, Config, FileRange, Reply, Request, Sent, Status, Stopped};
use socket2::SockRef;

#[path = "../support/sockets.rs"]
mod sockets;

mod ends;

use sockets::{Background, Client, End, config, get};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// More than the buffers of a loopback connection take.
const LARGE: usize = 24 * MIB;

/// A file that is gone with its test.
struct Fixture {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Fixture {
    /// So many bytes, no two stretches of which are alike.
    fn new(len: usize) -> Fixture {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("files-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let words =
            (0..len.div_ceil(8) as u64).map(|word| word.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).take(len).collect();
        fs::write(&path, &bytes).unwrap();
        Fixture { path, bytes }
    }

    fn open(&self) -> Arc<File> {
        Arc::new(File::open(&self.path).unwrap())
    }

    fn writable(&self) -> File {
        OpenOptions::new().append(true).open(&self.path).unwrap()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Answers `/file/OFFSET/LENGTH` with that part of the file, `/304/…` with that status, and
/// everything else with its path.
fn answer(file: &Arc<File>, request: &Request<'_>, reply: Reply<'_>) -> Sent {
    let mut words = request.path().split('/').skip(1);
    let (kind, mut number) = (words.next(), || words.next()?.parse().ok());
    let (Some(offset), Some(length)) = (number(), number()) else {
        return reply.send(request.path());
    };
    let range = FileRange::new(Arc::clone(file), offset, length);
    match kind {
        Some("file") => reply.send_file(range),
        Some(status) => {
            let status = Status::try_from(status.parse::<u16>().unwrap()).unwrap();
            reply.status(status).field("ETag", "\"a\"").send_file(range)
        }
        None => unreachable!("a path begins with a slash"),
    }
}

fn serve(config: &Config, file: Arc<File>) -> Background {
    Background::start(config, move |request: &Request<'_>, reply: Reply<'_>| {
        answer(&file, request, reply)
    })
}

fn part(offset: usize, length: usize) -> String {
    format!("/file/{offset}/{length}")
}

/// Waits until the server has let go of the file.
fn assert_let_go(server: &Background, file: &Arc<File>) {
    server.wait_until(|_| Arc::strong_count(file) == 2);
}

#[test]
fn every_part_arrives_as_it_is_in_the_file() {
    let fixture = Fixture::new(2 * MIB + 1);
    let server = serve(&config(), fixture.open());
    let mut client = server.connect();
    let lengths = [0, 1, 4095, 32 * KIB - 1, 32 * KIB, 32 * KIB + 1, 100_000].into_iter().chain([
        256 * KIB - 1,
        256 * KIB,
        256 * KIB + 1,
        MIB,
        MIB + 1,
    ]);
    for length in lengths {
        for offset in [0, 1, 4096, fixture.bytes.len() - length] {
            let answer = client.get(&part(offset, length));
            assert_eq!(answer.field("Content-Length"), Some(length.to_string().as_str()));
            assert!(answer.body == fixture.bytes[offset..offset + length], "{offset}, {length}");
        }
    }
    let whole = client.get(&part(0, fixture.bytes.len()));
    assert!(whole.body == fixture.bytes);
    let seen = server.wait_until(|seen| seen.metrics.requests > 0);
    assert_eq!(seen.metrics.accepted, 1, "all on one connection");
}

#[test]
fn where_http_has_no_content_nothing_of_the_file_is_sent() {
    let fixture = Fixture::new(MIB);
    let file = fixture.open();
    let server = serve(&config(), Arc::clone(&file));
    let mut client = server.connect();
    for length in [5, MIB] {
        for (path, told) in [("304", None), ("204", None), ("205", Some("0"))] {
            let path = format!("/{path}/0/{length}");
            client.send(format!("{}{}", get(&path), get("/next")));
            let head = client.answer_head();
            assert_eq!((head.field("Content-Length"), head.field("ETag")), (told, Some("\"a\"")));
            assert_eq!(client.answer().text(), "/next");
        }
        client.send(get(&part(0, length)).replace("GET", "HEAD"));
        client.ask("/next");
        let head = client.answer_head();
        assert_eq!(head.field("Content-Length"), Some(length.to_string().as_str()));
        assert_eq!(client.answer().text(), "/next");
    }
    assert_eq!(server.seen().metrics.files, 0);
    assert_let_go(&server, &file);
}

#[test]
fn answers_around_a_file_keep_their_order() {
    let fixture = Fixture::new(MIB);
    let server = serve(&config(), fixture.open());
    let mut client = server.connect();
    let paths = ["/a", &part(1, 5), &part(7, 300_000), "/b", &part(0, 700_000), &part(0, 0), "/c"];
    client.send(paths.map(get).concat());
    for path in paths {
        let answer = client.answer();
        let numbers: Vec<usize> = path.split('/').filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [offset, length] => assert!(answer.body == fixture.bytes[offset..offset + length]),
            _ => assert_eq!(answer.text(), path),
        }
    }
    server.wait_until(|seen| seen.metrics.requests == 7);
}

#[test]
fn old_and_closing_clients_get_a_length_too() {
    let fixture = Fixture::new(MIB);
    let server = serve(&config(), fixture.open());
    let keep = "Connection: keep-alive\r\n\r\n";
    let request = get(&part(0, MIB)).replace("1.1", "1.0");
    let mut client = server.connect();
    client.send(request.replace("\r\n\r\n", &format!("\r\n{keep}")));
    assert!(client.answer().body == fixture.bytes);
    assert_eq!(client.get("/next").text(), "/next");
    for request in
        [request, get(&part(0, MIB)).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")]
    {
        let mut client = server.connect();
        client.send(request);
        let answer = client.answer();
        assert!(answer.closes() && answer.body == fixture.bytes);
        assert_eq!(client.end(), End::Closed);
    }
    let mut half = server.connect();
    half.ask(&part(0, MIB));
    half.finish();
    assert!(half.answer().body == fixture.bytes);
    assert_eq!(half.end(), End::Closed);
}

#[test]
fn whoever_reads_slowly_gets_all_of_it_and_keeps_nobody_waiting() {
    let fixture = Fixture::new(LARGE);
    let server = serve(&config(), fixture.open());
    let mut client = server.connect();
    client.ask(&part(0, LARGE));
    client.answer_head();
    for _ in 0..20 {
        assert_eq!(server.connect().get("/other").status, 200);
    }
    let sent = server.seen().metrics.sent_bytes;
    assert!(sent < LARGE as u64, "{sent} bytes were sent to nobody");
    let (mut at, mut step) = (0, 1000);
    while at < LARGE {
        let bytes = client.received_bytes() + client.receive(step).unwrap();
        let bytes = bytes.min(LARGE - at);
        assert!(client.take_exactly(bytes) == fixture.bytes[at..at + bytes], "at {at}");
        (at, step) = (at + bytes, step % 300_011 + 1000);
    }
    assert_eq!(client.get("/next").text(), "/next");
}

/// A client's budget for a turn, and one piece that may reach beyond it.
#[test]
fn a_fast_download_moves_no_more_in_a_turn_than_its_budget_and_a_piece() {
    for turn_bytes_max in [16 * KIB, MIB] {
        let fixture = Fixture::new(8 * MIB);
        let mut config = config();
        config.limits.turn_bytes_max = turn_bytes_max;
        let server = serve(&config, fixture.open());
        let mut client = server.connect();
        let before = server.wait_until(|seen| seen.clients == 1).metrics;
        assert!(client.get(&part(0, 8 * MIB)).body == fixture.bytes);
        let after = server.seen().metrics;
        let most = turn_bytes_max + turn_bytes_max.min(256 * KIB);
        let sent = after.sent_bytes - before.sent_bytes;
        let turns = after.turns - before.turns + 1;
        assert!(sent <= turns * most as u64, "{sent} bytes in {turns} turns");
    }
}

#[test]
fn a_file_that_becomes_shorter_ends_the_connection_and_only_that() {
    for left in [0, 100 * KIB, LARGE - 1] {
        let fixture = Fixture::new(LARGE);
        let server = serve(&config(), fixture.open());
        let mut client = server.connect();
        client.send(format!("{}{}", get(&part(0, LARGE)), get("/next")));
        client.answer_head();
        fixture.writable().set_len(left as u64).unwrap();
        assert_eq!(client.end_after_anything(), End::Closed);
        client.finish();
        let bytes = client.received_bytes();
        assert!(bytes < LARGE, "it is not whole, and nothing follows");
        assert!(bytes >= left, "what there is has been sent");
        let seen = server.wait_until(|seen| seen.clients == 0);
        assert_eq!(seen.metrics.closed(CloseReason::FileBroken), 1);
        assert_eq!(server.connect().get("/other").text(), "/other");
    }
}

#[test]
fn what_is_no_readable_file_of_that_length_is_never_taken_for_one() {
    let fixture = Fixture::new(1000);
    let directory = Arc::new(File::open(env!("CARGO_TARGET_TMPDIR")).unwrap());
    for file in [fixture.open(), Arc::new(fixture.writable()), directory] {
        for length in [1001, 100_000] {
            let server = serve(&config(), Arc::clone(&file));
            let mut client = server.connect();
            client.ask(&part(0, length));
            client.answer_head();
            assert_eq!(client.end_after_anything(), End::Closed);
            client.finish();
            assert!(client.received_bytes() <= 1000);
            let seen = server.wait_until(|seen| seen.clients == 0);
            assert_eq!(seen.metrics.closed(CloseReason::FileBroken), 1);
        }
    }
}

#[test]
fn a_file_that_grows_or_goes_meanwhile_changes_nothing() {
    let change: [fn(&Fixture); 3] = [
        |fixture| fixture.writable().write_all(&[b'x'; 1_000_000]).unwrap(),
        |fixture| fs::remove_file(&fixture.path).unwrap(),
        |fixture| {
            let other = Fixture::new(10);
            fs::rename(&other.path, &fixture.path).unwrap();
        },
    ];
    for change in change {
        let fixture = Fixture::new(LARGE);
        let server = serve(&config(), fixture.open());
        let mut client = server.connect();
        client.ask(&part(0, LARGE));
        client.answer_head();
        change(&fixture);
        assert!(client.take_exactly(LARGE) == fixture.bytes);
        assert_eq!(client.get("/next").text(), "/next");
    }
}

#[test]
fn no_range_is_taken_for_another_however_large_its_numbers() {
    let fixture = Fixture::new(100_000);
    let server = serve(&config(), fixture.open());
    let most = u64::MAX;
    for (offset, length) in
        [(most, 1), (most, 0), (most - 1, 1), (1, most), (0, most), (1 << 63, 9), (most, most)]
    {
        let mut client = server.connect();
        client.send(get(&format!("/file/{offset}/{length}")) + &get("/next"));
        assert_eq!(client.answer_head().field("Content-Length"), Some(length.to_string().as_str()));
        if length == 0 {
            assert_eq!(client.answer().text(), "/next");
            continue;
        }
        assert_eq!(client.end_after_anything(), End::Closed);
        client.finish();
        let bytes = client.received_bytes();
        assert!(bytes == 0 || client.take_exactly(bytes) == fixture.bytes[offset as usize..]);
    }
}

/// How long it takes for the bytes to come is the disk's business; which they are is ours.
#[test]
fn what_is_not_in_memory_arrives_all_the_same() {
    let fixture = Fixture::new(LARGE);
    let file = fixture.open();
    fixture.writable().sync_all().unwrap();
    let server = serve(&config(), Arc::clone(&file));
    for _ in 0..3 {
        let all = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        all.unwrap();
        let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            client.ask(&part(number * MIB, 10 * MIB));
        }
        let readers = clients.into_iter().map(|mut client| thread::spawn(move || client.answer()));
        for (number, reader) in readers.collect::<Vec<_>>().into_iter().enumerate() {
            let body = reader.join().unwrap().body;
            assert!(body == fixture.bytes[number * MIB..][..10 * MIB], "client {number}");
        }
    }
}

#[test]
fn files_that_are_nowhere_but_in_memory_are_sent_from_there() {
    let Ok(directory) = fs::metadata("/dev/shm") else { return };
    assert!(directory.is_dir());
    let mut fixture = Fixture::new(3 * MIB);
    let before = std::mem::replace(
        &mut fixture.path,
        PathBuf::from(format!("/dev/shm/oneloop-files-{}", std::process::id())),
    );
    fs::copy(&before, &fixture.path).unwrap();
    fs::remove_file(before).unwrap();
    let server = serve(&config(), fixture.open());
    let mut client = server.connect();
    for length in [5, 100_000, 3 * MIB] {
        assert!(client.get(&part(0, length)).body == fixture.bytes[..length]);
    }
    assert_eq!(server.seen().metrics.file_pauses, 0);
}
