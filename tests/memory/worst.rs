//! A small server is driven to its worst on each count, and on all at once: what is resident stays
//! below the memory that it has announced.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use socket2::SockRef;

use crate::needed::{Folder, may_have_descriptors};
use crate::support::PATIENCE;
use crate::trace::Watched;

/// How many clients are in the middle of a request.
const READING: usize = 120;

/// How many do not take their answers. The kernel takes some MiB for each before it refuses more.
const WRITING: usize = 30;

/// How many come in by the admin listener: as many as there may be.
const ADMINS: usize = 32;

/// The longest head that is taken, in bytes.
const HEAD_BYTES: usize = 64 * 1024;

/// In so many asks in a row memory has to be the same: then the server waits for its clients.
const SETTLED_ASKS: usize = 20;

const MIB: u64 = 1024 * 1024;

/// What memory is taken for.
#[derive(Clone, Copy, Debug)]
enum Count {
    Heads,
    Contents,
    /// Answers that are copied.
    Copies,
    /// Bytes that the cache shares with answers, and then gives up.
    Shared,
    LargeFiles,
    Listings,
    AdminFrames,
    Errors,
}

const ALL: [Count; 8] = [
    Count::Heads,
    Count::Contents,
    Count::Copies,
    Count::Shared,
    Count::LargeFiles,
    Count::Listings,
    Count::AdminFrames,
    Count::Errors,
];

impl Count {
    fn clients(self) -> usize {
        match self {
            Count::Heads | Count::Contents | Count::Errors => READING,
            Count::Copies | Count::Shared | Count::LargeFiles | Count::Listings => WRITING,
            Count::AdminFrames => ADMINS,
        }
    }

    /// What a server has to be told so that there is any of this.
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Count::Listings => &["--list"],
            Count::AdminFrames => &["--admin", "127.0.0.1:0"],
            Count::Heads
            | Count::Contents
            | Count::Copies
            | Count::Shared
            | Count::LargeFiles
            | Count::Errors => &[],
        }
    }

    /// Clients that make the server hold as much of this as they can.
    fn drive(self, server: &Watched) -> Vec<TcpStream> {
        (0..self.clients()).map(|number| self.client(server, number)).collect()
    }

    fn client(self, server: &Watched, number: usize) -> TcpStream {
        let address = match self {
            Count::AdminFrames => server.admin(),
            Count::Heads
            | Count::Contents
            | Count::Copies
            | Count::Shared
            | Count::LargeFiles
            | Count::Listings
            | Count::Errors => server.address(),
        };
        let mut client = TcpStream::connect(address).unwrap();
        SockRef::from(&client).set_recv_buffer_size(4096).unwrap();
        say(&mut client, self.words(number, address).as_bytes());
        client
    }

    /// What such a client says.
    fn words(self, number: usize, address: SocketAddr) -> String {
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        match self {
            Count::Heads => {
                let mut head = "GET / HTTP/1.1\r\nHost: a\r\n".to_owned();
                while head.len() < HEAD_BYTES - 1000 {
                    head += &format!("X: {}\r\n", "y".repeat(900));
                }
                head
            }
            Count::Contents => {
                let half = "c".repeat(500_000);
                match number % 2 {
                    0 => format!(
                        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n{half}"
                    ),
                    _ => format!(
                        "BREW / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                         f0000\r\n{half}"
                    ),
                }
            }
            Count::Copies => get("/copied").repeat(1000),
            Count::Shared => {
                (0..200).map(|file| get(&format!("/shared{}", (file + number) % 100))).collect()
            }
            Count::LargeFiles => get(&format!("/large{number}")),
            Count::Listings => {
                let page = |order: usize| {
                    let order = ["?C=N&O=D", "?C=S&O=A", "?C=M&O=D", ""][order % 4];
                    get(&format!("/directory{}/{order}", number % 10))
                };
                (0..20).map(page).collect()
            }
            Count::AdminFrames => match number % 4 {
                0 => get("/events?slot=1"),
                _ => get("/state.json?slot=1").repeat(300),
            },
            Count::Errors => format!("{}\x01\r\n\r\n", "e".repeat(50_000)),
        }
    }
}

