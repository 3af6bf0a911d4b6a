//! Who asks: some for what is in memory, at a steady pace, and some for what is not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use oneloop::testing::Answer;

use crate::disk::LARGE_BYTES;

/// How many ask for the small file, and how often all of them together in a second.
const ASKING: u32 = 64;
const PER_SECOND: u32 = 2_000;

/// How many download the large one.
const DOWNLOADING: u64 = 16;

/// Longer than any answer takes, unless the server has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Leaves the first core to the server, or says why that is not possible.
pub fn leave_core() -> Result<(), String> {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    let (others, this) = (format!("1-{}", cores - 1), std::process::id().to_string());
    if cores == 1 {
        return Err("it takes two cores".to_owned());
    }
    let moved =
        Command::new("taskset").args(["-cp", &others, &this]).stdout(Stdio::null()).status();
    match moved.is_ok_and(|status| status.success()) {
        true => Ok(()),
        false => Err(format!("no process can be moved to the cores {others} by taskset")),
    }
}

/// How long answers took, in order.
pub struct Waits(Vec<Duration>);

impl Waits {
    /// The wait that such a part of all did not exceed.
    pub fn at(&self, part: f64) -> Duration {
        let last = self.0.len() - 1;
        self.0[(last as f64 * part).round() as usize]
    }
}

/// Asks for the small file for so long.
pub fn ask(server: SocketAddr, measured: Duration) -> Waits {
    let pace = Duration::from_secs(1) / PER_SECOND;
    let began = Instant::now();
    let asking: Vec<JoinHandle<Vec<Duration>>> = (0..ASKING)
        .map(|client| {
            thread::spawn(move || ask_alone(server, began + pace * client, began + measured))
        })
        .collect();
    let mut waits: Vec<Duration> =
        asking.into_iter().flat_map(|thread| thread.join().expect("a client")).collect();
    waits.sort_unstable();
    Waits(waits)
}

/// One client: asks at its moments, or as soon as it can, and counts from its moments.
fn ask_alone(server: SocketAddr, first: Instant, end: Instant) -> Vec<Duration> {
    let mut stream = connect(server);
    let (mut waits, mut moment, mut answer) = (Vec::new(), first, [0; 4096]);
    while moment < end {
        thread::sleep(moment.saturating_duration_since(Instant::now()));
        stream.write_all(b"GET /hot HTTP/1.1\r\nHost: a\r\n\r\n").expect("the server is there");
        let mut bytes = 0;
        while !is_whole(&answer[..bytes]) {
            bytes += stream.read(&mut answer[bytes..]).expect("an answer");
        }
        waits.push(moment.elapsed());
        moment += Duration::from_secs(1) * ASKING / PER_SECOND;
    }
    waits
}

/// Whether this is the whole answer with the small file.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(mut answer) = Answer::begin(bytes, "GET") else { return false };
    answer.take(&bytes[answer.head().len()..]);
    answer.is_whole() && answer.body().ends_with(&[b'h'; 1024])
}

/// Downloads of the large file, from places as far apart as can be.
pub struct Downloads {
    over: Arc<AtomicBool>,
    bytes: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Downloads {
    /// Begins them.
    pub fn start(server: SocketAddr) -> Downloads {
        let (over, bytes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let threads = (0..DOWNLOADING).map(|client| {
            let (over, bytes) = (Arc::clone(&over), Arc::clone(&bytes));
            thread::spawn(move || {
                let from = client * (LARGE_BYTES / DOWNLOADING);
                download(&mut connect(server), from, &over, &bytes);
            })
        });
        Downloads { threads: threads.collect(), over, bytes }
    }

    /// Breaks them off, and says how many bytes they got.
    pub fn stop(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a client");
        }
        self.bytes.load(Ordering::Relaxed)
    }
}

fn download(stream: &mut TcpStream, from: u64, over: &AtomicBool, bytes: &AtomicU64) {
    let request = format!("GET /large HTTP/1.1\r\nHost: a\r\nRange: bytes={from}-\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the server is there");
    // Often enough to see that it is over.
    stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a time that is not zero");
    let mut piece = vec![0; 256 * 1024];
    while !over.load(Ordering::Relaxed) {
        match stream.read(&mut piece) {
            Ok(0) => return,
            Ok(some) => _ = bytes.fetch_add(some as u64, Ordering::Relaxed),
            // Nothing yet.
            Err(_) => {}
        }
    }
}

fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).expect("the server listens");
    stream.set_nodelay(true).expect("an option of every TCP socket");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time that is not zero");
    stream
}