/// Says what the kernel has room for, as long as the server goes on reading.
fn say(client: &mut TcpStream, mut bytes: &[u8]) {
    client.set_nonblocking(true).unwrap();
    let began = Instant::now();
    let mut stalled = 0;
    while !bytes.is_empty() && stalled < 200 {
        assert!(began.elapsed() < PATIENCE, "it takes what it is told, or does not");
        match client.write(bytes) {
            Ok(written) => (bytes, stalled) = (&bytes[written..], 0),
            Err(reason) if reason.kind() == ErrorKind::WouldBlock => {
                stalled += 1;
                std::thread::yield_now();
            }
            // It was refused, and the connection has ended.
            Err(_) => break,
        }
    }
    client.set_nonblocking(false).unwrap();
}

/// Waits until the server has read all that was said before: it takes several turns for that, in
/// which its memory grows.
fn settle(server: &Watched) {
    let began = Instant::now();
    let (mut resident, mut unchanged) = (server.resident_bytes(), 0);
    while unchanged < SETTLED_ASKS {
        assert!(began.elapsed() < PATIENCE, "its memory grows without end");
        ask(server);
        let now = server.resident_bytes();
        unchanged = if now == resident { unchanged + 1 } else { 0 };
        resident = now;
    }
}

/// Has a client that comes later answered.
fn ask(server: &Watched) {
    let mut client = server.connect();
    client.write_all(b"GET /copied HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", answer[..100].escape_ascii());
}

/// Files of each kind, and directories with long listings.
fn site() -> Folder {
    let folder = Folder::new(&format!("worst-{:?}", std::thread::current().id()));
    let write = |name: String, bytes: usize| {
        fs::write(folder.path().join(name), vec![b'w'; bytes]).unwrap();
    };
    write("copied".into(), 8 * 1024);
    for number in 0..100 {
        write(format!("shared{number}"), 60_000);
    }
    for number in 0..WRITING {
        let file = fs::File::create(folder.path().join(format!("large{number}"))).unwrap();
        file.set_len(64 * MIB).unwrap();
    }
    for number in 0..10 {
        let directory = folder.path().join(format!("directory{number}"));
        fs::create_dir_all(&directory).unwrap();
        for entry in 0..1500 {
            let name = format!("{entry}-{}", "long".repeat(50));
            fs::File::create(directory.join(name)).unwrap();
        }
    }
    folder
}

/// A server of the site that has room for this many clients, as `more` says.
fn start(folder: &Folder, clients: usize, more: &[&str]) -> Watched {
    let (clients, head) = (clients.to_string(), HEAD_BYTES.to_string());
    let mut arguments = vec![folder.path().to_str().unwrap(), "--cache-bytes", "2MiB"];
    arguments.extend(["--clients-max", &clients, "--head-max", &head]);
    arguments.extend(["--head-timeout", "1h", "--body-timeout", "1h", "--write-timeout", "1h"]);
    arguments.extend(more);
    Watched::start_with(&arguments)
}

/// Fails if more is resident than was announced, and says how much is.
#[track_caller]
fn assert_below(server: &Watched, what: &str) -> u64 {
    let (resident, announced) = (server.resident_bytes(), server.announced("worst") * MIB);
    println!("{what}: {resident} B resident, {announced} B announced");
    assert!(resident <= announced, "{what}: {resident} B resident, {announced} B announced");
    resident
}

#[test]
fn on_each_count_alone_and_on_all_at_once_memory_stays_below_what_is_announced() {
    let test = on_each_count_alone_and_on_all_at_once_memory_stays_below_what_is_announced;
    if !may_have_descriptors(test, 2000) {
        return;
    }
    let folder = site();
    for count in ALL {
        // One more for those who ask.
        let server = start(&folder, count.clients() + 1, count.arguments());
        ask(&server);
        let before = server.resident_bytes();
        let clients = count.drive(&server);
        settle(&server);
        let grown = assert_below(&server, &format!("{count:?}")) - before;
        if let Count::Heads = count {
            let heads = (READING * (HEAD_BYTES - 2000)) as u64;
            assert!(grown >= heads, "{grown} B more are resident: they hold less than they could");
        }
        drop(clients);
    }
    let all = ALL.map(Count::clients).iter().sum::<usize>() + 1;
    let server = start(&folder, all, &ALL.map(Count::arguments).concat());
    let mut clients = Vec::new();
    for count in ALL {
        clients.extend(count.drive(&server));
        settle(&server);
        assert_below(&server, &format!("with {count:?}"));
    }
    drop(clients);
}
